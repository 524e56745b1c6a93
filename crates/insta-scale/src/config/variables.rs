//! Replaces `${NAME}` and `${NAME:-default}` in the values of config.yaml by environment variables.
//!
//! It works on the parsed tree, so that a value stays one scalar whatever a variable contains. It must not read the environment, which
//! is passed in.

use super::context::GROUP;
use super::finding::{Finding, Findings};
use super::keys::SECRET;
use super::scalar::{Scalar, ScalarKind};
use super::yaml::{Node, Value};

/// Reads an environment variable that is set and not empty.
pub type ReadVariable = fn(&str) -> Option<String>;

/// Keys of `instance_settings` whose values go to the instance as they are: their scripts have variables of their own.
const LITERAL: [&str; 3] = ["user_data", "metadata", "launch_details"];

/// Replaces the variables in all values of a file.
pub fn expand(root: &mut Node, read: Option<ReadVariable>, findings: &Findings) {
    walk(root, &mut Vec::new(), read, findings);
}

/// A variable that a value names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Used {
    /// Its name.
    pub name: String,
    /// Whether it is set, rather than replaced by a default.
    pub is_set: bool,
}

/// The variables that a value names.
pub fn used(scalar: &Scalar, read: Option<ReadVariable>) -> Vec<Used> {
    let mut used = Vec::new();
    // A value that cannot be resolved is reported when the config is read.
    let _ = resolve_into(scalar, read, &mut used);
    used
}

fn walk(node: &mut Node, path: &mut Vec<String>, read: Option<ReadVariable>, findings: &Findings) {
    if matches!(path.as_slice(), [group, key] if group == GROUP.trim_end_matches('.') && LITERAL.contains(&key.as_str()))
    {
        return;
    }
    match &mut node.value {
        Value::List(items) => items.iter_mut().for_each(|item| walk(item, path, read, findings)),
        Value::Map(entries) => {
            for entry in entries {
                path.push(entry.key.clone());
                walk(&mut entry.value, path, read, findings);
                path.pop();
            }
        }
        Value::Scalar(scalar) if scalar.text.contains("${") => {
            let key = path.join(".");
            let is_secret = path.last().is_some_and(|key| key == SECRET);
            match resolve(scalar, read) {
                Ok(resolved) => *scalar = resolved,
                Err(wrong) => {
                    let finding = Finding::at(node.place, format!("{key}: {}", wrong.message(is_secret)));
                    findings.mistake(Finding { hides_value: is_secret, ..finding }.help(wrong.help()));
                }
            }
        }
        Value::Scalar(_) => {}
    }
}

/// Why a value cannot be resolved.
#[derive(Debug, PartialEq, Eq)]
enum Wrong {
    Unset(String),
    Malformed,
    Empty,
}

impl Wrong {
    /// A passphrase may contain `${` by itself, so nothing of it is repeated.
    fn message(&self, is_secret: bool) -> String {
        match self {
            Self::Unset(_) if is_secret => "the variable that it names is not set".to_owned(),
            Self::Unset(name) => format!("the variable {name} is not set"),
            Self::Malformed => "`${` does not begin a variable".to_owned(),
            Self::Empty => "the value becomes empty".to_owned(),
        }
    }

    fn help(&self) -> &'static str {
        match self {
            Self::Unset(_) => {
                "set it, or write a default: `${NAME:-default}`; for a literal `${` write `$${`"
            }
            Self::Malformed => "write `${NAME}` or `${NAME:-default}`; for a literal `${` write `$${`",
            Self::Empty => "remove the key if it is to have no value",
        }
    }
}

/// The scalar with its variables replaced. It keeps its quotes, so that a quoted value stays text.
fn resolve(scalar: &Scalar, read: Option<ReadVariable>) -> Result<Scalar, Wrong> {
    resolve_into(scalar, read, &mut Vec::new())
}

fn resolve_into(scalar: &Scalar, read: Option<ReadVariable>, used: &mut Vec<Used>) -> Result<Scalar, Wrong> {
    let mut text = zeroize::Zeroizing::new(String::new());
    let mut rest = scalar.text.as_str();
    while let Some(at) = rest.find("${") {
        let (before, after) = rest.split_at(at);
        let body = &after[2..];
        if let Some(before) = before.strip_suffix('$') {
            text.push_str(before);
            text.push_str("${");
            rest = body;
            continue;
        }
        let (inside, left) = body.split_once('}').ok_or(Wrong::Malformed)?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        let is_name = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !is_name {
            return Err(Wrong::Malformed);
        }
        let set = read.and_then(|read| read(name)).map(zeroize::Zeroizing::new);
        used.push(Used { name: name.to_owned(), is_set: set.is_some() });
        text.push_str(before);
        match (&set, default) {
            (Some(value), _) => text.push_str(value),
            (None, Some(default)) => text.push_str(default),
            (None, None) => return Err(Wrong::Unset(name.to_owned())),
        }
        rest = left;
    }
    text.push_str(rest);
    let resolved = if scalar.quoted { Scalar::quoted(&text) } else { Scalar::plain(&text) };
    // An absent value may mean more than any value, such as all availability domains.
    if text.trim().is_empty() || resolved.kind == ScalarKind::Null {
        return Err(Wrong::Empty);
    }
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str) -> Option<String> {
        match name {
            "COUNT" => Some("7".to_owned()),
            "LIST" => Some("[a, b]\nkey: value".to_owned()),
            "NOTHING" => Some("null".to_owned()),
            "BLANK" => Some("  ".to_owned()),
            "NESTED" => Some("${COUNT}".to_owned()),
            _ => None,
        }
    }

    fn resolved(scalar: &Scalar) -> Result<(String, ScalarKind), Wrong> {
        resolve(scalar, Some(read)).map(|scalar| (scalar.text.to_string(), scalar.kind))
    }

    fn plain(text: &str) -> Result<(String, ScalarKind), Wrong> {
        resolved(&Scalar::plain(text))
    }

    #[test]
    fn a_variable_becomes_a_scalar_and_no_structure() {
        assert_eq!(plain("${COUNT}"), Ok(("7".to_owned(), ScalarKind::Int(7))));
        assert_eq!(resolved(&Scalar::quoted("${COUNT}")), Ok(("7".to_owned(), ScalarKind::Text)));
        assert_eq!(plain("a${COUNT}b${COUNT}"), Ok(("a7b7".to_owned(), ScalarKind::Text)));
        assert_eq!(plain("${LIST}"), Ok(("[a, b]\nkey: value".to_owned(), ScalarKind::Text)));
        assert_eq!(plain("${NESTED}"), Ok(("${COUNT}".to_owned(), ScalarKind::Text)), "resolved once");
    }

    #[test]
    fn defaults_and_escapes_are_as_in_a_shell() {
        assert_eq!(plain("${NONE:-5}"), Ok(("5".to_owned(), ScalarKind::Int(5))));
        assert_eq!(plain("${COUNT:-5}"), Ok(("7".to_owned(), ScalarKind::Int(7))));
        assert_eq!(plain("web${NONE:-}"), Ok(("web".to_owned(), ScalarKind::Text)));
        assert_eq!(plain("$${COUNT}"), Ok(("${COUNT}".to_owned(), ScalarKind::Text)));
        assert_eq!(plain("$COUNT and ${COUNT}"), Ok(("$COUNT and 7".to_owned(), ScalarKind::Text)));
    }

    #[test]
    fn a_variable_never_makes_a_value_absent() {
        for text in ["${NOTHING}", "${BLANK}", "${NONE:-}", "${NONE:-null}"] {
            assert_eq!(plain(text), Err(Wrong::Empty), "{text}");
        }
        assert_eq!(plain("${NONE}"), Err(Wrong::Unset("NONE".to_owned())));
        for text in ["${", "${}", "${1A}", "${A B}", "${A-b}"] {
            assert_eq!(plain(text), Err(Wrong::Malformed), "{text}");
        }
    }
}
