use oci_simulator::scenario::{Scenario, ScenarioError};
use serde_json::Value;

fn error(yaml: &str) -> String {
    Scenario::from_yaml(yaml, "mine.yaml").unwrap_err().to_string()
}

#[test]
fn every_preset_loads_and_describes_itself() {
    let names: Vec<&str> = Scenario::presets().iter().map(|preset| preset.name).collect();
    assert_eq!(names, ["roomy", "scarce", "crumbs", "throttled", "flaky", "stockout", "limits", "hostile"]);
    for preset in Scenario::presets() {
        let scenario = Scenario::named(preset.name).unwrap();
        assert_eq!(scenario.description, preset.description);
        assert_eq!(Scenario::load(preset.name).unwrap(), scenario);
    }
    assert_eq!(Scenario::named("roomy").unwrap().world, Scenario::default().world);
}

#[test]
fn hostile_combines_all_survivable_faults() {
    let named = |name: &str| serde_json::to_value(Scenario::named(name).unwrap()).unwrap();
    let (hostile, usual) = (named("hostile"), serde_json::to_value(Scenario::default()).unwrap());
    let differing = |scenario: &Value| -> Vec<String> {
        let parts = ["world", "throttle", "latency"].into_iter();
        let keys = parts.flat_map(|part| usual[part].as_object().unwrap().keys().map(move |key| (part, key)));
        keys.filter(|(part, key)| scenario[part][key] != usual[part][key])
            .map(|(part, key)| format!("{part}.{key}"))
            .collect()
    };
    let had = differing(&hostile);
    for preset in Scenario::presets() {
        for key in differing(&named(preset.name)) {
            assert!(had.contains(&key), "{} changes {key}, hostile does not", preset.name);
        }
    }
    for key in ["world.outages", "world.reclaims", "world.subnet_prefix_length"] {
        assert!(had.iter().any(|had| had == key), "hostile does not change {key}");
    }
    let faults = serde_json::to_string(&hostile["faults"]).unwrap();
    let kinds = [
        "answer",
        "truncate",
        "reset_before",
        "reset_after",
        "delay",
        "hang",
        "repeat_page",
        "duplicate_page",
    ];
    for kind in kinds {
        assert!(faults.contains(&format!("\"{kind}\"")), "hostile has no {kind}");
    }
}

#[test]
fn an_empty_file_is_the_default_scenario() {
    assert_eq!(Scenario::from_yaml("# nothing\n\n", "x").unwrap(), Scenario::default());
}

#[test]
fn mistakes_name_their_place_and_the_nearest_match() {
    insta::assert_snapshot!(error("wrld: {}\n"), @"mine.yaml:1:1: unknown key `wrld`. Did you mean `world`?");
    insta::assert_snapshot!(error("world:\n  hosts: {per_fault_domian: 1}\n"), @"mine.yaml:2:11: unknown key `per_fault_domian`. Did you mean `per_fault_domain`?");
    insta::assert_snapshot!(error("throttle: {preset: tigth}\n"), @"mine.yaml:1:20: unknown value `tigth`. Did you mean `tight`?");
    insta::assert_snapshot!(error("faults:\n  - {fault: reset_befor}\n"), @"mine.yaml:2:13: unknown value `reset_befor`. Did you mean `reset_before`?");
    insta::assert_snapshot!(error("faults:\n  - {operations: [LaunchInstances], fault: hang}\n"), @"mine.yaml:2:19: unknown operation `LaunchInstances`. Did you mean `LaunchInstance`?");
    insta::assert_snapshot!(error("faults:\n  - {operations: [launchinstance], fault: hang}\n"), @"mine.yaml:2:19: unknown operation `launchinstance`. Did you mean `LaunchInstance`?");
    insta::assert_snapshot!(error("faults:\n  - {operations: [nothing like it], fault: hang}\n"), @"mine.yaml:2:19: \
         unknown operation `nothing like it`. Use an operation of the API, such as LaunchInstance, or a class: \
         launch, write, read.");
    insta::assert_snapshot!(error("speed: fast\n"), @"mine.yaml:1:8: speed: must be a number");
    insta::assert_snapshot!(error("speed: 0\n"), @"mine.yaml: speed must be above 0 and at most 1000000, not 0");
    insta::assert_snapshot!(error("faults: [{probability: 1.5, fault: hang}]\n"), @"mine.yaml: faults[0]: probability must be between 0 and 1, not 1.5");
    insta::assert_snapshot!(error("faults: [{fault: {answer: {status: 200}}}]\n"), @"mine.yaml: faults[0]: status must be between 400 and 599, not 200");
    insta::assert_snapshot!(error("throttle: {user: {launch: {per_second: 1, burst: 0}}}\n"), @"mine.yaml: throttle.user.launch: per_second must be at least 0 and burst at least 1");
    insta::assert_snapshot!(error("world: {hosts: {per_fault_domain: -1}}\n"), @"mine.yaml:1:35: per_fault_domain: must be a whole number from 0 to 4294967295");
    insta::assert_snapshot!(error("world: {refuse_large_pages: maybe}\n"), @"mine.yaml:1:29: refuse_large_pages: must be true or false");
    insta::assert_snapshot!(error("world:\n  availability_domains: 300\n"), @"mine.yaml:2:25: availability_domains: must be a whole number from 0 to 255");
    insta::assert_snapshot!(error("world: {limits: {cores: x}}\n"), @"mine.yaml:1:25: cores: must be a whole number");
    insta::assert_snapshot!(error("world: {hosts: 3}\n"), @"mine.yaml:1:16: hosts: must hold keys with values");
    insta::assert_snapshot!(error("faults: {a: 1}\n"), @"mine.yaml:1:9: faults: must be a list");
    insta::assert_snapshot!(error("world: {region: [1]}\n"), @"mine.yaml:1:17: region: must be a text");
    insta::assert_snapshot!(error("world: {list_lag: 3}\n"), @"mine.yaml:1:9: unknown key `list_lag`. Did you mean `list_lag_seconds`?");
    insta::assert_snapshot!(error("faults: [\n"), @"mine.yaml:1:9: unclosed bracket '['");
    insta::assert_snapshot!(error("speed: 1\nspeed: 2\n"), @"mine.yaml:2:1: the key `speed` is given twice");
}

#[test]
fn a_name_that_is_none_says_which_there_are() {
    let error =
        |name: &str| Scenario::load(name).map_err(|error: ScenarioError| error.to_string()).unwrap_err();
    insta::assert_snapshot!(error("hostille"), @"no scenario is named `hostille`. Did you mean `hostile`? Known: \
         roomy, scarce, crumbs, throttled, flaky, stockout, limits, hostile; or name a YAML file.");
    insta::assert_snapshot!(error("weather"), @"no scenario is named `weather`. Known: roomy, scarce, crumbs, throttled, flaky, stockout, limits, hostile; or name a YAML file.");
    assert!(error("./no/such.yaml").starts_with("cannot read the scenario ./no/such.yaml: "));
}

#[test]
fn the_documentation_names_every_scenario_key() {
    let documentation =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/simulator.md")).unwrap();
    let Value::Object(all) = serde_json::to_value(Scenario::default()).unwrap() else { panic!("no object") };
    let nested = ["world", "throttle", "latency"].map(|key| all[key].as_object().unwrap());
    let keys = nested.into_iter().flatten().chain(&all).map(|(key, _)| key.as_str());
    let presets = Scenario::presets().iter().map(|preset| preset.name);
    let faults = [
        "answer",
        "truncate",
        "reset_before",
        "reset_after",
        "delay",
        "hang",
        "repeat_page",
        "duplicate_page",
        "clock_skew",
        "expired_credentials",
    ];
    for name in keys.chain(presets).chain(faults) {
        assert!(
            documentation.contains(&format!("`{name}")) || documentation.contains(&format!("{name}:")),
            "{name}"
        );
    }
    for preset in Scenario::presets() {
        let line = preset.description.trim_end_matches(&['.', ')'][..]);
        let line = line.trim_end_matches(" (the default").to_lowercase();
        assert!(documentation.to_lowercase().contains(&line), "{line}");
    }
    let example = documentation.split("```yaml\n").nth(1).unwrap().split("```").next().unwrap();
    let scenario = Scenario::from_yaml(example, "docs/simulator.md").unwrap();
    assert_eq!((scenario.faults.len(), scenario.throttle.other_load.len()), (3, 2));
}

#[test]
fn a_byte_that_is_no_text_is_named_with_its_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.yaml");
    std::fs::write(&path, b"latency: {}\n# caf\xe9\n").unwrap();
    let error = Scenario::load(&path.display().to_string()).unwrap_err().to_string();
    assert!(error.ends_with("mine.yaml:2: byte 0xe9 is not UTF-8: save the file as UTF-8"), "{error}");
}
