//! How often a subject was asked and how often it provided an instance, by hour of the day and by day.

use jiff::{Timestamp, tz::TimeZone};

/// The number of days for which responses are counted by day.
pub const DAYS: usize = 14;

/// Two counts: requests, and instances obtained.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How often it was asked.
    pub asked: u16,
    /// How often it provided an instance.
    pub yielded: u16,
}

impl Tally {
    fn ask(&mut self) {
        self.make_room();
        self.asked += 1;
    }

    fn give(&mut self) {
        self.make_room();
        self.yielded += 1;
    }

    /// Halves both counts before either overflows, since only their ratio matters.
    fn make_room(&mut self) {
        if self.asked == u16::MAX || self.yielded == u16::MAX {
            self.asked /= 2;
            self.yielded /= 2;
        }
    }
}

/// The counts of one subject over time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tallies {
    /// By hour of the day, in UTC; empty until the first.
    hours: Vec<Tally>,
    /// By day since the epoch, the oldest first.
    days: Vec<(u32, Tally)>,
}

impl Tallies {
    /// Counts a request.
    pub fn ask(&mut self, at: Timestamp) {
        self.hour(at).ask();
        self.day(at).ask();
    }

    /// Counts an instance that was obtained.
    pub fn give(&mut self, at: Timestamp) {
        self.hour(at).give();
        self.day(at).give();
    }

    /// The counts of each known hour of the day, in UTC.
    pub fn by_hour(&self) -> impl Iterator<Item = (usize, Tally)> + '_ {
        self.hours.iter().copied().enumerate()
    }

    /// The counts by age in whole days at `now`, the most recent first.
    pub fn by_age(&self, now: Timestamp) -> impl Iterator<Item = (u32, Tally)> + '_ {
        let today = day_of(now);
        self.days.iter().rev().map(move |(day, tally)| (today.saturating_sub(*day), *tally))
    }

    /// The hours that provided instances most often, the best first.
    pub fn best_hours(&self) -> Vec<usize> {
        let mut best: Vec<(usize, Tally)> = self.by_hour().filter(|(_, tally)| tally.yielded > 0).collect();
        best.sort_by_key(|(hour, tally)| (std::cmp::Reverse(tally.yielded), *hour));
        best.into_iter().map(|(hour, _)| hour).collect()
    }

    fn hour(&mut self, at: Timestamp) -> &mut Tally {
        self.hours.resize(24, Tally::default());
        let hour = usize::try_from(at.to_zoned(TimeZone::UTC).hour()).unwrap_or_default();
        &mut self.hours[hour.min(23)]
    }

    fn day(&mut self, at: Timestamp) -> &mut Tally {
        let day = day_of(at);
        let index = match self.days.binary_search_by_key(&day, |(known, _)| *known) {
            Ok(index) => index,
            Err(index) => {
                self.days.insert(index, (day, Tally::default()));
                index
            }
        };
        let excess = self.days.len().saturating_sub(DAYS);
        // Days beyond the maximum are merged into the oldest one that is kept.
        self.days.drain(..excess);
        &mut self.days[index.saturating_sub(excess)].1
    }

    /// The stored form.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = vec![u8::from(!self.hours.is_empty())];
        let mut put = |tally: &Tally| {
            let (asked, yielded) = (tally.asked.to_le_bytes(), tally.yielded.to_le_bytes());
            bytes.extend([asked[0], asked[1], yielded[0], yielded[1]]);
        };
        self.hours.iter().for_each(&mut put);
        for (day, tally) in &self.days {
            put(tally);
            // Days fit until the year 2149.
            let day = u16::try_from(*day).unwrap_or(u16::MAX);
            put(&Tally { asked: day, yielded: 0 });
        }
        bytes
    }

    /// Parses the result of [`Self::to_bytes`]. Returns empty counts if another version wrote another format.
    pub(super) fn of_bytes(bytes: &[u8]) -> Self {
        let Some((has_hours, rest)) = bytes.split_first() else { return Self::default() };
        let mut tallies = rest.chunks_exact(4).map(|chunk| Tally {
            asked: u16::from_le_bytes([chunk[0], chunk[1]]),
            yielded: u16::from_le_bytes([chunk[2], chunk[3]]),
        });
        let hours: Vec<Tally> = tallies.by_ref().take(24 * usize::from(*has_hours == 1)).collect();
        let mut days = Vec::new();
        while let (Some(tally), Some(day)) = (tallies.next(), tallies.next()) {
            days.push((u32::from(day.asked), tally));
        }
        Self { hours, days }
    }
}

fn day_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_second().div_euclid(24 * 60 * 60)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn tallies_are_read_back_from_their_bytes() {
        let mut tallies = Tallies::default();
        assert_eq!(Tallies::of_bytes(&tallies.to_bytes()), tallies);
        for day in 10..30 {
            tallies.ask(at(&format!("2026-11-{day}T03:15:00Z")));
            tallies.give(at(&format!("2026-11-{day}T04:15:00Z")));
        }
        assert_eq!(Tallies::of_bytes(&tallies.to_bytes()), tallies);
        assert_eq!(tallies.best_hours(), [4]);
        let ages: Vec<u32> = tallies.by_age(at("2026-11-30T00:00:00Z")).map(|(age, _)| age).collect();
        assert_eq!(ages.len(), DAYS);
        assert_eq!(ages[0], 1);
    }

    #[test]
    fn a_clock_that_went_back_loses_no_count() {
        let mut tallies = Tallies::default();
        tallies.ask(at("2026-11-20T00:00:00Z"));
        tallies.ask(at("2026-11-10T00:00:00Z"));
        let asked: u16 = tallies.by_age(at("2026-11-20T00:00:00Z")).map(|(_, tally)| tally.asked).sum();
        assert_eq!(asked, 2);
    }
}
