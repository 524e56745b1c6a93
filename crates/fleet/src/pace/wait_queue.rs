//! Who is next: those who wait for their turn, in the order in which they came. One that was refused comes back to the
//! place that it had, before all who came later.

use std::collections::BTreeMap;

/// A place in the line. Lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuePosition(u64);

/// A line of waiting things.
#[derive(Debug)]
pub struct WaitQueue<T> {
    next: u64,
    waiting: BTreeMap<QueuePosition, T>,
}

impl<T> Default for WaitQueue<T> {
    fn default() -> Self {
        Self { next: 0, waiting: BTreeMap::new() }
    }
}

impl<T> WaitQueue<T> {
    /// A place at the end, for one who is new. It is held until [`WaitQueue::join`] fills it.
    pub fn position(&mut self) -> QueuePosition {
        self.next += 1;
        QueuePosition(self.next)
    }

    /// Waits at a position: a new one, or the one held before a refusal.
    pub fn join(&mut self, position: QueuePosition, who: T) {
        self.waiting.insert(position, who);
    }

    /// Leaves the line without a turn.
    pub fn leave(&mut self, position: QueuePosition) -> Option<T> {
        self.waiting.remove(&position)
    }

    /// The one whose turn it is leaves the line.
    pub fn pop(&mut self) -> Option<(QueuePosition, T)> {
        self.waiting.pop_first()
    }

    /// The one whose turn it is.
    pub fn first(&self) -> Option<(QueuePosition, &T)> {
        self.waiting.first_key_value().map(|(position, who)| (*position, who))
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
