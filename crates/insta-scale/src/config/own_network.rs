//! Reads `network:`, by which a launch makes a network of its own, and finds settings of the same file that contradict it.
//!
//! It must not know what the network consists of.

use super::body::Body;
use super::context::{Context, GROUP};
use super::finding::{Finding, Findings, Place};
use super::keys;
use super::section::{At, Section};
use super::yaml::Value;
use crate::output::text::count as counted;
use fleet::FleetSpec;
use fleet::plan::network::{OwnNetwork, USUAL_BLOCK};
use ipnet::Ipv4Net;
use serde_json::Value as Json;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;

/// The path of the group.
const PATH: &str = "instance_settings.network.";
/// The only word that the key takes.
pub const WORDS: [(&str, ()); 1] = [("create", ())];
/// The lengths of a network's prefix (Oracle: CreateVcnDetails).
const PREFIXES: RangeInclusive<u8> = 16..=30;
/// The rules of one security list (Oracle: "Service Limits").
const RULES_MAX: usize = 200;
/// Blocks that no network can have, with their names.
const UNUSABLE: [(&str, &str); 4] = [
    ("127.0.0.0/8", "is for this machine only"),
    ("169.254.0.0/16", "is used by OCI itself"),
    ("224.0.0.0/4", "is for multicast"),
    ("240.0.0.0/4", "is reserved"),
];

/// Reads the key; `None` if it is absent or contains a mistake.
pub fn read_own_network(section: &Section<'_>, findings: &Findings) -> Option<At<OwnNetwork>> {
    let Some(node) = section.node("network") else {
        let place = section.key_place("network")?;
        findings.mistake(
            Finding::at(place, "network is empty")
                .help("write `network: create`, or name a subnet with `subnet_id`"),
        );
        return None;
    };
    let block = || USUAL_BLOCK.parse::<Ipv4Net>().ok();
    if !matches!(node.value, Value::Map(_)) {
        section.choice("network", &WORDS)?;
        let network = OwnNetwork { block: block()?, public: true, ssh_from: Vec::new() };
        note_closed(node.place, findings);
        return Some(At { value: network, place: node.place });
    }
    let group = Section::of(node, PATH, keys::NETWORK, findings)?;
    // All values are read before any is used, so that all mistakes are reported at once.
    let given = group.text("block").map(|text| own_block(&text, findings));
    let public = group.node("public").map(|_| group.flag("public"));
    let ssh_from = read_sources(&group, findings);
    let network = OwnNetwork {
        block: given.unwrap_or_else(block)?,
        public: match public {
            Some(flag) => flag?.value,
            None => true,
        },
        ssh_from: ssh_from?,
    };
    if network.ssh_from.is_empty() && network.public {
        note_closed(node.place, findings);
    }
    Some(At { value: network, place: node.place })
}

fn note_closed(place: Place, findings: &Findings) {
    findings.note(
        Finding::at(place, "nothing can connect to the instances of this network").help(
            "to log in, allow SSH from your address: `network: {ssh_from: 203.0.113.7/32}`; they reach the Internet as it is",
        ),
    );
}

/// The block of the network.
fn own_block(text: &At<&str>, findings: &Findings) -> Option<Ipv4Net> {
    let block = read_block("block", text, findings)?;
    if !PREFIXES.contains(&block.prefix_len()) {
        let message =
            format!("{PATH}block must have a prefix of /16 to /30, but {block} has /{}", block.prefix_len());
        findings
            .mistake(Finding::at(text.place, message).help(format!("write a block such as `{USUAL_BLOCK}`")));
        return None;
    }
    for (other, why) in UNUSABLE {
        let is_in = other.parse::<Ipv4Net>().is_ok_and(|other| other.contains(&block));
        if is_in {
            findings.mistake(
                Finding::at(
                    text.place,
                    format!("{PATH}block: {block} cannot be used, because {other} {why}"),
                )
                .help(format!("write a private block such as `{USUAL_BLOCK}`")),
            );
            return None;
        }
    }
    Some(block)
}

/// The blocks from which SSH is allowed.
fn read_sources(group: &Section<'_>, findings: &Findings) -> Option<Vec<Ipv4Net>> {
    let texts = group.texts("ssh_from");
    let mut blocks: Vec<Ipv4Net> = Vec::new();
    let mut good = true;
    for text in &texts {
        match read_block("ssh_from", text, findings) {
            Some(block) if !blocks.contains(&block) => blocks.push(block),
            Some(_) => {}
            None => good = false,
        }
        if blocks.last().is_some_and(|block| block.prefix_len() == 0) {
            let message = "network.ssh_from lets the whole Internet try to log in";
            findings.note(Finding::at(text.place, message).help("list your own addresses instead"));
        }
    }
    if let Some(text) = texts.get(RULES_MAX) {
        let message = format!(
            "{PATH}ssh_from has {} blocks, more than the {RULES_MAX} rules of a security list",
            texts.len()
        );
        findings.mistake(Finding::at(text.place, message).help("write fewer, larger blocks"));
        good = false;
    }
    good.then_some(blocks)
}

/// A block of IPv4 addresses, or one address.
fn read_block(key: &str, text: &At<&str>, findings: &Findings) -> Option<Ipv4Net> {
    let written = text.value.trim();
    let wrong = |message: String, help: String| {
        findings.mistake(Finding::at(text.place, message).help(help));
        None
    };
    let is_address = key == "ssh_from" && written.parse::<Ipv4Addr>().is_ok();
    let full = if is_address { format!("{written}/32") } else { written.to_owned() };
    let Ok(block) = full.parse::<Ipv4Net>() else {
        let address = written.split('/').next().unwrap_or_default();
        if matches!(address.parse(), Ok(IpAddr::V6(_))) {
            let message = format!("{PATH}{key}: {written} is IPv6, but the network has IPv4 addresses only");
            return wrong(message, "write an IPv4 block such as `203.0.113.0/24`".to_owned());
        }
        let message = format!("{PATH}{key} must be a block of IPv4 addresses, but is {written:?}");
        return wrong(message, "write it as an address and a prefix: `203.0.113.0/24`".to_owned());
    };
    let whole = block.trunc();
    if whole != block {
        let message = format!("{PATH}{key}: {block} is an address within {whole}, not the block");
        let help = if key == "ssh_from" {
            format!("write `{whole}` for the block, or `{}/32` for the address", block.addr())
        } else {
            format!("write `{whole}`")
        };
        return wrong(message, help);
    }
    Some(block)
}

/// Reports a network whose fleet has no name.
pub fn check_fleet_name(top: &Section<'_>, fleet: &FleetSpec, findings: &Findings) {
    let network = top.node("instance_settings").and_then(|settings| settings.child("network"));
    if let Some(place) =
        network.map(|node| node.place).filter(|_| fleet.network.is_some() && fleet.name.is_empty())
    {
        let message = "the network is found again by the name of the fleet, but the fleet has none";
        findings.mistake(Finding::at(place, message).help("write it at the top level: `fleet: web`"));
    }
}

/// Reports settings that such a network makes impossible.
pub fn check_own_network(network: &At<OwnNetwork>, count: Option<u32>, body: &Body, context: &Context<'_>) {
    let refuse = |place: Place, message: String, help: &str| {
        context.findings.mistake(Finding::at(place, message).help(help));
    };
    for path in ["createVnicDetails.subnetId", "subnetId"] {
        if let Some((place, key)) = body.origin_of(path) {
            let message = format!("{key} names a subnet, but {GROUP}network makes one");
            refuse(place, message, "remove one of the two");
        }
    }
    if let Some((place, key)) = body.origin_of("createVnicDetails.nsgIds") {
        let message = format!("{key} names groups of another network than the one that {GROUP}network makes");
        refuse(place, message, "remove it, or name a subnet of their network with `subnet_id`");
    }
    let is_true = |field: &str| {
        let vnic = body.json().get("createVnicDetails").and_then(|vnic| vnic.get(field));
        let origin = body.origin_of(&format!("createVnicDetails.{field}"));
        origin.filter(|_| vnic == Some(&Json::Bool(true)))
    };
    if let Some((place, key)) = is_true("assignIpv6Ip") {
        let message =
            format!("{key} is true, but the network that {GROUP}network makes has IPv4 addresses only");
        refuse(place, message, "remove it, or name a subnet with IPv6 addresses with `subnet_id`");
    }
    if let Some((place, key)) = is_true("assignPublicIp").filter(|_| !network.value.public) {
        let message =
            format!("{key} is true, but {PATH}public is false, so the subnet allows no public addresses");
        refuse(place, message, "remove one of the two");
    }
    let room = network.value.room();
    if let Some(count) = count.filter(|count| u64::from(*count) > room) {
        let block = network.value.block;
        let room = counted(room, "instance");
        let message = format!("the block {block} has room for {room}, but {count} are wanted");
        refuse(network.place, message, "write a larger block, at most /16, or lower `count`");
    }
}
