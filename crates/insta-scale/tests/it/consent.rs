//! Nothing is changed in the cloud that nobody agreed to: with the real programs against a simulated region.

use crate::program::{Ended, Workplace};
use crate::sim_serve::Region;

/// A region, and its config as the user's `config.yaml`.
fn region() -> (Workplace, Region) {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    place.write("config.yaml", config);
    (place, region)
}

fn unconfirmed(place: &Workplace, arguments: &[&str]) -> Ended {
    place.unconfirmed(arguments).output().unwrap().into()
}

/// What is in the compartment: instances with their states, and reservations.
fn cloud(place: &Workplace) -> (serde_json::Value, serde_json::Value) {
    let of = |words: &[&str], key: &str| unconfirmed(place, words).json()[key].clone();
    (
        of(&["instances", "list", "--terminated", "--no-ips", "--output", "json"], "instances"),
        of(&["reservation", "list", "--output", "json"], "reservations"),
    )
}

#[test]
fn off_a_terminal_nothing_changes_without_yes() {
    let (place, _region) = region();
    let launched = place.run(&["--count", "2", "--ttl", "1h", "--deadline", "1s", "--rate", "1"]);
    assert!([0, 3].contains(&launched.code), "{}", launched.stderr);
    assert_eq!(place.run(&["reservation", "create", "--name", "prod", "--count", "1"]).code, 0);
    let before = cloud(&place);

    let ours = env!("CARGO_BIN_EXE_oci-insta-scale");
    let manager = env!("CARGO_BIN_EXE_capacity-manager");
    let manage = env!("CARGO_BIN_EXE_manage-instances");
    let shape = ["-shape", "VM.Standard.E5.Flex", "-ocpus", "1", "-memory", "6", "-count", "1"];
    let make = [&["-create", "-name", "n", "-ad", "AD-1"][..], &shape].concat();
    let table: &[(&str, &[&str])] = &[
        (ours, &[]),
        (ours, &["launch", "--new", "--output", "json"]),
        (ours, &["launch", "--extend", "--new", "--count", "1"]),
        (ours, &["resume", "--from-cloud", "019a0000-0000-7000-8000-000000000000"]),
        (ours, &["instances", "stop", "--all"]),
        (ours, &["instances", "reboot", "--all"]),
        (ours, &["instances", "terminate", "--all"]),
        (ours, &["instances", "extend", "--prefix", "rehearsal-", "--ttl", "2h"]),
        (ours, &["reservation", "create", "--name", "more", "--count", "1"]),
        (ours, &["reservation", "update", "prod", "--count", "+1"]),
        (ours, &["reservation", "wait", "prod", "--count", "5"]),
        (ours, &["reservation", "delete", "prod"]),
        (manager, &make),
        (manager, &["-delete", "-id", "ocid1.capacityreservation.oc1.phx.any"]),
        (manage, &["stop", "-p", "rehearsal-"]),
        (manage, &["terminate", "-p", "rehearsal-"]),
    ];
    for (program, arguments) in table {
        let ended: Ended = place.command_of(program, arguments).output().unwrap().into();
        assert_eq!(ended.code, 2, "{arguments:?}: {}", ended.stderr);
        let said = "error: nothing was asked, so nothing was done: there is no terminal to confirm on\n\
                    hint: add --yes (-y) to confirm without a question";
        assert!(ended.stderr.contains(said), "{arguments:?}: {}", ended.stderr);
    }
    assert_eq!(cloud(&place), before);
}

#[test]
fn reading_and_rehearsing_need_no_yes() {
    let (place, _region) = region();
    for arguments in [
        &["--dry-run"][..],
        &["--simulate", "--speed", "300", "--count", "1"],
        &["plan"],
        &["runs"],
        &["reservation", "list"],
        &["instances", "stop", "--prefix", "nobody-", "--allow-empty"],
        &["cleanup"],
        &["cleanup", "--dry-run"],
    ] {
        let ended = unconfirmed(&place, arguments);
        assert_eq!(ended.code, 0, "{arguments:?}: {}", ended.stderr);
    }
}
