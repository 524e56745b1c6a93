//! Reads the network of the instances, and checks their host name.
//!
//! It must not know the number of instances.

use super::body::Body;
use super::context::Context;
use super::finding::{Finding, Findings};
use super::hostname;
use super::ocids;
use super::options::{set_flag, set_ocid};
use super::section::Section;
use serde_json::Value;

/// Reads the network of the instances, and reports a missing subnet to `need`, unless the launch makes one.
pub fn read_network(
    section: &Section<'_>,
    context: &Context<'_>,
    body: &mut Body,
    need: &mut impl FnMut(bool, &str),
) {
    let subnet = section.text("subnet_id");
    need(subnet.is_some() || section.key_place("network").is_some(), "subnet_id");
    set_ocid(section, "subnet_id", &["subnet"], "createVnicDetails.subnetId", context, body);
    for (key, path) in [
        ("assign_public_ip", "createVnicDetails.assignPublicIp"),
        ("assign_private_dns_record", "createVnicDetails.assignPrivateDnsRecord"),
        ("assign_ipv6_ip", "createVnicDetails.assignIpv6Ip"),
        ("skip_source_dest_check", "createVnicDetails.skipSourceDestCheck"),
    ] {
        set_flag(section, key, path, body);
    }
    let groups = section.texts("nsg_ids");
    for group in &groups {
        ocids::check_ocid("nsg_ids", group, &["networksecuritygroup"], context.home, context.findings);
    }
    if let Some(first) = groups.first() {
        let ids: Vec<&str> = groups.iter().map(|group| group.value).collect();
        body.set("createVnicDetails.nsgIds", ids, "instance_settings.nsg_ids", first.place);
    }
}

/// The paths of a host name on the wire: the current field, and the deprecated one.
const HOSTNAMES: [&str; 2] = ["createVnicDetails.hostnameLabel", "hostnameLabel"];

/// Checks host names (Oracle: CreateVnicDetails; RFC 952 and RFC 1123) and whether they can be put into the DNS.
pub fn check_network(body: &Body, findings: &Findings) {
    let given = HOSTNAMES.map(|path| {
        let (place, key) = body.origin_of(path)?;
        Some((place, key, body.value_at(path)?))
    });
    for (place, key, label) in given.into_iter().flatten() {
        if let Some(why) = hostname::problem(label) {
            findings.mistake(
                Finding::at(place, format!("{key}: {label:?} is not a valid host name: {why}"))
                    .help("use 1 to 63 letters, digits and hyphens, without a hyphen at either end: `web-1`"),
            );
        }
        let record = body.json().get("createVnicDetails").and_then(|vnic| vnic.get("assignPrivateDnsRecord"));
        if record == Some(&Value::Bool(false)) {
            findings.mistake(
                Finding::at(
                    place,
                    format!("{key} needs a DNS record, but assign_private_dns_record is false"),
                )
                .help("remove one of the two"),
            );
        }
    }
    if let [Some((_, key, new)), Some((place, old_key, old))] = given
        && new != old
    {
        let message = format!("{old_key} is {old:?}, but {key} is {new:?}");
        findings.mistake(Finding::at(place, message).help("keep the latter; the former is deprecated"));
    }
}
