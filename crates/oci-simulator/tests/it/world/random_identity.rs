//! Random operations on compartments, users, groups, policies and tags: whatever is accepted leaves a tenancy that fits together.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{World, WorldSettings};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// What is made by one request with a name: how it is made, listed, deleted, and named in a path.
const KINDS: [(Operation, Operation, Operation, &str); 6] = [
    (
        Operation::CreateCompartment,
        Operation::ListCompartments,
        Operation::DeleteCompartment,
        "compartmentId",
    ),
    (Operation::CreateUser, Operation::ListUsers, Operation::DeleteUser, "userId"),
    (Operation::CreateGroup, Operation::ListGroups, Operation::DeleteGroup, "groupId"),
    (
        Operation::CreateDynamicGroup,
        Operation::ListDynamicGroups,
        Operation::DeleteDynamicGroup,
        "dynamicGroupId",
    ),
    (Operation::CreatePolicy, Operation::ListPolicies, Operation::DeletePolicy, "policyId"),
    (
        Operation::CreateTagNamespace,
        Operation::ListTagNamespaces,
        Operation::DeleteTagNamespace,
        "tagNamespaceId",
    ),
];

/// One operation. The numbers choose among what there is; few names, so that they meet.
#[derive(Clone, Debug)]
enum RandomIdentity {
    Make { kind: usize, name: u8, place: usize },
    Rename { which: usize, name: u8 },
    Delete { kind: usize, which: usize },
    Join { user: usize, group: usize },
    Leave { which: usize },
    Tag { namespace: usize, name: u8 },
    Retire { namespace: usize, tag: Option<usize> },
    DeleteTag { namespace: usize, tag: usize },
    Default { namespace: usize, tag: usize, place: usize },
    DeleteDefault { which: usize },
    Volume { place: usize },
    Wait { seconds: u32 },
}

fn random_identity() -> impl Strategy<Value = RandomIdentity> {
    use RandomIdentity as R;
    let number = any::<usize>;
    let name = || 0..5_u8;
    prop_oneof![
        4 => (0..KINDS.len(), name(), number()).prop_map(|(kind, name, place)| R::Make { kind, name, place }),
        1 => (number(), name()).prop_map(|(which, name)| R::Rename { which, name }),
        3 => (0..KINDS.len(), number()).prop_map(|(kind, which)| R::Delete { kind, which }),
        2 => (number(), number()).prop_map(|(user, group)| R::Join { user, group }),
        1 => number().prop_map(|which| R::Leave { which }),
        2 => (number(), name()).prop_map(|(namespace, name)| R::Tag { namespace, name }),
        1 => (number(), proptest::option::of(number())).prop_map(|(namespace, tag)| R::Retire { namespace, tag }),
        1 => (number(), number()).prop_map(|(namespace, tag)| R::DeleteTag { namespace, tag }),
        2 => (number(), number(), number()).prop_map(|(namespace, tag, place)| R::Default { namespace, tag, place }),
        1 => number().prop_map(|which| R::DeleteDefault { which }),
        1 => number().prop_map(|place| R::Volume { place }),
        2 => (0..60_u32).prop_map(|seconds| R::Wait { seconds }),
    ]
}

struct Player {
    region: Region,
}

impl Player {
    fn send(&mut self, operation: Operation, path: &[(&'static str, &Value)], body: Value) {
        let request = path.iter().fold(self.region.request(operation), |request, (name, value)| {
            request.path(name, value.as_str().unwrap())
        });
        let request = if body.is_null() { request } else { request.body(body) };
        // A refusal is as good as anything.
        let _ = self.region.world.handle(&request);
    }

    fn one(&mut self, operation: Operation, which: usize) -> Option<Value> {
        let tenancy = self.region.defaults.tenancy.clone();
        let request = self.region.request(operation).query("compartmentId", tenancy);
        let mut rows = self.region.pages(&request);
        let at = which.checked_rem(rows.len())?;
        Some(rows.swap_remove(at))
    }

    fn id(&mut self, operation: Operation, which: usize) -> Option<Value> {
        self.one(operation, which).map(|row| row["id"].clone())
    }

    /// A tag of a namespace: the OCIDs of both, and the tag's name.
    fn tag(&mut self, namespace: usize, which: usize) -> Option<(Value, Value, Value)> {
        let namespace = self.id(Operation::ListTagNamespaces, namespace)?;
        let request = self.region.request(Operation::ListTags).path("tagNamespaceId", namespace.as_str()?);
        let rows = self.region.pages(&request);
        let row = rows.get(which.checked_rem(rows.len())?)?;
        Some((namespace, row["id"].clone(), row["name"].clone()))
    }

    /// A compartment: the tenancy, or one below it.
    fn place(&mut self, which: usize) -> Value {
        let tenancy = self.region.defaults.tenancy.clone();
        let below =
            if which.is_multiple_of(3) { None } else { self.id(Operation::ListCompartments, which / 3) };
        below.unwrap_or_else(|| tenancy.into())
    }

    fn try_play(&mut self, operation: &RandomIdentity) -> Option<()> {
        use RandomIdentity as R;
        let named = |name: &u8| json!({"name": format!("n{name}"), "description": "d"});
        match operation {
            R::Make { kind, name, place } => {
                let (create, ..) = KINDS[*kind];
                let mut body = named(name);
                let is_global = matches!(*kind, 1..=3);
                let tenancy = self.region.defaults.tenancy.clone();
                body["compartmentId"] = if is_global { tenancy.into() } else { self.place(*place) };
                match create {
                    Operation::CreateDynamicGroup => body["matchingRule"] = "instance.id = 'x'".into(),
                    Operation::CreatePolicy => {
                        body["statements"] =
                            json!([format!("Allow group n{name} to inspect instances in tenancy")]);
                    }
                    _ => {}
                }
                self.send(create, &[], body);
            }
            R::Rename { which, name } => {
                let id = self.id(Operation::ListCompartments, *which)?;
                self.send(Operation::UpdateCompartment, &[("compartmentId", &id)], named(name));
            }
            R::Delete { kind, which } => {
                let (_, list, delete, name) = KINDS[*kind];
                let id = self.id(list, *which)?;
                self.send(delete, &[(name, &id)], Value::Null);
            }
            R::Join { user, group } => {
                let user = self.id(Operation::ListUsers, *user)?;
                let group = self.id(Operation::ListGroups, *group)?;
                self.send(Operation::AddUserToGroup, &[], json!({"userId": user, "groupId": group}));
            }
            R::Leave { which } => {
                let group = self.id(Operation::ListGroups, *which)?;
                let request = self.region.request(Operation::ListUserGroupMemberships);
                let request = request.query("compartmentId", self.region.defaults.tenancy.clone());
                let rows = self.region.pages(&request.query("groupId", group.as_str()?));
                let id = rows.first()?["id"].clone();
                self.send(Operation::RemoveUserFromGroup, &[("userGroupMembershipId", &id)], Value::Null);
            }
            _ => return self.try_tags(operation),
        }
        Some(())
    }

    /// Tags, what they are of, and time.
    fn try_tags(&mut self, operation: &RandomIdentity) -> Option<()> {
        use RandomIdentity as R;
        match operation {
            R::Tag { namespace, name } => {
                let id = self.id(Operation::ListTagNamespaces, *namespace)?;
                self.send(
                    Operation::CreateTag,
                    &[("tagNamespaceId", &id)],
                    json!({"name": format!("n{name}"), "description": "d"}),
                );
            }
            R::Retire { namespace, tag: None } => {
                let id = self.id(Operation::ListTagNamespaces, *namespace)?;
                self.send(
                    Operation::UpdateTagNamespace,
                    &[("tagNamespaceId", &id)],
                    json!({"isRetired": true}),
                );
            }
            R::Retire { namespace, tag: Some(tag) } => {
                let (space, _, name) = self.tag(*namespace, *tag)?;
                let path = [("tagNamespaceId", &space), ("tagName", &name)];
                self.send(Operation::UpdateTag, &path, json!({"isRetired": true}));
            }
            R::DeleteTag { namespace, tag } => {
                let (space, _, name) = self.tag(*namespace, *tag)?;
                let path = [("tagNamespaceId", &space), ("tagName", &name)];
                self.send(Operation::DeleteTag, &path, Value::Null);
            }
            R::Default { namespace, tag, place } => {
                let (_, tag, _) = self.tag(*namespace, *tag)?;
                let place = self.place(*place);
                let body = json!({"compartmentId": place, "tagDefinitionId": tag, "value": "v"});
                self.send(Operation::CreateTagDefault, &[], body);
            }
            R::DeleteDefault { which } => {
                let id = self.id(Operation::ListTagDefaults, *which)?;
                self.send(Operation::DeleteTagDefault, &[("tagDefaultId", &id)], Value::Null);
            }
            R::Volume { place } => {
                let domain = self.region.defaults.availability_domains[0].clone();
                let place = self.place(*place);
                let body = json!({"compartmentId": place, "availabilityDomain": domain, "sizeInGBs": 50});
                self.send(Operation::CreateVolume, &[], body);
            }
            R::Wait { seconds } => self.region.advance(f64::from(*seconds)),
            _ => return None,
        }
        Some(())
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn random_histories_keep_a_tenancy_together(
        seed in any::<u64>(),
        operations in proptest::collection::vec(random_identity(), 1..100),
    ) {
        let mut player = Player { region: Region::seeded(WorldSettings::default(), seed) };
        for operation in &operations {
            // Nothing to do where there is nothing of the kind.
            let _ = player.try_play(operation);
            if let Err(problem) = player.region.world.check_invariants() {
                panic!("after {operation:?}: {problem}");
            }
        }
        let saved = serde_json::to_string(&player.region.world.snapshot()).unwrap();
        let read = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
        prop_assert_eq!(serde_json::to_string(&read.snapshot()).unwrap(), saved);
    }
}

/// Without this test, the property above would also hold for a tenancy that refuses everything.
#[test]
fn random_tenancies_reach_every_change_and_refusal() {
    let mut runner = TestRunner::deterministic();
    let mut seen = BTreeSet::new();
    for seed in 0..40 {
        let operations = proptest::collection::vec(random_identity(), 150);
        let operations = operations.new_tree(&mut runner).unwrap().current();
        let mut player = Player { region: Region::seeded(WorldSettings::default(), seed) };
        for operation in &operations {
            let _ = player.try_play(operation);
        }
        let events = player.region.world.events(0);
        seen.extend(events.flat_map(|event| [Some(event.event), event.detail]).flatten());
    }
    let wanted = [
        "compartment_created",
        "compartment_updated",
        "compartment_deleting",
        "user_created",
        "user_deleted",
        "group_created",
        "group_deleted",
        "policy_created",
        "tagnamespace_created",
        "tagdefinition_created",
        "tagdefinition_deleted",
        "tagdefault_created",
        "CreateGroup 409 GroupAlreadyExists",
        "CreateCompartment 409 CompartmentAlreadyExists",
        "DeleteGroup 409 Conflict",
        "CreateVolume 409 IncorrectState",
        "DeleteTagNamespace 409 IncorrectState",
        "compartment_kept",
    ];
    let missing: Vec<&str> = wanted.into_iter().filter(|wanted| !seen.contains(*wanted)).collect();
    assert!(missing.is_empty(), "never happened: {missing:?} of {seen:?}");
}
