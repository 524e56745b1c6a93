use super::support::{Call, closing, rfc1123, talk, wall_clock};
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_simulator::scenario::Scenario;
use oci_simulator::server::{Forgettable, Home, Identity, Options, start};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

const ENDPOINT: &str = "http://127.0.0.1:12620";

fn open(path: &Path, endpoint: &str) -> Result<Home, String> {
    Home::open(path, "us-phoenix-1", endpoint).map_err(|error| error.to_string())
}

fn read(home: &Path, file: &str) -> String {
    std::fs::read_to_string(home.join(file)).unwrap()
}

#[cfg(unix)]
#[test]
fn the_folder_and_the_key_are_for_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let home = open(&folder.path().join("home"), ENDPOINT).unwrap();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&home.path), 0o700);
    assert_eq!(mode(&home.path.join("oci_api_key.pem")), 0o600);
    let mut files: Vec<_> = std::fs::read_dir(&home.path)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    files.sort();
    let expected =
        [".oci-insta-scale-region", "config", "config.yaml", "oci_api_key.pem", "oci_api_key_public.pem"];
    assert_eq!(files, expected);
}

#[test]
fn a_home_is_used_again_and_follows_the_port_and_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(&folder.path().join("a"), ENDPOINT).unwrap();
    let config_yaml = read(&first.path, "config.yaml").replace("count: 3", "count: 7");
    std::fs::write(first.path.join("config.yaml"), &config_yaml).unwrap();
    std::fs::rename(&first.path, folder.path().join("b")).unwrap();
    let Home { identity, known, .. } = first.clone();
    drop(first);

    let second = open(&folder.path().join("b"), "http://127.0.0.1:4000").unwrap();
    assert_eq!(second.identity.caller, identity.caller);
    assert_eq!(second.identity.fingerprint, identity.fingerprint);
    assert_eq!(second.known, known);
    let text = read(&second.path, "config.yaml");
    assert!(text.contains("\nendpoint: http://127.0.0.1:4000\n") && text.contains("count: 7"), "{text}");
    let key = second.path.join("oci_api_key.pem");
    assert!(text.contains(&format!("\nprivate_key_path: \"{}\"\n", key.display())), "{text}");
    assert!(read(&second.path, "config").contains(&format!("\nkey_file={}\n", key.display())));
}

#[test]
fn a_damaged_home_says_which_file_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let home = open(folder.path(), ENDPOINT).unwrap().path;
    let other = Identity::generate(None, "us-phoenix-1").unwrap();
    std::fs::write(home.join("oci_api_key.pem"), &other.private_key_pem).unwrap();
    let error = open(folder.path(), ENDPOINT).unwrap_err();
    assert!(error.contains("the key beside it has the fingerprint") && error.contains("/config:"), "{error}");
    std::fs::write(home.join("oci_api_key.pem"), "garbage").unwrap();
    assert!(open(folder.path(), ENDPOINT).unwrap_err().contains("not an unencrypted RSA key"));
    std::fs::remove_file(home.join("oci_api_key.pem")).unwrap();
    assert!(open(folder.path(), ENDPOINT).unwrap_err().contains("cannot read"));
}

#[test]
fn a_home_that_cannot_be_made_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = open(&file.join("home"), ENDPOINT).unwrap_err();
    assert!(error.starts_with(&format!("cannot make the folder {}", file.join("home").display())), "{error}");
    assert!(error.ends_with("Choose another directory with --home"), "{error}");
}

fn options(home: &Path, save: &Path) -> Options {
    Options {
        listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
        home: Some(home.to_owned()),
        save: Some(save.to_owned()),
        scenario: Scenario::named("roomy").unwrap(),
        ..Options::default()
    }
}

#[tokio::test]
async fn a_saved_region_goes_on_where_it_stopped() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().join("region.json");
    let running = start(options(folder.path(), &save)).await.unwrap();
    assert!(!running.restored);
    running.region().advance(std::time::Duration::from_hours(24));
    let then = running.region().world().now();
    running.shutdown().await.unwrap();

    let running = start(options(folder.path(), &save)).await.unwrap();
    assert!(running.restored);
    let now = running.region().world().now();
    assert!(now >= then && now.duration_since(then).as_secs() < 3600, "{then} {now}");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_torn_file_and_one_of_another_version_are_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().join("region.json");
    start(options(folder.path(), &save)).await.unwrap().shutdown().await.unwrap();
    let whole = std::fs::read(&save).unwrap();
    let error = async || start(options(folder.path(), &save)).await.unwrap_err().to_string();
    for length in [0, 1, whole.len() / 2, whole.len() - 1] {
        std::fs::write(&save, &whole[..length]).unwrap();
        let error = error().await;
        assert!(error.contains("region.json is not a complete saved region"), "{length}: {error}");
    }
    std::fs::write(&save, r#"{"version":999,"world":{"shape":"unknown"}}"#).unwrap();
    let error = error().await;
    assert!(error.contains("region.json: it has format 999, but this program reads format"), "{error}");
}

#[tokio::test]
async fn the_credentials_of_a_home_are_accepted() {
    let folder = tempfile::tempdir().unwrap();
    let running = start(options(folder.path(), &folder.path().join("s"))).await.unwrap();
    let wrong_key = Call {
        key_id: format!(
            "{}/{}/{}",
            running.identity.caller.tenancy, running.identity.caller.user, running.identity.fingerprint
        ),
        date: rfc1123(wall_clock()),
        ..Call::get("/20160918/nothing")
    };
    // Signed with the tests' key, but under the home's name: that key is known, but not the home's.
    let answer = talk(running.address, &closing(wrong_key).wire()).await.unwrap();
    assert!(answer.contains("Failed to verify the HTTP(S) Signature"), "{answer}");
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn an_impossible_home_config_is_refused_by_file() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), ENDPOINT).unwrap();
    let config =
        read(folder.path(), "config.yaml").replace("subnet_id: ocid1.subnet.", "subnet_id: ocid1.vcn.");
    std::fs::write(folder.path().join("config.yaml"), config).unwrap();
    let error = start(options(folder.path(), &folder.path().join("s"))).await.unwrap_err().to_string();
    assert!(error.contains("/config.yaml: ocid1.vcn.oc1"), "{error}");
    assert!(error.contains("is the OCID of a vcn, not of a subnet"), "{error}");
}

#[cfg(unix)]
#[test]
fn a_foreign_folder_is_never_taken_or_emptied() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("config", "[DEFAULT]\nuser=ocid1.user.oc1..real\nkey_file=~/.oci/oci_api_key.pem\n"),
        ("oci_api_key.pem", "-----BEGIN PRIVATE KEY-----\n"),
        ("config.yaml", "user_ocid: ocid1.user.oc1..real\nprivate_key_path: ~/.oci/oci_api_key.pem\n"),
    ];
    for (name, text) in files {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
    let expected =
        format!("{} contains files of other programs and is not the home", folder.path().display());
    assert!(open(folder.path(), ENDPOINT).unwrap_err().starts_with(&expected));
    assert!(Home::forget(folder.path()).unwrap_err().to_string().starts_with(&expected));
    for (name, text) in files {
        assert_eq!(read(folder.path(), name), text);
    }
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), files.len());
    assert_eq!(std::fs::metadata(folder.path()).unwrap().permissions().mode() & 0o777, 0o755);
}

#[test]
fn a_home_of_an_earlier_version_is_known_by_its_files() {
    let folder = tempfile::tempdir().unwrap();
    let fingerprint = open(folder.path(), ENDPOINT).unwrap().identity.fingerprint;
    std::fs::remove_file(folder.path().join(".oci-insta-scale-region")).unwrap();
    assert_eq!(open(folder.path(), ENDPOINT).unwrap().identity.fingerprint, fingerprint);
    // It has a marker now.
    std::fs::remove_file(folder.path().join("config.yaml")).unwrap();
    assert_eq!(open(folder.path(), ENDPOINT).unwrap().identity.fingerprint, fingerprint);
    assert!(Home::forget(folder.path()).unwrap());
}

#[tokio::test]
async fn a_home_and_a_saved_region_are_for_one_server_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second] = ["a", "b"].map(|name| folder.path().join(name));
    let save = folder.path().join("region.json");
    let running = start(options(&first, &save)).await.unwrap();
    let error = async |home: &Path| start(options(home, &save)).await.unwrap_err().to_string();
    let message = error(&first).await;
    assert!(message.contains("/a is the home of a running simulated region"), "{message}");
    let message = error(&second).await;
    assert!(message.contains("region.json is in use by a running simulated region"), "{message}");
    assert!(Home::forget(&first).unwrap_err().to_string().contains("running simulated region"));
    assert!(Forgettable::find(&save).unwrap_err().to_string().contains("running simulated region"));
    running.shutdown().await.unwrap();
    start(options(&second, &save)).await.unwrap().shutdown().await.unwrap();
    assert!(Home::forget(&first).unwrap());
    Forgettable::find(&save).unwrap().unwrap().forget().unwrap();
    assert!(!first.exists() && !save.exists());
}

#[tokio::test]
async fn the_homes_own_key_signs_its_tokens() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("home");
    let running = start(options(&home, &folder.path().join("region.json"))).await.unwrap();
    let token = read(&home, "sessions/SESSION/token");
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    // Another key would have to be made at each start, and a random number takes longer than everything else.
    let key = hmac::Key::new(hmac::HMAC_SHA256, read(&home, "oci_api_key.pem").as_bytes());
    let parts =
        (0..8).flat_map(|part| hmac::sign(&key, &[&[part], signed.as_bytes()].concat()).as_ref().to_vec());
    assert_eq!(signature, parts.collect::<Vec<u8>>());
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_saved_region_names_ignored_scenario_settings() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().join("region.json");
    let home = folder.path().join("home");
    let running = start(options(&home, &save)).await.unwrap();
    assert_eq!(running.notes, Vec::<String>::new());
    running.shutdown().await.unwrap();
    let running = start(options(&home, &save)).await.unwrap();
    assert_eq!(running.notes.len(), 1, "{:?}", running.notes);
    assert!(running.notes[0].ends_with("region.json: its world, including the seed, is as it was saved"));
    running.shutdown().await.unwrap();
    let mut scarce = options(&home, &save);
    scarce.scenario = Scenario::named("scarce").unwrap();
    let running = start(scarce).await.unwrap();
    assert!(running.notes[1].starts_with("warning: settings under `world:` of the scenario are ignored"));
    let (_, keys) = running.notes[1].split_once("saved world differs: ").unwrap();
    let mut keys: Vec<&str> = keys.split_once('.').unwrap().0.split(", ").collect();
    keys.sort_unstable();
    assert_eq!(keys, ["capacity_report_error_probability", "hosts", "late_failure", "other_tenants"]);
    running.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_leap_in_time_is_saved_without_any_request() {
    let folder = tempfile::tempdir().unwrap();
    let save = folder.path().join("region.json");
    let running = start(options(&folder.path().join("home"), &save)).await.unwrap();
    let before = std::fs::read(&save).unwrap();
    tokio::time::sleep(std::time::Duration::from_mins(1)).await;
    assert_eq!(std::fs::read(&save).unwrap(), before, "time that merely goes by is not worth a write");
    running.region().advance(std::time::Duration::from_hours(24));
    for _ in 0..60 {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        // The write happens in a thread that does not follow tokio's time.
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    assert_ne!(std::fs::read(&save).unwrap(), before);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_home_that_was_made_for_another_region_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let [home, save] = ["home", "save"].map(|name| folder.path().join(name));
    drop(open(&home, ENDPOINT).unwrap());
    let mut frankfurt = options(&home, &save);
    frankfurt.scenario.world.region = "eu-frankfurt-1".into();
    let running = start(frankfurt).await.unwrap();
    assert!(running.notes[0].contains("was created for us-phoenix-1"), "{:?}", running.notes);
    running.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_quota_for_a_compartment_that_is_not_there_is_refused() {
    let yaml =
        "world: {quotas: [{compartment: ocid1.compartment.oc1..x, name: standard-e4-core-count, value: 1}]}";
    let scenario = Scenario::from_yaml(yaml, "test").unwrap();
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let error = start(Options { listen, scenario, ..Options::default() }).await.unwrap_err().to_string();
    assert!(
        error.starts_with("world: quotas: the region has no compartment ocid1.compartment.oc1..x"),
        "{error}"
    );
}
