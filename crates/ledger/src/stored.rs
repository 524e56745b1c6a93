//! What all stores have in common: the form of a stored record, its checksum, and gaps.

use crate::{Event, Outcome, Record, RunHead, RunId, store::Unreadable};
use jiff::Timestamp;

/// The maximum number of missing records in one gap that are reported individually.
const LONGEST_GAP: u64 = 1000;

/// FNV-1a over the number, the time and the text of a record. Databases detect damaged pages, but not changed text within a page.
pub fn checksum(seq: u64, at: &str, event: &str) -> i64 {
    let bytes = seq.to_le_bytes().into_iter().chain(at.bytes()).chain(event.bytes());
    i64::from_le_bytes(hash(bytes).to_le_bytes())
}

/// FNV-1a: the same on every machine and in every version.
pub fn hash(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Reads a stored record.
///
/// # Errors
/// With a text, when it was changed after it was written, or this version does not understand it.
pub fn decode(seq: u64, at: &str, event: &str, kept: i64) -> Result<Record, String> {
    if kept != checksum(seq, at, event) {
        return Err("its checksum is wrong: it was changed after it was written".to_owned());
    }
    let at = at.parse().map_err(|error| format!("its time cannot be read: {error}"))?;
    let event = serde_json::from_str(event).map_err(|error| unread(event, &error))?;
    Ok(Record { seq, at, event })
}

/// Why an event cannot be read. The error of an unknown kind lists all known ones.
fn unread(event: &str, error: &serde_json::Error) -> String {
    let kind = serde_json::from_str::<serde_json::Value>(event).ok();
    let kind = kind.as_ref().and_then(|event| event.get("type")?.as_str());
    match kind {
        Some(kind) if error.to_string().contains(&format!("unknown variant `{kind}`")) => {
            format!(
                "this version does not know its kind, `{kind}`: use the version that wrote it, or a newer one"
            )
        }
        _ => format!("its event cannot be read: {error}"),
    }
}

/// The records missing in a gap. A damaged number can have any value, so a long gap is reported by its beginning and its last
/// number.
pub fn missing(gap: std::ops::Range<u64>) -> impl Iterator<Item = Unreadable> {
    let told = gap.start..gap.end.min(gap.start.saturating_add(LONGEST_GAP));
    let rest = gap.end - told.end.min(gap.end);
    let last = (rest > 0).then(|| Unreadable {
        seq: gap.end - 1,
        reason: format!("it is not there, nor are the {} before it", rest - 1),
    });
    told.map(|seq| Unreadable { seq, reason: "it is not there".to_owned() }).chain(last)
}

/// The head of a run, from its first and last record. The last record shows whether and how the run ended. A run whose first or
/// last record is unreadable is still listed, with fewer details.
pub fn head(run: RunId, first: Option<&Record>, last: Option<&Record>, held: bool) -> RunHead {
    let made_at = run.made_at().unwrap_or(Timestamp::UNIX_EPOCH);
    let (kind, requested, further_regions) = match first.map(|first| &first.event) {
        Some(Event::RunStarted { kind, requested, plan }) => (Some(*kind), *requested, further_regions(plan)),
        _ => (None, 0, Vec::new()),
    };
    let outcome: Option<Outcome> = match last.map(|last| &last.event) {
        Some(Event::RunFinished { outcome }) => Some(*outcome),
        _ => None,
    };
    let created_at = first.map_or(made_at, |first| first.at);
    let last_at = last.map_or(made_at, |last| last.at);
    RunHead { run, kind, requested, further_regions, created_at, last_at, outcome, held }
}

/// The further regions that the plan of a launch names.
fn further_regions(plan: &serde_json::Value) -> Vec<String> {
    let regions = plan.pointer("/fleet/regions").and_then(|regions| regions.as_array());
    let names = regions.into_iter().flatten().filter_map(|region| region.get("region")?.as_str());
    names.map(str::to_owned).collect()
}
