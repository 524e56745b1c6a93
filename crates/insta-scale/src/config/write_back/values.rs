//! Sets values of a file where they are written, so that everything else keeps its bytes. It does not access files.
//!
//! Each edit is a range of bytes that the parser has named. The result is parsed and compared with what was meant.

use super::EditError;
use super::edit::{form, parse};
use super::spots::{Form, KeySpot, Spot, spots};
use crate::config::keys::SECRET;
use crate::config::section::to_json;
use crate::config::yaml::{Node, Value};
use std::ops::Range;
use zeroize::Zeroizing;

/// What one key is to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeyEdit {
    /// The groups that contain the key, and the key.
    pub path: Vec<&'static str>,
    /// The value as YAML, in one line; without one, the key becomes a comment.
    pub value: Option<String>,
    /// Another key of the group that says the same in another way and is replaced, such as `image` for `image_id`.
    pub instead_of: Option<&'static str>,
    /// The comment after the value.
    pub comment: Option<String>,
    /// The comment that described the former value. Any other comment stays.
    pub former_comment: Option<String>,
    /// After which keys of the group a new key goes, best first.
    pub after: &'static [&'static str],
}

/// Lines of a file that changed.
#[derive(Clone, Debug, PartialEq, Eq, schemars::JsonSchema, serde::Serialize)]
pub struct ChangedLines {
    /// The number of the first one in the old text.
    pub line: usize,
    /// How they were.
    pub old: Vec<String>,
    /// How they are.
    pub new: Vec<String>,
}

/// An edited text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edited {
    /// All of it. It may contain a passphrase.
    pub text: Zeroizing<String>,
    /// What changed, from the top to the bottom.
    pub changes: Vec<ChangedLines>,
}

/// One replaced range of bytes.
type Patch = (Range<usize>, String);

/// The text with other values.
///
/// # Errors
/// When a value is written in a way that cannot be edited in place; the error names all of them.
pub fn with_values(source: &str, settings: &[KeyEdit]) -> Result<Edited, EditError> {
    let before = parse(source)?;
    let root = spots(source).ok_or_else(|| form("the file is not a group of `key: value` lines"))?;
    let mut patches: Vec<Patch> = Vec::new();
    let mut refused: Vec<String> = Vec::new();
    let (secrets, mut expected) = without_secrets(&before);
    for setting in settings {
        match patch(source, &root, setting) {
            Ok(some) => patches.extend(some),
            Err(why) => refused.push(format!("`{}` {why}", setting.path.join("."))),
        }
        expect(&mut expected, setting)?;
    }
    if !refused.is_empty() {
        return Err(form(refused.join("; ")));
    }
    if shows_secret(source, &root, &patches) {
        return Err(form(format!(
            "`{SECRET}` is in a line to change, which would be shown: give it a line of its own"
        )));
    }
    let edited = apply(source, patches);
    let is_as_meant =
        parse(&edited.text).is_ok_and(|after| without_secrets(&after) == (secrets.clone(), expected));
    if is_as_meant {
        Ok(edited)
    } else {
        Err(form("it is written in a way that this program cannot edit safely"))
    }
}

/// The passphrase of a config, and everything else as JSON, whose copies of texts are not wiped.
fn without_secrets(root: &Node) -> (Vec<Zeroizing<String>>, serde_json::Value) {
    let Value::Map(entries) = &root.value else { return (Vec::new(), to_json(root)) };
    let (secret, rest): (Vec<_>, Vec<_>) = entries.iter().partition(|entry| entry.key == SECRET);
    let texts = secret.iter().filter_map(|entry| match &entry.value.value {
        Value::Scalar(scalar) => Some(scalar.text.clone()),
        Value::List(_) | Value::Map(_) => None,
    });
    (texts.collect(), rest.iter().map(|entry| (entry.key.clone(), to_json(&entry.value))).collect())
}

/// Whether a line that changes has the passphrase in it. Changed lines are shown.
fn shows_secret(source: &str, root: &Spot, patches: &[Patch]) -> bool {
    let Some(secret) = root.entry(SECRET) else { return false };
    let own = line_start(source, secret.range.start)
        ..line_end(source, end_of(source, &secret.value).max(secret.range.end));
    patches.iter().any(|(range, _)| {
        let lines = line_start(source, range.start)..line_end(source, range.end);
        // A new line after that of the passphrase begins at its end.
        let is_after = range.is_empty() && range.start == own.end;
        !is_after && lines.start < own.end && own.start < lines.end
    })
}

/// Makes the same change to the parsed values.
fn expect(values: &mut serde_json::Value, setting: &KeyEdit) -> Result<(), EditError> {
    let (Some(key), groups) = (setting.path.last(), &setting.path[..setting.path.len().saturating_sub(1)])
    else {
        return Ok(());
    };
    let group = groups.iter().try_fold(values, |at, group| at.get_mut(group));
    let Some(group) = group.and_then(serde_json::Value::as_object_mut) else { return Ok(()) };
    if let Some(other) = setting.instead_of {
        group.remove(other);
    }
    match &setting.value {
        Some(value) => {
            let parsed = to_json(&parse(&format!("value: {value}"))?);
            group.insert((*key).to_owned(), parsed.get("value").cloned().unwrap_or_default());
        }
        None => {
            group.remove(*key);
        }
    }
    Ok(())
}

/// The edits of one setting, or why there can be none, as the end of a sentence about its key.
fn patch(source: &str, root: &Spot, setting: &KeyEdit) -> Result<Vec<Patch>, String> {
    let Some((key, groups)) = setting.path.split_last() else { return Ok(Vec::new()) };
    let mut group = root;
    for name in groups {
        let entry = group.entry(name).ok_or_else(|| format!("has no `{name}:` to be in"))?;
        group = &entry.value;
    }
    if group.entries.is_empty() {
        return Err("has no group of keys to be in".to_owned());
    }
    let entry = group.entry(key).or_else(|| setting.instead_of.and_then(|other| group.entry(other)));
    match (entry, &setting.value) {
        (Some(entry), Some(value)) => replace(source, entry, key, value, setting),
        (Some(entry), None) => comment_out(source, group, entry),
        (None, Some(value)) => insert(source, group, key, value, setting),
        (None, None) => Err("is inherited from another group (`<<`)".to_owned()),
    }
}

/// Writes another value, and under another key if that key says it.
fn replace(
    source: &str,
    entry: &KeySpot,
    key: &str,
    value: &str,
    setting: &KeyEdit,
) -> Result<Vec<Patch>, String> {
    let spot = &entry.value;
    if spot.is_anchored || spot.form == Form::Alias {
        return Err("is shared with other keys (`&name`, `*name`)".to_owned());
    }
    let colon = source[entry.range.end..].find(':').map(|at| entry.range.end + at + 1);
    let after_colon = colon.ok_or("is written in an unusual way")?;
    let range = match spot.form {
        Form::Absent => after_colon..after_colon,
        Form::Literal | Form::Block => after_colon..end_of(source, spot),
        Form::Scalar | Form::Flow | Form::Alias => spot.range.clone(),
    };
    let old = &source[range.clone()];
    if old.replace("$${", "").contains("${") {
        return Err(format!("is set by a variable (`{}`): change the variable", old.trim()));
    }
    if matches!(spot.form, Form::Flow | Form::Block) && old.contains('#') {
        return Err("has comments inside".to_owned());
    }
    let text = if range.start == after_colon { format!(" {value}") } else { value.to_owned() };
    let mut patches = vec![(range.clone(), text)];
    if entry.key != key {
        patches.push((entry.range.clone(), key.to_owned()));
    }
    patches.extend(comment(source, range.end, setting));
    Ok(patches)
}

/// Replaces the comment after a value if it described the former one, and adds one where there is none.
fn comment(source: &str, end: usize, setting: &KeyEdit) -> Option<Patch> {
    let rest_end = line_end(source, end);
    let rest = source[end..rest_end].trim();
    let new = setting.comment.as_ref().map(|text| format!("  # {text}")).unwrap_or_default();
    let is_former =
        rest.strip_prefix('#').is_some_and(|text| Some(text.trim()) == setting.former_comment.as_deref());
    let range = end..rest_end;
    let is_needed = (rest.is_empty() || is_former) && !(range.is_empty() && new.is_empty());
    is_needed.then_some((range, new))
}

/// Puts `# ` before the lines of a key.
fn comment_out(source: &str, group: &Spot, entry: &KeySpot) -> Result<Vec<Patch>, String> {
    if group.form != Form::Block {
        return Err("stands in one line with other keys".to_owned());
    }
    if entry.value.is_anchored {
        return Err("is shared with other keys (`&name`, `*name`)".to_owned());
    }
    let first = line_start(source, entry.range.start);
    let indent = entry.range.start - first;
    let end = end_of(source, &entry.value).max(entry.range.end);
    let mut patches = Vec::new();
    let mut at = first;
    while at < end {
        let line = &source[at..line_end(source, at)];
        // A block of text may contain empty lines.
        let place = at + indent.min(line.len() - line.trim_start().len());
        if !line.trim().is_empty() {
            patches.push((place..place, "# ".to_owned()));
        }
        at = line_end(source, at) + 1;
    }
    Ok(patches)
}

/// Adds a line after the best neighbour.
fn insert(
    source: &str,
    group: &Spot,
    key: &str,
    value: &str,
    setting: &KeyEdit,
) -> Result<Vec<Patch>, String> {
    if group.form != Form::Block {
        return Err("has to be added to keys that stand in one line".to_owned());
    }
    let neighbour = setting.after.iter().find_map(|name| group.entry(name)).or_else(|| group.entries.first());
    let neighbour = neighbour.ok_or("has no group of keys to be in")?;
    let first = line_start(source, neighbour.range.start);
    let indent = &source[first..neighbour.range.start];
    if !indent.chars().all(|c| c == ' ') {
        return Err("has to be added to keys that are not on lines of their own".to_owned());
    }
    let end = end_of(source, &neighbour.value).max(neighbour.range.end);
    let place = line_end(source, end);
    let ending = if source.contains("\r\n") { "\r\n" } else { "\n" };
    let comment = setting.comment.as_ref().map(|text| format!("  # {text}")).unwrap_or_default();
    Ok(vec![(place..place, format!("{ending}{indent}{key}: {value}{comment}"))])
}

/// The end of a value, without the line breaks after it.
fn end_of(source: &str, spot: &Spot) -> usize {
    let end = spot.range.end.min(source.len());
    source[..end].trim_end().len().max(spot.range.start.min(end))
}

fn line_start(source: &str, at: usize) -> usize {
    source[..at].rfind('\n').map_or(0, |newline| newline + 1)
}

/// The end of the line, before its line break.
fn line_end(source: &str, at: usize) -> usize {
    let end = source[at..].find('\n').map_or(source.len(), |newline| at + newline);
    if source[at..end].ends_with('\r') { end - 1 } else { end }
}

/// The start of the next line.
fn next_line(source: &str, end: usize) -> usize {
    source[end..].find('\n').map_or(source.len(), |newline| end + newline + 1)
}

/// Applies the edits, and says which lines they changed.
fn apply(source: &str, mut patches: Vec<Patch>) -> Edited {
    patches.sort_by_key(|(range, _)| (range.start, range.end));
    let most = source.len() + patches.iter().map(|(_, text)| text.len()).sum::<usize>();
    // Large enough from the start, since growing would leave copies behind.
    let mut text = Zeroizing::new(String::with_capacity(most));
    let mut changes: Vec<ChangedLines> = Vec::new();
    let mut written = 0;
    let mut rest = patches.as_slice();
    while let Some((first, _)) = rest.first() {
        // Edits of the same or of adjacent lines are one change.
        let start = line_start(source, first.start);
        let mut end = line_end(source, first.end);
        let together = rest.iter().take_while(|(range, _)| {
            let is_within = line_start(source, range.start) <= next_line(source, end);
            if is_within {
                end = end.max(line_end(source, range.end));
            }
            is_within
        });
        let together = together.count();
        let mut new = String::new();
        let mut at = start;
        for (range, replacement) in &rest[..together] {
            new.push_str(&source[at..range.start.max(at)]);
            new.push_str(replacement);
            at = range.end.max(at);
        }
        new.push_str(&source[at..end]);
        text.push_str(&source[written..start]);
        text.push_str(&new);
        written = end;
        changes.push(changed(source, start, &source[start..end], &new));
        rest = &rest[together..];
    }
    text.push_str(&source[written..]);
    Edited { text, changes }
}

/// The lines of a change, without those that are the same before and after.
fn changed(source: &str, start: usize, old: &str, new: &str) -> ChangedLines {
    let lines = |text: &str| -> Vec<String> { text.lines().map(str::to_owned).collect() };
    let (mut old, mut new) = (lines(old), lines(new));
    let mut line = source[..start].matches('\n').count() + 1;
    while !old.is_empty() && old.first() == new.first() {
        old.remove(0);
        new.remove(0);
        line += 1;
    }
    while !old.is_empty() && old.last() == new.last() {
        old.pop();
        new.pop();
    }
    ChangedLines { line, old, new }
}

#[cfg(test)]
#[path = "values_tests.rs"]
mod tests;
