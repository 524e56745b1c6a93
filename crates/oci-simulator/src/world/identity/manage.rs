//! Creates, gets, lists, updates and deletes what a tenancy has. All kinds have the same operations (Oracle: "Overview of
//! Identity and Access Management").

use super::rows::{IamContent, IamRow, state_of};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::automatic_tags::Spaces;
use crate::world::error;
use crate::world::identity::user_name;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_tags;
use crate::world::network::Common;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// What every request to create something has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewRow {
    pub compartment_id: String,
    pub name: String,
    pub description: String,
    pub freeform_tags: Option<BTreeMap<String, String>>,
    pub defined_tags: Option<Spaces>,
}

/// What every update can change.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct RowChange {
    pub description: Option<String>,
    pub freeform_tags: Option<BTreeMap<String, String>>,
    pub defined_tags: Option<Spaces>,
}

impl RowChange {
    pub fn check(&self) -> Result<(), ApiError> {
        let tags = self.freeform_tags.as_ref();
        tags.map_or(Ok(()), |tags| check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
    }

    pub fn apply(self, description: &mut String, common: &mut Common) {
        if let Some(new) = self.description {
            *description = new;
        }
        if let Some(new) = self.freeform_tags {
            common.tags = new;
        }
        if let Some(new) = self.defined_tags {
            common.defined_tags = new;
        }
        common.version += 1;
    }
}

/// The name of a kind in messages, and the code for a name that is taken. That of compartments is published
/// (jpetazzo/ampernetacle#56); the others are likely.
pub(super) fn titles(kind: Kind) -> (&'static str, &'static str) {
    match kind {
        Kind::User => ("user", "UserAlreadyExists"),
        Kind::Group => ("group", "GroupAlreadyExists"),
        Kind::DynamicGroup => ("dynamic group", "DynamicGroupAlreadyExists"),
        Kind::Policy => ("policy", "PolicyAlreadyExists"),
        Kind::TagNamespace => ("tag namespace", "TagNamespaceAlreadyExists"),
        Kind::TagDefinition => ("tag", "TagDefinitionAlreadyExists"),
        _ => ("compartment", "CompartmentAlreadyExists"),
    }
}

/// 409 for a name that is taken.
pub(super) fn name_is_taken(kind: Kind, name: &str) -> ApiError {
    let (title, code) = titles(kind);
    ApiError::new(409, code, format!("A {title} with name '{name}' already exists"))
}

impl World {
    /// The tags and the version of something new.
    pub(super) fn iam_common(
        &mut self,
        tags: Option<BTreeMap<String, String>>,
        defined: Option<&Spaces>,
        request: &ApiRequest,
    ) -> Result<Common, ApiError> {
        let tags = tags.unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let defined_tags = self.defined_tags_of_new(defined, &request.caller);
        Ok(Common { tags, defined_tags, made: true, ..Common::default() })
    }

    pub(in crate::world) fn create_iam(
        &mut self,
        kind: Kind,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: NewRow = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let is_global = matches!(kind, Kind::User | Kind::Group | Kind::DynamicGroup);
        if is_global && compartment != 0 {
            return Err(error::invalid("compartmentId must be the OCID of the tenancy"));
        }
        self.check_iam_name(kind, &new.name, compartment)?;
        let content = self.new_content(kind, request, compartment)?;
        let row = IamRow {
            compartment,
            name: new.name,
            description: new.description,
            created: self.now,
            common: self.iam_common(new.freeform_tags, new.defined_tags.as_ref(), request)?,
            given: false,
            content,
        };
        let id = if kind == Kind::User {
            let id = Id(Kind::User, self.identity.users);
            self.identity.users += 1;
            self.identity.iam.add_as(id, row);
            id
        } else {
            self.identity.iam.add(kind, row)
        };
        self.log.push(self.now, &format!("{}_created", kind.as_str()), Some(id), None);
        Ok((self.iam_answer(request, id)?, Some(id)))
    }

    fn check_iam_name(&self, kind: Kind, name: &str, compartment: u32) -> Result<(), ApiError> {
        // Letters, digits and a few signs, without spaces (Oracle: "Managing Groups", "Managing Policies").
        let is_good = !name.is_empty()
            && name.len() <= 100
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.+@$".contains(&byte));
        if !is_good {
            let (title, _) = titles(kind);
            return Err(error::invalid(format!(
                "name '{name}' is not valid for a {title}: it has 1 to 100 letters, digits, and -_.+@$"
            )));
        }
        let iam = &self.identity.iam;
        let taken = match kind {
            Kind::Group | Kind::DynamicGroup => {
                iam.named(Kind::Group, name).or_else(|| iam.named(Kind::DynamicGroup, name)).is_some()
            }
            Kind::Policy => iam
                .living(kind)
                .any(|(_, row)| row.compartment == compartment && row.name.eq_ignore_ascii_case(name)),
            Kind::User => (0..self.identity.users)
                .any(|user| self.user_exists(user) && self.name_of(user).eq_ignore_ascii_case(name)),
            _ => iam.named(kind, name).is_some(),
        };
        if taken { Err(name_is_taken(kind, name)) } else { Ok(()) }
    }

    /// Whether a user was not deleted.
    pub(super) fn user_exists(&self, user: u32) -> bool {
        let row = self.identity.iam.rows.get(&Id(Kind::User, user));
        user < self.identity.users && row.is_none_or(|row| row.common.phase(row.created, self.now).is_some())
    }

    /// The name of a user.
    pub(in crate::world) fn name_of(&self, user: u32) -> String {
        let row = self.identity.iam.rows.get(&Id(Kind::User, user));
        row.map_or_else(|| user_name(user), |row| row.name.clone())
    }

    /// The row with this OCID, or 404.
    pub(super) fn iam_row(&self, kind: Kind, ocid: &str) -> Result<(Id, &IamRow), ApiError> {
        let number = self.ids.number(kind, ocid).ok_or_else(error::not_found)?;
        let row = self.identity.iam.rows.get(&Id(kind, number));
        let row = row.filter(|row| row.common.phase(row.created, self.now).is_some());
        row.map(|row| (Id(kind, number), row)).ok_or_else(error::not_found)
    }

    /// The living row that a request changes, or a refusal.
    pub(super) fn changed_iam(&self, kind: Kind, request: &ApiRequest, name: &str) -> Result<Id, ApiError> {
        let ocid = request.in_path(name);
        let (id, row) = self.iam_row(kind, ocid)?;
        request.check_etag(&self.etag(id, row.common.version))?;
        if row.common.lives() {
            return Ok(id);
        }
        Err(error::incorrect_state(format!("{ocid} is in state DELETING")))
    }

    /// The result of an operation that shows one row.
    pub(in crate::world) fn iam_answer(&self, request: &ApiRequest, id: Id) -> ApiResult {
        let row = self.identity.iam.rows.get(&id);
        let row = row.filter(|row| row.common.phase(row.created, self.now).is_some());
        let row = row.ok_or_else(error::not_found)?;
        let shown = answer(request.operation, &self.iam_value(id, row)?)?;
        let has_etag = request.operation.info().success_headers.contains(&"etag");
        Ok(if has_etag { shown.with_etag(self.etag(id, row.common.version)) } else { shown })
    }

    pub(in crate::world) fn get_iam(&self, kind: Kind, request: &ApiRequest, name: &str) -> ApiResult {
        let (id, _) = self.iam_row(kind, request.in_path(name))?;
        self.iam_answer(request, id)
    }

    pub(in crate::world) fn list_iam(&mut self, kind: Kind, request: &ApiRequest) -> ApiResult {
        let compartment = request.in_query("compartmentId").map(|ocid| self.compartment(ocid)).transpose()?;
        let subtree = request.flag("includeSubcompartments", false)?;
        let page = self.page(request)?;
        let is = |name: &str, own: &str| {
            request.in_query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(own))
        };
        let mut rows = Vec::new();
        for (id, row) in self.identity.iam.rows.range(Id(kind, 0)..=Id(kind, u32::MAX)) {
            let phase = row.common.phase(row.created, self.now);
            let is_here = compartment.is_none_or(|place| {
                place == row.compartment || (subtree && self.is_below(row.compartment, place))
            });
            let is_wanted = phase.is_some()
                && is_here
                && is("name", &row.name)
                && is("lifecycleState", state_of(phase))
                && self.is_asked_for(row, request);
            if is_wanted {
                let cursor = Cursor { group: 0, name: row.name.clone(), number: id.1 };
                rows.push((cursor, self.iam_summary(*id, row)?));
            }
        }
        page.answer_small(request, Order::read(request), rows)
    }

    /// Whether a row has what the query of its kind asks for.
    fn is_asked_for(&self, row: &IamRow, request: &ApiRequest) -> bool {
        let is = |name: &str, kind: Kind, own: u32| {
            request.in_query(name).is_none_or(|ocid| self.ids.number(kind, ocid) == Some(own))
        };
        match &row.content {
            IamContent::Tag { namespace, .. } => {
                self.ids.number(Kind::TagNamespace, request.in_path("tagNamespaceId")) == Some(*namespace)
            }
            IamContent::TagDefault { tag, .. } => is("tagDefinitionId", Kind::TagDefinition, *tag),
            IamContent::Membership { group, user } => {
                is("groupId", Kind::Group, *group)
                    && self.user_in(user).is_some_and(|number| is("userId", Kind::User, number))
            }
            _ => true,
        }
    }

    pub(in crate::world) fn update_iam(&mut self, kind: Kind, request: &ApiRequest, name: &str) -> ApiResult {
        let id = self.changed_iam(kind, request, name)?;
        self.change_iam(request, id)
    }

    /// Changes the row of an update.
    pub(super) fn change_iam(&mut self, request: &ApiRequest, id: Id) -> ApiResult {
        let change: RowChange = request.details()?;
        change.check()?;
        let row = self.identity.iam.rows.get(&id).ok_or_else(error::not_found)?;
        let content = self.changed_content(row, request)?;
        let iam = &mut self.identity.iam;
        if let Some(row) = iam.rows.get_mut(&id) {
            row.content = content;
            change.apply(&mut row.description, &mut row.common);
        }
        iam.changes += 1;
        self.log.push(self.now, &format!("{}_updated", id.0.as_str()), Some(id), None);
        self.iam_answer(request, id)
    }

    pub(in crate::world) fn delete_iam(&mut self, kind: Kind, request: &ApiRequest, name: &str) -> ApiResult {
        let id = self.changed_iam(kind, request, name)?;
        self.check_unused_iam(id)?;
        self.end_iam(id);
        Ok(empty(request.operation))
    }

    /// Deletes a row: it is DELETING for a moment.
    pub(super) fn end_iam(&mut self, id: Id) {
        let now = self.now;
        let iam = &mut self.identity.iam;
        if let Some(row) = iam.rows.get_mut(&id) {
            row.common.deleted = Some(now);
            row.common.version += 1;
        }
        iam.changes += 1;
        self.log.push(now, &format!("{}_deleted", id.0.as_str()), Some(id), None);
    }

    /// Refuses to delete what is in use (Oracle: DeleteGroup, DeleteUser; texts invented).
    fn check_unused_iam(&self, id: Id) -> Result<(), ApiError> {
        let in_use = self.identity.iam.living(Kind::GroupMembership).any(|(_, row)| match &row.content {
            IamContent::Membership { group, user } => match id.0 {
                Kind::Group => *group == id.1,
                Kind::User => self.user_in(user) == Some(id.1),
                _ => false,
            },
            _ => false,
        });
        if !in_use {
            return Ok(());
        }
        let ocid = self.ids.text(id);
        let text = match id.0 {
            Kind::Group => format!("the group {ocid} has users: remove them first"),
            _ => format!("the user {ocid} is in a group: remove it first"),
        };
        Err(ApiError::new(409, "Conflict", text))
    }

    /// A row as a list shows it. Lists of tags leave out what all tags of a namespace have.
    fn iam_summary(&self, id: Id, row: &IamRow) -> Result<Value, ApiError> {
        let mut shown = self.iam_value(id, row)?;
        if let (Kind::TagDefinition, Some(fields)) = (id.0, shown.as_object_mut()) {
            for name in ["tagNamespaceId", "tagNamespaceName", "validator"] {
                fields.remove(name);
            }
        }
        Ok(shown)
    }
}
