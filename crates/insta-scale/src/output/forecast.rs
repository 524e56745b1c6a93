//! What `plan` says: verdicts, findings, sizes and money, for people and for programs.

use super::listing::per_hour;
use super::text::{clean, count};
use crate::config::Settings;
use fleet::Plan;
use fleet::preflight::{Finding, Level, Preflight, ShapeFacts};
use fleet::price::{self, Cost, Size};
use fleet::reservations::Want;
use serde_json::{Value, json};
use std::fmt::Write as _;

/// The money of a fleet: what its instances cost, and what reservations that they do not fill cost besides.
pub fn cost(settings: &Settings, preflight: Option<&Preflight>) -> Cost {
    let facts = preflight.and_then(|preflight| preflight.shapes.first());
    let size =
        facts.map_or_else(Size::default, |facts| Size { ocpus: facts.ocpus, memory_gb: facts.memory_gb });
    price::of_fleet(&settings.fleet, settings.fleet.count, &settings.prices, size)
}

/// Everything as one JSON document.
pub fn document(settings: &Settings, preflight: Option<&Preflight>) -> Value {
    let plan = Plan { fleet: settings.fleet.clone(), ..Plan::default() };
    let (ocpus, memory_gb) = totals(settings);
    json!({
        "schema_version": super::document::SCHEMA_VERSION,
        "requested": settings.fleet.count,
        "first_name": plan.name(1),
        "last_name": plan.name(settings.fleet.count),
        "ocpus": ocpus,
        "memory_gb": memory_gb,
        "preflight": preflight,
        "cost": cost(settings, preflight),
        "prices_as_of": price::AS_OF,
    })
}

/// OCPUs and GB of the whole fleet, where its size is known.
fn totals(settings: &Settings) -> (Option<f64>, Option<f64>) {
    let fleet = &settings.fleet;
    let shape = fleet.placements.first().map(|placement| placement.shape.as_str()).unwrap_or_default();
    let want = Want::of_fleet(fleet, shape, None, fleet.count);
    let size = want.size().or(Size::of_fixed(shape));
    let all = |each: f64| each * f64::from(fleet.count);
    (size.ocpus.map(all), size.memory_gb.map(all))
}

/// The size in all and the tags: a few lines below the outline of a plan.
pub fn size(settings: &Settings) -> String {
    let mut out = String::new();
    let part = |amount: Option<f64>, unit: &str| amount.map(|amount| format!("{amount} {unit}"));
    let (ocpus, memory) = totals(settings);
    let all: Vec<String> =
        [part(ocpus, "OCPUs"), part(memory, "GB of memory")].into_iter().flatten().collect();
    if !all.is_empty() {
        let _ = writeln!(out, "  in all       {}", all.join(", "));
    }
    let tags = settings.fleet.template.freeform_tags.iter().flatten();
    let mut tags: Vec<String> = tags.map(|(key, value)| format!("{}={}", clean(key), clean(value))).collect();
    tags.push(format!("{}=<run>", fleet::plan::RUN_TAG));
    tags.push(format!("{}=<slot>", fleet::plan::SLOT_TAG));
    let _ = writeln!(out, "  tags         {}", tags.join(", "));
    out
}

/// Verdicts.
pub fn verdicts(preflight: &Preflight) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are not looked at.
    match preflight.authenticated {
        Some(true) => out.push_str("credentials: accepted\n"),
        Some(false) => out.push_str("credentials: REFUSED\n"),
        None => {}
    }
    for (label, name) in [("image", &preflight.image), ("subnet", &preflight.subnet)] {
        if let Some(name) = name {
            let _ = writeln!(out, "{label}: {name}");
        }
    }
    let several = preflight.shapes.len() > 1;
    for verdict in &preflight.verdicts {
        let place = &verdict.placement;
        let mut label = clean(&place.availability_domain);
        if several {
            let _ = write!(label, ", {}", clean(&place.shape));
        }
        if let Some(fault) = &place.fault_domain {
            let _ = write!(label, ", {}", clean(fault));
        }
        let _ = writeln!(out, "{label}: {}", clean(&verdict.text()));
    }
    if preflight.verdicts.len() > 1 {
        let _ = writeln!(out, "in all: {} of {}", preflight.possible, preflight.wanted);
    }
    out
}

/// What was found, each after an empty line.
pub fn findings(preflight: &Preflight) -> String {
    let mut out = String::new();
    for finding in &preflight.findings {
        out.push('\n');
        out.push_str(&self::finding(finding));
    }
    out
}

fn finding(finding: &Finding) -> String {
    let word = match finding.level {
        Level::Stop => "error",
        Level::Warning => "warning",
        Level::Note => "note",
    };
    let id = finding.opc_request_id.as_ref().map_or_else(String::new, |id| format!(" (opc-request-id {id})"));
    let mut out = format!("{word}: {}: {}{id}\n", clean(&finding.about), clean(&finding.message));
    if let Some(remedy) = &finding.remedy {
        let _ = writeln!(out, "  {}", clean(remedy));
    }
    out
}

/// The bill.
pub fn money(settings: &Settings, preflight: Option<&Preflight>) -> String {
    let cost = cost(settings, preflight);
    let currency = clean(&cost.currency);
    let mut out = format!("cost in {currency} while they run, by the price list of {}:\n", price::AS_OF);
    let line = |out: &mut String, what: &str, price: Option<price::Per>| {
        let _ = match price {
            Some(price) => {
                writeln!(out, "  {what:<56} {:>10.4} an hour {:>12.2} in 30 days", price.hour, price.days_30)
            }
            None => writeln!(out, "  {what:<56}    unknown"),
        };
    };
    for row in &cost.lines {
        line(&mut out, &row.what, row.price);
    }
    if cost.lines.len() > 1 {
        line(&mut out, "in all", cost.total);
    }
    for note in &cost.notes {
        let _ = writeln!(out, "  {}", clean(note));
    }
    let fallback = || {
        let shape =
            settings.fleet.placements.first().map(|placement| placement.shape.clone()).unwrap_or_default();
        let billed_when_stopped = price::bills_when_stopped(&shape);
        vec![ShapeFacts { shape, billed_when_stopped, ..ShapeFacts::default() }]
    };
    for shape in preflight.map_or_else(fallback, |preflight| preflight.shapes.clone()) {
        let _ = writeln!(out, "  {}", stopped(&shape));
    }
    for reservation in preflight.iter().flat_map(|preflight| &preflight.reservations) {
        let _ = writeln!(
            out,
            "  the unused part of reservation {} costs {} {currency} an hour now: it is charged at {} % until it is used",
            clean(&reservation.name),
            per_hour(reservation.unused_per_hour),
            price::UNUSED_RESERVATION * 100.0
        );
    }
    out
}

fn stopped(facts: &ShapeFacts) -> String {
    let shape = clean(&facts.shape);
    match facts.billed_when_stopped {
        Some(true) => format!("a stopped {shape} is charged as if it ran"),
        Some(false) => format!("a stopped {shape} costs its boot volume only"),
        None => format!("whether a stopped {shape} is charged is not known"),
    }
}

/// The last line: whether to launch.
pub fn advice(preflight: &Preflight) -> String {
    if preflight.authenticated == Some(false) {
        "nothing can be launched: the login was refused".to_owned()
    } else if preflight.is_hopeless() {
        "every launch would fail as it is".to_owned()
    } else if preflight.is_enough() {
        format!("{} can be launched, as far as it can be known", count(preflight.wanted, "instance"))
    } else {
        format!("{} of {} can be launched now", preflight.possible, count(preflight.wanted, "instance"))
    }
}
