//! What a file says now, with its variables replaced: the defaults of whoever edits it.

use super::EditError;
use super::edit::{form, parse};
use crate::config::finding::Findings;
use crate::config::variables::{self, ReadVariable};
use crate::config::yaml::{Node, Value};

/// The values of a file.
#[derive(Clone, Debug)]
pub struct Present {
    root: Node,
}

impl Present {
    /// Reads the text of a file.
    ///
    /// # Errors
    /// When it is no YAML of keys and values, or a variable is not set.
    pub fn read(source: &str, variable: Option<ReadVariable>) -> Result<Self, EditError> {
        let mut root = parse(source)?;
        if !matches!(root.value, Value::Map(_)) {
            return Err(form("the file is not a group of `key: value` lines"));
        }
        let findings = Findings::default();
        variables::expand(&mut root, variable, &findings);
        match findings.into_parts().0.into_iter().next() {
            Some(mistake) => Err(form(mistake.message)),
            None => Ok(Self { root }),
        }
    }

    fn node(&self, path: &[&str]) -> Option<&Node> {
        path.iter().try_fold(&self.root, |node, key| node.child(key))
    }

    /// Whether a key has a value.
    pub fn has(&self, path: &[&str]) -> bool {
        self.node(path).is_some_and(|node| !node.is_null())
    }

    /// The text of a value that is one scalar, or of a list of them, one per line.
    pub fn text(&self, path: &[&str]) -> Option<String> {
        Some(self.texts(path).join("\n")).filter(|text| !text.is_empty())
    }

    /// The texts of a list, or of a single scalar.
    pub fn texts(&self, path: &[&str]) -> Vec<String> {
        let scalar = |node: &Node| match &node.value {
            Value::Scalar(scalar) => Some(scalar.text.trim().to_owned()).filter(|text| !text.is_empty()),
            _ => None,
        };
        match self.node(path) {
            Some(Node { value: Value::List(items), .. }) => items.iter().filter_map(scalar).collect(),
            Some(node) if !node.is_null() => scalar(node).into_iter().collect(),
            _ => Vec::new(),
        }
    }
}
