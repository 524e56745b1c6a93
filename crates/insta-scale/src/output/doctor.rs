//! The page of `doctor`: one line for each check, with its remedy.

use super::published::PublishedDocument;
use super::text::{clean_lines, wrap};
use anstyle::{AnsiColor, Style};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is as it should be.
    Ok,
    /// It does not prevent a launch.
    Warning,
    /// It prevents a launch.
    Failed,
    /// It could not be checked, because an earlier check failed.
    Skipped,
}

/// A check and its result.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Check {
    /// What is checked: `config`, `clock`, `subnet`.
    pub check: String,
    /// How it ended.
    pub state: State,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

impl Check {
    /// A check.
    pub fn new(check: impl Into<String>, state: State, found: impl Into<String>) -> Self {
        Self { check: check.into(), state, found: found.into(), remedy: None }
    }

    /// The check with a remedy, if there is one.
    #[must_use]
    pub fn remedy(self, remedy: Option<impl Into<String>>) -> Self {
        Self { remedy: remedy.map(Into::into), ..self }
    }
}

/// Columns of the names of the checks.
const LABEL: usize = 14;

/// For people, in the width of the terminal, if it is one.
pub fn text(checks: &[Check], width: Option<usize>) -> String {
    let mut out = String::new();
    for one in checks {
        let (mark, colour) = match one.state {
            State::Ok => ("ok", Some(AnsiColor::Green)),
            State::Warning => ("warn", Some(AnsiColor::Yellow)),
            State::Failed => ("FAIL", Some(AnsiColor::Red)),
            State::Skipped => ("-", None),
        };
        let style = colour.map_or_else(Style::new, AnsiColor::on_default);
        let label = clean_lines(&one.check);
        let begin = format!("{mark:<5} {label:<LABEL$} ");
        let indent = begin.chars().count();
        let room = width.map(|width| width.saturating_sub(indent).max(20));
        let mut lines: Vec<String> = Vec::new();
        for part in [Some(one.found.as_str()), one.remedy.as_deref()].into_iter().flatten() {
            lines.extend(wrap(&clean_lines(part), room).lines().map(str::to_owned));
        }
        // Writing to a String cannot fail, so the result is ignored.
        let _ = write!(out, "{style}{mark:<5}{style:#} {label:<LABEL$} ");
        out.push_str(&lines.join(&format!("\n{:indent$}", "")));
        out.push('\n');
    }
    out
}

/// Everything that a launch needs, checked.
#[derive(Debug, JsonSchema, Serialize)]
pub struct DoctorDocument<'a> {
    /// Whether a launch could begin: the exit code is 0.
    pub ready: bool,
    /// The checks. A name may occur several times.
    pub checks: &'a [Check],
}

impl PublishedDocument for DoctorDocument<'_> {
    const NAME: &'static str = "doctor";
    const COMMANDS: &'static [&'static str] = &["doctor"];
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_check_is_a_line_with_its_remedy_below() {
        let checks = [
            Check::new("version", State::Ok, "0.2.0"),
            Check::new("subnet", State::Failed, "it has 2 free addresses, but 40 are needed, which is fewer")
                .remedy(Some("use a larger subnet")),
            Check::new("limits", State::Skipped, "the login was refused"),
        ];
        let text = anstream::adapter::strip_str(&text(&checks, Some(60))).to_string();
        insta::assert_snapshot!(text, @r"
        ok    version        0.2.0
        FAIL  subnet         it has 2 free addresses, but 40 are
                             needed, which is fewer
                             use a larger subnet
        -     limits         the login was refused
        ");
    }
}
