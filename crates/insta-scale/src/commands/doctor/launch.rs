//! What `doctor` reports about the launch of the config: image, subnet, reservations, policy, limits, capacity.

use super::checks::Checks;
use crate::output::doctor::{Check, State};
use crate::output::text::count;
use fleet::preflight::{Bound, BoundKind, Finding, Level, Preflight};

/// What the preflight found, as checks.
pub fn of_fleet(answer: &Preflight, checks: &mut Checks) {
    // Without an availability domain nothing of a launch could be looked at.
    let is_known = !answer.verdicts.is_empty();
    // What a reservation cannot hold is launched nowhere else, if no other placement takes it.
    let is_held = answer.possible_by(&[BoundKind::Reservation]) >= answer.wanted;
    let found: Vec<Check> = answer.findings.iter().map(finding).collect();
    let is_stopped = answer.possible == 0 && found.iter().any(|check| check.state == State::Failed);
    let is_mentioned =
        |name: &str, word: &str| found.iter().any(|check| check.check == name && check.found.contains(word));
    let good: Vec<Check> = answer
        .reservations
        .iter()
        .filter(|held| !is_mentioned("reservation", &held.ocid))
        .map(|held| {
            let found = format!("{} has room for {}", held.name, count(held.free, "instance"));
            Check::new("reservation", State::Ok, found)
        })
        .collect();
    checks.extend(good);
    checks.extend(found.into_iter().map(|check| match check.check.as_str() {
        "reservation" if !is_held => Check { state: State::Failed, ..check },
        _ => check,
    }));
    if let Some(image) = answer.image.as_ref().filter(|_| !checks.has_failed("image")) {
        checks.push(Check::new("image", State::Ok, image.clone()));
    }
    if let Some(name) = answer.subnet.as_ref().filter(|_| !checks.has_failed("subnet")) {
        checks.push(subnet(name, answer));
    }
    if is_known {
        checks.push(policy(answer));
    }
    // What stops every launch leaves no question about limits and capacity, and waiting for capacity would not help.
    if is_known && !is_stopped {
        checks.push(limits(answer));
        let is_short = ["subnet", "reservation", "limits"].into_iter().any(|name| checks.has_failed(name));
        checks.push(capacity(answer, is_short));
    }
}

/// The subnets and their free addresses, which have to suffice for all instances.
fn subnet(name: &str, answer: &Preflight) -> Check {
    let free = match answer.free_addresses {
        Some(free) => format!("{name}, {}", count(free, "free address")),
        None => name.to_owned(),
    };
    let enough = answer.possible_by(&[BoundKind::Addresses]);
    if enough >= answer.wanted {
        return Check::new("subnet", State::Ok, free);
    }
    let found = format!("{free}: enough for {enough} of {}", count(answer.wanted, "instance"));
    let fewer = if enough > 0 { format!(", or reduce `count` to {enough}") } else { String::new() };
    Check::new("subnet", State::Failed, found).remedy(Some(format!(
        "use a larger subnet: `oci-insta-scale find subnets` lists them with their addresses{fewer}"
    )))
}

/// Whether a policy is missing. What a launch changes cannot be tried without a launch.
fn policy(answer: &Preflight) -> Check {
    let refused = answer.findings.iter().filter(|finding| names_policy(finding)).count();
    let remedy = "`oci-insta-scale policy` prints every statement that the config needs";
    if refused > 0 {
        let of = count(refused as u64, "resource");
        let found = format!("{of} of the config may not be read, or do not exist");
        return Check::new("policy", State::Warning, found).remedy(Some(remedy));
    }
    let found = "everything that the config names may be read; only a launch shows whether it may launch";
    Check::new("policy", State::Ok, found)
}

fn names_policy(finding: &Finding) -> bool {
    finding.level != Level::Note && finding.remedy.as_deref().is_some_and(|remedy| remedy.contains("Allow "))
}

/// The service limits and quotas, which have to suffice for all instances together.
fn limits(answer: &Preflight) -> Check {
    let of_limits = |bound: &&Bound| bound.kind == BoundKind::Limit;
    let known = answer.verdicts.iter().flat_map(|verdict| &verdict.bounds).filter(of_limits).count();
    if known == 0 {
        return Check::new("limits", State::Warning, "no service limit could be read")
            .remedy(Some("`oci-insta-scale policy` prints the statement that allows it"));
    }
    let enough = answer.possible_by(&[BoundKind::Limit]);
    let is_short = enough < answer.wanted;
    // A place without room is worth knowing even if others have enough.
    let least = if is_short { u64::from(answer.wanted) } else { 1 };
    let short: Vec<String> = answer
        .verdicts
        .iter()
        .filter_map(|verdict| {
            let tightest = verdict.bounds.iter().filter(of_limits).min_by_key(|bound| bound.room)?;
            let place = &verdict.placement.availability_domain;
            (tightest.room < least).then(|| format!("{place}: {}", tightest.why))
        })
        .collect();
    if short.is_empty() && !is_short {
        return Check::new("limits", State::Ok, format!("{} leave room", count(known as u64, "limit")));
    }
    let (state, all) = if is_short {
        let all = format!("room for {enough} of {}: ", count(answer.wanted, "instance"));
        (State::Failed, all)
    } else {
        (State::Warning, String::new())
    };
    let mut remedy =
        "`oci-insta-scale limits` shows them, and `limits request` asks for higher ones".to_owned();
    if short.iter().any(|why| why.contains("the quota ")) {
        remedy.push_str("; a quota is raised by an administrator of the tenancy");
    }
    Check::new("limits", state, all + &short.join("; ")).remedy(Some(remedy))
}

/// How many instances could be launched now. `is_short`: another check says already why there are fewer.
fn capacity(answer: &Preflight, is_short: bool) -> Check {
    let (wanted, hosts) = (count(answer.wanted, "instance"), answer.possible_by(&[BoundKind::Place]));
    let is_enough = hosts >= answer.wanted;
    if answer.is_enough() {
        return Check::new("capacity", State::Ok, format!("room for {wanted}, as far as is known"));
    }
    if is_enough && is_short {
        let found = format!("hosts for {wanted}, as far as is known, but the checks above allow fewer");
        return Check::new("capacity", State::Ok, found);
    }
    // Each check may be passed while all of them together leave fewer.
    let found = match if is_enough { answer.possible } else { hosts } {
        0 => format!("room for none of {wanted}"),
        some => format!("room for {some} of {wanted}"),
    };
    Check::new("capacity", State::Failed, found).remedy(Some(
        "`oci-insta-scale plan` explains it by availability domain, and `oci-insta-scale hunt` waits for capacity",
    ))
}

/// A finding at the check that it belongs to.
fn finding(finding: &Finding) -> Check {
    let state = match finding.level {
        Level::Stop => State::Failed,
        Level::Warning => State::Warning,
        Level::Note => State::Ok,
    };
    // It may be about several of a kind.
    let first = finding.about.split(", ").next().unwrap_or_default();
    let kind = oci_api::Ocid::parse(first).ok().map(|ocid| ocid.resource_type.to_owned());
    let check = match (kind.as_deref(), first) {
        (Some("capacityreservation"), _) => "reservation",
        (Some(kind @ ("image" | "subnet" | "compartment" | "tenancy")), _) => kind,
        (Some(_), _) => "resource",
        (None, "capacity report") => "policy",
        (None, field) if field.starts_with("placements[") || field == "regions" => "placement",
        (None, _) => "shape",
    };
    Check::new(check, state, format!("{}: {}", finding.about, finding.message)).remedy(finding.remedy.clone())
}
