//! Policy constants: how long, how often and how many, each with its reason.
//!
//! Not here: limits that the API or a format sets, which stand where they are checked, and widths of columns.

use jiff::SignedDuration;
use oci_client::RetryPolicy;
use std::time::Duration;

/// How long the service is asked before a launch that is only shown: somebody waits for the answer.
pub const DRY_RUN_QUESTION: Duration = Duration::from_secs(10);
/// How long the name of the compartment is waited for. It is shown for comfort: the OCID says which it is.
pub const NAME_QUESTION: Duration = Duration::from_secs(5);
/// How long addresses are asked for after a launch. They are a service to the reader: the run has ended, whether they come
/// or not.
pub const ADDRESSES_QUESTION: Duration = Duration::from_secs(15);
/// How often each question of `plan` is asked: whoever plans waits for the answer.
pub const PLAN_RETRIES: RetryPolicy = RetryPolicy {
    max_attempts: 4,
    base: Duration::from_millis(500),
    cap: Duration::from_secs(2),
    max_elapsed: Duration::from_secs(5),
};

/// How often a run looks for a request to stop, and whoever requested it for whether the run has ended.
pub const STOP_REQUEST_POLL: Duration = Duration::from_millis(250);
/// How often a hunt does: it runs for weeks, and each look costs time of the processor.
pub const HUNT_STOP_REQUEST_POLL: Duration = Duration::from_secs(3);
/// How long a run is given to end with `--stop-run`: it finishes the calls that are under way.
pub const STOP_RUN_PATIENCE: Duration = Duration::from_mins(10);
/// How long a reservation may at least take to be rolled back: the user's time may be over by then, and it costs money.
pub const RESERVATION_ROLLBACK: Duration = Duration::from_mins(10);

/// How long one try to notify a receiver may take.
pub const NOTIFY_TRY: Duration = Duration::from_secs(10);
/// How often it is tried to notify a receiver.
pub const NOTIFY_TRIES: u32 = 3;
/// The pause after the first try; three times as long after the next.
pub const NOTIFY_BACKOFF: Duration = Duration::from_secs(1);
/// How long the end of a command waits for notifications. What is told by then is worth more than a prompt end, but not much.
pub const NOTIFY_END: Duration = Duration::from_secs(10);
/// How many notifications may wait for a receiver that does not answer.
pub const NOTIFY_QUEUE: usize = 100;
/// How long it may take to see that a day is over, since the clock can be set meanwhile.
pub const DIGEST_LOOK: Duration = Duration::from_hours(1);

/// How often the time until the next try is told below the progress bars.
pub const COUNTDOWN: Duration = Duration::from_secs(1);
/// How often the clock of the progress bars moves.
pub const BAR_TICK: Duration = Duration::from_millis(250);

/// The longest time that a flag takes.
pub const DURATION_MAX: Duration = Duration::from_hours(24 * 365);
/// No list of OCIDs is longer: a million lines.
pub const LIST_BYTES_MAX: u64 = 128 << 20;

/// More instances than this are agreed to by typing their number.
pub const CONFIRM_NUMBER_ABOVE: u64 = 100;
/// So is a higher price an hour, unless `prices.confirm_above` says another.
pub const CONFIRM_PRICE_ABOVE: f64 = 100.0;

/// How many runs of other configs `resume` names.
pub const OTHER_RUNS_SHOWN: usize = 5;
/// How many mistakes in a list of OCIDs are shown.
pub const BAD_LINES_SHOWN: usize = 10;
/// How many things that go on costing are named in one line; the rest are counted.
pub const COSTS_NAMED: usize = 3;
/// How many targets that refused are told after a launch; `show --why` has all of them.
pub const TARGETS_SHOWN: usize = 8;
/// Rows of a table of instances; further ones are counted by what became of them.
pub const ROWS_SHOWN: usize = 100;
/// Rows shown before a question; further instances are named in short.
pub const ROWS_ASKED: usize = 50;
/// How long `maintain` does not repeat what it has said already.
pub const TOLD_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How many failures of a kind are told one by one.
pub const ALIKE_TOLD: u32 = 3;
/// How many runs the shell offers for completion.
pub const RUNS_COMPLETED: usize = 50;
/// How often a passphrase is asked for.
pub const PASSPHRASE_TRIES: usize = 3;
/// How long `hunt` asks where nothing else is said.
pub const HUNT_TIME: Duration = Duration::from_hours(30 * 24);
/// A time without a process at work on a hunt that is worth telling.
pub const HUNT_GAP: Duration = Duration::from_mins(3);
/// How often a hunt gives a sign of life at least.
pub const HEARTBEAT: Duration = Duration::from_mins(1);
/// How often a hunt tells of one target at most, however often its answer changes.
pub const HUNT_CHANGE: Duration = Duration::from_mins(10);
/// A hunt without news says so this often.
pub const HUNT_NEWS: Duration = Duration::from_hours(1);
