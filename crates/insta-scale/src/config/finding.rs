//! Findings about a config file: what is wrong, where, the remedy, and how they are shown.
//!
//! It must not know what the keys of the file mean.

use super::excerpt::{self, Quote};
pub use super::sources::Place;
use super::sources::{Labels, Sources};
use oci_client::credentials::CredentialsError;
use std::cell::RefCell;
use std::fmt::Write as _;

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
    labels: Labels,
}

impl Findings {
    /// Findings about sources with these names.
    pub fn of(labels: Labels) -> Self {
        Self { labels, ..Self::default() }
    }

    /// A place within a sentence: `line 3`.
    pub fn line(&self, place: Place) -> String {
        self.labels.line(place)
    }

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

/// The lines of a config that messages quote, without secrets and control characters.
#[derive(Clone, Debug, Default)]
pub struct Quoted {
    labels: Labels,
    /// The number of the source, the number of the line, and its text.
    lines: Vec<(usize, usize, String)>,
}

impl Quoted {
    /// The lines of the findings.
    pub fn of(sources: &Sources, findings: &[Finding]) -> Self {
        let mut lines = Vec::new();
        for (source, text) in sources.texts() {
            let quote = |finding: &Finding| {
                let place = finding.place.filter(|place| place.source == source)?;
                let most = if finding.hides_value {
                    (place.column + place.width).saturating_sub(1)
                } else {
                    usize::MAX
                };
                Some(Quote { line: place.line, most })
            };
            let shown = excerpt::lines(text, findings.iter().filter_map(quote).collect());
            lines.extend(shown.into_iter().map(|(line, text)| (source, line, text)));
        }
        Self { labels: sources.labels(), lines }
    }

    fn line(&self, place: Place) -> Option<&str> {
        let found =
            self.lines.iter().find(|(source, line, _)| (*source, *line) == (place.source, place.line));
        found.map(|(_, _, text)| text.as_str())
    }

    /// Renders findings one after the other.
    pub fn render(&self, findings: &[Finding]) -> String {
        findings.iter().map(|finding| render(self, finding)).collect()
    }
}

/// All mistakes in one config and in the profile that it names, ready to be shown.
#[derive(Debug)]
pub struct ConfigErrors {
    /// The mistakes, in the order of the sources.
    pub mistakes: Vec<Finding>,
    quoted: Quoted,
    /// What was not done because of the mistakes.
    spared: &'static str,
    /// What is wrong with the profile, which is in another file.
    pub profile: Option<Box<CredentialsError>>,
}

impl ConfigErrors {
    /// Keeps only the lines that are shown.
    pub fn new(sources: &Sources, mistakes: Vec<Finding>) -> Self {
        let quoted = Quoted::of(sources, &mistakes);
        Self::of_lines(quoted, mistakes)
    }

    /// Adds the error of the profile.
    #[must_use]
    pub fn with_profile(self, profile: Box<CredentialsError>) -> Self {
        Self { profile: Some(profile), ..self }
    }

    /// Takes the lines with mistakes instead of the sources.
    pub fn of_lines(quoted: Quoted, mistakes: Vec<Finding>) -> Self {
        Self { mistakes, quoted, spared: "sent", profile: None }
    }

    /// Mistakes that the service revealed, with their lines.
    pub fn found_by_service(quoted: Quoted, mistakes: Vec<Finding>) -> Self {
        Self { spared: "launched", ..Self::of_lines(quoted, mistakes) }
    }
}

impl std::error::Error for ConfigErrors {}

impl std::fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.quoted.render(&self.mistakes))?;
        if let Some(profile) = &self.profile {
            write!(f, "{}\n\n", crate::output::text::clean(&profile.to_string()))?;
        }
        match self.mistakes.len() {
            0 => write!(f, "nothing was {}", self.spared),
            1 => write!(f, "{}: 1 mistake; nothing was {}", self.quoted.labels.config(), self.spared),
            n => write!(f, "{}: {n} mistakes; nothing was {}", self.quoted.labels.config(), self.spared),
        }
    }
}

fn render(quoted: &Quoted, finding: &Finding) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail, so the results are ignored.
    let message = excerpt::without_key_material(&crate::output::text::clean(&finding.message));
    let line = finding.place.and_then(|place| Some((place, quoted.line(place)?)));
    let is_placed = |place: &Place| place.line > 0 && !quoted.labels.is_flag(*place);
    let margin = finding.place.filter(is_placed).map_or(1, |place| place.line.to_string().len());
    let at = finding.place.map_or_else(|| quoted.labels.config(), |place| quoted.labels.at(place));
    // `--set KEY` names the key already.
    let key = at.strip_prefix("--set ").map(|key| format!("{key} "));
    let message = key.and_then(|key| message.strip_prefix(&key)).unwrap_or(&message);
    let _ = writeln!(out, "{at}: {message}");
    if let Some((Place { line, column, width, .. }, text)) = line {
        let left = text.chars().count().saturating_sub(column - 1);
        let carets = "^".repeat(width.min(left.max(1)));
        let _ = writeln!(out, "{:margin$} |", "");
        let _ = writeln!(out, "{line} | {text}");
        let _ = writeln!(out, "{:margin$} | {:indent$}{carets}", "", "", indent = column - 1);
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
