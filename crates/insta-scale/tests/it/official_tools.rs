//! Credentials, proxies and certificates come from the places that the official tools read, and a mistake in them is reported
//! as such.

use crate::bad_config::GOOD;
use crate::program::{Ended, Workplace};
use std::path::Path;

const USER: &str = "ocid1.user.oc1..a";
const TENANCY: &str = "ocid1.tenancy.oc1..a";
const FINGERPRINT: &str = "b4:d6:ac:72:e7:7c:9b:bb:34:78:83:81:a7:95:ad:b2";

fn key() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/test-key.pem")
}

/// The good config without its own credentials.
fn without_credentials(more: &str) -> String {
    let own = ["tenancy_ocid", "user_ocid", "fingerprint", "private_key_path"];
    let lines = GOOD.lines().filter(|line| !own.iter().any(|key| line.starts_with(key)));
    let kept: Vec<&str> = lines.collect();
    format!("{}\n{more}\n", kept.join("\n"))
}

/// Runs with the variables of a CI system, and more.
fn with_variables(place: &Workplace, arguments: &[&str], more: &[(&str, &str)]) -> Ended {
    let mut command = place.command(arguments);
    command.env("OCI_CLI_USER", USER).env("OCI_CLI_TENANCY", TENANCY).env("OCI_CLI_FINGERPRINT", FINGERPRINT);
    command.env("OCI_CLI_REGION", "phx").env("OCI_CLI_KEY_CONTENT", std::fs::read_to_string(key()).unwrap());
    command.envs(more.iter().copied()).output().unwrap().into()
}

/// An address of this machine where nothing listens.
const NOBODY: &str = "http://127.0.0.1:9";

#[test]
fn the_clis_variables_suffice_without_any_file() {
    let place = Workplace::empty();
    let listed = ["find", "ads", "--endpoint", NOBODY];
    let ended = with_variables(&place, &listed, &[]);
    assert!(ended.stderr.contains("cannot reach 127.0.0.1:9"), "it was signed and sent: {}", ended.stderr);
    let ended = with_variables(&place, &listed, &[("OCI_CLI_USER", "me@example.com")]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains("OCI_CLI_USER has user = \"me@example.com\": that is an e-mail address"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_clis_variables_suffice_for_a_launch() {
    let place = Workplace::with_config(&without_credentials(&format!("endpoint: {NOBODY}")));
    let ended = with_variables(&place, &["--yes"], &[]);
    assert!(ended.stderr.contains("cannot reach 127.0.0.1:9"), "it was signed and sent: {}", ended.stderr);
    let without = place.run(&["--yes"]);
    assert_eq!(without.code, 2);
    assert!(without.stderr.contains("required keys are missing: tenancy_ocid"), "{}", without.stderr);
}

#[test]
fn own_credentials_are_not_moved_by_variables() {
    let place = Workplace::with_config(&format!("{GOOD}endpoint: {NOBODY}\n"));
    let ended = with_variables(&place, &["--yes"], &[]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("there is no key file at"),
        "the config's own key counts: {}",
        ended.stderr
    );
}

/// The messages for this profile beside a correct config.
fn with_profile(profile: impl AsRef<[u8]>, arguments: &[&str]) -> Ended {
    let place = Workplace::with_config(&without_credentials("profile: WORK"));
    std::fs::create_dir(place.path().join(".oci")).unwrap();
    place.write(".oci/config", profile);
    std::fs::copy(key(), place.path().join("key.pem")).unwrap();
    let ended = place.run(arguments);
    let here = place.path().display().to_string();
    Ended { stderr: ended.stderr.replace(&here, "~"), stdout: ended.stdout.replace(&here, "~"), ..ended }
}

fn profile(user: &str) -> String {
    format!(
        "[WORK]\nuser={user}\ntenancy={TENANCY}\nfingerprint={FINGERPRINT}\nkey_file=key.pem\nregion=phx\n"
    )
}

#[test]
fn a_broken_profile_is_one_mistake_in_its_own_file() {
    let told = |text: &str| {
        let ended = with_profile(text, &["--yes"]);
        assert_eq!(ended.code, 2);
        ended.stderr
    };
    insta::assert_snapshot!(told(&profile("\"ocid1.user.oc1..a\"")), @r#"error: ~/.oci/config:2 has user = "\"ocid1.user.oc1..a\"": the quotes are part of the value here; leave them out"#);
    insta::assert_snapshot!(told(&profile(TENANCY)), @r#"error: ~/.oci/config:2 has user = "ocid1.tenancy.oc1..a": that is the OCID of a tenancy; are `user` and `tenancy` swapped?"#);
    insta::assert_snapshot!(told("[WORK]\nnonsense\n"), @"error: ~/.oci/config:2: expected `key=value`, `[PROFILE]` or a comment");
    insta::assert_snapshot!(told("[OTHER]\n"), @"error: ~/.oci/config has no profile [WORK]; it has [OTHER]");
    let latin1 = with_profile(b"[WORK]\nuser=caf\xe9\n", &["--yes"]).stderr;
    insta::assert_snapshot!(latin1, @"error: ~/.oci/config:2: byte 0xe9 is not UTF-8: save the file as UTF-8");
}

#[test]
fn a_broken_profile_is_one_error_for_programs_too() {
    let ended = with_profile(profile("me"), &["--yes", "--output", "json"]);
    let error = ended.json()["error"].clone();
    assert_eq!(error["class"], "credentials");
    assert!(error["message"].as_str().unwrap().starts_with("~/.oci/config:2 has user = \"me\""), "{error}");
}

#[test]
fn mistakes_in_both_files_are_told_at_once() {
    let config = without_credentials("profile: WORK").replace("count:", "cuont:");
    let place = Workplace::with_config(&config);
    std::fs::create_dir(place.path().join(".oci")).unwrap();
    place.write(".oci/config", profile("me"));
    let told = place.run(&["--yes"]).stderr;
    assert!(
        told.contains("unknown key `instance_settings.cuont`") && told.contains(".oci/config:2 has"),
        "{told}"
    );
    assert!(told.contains("config.yaml: 1 mistake; nothing was sent"), "{told}");
}

#[test]
fn a_secret_in_a_misspelt_key_is_in_no_output() {
    for key in ["private_key_pasphrase", "pass_phrase"] {
        let place = Workplace::with_config(&format!("{GOOD}{key}: hunter2\n"));
        for output in ["table", "json", "jsonl"] {
            let ended = place.run(&["--yes", "-v", "--output", output]);
            assert_eq!(ended.code, 2);
            assert!(ended.stderr.contains(&format!("unknown key `{key}`")), "{}", ended.stderr);
            let told = ended.stdout + &ended.stderr;
            assert!(!told.contains("hunter2"), "{told}");
        }
    }
}

#[test]
fn a_proxy_or_bundle_that_is_none_is_bad_usage() {
    let place = Workplace::with_config(GOOD);
    std::fs::copy(key(), place.path().join("key.pem")).unwrap();
    place.write("config.yaml", GOOD.replace(&fingerprint_of_good(), FINGERPRINT));
    for (variable, value) in [
        ("HTTPS_PROXY", "nonsense://::::"),
        ("https_proxy", "nonsense://::::"),
        ("ALL_PROXY", "http://"),
        ("SSL_CERT_FILE", "/nowhere/ca.pem"),
        ("REQUESTS_CA_BUNDLE", "/nowhere/ca.pem"),
        ("OCI_CLI_CERT_BUNDLE", "/nowhere/ca.pem"),
    ] {
        let ended: Ended = place.command(&["--yes"]).env(variable, value).output().unwrap().into();
        assert_eq!(ended.code, 2, "{variable}: {}", ended.stderr);
        assert!(ended.stderr.contains(&format!("error: {variable} ")), "{}", ended.stderr);
        // Requests to this machine use no proxy and no certificates.
        let local: Ended =
            place.command(&["--yes", "--endpoint", NOBODY]).env(variable, value).output().unwrap().into();
        assert!(local.stderr.contains("cannot reach 127.0.0.1:9"), "{variable}: {}", local.stderr);
    }
}

#[test]
fn certificates_are_read_only_to_send_something() {
    let place = Workplace::with_config(GOOD);
    std::fs::copy(key(), place.path().join("key.pem")).unwrap();
    place.write("config.yaml", GOOD.replace(&fingerprint_of_good(), FINGERPRINT));
    place.write("empty.pem", "no certificate");
    for (value, offline, what) in
        [("/nowhere/ca.pem", 2, "does not exist"), ("empty.pem", 0, "contains no certificate")]
    {
        let told = format!("warning: a launch would stop here: SSL_CERT_FILE names {value}, which {what}");
        for (arguments, code) in [(&["--dry-run"][..], 2), (&["--dry-run", "--offline"], offline)] {
            let ended: Ended = place.command(arguments).env("SSL_CERT_FILE", value).output().unwrap().into();
            assert_eq!((ended.code, ended.stderr.contains(&told)), (code, code == 2), "{}", ended.stderr);
        }
        for silent in [&["plan", "--offline"][..], &["config", "show"], &["runs"]] {
            let ended: Ended = place.command(silent).env("SSL_CERT_FILE", value).output().unwrap().into();
            assert_eq!((ended.code, ended.stderr.contains("SSL_CERT_FILE")), (0, false), "{}", ended.stderr);
        }
    }
}

fn fingerprint_of_good() -> String {
    let line = GOOD.lines().find(|line| line.starts_with("fingerprint:")).unwrap();
    line.trim_start_matches("fingerprint:").trim().trim_matches('"').to_owned()
}
