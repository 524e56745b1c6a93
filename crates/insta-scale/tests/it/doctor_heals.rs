//! Each remedy of `doctor` is followed to the letter, and then it is healthy.

use crate::doctor::{check, command_in, doctor, doctor_with, remedy};
use crate::program::{Ended, Workplace};
use crate::reliability::disk::{can_mount, on_a_small_disk};
use crate::sim_serve::{Region, region, region_at};
use serde_json::{Value, json};
use std::process::Stdio;

fn config_of(place: &Workplace) -> String {
    std::fs::read_to_string(place.path().join("config.yaml")).unwrap()
}

/// Fails unless the check of this name has the state, and the exit code is as healthy as it.
fn assert_state(place: &Workplace, name: &str, state: &str) -> Value {
    let (ended, document) = doctor(place);
    let checks = document["checks"].as_array().unwrap();
    // Some are listed only if they fail.
    let is_listed = state != "ok" || checks.iter().any(|one| one["check"] == name);
    assert!(!is_listed || check(&document, name)["state"] == state, "{name}: {document}");
    assert_eq!(ended.code == 0, state == "ok", "{name}: {document}");
    document
}

/// The value of a key of the config.
fn value_of(config: &str, key: &str) -> String {
    let line = config.lines().find(|line| line.trim_start().starts_with(key)).unwrap();
    line.split_once(':').unwrap().1.trim().to_owned()
}

/// The command in a remedy, as its JSON document.
fn run_command_in(place: &Workplace, text: &str) -> Value {
    let command = command_in(text, "oci-insta-scale ");
    let words: Vec<&str> = command.iter().map(String::as_str).chain(["--output", "json"]).collect();
    let ended = place.run(&words);
    assert_eq!(ended.code, 0, "{words:?}: {}", ended.stderr);
    ended.json()
}

#[test]
fn a_wrong_ocid_is_healed_by_the_list_that_is_named() {
    let (place, _region) = region(&[]);
    let good = config_of(&place);
    let reserved = ["reservation", "create", "--name", "held", "--count", "9", "--yes"];
    assert_eq!(place.run(&reserved).code, 0);
    let with_reservation = good.replace(
        "  assign_public_ip",
        "  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.aaaano\n  assign_public_ip",
    );
    for (name, key, config, list) in [
        ("image", "image_id", &good, "images"),
        ("subnet", "subnet_id", &good, "subnets"),
        ("compartment", "compartment_id", &good, "compartments"),
        ("reservation", "capacity_reservation_id", &with_reservation, "reservations"),
    ] {
        let own = value_of(config, key);
        let kind: Vec<&str> = own.split('.').collect();
        let wrong = format!("ocid1.{}.oc1.{}.aaaaaaaanosuchthing", kind[1], kind[3]);
        place.write("config.yaml", config.replace(&own, &wrong));
        let document = assert_state(&place, name, "failed");
        let listed = run_command_in(&place, remedy(&document, name));
        let rows = listed[list].as_array().unwrap_or_else(|| panic!("{list} is not in {listed}"));
        // The one of the region's config, if it is there; otherwise the only one.
        let row = rows.iter().find(|row| row["ocid"] == own.as_str()).unwrap_or(&rows[0]);
        place.write("config.yaml", config.replace(&own, row["ocid"].as_str().unwrap()));
        assert_state(&place, name, "ok");
        assert_eq!(doctor(&place).0.code, 0, "{name}");
    }
}

#[test]
fn a_wrong_shape_is_healed_by_the_list_that_is_named() {
    let (place, _region) = region(&[]);
    let good = config_of(&place);
    place.write("config.yaml", good.replace("VM.Standard.E4.Flex", "VM.Standard.E44.Flex"));
    let document = assert_state(&place, "shape", "failed");
    let listed = run_command_in(&place, remedy(&document, "shape"));
    let mut shapes =
        listed["shapes"].as_array().unwrap().iter().map(|row| row["shape"]["shape"].as_str().unwrap());
    let shape = shapes.find(|shape| shape.starts_with("VM.Standard.E4")).unwrap();
    place.write("config.yaml", good.replace("VM.Standard.E4.Flex", shape));
    let (ended, document) = doctor(&place);
    assert_eq!(ended.code, 0, "{document}");
}

#[test]
fn the_remedies_for_the_login_heal() {
    let (place, _region) = region(&[]);
    let good = config_of(&place);
    for (key, wrong, says, exit) in [
        ("user_ocid", "ocid1.user.oc1..aaaaaaaanobody", "registered for the user", 5),
        ("fingerprint", "\"00:11:22:33:44:55:66:77:88:99:aa:bb:cc:dd:ee:ff\"", "correct the fingerprint", 2),
        ("private_key_path", "\"nowhere.pem\"", "put the private key there", 2),
        // Not readable for anybody, root included.
        ("private_key_path", "\"sim\"", "make it readable for this user, or correct the path", 2),
    ] {
        let own = value_of(&good, key);
        place.write("config.yaml", good.replace(&own, wrong));
        let (ended, document) = doctor(&place);
        let login = check(&document, "login");
        assert_eq!((ended.code, &login["state"]), (exit, &"failed".into()), "{key}: {document}");
        assert!(login.to_string().contains(says), "{key}: {login}");
        assert_eq!(check(&document, "image")["found"], "not checked: depends on login", "{document}");
        if key == "fingerprint" {
            // The text has the fingerprint of the key.
            let (_, rest) = login["found"].as_str().unwrap().split_once("has fingerprint ").unwrap();
            let actual = rest.split(',').next().unwrap();
            place.write("config.yaml", good.replace(&own, &format!("\"{actual}\"")));
        } else if wrong == "\"nowhere.pem\"" {
            std::fs::copy(place.path().join("sim/oci_api_key.pem"), place.path().join("nowhere.pem"))
                .unwrap();
        } else {
            place.write("config.yaml", &good);
        }
        assert_state(&place, "login", "ok");
    }
}

#[test]
fn a_missing_session_is_healed_by_logging_in() {
    let (place, _region) = region(&[]);
    let good = config_of(&place);
    let fields = ["tenancy_ocid:", "user_ocid:", "fingerprint:", "private_key_path:"];
    let lines = good.lines().filter(|line| !fields.iter().any(|field| line.starts_with(field)));
    place.write("config.yaml", lines.collect::<Vec<_>>().join("\n"));
    std::fs::create_dir(place.path().join(".oci")).unwrap();
    let profiles = std::fs::read_to_string(place.path().join("sim/config")).unwrap();
    // Without the profile that `oci session authenticate --profile-name SESSION` writes.
    let (key, _) = profiles.split_once("[SESSION]").unwrap();
    place.write(".oci/config", key);
    for (profile, region) in [("DEFAULT", " --region us-phoenix-1"), ("SESSION", "")] {
        let (_, document) = doctor_with(&place, &["--auth", "security_token", "--profile", profile]);
        let failed = document["checks"].as_array().unwrap().iter().find(|one| one["state"] == "failed");
        let failed = failed.unwrap().to_string();
        let says = format!("log in with `oci session authenticate --profile-name {profile}{region}`");
        assert!(failed.contains(&says) && !failed.contains("setup config"), "{failed}");
    }
    place.write(".oci/config", profiles);
    let (ended, document) = doctor_with(&place, &["--auth", "security_token", "--profile", "SESSION"]);
    assert_eq!(ended.code, 0, "{document}");
}

#[test]
fn the_remedies_for_the_environment_heal() {
    let (place, _region) = region(&[]);
    let with = |variable: &str, value: &str| {
        let mut command = place.command(&["doctor", "--output", "json"]);
        Ended::from(command.env(variable, value).output().unwrap()).json()
    };
    for (name, variable, value) in
        [("proxy", "HTTPS_PROXY", "nonsense://::::"), ("certificates", "SSL_CERT_FILE", "/no/such/file")]
    {
        let document = with(variable, value);
        assert_eq!(check(&document, name)["state"], "failed", "{document}");
        assert!(remedy(&document, name).ends_with("or unset it"), "{document}");
        assert_state(&place, name, "ok");
    }
    let document = with("HTTPS_PROXY", "http://127.0.0.1:3128");
    assert_eq!(check(&document, "proxy")["state"], "ok", "{document}");
}

#[test]
fn a_service_that_does_not_listen_is_healed_by_starting_it() {
    let place = Workplace::empty();
    let first = Region::start(&place, &["--speed", "300"]);
    crate::sim_serve::configure(&place);
    drop(first);
    let document = assert_state(&place, "network", "failed");
    assert_eq!(check(&document, "login")["found"], "not checked: depends on network");
    let command = command_in(remedy(&document, "network"), "oci-insta-scale sim serve ");
    let address = command.last().unwrap();
    let _region = Region::start_at(&place, address, &[]);
    assert_state(&place, "network", "ok");
}

#[test]
fn a_name_without_an_address_is_healed_by_the_endpoint() {
    let (place, _region) = region(&[]);
    let good = config_of(&place);
    let own = format!("endpoint: {}", good.split("endpoint: ").nth(1).unwrap().lines().next().unwrap());
    place.write("config.yaml", good.replace(&own, "endpoint: https://nowhere.invalid"));
    let document = assert_state(&place, "dns", "failed");
    assert!(remedy(&document, "dns").starts_with("correct `endpoint`"), "{document}");
    assert_eq!(check(&document, "network")["found"], "not checked: depends on dns");
    place.write("config.yaml", &good);
    assert_state(&place, "dns", "ok");
}

#[test]
fn a_clock_that_is_off_is_healed_by_setting_it() {
    let (place, region) = region(&[]);
    assert_state(&place, "clock", "ok");
    region.post("/_sim/faults", &json!({"add": [{"fault": {"clock_skew": {"seconds": 600}}}]}));
    let document = assert_state(&place, "clock", "failed");
    assert!(remedy(&document, "clock").contains("set the clock"), "{document}");
    assert_eq!(check(&document, "login")["found"], "not checked: depends on clock");
    assert_eq!(doctor(&place).0.code, 5);
    // This machine's clock cannot be set here, so the region's is.
    region.post("/_sim/faults", &json!({"replace": []}));
    assert_state(&place, "clock", "ok");
}

#[test]
fn little_space_is_found_before_the_directory_exists() {
    if !can_mount() {
        return;
    }
    let (place, _region) = region(&[]);
    let script = "doctor() { \"$PROGRAM\" doctor --state-dir state/new/folder --output json; }\n\
                  doctor > before.json; test -e state/new && exit 98; grow; mount -o remount,size=128m state; doctor > after.json";
    let ended = on_a_small_disk(&place, 64, script);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let read = |name: &str| -> Value {
        serde_json::from_str(&std::fs::read_to_string(place.path().join(name)).unwrap()).unwrap()
    };
    let before = read("before.json");
    assert_eq!(check(&before, "space")["state"], "warning", "{before}");
    assert!(remedy(&before, "space").starts_with("free some space"), "{before}");
    assert!(!read("after.json").to_string().contains("\"space\""));
}

#[test]
fn a_full_subnet_is_healed_by_launching_fewer() {
    let place = Workplace::empty();
    place.write("small.yaml", "world: {subnet_prefix_length: 28}\n");
    let _region = Region::start(&place, &["--scenario", "small.yaml", "--speed", "300"]);
    crate::sim_serve::configure(&place);
    let good = config_of(&place);
    // 13 addresses, two of which are used.
    assert_eq!(place.run(&["launch", "--count", "2", "--yes"]).code, 0);
    place.write("config.yaml", good.replace("count: 3", "count: 12"));
    let document = assert_state(&place, "subnet", "failed");
    let subnet = check(&document, "subnet")["found"].as_str().unwrap();
    assert!(subnet.ends_with("11 free addresses: enough for 11 of 12 instances"), "{subnet}");
    assert_eq!((doctor(&place).0.code, &document["ready"]), (3, &json!(false)), "{document}");
    // The hosts would suffice: waiting for capacity heals nothing.
    assert_eq!(check(&document, "capacity")["state"], "ok", "{document}");
    // The list that is named exists; none of its subnets is larger here.
    let advice = remedy(&document, "subnet").replace(',', ";");
    let listed = run_command_in(&place, &advice);
    assert!(listed["subnets"][0]["cidr_block"].as_str().unwrap().ends_with("/28"), "{listed}");
    let (_, fewer) = advice.split_once("reduce `count` to ").unwrap();
    place.write("config.yaml", good.replace("count: 3", &format!("count: {fewer}")));
    assert_state(&place, "subnet", "ok");
}

#[test]
fn a_reservation_in_the_making_is_healed_by_waiting() {
    let (place, region) = region_at("1", &[]);
    let words = ["reservation", "create", "--name", "held", "--count", "9", "--yes"];
    let mut creating = place.command(&words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    let listed = loop {
        let listed = place.run(&["reservation", "list", "--output", "json"]).json();
        if listed["reservations"][0]["ocid"].is_string() {
            break listed;
        }
        assert!(creating.try_wait().unwrap().is_none(), "it has ended: {listed}");
    };
    let held = format!(
        "  capacity_reservation_id: {}\n  assign_public_ip",
        listed["reservations"][0]["ocid"].as_str().unwrap()
    );
    place.write("config.yaml", config_of(&place).replace("  assign_public_ip", &held));
    let document = assert_state(&place, "reservation", "failed");
    let found = check(&document, "reservation")["found"].as_str().unwrap();
    assert!(found.ends_with("the reservation is CREATING, not ACTIVE"), "{found}");
    // The wait is not what is tested here.
    region.post("/_sim/advance", &json!({"seconds": 60}));
    run_command_in(&place, remedy(&document, "reservation"));
    assert_state(&place, "reservation", "ok");
    assert!(creating.wait().unwrap().success());
}

#[test]
fn a_reservation_without_room_is_healed_by_enlarging_it() {
    let (place, _region) = region(&[]);
    let good = config_of(&place);
    let reserved = |shape: &str| {
        let kind = ["--shape", shape, "--ocpus", "1", "--memory", "6"];
        let words = ["reservation", "create", "--name", shape, "--count", "1", "--yes", "--output", "json"];
        let made = place.run(&[&words[..], &kind[..]].concat());
        assert_eq!(made.code, 0, "{}", made.stderr);
        let listed = place.run(&["reservation", "list", "--output", "json"]).json();
        let rows = listed["reservations"].as_array().unwrap();
        let row = rows.iter().find(|row| row["name"].as_str().unwrap().contains(shape)).unwrap();
        row["ocid"].as_str().unwrap().to_owned()
    };
    // Too small, of another kind, and too small among other kinds.
    for (shape, more, says, exit) in [
        ("VM.Standard.E4.Flex", None, "1 of the 3 requested instances fit into the reservation", 3),
        ("VM.Standard.E5.Flex", None, "cannot use the reservation", 4),
        (
            "VM.Standard3.Flex",
            Some("shape=VM.Standard.E4.Flex,ocpus=1,memory=6,count=2"),
            "2 of the 3 requested instances fit into the reservation",
            3,
        ),
    ] {
        let ocid = reserved(shape);
        if let Some(kind) = more {
            let added = place.run(&["reservation", "update", &ocid, "--add", kind, "--yes"]);
            assert_eq!(added.code, 0, "{}", added.stderr);
        }
        let named = format!("  capacity_reservation_id: {ocid}\n  assign_public_ip");
        place.write("config.yaml", good.replace("  assign_public_ip", &named));
        let document = assert_state(&place, "reservation", "failed");
        let found = check(&document, "reservation")["found"].as_str().unwrap();
        assert!(found.contains(says), "{found}");
        assert_eq!((doctor(&place).0.code, &document["ready"]), (exit, &json!(false)), "{document}");
        let command = command_in(remedy(&document, "reservation"), "oci-insta-scale ");
        let words: Vec<&str> = command.iter().map(String::as_str).chain(["--yes"]).collect();
        let enlarged = place.run(&words);
        assert_eq!(enlarged.code, 0, "{words:?}: {}", enlarged.stderr);
        assert_state(&place, "reservation", "ok");
    }
}
