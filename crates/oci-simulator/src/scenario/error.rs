//! What can be wrong with a scenario, said with its place and the nearest good name.

use super::presets::PRESETS;
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
            "no scenario is named `{name}`.{nearest} Known: {}; or give a YAML file.",
            names.join(", ")
        );
        Self { message }
    }

    pub(super) fn unreadable(path: &Path, error: &std::io::Error) -> Self {
        Self { message: format!("cannot read the scenario {}: {error}", path.display()) }
    }

    pub(super) fn value(source: &str, problem: &str) -> Self {
        Self { message: format!("{source}: {problem}") }
    }

    pub(super) fn yaml(source: &str, error: &serde_saphyr::Error) -> Self {
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
            other => plain(&other.to_string()),
        };
        Self { message: format!("{place}: {message}") }
    }
}

/// The library's text without the place, which is already said, and in one line.
fn plain(text: &str) -> String {
    let text = text.split(" at line ").next().unwrap_or(text);
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

fn unknown(what: &str, name: &str, known: &[&'static str]) -> String {
    match nearest(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`. Did you mean `{nearest}`?"),
        None => format!("unknown {what} `{name}`. Known: {}.", known.join(", ")),
    }
}

/// The known name that a mistyped one most likely stands for.
pub(crate) fn nearest<'a>(name: &str, known: &[&'a str]) -> Option<&'a str> {
    let scored = known.iter().map(|known| (strsim::damerau_levenshtein(&name.to_lowercase(), known), *known));
    scored.filter(|(distance, known)| *distance <= 1 + known.len() / 4).min().map(|(_, known)| known)
}
