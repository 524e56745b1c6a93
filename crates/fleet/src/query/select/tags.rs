//! A compact form of one instance's tags: a fleet may have a hundred thousand instances, and a tree for each would take half a
//! kilobyte.

use super::Texts;
use serde::{Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Keys and values, sorted by key. A defined tag has the key `Namespace.key`; a free-form key cannot contain a dot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags(Box<[(Arc<str>, Arc<str>)]>);

impl Tags {
    /// The tags of an instance whose texts others may share.
    pub fn of(tags: &BTreeMap<String, String>, texts: &mut Texts) -> Self {
        Self(tags.iter().map(|(key, value)| (texts.shared(key), texts.shared(value))).collect())
    }

    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&str> {
        let found = self.0.binary_search_by(|(known, _)| (**known).cmp(key)).ok()?;
        self.0.get(found).map(|(_, value)| &**value)
    }

    /// Keys and values, sorted by key.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// Whether there are no tags.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<BTreeMap<String, String>> for Tags {
    fn from(tags: BTreeMap<String, String>) -> Self {
        Self::of(&tags, &mut Texts::default())
    }
}

impl<const N: usize> From<[(String, String); N]> for Tags {
    fn from(tags: [(String, String); N]) -> Self {
        Self::from(BTreeMap::from(tags))
    }
}

impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_by_its_whole_key() {
        let tags = Tags::from([("team".into(), "blue".into()), ("Ops.owner".into(), "ann".into())]);
        assert_eq!(
            (tags.get("team"), tags.get("Ops.owner"), tags.get("tea")),
            (Some("blue"), Some("ann"), None)
        );
        assert_eq!(serde_json::to_string(&tags).unwrap(), r#"{"Ops.owner":"ann","team":"blue"}"#);
        assert!(Tags::default().is_empty() && !tags.is_empty());
    }
}
