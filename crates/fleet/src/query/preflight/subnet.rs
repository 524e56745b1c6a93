//! The number of free addresses in a subnet.

use oci_api::Operation;
use oci_api::models::{PrivateIp, Subnet};
use oci_client::{Answered, Call, Client, Failure};

/// The addresses of each block that Oracle reserves: the first two and the last ("VCNs and Subnets").
const KEPT: u64 = 3;
/// Rows on a page.
const PAGE: u64 = 100;

/// The number of IPv4 addresses for instances in a subnet; `None` if it has no block that can be parsed.
pub(super) fn size(subnet: &Subnet) -> Option<u64> {
    let blocks = match subnet.ipv4_cidr_blocks.as_deref() {
        Some(blocks) if !blocks.is_empty() => blocks.to_vec(),
        _ => subnet.cidr_block.iter().cloned().collect(),
    };
    if blocks.is_empty() {
        return None;
    }
    blocks.iter().map(|block| block_size(block)).sum()
}

fn block_size(block: &str) -> Option<u64> {
    let (address, prefix) = block.split_once('/')?;
    address.parse::<std::net::Ipv4Addr>().ok()?;
    let prefix: u32 = prefix.parse().ok().filter(|prefix| *prefix <= 32)?;
    Some((1_u64 << (32 - prefix)).saturating_sub(KEPT))
}

/// Counts the addresses in use, page by page.
#[derive(Debug, Default)]
pub(super) struct Count {
    /// The number counted so far.
    pub used: u64,
    /// The next page; `None` if all were counted.
    pub next: Option<String>,
}

impl Count {
    /// Reads one more page.
    pub async fn page(&mut self, client: &Client, subnet: &str) -> Result<(), Failure> {
        let call = Call::new(Operation::ListPrivateIps)
            .query("subnetId", subnet)
            .query("limit", PAGE.to_string())
            .query_opt("page", self.next.as_deref());
        let page: Answered<Vec<PrivateIp>> = client.call(call).await?;
        self.used += page.value.len() as u64;
        self.next = page.next_page;
        Ok(())
    }
}

/// The free addresses of a subnet of this size, and whether the number is exact.
pub(super) fn free(size: u64, count: &Count) -> (u64, bool) {
    (size.saturating_sub(count.used), count.next.is_none())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn subnet(blocks: &[&str]) -> Subnet {
        Subnet {
            ipv4_cidr_blocks: Some(blocks.iter().map(|block| (*block).to_owned()).collect()),
            ..Subnet::default()
        }
    }

    #[test]
    fn oracle_keeps_three_addresses_of_each_block() {
        assert_eq!(size(&subnet(&["10.0.0.0/24"])), Some(253));
        assert_eq!(size(&subnet(&["10.0.0.0/24", "10.1.0.0/30"])), Some(254));
        assert_eq!(size(&subnet(&["10.0.0.0/31"])), Some(0));
        let old = Subnet { cidr_block: Some("10.0.0.0/16".to_owned()), ..Subnet::default() };
        assert_eq!(size(&old), Some(65_533));
        for bad in ["10.0.0.0", "10.0.0.0/33", "fd00::/64", "x/8", ""] {
            assert_eq!(size(&subnet(&[bad])), None, "{bad}");
        }
        assert_eq!(size(&Subnet::default()), None);
    }

    proptest! {
        #[test]
        fn a_block_is_never_larger_than_the_internet(text in ".{0,20}") {
            prop_assert!(block_size(&text).is_none_or(|size| size < 1 << 33));
        }
    }
}
