//! Service limits and compartment quotas: how much is allowed, how much is used, and what is exceeded.
//!
//! The names are those of Oracle's "Compute Quotas". The values differ between tenancies and are therefore invented.

mod api;
mod check;
mod counted;

pub(super) use api::SERVICE;
pub(super) use counted::{Counted, Thing, USUAL_BOOT_SIZE_GBS, of_new_volumes};

use super::capacity::Need;
use super::settings::WorldSettings;
use super::shapes::FAMILIES;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) enum What {
    Cores,
    Memory,
    Gpus,
    /// Held by capacity reservations, used or not.
    ReservedCores,
    ReservedMemory,
    /// The same, under the names by which Oracle publishes how much can be reserved.
    ReservableCores,
    ReservableMemory,
}

/// A limit on one quantity of one shape family, in one availability domain or (`None`) in the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(super) struct Limit {
    pub family: u8,
    pub what: What,
    pub ad: Option<u8>,
}

/// The value of a limit on reserved capacity if it is not set: practically unlimited (Oracle: "Known Issues").
const UNLIMITED: i64 = 1_000_000_000;

/// What the limits of a family without GPUs count, in the order in which lists show them.
const ALL: [What; 6] = [
    What::Cores,
    What::Memory,
    What::ReservedCores,
    What::ReservedMemory,
    What::ReservableCores,
    What::ReservableMemory,
];

/// The limits on reserved capacity alone.
const OF_RESERVED: [What; 4] =
    [What::ReservedMemory, What::ReservedCores, What::ReservableMemory, What::ReservableCores];

impl Limit {
    /// The name. A1 has limits for the region in addition to those for each availability domain.
    pub fn name(self) -> String {
        let family = FAMILIES[usize::from(self.family)].name;
        let regional = if self.ad.is_none() { "-regional" } else { "" };
        match self.what {
            What::Cores => format!("{family}-core{regional}-count"),
            What::Memory => format!("{family}-memory{regional}-count"),
            What::Gpus => format!("{family}-count"),
            What::ReservedCores => format!("{family}-core-reserved-count"),
            What::ReservedMemory => format!("{family}-memory-reserved-count"),
            What::ReservableCores => format!("{family}-core-count-reservable"),
            What::ReservableMemory => format!("{family}-memory-count-reservable"),
        }
    }

    /// All limits: first the names of one availability domain, then the regional ones.
    pub fn kinds() -> impl Iterator<Item = Self> {
        let families = 0..FAMILIES.len() as u8;
        let local = families.clone().flat_map(|family| {
            let model = &FAMILIES[usize::from(family)];
            let what: &[What] = if model.gpus > 0 {
                &[What::Gpus]
            } else if model.name == "standard-e2-micro" {
                &[What::Cores]
            } else {
                &ALL
            };
            what.iter().map(move |what| Self { family, what: *what, ad: Some(0) })
        });
        let regional = families
            .filter(|family| FAMILIES[usize::from(*family)].name == "standard-a1")
            .flat_map(|family| [What::Cores, What::Memory].map(|what| Self { family, what, ad: None }));
        local.chain(regional)
    }

    /// The limit with this name, in the first availability domain if it is not regional.
    pub fn find(name: &str) -> Option<Self> {
        Self::kinds().find(|limit| limit.name() == name)
    }
}

/// What the limits of a family count.
fn counted_of(family: u8) -> &'static [What] {
    let model = &FAMILIES[usize::from(family)];
    if model.gpus > 0 {
        &[What::Gpus]
    } else if model.name == "standard-e2-micro" {
        &[What::Cores]
    } else {
        &[What::Memory, What::Cores]
    }
}

/// The names of the limits against which instances of a family count in an availability domain, in the order in which
/// LimitExceeded names them.
pub(super) fn limit_names(family: u8) -> Vec<String> {
    counted_of(family).iter().map(|what| Limit { family, what: *what, ad: Some(0) }.name()).collect()
}

/// The amount used, in thousandths of cores, thousandths of GB, and whole GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Usage {
    pub cores: i64,
    pub memory: i64,
    pub gpus: i64,
}

impl Usage {
    pub fn of(need: Need) -> Self {
        Self { cores: need.ocpus.into(), memory: need.memory.into(), gpus: need.gpus.into() }
    }

    pub fn add(&mut self, other: Self, sign: i64) {
        self.cores += sign * other.cores;
        self.memory += sign * other.memory;
        self.gpus += sign * other.gpus;
    }

    /// The usage in whole cores, GB or GPUs, rounded up.
    fn whole(self, what: What) -> i64 {
        let up =
            |thousandths: i64| thousandths.div_euclid(1000) + i64::from(thousandths.rem_euclid(1000) > 0);
        match what {
            What::Cores | What::ReservedCores | What::ReservableCores => up(self.cores),
            What::Memory | What::ReservedMemory | What::ReservableMemory => up(self.memory),
            What::Gpus => self.gpus,
        }
    }
}

/// Limits and their usage.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Limits {
    #[serde(with = "super::pairs")]
    values: BTreeMap<Limit, i64>,
    /// By availability domain and family.
    #[serde(with = "super::pairs")]
    used: BTreeMap<(u8, u8), Usage>,
    #[serde(with = "super::pairs")]
    reserved: BTreeMap<(u8, u8), Usage>,
    /// How much instances use from reservations. Derived from the reservations, and therefore not saved.
    #[serde(skip)]
    drawn: BTreeMap<(u8, u8), Usage>,
    /// By compartment and family.
    #[serde(with = "super::pairs")]
    in_compartment: BTreeMap<(u32, u8), Usage>,
}

impl Limits {
    pub fn new(settings: &WorldSettings) -> Self {
        let mut values = BTreeMap::new();
        let ads = settings.domains();
        for kind in Limit::kinds() {
            let usual = match kind.what {
                What::Cores => settings.limits.cores,
                What::Memory => settings.limits.memory_in_gbs,
                What::Gpus => settings.limits.gpus,
                _ => UNLIMITED,
            };
            let (usual, places) = match kind.ad {
                Some(_) => (usual, (0..ads).map(Some).collect()),
                None => (usual.saturating_mul(ads.into()), vec![None]),
            };
            values.extend(places.into_iter().map(|ad| (Limit { ad, ..kind }, usual)));
        }
        for named in &settings.limits.named {
            let Some(kind) = Limit::find(&named.name) else { continue };
            for (limit, value) in &mut values {
                let here = limit.ad.is_none()
                    || named.availability_domain.is_none_or(|number| limit.ad == number.checked_sub(1));
                if (limit.family, limit.what) == (kind.family, kind.what)
                    && limit.ad.is_some() == kind.ad.is_some()
                    && here
                {
                    *value = named.value;
                }
            }
        }
        Self { values, ..Self::default() }
    }

    /// The value of a limit: how much is allowed, in whole cores, GB or GPUs.
    pub fn value(&self, limit: Limit) -> i64 {
        self.values.get(&limit).copied().unwrap_or(UNLIMITED)
    }

    /// Raises a limit; a lower value changes nothing.
    pub fn raise(&mut self, limit: Limit, value: i64) {
        let own = self.values.entry(limit).or_insert(UNLIMITED);
        *own = value.max(*own);
    }

    /// How much is used, in whole cores, GB or GPUs. Reserved capacity counts once, as used, whether or not an instance uses it
    /// (Oracle: limits apply to every capacity type; how the two add up is not documented).
    pub fn used(&self, limit: Limit) -> i64 {
        let tables = match limit.what {
            What::Cores | What::Memory | What::Gpus => {
                [Some((&self.used, 1)), Some((&self.reserved, 1)), Some((&self.drawn, -1))]
            }
            _ => [Some((&self.reserved, 1)), None, None],
        };
        let mut sum = Usage::default();
        for (table, sign) in tables.into_iter().flatten() {
            for ((ad, family), usage) in table {
                if *family == limit.family && limit.ad.is_none_or(|wanted| wanted == *ad) {
                    sum.add(*usage, sign);
                }
            }
        }
        sum.whole(limit.what)
    }

    /// Adds an instance to the usage (`sign` 1) or removes it (-1).
    pub fn count(&mut self, compartment: u32, ad: u8, family: u8, usage: Usage, sign: i64) {
        self.used.entry((ad, family)).or_default().add(usage, sign);
        self.in_compartment.entry((compartment, family)).or_default().add(usage, sign);
    }

    /// Adds reserved capacity to the usage (`sign` 1) or removes it (-1).
    pub fn count_reserved(&mut self, ad: u8, family: u8, usage: Usage, sign: i64) {
        self.reserved.entry((ad, family)).or_default().add(usage, sign);
    }

    /// Adds an instance that uses a reservation (`sign` 1) or removes it (-1).
    pub fn count_drawn(&mut self, ad: u8, family: u8, usage: Usage, sign: i64) {
        self.drawn.entry((ad, family)).or_default().add(usage, sign);
    }

    /// The names of the limits that this additional usage would exceed.
    pub fn exceeded(&self, ad: u8, family: u8, more: Usage, reserved: bool) -> Vec<String> {
        let of_reserved: &[What] = if reserved { &OF_RESERVED } else { &[] };
        let mut names = Vec::new();
        for place in [Some(ad), None] {
            for what in counted_of(family).iter().chain(of_reserved) {
                let limit = Limit { family, what: *what, ad: place };
                let Some(allowed) = self.values.get(&limit) else { continue };
                let wants = more.whole(*what);
                if wants > 0 && self.used(limit) + wants > *allowed {
                    names.push(limit.name());
                }
            }
        }
        names
    }

    /// Checks that no limit is exceeded.
    pub fn check(&self) -> Result<(), String> {
        match self.values.iter().find(|(limit, value)| self.used(**limit) > **value) {
            Some((limit, value)) => {
                Err(format!("{} is exceeded: {} of {value}", limit.name(), self.used(*limit)))
            }
            None => Ok(()),
        }
    }

    /// The usage of instances by availability domain and family, for invariant checks.
    pub fn counted(&self) -> &BTreeMap<(u8, u8), Usage> {
        &self.used
    }

    /// The usage of instances by compartment and family.
    pub fn counted_in_compartments(&self) -> &BTreeMap<(u32, u8), Usage> {
        &self.in_compartment
    }
}
