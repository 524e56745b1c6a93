//! What somebody makes in a tenancy: compartments, users, groups, policies and tags.

use super::region::Region;
use oci_api::Operation;
use oci_simulator::world::{ApiError, Known, World};
use serde_json::{Value, json};

struct Home {
    region: Region,
}

type Answer = Result<Value, ApiError>;

impl Home {
    fn new() -> Self {
        Self { region: Region::roomy() }
    }

    fn send(&mut self, operation: Operation, path: &[(&'static str, &Value)], body: Value) -> Answer {
        let mut request = self.region.request(operation);
        for (name, value) in path {
            request = request.path(name, value.as_str().unwrap());
        }
        if !body.is_null() {
            request = request.body(body);
        }
        self.region.world.handle(&request).map(|answer| answer.json())
    }

    /// Makes something with a name in the tenancy, or in the compartment of the body.
    fn make(&mut self, operation: Operation, name: &str, mut body: Value) -> Answer {
        if body["compartmentId"].is_null() {
            body["compartmentId"] = self.region.defaults.tenancy.clone().into();
        }
        body["name"] = name.into();
        body["description"] = "for a test".into();
        self.send(operation, &[], body)
    }

    fn compartment(&mut self, name: &str, parent: Option<&Value>) -> Answer {
        self.make(Operation::CreateCompartment, name, json!({"compartmentId": parent}))
    }

    fn get_compartment(&mut self, id: &Value) -> Value {
        self.send(Operation::GetCompartment, &[("compartmentId", id)], Value::Null).unwrap()
    }

    /// Deletes a compartment, and returns its state and that of its work request after a while.
    fn delete_compartment(&mut self, id: &Value) -> (Value, Value) {
        let request =
            self.region.request(Operation::DeleteCompartment).path("compartmentId", id.as_str().unwrap());
        let answer = self.region.world.handle(&request).unwrap();
        assert_eq!(self.get_compartment(id)["lifecycleState"], "DELETING");
        self.region.advance(120.0);
        let work = self.region.work(&answer.work_request.unwrap());
        (self.get_compartment(id)["lifecycleState"].clone(), work["status"].clone())
    }

    fn namespace(&mut self, name: &str) -> Value {
        self.make(Operation::CreateTagNamespace, name, json!({})).unwrap()["id"].clone()
    }

    fn tag(&mut self, space: &Value, name: &str, mut body: Value) -> Answer {
        body["name"] = name.into();
        body["description"] = "for a test".into();
        self.send(Operation::CreateTag, &[("tagNamespaceId", space)], body)
    }

    fn volume(&mut self, tags: &Value) -> Answer {
        let defaults = &self.region.defaults;
        let body = json!({
            "compartmentId": defaults.compartment, "availabilityDomain": defaults.availability_domains[0],
            "sizeInGBs": 50, "definedTags": tags,
        });
        self.send(Operation::CreateVolume, &[], body)
    }

    fn saved(&mut self) {
        let saved = serde_json::to_string(&self.region.world.snapshot()).unwrap();
        self.region.world = World::restore(serde_json::from_str(&saved).unwrap()).unwrap();
        assert_eq!(serde_json::to_string(&self.region.world.snapshot()).unwrap(), saved);
    }
}

fn refusal(answer: Answer) -> (u16, &'static str, String) {
    let error = answer.unwrap_err();
    (error.status, error.code, error.message)
}

#[test]
fn a_compartment_is_made_used_and_deleted_when_empty() {
    let mut home = Home::new();
    let made = home.compartment("team", None).unwrap();
    assert_eq!(made["lifecycleState"], "CREATING");
    home.region.advance(5.0);
    let id = made["id"].clone();
    assert_eq!(home.get_compartment(&id)["lifecycleState"], "ACTIVE");
    let taken = refusal(home.compartment("Team", None));
    assert_eq!((taken.0, taken.1), (409, "CompartmentAlreadyExists"));
    assert_eq!(taken.2, "A compartment with name 'Team' already exists");
    let child = home.compartment("team", Some(&id)).unwrap()["id"].clone();
    let vcn = json!({"compartmentId": child, "cidrBlock": "10.9.0.0/16"});
    let vcn = home.send(Operation::CreateVcn, &[], vcn).unwrap()["id"].clone();
    // What is in it, or below it, keeps it.
    for kept in [&id, &child] {
        assert_eq!(home.delete_compartment(kept), (json!("ACTIVE"), json!("FAILED")));
    }
    home.send(Operation::DeleteVcn, &[("vcnId", &vcn)], Value::Null).unwrap();
    assert_eq!(home.delete_compartment(&child), (json!("DELETED"), json!("SUCCEEDED")));
    let late = json!({"compartmentId": child, "cidrBlock": "10.9.0.0/16"});
    assert_eq!(refusal(home.send(Operation::CreateVcn, &[], late)).0, 404);
    home.saved();
    assert_eq!(home.delete_compartment(&id), (json!("DELETED"), json!("SUCCEEDED")));
    home.compartment("team", None).unwrap();
    let root = json!(home.region.defaults.tenancy);
    assert_eq!(
        refusal(home.send(Operation::DeleteCompartment, &[("compartmentId", &root)], Value::Null)).0,
        400
    );
}

#[test]
fn nothing_is_made_in_a_compartment_that_is_being_deleted() {
    let mut home = Home::new();
    let id = home.compartment("team", None).unwrap()["id"].clone();
    home.send(Operation::DeleteCompartment, &[("compartmentId", &id)], Value::Null).unwrap();
    let vcn = json!({"compartmentId": id, "cidrBlock": "10.9.0.0/16"});
    let refused = refusal(home.send(Operation::CreateVcn, &[], vcn));
    assert_eq!((refused.0, refused.1), (409, "IncorrectState"));
}

#[test]
fn compartments_are_renamed_and_nest_six_deep() {
    let mut home = Home::new();
    let mut parent = home.compartment("one", None).unwrap()["id"].clone();
    let first = parent.clone();
    for name in ["two", "three", "four", "five", "six"] {
        parent = home.compartment(name, Some(&parent)).unwrap()["id"].clone();
    }
    assert_eq!(refusal(home.compartment("seven", Some(&parent))).0, 400);
    assert_eq!(refusal(home.compartment("a b", None)).0, 400);
    let change = json!({"name": "uno", "description": "first", "freeformTags": {"a": "b"}});
    let changed = home.send(Operation::UpdateCompartment, &[("compartmentId", &first)], change).unwrap();
    assert_eq!((&changed["name"], &changed["freeformTags"]["a"]), (&json!("uno"), &json!("b")));
    let twin = home.compartment("other", None).unwrap()["id"].clone();
    let taken = home.send(Operation::UpdateCompartment, &[("compartmentId", &twin)], json!({"name": "uno"}));
    assert_eq!(refusal(taken).1, "CompartmentAlreadyExists");
}

#[test]
fn a_group_with_a_user_is_not_deleted() {
    let mut home = Home::new();
    let user = home.make(Operation::CreateUser, "ada", json!({"email": "ada@example.com"})).unwrap();
    assert_eq!(user["email"], "ada@example.com");
    let group = home.make(Operation::CreateGroup, "people", json!({})).unwrap()["id"].clone();
    assert_eq!(
        refusal(home.make(
            Operation::CreateDynamicGroup,
            "People",
            json!({"matchingRule": "instance.id = 'x'"})
        ))
        .0,
        409
    );
    let body = json!({"groupId": group, "userId": user["id"]});
    let member = home.send(Operation::AddUserToGroup, &[], body.clone()).unwrap()["id"].clone();
    assert_eq!(refusal(home.send(Operation::AddUserToGroup, &[], body)).0, 409);
    assert_eq!(refusal(home.send(Operation::DeleteGroup, &[("groupId", &group)], Value::Null)).0, 409);
    assert_eq!(refusal(home.send(Operation::DeleteUser, &[("userId", &user["id"])], Value::Null)).0, 409);
    home.send(Operation::RemoveUserFromGroup, &[("userGroupMembershipId", &member)], Value::Null).unwrap();
    home.send(Operation::DeleteGroup, &[("groupId", &group)], Value::Null).unwrap();
    home.send(Operation::DeleteUser, &[("userId", &user["id"])], Value::Null).unwrap();
    home.region.advance(5.0);
    assert_eq!(refusal(home.send(Operation::GetUser, &[("userId", &user["id"])], Value::Null)).0, 404);
    let own = json!(home.region.defaults.user);
    assert_eq!(refusal(home.send(Operation::DeleteUser, &[("userId", &own)], Value::Null)).0, 409);
    home.saved();
}

#[test]
fn statements_are_read_when_a_policy_is_made() {
    let mut home = Home::new();
    let policy = |home: &mut Home, statement: &str| {
        let name = format!("p{}", statement.replace(|letter: char| !letter.is_ascii_alphanumeric(), "-"));
        home.make(Operation::CreatePolicy, &name, json!({"statements": [statement]}))
    };
    for (wrong, why) in [
        ("Permit any-user to manage instances in tenancy", "expected `Allow`"),
        ("Allow any-user to mange instances in tenancy", "inspect, read, use or manage"),
        ("Allow any-user to manage instances", "expected `in`"),
        ("Allow group Nobody to manage instances in tenancy", "there is no group Nobody"),
        ("Allow any-user to manage instances in compartment nowhere", "policy compartment subtree"),
        ("", "expected `"),
    ] {
        let refused = refusal(policy(&mut home, wrong));
        assert!(refused.0 == 400 && refused.2.contains(why), "{wrong}: {}", refused.2);
    }
    // What the region has no resources of is accepted: real policies are about more.
    for known in [
        "Allow any-user to manage object-family in tenancy",
        "Allow any-user to {INSTANCE_READ} in tenancy",
        "Allow service blockstorage to use keys in tenancy",
        "Define tenancy other as ocid1.tenancy.oc1..x",
    ] {
        policy(&mut home, known).unwrap();
    }
    assert_eq!(refusal(home.make(Operation::CreatePolicy, "none", json!({"statements": []}))).0, 400);
}

#[test]
fn a_defined_tag_needs_its_namespace_and_key() {
    let mut home = Home::new();
    let refused = refusal(home.volume(&json!({"Costs": {"Center": "7"}})));
    assert_eq!((refused.0, refused.1), (400, "RelatedResourceNotAuthorizedOrNotFound"));
    assert!(
        refused.2.ends_with("not authorized or not found: TagNamespace Costs does not exists."),
        "{}",
        refused.2
    );
    let space = home.namespace("Costs");
    let refused = refusal(home.volume(&json!({"Costs": {"Center": "7"}})));
    assert!(refused.2.contains("TagDefinition Center in TagNamespace Costs"), "{}", refused.2);
    let values = json!({"validator": {"validatorType": "ENUM", "values": ["7", "8"]}});
    home.tag(&space, "Center", values).unwrap();
    let made = home.volume(&json!({"costs": {"center": "7"}})).unwrap();
    assert_eq!(refusal(home.volume(&json!({"Costs": {"Center": "9"}}))).0, 400);
    // An update is looked at as well, and the tags of Oracle come back in it.
    let update = |home: &mut Home, tags: Value| {
        home.send(Operation::UpdateVolume, &[("volumeId", &made["id"])], json!({"definedTags": tags}))
    };
    assert_eq!(refusal(update(&mut home, json!({"Nobody": {"a": "b"}}))).0, 400);
    update(&mut home, json!({"Oracle-Tags": {"CreatedBy": "me"}, "Costs": {"Center": "8"}})).unwrap();
    home.region.world.register(&Known::DefinedTag { namespace: "Known".into(), key: "Key".into() }).unwrap();
    home.volume(&json!({"Known": {"Key": "x"}})).unwrap();
    let path = [("tagNamespaceId", &space), ("tagName", &json!("Center"))];
    assert_eq!(refusal(home.send(Operation::DeleteTag, &path, Value::Null)).1, "IncorrectState");
    home.send(Operation::UpdateTag, &path, json!({"isRetired": true})).unwrap();
    assert_eq!(refusal(home.volume(&json!({"Costs": {"Center": "7"}}))).0, 400);
    home.send(Operation::DeleteTag, &path, Value::Null).unwrap();
    home.saved();
}

#[test]
fn tag_defaults_tag_what_is_made_in_their_compartment() {
    let mut home = Home::new();
    let space = home.namespace("Costs");
    let tag = home.tag(&space, "Owner", json!({})).unwrap();
    let compartment = home.region.defaults.compartment.clone();
    let default =
        json!({"compartmentId": compartment, "tagDefinitionId": tag["id"], "value": "${iam.principal.name}"});
    let default = home.send(Operation::CreateTagDefault, &[], default).unwrap();
    assert_eq!(home.volume(&json!({})).unwrap()["definedTags"]["Costs"]["Owner"], "user-1");
    let own = home.volume(&json!({"Costs": {"Owner": "me"}})).unwrap();
    assert_eq!(own["definedTags"]["Costs"]["Owner"], "me");
    let change = json!({"value": "x", "isRequired": true});
    home.send(Operation::UpdateTagDefault, &[("tagDefaultId", &default["id"])], change).unwrap();
    assert_eq!(refusal(home.volume(&json!({}))).0, 400);
    // The default of a retired or deleted tag stays, and is not applied.
    let path = [("tagNamespaceId", &space), ("tagName", &tag["name"])];
    home.send(Operation::UpdateTag, &path, json!({"isRetired": true})).unwrap();
    assert_eq!(home.volume(&json!({})).unwrap()["definedTags"].get("Costs"), None);
    home.send(Operation::UpdateTagNamespace, &path[..1], json!({"isRetired": true})).unwrap();
    let full = home.send(Operation::DeleteTagNamespace, &path[..1], Value::Null);
    assert_eq!(refusal(full).1, "IncorrectState", "it has a tag");
    home.send(Operation::DeleteTag, &path, Value::Null).unwrap();
    home.send(Operation::DeleteTagNamespace, &path[..1], Value::Null).unwrap();
    home.send(Operation::DeleteTagDefault, &[("tagDefaultId", &default["id"])], Value::Null).unwrap();
    assert_eq!(home.volume(&json!({})).unwrap()["definedTags"].get("Costs"), None);
}
