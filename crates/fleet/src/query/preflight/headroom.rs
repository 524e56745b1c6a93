//! The room that limits and quotas leave for a fleet, and the values that would suffice for all of it.

use std::collections::BTreeMap;

use ledger::Placement;
use oci_client::{Client, Failure, FailureClass};
use schemars::JsonSchema;
use serde::Serialize;

use super::asker::{Asker, places, row_of};
use super::limits::{self, Each, Limit, Unit};
use super::shapes;
use crate::plan::FleetSpec;

/// What prevents a fleet.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Headroom {
    /// The number of instances wanted.
    pub wanted: u32,
    /// How many of them the limits allow; absent if a required limit could not be read.
    pub fits: Option<u64>,
    /// Each limit of each place, in the order of the placements.
    pub limits: Vec<LimitRow>,
    /// Why some limits could not be read.
    pub unknown: Vec<String>,
}

/// One limit in one place.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct LimitRow {
    /// The service that the limit belongs to.
    pub service: &'static str,
    /// Its name.
    pub name: String,
    /// The region, if the fleet has several.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The availability domain; absent for a limit of the region.
    pub availability_domain: Option<String>,
    /// The shape that counts against it.
    pub shape: String,
    /// What it counts: `OCPUs`, `GB`, `GPUs`.
    pub unit: &'static str,
    /// Its value, if the service states it.
    pub limit: Option<f64>,
    /// The value of a compartment quota, if there is one.
    pub quota: Option<f64>,
    /// The amount used.
    pub used: f64,
    /// The amount that the limit and the quota leave.
    pub available: f64,
    /// The amount that one instance needs.
    pub each: f64,
    /// The number of instances that it allows.
    pub room: u64,
    /// The smallest value with which all wanted instances fit, if only this place is raised. Absent if they already fit.
    pub would_do: Option<u64>,
}

impl Headroom {
    /// Whether nothing is known to prevent the fleet.
    pub fn is_enough(&self) -> bool {
        self.fits.is_none_or(|fits| fits >= u64::from(self.wanted))
    }
}

/// Reads the limits of every place of a fleet whose domains are resolved. With several regions, one that does not respond leaves
/// its limits unknown, and those of the others are read.
///
/// # Errors
/// When the login is refused or there is no response, because nothing is known then.
pub async fn headroom(client: &Client, fleet: &FleetSpec) -> Result<Headroom, Failure> {
    let mut found = Headroom { wanted: fleet.count, ..Headroom::default() };
    if fleet.regions.is_empty() {
        let is_known = read_limits(client, fleet, &mut found).await?;
        return Ok(judged(found, is_known));
    }
    let mut is_known = true;
    for (region, fleet) in fleet.by_region() {
        let mut own = Headroom::default();
        match read_limits(&client.at(region), &fleet, &mut own).await {
            Ok(known) => is_known &= known,
            Err(failure) if failure.class == FailureClass::Authentication => return Err(failure),
            Err(failure) => {
                is_known = false;
                own = Headroom { unknown: vec![failure.to_string()], ..Headroom::default() };
            }
        }
        let name = &fleet.region;
        found.limits.extend(own.limits.into_iter().map(|row| LimitRow { region: Some(name.clone()), ..row }));
        found.unknown.extend(own.unknown.into_iter().map(|why| format!("{name}: {why}")));
    }
    Ok(judged(found, is_known))
}

/// What the limits of a fleet amount to.
fn judged(mut found: Headroom, is_known: bool) -> Headroom {
    let (room, wanted) = (room(&found.limits), u64::from(found.wanted));
    // What the others leave may be enough, whatever the unknown limit says.
    let several = found.limits.iter().any(|row| row.region.is_some());
    found.fits = (is_known || several && room >= wanted).then_some(room);
    let short = wanted.saturating_sub(found.fits.unwrap_or(u64::MAX));
    suggest(&mut found.limits, wanted, short);
    found
}

/// Reads the limits of a fleet in one region. Returns whether all could be read.
async fn read_limits(client: &Client, fleet: &FleetSpec, found: &mut Headroom) -> Result<bool, Failure> {
    let asker = Asker::new(client, fleet);
    let mut wanted: Vec<String> = fleet.placements.iter().map(|place| place.shape.clone()).collect();
    wanted.sort();
    wanted.dedup();
    let facts = shapes::ask(client, &fleet.compartment, None, None, &wanted).await?;
    let mut is_known = true;
    for place in places(&fleet.placements) {
        let row = row_of(&facts, &place.shape);
        let each = Each::of(fleet, row, place);
        for limit in limits::of_shape(&place.shape, row) {
            let name = (&limit.name, (!limit.regional).then_some(&place.availability_domain));
            if found.limits.iter().any(|row| (&row.name, row.availability_domain.as_ref()) == name) {
                continue;
            }
            match read(&asker, &limit, place, each).await? {
                Ok(row) => found.limits.push(row),
                // A regional counterpart need not exist.
                Err(_) if limit.regional => {}
                Err(why) => {
                    is_known = false;
                    found.unknown.push(why);
                }
            }
        }
    }
    Ok(is_known)
}

/// Reads one limit, or returns why it cannot be read.
async fn read(
    asker: &Asker<'_>,
    limit: &Limit,
    place: &Placement,
    each: Each,
) -> Result<Result<LimitRow, String>, Failure> {
    let domain = (!limit.regional).then_some(place.availability_domain.as_str());
    let unit = match limit.unit {
        Unit::Ocpus => (each.size.ocpus, "OCPUs"),
        Unit::MemoryGb => (each.size.memory_gb, "GB"),
        Unit::Gpus => (each.gpus, "GPUs"),
    };
    let (Some(needs), unit) = unit else {
        return Ok(Err(format!("{}: what one {} needs of it is unknown", limit.name, place.shape)));
    };
    let client = asker.client;
    let compartment = asker.fleet.compartment.as_str();
    let mut name = limit.name.clone();
    let mut answer = client.get_resource_availability(compartment, limits::SERVICE, &name, domain).await;
    if answer.as_ref().is_err_and(is_unknown_name) {
        let definitions = client.list_limit_definitions(asker.tenancy(), Some(limits::SERVICE)).await?;
        if let Some(other) = limits::find_in(&definitions, limit) {
            name = other;
            answer = client.get_resource_availability(compartment, limits::SERVICE, &name, domain).await;
        }
    }
    let answer = match answer {
        Ok(answer) => answer.value,
        Err(failure) if is_unknown_name(&failure) => {
            return Ok(Err(format!("{name}: there is no such limit")));
        }
        Err(failure) => return Err(failure),
    };
    let Some(available) = limits::left(&answer) else {
        return Ok(Err(format!("{name}: the service does not tell what is left of it")));
    };
    let values = client.list_limit_values(asker.tenancy(), limits::SERVICE, Some(&name)).await?;
    let value = values.iter().find(|row| row.availability_domain.as_deref() == domain);
    let used = answer.fractional_usage.or(answer.used.map(|used| used as f64)).unwrap_or_default();
    Ok(Ok(LimitRow {
        service: limits::SERVICE,
        name,
        region: None,
        availability_domain: domain.map(str::to_owned),
        shape: place.shape.clone(),
        unit,
        limit: value.and_then(|row| row.value).map(|value| value as f64),
        quota: answer.effective_quota_value,
        used,
        available: available.max(0.0),
        each: needs,
        room: rooms(available, needs),
        would_do: None,
    }))
}

fn is_unknown_name(failure: &Failure) -> bool {
    matches!(failure.class, FailureClass::NotFound | FailureClass::Invalid)
}

/// The number of instances that fit into the rest.
fn rooms(available: f64, each: f64) -> u64 {
    if each <= 0.0 { u64::MAX } else { (available.max(0.0) / each + 1e-6).floor() as u64 }
}

/// The numbers of instances of a shape that the domains of a region allow, and the region itself.
struct Rooms<'r> {
    domains: BTreeMap<&'r str, u64>,
    region: u64,
}

/// The number of instances that all places allow: in each domain as many as its smallest limit, and no more than its region.
fn room<'r>(rows: impl IntoIterator<Item = &'r LimitRow>) -> u64 {
    let mut shapes: BTreeMap<(&str, Option<&str>), Rooms<'_>> = BTreeMap::new();
    for row in rows {
        let key = (row.shape.as_str(), row.region.as_deref());
        let rooms = shapes.entry(key).or_insert_with(|| Rooms { domains: BTreeMap::new(), region: u64::MAX });
        match &row.availability_domain {
            Some(domain) => {
                let least = rooms.domains.entry(domain).or_insert(u64::MAX);
                *least = row.room.min(*least);
            }
            None => rooms.region = row.room.min(rooms.region),
        }
    }
    let of_shape = |rooms: &Rooms<'_>| {
        let sum = rooms.domains.values().fold(0_u64, |sum, room| sum.saturating_add(*room));
        if rooms.domains.is_empty() { rooms.region } else { sum.min(rooms.region) }
    };
    shapes.values().fold(0, |sum, shape| sum.saturating_add(of_shape(shape)))
}

/// Sets the sufficient values. A domain that is raised takes all missing instances, whatever its other limits leave, and its
/// region takes all that do not fit in other regions.
fn suggest(rows: &mut [LimitRow], wanted: u64, short: u64) {
    if short == 0 {
        return;
    }
    let mut least: BTreeMap<(String, Option<String>), u64> = BTreeMap::new();
    for row in rows.iter() {
        let room = least.entry((row.shape.clone(), row.availability_domain.clone())).or_insert(u64::MAX);
        *room = row.room.min(*room);
    }
    let elsewhere: Vec<u64> =
        rows.iter().map(|row| room(rows.iter().filter(|other| other.region != row.region))).collect();
    for (row, elsewhere) in rows.iter_mut().zip(elsewhere) {
        let key = (row.shape.clone(), row.availability_domain.clone());
        let here = match row.availability_domain {
            Some(_) => least.get(&key).copied().unwrap_or_default().saturating_add(short),
            None => wanted.saturating_sub(elsewhere),
        };
        if here > row.room {
            row.would_do = Some((row.used + here as f64 * row.each - 1e-6).ceil() as u64);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, domain: Option<&str>, used: f64, available: f64, each: f64) -> LimitRow {
        LimitRow {
            name: name.to_owned(),
            availability_domain: domain.map(str::to_owned),
            shape: "VM.Standard.A1.Flex".to_owned(),
            used,
            available,
            each,
            room: rooms(available, each),
            ..LimitRow::default()
        }
    }

    #[test]
    fn the_least_limit_of_each_domain_decides() {
        let rows = [
            row("core", Some("AD-1"), 0.0, 10.0, 1.0),
            row("memory", Some("AD-1"), 0.0, 24.0, 6.0),
            row("core", Some("AD-2"), 0.0, 3.0, 1.0),
            row("memory", Some("AD-2"), 0.0, 600.0, 6.0),
        ];
        assert_eq!(room(&rows), 4 + 3);
        let region = [&rows[..], &[row("regional", None, 0.0, 5.0, 1.0)]].concat();
        assert_eq!(room(&region), 5, "the limit of the region counts for all domains together");
    }

    #[test]
    fn the_suggested_value_lets_all_of_them_fit() {
        let mut rows = vec![
            row("core", Some("AD-1"), 7.0, 3.0, 1.0),
            row("memory", Some("AD-1"), 42.0, 600.0, 6.0),
            row("core", Some("AD-2"), 0.0, 2.0, 1.0),
        ];
        suggest(&mut rows, 20, 15);
        // 3 fit in AD-1, and 15 are missing: 7 used and 18 more.
        assert_eq!((rows[0].would_do, rows[1].would_do, rows[2].would_do), (Some(25), None, Some(17)));
        for (index, raised) in [(0, 25.0 - 7.0), (2, 17.0)] {
            let mut rows = rows.clone();
            rows[index].room = rooms(raised, 1.0);
            assert_eq!(room(&rows), 20, "{index}");
        }
    }

    #[test]
    fn regions_add_up_and_each_may_take_the_rest() {
        let at = |region: &str, row: LimitRow| LimitRow { region: Some(region.to_owned()), ..row };
        let mut rows = vec![
            at("us-phoenix-1", row("core", Some("PHX-AD-1"), 0.0, 4.0, 1.0)),
            at("us-phoenix-1", row("regional", None, 0.0, 3.0, 1.0)),
            at("us-ashburn-1", row("core", Some("IAD-AD-1"), 1.0, 5.0, 1.0)),
            at("us-ashburn-1", row("regional", None, 1.0, 9.0, 1.0)),
        ];
        assert_eq!(room(&rows), 3 + 5);
        suggest(&mut rows, 12, 4);
        // In Phoenix 7 have to fit beside the 5 in Ashburn; in Ashburn 9 beside the 3 in Phoenix, which its regional limit allows.
        let wanted: Vec<_> = rows.iter().map(|row| row.would_do).collect();
        assert_eq!(wanted, [Some(8), Some(7), Some(10), None]);
        let unknown = Headroom { wanted: 12, limits: rows.clone(), ..Headroom::default() };
        assert_eq!(judged(unknown.clone(), false).fits, None);
        assert_eq!(
            judged(Headroom { wanted: 8, ..unknown }, false).fits,
            Some(8),
            "the known ones are enough"
        );
    }

    #[test]
    fn what_fits_needs_no_other_value() {
        let mut rows = vec![row("core", Some("AD-1"), 0.0, 20.0, 1.0)];
        suggest(&mut rows, 20, 0);
        assert_eq!(rows[0].would_do, None);
    }
}
