//! Assigns instances to slots. A response that names an instance of another slot is a fault of the service, and trusting it
//! would watch one instance twice and the other one not at all.

use crate::engine::cloud::OwnTags;
use crate::engine::ocid_key::{OcidKey, OcidKeys};
use ledger::{RunId, RunState, SlotNumber};
use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// The instances of a run, including those that are gone.
#[derive(Debug, Default)]
pub(crate) struct Claims {
    slots: Mutex<HashMap<OcidKey, SlotNumber>>,
    keys: OcidKeys,
}

impl Claims {
    /// The claims in the records.
    pub fn of(state: &RunState) -> Self {
        let claims = Self::default();
        let mut known = HashMap::new();
        for (number, slot) in &state.slots {
            known.extend(slot.ocid.iter().chain(&slot.gone).map(|ocid| (claims.keys.key(ocid), *number)));
        }
        Self { slots: Mutex::new(known), ..claims }
    }

    /// Claims an instance from the response to a slot's launch. The error names the slot that has it.
    pub fn claim(
        &self,
        run: RunId,
        slot: SlotNumber,
        ocid: &str,
        tags: Option<&OwnTags>,
    ) -> Result<(), String> {
        let named = |tag: Option<&String>| tag.filter(|text| !text.is_empty()).cloned();
        let tagged_run = named(tags.and_then(|tags| tags.run.as_ref()));
        if let Some(other) = tagged_run.filter(|text| text.parse() != Ok(run)) {
            return Err(format!(
                "OCI answered the launch of slot {slot} with {ocid}, which is tagged for run {other}"
            ));
        }
        let tagged_slot = named(tags.and_then(|tags| tags.slot.as_ref()));
        if let Some(other) = tagged_slot.filter(|text| text.parse() != Ok(slot)) {
            return Err(format!(
                "OCI answered the launch of slot {slot} with {ocid}, which is tagged for slot {other}"
            ));
        }
        self.take(slot, ocid)
    }

    /// Claims an instance for a slot. The error names the other slot that has it.
    pub fn take(&self, slot: SlotNumber, ocid: &str) -> Result<(), String> {
        let key = self.keys.key(ocid);
        let mut claims = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        match claims.get(&key) {
            Some(other) if *other != slot => {
                Err(format!("OCI named the same instance, {ocid}, for two slots: {other} and {slot}"))
            }
            _ => {
                claims.insert(key, slot);
                Ok(())
            }
        }
    }
}
