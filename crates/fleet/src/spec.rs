//! What the user wants: one kind of machine, and how many. The result of reading config.yaml.

use ledger::Placement;
use oci_api::models::LaunchInstanceDetails;
use serde::{Deserialize, Serialize};

/// The instances that one config describes. Holds no secrets, so that a run can keep it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FleetSpec {
    /// The region's name: `us-phoenix-1`.
    pub region: String,
    /// The tenancy, the root compartment.
    pub tenancy: String,
    /// The compartment that the instances are made in.
    pub compartment: String,
    /// Instances are named `<prefix>-1 … <prefix>-N`.
    pub name_prefix: String,
    /// How many.
    pub count: u32,
    /// The number of the first name; above 1 when an existing fleet is extended.
    #[serde(default = "one")]
    pub first_number: u32,
    /// Where to try, best first. Availability domains are as the user wrote them (`AD-1` too) until the plan
    /// resolves them.
    pub placements: Vec<Placement>,
    /// The body of every launch but for what a slot and a placement decide: display name, availability domain,
    /// fault domain, shape, reservation and the run's tags.
    pub template: LaunchInstanceDetails,
}

fn one() -> u32 {
    1
}
