//! Caches the JSON of instances until they change, because a caller that waits for a fleet reads the same rows repeatedly.

use super::state::State;
use crate::world::api::ApiError;
use crate::world::request;
use oci_api::models::{Instance, InstanceLifecycleState};
use std::cell::RefCell;
use std::collections::HashMap;

/// The maximum number of cached rows, a few megabytes; beyond that, all are dropped.
const MOST: usize = 2_000;

/// Placeholder for the state, which changes most often. An instance with the same text in another field is not cached.
const STATE: &str = "<the state>";

/// The recently shown rows.
#[derive(Clone, Debug, Default)]
pub(super) struct Shown {
    rows: RefCell<HashMap<u32, ShownRow>>,
}

/// The JSON of an instance, without its state.
#[derive(Clone, Debug)]
struct ShownRow {
    text: Box<[u8]>,
    state_at: usize,
}

impl Shown {
    /// Appends the instance in this state, from the cached JSON or from its model.
    pub fn write(
        &self,
        number: u32,
        state: State,
        body: &mut Vec<u8>,
        model: impl FnOnce() -> Instance,
    ) -> Result<(), ApiError> {
        let mut rows = self.rows.borrow_mut();
        if let Some(row) = rows.get(&number) {
            row.write(state, body);
            return Ok(());
        }
        let model = Instance { lifecycle_state: InstanceLifecycleState::from(STATE), ..model() };
        let mut text = Vec::with_capacity(2048);
        request::write(&model, &mut text)?;
        let Some(row) = ShownRow::of(&text) else {
            let lifecycle_state = InstanceLifecycleState::from(state.as_str());
            return request::write(&Instance { lifecycle_state, ..model }, body);
        };
        row.write(state, body);
        if rows.len() >= MOST {
            rows.clear();
        }
        rows.insert(number, row);
        Ok(())
    }

    /// Drops the cached JSON of an instance that may change.
    pub fn forget(&mut self, number: u32) {
        self.rows.get_mut().remove(&number);
    }

    /// Drops the cached JSON of all instances.
    pub fn forget_all(&mut self) {
        self.rows.get_mut().clear();
    }
}

impl ShownRow {
    /// Removes the placeholder of the state from the text; `None` unless there is exactly one.
    fn of(text: &[u8]) -> Option<Self> {
        let text = std::str::from_utf8(text).ok()?;
        // Searching for one character is fast, and few texts contain it.
        let mut places = text.match_indices('<').filter(|(at, _)| text[*at..].starts_with(STATE));
        let (state_at, _) = places.next()?;
        if places.next().is_some() {
            return None;
        }
        let (before, after) = (&text[..state_at], &text[state_at + STATE.len()..]);
        Some(Self { text: [before, after].concat().into_bytes().into_boxed_slice(), state_at })
    }

    fn write(&self, state: State, body: &mut Vec<u8>) {
        let (before, after) = self.text.split_at(self.state_at);
        body.extend_from_slice(before);
        body.extend_from_slice(state.as_str().as_bytes());
        body.extend_from_slice(after);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(name: &str) -> Instance {
        Instance { display_name: Some(name.to_owned()), ..Instance::default() }
    }

    fn written(shown: &Shown, state: State, name: &str) -> Instance {
        let mut body = Vec::new();
        shown.write(7, state, &mut body, || instance(name)).unwrap();
        serde_json::from_slice(&body).unwrap()
    }

    #[test]
    fn a_row_is_reread_once_it_may_have_changed() {
        let mut shown = Shown::default();
        let first = written(&shown, State::Starting, "a");
        assert_eq!((first.display_name.as_deref(), first.lifecycle_state.as_str()), (Some("a"), "STARTING"));
        let kept = written(&shown, State::Running, "b");
        assert_eq!((kept.display_name.as_deref(), kept.lifecycle_state.as_str()), (Some("a"), "RUNNING"));
        shown.forget(7);
        assert_eq!(written(&shown, State::Running, "b").display_name.as_deref(), Some("b"));
    }

    #[test]
    fn a_name_that_looks_like_the_place_of_the_state_stays_as_it_is() {
        let shown = Shown::default();
        for state in [State::Starting, State::Running] {
            let row = written(&shown, state, STATE);
            assert_eq!(
                (row.display_name.as_deref(), row.lifecycle_state.as_str()),
                (Some(STATE), state.as_str())
            );
        }
    }
}
