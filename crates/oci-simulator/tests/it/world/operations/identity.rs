//! Users, groups, policies and tags of its own, for the operations of Identity.

use super::{Full, text};
use oci_api::Operation;
use serde_json::{Value, json};

impl Full {
    /// One of each kind, which can all be changed and deleted.
    pub fn add_identity(&mut self) {
        for (operation, name) in [
            (Operation::CreateCompartment, "otherCompartmentId"),
            (Operation::CreateUser, "otherUserId"),
            (Operation::CreateGroup, "groupId"),
            (Operation::CreateDynamicGroup, "dynamicGroupId"),
            (Operation::CreatePolicy, "policyId"),
            (Operation::AddUserToGroup, "userGroupMembershipId"),
            (Operation::CreateTagNamespace, "tagNamespaceId"),
            (Operation::CreateTag, "tagId"),
            (Operation::CreateTagDefault, "tagDefaultId"),
        ] {
            let made = self.request(operation);
            let made = self.send(&made);
            self.ids.insert(name, text(&made["id"]));
            if operation == Operation::CreateTag {
                self.ids.insert("tagName", text(&made["name"]));
            }
        }
        self.region.advance(10.0);
    }

    /// The body of an operation of Identity.
    pub fn identity_body(&self, operation: Operation) -> Option<Value> {
        // Each body has a name of its own, so that the operation can be called again.
        let name = format!("{}-{}", operation.name(), self.region.world.now().as_second());
        let mut body = match operation {
            Operation::CreateCompartment
            | Operation::CreateUser
            | Operation::CreateGroup
            | Operation::CreateTagNamespace => json!({}),
            Operation::CreateDynamicGroup => json!({"matchingRule": "instance.id = 'x'"}),
            Operation::CreatePolicy => {
                json!({"statements": ["Allow any-user to inspect instances in tenancy"]})
            }
            Operation::CreateTag => json!({"isCostTracking": true}),
            Operation::AddUserToGroup => {
                let user = self.ids.get("userId").unwrap_or(&self.ids["otherUserId"]);
                let user = if self.ids.contains_key("userGroupMembershipId") {
                    &self.ids["otherUserId"]
                } else {
                    user
                };
                return Some(json!({"groupId": self.ids["groupId"], "userId": user}));
            }
            Operation::CreateTagDefault => {
                let tag = &self.ids["tagId"];
                // A compartment has one default for a tag.
                let place =
                    if self.ids.contains_key("tagDefaultId") { "tenancyId" } else { "otherCompartmentId" };
                let place = &self.ids[place];
                return Some(json!({"compartmentId": place, "tagDefinitionId": tag, "value": "7"}));
            }
            Operation::UpdateTagDefault => return Some(json!({"value": "8"})),
            Operation::UpdateCompartment
            | Operation::UpdateUser
            | Operation::UpdateGroup
            | Operation::UpdateDynamicGroup
            | Operation::UpdatePolicy
            | Operation::UpdateTagNamespace
            | Operation::UpdateTag => return Some(json!({"description": "changed"})),
            _ => return None,
        };
        body["compartmentId"] = self.region.defaults.tenancy.clone().into();
        body["name"] = name.into();
        body["description"] = "for a test".into();
        Some(body)
    }
}
