//! Keeps a token renewed while requests are signed with it.
//!
//! The token and the key for which it was issued are one value, which is replaced as a whole and only by a renewal that
//! succeeded. A request never waits for a renewal while there is a token that still lives.

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::{SignedDuration, Timestamp};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::token::{Due, Token};
use super::{CredentialsError, PrivateKey, Signature, Signer, SignerFacts, Subject};
use crate::clock::Clock;
use crate::tuning::{RENEWAL_BASE, RENEWAL_CAP};

/// A token and the key for which it was issued.
#[derive(Clone, Debug)]
pub(super) struct Pair {
    pub token: Token,
    pub key: Arc<PrivateKey>,
    /// The token of the user for whom an instance acts: requests carry it in a header of its own.
    pub on_behalf_of: Option<Arc<str>>,
}

/// Where tokens come from.
pub(super) trait TokenSource: Send + Sync + fmt::Debug + 'static {
    /// When its tokens are renewed.
    const DUE: Due;
    /// Whom a policy has to name.
    const SUBJECT: Subject;

    /// Obtains a token that is newer than the held one.
    fn obtain<'a>(&'a self, held: Option<&'a Pair>) -> BoxFuture<'a, Result<Pair, CredentialsError>>;

    /// Describes who signs, for people. It contains no secret.
    fn describe(&self, held: Option<&Pair>) -> String;

    /// The command by which a person logs in again.
    fn log_in(&self) -> Option<String> {
        None
    }

    /// The error when the held token has ended and nothing newer is known yet.
    fn ended(&self, held: Option<&Pair>) -> CredentialsError;
}

/// A signer whose tokens come from `S`.
pub(super) struct Renewing<S> {
    shared: Arc<Upkeep<S>>,
}

struct Upkeep<S> {
    source: S,
    clock: Arc<dyn Clock>,
    held: RwLock<Option<Arc<Pair>>>,
    /// Held during a renewal, so that there is one at a time.
    turn: tokio::sync::Mutex<()>,
    /// Whether a renewal runs beside the requests.
    beside: AtomicBool,
    retry: Mutex<Retry>,
    renewals: AtomicU64,
}

/// When the next renewal may be tried after failures.
struct Retry {
    not_before: Timestamp,
    failures: u32,
    last: Option<CredentialsError>,
    rng: StdRng,
}

impl<S: TokenSource> Renewing<S> {
    /// A signer that begins with a pair, or with none and then obtains one before its first request.
    pub fn new(source: S, held: Option<Pair>, clock: Arc<dyn Clock>, seed: u64) -> Self {
        let rng = StdRng::seed_from_u64(seed);
        let retry = Retry { not_before: Timestamp::MIN, failures: 0, last: None, rng };
        Self {
            shared: Arc::new(Upkeep {
                source,
                clock,
                held: RwLock::new(held.map(Arc::new)),
                turn: tokio::sync::Mutex::new(()),
                beside: AtomicBool::new(false),
                retry: Mutex::new(retry),
                renewals: AtomicU64::new(0),
            }),
        }
    }

    pub fn held(&self) -> Option<Arc<Pair>> {
        self.shared.held()
    }
}

impl<S: TokenSource> Upkeep<S> {
    fn held(&self) -> Option<Arc<Pair>> {
        self.held.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn retry(&self) -> std::sync::MutexGuard<'_, Retry> {
        self.retry.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews unless the pair in use is another than `old` already. One caller at a time does it; the others then find its result.
    async fn renew(&self, old: Option<&str>) -> Result<(), CredentialsError> {
        let _turn = self.turn.lock().await;
        let held = self.held();
        let now = self.clock.now();
        if let Some(held) = &held
            && old != Some(&*held.token.key_id)
            && held.token.expires > now
        {
            return Ok(());
        }
        {
            let retry = self.retry();
            if now < retry.not_before {
                return Err(retry.last.clone().unwrap_or_else(|| self.source.ended(held.as_deref())));
            }
        }
        match self.source.obtain(held.as_deref()).await {
            Ok(pair) => {
                tracing::debug!(expires = %pair.token.expires, "the token was renewed");
                *self.held.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::new(pair));
                self.renewals.fetch_add(1, Ordering::Relaxed);
                let mut retry = self.retry();
                (retry.not_before, retry.failures, retry.last) = (Timestamp::MIN, 0, None);
                Ok(())
            }
            Err(error) => {
                tracing::debug!(%error, "the token was not renewed");
                let now = self.clock.now();
                let mut retry = self.retry();
                let wait = wait(retry.failures, &mut retry.rng);
                retry.not_before = now.checked_add(wait).unwrap_or(Timestamp::MAX);
                retry.failures = retry.failures.saturating_add(1);
                retry.last = Some(error.clone());
                Err(error)
            }
        }
    }

    fn is_due(&self, held: &Pair, now: Timestamp) -> bool {
        now >= held.token.due(S::DUE) && now >= self.retry().not_before
    }
}

/// The wait after a failed renewal, drawn between half and all of a bound that doubles.
fn wait(failures: u32, rng: &mut StdRng) -> SignedDuration {
    let bound = RENEWAL_BASE.saturating_mul(2u32.saturating_pow(failures.min(16))).min(RENEWAL_CAP);
    let drawn = bound.mul_f64(rng.random_range(0.5..=1.0));
    SignedDuration::try_from(drawn).unwrap_or_default()
}

impl<S: TokenSource> Signer for Renewing<S> {
    fn sign(&self, text: &[u8], now: Timestamp) -> Result<Signature, CredentialsError> {
        let held = self.held();
        match &held {
            Some(pair) if pair.token.expires > now => {
                Ok(Signature { key_id: Arc::clone(&pair.token.key_id), bytes: pair.key.sign(text)? })
            }
            _ => Err(self.shared.source.ended(held.as_deref())),
        }
    }

    fn describe(&self) -> String {
        self.shared.source.describe(self.held().as_deref())
    }

    fn facts(&self) -> SignerFacts {
        let held = self.held();
        let is_for_a_user = held.as_ref().is_some_and(|held| held.on_behalf_of.is_some());
        SignerFacts {
            subject: if is_for_a_user { Subject::User } else { S::SUBJECT },
            ends: held.map(|held| held.token.expires),
            log_in: self.shared.source.log_in(),
        }
    }

    fn on_behalf_of(&self) -> Option<Arc<str>> {
        self.held()?.on_behalf_of.clone()
    }

    fn prepare(&self) -> BoxFuture<'_, Result<(), CredentialsError>> {
        async move {
            let now = self.shared.clock.now();
            let held = self.held();
            let Some(pair) = held.as_ref().filter(|pair| pair.token.expires > now) else {
                let old = held.as_ref().map(|pair| &*pair.token.key_id);
                return self.shared.renew(old).await;
            };
            if self.shared.is_due(pair, now) && !self.shared.beside.swap(true, Ordering::AcqRel) {
                let (shared, old) = (Arc::clone(&self.shared), Arc::clone(&pair.token.key_id));
                tokio::spawn(async move {
                    // The failure is kept: it matters once the token has ended.
                    let _ = shared.renew(Some(&old)).await;
                    shared.beside.store(false, Ordering::Release);
                });
            }
            Ok(())
        }
        .boxed()
    }

    fn renew<'a>(&'a self, refused: Option<&'a str>) -> BoxFuture<'a, Result<bool, CredentialsError>> {
        async move { self.shared.renew(refused).await.map(|()| true) }.boxed()
    }

    fn renewals(&self) -> u64 {
        self.shared.renewals.load(Ordering::Relaxed)
    }
}

impl<S: fmt::Debug> fmt::Debug for Renewing<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Renewing").field(&self.shared.source).finish()
    }
}

/// How long a renewal may take in all before it counts as failed.
pub(super) async fn within<T>(
    limit: Duration,
    what: &str,
    work: impl Future<Output = Result<T, CredentialsError>>,
) -> Result<T, CredentialsError> {
    tokio::time::timeout(limit, work).await.unwrap_or_else(|_| {
        Err(CredentialsError::SignInFailed {
            text: format!("{what} did not respond within {} s", limit.as_secs_f64()),
            temporary: true,
        })
    })
}
