//! What `doctor` reports about the launch of the config: image, subnet, reservations, policy, limits, capacity.

use crate::output::doctor::{Check, State};
use crate::output::text::count;
use fleet::preflight::{Finding, Level, Preflight};

/// What the preflight found, as checks.
pub fn of_fleet(answer: &Preflight) -> Vec<Check> {
    let mut checks: Vec<Check> = answer.findings.iter().map(finding).collect();
    let has_failed =
        |name: &str| checks.iter().any(|check| check.check == name && check.state == State::Failed);
    let (no_image, no_subnet) = (has_failed("image"), has_failed("subnet"));
    let mut good = Vec::new();
    if let Some(image) = answer.image.as_ref().filter(|_| !no_image) {
        good.push(Check::new("image", State::Ok, image.clone()));
    }
    if let Some(subnet) = answer.subnet.as_ref().filter(|_| !no_subnet) {
        let free = match answer.free_addresses {
            Some(1) => ", 1 free address".to_owned(),
            Some(free) => format!(", {free} free addresses"),
            None => String::new(),
        };
        good.push(Check::new("subnet", State::Ok, format!("{subnet}{free}")));
    }
    for reservation in &answer.reservations {
        let room = count(reservation.free, "instance");
        let found = format!("{} has room for {room}", reservation.name);
        good.push(Check::new("reservation", State::Ok, found));
    }
    good.push(policy(answer));
    // What stops every launch leaves no question about limits and capacity, and waiting for capacity would not help.
    let is_stopped = answer.possible == 0 && checks.iter().any(|check| check.state == State::Failed);
    good.push(if is_stopped { depends("limits") } else { limits(answer) });
    checks.splice(0..0, good);
    checks.push(if is_stopped { depends("capacity") } else { capacity(answer) });
    checks
}

/// A check that means nothing until those that failed pass.
fn depends(check: &'static str) -> Check {
    Check::new(check, State::Skipped, "not checked, because a check failed on which it depends")
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
    finding.remedy.as_deref().is_some_and(|remedy| remedy.contains("Allow "))
}

/// The tightest service limit of each place.
fn limits(answer: &Preflight) -> Check {
    let of_limits = |why: &str| why.contains("limit");
    let mut short = Vec::new();
    let mut known = 0;
    for verdict in &answer.verdicts {
        let bounds = verdict.bounds.iter().filter(|bound| of_limits(&bound.why));
        known += bounds.clone().count();
        let least = bounds.min_by_key(|bound| bound.room);
        short.extend(
            least
                .filter(|bound| bound.room == 0)
                .map(|bound| format!("{}: {}", verdict.placement.availability_domain, bound.why)),
        );
    }
    if known == 0 {
        return Check::new("limits", State::Warning, "no service limit could be read");
    }
    if short.is_empty() {
        return Check::new("limits", State::Ok, format!("{} leave room", count(known as u64, "limit")));
    }
    let is_everywhere = short.len() == answer.verdicts.len();
    let state = if is_everywhere { State::Failed } else { State::Warning };
    Check::new("limits", state, short.join("; "))
        .remedy(Some("`oci-insta-scale limits` shows them, and `limits request` asks for higher ones"))
}

fn capacity(answer: &Preflight) -> Check {
    let (possible, wanted) = (answer.possible, count(answer.wanted, "instance"));
    if answer.is_enough() {
        return Check::new("capacity", State::Ok, format!("room for {wanted}, as far as is known"));
    }
    let found = if possible == 0 { "none of".to_owned() } else { format!("{possible} of") };
    Check::new("capacity", State::Failed, format!("room for {found} {wanted}")).remedy(Some(
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
    let kind = oci_api::Ocid::parse(&finding.about).ok().map(|ocid| ocid.resource_type.to_owned());
    let check = match kind.as_deref() {
        Some("capacityreservation") => "reservation",
        Some(kind @ ("image" | "subnet" | "compartment" | "tenancy")) => kind,
        Some(_) => "resource",
        None if finding.about.starts_with("VM.") || finding.about.starts_with("BM.") => "shape",
        None => "launch",
    };
    Check::new(check, state, format!("{}: {}", finding.about, finding.message)).remedy(finding.remedy.clone())
}
