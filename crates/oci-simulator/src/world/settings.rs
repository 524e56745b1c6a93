//! The properties of a region: hosts, limits, delays and faults of the service. In a scenario file they are under `world:`.
//!
//! The default is roomy: several thousand instances fit, and nothing fails. Numbers that Oracle does not publish (boot times,
//! host counts, limits) are invented, and marked so.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A duration drawn uniformly between two bounds, in simulated seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    /// The lower bound, in simulated seconds.
    pub min: f64,
    /// The upper bound, in simulated seconds.
    pub max: f64,
}

/// Settings of the world. Every field has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldSettings {
    /// The region's name: `us-phoenix-1`.
    pub region: String,
    /// How many availability domains it has, 1 or 3; if omitted, as many as the real region.
    pub availability_domains: Option<u8>,
    /// The tenancy's prefix in the names of availability domains: `Uocm` in `Uocm:PHX-AD-1`.
    pub availability_domain_prefix: String,
    /// How many hosts there are.
    pub hosts: HostSettings,
    /// Shapes that an availability domain does not offer.
    pub absent_shapes: Vec<AbsentShape>,
    /// Service limits.
    pub limits: LimitSettings,
    /// Compartment quotas.
    pub quotas: Vec<QuotaSetting>,
    /// How limit increase requests are decided.
    #[serde(skip_serializing_if = "LimitIncreases::are_usual")]
    pub limit_increases: LimitIncreases,
    /// Whether new resources get the tags `Oracle-Tags.CreatedBy` and `.CreatedOn`, as in nearly every tenancy.
    #[serde(skip_serializing_if = "is_true")]
    pub automatic_tags: bool,
    /// Prefix length of every subnet, 16 to 30: 16 gives 65,533 addresses.
    pub subnet_prefix_length: u8,
    /// Simulated seconds from launch to RUNNING, for virtual machines (invented: no published number).
    pub boot_seconds: Seconds,
    /// Simulated seconds from launch to RUNNING, for bare metal (invented).
    pub bare_metal_boot_seconds: Seconds,
    /// Simulated seconds from STOP to STOPPED (invented).
    pub stop_seconds: Seconds,
    /// Simulated seconds from START to RUNNING (invented).
    pub start_seconds: Seconds,
    /// Simulated seconds from TerminateInstance to TERMINATED (invented).
    pub terminate_seconds: Seconds,
    /// Simulated seconds from a change of a capacity reservation to ACTIVE (invented).
    pub reservation_seconds: Seconds,
    /// Simulated seconds between two checks of the members of an instance pool (invented).
    pub pool_seconds: Seconds,
    /// How often accepted launches fail later.
    pub late_failure: LateFailure,
    /// The probability, 0 to 1, that a launch without capacity gets LimitExceeded instead (seen on live tenancies).
    pub false_limit_probability: f64,
    /// The probability, 0 to 1, that an entry of a capacity report is wrong.
    pub capacity_report_error_probability: f64,
    /// Whether a capacity report is refused for a compartment below the tenancy.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub capacity_report_root_only: bool,
    /// The maximum number of entries in a request for a capacity report.
    #[serde(skip_serializing_if = "is_usual_report")]
    pub capacity_report_entries: u32,
    /// Whether a capacity report expands an entry without a fault domain to one entry per fault domain.
    pub capacity_report_per_fault_domain: bool,
    /// Hosts of each network block in an availability domain: the instances of a compute cluster or a cluster network share one
    /// block. Empty: blocks limit nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub rdma_blocks: Vec<u32>,
    /// Simulated seconds by which lists lag behind writes.
    pub list_lag_seconds: f64,
    /// The probability, 0 to 1, that a page is shorter than it could be while more rows remain.
    pub short_page_probability: f64,
    /// The probability, 0 to 1, that a page is empty while more rows remain.
    pub empty_page_probability: f64,
    /// Whether a page limit above the list's maximum is refused with 400. The service seems to return a page of the maximum
    /// instead: Oracle's own Ansible inventory asks ListInstances for 2000 rows, where 100 is the maximum.
    pub refuse_large_pages: bool,
    /// The response to a second TerminateInstance (the service's behaviour is unknown).
    pub terminate_again: TerminateAgain,
    /// Simulated hours for which TERMINATED instances stay listed (Oracle: at least 12).
    pub terminated_listed_hours: f64,
    /// Simulated hours for which a retry token is remembered (Oracle: 24).
    pub retry_token_hours: f64,
    /// Outages of whole availability domains.
    pub outages: Vec<Outage>,
    /// Capacity that returns a few hosts at a time.
    pub crumbs: Vec<ReturningCapacity>,
    /// Other tenants that take and release capacity.
    pub other_tenants: Option<OtherTenants>,
    /// Simulated seconds from the notice to a preemptible instance to its termination. Oracle: two minutes.
    pub preemption_notice_seconds: f64,
    /// When preemptible instances are reclaimed, whether or not their capacity is needed.
    pub reclaims: Vec<Reclaim>,
    /// The maximum number of stored events; the oldest are dropped first. 0 stores none.
    pub event_log: usize,
}

/// How many hosts there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// Hosts of each shape family in each fault domain, unless an entry below says otherwise.
    pub per_fault_domain: u32,
    /// Hosts in each fault domain by shape family (`standard-e4`).
    pub by_family: BTreeMap<String, u32>,
    /// Hosts in each fault domain of one availability domain (1 to 3), of one family or of all.
    pub by_availability_domain: Vec<HostsIn>,
}

/// Hosts in each fault domain of one availability domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostsIn {
    /// Number of the availability domain: 1 to 3.
    pub availability_domain: u8,
    /// Shape family; all if omitted.
    #[serde(default)]
    pub family: Option<String>,
    /// Hosts in each fault domain.
    pub per_fault_domain: u32,
}

/// A shape that is not offered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AbsentShape {
    /// Its name: `VM.Standard.E2.1.Micro`.
    pub shape: String,
    /// Number of the availability domain, 1 to 3; all if omitted.
    #[serde(default)]
    pub availability_domain: Option<u8>,
}

/// Service limits of the tenancy, in each availability domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Cores per family.
    pub cores: i64,
    /// Memory per family, in GB.
    pub memory_in_gbs: i64,
    /// GPUs per family.
    pub gpus: i64,
    /// Limits by their name.
    pub named: Vec<LimitSetting>,
}

/// One service limit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitSetting {
    /// `standard-e4-core-count`.
    pub name: String,
    /// Number of the availability domain, 1 to 3; all if omitted.
    #[serde(default)]
    pub availability_domain: Option<u8>,
    /// How much is allowed, in the unit of the limit.
    pub value: i64,
}

/// How limit increase requests are decided. Oracle publishes neither times nor outcomes, so every default is invented.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitIncreases {
    /// Simulated seconds from ACCEPTED to IN_PROGRESS.
    pub start_seconds: f64,
    /// Simulated seconds from IN_PROGRESS to the decision.
    pub decide_seconds: Seconds,
    /// What is decided.
    pub outcome: LimitIncreaseOutcome,
    /// The share of the increase that is granted, 0 to 1: with 0.5, a limit of 4 for which 10 is requested becomes 7.
    pub granted_share: f64,
    /// Whether Oracle asks something first, in a comment; the decision then waits for a comment of the customer.
    pub asks: bool,
}

/// What is decided about a limit increase request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitIncreaseOutcome {
    /// Every item is granted.
    #[default]
    Granted,
    /// The first item is granted, and every other one after it.
    Partly,
    /// No item is granted.
    Rejected,
}

/// One compartment quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaSetting {
    /// OCID of the compartment; if omitted, the quota applies to every compartment separately.
    #[serde(default)]
    pub compartment: Option<String>,
    /// Name of the limit that it narrows: `standard-e4-core-count`.
    pub name: String,
    /// How much is allowed in the whole region, in the unit of the limit.
    pub value: i64,
}

/// Launches that are accepted but fail later, through their work request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LateFailure {
    /// The probability, 0 to 1, that an accepted launch fails.
    pub probability: f64,
    /// The share of those failures, 0 to 1, that report LimitExceeded rather than a lack of capacity.
    pub limit_share: f64,
    /// The probability, 0 to 1, that an accepted start of a stopped instance later finds no capacity.
    #[serde(skip_serializing_if = "is_zero")]
    pub start_probability: f64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(probability: &f64) -> bool {
    *probability <= 0.0
}

/// The response to a second TerminateInstance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminateAgain {
    /// 204, like the first time.
    #[default]
    NoContent,
    /// 409 Conflict.
    Conflict,
}

/// An outage of a whole availability domain: nothing is placed there, and instances that start or stop wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// Number of the availability domain: 1 to 3.
    pub availability_domain: u8,
    /// When it begins, in simulated seconds from the start of the world.
    pub after_seconds: f64,
    /// How long it lasts, in simulated seconds.
    pub for_seconds: f64,
}

/// Capacity that returns a few hosts at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReturningCapacity {
    /// Number of the availability domain: 1 to 3.
    pub availability_domain: u8,
    /// Shape family; all if omitted.
    #[serde(default)]
    pub family: Option<String>,
    /// Simulated seconds between two returns.
    pub every_seconds: f64,
    /// Hosts that return each time, distributed over the fault domains in turn.
    pub hosts: u32,
    /// OCPUs of each host, with memory in proportion; if omitted, a whole host of the family.
    #[serde(default)]
    pub ocpus_per_host: Option<u32>,
    /// How many times hosts return; without end if omitted.
    #[serde(default)]
    pub times: Option<u32>,
}

/// Other tenants that take and release capacity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherTenants {
    /// Simulated seconds between two moves.
    pub every_seconds: f64,
    /// OCPUs (with memory in proportion) that one random move takes or releases.
    pub ocpus: u32,
    /// The maximum that they hold, as a share of all capacity: 0 to 1.
    pub share: f64,
    /// What they hold at the start, as a share of all capacity: 0 to 1.
    #[serde(default)]
    pub initial_share: f64,
}

/// A reclaim of preemptible instances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reclaim {
    /// Number of the availability domain, 1 to 3; all if omitted.
    #[serde(default)]
    pub availability_domain: Option<u8>,
    /// When it happens, in simulated seconds from the start of the world.
    pub after_seconds: f64,
    /// Simulated seconds between repetitions; it happens once if omitted.
    #[serde(default)]
    pub every_seconds: Option<f64>,
    /// The share of the running ones that receive notice, youngest first: 0 to 1.
    pub share: f64,
}

/// The regions with three availability domains (Oracle: "Regions and Availability Domains"); all others have one.
const OF_THREE_DOMAINS: [&str; 4] = ["us-phoenix-1", "us-ashburn-1", "eu-frankfurt-1", "uk-london-1"];

impl WorldSettings {
    /// The number of availability domains.
    pub fn domains(&self) -> u8 {
        let usual = if OF_THREE_DOMAINS.contains(&&*self.region) { 3 } else { 1 };
        self.availability_domains.unwrap_or(usual)
    }

    /// The keys whose values differ from those of the other settings.
    pub fn differing(&self, other: &Self) -> Vec<String> {
        let shown = |settings: &Self| {
            let domains = Some(settings.domains());
            serde_json::to_value(Self { availability_domains: domains, ..settings.clone() })
                .unwrap_or_default()
        };
        let (own, other) = (shown(self), shown(other));
        let keys = own.as_object().into_iter().flatten();
        keys.filter(|(key, value)| other.get(key) != Some(value)).map(|(key, _)| key.clone()).collect()
    }
}

/// The maximum number of entries of a capacity report, which dstack found by experiment.
const REPORT_ENTRIES: u32 = 10;

// A field that an older version's saved region lacks is not saved at its default value, so that the older version can still
// read the file.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_true(value: &bool) -> bool {
    *value
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_usual_report(entries: &u32) -> bool {
    *entries == REPORT_ENTRIES
}

impl Default for WorldSettings {
    fn default() -> Self {
        Self {
            region: "us-phoenix-1".into(),
            availability_domains: None,
            availability_domain_prefix: "Uocm".into(),
            hosts: HostSettings::default(),
            absent_shapes: Vec::new(),
            limits: LimitSettings::default(),
            quotas: Vec::new(),
            limit_increases: LimitIncreases::default(),
            automatic_tags: true,
            subnet_prefix_length: 16,
            boot_seconds: Seconds { min: 30.0, max: 120.0 },
            bare_metal_boot_seconds: Seconds { min: 480.0, max: 1200.0 },
            stop_seconds: Seconds { min: 10.0, max: 30.0 },
            start_seconds: Seconds { min: 20.0, max: 60.0 },
            terminate_seconds: Seconds { min: 20.0, max: 60.0 },
            reservation_seconds: Seconds { min: 15.0, max: 45.0 },
            pool_seconds: Seconds { min: 5.0, max: 10.0 },
            late_failure: LateFailure::default(),
            false_limit_probability: 0.0,
            capacity_report_error_probability: 0.0,
            capacity_report_root_only: false,
            capacity_report_entries: REPORT_ENTRIES,
            capacity_report_per_fault_domain: false,
            rdma_blocks: Vec::new(),
            list_lag_seconds: 0.0,
            short_page_probability: 0.0,
            empty_page_probability: 0.0,
            refuse_large_pages: false,
            terminate_again: TerminateAgain::default(),
            terminated_listed_hours: 12.0,
            retry_token_hours: 24.0,
            outages: Vec::new(),
            crumbs: Vec::new(),
            other_tenants: None,
            preemption_notice_seconds: 120.0,
            reclaims: Vec::new(),
            event_log: 1_000_000,
        }
    }
}

impl Default for HostSettings {
    fn default() -> Self {
        Self { per_fault_domain: 40, by_family: BTreeMap::new(), by_availability_domain: Vec::new() }
    }
}

impl Default for LimitSettings {
    fn default() -> Self {
        Self { cores: 100_000, memory_in_gbs: 2_000_000, gpus: 1_000, named: Vec::new() }
    }
}

impl Default for LimitIncreases {
    fn default() -> Self {
        Self {
            start_seconds: 60.0,
            decide_seconds: Seconds { min: 600.0, max: 1200.0 },
            outcome: LimitIncreaseOutcome::default(),
            granted_share: 1.0,
            asks: false,
        }
    }
}

impl LimitIncreases {
    /// Whether a saved region omits the settings, so that an older version can read it.
    fn are_usual(&self) -> bool {
        *self == Self::default()
    }
}
