//! The preflight of a fleet with several regions: each is asked for itself, and the answers are put together.

use futures_util::future::join_all;
use oci_client::Client;

use super::{Finding, Level, Preflight, ask};
use crate::plan::{FleetSpec, is_same_kind};
use crate::price::Prices;

/// Asks beforehand what a launch of `fleet` would run into.
pub async fn preflight(client: &Client, fleet: &FleetSpec, prices: &Prices) -> Preflight {
    if fleet.regions.is_empty() {
        return ask::preflight(client, fleet, prices).await;
    }
    let regions = fleet.by_region();
    let asked = regions.iter().map(async |(region, fleet)| {
        let answer = ask::preflight(&client.at(*region), fleet, prices).await;
        (fleet.region.clone(), answer)
    });
    together(fleet.count, join_all(asked).await)
}

/// One answer for all regions. Limits, addresses and hosts of one say nothing about another, so what can be had adds up.
fn together(wanted: u32, answers: Vec<(String, Preflight)>) -> Preflight {
    // What stops the launches of one region does not stop the run while another is left.
    let all_stop = answers.iter().all(|(_, answer)| answer.is_hopeless());
    let mut all = Preflight { wanted, ..Preflight::default() };
    for (at, (region, answer)) in answers.into_iter().enumerate() {
        if at == 0 {
            (all.authenticated, all.image, all.subnet) = (answer.authenticated, answer.image, answer.subnet);
        } else if answer.authenticated == Some(false) || all.authenticated.is_none() {
            all.authenticated = answer.authenticated;
        }
        all.unasked = all.unasked.or(answer.unasked);
        all.availability_domains.extend(answer.availability_domains);
        let known = |shape: &str| all.shapes.iter().any(|facts| facts.shape == shape);
        let new: Vec<_> = answer.shapes.into_iter().filter(|facts| !known(&facts.shape)).collect();
        all.shapes.extend(new);
        all.reservations.extend(answer.reservations);
        all.findings.extend(answer.findings.into_iter().map(|finding| Finding {
            level: if all_stop { finding.level } else { finding.level.max(Level::Warning) },
            message: format!("{region}: {}", finding.message),
            ..finding
        }));
        all.verdicts.extend(answer.verdicts);
        for kind in answer.kinds {
            match all.kinds.iter_mut().find(|known| is_same_kind(&known.placement, &kind.placement)) {
                Some(known) => known.possible = known.possible.saturating_add(kind.possible).min(wanted),
                None => all.kinds.push(kind),
            }
        }
        all.possible = all.possible.saturating_add(answer.possible).min(wanted);
        all.requests += answer.requests;
    }
    all.findings.sort_by_key(|finding| finding.level);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(possible: u32, wanted: u32) -> Preflight {
        let findings = vec![Finding::new(Level::Stop, "subnet", "it does not exist")];
        let findings = if possible == 0 { findings } else { Vec::new() };
        Preflight { authenticated: Some(true), possible, wanted, findings, ..Preflight::default() }
    }

    fn both(home: u32, further: u32) -> Preflight {
        let named = |name: &str, possible| (name.to_owned(), answer(possible, 10));
        together(10, vec![named("us-phoenix-1", home), named("us-ashburn-1", further)])
    }

    #[test]
    fn what_regions_have_adds_up_to_what_is_wanted() {
        assert_eq!(both(3, 4).possible, 7);
        assert_eq!(both(8, 8).possible, 10);
    }

    #[test]
    fn a_region_without_hope_does_not_stop_the_others() {
        let one = both(0, 4);
        assert!(!one.is_hopeless());
        assert_eq!(one.findings[0].level, Level::Warning);
        assert_eq!(one.findings[0].message, "us-phoenix-1: it does not exist");
        assert!(both(0, 0).is_hopeless());
    }
}
