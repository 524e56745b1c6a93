//! A config that still has values of the example launches nothing and sends no requests; only a simulated region accepts them.

use crate::bad_config::{GOOD, errors};
use crate::program::Workplace;

const EXAMPLE: &str = include_str!("../../../../config.example.yaml");
const KEY: &str = "replace-me@example.com";

/// The good config with the example's SSH key; everything else is personal.
fn with_the_key() -> String {
    let line = EXAMPLE.lines().find(|line| line.contains(KEY)).unwrap();
    format!("{GOOD}  ssh_authorized_keys: {}\n", line.trim())
}

#[test]
fn each_value_of_the_example_is_named() {
    let said = errors(with_the_key());
    assert!(
        said.starts_with(
            "config.yaml:17:24: instance_settings.ssh_authorized_keys still has the value of the example"
        ),
        "{said}"
    );
    let said = errors(EXAMPLE);
    for key in ["tenancy_ocid", "user_ocid", "fingerprint", "compartment_id", "instance_settings.image_id"] {
        assert!(said.contains(&format!(": {key} still has the value of the example")), "{key}: {said}");
    }
    // The commented-out values are known too.
    let said = errors(format!("{GOOD}  kms_key_id: ocid1.key.oc1.phx.aaaaaaaaexamplekey\n"));
    assert!(said.contains("instance_settings.kms_key_id still has the value of the example"), "{said}");
}

#[test]
fn only_a_rehearsal_takes_the_example() {
    let place = Workplace::with_config(EXAMPLE);
    place.write("key.pem", "");
    let commands: &[&[&str]] = &[
        &["launch", "--yes"],
        &["--dry-run"],
        &["plan"],
        &["capacity"],
        &["instances", "list"],
        &["instances", "terminate", "--run", "last", "--yes"],
        &["reservation", "list"],
        &["reservation", "create", "--count", "1", "--yes"],
        &["cleanup", "--dry-run"],
        &["find", "shapes"],
    ];
    for arguments in commands {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 2, "{arguments:?}: {} {}", ended.stdout, ended.stderr);
        assert!(
            ended.stderr.contains("still has the value of the example"),
            "{arguments:?}: {}",
            ended.stderr
        );
    }
    for arguments in [&["plan", "--simulate"][..], &["capacity", "--simulate"], &["--simulate", "--yes"]] {
        let ended = place.run(arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {} {}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_look_offline_names_the_example_and_goes_on() {
    let place = Workplace::with_config(&with_the_key());
    for arguments in [&["--dry-run", "--offline"][..], &["plan", "--offline"]] {
        let ended = place.run(arguments);
        assert!(ended.stdout.contains("VM.Standard.E4.Flex"), "{arguments:?}: {}", ended.stdout);
        assert!(
            ended.stderr.contains("still has the value of the example"),
            "{arguments:?}: {}",
            ended.stderr
        );
        assert!(ended.stderr.contains("a launch would stop here"), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(place.run(&["plan", "--offline"]).code, 0);
}
