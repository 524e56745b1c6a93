//! Turns a fleet into a plan: names, resolved placements, tags. A plan is pure data, stored in the run's first record, and
//! every request and retry token of the run is a pure function of it.

mod cluster;
mod engine;
mod extend;
mod finding;
mod homes;
mod hunt;
mod licences;
pub mod named;
pub mod naming;
pub mod network;
pub mod policy;
mod pool;
mod region;
mod regions;
mod reserve;
mod resolve;
mod shapes;
mod spec;
mod spending;
mod spread;
mod strategy;
mod tags;
mod walk;
mod want;

pub use engine::{Engine, engine_token};
pub(crate) use extend::number_in;
pub use extend::{TakenNames, highest_of_run, taken};
pub use finding::Finding;
pub use homes::FIELD as SPREAD_FIELD;
pub use hunt::{HuntTerms, LEAST_HUNT_FLOOR, USUAL_HUNT_FLOOR};
pub use licences::read_licences;
pub(crate) use licences::says_licence;
pub use pool::{ENGINE_TAG, MAX_POOL, is_of_network, is_of_pool, not_configurable};
pub use region::{ImageName, RegionSpec};
pub use reserve::{RatchetTerms, Reserve};
pub use resolve::resolve as resolved;
pub(crate) use resolve::resolve as resolve_placements;
pub use resolve::{PlanError, is_domain, is_same_domain, plan};
pub(crate) use shapes::{misfit, wanted_without_rdma};
pub(crate) use spec::grouped;
pub use spec::{FleetSpec, is_same_kind};
pub use spending::{KindPrice, SpendingTerms, SpentSoFar};
pub use spread::{Across, Spread, SpreadDomain, WhenImpossible, skew};
pub use strategy::Strategy;
pub(crate) use tags::expiry_in;
pub use tags::{EXPIRY_TAG, fleet_expiry};
pub use want::{Totals, WantedTotals};

use ledger::{Placement, RunId, SlotNumber};
use oci_api::models::LaunchInstanceDetails;
use serde::{Deserialize, Serialize};

/// The freeform tag with the run's id. Keys may contain `- _ : / +` and capitals, but no dots (Oracle rejects those).
pub const RUN_TAG: &str = "oci-insta-scale-run";
/// The freeform tag with the slot.
pub const SLOT_TAG: &str = "oci-insta-scale-slot";
/// The freeform tag with the name of the fleet.
pub const FLEET_TAG: &str = "oci-insta-scale-fleet";
/// The number of tags that every run needs: its id and the slot.
pub const TAGS_OF_A_RUN: usize = 2;
/// The maximum number of freeform tags of a resource (Oracle: "Tagging Overview").
pub const MAX_FREEFORM_TAGS: usize = 10;
/// The maximum length of a display name (OpenAPI of the Core Services, `LaunchInstanceDetails`).
pub const MAX_DISPLAY_NAME: usize = 255;

/// What a launch will do. Its `fleet` has at least one placement, with full names of availability domains.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// The fleet with its placements resolved.
    pub fleet: FleetSpec,
    /// Capacity that the run reserves before it launches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reserve: Option<Reserve>,
    /// Require at least this many; with fewer, everything that the run created is rolled back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub min: Option<u32>,
    /// What to do if fewer instances can be obtained than were requested.
    #[serde(default, skip_serializing_if = "Strategy::is_default")]
    pub strategy: Strategy,
    /// If the instances join the pools that the fleet has: the OCIDs of the members that it had when the plan was made. Members
    /// that have come since, because a pool replaced one, need not be launched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub joins: Option<Vec<String>>,
    /// The terms that make the launch a hunt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hunt: Option<HuntTerms>,
    /// What the instances of a hunt may cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spending: Option<SpendingTerms>,
    /// Where the command that started the run found its credentials. Nothing in this crate reads it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// Where a run was started from, for the command that resumes it. It contains locations, no secrets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Origin {
    /// The absolute path of the config.
    pub config: String,
    /// The absolute paths of further files of the config, each over those before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub over: Vec<String>,
    /// The values that were set in addition to the config, each `KEY=VALUE`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub set: Vec<String>,
    /// Where relative paths in these values start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The profile that was requested in addition to the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// The way of signing in that was requested in addition to the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub auth: Option<String>,
    /// The base URL that was requested in addition to the config.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Where requests went, whatever decided it: a base URL, or the name of the region. Unknown for runs of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached: Option<String>,
    /// Whether the ledger is shared with other machines, on which the config may be elsewhere: the fleet is then known by its
    /// name and place alone.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shared: bool,
    /// The label of the simulated region of the run; `None` for a real one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub simulated: Option<String>,
}

impl Origin {
    /// The absolute paths of all files of the config.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        std::iter::once(&self.config).chain(&self.over).map(String::as_str)
    }

    /// Where the requests go, in one form, as far as known.
    pub(crate) fn requests_go_to(&self) -> Option<String> {
        let reached = self.reached.as_ref().or(self.endpoint.as_ref())?;
        Some(reached.trim_end_matches('/').to_ascii_lowercase())
    }

    /// The files of the config, in words: `/a/config.yaml + /a/prod.yaml`.
    pub fn describe(&self) -> String {
        self.files().collect::<Vec<_>>().join(" + ")
    }
}

/// Whether the requests of both go to the same endpoint, as far as known.
pub fn same_endpoint(of: Option<&Origin>, own: Option<&Origin>) -> bool {
    match (of.and_then(Origin::requests_go_to), own.and_then(Origin::requests_go_to)) {
        (Some(of), Some(own)) => of == own,
        _ => true,
    }
}

impl Plan {
    /// Makes a plan without sending requests, which is possible if each availability domain is written in full
    /// (`Uocm:PHX-AD-1`).
    ///
    /// # Errors
    /// All findings at once.
    pub fn offline(fleet: FleetSpec) -> Result<Self, Vec<Finding>> {
        resolve::offline(fleet)
    }

    /// Sets the strategy of the plan. `min` is the minimum that was requested in addition.
    pub fn pursue(&mut self, strategy: Strategy, min: Option<u32>) {
        self.strategy = strategy;
        self.min = match strategy {
            // With totals, instances of different sizes may reach them, so no number of instances is required.
            Strategy::AllOrNothing => Some(self.fleet.count).filter(|_| self.fleet.want.is_none()),
            Strategy::Greedy | Strategy::BestEffort => min,
        };
    }

    /// The slots: 1 up to the count. With wanted totals, a run may begin further ones, up to [`FleetSpec::slots`].
    pub fn slots(&self) -> std::ops::RangeInclusive<SlotNumber> {
        1..=self.fleet.count
    }

    /// The display name of a slot's instance at its first placement.
    pub fn name(&self, slot: SlotNumber) -> String {
        self.name_in(slot, &self.placement(slot, 1).availability_domain)
    }

    /// How a slot is called before it has an instance.
    pub fn label(&self, slot: SlotNumber) -> String {
        match self.fleet.engine {
            Engine::Instances | Engine::ComputeCluster => self.name(slot),
            // A pool names its members when it launches them.
            Engine::InstancePool | Engine::ClusterNetwork => {
                format!("{} (pool member {slot})", self.fleet.name_prefix)
            }
        }
    }

    /// The display name of a slot's instance in an availability domain.
    pub(crate) fn name_in(&self, slot: SlotNumber, domain: &str) -> String {
        self.fleet.name(self.fleet.number(slot), domain)
    }

    /// The number in a display name of this fleet: 7 for `<prefix>-7`; in a list of names, the position. `None` for other
    /// names, and for numbers that no fleet reaches, such as a date.
    pub(crate) fn number_in(&self, name: &str) -> Option<u32> {
        number_in(&self.fleet, name)
    }

    /// The placement of the plan from which this one resulted: the service chooses a fault domain if none was requested.
    pub(crate) fn placement_of(&self, actual: &Placement) -> Placement {
        let asked = |asked: &&Placement| {
            let fault_domain = asked.fault_domain.clone().or_else(|| actual.fault_domain.clone());
            Placement { fault_domain, ..(*asked).clone() } == *actual
        };
        self.fleet.placements.iter().find(asked).unwrap_or(actual).clone()
    }

    /// The body of a launch. The same arguments must produce the same body, because the service otherwise refuses the retry
    /// token.
    pub fn request(&self, run: RunId, slot: SlotNumber, attempt: u32) -> LaunchInstanceDetails {
        self.request_in(&self.placement(slot, attempt), run, slot)
    }

    /// The same for a recorded placement: what an earlier process sent must be sent again unchanged, even if a reservation that
    /// it named no longer exists.
    pub(crate) fn request_in(
        &self,
        placement: &Placement,
        run: RunId,
        slot: SlotNumber,
    ) -> LaunchInstanceDetails {
        let mut details = self.fleet.launch_at(placement);
        if let Some(host) = self.fleet.host_name(self.fleet.number(slot), &placement.availability_domain) {
            details.create_vnic_details.get_or_insert_default().hostname_label = Some(host);
        }
        details.display_name = Some(self.name_in(slot, &placement.availability_domain));
        let tags = details.freeform_tags.get_or_insert_default();
        if let Some(name) = self.fleet.tagged_name() {
            tags.insert(FLEET_TAG.to_owned(), name.to_owned());
        }
        tags.insert(RUN_TAG.to_owned(), run.to_string());
        tags.insert(SLOT_TAG.to_owned(), slot.to_string());
        details
    }
}

/// The `opc-retry-token` of an attempt: at most 64 characters (OpenAPI of the Core Services), here at most 58.
///
/// A new attempt needs a new token, because the service refuses a token with another body and returns a terminated instance for
/// the token that created it.
pub fn retry_token(run: RunId, slot: SlotNumber, attempt: u32) -> String {
    format!("ois-{}-{slot}-{attempt}", run.0.simple())
}
