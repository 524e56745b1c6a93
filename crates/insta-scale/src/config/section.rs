//! Reads the keys of one group into typed values, and collects a finding for each unsuitable value.
//!
//! It must not know which keys exist, nor what happens with the values.

use super::finding::{Finding, Findings, Place};
use super::keys;
use super::scalar::ScalarKind;
use super::yaml::{Entry, Node, Value};

/// A value and its position.
#[derive(Clone, Debug, PartialEq)]
pub struct At<T> {
    /// The value.
    pub value: T,
    /// Its position.
    pub place: Place,
}

/// One group of keys.
#[derive(Clone, Copy)]
pub struct Section<'a> {
    /// The path of the group with a trailing dot; empty at the top level.
    pub path: &'a str,
    known: &'static [&'static str],
    entries: &'a [Entry],
    findings: &'a Findings,
}

impl<'a> Section<'a> {
    /// Takes a group of keys. Any other value, and every key that `known` lacks, is a finding.
    pub fn of(
        node: &'a Node,
        path: &'a str,
        known: &'static [&'static str],
        findings: &'a Findings,
    ) -> Option<Self> {
        let Value::Map(entries) = &node.value else {
            let name = path.trim_end_matches('.');
            // A file that contains only a text may contain a private key.
            let (name, is) = match name {
                "" => (
                    "the file",
                    if matches!(node.value, Value::List(_)) { "a list" } else { "a text" }.to_owned(),
                ),
                name => (name, node.describe()),
            };
            findings.mistake(
                Finding::at(node.place, format!("{name} must be a group of `key: value` lines, but is {is}"))
                    .help(format!("the keys are: {}", known.join(", "))),
            );
            return None;
        };
        for entry in entries.iter().filter(|entry| !known.contains(&entry.key.as_str())) {
            findings.mistake(
                Finding::unknown_key(entry.place, format!("unknown key `{path}{}`", shown(&entry.key)))
                    .help(keys::remedy(&entry.key, known)),
            );
        }
        Some(Self { path, known, entries, findings })
    }

    /// The value of a key, unless it is absent or null.
    pub fn node(&self, key: &str) -> Option<&'a Node> {
        self.entries
            .iter()
            .find(|entry| entry.key == key)
            .map(|entry| &entry.value)
            .filter(|node| !node.is_null())
    }

    /// The position of a key.
    pub fn key_place(&self, key: &str) -> Option<Place> {
        self.entries.iter().find(|entry| entry.key == key).map(|entry| entry.place)
    }

    /// Whether an unknown key was probably meant to be this one, which is then misspelt rather than missing.
    pub fn is_misspelt(&self, key: &str) -> bool {
        let unknown = self.entries.iter().filter(|entry| !self.known.contains(&entry.key.as_str()));
        unknown.map(|entry| keys::suggestion(&entry.key, self.known)).any(|near| near == Some(key))
    }

    /// Reports a value of the wrong kind.
    pub fn wrong(&self, key: &str, node: &Node, wanted: &str, help: Option<&str>) {
        let shown = if keys::is_secret(key) { "another kind of value".to_owned() } else { node.describe() };
        let mut finding =
            Finding::at(node.place, format!("{}{key} must be {wanted}, but is {shown}", self.path));
        finding.help = help.map(str::to_owned);
        self.findings.mistake(finding);
    }

    /// A text. A number or a boolean is taken as written. Empty text counts as absent.
    pub fn text(&self, key: &str) -> Option<At<&'a str>> {
        self.text_or_empty(key).filter(|text| !text.value.trim().is_empty())
    }

    /// A text that may be empty.
    pub fn text_or_empty(&self, key: &str) -> Option<At<&'a str>> {
        let node = self.node(key)?;
        if let Value::Scalar(scalar) = &node.value {
            return Some(At { value: scalar.text.as_str(), place: node.place });
        }
        self.wrong(key, node, "text", None);
        None
    }

    /// A whole number within its range in [`keys::range`].
    pub fn whole(&self, key: &str) -> Option<At<i64>> {
        let (node, range) = (self.node(key)?, keys::range(key)?);
        let wanted = format!("a whole number from {} to {}", range.start(), range.end());
        let value = match &node.value {
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Int(value) => Some(value),
                // Whole, and small enough for an exact conversion.
                ScalarKind::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => Some(value as i64),
                ScalarKind::Text if scalar.text.trim().parse::<i64>().is_ok() => {
                    let help = format!("remove the quotes: `{key}: {}`", scalar.text.trim());
                    self.wrong(key, node, &wanted, Some(&help));
                    return None;
                }
                _ => None,
            },
            _ => None,
        };
        match value {
            Some(value) if range.contains(&value) => Some(At { value, place: node.place }),
            _ => {
                self.wrong(key, node, &wanted, None);
                None
            }
        }
    }

    /// A number above 0.
    pub fn number(&self, key: &str) -> Option<At<f64>> {
        let node = self.node(key)?;
        let value = match &node.value {
            Value::Scalar(scalar) => match scalar.kind {
                ScalarKind::Int(value) => Some(value as f64),
                ScalarKind::Float(value) => Some(value),
                _ => None,
            },
            _ => None,
        };
        if let Some(value) = value.filter(|value| value.is_finite() && *value > 0.0) {
            return Some(At { value, place: node.place });
        }
        self.wrong(key, node, "a number above 0", None);
        None
    }

    /// A boolean; `yes`, `no`, `on` and `off` count, as in the YAML that Go programs read. In quotes they are text.
    pub fn flag(&self, key: &str) -> Option<At<bool>> {
        let node = self.node(key)?;
        if let Value::Scalar(scalar) = &node.value {
            let value = match (scalar.kind, scalar.text.to_ascii_lowercase().as_str()) {
                (ScalarKind::Bool(value), _) => Some(value),
                (_, "true" | "yes" | "on") => Some(true),
                (_, "false" | "no" | "off") => Some(false),
                _ => None,
            };
            if let Some(value) = value.filter(|_| !scalar.quoted) {
                return Some(At { value, place: node.place });
            }
            if let Some(value) = value {
                let help = format!("remove the quotes: `{key}: {value}`");
                self.wrong(key, node, "true or false", Some(&help));
                return None;
            }
        }
        self.wrong(key, node, "true or false", None);
        None
    }

    /// One text or a list of texts; empty ones do not count.
    pub fn texts(&self, key: &str) -> Vec<At<&'a str>> {
        let Some(node) = self.node(key) else { return Vec::new() };
        let items = match &node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        let mut texts = Vec::new();
        for item in items {
            match &item.value {
                Value::Scalar(scalar) if scalar.text.trim().is_empty() || scalar.kind == ScalarKind::Null => {
                }
                Value::Scalar(scalar) => texts.push(At { value: scalar.text.as_str(), place: item.place }),
                _ => self.wrong(key, item, "text or a list of texts", None),
            }
        }
        texts
    }

    /// One of a few words. A key without a value is refused: the default might be what its author did not mean.
    pub fn choice<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let entry = self.entries.iter().find(|entry| entry.key == key)?;
        let list = one_of(words);
        let is_scalar = matches!(entry.value.value, Value::Scalar(_));
        if entry.value.is_null() || !is_scalar {
            let help = format!("write {list}, or remove the line");
            self.wrong(key, &entry.value, &list, Some(&help));
            return None;
        }
        let given = self.text_or_empty(key)?;
        let known = words.iter().find(|(word, _)| *word == given.value.trim());
        if known.is_none() {
            let message = format!("{}{key} must be {list}, but is {:?}", self.path, given.value);
            let near = keys::nearest(&given.value.replace('-', "_"), words.iter().map(|(word, _)| *word));
            let help = match near {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("write {list}"),
            };
            self.findings.mistake(Finding::at(given.place, message).help(help));
        }
        known.map(|(_, value)| *value)
    }

    /// Refuses these keys without a value, because their absence means more than any value, such as all availability domains.
    pub fn refuse_blank(&self, keys: &[&str]) {
        let blank = |entry: &&Entry| keys.contains(&entry.key.as_str()) && is_blank(&entry.value);
        for entry in self.entries.iter().filter(blank) {
            let message = format!("{}{} is empty", self.path, entry.key);
            let finding = Finding::at(entry.value.place, message);
            self.findings.mistake(finding.help("write a value, or remove the line"));
        }
    }

    /// A group of arbitrary keys with text values.
    pub fn table(&self, key: &str) -> Vec<(&'a Entry, &'a str)> {
        let mut rows = Vec::new();
        for entry in self.free_keys(key) {
            match &entry.value.value {
                Value::Scalar(scalar) if scalar.kind == ScalarKind::Null => {
                    let help = format!("for an empty value write `{}: \"\"`", entry.key);
                    self.wrong(&format!("{key}.{}", entry.key), &entry.value, "text", Some(&help));
                }
                Value::Scalar(scalar) => rows.push((entry, scalar.text.as_str())),
                _ => self.wrong(&format!("{key}.{}", entry.key), &entry.value, "text", None),
            }
        }
        rows
    }

    /// A group of arbitrary keys with any values.
    pub fn free_keys(&self, key: &str) -> &'a [Entry] {
        match self.node(key) {
            None => &[],
            Some(Node { value: Value::Map(entries), .. }) => entries,
            Some(node) => {
                self.wrong(key, node, "a group of `name: value` lines", None);
                &[]
            }
        }
    }
}

/// Whether a value is null, a blank text, or a list of those.
fn is_blank(node: &Node) -> bool {
    match &node.value {
        Value::Scalar(scalar) => scalar.kind == ScalarKind::Null || scalar.text.trim().is_empty(),
        Value::List(items) => items.iter().all(is_blank),
        Value::Map(_) => false,
    }
}

/// The words as a list for a message.
fn one_of<T>(words: &[(&str, T)]) -> String {
    let quoted: Vec<String> = words.iter().map(|(word, _)| format!("`{word}`")).collect();
    match quoted.as_slice() {
        [most @ .., last] if !most.is_empty() => format!("{} or {last}", most.join(", ")),
        all => all.join(""),
    }
}

/// The visible part of an unknown key, because a line pasted by mistake can look like a key.
fn shown(key: &str) -> String {
    if key.chars().count() > 60 {
        format!("{}…", key.chars().take(8).collect::<String>())
    } else {
        key.to_owned()
    }
}

/// Converts a value to JSON, for fields that are passed through. A number that JSON cannot represent becomes text.
pub fn to_json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(entries) => {
            entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.value))).collect()
        }
        Value::Scalar(scalar) => scalar.to_json(),
    }
}
