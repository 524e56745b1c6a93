//! Service limits and quotas: their names, and how many instances they allow.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use ledger::Placement;
use oci_api::models::{LimitDefinitionSummary, ResourceAvailability, Shape};
use oci_client::{Client, FailureClass};

use super::asker::Asker;
use super::shapes;
use super::verdict::{Bound, BoundKind, Pool};
use crate::plan::FleetSpec;
use crate::price::Size;

/// The service that the limits belong to.
pub(super) const SERVICE: &str = "compute";

/// The room that limits and quotas leave for a shape in one place; empty if not all required limits could be read.
pub(crate) async fn bounds(client: &Client, fleet: &FleetSpec, placement: &Placement) -> Vec<Bound> {
    let asker = Asker::new(client, fleet);
    let limits = of_shape(&placement.shape, None);
    // Regional counterparts need not exist; the limits of the availability domain must.
    let needed = limits.iter().filter(|limit| !limit.regional).count();
    let each = Each::of(fleet, None, placement);
    let mut known = Known::default();
    let bounds = known.first(&asker, limits, placement, each).await;
    let found = known
        .shapes
        .get(&placement.shape)
        .map_or(0, |(limits, _)| limits.iter().filter(|limit| !limit.regional).count());
    if found < needed { Vec::new() } else { bounds }
}

/// The values of the limits that a refusal names.
#[derive(Debug)]
pub(crate) enum NamedLimits {
    /// This limit does not count parts of the shape's instances, but for example volumes.
    Foreign(String),
    /// The room that they leave; empty if not all of them could be read.
    Room(Vec<Bound>),
}

/// Reads the limits that a refusal names in one place, or those of the shape if it names none.
pub(crate) async fn named(
    client: &Client,
    fleet: &FleetSpec,
    placement: &Placement,
    names: &[String],
) -> NamedLimits {
    if names.is_empty() {
        return NamedLimits::Room(bounds(client, fleet, placement).await);
    }
    let family = family(&placement.shape);
    let of_shape = |name: &String| family.as_ref().is_none_or(|family| is_of_family(name, family));
    let mut limits = Vec::new();
    for name in names {
        match Limit::named(name).filter(|_| of_shape(name)) {
            Some(limit) => limits.push(limit),
            None => return NamedLimits::Foreign(name.clone()),
        }
    }
    let asker = Asker::new(client, fleet);
    let each = Each::of(fleet, None, placement);
    let answers = ask_all(&asker, &limits, &placement.availability_domain, each).await;
    let rooms: Option<Vec<Bound>> = answers
        .into_iter()
        .map(|(_, answer)| match answer {
            Answer::Room(bound) => Some(bound),
            Answer::NoSuch | Answer::Unknown => None,
        })
        .collect();
    NamedLimits::Room(rooms.unwrap_or_default())
}

/// `standard-e4-core-count` belongs to `standard-e4`; `standard-e4x-core-count` does not.
fn is_of_family(name: &str, family: &str) -> bool {
    name.strip_prefix(family).is_some_and(|rest| rest.starts_with('-'))
}

/// The limits that a refusal names: `The following service limits were exceeded: standard-a1-memory-count,
/// standard-a1-core-count. Request a service limit increase …` (published by users; for quotas: `The following compartment
/// quotas were exceeded: standard-e4-core-count in policy 'ocid1.quota…' by 1`).
pub(crate) fn named_in(text: &str) -> Vec<String> {
    let Some((_, rest)) = text.split_once("exceeded:") else { return Vec::new() };
    let list = rest.split(". ").next().unwrap_or_default();
    let word = |part: &str| part.split_whitespace().next().unwrap_or_default().trim_matches('.').to_owned();
    let is_name = |word: &String| {
        word.contains('-') && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    let mut names: Vec<String> = list.split(',').map(word).filter(is_name).collect();
    names.sort();
    names.dedup();
    names
}

/// What a limit counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unit {
    Ocpus,
    MemoryGb,
    Gpus,
}

/// A limit against which a launch counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Limit {
    pub name: String,
    pub unit: Unit,
    /// Whether it applies to the whole region.
    pub regional: bool,
}

impl Limit {
    /// Parses a name (Oracle: "Compute Quotas"); `None` if it is about something else.
    fn named(name: &str) -> Option<Self> {
        if name.contains("reserv") {
            return None;
        }
        let unit = if name.contains("-core-") {
            Unit::Ocpus
        } else if name.contains("-memory-") {
            Unit::MemoryGb
        } else if name.starts_with("gpu-") {
            Unit::Gpus
        } else {
            return None;
        };
        Some(Self { name: name.to_owned(), unit, regional: name.contains("-regional-") })
    }
}

/// The family after which limits are named: `standard-e4`; `None` for a name that does not tell.
///
/// `VM.Standard.E4.Flex`, `BM.Standard.E4.128` → `standard-e4`; `VM.Standard3.Flex` → `standard3`; `VM.DenseIO.E4.Flex` →
/// `dense-io-e4`; `VM.GPU.A10.1` → `gpu-a10`.
pub(super) fn family(shape: &str) -> Option<String> {
    let mut parts = shape.split('.').skip(1).peekable();
    let first = parts.next()?;
    let mut family = first.to_ascii_lowercase().replace("denseio", "dense-io");
    while let Some(part) = parts.next() {
        let is_size = parts.peek().is_none();
        if is_size && part != "Micro" {
            break;
        }
        if part.bytes().all(|b| b.is_ascii_digit()) {
            continue;
        }
        family.push('-');
        family.push_str(&part.to_ascii_lowercase());
    }
    (!family.is_empty()).then_some(family)
}

/// The limits of a shape: as the service names them, otherwise by the naming rule.
pub(super) fn of_shape(shape: &str, facts: Option<&Shape>) -> Vec<Limit> {
    let told = facts.and_then(|facts| facts.quota_names.as_ref()).into_iter().flatten();
    let mut limits: Vec<Limit> = told.filter_map(|name| Limit::named(name)).collect();
    let Some(family) = family(shape) else { return limits };
    let rule: &[&str] = if family.starts_with("gpu-") {
        &["count"]
    } else if family == "standard2" || family == "standard-e2-micro" {
        // Memory comes with the OCPUs.
        &["core-count"]
    } else {
        &["core-count", "memory-count"]
    };
    if limits.is_empty() {
        limits.extend(rule.iter().filter_map(|rest| Limit::named(&format!("{family}-{rest}"))));
    }
    // A1 has limits for the region in addition to those for each availability domain. Both must have room, and the shape's own
    // list does not name the regional ones.
    if family == "standard-a1" && !limits.iter().any(|limit| limit.regional) {
        let twins = ["core-regional-count", "memory-regional-count"];
        limits.extend(twins.iter().filter_map(|rest| Limit::named(&format!("{family}-{rest}"))));
    }
    limits
}

/// The real name of a limit, looked up among all: some have a suffix that the rule does not cover
/// (`standard-e5-core-ad-count`).
pub(super) fn find_in(definitions: &[LimitDefinitionSummary], limit: &Limit) -> Option<String> {
    let stem = limit.name.strip_suffix("-count")?;
    definitions
        .iter()
        .filter(|definition| definition.is_deprecated != Some(true))
        .filter_map(|definition| definition.name.as_deref())
        .find(|name| {
            *name != limit.name
                && name.starts_with(stem)
                && Limit::named(name)
                    .is_some_and(|found| (found.unit, found.regional) == (limit.unit, limit.regional))
        })
        .map(str::to_owned)
}

/// The amounts that one instance uses.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Each {
    pub size: Size,
    pub gpus: Option<f64>,
}

impl Each {
    /// The needs of one instance: from the fleet, otherwise from the shape.
    pub(super) fn of(fleet: &FleetSpec, row: Option<&Shape>, placement: &Placement) -> Self {
        Self {
            size: shapes::facts(&placement.shape, row).size_of(fleet.size_at(placement)),
            gpus: row.and_then(|row| row.gpus).map(|gpus| gpus as f64),
        }
    }
}

/// The result of reading a limit.
enum Answer {
    Room(Bound),
    /// The limit does not exist, or cannot be read.
    NoSuch,
    /// The limit could not be read this time, or not by this user.
    Unknown,
}

/// What was learned about limits in the first place.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// By shape: the existing limits, and the room of the regional ones.
    shapes: BTreeMap<String, (Vec<Limit>, Vec<Bound>)>,
}

impl Known {
    /// Reads the limits of a shape in the first place that offers it. A name that the service does not know is looked up among
    /// all. Returns the existing limits and their room.
    pub async fn first(
        &mut self,
        asker: &Asker<'_>,
        limits: Vec<Limit>,
        placement: &Placement,
        each: Each,
    ) -> Vec<Bound> {
        let mut found = Vec::new();
        let mut missing = Vec::new();
        for (limit, answer) in ask_all(asker, &limits, &placement.availability_domain, each).await {
            match answer {
                Answer::Room(bound) => found.push((limit, bound)),
                Answer::NoSuch => missing.push(limit),
                // It exists as far as known, so it is worth reading elsewhere.
                Answer::Unknown => {}
            }
        }
        if !missing.is_empty() && asker.may(1) {
            let definitions =
                asker.client.list_limit_definitions(asker.tenancy(), Some(SERVICE)).await.unwrap_or_default();
            let renamed: Vec<Limit> = missing
                .iter()
                .filter_map(|limit| Some(Limit { name: find_in(&definitions, limit)?, ..limit.clone() }))
                .collect();
            for (limit, answer) in ask_all(asker, &renamed, &placement.availability_domain, each).await {
                if let Answer::Room(bound) = answer {
                    found.push((limit, bound));
                }
            }
        }
        let (limits, bounds): (Vec<Limit>, Vec<Bound>) = found.into_iter().unzip();
        let regional = limits.iter().zip(&bounds).filter(|(limit, _)| limit.regional);
        let regional = regional.map(|(_, bound)| bound.clone()).collect();
        self.shapes.insert(placement.shape.clone(), (limits, regional));
        bounds
    }

    /// Reads the limits of a shape in another place: only those that exist, without repeating regional ones.
    pub async fn again(&self, asker: &Asker<'_>, placement: &Placement, each: Each) -> Vec<Bound> {
        let Some((limits, regional)) = self.shapes.get(&placement.shape) else { return Vec::new() };
        let local: Vec<Limit> = limits.iter().filter(|limit| !limit.regional).cloned().collect();
        let mut bounds = regional.clone();
        for (_, answer) in ask_all(asker, &local, &placement.availability_domain, each).await {
            if let Answer::Room(bound) = answer {
                bounds.push(bound);
            }
        }
        bounds
    }

    /// Whether the limits of a shape were already read.
    pub fn has(&self, shape: &str) -> bool {
        self.shapes.contains_key(shape)
    }
}

async fn ask_all(
    asker: &Asker<'_>,
    limits: &[Limit],
    availability_domain: &str,
    each: Each,
) -> Vec<(Limit, Answer)> {
    let compartment = asker.fleet.compartment.as_str();
    // Limits without a remaining request are unknown.
    let limits: Vec<Limit> = limits.iter().filter(|_| asker.may(1)).cloned().collect();
    let answers =
        join_all(limits.iter().map(|limit| ask(asker.client, compartment, limit, availability_domain, each)))
            .await;
    limits.into_iter().zip(answers).collect()
}

/// Reads a limit in one availability domain, or in the region if it is regional.
async fn ask(
    client: &Client,
    compartment: &str,
    limit: &Limit,
    availability_domain: &str,
    each: Each,
) -> Answer {
    let place = (!limit.regional).then_some(availability_domain);
    match client.get_resource_availability(compartment, SERVICE, &limit.name, place).await {
        Ok(answer) => match bound(limit, &answer.value, place, each) {
            Some(bound) => Answer::Room(bound),
            None if left(&answer.value).is_none() => Answer::NoSuch,
            None => Answer::Unknown,
        },
        Err(failure) if matches!(failure.class, FailureClass::NotFound | FailureClass::Invalid) => {
            Answer::NoSuch
        }
        Err(failure) => {
            tracing::info!(%failure, limit = limit.name, "a limit could not be read");
            Answer::Unknown
        }
    }
}

/// The amount left: the smaller of what the limit and a quota leave.
pub(super) fn left(answer: &ResourceAvailability) -> Option<f64> {
    let available = answer.fractional_availability.or(answer.available.map(|available| available as f64));
    let used = answer.fractional_usage.or(answer.used.map(|used| used as f64)).unwrap_or_default();
    let quota = answer.effective_quota_value.map(|quota| (quota - used).max(0.0));
    match (available, quota) {
        (Some(available), Some(quota)) => Some(available.min(quota)),
        (available, quota) => available.or(quota),
    }
}

fn bound(limit: &Limit, answer: &ResourceAvailability, domain: Option<&str>, each: Each) -> Option<Bound> {
    let left = left(answer)?.max(0.0);
    let (each, unit) = match limit.unit {
        Unit::Ocpus => (each.size.ocpus?, "OCPUs"),
        Unit::MemoryGb => (each.size.memory_gb?, "GB"),
        Unit::Gpus => (each.gpus?, "GPUs"),
    };
    if !each.is_finite() || each <= 0.0 {
        return None;
    }
    let pool = Pool { name: format!("{} {}", limit.name, domain.unwrap_or_default()), amount: left, each };
    let room = pool.fit(left);
    let kind = if answer.effective_quota_value.is_some() { "quota" } else { "limit" };
    let place = if limit.regional { " in the region" } else { "" };
    let why = format!("the {kind} {} leaves {} {unit}{place}, enough for {room}", limit.name, trim(left));
    Some(Bound::taking(pool, why).of(BoundKind::Limit))
}

/// A number without trailing zeros. A limit of a billion or more is no limit.
fn trim(figure: f64) -> String {
    if figure >= 1e9 { "unlimited".to_owned() } else { format!("{}", (figure * 1000.0).round() / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_are_named_after_the_family_of_the_shape() {
        for (shape, expected) in [
            ("VM.Standard.E4.Flex", "standard-e4"),
            ("BM.Standard.E4.128", "standard-e4"),
            ("VM.Standard3.Flex", "standard3"),
            ("VM.Optimized3.Flex", "optimized3"),
            ("VM.DenseIO.E4.Flex", "dense-io-e4"),
            ("VM.Standard2.24", "standard2"),
            ("VM.Standard.E2.1.Micro", "standard-e2-micro"),
            ("VM.GPU.A10.2", "gpu-a10"),
            ("VM.Standard.A1.Flex", "standard-a1"),
        ] {
            assert_eq!(family(shape).as_deref(), Some(expected), "{shape}");
        }
        assert_eq!(family("nonsense"), None);
    }

    fn names(limits: &[Limit]) -> Vec<&str> {
        limits.iter().map(|limit| limit.name.as_str()).collect()
    }

    #[test]
    fn the_limits_that_a_refusal_names_are_read_from_its_text() {
        let of = |text: &str| named_in(text).join(" ");
        assert_eq!(
            of(
                "The following service limits were exceeded: standard-a1-memory-count, standard-a1-core-count. Request a \
                service limit increase from the service limits page in the console. "
            ),
            "standard-a1-core-count standard-a1-memory-count"
        );
        assert_eq!(
            of("The following service limits were exceeded: total-storage-gb, volume-count."),
            "total-storage-gb volume-count"
        );
        assert_eq!(
            of(
                "The following compartment quotas were exceeded: standard-e4-core-count in policy 'ocid1.quota.oc1..a' by 1"
            ),
            "standard-e4-core-count"
        );
        assert_eq!(of("The following service limits were exceeded"), "");
        assert_eq!(of("limit exceeded: please wait."), "");
    }

    #[test]
    fn a1_has_to_have_room_in_the_region_as_well() {
        assert_eq!(
            names(&of_shape("VM.Standard.A1.Flex", None)),
            [
                "standard-a1-core-count",
                "standard-a1-memory-count",
                "standard-a1-core-regional-count",
                "standard-a1-memory-regional-count"
            ]
        );
    }

    #[test]
    fn the_services_own_names_come_first() {
        let quota_names =
            Some(vec!["standard-e5-core-ad-count".to_owned(), "standard-e5-core-reserved-count".to_owned()]);
        let facts = Shape { quota_names, ..Shape::default() };
        assert_eq!(names(&of_shape("VM.Standard.E5.Flex", Some(&facts))), ["standard-e5-core-ad-count"]);
    }

    #[test]
    fn a_name_with_an_unknown_suffix_is_looked_up() {
        let definition = |name: &str| LimitDefinitionSummary {
            name: Some(name.to_owned()),
            ..LimitDefinitionSummary::default()
        };
        let definitions = [
            definition("standard-e5-core-reserved-count"),
            definition("standard-e5-memory-count"),
            definition("standard-e5-core-ad-count"),
        ];
        let limits = of_shape("VM.Standard.E5.Flex", None);
        assert_eq!(find_in(&definitions, &limits[0]).as_deref(), Some("standard-e5-core-ad-count"));
        assert_eq!(find_in(&definitions, &of_shape("VM.Standard.E4.Flex", None)[0]), None);
    }

    #[test]
    fn a_quota_binds_when_it_is_tighter_than_the_limit() {
        let limit = of_shape("VM.Standard.E4.Flex", None).remove(0);
        let each = Each { size: Size { ocpus: Some(2.0), memory_gb: Some(8.0) }, gpus: None };
        let mut answer =
            ResourceAvailability { used: Some(4), available: Some(100), ..ResourceAvailability::default() };
        assert_eq!(bound(&limit, &answer, None, each).unwrap().room, 50);
        answer.effective_quota_value = Some(10.0);
        let bound = bound(&limit, &answer, None, each).unwrap();
        assert_eq!(bound.room, 3);
        assert_eq!(bound.why, "the quota standard-e4-core-count leaves 6 OCPUs, enough for 3");
    }

    #[test]
    fn an_answer_without_figures_says_nothing() {
        assert_eq!(left(&ResourceAvailability::default()), None);
    }
}
