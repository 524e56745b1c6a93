//! The edit itself, from text to text. It does not access files.

use super::Reserved;
use crate::config::finding::Findings;
use crate::config::yaml::{self, Entry, Node, Value};

/// The group that contains the keys.
const GROUP: &str = "instance_settings";
/// One reservation.
const SINGLE: &str = "capacity_reservation_id";
/// One reservation for each availability domain.
const MANY: &str = "capacity_reservations";
/// The key after which a missing key is inserted.
const NEIGHBOUR: &str = "availability_domain";

/// Why a file was left unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Its form cannot be edited line by line.
    #[error("{0}")]
    Form(String),
    /// It names other availability domains than those of the reservations.
    #[error(
        "the config launches in {config}, but the reservation is in {reservation}: change `availability_domain` as well"
    )]
    Elsewhere {
        /// The domains in the config.
        config: String,
        /// The domain of a reservation.
        reservation: String,
    },
}

pub(super) fn form(why: impl Into<String>) -> EditError {
    EditError::Form(why.into())
}

/// The lines for a user who inserts them by hand, indented for `instance_settings:`.
///
/// `one_domain` says whether the config names exactly one availability domain.
pub fn snippet(reservations: &[Reserved], one_domain: bool) -> String {
    lines(reservations, one_domain, 2).join("\n")
}

/// One reservation has its own key if the config launches in one domain; otherwise the list states the domain.
fn lines(reservations: &[Reserved], one_domain: bool, indent: usize) -> Vec<String> {
    let pad = " ".repeat(indent);
    if let ([only], true) = (reservations, one_domain) {
        return vec![format!("{pad}{SINGLE}: {}", only.ocid)];
    }
    let mut lines = vec![format!("{pad}{MANY}:")];
    for reserved in reservations {
        lines.push(format!("{pad}  - availability_domain: {}", reserved.availability_domain));
        lines.push(format!("{pad}    capacity_reservation_id: {}", reserved.ocid));
    }
    lines
}

/// The text with these reservations in place of the present ones.
pub fn with_reservations(source: &str, reservations: &[Reserved]) -> Result<String, EditError> {
    let root = parse(source)?;
    let group = group(&root)?;
    let domains = domains(group)?;
    let one_domain = domains.len() == 1;
    let reservations = &in_its_words(&domains, reservations)?;
    let ending = if source.contains("\r\n") { "\r\n" } else { "\n" };
    let mut text: Vec<String> =
        source.split('\n').map(|line| line.trim_end_matches('\r').to_owned()).collect();
    let ended = text.last().is_some_and(String::is_empty);
    if ended {
        text.pop();
    }

    let indent = indent_of(group, &text)?;
    // From the bottom up, so that the line numbers above stay valid.
    let mut old: Vec<(usize, usize)> = [SINGLE, MANY]
        .iter()
        .filter_map(|key| group.iter().find(|entry| entry.key == *key))
        .map(|entry| extent(entry, &text, indent))
        .collect();
    old.sort_unstable_by(|a, b| b.cmp(a));
    let mut place = None;
    let mut comment = String::new();
    for (first, after) in old {
        comment = trailing_comment(&text[first]);
        text.drain(first..after);
        place = Some(first);
    }
    let place = match place {
        Some(place) => place,
        None => new_place(group, &text, indent)?,
    };
    let mut new = lines(reservations, one_domain, indent);
    if let (Some(first), false) = (new.first_mut(), comment.is_empty()) {
        first.push_str("  ");
        first.push_str(&comment);
    }
    text.splice(place..place, new);
    let mut edited = text.join(ending);
    if ended {
        edited.push_str(ending);
    }
    verify(&root, &edited, &lines(reservations, one_domain, 0))?;
    Ok(edited)
}

pub(super) fn parse(source: &str) -> Result<Node, EditError> {
    let findings = Findings::default();
    let root = yaml::parse(source, &findings).map_err(|finding| form(finding.message))?;
    let (mistakes, _) = findings.into_parts();
    match mistakes.into_iter().next() {
        Some(mistake) => Err(form(mistake.message)),
        None => Ok(root),
    }
}

fn group(root: &Node) -> Result<&[Entry], EditError> {
    let Value::Map(entries) = &root.value else {
        return Err(form("the file is not a group of `key: value` lines"));
    };
    match entries.iter().find(|entry| entry.key == GROUP).map(|entry| &entry.value.value) {
        Some(Value::Map(entries)) if !entries.is_empty() => Ok(entries),
        _ => Err(form(format!("it has no `{GROUP}:` with keys under it"))),
    }
}

/// The indentation of the group's keys; an error if they are not on their own lines.
fn indent_of(group: &[Entry], text: &[String]) -> Result<usize, EditError> {
    let mut indent = None;
    for entry in group {
        let column = entry.place.column - 1;
        let alone = text
            .get(entry.place.line - 1)
            .is_some_and(|line| line.chars().take(column).all(|c| c == ' ') && line.chars().count() > column);
        if !alone || *indent.get_or_insert(column) != column {
            return Err(form(format!("the keys of `{GROUP}` are not on lines of their own")));
        }
    }
    indent.filter(|indent| *indent > 0).ok_or_else(|| form(format!("`{GROUP}:` has no keys under it")))
}

/// The lines of an entry, from its key to the line after its value. Trailing blank lines, and comments that are not indented
/// further than the key, are not part of it.
fn extent(entry: &Entry, text: &[String], indent: usize) -> (usize, usize) {
    let first = entry.place.line - 1;
    let mut after = first + 1;
    for (number, line) in text.iter().enumerate().skip(first + 1) {
        let inner = line.trim_start();
        let column = line.len() - inner.len();
        // With deeper indentation, what looks like a comment may belong to a block of text.
        if inner.is_empty() || (inner.starts_with('#') && column <= indent) {
            continue;
        }
        // A list may have the same indentation as its key.
        if column > indent || (column == indent && inner.starts_with("- ")) {
            after = number + 1;
        } else {
            break;
        }
    }
    (first, after)
}

/// Where new lines go: after `availability_domain`, otherwise after a comment that shows the key, otherwise at the end of the
/// group's first entry.
fn new_place(group: &[Entry], text: &[String], indent: usize) -> Result<usize, EditError> {
    let first = group.iter().map(|entry| entry.place.line).min().unwrap_or(1) - 1;
    let last = group.iter().map(|entry| extent(entry, text, indent).1).max().unwrap_or(text.len());
    let shown = (first..last.min(text.len())).find(|number| {
        let inner = text[*number].trim_start();
        inner.strip_prefix('#').is_some_and(|rest| rest.trim_start().starts_with(&format!("{SINGLE}:")))
    });
    if let Some(shown) = shown {
        return Ok(shown + 1);
    }
    let neighbour = group.iter().find(|entry| entry.key == NEIGHBOUR).or_else(|| group.first());
    neighbour
        .map(|entry| extent(entry, text, indent).1)
        .ok_or_else(|| form(format!("`{GROUP}:` has no keys under it")))
}

/// The comment at the end of a line that is otherwise replaced.
fn trailing_comment(line: &str) -> String {
    let mut quote = None;
    let mut before = ' ';
    for (at, c) in line.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') if before == ' ' => quote = Some(c),
            (Some(open), _) if c == open => quote = None,
            (None, '#') if before == ' ' || before == '\t' => return line[at..].trim_end().to_owned(),
            _ => {}
        }
        before = c;
    }
    String::new()
}

/// The availability domains that the config names, as written.
fn domains(group: &[Entry]) -> Result<Vec<String>, EditError> {
    let Some(entry) = group.iter().find(|entry| entry.key == NEIGHBOUR && !entry.value.is_null()) else {
        return Ok(Vec::new());
    };
    Ok(match &entry.value.value {
        Value::Scalar(scalar) => vec![scalar.text.trim().to_owned()],
        Value::List(items) => items
            .iter()
            .filter_map(|item| match &item.value {
                Value::Scalar(scalar) => Some(scalar.text.trim().to_owned()),
                _ => None,
            })
            .collect(),
        Value::Map(_) => return Err(form(format!("`{NEIGHBOUR}` is a group of keys"))),
    })
}

/// The reservations with the config's own names for their domains. The config must launch in each of them.
fn in_its_words(names: &[String], reservations: &[Reserved]) -> Result<Vec<Reserved>, EditError> {
    if names.is_empty() {
        return Ok(reservations.to_vec());
    }
    let named = |reserved: &Reserved| {
        let own = names.iter().find(|name| fleet::plan::is_same_domain(&reserved.availability_domain, name));
        own.map(|own| Reserved { availability_domain: own.clone(), ocid: reserved.ocid.clone() }).ok_or_else(
            || EditError::Elsewhere {
                config: names.join(", "),
                reservation: reserved.availability_domain.clone(),
            },
        )
    };
    reservations.iter().map(named).collect()
}

/// Parses the result and compares it: it contains the reservations, and nothing else has changed.
fn verify(before: &Node, edited: &str, expected: &[String]) -> Result<(), EditError> {
    let why = || form("it is written in a way that this program cannot edit safely");
    let after = parse(edited).map_err(|_| why())?;
    let said: Vec<&Entry> =
        group(&after)?.iter().filter(|entry| [SINGLE, MANY].contains(&entry.key.as_str())).collect();
    let expected = parse(&expected.join("\n")).map_err(|_| why())?;
    let Value::Map(expected) = &expected.value else { return Err(why()) };
    let right = said.len() == expected.len()
        && said.iter().zip(expected).all(|(a, b)| a.key == b.key && same(&a.value, &b.value, false));
    if right && same(before, &after, true) { Ok(()) } else { Err(why()) }
}

/// Whether two values are equal; at the top, the reservations of the group are ignored.
fn same(a: &Node, b: &Node, top: bool) -> bool {
    match (&a.value, &b.value) {
        (Value::Scalar(a), Value::Scalar(b)) => a == b,
        (Value::List(a), Value::List(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, false))
        }
        (Value::Map(a), Value::Map(b)) => {
            a.len() == b.len()
                && a.iter().zip(b).all(|(a, b)| {
                    let inner = if top && a.key == GROUP {
                        without_reservations(&a.value, &b.value)
                    } else {
                        same(&a.value, &b.value, false)
                    };
                    a.key == b.key && inner
                })
        }
        _ => false,
    }
}

fn without_reservations(a: &Node, b: &Node) -> bool {
    let (Value::Map(a), Value::Map(b)) = (&a.value, &b.value) else { return false };
    let rest = |entries: &[Entry]| -> Vec<Entry> {
        entries.iter().filter(|entry| ![SINGLE, MANY].contains(&entry.key.as_str())).cloned().collect()
    };
    let (a, b) = (rest(a), rest(b));
    a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| a.key == b.key && same(&a.value, &b.value, false))
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
