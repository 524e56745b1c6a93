//! `init` on a file that exists: its values are the defaults, and everything that is not asked for stays.

use crate::init::{KEY, config_of, init, init_command, place_with};
use crate::program::{Ended, Workplace};
use crate::reliability::books::stats_at;
use crate::sim_serve::Region;
use serde_json::json;
use std::process::Stdio;

/// A config of `init` with more in it, as a person leaves it.
fn edited_by_hand(place: &Workplace, region: &Region) -> String {
    let ended = init(place, region, &["--yes", "--ssh-key", KEY]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let config = config_of(place).unwrap().replace("  count: 1", "  count: 2   # until Friday");
    let config = format!("{config}  # Of the team.\n  freeform_tags: {{team: \"a # b\"}}\n");
    place.write("config.yaml", &config);
    config
}

/// The only changed line of a config, before and after.
fn changed<'a>(old: &'a str, new: &'a str) -> Vec<(&'a str, &'a str)> {
    assert_eq!(old.lines().count(), new.lines().count(), "{new}");
    old.lines().zip(new.lines()).filter(|(old, new)| old != new).collect()
}

fn refused(ended: &Ended, said: &str) {
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains(said), "{said}: {}", ended.stderr);
}

#[test]
fn only_the_values_that_differ_are_written() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let ended = init(&place, &region, &["--yes", "--count", "5", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let new = config_of(&place).unwrap();
    assert_eq!(changed(&old, &new), [("  count: 2   # until Friday", "  count: 5   # until Friday")]);
    let changes = &ended.json()["changes"];
    assert_eq!(changes[0]["new"][0], "  count: 5   # until Friday");
    assert_eq!(changes.as_array().unwrap().len(), 1);
    assert_eq!(std::fs::read_to_string(place.path().join("config.yaml.bak")).unwrap(), old);
    // Said again, it changes nothing, and no other copy is made.
    let ended = init(&place, &region, &["--yes", "--count", "5"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("nothing was written"), "{}", ended.stderr);
    assert_eq!(config_of(&place).unwrap(), new);
    assert!(!place.path().join("config.yaml.bak2").exists());
}

#[test]
fn the_document_has_what_the_file_says_by_itself() {
    let (place, region) = place_with(&[]);
    edited_by_hand(&place, &region);
    let config = place.path().join("sim/config");
    let words = ["init", "--yes", "--output", "json", "--count", "3"];
    let ended: Ended = place.unconfirmed(&words).env("OCI_CLI_CONFIG_FILE", config).output().unwrap().into();
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let values = &ended.json()["values"];
    assert_eq!(values["profile"], "DEFAULT");
    assert_eq!(values["endpoint"], region.endpoint.as_str());
}

#[test]
fn ocpus_alone_keep_the_memory_of_the_file() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let gb = old.lines().find(|line| line.contains("memory_in_gbs:")).unwrap();
    let ended = init(&place, &region, &["--yes", "--ocpus", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let new = config_of(&place).unwrap();
    assert_eq!(changed(&old, &new), [("    ocpus: 1", "    ocpus: 2")]);
    assert!(new.lines().any(|line| line == gb));
}

#[cfg(unix)]
#[test]
fn an_edited_file_keeps_its_mode_and_its_link() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, region) = place_with(&[]);
    edited_by_hand(&place, &region);
    let (file, link) = (place.path().join("mine.yaml"), place.path().join("config.yaml"));
    std::fs::rename(&link, &file).unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o600)).unwrap();
    std::os::unix::fs::symlink("mine.yaml", &link).unwrap();
    let ended = init(&place, &region, &["--yes", "--prefix", "app"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(link.symlink_metadata().unwrap().is_symlink());
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(std::fs::read_to_string(&file).unwrap().contains("  display_name_prefix: app\n"));
}

#[test]
fn without_a_terminal_only_a_yes_edits() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let words = [
        "--profile",
        "DEFAULT",
        "--compartment",
        "compute",
        "--availability-domain",
        "all",
        "--shape",
        "VM.Standard.E4.Flex",
        "--ocpus",
        "1",
        "--image",
        "Oracle Linux 9",
        "--ssh-key",
        KEY,
        "--subnet",
        "public-subnet-1",
        "--count",
        "7",
        "--prefix",
        "web",
    ];
    refused(&init(&place, &region, &words), "confirmation needs a terminal");
    assert_eq!(config_of(&place).unwrap(), old);
    let ended = init(&place, &region, &[&words[..], &["--yes"]].concat());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(config_of(&place).unwrap().contains("  count: 7   # until Friday\n"));
}

#[test]
fn names_in_a_config_stay_names() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let named: Vec<String> = old
        .lines()
        .map(|line| {
            let (key, _) = line.split_once(": ").unwrap_or((line, ""));
            match key {
                "compartment_id" => "compartment: compute  # ours".to_owned(),
                "  subnet_id" => "  subnet: public-subnet-1".to_owned(),
                "  image_id" => "  image: {os: Oracle Linux, version: \"9\"}".to_owned(),
                _ => line.to_owned(),
            }
        })
        .collect();
    let named = named.join("\n") + "\n";
    place.write("config.yaml", &named);
    let ended = init(&place, &region, &["--yes", "--prefix", "app"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let new = config_of(&place).unwrap();
    let lines = changed(&named, &new);
    assert!(lines.iter().all(|(_, new)| new.contains("app")), "{lines:?}");
    // Another answer is an OCID, under the key for it.
    let ended = init(&place, &region, &["--yes", "--image", "Canonical Ubuntu 24.04"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(config_of(&place).unwrap().contains("\n  image_id: ocid1.image."), "{}", ended.stderr);
    // A name that means nothing is not replaced by something else.
    place.write("config.yaml", named.replace("public-subnet-1", "gone"));
    refused(&init(&place, &region, &["--yes"]), "there is no default for --subnet");
}

#[test]
fn a_fixed_shape_makes_the_size_a_comment() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    assert!(old.contains("\n  shape_config:\n    ocpus: 1\n"), "{old}");
    let ended = init(&place, &region, &["--yes", "--shape", "VM.Standard2.1"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let new = config_of(&place).unwrap();
    assert!(new.contains("  shape: VM.Standard2.1\n  # shape_config:\n  #   ocpus: 1\n"), "{new}");
    let ended = init(&place, &region, &["--yes", "--shape", "VM.Standard.E4.Flex", "--ocpus", "2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let new = config_of(&place).unwrap();
    assert!(new.contains("  shape_config: {ocpus: 2, memory_in_gbs: 32}\n"), "{new}");
}

#[test]
fn what_cannot_be_edited_is_refused_and_stays() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let count = "  count: 2   # until Friday";
    for (now, said) in [
        ("  count: ${N:-2}", "`instance_settings.count` is set by a variable (`${N:-2}`)"),
        ("  count: &n 2", "is shared with other keys"),
        ("  count: 2\n  nonsense: 1", "nonsense"),
        ("  count: [", "cannot be edited"),
    ] {
        let text = old.replace(count, now);
        place.write("config.yaml", &text);
        refused(&init(&place, &region, &["--yes", "--count", "5"]), said);
        assert_eq!(config_of(&place).unwrap(), text);
    }
    let names: Vec<_> = place.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!names.iter().any(|name| name.to_string_lossy().contains("config.yaml.")), "{names:?}");
}

/// Lets `init` ask until it lists subnets, does something meanwhile, and lets it go on.
fn while_it_asks(place: &Workplace, region: &Region, words: &[&str], meanwhile: impl FnOnce()) -> Ended {
    let unavailable = json!({"answer": {"status": 503, "code": "ServiceUnavailable", "message": "later"}});
    let rule = json!({"operations": ["ListSubnets"], "fault": unavailable});
    let asked = || {
        let stats = stats_at(&region.endpoint);
        stats["operations"]["ListSubnets"]["failed"].as_u64().unwrap_or(0)
    };
    let before = asked();
    region.post("/_sim/faults", &json!({"replace": [rule]}));
    let mut command = init_command(place, region, words);
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while asked() == before {
        std::thread::yield_now();
    }
    meanwhile();
    region.post("/_sim/faults", &json!({"replace": []}));
    child.wait_with_output().unwrap().into()
}

#[test]
fn a_file_changed_while_it_asks_is_left_as_it_is() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let changed = format!("{old}# Somebody was faster.\n");
    let ended = while_it_asks(&place, &region, &["--yes", "--count", "5"], || {
        place.write("config.yaml", &changed);
    });
    refused(&ended, "was changed by somebody else meanwhile");
    assert_eq!(config_of(&place).unwrap(), changed);
    let files = std::fs::read_dir(place.path()).unwrap();
    let left =
        files.filter(|file| file.as_ref().unwrap().file_name().to_string_lossy().contains("config.yaml"));
    assert_eq!(left.count(), 1, "neither a copy nor a half-written file is left");
}

#[test]
fn a_file_made_while_it_asks_is_left_as_it_is() {
    let (place, region) = place_with(&[]);
    let ended = while_it_asks(&place, &region, &["--yes", "--ssh-key", KEY], || {
        place.write("config.yaml", "# Somebody was faster.\n");
    });
    refused(&ended, "was made by somebody else meanwhile");
    assert_eq!(config_of(&place).unwrap(), "# Somebody was faster.\n");
}

#[test]
fn advice_to_run_init_works_as_it_stands() {
    let (place, region) = place_with(&[]);
    let old = edited_by_hand(&place, &region);
    let ended = init(&place, &region, &[".", "--yes"]);
    refused(&ended, "name another file: `oci-insta-scale init FILE --endpoint ");
    let two = ["config", "show", "--config", "config.yaml", "--config", "no pe.yaml", "--set", "region=x"];
    let ended = place.run(&two);
    refused(&ended, "`oci-insta-scale init 'no pe.yaml'` writes one");
    assert_eq!(config_of(&place).unwrap(), old);
}
