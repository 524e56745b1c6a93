//! Blocks of addresses: `10.0.0.0/16`.

use crate::world::api::ApiError;
use crate::world::error;
use ipnet::{IpNet, Ipv4Net};

/// The sizes that a network and a subnet can have (Oracle: "VCNs and Subnets").
const PREFIXES: std::ops::RangeInclusive<u8> = 16..=30;

fn refused(text: &str, why: &str) -> ApiError {
    error::invalid(format!("The requested CIDR {text} is invalid: {why}."))
}

/// The block of a network or of a subnet.
pub(super) fn network_block(text: &str) -> Result<Ipv4Net, ApiError> {
    let block: Ipv4Net =
        text.parse().map_err(|_| refused(text, "it is no IPv4 block such as 10.0.0.0/16"))?;
    if block.addr() != block.network() {
        // The text of the service, from a public issue (oci-landing-zones/terraform-oci-core-landingzone#29).
        let why = format!("CIDR IP {} does not match network IP {}", block.addr(), block.network());
        return Err(refused(text, &why));
    }
    if PREFIXES.contains(&block.prefix_len()) {
        Ok(block)
    } else {
        Err(refused(text, "its size must be /16 to /30"))
    }
}

/// Whether two blocks have an address in common.
pub(super) fn overlap(one: Ipv4Net, other: Ipv4Net) -> bool {
    one.contains(&other) || other.contains(&one)
}

/// The blocks of a network, which must not overlap.
pub(super) fn network_blocks<'a>(texts: impl IntoIterator<Item = &'a str>) -> Result<Vec<Ipv4Net>, ApiError> {
    let mut blocks: Vec<Ipv4Net> = Vec::new();
    for text in texts {
        let block = network_block(text)?;
        check_apart(text, block, &blocks)?;
        blocks.push(block);
    }
    Ok(blocks)
}

/// Refuses a block that overlaps one of these.
pub(super) fn check_apart<'a>(
    text: &str,
    block: Ipv4Net,
    others: impl IntoIterator<Item = &'a Ipv4Net>,
) -> Result<(), ApiError> {
    match others.into_iter().find(|other| overlap(block, **other)) {
        Some(other) => Err(refused(text, &format!("it overlaps {other}"))),
        None => Ok(()),
    }
}

/// Refuses the block of a subnet that is not within one block of its network.
pub(super) fn check_within(text: &str, block: Ipv4Net, network: &[Ipv4Net]) -> Result<(), ApiError> {
    if network.iter().any(|own| own.contains(&block)) {
        return Ok(());
    }
    let all: Vec<String> = network.iter().map(ToString::to_string).collect();
    Err(refused(text, &format!("it is not within the VCN's CIDR {}", all.join(", "))))
}

/// A source or a destination of traffic, of any size and either version.
pub(super) fn check_range(field: &str, text: &str) -> Result<(), ApiError> {
    match text.parse::<IpNet>() {
        Ok(range) if range.addr() == range.network() => Ok(()),
        Ok(range) => {
            let why = format!("CIDR IP {} does not match network IP {}", range.addr(), range.network());
            Err(refused(text, &why))
        }
        Err(_) => Err(error::invalid(format!("{field} '{text}' is not a CIDR block such as 0.0.0.0/0"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn why(text: &str) -> String {
        network_block(text).unwrap_err().message
    }

    #[test]
    fn a_block_is_refused_with_its_reason() {
        assert_eq!(
            why("10.44.3.0/23"),
            "The requested CIDR 10.44.3.0/23 is invalid: CIDR IP 10.44.3.0 does not match network IP 10.44.2.0."
        );
        for text in ["", "10.0.0.0", "10.0.0.0/33", "10.0.0/16", "10.0.0.0/-1", "fd00::/48", "10.0.0.0/16/8"]
        {
            assert!(why(text).contains("no IPv4 block"), "{text}");
        }
        for text in ["10.0.0.0/15", "0.0.0.0/0", "10.0.0.0/31", "10.0.0.0/32"] {
            assert!(why(text).contains("/16 to /30"), "{text}");
        }
        assert!(network_blocks(["10.0.0.0/16", "10.0.128.0/17"]).unwrap_err().message.contains("overlaps"));
    }

    #[test]
    fn a_range_may_have_any_size_and_version() {
        for text in ["0.0.0.0/0", "::/0", "10.0.0.1/32", "192.168.0.0/24"] {
            check_range("source", text).unwrap();
        }
        assert!(check_range("source", "10.0.0.1/24").is_err());
        assert!(check_range("source", "anywhere").unwrap_err().message.starts_with("source 'anywhere'"));
    }
}
