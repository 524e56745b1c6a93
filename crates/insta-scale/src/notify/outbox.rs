//! Sends the messages of a run in parallel to it, with one task per receiver, so that an unresponsive receiver does not delay
//! the others.
//!
//! Failures cause one warning per receiver. The end of a run waits for pending messages, for a limited time.

use super::Receiver;
use super::deliver::{Means, Way};
use super::fold::Watch;
use super::message::Message;
use crate::config::Settings;
use crate::environment;
use crate::error::CommandError;
use crate::output::console;
use crate::session::Session;
use crate::tuning::{DIGEST_LOOK, NOTIFY_END, NOTIFY_QUEUE};
use fleet::Sink;
use jiff::Timestamp;
use oci_client::Clock;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::mpsc::{self, Receiver as Queue, Sender};
use tokio::task::JoinHandle;

/// Notifies the config's receivers about a run; does nothing without receivers.
pub struct Notifier {
    outbox: Arc<Outbox>,
    tasks: Vec<(String, JoinHandle<()>)>,
    quiet: bool,
    digests: Mutex<Option<JoinHandle<()>>>,
}

struct Outbox {
    clock: Arc<dyn Clock>,
    queues: Mutex<Vec<(Way, Sender<Message>)>>,
}

/// Prepares all receivers of the settings.
pub fn ways(session: &Session, settings: &Settings) -> Result<Vec<Way>, CommandError> {
    if settings.notify.is_empty() {
        return Ok(Vec::new());
    }
    let means = Means::new(session.clock.clone(), &environment::variable)?;
    let open = |receiver: &Receiver| {
        Way::open(receiver, &settings.labels.at(receiver.place), &means, &environment::variable)
    };
    settings.notify.iter().map(open).collect()
}

impl Notifier {
    /// Prepares to send. Secrets are read here, so that a mistake is reported before anything is launched.
    pub fn open(session: &Session, settings: &Settings, wanted: bool) -> Result<Self, CommandError> {
        let opened = if wanted { ways(session, settings) } else { Ok(Vec::new()) };
        let ways = opened.map_err(|error| match error {
            // Only commands with a run can do without.
            CommandError::Usage { message, hint: Some(hint) } => {
                CommandError::usage(message, format!("{hint}, or leave notifications out with --no-notify"))
            }
            error => error,
        })?;
        Ok(Self::start(ways, session.clock.clone(), session.is_quiet()))
    }

    fn start(ways: Vec<Way>, clock: Arc<dyn Clock>, quiet: bool) -> Self {
        let mut queues = Vec::new();
        let mut tasks = Vec::new();
        for way in ways {
            let (sender, queue) = mpsc::channel(NOTIFY_QUEUE);
            tasks.push((way.name.clone(), tokio::spawn(send_all(way.clone(), queue, quiet))));
            queues.push((way, sender));
        }
        let outbox = Arc::new(Outbox { clock, queues: Mutex::new(queues) });
        Self { outbox, tasks, quiet, digests: Mutex::new(None) }
    }

    /// Whether there are no receivers.
    pub fn is_idle(&self) -> bool {
        self.tasks.is_empty()
    }

    /// The observer of a run that notifies the receivers and then calls `sink`.
    pub fn watching(&self, watch: Watch, sink: Sink) -> Sink {
        if self.is_idle() {
            return sink;
        }
        let watch = Arc::new(Mutex::new(watch));
        let digests = tokio::spawn(tell_daily(Arc::clone(&self.outbox), Arc::clone(&watch)));
        if let Some(earlier) = lock(&self.digests).replace(digests) {
            earlier.abort();
        }
        let outbox = Arc::clone(&self.outbox);
        Arc::new(move |record| {
            for message in lock(&watch).apply(record) {
                outbox.tell(&message);
            }
            sink(record);
        })
    }

    /// Sends a message to everybody who receives its topic.
    pub fn tell(&self, message: &Message) {
        self.outbox.tell(message);
    }

    /// Waits a limited time until everything is sent.
    pub async fn finish(mut self) {
        if let Some(digests) = lock(&self.digests).take() {
            digests.abort();
        }
        // The tasks end when their queues are empty.
        lock(&self.outbox.queues).clear();
        let end = tokio::time::Instant::now() + NOTIFY_END;
        for (name, task) in &mut self.tasks {
            if tokio::time::timeout_at(end, &mut *task).await.is_err() {
                task.abort();
                warn(
                    name,
                    &format!("not delivered within {} s of the end", NOTIFY_END.as_secs()),
                    self.quiet,
                );
            }
        }
    }
}

impl Outbox {
    fn tell(&self, message: &Message) {
        for (way, sender) in lock(&self.queues).iter() {
            if message.topic.is_none_or(|topic| way.topics.contains(&topic)) {
                // A queue is full only while nothing arrives, which its task reports.
                let _ = sender.try_send(message.clone());
            }
        }
    }
}

/// Sends the queued messages, and reports the first failure.
async fn send_all(way: Way, mut queue: Queue<Message>, quiet: bool) {
    let mut warned = false;
    while let Some(message) = queue.recv().await {
        if let Err(why) = way.deliver(&message).await.result
            && !std::mem::replace(&mut warned, true)
        {
            warn(&way.name, &why, quiet);
        }
    }
}

/// Sends a digest once a day, even while nothing happens.
async fn tell_daily(outbox: Arc<Outbox>, watch: Arc<Mutex<Watch>>) {
    loop {
        let now = outbox.clock.now();
        let (due, next) = {
            let mut watch = lock(&watch);
            (watch.digest(now), watch.next_digest())
        };
        if let Some(message) = due {
            outbox.tell(&message);
        }
        tokio::time::sleep(next.map_or(DIGEST_LOOK, |next| until(next, now))).await;
    }
}

/// How long to sleep; limited, because the machine's clock may be set meanwhile.
fn until(next: Timestamp, now: Timestamp) -> Duration {
    let left = Duration::try_from(next.duration_since(now)).unwrap_or_default();
    left.clamp(Duration::from_secs(1), DIGEST_LOOK)
}

fn warn(name: &str, why: &str, quiet: bool) {
    if !quiet {
        console::line(&format!("warning: notify `{name}`: {why}; the run is not affected"));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::notify::deliver::tests::{Answers, Server, way};
    use crate::notify::{Topic, test_message};
    use oci_client::SystemClock;
    use tokio::time::Instant;

    fn notifier(ways: Vec<Way>) -> Notifier {
        Notifier::start(ways, Arc::new(SystemClock), true)
    }

    fn of(topic: Topic) -> Message {
        Message { topic: Some(topic), ..test_message(Timestamp::UNIX_EPOCH) }
    }

    #[tokio::test(start_paused = true)]
    async fn a_hanging_receiver_delays_the_end_by_ten_seconds() {
        let (hanging, working) = (Server::new(Answers::Nothing), Server::new(Answers::Status(204)));
        let notifier = notifier(vec![way(&hanging), way(&hanging), way(&working)]);
        for _ in 0..5 {
            notifier.tell(&of(Topic::Stop));
        }
        let began = Instant::now();
        notifier.finish().await;
        assert_eq!(began.elapsed(), NOTIFY_END);
        assert_eq!((working.requests(), hanging.requests()), (5, 2), "one that hangs holds up no other");
    }

    #[tokio::test(start_paused = true)]
    async fn the_end_waits_for_no_longer_than_needed() {
        let working = Server::new(Answers::Status(200));
        let notifier = notifier(vec![way(&working)]);
        notifier.tell(&of(Topic::Success));
        let began = Instant::now();
        notifier.finish().await;
        assert_eq!((began.elapsed(), working.requests()), (Duration::ZERO, 1));
    }

    #[tokio::test(start_paused = true)]
    async fn telling_never_waits_for_a_receiver() {
        let hanging = Server::new(Answers::Nothing);
        let notifier = notifier(vec![way(&hanging)]);
        let began = Instant::now();
        for _ in 0..10 * NOTIFY_QUEUE {
            notifier.tell(&of(Topic::Trouble));
        }
        assert_eq!(began.elapsed(), Duration::ZERO);
        notifier.finish().await;
    }

    #[tokio::test(start_paused = true)]
    async fn receivers_are_told_only_what_they_want() {
        let server = Server::new(Answers::Status(200));
        let mut one = way(&server);
        one.topics = [Topic::Success].into();
        let notifier = notifier(vec![one]);
        for (_, topic) in Topic::ALL {
            notifier.tell(&of(topic));
        }
        notifier.finish().await;
        assert_eq!(server.requests(), 1);
    }
}
