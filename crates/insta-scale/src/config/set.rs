//! `--set KEY=VALUE`: a value over those of the files.
//!
//! A key is a path through the groups of config.yaml, whose names come from the table of the reader. It must not know what the
//! keys mean.

use super::finding::{Finding, Findings, Place};
use super::keys::{self, GROUPS};
use super::kinds::{self, Leads};
use super::merge::{is_removal, lay_over, parse};
use super::scalar::{Scalar, ScalarKind};
use super::sources::Sources;
use super::yaml::{Entry, Node, Value};
use crate::output::text::count;
use std::path::Path;

/// One value that was set.
pub struct Setting {
    path: Vec<String>,
    /// Which parts of the path are numbers of items.
    items: Vec<bool>,
    value: Node,
    place: Place,
}

/// What is wrong, and the remedy.
type Wrong = (String, String);

/// Reads one `KEY=VALUE`, whose key must be one of the reader's.
pub fn read(
    text: &str,
    folder: &Path,
    sources: &mut Sources,
    mistakes: &mut Vec<Finding>,
) -> Option<Setting> {
    let (key, value) = text.split_once('=').unwrap_or((text, ""));
    let source = sources.add_flag(key, folder);
    let place = Place { source, width: 1, line: 1, column: 1 };
    let path = if text.contains('=') {
        split(key).and_then(|path| check(&path).map(|items| (path, items)))
    } else {
        Err(("it has no value".to_owned(), "write `--set KEY=VALUE`".to_owned()))
    };
    let (path, items) =
        path.map_err(|(message, help)| mistakes.push(Finding::at(place, message).help(help))).ok()?;
    let value = read_value(value, place, mistakes)?;
    let name = path.iter().zip(&items).rfind(|(_, is_item)| !**is_item);
    if exposes(name.map_or("", |(name, _)| name), &value) {
        let finding =
            Finding::at(place, "a secret in a command line is visible to every user of the machine");
        mistakes.push(finding.help("write it in a file, or name a variable: `--set 'KEY=${NAME}'`"));
        return None;
    }
    Some(Setting { path, items, value, place })
}

/// The value: YAML if it begins with a bracket or a quote, otherwise one plain scalar, so that nothing in it is taken for a comment.
fn read_value(text: &str, place: Place, mistakes: &mut Vec<Finding>) -> Option<Node> {
    let trimmed = text.trim();
    if trimmed.is_empty() {
        let help = "is a shell variable unset? To remove the key, write `KEY=null`";
        mistakes.push(Finding::at(place, "the value is empty").help(help));
        return None;
    }
    if !trimmed.starts_with(['[', '{', '"', '\'']) {
        return Some(Node { place, value: Value::Scalar(Scalar::plain(trimmed)) });
    }
    let mut wrong = Vec::new();
    let node = parse(trimmed, place.source, &mut wrong);
    if !wrong.is_empty() || node.is_none() {
        let help = "a value that begins with a bracket or a quote is read as YAML; put it in single quotes for the shell";
        mistakes.push(Finding::at(place, "the value is not valid YAML").help(help));
        return None;
    }
    node
}

/// Whether a value has a secret in plain text, rather than in a variable.
fn exposes(key: &str, node: &Node) -> bool {
    match &node.value {
        Value::List(items) => items.iter().any(|item| exposes(key, item)),
        Value::Map(entries) => entries.iter().any(|entry| exposes(&entry.key, &entry.value)),
        Value::Scalar(scalar) => {
            let name = scalar.text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
            let is_variable = name.is_some_and(|name| !name.contains([':', '$', '}']));
            keys::is_secret(key) && scalar.kind != ScalarKind::Null && !is_variable
        }
    }
}

/// The parts of a path. Dots within quotes belong to a part: `prices.shapes."VM.Standard.E4.Flex".ocpu`.
fn split(path: &str) -> Result<Vec<String>, Wrong> {
    let mut parts = vec![String::new()];
    let mut quoted = false;
    for c in path.chars() {
        match c {
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            c => {
                if let Some(part) = parts.last_mut() {
                    part.push(c);
                }
            }
        }
    }
    if quoted || parts.iter().any(|part| part.trim().is_empty()) {
        let help = "write the keys with dots between them, as in `instance_settings.count`";
        return Err(("the key has an empty part or an open quote".to_owned(), help.to_owned()));
    }
    Ok(parts)
}

/// One path for a person, in the form in which [`split`] reads it.
pub fn join(path: &[String]) -> String {
    let quoted = |part: &String| if part.contains('.') { format!("\"{part}\"") } else { part.clone() };
    path.iter().map(quoted).collect::<Vec<_>>().join(".")
}

/// Checks a path against the table of the reader. Returns which of its parts are numbers of items.
fn check(path: &[String]) -> Result<Vec<bool>, Wrong> {
    let mut at = Leads::Group("the top level");
    let mut items = Vec::new();
    for (depth, part) in path.iter().enumerate() {
        let above = join(&path[..depth]);
        items.push(matches!(at, Leads::List(_) | Leads::Items));
        at = match at {
            Leads::Group(group) => {
                let names =
                    GROUPS.iter().find(|(name, _)| *name == group).map_or(&[][..], |(_, names)| *names);
                let Some(name) = names.iter().find(|name| *name == part) else {
                    let unknown = join(&path[..=depth]);
                    return Err((format!("unknown key `{unknown}`"), keys::remedy(part, names)));
                };
                kinds::leads(group, name)
            }
            Leads::List(_) | Leads::Items if part.parse::<usize>().is_err() => {
                let help = format!("name an item by its number, from 0: `{above}.0`");
                return Err((format!("`{above}` is a list"), help));
            }
            Leads::List(group) | Leads::Named(group) => Leads::Group(group),
            Leads::Names | Leads::Items => Leads::Nothing,
            Leads::Anything => Leads::Anything,
            Leads::Nothing => {
                let help = format!("write `--set {above}=VALUE`");
                return Err((format!("`{above}` has one value and no keys of its own"), help));
            }
        };
    }
    Ok(items)
}

/// Puts a value where it belongs.
pub fn apply(root: &mut Node, setting: Setting, findings: &Findings) -> Result<(), Finding> {
    let Setting { path, items: numbers, value, place } = setting;
    let mut node = root;
    for (depth, part) in path.iter().enumerate() {
        let wrong = |message: String, help: &str| Finding::at(place, message).help(help);
        let above = join(&path[..depth]);
        if node.is_null() && !numbers[depth] {
            if is_removal(&value) {
                return Ok(());
            }
            *node = Node { place, value: Value::Map(Vec::new()) };
        }
        let held = findings.line(node.place);
        node = match &mut node.value {
            Value::Map(entries) => {
                let known = entries.iter().position(|entry| entry.key == *part);
                let is_last = depth + 1 == path.len();
                if is_removal(&value) && (is_last || known.is_none()) {
                    known.filter(|_| is_last).map(|at| entries.remove(at));
                    return Ok(());
                }
                let at = known.unwrap_or_else(|| {
                    let value = Node { place, value: Value::Scalar(Scalar::plain("")) };
                    entries.push(Entry { key: part.clone(), place, value });
                    entries.len() - 1
                });
                if is_last {
                    entries[at].place = place;
                }
                &mut entries[at].value
            }
            Value::List(items) => {
                let many = count(items.len() as u64, "item");
                let item = part.parse::<usize>().ok().and_then(|number| items.get_mut(number));
                let Some(item) = item else {
                    let message = format!("`{above}` has {many} ({held}), and none with the number {part}");
                    return Err(wrong(
                        message,
                        "the first item has the number 0; to add one, set the whole list",
                    ));
                };
                item
            }
            Value::Scalar(Scalar { kind: ScalarKind::Null, .. }) => {
                return Err(wrong(format!("`{above}` has no items"), "set the whole list"));
            }
            Value::Scalar(_) => {
                let message = format!("`{above}` is a single value ({held}), without `{part}`");
                return Err(wrong(message, "set it as a whole"));
            }
        };
    }
    lay_over(node, value);
    Ok(())
}
