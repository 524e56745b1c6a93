//! Checks the rules of route tables, security lists and security groups (Oracle: "Route Tables", "Security Rules"; texts without
//! a source are invented).

use super::Content;
use super::blocks::check_range;
use crate::world::api::ApiError;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use oci_api::models::{
    EgressSecurityRule, IcmpOptions, IngressSecurityRule, PortRange, RouteRule, TcpOptions, UdpOptions,
};
use std::collections::BTreeSet;

/// The maximum number of rules of a route table (Oracle: "Service Limits", Networking).
const ROUTES_MAX: usize = 200;

const BLOCK: &str = "CIDR_BLOCK";
const SERVICE: &str = "SERVICE_CIDR_BLOCK";

impl World {
    /// The rules of a route table, complete: with the fields that a response shows.
    pub(super) fn check_routes(
        &self,
        mut rules: Vec<RouteRule>,
        vcn: u32,
    ) -> Result<Vec<RouteRule>, ApiError> {
        if rules.len() > ROUTES_MAX {
            let count = rules.len();
            return Err(error::invalid(format!(
                "routeRules has {count} rules; a route table can have at most {ROUTES_MAX}"
            )));
        }
        let mut seen = BTreeSet::new();
        for rule in &mut rules {
            self.check_route(rule, vcn)?;
            let destination = rule.destination.clone().unwrap_or_default();
            if !seen.insert(destination.clone()) {
                return Err(error::invalid(format!(
                    "routeRules has two rules for the destination {destination}"
                )));
            }
        }
        Ok(rules)
    }

    fn check_route(&self, rule: &mut RouteRule, vcn: u32) -> Result<(), ApiError> {
        // `cidrBlock` is the older name of `destination`.
        let destination = rule.destination.clone().or_else(|| rule.cidr_block.clone());
        let destination = destination.ok_or_else(|| error::missing("routeRules.destination"))?;
        let gateway =
            self.ids.find(&rule.network_entity_id).and_then(|id| Some((id, self.network.part(id)?)));
        let Some((id, gateway)) = gateway else { return Err(error::not_found()) };
        let is_gateway = matches!(id.0, Kind::InternetGateway | Kind::NatGateway | Kind::ServiceGateway);
        if !is_gateway || !gateway.common.lives() {
            return Err(error::not_found());
        }
        if gateway.vcn != vcn {
            return Err(error::invalid(format!(
                "networkEntityId {} does not belong to VCN {}",
                rule.network_entity_id,
                self.ids.text(Id(Kind::Vcn, vcn))
            )));
        }
        let kind = rule.destination_type.as_ref().map_or(BLOCK, |kind| kind.as_str()).to_owned();
        match (kind.as_str(), &gateway.content) {
            (BLOCK, Content::ServiceGateway { .. }) => {
                return Err(error::invalid(
                    "destinationType must be SERVICE_CIDR_BLOCK for a rule that targets a service gateway",
                ));
            }
            (BLOCK, _) => check_range("destination", &destination)?,
            (SERVICE, Content::ServiceGateway { services, .. }) => {
                let named = self.service_with_label(&destination);
                if named.is_none_or(|named| !services.contains(&named)) {
                    return Err(error::invalid(format!(
                        "destination {destination} is not a service of the service gateway"
                    )));
                }
            }
            _ => {
                return Err(error::invalid(
                    "destinationType SERVICE_CIDR_BLOCK needs a service gateway as its target",
                ));
            }
        }
        rule.cidr_block = (kind == BLOCK).then(|| destination.clone());
        rule.destination = Some(destination);
        rule.destination_type = Some(kind.as_str().into());
        rule.route_type = Some("STATIC".into());
        Ok(())
    }

    /// Checks where traffic comes from or goes to. `kind` is absent for a block.
    pub(super) fn check_peer(&self, field: &str, peer: &str, kind: &str) -> Result<(), ApiError> {
        match kind {
            BLOCK => check_range(field, peer),
            SERVICE if self.service_with_label(peer).is_some() => Ok(()),
            SERVICE => Err(error::invalid(format!("{field} '{peer}' is not the CIDR label of a service"))),
            _ => self.check_group(peer),
        }
    }
}

/// Checks and completes a rule of a security list.
pub(super) fn check_ingress(world: &World, rule: &mut IngressSecurityRule) -> Result<(), ApiError> {
    let kind = rule.source_type.get_or_insert_with(|| BLOCK.into()).as_str().to_owned();
    rule.is_stateless.get_or_insert(false);
    world.check_peer("source", &rule.source, &kind)
}

/// Checks and completes a rule of a security list.
pub(super) fn check_egress(world: &World, rule: &mut EgressSecurityRule) -> Result<(), ApiError> {
    let kind = rule.destination_type.get_or_insert_with(|| BLOCK.into()).as_str().to_owned();
    rule.is_stateless.get_or_insert(false);
    world.check_peer("destination", &rule.destination, &kind)
}

/// Checks a protocol, `all` or a number of IANA's, with the options that only some have.
pub(super) fn check_protocol(
    protocol: &str,
    tcp: Option<&TcpOptions>,
    udp: Option<&UdpOptions>,
    icmp: Option<&IcmpOptions>,
) -> Result<(), ApiError> {
    if protocol != "all" && protocol.parse::<u8>().is_err() {
        return Err(error::invalid(format!(
            "protocol must be 'all' or a protocol number such as 6 for TCP, not '{protocol}'"
        )));
    }
    let allowed = |name: &str, is_there: bool, protocols: &[&str]| {
        if is_there && !protocols.contains(&protocol) {
            return Err(error::invalid(format!("{name} is not allowed with protocol {protocol}")));
        }
        Ok(())
    };
    allowed("tcpOptions", tcp.is_some(), &["6"])?;
    allowed("udpOptions", udp.is_some(), &["17"])?;
    allowed("icmpOptions", icmp.is_some(), &["1", "58"])?;
    let of_tcp = tcp.into_iter().flat_map(|tcp| [&tcp.source_port_range, &tcp.destination_port_range]);
    let of_udp = udp.into_iter().flat_map(|udp| [&udp.source_port_range, &udp.destination_port_range]);
    of_tcp.chain(of_udp).flatten().try_for_each(|range| check_ports(range))
}

fn check_ports(range: &PortRange) -> Result<(), ApiError> {
    let (min, max) = (range.min, range.max);
    if 1 <= min && min <= max && max <= 65_535 {
        return Ok(());
    }
    Err(error::invalid(format!(
        "a port range must be within 1 to 65535 and not end before it begins: {min} to {max}"
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_for_their_own_protocols_only() {
        let (tcp, udp, icmp) = (TcpOptions::default(), UdpOptions::default(), IcmpOptions::default());
        for protocol in ["all", "1", "6", "17", "58", "255"] {
            check_protocol(protocol, None, None, None).unwrap();
            assert_eq!(check_protocol(protocol, Some(&tcp), None, None).is_ok(), protocol == "6");
            assert_eq!(check_protocol(protocol, None, Some(&udp), None).is_ok(), protocol == "17");
            assert_eq!(
                check_protocol(protocol, None, None, Some(&icmp)).is_ok(),
                ["1", "58"].contains(&protocol)
            );
        }
        for protocol in ["", "tcp", "256", "-1", "ALL"] {
            assert!(check_protocol(protocol, None, None, None).is_err(), "{protocol}");
        }
    }

    #[test]
    fn a_port_range_is_in_order_and_within_bounds() {
        for (min, max, good) in
            [(1, 65_535, true), (22, 22, true), (0, 22, false), (23, 22, false), (1, 65_536, false)]
        {
            let range = PortRange { min, max, ..PortRange::default() };
            assert_eq!(check_ports(&range).is_ok(), good, "{min} to {max}");
        }
    }
}
