//! The subnet of the instances: whether it exists, and how many addresses are left.

use futures_util::future::{join, join_all};
use ledger::Placement;
use oci_api::models::Subnet;
use oci_client::{Client, plain_text};

use super::asker::Asker;
use super::probe::Probe;
use super::verdict::{Bound, BoundKind};
use super::{Finding, Level, subnet};
use crate::plan::network::OwnNetwork;
use crate::plan::policy::PolicyScope;
use crate::plan::{FleetSpec, grouped};

/// The facts about a subnet.
pub(super) struct SubnetFacts {
    ocid: String,
    subnet: Subnet,
    size: Option<u64>,
    used: Option<subnet::Count>,
}

/// A subnet and the first page of its addresses.
pub(super) async fn ask(asker: &Asker<'_>, ocid: &str) -> Result<SubnetFacts, Finding> {
    asker.count(2);
    let mut count = subnet::Count::default();
    let (subnet, page) = join(asker.client.get_subnet(ocid), count.page(asker.client, ocid)).await;
    let scope = PolicyScope::Compartment(&asker.fleet.compartment);
    let subnet = subnet
        .map_err(|failure| {
            Probe { what: "subnet", ocid, needs: ("use", "subnets"), scope }.finding(asker.client, &failure)
        })?
        .value;
    // A user who may not list addresses can still launch.
    let used = page.is_ok().then_some(count);
    Ok(SubnetFacts { ocid: ocid.to_owned(), size: subnet::size(&subnet), subnet, used })
}

/// The findings about a subnet.
pub(super) fn describe(asker: &Asker<'_>, facts: &SubnetFacts) -> Vec<Finding> {
    let SubnetFacts { subnet, ocid, .. } = facts;
    let mut findings = impossible(asker.fleet, ocid, subnet);
    let state = subnet.lifecycle_state.as_str();
    if !state.is_empty() && state != "AVAILABLE" && state != "UPDATING" {
        findings.push(
            Finding::new(Level::Stop, ocid, format!("the subnet is {state}, not AVAILABLE"))
                .remedy("use another subnet: `oci-insta-scale find subnets` lists them"),
        );
    }
    findings
}

/// What the launches of a fleet ask for, and a subnet makes impossible.
fn impossible(fleet: &FleetSpec, ocid: &str, subnet: &Subnet) -> Vec<Finding> {
    let mut findings = Vec::new();
    if wants_public_address(fleet) && subnet.prohibit_public_ip_on_vnic == Some(true) {
        findings.push(
            Finding::new(
                Level::Stop,
                ocid,
                "public addresses are requested, but the subnet is private and does not allow them",
            )
            .remedy("set `assign_public_ip: false`, or use a public subnet"),
        );
    }
    if wants_host_name(fleet) && subnet.dns_label.as_deref().is_none_or(str::is_empty) {
        findings.push(
            Finding::new(
                Level::Stop,
                ocid,
                "host names are requested, but the subnet has no DNS label, so it cannot have them",
            )
            .remedy("remove `hostname`, or use a subnet with a DNS label (a label cannot be added later)"),
        );
    }
    findings
}

fn wants_public_address(fleet: &FleetSpec) -> bool {
    fleet.template.create_vnic_details.as_deref().and_then(|vnic| vnic.assign_public_ip) == Some(true)
}

fn wants_host_name(fleet: &FleetSpec) -> bool {
    let template = &fleet.template;
    let given = template.create_vnic_details.as_deref().and_then(|vnic| vnic.hostname_label.as_ref());
    fleet.hostname.is_some() || given.or(template.hostname_label.as_ref()).is_some()
}

/// What the subnets of a fleet make impossible, for a launch that is about to begin. Requests are sent only if the fleet asks for
/// something that a subnet may not allow; a subnet that cannot be read says nothing.
pub async fn impossible_in_subnets(client: &Client, fleet: &FleetSpec) -> Vec<Finding> {
    if !wants_public_address(fleet) && !wants_host_name(fleet) {
        return Vec::new();
    }
    let named = grouped(&fleet.placements, |place| fleet.subnet_at(place));
    let ocids: Vec<String> = named.into_iter().filter_map(|(subnet, _)| subnet).collect();
    let read = join_all(ocids.iter().map(|ocid| client.get_subnet(ocid))).await;
    let found = ocids.iter().zip(read).filter_map(|(ocid, subnet)| Some((ocid, subnet.ok()?.value)));
    let all: Vec<Vec<Finding>> = found.map(|(ocid, subnet)| impossible(fleet, ocid, &subnet)).collect();
    // With several subnets, a launch goes on in the others.
    if all.len() == ocids.len() && all.iter().all(|found| !found.is_empty()) {
        all.into_iter().flatten().collect()
    } else {
        Vec::new()
    }
}

/// The room that the subnet of a place leaves.
pub(super) fn bounds(fleet: &FleetSpec, facts: Option<&SubnetFacts>, placement: &Placement) -> Vec<Bound> {
    let Some(SubnetFacts { ocid, subnet, size, used }) = facts else {
        let own = fleet.needs_network().filter(|_| placement.region.is_none() && placement.subnet.is_none());
        let of = |network: &OwnNetwork| {
            let room = network.room();
            let why = format!("the subnet that the launch makes has {room} addresses");
            Bound::shared("addresses of the new subnet".to_owned(), room, why).of(BoundKind::Addresses)
        };
        return own.map(of).into_iter().collect();
    };
    let mut bounds = Vec::new();
    let own = subnet.availability_domain.as_deref();
    if let Some(own) = own.filter(|own| *own != placement.availability_domain) {
        bounds.push(Bound::own(0, format!("the subnet belongs to {own}")));
    }
    if let Some((size, used)) = size.zip(used.as_ref()) {
        let (room, exact) = subnet::free(size, used);
        let at_most = if exact { "" } else { "at most " };
        let noun = if room == 1 { "address" } else { "addresses" };
        let why = format!("the subnet has {at_most}{room} free {noun}");
        bounds.push(Bound::shared(format!("addresses of {ocid}"), room, why).of(BoundKind::Addresses));
    }
    bounds
}

impl SubnetFacts {
    /// Its OCID.
    pub(super) fn ocid(&self) -> &str {
        &self.ocid
    }

    /// Its name.
    pub(super) fn name(&self) -> Option<String> {
        self.subnet.display_name.as_deref().map(|name| plain_text(name, 255))
    }

    /// The number of free addresses, if they could be counted; an upper bound if not all were counted.
    pub(super) fn free(&self) -> Option<u64> {
        self.size.zip(self.used.as_ref()).map(|(size, used)| subnet::free(size, used).0)
    }

    /// Counts further pages of addresses until too few are left, or all were counted.
    pub(super) async fn count_on(&mut self, asker: &Asker<'_>) {
        let (ocid, Some(size)) = (self.ocid.clone(), self.size) else { return };
        while let Some(count) = &mut self.used {
            let too_few = size.saturating_sub(count.used) < u64::from(asker.fleet.count);
            if count.next.is_none()
                || too_few
                || !asker.may(1)
                || count.page(asker.client, &ocid).await.is_err()
            {
                return;
            }
        }
    }
}
