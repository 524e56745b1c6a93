//! The tenancy, its compartments and users, availability and fault domains.

use super::World;
use super::api::{ApiError, ApiRequest, ApiResult};
use super::capacity::FAULT_DOMAINS;
use super::error;
use super::ids::{Id, Ids, Kind};
use super::paging::{Cursor, Order};
use super::request::answer;
use jiff::Timestamp;
use oci_api::Region;
use oci_api::models::{
    AvailabilityDomain, Compartment, CompartmentLifecycleState, FaultDomain, RegionSubscription,
    RegionSubscriptionStatus, Tenancy, User, UserCapabilities, UserLifecycleState,
};
use serde::{Deserialize, Serialize};

/// A compartment. Number 0 is the root, whose OCID is the tenancy's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct CompartmentRow {
    pub parent: u32,
    pub name: String,
}

/// Who and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    pub compartments: Vec<CompartmentRow>,
    pub users: u32,
    /// Names of the availability domains.
    pub ads: Vec<String>,
    pub since: Timestamp,
    /// The region as it stands in OCIDs and in `Instance.region`.
    pub region: String,
}

/// The region's name in OCIDs and in `Instance.region`: the key for the two oldest, else the name (oci-go-sdk).
pub(super) fn short_region(name: &str) -> &str {
    match name {
        "us-phoenix-1" => "phx",
        "us-ashburn-1" => "iad",
        other => other,
    }
}

impl Identity {
    pub fn new(region: &str, prefix: &str, ads: u8, since: Timestamp) -> Self {
        let middle = match region {
            "us-phoenix-1" => "PHX".to_owned(),
            "us-ashburn-1" => "US-ASHBURN".to_owned(),
            other => other.to_uppercase(),
        };
        Self {
            compartments: vec![
                CompartmentRow { parent: 0, name: "simulated-tenancy".into() },
                CompartmentRow { parent: 0, name: "compute".into() },
            ],
            users: 1,
            ads: (1..=ads).map(|number| format!("{prefix}:{middle}-AD-{number}")).collect(),
            since,
            region: short_region(region).to_owned(),
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

/// The OCID of a compartment.
pub(super) fn compartment_ocid(ids: &Ids, number: u32) -> String {
    ids.text(if number == 0 { Id(Kind::Tenancy, 0) } else { Id(Kind::Compartment, number) })
}

impl World {
    /// The compartment with this OCID, or 404.
    pub(super) fn compartment(&self, ocid: &str) -> Result<u32, ApiError> {
        self.identity.find_compartment(&self.ids, ocid).ok_or_else(error::not_found)
    }

    /// The compartment in the query, or 404; a request without one is refused.
    pub(super) fn compartment_in(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        self.compartment(request.in_query("compartmentId").ok_or_else(|| error::missing("compartmentId"))?)
    }

    /// The availability domain with this name, or 404 (the service's code for it is unknown).
    pub(super) fn ad(&self, name: &str) -> Result<u8, ApiError> {
        self.identity.find_ad(name).ok_or_else(|| error::named_not_found("availabilityDomain", name))
    }

    /// The availability domain in the query, if there is one.
    pub(super) fn ad_in(&self, request: &ApiRequest) -> Result<Option<u8>, ApiError> {
        request.in_query("availabilityDomain").map(|name| self.ad(name)).transpose()
    }

    pub(super) fn list_availability_domains(&self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let compartment = compartment_ocid(&self.ids, 0);
        let ads = self.identity.ads.iter().zip(0..).map(|(name, number)| AvailabilityDomain {
            name: Some(name.clone()),
            id: Some(self.ids.text(Id(Kind::AvailabilityDomain, number))),
            compartment_id: Some(compartment.clone()),
            ..AvailabilityDomain::default()
        });
        answer(request.operation, &ads.collect::<Vec<_>>())
    }

    pub(super) fn list_fault_domains(&self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let ad = self.ad(request.in_query("availabilityDomain").unwrap_or_default())?;
        let domains = (0..FAULT_DOMAINS).map(|fd| FaultDomain {
            name: Some(fault_domain_name(fd)),
            id: Some(self.ids.text(Id(Kind::FaultDomain, u32::from(ad * FAULT_DOMAINS + fd)))),
            compartment_id: Some(compartment_ocid(&self.ids, 0)),
            availability_domain: Some(self.identity.ad_name(ad)),
            ..FaultDomain::default()
        });
        answer(request.operation, &domains.collect::<Vec<_>>())
    }

    fn tenancy_in_path(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let found = self.ids.find(request.in_path("tenancyId"));
        if found == Some(Id(Kind::Tenancy, 0)) { Ok(()) } else { Err(error::not_found()) }
    }

    pub(super) fn list_region_subscriptions(&self, request: &ApiRequest) -> ApiResult {
        self.tenancy_in_path(request)?;
        let subscription = RegionSubscription {
            region_key: self.region_key(),
            region_name: self.settings.region.clone(),
            status: RegionSubscriptionStatus::Ready,
            is_home_region: true,
            ..RegionSubscription::default()
        };
        answer(request.operation, &[subscription])
    }

    fn region_key(&self) -> String {
        Region::find(&self.settings.region).map_or_else(String::new, |region| region.key.to_uppercase())
    }

    pub(super) fn get_tenancy(&self, request: &ApiRequest) -> ApiResult {
        self.tenancy_in_path(request)?;
        let name = self.identity.compartments[0].name.clone();
        let tenancy = Tenancy {
            id: Some(self.ids.text(Id(Kind::Tenancy, 0))),
            name: Some(name),
            description: Some("A tenancy of the simulated region".into()),
            home_region_key: Some(self.region_key()),
            ..Tenancy::default()
        };
        answer(request.operation, &tenancy)
    }

    pub(super) fn get_user(&self, request: &ApiRequest) -> ApiResult {
        let ocid = request.in_path("userId");
        let number = self.ids.number(Kind::User, ocid).filter(|number| *number < self.identity.users);
        let number = number.ok_or_else(error::not_found)?;
        let user = User {
            id: ocid.to_owned(),
            compartment_id: compartment_ocid(&self.ids, 0),
            name: format!("user-{}", number + 1),
            description: "A user of the simulated region".into(),
            time_created: Some(self.identity.since),
            lifecycle_state: UserLifecycleState::Active,
            capabilities: Some(Box::new(UserCapabilities {
                can_use_api_keys: Some(true),
                can_use_console_password: Some(false),
                ..UserCapabilities::default()
            })),
            is_mfa_activated: false,
            ..User::default()
        };
        Ok(answer(request.operation, &user)?.with_etag(self.etag(Id(Kind::User, number), 0)))
    }

    fn compartment_model(&self, number: u32) -> Compartment {
        let row = &self.identity.compartments[number as usize];
        Compartment {
            id: compartment_ocid(&self.ids, number),
            compartment_id: compartment_ocid(&self.ids, row.parent),
            name: row.name.clone(),
            description: "A compartment of the simulated region".into(),
            time_created: Some(self.identity.since),
            lifecycle_state: CompartmentLifecycleState::Active,
            is_accessible: Some(true),
            ..Compartment::default()
        }
    }

    pub(super) fn get_compartment(&self, request: &ApiRequest) -> ApiResult {
        let number = self.compartment(request.in_path("compartmentId"))?;
        let etag = self.etag(Id(Kind::Compartment, number), 0);
        Ok(answer(request.operation, &self.compartment_model(number))?.with_etag(etag))
    }

    pub(super) fn list_compartments(&mut self, request: &ApiRequest) -> ApiResult {
        let parent = self.compartment_in(request)?;
        let subtree = request.flag("compartmentIdInSubtree", false)?;
        if subtree && parent != 0 {
            return Err(error::invalid(
                "compartmentIdInSubtree can only be true for the tenancy's root compartment",
            ));
        }
        let page = self.page(request)?;
        let name = request.in_query("name");
        let active =
            request.in_query("lifecycleState").is_none_or(|state| state.eq_ignore_ascii_case("ACTIVE"));
        let rows = self.identity.compartments.iter().enumerate().skip(1).filter(|(_, row)| {
            active && (subtree || row.parent == parent) && name.is_none_or(|name| row.name == name)
        });
        let rows = rows
            .map(|(number, row)| {
                let cursor = Cursor { group: 0, name: row.name.clone(), number: number as u32 };
                (cursor, self.compartment_model(number as u32))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    /// The etag of a resource: changes whenever its version does.
    pub(super) fn etag(&self, id: Id, version: u32) -> String {
        use super::chance::mix;
        let first = mix(self.seed ^ (u64::from(id.1) << 8 | id.0 as u64) ^ mix(u64::from(version)));
        format!("{first:016x}{:016x}", mix(first))
    }
}
