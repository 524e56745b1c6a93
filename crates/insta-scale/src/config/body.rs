//! The body of a launch while it is built. Every field remembers which key of the file set it, so that an error of the wire
//! model is reported where the user wrote the value.
//!
//! It must not know the keys of the file.

use super::finding::{Finding, Findings, Place};
use super::keys::nearest;
use super::section::to_json;
use super::yaml::{Node, Value as Yaml};
use oci_api::schema::{self, Problem, Violation};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// The model that the body must match.
const MODEL: &str = "LaunchInstanceDetails";

/// The key that set a field.
#[derive(Clone, Debug)]
struct Origin {
    key: String,
    place: Place,
}

/// A body, with the origin of each field. Fields are named by their path on the wire: `sourceDetails.imageId`.
#[derive(Debug, Default)]
pub struct Body {
    json: Map<String, Value>,
    origins: BTreeMap<String, Origin>,
}

impl Body {
    /// Sets a field on behalf of a key.
    pub fn set(&mut self, path: &str, value: impl Into<Value>, key: &str, place: Place) {
        self.origins.insert(path.to_owned(), Origin { key: key.to_owned(), place });
        let names: Vec<&str> = path.split('.').collect();
        self.put(&names, value.into());
    }

    /// Sets an entry of a table, whose name may contain dots.
    pub fn set_entry(&mut self, table: &str, name: &str, value: impl Into<Value>, key: &str, place: Place) {
        self.origins.insert(format!("{table}.{name}"), Origin { key: key.to_owned(), place });
        self.put(&[table, name], value.into());
    }

    fn put(&mut self, names: &[&str], value: Value) {
        let mut into = &mut self.json;
        let Some((last, parents)) = names.split_last() else { return };
        for name in parents {
            let slot = into.entry(*name).or_insert_with(|| Value::Object(Map::new()));
            if !slot.is_object() {
                *slot = Value::Object(Map::new());
            }
            match slot {
                Value::Object(inner) => into = inner,
                // The code above has just made it an object.
                _ => return,
            }
        }
        into.insert((*last).to_owned(), value);
    }

    /// Adds fields that are passed through unchanged. A field that another key has already set is a mistake.
    pub fn pass_through(&mut self, node: &Node, key: &str, findings: &Findings) {
        self.merge(node, "", key, findings);
    }

    fn merge(&mut self, node: &Node, path: &str, key: &str, findings: &Findings) {
        let Yaml::Map(entries) = &node.value else { return };
        for entry in entries {
            let path = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            if let Some(origin) = self.origins.get(&path) {
                findings.mistake(
                    Finding::at(entry.place, format!("{key}.{path} is already set by `{}`", origin.key))
                        .help(format!(
                            "remove it here, or remove `{}` ({})",
                            origin.key,
                            findings.line(origin.place)
                        )),
                );
                continue;
            }
            let below = format!("{path}.");
            let shared = self
                .origins
                .range(below.clone()..)
                .next()
                .is_some_and(|(known, _)| known.starts_with(&below));
            if shared && matches!(entry.value.value, Yaml::Map(_)) {
                self.merge(&entry.value, &path, key, findings);
            } else if shared {
                let owners =
                    self.origins.range(below.clone()..).take_while(|(known, _)| known.starts_with(&below));
                let mut owners: Vec<&str> = owners.map(|(_, origin)| origin.key.as_str()).collect();
                owners.dedup();
                findings.mistake(
                    Finding::at(
                        entry.place,
                        format!("{key}.{path} is partly set by `{}`", owners.join("`, `")),
                    )
                    .help("write it as a group of fields without those fields"),
                );
            } else {
                let mut names: Vec<&str> = path.split('.').collect();
                // A key that itself contains dots (a tag) stays one name.
                if entry.key.contains('.') {
                    names.truncate(names.len().saturating_sub(entry.key.split('.').count()));
                    names.push(&entry.key);
                }
                self.put(&names, to_json(&entry.value));
                self.remember(&entry.value, &path, entry.place, key);
            }
        }
    }

    /// Records the positions of everything inside a passed value.
    fn remember(&mut self, node: &Node, path: &str, place: Place, key: &str) {
        self.origins.insert(path.to_owned(), Origin { key: format!("{key}.{path}"), place });
        match &node.value {
            Yaml::Map(entries) => {
                for entry in entries {
                    self.remember(&entry.value, &format!("{path}.{}", entry.key), entry.place, key);
                }
            }
            Yaml::List(items) => {
                for (at, item) in items.iter().enumerate() {
                    self.remember(item, &format!("{path}[{at}]"), item.place, key);
                }
            }
            Yaml::Scalar(_) => {}
        }
    }

    /// The fields set so far.
    pub fn json(&self) -> &Map<String, Value> {
        &self.json
    }

    /// Where a field was set, if it was.
    pub fn place_of(&self, path: &str) -> Option<Place> {
        self.origins.get(path).map(|origin| origin.place)
    }

    /// Where a field was set and by which key, if it was.
    pub fn origin_of(&self, path: &str) -> Option<(Place, &str)> {
        self.origins.get(path).map(|origin| (origin.place, origin.key.as_str()))
    }

    /// Checks the whole body against the wire model. `ignored` fields are set later or reported elsewhere.
    pub fn check(&self, ignored: &[&str], findings: &Findings) {
        for violation in schema::check(MODEL, &Value::Object(self.json.clone())) {
            if !ignored.contains(&violation.path.as_str()) {
                findings.mistake(self.explain(&violation));
            }
        }
    }

    fn explain(&self, violation: &Violation) -> Finding {
        let mut path = violation.path.as_str();
        let origin = loop {
            if let Some(origin) = self.origins.get(path) {
                break Some(origin);
            }
            match path.rfind(['.', '[']) {
                Some(at) => path = &path[..at],
                None => break None,
            }
        };
        let rest = &violation.path[path.len()..];
        let name = origin.map_or_else(|| violation.path.clone(), |origin| format!("{}{rest}", origin.key));
        let renamed = Violation { path: name, problem: violation.problem.clone() };
        let mut finding =
            Finding { place: origin.map(|origin| origin.place), ..Finding::whole(renamed.to_string()) };
        match &violation.problem {
            Problem::UnknownField(known) => {
                finding.message.push_str(" of the API");
                finding.hides_value = true;
                let last = violation.path.rsplit('.').next().unwrap_or_default();
                finding.help = Some(match nearest(last, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the fields here are: {}", known.join(", ")),
                });
            }
            Problem::NotAllowed(values) => {
                let given = self.value_at(&violation.path);
                let near = given.and_then(|given| nearest(given, values.iter().copied()));
                finding.help = near.map(|near| format!("did you mean `{near}`?"));
            }
            _ => {}
        }
        finding
    }

    /// The text of a field.
    pub fn value_at(&self, path: &str) -> Option<&str> {
        let (first, rest) = path.split_once('.').unwrap_or((path, ""));
        let mut value = self.json.get(first)?;
        for name in rest.split('.').filter(|name| !name.is_empty()) {
            value = value.get(name)?;
        }
        value.as_str()
    }
}
