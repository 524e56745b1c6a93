//! Errors of scenarios, with their location and the most similar valid name.

use super::presets::PRESETS;
use crate::similar::nearest;
use std::path::Path;

/// Why a scenario cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ScenarioError {
    message: String,
}

impl ScenarioError {
    pub(super) fn unknown_name(name: &str) -> Self {
        let names: Vec<&str> = PRESETS.iter().map(|preset| preset.name).collect();
        let nearest =
            nearest(name, &names).map(|name| format!(" Did you mean `{name}`?")).unwrap_or_default();
        let message = format!(
            "no scenario is named `{name}`.{nearest} Known: {}; or name a YAML file.",
            names.join(", ")
        );
        Self { message }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self { message: format!("cannot read the scenario {}: {error}", path.display()) }
    }

    pub(super) fn not_text(source: &str, error: &std::string::FromUtf8Error) -> Self {
        let (bytes, at) = (error.as_bytes(), error.utf8_error().valid_up_to());
        let line = bytes[..at].split(|byte| *byte == b'\n').count();
        let byte = bytes[at];
        Self { message: format!("{source}:{line}: byte 0x{byte:02x} is not UTF-8: save the file as UTF-8") }
    }

    pub(super) fn value(source: &str, problem: &str) -> Self {
        Self { message: format!("{source}: {problem}") }
    }

    pub(super) fn yaml(source: &str, text: &str, error: &serde_saphyr::Error) -> Self {
        let error = error.without_snippet();
        let place = match error.location() {
            Some(at) if at.line() > 0 => format!("{source}:{}:{}", at.line(), at.column()),
            _ => source.to_owned(),
        };
        let message = match error {
            serde_saphyr::Error::SerdeUnknownField { field, expected, .. } => unknown("key", field, expected),
            serde_saphyr::Error::SerdeUnknownVariant { variant, expected, .. } => {
                unknown("value", variant, expected)
            }
            serde_saphyr::Error::DuplicateMappingKey { key: Some(key), .. } => {
                format!("the key `{key}` is given twice")
            }
            other => {
                let (line, column) = error.location().map_or((0, 0), |at| (at.line(), at.column()));
                let said = plain(&other.to_string());
                match key_before(text, line as usize, column as usize) {
                    Some(key) if !said.starts_with("unclosed") => format!("{key}: {}", wanted(&said)),
                    _ => said,
                }
            }
        };
        Self { message: format!("{place}: {message}") }
    }
}

/// The library's text on one line, without the location, which the error already contains.
fn plain(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or(text);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// The key whose value begins here: `b` if the line is `a: {b: x}` and the location is that of `x`.
fn key_before(text: &str, line: usize, column: usize) -> Option<&str> {
    let line = text.lines().nth(line.checked_sub(1)?)?;
    let (at, _) = line.char_indices().nth(column.checked_sub(1)?)?;
    let before = line[..at].trim_end().strip_suffix(':')?;
    let key = before.rsplit(['{', ',', ' ', '-']).next()?;
    (!key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')).then_some(key)
}

/// Says what a value must be where the library only says what it is not.
fn wanted(said: &str) -> String {
    let number = |what: &str| said.contains(what) && (said.contains("invalid") || said.contains("cannot"));
    let wanted = match said {
        _ if number("f64") || number("floating point") => "a number",
        _ if number("u8") => "a whole number from 0 to 255",
        _ if number("u16") => "a whole number from 0 to 65535",
        _ if number("u32") => "a whole number from 0 to 4294967295",
        _ if number("u64") || number("usize") => "a whole number of 0 or more",
        _ if number("i64") || number("integer") => "a whole number",
        _ if number("bool") => "true or false",
        "expected mapping start" => return "must hold keys with values".to_owned(),
        "expected sequence start" => "a list",
        "expected string scalar" => "a text",
        _ => return said.to_owned(),
    };
    format!("must be {wanted}")
}

fn unknown(what: &str, name: &str, known: &[&'static str]) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`. Did you mean `{nearest}`?"),
        None => format!("unknown {what} `{name}`. Known: {}.", known.join(", ")),
    }
}
