//! The JSON Schema of config.yaml, from the tables that its readers use: the names of keys, ranges and words. Descriptions are the
//! comments of the example.
//!
//! It must not read a config. The schema describes one file at a time, so it requires no key: what is required depends on the profile.

use super::example::EXAMPLE;
use super::keys::{self, GROUPS};
use super::kinds::{Kind, kind};
use serde_json::{Map, Value, json};

/// The dialect. Editors that use yaml-language-server support it best.
const DIALECT: &str = "http://json-schema.org/draft-07/schema#";

/// A text that has an environment variable.
const VARIABLE: &str = r"\$\{";
/// The types of a whole number, which a variable may contain.
const WHOLE: [&str; 3] = ["integer", "string", "null"];

/// The schema.
pub fn schema() -> Value {
    let Value::Object(top) = group("the top level") else { return Value::Null };
    let mut schema = Map::new();
    schema.insert("$schema".to_owned(), DIALECT.into());
    schema.insert("title".to_owned(), "config.yaml of OCI Insta-Scale".into());
    schema.extend(top);
    let mut schema = Value::Object(schema);
    with_ranges(&mut schema);
    schema
}

fn group(path: &str) -> Value {
    let names = GROUPS.iter().find(|(name, _)| *name == path).map_or(&[][..], |(_, names)| *names);
    let properties: Map<String, Value> = names
        .iter()
        .map(|name| {
            let mut key = value_of(&kind(path, name));
            if let (Some(text), Some(key)) = (description(name), key.as_object_mut()) {
                key.insert("description".to_owned(), text.into());
            }
            ((*name).to_owned(), key)
        })
        .collect();
    json!({"type": "object", "properties": properties, "additionalProperties": false})
}

/// An empty value counts as absent, so null is accepted everywhere.
fn value_of(kind: &Kind) -> Value {
    let text = json!({"type": ["string", "number", "boolean", "null"]});
    match kind {
        Kind::Text => text,
        Kind::Texts => json!({"anyOf": [text, {"type": "array", "items": text}]}),
        // As the reader, which follows the YAML of Go programs.
        Kind::Flag => or_variable(&json!({"enum": [true, false, "yes", "no", "on", "off", null]})),
        // A pattern concerns only texts, and a limit only numbers.
        Kind::Whole => json!({"type": WHOLE, "pattern": VARIABLE}),
        Kind::Number => {
            json!({"type": ["number", "string", "null"], "exclusiveMinimum": 0, "pattern": VARIABLE})
        }
        Kind::Word(words) => {
            let words: Vec<Value> = words.iter().map(|word| (*word).into()).chain([Value::Null]).collect();
            or_variable(&json!({"enum": words}))
        }
        Kind::Table => {
            json!({"type": ["object", "null"], "additionalProperties": {"type": ["string", "number", "boolean"]}})
        }
        Kind::Free => json!({"type": ["object", "null"]}),
        Kind::Groups(path) => json!({"type": ["object", "null"], "additionalProperties": group(path)}),
        Kind::Group(path) => {
            let mut group = group(path);
            group["type"] = json!(["object", "null"]);
            group
        }
        Kind::List(path) => json!({"type": ["array", "null"], "items": group(path)}),
        Kind::Either(kinds) => json!({"anyOf": kinds.iter().map(value_of).collect::<Vec<_>>()}),
    }
}

/// A value, or a text with an environment variable.
fn or_variable(value: &Value) -> Value {
    json!({"anyOf": [value, {"type": "string", "pattern": VARIABLE}]})
}

/// The comment directly above the first line of the example that has the key.
fn description(key: &str) -> Option<String> {
    let lines: Vec<&str> = EXAMPLE.lines().map(str::trim_start).collect();
    let at = lines.iter().position(|line| key_of(line) == Some(key))?;
    // The text of a comment follows its `#` directly; further spaces indent a value that is commented out.
    let is_comment = |line: &str| {
        let text = line.trim_start_matches(['#', ' ']);
        line[..line.len() - text.len()].ends_with("# ") && !text.starts_with("--")
    };
    let is_prose = |line: &&&str| key_of(line).is_none() && is_comment(line);
    let mut prose: Vec<&str> = lines[..at].iter().rev().take_while(is_prose).copied().collect();
    prose.reverse();
    let text = prose.iter().map(|line| line.trim_start_matches(['#', ' '])).collect::<Vec<_>>().join(" ");
    (!text.is_empty()).then_some(text)
}

/// The key of a line of the example, also if the line is commented out.
fn key_of(line: &str) -> Option<&str> {
    let (key, _) = line.trim_start_matches(['#', ' ', '-']).split_once(':')?;
    GROUPS.iter().any(|(_, names)| names.contains(&key)).then_some(key)
}

/// The range of a whole number becomes part of its schema.
fn with_ranges(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if let Some(Value::Object(properties)) = object.get_mut("properties") {
        for (key, value) in properties {
            if value["type"] == json!(WHOLE)
                && let Some(range) = keys::range(key)
            {
                value["minimum"] = (*range.start()).into();
                value["maximum"] = (*range.end()).into();
            }
        }
    }
    for value in object.values_mut() {
        match value {
            Value::Array(items) => items.iter_mut().for_each(with_ranges),
            Value::Object(items) => {
                items.values_mut().for_each(with_ranges);
                with_ranges(value);
            }
            _ => {}
        }
    }
}
