//! Prints a resulting config as YAML, with where each value came from in a comment, and as JSON.

use crate::config::{Scalar, Shown, ShownNode};
use crate::output::published::PublishedDocument;
use oci_client::plain_text;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};
use std::fmt::Write as _;

/// The widest value beside which comments are aligned.
const WIDEST: usize = 56;

/// A value that applies although no layer has it: its key, the value, and the reason.
pub type Default = (&'static str, String, &'static str);

/// YAML that reads back as the same config, except for what is hidden.
pub fn yaml(shown: &Shown, defaults: &[Default]) -> String {
    let mut lines = Vec::new();
    write_lines(&shown.root, 0, &mut lines);
    for (key, value, why) in defaults {
        lines.push((format!("# {key}: {}", scalar_text(&Scalar::plain(value))), Some((*why).to_owned())));
    }
    let width = |line: &str| line.chars().count();
    let column =
        lines.iter().map(|(line, _)| width(line)).filter(|width| *width <= WIDEST).max().unwrap_or(0);
    let mut out = String::new();
    for (line, from) in lines {
        out.push_str(&line);
        if let Some(from) = from {
            out.push_str(&" ".repeat(column.saturating_sub(width(&line)) + 2));
            out.push_str("# ");
            out.push_str(&plain_text(&from, 400));
        }
        out.push('\n');
    }
    out
}

fn write_lines(node: &ShownNode, indent: usize, out: &mut Vec<(String, Option<String>)>) {
    let pad = " ".repeat(indent);
    match node {
        ShownNode::Scalar { value, .. } => {
            out.push((format!("{pad}{}", scalar_text(value)), Some(from(node))));
        }
        ShownNode::List(items) => {
            for item in items {
                let at = out.len();
                let (text, comment) = inline(item);
                if let Some(text) = text {
                    out.push((format!("{pad}- {text}"), comment));
                    continue;
                }
                write_lines(item, indent + 2, out);
                if let Some((first, _)) = out.get_mut(at) {
                    first.replace_range(indent..indent + 2, "- ");
                }
            }
        }
        ShownNode::Map(entries) => {
            for (key, value) in entries {
                let key = scalar_text(&Scalar::quoted(key));
                let (text, comment) = inline(value);
                if let Some(text) = text {
                    out.push((format!("{pad}{key}: {text}"), comment));
                    continue;
                }
                out.push((format!("{pad}{key}:"), None));
                write_lines(value, indent + 2, out);
            }
        }
    }
}

/// A value that fits on the line of its key.
fn inline(node: &ShownNode) -> (Option<String>, Option<String>) {
    match node {
        ShownNode::Scalar { value, .. } => (Some(scalar_text(value)), Some(from(node))),
        ShownNode::List(items) if items.is_empty() => (Some("[]".to_owned()), None),
        ShownNode::Map(entries) if entries.is_empty() => (Some("{}".to_owned()), None),
        ShownNode::List(_) | ShownNode::Map(_) => (None, None),
    }
}

/// Where a value came from, in words.
fn from(node: &ShownNode) -> String {
    let ShownNode::Scalar { source, line, variables, .. } = node else { return String::new() };
    let mut from = line.map_or_else(|| source.clone(), |line| format!("{source}:{line}"));
    for variable in variables {
        let default = if variable.is_set { "" } else { "default of " };
        // Writing to a String cannot fail, so the results are ignored.
        let _ = write!(from, ", {default}${{{}}}", variable.name);
    }
    from
}

/// A single value as YAML, in quotes unless it means the same without.
fn scalar_text(scalar: &Scalar) -> String {
    let text = scalar.text.as_str();
    let is_plain = |c: char| c.is_ascii_alphanumeric() || " _./+=~@%-,".contains(c);
    let colons_inside = text.split(": ").count() == 1 && !text.ends_with(':');
    let is_simple = text.starts_with(|c: char| c.is_ascii_alphanumeric() || "/._~".contains(c))
        && text.chars().all(|c| is_plain(c) || c == ':')
        && text.trim_end() == text
        && colons_inside;
    let as_plain = Scalar::plain(text);
    if as_plain.kind == scalar.kind && (is_simple || !scalar.is_text()) {
        return text.to_owned();
    }
    let mut out = String::new();
    for c in serde_json::to_string(text).unwrap_or_default().chars() {
        if c.is_ascii() || !plain_text(&c.to_string(), 8).is_empty() {
            out.push(c);
        } else {
            let _ = write!(out, "\\u{:04x}", c as u32);
        }
    }
    out
}

/// The config that the layers result in.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ConfigDocument<'a> {
    /// The files, in the order in which they are read.
    files: &'a [String],
    /// The config, without what is secret.
    config: Value,
    /// Where each value came from.
    values: Vec<ShownValue<'a>>,
    /// The values that apply although no layer has them.
    defaults: Vec<ShownDefault<'a>>,
}

impl PublishedDocument for ConfigDocument<'_> {
    const NAME: &'static str = "config-show";
    const COMMANDS: &'static [&'static str] = &["config show"];
}

/// A value and where it came from.
#[derive(Debug, JsonSchema, Serialize)]
struct ShownValue<'a> {
    /// The key: `instance_settings.count`.
    key: String,
    /// The value.
    value: Value,
    /// The file, or `--set`.
    source: &'a str,
    /// The line of the file.
    line: Option<usize>,
    /// The variables that the value uses.
    variables: Vec<ShownVariable<'a>>,
}

/// A variable.
#[derive(Debug, JsonSchema, Serialize)]
struct ShownVariable<'a> {
    /// Its name.
    name: &'a str,
    /// Whether it is set; otherwise its default applies.
    is_set: bool,
}

/// A value that applies although no layer has it.
#[derive(Debug, JsonSchema, Serialize)]
struct ShownDefault<'a> {
    /// The key.
    key: &'a str,
    /// The value.
    value: &'a str,
    /// Why it applies.
    from: &'a str,
}

/// The document of `config show`.
pub fn document<'a>(shown: &'a Shown, defaults: &'a [Default]) -> ConfigDocument<'a> {
    let mut values = Vec::new();
    collect(&shown.root, &mut Vec::new(), &mut values);
    let default = |(key, value, from): &'a Default| ShownDefault { key, value, from };
    ConfigDocument {
        files: &shown.files,
        config: plain(&shown.root),
        values,
        defaults: defaults.iter().map(default).collect(),
    }
}

fn plain(node: &ShownNode) -> Value {
    match node {
        ShownNode::Scalar { value, .. } => value.to_json(),
        ShownNode::List(items) => items.iter().map(plain).collect(),
        ShownNode::Map(entries) => Value::Object(
            entries.iter().map(|(key, value)| (key.clone(), plain(value))).collect::<Map<_, _>>(),
        ),
    }
}

fn collect<'a>(node: &'a ShownNode, path: &mut Vec<String>, out: &mut Vec<ShownValue<'a>>) {
    let mut step = |key: String, node: &'a ShownNode, out: &mut Vec<ShownValue<'a>>| {
        path.push(key);
        collect(node, path, out);
        path.pop();
    };
    match node {
        ShownNode::List(items) => {
            items.iter().enumerate().for_each(|(at, item)| step(at.to_string(), item, out));
        }
        ShownNode::Map(entries) => entries.iter().for_each(|(key, value)| step(key.clone(), value, out)),
        ShownNode::Scalar { value, source, line, variables } => {
            let variables =
                variables.iter().map(|one| ShownVariable { name: &one.name, is_set: one.is_set }).collect();
            let key = crate::config::join_key(path);
            out.push(ShownValue { key, value: value.to_json(), source, line: *line, variables });
        }
    }
}
