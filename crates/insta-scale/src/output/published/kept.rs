//! The schemas as `docs/schemas` keeps them, packed by the build script.

use std::collections::HashMap;
use std::sync::LazyLock;

/// For each file its name, a NUL, its text, and a NUL; all of it compressed.
static PACKED: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/schemas.deflate"));

static UNPACKED: LazyLock<String> = LazyLock::new(|| {
    // What the build script packed unpacks: a test reads every schema.
    let bytes = miniz_oxide::inflate::decompress_to_vec(PACKED).unwrap_or_default();
    String::from_utf8(bytes).unwrap_or_default()
});

static FILES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let mut parts = UNPACKED.split('\0');
    std::iter::from_fn(|| Some((parts.next()?, parts.next()?))).collect()
});

/// The text of the schema of this name; empty if there is none.
pub fn text(name: &str) -> &'static str {
    FILES.get(name).copied().unwrap_or_default()
}
