//! Tag namespaces, tags and tag defaults; and which defined tags a request may have (Oracle: "Managing Tags and Tag Namespaces",
//! "Managing Tag Defaults").

use super::content::with_compartment;
use super::manage::name_is_taken;
use super::rows::{IamContent, IamRow};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::automatic_tags::NAMESPACE;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::empty;
use crate::world::state::World;
use crate::world::work_requests::{ResourceAction, Status};
use oci_api::Method;
use oci_api::models::CreateTagDefaultDetails;
use oci_api::schema::Model;
use serde_json::Value;

/// The longest value of a tag (Oracle: "Tagging Overview").
const VALUE_MAX: usize = 256;
/// The maximum number of tags in a namespace.
const TAGS_MAX: usize = 100;

impl World {
    /// The namespace of a tag.
    pub(super) fn namespace_of(&self, tag: u32) -> Option<Id> {
        match self.identity.iam.rows.get(&Id(Kind::TagDefinition, tag))?.content {
            IamContent::Tag { namespace, .. } => Some(Id(Kind::TagNamespace, namespace)),
            _ => None,
        }
    }

    fn tag_named(&self, namespace: u32, name: &str) -> Option<(u32, &IamRow)> {
        let mut tags = self.identity.iam.living(Kind::TagDefinition);
        tags.find(|(_, row)| {
            matches!(row.content, IamContent::Tag { namespace: own, .. } if own == namespace)
                && row.name.eq_ignore_ascii_case(name)
        })
    }

    pub(in crate::world) fn create_tag(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let (space, row) = self.iam_row(Kind::TagNamespace, request.in_path("tagNamespaceId"))?;
        if !row.common.lives() || matches!(row.content, IamContent::TagNamespace { retired: true }) {
            return Err(error::incorrect_state("the tag namespace is retired or being deleted"));
        }
        let compartment = row.compartment;
        let new = with_compartment(request, &compartment_ocid(&self.ids, compartment))?;
        let is_good = !new.name.is_empty()
            && new.name.len() <= 100
            && new.name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'.');
        if !is_good {
            return Err(error::invalid(format!(
                "name '{}' is not valid for a tag: it has no spaces and no periods",
                new.name
            )));
        }
        if self.tag_named(space.1, &new.name).is_some() {
            return Err(name_is_taken(Kind::TagDefinition, &new.name));
        }
        let is_own =
            |row: &&IamRow| matches!(row.content, IamContent::Tag { namespace, .. } if namespace == space.1);
        let own = self.identity.iam.living(Kind::TagDefinition).map(|(_, row)| row).filter(is_own);
        if own.count() >= TAGS_MAX {
            return Err(error::limit_exceeded(&["tag-definition-count".to_owned()]));
        }
        let content = Self::new_tag(space.1, request)?;
        let row = IamRow {
            compartment,
            name: new.name,
            description: new.description,
            created: self.now,
            common: self.iam_common(new.freeform_tags, new.defined_tags.as_ref(), request)?,
            given: false,
            content,
        };
        let id = self.identity.iam.add(Kind::TagDefinition, row);
        self.log.push(self.now, "tagdefinition_created", Some(id), None);
        Ok((self.iam_answer(request, id)?, Some(id)))
    }

    /// The tags with which costs are tracked.
    pub(in crate::world) fn list_cost_tags(&mut self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let page = self.page(request)?;
        let mut rows = Vec::new();
        for (number, row) in self.identity.iam.living(Kind::TagDefinition) {
            if matches!(row.content, IamContent::Tag { counts_costs: true, .. }) {
                let cursor = Cursor { group: 0, name: row.name.clone(), number };
                rows.push((cursor, self.iam_value(Id(Kind::TagDefinition, number), row)?));
            }
        }
        page.answer_small(request, Order { by_name: false, descending: false }, rows)
    }

    fn tag_in_path(&self, request: &ApiRequest) -> Result<Id, ApiError> {
        let (space, _) = self.iam_row(Kind::TagNamespace, request.in_path("tagNamespaceId"))?;
        let found = self.tag_named(space.1, request.in_path("tagName"));
        let (number, row) = found.ok_or_else(error::not_found)?;
        let id = Id(Kind::TagDefinition, number);
        request.check_etag(&self.etag(id, row.common.version))?;
        Ok(id)
    }

    pub(in crate::world) fn get_tag(&self, request: &ApiRequest) -> ApiResult {
        let id = self.tag_in_path(request)?;
        self.iam_answer(request, id)
    }

    pub(in crate::world) fn list_tags(&mut self, request: &ApiRequest) -> ApiResult {
        self.iam_row(Kind::TagNamespace, request.in_path("tagNamespaceId"))?;
        self.list_iam(Kind::TagDefinition, request)
    }

    pub(in crate::world) fn update_tag(&mut self, request: &ApiRequest) -> ApiResult {
        let id = self.tag_in_path(request)?;
        self.change_iam(request, id)
    }

    pub(in crate::world) fn delete_tag(&mut self, request: &ApiRequest) -> ApiResult {
        let id = self.tag_in_path(request)?;
        self.end_retired(request, id)
    }

    /// Deletes a namespace without tags (Oracle: DeleteTagNamespace; the refusal is likely, its text invented).
    pub(in crate::world) fn delete_tag_namespace(&mut self, request: &ApiRequest) -> ApiResult {
        let id = self.changed_iam(Kind::TagNamespace, request, "tagNamespaceId")?;
        if self.tags_of(id.1).next().is_some() {
            let ocid = self.ids.text(id);
            return Err(error::incorrect_state(format!("{ocid} has tag definitions: delete them first")));
        }
        self.end_retired(request, id)
    }

    fn tags_of(&self, namespace: u32) -> impl Iterator<Item = Id> + '_ {
        let tags = self.identity.iam.living(Kind::TagDefinition);
        let own = tags.filter(
            move |(_, row)| matches!(row.content, IamContent::Tag { namespace: own, .. } if own == namespace),
        );
        own.map(|(number, _)| Id(Kind::TagDefinition, number))
    }

    /// Deletes a tag or a namespace, which must be retired first (Oracle: DeleteTag, DeleteTagNamespace).
    fn end_retired(&mut self, request: &ApiRequest, id: Id) -> ApiResult {
        let row = self.identity.iam.rows.get(&id).ok_or_else(error::not_found)?;
        if !is_retired(row) {
            let ocid = self.ids.text(id);
            return Err(error::incorrect_state(format!("{ocid} must be retired before it is deleted")));
        }
        let compartment = row.compartment;
        self.end_iam(id);
        let (name, now) = (request.operation.name(), self.now);
        let work = self.open_work_request(name, compartment, id, ResourceAction::Delete, now);
        self.close_work_request(work, Status::Succeeded, None);
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    pub(in crate::world) fn create_tag_default(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CreateTagDefaultDetails = request.details()?;
        let compartment = self.compartment(&new.compartment_id)?;
        let (tag, row) = self.iam_row(Kind::TagDefinition, &new.tag_definition_id)?;
        let name = row.name.clone();
        self.check_tag_value(tag.1, &new.value)?;
        let taken = self.identity.iam.living(Kind::TagDefault).any(|(_, row)| {
            row.compartment == compartment
                && matches!(row.content, IamContent::TagDefault { tag: own, .. } if own == tag.1)
        });
        if taken {
            let text = format!("the compartment already has a default for the tag {name}");
            return Err(ApiError::new(409, "TagDefaultAlreadyExists", text));
        }
        let required = new.is_required.unwrap_or(false);
        let row = IamRow {
            compartment,
            name,
            description: String::new(),
            created: self.now,
            common: self.iam_common(None, None, request)?,
            given: false,
            content: IamContent::TagDefault { tag: tag.1, value: new.value, required },
        };
        let id = self.identity.iam.add(Kind::TagDefault, row);
        self.log.push(self.now, "tagdefault_created", Some(id), None);
        Ok((self.iam_answer(request, id)?, Some(id)))
    }

    /// Refuses a default for a tag that is not there, or with a value that the tag does not allow.
    pub(super) fn check_tag_value(&self, tag: u32, value: &str) -> Result<(), ApiError> {
        let row = self.identity.iam.rows.get(&Id(Kind::TagDefinition, tag));
        let row = row.filter(|row| row.common.lives()).ok_or_else(error::not_found)?;
        check_value(row, &row.name, value)
    }

    /// The body of a request with the defaults of its compartment, if there are any; refuses defined tags that do not exist.
    ///
    /// # Errors
    /// With the code and the beginning of the text of the service (oracle/terraform-provider-oci#1969, hashicorp/terraform#32357).
    pub(in crate::world) fn with_defined_tags(
        &self,
        request: &ApiRequest,
    ) -> Result<Option<Value>, ApiError> {
        let info = request.operation.info();
        let Some(body) = request.body.as_ref().filter(|_| info.method != Method::Get) else {
            return Ok(None);
        };
        let model = info.body.and_then(Model::find);
        if model.is_none_or(|model| model.field("definedTags").is_none()) {
            return Ok(None);
        }
        self.check_defined_tags(&body["definedTags"])?;
        self.check_defined_tags(&body["createVnicDetails"]["definedTags"])?;
        if info.method != Method::Post {
            return Ok(None);
        }
        let Some(compartment) = body["compartmentId"].as_str().and_then(|ocid| self.compartment(ocid).ok())
        else {
            return Ok(None);
        };
        self.with_defaults(body, compartment, request)
    }

    fn with_defaults(
        &self,
        body: &Value,
        compartment: u32,
        request: &ApiRequest,
    ) -> Result<Option<Value>, ApiError> {
        let mut changed = None;
        for (_, row) in self.identity.iam.living(Kind::TagDefault) {
            let IamContent::TagDefault { tag, value, required } = &row.content else { continue };
            let definition = self.identity.iam.rows.get(&Id(Kind::TagDefinition, *tag));
            let Some(definition) = definition.filter(|row| row.common.lives()) else { continue };
            let Some(space) = self.namespace_of(*tag) else { continue };
            // The defaults of retired tags stay and are not applied (Oracle: "Retiring a Tag Key Definition").
            if is_retired(definition) || self.identity.iam.rows.get(&space).is_some_and(is_retired) {
                continue;
            }
            let space = self.iam_name(space);
            if !self.is_below(compartment, row.compartment) {
                continue;
            }
            let body = changed.as_ref().unwrap_or(body);
            if body["definedTags"][&space].get(&definition.name).is_some() {
                continue;
            }
            if *required {
                return Err(error::invalid(format!("the tag {space}.{} is required", definition.name)));
            }
            let mut more = body.clone();
            if !more["definedTags"].is_object() {
                more["definedTags"] = Value::Object(serde_json::Map::new());
            }
            if !more["definedTags"][&space].is_object() {
                more["definedTags"][&space] = Value::Object(serde_json::Map::new());
            }
            more["definedTags"][&space][&definition.name] = self.default_value(value, request).into();
            changed = Some(more);
        }
        Ok(changed)
    }

    /// The value of a default, whose variables are those of the request (Oracle: "Tag Variables").
    fn default_value(&self, value: &str, request: &ApiRequest) -> String {
        let principal = match self.ids.number(Kind::User, &request.caller.user) {
            Some(user) => self.name_of(user),
            None => request.caller.user.clone(),
        };
        let now = self.now.strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        value.replace("${iam.principal.name}", &principal).replace("${oci.datetime}", &now)
    }

    fn check_defined_tags(&self, tags: &Value) -> Result<(), ApiError> {
        for (space, keys) in tags.as_object().into_iter().flatten() {
            // The tags of Oracle's own namespace come back in updates.
            if space.eq_ignore_ascii_case(NAMESPACE) {
                continue;
            }
            let found = self.identity.iam.named(Kind::TagNamespace, space);
            let Some((number, row)) = found else {
                return Err(unknown_tag(&format!("TagNamespace {space} does not exists.")));
            };
            if matches!(row.content, IamContent::TagNamespace { retired: true }) {
                return Err(unknown_tag(&format!("TagNamespace {space} is retired.")));
            }
            for (key, value) in keys.as_object().into_iter().flatten() {
                let Some((_, tag)) = self.tag_named(number, key) else {
                    let text = format!("TagDefinition {key} in TagNamespace {space} does not exists.");
                    return Err(unknown_tag(&text));
                };
                if matches!(tag.content, IamContent::Tag { retired: true, .. }) {
                    return Err(unknown_tag(&format!("TagDefinition {space}.{key} is retired.")));
                }
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                check_value(tag, key, &text)?;
            }
        }
        Ok(())
    }

    /// Makes a tag that a config names, so that a launch can set it.
    pub(in crate::world) fn register_tag(&mut self, namespace: &str, key: &str) {
        let row = |name: &str, content: IamContent, world: &Self| IamRow {
            compartment: 0,
            name: name.to_owned(),
            description: "Named by a config".to_owned(),
            created: world.now,
            common: crate::world::network::Common::default(),
            given: false,
            content,
        };
        let known = self.identity.iam.named(Kind::TagNamespace, namespace).map(|(number, _)| number);
        let space = known.unwrap_or_else(|| {
            let row = row(namespace, IamContent::TagNamespace { retired: false }, self);
            self.identity.iam.add(Kind::TagNamespace, row).1
        });
        if self.tag_named(space, key).is_none() {
            let content =
                IamContent::Tag { namespace: space, retired: false, counts_costs: false, values: None };
            let row = row(key, content, self);
            self.identity.iam.add(Kind::TagDefinition, row);
        }
    }
}

fn unknown_tag(which: &str) -> ApiError {
    ApiError::new(
        400,
        "RelatedResourceNotAuthorizedOrNotFound",
        format!("The following tag namespaces / keys are not authorized or not found: {which}"),
    )
}

/// Refuses a value that a tag cannot have (texts invented).
/// Whether a tag or a namespace is retired.
fn is_retired(row: &IamRow) -> bool {
    matches!(row.content, IamContent::Tag { retired: true, .. } | IamContent::TagNamespace { retired: true })
}

fn check_value(tag: &IamRow, key: &str, value: &str) -> Result<(), ApiError> {
    if value.len() > VALUE_MAX {
        return Err(error::invalid(format!("the value of the tag {key} is longer than {VALUE_MAX} letters")));
    }
    match &tag.content {
        IamContent::Tag { values: Some(values), .. } if !values.iter().any(|own| own == value) => {
            let values = values.join(", ");
            Err(error::invalid(format!("'{value}' is not a value of the tag {key}; it has {values}")))
        }
        _ => Ok(()),
    }
}
