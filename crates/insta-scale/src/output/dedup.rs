//! Failures that many slots share: the first few are reported individually, and then their number from time to time.

use super::summary::describe;
use crate::tuning::ALIKE_TOLD;
use ledger::{ErrorRecord, Event};
use std::collections::HashMap;

/// How a line is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Telling {
    /// Unchanged.
    Whole,
    /// Replaced by this line.
    Counted(String),
    /// Not at all.
    Silent,
}

/// Counts equal failures.
#[derive(Debug, Default)]
pub struct Dedup {
    seen: HashMap<(&'static str, String, String), u32>,
    waits: u32,
}

impl Dedup {
    /// Decides how to report an event. Failures are equal if their code and text are; their opc-request-ids always differ.
    pub fn note(&mut self, event: &Event) -> Telling {
        let (what, error) = match event {
            Event::SlotFailed { error, .. } => ("slots failed", error),
            Event::TryFailed { error, .. } => ("tries failed", error),
            // While many slots wait, an occasional line says so.
            Event::Waiting { .. } => {
                self.waits += 1;
                return if self.waits <= ALIKE_TOLD || is_round(self.waits) {
                    Telling::Whole
                } else {
                    Telling::Silent
                };
            }
            _ => return Telling::Whole,
        };
        let count = self.seen.entry((what, error.code.clone(), error.message.clone())).or_default();
        *count += 1;
        let count = *count;
        if count <= ALIKE_TOLD {
            return Telling::Whole;
        }
        if count != ALIKE_TOLD + 1 && !is_round(count) {
            return Telling::Silent;
        }
        let alike = describe(&ErrorRecord { opc_request_id: None, ..error.clone() });
        let more = if count == ALIKE_TOLD + 1 { "; more of them are only counted" } else { "" };
        Telling::Counted(format!("{count} {what} with {alike}{more}"))
    }
}

/// 10, 100, 1000 …
fn is_round(mut count: u32) -> bool {
    while count >= 10 && count.is_multiple_of(10) {
        count /= 10;
    }
    count == 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_failures_alike_take_a_handful_of_lines() {
        let mut dedup = Dedup::default();
        let failed = |slot: u32, message: &str| Event::SlotFailed {
            slot,
            error: ErrorRecord {
                status: Some(404),
                code: "NotAuthorizedOrNotFound".to_owned(),
                message: message.to_owned(),
                opc_request_id: Some(format!("id-{slot}")),
                ..ErrorRecord::default()
            },
        };
        let told: Vec<Telling> = (1..=1000).map(|slot| dedup.note(&failed(slot, "no subnet"))).collect();
        assert_eq!(told.iter().filter(|told| **told == Telling::Whole).count(), 3);
        let counted = told.iter().filter_map(|told| match told {
            Telling::Counted(text) => Some(text.as_str()),
            _ => None,
        });
        insta::assert_snapshot!(counted.collect::<Vec<_>>().join("\n"), @r"
            4 slots failed with 404 NotAuthorizedOrNotFound: no subnet; more of them are only counted
            10 slots failed with 404 NotAuthorizedOrNotFound: no subnet
            100 slots failed with 404 NotAuthorizedOrNotFound: no subnet
            1000 slots failed with 404 NotAuthorizedOrNotFound: no subnet
            ");
        assert_eq!(dedup.note(&failed(1, "another reason")), Telling::Whole);
        assert_eq!(dedup.note(&Event::Interrupted), Telling::Whole);
    }
}
