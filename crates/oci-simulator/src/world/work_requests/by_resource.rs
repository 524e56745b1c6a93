//! The work requests of each resource.

use crate::world::ids::Id;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::BTreeSet;

/// The numbers of the work requests of each resource. Most resources have one, so that a list for each would take more memory
/// than its contents.
#[derive(Clone, Debug, Default)]
pub(in crate::world) struct WorksOf(BTreeSet<(Id, u32)>);

impl WorksOf {
    pub fn add(&mut self, resource: Id, number: u32) {
        self.0.insert((resource, number));
    }

    /// The work requests of one resource, oldest first.
    pub fn of(&self, resource: Id) -> impl DoubleEndedIterator<Item = u32> {
        self.0.range((resource, 0)..=(resource, u32::MAX)).map(|(_, number)| *number)
    }
}

// A saved region has a list for each resource.
impl Serialize for WorksOf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let all: Vec<&(Id, u32)> = self.0.iter().collect();
        let lists = all.chunk_by(|one, other| one.0 == other.0);
        let numbers = |list: &[&(Id, u32)]| list.iter().map(|(_, number)| *number).collect::<Vec<u32>>();
        serializer.collect_seq(lists.filter_map(|list| Some((list.first()?.0, numbers(list)))))
    }
}

impl<'de> Deserialize<'de> for WorksOf {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let lists = Vec::<(Id, Vec<u32>)>::deserialize(deserializer)?;
        let pairs = lists.into_iter().flat_map(|(id, list)| list.into_iter().map(move |number| (id, number)));
        Ok(Self(pairs.collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::world::ids::Kind;

    #[test]
    fn work_requests_are_saved_as_a_list_for_each_resource() {
        let (one, other) = (Id(Kind::Instance, 1), Id(Kind::Instance, 2));
        let mut works = WorksOf::default();
        for (id, number) in [(one, 0), (other, 1), (one, 2)] {
            works.add(id, number);
        }
        assert!(works.of(one).eq([0, 2]) && works.of(other).rev().eq([1]));
        let text = serde_json::to_string(&works).unwrap();
        assert_eq!(text, r#"[[["Instance",1],[0,2]],[["Instance",2],[1]]]"#);
        let read: WorksOf = serde_json::from_str(&text).unwrap();
        assert_eq!(read.0, works.0);
    }
}
