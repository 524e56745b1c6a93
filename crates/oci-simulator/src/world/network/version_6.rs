//! Blocks of addresses of version 6: one of /56 for a network, one of /64 in it for a subnet (Oracle: "IPv6 Addresses").

use crate::world::api::ApiError;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::state::World;
use ipnet::Ipv6Net;
use std::net::Ipv6Addr;

/// The size of the block of a network, and of that of a subnet.
const OF_NETWORK: u8 = 56;
const OF_SUBNET: u8 = 64;

/// The block that Oracle gives to a network.
pub(super) fn block_of_network(vcn: u32) -> Ipv6Net {
    let address = (0x2603_c020_u128 << 96) | u128::from(vcn & 0xFF_FFFF) << 72;
    Ipv6Net::new_assert(Ipv6Addr::from(address), OF_NETWORK)
}

impl World {
    /// The block of a subnet, if the request has one: within that of its network, apart from all others (texts invented).
    pub(super) fn ipv6_block_of_subnet(
        &self,
        one: Option<String>,
        many: Option<Vec<String>>,
        vcn: u32,
        own: Option<u32>,
    ) -> Result<Option<Ipv6Net>, ApiError> {
        let mut all: Vec<String> = one.into_iter().chain(many.into_iter().flatten()).collect();
        all.retain(|text| !text.is_empty());
        all.dedup();
        let [text] = &all[..] else {
            return if all.is_empty() {
                Ok(None)
            } else {
                Err(error::invalid("ipv6CidrBlocks: a subnet of this simulated region has one block"))
            };
        };
        let refused = |why: &str| error::invalid(format!("The requested CIDR {text} is invalid: {why}."));
        let block: Ipv6Net =
            text.parse().map_err(|_| refused("it is no IPv6 block such as 2603:c020::/64"))?;
        let network = self.network.vcns.get(vcn as usize).and_then(|row| row.own.as_ref());
        let network = network.and_then(|own| own.version_6).ok_or_else(|| {
            let ocid = self.ids.text(Id(Kind::Vcn, vcn));
            error::invalid(format!("ipv6CidrBlock cannot be given: VCN {ocid} is not enabled for IPv6"))
        })?;
        if block.prefix_len() != OF_SUBNET || block.addr() != block.network() {
            return Err(refused("its size must be /64, and it must begin with the address of its network"));
        }
        if !network.contains(&block) {
            return Err(refused(&format!("it is not within the VCN's CIDR {network}")));
        }
        for (row, number) in self.network.subnets.iter().zip(0..) {
            let other = row.own.as_ref().and_then(|own| own.version_6);
            if Some(number) == own {
                if other.is_some_and(|other| other != block) {
                    return Err(refused("the subnet has another block"));
                }
            } else if row.vcn == vcn && row.lives() && other == Some(block) {
                return Err(refused(&format!("it overlaps {block}")));
            }
        }
        Ok(Some(block))
    }
}
