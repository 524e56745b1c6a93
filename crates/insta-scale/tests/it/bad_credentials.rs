//! A key that cannot be used is found before any call, and says what to do.

use crate::bad_config::GOOD;
use crate::program::Workplace;

/// Launches with this key file, at an address where nobody listens.
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
            "error: there is no key file at key.pem: check the path, or make a key with `oci setup keys`\n",
        )
        "#);
}

#[test]
fn a_public_key() {
    let key = "-----BEGIN PUBLIC KEY-----\nMIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEAu1SU1LfVLPHCozMxH2Mo\n-----END PUBLIC KEY-----\n";
    insta::assert_debug_snapshot!(launch_with(Some(key)), @r#"
        (
            2,
            "error: key.pem holds a public key; requests are signed with the private one, which is usually beside it without `_public` in its name\n",
        )
        "#);
}

#[test]
fn garbage() {
    insta::assert_debug_snapshot!(launch_with(Some("not a key\n")), @r#"
        (
            2,
            "error: key.pem holds no private key (it has no BEGIN line): it should have a line `-----BEGIN PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`\n",
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
