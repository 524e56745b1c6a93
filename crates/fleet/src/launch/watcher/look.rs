//! Which request a poll sends: decided by the pages that each kind of poll would read. It must not send any.

use super::SCOUTS;

/// The maximum of a page of ListInstances (OpenAPI of the Core Services).
const PAGE: usize = 100;

/// What a poll reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PollKind {
    /// The list of all states, newest first, until each watched instance was found; it shows failures as well.
    All,
    /// The list of those that run, up to this many pages. It says nothing about an instance that it does not show.
    Running { at_most: usize },
    /// The oldest instances, one by one: those of one shape boot alike, so they suffice until the first one runs.
    Scouts,
    /// Each watched instance.
    OneByOne,
}

/// What the lists have cost so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    /// The pages of the last list of all states that was read completely.
    all: usize,
    /// The pages that the list of those that run should take now; unknown until it was read.
    running: Option<usize>,
    /// The rows of that list when it was last read.
    rows: usize,
    /// Whether that list did not end within the pages that it may take, because others run there.
    crowded: bool,
}

impl Lists {
    /// Decides on the next poll of this many watched instances. `scouting` means that none was seen running yet, `full` that a
    /// list of all states is due.
    pub(super) fn next(&self, watched: usize, scouting: bool, full: bool) -> PollKind {
        // Until a list of all states was read, the watched instances are assumed to be its newest.
        let all = if self.all == 0 { watched.div_ceil(PAGE) } else { self.all };
        if watched <= SCOUTS || watched < all {
            return if full || !scouting { PollKind::OneByOne } else { PollKind::Scouts };
        }
        if full {
            return PollKind::All;
        }
        let running = self.running.unwrap_or(1);
        if running < all && !self.crowded {
            return PollKind::Running { at_most: all - 1 };
        }
        if scouting && SCOUTS < all { PollKind::Scouts } else { PollKind::All }
    }

    pub(super) fn all_read(&mut self, pages: usize) {
        self.all = pages.max(1);
    }

    /// Takes in what the list of those that run had: whether it was read to its end, and otherwise how many rows were read.
    pub(super) fn running_read(&mut self, rows: usize, ended: bool) {
        // Until the next poll, about as many more will run as since the last one.
        let next = rows + rows.saturating_sub(self.rows);
        self.rows = rows;
        self.running = Some(next.div_ceil(PAGE).max(1));
        self.crowded = !ended;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_that_takes_fewer_pages_is_read() {
        let mut lists = Lists::default();
        assert_eq!(lists.next(100, true, false), PollKind::All, "one page anyway");
        assert_eq!(lists.next(200, true, false), PollKind::Running { at_most: 1 });
        lists.all_read(2);
        lists.running_read(70, true);
        assert_eq!(lists.next(130, false, false), PollKind::All, "140 may run by then");
        lists.running_read(90, true);
        assert_eq!(lists.next(110, false, false), PollKind::All);
        lists.running_read(92, true);
        assert_eq!(lists.next(108, false, false), PollKind::Running { at_most: 1 });
    }

    #[test]
    fn a_list_of_all_states_that_is_due_is_read() {
        let mut lists = Lists::default();
        lists.all_read(10);
        lists.running_read(5, true);
        assert_eq!(lists.next(995, false, true), PollKind::All);
        assert_eq!(lists.next(995, false, false), PollKind::Running { at_most: 9 });
    }

    #[test]
    fn instances_of_others_that_run_are_not_read_twice() {
        let mut lists = Lists::default();
        lists.all_read(3);
        lists.running_read(200, false);
        assert_eq!(lists.next(250, true, false), PollKind::Scouts);
        assert_eq!(lists.next(250, false, false), PollKind::All);
    }

    #[test]
    fn fewer_instances_than_pages_are_read_one_by_one() {
        let mut lists = Lists::default();
        lists.all_read(50);
        assert_eq!(lists.next(49, false, false), PollKind::OneByOne);
        assert_eq!(lists.next(49, true, true), PollKind::OneByOne);
        assert_eq!(lists.next(49, true, false), PollKind::Scouts);
        assert_eq!(Lists::default().next(2, false, false), PollKind::OneByOne);
    }
}
