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
