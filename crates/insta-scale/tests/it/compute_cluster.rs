//! `engine: compute-cluster` in the config: what is wrong with it, and whole commands with it on a simulated region.

use crate::bad_config::{GOOD, errors};
use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region_at};
use serde_json::{Value, json};

/// The config of a region whose first launch makes a compute cluster. Bare metal boots in minutes, so its time runs faster.
fn place(scenario: &str) -> (Workplace, Region) {
    let (place, region) = if scenario.is_empty() {
        region_at("2000", &[])
    } else {
        let file = std::env::temp_dir().join(format!("compute-cluster-{}.yaml", std::process::id()));
        std::fs::write(&file, scenario).unwrap();
        region_at("2000", &["--scenario", file.to_str().unwrap()])
    };
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let mut lines: Vec<String> = Vec::new();
    let mut in_size = false;
    for line in config.lines() {
        let key = line.trim_start().split(':').next().unwrap_or_default();
        let nested = line.starts_with("    ");
        in_size = key == "shape_config" || (in_size && nested);
        match key {
            _ if in_size => {}
            "shape" => lines.push("  shape: BM.Optimized3.36\n  engine: compute-cluster".to_owned()),
            "availability_domain" => lines.push("  availability_domain: AD-1".to_owned()),
            _ => lines.push(line.to_owned()),
        }
    }
    place.write("config.yaml", lines.join("\n") + "\n");
    (place, region)
}

fn launch(place: &Workplace, more: &[&str]) -> Ended {
    place.run(&[&["launch", "--output", "json"][..], more].concat())
}

/// How many compute clusters were made and deleted, and how many instances were launched.
fn counts(region: &Region) -> (u64, u64, u64) {
    let stats: Value = serde_json::from_str(&region.get("/_sim/stats")).unwrap();
    let of = |name: &str| stats["operations"][name]["ok"].as_u64().unwrap_or(0);
    (of("CreateComputeCluster"), of("DeleteComputeCluster"), of("LaunchInstance"))
}

#[test]
fn an_engine_says_what_it_cannot_do() {
    let lines = "  engine: compute-cluster\n  compute_cluster_id: ocid1.computecluster.oc1.phx.aaaa\n";
    let text = GOOD.replace("instance_settings:\n", &format!("instance_settings:\n{lines}"));
    let text = errors(text.replace("availability_domain: AD-1", "availability_domain: [AD-1, AD-2]"));
    for said in [
        "has no RDMA, which a compute cluster needs",
        "a compute cluster is in one availability domain",
        "names a compute cluster, but instance_settings.engine makes one",
    ] {
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn the_first_launch_makes_the_cluster_and_scale_0_ends_it() {
    let (place, region) = place("");
    let dry = place.run(&["--dry-run", "--output", "json"]);
    let cluster = &dry.json()["compute_cluster"];
    assert_eq!(
        (dry.code, &cluster["exists"], &cluster["price_per_hour"]),
        (0, &false.into(), &0.0.into()),
        "{}",
        dry.stderr
    );
    let plan = place.run(&["plan"]);
    assert!(plan.stdout.contains("makes a compute cluster in "), "{}", plan.stdout);
    assert!(plan.stdout.contains("costs nothing"), "{}", plan.stdout);
    assert_eq!(counts(&region), (0, 0, 0));
    let launched = launch(&place, &[]);
    assert_eq!((launched.code, &launched.json()["running"]), (0, &3.into()), "{}", launched.stderr);
    assert_eq!(counts(&region), (1, 0, 3));
    let engine = &launched.json()["engine"];
    let standing = place.run(&["status", "--output", "json"]).json();
    assert_eq!(
        (&engine["engine"], &engine["parts"][0]["part"]),
        (&"compute-cluster".into(), &"compute_cluster".into())
    );
    assert_eq!(engine["parts"][0]["ocid"], standing["compute_cluster"]["ocid"]);
    assert_eq!(standing["compute_cluster"]["state"], "ACTIVE");
    let runs = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let kinds: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["launch", "network"]);
    // A larger fleet joins the same cluster, and a smaller one keeps it.
    assert_eq!(place.run(&["scale", "4", "--output", "json"]).code, 0);
    assert_eq!(place.run(&["scale", "2", "--output", "json"]).code, 0);
    assert_eq!(counts(&region), (1, 0, 4));
    let dry = place.run(&["--dry-run", "--new", "--output", "json"]).json();
    assert_eq!(dry["compute_cluster"]["exists"], true);
    assert!(dry["body"]["computeClusterId"].is_string(), "{}", dry["body"]);
    let planned = place.run(&["scale", "0", "--dry-run"]);
    assert!(planned.stdout.contains("deletes it after the instances; it cost nothing"), "{}", planned.stdout);
    let ended = place.run(&["scale", "0", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(ended.json()["network"]["deleted"].as_array().unwrap().len(), 1);
    assert_eq!(counts(&region), (1, 1, 4));
    let again = place.run(&["scale", "0", "--output", "json"]);
    assert_eq!((again.code, counts(&region)), (0, (1, 1, 4)), "{}", again.stderr);
}

#[test]
fn a_cluster_of_another_domain_is_ended_before_the_next() {
    let (place, region) = place("");
    assert_eq!(launch(&place, &["--count", "1"]).code, 0);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("availability_domain: AD-1", "availability_domain: AD-2"));
    let refused = launch(&place, &["--extend", "--count", "1"]);
    assert_eq!((refused.code, counts(&region)), (2, (1, 0, 1)), "{}", refused.stderr);
    assert!(refused.stderr.contains("is in Uocm:PHX-AD-1, but the config names"), "{}", refused.stderr);
    let ended = place.run(&["scale", "0", "--output", "json"]);
    assert_eq!((ended.code, counts(&region)), (0, (1, 1, 1)), "{}", ended.stderr);
    assert_eq!(launch(&place, &["--count", "1"]).code, 0);
    assert_eq!(counts(&region), (2, 1, 2));
}

#[test]
fn an_engine_that_has_changed_leaves_no_cluster() {
    let (place, region) = place("");
    assert_eq!(launch(&place, &["--count", "1"]).code, 0);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("  engine: compute-cluster\n", ""));
    let ended = place.run(&["scale", "0", "--output", "json"]);
    assert_eq!((ended.code, counts(&region)), (0, (1, 1, 1)), "{}", ended.stderr);
}

#[test]
fn a_run_rebuilt_from_the_cloud_stays_in_its_cluster() {
    let (place, region) = place("");
    let launched = launch(&place, &["--count", "2"]).json();
    let run = launched["run_id"].as_str().unwrap();
    let elsewhere = ["--state-dir", "elsewhere", "--list-lag", "0s", "--yes", "--output", "json"];
    let rebuilt = place.run(&[&["resume", "--from-cloud", run, "--count", "3"][..], &elsewhere].concat());
    assert_eq!(rebuilt.code, 0, "{}", rebuilt.stderr);
    assert_eq!(rebuilt.json()["running"], 3, "{}", rebuilt.stderr);
    assert_eq!(rebuilt.json()["engine"], launched["engine"]);
    assert_eq!(counts(&region), (1, 0, 3));
}

#[test]
fn a_full_block_and_a_termination_say_what_to_do() {
    let (place, _region) = place("world: {rdma_blocks: [2]}\n");
    let short = launch(&place, &[]);
    assert!(
        short.stdout.contains("the network block of the compute cluster has no free host"),
        "{}",
        short.stdout
    );
    assert!(!short.stdout.contains("`alternatives`"), "{}", short.stdout);
    let ended = place.run(&["instances", "terminate", "--all", "--yes"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("stays for its next launch and costs nothing; `scale 0` deletes it"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_launch_below_its_minimum_leaves_no_cluster() {
    let (place, region) = place("world: {rdma_blocks: [2]}\n");
    let short = launch(&place, &["--min", "3"]);
    assert_ne!(short.code, 0);
    assert!(short.stderr.contains("2 running is below the minimum of 3: rolling back"), "{}", short.stderr);
    assert!(short.stderr.contains("the compute cluster was deleted"), "{}", short.stderr);
    let (made, deleted, _) = counts(&region);
    assert_eq!((made, deleted), (1, 1));
}

#[cfg(unix)]
#[test]
fn a_killed_launch_leaves_one_cluster() {
    let (place, region) = place("");
    let hang =
        json!({"operations": ["CreateComputeCluster"], "nth": [1], "fault": {"delay": {"seconds": 600}}});
    region.post("/_sim/faults", &json!({"replace": [hang]}));
    let mut child = place.command(&["launch"]).spawn().unwrap();
    let intended = || {
        let runs = place.run(&["runs", "--output", "json"]).json();
        let run = runs["runs"].as_array()?.first()?["run"].as_str()?.to_owned();
        let shown = place.run(&["show", &run, "--output", "json"]).json();
        let parts = shown["parts"].as_array()?;
        parts.iter().any(|part| part["part"] == "compute_cluster" && part["in_doubt"] == true).then_some(())
    };
    for _ in 0..200 {
        if intended().is_some() {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert_eq!(intended(), Some(()), "the request is in doubt");
    child.kill().unwrap();
    child.wait().unwrap();
    region.post("/_sim/faults", &json!({"replace": []}));
    let launched = launch(&place, &[]);
    assert_eq!((launched.code, &launched.json()["running"]), (0, &3.into()), "{}", launched.stderr);
    // Killed after it was made and before the fleet ended: `cleanup` finds nothing to delete, and `scale 0` ends both.
    let kept = place.run(&["cleanup"]);
    assert!(kept.stderr.contains("left alone: the fleet has 3 instances"), "{}", kept.stderr);
    assert_eq!(place.run(&["scale", "0", "--output", "json"]).code, 0);
    let (_, deleted, launches) = counts(&region);
    assert_eq!((deleted, launches), (1, 3));
}

#[test]
fn a_policy_lets_the_fleet_make_its_cluster() {
    let (place, _region) = place("");
    let policy = place.run(&["policy", "--output", "json"]).json();
    let texts: Vec<&str> =
        policy["statements"].as_array().unwrap().iter().filter_map(|one| one["text"].as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("manage compute-clusters")), "{texts:?}");
}
