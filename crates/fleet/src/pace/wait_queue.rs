//! The order of waiting requests, first come, first served. A refused request returns to its previous position, ahead of all
//! later ones.

use std::collections::BTreeMap;

/// A position in the queue. Lower positions go first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct QueuePosition(u64);

/// A queue of waiting items.
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
    /// A position at the end for a new item. It is reserved until [`WaitQueue::join`] fills it.
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

    /// Removes the item whose turn it is.
    pub fn pop(&mut self) -> Option<(QueuePosition, T)> {
        self.waiting.pop_first()
    }

    /// The item whose turn it is.
    pub fn first(&self) -> Option<(QueuePosition, &T)> {
        self.waiting.first_key_value().map(|(position, who)| (*position, who))
    }

    /// The number of waiting items.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether the queue is empty.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
