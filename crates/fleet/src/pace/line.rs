//! Who is next: those who wait for their turn, in the order in which they came. One that was refused comes back to the
//! place that it had, before all who came later.

use std::collections::BTreeMap;

/// A place in the line. Lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(u64);

/// A line of waiting things.
#[derive(Debug)]
pub struct Line<T> {
    next: u64,
    waiting: BTreeMap<Place, T>,
}

impl<T> Default for Line<T> {
    fn default() -> Self {
        Self { next: 0, waiting: BTreeMap::new() }
    }
}

impl<T> Line<T> {
    /// A place at the end, for one who is new. It is held until [`Line::join`] fills it.
    pub fn place(&mut self) -> Place {
        self.next += 1;
        Place(self.next)
    }

    /// Waits at a place: a new one, or the one held before a refusal.
    pub fn join(&mut self, place: Place, who: T) {
        self.waiting.insert(place, who);
    }

    /// Leaves the line without a turn.
    pub fn leave(&mut self, place: Place) -> Option<T> {
        self.waiting.remove(&place)
    }

    /// The one whose turn it is leaves the line.
    pub fn pop(&mut self) -> Option<(Place, T)> {
        self.waiting.pop_first()
    }

    /// The one whose turn it is.
    pub fn first(&self) -> Option<(Place, &T)> {
        self.waiting.first_key_value().map(|(place, who)| (*place, who))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
