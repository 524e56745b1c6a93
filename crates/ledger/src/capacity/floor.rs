//! The floor between probes: the least time between two launches that may find no capacity, shared by all runs on this machine
//! that wait for capacity in one tenancy.

use super::Scope;
use jiff::{SignedDuration, Timestamp};
use rusqlite::{OptionalExtension as _, Transaction, params};
use std::time::Duration;

/// Created beside the other tables; older versions of the program ignore it.
pub(super) const SCHEMA: &str = "
    CREATE TABLE IF NOT EXISTS probes (
        floor TEXT PRIMARY KEY,
        sent_at INTEGER NOT NULL,
        gap INTEGER NOT NULL
    ) STRICT, WITHOUT ROWID;
";

/// The answer to a request to probe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Claim {
    /// The probe may be sent now, and counts as sent.
    Granted,
    /// The floor forbids a probe before this time.
    NotBefore(Timestamp),
}

/// Decides about a probe by the last one: when it was sent, and which floor its sender used. The longer of the two floors
/// applies. The second value is what to store.
///
/// A last probe in the future was recorded before the clock was set back; then the caller waits one floor from now.
pub fn claim_at(
    last: Option<(Timestamp, Duration)>,
    now: Timestamp,
    gap: Duration,
) -> (Claim, Option<(Timestamp, Duration)>) {
    let Some((sent, theirs)) = last else { return (Claim::Granted, Some((now, gap))) };
    let between = SignedDuration::try_from(gap.max(theirs)).unwrap_or(SignedDuration::MAX);
    let (sent, kept) = if sent > now { (now, Some((now, theirs))) } else { (sent, last) };
    match sent.checked_add(between) {
        Ok(next) if next <= now => (Claim::Granted, Some((now, gap))),
        Ok(next) => (Claim::NotBefore(next), kept),
        Err(_) => (Claim::NotBefore(Timestamp::MAX), kept),
    }
}

/// The key of the floor, which belongs to the tenancy whatever the region.
pub(super) fn floor_key(scope: &Scope) -> String {
    format!("{}|{}", scope.tenancy, scope.service)
}

/// Claims a probe within a transaction, so that only one of two processes is granted it.
pub(super) fn claim_in(
    transaction: &Transaction<'_>,
    scope: &Scope,
    now: Timestamp,
    gap: Duration,
) -> rusqlite::Result<Claim> {
    let floor = floor_key(scope);
    let last = transaction
        .prepare_cached("SELECT sent_at, gap FROM probes WHERE floor = ?1")?
        .query_row([&floor], |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)))
        .optional()?;
    let last = last.and_then(|(sent, gap)| {
        let sent = Timestamp::from_millisecond(sent).ok()?;
        Some((sent, Duration::from_millis(u64::try_from(gap).unwrap_or_default())))
    });
    let (claim, kept) = claim_at(last, now, gap);
    if let Some((sent, gap)) = kept.filter(|_| kept != last) {
        // Rounded up, because storing the time in whole milliseconds must not shorten the floor.
        let sent = sent.as_millisecond() + i64::from(sent.subsec_nanosecond() % 1_000_000 != 0);
        transaction
            .prepare_cached("INSERT OR REPLACE INTO probes (floor, sent_at, gap) VALUES (?1, ?2, ?3)")?
            .execute(params![floor, sent, i64::try_from(gap.as_millis()).unwrap_or(i64::MAX)])?;
    }
    Ok(claim)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capacity::{CapacityMemory as _, VolatileMemory};

    const GAP: Duration = Duration::from_mins(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    #[test]
    fn two_hunters_of_a_tenancy_share_one_floor() {
        let memory = VolatileMemory::default();
        let phoenix = Scope { tenancy: "t".into(), region: "phx".into(), service: String::new() };
        let ashburn = Scope { region: "iad".into(), ..phoenix.clone() };
        let other = Scope { tenancy: "u".into(), ..phoenix.clone() };
        assert_eq!(memory.claim_probe(&phoenix, at(0), GAP).unwrap(), Claim::Granted);
        assert_eq!(memory.claim_probe(&ashburn, at(30), GAP).unwrap(), Claim::NotBefore(at(60)));
        assert_eq!(memory.claim_probe(&other, at(30), GAP).unwrap(), Claim::Granted);
        assert_eq!(memory.claim_probe(&ashburn, at(60), GAP).unwrap(), Claim::Granted);
        assert_eq!(memory.claim_probe(&phoenix, at(61), GAP).unwrap(), Claim::NotBefore(at(120)));
        // Reports share a floor as well, and take none from probes.
        assert_eq!(memory.claim_probe(&phoenix.of_reports(), at(61), GAP).unwrap(), Claim::Granted);
        let again = memory.claim_probe(&ashburn.of_reports(), at(62), GAP).unwrap();
        assert_eq!(again, Claim::NotBefore(at(121)));
        assert_eq!(memory.claim_probe(&ashburn, at(120), GAP).unwrap(), Claim::Granted);
    }

    #[test]
    fn the_longer_floor_of_two_hunters_applies() {
        let ten = Duration::from_secs(10);
        let (claim, _) = claim_at(Some((at(0), GAP)), at(30), ten);
        assert_eq!(claim, Claim::NotBefore(at(60)));
        let (claim, _) = claim_at(Some((at(0), ten)), at(30), GAP);
        assert_eq!(claim, Claim::NotBefore(at(60)));
    }

    #[test]
    fn a_clock_set_back_delays_a_probe_by_one_floor() {
        let (claim, last) = claim_at(Some((at(100_000), GAP)), at(0), GAP);
        assert_eq!(claim, Claim::NotBefore(at(60)));
        let (claim, _) = claim_at(last, at(60), GAP);
        assert_eq!(claim, Claim::Granted);
    }
}
