//! The Search service: which queries it understands, what they find, and in which order.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiError, ApiRequest, Known};
use proptest::prelude::*;
use serde_json::{Value, json};

fn query(region: &Region, text: &str) -> ApiRequest {
    region.request(Operation::SearchResources).body(json!({"type": "Structured", "query": text}))
}

fn names(region: &mut Region, text: &str) -> Vec<String> {
    let answer = region.world.handle(&query(region, text)).unwrap().json();
    let items = answer["items"].as_array().unwrap();
    items.iter().map(|row| row["displayName"].as_str().unwrap().to_owned()).collect()
}

fn refusal(region: &mut Region, text: &str) -> ApiError {
    region.world.handle(&query(region, text)).unwrap_err()
}

fn three() -> Region {
    let mut region = Region::roomy();
    let tag = Known::DefinedTag { namespace: "Costs".into(), key: "Center".into() };
    region.world.register(&tag).unwrap();
    for (name, tags) in
        [("a", json!({"role": "web", "team": "red"})), ("b", json!({"role": "red"})), ("c", json!({}))]
    {
        let mut details = region.details(name);
        details["freeformTags"] = tags;
        details["definedTags"] = json!({"Costs": {"Center": name}});
        region.launch(&details).unwrap();
        region.advance(600.0);
    }
    region
}

#[test]
fn a_search_finds_what_its_conditions_say() {
    let mut region = three();
    let compartment = region.defaults.compartment.clone();
    let ad = region.defaults.availability_domains[0].clone();
    for (condition, wanted) in [
        (format!("lifecycleState = 'RUNNING' && compartmentId = '{compartment}'"), &["c", "b", "a"][..]),
        ("lifeCycleState = 'running' and displayName != \"b\"".to_owned(), &["c", "a"]),
        ("displayName = 'A'".to_owned(), &["a"]),
        ("displayName == 'A'".to_owned(), &[]),
        ("displayName =~ 'B' || displayName = 'c'".to_owned(), &["c", "b"]),
        (format!("availabilityDomain = '{ad}' && shape =~ 'e4'"), &["c", "b", "a"]),
        ("timeCreated >= 'now - 15m'".to_owned(), &["c"]),
        ("timeCreated < '2026-11-22'".to_owned(), &[]),
        ("definedTags.namespace = 'costs' && definedTags.value = 'b'".to_owned(), &["b"]),
        ("freeformTags.key != 'role'".to_owned(), &["c"]),
        ("compartmentId = 'ocid1.compartment.oc1..nobody'".to_owned(), &[]),
    ] {
        let text = format!("query instance resources where {condition}");
        assert_eq!(names(&mut region, &text), wanted, "{condition}");
    }
}

#[test]
fn conditions_side_by_side_speak_of_one_tag() {
    let mut region = three();
    let tagged = |key: &str, value: &str| {
        format!(
            "query instance resources where lifecycleState = 'RUNNING' && \
             (freeformTags.key = '{key}' && freeformTags.value = '{value}')"
        )
    };
    assert_eq!(names(&mut region, &tagged("role", "web")), ["a"]);
    // One machine has this key and this value, but in two tags.
    assert_eq!(names(&mut region, &tagged("role", "red")), ["b"]);
}

#[test]
fn a_search_covers_every_type_and_sorts_as_asked() {
    let mut region = three();
    let answer =
        region.world.handle(&query(&region, "query all resources sorted by displayName asc")).unwrap();
    let answer = answer.json();
    let rows = answer["items"].as_array().unwrap();
    let names: Vec<&str> = rows.iter().map(|row| row["displayName"].as_str().unwrap()).collect();
    assert!(names.is_sorted(), "{names:?}");
    for kind in ["Instance", "BootVolume", "Vcn", "Subnet", "Compartment", "User"] {
        assert!(rows.iter().any(|row| row["resourceType"] == kind), "{kind}");
    }
    let two = "query bootvolume, instance resources matching 'a' sorted by timeCreated asc";
    assert_eq!(self::names(&mut region, two)[..1], ["a"]);
    assert_eq!(self::names(&mut region, "query bucket resources"), Vec::<String>::new());
    let free = region.request(Operation::SearchResources).body(json!({"type": "FreeText", "text": "COSTS"}));
    assert_eq!(region.world.handle(&free).unwrap().json()["items"].as_array().unwrap().len(), 3);
}

#[test]
fn pages_of_a_search_hold_each_row_once() {
    let mut region = three();
    let text = "query all resources sorted by lifecycleState desc";
    let whole = region.world.handle(&query(&region, text)).unwrap().json()["items"].clone();
    let (mut paged, mut page) = (Vec::<Value>::new(), None);
    loop {
        let mut request = query(&region, text).query("limit", "2");
        if let Some(page) = page {
            request = request.query("page", page);
        }
        let answer = region.world.handle(&request).unwrap();
        paged.extend(answer.json()["items"].as_array().unwrap().iter().cloned());
        page = answer.next_page.clone();
        if page.is_none() {
            break;
        }
        // A token belongs to the query for which it was issued.
        let other = query(&region, "query all resources").query("page", page.clone().unwrap());
        assert_eq!(region.world.handle(&other).unwrap_err().status, 400);
    }
    assert_eq!(Value::from(paged), whole);
}

#[test]
fn a_query_that_is_not_understood_is_refused_by_place() {
    let mut region = three();
    let refused =
        refusal(&mut region, "query instance resources where lifecycleState = 'RUNNING' && color = 'x'");
    assert_eq!((refused.status, refused.code), (400, "InvalidParameter"));
    assert_eq!(refused.message, "query, character 62: `color` is not a field that can be searched here");
    assert_eq!(refusal(&mut region, "query server resources").status, 400);
    let elsewhere = query(&region, "query all resources").query("tenantId", "ocid1.tenancy.oc1..another");
    assert_eq!(region.world.handle(&elsewhere).unwrap_err().status, 404);
}

#[test]
fn a_list_of_absent_things_still_checks_its_request() {
    let mut region = Region::roomy();
    let volumes = region.list(Operation::ListVolumeBackups);
    assert_eq!(volumes, Vec::<Value>::new());
    for (name, value, status) in [
        ("compartmentId", "ocid1.compartment.oc1..nobody", 404),
        ("availabilityDomain", "Uocm:PHX-AD-9", 404),
        ("limit", "0", 400),
        ("page", "made-up", 400),
    ] {
        let compartment = region.defaults.compartment.clone();
        let request = region.request(Operation::ListComputeHosts).query("compartmentId", compartment);
        let refused = region.world.handle(&request.query(name, value)).unwrap_err();
        assert_eq!(refused.status, status, "{name}");
    }
    let hosts = region.request(Operation::ListComputeHosts);
    let hosts = hosts.query("compartmentId", region.defaults.compartment.clone());
    assert_eq!(region.world.handle(&hosts).unwrap().json(), json!({"items": []}));
}

/// Words of which real queries consist, and some that break them.
const WORDS: [&str; 40] = [
    "query",
    "instance",
    "bootvolume",
    "all",
    "bucket",
    ",",
    "resources",
    "where",
    "matching",
    "return",
    "allAdditionalFields",
    "sorted",
    "by",
    "asc",
    "desc",
    "(",
    ")",
    "&&",
    "||",
    "and",
    "or",
    "=",
    "!=",
    "==",
    "!==",
    "=~",
    "<",
    ">=",
    "displayName",
    "timeCreated",
    "lifecycleState",
    "freeformTags.key",
    "definedTags.value",
    "'a'",
    "'now - 15m'",
    "'2026-11-22'",
    "\"b",
    "'",
    "freeformTags.",
    "\u{1f980}",
];

fn words() -> impl Strategy<Value = String> {
    let word = prop_oneof![
        12 => proptest::sample::select(WORDS.to_vec()).prop_map(str::to_owned),
        1 => ".{0,12}",
        1 => "[()]{0,120}",
    ];
    (proptest::collection::vec(word, 0..30), any::<bool>(), proptest::sample::select(vec![" ", "", "\n\t"]))
        .prop_map(|(words, begun, between)| {
            let text = words.join(between);
            if begun { format!("query instance resources where {text}") } else { text }
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

    #[test]
    fn every_search_query_is_answered_or_refused(text in words()) {
        thread_local! {
            static REGION: std::cell::RefCell<Region> = std::cell::RefCell::new(three());
        }
        REGION.with_borrow_mut(|region| {
            let answer = region.world.handle(&query(region, &text));
            prop_assert_eq!(&region.world.handle(&query(region, &text)), &answer, "not repeatable");
            match answer {
                Ok(found) => prop_assert!(found.json()["items"].is_array(), "{}", found.json()),
                Err(refused) => {
                    prop_assert_eq!((refused.status, refused.code), (400, "InvalidParameter"), "{}", refused);
                    prop_assert!(refused.message.len() < 1000 && !refused.message.chars().any(char::is_control), "{}", refused);
                }
            }
            Ok(())
        })?;
    }
}
