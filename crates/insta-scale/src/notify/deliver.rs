//! Delivers one message to one receiver with a few attempts, each with a time limit. It follows no redirects.

use super::body::HttpTarget;
use super::email::Mail;
use super::message::Message;
use super::secret::Secret;
use super::{Channel, Failed, Receiver, ReceiverUrl, SecretSource, Topic};
use crate::error::CommandError;
use crate::output::text::clean;
use crate::tuning::{NOTIFY_BACKOFF, NOTIFY_TRIES, NOTIFY_TRY};
use bytes::Bytes;
use oci_client::Clock;
use oci_client::transport::{Https, HttpsLimits, Surroundings, Transport, TransportError};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The maximum size of a response that is read; its content does not matter.
const ANSWER_MAX: usize = 1 << 20;
/// The maximum length of a response that is shown.
const TOLD_MAX: usize = 200;

/// A receiver with its secrets, ready for delivery.
#[derive(Clone)]
pub struct Way {
    /// The name of the receiver.
    pub name: String,
    /// Its kind.
    pub kind: &'static str,
    /// The topics that it receives.
    pub topics: BTreeSet<Topic>,
    carrier: Carrier,
}

/// The transport to a receiver.
#[derive(Clone)]
enum Carrier {
    Http { target: HttpTarget, transport: Arc<dyn Transport>, clock: Arc<dyn Clock> },
    Mail(Box<Mail>),
}

/// The resources that all receivers share.
#[derive(Clone)]
pub struct Means {
    transport: Arc<dyn Transport>,
    surroundings: Surroundings,
    clock: Arc<dyn Clock>,
}

/// The result of a delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// The number of attempts.
    pub tries: u32,
    /// `Ok`, or why the message did not arrive.
    pub result: Result<(), String>,
}

impl Means {
    /// With the same proxies and certificates as requests to OCI.
    pub fn new(clock: Arc<dyn Clock>, env: &dyn Fn(&str) -> Option<String>) -> Result<Self, CommandError> {
        let limits = HttpsLimits { connect: NOTIFY_TRY, read: NOTIFY_TRY, body: ANSWER_MAX };
        let wrong = |error| CommandError::System {
            what: "HTTPS cannot be set up",
            source: std::io::Error::other(error),
        };
        let surroundings = Surroundings::read(&env)?;
        let transport = Https::with(limits).map_err(wrong)?.in_surroundings(surroundings.clone());
        Ok(Self { transport: Arc::new(transport), surroundings, clock })
    }
}

impl Way {
    /// Reads the secrets of a receiver. The error names its position `at` in the config, and no secret.
    pub fn open(
        receiver: &Receiver,
        at: &str,
        means: &Means,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Self, CommandError> {
        let wrong = |why: String| {
            CommandError::usage(format!("{at}: notify `{}`: {why}", receiver.name), "correct it")
        };
        let read = |source: &SecretSource| source.read(env).map_err(wrong);
        let address = |address: &ReceiverUrl| match address {
            ReceiverUrl::Literal(url) => Ok(Secret::of(url)),
            ReceiverUrl::Secret(source) => {
                let url = read(source)?;
                let checked = super::check_url(url.expose());
                checked
                    .map_err(|why| wrong(format!("the address that `{}` names {why}", source.key)))
                    .map(|()| url)
            }
        };
        let maybe = |source: &Option<SecretSource>| source.as_ref().map(read).transpose();
        let target = match &receiver.channel {
            Channel::Webhook { url, secret } => {
                HttpTarget::Webhook { url: address(url)?, secret: maybe(secret)? }
            }
            Channel::Ntfy { url, token } => HttpTarget::Ntfy { url: address(url)?, token: maybe(token)? },
            Channel::Slack { url } => HttpTarget::Slack { url: address(url)? },
            Channel::Discord { url } => HttpTarget::Discord { url: address(url)? },
            Channel::Telegram { server, chat, token } => {
                HttpTarget::Telegram { server: address(server)?, chat: chat.clone(), token: read(token)? }
            }
            Channel::Email { server, login } => {
                let login = match login {
                    Some((user, password)) => Some((user.clone(), read(password)?)),
                    None => None,
                };
                let mail = Mail::new(server, login, &means.surroundings)?;
                return Ok(Self::of(receiver, Carrier::Mail(Box::new(mail))));
            }
        };
        let (transport, clock) = (Arc::clone(&means.transport), Arc::clone(&means.clock));
        Ok(Self::of(receiver, Carrier::Http { target, transport, clock }))
    }

    fn of(receiver: &Receiver, carrier: Carrier) -> Self {
        let (name, topics) = (receiver.name.clone(), receiver.topics.clone());
        Self { name, kind: receiver.channel.kind(), topics, carrier }
    }

    /// Delivers a message.
    pub async fn deliver(&self, message: &Message) -> Delivery {
        let mut tries = 0;
        loop {
            tries += 1;
            let Err(failed) = self.try_once(message).await else { return Delivery { tries, result: Ok(()) } };
            if tries >= NOTIFY_TRIES || !failed.may_pass {
                return Delivery { tries, result: Err(self.scrub(&failed.why)) };
            }
            tokio::time::sleep(NOTIFY_BACKOFF * 3_u32.pow(tries - 1)).await;
        }
    }

    async fn try_once(&self, message: &Message) -> Result<(), Failed> {
        let sent = async {
            match &self.carrier {
                Carrier::Mail(mail) => mail.send(message).await,
                Carrier::Http { target, transport, clock } => {
                    let request = target.request(message, clock.now());
                    let request = request.map_err(|why| Failed { why, may_pass: false })?;
                    match transport.send(request.map(Bytes::from)).await {
                        Err(TransportError { code, text, lasts, .. }) => {
                            Err(Failed { why: format!("{code}: {text}"), may_pass: !lasts })
                        }
                        Ok(answer) => judge(&answer),
                    }
                }
            }
        };
        let late =
            |_| Err(Failed { why: format!("no response within {} s", NOTIFY_TRY.as_secs()), may_pass: true });
        tokio::time::timeout(NOTIFY_TRY, sent).await.unwrap_or_else(late)
    }

    /// Removes the receiver's secrets from a text. E-mail has none that an error could contain.
    fn scrub(&self, text: &str) -> String {
        let Carrier::Http { target, .. } = &self.carrier else { return clean(text) };
        let secrets = target.secrets();
        let scrubbed =
            secrets.iter().fold(text.to_owned(), |text, secret| text.replace(secret.expose(), ".."));
        clean(&scrubbed)
    }
}

/// Interprets a response.
fn judge(answer: &http::Response<Bytes>) -> Result<(), Failed> {
    let status = answer.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        // The target is not shown, because such a URL may be as secret as the original one.
        let why =
            format!("{status}: it redirects, which is not followed; configure the address that it leads to");
        return Err(Failed { why, may_pass: false });
    }
    let said: String = String::from_utf8_lossy(answer.body()).trim().chars().take(TOLD_MAX).collect();
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    let may_pass = status.is_server_error() || matches!(status.as_u16(), 408 | 429);
    Err(Failed { why: format!("{status}{said}"), may_pass })
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::notify::test_message;
    use futures_util::FutureExt as _;
    use futures_util::future::BoxFuture;
    use jiff::Timestamp;
    use oci_client::SystemClock;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use tokio::time::Instant;

    /// How a server responds to every request.
    #[derive(Clone, Copy, Debug)]
    pub enum Answers {
        Nothing,
        Status(u16),
        /// Fails this many times and then works.
        After(usize),
        Refuses,
    }

    /// A server that counts requests.
    pub struct Server {
        answers: Answers,
        requests: AtomicUsize,
    }

    impl Server {
        pub fn new(answers: Answers) -> Arc<Self> {
            Arc::new(Self { answers, requests: AtomicUsize::new(0) })
        }

        pub fn requests(&self) -> usize {
            self.requests.load(Ordering::Relaxed)
        }
    }

    impl Transport for Server {
        fn send(
            &self,
            _: http::Request<Bytes>,
        ) -> BoxFuture<'_, Result<http::Response<Bytes>, TransportError>> {
            let before = self.requests.fetch_add(1, Ordering::Relaxed);
            let status = match self.answers {
                Answers::Nothing => return std::future::pending().boxed(),
                Answers::Refuses => {
                    let text = "cannot connect to https://example.com/hunter2";
                    return async move { Err(TransportError::not_sent("ConnectFailed", text)) }.boxed();
                }
                Answers::Status(status) => status,
                Answers::After(failures) if before < failures => 500,
                Answers::After(_) => 200,
            };
            let answer =
                http::Response::builder().status(status).body(Bytes::from_static(b"no hunter2")).unwrap();
            async { Ok(answer) }.boxed()
        }
    }

    pub fn way(server: &Arc<Server>) -> Way {
        Way {
            name: "test".to_owned(),
            kind: "webhook",
            topics: Topic::ALL.map(|(_, topic)| topic).into(),
            carrier: Carrier::Http {
                target: HttpTarget::Webhook {
                    url: Secret::of("https://example.com/hunter2"),
                    secret: Some(Secret::of("hunter2")),
                },
                transport: Arc::clone(server) as Arc<dyn Transport>,
                clock: Arc::new(SystemClock),
            },
        }
    }

    async fn deliver(answers: Answers) -> (Delivery, usize, u64) {
        let server = Server::new(answers);
        let began = Instant::now();
        let delivery = way(&server).deliver(&test_message(Timestamp::UNIX_EPOCH)).await;
        (delivery, server.requests(), began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_error_is_tried_three_times() {
        let (delivery, requests, seconds) = deliver(Answers::Status(500)).await;
        assert_eq!((delivery.tries, requests, seconds), (3, 3, 4));
        assert_eq!(delivery.result.unwrap_err(), "500 Internal Server Error: no ..");
        let (delivery, requests, _) = deliver(Answers::After(2)).await;
        assert_eq!((delivery.result, requests), (Ok(()), 3));
    }

    #[tokio::test(start_paused = true)]
    async fn a_redirect_is_told_and_not_followed() {
        let (delivery, requests, seconds) = deliver(Answers::Status(302)).await;
        assert_eq!((requests, seconds), (1, 0));
        let why = delivery.result.unwrap_err();
        assert!(why.contains("302 Found") && why.contains("not followed"), "{why}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_is_not_repeated() {
        for status in [400, 401, 403, 404, 410] {
            assert_eq!(deliver(Answers::Status(status)).await.1, 1, "{status}");
        }
        assert_eq!(deliver(Answers::Status(429)).await.1, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn a_receiver_that_hangs_is_given_up() {
        let (delivery, requests, seconds) = deliver(Answers::Nothing).await;
        assert_eq!((requests, seconds), (3, 34));
        assert_eq!(delivery.result.unwrap_err(), "no response within 10 s");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_show_no_secret() {
        for answers in [Answers::Refuses, Answers::Status(500), Answers::Status(404)] {
            let why = deliver(answers).await.0.result.unwrap_err();
            assert!(!why.contains("hunter2"), "{why}");
        }
    }
}
