//! `init` without a terminal: flags, defaults, and what is refused. conformance/test_init.py types the answers.

use crate::program::{Ended, Workplace};
use crate::sim_serve::Region;
use std::process::Command;

pub const KEY: &str =
    "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me@home";

/// A region, and a folder whose home has its profile.
pub fn place_with(more: &[&str]) -> (Workplace, Region) {
    let place = Workplace::empty();
    let region = Region::start(&place, &[&["--speed", "300"], more].concat());
    (place, region)
}

/// Runs `init` with the profile of the region.
pub fn init(place: &Workplace, region: &Region, words: &[&str]) -> Ended {
    init_command(place, region, words).output().unwrap().into()
}

/// The same, not started yet.
pub fn init_command(place: &Workplace, region: &Region, words: &[&str]) -> Command {
    let command = [&["init", "--endpoint", &region.endpoint], words].concat();
    let mut command = place.unconfirmed(&command);
    command.env("OCI_CLI_CONFIG_FILE", place.path().join("sim/config"));
    command
}

pub fn config_of(place: &Workplace) -> Option<String> {
    std::fs::read_to_string(place.path().join("config.yaml")).ok()
}

#[test]
fn every_missing_answer_is_named_at_once() {
    let (place, region) = place_with(&[]);
    let ended = init(&place, &region, &["--count", "3"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let said = "these answers are missing: --profile, --compartment, --availability-domain, --shape, --ocpus, --image, \
                --ssh-key, --prefix\nhint: add the flags, or --yes";
    assert!(ended.stderr.contains(said), "{}", ended.stderr);
    let ended = init(&place, &region, &["--yes"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no default for --ssh-key"), "{}", ended.stderr);
    assert_eq!(config_of(&place), None);
}

#[test]
fn the_defaults_make_a_config_that_launches() {
    let (place, region) = place_with(&[]);
    let ended = init(&place, &region, &["--yes", "--ssh-key", KEY]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stdout.contains("as far as is known, 1 instance can be launched"), "{}", ended.stdout);
    let launch = place
        .command(&["launch", "--output", "json"])
        .env("OCI_CLI_CONFIG_FILE", place.path().join("sim/config"))
        .output()
        .unwrap();
    let launched = Ended::from(launch);
    assert_eq!((launched.code, &launched.json()["running"]), (0, &1.into()), "{}", launched.stderr);
}

#[test]
fn flags_answer_every_question_without_a_yes() {
    let (place, region) = place_with(&[]);
    place.write("key.pub", KEY);
    let words = [
        "--profile",
        "DEFAULT",
        "--compartment",
        "compute",
        "--availability-domain",
        "AD-2,PHX-AD-1",
        "--shape",
        "VM.Standard.E4.Flex",
        "--ocpus",
        "2",
        "--memory",
        "24",
        "--image",
        "Canonical Ubuntu 24.04",
        "--ssh-key",
        "key.pub",
        "--subnet",
        "public-subnet-1",
        "--count",
        "5",
        "--prefix",
        "app",
        "--output",
        "json",
    ];
    let ended = init(&place, &region, &words);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document = ended.json();
    let values = &document["values"];
    assert_eq!(document["file"], "config.yaml");
    assert_eq!(values["availability_domains"], serde_json::json!(["AD-2", "AD-1"]));
    assert_eq!((&values["ocpus"], &values["memory_gb"]), (&2.0.into(), &24.0.into()));
    assert_eq!(values["compartment"]["name"], "compute");
    assert_eq!(document["plan"]["preflight"]["possible"], 5);
    assert_eq!(document["simulated"], true);
    let config = config_of(&place).unwrap();
    for line in
        ["  count: 5", "  display_name_prefix: app", "  shape: VM.Standard.E4.Flex", "profile: DEFAULT"]
    {
        assert!(config.lines().any(|written| written == line), "{line} is not in {config}");
    }
    assert!(config.contains("  # Canonical Ubuntu 24.04"), "{config}");
}

#[test]
fn a_name_that_does_not_exist_lists_those_that_do() {
    let (place, region) = place_with(&[]);
    for (flag, wrong, said) in [
        ("--compartment", "comput", "did you mean compute?"),
        ("--shape", "VM.Standard.E4.Fex", "did you mean VM.Standard.E4.Flex?"),
        ("--image", "Oracle Linux", "Oracle Linux 9"),
        ("--subnet", "none", "there is no such subnet"),
        ("--availability-domain", "AD-9", "there are: all, AD-1, AD-2, AD-3"),
        ("--ssh-key", "nowhere.pub", "there is no such file"),
        ("--ocpus", "1000", "takes 1 to"),
        ("--profile", "NOBODY", "NOBODY"),
    ] {
        let key: &[&str] = if flag == "--ssh-key" { &[] } else { &["--ssh-key", KEY] };
        let ended = init(&place, &region, &[&["--yes", flag, wrong], key].concat());
        assert_eq!(ended.code, 2, "{flag}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{flag}: {}", ended.stderr);
    }
    assert_eq!(config_of(&place), None);
}

#[test]
fn a_file_that_cannot_be_written_ends_it_at_once() {
    let (place, region) = place_with(&[]);
    let mine = place.write("mine.yaml", "mine");
    std::fs::create_dir(place.path().join("folder")).unwrap();
    for (file, said) in [
        ("mine.yaml", "mine.yaml cannot be edited: the file is not a group of `key: value` lines"),
        ("folder", "folder is a directory"),
        ("none/config.yaml", "cannot be written"),
    ] {
        let ended = init(&place, &region, &[file, "--yes", "--ssh-key", "none"]);
        assert_eq!(ended.code, 2, "{file}: {}", ended.stderr);
        assert!(ended.stderr.contains(said), "{file}: {}", ended.stderr);
        assert!(!ended.stderr.contains("compartment:"), "no question was asked: {}", ended.stderr);
    }
    assert_eq!(std::fs::read_to_string(mine).unwrap(), "mine");
    for words in [&["--set", "region=phx"][..], &["--config", "a.yaml", "--config", "b.yaml"]] {
        let ended = init(&place, &region, &[words, &["--yes"]].concat());
        assert_eq!(ended.code, 2, "{}", ended.stderr);
    }
}

#[test]
fn hidden_lists_say_which_policy_is_missing() {
    let scenario = "faults: [{operations: [ListCompartments, ListSubnets, ListImages, ListShapes], \
                    fault: {answer: {status: 404, code: NotAuthorizedOrNotFound}}}]";
    let place = Workplace::empty();
    place.write("hidden.yaml", scenario);
    let region = Region::start(&place, &["--scenario", "hidden.yaml"]);
    let sim = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let ocid = |key: &str| {
        let line = sim.lines().find(|line| line.trim().starts_with(key)).unwrap();
        line.split_once(": ").unwrap().1.split(' ').next().unwrap().to_owned()
    };
    let (compartment, image, subnet) = (ocid("compartment_id"), ocid("image_id"), ocid("subnet_id"));
    let words =
        ["--yes", "--ssh-key", "none", "--shape", "VM.Standard.E4.Flex", "--compartment", &compartment];
    let ended = init(&place, &region, &[&words[..], &["--image", &image, "--subnet", &subnet]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    for policy in [
        "Allow group <your group> to inspect compartments in tenancy",
        "to read instance-images in compartment id",
        "to use subnets in compartment id",
    ] {
        assert!(ended.stderr.contains(policy), "{policy}: {}", ended.stderr);
    }
    assert!(config_of(&place).unwrap().contains(&format!("  subnet_id: {subnet}\n")));
    std::fs::remove_file(place.path().join("config.yaml")).unwrap();
    // What is hidden is never taken for what does not exist.
    for (flag, value) in [("--compartment", &compartment), ("--image", &image), ("--subnet", &subnet)] {
        let all = [("--compartment", &compartment), ("--image", &image), ("--subnet", &subnet)];
        let others =
            all.iter().filter(|(other, _)| *other != flag).flat_map(|(flag, value)| [*flag, value.as_str()]);
        let words =
            ["--yes", "--ssh-key", "none", "--shape", "VM.Standard.E4.Flex"].into_iter().chain(others);
        let ended = init(&place, &region, &words.collect::<Vec<_>>());
        assert_eq!(ended.code, 2, "{flag} {value}: {}", ended.stderr);
        let said = format!("there is no default for {flag}");
        assert!(ended.stderr.contains(&said), "{}", ended.stderr);
    }
}

#[test]
fn without_credentials_the_way_to_some_is_said() {
    let place = Workplace::empty();
    let mut command = place.unconfirmed(&["init", "--yes"]);
    command.env("OCI_METADATA_BASE_URL", "http://127.0.0.1:1/opc/v2");
    let ended = Ended::from(command.output().unwrap());
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("no credentials were found"), "{}", ended.stderr);
    assert!(!place.path().join("config.yaml").exists());
}
