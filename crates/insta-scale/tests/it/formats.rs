//! Files of version 0.1.0 open unchanged with the same meaning: its ledger, its saved region and its config.
//!
//! `tests/data/version-0.1.0` was written by that version against `sim serve`: three launches that ended (one of them into its
//! own reservation), a start, a stop, a reboot, a termination and a cleanup, and two launches that did not end (one stopped by
//! Ctrl-C, one killed). `shown.json` is the output of its `runs` and `show`. Only the path of the key in the config was made
//! relative. The key is the one that the tests of oci-client use.

use crate::program::Workplace;
use crate::sim_serve::Region;
use serde_json::Value;
use std::path::Path;

const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/version-0.1.0");
const KEY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../oci-client/tests/data/test-key.pem");

/// Copies the files of version 0.1.0 to a separate folder.
fn left_by_0_1_0() -> Workplace {
    let place = Workplace::empty();
    std::fs::create_dir(place.path().join("state")).unwrap();
    let files =
        [("ledger.db", "state/ledger.db"), ("region.json", "region.json"), ("config.yaml", "config.yaml")];
    for (from, to) in files {
        place.write(to, std::fs::read(Path::new(DATA).join(from)).unwrap());
    }
    let key = place.write("oci_api_key.pem", std::fs::read(KEY).unwrap());
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = key;
    place
}

fn recorded() -> Vec<Value> {
    let text = std::fs::read_to_string(Path::new(DATA).join("shown.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Fails unless `actual` includes everything in `expected`. Fields may have been added since.
fn assert_includes(actual: &Value, expected: &Value, at: &str) {
    match (actual, expected) {
        (Value::Object(actual), Value::Object(expected)) => {
            for (key, value) in expected {
                let found = actual.get(key).unwrap_or_else(|| panic!("{at}.{key} is gone"));
                assert_includes(found, value, &format!("{at}.{key}"));
            }
        }
        (Value::Array(actual), Value::Array(expected)) => {
            assert_eq!(actual.len(), expected.len(), "{at}");
            for (index, (actual, expected)) in actual.iter().zip(expected).enumerate() {
                assert_includes(actual, expected, &format!("{at}[{index}]"));
            }
        }
        _ => assert_eq!(actual, expected, "{at}"),
    }
}

#[test]
fn a_ledger_of_0_1_0_reads_as_it_did_then() {
    let place = left_by_0_1_0();
    let runs = place.run(&["runs", "--output", "json"]).json()["runs"].clone();
    let recorded = recorded();
    assert_eq!(runs.as_array().unwrap().len(), recorded.len());
    for (run, recorded) in runs.as_array().unwrap().iter().zip(&recorded) {
        let id = run["run"].as_str().unwrap();
        assert_includes(run, &recorded["runs"], id);
        let shown = place.run(&["show", id, "--output", "json"]);
        assert_includes(&shown.json(), &recorded["show"], id);
    }
}

#[test]
#[cfg(unix)]
fn runs_of_0_1_0_resume_in_their_saved_region() {
    let place = left_by_0_1_0();
    let region =
        Region::start(&place, &["--speed", "300", "--config", "config.yaml", "--save", "region.json"]);
    let mut resumed = 0;
    for recorded in recorded() {
        let run = recorded["runs"]["run"].as_str().unwrap();
        if !matches!(recorded["runs"]["outcome"].as_str(), None | Some("interrupted")) {
            continue;
        }
        let endpoint = ["--endpoint", &region.endpoint, "--other-endpoint"];
        let arguments = [&["resume", run, "--config", "config.yaml", "--output", "json"], &endpoint[..]];
        let ended = place.run(&arguments.concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        let document = ended.json();
        assert_eq!(document["running"], recorded["runs"]["requested"]);
        // No instance that was launched before is launched again.
        let before = recorded["show"]["instances"].as_array().unwrap();
        let after = document["instances"].as_array().unwrap();
        for (before, after) in before.iter().zip(after) {
            assert!(before["ocid"].is_null() || before["ocid"] == after["ocid"], "{before} {after}");
            assert_eq!(after["attempts"], 1);
        }
        resumed += 1;
    }
    assert_eq!(resumed, 2);
    drop(region);
}
