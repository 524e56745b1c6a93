//! What the parts of a network contain: read from requests, and what a network has from its beginning.

use super::part::{Common, Content, Part, title};
use super::rules::{check_egress, check_ingress, check_protocol};
use super::{Network, VcnRow};
use crate::world::api::{ApiError, ApiRequest};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use oci_api::models::{
    CreateDhcpDetails, CreateInternetGatewayDetails, CreateNatGatewayDetails, CreateRouteTableDetails,
    CreateSecurityListDetails, CreateServiceGatewayDetails, DhcpDnsOption, DhcpDnsOptionServerType,
    DhcpOption, DhcpSearchDomainOption, EgressSecurityRule, IcmpOptions, IngressSecurityRule, PortRange,
    TcpOptions, UpdateDhcpDetails, UpdateInternetGatewayDetails, UpdateNatGatewayDetails,
    UpdateRouteTableDetails, UpdateSecurityListDetails, UpdateServiceGatewayDetails,
};

/// The maximum number of rules of one direction in a security list (Oracle: "Service Limits", Networking).
const RULES_MAX: usize = 200;

impl Network {
    /// A part that a network has from its beginning (Oracle: "Default Components that Come With Your VCN").
    pub(super) fn default_part(&self, Id(kind, vcn): Id, row: &VcnRow) -> Part {
        let (what, content) = match kind {
            Kind::RouteTable => ("Route Table", Content::RouteTable { rules: Vec::new() }),
            Kind::SecurityList => ("Security List", self.default_rules(vcn)),
            _ => ("DHCP Options", self.default_dhcp(vcn)),
        };
        Part {
            compartment: row.compartment,
            vcn,
            name: format!("Default {what} for {}", row.name),
            created: row.created,
            common: Common::default(),
            content,
        }
    }

    /// SSH from everywhere, the ICMP messages that path discovery needs, and everything outwards.
    fn default_rules(&self, vcn: u32) -> Content {
        let ingress = |protocol: &str, source: String| IngressSecurityRule {
            protocol: protocol.to_owned(),
            source,
            source_type: Some("CIDR_BLOCK".into()),
            is_stateless: Some(false),
            ..IngressSecurityRule::default()
        };
        let everywhere = || "0.0.0.0/0".to_owned();
        let icmp =
            |code: Option<i64>| Some(Box::new(IcmpOptions { r#type: 3, code, ..IcmpOptions::default() }));
        let ssh = PortRange { min: 22, max: 22, ..PortRange::default() };
        let tcp = TcpOptions { destination_port_range: Some(Box::new(ssh)), ..TcpOptions::default() };
        let mut rules = vec![
            IngressSecurityRule { tcp_options: Some(Box::new(tcp)), ..ingress("6", everywhere()) },
            IngressSecurityRule { icmp_options: icmp(Some(4)), ..ingress("1", everywhere()) },
        ];
        rules.extend(self.blocks(vcn).into_iter().map(|block| IngressSecurityRule {
            icmp_options: icmp(None),
            ..ingress("1", block.to_string())
        }));
        let egress = EgressSecurityRule {
            protocol: "all".to_owned(),
            destination: everywhere(),
            destination_type: Some("CIDR_BLOCK".into()),
            is_stateless: Some(false),
            ..EgressSecurityRule::default()
        };
        Content::SecurityList { ingress: rules, egress: vec![egress] }
    }

    fn default_dhcp(&self, vcn: u32) -> Content {
        let mut options = vec![DhcpOption::DomainNameServer(DhcpDnsOption {
            server_type: DhcpDnsOptionServerType::VcnLocalPlusInternet,
            custom_dns_servers: Some(Vec::new()),
            ..DhcpDnsOption::default()
        })];
        if let Some(label) = self.dns_label(vcn) {
            options.push(DhcpOption::SearchDomain(DhcpSearchDomainOption {
                search_domain_names: vec![format!("{label}.oraclevcn.com")],
                ..DhcpSearchDomainOption::default()
            }));
        }
        Content::DhcpOptions { options, domain: Some("CUSTOM_DOMAIN".to_owned()) }
    }
}

impl World {
    /// What a request to create a part says about it.
    pub(super) fn content_of_new(
        &self,
        kind: Kind,
        request: &ApiRequest,
        vcn: u32,
    ) -> Result<Content, ApiError> {
        let route_table = |ocid: Option<String>| self.part_in(Kind::RouteTable, ocid.as_deref(), vcn);
        Ok(match kind {
            Kind::InternetGateway => {
                let new: CreateInternetGatewayDetails = request.details()?;
                Content::InternetGateway {
                    enabled: new.is_enabled,
                    route_table: route_table(new.route_table_id)?,
                }
            }
            Kind::NatGateway => {
                let new: CreateNatGatewayDetails = request.details()?;
                if new.public_ip_id.is_some() {
                    // The region has no reserved public addresses, so the OCID names none.
                    return Err(error::not_found());
                }
                Content::NatGateway {
                    blocked: new.block_traffic.unwrap_or(false),
                    route_table: route_table(new.route_table_id)?,
                }
            }
            Kind::ServiceGateway => {
                let new: CreateServiceGatewayDetails = request.details()?;
                Content::ServiceGateway {
                    blocked: false,
                    services: self.services_of(&new.services)?,
                    route_table: route_table(new.route_table_id)?,
                }
            }
            Kind::RouteTable => {
                let new: CreateRouteTableDetails = request.details()?;
                Content::RouteTable { rules: self.check_routes(new.route_rules, vcn)? }
            }
            Kind::SecurityList => {
                let new: CreateSecurityListDetails = request.details()?;
                Content::SecurityList {
                    ingress: self.ingress(new.ingress_security_rules)?,
                    egress: self.egress(new.egress_security_rules)?,
                }
            }
            Kind::DhcpOptions => {
                let new: CreateDhcpDetails = request.details()?;
                let domain = new.domain_name_type.map(|kind| kind.as_str().to_owned());
                Content::DhcpOptions { options: check_options(new.options)?, domain }
            }
            _ => Content::SecurityGroup { rules: Vec::new(), made_rules: 0 },
        })
    }

    /// What a request to update a part changes: the new content.
    pub(super) fn content_of_changed(
        &self,
        request: &ApiRequest,
        vcn: u32,
        content: Content,
    ) -> Result<Content, ApiError> {
        let route_table = |new: Option<String>, old: Option<u32>| match new {
            None => Ok(old),
            Some(ocid) => self.part_in(Kind::RouteTable, Some(&ocid), vcn),
        };
        Ok(match content {
            Content::InternetGateway { enabled, route_table: old } => {
                let new: UpdateInternetGatewayDetails = request.details()?;
                Content::InternetGateway {
                    enabled: new.is_enabled.unwrap_or(enabled),
                    route_table: route_table(new.route_table_id, old)?,
                }
            }
            Content::NatGateway { blocked, route_table: old } => {
                let new: UpdateNatGatewayDetails = request.details()?;
                Content::NatGateway {
                    blocked: new.block_traffic.unwrap_or(blocked),
                    route_table: route_table(new.route_table_id, old)?,
                }
            }
            Content::ServiceGateway { blocked, services, route_table: old } => {
                let new: UpdateServiceGatewayDetails = request.details()?;
                Content::ServiceGateway {
                    blocked: new.block_traffic.unwrap_or(blocked),
                    services: match new.services {
                        Some(new) => self.services_of(&new)?,
                        None => services,
                    },
                    route_table: route_table(new.route_table_id, old)?,
                }
            }
            Content::RouteTable { rules } => {
                let new: UpdateRouteTableDetails = request.details()?;
                let rules = new.route_rules.map_or(Ok(rules), |new| self.check_routes(new, vcn))?;
                Content::RouteTable { rules }
            }
            Content::SecurityList { ingress, egress } => {
                let new: UpdateSecurityListDetails = request.details()?;
                let ingress = new.ingress_security_rules.map_or(Ok(ingress), |new| self.ingress(new))?;
                let egress = new.egress_security_rules.map_or(Ok(egress), |new| self.egress(new))?;
                Content::SecurityList { ingress, egress }
            }
            Content::DhcpOptions { options, domain } => {
                let new: UpdateDhcpDetails = request.details()?;
                let domain = new.domain_name_type.map(|kind| kind.as_str().to_owned()).or(domain);
                let options = new.options.map_or(Ok(options), check_options)?;
                Content::DhcpOptions { options, domain }
            }
            group @ Content::SecurityGroup { .. } => group,
        })
    }

    /// The number of a living part of this network, or 404; `None` for no OCID.
    pub(super) fn part_in(&self, kind: Kind, ocid: Option<&str>, vcn: u32) -> Result<Option<u32>, ApiError> {
        let Some(ocid) = ocid.filter(|ocid| !ocid.is_empty()) else { return Ok(None) };
        let (id, part) = self.part(kind, ocid)?;
        if !part.common.lives() {
            return Err(error::not_found());
        }
        if part.vcn == vcn {
            return Ok(Some(id.1));
        }
        let title = title(kind);
        Err(error::invalid(format!(
            "{title} {ocid} does not belong to VCN {}",
            self.ids.text(Id(Kind::Vcn, vcn))
        )))
    }

    fn ingress(&self, mut rules: Vec<IngressSecurityRule>) -> Result<Vec<IngressSecurityRule>, ApiError> {
        check_count("ingressSecurityRules", rules.len())?;
        for rule in &mut rules {
            check_ingress(self, rule)?;
            check_protocol(
                &rule.protocol,
                rule.tcp_options.as_deref(),
                rule.udp_options.as_deref(),
                rule.icmp_options.as_deref(),
            )?;
        }
        Ok(rules)
    }

    fn egress(&self, mut rules: Vec<EgressSecurityRule>) -> Result<Vec<EgressSecurityRule>, ApiError> {
        check_count("egressSecurityRules", rules.len())?;
        for rule in &mut rules {
            check_egress(self, rule)?;
            check_protocol(
                &rule.protocol,
                rule.tcp_options.as_deref(),
                rule.udp_options.as_deref(),
                rule.icmp_options.as_deref(),
            )?;
        }
        Ok(rules)
    }
}

fn check_count(field: &str, count: usize) -> Result<(), ApiError> {
    if count <= RULES_MAX {
        return Ok(());
    }
    Err(error::invalid(format!("{field} has {count} rules; a security list can have at most {RULES_MAX}")))
}

/// Checks DHCP options: one of the server, at most one of the search domain (Oracle: "DHCP Options"; texts invented).
fn check_options(options: Vec<DhcpOption>) -> Result<Vec<DhcpOption>, ApiError> {
    let (mut servers, mut domains) = (0, 0);
    for option in &options {
        match option {
            DhcpOption::DomainNameServer(dns) => {
                servers += 1;
                let named = dns.custom_dns_servers.as_deref().unwrap_or_default();
                let is_custom = dns.server_type == DhcpDnsOptionServerType::CustomDnsServer;
                if is_custom && !(1..=3).contains(&named.len()) {
                    return Err(error::invalid("customDnsServers must name 1 to 3 servers"));
                }
                if let Some(bad) = named.iter().find(|server| server.parse::<std::net::Ipv4Addr>().is_err()) {
                    return Err(error::invalid(format!("customDnsServers: '{bad}' is not an IPv4 address")));
                }
            }
            DhcpOption::SearchDomain(search) => {
                domains += 1;
                if search.search_domain_names.len() != 1 {
                    return Err(error::invalid("searchDomainNames must name exactly one domain"));
                }
            }
            DhcpOption::Other(_) => return Err(error::invalid("options has an option of an unknown type")),
        }
    }
    match (servers, domains) {
        (1, 0 | 1) => Ok(options),
        _ => Err(error::invalid("options must have one DomainNameServer and at most one SearchDomain")),
    }
}
