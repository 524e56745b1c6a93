//! Parses one layer of a config, and lays values over others.
//!
//! It must not know what the keys mean.

use super::finding::{Finding, Findings, Place};
use super::scalar::{Scalar, ScalarKind};
use super::yaml::{self, Node, Value};

/// The finding of a source. One without a position concerns the source as a whole.
pub fn in_source(finding: Finding, source: usize) -> Finding {
    Finding { place: Some(Place { source, ..finding.place.unwrap_or_default() }), ..finding }
}

/// Parses one layer.
pub fn parse(text: &str, source: usize, mistakes: &mut Vec<Finding>) -> Option<Node> {
    let findings = Findings::default();
    let root = yaml::parse(text, &findings).map_err(|finding| findings.mistake(finding)).ok();
    let own = findings.into_parts().0;
    mistakes.extend(own.into_iter().map(|finding| in_source(finding, source)));
    root.map(|mut root| {
        stamp(&mut root, source);
        root
    })
}

/// Marks everything in a tree as part of a source.
fn stamp(node: &mut Node, source: usize) {
    node.place.source = source;
    match &mut node.value {
        Value::Scalar(_) => {}
        Value::List(items) => items.iter_mut().for_each(|item| stamp(item, source)),
        Value::Map(entries) => {
            for entry in entries {
                entry.place.source = source;
                stamp(&mut entry.value, source);
            }
        }
    }
}

/// Lays a value over another. A key with a blank value says nothing; `null` removes the key, so that no reader can tell it from one
/// that no layer has.
pub fn lay_over(below: &mut Node, above: Node) {
    let (Value::Map(entries), Value::Map(_)) = (&mut below.value, &above.value) else {
        *below = above;
        return;
    };
    let Value::Map(over) = above.value else { return };
    for entry in over {
        let known = entries.iter().position(|known| known.key == entry.key);
        match known {
            Some(_) if is_blank(&entry.value) => {}
            Some(at) if is_removal(&entry.value) => {
                entries.remove(at);
            }
            Some(at) => {
                let known = &mut entries[at];
                if !matches!((&known.value.value, &entry.value.value), (Value::Map(_), Value::Map(_))) {
                    known.place = entry.place;
                }
                lay_over(&mut known.value, entry.value);
            }
            None if is_removal(&entry.value) => {}
            None => entries.push(entry),
        }
    }
}

/// Whether `null` or `~` is written, which removes a key.
pub fn is_removal(node: &Node) -> bool {
    node.is_null() && !is_blank(node)
}

/// Whether nothing is written after a key.
fn is_blank(node: &Node) -> bool {
    matches!(&node.value, Value::Scalar(Scalar { kind: ScalarKind::Null, text, .. }) if text.is_empty())
}
