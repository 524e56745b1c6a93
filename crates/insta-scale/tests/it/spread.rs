//! `spread:` in config.yaml: its meaning, contradictions, and the output of `plan --placements` for other tools.

use crate::bad_config::{GOOD, load_in, spoiled};
use crate::fleets::{add, scale};
use crate::program::Workplace;
use crate::sim_serve::region;
use fleet::plan::{Across, Spread, WhenImpossible};
use insta_scale::config::Overrides;
use serde_json::Value;
use std::collections::BTreeMap;

const SPREAD: &str = "spread: {across: fault_domain}";

/// The messages for the good config with this line under `instance_settings`.
fn with(line: &str) -> String {
    spoiled("  availability_domain: AD-1\n", &format!("  availability_domain: AD-1\n  {line}\n"))
}

fn fault_domains(place: &Workplace, arguments: &[&str]) -> BTreeMap<String, String> {
    let ended = place.run(&[&["plan", "--placements", "json"], arguments].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let text = |row: &Value, key: &str| row[key].as_str().unwrap_or("-").to_owned();
    let rows = ended.json()["placements"].as_array().unwrap().clone();
    rows.iter().map(|row| (text(row, "name"), text(row, "fault_domain"))).collect()
}

#[test]
fn a_spread_is_read_with_its_defaults() {
    let folder = tempfile::tempdir().unwrap();
    let read = |line: &str| {
        let text = format!("{GOOD}  {line}\n");
        load_in(folder.path(), text, &Overrides::default()).unwrap().fleet.spread
    };
    let usual = Spread { across: Across::FaultDomain, max_skew: 1, when_impossible: WhenImpossible::Refuse };
    assert_eq!(read(SPREAD), Some(usual));
    let all = "spread: {across: fault_domain, max_skew: 3, when_impossible: best_effort}";
    let loose = Spread { max_skew: 3, when_impossible: WhenImpossible::BestEffort, ..usual };
    assert_eq!(read(all), Some(loose));
    let blank = load_in(folder.path(), format!("{GOOD}  spread:\n"), &Overrides::default()).unwrap_err();
    assert!(blank.contains("spread lacks `across`"), "{blank}");
}

#[test]
fn a_bad_spread_is_named_with_place_and_remedy() {
    insta::assert_snapshot!(with("spread: {across: fault-domains, max_skew: 0, when_impossible: never}"), @r#"
        config.yaml:17:20: instance_settings.spread.across must be `fault_domain` or `availability_domain`, but is "fault-domains"
           |
        17 |   spread: {across: fault-domains, max_skew: 0, when_impossible: never}
           |                    ^^^^^^^^^^^^^
           = help: did you mean `fault_domain`?

        config.yaml:17:45: instance_settings.spread.max_skew must be a whole number from 1 to 1000, but is 0
           |
        17 |   spread: {across: fault-domains, max_skew: 0, when_impossible: never}
           |                                             ^

        config.yaml:17:65: instance_settings.spread.when_impossible must be `refuse` or `best_effort`, but is "never"
           |
        17 |   spread: {across: fault-domains, max_skew: 0, when_impossible: never}
           |                                                                 ^^^^^
           = help: write `refuse` or `best_effort`

        config.yaml: 3 mistakes; nothing was sent
        "#);
    insta::assert_snapshot!(with("spread: {max_skew: 2, skew: 1}"), @r#"
        config.yaml:17:11: spread lacks `across`
           |
        17 |   spread: {max_skew: 2, skew …
           |           ^
           = help: write `across: fault_domain` or `across: availability_domain`

        config.yaml:17:25: unknown key `instance_settings.spread.skew`
           |
        17 |   spread: {max_skew: 2, skew …
           |                         ^^^^
           = help: the keys here are: across, max_skew, when_impossible

        config.yaml: 2 mistakes; nothing was sent
        "#);
    insta::assert_snapshot!(with("spread: [fault_domain]"), @r#"
        config.yaml:17:11: instance_settings.spread must be a group of `key: value` lines, but is a list
           |
        17 |   spread: [fault_domain]
           |           ^
           = help: the keys are: across, max_skew, when_impossible

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(with("spread: fault_domain"), @r#"
        config.yaml:17:11: instance_settings.spread must be a group of `key: value` lines, but is the text "fault_domain"
           |
        17 |   spread: fault_domain
           |           ^^^^^^^^^^^^
           = help: the keys are: across, max_skew, when_impossible

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn a_spread_that_its_config_contradicts_is_refused() {
    insta::assert_snapshot!(with("spread: {across: fault_domain}\n  fault_domain: FAULT-DOMAIN-1"), @r#"
        config.yaml:18:17: fault_domain allows one fault domain, so the fleet cannot be spread over several
           |
        18 |   fault_domain: FAULT-DOMAIN-1
           |                 ^^^^^^^^^^^^^^
           = help: remove fault_domain, list at least two, or remove `spread`

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(with("spread: {across: availability_domain}"), @r#"
        config.yaml:16:24: availability_domain allows one availability domain, so the fleet cannot be spread over several
           |
        16 |   availability_domain: AD-1
           |                        ^^^^
           = help: list at least two, or spread across fault_domain: `spread: {across: fault_domain}`

        config.yaml: 1 mistake; nothing was sent
        "#);
    insta::assert_snapshot!(with("spread: {across: fault_domain}\n  dedicated_vm_host_id: ocid1.dedicatedvmhost.oc1.phx.h"), @r#"
        config.yaml:18:25: a dedicated host is in one fault domain, so the fleet cannot be spread over several
           |
        18 |   dedicated_vm_host_id: ocid1.dedicatedvmhost.oc1.phx.h
           |                         ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
           = help: remove dedicated_vm_host_id or `spread`

        config.yaml: 1 mistake; nothing was sent
        "#);
}

#[test]
fn placements_stay_the_same_once_they_exist() {
    let (place, _region) = region(&[]);
    add(&place, SPREAD);
    let planned = fault_domains(&place, &["--count", "4"]);
    let expected = [("rehearsal-1", 1), ("rehearsal-2", 2), ("rehearsal-3", 3), ("rehearsal-4", 1)]
        .map(|(name, fault)| (name.to_owned(), format!("FAULT-DOMAIN-{fault}")));
    assert_eq!(planned, expected.clone().into());
    assert_eq!(scale(&place, &["3"]).code, 0);
    assert_eq!(fault_domains(&place, &["--count", "4"]), planned, "re-read from the cloud");
    // Without the ledger and with a gap, no member moves.
    std::fs::remove_dir_all(place.path().join("state")).unwrap();
    assert_eq!(place.run(&["instances", "terminate", "rehearsal-2", "--no-wait"]).code, 0);
    assert_eq!(fault_domains(&place, &[]), expected[..3].iter().cloned().collect());
    let tfvars = place.run(&["plan", "--placements", "tfvars"]);
    assert_eq!(tfvars.code, 0, "{}", tfvars.stderr);
    let line = tfvars.stdout.lines().nth(3).unwrap();
    assert!(line.starts_with("  \"rehearsal-2\" = { availability_domain = \""), "{}", tfvars.stdout);
    assert!(line.contains("fault_domain = \"FAULT-DOMAIN-2\", shape = \"VM."), "{}", tfvars.stdout);
    let table = place.run(&["plan", "--placements", "table"]).stdout;
    assert!(table.contains("exists") && table.contains("planned"), "{table}");
}

#[test]
fn shrinking_a_spread_fleet_keeps_its_skew() {
    let (place, _region) = region(&[]);
    add(&place, SPREAD);
    assert_eq!(scale(&place, &["6"]).code, 0);
    let named = scale(&place, &["4", "--named", "rehearsal-1,rehearsal-4"]);
    assert_eq!(named.code, 2, "{}", named.stderr);
    assert!(
        named.stderr.contains("--named would break the spread of the fleet: 2 members would stay in "),
        "{}",
        named.stderr
    );
    assert!(named.stderr.contains("omit --named"), "{}", named.stderr);
    assert_eq!(scale(&place, &["3"]).code, 0);
    let left = fault_domains(&place, &[]);
    let mut faults: Vec<&str> = left.values().map(String::as_str).collect();
    faults.sort_unstable();
    assert_eq!(faults, ["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"]);
}

#[test]
fn an_impossible_spread_shows_its_place_and_launches_nothing() {
    let (place, _region) = region(&[]);
    add(&place, "fault_domain: FAULT-DOMAIN-1");
    assert_eq!(scale(&place, &["3"]).code, 0);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("fault_domain: FAULT-DOMAIN-1", SPREAD));
    for arguments in [
        &["scale", "4"][..],
        &["scale", "4", "--dry-run"],
        &["launch", "--extend", "--count", "1"],
        &["launch", "--extend", "--count", "1", "--dry-run"],
    ] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?} {} {}", ended.stdout, ended.stderr);
        assert!(ended.stderr.contains("a skew of "), "{arguments:?} {}", ended.stderr);
        assert!(ended.stderr.contains("  spread: {across: fault_domain}"), "{arguments:?} {}", ended.stderr);
    }
    assert_eq!(fault_domains(&place, &["--count", "3"]).len(), 3);
    let grown = scale(&place, &["9"]);
    assert_eq!((grown.code, &grown.json()["launch"]["launched"]), (0, &6.into()), "{}", grown.stderr);
}
