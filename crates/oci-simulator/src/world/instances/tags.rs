//! The freeform tags of an instance, stored so that the instances of a fleet share their texts.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Freeform tags, sorted by key.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::world) struct Tags(Box<[(Arc<str>, Arc<str>)]>);

impl Tags {
    /// These tags. Texts that `like` has too are shared with it: most tags of an instance are those of the one launched before.
    pub fn of<'a>(tags: impl IntoIterator<Item = (&'a str, &'a str)>, like: Option<&Self>) -> Self {
        let sorted: BTreeMap<&str, &str> = tags.into_iter().collect();
        let shared = |key: &str| like.and_then(|like| like.find(key));
        let tags = sorted.into_iter().map(|(key, value)| match shared(key) {
            Some((key, same)) if **same == *value => (Arc::clone(key), Arc::clone(same)),
            Some((key, _)) => (Arc::clone(key), Arc::from(value)),
            None => (Arc::from(key), Arc::from(value)),
        });
        Self(tags.collect())
    }

    fn find(&self, key: &str) -> Option<&(Arc<str>, Arc<str>)> {
        let at = self.0.binary_search_by(|(own, _)| (**own).cmp(key)).ok()?;
        self.0.get(at)
    }

    /// Key and value of each tag.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (&**key, &**value))
    }

    /// The tags as the API shows them.
    pub fn to_map(&self) -> BTreeMap<String, String> {
        self.iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
    }
}

// A saved region has them as an object.
impl Serialize for Tags {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Tags {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let tags = BTreeMap::<String, String>::deserialize(deserializer)?;
        Ok(Self::of(tags.iter().map(|(key, value)| (&**key, &**value)), None))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_of_a_fleet_share_their_texts() {
        let first = Tags::of([("run", "r1"), ("slot", "1")], None);
        let second = Tags::of([("slot", "2"), ("run", "r1"), ("team", "x")], Some(&first));
        assert!(Arc::ptr_eq(&first.0[0].0, &second.0[0].0) && Arc::ptr_eq(&first.0[0].1, &second.0[0].1));
        assert!(Arc::ptr_eq(&first.0[1].0, &second.0[1].0));
        let all: Vec<_> = second.iter().collect();
        assert_eq!(all, [("run", "r1"), ("slot", "2"), ("team", "x")]);
    }

    #[test]
    fn tags_are_saved_as_an_object() {
        let tags = Tags::of([("b", "2"), ("a", "")], None);
        let text = serde_json::to_string(&tags).unwrap();
        assert_eq!(text, r#"{"a":"","b":"2"}"#);
        assert_eq!(serde_json::from_str::<Tags>(&text).unwrap(), tags);
    }
}
