//! `network:` in the config: what it means, what is wrong with it, and whole commands with it on a simulated region.

use crate::bad_config::{GOOD, errors, load_in};
use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};
use insta_scale::config::Overrides;
use serde_json::{Value, json};

const SUBNET: &str = "  subnet_id: ocid1.subnet.oc1.phx.aaaaexamplesubnet\n";

fn with(network: &str) -> String {
    assert!(GOOD.contains(SUBNET), "{GOOD}");
    GOOD.replace(SUBNET, &format!("  network: {network}\n"))
}

fn mistakes(network: &str) -> String {
    errors(with(network))
}

/// The config of a region whose first launch makes a network.
fn place_with(network: &str) -> (Workplace, Region) {
    let (place, region) = region(&[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let lines: Vec<String> = config
        .lines()
        .map(|line| match line.trim_start().split_once(':') {
            Some(("subnet_id", _)) => format!("  network: {network}"),
            _ => line.to_owned(),
        })
        .collect();
    place.write("config.yaml", lines.join("\n") + "\n");
    (place, region)
}

const FROM_ONE: &str = "{ssh_from: 203.0.113.7/32}";

/// How many networks the region has, and parts of one made by this tool.
fn vcns(place: &Workplace) -> usize {
    let subnets = place.run(&["find", "subnets", "--output", "json"]).json();
    let names: Vec<&str> =
        subnets["subnets"].as_array().unwrap().iter().filter_map(|row| row["name"].as_str()).collect();
    names.iter().filter(|name| name.ends_with(" subnet")).count()
}

fn launch(place: &Workplace, more: &[&str]) -> Ended {
    place.run(&[&["launch", "--output", "json"][..], more].concat())
}

#[test]
fn a_network_is_a_word_or_a_group() {
    let folder = tempfile::tempdir().unwrap();
    let load = |network: &str| load_in(folder.path(), with(network), &Overrides::default()).unwrap();
    let create = load("create");
    let network = create.fleet.network.clone().unwrap();
    assert_eq!((network.block.to_string().as_str(), network.public), ("10.0.0.0/16", true));
    assert!(network.ssh_from.is_empty() && create.fleet.needs_network().is_some());
    assert!(create.notes.contains("nothing can connect"), "{}", create.notes);
    let group = load("{block: 192.168.4.0/24, public: no, ssh_from: [10.0.0.0/8, 203.0.113.7]}");
    let network = group.fleet.network.unwrap();
    let sources: Vec<String> = network.ssh_from.iter().map(ToString::to_string).collect();
    assert_eq!(sources, ["10.0.0.0/8", "203.0.113.7/32"]);
    assert_eq!((network.public, group.notes.as_str()), (false, ""));
    let open = load("{ssh_from: 0.0.0.0/0}").notes;
    assert!(open.contains("lets the whole Internet try to log in"), "{open}");
}

#[test]
fn each_mistake_in_a_network_has_its_place_and_remedy() {
    insta::assert_snapshot!(mistakes(
        "{block: 10.0.0.0/8, ssh_from: [2001:db8::/32, 10.0.0.1/8, me], private: yes}"
    ));
    insta::assert_snapshot!(mistakes("make"));
    insta::assert_snapshot!(mistakes(""));
    insta::assert_snapshot!(mistakes("{block: 169.254.0.0/20}"));
    insta::assert_snapshot!(mistakes("{block: 10.0.0.0/30, public: perhaps}"));
    let few = GOOD.replace(SUBNET, "  network: {block: 10.0.0.0/30}\n");
    insta::assert_snapshot!(errors(few));
}

#[test]
fn settings_that_contradict_the_network_are_refused() {
    let text = with("{public: false}")
        + "  subnet_id: ocid1.subnet.oc1.phx.aaaaexamplesubnet\n  assign_public_ip: true\n  assign_ipv6_ip: true\n  \
           nsg_ids: ocid1.networksecuritygroup.oc1.phx.aaaa\n";
    insta::assert_snapshot!(errors(text));
}

#[test]
fn the_first_launch_makes_the_network_of_the_fleet() {
    let (place, _region) = place_with(FROM_ONE);
    assert_eq!(vcns(&place), 0);
    let dry = place.run(&["--dry-run", "--output", "json"]);
    let network = &dry.json()["network"];
    assert_eq!((dry.code, &network["exists"], &network["price_per_hour"]), (0, &false.into(), &0.0.into()));
    assert_eq!(network["parts"].as_array().unwrap().len(), 5);
    assert_eq!(network["ssh_from"], json!(["203.0.113.7/32"]));
    let plan = place.run(&["plan"]);
    assert!(plan.stdout.contains("SSH from 203.0.113.7/32 only; costs nothing"), "{}", plan.stdout);
    assert_eq!((plan.code, vcns(&place)), (0, 0), "{}", plan.stderr);
    let doctor = place.run(&["doctor"]);
    assert!(doctor.stdout.contains("the first launch makes a VCN"), "{}", doctor.stdout);
    let launched = launch(&place, &[]);
    assert_eq!((launched.code, &launched.json()["running"]), (0, &3.into()), "{}", launched.stderr);
    assert_eq!(vcns(&place), 1);
    let runs = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let kinds: Vec<&str> = runs.as_array().unwrap().iter().map(|run| run["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["launch", "network"]);
    let id = runs[1]["run"].as_str().or(runs[1]["run_id"].as_str()).unwrap();
    let shown = place.run(&["show", id, "--output", "json"]).json();
    assert_eq!((&shown["outcome"], &shown["parts"][0]["part"]), (&"complete".into(), &"vcn".into()));
    // A later launch and a scale use the same one.
    let more = launch(&place, &["--extend", "--count", "1"]);
    assert_eq!(more.code, 0, "{}", more.stderr);
    let grown = place.run(&["scale", "6", "--no-wait", "--output", "json"]);
    assert_eq!(grown.code, 0, "{}", grown.stderr);
    assert_eq!(vcns(&place), 1);
    let again = place.run(&["--dry-run", "--new", "--output", "json"]).json();
    assert_eq!(again["network"]["exists"], true);
    assert!(again["body"]["createVnicDetails"]["subnetId"].is_string(), "{}", again["body"]);
}

#[test]
fn scale_0_ends_the_network_after_the_instances() {
    let (place, _region) = place_with(FROM_ONE);
    assert_eq!(launch(&place, &[]).code, 0);
    let refused = place.run(&["scale", "1", "--network"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("1 instances are wanted"), "{}", refused.stderr);
    let planned = place.run(&["scale", "0", "--network", "--dry-run"]);
    let said = "deletes it after the instances: subnet, route table, security list, internet gateway, VCN; it cost nothing";
    assert!(planned.stdout.contains(said), "{}", planned.stdout);
    let ended = place.run(&["scale", "0", "--network", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document = ended.json();
    assert_eq!(
        (&document["after"], document["network"]["deleted"].as_array().unwrap().len()),
        (&0.into(), 5)
    );
    assert_eq!(vcns(&place), 0);
    // There is nothing left to end, and the next launch makes another.
    let nothing = place.run(&["scale", "0", "--network"]);
    assert!(nothing.stderr.contains("has no network"), "{}", nothing.stderr);
    assert_eq!((nothing.code, launch(&place, &[]).code, vcns(&place)), (0, 0, 1));
}

#[test]
fn a_network_that_others_use_is_not_ended() {
    let (place, region) = place_with(FROM_ONE);
    assert_eq!(launch(&place, &[]).code, 0);
    let other = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let subnet = place.run(&["find", "subnets", "--output", "json"]).json()["subnets"]
        .as_array()
        .unwrap()
        .iter()
        .find(|row| row["name"].as_str().is_some_and(|name| name.ends_with(" subnet")))
        .unwrap()["ocid"]
        .as_str()
        .unwrap()
        .to_owned();
    let other = other
        .replace("network: {ssh_from: 203.0.113.7/32}", &format!("subnet_id: {subnet}"))
        .replace("display_name_prefix: rehearsal", "display_name_prefix: guest")
        .replace("count: 3", "count: 1");
    place.write("guest.yaml", other);
    let guest = place.run(&["--config", "guest.yaml", "--output", "json"]);
    assert_eq!(guest.code, 0, "{}", guest.stderr);
    let refused = place.run(&["scale", "0", "--network"]);
    assert_eq!(refused.code, 2, "{}", refused.stdout);
    assert!(refused.stderr.contains("none of the fleet's is in its subnet"), "{}", refused.stderr);
    let members = place.run(&["status", "--output", "json"]).json();
    assert_eq!(members["members"], 3, "nothing was terminated");
    drop(region);
}

#[test]
fn a_network_that_cannot_be_made_stops_before_the_launch() {
    let (place, region) = place_with(FROM_ONE);
    let faults = json!({"replace": [{"operations": ["CreateSubnet"], "fault": {"answer": {"status": 400, "code": "InvalidParameter", "message": "no"}}}]});
    region.post("/_sim/faults", &faults);
    let failed = launch(&place, &[]);
    assert_eq!(failed.code, 4, "{}", failed.stderr);
    assert!(failed.stderr.contains("the subnet failed: 400 InvalidParameter: no"), "{}", failed.stderr);
    assert!(failed.stderr.contains("it continues there"), "{}", failed.stderr);
    region.post("/_sim/faults", &json!({"replace": []}));
    let resumed = place.run(&["resume", "--output", "json"]);
    assert_eq!((resumed.code, &resumed.json()["outcome"]), (0, &"complete".into()), "{}", resumed.stderr);
    let launched = launch(&place, &[]);
    assert_eq!((launched.code, &launched.json()["running"]), (0, &3.into()), "{}", launched.stderr);
    assert_eq!(vcns(&place), 1);
}

#[cfg(unix)]
#[test]
fn a_killed_launch_leaves_one_network() {
    let (place, region) = place_with(FROM_ONE);
    // No response to the route table comes, so the process is killed with a request in doubt.
    let hang = json!({"operations": ["CreateRouteTable"], "nth": [1], "fault": "hang"});
    region.post("/_sim/faults", &json!({"replace": [hang]}));
    let mut child = place.command(&["launch"]).spawn().unwrap();
    let intended = || {
        let runs = place.run(&["runs", "--output", "json"]).json();
        let run = runs["runs"].as_array()?.first()?["run"].as_str()?.to_owned();
        let shown = place.run(&["show", &run, "--output", "json"]).json();
        shown["parts"]
            .as_array()?
            .iter()
            .any(|part| part["part"] == "route_table" && part["in_doubt"] == true)
            .then_some(())
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
    let ended = place.run(&["scale", "0", "--network", "--output", "json"]).json();
    assert_eq!(ended["network"]["deleted"].as_array().unwrap().len(), 5, "one of each part: {ended}");
    assert_eq!(vcns(&place), 0);
}

#[test]
fn cleanup_deletes_an_unused_network_when_asked() {
    let (place, _region) = place_with("create");
    assert_eq!(launch(&place, &[]).code, 0);
    let used = place.run(&["cleanup", "--networks"]);
    assert!(used.stderr.contains("left alone: the fleet has 3 instances"), "{}", used.stderr);
    assert_eq!(place.run(&["scale", "0"]).code, 0);
    let spared = place.run(&["cleanup"]);
    assert!(spared.stderr.contains("--networks includes it"), "{}", spared.stderr);
    let deleted = place.run(&["cleanup", "--networks", "--output", "json"]);
    assert_eq!(deleted.code, 0, "{}", deleted.stderr);
    assert_eq!((deleted.json()["deleted"].as_array().unwrap().len(), vcns(&place)), (5, 0));
}

#[test]
fn a_rehearsal_makes_its_network_too() {
    let place = Workplace::with_config(&with(FROM_ONE));
    let ended = place.run(&["launch", "--simulate", "--output", "json"]);
    assert_eq!((ended.code, &ended.json()["running"]), (0, &3.into()), "{}", ended.stderr);
    let again = place.run(&["launch", "--simulate", "--output", "json"]);
    assert_eq!(again.code, 0, "another region has none: {}", again.stderr);
}

#[test]
fn a_policy_lets_the_fleet_make_its_network() {
    let place = Workplace::with_config(&with("create"));
    let policy = place.run(&["policy", "--output", "json"]).json();
    let texts: Vec<&str> =
        policy["statements"].as_array().unwrap().iter().filter_map(|one| one["text"].as_str()).collect();
    assert!(texts.iter().any(|text| text.contains("manage virtual-network-family")), "{texts:?}");
}

#[test]
fn what_a_subnet_makes_impossible_stops_a_launch() {
    let (place, _region) = place_with("{public: false}");
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config.replace("  assign_public_ip: true\n", ""));
    let launched = launch(&place, &["--count", "1"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let subnets = place.run(&["find", "subnets", "--output", "json"]).json();
    let private = subnets["subnets"].as_array().unwrap().iter().find(|row| row["public"] == false).unwrap();
    assert_eq!(private["dns_label"], "nodes");
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let named = format!("subnet_id: {}\n  assign_public_ip: true", ocid(private));
    place.write("config.yaml", config.replace("network: {public: false}", &named));
    let refused = launch(&place, &["--new"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("the subnet is private"), "{}", refused.stderr);
    let runs = place.run(&["runs", "--output", "json"]).json();
    assert_eq!(runs["runs"].as_array().map(Vec::len), Some(2), "no third run was begun: {runs}");
}

fn ocid(row: &Value) -> &str {
    row["ocid"].as_str().unwrap()
}

#[test]
fn init_lets_the_first_launch_make_a_network() {
    let (place, region) = crate::init::place_with(&[]);
    let made = crate::init::init(&place, &region, &["--yes", "--ssh-key", "none", "--subnet", "create"]);
    assert_eq!(made.code, 0, "{}", made.stderr);
    let config = crate::init::config_of(&place).unwrap();
    assert!(config.contains("\n  network: create\n") && !config.contains("subnet_id"), "{config}");
    let kept = crate::init::init(&place, &region, &["--yes"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    assert_eq!(crate::init::config_of(&place).unwrap(), config, "an answer that stays changes nothing");
    let subnets = place
        .command(&["find", "subnets", "--output", "json"])
        .env("OCI_CLI_CONFIG_FILE", place.path().join("sim/config"))
        .output()
        .unwrap();
    let subnet = Ended::from(subnets).json()["subnets"][0]["ocid"].as_str().unwrap().to_owned();
    let chosen = crate::init::init(&place, &region, &["--yes", "--subnet", &subnet]);
    assert_eq!(chosen.code, 0, "{}", chosen.stderr);
    let config = crate::init::config_of(&place).unwrap();
    assert!(config.contains(&subnet) && !config.contains("network: create"), "{config}");
}
