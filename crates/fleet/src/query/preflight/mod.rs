//! Asks beforehand what a launch would run into: one verdict for each availability domain, with its reasons.
//!
//! Reads only, with few requests and most of them at once. What could not be asked is unknown and stands in nobody's
//! way: a launch may do what a question may not. Must not know of files, arguments or terminals.

mod ask;
mod asker;
mod headroom;
pub(crate) mod limits;
mod named;
mod network;
mod offers;
mod probe;
mod report;
mod reserved;
mod shapes;
mod subnet;
mod verdict;

pub use ask::preflight;
pub use headroom::{Headroom, LimitRow, headroom};
pub use report::{Availability, Cell, Matrix, matrix};
pub use reserved::{Reserved, look_at_reservations};
pub use verdict::{Bound, Pool, Verdict};

use crate::price::Size;
use ledger::{CapacityType, Placement};
use serde::Serialize;

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Every launch would fail.
    Stop,
    /// Some launches would fail, or cost more than they need to.
    Warning,
    /// Worth knowing.
    Note,
}

/// Something that was found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub level: Level,
    /// What it is about: an OCID, or the name of an availability domain or shape.
    pub about: String,
    /// What is the matter.
    pub message: String,
    /// What to do: words, or the policy statement to add.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What Oracle's support asks for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub opc_request_id: Option<String>,
    /// Whether every launch that it is about would fail: all of them, or those of one shape or reservation.
    #[serde(skip)]
    fatal: bool,
    /// The only places that it is about; empty where `about` tells.
    #[serde(skip)]
    only: Box<[Placement]>,
}

impl Finding {
    fn new(level: Level, about: impl Into<String>, message: impl Into<String>) -> Self {
        let (about, message) = (about.into(), message.into());
        let fatal = level == Level::Stop;
        Self { level, about, message, remedy: None, opc_request_id: None, fatal, only: Box::default() }
    }

    /// For one that stops the launches it is about, and not every launch.
    fn fatal(mut self) -> Self {
        self.fatal = true;
        self
    }

    /// The same about some places only, if they are not all that the launch has: what stops it there does not stop it.
    fn about_some(mut self, some: &[Placement], all: &[Placement]) -> Self {
        if !all.iter().all(|placement| some.contains(placement)) {
            self.only = some.into();
            self.level = self.level.max(Level::Warning);
        }
        self
    }

    /// The same as a part of `places`, where it does not say which of them it is about.
    fn among(self, places: &[Placement], all: &[Placement]) -> Self {
        if self.only.is_empty() { self.about_some(places, all) } else { self }
    }

    /// Whether it makes launches at this one of the places fail.
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

/// What is known of a shape that the fleet uses.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ShapeFacts {
    /// Its name.
    pub shape: String,
    /// Its OCPUs, or those of its default size.
    pub ocpus: Option<f64>,
    /// Its memory in GB, or that of its default size.
    pub memory_gb: Option<f64>,
    /// What a flexible shape gets for each OCPU where only OCPUs are given, in GB.
    pub memory_gb_per_ocpu: Option<f64>,
    /// Whether a stopped instance still costs.
    pub billed_when_stopped: Option<bool>,
}

impl ShapeFacts {
    /// The size of each instance for which this size is asked for: what it leaves open, the shape fills in.
    pub fn size_of(&self, asked: Size) -> Size {
        let by_ocpus = asked.ocpus.zip(self.memory_gb_per_ocpu).map(|(ocpus, gb)| ocpus * gb);
        let default = Size { ocpus: self.ocpus, memory_gb: by_ocpus.or(self.memory_gb) };
        asked.or(default).or(Size::of_fixed(&self.shape))
    }
}

/// How many instances of one kind can be had.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct KindVerdict {
    /// The kind, wherever it is launched.
    pub placement: Placement,
    /// The shape.
    pub shape: String,
    /// OCPUs of each.
    pub ocpus: Option<f64>,
    /// Memory of each in GB.
    pub memory_gb: Option<f64>,
    /// How its capacity is bought.
    pub capacity_type: CapacityType,
    /// How many can be had if all are of this kind.
    pub possible: u32,
    /// What each costs an hour with its boot volume; absent when that is not known.
    pub price_per_hour: Option<f64>,
}

/// What is known of a reservation that the fleet draws on.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ReservationFacts {
    /// Its OCID.
    pub ocid: String,
    /// Its name.
    pub name: String,
    /// How many instances of the fleet's kind it has room for.
    pub free: u32,
    /// What its unused part costs an hour now, of whatever kind; absent when a price is not known.
    pub unused_per_hour: Option<f64>,
}

/// Why nothing could be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Unasked {
    /// The class of the failure: `network`.
    pub class: &'static str,
    /// What happened.
    pub message: String,
}

/// The answer.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Preflight {
    /// Whether the credentials were accepted; absent if OCI could not be queried.
    pub authenticated: Option<bool>,
    /// Why nothing could be asked, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unasked: Option<Unasked>,
    /// The availability domains of the region.
    pub availability_domains: Vec<String>,
    /// The image's name.
    pub image: Option<String>,
    /// The subnet's name.
    pub subnet: Option<String>,
    /// Free addresses in the subnet; when not all were counted, there are no more than these.
    pub free_addresses: Option<u64>,
    /// The shapes of the fleet.
    pub shapes: Vec<ShapeFacts>,
    /// The reservations of the fleet.
    pub reservations: Vec<ReservationFacts>,
    /// What was found, what matters most first.
    pub findings: Vec<Finding>,
    /// One for each availability domain × shape × reservation of the fleet.
    pub verdicts: Vec<Verdict>,
    /// One for each kind of instance that the fleet may launch, in order.
    pub kinds: Vec<KindVerdict>,
    /// How many instances can be had in all.
    pub possible: u32,
    /// How many are wanted.
    pub wanted: u32,
    /// How many requests were made.
    pub requests: u32,
}

impl Preflight {
    /// Whether something was found that every launch would run into.
    pub fn is_hopeless(&self) -> bool {
        if self.verdicts.is_empty() {
            return self.findings.iter().any(|finding| finding.level == Level::Stop);
        }
        self.wanted > 0 && self.verdicts.iter().all(|verdict| verdict.possible == 0 && verdict.certain)
    }

    /// Whether everything that is wanted can be had, as far as it could be asked.
    pub fn is_enough(&self) -> bool {
        !self.is_hopeless() && self.possible >= self.wanted
    }
}
