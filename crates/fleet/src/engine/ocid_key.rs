//! Keys of OCIDs in tables of many instances. An OCID has about a hundred characters, and its text would be stored once more
//! in each table.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher as _;

/// A hash of an OCID. Of 128 bits and with keys of its own for each process, so that two OCIDs have different ones.
pub(crate) type OcidKey = [u64; 2];

/// Computes the keys of one table, or of tables that are joined.
#[derive(Clone, Debug, Default)]
pub(crate) struct OcidKeys([RandomState; 2]);

impl OcidKeys {
    pub fn key(&self, ocid: &str) -> OcidKey {
        self.0.each_ref().map(|hasher| hasher.hash_one(ocid))
    }
}
