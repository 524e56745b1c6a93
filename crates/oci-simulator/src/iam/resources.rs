//! Verbs, and the types of resources that a statement can name (Oracle: "Details for the Core Services" and its neighbours).

use super::text::{NotUnderstood, Words};
use crate::similar::nearest;
use std::fmt;

/// What a statement allows; each verb includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verb {
    /// To list.
    Inspect,
    /// To read the whole.
    Read,
    /// To work with what exists.
    Use,
    /// Everything, also to create and to delete.
    Manage,
}

const VERBS: [(&str, Verb); 4] =
    [("inspect", Verb::Inspect), ("read", Verb::Read), ("use", Verb::Use), ("manage", Verb::Manage)];

impl Verb {
    pub(super) fn read(words: &mut Words) -> Result<Self, NotUnderstood> {
        VERBS
            .into_iter()
            .find(|(name, _)| words.takes(name))
            .map(|(_, verb)| verb)
            .ok_or_else(|| words.wrong("inspect, read, use or manage"))
    }
}

impl fmt::Display for Verb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = VERBS.iter().find(|(_, verb)| verb == self).map_or("", |(name, _)| name);
        f.write_str(name)
    }
}

/// The name for everything.
pub(crate) const EVERYTHING: &str = "all-resources";

/// Families of types. A type may be in two.
const FAMILIES: [(&str, &[&str]); 4] = [
    (
        "instance-family",
        &[
            "instances",
            "instance-images",
            "console-histories",
            "instance-console-connection",
            "app-catalog-listing",
            "volume-attachments",
        ],
    ),
    ("compute-management-family", &["instance-configurations", "instance-pools", "cluster-networks"]),
    (
        "virtual-network-family",
        &[
            "vcns",
            "subnets",
            "vlans",
            "vnics",
            "vnic-attachments",
            "network-security-groups",
            "private-ips",
            "public-ips",
            "ipv6s",
            "internet-gateways",
            "nat-gateways",
            "service-gateways",
            "route-tables",
            "security-lists",
            "dhcp-options",
        ],
    ),
    (
        "volume-family",
        &["volumes", "volume-attachments", "volume-backups", "boot-volume-backups", "volume-groups"],
    ),
];

/// Types that are in no family.
const ALONE: [&str; 20] = [
    "cluster-placement-groups",
    "compartments",
    "compute-capacity-reports",
    "compute-capacity-reservations",
    "compute-clusters",
    "dedicated-vm-hosts",
    "dynamic-groups",
    "groups",
    "key-delegate",
    "keys",
    "limits-increase-requests",
    "objectstorage-namespaces",
    "policies",
    "quotas",
    "resource-availability",
    "tag-defaults",
    "tag-namespaces",
    "tenancies",
    "users",
    "work-requests",
];

/// The types and families with this name.
fn find(name: &str) -> Option<&'static str> {
    let families = FAMILIES.iter().flat_map(|(family, types)| std::iter::once(family).chain(*types));
    families.chain(&ALONE).chain(&[EVERYTHING]).find(|known| known.eq_ignore_ascii_case(name)).copied()
}

/// Reads the name of a type or of a family.
pub(super) fn read_resource(words: &mut Words) -> Result<&'static str, NotUnderstood> {
    let found = words.peek().and_then(|word| find(&word.text));
    let Some(found) = found else {
        let Some(word) = words.peek() else { return Err(words.wrong("a type of resource")) };
        let families = FAMILIES.iter().flat_map(|(family, types)| std::iter::once(family).chain(*types));
        let known: Vec<&str> = families.chain(&ALONE).chain(&[EVERYTHING]).copied().collect();
        let hint = nearest(&word.text, &known).map_or_else(
            || format!("known are {}", known.join(", ")),
            |nearest| format!("did you mean `{nearest}`?"),
        );
        let problem = format!("the region has no resources of the type `{}`: {hint}", word.text);
        return Err(NotUnderstood { column: word.column, problem });
    };
    words.next("a type of resource")?;
    Ok(found)
}

/// The family that includes a few permissions of other types: to read cards and their attachments (Oracle: "Details for the Core
/// Services", "For instance-family Resource Types").
const WITH_EXTRAS: (&str, [&str; 2]) = ("instance-family", ["vnics", "vnic-attachments"]);

/// Whether what is granted for `granted`, a type or a family, is granted for resources of the type `wanted` with this verb.
pub(super) fn includes(granted: &str, wanted: &str, verb: Verb) -> bool {
    let (family, extras) = WITH_EXTRAS;
    granted == wanted
        || granted == EVERYTHING
        || FAMILIES.iter().any(|(family, types)| *family == granted && types.contains(&wanted))
        || (granted == family && verb == Verb::Inspect && extras.contains(&wanted))
}
