//! The capacity that other tenants hold.

use super::{Held, Need};
use serde::{Deserialize, Serialize};

/// The pieces of capacity that other tenants hold. Saved as the list of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Held, Need)>", into = "Vec<(Held, Need)>")]
pub struct Holdings {
    pieces: Vec<(Held, Need)>,
    /// Their sum in thousandths of OCPUs, kept because it is asked for at every move.
    ocpus: u64,
}

impl From<Vec<(Held, Need)>> for Holdings {
    fn from(pieces: Vec<(Held, Need)>) -> Self {
        let ocpus = pieces.iter().map(|(_, need)| u64::from(need.ocpus)).sum();
        Self { pieces, ocpus }
    }
}

impl From<Holdings> for Vec<(Held, Need)> {
    fn from(holdings: Holdings) -> Self {
        holdings.pieces
    }
}

impl Holdings {
    /// How many pieces there are.
    pub(super) fn len(&self) -> usize {
        self.pieces.len()
    }

    /// All of them in thousandths of OCPUs.
    pub(super) fn ocpus(&self) -> u64 {
        self.ocpus
    }

    pub(super) fn add(&mut self, held: Held, need: Need) {
        self.ocpus += u64::from(need.ocpus);
        self.pieces.push((held, need));
    }

    /// Removes the n-th piece; the last one takes its place.
    pub(super) fn remove(&mut self, at: usize) -> Option<Held> {
        if at >= self.pieces.len() {
            return None;
        }
        let (held, need) = self.pieces.swap_remove(at);
        self.ocpus -= u64::from(need.ocpus);
        Some(held)
    }

    /// What is held.
    pub(super) fn held(&self) -> impl Iterator<Item = &Held> {
        self.pieces.iter().map(|(held, _)| held)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sum_survives_changes_and_a_saved_region() {
        let piece = |ocpus: u32| {
            let held = Held { pool: 1, host: ocpus, ocpus, memory: 1, gpus: 0 };
            (held, Need { ocpus, memory: 1, gpus: 0, whole: false })
        };
        let mut holdings = Holdings::from(vec![piece(1), piece(20)]);
        let (held, need) = piece(300);
        holdings.add(held, need);
        assert_eq!(holdings.remove(0), Some(piece(1).0));
        assert_eq!((holdings.remove(2), holdings.ocpus(), holdings.len()), (None, 320, 2));
        let saved = serde_json::to_string(&holdings).unwrap();
        assert!(saved.starts_with("[["), "as a list: {saved}");
        assert_eq!(serde_json::from_str::<Holdings>(&saved).unwrap(), holdings);
    }
}
