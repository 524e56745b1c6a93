//! The command line, and output that needs no service.

use crate::bad_config::GOOD;
use crate::program::{Ended, Workplace};

#[test]
fn the_version_is_one_line() {
    let ended = Workplace::empty().run(&["--version"]);
    assert_eq!(
        (ended.code, ended.stdout.as_str()),
        (0, concat!("oci-insta-scale ", env!("CARGO_PKG_VERSION"), "\n"))
    );
    assert_eq!(ended.stderr, "");
}

#[test]
fn the_help_says_where_to_start() {
    let ended = Workplace::empty().run(&["-help"]);
    assert_eq!(ended.code, 0);
    insta::assert_snapshot!("help", ended.stdout);
    insta::assert_snapshot!("help_launch", Workplace::empty().run(&["launch", "--help"]).stdout);
}

#[test]
fn a_dry_run_without_a_key_shows_the_first_request() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["-dry-run", "-count", "2"]);
    // The launch would fail for lack of a key, so its dry run ends in the same way.
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    insta::assert_snapshot!(ended.stdout, @r#"
        DRY RUN of config.yaml: nothing will be launched

          2 instances: web-1 … web-2
          shape        VM.Standard.E4.Flex, 1 OCPU, 6 GB
          region       us-phoenix-1
          compartment  ocid1.compartment.oc1..aaaaexamplecompartment
          placement    AD-1

        Each launch is POST https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances
        with, for web-1:
        {
          "availabilityDomain": "AD-1",
          "compartmentId": "ocid1.compartment.oc1..aaaaexamplecompartment",
          "createVnicDetails": {
            "subnetId": "ocid1.subnet.oc1.phx.aaaaexamplesubnet"
          },
          "displayName": "web-1",
          "freeformTags": {
            "oci-insta-scale-fleet": "web",
            "oci-insta-scale-run": "00000000-0000-0000-0000-000000000000",
            "oci-insta-scale-slot": "1"
          },
          "shape": "VM.Standard.E4.Flex",
          "shapeConfig": {
            "ocpus": 1.0,
            "memoryInGBs": 6.0
          },
          "sourceDetails": {
            "sourceType": "image",
            "imageId": "ocid1.image.oc1.phx.aaaaexampleimage"
          }
        }

        The other requests differ in: displayName; the tag oci-insta-scale-slot.
        The launch looks up the full names of the availability domains.
        The tag oci-insta-scale-run will contain the id of the run, and oci-insta-scale-slot the slot.

        cost in USD while the instances run, based on the price list of 2026-09-18:
          2 × VM.Standard.E4.Flex, 1 OCPU, 6 GB                        0.0680 per hour        48.96 per 30 days
          2 × boot volume, 50 GB, 10 VPUs per GB                       0.0057 per hour         4.11 per 30 days
          in all                                                       0.0737 per hour        53.07 per 30 days
          a stopped VM.Standard.E4.Flex costs its boot volume only
          30 days are 720 hours; a month of storage is 744 hours, as Oracle's cost estimator counts it
        "#);
    insta::assert_snapshot!(ended.stderr.replace(&place.path().display().to_string(), "."), @"warning: a launch would \
         stop here: config.yaml:4:19: there is no key file at key.pem: put the private key there, or correct the path");
    assert!(!place.path().join("state").exists(), "a dry run keeps no state");
}

#[test]
fn a_dry_run_for_programs_is_one_document() {
    let document = Workplace::with_config(GOOD).run(&["--dry-run", "--output", "json"]).json();
    assert_eq!(document["url"], "https://iaas.us-phoenix-1.oraclecloud.com/20160918/instances");
    assert_eq!(document["names"], serde_json::json!(["web-1", "web-2", "web-3"]));
    assert_eq!(document["body"]["shape"], "VM.Standard.E4.Flex");
    assert_eq!(document["dry_run"], true);
}

#[test]
fn mistakes_of_usage_end_with_2_and_say_what_to_do() {
    let place = Workplace::with_config(GOOD);
    for (typed, wanted) in [
        (&["--cuont", "3"][..], "unexpected argument '--cuont'"),
        (&["--count", "0"], "0 is not in 1..=1000000"),
        (&["--count", "1e9"], "invalid value '1e9'"),
        (&["--wait-timeout", "soon"], "expected a time such as 90s, 20m, 1h30m or 8d"),
        (&["--ttl", "8"], "a time needs a unit: write 8s, 8m, 8h or 8d"),
        (&["--deadline", "0"], "a time needs a unit"),
        (&["instances", "extend", "--run", "last", "--ttl", "4"], "write 4s, 4m, 4h or 4d"),
        (&["instances", "status", "--watch", "--every", "5"], "write 5s, 5m, 5h or 5d"),
        (&["reservation", "wait", "prod", "--deadline", "30"], "write 30s, 30m, 30h or 30d"),
        (&["--count", "-1"], "-1 is not in 1..=1000000"),
        (&["--rate", "-1"], "expected a number above 0"),
        (&["lanch"], "'launch'"),
        (&["-dryrun"], "'--dry-run'"),
        (&["-cofnig", "x.yaml"], "'--config'"),
        (&["-simulate", "flaky"], "`--simulate=flaky`"),
        (&["--dryrun", "-yes", "launch"], "'--dry-run'"),
        (&["--simulate=roomie"], "roomy"),
        (&["--endpoint", "http://example.com"], "plain http to another machine"),
        (&["--config", "nowhere.yaml"], "nowhere.yaml: cannot be read: there is no such file"),
        (&["show", "0123"], "there is no run \"0123\""),
        (&["--no-wait", "--wait-timeout", "5m"], "cannot be used with"),
        (&["--quiet", "-v"], "cannot be used with"),
    ] {
        let ended = place.run(typed);
        assert_eq!(ended.code, 2, "{typed:?}: {}", ended.stderr);
        assert!(ended.stderr.contains(wanted), "{typed:?}: {}", ended.stderr);
        assert_eq!(ended.stdout, "", "{typed:?}");
    }
}

#[test]
fn an_unwritable_state_directory_stops_before_sending() {
    let place = Workplace::with_config(GOOD);
    place.write("file", "");
    let ended = place.run(&["--simulate", "--state-dir", "file/state"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("--state-dir"), "{}", ended.stderr);
}

#[test]
fn completions_and_the_manual_know_the_flags() {
    let place = Workplace::empty();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let script = place.run(&["completions", shell]).stdout;
        for program in ["oci-insta-scale", "capacity-manager", "manage-instances"] {
            assert!(script.contains(program), "{shell}: {script}");
        }
        // The script does this when a word is to be completed.
        let mut command = place.unconfirmed(&["--", "oci-insta-scale", "--max-conc"]);
        let asked = Ended::from(command.env("OCI_INSTA_SCALE_COMPLETE", shell).output().unwrap());
        assert!(
            asked.code == 0 && asked.stdout.starts_with("--max-concurrency"),
            "{shell}: {}",
            asked.stdout
        );
    }
    let manual = place.run(&["man", "launch"]).stdout;
    assert!(manual.contains(".TH oci-insta-scale-launch") && manual.contains("wait\\-timeout"), "{manual}");
    assert!(place.run(&["man"]).stdout.contains(".TH oci-insta-scale 1"));
    assert!(place.run(&["man", "capacity-manager"]).stdout.contains(".TH capacity-manager 1"));
    let unknown = place.run(&["man", "nonsense"]);
    assert!(unknown.code == 2 && unknown.stderr.contains("no command `nonsense`"), "{}", unknown.stderr);
}

#[test]
fn one_binary_answers_to_three_names() {
    let place = Workplace::empty();
    for name in ["capacity-manager", "manage-instances"] {
        let answers = |path: &std::path::Path| {
            let output = std::process::Command::new(path).arg("--version").output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        let expected = format!("{name} {}\n", env!("CARGO_PKG_VERSION"));
        let program = env!("CARGO_BIN_EXE_oci-insta-scale");
        let link = place.path().join(name);
        std::os::unix::fs::symlink(program, &link).unwrap();
        assert_eq!(answers(&link), expected);
        // For systems without links, and for a machine with only this file.
        std::fs::remove_file(&link).unwrap();
        std::fs::copy(program, &link).unwrap();
        assert_eq!(answers(&link), expected);
    }
}

#[test]
fn a_reader_that_leaves_early_is_no_error() {
    use std::process::Stdio;
    let place = Workplace::empty();
    let mut child = place.command(&["man"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), String::from_utf8(output.stderr).unwrap()), (Some(0), String::new()));
}

#[test]
fn a_command_without_a_result_has_a_document() {
    let place = Workplace::empty();
    let commands = [
        "status",
        "plan",
        "instances list",
        "instances terminate web-1 --yes",
        "cleanup",
        "reservation list",
        "limits",
        "find images",
        "maintain --once",
        "show zzz",
        "report zzz",
        "prices list NOSUCH",
        "export hosts",
        "launch",
        "runs --bogus",
        "nonsense",
        "instances list --sort",
        "scale many",
    ];
    for line in commands {
        for format in ["json", "jsonl"] {
            let words: Vec<&str> = line.split(' ').chain(["--output", format]).collect();
            let ended = place.run(&words);
            let document: serde_json::Value = serde_json::from_str(&ended.stdout)
                .unwrap_or_else(|error| panic!("{line}: {error}: {:?} {}", ended.stdout, ended.stderr));
            assert_eq!(ended.code, 2, "{line}: {}", ended.stderr);
            assert_eq!(
                (&document["schema_version"], &document["run_id"]),
                (&1.into(), &serde_json::Value::Null),
                "{line}"
            );
            let error = &document["error"];
            assert!(
                error["class"].is_string() && error["message"].as_str().is_some_and(|text| !text.is_empty()),
                "{line}: {error}"
            );
        }
        let for_people = place.run(&line.split(' ').collect::<Vec<_>>());
        assert_eq!(for_people.stdout, "", "{line}");
    }
}
