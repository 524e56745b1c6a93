//! The tenancy, its compartments and users, availability and fault domains; and what somebody makes in it: users, groups,
//! policies and tags.

mod access;
mod api;
mod compartments;
mod content;
mod contents_of;
mod dispatch;
mod invariants;
mod manage;
mod principals;
mod rows;
mod tags;

pub(super) use rows::Iam;

use super::api::ApiError;
use super::capacity::FAULT_DOMAINS;
use super::error;
use super::ids::{Id, Ids, Kind};
use super::network::Common;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// A compartment. Number 0 is the root, whose OCID is the tenancy's.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct CompartmentRow {
    pub parent: u32,
    pub name: String,
    /// What somebody chose who made or changed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub own: Option<Box<OwnCompartment>>,
}

/// What somebody chose about a compartment.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct OwnCompartment {
    pub description: String,
    pub created: Timestamp,
    pub common: Common,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ending: Option<CompartmentEnd>,
}

/// The deletion of a compartment. It fails if something is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CompartmentEnd {
    pub since: Timestamp,
    pub succeeds: bool,
}

impl CompartmentRow {
    /// One that nobody chose anything about.
    pub fn plain(parent: u32, name: String) -> Self {
        Self { parent, name, own: None }
    }
}

/// The tenancy: its compartments, users and availability domains, and the name of its region.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Directory {
    pub compartments: Vec<CompartmentRow>,
    pub users: u32,
    /// Names of the availability domains.
    pub ads: Vec<String>,
    pub since: Timestamp,
    /// The region's name in OCIDs and in `Instance.region`.
    pub region: String,
    /// What somebody made in the tenancy.
    #[serde(default, skip_serializing_if = "Iam::is_unused")]
    pub iam: Iam,
}

/// The region's name in OCIDs and in `Instance.region`: the key of the two oldest regions, the
/// name of all others (oci-go-sdk).
pub(crate) fn short_region(name: &str) -> &str {
    match name {
        "us-phoenix-1" => "phx",
        "us-ashburn-1" => "iad",
        other => other,
    }
}

impl Directory {
    pub fn new(region: &str, prefix: &str, ads: u8, since: Timestamp) -> Self {
        let middle = match region {
            "us-phoenix-1" => "PHX".to_owned(),
            "us-ashburn-1" => "US-ASHBURN".to_owned(),
            other => other.to_uppercase(),
        };
        Self {
            compartments: vec![
                CompartmentRow::plain(0, "simulated-tenancy".into()),
                CompartmentRow::plain(0, "compute".into()),
            ],
            users: 1,
            ads: (1..=ads).map(|number| format!("{prefix}:{middle}-AD-{number}")).collect(),
            since,
            region: short_region(region).to_owned(),
            iam: Iam::default(),
        }
    }

    /// The number of the compartment with this OCID.
    pub fn find_compartment(&self, ids: &Ids, ocid: &str) -> Option<u32> {
        match ids.find(ocid)? {
            Id(Kind::Tenancy, 0) => Some(0),
            Id(Kind::Compartment, number) if (1..self.compartments.len()).contains(&(number as usize)) => {
                Some(number)
            }
            _ => None,
        }
    }

    /// The number of the availability domain with this name, from 0.
    pub fn find_ad(&self, name: &str) -> Option<u8> {
        self.ads.iter().position(|ad| ad == name).and_then(|at| u8::try_from(at).ok())
    }

    pub fn ad_name(&self, ad: u8) -> String {
        self.ads.get(usize::from(ad)).cloned().unwrap_or_default()
    }
}

/// `FAULT-DOMAIN-2` for 1.
pub(super) fn fault_domain_name(fd: u8) -> String {
    format!("FAULT-DOMAIN-{}", fd + 1)
}

/// 1 for `FAULT-DOMAIN-2`.
pub(super) fn find_fault_domain(name: &str) -> Option<u8> {
    (0..FAULT_DOMAINS).find(|fd| fault_domain_name(*fd) == name)
}

/// 1 for `FAULT-DOMAIN-2`, or 400.
pub(super) fn fault_domain(name: &str) -> Result<u8, ApiError> {
    find_fault_domain(name).ok_or_else(|| {
        let all: Vec<String> = (0..FAULT_DOMAINS).map(fault_domain_name).collect();
        error::invalid(format!("faultDomain '{name}' does not exist; there are {}", all.join(", ")))
    })
}

/// The name of a user.
pub(super) fn user_name(number: u32) -> String {
    format!("user-{}", number + 1)
}

/// The OCID of a compartment.
pub(super) fn compartment_ocid(ids: &Ids, number: u32) -> String {
    ids.text(if number == 0 { Id(Kind::Tenancy, 0) } else { Id(Kind::Compartment, number) })
}
