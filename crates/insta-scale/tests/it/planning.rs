//! `plan`, `capacity`, `policy` and `find` with the real program against the simulated region.

use crate::bad_config::GOOD;
use crate::program::Workplace;

#[test]
fn a_plan_gives_a_verdict_for_each_domain_and_the_price() {
    let place = Workplace::with_config(
        &GOOD.replace("availability_domain: AD-1", "availability_domain: [AD-1, AD-2]"),
    );
    let ended = place.run(&["plan", "--simulate=stockout", "--count", "10"]);
    assert_eq!(ended.code, 0, "{} {}", ended.stdout, ended.stderr);
    assert!(
        ended.stdout.contains("AD-1: you can have none of 10 now, because the capacity report"),
        "{}",
        ended.stdout
    );
    assert!(ended.stdout.contains("AD-2: you can have all 10 now"), "{}", ended.stdout);
    assert!(ended.stdout.contains("in all: 10 of 10"), "{}", ended.stdout);
    assert!(ended.stdout.contains("0.3400 an hour"), "{}", ended.stdout);
    assert!(
        ended.stdout.contains("a stopped VM.Standard.E4.Flex costs its boot volume only"),
        "{}",
        ended.stdout
    );
}

#[test]
fn a_plan_is_a_document_as_well() {
    let place = Workplace::with_config(GOOD);
    let document = place.run(&["plan", "--simulate", "--output", "json"]).json();
    assert_eq!(document["preflight"]["authenticated"], true);
    assert_eq!(document["preflight"]["possible"], document["requested"]);
    assert!(document["preflight"]["requests"].as_u64().unwrap() <= 15);
    let hour = document["cost"]["total"]["hour"].as_f64().unwrap();
    assert!(hour > 0.1 && hour < 0.2, "{hour}");
}

#[test]
fn a_limit_makes_a_plan_partial_and_an_unknown_price_is_unknown() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["plan", "--simulate=limits", "--count", "50"]);
    assert_eq!(ended.code, 3, "{}", ended.stdout);
    assert!(
        ended.stdout.contains("20 of 50 now, because the limit standard-e4-core-count"),
        "{}",
        ended.stdout
    );
    let other = GOOD.to_owned() + "prices:\n  currency: EUR\n";
    place.write("config.yaml", other);
    let offline = place.run(&["plan", "--offline"]).stdout;
    assert!(offline.contains("unknown") && !offline.contains("0.0000"), "{offline}");
    assert!(offline.contains("the price of VM.Standard.E4.Flex in EUR is not known"), "{offline}");
}

#[test]
fn own_prices_are_used() {
    let text = "prices:\n  shapes:\n    VM.Standard.E4.Flex: {ocpu: 1, memory_gb: 0.5}\n";
    let place = Workplace::with_config(&format!("{GOOD}{text}"));
    let document = place.run(&["plan", "--offline", "--count", "2", "--output", "json"]).json();
    assert_eq!(document["cost"]["lines"][0]["price"]["hour"], 8.0);
    place.write(
        "config.yaml",
        format!("{GOOD}prices:\n  shapes:\n    X: {{cores: 1}}\n  boot_volume_gb_month: -1\n"),
    );
    let wrong = place.run(&["plan", "--offline"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.stderr.contains("unknown key `prices.shapes.X.cores`"), "{}", wrong.stderr);
    assert!(
        wrong.stderr.contains("prices.boot_volume_gb_month must be a number above 0"),
        "{}",
        wrong.stderr
    );
}

#[test]
fn the_report_is_a_matrix_of_domains_and_fault_domains() {
    let place = Workplace::with_config(GOOD);
    let document = place.run(&["capacity", "--simulate=stockout", "--output", "json"]).json();
    let cells = document["capacity"].as_array().unwrap();
    assert_eq!(cells.len(), 12);
    let full: Vec<&str> = cells
        .iter()
        .filter(|cell| cell["status"] == "out_of_host_capacity")
        .map(|cell| cell["availability_domain"].as_str().unwrap())
        .collect();
    assert!(full.len() == 4 && full.iter().all(|domain| domain.ends_with("AD-1")), "{full:?}");
    let several = place.run(&[
        "capacity",
        "--simulate",
        "VM.Standard.A1.Flex:1:6",
        "VM.Standard.E5.Flex",
        "--ad",
        "ad-2",
    ]);
    assert_eq!(several.stdout.lines().count(), 9, "{}", several.stdout);
}

#[test]
fn a_policy_needs_neither_a_key_nor_the_service() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["policy", "--group", "Ops", "--reservations"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stdout.contains("Allow group Ops to manage compute-capacity-reservations in compartment id")
    );
    let statements = place.run(&["policy", "--output", "json"]).json();
    assert!(statements["statements"].as_array().unwrap().len() > 5);
}

#[test]
fn what_a_config_needs_is_found() {
    let place = Workplace::with_config(GOOD);
    let find = |more: &[&str]| {
        let mut words = vec!["find", "--simulate", "--output", "json"];
        words.extend(more);
        place.run(&words).json()
    };
    assert_eq!(find(&["ads"])["availability_domains"].as_array().map(Vec::len), Some(3));
    let shapes = find(&["shapes", "E4.Flex"]);
    assert_eq!(shapes["shapes"].as_array().map(Vec::len), Some(2), "{shapes}");
    let images = find(&["images", "--os", "Oracle Linux", "--shape", "VM.Standard.A1.Flex"]);
    let images = images["images"].as_array().unwrap();
    assert!(!images.is_empty());
    let created: Vec<&str> = images.iter().filter_map(|image| image["time_created"].as_str()).collect();
    assert!(created.windows(2).all(|pair| pair[0] >= pair[1]), "newest first: {created:?}");
    assert!(find(&["subnets"])["subnets"].as_array().is_some_and(|subnets| !subnets.is_empty()));
    assert!(find(&["compartments"])["compartments"].as_array().is_some_and(|all| !all.is_empty()));
}

#[test]
fn a_format_that_a_command_lacks_is_refused() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["plan", "--output", "csv"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("this command has no --output csv"), "{}", ended.stderr);
}
