//! A fleet over several regions of one tenancy: regions that are silent for a while, and configs that lack one of them.

use crate::{
    fuse::Fuse,
    scaling::{self, Scaling},
    setup::{Setup, pick},
};
use fleet::fleets::{FleetKey, unlisted_members};
use fleet::{Environment, FleetSpec};
use oci_simulator::scenario::{AnswerBody, FaultKind, FaultRule, Scenario};
use oci_simulator::server::Region;
use oci_simulator::world::InstanceEntry;
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::sync::Arc;

/// A setup of `scale` over two or three regions. All but the last one have room for a few instances only.
pub fn drawn(seed: u64, most: u32) -> Setup {
    let mut setup = scaling::drawn(seed, most);
    let mut chance = StdRng::seed_from_u64(seed ^ 0x4E610);
    let names = *pick(&mut chance, &[["us-ashburn-1", "uk-london-1"], ["ap-tokyo-1", "ap-mumbai-1"]]);
    let rows =
        names[..chance.random_range(1..=2)].iter().map(|name| format!("{{world: {{region: {name}}}}}"));
    let text = format!("regions: [{}]", rows.collect::<Vec<_>>().join(", "));
    let mut further = Scenario::from_yaml(&text, "regions").unwrap().regions;
    let few = i64::from(chance.random_range(1..=most.div_ceil(4)));
    setup.scenario.world.limits = scarce(few).world.limits;
    if let [first, _] = further.as_mut_slice() {
        first.world.limits = scarce(few).world.limits;
    }
    setup.scenario.regions = further;
    setup
}

/// A region with the usual limits, except for so many OCPUs of the shape of the fleet in each availability domain.
fn scarce(cores: i64) -> Scenario {
    let text = format!("world: {{limits: {{named: [{{name: standard-e5-core-count, value: {cores}}}]}}}}");
    Scenario::from_yaml(&text, "limits").unwrap()
}

impl Scaling {
    pub fn regions(&self) -> impl Iterator<Item = &Region> {
        std::iter::once(&self.region).chain(self.further.iter().map(|(_, region)| region))
    }

    /// The live instances of all regions.
    pub fn live(&self) -> Vec<InstanceEntry> {
        self.regions().flat_map(|region| region.world().live_instances().collect::<Vec<_>>()).collect()
    }

    /// The region of a live instance.
    pub fn region_of(&self, ocid: &str) -> &Region {
        let has = |region: &&Region| region.world().live_instances().any(|entry| entry.id == ocid);
        self.regions().find(has).unwrap_or(&self.region)
    }

    /// The number of successful requests of this kind in all regions.
    pub fn sent(&self, name: &str) -> u64 {
        let of = |region: &Region| region.stats().operations.get(name).map_or(0, |operation| operation.ok);
        self.regions().map(of).sum()
    }

    pub fn check_regions(&self) -> Result<(), String> {
        let check = |region: &Region| region.world().check_invariants();
        self.regions().try_for_each(check).map_err(|reason| format!("the region itself: {reason}"))
    }

    /// One region may be silent for a while, as a whole or in its lists. The first one also has its `usual` faults.
    pub fn outage(&mut self, usual: &[FaultRule]) {
        if self.further.is_empty() || !self.chance.random_bool(0.4) {
            return;
        }
        let silence = FaultKind::Answer {
            status: 503,
            body: AnswerBody::Oci,
            code: None,
            message: None,
            after_effect: false,
        };
        let operations = *pick(&mut self.chance, &["[]", r#"["ListInstances"]"#, r#"["read"]"#]);
        let rule = FaultRule {
            operations: serde_json::from_str(operations).unwrap(),
            for_seconds: Some(*pick(&mut self.chance, &[60.0, 900.0, 7200.0])),
            ..FaultRule::always(silence)
        };
        let at = self.chance.random_range(0..=self.further.len());
        let usual = if at == 0 { usual } else { &[] };
        let faults = [&[rule], usual].concat();
        let region = at.checked_sub(1).map_or(&self.region, |at| &self.further[at].1);
        region.replace_faults(&faults);
        self.told.outages += 1;
    }

    /// From now on, nothing fails.
    pub fn still(&self) {
        for region in self.regions() {
            region.replace_faults(&[]);
        }
    }

    /// The config of a process may lack a region. Returns the whole one. A region with members is preferred: the other ones are
    /// rarely missed, and too few histories would have any.
    pub fn forget_a_region(&mut self) -> Option<FleetSpec> {
        if self.further.is_empty() || !self.chance.random_bool(0.15) {
            return None;
        }
        let whole = self.fleet.clone();
        let listed = self.fleet.regions.iter().map(|listed| listed.region.clone());
        let (lived, empty): (Vec<String>, Vec<String>) = listed.partition(|name| self.is_lived_in(name));
        let from = if lived.is_empty() || self.chance.random_bool(0.2) { empty } else { lived };
        let name = (!from.is_empty()).then(|| pick(&mut self.chance, &from).clone())?;
        self.told.unlisted += u64::from(self.is_lived_in(&name));
        self.fleet.regions.retain(|listed| listed.region != name);
        self.fleet.placements.retain(|placement| placement.region.as_deref() != Some(name.as_str()));
        Some(whole)
    }

    /// Whether a further region has live instances.
    fn is_lived_in(&self, name: &str) -> bool {
        let region = self.further.iter().find(|(known, _)| known == name);
        region.is_some_and(|(_, region)| region.world().live_instances().next().is_some())
    }

    /// The name of a member in a region that the config does not list, as the commands find it.
    pub async fn unlisted(&self, env: &Environment, fuse: &Arc<Fuse>) -> Result<Option<String>, String> {
        let key = FleetKey::new(&self.fleet, None);
        let found =
            unlisted_members(&*env.store, &self.fleet, &key).await.map_err(|error| error.to_string())?;
        for (member, way) in found {
            let region = self.further.iter().find(|(name, _)| *name == way.region);
            let (_, region) = region.ok_or_else(|| format!("there is no way to {}", way.region))?;
            if let Some(member) = member.now(&self.client(region, fuse)).await {
                return Ok(Some(member.name));
            }
        }
        Ok(None)
    }
}
