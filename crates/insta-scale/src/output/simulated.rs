//! Makes it obvious that a region is simulated: a banner for people, a field for programs.
//!
//! One command uses one region, so the region's label is stored for the whole process.

use super::console;
use jiff::Timestamp;
use ledger::Record;
use oci_client::{Observer, RequestCounts, Retrying, Tried};
use serde_json::Value;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The label of this process's simulated region; unset for a real region or without one.
static REGION: OnceLock<String> = OnceLock::new();
/// The time in the region when it last responded.
static NOW: Mutex<Option<Timestamp>> = Mutex::new(None);
/// Set once people were told.
static ANNOUNCED: OnceLock<()> = OnceLock::new();
/// Set when the region ends with the launch for which it was created.
static TEMPORARY: OnceLock<()> = OnceLock::new();

/// Says once, on stderr, that nothing here is real. `label` is the region's description of itself: `roomy; speed=30`.
pub fn announce(label: &str, quiet: bool) {
    // A run that is resumed is known to be simulated before its region responds.
    assume_simulated(label);
    if ANNOUNCED.set(()).is_ok() && !quiet {
        console::line(&banner(label));
    }
}

/// Says that the region was created for this launch and ends with it, so that nothing can be resumed.
pub fn announce_temporary(label: &str, quiet: bool) {
    // Either value is true.
    let _ = TEMPORARY.set(());
    announce(label, quiet);
}

/// Whether the region ends with the launch, or has ended with the launch being shown.
pub fn ends_with_launch() -> bool {
    TEMPORARY.get().is_some()
}

/// Treats the runs being shown as those of simulated regions that ended with their launches.
pub fn assume_ended_regions() {
    let _ = TEMPORARY.set(());
    assume_simulated("");
}

/// Marks a past run as simulated. Nothing is announced, because the reader is not in that region.
pub fn assume_simulated(label: &str) {
    // Either value is true.
    let _ = REGION.set(label.to_owned());
}

/// The label of the simulated region in the plan of a run, if there is one: a launch has it in its origin, an action in its
/// options, a scale at the top.
pub fn of_plan(plan: &Value) -> Option<&str> {
    let inside = ["origin", "options"].iter().find_map(|part| plan.get(part)?.get("simulated"));
    inside.or_else(|| plan.get("simulated"))?.as_str()
}

/// The label of the region, if it is simulated.
pub fn label() -> Option<&'static str> {
    REGION.get().map(String::as_str)
}

/// The time by the clock of the region, from which ages of its resources are counted: a simulated region may be ahead of this
/// machine, whose time is `now`.
pub fn by_region(now: Timestamp) -> Timestamp {
    NOW.lock().unwrap_or_else(PoisonError::into_inner).unwrap_or(now)
}

/// Whether the region is simulated.
pub fn is() -> bool {
    label().is_some()
}

/// ``simulated region `roomy`, 30 × real time``, from the region's label.
pub fn describe(label: &str) -> String {
    let (name, speed) = label.split_once("; speed=").unwrap_or((label, ""));
    let name = if name.is_empty() { String::new() } else { format!(" `{}`", super::text::clean(name)) };
    let speed = if speed.is_empty() {
        String::new()
    } else {
        format!(", {} × real time", super::text::clean(speed))
    };
    format!("simulated region{name}{speed}")
}

fn banner(label: &str) -> String {
    let yellow = anstyle::AnsiColor::Yellow.on_default();
    format!("{yellow}{}: nothing here is real{yellow:#}", describe(label))
}

/// Adds `"simulated": true` to a document, or to each element of a list, if the region is simulated.
pub fn mark(document: Value) -> Value {
    if is() { marked(document) } else { document }
}

fn marked(mut document: Value) -> Value {
    match &mut document {
        Value::Object(fields) => drop(fields.insert("simulated".to_owned(), true.into())),
        Value::Array(elements) => elements.iter_mut().for_each(|element| *element = marked(element.take())),
        _ => {}
    }
    document
}

/// A record of a run as one line of JSON.
pub fn record_line(record: &Record) -> String {
    // Numbers, strings and times only, so serialisation cannot fail.
    if !is() {
        return serde_json::to_string(record).unwrap_or_default() + "\n";
    }
    marked(serde_json::to_value(record).unwrap_or_default()).to_string() + "\n"
}

/// Announces a simulated region as soon as it responds; passes everything else on.
pub struct Announcing<O> {
    /// The observer of every request.
    pub inner: O,
    /// Whether to keep the announcement off stderr.
    pub quiet: bool,
}

impl<O: Observer> Observer for Announcing<O> {
    fn tried(&self, tried: &Tried<'_>) {
        self.inner.tried(tried);
    }

    fn retrying(&self, retry: &Retrying<'_>) {
        self.inner.retrying(retry);
    }

    fn simulated(&self, label: &str, now: Option<Timestamp>) {
        if now.is_some() {
            *NOW.lock().unwrap_or_else(PoisonError::into_inner) = now;
        }
        announce(label, self.quiet);
    }
}

/// Counts shared by several observers.
pub struct Counting(pub Arc<RequestCounts>);

impl Observer for Counting {
    fn tried(&self, tried: &Tried<'_>) {
        self.0.tried(tried);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_banner_names_the_scenario_and_the_speed() {
        assert_eq!(describe("roomy; speed=30"), "simulated region `roomy`, 30 × real time");
        assert_eq!(describe("mine.yaml; speed=0.5"), "simulated region `mine.yaml`, 0.5 × real time");
        assert_eq!(describe(""), "simulated region");
    }

    #[test]
    fn a_document_and_each_element_of_a_list_are_marked() {
        assert_eq!(marked(json!({"a": 1})), json!({"a": 1, "simulated": true}));
        let list = json!([{"a": 1}, {"b": 2}]);
        assert_eq!(marked(list), json!([{"a": 1, "simulated": true}, {"b": 2, "simulated": true}]));
    }
}
