//! Processes that die scale a fleet up and down, while other people terminate, protect and imitate its members. Whatever
//! happens, the last `scale` ends at exactly the wanted size, and no instance of others and no protected one is terminated.

use crate::{
    fuse::Fuse,
    keeping,
    kept::{Announced, Kept},
    region, replacing,
    setup::{self, Setup, pick},
    wire::{Adrift, Wire},
};
use bytes::Bytes;
use fleet::action::{Options, Verb};
use fleet::fleets::{
    FleetKey, LeavingOrder, Means, PROTECT_TAG, Picked, ScalePlan, SizeChange, carry_out, change,
    settle_unfinished, spread_beside, take_census,
};
use fleet::plan::{Across, FLEET_TAG, RUN_TAG, Spread, WhenImpossible, skew};
use fleet::select::Selection;
use fleet::{Environment, FleetSpec, LaunchOptions, Plan, no_sink};
use futures_util::future::BoxFuture;
use ledger::{MemoryStore, Placement, Store as _};
use oci_api::Operation;
use oci_client::Client;
use oci_client::transport::{Transport, TransportError};
use oci_simulator::server::Region;
use oci_simulator::world::{ApiRequest, Caller, InstanceEntry};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, atomic::AtomicBool};
use std::time::Duration;
use testkit::{RegionClock, World};
use tokio_util::sync::CancellationToken;

/// No `scale` takes longer.
const LONGEST: Duration = Duration::from_hours(12);
/// The size can be exact only if there is capacity for all.
const ROOMY: [&str; 3] = ["roomy", "flaky", "throttled"];
/// The maximum number of `scale`s in a calm region.
const CALM_PROCESSES: u32 = 5;
/// Up to this many members, all sizes are equally likely.
const LARGE: u32 = 50;

/// The statistics of a history.
#[derive(Debug, Default)]
pub struct Told {
    pub scales: u64,
    pub deaths: u64,
    pub launches: u64,
    pub terminations: u64,
    /// The number of processes that maintained a fleet at its size.
    pub keepers: u64,
    /// The number of processes that replaced members which differ from the config.
    pub replacements: u64,
    /// The number of outages of a region.
    pub outages: u64,
    /// The number of processes whose config lacked a region in which members lived.
    pub unlisted: u64,
}

/// The wire of a process: it must not terminate instances of others or protected ones.
struct Guard {
    wire: Wire,
    spared: BTreeSet<String>,
    ended: Arc<Mutex<BTreeSet<String>>>,
}

impl Transport for Guard {
    fn send(
        &self,
        request: http::Request<Bytes>,
    ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
        let ocid = request.uri().path().rsplit('/').next().unwrap_or_default();
        if request.method() == http::Method::DELETE {
            self.ended.lock().unwrap().insert(ocid.to_owned());
            if self.spared.contains(ocid) {
                let mut broken = self.wire.broken.lock().unwrap();
                broken.get_or_insert(format!("a scale ends {ocid}, which is protected or of others"));
            }
        }
        self.wire.send(request)
    }
}

pub struct Scaling {
    pub setup: Setup,
    pub region: Region,
    /// Further regions of its tenancy, by their names.
    pub further: Vec<(String, Region)>,
    pub clock: Arc<RegionClock>,
    pub store: MemoryStore,
    pub announced: Arc<Announced>,
    pub broken: Arc<Mutex<Option<String>>>,
    pub adrift: Arc<Adrift>,
    pub chance: StdRng,
    pub fleet: FleetSpec,
    pub caller: Caller,
    /// Instances that must not be terminated.
    pub spared: BTreeSet<String>,
    /// Instances that a process was about to terminate.
    ended: Arc<Mutex<BTreeSet<String>>>,
    pub protected: u32,
    pub wanted: u32,
    /// The maximum number of members, whatever is in progress.
    pub most: usize,
    pub processes: u64,
    pub told: Told,
}

/// Plays the history of a seed. The error says which promise was broken.
pub fn play(setup: Setup) -> Result<Told, String> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
    runtime.block_on(async {
        let mut scaling = Scaling::new(setup);
        scaling.imitate();
        for _ in 0..scaling.chance.random_range(2..6) {
            scaling.wanted = scaling.size();
            for _ in 0..scaling.chance.random_range(1..4) {
                scaling.outage(&scaling.setup.scenario.faults.clone());
                scaling.process(true).await?;
                let pause = *pick(&mut scaling.chance, &[0, 1, 20, 300]);
                tokio::time::sleep(Duration::from_secs(pause)).await;
                if scaling.chance.random_bool(0.4) {
                    scaling.deed();
                }
            }
        }
        scaling.calm().await?;
        if scaling.chance.random_bool(0.5) {
            keeping::keep(&mut scaling).await?;
        }
        if scaling.chance.random_bool(0.4) {
            replacing::replace_all(&mut scaling).await?;
        }
        (scaling.told.launches, scaling.told.terminations) =
            (scaling.sent("LaunchInstance"), scaling.sent("TerminateInstance"));
        Ok(scaling.told)
    })
}

/// A setup of the kind that this test plays.
pub fn drawn(seed: u64, most: u32) -> Setup {
    let mut setup = Setup::drawn(seed, most);
    let preset = ROOMY[usize::try_from(seed).unwrap() % ROOMY.len()];
    let mut scenario = oci_simulator::scenario::Scenario::named(preset).unwrap();
    scenario.signatures = oci_simulator::scenario::Signatures::Unchecked;
    scenario.unknown_fields = oci_simulator::scenario::UnknownFields::Refused;
    let mut chance = StdRng::seed_from_u64(seed ^ 0x5CA1E);
    setup::treacherous(&mut scenario, &mut chance);
    (setup.preset, setup.scenario) = (preset, scenario);
    (setup.min, setup.reserve, setup.ocpus, setup.count) = (None, false, 1, most);
    setup
}

impl Scaling {
    fn new(setup: Setup) -> Self {
        let World { region, further, clock, .. } = World::open(setup.scenario.clone(), setup.seed);
        let mut chance = StdRng::seed_from_u64(setup.seed ^ 0xF1EE7);
        let mut fleet = region::plan(&setup, &region).fleet;
        let mut named = Vec::new();
        for (region, defaults) in further {
            let name = region.world().settings().region.clone();
            testkit::add_region(&mut fleet, region::SHAPE, &name, &defaults);
            named.push((name, region));
        }
        if named.is_empty() && chance.random_bool(0.5) {
            spread(&mut fleet, *pick(&mut chance, &[Across::FaultDomain, Across::AvailabilityDomain]));
        }
        let store = MemoryStore::new();
        store.set_sync_delay(setup.sync);
        let defaults = region.world().defaults();
        Self {
            chance,
            caller: Caller { tenancy: defaults.tenancy, user: defaults.user },
            setup,
            region,
            further: named,
            clock,
            store,
            announced: Arc::default(),
            broken: Arc::default(),
            adrift: Arc::default(),
            fleet,
            spared: BTreeSet::new(),
            ended: Arc::default(),
            protected: 0,
            wanted: 0,
            most: 0,
            processes: 0,
            told: Told::default(),
        }
    }

    fn size(&mut self) -> u32 {
        let most = self.setup.count;
        if self.chance.random_bool(0.15) {
            0
        } else if most <= LARGE {
            self.chance.random_range(0..=most)
        } else {
            // As many between 1 and 10 as between 20 and 200: what goes wrong hardly depends on the size, but the time does.
            f64::from(most + 1).powf(self.chance.random()).floor() as u32
        }
    }

    /// Launches somebody else's instances with names of the fleet.
    fn imitate(&mut self) {
        for _ in 0..self.chance.random_range(0..3) {
            let home = self.region.world().defaults();
            let number = self.chance.random_range(1..=self.setup.count.max(1));
            let body = json!({
                "compartmentId": home.compartment,
                "availabilityDomain": home.availability_domains[0],
                "displayName": format!("web-{number}"),
                "shape": region::SHAPE,
                "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0},
                "sourceDetails": {"sourceType": "image", "imageId": home.image},
                "createVnicDetails": {"subnetId": home.public_subnet},
            });
            let request = ApiRequest::new(Operation::LaunchInstance, self.caller.clone()).body(body);
            if let Ok(made) = self.region.world().handle(&request) {
                self.spared.insert(made.json()["id"].as_str().unwrap().to_owned());
            }
        }
    }

    /// The live members with their names, according to the regions' own records.
    pub fn members(&self) -> BTreeMap<String, String> {
        let is_ours = |tags: &BTreeMap<String, String>| tags.get(FLEET_TAG).is_some_and(|name| name == "web");
        let ours = self.live().into_iter().filter(|entry| is_ours(&entry.tags));
        ours.map(|entry| (entry.id, entry.name)).collect()
    }

    /// The difference between the fullest and the emptiest domain, according to the region's own records; 0 without a spread.
    fn skew(&self) -> u32 {
        self.skew_of(|_| true)
    }

    /// The same of the members that these runs have launched.
    fn skew_of(&self, is_meant: impl Fn(Option<&String>) -> bool) -> u32 {
        let Some(spread) = self.fleet.spread else { return 0 };
        let of = |place: &Placement| {
            spread.across.domain(&place.availability_domain, place.fault_domain.as_deref())
        };
        let mut counts: BTreeMap<_, u32> = self.fleet.placements.iter().map(|place| (of(place), 0)).collect();
        let members = self.members();
        let world = self.region.world();
        let is_member =
            |entry: &InstanceEntry| members.contains_key(&entry.id) && is_meant(entry.tags.get(RUN_TAG));
        for entry in world.live_instances().filter(is_member) {
            let fault = format!("FAULT-DOMAIN-{}", entry.fault_domain);
            *counts.entry(spread.across.domain(&entry.availability_domain, Some(&fault))).or_default() += 1;
        }
        skew(counts.into_values())
    }

    /// Somebody terminates a member by hand, or protects one.
    pub fn deed(&mut self) {
        let members: Vec<String> = self.members().into_keys().collect();
        if members.is_empty() {
            return;
        }
        let ocid = pick(&mut self.chance, &members).clone();
        if self.spared.contains(&ocid) {
            return;
        }
        if self.chance.random_bool(0.3) {
            let entry = self.live().into_iter().find(|entry| entry.id == ocid);
            let mut tags = entry.map(|entry| entry.tags.clone()).unwrap_or_default();
            tags.insert(PROTECT_TAG.to_owned(), "yes".to_owned());
            let request = ApiRequest::new(Operation::UpdateInstance, self.caller.clone())
                .path("instanceId", &ocid)
                .body(json!({"freeformTags": tags}));
            if self.region_of(&ocid).world().handle(&request).is_ok() {
                self.spared.insert(ocid);
                self.protected += 1;
            }
        } else {
            let request =
                ApiRequest::new(Operation::TerminateInstance, self.caller.clone()).path("instanceId", &ocid);
            drop(self.region_of(&ocid).world().handle(&request));
        }
    }

    /// A client of one region.
    pub fn client(&self, region: &Region, fuse: &Arc<Fuse>) -> Client {
        let wire = Wire {
            region: region.clone(),
            fuse: Arc::clone(fuse),
            announced: Arc::clone(&self.announced),
            broken: Arc::clone(&self.broken),
            arrives: AtomicBool::new(self.setup.seed.is_multiple_of(2)),
            adrift: Arc::clone(&self.adrift),
        };
        let guard = Guard { wire, spared: self.spared.clone(), ended: Arc::clone(&self.ended) };
        testkit::client(&self.clock, self.seed(), Arc::new(guard), &Arc::default())
    }

    fn seed(&self) -> u64 {
        self.setup.seed.wrapping_add(self.processes)
    }

    /// A process, and the regions of its config.
    pub fn environment(&self, fuse: &Arc<Fuse>) -> Environment {
        let own = self.client(&self.region, fuse);
        let client = self
            .further
            .iter()
            .filter(|(name, _)| self.fleet.lists(Some(name)))
            .fold(own, |own, (name, region)| own.with_further(name, &self.client(region, fuse), None));
        let (store, announced) = (self.store.clone(), Arc::clone(&self.announced));
        let store = Kept { store, fuse: Arc::clone(fuse), announced };
        Environment {
            client,
            requests: None,
            store: Arc::new(store),
            memory: None,
            clock: self.clock.clone(),
            seed: self.seed(),
        }
    }

    /// One `scale`, which may die.
    async fn process(&mut self, mortal: bool) -> Result<(), String> {
        self.processes += 1;
        let dies = mortal && self.chance.random_bool(0.7);
        let point = if dies { self.chance.random_range(1..=self.setup.points) } else { 0 };
        let fuse = Arc::new(Fuse::at(point));
        let env = self.environment(&fuse);
        let (existing, skew) = (self.members(), self.skew());
        let before = existing.len();
        let runs: BTreeSet<String> =
            self.store.runs().await.unwrap().iter().map(|head| head.run.to_string()).collect();
        // If other people have made it uneven, a strict fleet could not reach its size.
        if let Some(spread) = &mut self.fleet.spread {
            spread.when_impossible =
                if skew <= 1 { WhenImpossible::Refuse } else { WhenImpossible::BestEffort };
        }
        let whole = if mortal { self.forget_a_region() } else { None };
        let env = if whole.is_some() { self.environment(&fuse) } else { env };
        let ended = tokio::select! {
            biased;
            () = fuse.blown() => None,
            ended = self.scale(&env, &fuse) => Some(ended),
            () = tokio::time::sleep(LONGEST) => return Err(format!("a scale is still busy after {LONGEST:?}")),
        };
        if self.setup.loud {
            let members: Vec<String> = self.members().into_values().collect();
            println!("scale {} from {before}: {ended:?}, {} live: {members:?}", self.wanted, members.len());
        }
        if let Some(whole) = whole {
            self.fleet = whole;
        }
        match &ended {
            None => {
                self.told.deaths += 1;
                self.store.crash(self.chance.random_range(0..4));
            }
            Some(_) => self.told.scales += 1,
        }
        if let Some(reason) = self.broken.lock().unwrap().take() {
            return Err(reason);
        }
        let living = self.members().len();
        // A launch that a dead process left in doubt is resolved by sending it again.
        self.most = self.most.max(before).max(self.wanted as usize);
        if living > self.most {
            return Err(format!("{living} members live, and there were to be {} at most", self.most));
        }
        let is_reached = matches!(ended, Some(Ok(()))) && living == self.wanted as usize;
        // If every member may leave, no scale makes a strict fleet less even than allowed. A launch that a dead process left in
        // doubt is resolved in the place that was chosen for it, and nothing is moved afterwards.
        let is_inherited =
            living > before && self.skew_of(|run| run.is_some_and(|run| runs.contains(run))) > 1;
        // Nor is anything moved after a member that has died, as an instance whose launch fails late does.
        let now = self.members();
        let mut gone = existing.keys().filter(|ocid| !now.contains_key(*ocid));
        let has_died = gone.any(|ocid| !self.ended.lock().unwrap().contains(ocid));
        if is_reached && self.protected == 0 && skew <= 1 && self.skew() > 1 && !is_inherited && !has_died {
            return Err(format!("a scale to {} has made a skew of {} from {skew}", self.wanted, self.skew()));
        }
        // A scale that ended at another size has left launches in doubt, or has stated the reason.
        if is_reached {
            self.most = living;
        }
        self.check_regions()
    }

    /// What the command refuses, and then the scaling.
    async fn scale(&self, env: &Environment, fuse: &Arc<Fuse>) -> Result<(), String> {
        if let Some(name) = self.unlisted(env, fuse).await? {
            return Err(format!("{name} is in a region that the config does not list"));
        }
        scale(env, &self.fleet, self.wanted).await
    }

    /// Nothing fails any more: the fleet must reach the wanted size.
    pub async fn calm(&mut self) -> Result<(), String> {
        self.still();
        for _ in 0..CALM_PROCESSES {
            tokio::time::sleep(Duration::from_mins(2)).await;
            self.process(false).await?;
            if self.settled().is_ok() {
                break;
            }
        }
        self.settled()?;
        // At the wanted size nothing changes.
        let sent = |scaling: &Self| ["LaunchInstance", "TerminateInstance"].map(|name| scaling.sent(name));
        let before = sent(self);
        self.process(false).await?;
        if sent(self) != before {
            return Err("a scale at the wanted size has changed something".to_owned());
        }
        self.settled()
    }

    pub fn settled(&self) -> Result<(), String> {
        let members = self.members();
        let alive = |ocid: &&String| members.contains_key(*ocid);
        let protected = self.spared.iter().filter(alive).count();
        let wanted = protected.max(self.wanted as usize);
        if members.len() != wanted {
            return Err(format!("{} members live, and {wanted} are wanted", members.len()));
        }
        let names: BTreeSet<&String> = members.values().collect();
        if names.len() != members.len() && protected == 0 {
            return Err(format!("two members share a name: {members:?}"));
        }
        Ok(())
    }
}

/// Spreads a fleet over domains.
fn spread(fleet: &mut FleetSpec, across: Across) {
    if across == Across::FaultDomain {
        let each = |place: Placement| {
            (1..=3).map(move |fault| Placement {
                fault_domain: Some(format!("FAULT-DOMAIN-{fault}")),
                ..place.clone()
            })
        };
        fleet.placements = std::mem::take(&mut fleet.placements).into_iter().flat_map(each).collect();
    }
    let domain = |place: &Placement| across.domain(&place.availability_domain, place.fault_domain.as_deref());
    let domains: BTreeSet<_> = fleet.placements.iter().map(domain).collect();
    // A spread needs more than one domain.
    if domains.len() > 1 {
        fleet.spread = Some(Spread { across, max_skew: 1, when_impossible: WhenImpossible::BestEffort });
    }
}

/// The effect of `scale N` with every confirmation given.
async fn scale(env: &Environment, fleet: &FleetSpec, wanted: u32) -> Result<(), String> {
    let said = |error: &dyn std::fmt::Display| error.to_string();
    let stop = CancellationToken::new();
    let key = FleetKey::new(fleet, None);
    let mut census = take_census(env, fleet, &key).await.map_err(|error| said(&error))?;
    if !census.unfinished.is_empty() {
        settle_unfinished(env, &census.unfinished, &stop).await.map_err(|error| said(&error))?;
        census = take_census(env, fleet, &key).await.map_err(|error| said(&error))?;
        if census.in_doubt > 0 {
            return Err(format!("{} launches are in doubt", census.in_doubt));
        }
    }
    let plan = ScalePlan { fleet: key, wanted, configured: wanted, before: census.count(), simulated: None };
    let run = env.new_run_id();
    let order = fleet.spread.map_or(LeavingOrder::Newest, |spread| LeavingOrder::Spread(spread.across));
    let change = change(fleet, &census, wanted, &order, &[]);
    let ended = match change {
        SizeChange::Nothing => return Ok(()),
        SizeChange::Grow(fleet) => {
            let mut launch = Plan::offline(*fleet).map_err(|_| "the plan has findings".to_owned())?;
            spread_beside(&mut launch.fleet, &census.members).map_err(|finding| said(&finding))?;
            let options = LaunchOptions::default();
            let means = Means::Grow { plan: &launch, options: &options };
            carry_out(env, &plan, run, means, no_sink(), stop).await
        }
        SizeChange::Shrink(Picked { leaving, .. }) => {
            let machines = leaving.into_iter().map(|leaving| leaving.member.machine).collect();
            let selection = Selection::freeze(machines);
            if selection.is_empty() {
                return Ok(());
            }
            let options = Options::new(Verb::Terminate);
            let means = Means::Shrink { selection: &selection, options: &options };
            carry_out(env, &plan, run, means, no_sink(), stop).await
        }
    };
    ended.map(drop).map_err(|error| said(&error))
}
