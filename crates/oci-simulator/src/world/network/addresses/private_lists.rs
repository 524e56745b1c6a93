//! Lists private addresses, of a VNIC or of a subnet.

use super::PrivateRow;
use crate::world::api::{ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::Kind;
use crate::world::network::part::MADE;
use crate::world::paging::Cursor;
use crate::world::state::World;
use std::net::Ipv4Addr;

impl World {
    pub(in crate::world) fn list_private_ips(&mut self, request: &ApiRequest) -> ApiResult {
        let page = self.page(request)?;
        let subnet = request.in_query("subnetId").map(|ocid| self.subnet(ocid)).transpose()?;
        let vnic = request.in_query("vnicId").map(|ocid| self.ids.number(Kind::Vnic, ocid));
        if subnet.is_none() && vnic.is_none() {
            return Err(error::invalid("subnetId or vnicId is required"));
        }
        let start = page.after.as_ref().map_or(0, |after| after.number.saturating_add(1));
        let rows: Box<dyn Iterator<Item = u32>> = match (vnic, subnet) {
            (Some(vnic), _) => {
                let all = vnic.map(|vnic| self.privates_of(vnic)).unwrap_or_default();
                Box::new(all.into_iter().filter(move |number| *number >= start))
            }
            (None, Some(subnet)) => {
                let row = &self.network.subnets[subnet as usize];
                Box::new(row.members.range(start..).chain(row.others.range(start..)).copied())
            }
            (None, None) => Box::new(std::iter::empty()),
        };
        let cursors = rows.map(|number| Cursor { group: 0, name: String::new(), number });
        let keep = |cursor: &Cursor| self.keeps_private(request, cursor.number, subnet);
        page.answer(request, cursors, keep, |cursor| self.private_model(cursor.number))
    }

    /// The numbers of the private addresses of a VNIC.
    fn privates_of(&self, vnic: u32) -> Vec<u32> {
        let own = Some(vnic).filter(|vnic| *vnic < MADE);
        let rows = self.network.addresses.private.iter().filter(|(_, row)| row.vnic == Some(vnic));
        own.into_iter().chain(rows.map(|(number, _)| *number)).collect()
    }

    /// Whether a list shows a private address.
    fn keeps_private(&self, request: &ApiRequest, number: u32, subnet: Option<u32>) -> bool {
        let is = |name: &str, own: &str| {
            request.in_query(name).is_none_or(|wanted| wanted.eq_ignore_ascii_case(own))
        };
        let address = |own: u32| is("ipAddress", &Ipv4Addr::from(own).to_string());
        if request.in_query("vlanId").is_some() {
            return false;
        }
        if let Some(row) = self.network.addresses.private.get(&number) {
            let PrivateRow { vnic, reserved, .. } = row;
            return row.created <= self.list_horizon()
                && is("ipState", if vnic.is_some() { "ASSIGNED" } else { "AVAILABLE" })
                && is("lifetime", if *reserved { "RESERVED" } else { "EPHEMERAL" })
                && address(row.address)
                && subnet.is_none_or(|subnet| subnet == row.subnet);
        }
        // The first address of an instance: it is listed by its own row, if it has one.
        self.listed(number).is_some_and(|row| {
            row.has_vnic()
                && self.network.addresses.first_of(number).is_none()
                && is("ipState", "ASSIGNED")
                && is("lifetime", "EPHEMERAL")
                && address(row.address)
                && subnet.is_none_or(|subnet| subnet == row.subnet)
        })
    }
}
