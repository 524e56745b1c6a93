//! The OCI configuration file is read as the official tools read it.

use std::collections::BTreeMap;
use std::path::Path;

use oci_client::credentials::{ConfigFile, Login, LoginSettings, config_file_path, expand_home};

use crate::credentials::{FINGERPRINT, data, network, token};

fn parse(text: &str) -> Result<ConfigFile, String> {
    ConfigFile::parse(text, Path::new("config")).map_err(|error| error.to_string())
}

#[test]
fn profiles_inherit_from_default_and_keys_ignore_case() {
    let text = "\u{feff}# a comment\r\n[DEFAULT]\r\nUser = u1\r\nregion: iad\r\n\r\n; another\r\n[OTHER]\r\nREGION=phx ; part of it\r\n";
    let file = parse(text).unwrap();
    let other = file.profile("OTHER").unwrap();
    assert_eq!((other.get("user"), other.get("region")), (Some("u1"), Some("phx ; part of it")));
    assert_eq!(file.profile("DEFAULT").unwrap().get("region"), Some("iad"));
    assert_eq!(other.place_of("region"), "config:8");
    assert_eq!(other.get("key_file"), None);
    assert_eq!(parse("[A]\nx=1=2\ny = a:b\nempty=\n").unwrap().profile("A").unwrap().get("x"), Some("1=2"));
}

#[test]
fn indented_lines_continue_a_value() {
    let file = parse("[A]\n  user=u\n  region=r\n\n    more\n [B]\nx=1\n").unwrap();
    let profile = file.profile("A").unwrap();
    assert_eq!((profile.get("user"), profile.get("region")), (Some("u"), Some("r\nmore")));
    assert_eq!(file.profile("B").unwrap().get("x"), Some("1"));
}

#[test]
fn mistakes_are_told_with_their_line() {
    let wrong = |text| parse(text).err().unwrap();
    insta::assert_snapshot!(wrong("user=x"), @"config:1: a setting precedes the first profile: add [DEFAULT] above it");
    insta::assert_snapshot!(wrong("[A]\nuser"), @"config:2: expected `key=value`, `[PROFILE]` or a comment");
    insta::assert_snapshot!(wrong("[A\nuser=x"), @"config:1: a profile's name needs a closing `]`");
    insta::assert_snapshot!(wrong("[A]\nuser=x\nUSER=y"), @"config:3: user is already set for [A] in line 2");
    insta::assert_snapshot!(wrong("[A]\n[B]\n[A]"), @"config:3: profile [A] exists twice");
    insta::assert_snapshot!(wrong("[]"), @"config:1: a profile needs a name between `[` and `]`");
    insta::assert_snapshot!(wrong("[A]\n=x"), @"config:2: there is no key before the `=`");
    let file = parse("[DEFAULT]\n[WORK]\n").unwrap();
    insta::assert_snapshot!(file.profile("HOME").err().unwrap(), @"config has no profile [HOME]; it has [DEFAULT], [WORK]");
}

/// A home directory with a configuration file and a key, and an environment that refers to it.
struct Home {
    folder: tempfile::TempDir,
    variables: BTreeMap<&'static str, String>,
}

impl Home {
    fn new(config: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".oci")).unwrap();
        std::fs::write(folder.path().join(".oci/config"), config).unwrap();
        let key = folder.path().join(".oci/key.pem");
        std::fs::copy(data("test-key.pem"), &key).unwrap();
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        }
        let variables = BTreeMap::from([("HOME", folder.path().display().to_string())]);
        Self { folder, variables }
    }

    fn with(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.to_owned());
        self
    }

    fn login(&self, profile: Option<&str>) -> Result<Login, String> {
        let settings = LoginSettings { profile: profile.map(str::to_owned), ..LoginSettings::default() };
        Login::from_files(settings, &|name| self.variables.get(name).cloned(), &network())
            .map(Option::unwrap)
            .map_err(|error| error.to_string().replace(&self.variables["HOME"], "~"))
    }
}

const USER: &str = "ocid1.user.oc1..u";
const TENANCY: &str = "ocid1.tenancy.oc1..t";

fn config() -> String {
    format!(
        "[DEFAULT]\nuser={USER}\ntenancy={TENANCY}\nfingerprint={FINGERPRINT}\nkey_file=~/.oci/key.pem\nregion=us-phoenix-1\n[BARE]\nregion=iad\n"
    )
}

fn key_id(login: &Login) -> String {
    login.signer.sign(b"x", jiff::Timestamp::UNIX_EPOCH).unwrap().key_id.to_string()
}

#[test]
fn the_usual_file_and_profile_log_in() {
    let login = Home::new(&config()).login(None).unwrap();
    assert_eq!((login.tenancy.as_str(), login.user.as_deref()), (TENANCY, Some(USER)));
    assert_eq!((login.region.as_deref(), login.warnings.len()), (Some("us-phoenix-1"), 0));
    assert_eq!(key_id(&login), format!("{TENANCY}/{USER}/{FINGERPRINT}"));
}

#[test]
fn variables_choose_and_override_as_for_the_official_cli() {
    let other = "ocid1.user.oc1..other";
    let home = Home::new(&config()).with("OCI_CLI_PROFILE", "BARE").with("OCI_CLI_USER", other);
    let login = home.login(None).unwrap();
    assert_eq!((login.region.as_deref(), login.user.as_deref()), (Some("iad"), Some(other)));
    assert_eq!(home.login(Some("DEFAULT")).unwrap().region.as_deref(), Some("us-phoenix-1"));
    let pem = std::fs::read_to_string(data("test-key.pem")).unwrap();
    let no_file = config().replace("key_file", "x");
    Home::new(&no_file).with("OCI_CLI_KEY_CONTENT", &pem).login(None).unwrap();
}

/// A home directory without a configuration file, and the variables of a CI system.
fn bare_home() -> Home {
    let home = Home::new("");
    std::fs::remove_file(home.folder.path().join(".oci/config")).unwrap();
    home.with("OCI_CLI_USER", USER).with("OCI_CLI_TENANCY", TENANCY).with("OCI_CLI_FINGERPRINT", FINGERPRINT)
}

#[test]
fn the_variables_of_the_cli_suffice_without_a_file() {
    let pem = std::fs::read_to_string(data("test-key.pem")).unwrap();
    let encrypted = std::fs::read_to_string(data("keys/encrypted-pbkdf2-sha1.pem")).unwrap();
    for home in [
        bare_home().with("OCI_CLI_KEY_CONTENT", &pem),
        bare_home().with("OCI_CLI_KEY_FILE", "~/.oci/key.pem"),
        bare_home().with("OCI_CLI_KEY_CONTENT", &encrypted).with("OCI_CLI_PASSPHRASE", "swordfish"),
    ] {
        let login = home.with("OCI_CLI_REGION", "phx").login(None).unwrap();
        assert_eq!((login.region.as_deref(), login.warnings.len()), (Some("phx"), 0));
        assert_eq!(key_id(&login), format!("{TENANCY}/{USER}/{FINGERPRINT}"));
    }
    let too_few = bare_home().login(None).unwrap_err();
    assert!(too_few.contains("~/.oci/config cannot be read (it does not exist)"), "{too_few}");
    let named = bare_home().with("OCI_CLI_KEY_CONTENT", &pem).login(Some("WORK")).unwrap_err();
    assert!(named.contains("cannot be read"), "a profile that was asked for must be there: {named}");
}

#[test]
fn complete_variables_win_over_a_profile_with_a_session() {
    let text = "[DEFAULT]\nsecurity_token_file=~/.oci/token\nregion=iad\n";
    let home = Home::new(text).with("OCI_CLI_USER", USER).with("OCI_CLI_TENANCY", TENANCY);
    let home = home.with("OCI_CLI_FINGERPRINT", FINGERPRINT).with("OCI_CLI_KEY_FILE", "~/.oci/key.pem");
    assert_eq!(key_id(&home.login(None).unwrap()), format!("{TENANCY}/{USER}/{FINGERPRINT}"));
}

#[test]
fn the_usual_file_wins_over_oci_config_file_as_in_the_sdk() {
    let home = Home::new("").with("OCI_CONFIG_FILE", "/elsewhere");
    let path = |home: &Home, asked| config_file_path(asked, &|name| home.variables.get(name).cloned());
    let usual = home.folder.path().join(".oci/config");
    assert_eq!(path(&home, None), usual);
    assert_eq!(path(&home, Some(Path::new("~/x"))), home.folder.path().join("x"));
    std::fs::remove_file(usual).unwrap();
    assert_eq!(path(&home, None), Path::new("/elsewhere"));
    let home = home.with("OCI_CLI_CONFIG_FILE", "~/mine");
    assert_eq!(path(&home, None), home.folder.path().join("mine"));
    assert_eq!(expand_home(Path::new("~other/x"), &|_| Some("/home/me".into())), Path::new("~other/x"));
}

/// How the profile `[WORK]` of this file signs: with `key` or `session`.
fn way(text: &str) -> &'static str {
    let home = Home::new(text);
    std::fs::write(home.folder.path().join(".oci/token"), token(1000, "one")).unwrap();
    let login = home.login(Some("WORK")).unwrap();
    let is_session = key_id(&login) == format!("ST${}", token(1000, "one"));
    assert_eq!(login.user.is_none(), is_session);
    if is_session { "session" } else { "key" }
}

#[test]
fn a_session_profile_logs_in_with_its_token() {
    let session = format!("tenancy={TENANCY}\nkey_file=~/.oci/key.pem\nsecurity_token_file=~/.oci/token\n");
    assert_eq!(way(&format!("[WORK]\n{session}")), "session");
    assert_eq!(way(&format!("[DEFAULT]\n{session}[WORK]\nregion=phx\n")), "session", "there is no user");
}

#[test]
fn an_inherited_token_does_not_replace_an_own_key() {
    let default = "[DEFAULT]\nsecurity_token_file=~/.oci/token\n[WORK]\n";
    let own = format!("user={USER}\ntenancy={TENANCY}\nfingerprint={FINGERPRINT}\nkey_file=~/.oci/key.pem\n");
    assert_eq!(way(&format!("{default}{own}")), "key");
    assert_eq!(way(&format!("{default}{own}authentication_type=security_token\n")), "session");
    assert_eq!(way(&format!("{default}{own}security_token_file=~/.oci/token\n")), "session");
}

#[test]
fn a_value_that_is_no_ocid_is_told_with_its_line() {
    let with = |key: &str, value: &str| {
        let from = if key == "user" { format!("user={USER}") } else { format!("tenancy={TENANCY}") };
        Home::new(&config().replace(&from, &format!("{key}={value}"))).login(None).unwrap_err()
    };
    insta::assert_snapshot!(with("user", &format!("\"{USER}\"")), @r#"~/.oci/config:2 has user = "\"ocid1.user.oc1..u\"": the quotes are part of the value here; leave them out"#);
    insta::assert_snapshot!(with("user", "me@example.com"), @r#"~/.oci/config:2 has user = "me@example.com": that is an e-mail address; the console shows the user's OCID (`ocid1.user.oc1..…`)"#);
    insta::assert_snapshot!(with("user", TENANCY), @r#"~/.oci/config:2 has user = "ocid1.tenancy.oc1..t": that is the OCID of a tenancy; are `user` and `tenancy` swapped?"#);
    insta::assert_snapshot!(with("tenancy", "acme"), @r#"~/.oci/config:3 has tenancy = "acme": that is no OCID; the tenancy's looks like `ocid1.tenancy.oc1..…`"#);
    insta::assert_snapshot!(with("tenancy", "ocid1.compartment.oc1..c"), @r#"~/.oci/config:3 has tenancy = "ocid1.compartment.oc1..c": that is the OCID of another kind of resource (compartment); the tenancy's is wanted"#);
    let by_variable = Home::new(&config()).with("OCI_CLI_USER", "me").login(None).unwrap_err();
    insta::assert_snapshot!(by_variable, @r#"OCI_CLI_USER has user = "me": that is no OCID; the user's looks like `ocid1.user.oc1..…`"#);
    let old = config().replace(TENANCY, "ocidv1:tenancy:oc1:phx:1460166532561:aaaa");
    assert!(Home::new(&old).login(None).is_ok(), "tenancies of the first years have such OCIDs");
}

#[test]
fn a_byte_that_is_not_utf8_is_named_with_its_line() {
    let home = Home::new("");
    std::fs::write(home.folder.path().join(".oci/config"), b"[DEFAULT]\n# caf\xe9\n").unwrap();
    insta::assert_snapshot!(home.login(None).unwrap_err(), @"~/.oci/config:2: byte 0xe9 is not UTF-8: save the file as UTF-8");
}

#[test]
fn what_a_profile_lacks_is_listed_at_once() {
    let refused = |text: &str| Home::new(text).login(None).unwrap_err();
    insta::assert_snapshot!(refused("[DEFAULT]\nregion=phx\n"), @"profile [DEFAULT] of ~/.oci/config has no user, no fingerprint, no tenancy, no key_file");
    insta::assert_snapshot!(refused(&config().replace("\ntenancy", "\n  tenancy")), @r#"~/.oci/config:2 has user = "ocid1.user.oc1..u": the next line is indented deeper, which makes it part of this value; align the two lines"#);
    let error = refused(&format!("{}[DEFAULT]\nauthentication_type=pkcs11\n", config()));
    insta::assert_snapshot!(error, @r#"~/.oci/config:10 has authentication_type = "pkcs11": pkcs11 is not supported; use one of auto, api_key, security_token, instance_principal, instance_obo_user, resource_principal, oke_workload_identity"#);
    insta::assert_snapshot!(refused(""), @"~/.oci/config has no profile [DEFAULT]; it has none");
    let home = Home::new("").with("OCI_CLI_CONFIG_FILE", "~/none");
    insta::assert_snapshot!(home.login(None).unwrap_err(), @"the OCI configuration file ~/none cannot be read (it does not exist)");
}

proptest::proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "([\\[\\]=:;# \\t]{0,3}[a-zA-Z]{0,3}\\PC?\\r?\\n?){0,40}") {
        let _ = parse(&text);
    }

    #[test]
    fn what_is_written_is_read(key in "[a-z_]{1,12}", value in "[!-~]([ -~]{0,30}[!-~])?") {
        let file = parse(&format!("[P]\n{key} = {value}\n")).unwrap();
        let profile = file.profile("P").unwrap();
        proptest::prop_assert_eq!(profile.get(&key), Some(value.as_str()));
    }
}
