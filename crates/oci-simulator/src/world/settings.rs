//! What a region is like: how many hosts, which limits, how slow, how treacherous. A scenario file embeds these under
//! `world:`.
//!
//! The default is roomy: several thousand instances fit, and nothing goes wrong. Numbers that Oracle does not publish
//! (boot times, host counts, limits) are invented, and said to be where they are used.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A duration drawn evenly between two bounds, in simulated seconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Seconds {
    /// At least.
    pub min: f64,
    /// At most.
    pub max: f64,
}

/// Settings of the world. Every field has a default.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct WorldSettings {
    /// The region's name: `us-phoenix-1`.
    pub region: String,
    /// How many availability domains it has, 1 or 3; as many as the real region when left out.
    pub availability_domains: Option<u8>,
    /// The tenancy's prefix of availability domain names: `Uocm` in `Uocm:PHX-AD-1`.
    pub availability_domain_prefix: String,
    /// Hosts.
    pub hosts: HostSettings,
    /// Shapes that an availability domain does not offer.
    pub absent_shapes: Vec<AbsentShape>,
    /// Service limits.
    pub limits: LimitSettings,
    /// Compartment quotas.
    pub quotas: Vec<QuotaSetting>,
    /// Length of the prefix of the subnets that the region makes for itself or registers: 16 is 65,533 addresses.
    pub subnet_prefix_length: u8,
    /// From launch to RUNNING, for virtual machines (invented: no published number).
    pub boot_seconds: Seconds,
    /// From launch to RUNNING, for bare metal (invented).
    pub bare_metal_boot_seconds: Seconds,
    /// From STOP to STOPPED.
    pub stop_seconds: Seconds,
    /// From START to RUNNING.
    pub start_seconds: Seconds,
    /// From terminate to TERMINATED.
    pub terminate_seconds: Seconds,
    /// From a change of a capacity reservation to ACTIVE.
    pub reservation_seconds: Seconds,
    /// How long an instance pool takes between two looks at its members.
    pub pool_seconds: Seconds,
    /// Launches that are accepted and fail later.
    pub late_failure: LateFailure,
    /// How probable it is that a launch that finds no capacity is told LimitExceeded instead (seen on live tenancies).
    pub false_limit_probability: f64,
    /// How probable it is that an entry of a capacity report is wrong.
    pub capacity_report_error_probability: f64,
    /// Whether a report entry without a fault domain is answered by one entry per fault domain.
    pub capacity_report_per_fault_domain: bool,
    /// How far lists lag behind writes.
    pub list_lag_seconds: f64,
    /// How probable a page is shorter than it could be while more remain.
    pub short_page_probability: f64,
    /// How probable a page is empty while more remain.
    pub empty_page_probability: f64,
    /// Whether a page limit above 100 is refused with 400 rather than lowered to 100 (which is unknown).
    pub refuse_large_pages: bool,
    /// What terminating an instance again answers (which is unknown).
    pub terminate_again: TerminateAgain,
    /// How long TERMINATED instances stay listed, in hours. Oracle: at least 12.
    pub terminated_listed_hours: f64,
    /// How long a retry token is remembered, in hours. Oracle: 24.
    pub retry_token_hours: f64,
    /// Times in which a whole availability domain is out.
    pub outages: Vec<Outage>,
    /// Capacity that comes back a little at a time.
    pub crumbs: Vec<Crumbs>,
    /// Other tenants, who take and release capacity.
    pub other_tenants: Option<OtherTenants>,
    /// From the notice to a preemptible instance to its termination. Oracle: two minutes.
    pub preemption_notice_seconds: f64,
    /// Preemptible instances that are taken back whoever wants their room.
    pub reclaims: Vec<Reclaim>,
    /// How many events are kept; the oldest go first.
    pub event_log: usize,
}

/// How many hosts there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSettings {
    /// Hosts of each shape family in each fault domain, unless said otherwise below.
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
    /// Shape family; all when left out.
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
    /// Number of the availability domain, 1 to 3; all when left out.
    #[serde(default)]
    pub availability_domain: Option<u8>,
}

/// Service limits of the tenancy, in each availability domain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LimitSettings {
    /// Cores of each family.
    pub cores: i64,
    /// Memory of each family, in GB.
    pub memory_in_gbs: i64,
    /// GPUs of each family.
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
    /// Number of the availability domain, 1 to 3; all when left out.
    #[serde(default)]
    pub availability_domain: Option<u8>,
    /// How much is allowed.
    pub value: i64,
}

/// One compartment quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuotaSetting {
    /// OCID of the compartment; every compartment, each by itself, when left out.
    #[serde(default)]
    pub compartment: Option<String>,
    /// Name of the limit that it narrows: `standard-e4-core-count`.
    pub name: String,
    /// How much is allowed, in the whole region.
    pub value: i64,
}

/// Launches that are accepted and fail later, through their work request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LateFailure {
    /// How probable it is.
    pub probability: f64,
    /// Which part of them says LimitExceeded rather than lack of capacity.
    pub limit_share: f64,
}

/// What terminating an instance again answers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TerminateAgain {
    /// 204, as the first time.
    #[default]
    NoContent,
    /// 409 Conflict.
    Conflict,
}

/// A time in which a whole availability domain is out: nothing is placed there, and what is starting or stopping waits.
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

/// Capacity that comes back a little at a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Crumbs {
    /// Number of the availability domain: 1 to 3.
    pub availability_domain: u8,
    /// Shape family; all when left out.
    #[serde(default)]
    pub family: Option<String>,
    /// Simulated seconds between two crumbs.
    pub every_seconds: f64,
    /// Hosts that come each time, to fault domains in turn.
    pub hosts: u32,
    /// OCPUs of such a host, with memory in proportion; a whole host of the family when left out.
    #[serde(default)]
    pub ocpus_per_host: Option<u32>,
    /// How many times; without end when left out.
    #[serde(default)]
    pub times: Option<u32>,
}

/// Other tenants, who take and release capacity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OtherTenants {
    /// Simulated seconds between two moves.
    pub every_seconds: f64,
    /// OCPUs (with memory in proportion) that one move takes or releases, at random.
    pub ocpus: u32,
    /// The part of all capacity that they hold at most, 0 to 1.
    pub share: f64,
    /// The part that they hold at the start, 0 to 1.
    #[serde(default)]
    pub initial_share: f64,
}

/// Preemptible instances that are taken back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reclaim {
    /// Number of the availability domain, 1 to 3; all when left out.
    #[serde(default)]
    pub availability_domain: Option<u8>,
    /// When, in simulated seconds from the start of the world.
    pub after_seconds: f64,
    /// Again whenever so much simulated time has passed; once when left out.
    #[serde(default)]
    pub every_seconds: Option<f64>,
    /// The part of those that run which is given notice, 0 to 1: the youngest ones.
    pub share: f64,
}

/// The regions with three availability domains (Oracle: "Regions and Availability Domains"); all others have one.
const OF_THREE_DOMAINS: [&str; 4] = ["us-phoenix-1", "us-ashburn-1", "eu-frankfurt-1", "uk-london-1"];

impl WorldSettings {
    /// How many availability domains there are.
    pub fn domains(&self) -> u8 {
        let usual = if OF_THREE_DOMAINS.contains(&&*self.region) { 3 } else { 1 };
        self.availability_domains.unwrap_or(usual)
    }

    /// The keys in which the others are not like these.
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
            capacity_report_per_fault_domain: false,
            list_lag_seconds: 0.0,
            short_page_probability: 0.0,
            empty_page_probability: 0.0,
            refuse_large_pages: true,
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
