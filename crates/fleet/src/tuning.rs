//! Policy constants: how long things may take, and how often they are asked. Those of older rooms still stand beside their
//! code.

use jiff::SignedDuration;
use std::time::Duration;

/// What was launched or terminated within this time may be missing in lists, or still be in them. Lists are not known to lag
/// by more than [`crate::launch::LONGEST_LAG`]; the rest is room to spare.
pub const LISTS_CATCH_UP: SignedDuration = SignedDuration::from_mins(10);
/// So long a service may answer "not found" for an instance that it has just made (docs/reliability.md).
pub const MAY_BE_UNSEEN: SignedDuration = SignedDuration::from_mins(5);
/// How long a census waits before it looks again.
pub const CENSUS_PAUSE: Duration = Duration::from_secs(15);
/// An instance that was replaced within this time after it ran has lived shortly …
pub const LIVES_SHORTLY: SignedDuration = SignedDuration::from_mins(10);
/// … and after so many short lives in a row its number is not launched any more: a broken image would burn through thousands.
pub const SHORT_LIVES: usize = 3;
/// So many of the newest runs tell how long instances have lived.
pub const RUNS_LOOKED_AT: usize = 500;
/// The least time between two launches that may find no capacity …
pub const PROBE_FLOOR: Duration = Duration::from_mins(1);
/// … and the most that is added to it by chance, so that two machines do not ask at once.
pub const PROBE_JITTER: Duration = Duration::from_secs(15);
/// A launch that waits until others at its target have ended looks again after this time, whatever happens.
pub const LONGEST_TURN: Duration = Duration::from_mins(1);
/// The least floor that a hunt may be given.
pub const LEAST_HUNT_FLOOR: Duration = Duration::from_secs(10);
/// The most that chance adds to the time that a hunt needs to probe each of its targets once, so that freed capacity is found in time.
pub const HUNT_JITTER_OF_A_CYCLE: Duration = Duration::from_secs(10);
/// Two hunts that wait for the same moment are spread over this time.
pub const HUNTS_APART: Duration = Duration::from_millis(500);
/// How long a hunt waits before it tries again whether the ledger can be written.
pub const LEDGER_PAUSE: Duration = Duration::from_mins(1);
