//! Creates, gets, lists, updates and deletes the parts of a network. All kinds have the same operations.

use super::part::{Common, Content, Part, described, is_default, most_of, title};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::automatic_tags::Spaces;
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_tags;
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use oci_api::models::{
    DhcpOptions, InternetGateway, NatGateway, NetworkSecurityGroup, RouteTable, SecurityList, ServiceGateway,
    ServiceIdResponseDetails,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// What every request to create something in a network has.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Created {
    compartment_id: String,
    vcn_id: String,
    #[serde(flatten)]
    pub labels: Labels,
}

/// The name and the tags in a request.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(in crate::world) struct Labels {
    pub display_name: Option<String>,
    pub freeform_tags: Option<BTreeMap<String, String>>,
    pub defined_tags: Option<Spaces>,
}

impl Labels {
    pub fn check(&self) -> Result<(), ApiError> {
        let tags = self.freeform_tags.as_ref();
        tags.map_or(Ok(()), |tags| check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str()))))
    }

    /// Applies an update.
    pub fn apply(self, name: &mut String, common: &mut Common) {
        if let Some(new) = self.display_name {
            *name = new;
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

/// The fields that all parts show.
struct PartFields {
    compartment_id: String,
    id: String,
    vcn_id: String,
    name: String,
    state: &'static str,
    created: jiff::Timestamp,
    tags: BTreeMap<String, String>,
    defined_tags: Spaces,
}

impl World {
    /// The compartment and the living network in a request to create something in it.
    pub(super) fn place_of_new(&self, new: &Created) -> Result<(u32, u32), ApiError> {
        let compartment = self.compartment(&new.compartment_id)?;
        let vcn = self.vcn(&new.vcn_id)?;
        if !self.network.vcns[vcn as usize].lives() {
            return Err(error::incorrect_state(format!("{} is in state TERMINATING", new.vcn_id)));
        }
        new.labels.check()?;
        Ok((compartment, vcn))
    }

    /// What a new resource of a network has from its request.
    pub(super) fn common_of_new(&mut self, labels: Labels, request: &ApiRequest) -> Common {
        Common {
            tags: labels.freeform_tags.unwrap_or_default(),
            defined_tags: self.defined_tags_of_new(labels.defined_tags.as_ref(), &request.caller),
            made: true,
            ..Common::default()
        }
    }

    /// The part with this OCID, or 404.
    pub(in crate::world) fn part(&self, kind: Kind, ocid: &str) -> Result<(Id, Cow<'_, Part>), ApiError> {
        let id = self.ids.number(kind, ocid).map(|number| Id(kind, number)).ok_or_else(error::not_found)?;
        let part = self.network.part(id).filter(|part| self.is_there(part)).ok_or_else(error::not_found)?;
        Ok((id, part))
    }

    /// Whether requests still find a part.
    pub(in crate::world) fn is_there(&self, part: &Part) -> bool {
        let vcn = self.network.vcns.get(part.vcn as usize);
        part.common.phase(part.created, self.now).is_some()
            && vcn.is_some_and(|vcn| vcn.phase(self.now).is_some())
    }

    pub(in crate::world) fn create_part(
        &mut self,
        kind: Kind,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: Created = request.details()?;
        let (compartment, vcn) = self.place_of_new(&new)?;
        let content = self.content_of_new(kind, request, vcn)?;
        let most = most_of(kind);
        let has = self.network.parts_of(kind).filter(|(_, part)| part.vcn == vcn && self.is_there(part));
        if has.count() >= most {
            let vcn = self.ids.text(Id(Kind::Vcn, vcn));
            return Err(error::invalid(format!(
                "The maximum limit of {most} for {} per VCN has been exceeded in VCN {vcn}",
                described(kind)
            )));
        }
        let name = new.labels.display_name.clone();
        let part = Part {
            compartment,
            vcn,
            name: name.unwrap_or_else(|| format!("{}{}", title(kind).to_lowercase(), stamp(self.now))),
            created: self.now,
            common: self.common_of_new(new.labels, request),
            content,
        };
        let id = self.network.add_part(kind, part);
        self.log.push(self.now, &format!("{}_created", kind.as_str()), Some(id), None);
        Ok((self.part_answer(request, id)?, Some(id)))
    }

    /// The result of an operation that shows one part.
    pub(in crate::world) fn part_answer(&self, request: &ApiRequest, id: Id) -> ApiResult {
        let part = self.network.part(id).filter(|part| self.is_there(part)).ok_or_else(error::not_found)?;
        let shown = answer(request.operation, &self.part_value(id, &part)?)?;
        let has_etag = request.operation.info().success_headers.contains(&"etag");
        Ok(if has_etag { shown.with_etag(self.etag(id, part.common.version)) } else { shown })
    }

    pub(in crate::world) fn get_part(&self, kind: Kind, request: &ApiRequest, parameter: &str) -> ApiResult {
        let (id, _) = self.part(kind, request.in_path(parameter))?;
        self.part_answer(request, id)
    }

    pub(in crate::world) fn list_parts(&mut self, kind: Kind, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let rows = self.parts_listed(kind, request, Some(compartment))?;
        page.answer_small(request, Order::read(request), rows)
    }

    /// The rows of a list of parts.
    pub(in crate::world) fn parts_listed(
        &self,
        kind: Kind,
        request: &ApiRequest,
        compartment: Option<u32>,
    ) -> Result<Vec<(Cursor, Value)>, ApiError> {
        let vcn = request.in_query("vcnId").map(|ocid| self.vcn(ocid)).transpose()?;
        let name = request.in_query("displayName");
        let state = request.in_query("lifecycleState");
        let mut rows = Vec::new();
        for (id, part) in self.network.parts_of(kind).filter(|(_, part)| self.is_there(part)) {
            let is_wanted = compartment.is_none_or(|compartment| compartment == part.compartment)
                && vcn.is_none_or(|vcn| vcn == part.vcn)
                && name.is_none_or(|name| name == part.name)
                && state.is_none_or(|state| state.eq_ignore_ascii_case(self.state_of_part(&part)));
            if is_wanted {
                // Times of creation order them; numbers alone would put changed defaults first.
                let cursor = Cursor { group: 0, name: part.name.clone(), number: id.1 };
                rows.push((cursor, self.part_value(id, &part)?));
            }
        }
        Ok(rows)
    }

    pub(in crate::world) fn state_of_part(&self, part: &Part) -> &'static str {
        part.common.phase(part.created, self.now).map_or("TERMINATED", |phase| phase.as_str())
    }

    pub(in crate::world) fn update_part(
        &mut self,
        kind: Kind,
        request: &ApiRequest,
        parameter: &str,
    ) -> ApiResult {
        let (id, part) = self.part(kind, request.in_path(parameter))?;
        self.check_changeable(id, &part, request)?;
        let labels: Labels = request.details()?;
        labels.check()?;
        let content = self.content_of_changed(request, part.vcn, part.content.clone())?;
        let part = self.network.part_mut(id).ok_or_else(error::not_found)?;
        part.content = content;
        labels.apply(&mut part.name, &mut part.common);
        self.log.push(self.now, &format!("{}_updated", kind.as_str()), Some(id), None);
        self.part_answer(request, id)
    }

    /// Refuses a change of what is being deleted, or of another version than the caller knows.
    pub(super) fn check_changeable(&self, id: Id, part: &Part, request: &ApiRequest) -> Result<(), ApiError> {
        request.check_etag(&self.etag(id, part.common.version))?;
        if part.common.lives() {
            return Ok(());
        }
        Err(error::incorrect_state(format!("{} is in state TERMINATING", self.ids.text(id))))
    }

    pub(in crate::world) fn delete_part(
        &mut self,
        kind: Kind,
        request: &ApiRequest,
        parameter: &str,
    ) -> ApiResult {
        let (id, part) = self.part(kind, request.in_path(parameter))?;
        self.check_changeable(id, &part, request)?;
        if is_default(id) {
            let (ocid, vcn) = (self.ids.text(id), self.ids.text(Id(Kind::Vcn, part.vcn)));
            return Err(error::incorrect_state(format!("{ocid} is the default {} of {vcn}", title(kind))));
        }
        self.check_unused(id)?;
        let now = self.now;
        if let Some(part) = self.network.part_mut(id) {
            part.common.deleted = Some(now);
            part.common.version += 1;
        }
        self.log.push(self.now, &format!("{}_deleted", kind.as_str()), Some(id), None);
        Ok(empty(request.operation))
    }

    /// Refuses to delete a part that something else uses. The form of the texts is that of the service for a subnet with VNICs
    /// (oracle/terraform-provider-oci#660), a VCN with gateways (oracle/oci-cli#1108) and a route table that a gateway uses
    /// (oracle/learning-library#393); which of them it takes for the other kinds is likely, not sure.
    fn check_unused(&self, id: Id) -> Result<(), ApiError> {
        let ocid = self.ids.text(id);
        if self.network.subnets.iter().any(|subnet| subnet.lives() && subnet.uses(id)) {
            return Err(error::incorrect_state(format!("{ocid} is associated with Subnet that is in use")));
        }
        let living = |part: &Part| part.common.lives();
        if id.0 == Kind::RouteTable {
            for kind in [Kind::InternetGateway, Kind::NatGateway, Kind::ServiceGateway] {
                let mut all = self.network.parts_of(kind);
                let user = all.find(|(_, part)| living(part) && part.content.route_table() == Some(id.1));
                if let Some((gateway, _)) = user {
                    let gateway = self.ids.text(gateway);
                    let text = format!("Gateway entity {gateway} using the route table exists");
                    return Err(error::incorrect_state(text));
                }
            }
        }
        let routes = |part: &Part| match &part.content {
            Content::RouteTable { rules } => rules.iter().any(|rule| rule.network_entity_id == ocid),
            _ => false,
        };
        let mut tables = self.network.parts_of(Kind::RouteTable);
        if let Some((table, _)) = tables.find(|(_, part)| living(part) && self.is_there(part) && routes(part))
        {
            return Err(self.referenced(id, table));
        }
        if id.0 == Kind::NetworkSecurityGroup
            && let Some(instance) = self.vnics_of_group(&ocid).next()
        {
            return Err(self.referenced(id, Id(Kind::Vnic, instance)));
        }
        Ok(())
    }

    /// 409 for a resource that another one refers to (oracle/terraform-provider-oci#660).
    pub(super) fn referenced(&self, id: Id, by: Id) -> ApiError {
        let (what, by_title) = (title(id.0), title(by.0));
        let (ocid, by) = (self.ids.text(id), self.ids.text(by));
        let text = format!(
            "The {what} {ocid} references the {by_title} {by}. You must remove the reference to proceed with this \
             operation."
        );
        ApiError::new(409, "Conflict", text)
    }

    /// A part as a response shows it.
    fn part_value(&self, id: Id, part: &Part) -> Result<Value, ApiError> {
        let shown = PartFields {
            compartment_id: compartment_ocid(&self.ids, part.compartment),
            id: self.ids.text(id),
            vcn_id: self.ids.text(Id(Kind::Vcn, part.vcn)),
            name: part.name.clone(),
            state: self.state_of_part(part),
            created: part.created,
            tags: part.common.tags.clone(),
            defined_tags: part.common.defined_tags.clone(),
        };
        match &part.content {
            Content::InternetGateway { enabled, .. } => value(&InternetGateway {
                is_enabled: Some(*enabled),
                route_table_id: self.route_table_ocid(part),
                ..internet_gateway(shown)
            }),
            Content::NatGateway { blocked, .. } => value(&NatGateway {
                block_traffic: *blocked,
                route_table_id: self.route_table_ocid(part),
                nat_ip: super::Network::nat_address(id).to_string(),
                ..nat_gateway(shown)
            }),
            Content::ServiceGateway { blocked, services, .. } => value(&ServiceGateway {
                block_traffic: *blocked,
                route_table_id: self.route_table_ocid(part),
                services: services.iter().map(|service| self.named_service(*service)).collect(),
                ..service_gateway(shown)
            }),
            Content::RouteTable { rules } => {
                value(&RouteTable { route_rules: rules.clone(), ..route_table(shown) })
            }
            Content::SecurityList { ingress, egress } => value(&SecurityList {
                ingress_security_rules: ingress.clone(),
                egress_security_rules: egress.clone(),
                ..security_list(shown)
            }),
            Content::DhcpOptions { options, domain } => value(&DhcpOptions {
                options: options.clone(),
                domain_name_type: domain.as_deref().map(Into::into),
                ..dhcp_options(shown)
            }),
            Content::SecurityGroup { .. } => value(&security_group(shown)),
        }
    }

    fn route_table_ocid(&self, part: &Part) -> Option<String> {
        part.content.route_table().map(|number| self.ids.text(Id(Kind::RouteTable, number)))
    }

    fn named_service(&self, service: u8) -> ServiceIdResponseDetails {
        ServiceIdResponseDetails {
            service_id: self.service_ocid(service),
            service_name: self.service_name(service),
            ..ServiceIdResponseDetails::default()
        }
    }
}

fn value(model: &impl Serialize) -> Result<Value, ApiError> {
    serde_json::to_value(model).map_err(|_| error::unparsable())
}

/// A function that fills the fields of a model that all parts have.
macro_rules! filled {
    ($($name:ident: $model:ident { name: $with_name:expr, created: $with_time:expr },)+) => {
        $(fn $name(shown: PartFields) -> $model {
            $model {
                compartment_id: shown.compartment_id,
                id: shown.id,
                vcn_id: shown.vcn_id,
                display_name: $with_name(shown.name),
                lifecycle_state: shown.state.into(),
                time_created: $with_time(shown.created),
                freeform_tags: Some(shown.tags),
                defined_tags: Some(shown.defined_tags),
                ..$model::default()
            }
        })+
    };
}

filled! {
    internet_gateway: InternetGateway { name: Some, created: Some },
    nat_gateway: NatGateway { name: Some, created: Some },
    service_gateway: ServiceGateway { name: Some, created: Some },
    route_table: RouteTable { name: Some, created: Some },
    security_list: SecurityList { name: String::from, created: Some },
    dhcp_options: DhcpOptions { name: Some, created: Some },
    security_group: NetworkSecurityGroup { name: Some, created: Some },
}
