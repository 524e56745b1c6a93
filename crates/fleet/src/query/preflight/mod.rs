//! Checks in advance what would prevent a launch: a verdict for each availability domain, with reasons.
//!
//! It only reads, with few requests, most of them concurrent. What cannot be checked is unknown and blocks nothing, because a
//! launch may be allowed where a check is not. It must not know about files, arguments or terminals.

mod ask;
mod asker;
mod headroom;
pub(crate) mod limits;
mod named;
mod network;
mod offered;
mod offers;
mod probe;
mod regions;
pub(crate) mod report;
mod reserved;
mod shapes;
mod subnet;
mod verdict;

pub use headroom::{Headroom, LimitRow, headroom};
pub use network::impossible_in_subnets;
pub use offered::{FreeAddresses, capacity_in, free_addresses, left_in};
pub use regions::preflight;
pub use report::{Availability, Cell, Matrix, matrix};
pub use reserved::{Reserved, look_at_reservations};
pub use verdict::{Bound, BoundKind, Pool, Verdict};

use crate::price::Size;
use ledger::{CapacityType, Placement};
use schemars::JsonSchema;
use serde::Serialize;

/// The severity of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every launch would fail.
    Stop,
    /// Some launches would fail, or cost more than they need to.
    Warning,
    /// Information.
    Note,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Finding {
    /// Its severity.
    pub level: Level,
    /// Its subject: an OCID, or the name of an availability domain or shape.
    pub about: String,
    /// The problem.
    pub message: String,
    /// The remedy: advice, or the policy statement to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// The request id for Oracle's support.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opc_request_id: Option<String>,
    /// Whether every launch that it concerns would fail: all launches, or those of one shape or reservation.
    #[serde(skip)]
    fatal: bool,
    /// The only places that it concerns; empty if `about` tells.
    #[serde(skip)]
    only: Box<[Placement]>,
}

impl Finding {
    fn new(level: Level, about: impl Into<String>, message: impl Into<String>) -> Self {
        let (about, message) = (about.into(), message.into());
        let fatal = level == Level::Stop;
        Self { level, about, message, remedy: None, opc_request_id: None, fatal, only: Box::default() }
    }

    /// Marks a finding that stops the launches that it concerns, but not every launch.
    fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// Restricts it to some places if they are not all places of the launch; it then does not stop the launch.
    fn about_some(mut self, some: &[Placement], all: &[Placement]) -> Self {
        if !all.iter().all(|placement| some.contains(placement)) {
            self.only = some.into();
            self.level = self.level.max(Level::Warning);
        }
        self
    }

    /// Marks it as one of several for `places`, if it does not say which of them it concerns.
    fn among(self, places: &[Placement], all: &[Placement]) -> Self {
        if self.only.is_empty() { self.about_some(places, all) } else { self }
    }

    /// Whether it makes launches at this place fail.
    fn stops(&self, placement: &Placement, all: &[Placement]) -> bool {
        if !self.only.is_empty() {
            return self.fatal && self.only.contains(placement);
        }
        let reservation = |place: &Placement| place.capacity_reservation.as_ref() == Some(&self.about);
        let shape = |place: &Placement| place.shape == self.about;
        self.fatal
            && if all.iter().any(reservation) {
                reservation(placement)
            } else {
                shape(placement) || !all.iter().any(shape)
            }
    }

    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }

    fn request(mut self, failure: &oci_client::Failure) -> Self {
        self.opc_request_id = failure.opc_request_id.as_deref().map(|id| oci_client::plain_text(id, 120));
        self
    }
}

/// The facts about a shape that the fleet uses.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct ShapeFacts {
    /// Its name.
    pub shape: String,
    /// Its OCPUs, or those of its default size.
    pub ocpus: Option<f64>,
    /// Its memory in GB, or that of its default size.
    pub memory_gb: Option<f64>,
    /// The memory per OCPU of a flexible shape if only OCPUs are given, in GB.
    pub memory_gb_per_ocpu: Option<f64>,
    /// Whether a stopped instance is still charged.
    pub billed_when_stopped: Option<bool>,
}

impl ShapeFacts {
    /// The size of each instance for a requested size: the shape fills in what the request leaves open.
    pub fn size_of(&self, asked: Size) -> Size {
        let by_ocpus = asked.ocpus.zip(self.memory_gb_per_ocpu).map(|(ocpus, gb)| ocpus * gb);
        let default = Size { ocpus: self.ocpus, memory_gb: by_ocpus.or(self.memory_gb) };
        asked.or(default).or(Size::of_fixed(&self.shape))
    }
}

/// How many instances of one kind can be obtained.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct KindVerdict {
    /// The kind, at any place.
    pub placement: Placement,
    /// The shape.
    pub shape: String,
    /// OCPUs of each.
    pub ocpus: Option<f64>,
    /// Memory of each in GB.
    pub memory_gb: Option<f64>,
    /// How its capacity is bought.
    pub capacity_type: CapacityType,
    /// How many can be obtained if all are of this kind.
    pub possible: u32,
    /// The price of each per hour with its boot volume; absent if unknown.
    pub price_per_hour: Option<f64>,
}

/// The facts about a reservation that the fleet uses.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct ReservationFacts {
    /// Its OCID.
    pub ocid: String,
    /// Its name.
    pub name: String,
    /// The number of instances of the fleet's kind for which it has room.
    pub free: u32,
    /// The present price of its unused part per hour, of any kind; absent if a price is unknown.
    pub unused_per_hour: Option<f64>,
}

/// Why no request succeeded.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Unasked {
    /// The class of the failure: `network`.
    pub class: &'static str,
    /// What happened.
    pub message: String,
}

/// The result of a preflight.
#[derive(Clone, Debug, Default, JsonSchema, Serialize)]
pub struct Preflight {
    /// Whether the credentials were accepted; absent if OCI could not be queried.
    pub authenticated: Option<bool>,
    /// Why no request succeeded, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unasked: Option<Unasked>,
    /// The availability domains of the region.
    pub availability_domains: Vec<String>,
    /// The image's name.
    pub image: Option<String>,
    /// The subnet's name.
    pub subnet: Option<String>,
    /// Free addresses in the subnet; an upper bound if not all were counted.
    pub free_addresses: Option<u64>,
    /// The shapes of the fleet.
    pub shapes: Vec<ShapeFacts>,
    /// The reservations of the fleet.
    pub reservations: Vec<ReservationFacts>,
    /// The findings, most severe first.
    pub findings: Vec<Finding>,
    /// One verdict for each availability domain × shape × reservation of the fleet.
    pub verdicts: Vec<Verdict>,
    /// One for each kind of instance that the fleet may launch, in order.
    pub kinds: Vec<KindVerdict>,
    /// How many instances can be obtained in total.
    pub possible: u32,
    /// How many are wanted.
    pub wanted: u32,
    /// The number of requests.
    pub requests: u32,
}

impl Preflight {
    /// Whether a finding would stop every launch.
    pub fn is_hopeless(&self) -> bool {
        if self.verdicts.is_empty() {
            return self.findings.iter().any(|finding| finding.level == Level::Stop);
        }
        self.wanted > 0 && self.verdicts.iter().all(|verdict| verdict.possible == 0 && verdict.certain)
    }

    /// How many instances could be obtained if only these kinds of bounds existed.
    pub fn possible_by(&self, kinds: &[BoundKind]) -> u32 {
        verdict::in_regions(&self.verdicts, self.wanted, kinds)
    }

    /// Whether everything wanted can be obtained, as far as it could be checked.
    pub fn is_enough(&self) -> bool {
        !self.is_hopeless() && self.possible >= self.wanted
    }
}
