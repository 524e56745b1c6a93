//! Which calls are retried, how often, after which waits, and with which headers.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use oci_client::credentials::{CredentialsError, Signature, Signer};
use oci_client::retry::{RetryBudget, RetryPolicy, retry_after};
use oci_client::{FailureClass, GaveUp, QuestionLimits, RequestCounts};
use rand::SeedableRng as _;
use tokio::time::Instant;

use crate::fake::{Answer, Fake, answer, launch, lost, ok, refusal, unreachable_host};

fn busy() -> Answer {
    refusal(503, "ServiceUnavailable", "later")
}

#[tokio::test(start_paused = true)]
async fn a_read_is_tried_until_it_succeeds() {
    let fake =
        Fake::new([busy(), lost(), unreachable_host(), refusal(429, "TooManyRequests", "x"), ok("{}")]);
    fake.client().get_instance("i").await.unwrap();
    assert_eq!(fake.count(), 5);
    let ids: BTreeSet<_> = fake.header("opc-request-id").into_iter().collect();
    assert_eq!(ids.len(), 5, "each try has a name of its own");
}

#[tokio::test(start_paused = true)]
async fn a_read_is_given_up_after_eight_tries_and_says_so() {
    let fake = Fake::new(std::iter::repeat_with(busy).take(20));
    let failure = fake.client().get_instance("i").await.unwrap_err();
    assert_eq!((failure.attempts, failure.gave_up, fake.count()), (8, GaveUp::Attempts, 8));
    assert!(failure.tried().starts_with("8 attempts in "), "{failure}");
}

#[tokio::test(start_paused = true)]
async fn a_launch_retries_only_when_asked_with_the_same_token() {
    let fake = Fake::new([lost()]);
    let failure = launch(&fake.client(), "t1").await.unwrap_err();
    assert_eq!((failure.class, failure.attempts), (FailureClass::Ambiguous, 1));
    let fake = Fake::new([lost(), busy(), ok("{}")]);
    let client = fake.client().with_retry(RetryPolicy::standard());
    launch(&client, "t1").await.unwrap();
    assert_eq!(fake.header("opc-retry-token"), ["t1", "t1", "t1"]);
    let bodies: BTreeSet<_> =
        fake.requests.lock().unwrap().iter().map(|request| request.body().clone()).collect();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_would_fail_again_is_not_tried_again() {
    let refusals = [
        refusal(500, "InternalError", "Out of host capacity."),
        refusal(400, "LimitExceeded", "x"),
        refusal(400, "InvalidParameter", "x"),
        refusal(401, "NotAuthenticated", "x"),
        refusal(404, "NotAuthorizedOrNotFound", "x"),
        refusal(409, "InvalidatedRetryToken", "x"),
        refusal(412, "NoEtagMatch", "x"),
    ];
    for refused in refusals {
        let fake = Fake::new([refused, ok("{}")]);
        let client = fake.client().with_retry(RetryPolicy::standard());
        let failure = launch(&client, "t").await.unwrap_err();
        assert_eq!((failure.gave_up, fake.count()), (GaveUp::NotRetried, 1), "{failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_unknown_post_without_a_token_is_not_repeated() {
    use oci_client::services::compute::InstanceAction::Reset;
    let fake = Fake::new([lost(), ok("{}")]);
    let client = fake.client().with_retry(RetryPolicy::standard());
    assert!(client.instance_action("i", Reset, None, None).await.is_err());
    assert_eq!(fake.count(), 1);
    let fake = Fake::new([unreachable_host(), ok("{}")]);
    let client = fake.client().with_retry(RetryPolicy::standard());
    client.instance_action("i", Reset, None, None).await.unwrap();
    let fake = Fake::new([lost(), answer(204, &[], "")]);
    let client = fake.client().with_retry(RetryPolicy::standard());
    client.terminate_instance("i", false, false, None).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_the_server_asks_for_is_kept() {
    for (header, seconds) in [("7", 7), ("Sun, 22 Nov 2026 12:00:09 GMT", 9)] {
        let fake = Fake::new([answer(429, &[("retry-after", header)], "{}"), ok("{}")]);
        let started = Instant::now();
        fake.client().get_instance("i").await.unwrap();
        assert_eq!(started.elapsed(), Duration::from_secs(seconds));
    }
    let fake = Fake::new([answer(503, &[("retry-after", "3600")], "{}"), ok("{}")]);
    let failure = fake.client().get_instance("i").await.unwrap_err();
    assert_eq!((failure.gave_up, failure.retry_after), (GaveUp::Time, Some(Duration::from_hours(1))));
}

#[test]
fn retry_after_is_bounded_and_rubbish_is_ignored() {
    let now = "2026-11-22T12:00:00Z".parse().unwrap();
    assert_eq!(retry_after("86400000", now), Some(Duration::from_hours(1)));
    assert_eq!(retry_after("Sun, 22 Nov 2026 11:00:00 GMT", now), Some(Duration::ZERO));
    assert_eq!(retry_after("soon", now), None);
    assert_eq!(retry_after("-5", now), None);
}

#[tokio::test(start_paused = true)]
async fn many_failing_calls_run_out_of_retries_together() {
    let fake = Fake::new(std::iter::repeat_with(busy).take(1000));
    let client = fake.client();
    let mut last = None;
    for _ in 0..20 {
        last = client.get_instance("i").await.err();
    }
    assert_eq!(last.unwrap().gave_up, GaveUp::Budget);
    let retries = RetryBudget::FULL / RetryBudget::RETRY;
    assert_eq!(fake.count(), 20 + retries as usize);
}

proptest::proptest! {
    #[test]
    fn waits_stay_below_a_doubling_ceiling(failure in 1u32..200, seed: u64) {
        let policy = RetryPolicy::standard();
        let mut rng = rand::rngs::StdRng::seed_from_u64(seed);
        let ceiling = policy.ceiling(failure);
        proptest::prop_assert!(ceiling == policy.cap || ceiling == policy.base * 2u32.pow(failure - 1));
        proptest::prop_assert!(policy.wait(failure, None, false, &mut rng) <= ceiling);
        let throttled = policy.wait(failure, None, true, &mut rng);
        proptest::prop_assert!(throttled >= policy.base && throttled <= ceiling);
    }
}

#[test]
fn waits_are_spread_over_the_whole_range() {
    let mut rng = rand::rngs::StdRng::seed_from_u64(1);
    let policy = RetryPolicy::standard();
    let waits: Vec<f64> = (0..2000).map(|_| policy.wait(4, None, false, &mut rng).as_secs_f64()).collect();
    let mean = waits.iter().sum::<f64>() / 2000.0;
    assert!((3.7..4.3).contains(&mean), "half of 8 s, not {mean}");
    assert!(waits.iter().any(|wait| *wait < 0.5) && waits.iter().any(|wait| *wait > 7.5));
}

#[tokio::test(start_paused = true)]
async fn the_same_seed_gives_the_same_waits() {
    let run = async |seed| {
        let fake = Fake::new(std::iter::repeat_with(busy).take(8));
        let started = Instant::now();
        let _ = fake.builder().seed(seed).build().get_instance("i").await;
        (started.elapsed(), fake.header("opc-request-id"))
    };
    assert_eq!(run(1).await, run(1).await);
    assert_ne!(run(1).await, run(2).await);
}

/// A token whose file has been renewed.
#[derive(Debug, Default)]
struct Renewed(std::sync::atomic::AtomicBool, bool);

impl Signer for Renewed {
    fn sign(&self, _: &[u8], _: jiff::Timestamp) -> Result<Signature, CredentialsError> {
        let new = self.0.load(std::sync::atomic::Ordering::SeqCst);
        Ok(Signature { key_id: if new { "ST$new" } else { "ST$old" }.into(), bytes: vec![1] })
    }

    fn renew<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<bool, CredentialsError>> {
        assert_eq!(refused, Some("ST$old"));
        self.0.store(true, std::sync::atomic::Ordering::SeqCst);
        std::future::ready(Ok(self.1)).boxed()
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once() {
    let refused = || refusal(401, "NotAuthenticated", "x");
    let fake = Fake::new([refused(), ok("{}")]);
    let client = fake.builder().signer(Arc::new(Renewed(false.into(), true))).build();
    launch(&client, "t").await.unwrap();
    let keys: Vec<_> = fake.header("authorization").iter().map(|header| header.contains("ST$new")).collect();
    assert_eq!(keys, [false, true]);
    let fake = Fake::new([refused(), refused(), refused()]);
    let client = fake.builder().signer(Arc::new(Renewed(false.into(), true))).build();
    assert!(client.get_instance("i").await.is_err());
    assert_eq!(fake.count(), 2);
    let fake = Fake::new([refused(), refused()]);
    let client = fake.builder().signer(Arc::new(Renewed(false.into(), false))).build();
    assert!(client.get_instance("i").await.is_err());
    assert_eq!(fake.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn every_try_is_counted_by_operation_and_outcome() {
    let counts = Arc::new(RequestCounts::default());
    let fake = Fake::new([refusal(429, "TooManyRequests", "x"), busy(), ok("{}"), ok("not json")]);
    let client = fake.builder().observer(counts.clone()).build();
    client.get_instance("i").await.unwrap();
    assert!(launch(&client, "t").await.is_err());
    let snapshot = counts.snapshot();
    let of = |name| (snapshot[name].ok, snapshot[name].throttled, snapshot[name].failed);
    assert_eq!((of("GetInstance"), of("LaunchInstance")), ((1, 1, 1), (0, 0, 1)));
}

/// Records the retries that an observer is told about.
#[derive(Default)]
struct Noted(std::sync::Mutex<Vec<String>>);

impl oci_client::Observer for Noted {
    fn tried(&self, _: &oci_client::Tried<'_>) {}

    fn retrying(&self, retry: &oci_client::Retrying<'_>) {
        self.0.lock().unwrap().push(format!("{}; try {} of {}", retry.message, retry.next, retry.of));
    }
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_is_told_of_each_further_try_and_why() {
    let noted = Arc::new(Noted::default());
    let fake = Fake::new([unreachable_host(), lost(), ok("{}")]);
    fake.client().with_observer(noted.clone()).get_instance("i").await.unwrap();
    assert_eq!(
        *noted.0.lock().unwrap(),
        [
            "cannot reach iaas.us-phoenix-1.oraclecloud.com: connection refused; try 2 of 8",
            "no answer of iaas.us-phoenix-1.oraclecloud.com: connection reset by peer; try 3 of 8"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn questions_end_within_a_minute_and_changes_do_not() {
    let started = Instant::now();
    let client = |fake: &Fake| fake.client().with_question_limits(QuestionLimits::attended());
    let failure = client(&Fake::new([])).get_instance("i").await.unwrap_err();
    assert!(started.elapsed() <= Duration::from_mins(1), "{failure}");
    assert!(failure.attempts > 1, "{failure}");
    let started = Instant::now();
    let failure = launch(&client(&Fake::new([])), "t").await.unwrap_err();
    assert_eq!(started.elapsed(), Duration::from_mins(1), "{failure}");
}

#[tokio::test]
async fn a_closed_local_port_is_not_retried() {
    let port = {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let endpoints = oci_client::Endpoints::at(&format!("http://127.0.0.1:{port}")).unwrap();
    let transport = Arc::new(oci_client::transport::Https::new().unwrap());
    let client = oci_client::Client::builder(endpoints, transport).build();
    let client = client.with_question_limits(QuestionLimits::attended());
    let failure = client.get_instance("i").await.unwrap_err();
    assert_eq!((failure.attempts, failure.code.as_str()), (1, "ConnectionRefused"), "{failure}");
    assert!(failure.message.starts_with(&format!("cannot reach 127.0.0.1:{port}: ")), "{failure}");
}
