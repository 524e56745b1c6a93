//! Policy constants: durations, counts and limits, each with its reason.
//!
//! Not here: limits of the API or of a format, which are defined where they are checked, and widths of columns.

use jiff::SignedDuration;
use oci_client::RetryPolicy;
use std::time::Duration;

/// How long a dry run asks the service, because somebody waits for the result.
pub const DRY_RUN_QUESTION: Duration = Duration::from_secs(10);
/// How long to wait for the name of the compartment. It is only a convenience, because the OCID identifies the compartment.
pub const NAME_QUESTION: Duration = Duration::from_secs(5);
/// Free space below which `doctor` warns. The ledger of a run of 1,000 instances takes about 2 MB.
pub const DOCTOR_FREE_SPACE: u64 = 64 * 1024 * 1024;
/// How long `doctor` waits for DNS.
pub const DOCTOR_DNS: Duration = Duration::from_secs(5);
/// How long `init` waits for the SSH agent, which may be on another machine.
pub const AGENT_PATIENCE: Duration = Duration::from_secs(2);
/// How many names are listed if none is like the one in the config.
pub const NAMES_SHOWN: usize = 10;
/// How long to ask for addresses after a launch. They are optional, because the run has already ended.
pub const ADDRESSES_QUESTION: Duration = Duration::from_secs(15);
/// The retries of each request of `plan`, because somebody waits for the result.
pub const PLAN_RETRIES: RetryPolicy = RetryPolicy {
    max_attempts: 4,
    base: Duration::from_millis(500),
    cap: Duration::from_secs(2),
    max_elapsed: Duration::from_secs(5),
};

/// How often a hunter that stands by looks whether it has to take over.
pub const STANDBY_POLL: Duration = Duration::from_secs(2);

/// How long a run waits for a shared ledger that is away.
pub const LEDGER_PATIENCE: Duration = Duration::from_hours(1);

/// How often a run that is not told of requests to stop checks for one, and how often the requester checks whether the run has
/// ended.
pub const STOP_REQUEST_POLL: Duration = Duration::from_millis(250);
/// The same for a hunt, which runs for weeks, and for a shared ledger.
pub const HUNT_STOP_REQUEST_POLL: Duration = Duration::from_secs(3);
/// How often a run checks for a request although it would be told of one.
pub const STOP_REQUEST_LOOK: Duration = Duration::from_mins(5);
/// How long `--stop-run` waits for a run to end: it finishes the calls in progress.
pub const STOP_RUN_PATIENCE: Duration = Duration::from_mins(10);
/// The minimum time to roll back a reservation: the user's deadline may have passed, but the reservation costs money.
pub const RESERVATION_ROLLBACK: Duration = Duration::from_mins(10);

/// The limit of one attempt to notify a receiver.
pub const NOTIFY_TRY: Duration = Duration::from_secs(10);
/// The number of attempts to notify a receiver.
pub const NOTIFY_TRIES: u32 = 3;
/// The pause after the first attempt; it triples after each further one.
pub const NOTIFY_BACKOFF: Duration = Duration::from_secs(1);
/// How long the end of a command waits for notifications.
pub const NOTIFY_END: Duration = Duration::from_secs(10);
/// The maximum number of notifications that wait for an unresponsive receiver.
pub const NOTIFY_QUEUE: usize = 100;
/// The maximum interval between checks whether a day has passed, since the clock can be set meanwhile.
pub const DIGEST_LOOK: Duration = Duration::from_hours(1);

/// The number of spans that wait for the receiver of traces, about 1 KB each; more are lost.
pub const TRACES_QUEUE: usize = 16_384;
/// The maximum number of spans that are sent together, and how long the first of them waits for others: OpenTelemetry's defaults.
pub const TRACES_BATCH: usize = 512;
pub const TRACES_EVERY: Duration = Duration::from_secs(5);
/// The limit of one attempt to deliver spans: OpenTelemetry's default.
pub const TRACES_TRY: Duration = Duration::from_secs(10);
/// How long the end of a command waits for the receiver of traces.
pub const TRACES_END: Duration = Duration::from_secs(3);

/// How often the countdown below the progress bars is updated.
pub const COUNTDOWN: Duration = Duration::from_secs(1);
/// How often the clock of the progress bars is updated.
pub const BAR_TICK: Duration = Duration::from_millis(250);

/// The maximum duration that a flag accepts.
pub const DURATION_MAX: Duration = Duration::from_hours(24 * 365);
/// The maximum size of a list of OCIDs: a million lines.
pub const LIST_BYTES_MAX: u64 = 128 << 20;

/// Above this number of instances, the user confirms by typing the number.
pub const CONFIRM_NUMBER_ABOVE: u64 = 100;
/// The same applies above this price per hour, unless `prices.confirm_above` sets another.
pub const CONFIRM_PRICE_ABOVE: f64 = 100.0;

/// The maximum number of runs of other configs that `resume` lists.
pub const OTHER_RUNS_SHOWN: usize = 5;
/// The maximum number of mistakes shown for a list of OCIDs.
pub const BAD_LINES_SHOWN: usize = 10;
/// The maximum number of continuing costs named in one line; the rest are counted.
pub const COSTS_NAMED: usize = 3;
/// The maximum number of refusing targets shown after a launch; `show --why` shows all.
pub const TARGETS_SHOWN: usize = 8;
/// The maximum number of rows in a table of instances; others are counted by result.
pub const ROWS_SHOWN: usize = 100;
/// The maximum number of rows before a question; other instances are named in short.
pub const ROWS_ASKED: usize = 50;
/// The maximum number of rows in a table of a Markdown report, which issues and chats limit.
pub const REPORT_ROWS: usize = 50;
/// How long `maintain` does not repeat a message.
pub const TOLD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// The number of equal failures that are reported individually.
pub const ALIKE_TOLD: u32 = 3;
/// The maximum number of runs that completion offers.
pub const RUNS_COMPLETED: usize = 50;
/// The maximum number of prompts for a passphrase.
pub const PASSPHRASE_TRIES: usize = 3;
/// How long `hunt` runs by default.
pub const HUNT_TIME: Duration = Duration::from_hours(30 * 24);
/// A gap without a process that is long enough to report.
pub const HUNT_GAP: Duration = Duration::from_mins(3);
/// The longest time between two heartbeats of a hunt: a probe per minute, which comes a little later at random, needs none between.
pub const HEARTBEAT: Duration = Duration::from_secs(90);
/// How often the file of metrics is written while something happens: more often than Prometheus reads it by default.
pub const METRICS_FILE: Duration = Duration::from_secs(5);
/// The longest time between two times that it is written.
pub const METRICS_HEARTBEAT: Duration = Duration::from_mins(1);
/// How often a live page looks whether the ledger has changed. The page is at most a second behind.
pub const LIVE_POLL: Duration = Duration::from_millis(300);
/// A live page rests this many times as long as it took to read the ledger.
pub const LIVE_SHARE: u32 = 3;
/// The maximum number of connections to a page that a command serves.
pub const SERVED_CONNECTIONS: usize = 64;
/// How long a connection to such a page may take to send its headers.
pub const SERVED_HEADERS: Duration = Duration::from_secs(10);
/// A hunt reports changes of one target at most this often.
pub const HUNT_CHANGE: Duration = Duration::from_mins(10);
/// How often a hunt without news says so.
pub const HUNT_NEWS: Duration = Duration::from_hours(1);

/// How often `sim serve --parent-pid` looks for the process.
pub const PARENT_LOOKS: Duration = Duration::from_millis(250);
/// After this time a command says what it waits for …
pub const WAIT_IS_TOLD: Duration = Duration::from_secs(5);
/// … and again whenever the wait has become this much longer.
pub const WAIT_IS_TOLD_AGAIN: Duration = Duration::from_secs(30);
