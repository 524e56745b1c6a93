//! Policy constants: durations and retry counts. Those of some older rooms are still defined beside their code.

use jiff::SignedDuration;
use std::time::Duration;

/// Instances launched or terminated within this time may be missing from lists, or still be listed. Lists are not known to lag
/// by more than [`crate::launch::LONGEST_LAG`]; the rest is a safety margin.
pub const LISTS_CATCH_UP: SignedDuration = SignedDuration::from_mins(10);
/// A service may return "not found" for this long after it created an instance (docs/reliability.md).
pub const MAY_BE_UNSEEN: SignedDuration = SignedDuration::from_mins(5);
/// The service keeps a retry token for 24 hours (OpenAPI of the Core Services); one hour is a margin for clock differences.
pub const TOKEN_LIFE: SignedDuration = SignedDuration::from_hours(23);
/// How long a census waits before it checks again.
pub const CENSUS_PAUSE: Duration = Duration::from_secs(15);
/// An instance that was replaced within this time after it ran was short-lived …
pub const LIVES_SHORTLY: SignedDuration = SignedDuration::from_mins(10);
/// … and after this many consecutive short-lived instances, the number is no longer launched, because a broken image would use
/// up thousands.
pub const SHORT_LIVES: usize = 3;
/// How many of the newest runs are read to determine the lives of instances.
pub const RUNS_LOOKED_AT: usize = 500;
/// The minimum time between two launches that may find no capacity …
pub const PROBE_FLOOR: Duration = Duration::from_mins(1);
/// … and the maximum random addition, so that two machines do not probe at the same time.
pub const PROBE_JITTER: Duration = Duration::from_secs(15);
/// A launch that waits until others at its target have ended checks again after this time, whatever happens.
pub const LONGEST_TURN: Duration = Duration::from_mins(1);
/// The minimum floor of a hunt.
pub const LEAST_HUNT_FLOOR: Duration = Duration::from_secs(10);
/// The maximum random addition to a hunt's cycle of probes over all targets, so that returned capacity is found in time.
pub const HUNT_JITTER_OF_A_CYCLE: Duration = Duration::from_secs(10);
/// How often a hunt reads a limit while it refuses.
pub const HUNT_READS_LIMITS: Duration = Duration::from_mins(5);
/// How long before its next probe a hunt asks for a capacity report, and how long it waits for the response.
pub const HUNT_REPORT_LEAD: Duration = Duration::from_secs(5);
/// How long a hunt ignores reports about a target whose last one was contradicted by a launch, and all after a report was refused.
pub const HUNT_DISTRUSTS: Duration = Duration::from_hours(1);
/// Two hunts that wait for the same moment are spread over this time.
pub const HUNTS_APART: Duration = Duration::from_millis(500);
/// How long a hunt waits before it tries again to write the ledger.
pub const LEDGER_PAUSE: Duration = Duration::from_mins(1);
/// Once a ratchet holds its minimum, it keeps growing for at most this long while capacity is coming in, then launches.
pub const RATCHET_LINGERS: Duration = Duration::from_mins(1);
/// How long one creation or growth of a reservation may take before the ratchet asks elsewhere.
pub const RATCHET_STEP: Duration = Duration::from_mins(10);
/// A ratchet ends while its bound still covers this much time, because releasing capacity takes a while and is charged.
pub const RATCHET_MARGIN: Duration = Duration::from_secs(150);
/// A hunt with a bound on its cost launches nothing more while the bound still covers this much time, because a rollback takes a
/// while and is charged.
pub const SPENDING_MARGIN: Duration = RATCHET_MARGIN;
/// The shortest time between two checks of that bound.
pub const SPENDING_LOOKS: Duration = Duration::from_secs(1);
/// The used counts of reservations may lag this far behind launches.
pub const RATCHET_COUNTS: Duration = Duration::from_secs(90);
/// The shortest and the longest time between two checks of a ratchet's time and money. Checks must repeat because the machine's
/// clock may be changed.
pub const RATCHET_LOOKS: std::ops::RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(5);
/// The maximum number of intervals and of rates in a report, which are drawn beside each other.
pub const REPORT_BUCKETS: usize = 240;
/// How many groups of refusals a report keeps for each slot …
pub const REPORT_REFUSALS_OF_A_SLOT: usize = 8;
/// … and how many in all, because a report of 100,000 slots must not exceed 30 MB.
pub const REPORT_REFUSALS: usize = 160_000;
/// How long a part of a network may take to become AVAILABLE, which usually takes no time.
pub const NETWORK_PART_SETTLES: Duration = Duration::from_mins(5);
/// How long the deletion of one part may take: network cards of terminated instances leave a subnet after a while.
pub const NETWORK_PART_ENDS: Duration = Duration::from_mins(10);
/// How long the request for a part is awaited after the user has interrupted; its result is found later.
pub const NETWORK_GRACE: Duration = Duration::from_secs(10);
/// The first pause between two polls of instance pools, by which each next one is longer …
pub const POOL_POLL: Duration = Duration::from_secs(3);
/// … the longest one while members are missing …
pub const POOL_POLLS: Duration = Duration::from_secs(20);
/// … and the longest one while all exist and boot, which bare metal does for many minutes.
pub const POOL_BOOTS: Duration = Duration::from_mins(3);
/// The longest time between two lists of the members of pools, which take a request for each hundred members.
pub const POOL_LISTS: Duration = Duration::from_secs(45);
/// The same while all members exist and boot.
pub const POOL_BOOT_LISTS: Duration = Duration::from_mins(10);
/// The pause between two looks for the reason why members of a pool do not come.
pub const POOL_LOOKS: Duration = Duration::from_secs(30);
/// How long a pool that says why members do not come is awaited after the last member …
pub const POOL_SHORT: Duration = Duration::from_secs(90);
/// … with `strategy: best_effort` …
pub const POOL_SHORT_AT_ONCE: Duration = Duration::from_secs(20);
/// … and one that says nothing.
pub const POOL_SILENT: Duration = Duration::from_mins(10);
/// How long a new size is tried while the pool is not at rest.
pub const POOL_RESIZES: Duration = Duration::from_mins(1);
/// How long the deletion of a pool may take, which ends its members.
pub const POOL_ENDS: Duration = Duration::from_mins(15);
/// The pause between two tries of a rollback of pools.
pub const POOL_ROLLS_BACK: Duration = Duration::from_secs(8);
/// How long a pool whose creation received no answer is looked for: lists lag, and a request may arrive late.
pub const POOL_STRAGGLERS: Duration = Duration::from_mins(2);
/// The maximum duration of a rollback of pools, after which the rest is reported.
pub const POOL_ROLLBACK: Duration = Duration::from_mins(30);
