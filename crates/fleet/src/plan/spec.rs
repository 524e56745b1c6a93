//! What the user wants: one kind of machine, and how many. The result of reading config.yaml.

use super::naming::{NamePattern, Naming, Values};
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
    /// What the fleet is called. Instances are named `<prefix>-1 … <prefix>-N` unless `naming` says otherwise.
    pub name_prefix: String,
    /// How instances are named, when not by the prefix and a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub naming: Option<Naming>,
    /// The host name of each instance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hostname: Option<NamePattern>,
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

impl FleetSpec {
    /// The display name with this number, in an availability domain.
    pub fn name(&self, number: u64, domain: &str) -> String {
        let named = self.naming.as_ref().and_then(|naming| naming.name(number, &self.name_prefix, domain));
        named.unwrap_or_else(|| format!("{}-{number}", self.name_prefix))
    }

    /// The host name with this number, in an availability domain; `None` when the fleet asks for none.
    pub fn host_name(&self, number: u64, domain: &str) -> Option<String> {
        let name = self.name(number, domain);
        let values = Values { number, prefix: &self.name_prefix, domain, name: &name };
        self.hostname.as_ref().map(|pattern| pattern.fill(&values))
    }
}

fn one() -> u32 {
    1
}
