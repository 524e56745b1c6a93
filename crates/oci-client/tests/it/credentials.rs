//! Keys and tokens: what is accepted, and the errors for everything else.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_client::Clock;
use oci_client::credentials::{
    ApiKey, ApiKeySettings, CredentialsError, Network, PrivateKey, SessionFiles, Signer,
};
use zeroize::Zeroizing;

use crate::fake::{Fake, Noon};

pub const FINGERPRINT: &str = "b4:d6:ac:72:e7:7c:9b:bb:34:78:83:81:a7:95:ad:b2";

pub fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

/// The error for a key file, with the path of the repository removed.
fn refusal(name: &str, passphrase: Option<&str>) -> String {
    let error = PrivateKey::read(&data(name), passphrase).unwrap_err().to_string();
    error.replace(&format!("{}/", data("").display().to_string().trim_end_matches('/')), "")
}

#[test]
fn every_form_of_the_same_key_has_the_same_fingerprint() {
    for (name, passphrase) in [
        ("test-key.pem", None),
        ("test-key.pem", Some("not needed")),
        ("keys/pkcs1.pem", None),
        ("keys/encrypted-pbkdf2.pem", Some("swordfish")),
        ("keys/encrypted-scrypt.pem", Some("swordfish")),
        // OpenSSL 1.0 and LibreSSL encrypt like this (PBES2 with HMAC-SHA1), and the second is the example in their manuals
        // (`-v2 des3`).
        ("keys/encrypted-pbkdf2-sha1.pem", Some("swordfish")),
        ("keys/encrypted-pbkdf2-des3.pem", Some("swordfish")),
        ("keys/public-then-private.pem", None),
    ] {
        let file = PrivateKey::read(&data(name), passphrase).unwrap();
        assert_eq!(file.key.fingerprint().unwrap(), FINGERPRINT, "{name}");
    }
}

#[test]
fn each_wrong_key_file_has_its_own_answer() {
    insta::assert_snapshot!(refusal("keys/public.pem", None), @"keys/public.pem contains a public key; signing needs the private key, which is usually next to it without `_public` in its name");
    insta::assert_snapshot!(refusal("keys/encrypted-legacy.pem", Some("swordfish")), @"keys/encrypted-legacy.pem uses the old encryption of OpenSSL (Proc-Type: 4,ENCRYPTED), which is too weak to be supported. Run `openssl pkcs8 -topk8 -v2 aes256 -in keys/encrypted-legacy.pem -out keys/encrypted-legacy.pem.new`, and use the new file instead");
    insta::assert_snapshot!(refusal("keys/encrypted-3des.pem", Some("swordfish")), @"keys/encrypted-3des.pem uses an unsupported encryption (its scheme is not PBES2). Run `openssl pkcs8 -topk8 -v2 aes256 -in keys/encrypted-3des.pem -out keys/encrypted-3des.pem.new`, and use the new file instead");
    insta::assert_snapshot!(refusal("keys/encrypted-pbkdf2-sha1.pem", Some("herring")), @"the passphrase does not open keys/encrypted-pbkdf2-sha1.pem");
    insta::assert_snapshot!(refusal("keys/encrypted-pbkdf2.pem", None), @"keys/encrypted-pbkdf2.pem is encrypted, but no passphrase was given");
    insta::assert_snapshot!(refusal("keys/encrypted-pbkdf2.pem", Some("herring")), @"the passphrase does not open keys/encrypted-pbkdf2.pem");
    insta::assert_snapshot!(refusal("keys/elliptic.pem", None), @"the key in keys/elliptic.pem cannot be used (it is not an RSA key): OCI accepts RSA keys of 2048 bits or more");
    insta::assert_snapshot!(refusal("keys/rsa-1024.pem", None), @"the key in keys/rsa-1024.pem cannot be used (it is too short): OCI accepts RSA keys of 2048 bits or more");
    insta::assert_snapshot!(refusal("keys/missing.pem", None), @"there is no key file at keys/missing.pem: put the private key there, or correct the path");
    insta::assert_snapshot!(refusal("keys", None), @"the key file keys cannot be read: it is not a file");
    insta::assert_snapshot!(refusal("make_vectors.py", None), @"make_vectors.py contains no private key (the text between its BEGIN and END lines is not base64): it should have a line `-----BEGIN PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`");
}

#[test]
fn text_that_is_no_key_says_what_it_is() {
    let why = |text: &str| PrivateKey::from_pem(text.as_bytes(), None, "KEY").unwrap_err().to_string();
    insta::assert_snapshot!(why(" \n"), @"KEY contains no private key (it is empty): it should have a line `-----BEGIN PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`");
    insta::assert_snapshot!(why("ssh-rsa AAAAB3Nza me@here"), @"KEY contains a public key; signing needs the private key, which is usually next to it without `_public` in its name");
    insta::assert_snapshot!(why("-----BEGIN PRIVATE KEY-----\nMIIE"), @"KEY contains no private key (its END line is missing: it was cut off): it should have a line `-----BEGIN PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`");
    insta::assert_snapshot!(why("-----BEGIN PRIVATE KEY-----\n?!\n-----END PRIVATE KEY-----"), @"KEY contains no private key (the text between its BEGIN and END lines is not base64): it should have a line `-----BEGIN PRIVATE KEY-----` or `-----BEGIN RSA PRIVATE KEY-----`");
    insta::assert_snapshot!(why("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----"), @"KEY contains a private key in the OpenSSH format, which OCI does not accept: rewrite it as PEM with `ssh-keygen -p -m PEM -f KEY`");
}

#[test]
fn an_old_key_in_a_variable_is_not_called_a_file() {
    let legacy = std::fs::read(data("keys/encrypted-legacy.pem")).unwrap();
    let error = PrivateKey::from_pem(&legacy, Some("swordfish"), "OCI_CLI_KEY_CONTENT").unwrap_err();
    insta::assert_snapshot!(error, @"OCI_CLI_KEY_CONTENT uses the old encryption of OpenSSL (Proc-Type: 4,ENCRYPTED), which is too weak to be supported. Save it to a file KEY.pem, run `openssl pkcs8 -topk8 -v2 aes256 -in KEY.pem`, and set OCI_CLI_KEY_CONTENT to the output");
    let error = PrivateKey::from_pem(&legacy, None, "/home/a b/it's.pem").unwrap_err();
    insta::assert_snapshot!(error, @r"/home/a b/it's.pem uses the old encryption of OpenSSL (Proc-Type: 4,ENCRYPTED), which is too weak to be supported. Run `openssl pkcs8 -topk8 -v2 aes256 -in '/home/a b/it'\''s.pem' -out '/home/a b/it'\''s.pem.new'`, and use the new file instead");
}

fn settings(fingerprint: &str) -> ApiKeySettings {
    ApiKeySettings {
        tenancy: "ocid1.tenancy.oc1..t".into(),
        user: "ocid1.user.oc1..u".into(),
        fingerprint: fingerprint.into(),
        key_path: data("test-key.pem"),
        passphrase: Some(Zeroizing::new("swordfish".to_owned())),
    }
}

#[test]
fn a_fingerprint_that_is_not_the_keys_is_found_before_any_call() {
    let other = FINGERPRINT.replace("b4", "00");
    let error = ApiKey::load(&settings(&other)).unwrap_err();
    let CredentialsError::FingerprintMismatch { actual, configured, .. } = &error else { panic!("{error}") };
    assert_eq!((actual.as_str(), configured), (FINGERPRINT, &other));
    let text = error.to_string();
    assert!(text.contains(&format!("has fingerprint {FINGERPRINT}, but the config has {other}")), "{text}");
    let (key, _) = ApiKey::load(&settings(&FINGERPRINT.to_uppercase())).unwrap();
    assert_eq!(key.key_id(), format!("ocid1.tenancy.oc1..t/ocid1.user.oc1..u/{FINGERPRINT}"));
    for bad in ["", "b4:d6", "b4d6ac72e77c9bbb34788381a795adb2", &FINGERPRINT.replace('b', "g")] {
        let error = ApiKey::load(&settings(bad)).unwrap_err();
        assert!(matches!(error, CredentialsError::BadFingerprint { .. }), "{bad:?}: {error}");
    }
}

#[test]
fn secrets_are_not_in_debug_output() {
    let settings = settings(FINGERPRINT);
    let (key, _) = ApiKey::load(&settings).unwrap();
    let signature = key.sign(b"x", jiff::Timestamp::UNIX_EPOCH).unwrap();
    let shown = format!("{settings:?} {key:?} {signature:?}");
    assert!(!shown.contains("swordfish") && !shown.contains("BEGIN"), "{shown}");
    assert!(shown.contains("PrivateKey(..)"), "{shown}");
}

#[cfg(unix)]
#[test]
fn a_key_that_others_can_read_gets_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.pem");
    std::fs::copy(data("test-key.pem"), &path).unwrap();
    let warning = |mode| {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        PrivateKey::read(&path, None).unwrap().warning
    };
    assert_eq!(warning(0o600), None);
    let text = warning(0o640).unwrap();
    assert!(text.contains("(mode 0640)") && text.contains("chmod 600"), "{text}");
}

/// A token with this expiry time, in the service's format.
pub fn token(expires: i64, name: &str) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"RS256"}"#), part(&format!(r#"{{"exp":{expires}}}"#)), part(name))
}

/// A network on which nothing responds.
pub fn network() -> Network {
    Network { transport: Arc::new(Fake::default()), clock: Arc::new(Noon), seed: 0, auth: None }
}

/// A session whose token is in this file.
pub fn session(token: &Path) -> SessionFiles {
    SessionFiles {
        token: token.to_owned(),
        key: data("test-key.pem"),
        passphrase: None,
        tenancy: Some("ocid1.tenancy.oc1..t".to_owned()),
        log_in: "oci session authenticate --profile-name P --region R".to_owned(),
    }
}

#[tokio::test]
async fn a_session_token_signs_until_it_expires() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let noon = Noon.now().as_second();
    let at = |second| jiff::Timestamp::from_second(noon + second).unwrap();
    let (one, two) = (token(noon + 1000, "one"), token(noon + 2000, "two"));
    std::fs::write(&path, format!("{one}\n")).unwrap();
    let (signer, _) = session(&path).sign_in(network(), None).unwrap();
    let key_id = format!("ST${one}");
    assert_eq!(&*signer.sign(b"x", at(999)).unwrap().key_id, key_id);
    let over = signer.sign(b"x", at(1000)).unwrap_err().to_string();
    assert!(
        over.contains("expired at 2026-11-22T12:16:40Z")
            && over.contains("`oci session authenticate --profile-name P --region R`"),
        "{over}"
    );
    assert!(signer.renew(Some(&key_id)).await.is_err(), "the file is still the same");
    std::fs::write(&path, &two).unwrap();
    let (signer, _) = session(&path).sign_in(network(), None).unwrap();
    std::fs::write(&path, &one).unwrap();
    let old = format!("ST${two}");
    assert_eq!(signer.renew(Some(&old)).await, Ok(true));
    let signature = signer.sign(b"x", at(500)).unwrap();
    assert!(signature.key_id.ends_with(&one));
    assert!(!format!("{signer:?} {signature:?}").contains(&one));
    std::fs::write(&path, &two[..two.len() / 2]).unwrap();
    assert!(signer.renew(Some(&key_id)).await.is_err(), "nothing new");
    assert!(signer.sign(b"x", at(500)).is_ok(), "and nothing lost");
}

#[test]
fn what_is_no_token_is_refused_without_being_shown() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    for text in ["", "one", "one.two.three", "a\r\nX-Evil: 1", "e30.e30.e30"] {
        std::fs::write(&path, text).unwrap();
        let error = session(&path).sign_in(network(), None).unwrap_err();
        assert!(matches!(error, CredentialsError::NotAToken { .. }), "{text:?}: {error}");
        assert!(text.is_empty() || !error.to_string().contains(text), "{error}");
    }
    let error = session(Path::new("/nowhere")).sign_in(network(), None).unwrap_err();
    assert!(matches!(error, CredentialsError::TokenUnreadable { .. }), "{error}");
}

#[test]
fn a_token_of_another_tenancy_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let claims = r#"{"exp":2000000000,"tenant":"ocid1.tenancy.oc1..other"}"#;
    std::fs::write(&path, format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims))).unwrap();
    let error = session(&path).sign_in(network(), None).unwrap_err().to_string();
    assert!(error.contains("ocid1.tenancy.oc1..other") && error.contains("ocid1.tenancy.oc1..t"), "{error}");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_key_reader_panic(text in "(-----BEGIN [A-Z ]{0,25}-----)?[A-Za-z0-9+/=\\n -]{0,300}(-----END [A-Z ]{0,25}-----)?") {
        proptest::prop_assert!(PrivateKey::from_pem(text.as_bytes(), Some("x"), "KEY").is_err());
    }
}
