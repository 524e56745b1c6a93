//! Session tokens: they are renewed on disk, and a session that is over stops a run without losing anything.

use super::site::{Site, failed};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ledger::{Event, Outcome};
use oci_client::credentials::{AuthMethod, Signer};
use oci_simulator::server::{Identity, PublicKey};
use oci_simulator::world::Caller;
use std::sync::Arc;
use std::time::Duration;

/// Writes a profile with a session, as `oci session authenticate` does.
fn log_in(site: &Site) {
    let key = site.path("key.pem");
    if !key.exists() {
        let keys =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data/test-key.pem");
        std::fs::copy(keys, &key).unwrap();
    }
    let public = PublicKey::from_pem(&std::fs::read_to_string(&key).unwrap()).unwrap();
    let caller: Caller = site.world.caller();
    let token = site.world.region.log_in(&caller, public.clone());
    std::fs::write(site.path("token"), token).unwrap();
    std::fs::create_dir_all(site.path(".oci")).unwrap();
    let config = format!(
        "[DEFAULT]\ntenancy={}\nregion=us-phoenix-1\nfingerprint={}\nkey_file={}\nsecurity_token_file={}\n",
        caller.tenancy,
        public.fingerprint(),
        key.display(),
        site.path("token").display()
    );
    std::fs::write(site.path(".oci/config"), config).unwrap();
}

/// Replaces the token by one that lives for a day.
fn log_in_for_a_day(site: &Site) {
    let expires = testkit::start().checked_add(jiff::SignedDuration::from_hours(24)).unwrap();
    let claims = URL_SAFE_NO_PAD.encode(format!(r#"{{"exp":{}}}"#, expires.as_second()));
    let token = format!("e30.{claims}.c2ln");
    let key = PublicKey::from_pem(&std::fs::read_to_string(site.path("key.pem")).unwrap()).unwrap();
    site.world.region.accept_token(&token, site.world.caller(), key, expires);
    std::fs::write(site.path("token"), token).unwrap();
}

async fn signer(site: &Site) -> Arc<dyn Signer> {
    site.login(AuthMethod::SecurityToken).await.unwrap().signer
}

#[tokio::test(start_paused = true)]
async fn a_log_in_under_way_is_read_again() {
    let site = Site::new("sign_in: {}");
    log_in(&site);
    let new = Identity::generate(Some(site.world.caller()), "us-phoenix-1").unwrap();
    // The token of the new log-in is there already, its key is not yet.
    let token = site.world.region.log_in(&new.caller, new.public_key);
    std::fs::write(site.path("token"), token).unwrap();
    let signer = signer(&site).await;
    std::fs::write(site.path("key.pem"), new.private_key_pem).unwrap();
    let (client, _) = site.client(&signer);
    site.ask(&client).await.unwrap();
    assert_eq!(signer.renewals(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_session_token_is_renewed_on_disk() {
    let site = Site::new("sign_in: {}");
    log_in(&site);
    let first = std::fs::read_to_string(site.path("token")).unwrap();
    let signer = signer(&site).await;
    let (client, requests) = site.client(&signer);
    for _ in 0..180 {
        site.ask(&client).await.unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(failed(&requests), 0);
    assert!((5..=6).contains(&signer.renewals()), "{}", signer.renewals());
    let now = std::fs::read_to_string(site.path("token")).unwrap();
    assert_ne!(now, first);
    let files = std::fs::read_dir(site.folder.path()).unwrap().count();
    assert_eq!(files, 3, "nothing is left beside the token");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = std::fs::metadata(site.path("token")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}

#[tokio::test(start_paused = true)]
async fn two_processes_renew_one_session() {
    let site = Site::new("sign_in: {}");
    log_in(&site);
    let (one, two) = (signer(&site).await, signer(&site).await);
    let (first, second) = (site.client(&one), site.client(&two));
    for _ in 0..120 {
        site.ask(&first.0).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
        site.ask(&second.0).await.unwrap();
        tokio::time::sleep(Duration::from_secs(30)).await;
    }
    assert_eq!(failed(&first.1) + failed(&second.1), 0);
    // Each takes over what the other has renewed: the log-in and one renewal per half hour.
    assert!(site.world.region.tokens_issued() <= 6, "{}", site.world.region.tokens_issued());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_over_leaves_slots_to_resume() {
    let site = Site::new(
        "sign_in: {session_token_life_seconds: 6, session_seconds: 3}\nlatency: {min_ms: 1500, max_ms: 2500}\n",
    );
    log_in(&site);
    let signer = signer(&site).await;
    let summary = site.launch(&signer, 100).await;
    assert_eq!(summary.outcome, Some(Outcome::NotAuthenticated));
    assert!((1..100).contains(&summary.launched), "{} launched", summary.launched);
    let records = site.world.store.snapshot(summary.run_id);
    let given_up = records.iter().any(|record| matches!(record.event, Event::SlotFailed { .. }));
    assert!(!given_up, "what was not launched is pending");
    log_in_for_a_day(&site);
    let signer = self::signer(&site).await;
    let summary = site.resume(&signer, summary.run_id).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 100));
    assert_eq!(site.world.region.world().live_instances().count(), 100, "nothing was launched twice");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_a_session_names_the_command() {
    let site = Site::new("sign_in: {session_token_life_seconds: 600, session_seconds: 1}");
    log_in(&site);
    let signer = signer(&site).await;
    let (client, _) = site.client(&signer);
    tokio::time::sleep(Duration::from_secs(599)).await;
    site.ask(&client).await.unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let error = site.ask(&client).await.unwrap_err();
    let command = "`oci session authenticate --profile-name DEFAULT --region us-phoenix-1`";
    assert!(error.contains("expired at") && error.contains(command), "{error}");
    // A token that is replaced while the program runs is taken up.
    log_in(&site);
    tokio::time::sleep(Duration::from_secs(30)).await;
    site.ask(&client).await.unwrap();
}
