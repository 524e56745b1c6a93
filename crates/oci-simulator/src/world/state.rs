//! The contents of the region. Operations are defined with their resources.

use super::api::{ApiError, ApiRequest};
use super::automatic_tags::Creators;
use super::capacity::{Capacity, Holdings};
use super::chance::{Chance, mix};
use super::clusters::Clusters;
use super::configurations::ConfigurationRow;
use super::consoles::ConsoleRow;
use super::events::{Event, EventLog};
use super::identity::{Directory, short_region};
use super::ids::{Id, Ids};
use super::images::{ImageRow, platform_images};
use super::instances::Instances;
use super::instances::preemptible::Preemptibles;
use super::limit_requests::LimitRequests;
use super::limits::Limits;
use super::network::Network;
use super::paging::PageRequest;
use super::pools::Pool;
use super::reservations::Reservation;
use super::schedule::Schedule;
use super::settings::WorldSettings;
use super::time::{end_of_time, whole};
use super::tokens::Tokens;
use super::volumes::Volumes;
use super::work_requests::{WorkRequestRow, WorksOf};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The simulated region: its resources, its time and its random streams.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct World {
    pub(super) settings: WorldSettings,
    pub(super) seed: u64,
    pub(super) now: Timestamp,
    pub(super) ids: Ids,
    pub(super) log: EventLog,
    pub(super) schedule: Schedule,
    pub(super) list_chance: Chance,
    pub(super) capacity_chance: Chance,
    pub(super) report_chance: Chance,
    #[serde(rename = "climate_chance")]
    pub(super) capacity_event_chance: Chance,
    pub(super) identity: Directory,
    pub(super) network: Network,
    pub(super) images: Vec<ImageRow>,
    pub(super) capacity: Capacity,
    /// The capacity that other tenants hold.
    pub(super) others: Holdings,
    #[serde(default)]
    pub(super) preemptibles: Preemptibles,
    pub(super) limits: Limits,
    #[serde(default, skip_serializing_if = "Creators::are_unused")]
    pub(super) creators: Creators,
    pub(super) instances: Instances,
    pub(super) volumes: Volumes,
    pub(super) work_requests: Vec<WorkRequestRow>,
    /// Work requests by resource, oldest first.
    pub(super) works_of: WorksOf,
    #[serde(with = "super::pairs")]
    pub(super) reservations: BTreeMap<u32, Reservation>,
    pub(super) made_reservations: u32,
    #[serde(with = "super::pairs")]
    pub(super) configurations: BTreeMap<u32, ConfigurationRow>,
    pub(super) made_configurations: u32,
    #[serde(with = "super::pairs")]
    pub(super) pools: BTreeMap<u32, Pool>,
    pub(super) made_pools: u32,
    #[serde(default, skip_serializing_if = "Clusters::are_unused")]
    pub(super) clusters: Clusters,
    #[serde(default, skip_serializing_if = "LimitRequests::are_unused")]
    pub(super) limit_requests: LimitRequests,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) consoles: Vec<ConsoleRow>,
    pub(super) tokens: Tokens,
    /// The regions of the tenancy, its home region first; empty where this region is the only one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) subscriptions: Vec<String>,
    /// OCIDs of resources that the region knows by OCID only: network security groups, keys and the like.
    #[serde(default)]
    pub(super) others_known: BTreeSet<String>,
    /// What keeps compartments from being deleted in other regions of the tenancy, while this one is asked to delete one.
    #[serde(skip)]
    pub(super) elsewhere: BTreeMap<u32, String>,
}

impl World {
    /// A region with these settings, whose time starts here and in which nothing is scheduled yet.
    pub(super) fn blank(mut settings: WorldSettings, seed: u64, start: Timestamp) -> Self {
        settings.availability_domains = Some(settings.domains().clamp(1, 3));
        let realm = oci_api::Region::find(&settings.region).map_or("oc1", |region| region.realm);
        let now = whole(start).min(end_of_time());
        let ads = settings.domains();
        Self {
            seed,
            now,
            ids: Ids::new(seed, realm, short_region(&settings.region)),
            log: EventLog::new(settings.event_log),
            schedule: Schedule::default(),
            list_chance: Chance::new(seed, "lists"),
            capacity_chance: Chance::new(seed, "capacity"),
            report_chance: Chance::new(seed, "reports"),
            // The purpose is part of the seed's meaning and keeps its original name.
            capacity_event_chance: Chance::new(seed, "climate"),
            identity: Directory::new(&settings.region, &settings.availability_domain_prefix, ads, now),
            network: Network::new(settings.subnet_prefix_length, now),
            images: platform_images(now),
            capacity: Capacity::new(&settings),
            others: Holdings::default(),
            preemptibles: Preemptibles::default(),
            limits: Limits::new(&settings),
            creators: Creators::default(),
            instances: Instances::default(),
            volumes: Volumes::default(),
            work_requests: Vec::new(),
            works_of: WorksOf::default(),
            reservations: BTreeMap::new(),
            made_reservations: 0,
            configurations: BTreeMap::new(),
            made_configurations: 0,
            pools: BTreeMap::new(),
            made_pools: 0,
            clusters: Clusters::default(),
            limit_requests: LimitRequests::default(),
            consoles: Vec::new(),
            tokens: Tokens::default(),
            subscriptions: Vec::new(),
            others_known: BTreeSet::new(),
            elsewhere: BTreeMap::new(),
            settings,
        }
    }

    /// The settings that the region was created with.
    pub fn settings(&self) -> &WorldSettings {
        &self.settings
    }

    /// The region's time, in whole milliseconds.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The events starting with this number, oldest first. Events that the log has dropped are skipped.
    pub fn events(&self, since: u64) -> impl Iterator<Item = Event> + '_ {
        self.log.since(since, &self.ids)
    }

    /// How many events there have been, including those that the log has dropped.
    pub fn event_count(&self) -> u64 {
        self.log.count()
    }

    /// The etag of a resource, which changes whenever the resource's version does.
    pub(super) fn etag(&self, id: Id, version: u32) -> String {
        let first = mix(self.seed ^ (u64::from(id.1) << 8 | id.0 as u64) ^ mix(u64::from(version)));
        format!("{first:016x}{:016x}", mix(first))
    }

    /// Reads which page of a list a request asks for.
    pub(super) fn page(&mut self, request: &ApiRequest) -> Result<PageRequest, ApiError> {
        PageRequest::read(request, &self.settings, self.seed, &mut self.list_chance)
    }
}
