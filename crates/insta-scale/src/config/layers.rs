//! The layers of a config: its files, later over earlier, and the values of `--set` over all of them.
//!
//! Groups are merged key by key; lists and single values replace what is below. It must not know what the keys mean.

use super::files;
use super::finding::{Finding, Findings};
use super::merge::{in_source, lay_over, parse};
use super::set;
use super::sources::Sources;
use super::yaml::{self, Node, Value};
use crate::output::text::shell_word;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The config that a command was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Layers {
    /// The files; later ones override earlier ones.
    pub files: Vec<PathBuf>,
    /// The values of `--set`, each `KEY=VALUE`.
    pub set: Vec<String>,
    /// Where relative paths in values of `--set` start.
    pub folder: PathBuf,
}

impl Layers {
    /// A config of one file.
    pub fn of(file: impl Into<PathBuf>) -> Self {
        Self { files: vec![file.into()], ..Self::default() }
    }
}

impl std::fmt::Display for Layers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, file) in self.files.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { " + " }, file.display())?;
        }
        Ok(())
    }
}

/// What the layers hold together.
pub struct Stacked {
    /// Where everything came from.
    pub sources: Sources,
    /// The values; `None` if a layer cannot be read, which is then a mistake.
    pub root: Option<Node>,
    /// The mistakes so far.
    pub findings: Findings,
}

/// Reads the layers. Without the only file, and if it `may_lack`, the values of `--set` stand alone.
pub fn stack(layers: &Layers, may_lack: bool) -> Stacked {
    let mut sources = Sources::default();
    let mut mistakes = Vec::new();
    let mut roots = Vec::new();
    let is_lacking = |file: &Path| may_lack && layers.files.len() == 1 && !file.exists();
    for file in &layers.files {
        match if is_lacking(file) { Ok("{}".to_owned().into()) } else { read_text(file) } {
            Ok(text) => {
                let source = sources.add_file(file, &text);
                roots.extend(parse(&text, source, &mut mistakes));
            }
            Err(Unreadable { finding, text }) => {
                let source = sources.add_file(file, &text);
                mistakes.push(in_source(finding, source));
            }
        }
    }
    let settings: Vec<_> = layers
        .set
        .iter()
        .filter_map(|text| set::read(text, &layers.folder, &mut sources, &mut mistakes))
        .collect();
    let findings = Findings::of(sources.labels());
    let is_complete = roots.len() == layers.files.len() && settings.len() == layers.set.len();
    for finding in mistakes {
        findings.mistake(finding);
    }
    let root = is_complete.then(|| merged(roots)).flatten().map(|mut root| {
        for setting in settings {
            if let Err(finding) = set::apply(&mut root, setting, &findings) {
                findings.mistake(finding);
            }
        }
        root
    });
    Stacked { sources, root, findings }
}

/// Why a file cannot be read, and what can be shown of it.
struct Unreadable {
    finding: Finding,
    text: Zeroizing<String>,
}

fn read_text(file: &Path) -> Result<Zeroizing<String>, Unreadable> {
    let bytes = files::read_limited(file, yaml::MAX_BYTES).map_err(|error| {
        let mut finding = Finding::whole(format!("cannot be read: {error}"));
        if !file.exists() {
            let file = if file == Path::new("config.yaml") { String::new() } else { format!(" {}", shell_word(&file.display().to_string())) };
            finding = finding.help(format!(
                "`oci-insta-scale init{file}` writes one, config.example.yaml describes it; or name another file with --config"
            ));
        }
        Unreadable { finding, text: Zeroizing::default() }
    })?;
    let bytes = Zeroizing::new(bytes);
    let text = yaml::text_of(&bytes).map_err(|finding| {
        let text = String::from_utf8_lossy(&bytes).into_owned().into();
        Unreadable { finding, text }
    })?;
    Ok(text.to_owned().into())
}

/// The trees over each other. One that is no group of keys is returned by itself, so that its reader reports it.
fn merged(roots: Vec<Node>) -> Option<Node> {
    let is_odd = |root: &Node| !matches!(root.value, Value::Map(_));
    if let Some(odd) = roots.iter().find(|root| is_odd(root)) {
        return Some(odd.clone());
    }
    roots.into_iter().reduce(|mut below, above| {
        lay_over(&mut below, above);
        below
    })
}
