//! `engine:` in the config: what it means, what an engine cannot do, and whole commands with it on a simulated region.

use crate::bad_config::{GOOD, errors, load_in};
use crate::fleets::{add, scale, status};
use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};
use fleet::Engine;
use insta_scale::config::Overrides;
use serde_json::Value;

fn place_with_pools() -> (Workplace, Region) {
    let (place, region) = region(&[]);
    add(&place, "engine: instance-pool");
    (place, region)
}

/// What the region has of pools, by state and size, as `status` shows it.
fn pools(place: &Workplace) -> Vec<(String, u64)> {
    let standing = status(place);
    let pools = standing["pools"].as_array().cloned().unwrap_or_default();
    let row = |pool: &Value| (pool["state"].as_str().unwrap().to_owned(), pool["size"].as_u64().unwrap());
    pools.iter().map(row).collect()
}

fn run_to_end(place: &Workplace, size: &str) -> Ended {
    place.run(&["scale", size, "--output", "json"])
}

#[test]
fn an_engine_is_a_word_and_instances_by_default() {
    let folder = tempfile::tempdir().unwrap();
    let load = |line: &str| {
        load_in(folder.path(), format!("{GOOD}{line}"), &Overrides::default()).unwrap().fleet.engine
    };
    assert_eq!(load(""), Engine::Instances);
    assert_eq!(load("  engine: instances\n"), Engine::Instances);
    assert_eq!(load("  engine: instance-pool\n"), Engine::InstancePool);
    insta::assert_snapshot!(errors(format!("{GOOD}  engine: pools\n")));
}

#[test]
fn what_a_pool_cannot_do_is_refused_with_the_reason() {
    let wrong = "  engine: instance-pool\n  spread: {across: fault_domain}\n  hostname: \"{name}\"\n  preemptible: yes\n  \
                 alternatives:\n    - {shape: VM.Standard3.Flex}\n  launch_details: {launchVolumeAttachments: []}\n";
    insta::assert_snapshot!(errors(format!("{GOOD}{wrong}")));
}

#[test]
fn a_cluster_network_needs_one_domain() {
    let without: String = GOOD
        .lines()
        .filter(|line| !line.contains("availability_domain"))
        .fold(String::new(), |all, line| all + line + "\n");
    let several = errors(format!("{without}  engine: cluster-network\n"));
    assert!(several.contains("`engine: cluster-network` needs one availability_domain"), "{several}");
}

#[test]
fn an_earlier_engine_leaves_nothing_behind() {
    let (place, _region) = place_with_pools();
    assert_eq!(run_to_end(&place, "2").code, 0);
    let text = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", text.replace("engine: instance-pool", "engine: instances"));
    let gone = run_to_end(&place, "0");
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    assert!(gone.stderr.contains("instance pools and configurations: 2 of 2 deleted"), "{}", gone.stderr);
}

#[test]
fn commands_that_need_single_launches_say_so() {
    let (place, _region) = place_with_pools();
    for arguments in [
        &["hunt", "--until", "1h", "--yes"][..],
        &["launch", "--reserve", "--yes"],
        &["launch", "--ratchet", "--yes"],
        &["replace", "--drifted", "--yes"],
    ] {
        let refused = place.run(arguments);
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.stderr);
        let said = "does not go with `engine: instance-pool`";
        assert!(refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
    }
    let ratchet = place.run(&["launch", "--ratchet", "--yes"]);
    assert!(ratchet.stderr.contains("--ratchet does not go with"), "{}", ratchet.stderr);
}

#[test]
fn a_dry_run_shows_the_requests_of_a_pool() {
    let (place, _region) = place_with_pools();
    let shown = place.run(&["launch", "--count", "700", "--dry-run", "--offline"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for text in
        ["/20160918/instanceConfigurations", "launchDetails", "for 2 pools, of at most 500 instances each"]
    {
        assert!(shown.stdout.contains(text), "{text}: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("oci-insta-scale-slot"), "{}", shown.stdout);
    let document = place.run(&["launch", "--dry-run", "--offline", "--output", "json"]).json();
    assert_eq!(document["body"]["instanceDetails"]["instanceType"], "compute");
    assert_eq!(document["names"].as_array().map(Vec::len), Some(0));
}

#[test]
fn a_fleet_of_pools_lives_through_all_commands() {
    let (place, _region) = place_with_pools();
    let grown = run_to_end(&place, "4");
    assert_eq!(grown.code, 0, "{}", grown.stderr);
    assert_eq!(grown.json()["launch"]["running"], 4, "{}", grown.stdout);
    assert_eq!(pools(&place), [("RUNNING".to_owned(), 4)]);
    let standing = status(&place);
    assert_eq!((&standing["members"], &standing["by_state"]["RUNNING"]), (&4.into(), &4.into()));
    let shown = place.run(&["status"]);
    assert!(shown.stdout.contains("RUNNING, 4 of 4 members running"), "{}", shown.stdout);
    // It joins its pool.
    assert_eq!(run_to_end(&place, "6").code, 0);
    assert_eq!(pools(&place), [("RUNNING".to_owned(), 6)]);
    // Members that leave take their place in the pool along.
    let shrunk = run_to_end(&place, "3");
    assert_eq!(shrunk.code, 0, "{}", shrunk.stderr);
    assert_eq!((pools(&place), &status(&place)["members"]), (vec![("RUNNING".to_owned(), 3)], &3.into()));
    let name = status(&place)["instances"][0]["name"].as_str().unwrap().to_owned();
    let ended = place.run(&["instances", "terminate", &name]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!((pools(&place), &status(&place)["members"]), (vec![("RUNNING".to_owned(), 2)], &2.into()));
    let runs = place.run(&["runs", "--output", "json"]);
    assert_eq!(runs.code, 0, "{}", runs.stderr);
    let gone = run_to_end(&place, "0");
    assert_eq!(gone.code, 0, "{}", gone.stderr);
    assert!(gone.stderr.contains("instance pools and configurations: 2 of 2 deleted"), "{}", gone.stderr);
    assert_eq!((pools(&place), &status(&place)["members"]), (vec![], &0.into()));
    assert_eq!(scale(&place, &["0"]).code, 0);
}

#[test]
fn a_cleanup_deletes_pools_whose_members_are_gone() {
    let (place, _region) = place_with_pools();
    assert_eq!(run_to_end(&place, "2").code, 0);
    let nothing = place.run(&["cleanup", "--dry-run"]);
    assert!(nothing.stdout.contains("nothing is left over"), "{}", nothing.stdout);
    let names: Vec<String> = {
        let standing = status(&place);
        let rows = standing["instances"].as_array().unwrap().clone();
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(place.run(&["instances", "terminate", &names[0], &names[1], "--no-wait"]).code, 0);
    let found = place.run(&["cleanup", "--dry-run"]);
    assert!(
        found.stdout.contains("instance pool") && found.stdout.contains("instance configuration"),
        "{}",
        found.stdout
    );
    let cleaned = place.run(&["cleanup"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.stderr);
    assert_eq!(pools(&place), []);
    let after = place.run(&["cleanup", "--dry-run"]);
    assert!(after.stdout.contains("nothing is left over"), "{}", after.stdout);
}

#[test]
fn a_key_of_a_few_words_is_not_left_empty() {
    for (lines, said) in [
        ("  engine:\n", "instance_settings.engine must be `instances`, `compute-cluster`"),
        ("  engine: null\n", "is empty"),
        ("  engine: ~\n", "is empty"),
        ("  engine: \"\"\n", "but is \"\""),
        ("  engine: \" \"\n", "but is \" \""),
        ("  engine: []\n", "`cluster-network`, but is a list"),
        ("  strategy:\n", "instance_settings.strategy must be `greedy`"),
        ("  prefer: null\n", "instance_settings.prefer must be"),
        ("  spread: {across: fault_domain, when_impossible: }\n", "when_impossible must be"),
        ("  fault_domain: \"\"\n", "instance_settings.fault_domain is empty"),
        ("  fault_domain: [\"\"]\n", "instance_settings.fault_domain is empty"),
        ("  compute_cluster_id:\n", "instance_settings.compute_cluster_id is empty"),
        ("  recovery_action: \"\"\n", "instance_settings.recovery_action is empty"),
    ] {
        let found = errors(format!("{GOOD}{lines}"));
        assert!(found.contains(said) && found.contains("help: "), "{lines:?}: {found}");
    }
    let domains = errors(GOOD.replace("availability_domain: AD-1", "availability_domain: \"\""));
    assert!(domains.contains("instance_settings.availability_domain is empty"), "{domains}");
}

#[test]
fn a_termination_of_all_members_ends_their_pool() {
    let (place, _region) = place_with_pools();
    assert_eq!(run_to_end(&place, "2").code, 0);
    let listed: Value = serde_json::from_str(&place.run(&["status", "-o", "json"]).stdout).unwrap();
    let first = listed["instances"][0]["ocid"].as_str().unwrap().to_owned();
    let one = place.run(&["instances", "terminate", &first, "--yes"]);
    assert_eq!(one.code, 0, "{}", one.stderr);
    assert_eq!(pools(&place), [("RUNNING".to_owned(), 1)], "a pool with a member stays");
    let rest = place.run(&["instances", "terminate", "--all", "--yes"]);
    assert_eq!(rest.code, 0, "{}", rest.stderr);
    assert!(rest.stderr.contains("instance pools and configurations: 2 of 2 deleted"), "{}", rest.stderr);
    assert_eq!(pools(&place), []);
}

#[test]
fn a_document_names_the_parts_of_its_engine() {
    let (place, _region) = place_with_pools();
    let launched = place.run(&["launch", "--yes", "--output", "json"]);
    let document: Value = serde_json::from_str(&launched.stdout).unwrap();
    let engine = &document["engine"];
    assert_eq!(engine["engine"], "instance-pool");
    let parts = engine["parts"].as_array().unwrap();
    let row = |part: &Value| [part["part"].clone(), part["state"].clone(), part["size"].clone()];
    let wanted = &document["requested"];
    assert_eq!(
        parts.iter().map(row).collect::<Vec<_>>(),
        [
            ["instance_configuration".into(), "made".into(), Value::Null],
            ["instance_pool".into(), "made".into(), wanted.clone()],
        ]
    );
    assert!(parts.iter().all(|part| part["ocid"].as_str().is_some_and(|ocid| ocid.starts_with("ocid1."))));
}

#[test]
fn members_of_a_pool_are_called_by_their_own_names() {
    let (place, _region) = place_with_pools();
    let planned = place.run(&["plan", "--output", "json"]).json();
    assert_eq!(planned.get("first_name"), None, "OCI has not named them yet");
    let launched = place.run(&["launch", "--yes", "--output", "json"]);
    let document: Value = serde_json::from_str(&launched.stdout).unwrap();
    let members = document["instances"].as_array().unwrap();
    assert!(!members.is_empty());
    for member in members {
        let name = member["name"].as_str().unwrap();
        for word in ["launched", "running"] {
            let line = format!("] {word} {name}");
            assert!(launched.stderr.contains(&line), "{line}: {}", launched.stderr);
        }
        // It may have run before it was first seen, and then nobody knows how long it took.
        assert_ne!(member["ready_in_s"], 0.0, "{member}");
    }
    assert!(!launched.stderr.contains("after 0.0 s"), "{}", launched.stderr);
}
