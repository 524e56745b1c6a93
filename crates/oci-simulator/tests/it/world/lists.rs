//! Lists: every row occurs once, whatever the page size; filters, sorting, lag.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiRequest, WorldSettings};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::BTreeSet;

fn names(rows: &[Value]) -> Vec<&str> {
    rows.iter().map(|row| row["displayName"].as_str().unwrap()).collect()
}

fn crowd(settings: WorldSettings, count: usize) -> Region {
    let mut region = Region::new(settings);
    for number in 0..count {
        let mut details = region.details(&format!("web-{number}"));
        details["availabilityDomain"] = region.defaults.availability_domains[number % 3].clone().into();
        region.launch(&details).unwrap();
        region.advance(1.0);
    }
    region
}

fn instances(region: &Region) -> ApiRequest {
    region.request(Operation::ListInstances).query("compartmentId", region.defaults.compartment.clone())
}

#[test]
fn pages_show_every_row_once_even_when_some_are_short_or_empty() {
    for (short, empty) in [(0.0, 0.0), (0.5, 0.0), (0.0, 0.5), (0.5, 0.5), (1.0, 1.0)] {
        let settings = WorldSettings {
            short_page_probability: short,
            empty_page_probability: empty,
            ..WorldSettings::default()
        };
        let mut region = crowd(settings, 60);
        for (by, order) in
            [("TIMECREATED", "DESC"), ("TIMECREATED", "ASC"), ("DISPLAYNAME", "ASC"), ("DISPLAYNAME", "DESC")]
        {
            let request =
                instances(&region).query("limit", "7").query("sortBy", by).query("sortOrder", order);
            let rows = region.pages(&request);
            let ids: BTreeSet<&str> = rows.iter().map(|row| row["id"].as_str().unwrap()).collect();
            assert_eq!((rows.len(), ids.len()), (60, 60), "{by} {order} {short} {empty}");
        }
    }
}

#[test]
fn instances_are_grouped_by_domain_and_sorted() {
    let mut region = crowd(WorldSettings::default(), 9);
    let rows = region.list(Operation::ListInstances);
    assert_eq!(
        names(&rows),
        ["web-6", "web-3", "web-0", "web-7", "web-4", "web-1", "web-8", "web-5", "web-2"]
    );
    let ad = region.defaults.availability_domains[1].clone();
    let request = instances(&region).query("availabilityDomain", ad).query("sortBy", "DISPLAYNAME");
    assert_eq!(names(&region.pages(&request)), ["web-1", "web-4", "web-7"]);
}

#[test]
fn filters_are_exact_and_states_ignore_case() {
    let mut region = crowd(WorldSettings::default(), 9);
    let by_name = instances(&region).query("displayName", "web-4");
    assert_eq!(names(&region.pages(&by_name)), ["web-4"]);
    let prefix = instances(&region).query("displayName", "web");
    assert_eq!(region.pages(&prefix).len(), 0);
    region.advance(300.0);
    let running = instances(&region).query("lifecycleState", "running").query("limit", "2");
    assert_eq!(region.pages(&running).len(), 9);
    let stopped = instances(&region).query("lifecycleState", "STOPPED");
    assert_eq!(region.pages(&stopped).len(), 0);
}

#[test]
fn a_page_limit_out_of_bounds_and_a_foreign_token_are_refused() {
    let mut region = crowd(WorldSettings::default(), 5);
    for limit in ["0", "-1", "many"] {
        let error = region.world.handle(&instances(&region).query("limit", limit)).unwrap_err();
        assert_eq!((error.status, error.code), (400, "InvalidParameter"), "{limit}");
    }
    let page = region.world.handle(&instances(&region).query("limit", "2")).unwrap().next_page.unwrap();
    let other = instances(&region).query("limit", "2").query("sortOrder", "ASC").query("page", page.clone());
    assert_eq!(region.world.handle(&other).unwrap_err().status, 400);
    for token in ["", "x", "AAAA", &page[1..], &page.repeat(2)] {
        let answer = region.world.handle(&instances(&region).query("page", token));
        assert_eq!(answer.is_err(), !token.is_empty(), "{token}");
    }
    let strict = WorldSettings { refuse_large_pages: true, ..WorldSettings::default() };
    let mut region = crowd(strict, 2);
    assert!(region.world.handle(&instances(&region).query("limit", "101")).is_err());
    assert!(region.world.handle(&instances(&region).query("limit", "100")).is_ok());
}

#[test]
fn lists_lag_behind_writes_while_a_get_does_not() {
    let settings = WorldSettings { list_lag_seconds: 10.0, ..WorldSettings::default() };
    let mut region = Region::new(settings);
    let id = region.launch(&region.details("late")).unwrap().json()["id"].as_str().unwrap().to_owned();
    assert_eq!(region.list(Operation::ListInstances).len(), 0);
    assert_eq!(region.instance(&id)["lifecycleState"], "PROVISIONING");
    region.advance(11.0);
    assert_eq!(region.list(Operation::ListInstances).len(), 1);
    region.advance(300.0);
    region.terminate(&id);
    assert_eq!(region.list(Operation::ListInstances)[0]["lifecycleState"], "RUNNING");
    let running = instances(&region).query("lifecycleState", "RUNNING");
    assert_eq!(region.pages(&running).len(), 1);
    region.advance(11.0);
    assert_eq!(region.list(Operation::ListInstances)[0]["lifecycleState"], "TERMINATING");
}

#[test]
fn addresses_of_many_instances_come_from_three_lists() {
    let mut region = crowd(WorldSettings::default(), 6);
    region.advance(300.0);
    let attached = region.list(Operation::ListVnicAttachments);
    assert!(attached.iter().all(|row| row["lifecycleState"] == "ATTACHED" && row["vnicId"].is_string()));
    let subnet = region.defaults.public_subnet.clone();
    let private = region.pages(&region.request(Operation::ListPrivateIps).query("subnetId", subnet));
    let mut public = Vec::new();
    for ad in region.defaults.availability_domains.clone() {
        let request = region
            .request(Operation::ListPublicIps)
            .query("compartmentId", region.defaults.compartment.clone())
            .query("scope", "AVAILABILITY_DOMAIN")
            .query("availabilityDomain", ad);
        public.extend(region.pages(&request));
    }
    assert_eq!((attached.len(), private.len(), public.len()), (6, 6, 6));
    for row in &attached {
        let own = private.iter().find(|ip| ip["vnicId"] == row["vnicId"]).unwrap();
        assert!(public.iter().any(|ip| ip["assignedEntityId"] == own["id"]));
        let vnic = region.get(Operation::GetVnic, "vnicId", row["vnicId"].as_str().unwrap()).unwrap().json();
        assert_eq!(vnic["privateIp"], own["ipAddress"]);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn changing_rows_neither_repeat_nor_vanish_from_pages(
        seed in any::<u64>(),
        limit in 1..20_u32,
        by_name in any::<bool>(),
        ascending in any::<bool>(),
        comings in proptest::collection::vec((0..40_usize, any::<bool>()), 0..12),
    ) {
        let settings = WorldSettings {
            short_page_probability: 0.3,
            empty_page_probability: 0.3,
            terminated_listed_hours: 0.0,
            ..WorldSettings::default()
        };
        let mut region = Region::seeded(settings, seed);
        let ids: Vec<String> = (0..40)
            .map(|number| {
                let answer = region.launch(&region.details(&format!("web-{}", number % 17))).unwrap();
                answer.json()["id"].as_str().unwrap().to_owned()
            })
            .collect();
        region.advance(300.0);
        let mut request = instances(&region)
            .query("limit", limit.to_string())
            .query("sortBy", if by_name { "DISPLAYNAME" } else { "TIMECREATED" })
            .query("sortOrder", if ascending { "ASC" } else { "DESC" });
        let (mut seen, mut ended) = (Vec::new(), BTreeSet::new());
        let mut comings = comings.into_iter();
        loop {
            let answer = region.world.handle(&request).unwrap();
            let rows = answer.json();
            prop_assert!(rows.as_array().unwrap().len() <= limit as usize);
            seen.extend(rows.as_array().unwrap().iter().map(|row| row["id"].as_str().unwrap().to_owned()));
            if let Some((which, launch)) = comings.next() {
                if launch {
                    region.launch(&region.details(&format!("web-{}", which % 17))).unwrap();
                } else if ended.insert(ids[which].clone()) {
                    region.terminate(&ids[which]);
                }
                region.advance(100.0);
            }
            match answer.next_page {
                Some(page) => request = request.query("page", page),
                None => break,
            }
        }
        let unique: BTreeSet<&String> = seen.iter().collect();
        prop_assert_eq!(unique.len(), seen.len(), "a row was shown twice");
        for id in ids.iter().filter(|id| !ended.contains(*id)) {
            prop_assert!(unique.contains(id), "a row that was always there was missed");
        }
    }
}
