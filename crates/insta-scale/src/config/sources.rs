//! The sources of a config: its files, and the values of `--set`. Later ones override earlier ones.
//!
//! It must not know what the keys mean.

use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A position in a source of the config. Lines and columns count from 1; columns and width are in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The number of the source.
    pub source: usize,
    /// The line; 0 for the source as a whole.
    pub line: usize,
    /// The column.
    pub column: usize,
    /// The number of marked characters in the line, at least 1.
    pub width: usize,
}

/// One source.
struct Source {
    label: Label,
    /// The folder at which its relative paths start.
    folder: PathBuf,
    /// Empty for a flag, whose text is never quoted: it may be a secret.
    text: Zeroizing<String>,
}

/// How messages name a source.
#[derive(Clone, Debug)]
struct Label {
    name: String,
    is_flag: bool,
}

/// All sources, in the order of precedence.
#[derive(Default)]
pub struct Sources {
    all: Vec<Source>,
}

impl Sources {
    /// Adds a file, and returns its number for [`Place::source`].
    pub fn add_file(&mut self, path: &Path, text: &str) -> usize {
        let folder = path.parent().unwrap_or(Path::new("")).to_owned();
        self.add(Label { name: path.display().to_string(), is_flag: false }, folder, text)
    }

    /// Adds a flag `--set KEY=…`, which is named by its key.
    pub fn add_flag(&mut self, key: &str, folder: &Path) -> usize {
        self.add(Label { name: format!("--set {key}"), is_flag: true }, folder.to_owned(), "")
    }

    fn add(&mut self, label: Label, folder: PathBuf, text: &str) -> usize {
        self.all.push(Source { label, folder, text: Zeroizing::new(text.to_owned()) });
        self.all.len() - 1
    }

    /// Where a relative path at this place starts.
    pub fn folder(&self, place: Place) -> &Path {
        self.all.get(place.source).map_or(Path::new(""), |source| &source.folder)
    }

    /// The text of each source, with its number.
    pub fn texts(&self) -> impl Iterator<Item = (usize, &str)> {
        self.all.iter().map(|source| source.text.as_str()).enumerate()
    }

    /// How messages name the sources.
    pub fn labels(&self) -> Labels {
        Labels(self.all.iter().map(|source| source.label.clone()).collect())
    }
}

/// How messages name sources and places in them.
#[derive(Clone, Debug, Default)]
pub struct Labels(Vec<Label>);

impl Labels {
    /// The config as a whole: `config.yaml`, or `config.yaml + prod.yaml`.
    pub fn config(&self) -> String {
        self.files().collect::<Vec<_>>().join(" + ")
    }

    /// The names of the files.
    pub fn files(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter(|label| !label.is_flag).map(|label| label.name.as_str())
    }

    /// A source by itself.
    pub fn source(&self, place: Place) -> &str {
        self.0.get(place.source).map_or("", |label| &label.name)
    }

    /// Whether a place is in a flag.
    pub fn is_flag(&self, place: Place) -> bool {
        self.0.get(place.source).is_some_and(|label| label.is_flag)
    }

    /// A place for the beginning of a message: `prod.yaml:3:9`, or `--set count`.
    pub fn at(&self, place: Place) -> String {
        let (source, Place { line, column, .. }) = (self.source(place), place);
        if line == 0 || self.is_flag(place) { source.to_owned() } else { format!("{source}:{line}:{column}") }
    }

    /// A place within a sentence: `line 3`, `line 3 of prod.yaml` if there are several files, or `--set count`.
    pub fn line(&self, place: Place) -> String {
        match (self.is_flag(place), self.files().count()) {
            (true, _) => format!("`{}`", self.source(place)),
            (false, 0 | 1) => format!("line {}", place.line),
            (false, _) => format!("line {} of {}", place.line, self.source(place)),
        }
    }
}
