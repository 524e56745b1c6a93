//! The Identity service: finds and shows compartments and availability domains.

use super::rows::{IamContent, state_of};
use super::{compartment_ocid, fault_domain_name};
use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::capacity::FAULT_DOMAINS;
use crate::world::chance::hash_bytes;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::answer;
use crate::world::state::World;
use oci_api::Region;
use oci_api::models::{
    AvailabilityDomain, FaultDomain, Region as RegionModel, RegionSubscription, RegionSubscriptionStatus,
    Tenancy, User, UserCapabilities,
};
use oci_api::region::REGIONS;

/// The key of a region as subscriptions show it: `IAD`.
fn region_key(region: &str) -> String {
    Region::find(region).map_or_else(String::new, |region| region.key.to_uppercase())
}

impl World {
    /// The compartment with this OCID, or 404.
    pub(in crate::world) fn compartment(&self, ocid: &str) -> Result<u32, ApiError> {
        let number = self.identity.find_compartment(&self.ids, ocid);
        let exists = |number: &u32| self.identity.compartments[*number as usize].exists(self.now);
        number.filter(exists).ok_or_else(error::not_found)
    }

    /// The compartment in the query, or 404; a request without one is refused.
    pub(in crate::world) fn compartment_in(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        self.compartment(request.in_query("compartmentId").ok_or_else(|| error::missing("compartmentId"))?)
    }

    /// The availability domain with this name, or 404 (the service's actual code is unknown).
    pub(in crate::world) fn ad(&self, name: &str) -> Result<u8, ApiError> {
        self.identity.find_ad(name).ok_or_else(|| error::named_not_found("availabilityDomain", name))
    }

    /// The availability domain in the query, if there is one.
    pub(in crate::world) fn ad_in(&self, request: &ApiRequest) -> Result<Option<u8>, ApiError> {
        request.in_query("availabilityDomain").map(|name| self.ad(name)).transpose()
    }

    pub(in crate::world) fn list_availability_domains(&self, request: &ApiRequest) -> ApiResult {
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

    pub(in crate::world) fn list_fault_domains(&self, request: &ApiRequest) -> ApiResult {
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

    pub(in crate::world) fn list_region_subscriptions(&self, request: &ApiRequest) -> ApiResult {
        self.tenancy_in_path(request)?;
        let home = self.home_region();
        let own = [self.settings.region.clone()];
        let all = if self.subscriptions.is_empty() { &own[..] } else { &self.subscriptions };
        let subscriptions = all.iter().map(|region| RegionSubscription {
            region_key: region_key(region),
            region_name: region.clone(),
            status: RegionSubscriptionStatus::Ready,
            is_home_region: region == home,
            ..RegionSubscription::default()
        });
        answer(request.operation, &subscriptions.collect::<Vec<_>>())
    }

    pub(super) fn home_region(&self) -> &str {
        self.subscriptions.first().unwrap_or(&self.settings.region)
    }

    pub(in crate::world) fn get_tenancy(&self, request: &ApiRequest) -> ApiResult {
        self.tenancy_in_path(request)?;
        let name = self.identity.compartments[0].name.clone();
        let tenancy = Tenancy {
            id: Some(self.ids.text(Id(Kind::Tenancy, 0))),
            name: Some(name),
            description: Some("A tenancy of the simulated region".into()),
            home_region_key: Some(region_key(self.home_region())),
            defined_tags: Some(std::collections::BTreeMap::new()),
            freeform_tags: Some(std::collections::BTreeMap::new()),
            ..Tenancy::default()
        };
        answer(request.operation, &tenancy)
    }

    pub(in crate::world) fn get_user(&self, request: &ApiRequest) -> ApiResult {
        let number = self.user(request.in_path("userId"))?;
        let row = self.identity.iam.rows.get(&Id(Kind::User, number));
        let etag = self.etag(Id(Kind::User, number), row.map_or(0, |row| row.common.version));
        Ok(answer(request.operation, &self.user_model(number))?.with_etag(etag))
    }

    pub(super) fn user_model(&self, number: u32) -> User {
        let row = self.identity.iam.rows.get(&Id(Kind::User, number));
        let state = row.map_or("ACTIVE", |row| state_of(row.common.phase(row.created, self.now)));
        let email = row.and_then(|row| match &row.content {
            IamContent::User { email } => email.clone(),
            _ => None,
        });
        User {
            id: self.ids.text(Id(Kind::User, number)),
            compartment_id: compartment_ocid(&self.ids, 0),
            name: self.name_of(number),
            description: row
                .map_or_else(|| "A user of the simulated region".into(), |row| row.description.clone()),
            email_verified: email.as_ref().map(|_| true),
            email,
            time_created: Some(row.map_or(self.identity.since, |row| row.created)),
            lifecycle_state: state.into(),
            capabilities: Some(Box::new(UserCapabilities {
                can_use_api_keys: Some(true),
                can_use_console_password: Some(false),
                ..UserCapabilities::default()
            })),
            is_mfa_activated: false,
            defined_tags: Some(row.map(|row| row.common.defined_tags.clone()).unwrap_or_default()),
            freeform_tags: Some(row.map(|row| row.common.tags.clone()).unwrap_or_default()),
            ..User::default()
        }
    }

    pub(in crate::world) fn list_users(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("name");
        // Users are in the tenancy itself, and none comes from an identity provider.
        let any = compartment == 0
            && request.in_query("identityProviderId").is_none()
            && request.in_query("externalIdentifier").is_none();
        let rows = (0..self.identity.users)
            .filter(|number| any && self.user_exists(*number))
            .filter(|number| name.is_none_or(|name| name == self.name_of(*number)));
        let rows = rows
            .map(|number| (Cursor { group: 0, name: self.name_of(number), number }, self.user_model(number)))
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    /// The namespace of the tenancy in Object Storage: a text that nobody chose (Oracle: "Understanding Object Storage Namespaces").
    pub(in crate::world) fn get_namespace(&self, request: &ApiRequest) -> ApiResult {
        request.in_query("compartmentId").map(|ocid| self.compartment(ocid)).transpose()?;
        let tenancy = self.ids.text(Id(Kind::Tenancy, 0));
        let hash = hash_bytes(tenancy.as_bytes());
        let letters = (0..12).map(|at| char::from(b'a' + ((hash >> (5 * at)) % 26) as u8));
        answer(request.operation, &format!("ax{}", letters.collect::<String>()))
    }

    /// The regions of the realm, whether the tenancy subscribes to them or not.
    pub(in crate::world) fn list_regions(&self, request: &ApiRequest) -> ApiResult {
        let realm = Region::find(&self.settings.region).map_or("oc1", |region| region.realm);
        let known = REGIONS.iter().filter(|region| region.realm == realm);
        let rows = known.map(|region| RegionModel {
            key: Some(region.key.to_uppercase()),
            name: Some(region.name.to_owned()),
            ..RegionModel::default()
        });
        answer(request.operation, &rows.collect::<Vec<_>>())
    }

    pub(in crate::world) fn list_compartments(&mut self, request: &ApiRequest) -> ApiResult {
        let parent = self.compartment_in(request)?;
        let subtree = request.flag("compartmentIdInSubtree", false)?;
        if subtree && parent != 0 {
            return Err(error::invalid(
                "compartmentIdInSubtree can only be true for the tenancy's root compartment",
            ));
        }
        let page = self.page(request)?;
        let name = request.in_query("name");
        let state = request.in_query("lifecycleState");
        let rows = self.identity.compartments.iter().enumerate().skip(1).filter(|(_, row)| {
            state.is_none_or(|state| state.eq_ignore_ascii_case(row.state(self.now)))
                && (subtree || row.parent == parent)
                && name.is_none_or(|name| row.name == name)
        });
        let rows = rows
            .map(|(number, row)| {
                let cursor = Cursor { group: 0, name: row.name.clone(), number: number as u32 };
                (cursor, self.compartment_model(number as u32))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }
}
