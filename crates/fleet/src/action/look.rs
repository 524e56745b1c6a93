//! When and how to poll the instances next: many of them through pages of the list, a few one by one.
//!
//! A list page costs one request for 100 instances, including others of the compartment, so frequent polling during sending
//! would cost more than the actions. Pure.

use crate::engine::backoff::Backoff;
use std::time::Duration;

/// How to poll.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// The whole list, which is the only proof for many instances.
    List,
    /// Only the listed instances in the transitional state: few pages, and if none of ours is among them, the whole list is
    /// worth reading.
    OnTheWay,
    /// One by one.
    Each,
    /// Only those whose grace period has ended, one by one: the last check before the power is cut.
    Overdue,
}

/// The inputs of the choice.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    /// The number of instances to poll.
    pub(super) watched: usize,
    /// Actions accepted since the whole list was last read.
    pub(super) fresh: usize,
    /// Whether actions remain to be sent.
    pub(super) sending: bool,
    /// Whether the action has a single transitional state.
    pub(super) has_transition: bool,
    /// The pages of the whole list when last read; initially a guess.
    pub(super) pages: usize,
    /// How many were in the transitional state at the last poll; `None` before the first.
    pub(super) on_the_way: Option<usize>,
    /// The time since the whole list was last read, or watching began.
    pub(super) since_list: Duration,
    /// The number of whole lists read in a row.
    pub(super) lists: u32,
    /// The minimum time between two polls.
    pub(super) base: Duration,
}

/// During sending, one page of the list is worth reading per this many accepted actions: 17 pages for 1,000.
const PER_PAGE: usize = 60;
/// During slow sending, a page is read at least this often …
const SLOW: Duration = Duration::from_secs(30);
/// … and the whole list at least this often.
const SLOWEST: Duration = Duration::from_mins(5);
/// After sending, the whole list is read at least this often, to detect instances that cannot reach the wanted state.
const SELDOM: Duration = Duration::from_mins(1);
/// Up to this many transitional instances, one page is read without a longer pause.
const ON_THE_WAY: usize = 200;

/// The next kind of poll, and the pause before it, counted from the last poll.
pub(super) fn next(view: View) -> (Look, Duration) {
    // Individual requests cost no more than the list and give certain results.
    if view.watched <= view.pages.max(3) {
        return (Look::Each, view.base);
    }
    let pages = u32::try_from(view.pages).unwrap_or(u32::MAX);
    if view.sending {
        let enough = view.fresh >= PER_PAGE.saturating_mul(view.pages);
        let slow = SLOW.saturating_mul(pages).min(SLOWEST);
        return (Look::List, if enough { view.base } else { view.base.max(slow) });
    }
    match view.on_the_way {
        None if view.has_transition => (Look::OnTheWay, view.base),
        Some(0) if view.lists == 0 && view.has_transition => (Look::List, Duration::ZERO),
        Some(some) if some > 0 && view.has_transition && view.since_list < SELDOM => {
            let dear = u32::try_from(some / ON_THE_WAY).unwrap_or(u32::MAX).clamp(1, 12);
            (Look::OnTheWay, view.base * dear)
        }
        _ => {
            let pause = Backoff::doubling(view.base, view.base.saturating_mul(16))
                .pause(view.lists.saturating_add(1));
            (Look::List, pause.max(Duration::from_secs(1).saturating_mul(pages)).min(SELDOM.max(view.base)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANY: View = View {
        watched: 1000,
        fresh: 0,
        sending: false,
        has_transition: true,
        pages: 10,
        on_the_way: None,
        since_list: Duration::from_secs(5),
        lists: 0,
        base: Duration::from_secs(5),
    };

    #[test]
    fn few_instances_are_asked_for_one_by_one() {
        assert_eq!(next(View { watched: 3, pages: 1, ..MANY }).0, Look::Each);
        assert_eq!(next(View { watched: 3, pages: 1000, ..MANY }).0, Look::Each);
        assert_ne!(next(View { watched: 100, pages: 1, ..MANY }).0, Look::Each);
    }

    #[test]
    fn a_long_list_is_read_seldom_while_actions_leave() {
        assert_eq!(next(View { sending: true, ..MANY }), (Look::List, Duration::from_mins(5)));
        assert_eq!(next(View { sending: true, fresh: 600, ..MANY }), (Look::List, MANY.base));
        assert_eq!(next(View { sending: true, watched: 20, pages: 1, ..MANY }).1, Duration::from_secs(30));
    }

    #[test]
    fn the_whole_list_is_read_when_none_is_on_its_way_any_more() {
        assert_eq!(next(MANY).0, Look::OnTheWay);
        assert_eq!(next(View { on_the_way: Some(600), ..MANY }), (Look::OnTheWay, MANY.base * 3));
        assert_eq!(next(View { on_the_way: Some(90), ..MANY }), (Look::OnTheWay, MANY.base));
        assert_eq!(next(View { on_the_way: Some(0), ..MANY }), (Look::List, Duration::ZERO));
    }

    #[test]
    fn what_cannot_come_is_noticed_within_a_minute() {
        let view = View { on_the_way: Some(400), since_list: Duration::from_secs(61), ..MANY };
        assert_eq!(next(view).0, Look::List);
    }

    #[test]
    fn a_list_that_shows_none_on_its_way_is_read_ever_more_seldom() {
        let pause = |lists| next(View { on_the_way: Some(0), lists, ..MANY }).1;
        assert!(pause(1) < pause(2) && pause(2) < pause(3));
        assert!(pause(30) <= SELDOM);
    }
}
