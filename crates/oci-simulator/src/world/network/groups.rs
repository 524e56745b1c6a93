//! Network security groups: their rules and the VNICs in them.

use super::part::{Content, Part};
use super::rules::check_protocol;
use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use oci_api::models::{
    AddedNetworkSecurityGroupSecurityRules, NetworkSecurityGroupVnic,
    RemoveNetworkSecurityGroupSecurityRulesDetails, SecurityRule, SecurityRuleDestinationType,
    SecurityRuleDirection, SecurityRuleSourceType, UpdatedNetworkSecurityGroupSecurityRules,
};
use serde::Deserialize as _;
use std::collections::BTreeSet;

/// The maximum number of rules of a group (Oracle: "Service Limits", Networking).
const RULES_MAX: usize = 120;
/// The maximum number of groups of a VNIC (Oracle: CreateVnicDetails).
const GROUPS_MAX: usize = 5;

const GROUP: &str = "networkSecurityGroupId";

impl World {
    /// Refuses an OCID that is not that of a living group.
    pub(super) fn check_group(&self, ocid: &str) -> Result<(), ApiError> {
        if self.others_known.contains(ocid) {
            return Ok(());
        }
        let (_, part) = self.part(Kind::NetworkSecurityGroup, ocid)?;
        if part.common.lives() { Ok(()) } else { Err(error::not_found()) }
    }

    /// Refuses groups that a VNIC in this subnet cannot have: too many, unknown ones, those of another network. Groups that a
    /// config names are in whatever network it names.
    pub(in crate::world) fn check_groups_of_vnic<'a>(
        &self,
        groups: impl ExactSizeIterator<Item = &'a str>,
        subnet: u32,
    ) -> Result<(), ApiError> {
        if groups.len() > GROUPS_MAX {
            let count = groups.len();
            return Err(error::invalid(format!(
                "nsgIds has {count} groups; a VNIC can have at most {GROUPS_MAX}"
            )));
        }
        let vcn = self.network.subnets.get(subnet as usize).map(|subnet| subnet.vcn);
        for ocid in groups {
            self.check_group(ocid)?;
            let part = self.part(Kind::NetworkSecurityGroup, ocid).ok();
            if part.is_some_and(|(_, part)| Some(part.vcn) != vcn) {
                return Err(error::invalid(format!(
                    "NetworkSecurityGroup {ocid} does not belong to the VCN of the subnet"
                )));
            }
        }
        Ok(())
    }

    /// The VNICs in a group.
    pub(super) fn vnics_of_group<'a>(&'a self, ocid: &'a str) -> impl Iterator<Item = u32> + 'a {
        let has = move |number: &u32| {
            let extra = self.instances.extras.get(*number);
            let groups = extra.create_vnic_details.as_ref().and_then(|vnic| vnic.nsg_ids.as_ref());
            groups.is_some_and(|groups| groups.iter().any(|group| group == ocid))
        };
        // Many instances share few extras.
        let of: BTreeSet<u32> = (0..self.instances.extras.count()).filter(has).collect();
        let in_group =
            move |row: &crate::world::instances::InstanceRow| row.has_vnic() && of.contains(&row.extras);
        let own = self.instances.iter().filter(move |(_, row)| in_group(row)).map(|(number, _)| number);
        own.chain(self.cards_of_group(ocid))
    }

    pub(in crate::world) fn list_group_vnics(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path(GROUP);
        self.check_group(ocid)?;
        let page = self.page(request)?;
        let rows = self.vnics_of_group(ocid).map(|number| {
            let instance = self.vnic_place(number).map_or(number, |place| place.instance);
            let vnic = NetworkSecurityGroupVnic {
                vnic_id: self.ids.text(Id(Kind::Vnic, number)),
                resource_id: Some(self.ids.text(Id(Kind::Instance, instance))),
                time_associated: self.instances.get(instance).map(|row| row.created),
                ..NetworkSecurityGroupVnic::default()
            };
            (Cursor { number, ..Cursor::default() }, vnic)
        });
        page.answer_small(request, Order { by_name: false, descending: false }, rows.collect())
    }

    /// The group as a part. One that a config names becomes a part when its rules are first changed.
    fn group_mut(&mut self, ocid: &str) -> Result<(Id, &mut Part), ApiError> {
        let kind = Kind::NetworkSecurityGroup;
        if self.others_known.contains(ocid) {
            let shown = self.security_group(ocid);
            let compartment = self.others_are_in();
            let vcn = self.network.named_subnet().map_or(0, |subnet| subnet.vcn);
            let part = Part {
                compartment,
                vcn,
                name: shown.display_name.unwrap_or_default(),
                created: shown.time_created.unwrap_or(self.now),
                common: super::Common::default(),
                content: Content::SecurityGroup { rules: Vec::new(), made_rules: 0 },
            };
            let id = self.network.add_part(kind, part);
            self.others_known.remove(ocid);
            self.ids.name(id, ocid);
        }
        let (id, part) = self.part(kind, ocid)?;
        if !part.common.lives() {
            return Err(error::incorrect_state(format!("{ocid} is in state TERMINATING")));
        }
        let part = self.network.part_mut(id).ok_or_else(error::not_found)?;
        Ok((id, part))
    }

    pub(in crate::world) fn update_group(&mut self, request: &ApiRequest) -> ApiResult {
        self.group_mut(request.in_path(GROUP))?;
        self.update_part(Kind::NetworkSecurityGroup, request, GROUP)
    }

    pub(in crate::world) fn delete_group(&mut self, request: &ApiRequest) -> ApiResult {
        self.group_mut(request.in_path(GROUP))?;
        self.delete_part(Kind::NetworkSecurityGroup, request, GROUP)
    }

    fn rules_of(&self, ocid: &str) -> Result<Vec<SecurityRule>, ApiError> {
        if self.others_known.contains(ocid) {
            return Ok(Vec::new());
        }
        let (_, part) = self.part(Kind::NetworkSecurityGroup, ocid)?;
        let Content::SecurityGroup { rules, .. } = &part.content else { return Ok(Vec::new()) };
        Ok(rules.iter().map(|rule| self.with_validity(rule)).collect())
    }

    /// A rule that names a deleted group is no longer valid (Oracle: SecurityRule, `isValid`).
    fn with_validity(&self, rule: &SecurityRule) -> SecurityRule {
        let is_group = |kind: Option<&str>| kind == Some("NETWORK_SECURITY_GROUP");
        let lives = |peer: Option<&String>| peer.is_none_or(|peer| self.check_group(peer).is_ok());
        let source = !is_group(rule.source_type.as_ref().map(SecurityRuleSourceType::as_str))
            || lives(rule.source.as_ref());
        let destination = !is_group(rule.destination_type.as_ref().map(SecurityRuleDestinationType::as_str))
            || lives(rule.destination.as_ref());
        SecurityRule { is_valid: Some(source && destination), ..rule.clone() }
    }

    pub(in crate::world) fn list_group_rules(&mut self, request: &ApiRequest) -> ApiResult {
        let direction = request.in_query("direction").map(str::to_owned);
        let rules = self.rules_of(request.in_path(GROUP))?;
        let page = self.page(request)?;
        let is_wanted = |rule: &SecurityRule| {
            direction.as_ref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(rule.direction.as_str()))
        };
        let rows = rules.into_iter().filter(is_wanted).zip(0..);
        let rows = rows.map(|(rule, number)| (Cursor { number, ..Cursor::default() }, rule)).collect();
        page.answer_small(request, Order { by_name: false, descending: false }, rows)
    }

    /// Checks and completes a rule.
    fn check_rule(&self, rule: &mut SecurityRule) -> Result<(), ApiError> {
        let is_ingress = rule.direction == SecurityRuleDirection::Ingress;
        let (peer, field, kind, other) = if is_ingress {
            let kind = rule.source_type.get_or_insert_with(|| "CIDR_BLOCK".into()).as_str().to_owned();
            (&rule.source, "source", kind, rule.destination.as_ref().map(|_| "destination"))
        } else {
            let kind = rule.destination_type.get_or_insert_with(|| "CIDR_BLOCK".into()).as_str().to_owned();
            (&rule.destination, "destination", kind, rule.source.as_ref().map(|_| "source"))
        };
        if let Some(other) = other {
            let direction = rule.direction.as_str();
            return Err(error::invalid(format!("{other} is not allowed for direction {direction}")));
        }
        let peer = peer.as_deref().ok_or_else(|| error::missing(&format!("securityRules.{field}")))?;
        self.check_peer(field, peer, &kind)?;
        rule.is_stateless.get_or_insert(false);
        let (tcp, udp) = (rule.tcp_options.as_deref(), rule.udp_options.as_deref());
        check_protocol(&rule.protocol, tcp, udp, rule.icmp_options.as_deref())
    }

    pub(in crate::world) fn add_group_rules(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path(GROUP);
        let mut rules = rules_in(request)?;
        rules.iter_mut().try_for_each(|rule| self.check_rule(rule))?;
        let now = self.now;
        let (id, part) = self.group_mut(ocid)?;
        let Content::SecurityGroup { rules: known, made_rules } = &mut part.content else {
            return Err(error::not_found());
        };
        let all = known.len() + rules.len();
        if all > RULES_MAX {
            return Err(error::invalid(format!(
                "Total security rules count {all} cannot be greater than {RULES_MAX}."
            )));
        }
        for rule in &mut rules {
            *made_rules += 1;
            rule.id = Some(format!("{:06X}", *made_rules));
            rule.time_created = Some(now);
        }
        known.extend(rules.iter().cloned());
        part.common.version += 1;
        self.log.push(now, "networksecuritygroup_updated", Some(id), None);
        let rules = rules.iter().map(|rule| self.with_validity(rule)).collect();
        let added = AddedNetworkSecurityGroupSecurityRules {
            security_rules: Some(rules),
            ..AddedNetworkSecurityGroupSecurityRules::default()
        };
        answer(request.operation, &added)
    }

    pub(in crate::world) fn update_group_rules(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path(GROUP);
        let mut rules = rules_in(request)?;
        rules.iter_mut().try_for_each(|rule| self.check_rule(rule))?;
        let known = self.rules_of(ocid)?;
        for rule in &mut rules {
            let old =
                known.iter().find(|old| old.id == rule.id).ok_or_else(|| unknown_rule(rule.id.as_deref()))?;
            rule.time_created = old.time_created;
        }
        let now = self.now;
        let (id, part) = self.group_mut(ocid)?;
        if let Content::SecurityGroup { rules: known, .. } = &mut part.content {
            for rule in &rules {
                known.iter_mut().filter(|old| old.id == rule.id).for_each(|old| old.clone_from(rule));
            }
        }
        part.common.version += 1;
        self.log.push(now, "networksecuritygroup_updated", Some(id), None);
        let rules = rules.iter().map(|rule| self.with_validity(rule)).collect();
        let updated = UpdatedNetworkSecurityGroupSecurityRules {
            security_rules: Some(rules),
            ..UpdatedNetworkSecurityGroupSecurityRules::default()
        };
        answer(request.operation, &updated)
    }

    pub(in crate::world) fn remove_group_rules(&mut self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path(GROUP);
        let gone: RemoveNetworkSecurityGroupSecurityRulesDetails = request.details()?;
        let gone: BTreeSet<String> = gone.security_rule_ids.unwrap_or_default().into_iter().collect();
        let known = self.rules_of(ocid)?;
        let is_known = |id: &&String| known.iter().any(|rule| rule.id.as_ref() == Some(id));
        if let Some(unknown) = gone.iter().find(|id| !is_known(id)) {
            return Err(unknown_rule(Some(unknown)));
        }
        let now = self.now;
        let (id, part) = self.group_mut(ocid)?;
        if let Content::SecurityGroup { rules, .. } = &mut part.content {
            rules.retain(|rule| rule.id.as_ref().is_none_or(|id| !gone.contains(id)));
        }
        part.common.version += 1;
        self.log.push(now, "networksecuritygroup_updated", Some(id), None);
        Ok(empty(request.operation))
    }
}

/// 400 for a rule that the group has not (text invented).
fn unknown_rule(id: Option<&str>) -> ApiError {
    error::invalid(format!("the security group has no rule {}", id.unwrap_or_default()))
}

/// The rules in a request. What is added and what is updated have the fields of a rule, but for those that the region sets.
fn rules_in(request: &ApiRequest) -> Result<Vec<SecurityRule>, ApiError> {
    let rules = request.body.as_ref().and_then(|body| body.get("securityRules"));
    rules.map_or_else(|| Ok(Vec::new()), |rules| Vec::deserialize(rules).map_err(|_| error::unparsable()))
}
