//! The state of a fleet compared with its wanted size, in numbers and rows. It is a fold over the census and sends no requests.

use super::belongings::Belongings;
use super::census::Census;
use super::drift::{Drift, drift};
use super::identity::FleetKey;
use super::pooled::PoolStanding;
use super::shrink::is_protected;
use super::spreading::SpreadStanding;
use super::unlisted::UnlistedMember;
use super::wanted::Wanted;
use crate::cleanup::expiry;
use crate::network::FleetCluster;
use crate::plan::FleetSpec;
use crate::price::{Prices, rounded};
use crate::query::select::{Machine, hour_now, running_hour};
use jiff::Timestamp;
use ledger::RunId;
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;

/// The state of a fleet.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Standing {
    /// The fleet.
    pub fleet: FleetKey,
    /// The wanted size, and what set it.
    pub wanted: Wanted,
    /// The number of members.
    pub members: usize,
    /// Members by state.
    pub by_state: BTreeMap<String, usize>,
    /// Members by availability domain and fault domain.
    pub by_domain: BTreeMap<String, usize>,
    /// Members by region, with those that have none; absent if the config has one region.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub by_region: BTreeMap<String, usize>,
    /// Members by shape.
    pub by_shape: BTreeMap<String, usize>,
    /// Members by how their capacity is bought: `on_demand`, `preemptible`, `reserved`.
    pub by_capacity_type: BTreeMap<&'static str, usize>,
    /// Their present price per hour without volumes, as far as prices are known.
    pub price_per_hour: f64,
    /// The present price of the fleet per hour with volumes and unused reservations; absent if a part is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub total_per_hour: Option<f64>,
    /// Members with an unknown price.
    pub unknown_prices: usize,
    /// The maximum that they have cost so far, with volumes of known price, as if each had run since its creation.
    pub spent_at_most: f64,
    /// The currency of the amounts.
    pub currency: String,
    /// When the first of them expires; absent if none does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// How evenly they are spread; absent if the config has no `spread` or its domains cannot be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spread: Option<SpreadStanding>,
    /// The compute cluster of the fleet; absent if it has none, or its engine makes none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compute_cluster: Option<ClusterRow>,
    /// The instance pools of the fleet; absent if its engine makes none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub pools: Vec<PoolStanding>,
    /// The other resources of the fleet; absent if they cannot be listed.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub belongings: Option<Belongings>,
    /// The members.
    pub instances: Vec<MemberRow>,
    /// Members in regions that the config no longer lists, which are neither counted nor changed; absent if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unlisted: Vec<UnlistedMember>,
    /// Instances of older runs with names of the fleet, which `fleet adopt` would add.
    pub candidates: Vec<Candidate>,
    /// Interrupted launches of the fleet.
    pub unfinished_runs: Vec<RunId>,
    /// How many instances these may have created without a record.
    pub in_doubt: u32,
    /// Runs of the fleet on which a process is working.
    pub runs_at_work: Vec<RunId>,
}

/// The compute cluster of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct ClusterRow {
    /// Its name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// Its availability domain.
    pub availability_domain: String,
    /// `ACTIVE`, …
    pub state: String,
}

impl From<FleetCluster> for ClusterRow {
    fn from(found: FleetCluster) -> Self {
        let FleetCluster { name, ocid, availability_domain, state, .. } = found;
        Self { name, ocid, availability_domain, state }
    }
}

/// A member as a row.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct MemberRow {
    /// The instance.
    #[serde(flatten)]
    pub machine: Machine,
    /// Its present price per hour without volumes; absent if unknown.
    pub price_per_hour: Option<f64>,
    /// The price of its volumes per hour; absent if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volumes_per_hour: Option<f64>,
    /// When it expires; absent if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Whether a tag protects it from termination.
    pub protected: bool,
    /// Whether its launch was given up before it ran.
    pub never_ran: bool,
    /// Its differences from the config.
    pub drift: Vec<Drift>,
}

/// An instance that may be adopted.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Candidate {
    /// Its name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
}

impl Standing {
    /// Summarises a census.
    pub fn of(
        key: FleetKey,
        fleet: &FleetSpec,
        census: Census,
        wanted: Wanted,
        belongings: Option<Belongings>,
        prices: &Prices,
        now: Timestamp,
    ) -> Self {
        let mut standing = Self {
            fleet: key,
            wanted,
            members: census.members.len(),
            by_state: BTreeMap::new(),
            by_domain: BTreeMap::new(),
            by_region: match fleet.regions.as_slice() {
                [] => BTreeMap::new(),
                _ => fleet.region_names().map(|name| (name.to_owned(), 0)).collect(),
            },
            by_shape: BTreeMap::new(),
            by_capacity_type: BTreeMap::new(),
            price_per_hour: 0.0,
            total_per_hour: None,
            unknown_prices: 0,
            spent_at_most: 0.0,
            currency: prices.currency().to_owned(),
            expires: None,
            spread: None,
            compute_cluster: None,
            pools: Vec::new(),
            belongings,
            instances: Vec::new(),
            unlisted: Vec::new(),
            candidates: census
                .candidates
                .into_iter()
                .map(|machine| Candidate { name: machine.name, ocid: machine.ocid })
                .collect(),
            unfinished_runs: census.unfinished,
            in_doubt: census.in_doubt,
            runs_at_work: census.at_work,
        };
        for member in census.members {
            let row = MemberRow {
                price_per_hour: hour_now(&member.machine, prices),
                volumes_per_hour: standing.volumes_of(&member.machine).map(rounded),
                expires: expiry(&member.machine),
                protected: is_protected(&member.machine, &[]),
                never_ran: member.never_ran,
                drift: drift(&member.machine, fleet),
                machine: member.machine,
            };
            standing.add(&row, prices, now);
            standing.instances.push(row);
        }
        let beside = standing.belongings.as_ref().and_then(Belongings::price_per_hour);
        standing.total_per_hour = beside
            .filter(|_| standing.unknown_prices == 0)
            .map(|beside| rounded(standing.price_per_hour + beside));
        standing
    }

    fn volumes_of(&self, machine: &Machine) -> Option<f64> {
        self.belongings.as_ref()?.volume_hours.get(&machine.ocid).copied()
    }

    fn add(&mut self, row: &MemberRow, prices: &Prices, now: Timestamp) {
        let machine = &row.machine;
        let count = |counts: &mut BTreeMap<String, usize>, key: String| *counts.entry(key).or_default() += 1;
        count(&mut self.by_state, machine.state.as_str().to_owned());
        let fault_domain = machine.fault_domain.as_deref().unwrap_or("unknown");
        count(&mut self.by_domain, format!("{} {fault_domain}", machine.availability_domain));
        if !self.by_region.is_empty() {
            // One that names no further region is in the fleet's own.
            let region = machine.region.as_deref().filter(|region| self.by_region.contains_key(*region));
            count(&mut self.by_region, region.unwrap_or(&self.fleet.region).to_owned());
        }
        count(&mut self.by_shape, machine.shape.to_string());
        let bought = if machine.preemptible {
            "preemptible"
        } else if machine.capacity_reservation.is_some() {
            "reserved"
        } else {
            "on_demand"
        };
        *self.by_capacity_type.entry(bought).or_default() += 1;
        match row.price_per_hour {
            Some(hour) => self.price_per_hour += hour,
            None => self.unknown_prices += 1,
        }
        let age = machine.created.map_or(0.0, |created| now.duration_since(created).as_secs_f64().max(0.0));
        let hour =
            running_hour(machine, prices).unwrap_or_default() + row.volumes_per_hour.unwrap_or_default();
        self.spent_at_most += hour * age / 3600.0;
        self.expires = [self.expires, row.expires].into_iter().flatten().min();
    }

    /// The number of members that differ from the config.
    pub fn drifted(&self) -> usize {
        self.instances.iter().filter(|row| !row.drift.is_empty()).count()
    }
}
