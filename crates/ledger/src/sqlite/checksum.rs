//! The checksum that is stored with each record.

/// FNV-1a over the number, the time and the text of a record. SQLite detects damaged pages, but not changed text within a page.
pub(super) fn checksum(seq: u64, at: &str, event: &str) -> i64 {
    let bytes = seq.to_le_bytes().into_iter().chain(at.bytes()).chain(event.bytes());
    i64::from_le_bytes(hash(bytes).to_le_bytes())
}

/// FNV-1a.
pub(super) fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
