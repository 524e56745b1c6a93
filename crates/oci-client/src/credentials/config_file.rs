//! The `~/.oci/config` file, parsed as INI in the way of Python's `configparser`, because the official tools use that.
//!
//! Every profile inherits the keys of `[DEFAULT]`. Key names ignore case. A comment must start its line. A line that is
//! indented deeper than the key above it continues that key's value. This module does not know what the keys mean.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// The section whose keys all other sections inherit.
const DEFAULT: &str = "DEFAULT";

/// A configuration file.
#[derive(Clone)]
pub struct ConfigFile {
    path: PathBuf,
    sections: BTreeMap<String, Section>,
}

type Section = BTreeMap<String, Entry>;

#[derive(Clone)]
struct Entry {
    value: String,
    line: usize,
}

/// What is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ConfigFileError {
    /// It does not exist or cannot be read.
    #[error("the OCI configuration file {} cannot be read ({why})", path.display())]
    Unreadable {
        /// The expected path.
        path: PathBuf,
        /// The text of the operating system.
        why: String,
    },
    /// A line is wrong.
    #[error("{}:{line}: {what}", path.display())]
    Line {
        /// The file.
        path: PathBuf,
        /// The line number, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// The profile is not in the file.
    #[error("{} has no profile [{profile}]; it has {}", path.display(), profiles(.known))]
    NoProfile {
        /// The file.
        path: PathBuf,
        /// The requested profile.
        profile: String,
        /// The profiles that the file has.
        known: Vec<String>,
    },
}

fn profiles(known: &[String]) -> String {
    if known.is_empty() {
        return "none".to_owned();
    }
    known.iter().map(|name| format!("[{name}]")).collect::<Vec<_>>().join(", ")
}

/// One profile of a file, including inherited keys.
#[derive(Clone)]
pub struct Profile<'a> {
    file: &'a ConfigFile,
    name: String,
}

impl ConfigFile {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self, ConfigFileError> {
        let bytes = std::fs::read(path).map_err(|error| ConfigFileError::Unreadable {
            path: path.to_owned(),
            why: match error.kind() {
                std::io::ErrorKind::NotFound => "it does not exist".to_owned(),
                _ => error.to_string(),
            },
        })?;
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).map_err(|error| ConfigFileError::Line {
            path: path.to_owned(),
            line: bytes[..error.valid_up_to()].split(|byte| *byte == b'\n').count(),
            what: format!("byte 0x{:02x} is not UTF-8: save the file as UTF-8", bytes[error.valid_up_to()]),
        })?;
        Self::parse(text, path)
    }

    /// Parses the text of a file; errors call it `path`.
    pub fn parse(text: &str, path: &Path) -> Result<Self, ConfigFileError> {
        let mut reader = Reader { path, sections: BTreeMap::new(), section: None, open: None, indent: 0 };
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            reader.line(index + 1, line)?;
        }
        Ok(Self { path: path.to_owned(), sections: reader.sections })
    }

    /// The names of the profiles, sorted.
    pub fn profiles(&self) -> Vec<String> {
        self.sections.keys().cloned().collect()
    }

    /// Finds a profile of the file.
    pub fn profile(&self, name: &str) -> Result<Profile<'_>, ConfigFileError> {
        if !self.sections.contains_key(name) {
            let (path, known) = (self.path.clone(), self.profiles());
            return Err(ConfigFileError::NoProfile { path, profile: name.to_owned(), known });
        }
        Ok(Profile { file: self, name: name.to_owned() })
    }
}

impl Profile<'_> {
    /// File and profile, for messages.
    pub fn place(&self) -> String {
        format!("profile [{}] of {}", self.name, self.file.path.display())
    }

    /// The value of a key (given in lower case), whether its own or inherited; `None` if it is empty.
    pub fn get(&self, key: &str) -> Option<&str> {
        self.entry(key).map(|entry| entry.value.as_str()).filter(|value| !value.is_empty())
    }

    /// File and line of a key, for messages.
    pub fn place_of(&self, key: &str) -> String {
        match self.entry(key) {
            Some(entry) => format!("{}:{}", self.file.path.display(), entry.line),
            None => self.place(),
        }
    }

    /// Whether the profile has the key itself rather than inheriting it from `[DEFAULT]`.
    pub fn is_own(&self, key: &str) -> bool {
        let entry = self.file.sections.get(&self.name).and_then(|section| section.get(key));
        entry.is_some_and(|entry| !entry.value.is_empty())
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        let of = |section: &str| self.file.sections.get(section)?.get(key);
        of(&self.name).or_else(|| of(DEFAULT))
    }
}

/// Parses the file line by line.
struct Reader<'a> {
    path: &'a Path,
    sections: BTreeMap<String, Section>,
    section: Option<String>,
    /// The key whose value a line with deeper indentation continues.
    open: Option<String>,
    indent: usize,
}

impl Reader<'_> {
    fn line(&mut self, number: usize, line: &str) -> Result<(), ConfigFileError> {
        let text = line.trim();
        if text.is_empty() || text.starts_with(['#', ';']) {
            return Ok(());
        }
        let indent = line.chars().take_while(|c| c.is_whitespace()).count();
        if indent > self.indent
            && let Some(entry) = self.open_entry()
        {
            entry.value.push('\n');
            entry.value.push_str(text);
            return Ok(());
        }
        self.indent = indent;
        self.open = None;
        if text.starts_with('[') { self.header(number, text) } else { self.entry(number, text) }
    }

    fn open_entry(&mut self) -> Option<&mut Entry> {
        self.sections.get_mut(self.section.as_ref()?)?.get_mut(self.open.as_ref()?)
    }

    fn header(&mut self, number: usize, text: &str) -> Result<(), ConfigFileError> {
        let end =
            text.rfind(']').ok_or_else(|| self.wrong(number, "a profile's name needs a closing `]`"))?;
        let name = &text[1..end];
        if name.is_empty() {
            return Err(self.wrong(number, "a profile needs a name between `[` and `]`"));
        }
        if name != DEFAULT && self.sections.contains_key(name) {
            return Err(self.wrong(number, &format!("profile [{name}] exists twice")));
        }
        self.sections.entry(name.to_owned()).or_default();
        self.section = Some(name.to_owned());
        Ok(())
    }

    fn entry(&mut self, number: usize, text: &str) -> Result<(), ConfigFileError> {
        let Some((key, value)) = text.split_once(['=', ':']) else {
            return Err(self.wrong(number, "expected `key=value`, `[PROFILE]` or a comment"));
        };
        let key = key.trim().to_lowercase();
        if key.is_empty() {
            return Err(self.wrong(number, "there is no key before the `=`"));
        }
        let Some(section) = self.section.clone() else {
            return Err(self.wrong(number, "a setting precedes the first profile: add [DEFAULT] above it"));
        };
        let entries = self.sections.entry(section.clone()).or_default();
        if let Some(first) = entries.get(&key) {
            let what = format!("{key} is already set for [{section}] in line {}", first.line);
            return Err(self.wrong(number, &what));
        }
        entries.insert(key.clone(), Entry { value: value.trim().to_owned(), line: number });
        self.open = Some(key);
        Ok(())
    }

    fn wrong(&self, line: usize, what: &str) -> ConfigFileError {
        ConfigFileError::Line { path: self.path.to_owned(), line, what: what.to_owned() }
    }
}
