//! What the rows of a tenancy contain: read from requests, and shown in responses.

use super::manage::NewRow;
use super::rows::{IamContent, IamRow, state_of};
use crate::iam::{check_rule, read_statement};
use crate::world::api::{ApiError, ApiRequest};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use oci_api::models::{
    BaseTagDefinitionValidator, CreateDynamicGroupDetails, CreatePolicyDetails, CreateTagDetails,
    CreateUserDetails, DynamicGroup, EnumTagDefinitionValidator, Group, Policy, Tag, TagDefault,
    TagNamespace, UpdateDynamicGroupDetails, UpdatePolicyDetails, UpdateTagDefaultDetails, UpdateTagDetails,
    UpdateTagNamespaceDetails, UpdateUserDetails, UserGroupMembership,
};
use serde::Serialize;
use serde_json::Value;

/// The maximum number of statements in a policy (Oracle: "IAM Limits").
const STATEMENTS_MAX: usize = 50;

impl World {
    /// The content of a new row.
    pub(super) fn new_content(
        &self,
        kind: Kind,
        request: &ApiRequest,
        compartment: u32,
    ) -> Result<IamContent, ApiError> {
        Ok(match kind {
            Kind::User => {
                let new: CreateUserDetails = request.details()?;
                IamContent::User { email: new.email }
            }
            Kind::Group => IamContent::Group,
            Kind::DynamicGroup => {
                let new: CreateDynamicGroupDetails = request.details()?;
                IamContent::DynamicGroup { rule: understood_rule(new.matching_rule)? }
            }
            Kind::Policy => {
                let new: CreatePolicyDetails = request.details()?;
                self.check_statements(&new.statements, compartment)?;
                IamContent::Policy { statements: new.statements, version_date: new.version_date }
            }
            _ => IamContent::TagNamespace { retired: false },
        })
    }

    /// The content of a new tag.
    pub(super) fn new_tag(namespace: u32, request: &ApiRequest) -> Result<IamContent, ApiError> {
        let new: CreateTagDetails = request.details()?;
        Ok(IamContent::Tag {
            namespace,
            retired: false,
            counts_costs: new.is_cost_tracking.unwrap_or(false),
            values: allowed_values(new.validator.as_deref())?,
        })
    }

    /// The content of a row after an update.
    pub(super) fn changed_content(&self, row: &IamRow, request: &ApiRequest) -> Result<IamContent, ApiError> {
        Ok(match row.content.clone() {
            IamContent::User { email } => {
                let new: UpdateUserDetails = request.details()?;
                IamContent::User { email: new.email.or(email) }
            }
            IamContent::DynamicGroup { rule } => {
                let new: UpdateDynamicGroupDetails = request.details()?;
                IamContent::DynamicGroup { rule: new.matching_rule.map_or(Ok(rule), understood_rule)? }
            }
            IamContent::Policy { statements, version_date } => {
                let new: UpdatePolicyDetails = request.details()?;
                if let Some(new) = &new.statements {
                    self.check_statements(new, row.compartment)?;
                }
                IamContent::Policy {
                    statements: new.statements.unwrap_or(statements),
                    version_date: new.version_date.or(version_date),
                }
            }
            IamContent::TagNamespace { retired } => {
                let new: UpdateTagNamespaceDetails = request.details()?;
                IamContent::TagNamespace { retired: new.is_retired.unwrap_or(retired) }
            }
            IamContent::Tag { namespace, retired, counts_costs, values } => {
                let new: UpdateTagDetails = request.details()?;
                let values = match new.validator.as_deref() {
                    Some(validator) => allowed_values(Some(validator))?,
                    None => values,
                };
                IamContent::Tag {
                    namespace,
                    retired: new.is_retired.unwrap_or(retired),
                    counts_costs: new.is_cost_tracking.unwrap_or(counts_costs),
                    values,
                }
            }
            IamContent::TagDefault { tag, required, .. } => {
                let new: UpdateTagDefaultDetails = request.details()?;
                self.check_tag_value(tag, &new.value)?;
                let required = new.is_required.unwrap_or(required);
                IamContent::TagDefault { tag, value: new.value, required }
            }
            other @ (IamContent::Group | IamContent::Membership { .. }) => other,
        })
    }

    /// Refuses statements that are not understood, or that name a group or a compartment that does not exist (Oracle: "Policy
    /// Syntax"; texts likely). What the region has no resources of is accepted, and allows nothing here.
    fn check_statements(&self, statements: &[String], compartment: u32) -> Result<(), ApiError> {
        if statements.is_empty() || statements.len() > STATEMENTS_MAX {
            let count = statements.len();
            return Err(error::invalid(format!(
                "statements has {count} statements; a policy has 1 to {STATEMENTS_MAX}"
            )));
        }
        for (text, number) in statements.iter().zip(0..) {
            let refused = |why: String| error::invalid(format!("statements[{number}]: {why}"));
            let Some(grant) = read_statement(text).map_err(refused)? else { continue };
            if let Some(name) = self.unknown_group(&grant) {
                return Err(refused(format!("there is no group {name}")));
            }
            if self.place_from(compartment, &grant.location).is_none() {
                let text = "the compartment does not exist or is not part of the policy compartment subtree";
                return Err(refused(text.to_owned()));
            }
        }
        Ok(())
    }

    /// A row as a response shows it.
    pub(super) fn iam_value(&self, id: Id, row: &IamRow) -> Result<Value, ApiError> {
        let ocid = self.ids.text(id);
        let compartment_id = compartment_ocid(&self.ids, row.compartment);
        let state = state_of(row.common.phase(row.created, self.now));
        let (name, description, time_created) =
            (row.name.clone(), row.description.clone(), Some(row.created));
        let freeform_tags = Some(row.common.tags.clone());
        let defined_tags = Some(row.common.defined_tags.clone());
        match &row.content {
            IamContent::User { .. } => value(&self.user_model(id.1)),
            IamContent::Group => value(&Group {
                id: ocid,
                compartment_id,
                name,
                description,
                time_created,
                lifecycle_state: state.into(),
                freeform_tags,
                defined_tags,
                ..Group::default()
            }),
            IamContent::DynamicGroup { rule } => value(&DynamicGroup {
                id: ocid,
                compartment_id,
                name,
                description,
                matching_rule: rule.clone(),
                time_created,
                lifecycle_state: state.into(),
                freeform_tags,
                defined_tags,
                ..DynamicGroup::default()
            }),
            IamContent::Policy { statements, version_date } => value(&Policy {
                id: ocid,
                compartment_id,
                name,
                description,
                statements: statements.clone(),
                version_date: *version_date,
                time_created,
                lifecycle_state: state.into(),
                freeform_tags,
                defined_tags,
                ..Policy::default()
            }),
            _ => self.tag_value(id, row),
        }
    }

    /// The same for tags, their namespaces and defaults, and memberships.
    fn tag_value(&self, id: Id, row: &IamRow) -> Result<Value, ApiError> {
        let ocid = self.ids.text(id);
        let compartment_id = compartment_ocid(&self.ids, row.compartment);
        let state = state_of(row.common.phase(row.created, self.now));
        let (name, description, time_created) =
            (row.name.clone(), row.description.clone(), Some(row.created));
        let freeform_tags = Some(row.common.tags.clone());
        let defined_tags = Some(row.common.defined_tags.clone());
        match &row.content {
            IamContent::TagNamespace { retired } => value(&TagNamespace {
                id: ocid,
                compartment_id,
                name,
                description,
                is_retired: *retired,
                lifecycle_state: Some(of_tags(state, *retired).into()),
                time_created,
                freeform_tags,
                defined_tags,
                ..TagNamespace::default()
            }),
            IamContent::Tag { namespace, retired, counts_costs, values } => {
                let space = Id(Kind::TagNamespace, *namespace);
                value(&Tag {
                    id: ocid,
                    compartment_id,
                    tag_namespace_id: self.ids.text(space),
                    tag_namespace_name: self.iam_name(space),
                    name,
                    description,
                    is_retired: *retired,
                    is_cost_tracking: Some(*counts_costs),
                    lifecycle_state: Some(of_tags(state, *retired).into()),
                    time_created,
                    validator: values.as_ref().map(|values| Box::new(enum_of(values))),
                    freeform_tags,
                    defined_tags,
                    ..Tag::default()
                })
            }
            IamContent::TagDefault { tag, value: own, required } => {
                let definition = Id(Kind::TagDefinition, *tag);
                value(&TagDefault {
                    id: ocid,
                    compartment_id,
                    tag_namespace_id: self.namespace_of(*tag).map(|id| self.ids.text(id)).unwrap_or_default(),
                    tag_definition_id: self.ids.text(definition),
                    tag_definition_name: self.iam_name(definition),
                    value: own.clone(),
                    is_required: *required,
                    lifecycle_state: Some("ACTIVE".into()),
                    time_created,
                    ..TagDefault::default()
                })
            }
            IamContent::Membership { group, user } => value(&UserGroupMembership {
                id: ocid,
                compartment_id,
                group_id: self.ids.text(Id(Kind::Group, *group)),
                user_id: self
                    .user_in(user)
                    .map_or_else(|| user.clone(), |number| self.ids.text(Id(Kind::User, number))),
                lifecycle_state: state.into(),
                time_created,
                ..UserGroupMembership::default()
            }),
            _ => Err(error::not_found()),
        }
    }

    /// The name of a row.
    pub(super) fn iam_name(&self, id: Id) -> String {
        self.identity.iam.rows.get(&id).map(|row| row.name.clone()).unwrap_or_default()
    }
}

/// The fields that name and describe something new; tags have no compartment of their own.
pub(super) fn with_compartment(request: &ApiRequest, compartment: &str) -> Result<NewRow, ApiError> {
    let mut body = request.body.clone().ok_or_else(error::unparsable)?;
    body["compartmentId"] = compartment.into();
    serde_json::from_value(body).map_err(|_| error::unparsable())
}

/// Tags have no CREATING, and are INACTIVE once they are retired.
fn of_tags(state: &'static str, retired: bool) -> &'static str {
    match state {
        "CREATING" | "ACTIVE" if retired => "INACTIVE",
        "CREATING" => "ACTIVE",
        other => other,
    }
}

fn understood_rule(rule: String) -> Result<String, ApiError> {
    check_rule(&rule).map_err(|why| error::invalid(format!("matchingRule: {why}")))?;
    Ok(rule)
}

/// The values that a tag can have; `None` for any.
fn allowed_values(validator: Option<&BaseTagDefinitionValidator>) -> Result<Option<Vec<String>>, ApiError> {
    match validator {
        Some(BaseTagDefinitionValidator::Enum(list)) => {
            let values = list.values.clone().unwrap_or_default();
            if values.is_empty() {
                return Err(error::invalid("validator.values must have at least one value"));
            }
            Ok(Some(values))
        }
        _ => Ok(None),
    }
}

fn enum_of(values: &[String]) -> BaseTagDefinitionValidator {
    BaseTagDefinitionValidator::Enum(EnumTagDefinitionValidator {
        values: Some(values.to_vec()),
        ..EnumTagDefinitionValidator::default()
    })
}

fn value(model: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(model).map_err(|_| error::unparsable())
}
