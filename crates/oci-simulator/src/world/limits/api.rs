//! The Limits service: values, definitions, services and availability.

use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::limits::counted::{COUNTED, Where};
use crate::world::limits::{Counted, Limit, What};
use crate::world::paging::{Cursor, Order};
use crate::world::request::answer;
use crate::world::state::World;
use oci_api::models::{
    LimitDefinitionSummary, LimitDefinitionSummaryScopeType, LimitValueSummary, LimitValueSummaryScopeType,
    QuotaSummary, QuotaSummaryLifecycleState, ResourceAvailability, ServiceSummary,
};
use std::collections::BTreeMap;

/// The service that the limits of instances belong to.
pub(in crate::world) const SERVICE: &str = "compute";
const SERVICES: [(&str, &str); 4] = [
    ("block-storage", "Block Volume"),
    ("compute", "Compute"),
    ("compute-management", "Compute Management"),
    ("vcn", "Virtual Cloud Network"),
];

/// A limit of an availability domain needs one, and a regional limit has none.
fn check_scope(local: bool, ad: Option<u8>) -> Result<(), ApiError> {
    match (local, ad) {
        (true, None) => Err(error::invalid("availabilityDomain is required for a limit with the scope AD")),
        (false, Some(_)) => {
            Err(error::invalid("availabilityDomain must be absent for a limit with the scope REGION"))
        }
        _ => Ok(()),
    }
}

/// Lists of this service are sorted by name, ascending unless the request says otherwise.
fn order(request: &ApiRequest) -> Order {
    let descending = request.in_query("sortOrder").is_some_and(|order| order.eq_ignore_ascii_case("DESC"));
    Order { by_name: true, descending }
}

impl World {
    pub(in crate::world) fn get_resource_availability(&self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let (service, name) = (request.in_path("serviceName"), request.in_path("limitName"));
        let regional = |allowed: i64, used: i64| ResourceAvailability {
            used: Some(used),
            available: Some((allowed - used).max(0)),
            fractional_usage: Some(used as f64),
            fractional_availability: Some((allowed - used).max(0) as f64),
            ..ResourceAvailability::default()
        };
        if let Some(limit) = Counted::find(name).filter(|limit| limit.service == service) {
            check_scope(limit.local, ad)?;
            let used = self.counted_used(limit, Where { ad, compartment: None });
            return answer(request.operation, &regional(self.counted_value(limit, ad), used));
        }
        let limit = Limit::find(name).filter(|_| service == SERVICE).ok_or_else(error::not_found)?;
        check_scope(limit.ad.is_some(), ad)?;
        let limit = Limit { ad, ..limit };
        answer(request.operation, &regional(self.limits.value(limit), self.limits.used(limit)))
    }

    pub(in crate::world) fn list_limit_values(&mut self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let page = self.page(request)?;
        let service = request.in_query("serviceName").unwrap_or_default();
        if !SERVICES.iter().any(|(name, _)| *name == service) {
            return Err(error::not_found());
        }
        let ad = self.ad_in(request)?;
        let name = request.in_query("name");
        let scope = request.in_query("scopeType");
        let mut rows = Vec::new();
        let mut add = |limit: String, ad: Option<u8>, ad_name: Option<String>, value: i64| {
            let kind = if ad.is_some() {
                LimitValueSummaryScopeType::Ad
            } else {
                LimitValueSummaryScopeType::Region
            };
            let wanted = name.is_none_or(|name| name == limit)
                && scope.is_none_or(|scope| scope.eq_ignore_ascii_case(kind.as_str()));
            if wanted {
                let cursor =
                    Cursor { group: 0, name: limit.clone(), number: ad.map_or(0, |ad| u32::from(ad) + 1) };
                let summary = LimitValueSummary {
                    name: Some(limit),
                    scope_type: Some(kind),
                    availability_domain: ad_name,
                    value: Some(value),
                    ..LimitValueSummary::default()
                };
                rows.push((cursor, summary));
            }
        };
        if service == SERVICE {
            for limit in Limit::kinds() {
                let ads = match limit.ad {
                    None if ad.is_some() => continue,
                    None => vec![None],
                    Some(_) => (0..self.settings.domains()).map(Some).collect(),
                };
                for place in ads.into_iter().filter(|place| ad.is_none() || *place == ad) {
                    let value = self.limits.value(Limit { ad: place, ..limit });
                    add(limit.name(), place, place.map(|ad| self.identity.ad_name(ad)), value);
                }
            }
        }
        for limit in COUNTED.iter().filter(|limit| limit.service == service) {
            let ads = if limit.local { (0..self.settings.domains()).map(Some).collect() } else { vec![None] };
            for place in ads.into_iter().filter(|place| ad.is_none() || *place == ad) {
                let value = self.counted_value(limit, place);
                add(limit.name.to_owned(), place, place.map(|ad| self.identity.ad_name(ad)), value);
            }
        }
        page.answer_small(request, order(request), rows)
    }

    /// The quotas of the settings, which are in the tenancy itself, as in the service.
    pub(in crate::world) fn list_quotas(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let name = request.in_query("name");
        let rows =
            self.settings.quotas.iter().zip(0..).filter(|_| compartment == 0).map(|(quota, number)| {
                let shown = format!("quota-{}", number + 1);
                let summary = QuotaSummary {
                    id: self.ids.text(Id(Kind::Quota, number)),
                    compartment_id: compartment_ocid(&self.ids, 0),
                    name: shown.clone(),
                    description: format!("At most {} of {}", quota.value, quota.name),
                    time_created: Some(self.identity.since),
                    lifecycle_state: Some(QuotaSummaryLifecycleState::Active),
                    defined_tags: Some(BTreeMap::new()),
                    freeform_tags: Some(BTreeMap::new()),
                    ..QuotaSummary::default()
                };
                (Cursor { group: 0, name: shown, number }, summary)
            });
        let rows = rows.filter(|(cursor, _)| name.is_none_or(|name| name == cursor.name)).collect();
        // Sorted by name, ascending, unless the request says otherwise (Oracle's OpenAPI document).
        let by_name = request.in_query("sortBy").is_none_or(|by| !by.eq_ignore_ascii_case("TIMECREATED"));
        page.answer_small(request, Order { by_name, ..order(request) }, rows)
    }

    pub(in crate::world) fn list_limit_definitions(&mut self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let page = self.page(request)?;
        let service = request.in_query("serviceName");
        let name = request.in_query("name");
        let compute = Limit::kinds().map(|limit| {
            let unit = match limit.what {
                What::Cores | What::ReservedCores | What::ReservableCores => "OCPUs",
                What::Memory | What::ReservedMemory | What::ReservableMemory => "GB of memory",
                What::Gpus => "GPUs",
            };
            (SERVICE, limit.name(), limit.ad.is_some(), unit)
        });
        let counted =
            COUNTED.iter().map(|limit| (limit.service, limit.name.to_owned(), limit.local, limit.unit()));
        let rows = compute
            .chain(counted)
            .filter(|(own, limit, ..)| {
                service.is_none_or(|service| service == *own) && name.is_none_or(|name| name == limit)
            })
            .map(|(service, limit, local, unit)| {
                let scope = if local {
                    LimitDefinitionSummaryScopeType::Ad
                } else {
                    LimitDefinitionSummaryScopeType::Region
                };
                let summary = LimitDefinitionSummary {
                    name: Some(limit.clone()),
                    service_name: Some(service.to_owned()),
                    description: Some(format!("Maximum number of {unit}")),
                    scope_type: Some(scope),
                    are_quotas_supported: Some(true),
                    is_resource_availability_supported: Some(true),
                    is_deprecated: Some(false),
                    is_eligible_for_limit_increase: Some(true),
                    is_dynamic: Some(false),
                    ..LimitDefinitionSummary::default()
                };
                (Cursor { group: 0, name: limit, number: 0 }, summary)
            })
            .collect();
        page.answer_small(request, order(request), rows)
    }

    pub(in crate::world) fn list_services(&mut self, request: &ApiRequest) -> ApiResult {
        self.compartment_in(request)?;
        let page = self.page(request)?;
        let rows = SERVICES.iter().map(|(name, description)| {
            let summary = ServiceSummary {
                name: Some((*name).to_owned()),
                description: Some((*description).to_owned()),
                ..ServiceSummary::default()
            };
            (Cursor { group: 0, name: (*name).to_owned(), number: 0 }, summary)
        });
        page.answer_small(request, order(request), rows.collect())
    }
}
