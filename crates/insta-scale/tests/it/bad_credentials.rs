//! An unusable key is found before any call, with a remedy.

use crate::bad_config::GOOD;
use crate::program::Workplace;

/// Launches with this key file, at an address where nothing listens.
fn launch_with(key: Option<&str>) -> (i32, String) {
    let place = Workplace::with_config(&format!("{GOOD}endpoint: http://127.0.0.1:9\n"));
    if let Some(key) = key {
        place.write("key.pem", key);
    }
    let ended = place.run(&[]);
    assert_eq!(ended.stdout, "");
    assert!(!ended.stderr.contains("127.0.0.1:9"), "something was sent: {}", ended.stderr);
    (ended.code, ended.stderr.replace(&format!("{}/", place.path().display()), ""))
}

#[test]
fn a_missing_key_file() {
    insta::assert_debug_snapshot!(launch_with(None), @r#"
        (
            2,
            "config.yaml:4:19: there is no key file at key.pem: put the private key there, or correct the path\n  |\n4 | private_key_path: key.pem\n  |                   ^^^^^^^\n  = help: if the key is lost: on a terminal, `init NEW.yaml` makes another key and its profile (choose `new key`)\n\nconfig.yaml: 1 mistake; nothing was sent\n",
        )
        "#);
}

#[test]
fn a_public_key() {
    let key = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n-----END PUBLIC KEY-----\n";
    insta::assert_debug_snapshot!(launch_with(Some(key)), @r#"
        (
            2,
            "config.yaml:4:19: key.pem contains a public key; signing needs the private key, which is usually next to it without `_public` in its name\n  |\n4 | private_key_path: key.pem\n  |                   ^^^^^^^\n\nconfig.yaml: 1 mistake; nothing was sent\n",
        )
        "#);
}

#[test]
fn garbage() {
    insta::assert_debug_snapshot!(launch_with(Some("not a key\n")), @r#"
        (
            2,
            "config.yaml:4:19: key.pem contains no private key (it has no BEGIN line): it should have a line `-----BEGIN PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`\n  |\n4 | private_key_path: key.pem\n  |                   ^^^^^^^\n  = help: name the file of the private key; if it is lost: on a terminal, `init NEW.yaml` makes another key and its profile (choose `new key`)\n\nconfig.yaml: 1 mistake; nothing was sent\n",
        )
        "#);
}

#[cfg(unix)]
#[test]
fn a_folder_in_place_of_the_key() {
    let place = Workplace::with_config(&format!("{GOOD}endpoint: http://127.0.0.1:9\n"));
    std::fs::create_dir(place.path().join("key.pem")).unwrap();
    let ended = place.run(&[]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains("key.pem"), "{}", ended.stderr);
}

#[test]
fn a_profile_that_is_not_there() {
    let place = Workplace::with_config(GOOD);
    let ended = place.run(&["--profile", "NOBODY"]);
    assert_eq!(ended.code, 2);
    assert!(ended.stderr.contains(".oci/config"), "{}", ended.stderr);
}

#[test]
fn a_session_is_never_replaced_by_an_api_key() {
    let place = Workplace::with_config(&format!("{GOOD}endpoint: http://127.0.0.1:9\n"));
    place.write("key.pem", "not a key\n");
    let ended = place.run(&["--auth", "security_token"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    for part in ["this file has the fields of an API key", "add --profile NAME"] {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
    // Without a name, the CLI signs in with the default profile.
    let bare: String =
        GOOD.lines().filter(|line| !is_field(line)).fold(String::new(), |all, line| all + line + "\n");
    let ended = Workplace::with_config(&bare).run(&["--auth", "security_token"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains(".oci/config"), "{}", ended.stderr);
}

fn is_field(line: &str) -> bool {
    ["tenancy_ocid:", "user_ocid:", "fingerprint:", "private_key_path:"]
        .iter()
        .any(|key| line.starts_with(key))
}

/// The good config with this key and the fingerprint of another; `more` is appended to the config.
fn with_encrypted_key(more: &str) -> Workplace {
    let place = Workplace::with_config(&format!("{GOOD}endpoint: http://127.0.0.1:9\n{more}"));
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../oci-client/tests/data/keys/encrypted-pbkdf2.pem");
    place.write("key.pem", std::fs::read(data).unwrap());
    place
}

#[test]
fn an_encrypted_key_says_where_to_put_its_passphrase() {
    let ended = with_encrypted_key("").run(&[]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    for part in ["config.yaml:4:19: ", "is encrypted", "private_key_passphrase", "OCI_INSTA_SCALE_PASSPHRASE"]
    {
        assert!(ended.stderr.contains(part), "{part}: {}", ended.stderr);
    }
}

#[test]
fn a_wrong_passphrase_is_told_and_never_shown() {
    let place = with_encrypted_key("private_key_passphrase: hunter2\n");
    let ended = place.run(&[]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("the passphrase does not open key.pem"), "{}", ended.stderr);
    assert!(!ended.stderr.contains("hunter2"), "{}", ended.stderr);
    let place = with_encrypted_key("");
    let by_variable = place.command(&[]).env("OCI_INSTA_SCALE_PASSPHRASE", "hunter3").output().unwrap();
    let told = String::from_utf8(by_variable.stderr).unwrap();
    assert!(told.contains("does not open") && !told.contains("hunter3"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_key_that_may_not_be_read() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Workplace::with_config(&format!("{GOOD}endpoint: http://127.0.0.1:9\n"));
    let key = place.write("key.pem", "secret");
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o000)).unwrap();
    if std::fs::read(&key).is_ok() {
        // root may read everything.
        return;
    }
    let ended = place.run(&[]);
    assert_eq!(ended.code, 2);
    assert!(
        ended.stderr.contains("config.yaml:4:19: the key file key.pem cannot be read"),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_bad_fingerprint_is_reported_with_file_and_line() {
    let place = Workplace::empty();
    std::fs::create_dir(place.path().join(".oci")).unwrap();
    let profile = "[DEFAULT]\nuser=ocid1.user.oc1..a\ntenancy=ocid1.tenancy.oc1..a\nfingerprint=nonsense\nkey_file=key.pem\nregion=phx\n";
    place.write(".oci/config", profile);
    let data = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/test-key.pem");
    place.write("key.pem", std::fs::read(data).unwrap());
    let ended = place.run(&["instances", "list", "-c", "ocid1.compartment.oc1..a", "--profile", "DEFAULT"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(
        ended.stderr.contains(".oci/config") && ended.stderr.contains("fingerprint = \"nonsense\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn every_variable_that_is_read_is_documented() {
    let document = include_str!("../../../../docs/environment.md");
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut folders = vec![root.join("insta-scale/src"), root.join("oci-client/src")];
    let mut found = std::collections::BTreeSet::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let text = std::fs::read_to_string(&path).unwrap();
            let names = text.split('"').filter(|word| {
                ["OCI_", "XDG_"].iter().any(|start| word.starts_with(start))
                    && word.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
            });
            // A source of models, not a variable.
            found.extend(names.filter(|name| *name != "OCI_PROVIDED").map(str::to_owned));
        }
    }
    assert!(found.len() > 15, "{found:?}");
    for name in found {
        assert!(document.contains(&format!("`{name}`")), "docs/environment.md lacks {name}");
    }
}
