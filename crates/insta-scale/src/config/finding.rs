//! Findings about a config file: what is wrong, where, the remedy, and how they are shown.
//!
//! It must not know what the keys of the file mean.

use super::excerpt::{self, Quote};
use oci_client::credentials::CredentialsError;
use std::cell::RefCell;
use std::fmt::Write as _;

/// A position in the file. Lines and columns count from 1; columns and width are in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The number of marked characters in the line, at least 1.
    pub width: usize,
}

/// One mistake, or one note for the user.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// Where; `None` if it has no position, for example a missing key of the top level.
    pub place: Option<Place>,
    /// What is wrong, in one line.
    pub message: String,
    /// The remedy.
    pub help: Option<String>,
    /// Whether only the key is shown, because its value may be a secret.
    pub hides_value: bool,
}

impl Finding {
    /// A finding with a position.
    pub fn at(place: Place, message: impl Into<String>) -> Self {
        Self { place: Some(place), message: message.into(), help: None, hides_value: false }
    }

    /// A finding about the file as a whole.
    pub fn whole(message: impl Into<String>) -> Self {
        Self { place: None, message: message.into(), help: None, hides_value: false }
    }

    /// A finding about an unknown key, whose value may be a secret.
    pub fn unknown_key(place: Place, message: impl Into<String>) -> Self {
        Self { hides_value: true, ..Self::at(place, message) }
    }

    /// The same with a remedy.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects findings, so that a file is read to its end despite mistakes.
///
/// The readers of a file share it by reference, hence the interior mutability.
#[derive(Debug, Default)]
pub struct Findings {
    mistakes: RefCell<Vec<Finding>>,
    notes: RefCell<Vec<Finding>>,
}

impl Findings {
    /// Adds a mistake, which must be corrected.
    pub fn mistake(&self, finding: Finding) {
        self.mistakes.borrow_mut().push(finding);
    }

    /// Adds a note, which blocks nothing.
    pub fn note(&self, finding: Finding) {
        self.notes.borrow_mut().push(finding);
    }

    /// The number of mistakes found so far.
    pub fn count(&self) -> usize {
        self.mistakes.borrow().len()
    }

    /// Whether no mistake was found so far.
    pub fn is_clean(&self) -> bool {
        self.mistakes.borrow().is_empty()
    }

    /// The mistakes and the notes, each in the order of the file and without duplicates.
    pub fn into_parts(self) -> (Vec<Finding>, Vec<Finding>) {
        (sorted(self.mistakes.into_inner()), sorted(self.notes.into_inner()))
    }
}

fn sorted(mut findings: Vec<Finding>) -> Vec<Finding> {
    // Stable, so that two findings with one position keep their order.
    findings.sort_by_key(|finding| finding.place);
    findings.dedup();
    findings
}

/// All mistakes in one file and in the profile that it names, ready to be shown.
#[derive(Debug)]
pub struct ConfigErrors {
    /// The file as the user named it.
    pub file: String,
    /// The mistakes, in the order of the file.
    pub mistakes: Vec<Finding>,
    /// The lines with mistakes, without secrets and control characters: (line number, text).
    lines: Vec<(usize, String)>,
    /// What was not done because of the mistakes.
    spared: &'static str,
    /// What is wrong with the profile, which is in another file.
    pub profile: Option<Box<CredentialsError>>,
}

impl ConfigErrors {
    /// Keeps only the lines of `source` that are shown.
    pub fn new(file: &str, source: &str, mistakes: Vec<Finding>) -> Self {
        let lines = quoted_lines(source, &mistakes);
        Self::of_lines(file, mistakes, lines)
    }

    /// Adds the error of the profile.
    #[must_use]
    pub fn with_profile(self, profile: Box<CredentialsError>) -> Self {
        Self { profile: Some(profile), ..self }
    }

    /// Takes the lines with mistakes instead of the source.
    pub fn of_lines(file: &str, mistakes: Vec<Finding>, lines: Vec<(usize, String)>) -> Self {
        Self { file: file.to_owned(), mistakes, lines, spared: "sent", profile: None }
    }

    /// Mistakes that the service revealed, with their `lines`.
    pub fn found_by_service(file: &str, mistakes: Vec<Finding>, lines: Vec<(usize, String)>) -> Self {
        Self { spared: "launched", ..Self::of_lines(file, mistakes, lines) }
    }
}

impl std::error::Error for ConfigErrors {}

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for finding in &self.mistakes {
            f.write_str(&render(&self.file, finding, &self.lines))?;
        }
        if let Some(profile) = &self.profile {
            write!(f, "{}\n\n", crate::output::text::clean(&profile.to_string()))?;
        }
        match self.mistakes.len() {
            0 => write!(f, "nothing was {}", self.spared),
            1 => write!(f, "{}: 1 mistake; nothing was {}", self.file, self.spared),
            n => write!(f, "{}: {n} mistakes; nothing was {}", self.file, self.spared),
        }
    }
}

/// Renders notes one after the other.
pub fn render_notes(file: &str, source: &str, notes: &[Finding]) -> String {
    let lines = quoted_lines(source, notes);
    notes.iter().map(|note| render(file, note, &lines)).collect()
}

fn render(file: &str, finding: &Finding, lines: &[(usize, String)]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    let message = excerpt::without_key_material(&crate::output::text::clean(&finding.message));
    let margin = finding.place.map_or(1, |place| place.line.to_string().len());
    match finding.place {
        None => {
            let _ = writeln!(out, "{file}: {message}");
        }
        Some(Place { line, column, width }) => {
            let _ = writeln!(out, "{file}:{line}:{column}: {message}");
            if let Some((_, text)) = lines.iter().find(|(number, _)| *number == line) {
                let left = text.chars().count().saturating_sub(column - 1);
                let carets = "^".repeat(width.min(left.max(1)));
                let _ = writeln!(out, "{:margin$} |", "");
                let _ = writeln!(out, "{line} | {text}");
                let _ = writeln!(out, "{:margin$} | {:indent$}{carets}", "", "", indent = column - 1);
            }
        }
    }
    if let Some(help) = &finding.help {
        let _ = writeln!(
            out,
            "{:margin$} = help: {}",
            "",
            excerpt::without_key_material(&crate::output::text::clean(help))
        );
    }
    out.push('\n');
    out
}

/// The lines of the findings, as far as they may be shown.
pub(super) fn quoted_lines(source: &str, findings: &[Finding]) -> Vec<(usize, String)> {
    let quote = |finding: &Finding| {
        let Place { line, column, width } = finding.place?;
        let most = if finding.hides_value { column - 1 + width } else { usize::MAX };
        Some(Quote { line, most })
    };
    excerpt::lines(source, findings.iter().filter_map(quote).collect())
}
