//! One JSON document. Files outlive the program, so the document states its version.

use fleet::select::Machine;
use serde::Serialize;

#[derive(Serialize)]
struct ExportDocument<'a> {
    schema_version: u32,
    instances: &'a [Machine],
}

pub(super) fn write(machines: &[Machine]) -> String {
    // A `Machine` has only string keys, and the only number that JSON lacks is NaN, which serde_json writes as null.
    let mut text = serde_json::to_string_pretty(&ExportDocument { schema_version: 1, instances: machines })
        .unwrap_or_default();
    text.push('\n');
    text
}
