//! What an engine of OCI launches with: clusters, instance configurations and pools, folded from the steps that a run records.
//!
//! The members of a pool are slots of the run, as launched instances are.

use crate::error_record::ErrorRecord;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A kind of resource that an engine launches with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say it")]
pub enum EnginePart {
    ComputeCluster,
    InstanceConfiguration,
    InstancePool,
    ClusterNetwork,
}

impl EnginePart {
    /// What it is, in words.
    pub fn what(self) -> &'static str {
        match self {
            Self::ComputeCluster => "compute cluster",
            Self::InstanceConfiguration => "instance configuration",
            Self::InstancePool => "instance pool",
            Self::ClusterNetwork => "cluster network",
        }
    }

    /// Its name in records and tags.
    pub fn key(self) -> &'static str {
        match self {
            Self::ComputeCluster => "compute_cluster",
            Self::InstanceConfiguration => "instance_configuration",
            Self::InstancePool => "instance_pool",
            Self::ClusterNetwork => "cluster_network",
        }
    }
}

/// One step in the life of a part.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize, Deserialize)]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum EngineStep {
    /// The part is about to be made. Synced before the call.
    Intended {
        /// What it is.
        part: EnginePart,
        /// Its number among the parts of this kind, from 1.
        number: u32,
        /// The number of the attempt, from 1.
        attempt: u32,
        /// `opc-retry-token`: a pure function of run, part, number and attempt.
        token: String,
        /// How many instances it is asked for; 0 for a part without a size.
        #[serde(default)]
        size: u32,
    },
    /// The part exists.
    Made {
        /// What it is.
        part: EnginePart,
        /// Its number.
        number: u32,
        /// Its OCID.
        ocid: String,
        /// Its display name.
        name: String,
        /// Whether the run found it rather than made it: by its tags, or because the fleet had it before.
        #[serde(default)]
        adopted: bool,
        /// OCIDs of the members that a pool of the fleet had before, which are none of this run.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        members: Vec<String>,
    },
    /// The creation was certainly refused: no part exists.
    Refused {
        /// What it is.
        part: EnginePart,
        /// Its number.
        number: u32,
        /// The failure.
        error: ErrorRecord,
    },
    /// The part no longer exists, because somebody else deleted it.
    Gone {
        /// Its OCID.
        ocid: String,
    },
    /// The size of a pool is about to be set. Synced before the call. Setting it twice has the same effect.
    ResizeIntended {
        /// The pool.
        ocid: String,
        /// Its size before.
        from: u32,
        /// The size to set.
        size: u32,
    },
    /// The size was refused: the pool keeps the one that it had.
    ResizeRefused {
        /// The pool.
        ocid: String,
        /// Its size.
        size: u32,
        /// The failure.
        error: ErrorRecord,
    },
    /// The pool has the size that was set.
    Resized {
        /// The pool.
        ocid: String,
        /// Its size.
        size: u32,
    },
}

/// A creation whose result is not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EngineIntent {
    /// The number of the attempt, from 1.
    pub attempt: u32,
    /// Its `opc-retry-token`.
    pub token: String,
    /// When it was first about to be sent: the service forgets a token after 24 hours.
    pub first_at: Timestamp,
}

/// A part, folded from its steps.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnginePartState {
    /// The last creation whose result is not known.
    pub unsettled: Option<EngineIntent>,
    /// The number of the last attempt; 0 before the first.
    pub last_attempt: u32,
    /// Its OCID, while it exists.
    pub ocid: Option<String>,
    /// Its display name.
    pub name: String,
    /// How many instances it was last asked for.
    pub size: u32,
    /// Whether that size was about to be set, and it is not known whether it was.
    pub resizing: bool,
    /// Whether the run found it rather than made it.
    pub adopted: bool,
    /// When it was made, or found.
    pub made_at: Option<Timestamp>,
    /// The members that it had before the run, if the fleet had it.
    pub members: Vec<String>,
    /// Whether it was deleted.
    pub gone: bool,
    /// Why it was last refused.
    pub error: Option<ErrorRecord>,
}

/// The parts of a run, by kind and number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineState {
    /// Each part with at least one step.
    pub parts: BTreeMap<(EnginePart, u32), EnginePartState>,
}

impl EngineState {
    /// Whether a part may exist whose creation received no answer.
    pub fn is_in_doubt(&self) -> bool {
        self.parts.values().any(|part| part.unsettled.is_some())
    }

    /// Whether a part exists, or may exist.
    pub fn has_any(&self) -> bool {
        self.parts.values().any(|part| part.ocid.is_some() || part.unsettled.is_some())
    }

    /// The part of this kind and number; without records, its initial state.
    pub fn part(&self, part: EnginePart, number: u32) -> EnginePartState {
        self.parts.get(&(part, number)).cloned().unwrap_or_default()
    }

    /// The existing parts of one kind: number, OCID.
    pub fn existing(&self, part: EnginePart) -> impl Iterator<Item = (u32, &str)> {
        let of_kind = self.parts.iter().filter(move |((kind, _), _)| *kind == part);
        of_kind.filter_map(|((_, number), part)| Some((*number, part.ocid.as_deref()?)))
    }

    pub(crate) fn apply(&mut self, at: Timestamp, step: &EngineStep) {
        match step {
            EngineStep::Intended { part, number, attempt, token, size } => {
                let state = self.parts.entry((*part, *number)).or_default();
                let first_at = match &state.unsettled {
                    Some(before) if before.token == *token => before.first_at,
                    _ => at,
                };
                state.last_attempt = *attempt;
                state.size = *size;
                state.unsettled = Some(EngineIntent { attempt: *attempt, token: token.clone(), first_at });
            }
            EngineStep::Made { part, number, ocid, name, adopted, members } => {
                let state = self.parts.entry((*part, *number)).or_default();
                state.unsettled = None;
                state.error = None;
                state.ocid = Some(ocid.clone());
                state.name.clone_from(name);
                state.made_at = Some(at);
                state.adopted = *adopted;
                state.members.clone_from(members);
            }
            EngineStep::Refused { part, number, error } => {
                let state = self.parts.entry((*part, *number)).or_default();
                state.unsettled = None;
                state.error = Some(error.clone());
            }
            EngineStep::Gone { ocid } => self.deleted(ocid),
            EngineStep::ResizeIntended { ocid, size, .. } => self.sized(ocid, *size, true),
            EngineStep::Resized { ocid, size } | EngineStep::ResizeRefused { ocid, size, .. } => {
                self.sized(ocid, *size, false);
            }
        }
    }

    fn sized(&mut self, ocid: &str, size: u32, resizing: bool) {
        let pool = self.parts.values_mut().find(|part| part.ocid.as_deref() == Some(ocid));
        if let Some(pool) = pool {
            pool.size = size;
            pool.resizing = resizing;
        }
    }

    /// A resource was deleted.
    pub(crate) fn deleted(&mut self, ocid: &str) {
        if let Some(part) = self.parts.values_mut().find(|part| part.ocid.as_deref() == Some(ocid)) {
            part.ocid = None;
            part.gone = true;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PART: EnginePart = EnginePart::InstancePool;

    fn fold(steps: &[EngineStep]) -> EngineState {
        let mut state = EngineState::default();
        for (second, step) in (0..).zip(steps) {
            state.apply(Timestamp::from_second(second).unwrap(), step);
        }
        state
    }

    fn intended(attempt: u32) -> EngineStep {
        EngineStep::Intended { part: PART, number: 1, attempt, token: format!("t{attempt}"), size: 9 }
    }

    #[test]
    fn a_part_is_in_doubt_until_an_answer_came() {
        let state = fold(&[intended(1), intended(1)]);
        assert!(state.is_in_doubt());
        assert_eq!(state.part(PART, 1).unsettled.unwrap().first_at, Timestamp::UNIX_EPOCH);
        let made = EngineStep::Made {
            part: PART,
            number: 1,
            ocid: "ocid1.pool".to_owned(),
            name: "web".to_owned(),
            adopted: false,
            members: Vec::new(),
        };
        let state = fold(&[intended(1), made.clone()]);
        assert!(!state.is_in_doubt() && state.has_any());
        assert_eq!(state.existing(PART).collect::<Vec<_>>(), [(1, "ocid1.pool")]);
        let refused = EngineStep::Refused { part: PART, number: 1, error: ErrorRecord::default() };
        assert!(!fold(&[intended(1), refused]).has_any());
        let mut state = fold(&[intended(1), made]);
        state.deleted("ocid1.pool");
        assert!(!state.has_any() && state.part(PART, 1).gone);
    }

    #[test]
    fn a_size_is_in_doubt_until_it_was_set() {
        let made = EngineStep::Made {
            part: PART,
            number: 1,
            ocid: "ocid1.pool".to_owned(),
            name: "web".to_owned(),
            adopted: true,
            members: Vec::new(),
        };
        let resize = EngineStep::ResizeIntended { ocid: "ocid1.pool".to_owned(), from: 9, size: 4 };
        let state = fold(&[made.clone(), resize.clone()]);
        assert_eq!((state.part(PART, 1).size, state.part(PART, 1).resizing), (4, true));
        let resized = EngineStep::Resized { ocid: "ocid1.pool".to_owned(), size: 4 };
        assert!(!fold(&[made, resize, resized]).part(PART, 1).resizing);
    }
}
