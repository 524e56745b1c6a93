//! The values that result from all layers, each with where it came from. What may be secret is hidden.
//!
//! It must not know how they are printed.

use super::excerpt;
use super::finding::{ConfigErrors, Place};
use super::keys::{self, GROUPS};
use super::kinds::{self, Leads};
use super::layers::{self, Layers, Stacked};
use super::scalar::Scalar;
use super::sources::Labels;
use super::variables::{self, ReadVariable, Used};
use super::yaml::{Node, Value};

/// What is shown in place of a value that may be secret.
const HIDDEN: &str = "(hidden)";

/// How a line with a public key begins. Only such a line is shown in full.
const PUBLIC: [&str; 4] = ["ssh-", "ecdsa-", "sk-", "#"];

/// A resulting config.
pub struct Shown {
    /// The files, as the user named them.
    pub files: Vec<String>,
    /// The values.
    pub root: ShownNode,
}

/// A value that is shown.
pub enum ShownNode {
    /// A single value.
    Scalar {
        /// What it is.
        value: Scalar,
        /// The file, or the flag with its key.
        source: String,
        /// The line of the file; none for a flag.
        line: Option<usize>,
        /// The environment variables that it contains.
        variables: Vec<Used>,
    },
    /// A list.
    List(Vec<ShownNode>),
    /// A group of keys.
    Map(Vec<(String, ShownNode)>),
}

impl ShownNode {
    /// Whether there is a key at a path of groups.
    pub fn has(&self, path: &str) -> bool {
        let mut node = Some(self);
        for key in path.split('.') {
            node = match node {
                Some(Self::Map(entries)) => {
                    entries.iter().find(|(name, _)| name == key).map(|(_, value)| value)
                }
                _ => None,
            };
        }
        node.is_some()
    }
}

/// Resolves the layers. A mistake that only the reader of a key finds is not reported.
///
/// # Errors
/// When a layer cannot be read, a key of `--set` does not exist, or a variable is not set.
pub fn show(layers: &Layers, read: Option<ReadVariable>) -> Result<Shown, ConfigErrors> {
    let Stacked { sources, root, findings } = layers::stack(layers, false);
    let resolved = root.map(|written| {
        let mut root = written.clone();
        variables::expand(&mut root, read, &findings);
        (written, root)
    });
    let (mistakes, _) = findings.into_parts();
    let Some((written, root)) = resolved.filter(|_| mistakes.is_empty()) else {
        return Err(ConfigErrors::new(&sources, mistakes));
    };
    let labels = sources.labels();
    let walk = Walk { labels: &labels, read };
    let root = walk.shown(&written, &root, &mut Vec::new(), Leads::Group("the top level"));
    Ok(Shown { files: labels.files().map(str::to_owned).collect(), root })
}

struct Walk<'a> {
    labels: &'a Labels,
    read: Option<ReadVariable>,
}

impl Walk<'_> {
    /// `written` is the value before its variables were replaced.
    fn shown(&self, written: &Node, node: &Node, path: &mut Vec<String>, at: Leads) -> ShownNode {
        match (&written.value, &node.value) {
            (Value::List(written), Value::List(items)) => {
                let below = match at {
                    Leads::List(group) => Leads::Group(group),
                    Leads::Anything => Leads::Anything,
                    _ => Leads::Nothing,
                };
                let items = written.iter().zip(items);
                ShownNode::List(items.map(|(raw, item)| self.shown(raw, item, path, below)).collect())
            }
            (Value::Map(written), Value::Map(entries)) => {
                let mut rows = Vec::new();
                for (raw, entry) in written.iter().zip(entries) {
                    path.push(entry.key.clone());
                    let below = match at {
                        Leads::Group(group) if is_key(group, &entry.key) => kinds::leads(group, &entry.key),
                        Leads::Named(group) => Leads::Group(group),
                        Leads::Anything => Leads::Anything,
                        _ => Leads::Nothing,
                    };
                    let is_unknown = matches!(at, Leads::Group(group) if !is_key(group, &entry.key));
                    let shown = if is_unknown || hides(path, &entry.value) {
                        self.scalar(&Scalar::quoted(HIDDEN), &raw.value, entry.value.place)
                    } else {
                        self.shown(&raw.value, &entry.value, path, below)
                    };
                    rows.push((entry.key.clone(), shown));
                    path.pop();
                }
                ShownNode::Map(rows)
            }
            (_, Value::Scalar(scalar)) => {
                let is_public = path.last().is_some_and(|key| key == "ssh_authorized_keys")
                    && scalar.text.lines().all(|line| PUBLIC.iter().any(|start| line.starts_with(start)));
                let text = if is_public {
                    scalar.text.to_string()
                } else {
                    excerpt::without_key_material(&scalar.text)
                };
                let is_whole = text == *scalar.text;
                let scalar = if is_whole { scalar.clone() } else { Scalar::quoted(&text) };
                self.scalar(&scalar, written, node.place)
            }
            // Replacing variables changes only single values.
            _ => ShownNode::Map(Vec::new()),
        }
    }

    fn scalar(&self, value: &Scalar, written: &Node, place: Place) -> ShownNode {
        let variables = match &written.value {
            Value::Scalar(raw) if raw.text != value.text => variables::used(raw, self.read),
            _ => Vec::new(),
        };
        let line = (place.line > 0 && !self.labels.is_flag(place)).then_some(place.line);
        ShownNode::Scalar {
            value: value.clone(),
            source: self.labels.source(place).to_owned(),
            line,
            variables,
        }
    }
}

fn is_key(group: &str, key: &str) -> bool {
    GROUPS.iter().any(|(name, names)| *name == group && names.contains(&key))
}

/// Whether a value may be a secret: what the reader hides as well, and what goes to the instance as it is.
fn hides(path: &[String], node: &Node) -> bool {
    let path: Vec<&str> = path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["instance_settings", "user_data"] => {
            let Value::Scalar(scalar) = &node.value else { return true };
            let text = scalar.text.trim();
            text.contains('\n') || !text.starts_with(['@', '/', '.', '~'])
        }
        ["instance_settings", "metadata", key] => *key != "ssh_authorized_keys",
        ["instance_settings", "launch_details", fields @ .., key] => {
            let is_free = fields.iter().any(|field| excerpt::FREE.contains(field));
            ["metadata", "extendedMetadata"].contains(key) || !(is_free || excerpt::is_known(key))
        }
        [.., key] => keys::is_secret(key),
        [] => false,
    }
}
