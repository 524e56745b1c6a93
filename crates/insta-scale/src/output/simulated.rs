//! Makes it plain that a region is simulated: a banner for people, a field for programs.
//!
//! One command talks to one region, so what the region says of itself is kept for the process as a whole.

use super::console;
use ledger::Record;
use oci_client::{Observer, RequestCounts, Retrying, Tried};
use serde_json::Value;
use std::sync::{Arc, OnceLock};

/// What the region of this process said of itself; never set while a real one, or none, was talked to.
static REGION: OnceLock<String> = OnceLock::new();
/// Set when the region ends with the launch that it was made for.
static TEMPORARY: OnceLock<()> = OnceLock::new();

/// Says once, on stderr, that nothing here is real. `label` is what the region says of itself: `roomy; speed=30`.
pub fn announce(label: &str, quiet: bool) {
    if REGION.set(label.to_owned()).is_ok() && !quiet {
        console::line(&banner(label));
    }
}

/// Says that the region was made for this launch and ends with it: nothing of it can be gone on with.
pub fn announce_temporary(label: &str, quiet: bool) {
    // Whatever was known before is as true.
    let _ = TEMPORARY.set(());
    announce(label, quiet);
}

/// Whether the region ends with the launch, or has ended with the launch that is read about.
pub fn ends_with_launch() -> bool {
    TEMPORARY.get().is_some()
}

/// Treats the runs that are read as those of simulated regions that ended with their launches.
pub fn assume_ended_regions() {
    let _ = TEMPORARY.set(());
    assume_simulated("");
}

/// Takes a run of the past for one of a simulated region. Whoever reads about it is not in that region, so nothing is said.
pub fn assume_simulated(label: &str) {
    // Whatever was known before is as true.
    let _ = REGION.set(label.to_owned());
}

/// What the plan of a run says of the region that it was in, if that was a simulated one: a launch's by its origin, an
/// action's by its options, a scale's by itself.
pub fn of_plan(plan: &Value) -> Option<&str> {
    let inside = ["origin", "options"].iter().find_map(|part| plan.get(part)?.get("simulated"));
    inside.or_else(|| plan.get("simulated"))?.as_str()
}

/// What the region said of itself, if it is a simulated one.
pub fn label() -> Option<&'static str> {
    REGION.get().map(String::as_str)
}

/// Whether the region is a simulated one.
pub fn is() -> bool {
    label().is_some()
}

/// ``simulated region `roomy`, 30 × real time``, from what the region says of itself.
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

/// Puts `"simulated": true` into a document, or into each element of one that is a list, if the region is a simulated one.
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
    // Numbers, texts and times: nothing that JSON cannot hold.
    if !is() {
        return serde_json::to_string(record).unwrap_or_default() + "\n";
    }
    marked(serde_json::to_value(record).unwrap_or_default()).to_string() + "\n"
}

/// Has a simulated region announced as soon as it answers; passes on everything else.
pub struct Announcing<O> {
    /// Who is told of every request.
    pub inner: O,
    /// Whether the announcement is kept from stderr.
    pub quiet: bool,
}

impl<O: Observer> Observer for Announcing<O> {
    fn tried(&self, tried: &Tried) {
        self.inner.tried(tried);
    }

    fn retrying(&self, retry: &Retrying<'_>) {
        self.inner.retrying(retry);
    }

    fn simulated(&self, label: &str) {
        announce(label, self.quiet);
    }
}

/// Counts that several observers share.
pub struct Counting(pub Arc<RequestCounts>);

impl Observer for Counting {
    fn tried(&self, tried: &Tried) {
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
