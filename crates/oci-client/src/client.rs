//! The client: combines calls, signatures, the transport and retries.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde::de::DeserializeOwned;
use tokio::time::Instant;

use oci_api::Operation;

use crate::attempt::{Answered, Prepared, TryError};
use crate::call::Call;
use crate::classify::{self, Effect};
use crate::clock::{Clock, SystemClock};
use crate::credentials::{CredentialsError, Signer, SignerFacts};
use crate::endpoint::Endpoints;
use crate::failure::{Failure, FailureClass, GaveUp, UNREADABLE};
use crate::further::Further;
use crate::observer::{Observer, Retrying};
use crate::retry::{QuestionLimits, RetryBudget, RetryPolicy};
use crate::shared::Shared;
use crate::transport::Transport;
use crate::tuning::{ATTEMPT_LIMIT, OVERSLEPT};

/// Makes calls. Cloning is cheap, and clones share connections and the retry budget.
#[derive(Clone)]
pub struct Client {
    pub(crate) shared: Arc<Shared>,
    pub(crate) retry: Option<RetryPolicy>,
    pub(crate) questions: Option<QuestionLimits>,
    pub(crate) observer: Option<Arc<dyn Observer>>,
    /// Further regions of the tenancy.
    pub(crate) further: Arc<[Further]>,
    /// The name of a region that is none of them: nothing is sent then.
    pub(crate) unknown: Option<Arc<str>>,
}

/// Builds a client.
pub struct ClientBuilder {
    endpoints: Endpoints,
    transport: Arc<dyn Transport>,
    signer: Option<Arc<dyn Signer>>,
    clock: Arc<dyn Clock>,
    seed: u64,
    user_agent: String,
    attempt_limit: Duration,
    retry: Option<RetryPolicy>,
    observer: Option<Arc<dyn Observer>>,
}

impl ClientBuilder {
    /// The signer. Without one, requests are sent unsigned, which only a simulated region accepts.
    #[must_use]
    pub fn signer(mut self, signer: Arc<dyn Signer>) -> Self {
        self.signer = Some(signer);
        self
    }

    /// The clock for the `date` header; by default the machine's clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The seed for jitter and request ids. The same seed produces the same sequence.
    #[must_use]
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = seed;
        self
    }

    /// The `user-agent` header.
    #[must_use]
    pub fn user_agent(mut self, name: impl Into<String>) -> Self {
        self.user_agent = name.into();
        self
    }

    /// The limit of one whole attempt; by default 60 s.
    #[must_use]
    pub fn attempt_limit(mut self, limit: Duration) -> Self {
        self.attempt_limit = limit;
        self
    }

    /// The policy of calls that have none of their own: see [`Client::with_retry`].
    #[must_use]
    pub fn retry(mut self, policy: RetryPolicy) -> Self {
        self.retry = Some(policy);
        self
    }

    /// The observer, which is called for each attempt.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = Some(observer);
        self
    }

    /// Builds the client.
    pub fn build(self) -> Client {
        Client {
            shared: Arc::new(Shared {
                endpoints: self.endpoints,
                transport: self.transport,
                signer: self.signer,
                clock: self.clock,
                user_agent: self.user_agent,
                attempt_limit: self.attempt_limit,
                rng: Mutex::new(StdRng::seed_from_u64(self.seed)),
                budget: RetryBudget::new(),
            }),
            retry: self.retry,
            questions: None,
            observer: self.observer,
            further: Arc::default(),
            unknown: None,
        }
    }
}

impl Client {
    /// Starts building a client. By default it is unsigned, uses the machine's clock, and has the seed 0.
    pub fn builder(endpoints: Endpoints, transport: Arc<dyn Transport>) -> ClientBuilder {
        ClientBuilder {
            endpoints,
            transport,
            signer: None,
            clock: Arc::new(SystemClock),
            seed: 0,
            user_agent: concat!("oci-insta-scale/", env!("CARGO_PKG_VERSION")).to_owned(),
            attempt_limit: ATTEMPT_LIMIT,
            retry: None,
            observer: None,
        }
    }

    /// A clone with another policy for every call that has none of its own.
    ///
    /// Without such a policy, reads and writes with a retry token follow [`RetryPolicy::standard`]; launches, and writes
    /// without a token, are attempted once.
    #[must_use]
    pub fn with_retry(&self, policy: RetryPolicy) -> Self {
        Self { retry: Some(policy), ..self.clone() }
    }

    /// A clone for the time before a run begins: it gives up reads earlier, and at once if this machine itself reports that
    /// nothing listens on the port.
    #[must_use]
    pub fn with_question_limits(&self, limits: QuestionLimits) -> Self {
        Self { questions: Some(limits), ..self.clone() }
    }

    /// A clone with another observer.
    #[must_use]
    pub fn with_observer(&self, observer: Arc<dyn Observer>) -> Self {
        Self { observer: Some(observer), ..self.clone() }
    }

    /// Makes a call whose response has a body.
    ///
    /// # Errors
    /// When the call failed after all attempts that its policy allows.
    pub async fn call<T: DeserializeOwned + Send>(&self, call: Call) -> Result<Answered<T>, Failure> {
        let operation = call.operation;
        let mut value = None;
        let mut keep = |body: &Bytes| {
            value = Some(decode(body)?);
            Ok(())
        };
        let answered = self.call_keeping(call, &mut keep).await?;
        let unread = || {
            let why = "the response was not read".to_owned();
            Failure::unsent(operation, FailureClass::Service, UNREADABLE, why)
        };
        let value = value.ok_or_else(unread)?;
        Ok(answered.map(|()| value))
    }

    /// Makes a call whose response has no body, or whose body does not matter.
    ///
    /// # Errors
    /// When the call failed after all attempts that its policy allows.
    pub async fn call_empty(&self, call: Call) -> Result<Answered<()>, Failure> {
        self.call_keeping(call, &mut |_| Ok(())).await
    }

    /// Boxed, so that a future that waits for a response does not grow with what is needed to get it.
    fn call_keeping<'a>(
        &'a self,
        call: Call,
        keep: Keep<'a>,
    ) -> BoxFuture<'a, Result<Answered<()>, Failure>> {
        let calling = async move {
            match self.route(&call) {
                None => self.run(&call, keep).await,
                Some((client, call)) => client.run(&call, keep).await,
            }
        };
        calling.boxed()
    }

    fn policy(&self, call: &Call) -> RetryPolicy {
        let safe = classify::effect(call.operation) == Effect::Read
            || (call.has_retry_token() && call.operation != Operation::LaunchInstance);
        let usual = if safe { RetryPolicy::standard() } else { RetryPolicy::never() };
        let policy = call.retry.or(self.retry).unwrap_or(usual);
        match self.question_limits(call) {
            Some(limits) => RetryPolicy { max_elapsed: policy.max_elapsed.min(limits.elapsed), ..policy },
            None => policy,
        }
    }

    /// The limits for this call, if it is a read and the client has such limits.
    fn question_limits(&self, call: &Call) -> Option<QuestionLimits> {
        self.questions.filter(|_| classify::effect(call.operation) == Effect::Read)
    }

    /// Whether another attempt is pointless because this machine reports that nothing listens on one of its own ports.
    fn is_vain(&self, call: &Call, error: &TryError) -> bool {
        self.question_limits(call).is_some()
            && error.is_refused_connection()
            && self.shared.endpoints.base(call.operation.info().service).is_loopback()
    }

    /// Makes all attempts of one call.
    async fn run(&self, call: &Call, keep: Keep<'_>) -> Result<Answered<()>, Failure> {
        self.check_known(call.operation)?;
        let limit = self.question_limits(call).map(|limits| limits.attempt);
        let limit = limit.map_or(self.shared.attempt_limit, |limit| limit.min(self.shared.attempt_limit));
        let prepared = Prepared::new(&self.shared, call, limit)?;
        let policy = self.policy(call);
        let started = Instant::now();
        let first_at = self.shared.clock.now();
        let mut paid = None;
        let mut renewed = false;
        let mut in_doubt = false;
        let mut attempt = 0;
        loop {
            attempt += 1;
            let mut error = match self.attempt(&prepared, attempt, keep).await {
                Ok(answered) => {
                    self.shared.budget.give_back(paid);
                    return Ok(answered);
                }
                Err(error) => error,
            };
            let elapsed = started.elapsed();
            // The token may have ended early, or was renewed since: make one more attempt, which the policy does not count.
            if error.class == FailureClass::Authentication && !std::mem::replace(&mut renewed, true) {
                match self.renew(error.signed_by.as_deref()).await {
                    Ok(true) => continue,
                    // A request that was not sent has said so already.
                    Err(why) if error.status.is_some() => error.message = format!("{}; {why}", error.message),
                    Ok(false) | Err(_) => {}
                }
            }
            let gave_up = if error.lasts || !may_retry(call, error.class) || self.is_vain(call, &error) {
                GaveUp::NotRetried
            } else if attempt >= policy.max_attempts {
                if policy.max_attempts > 1 { GaveUp::Attempts } else { GaveUp::NotRetried }
            } else {
                let throttled = error.class == FailureClass::Throttled;
                let wait = policy.wait(attempt, error.retry_after, throttled, &mut *self.shared.rng());
                if elapsed + wait > policy.max_elapsed {
                    GaveUp::Time
                } else if let Some(cost) = self.shared.budget.take(throttled) {
                    paid = Some(cost);
                    in_doubt |= error.class == FailureClass::Ambiguous;
                    self.tell_retry(call, &error, attempt + 1, policy.max_attempts, wait);
                    tokio::time::sleep(wait).await;
                    let asleep = self.shared.clock.now().duration_since(first_at).unsigned_abs();
                    if asleep.max(started.elapsed()) <= policy.max_elapsed + OVERSLEPT {
                        continue;
                    }
                    // The machine was asleep: the service may have forgotten the retry token and would act a second time.
                    GaveUp::Time
                } else {
                    GaveUp::Budget
                }
            };
            return Err(error.into_failure(call.operation, attempt, elapsed, gave_up, in_doubt));
        }
    }

    fn tell_retry(&self, call: &Call, error: &TryError, next: u32, of: u32, wait: Duration) {
        tracing::debug!(operation = call.operation.name(), class = %error.class, ?wait, "trying again");
        if let Some(observer) = &self.observer {
            let TryError { class, status, code, message, .. } = error;
            let (operation, class, status) = (call.operation, *class, *status);
            observer.retrying(&Retrying { operation, class, status, code, message, next, of, wait });
        }
    }

    /// What is known about who signs.
    pub fn signer_facts(&self) -> SignerFacts {
        self.shared.signer.as_ref().map(|signer| signer.facts()).unwrap_or_default()
    }

    async fn renew(&self, refused: Option<&str>) -> Result<bool, CredentialsError> {
        match &self.shared.signer {
            Some(signer) => signer.renew(refused).await,
            None => Ok(false),
        }
    }

    /// Makes one attempt and reports it to the observer.
    async fn attempt(
        &self,
        prepared: &Prepared<'_>,
        attempt: u32,
        keep: Keep<'_>,
    ) -> Result<Answered<()>, TryError> {
        let (started, began) = (Instant::now(), self.shared.clock.now());
        let answer = prepared.send(&self.shared, self.observer.as_deref()).await;
        let status = answer.as_ref().map_or_else(|error| error.status, |raw| Some(raw.status));
        let result = answer.and_then(|raw| prepared.answered(raw, keep));
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let class = result.as_ref().err().map(|error| error.class.name());
        tracing::debug!(operation = prepared.operation().name(), status, class, ms, attempt, "request");
        if let Some(observer) = &self.observer {
            let ended = self.shared.clock.now();
            observer.tried(&prepared.tried(&result, status, attempt, (began, ended)));
        }
        result
    }
}

/// Whether another attempt of this call could help and would be harmless.
fn may_retry(call: &Call, class: FailureClass) -> bool {
    match class {
        FailureClass::Throttled | FailureClass::Service | FailureClass::Network | FailureClass::Busy => true,
        // Repeating a PUT or DELETE has no further effect. Repeating a POST does, unless it has a retry token, and so does
        // repeating a PATCH that inserts.
        FailureClass::Ambiguous => {
            use oci_api::Method;
            call.has_retry_token() || !matches!(call.operation.info().method, Method::Post | Method::Patch)
        }
        FailureClass::Capacity
        | FailureClass::Limit
        | FailureClass::Authentication
        | FailureClass::NotFound
        | FailureClass::Conflict
        | FailureClass::InvalidatedRetryToken
        | FailureClass::StaleEtag
        | FailureClass::Invalid
        | FailureClass::Blocked => false,
    }
}

/// Decodes a body and keeps its value for the caller. Not a type parameter: the machinery of retries would be compiled for each type
/// of response, a hundred times.
type Keep<'a> = &'a mut (dyn FnMut(&Bytes) -> Result<(), String> + Send);

/// Decodes a body as JSON.
fn decode<T: DeserializeOwned>(body: &Bytes) -> Result<T, String> {
    // Validating the whole body as UTF-8 once is faster than validating each string.
    let text = std::str::from_utf8(body).map_err(|error| error.to_string())?;
    serde_json::from_str(text).map_err(|error| error.to_string())
}
