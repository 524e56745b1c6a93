//! Instance principals: tokens are renewed in time, as a whole, and once.

use super::site::{Site, failed};
use ledger::Outcome;
use std::time::Duration;

#[tokio::test(start_paused = true)]
async fn an_instance_signs_in_and_launches() {
    let site = Site::new("sign_in: {}");
    let signer = site.instance().await;
    assert!(
        signer.describe().starts_with("signed as the instance ocid1.instance.oc1."),
        "{}",
        signer.describe()
    );
    let summary = site.launch(&signer, 3).await;
    assert_eq!((summary.outcome, summary.running), (Some(Outcome::Complete), 3));
    assert_eq!(signer.renewals(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_hundred_workers_never_mix_token_and_key() {
    let site = Site::new("sign_in: {token_life_seconds: 20}\nlatency: {min_ms: 5, max_ms: 200}\n");
    let signer = site.instance().await;
    let (client, requests) = site.client(&signer);
    let workers = (0..100).map(async |_| {
        for _ in 0..8 {
            site.ask(&client).await.unwrap();
            tokio::time::sleep(Duration::from_secs(4)).await;
        }
    });
    futures_util::future::join_all(workers).await;
    let snapshot = requests.snapshot();
    assert_eq!((snapshot["GetCompartment"].ok, failed(&requests)), (800, 0));
    assert!((3..=5).contains(&signer.renewals()), "{} renewals", signer.renewals());
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_costs_one_refusal() {
    let site = Site::new("sign_in: {}");
    let signer = site.instance().await;
    let (client, requests) = site.client(&signer);
    site.ask(&client).await.unwrap();
    site.world.region.revoke_tokens();
    tokio::time::sleep(Duration::from_secs(1)).await;
    site.ask(&client).await.unwrap();
    assert_eq!((failed(&requests), signer.renewals()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn a_token_revoked_in_a_run_fails_no_slot() {
    let site = Site::new("sign_in: {revoke_at_seconds: [5]}");
    let signer = site.instance().await;
    let summary = site.launch(&signer, 20).await;
    assert_eq!((summary.outcome, summary.running, summary.failed), (Some(Outcome::Complete), 20, 0));
    assert_eq!(signer.renewals(), 2);
    assert_eq!(site.world.region.world().live_instances().count(), 20);
}

#[tokio::test(start_paused = true)]
async fn a_replaced_certificate_is_read_again() {
    let site = Site::new("sign_in: {certificate_rotates_every_seconds: 2000}");
    let signer = site.instance().await;
    let (client, requests) = site.client(&signer);
    for _ in 0..100 {
        site.ask(&client).await.unwrap();
        tokio::time::sleep(Duration::from_mins(1)).await;
    }
    assert_eq!(failed(&requests), 0);
    assert!(signer.renewals() >= 6, "{}", signer.renewals());
}
