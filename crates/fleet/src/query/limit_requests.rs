//! Limit increase requests: which increases a fleet needs, which of them are already requested, and what was decided.
//!
//! Only reads and compares; the command asks for consent and files the request.

use aws_lc_rs::digest::{SHA256, digest};
use oci_api::models::{
    CreateLimitsIncreaseItemRequestDetails, CreateLimitsIncreaseRequestDetails, LimitsIncreaseItemRequest,
    LimitsIncreaseItemRequestLifecycleState as ItemState, LimitsIncreaseRequest,
    LimitsIncreaseRequestLifecycleState as RequestState,
};
use oci_client::{Client, Failure};

use super::preflight::{Headroom, LimitRow};

/// The longest justification that the API accepts, in characters.
pub const JUSTIFICATION_MAX: usize = 500;

/// One limit that is to be raised.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Increase {
    /// The service that the limit belongs to.
    pub service: String,
    /// Its name.
    pub limit: String,
    /// The region of the limit, if the fleet has several.
    pub region: Option<String>,
    /// The availability domain; absent for a limit of the region.
    pub domain: Option<String>,
    /// Its present value, if it is known.
    pub current: Option<i64>,
    /// The value that is wanted.
    pub value: i64,
}

impl Increase {
    /// The increase that a limit needs, or that brings it to `value`.
    fn of(row: &LimitRow, value: Option<i64>) -> Option<Self> {
        let current = row.limit.map(|limit| limit.floor() as i64);
        let needed = row.would_do.and_then(|value| i64::try_from(value).ok());
        let value = value.or(needed)?;
        // A quota of the compartment may be what is short; an increase of the limit would not help.
        current.is_none_or(|current| current < value).then(|| Self {
            service: row.service.to_owned(),
            limit: row.name.clone(),
            region: row.region.clone(),
            domain: row.availability_domain.clone(),
            current,
            value,
        })
    }

    /// Whether an item requests the same limit in the same place.
    fn is_same_limit(&self, region: &str, item: &LimitsIncreaseItemRequest) -> bool {
        let scope = item.scope.as_deref().filter(|scope| !scope.is_empty());
        item.service_name == self.service
            && item.limit_name == self.limit
            && is_region(region, &item.region)
            && scope == self.domain.as_deref()
    }
}

fn is_region(region: &str, named: &str) -> bool {
    let code = |name: &str| oci_api::Region::find(name).map(|found| found.name);
    named == region || (code(named).is_some() && code(named) == code(region))
}

/// The increases that let all wanted instances fit. A domain that gets more takes all that is missing, so one domain is enough:
/// the first one that lacks something, or the one that is named. Limits of the region are needed in any case.
///
/// `limits` and `value` narrow and replace what is needed.
///
/// # Errors
/// The regions that lack something, if there are several and none is named: one of them is enough, too.
pub fn increases(
    found: &Headroom,
    limits: &[String],
    region: Option<&str>,
    domain: Option<&str>,
    value: Option<i64>,
) -> Result<Vec<Increase>, Vec<String>> {
    let is_wanted = |row: &&LimitRow| {
        (limits.is_empty() || limits.contains(&row.name))
            && (region.is_none() || row.region.as_deref() == region)
    };
    // A domain is in one region only.
    let at = |row: &&LimitRow| domain.is_none() || row.availability_domain.as_deref() == domain;
    let home = found.limits.iter().find(|row| domain.is_some() && at(row)).map(|row| &row.region);
    let rows =
        || found.limits.iter().filter(is_wanted).filter(|row| home.is_none_or(|home| *home == row.region));
    let of = |row: &LimitRow| Increase::of(row, value);
    let mut regions: Vec<String> =
        rows().filter(|row| of(row).is_some()).filter_map(|row| row.region.clone()).collect();
    regions.dedup();
    if regions.len() > 1 {
        return Err(regions);
    }
    let first = rows().filter(|row| of(row).is_some()).find_map(|row| row.availability_domain.as_deref());
    let domain = domain.or(first);
    Ok(rows()
        .filter(|row| row.availability_domain.is_none() || row.availability_domain.as_deref() == domain)
        .filter_map(of)
        .collect())
}

/// All limit increase requests of a tenancy with their items, newest first, as this region and `further` ones list them.
///
/// # Errors
/// When a request cannot be read.
pub async fn requests(
    client: &Client,
    tenancy: &str,
    further: &[&str],
) -> Result<Vec<LimitsIncreaseRequest>, Failure> {
    let mut found: Vec<LimitsIncreaseRequest> = Vec::new();
    for region in std::iter::once(None).chain(further.iter().copied().map(Some)) {
        let client = client.at(region);
        for summary in client.list_limits_increase_requests(tenancy).await? {
            // Each region may list those of the whole tenancy.
            if found.iter().all(|known| known.id != summary.id) {
                found.push(client.get_limits_increase_request(&summary.id).await?.value);
            }
        }
    }
    if !further.is_empty() {
        found.sort_by_key(|request| std::cmp::Reverse(request.time_created));
    }
    Ok(found)
}

/// Whether a request is not decided yet.
pub fn is_open(request: &LimitsIncreaseRequest) -> bool {
    matches!(request.lifecycle_state, RequestState::Accepted | RequestState::InProgress)
}

/// The open request for the same limit in the same place, if there is one, with the value that it wants.
pub fn already_requested<'a>(
    requests: &'a [LimitsIncreaseRequest],
    region: &str,
    increase: &Increase,
) -> Option<(&'a LimitsIncreaseRequest, i64)> {
    let is_open = |state: &ItemState| matches!(state, ItemState::Accepted | ItemState::InProgress);
    requests.iter().find_map(|request| {
        let mut items = request.limits_increase_item_requests.iter();
        let item =
            items.find(|item| is_open(&item.lifecycle_state) && increase.is_same_limit(region, item))?;
        Some((request, item.value))
    })
}

/// The body of a request.
pub fn details(
    tenancy: &str,
    region: &str,
    justification: &str,
    increases: &[Increase],
) -> CreateLimitsIncreaseRequestDetails {
    let items = increases.iter().map(|increase| CreateLimitsIncreaseItemRequestDetails {
        service_name: increase.service.clone(),
        limit_name: increase.limit.clone(),
        region: region.to_owned(),
        scope: increase.domain.clone(),
        value: increase.value,
        ..CreateLimitsIncreaseItemRequestDetails::default()
    });
    let name = increases.first().map_or("", |increase| increase.limit.as_str());
    CreateLimitsIncreaseRequestDetails {
        display_name: format!("oci-insta-scale {name}"),
        compartment_id: tenancy.to_owned(),
        justification: justification.to_owned(),
        limits_increase_item_requests: items.collect(),
        ..CreateLimitsIncreaseRequestDetails::default()
    }
}

/// The retry token of a request: the same for the same request as long as no other one was filed since, so that a command that
/// was killed and repeated files one request, and a request that was rejected can be filed again.
pub fn token(details: &CreateLimitsIncreaseRequestDetails, known: &[LimitsIncreaseRequest]) -> String {
    let newest = known.first().map_or("", |request| request.id.as_str());
    // Texts and whole numbers: nothing that JSON cannot hold.
    let content = serde_json::to_string(details).unwrap_or_default();
    let hash = digest(&SHA256, format!("{newest}\n{content}").as_bytes());
    hash.as_ref().iter().take(16).fold("ois-".to_owned(), |token, byte| token + &format!("{byte:02x}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, domain: Option<&str>, limit: f64, would_do: Option<u64>) -> LimitRow {
        LimitRow {
            service: "compute",
            name: name.to_owned(),
            availability_domain: domain.map(str::to_owned),
            limit: Some(limit),
            would_do,
            ..LimitRow::default()
        }
    }

    fn headroom() -> Headroom {
        let limits = vec![
            row("core", Some("AD-1"), 4.0, Some(10)),
            row("memory", Some("AD-1"), 24.0, Some(60)),
            row("core", Some("AD-2"), 4.0, Some(9)),
            row("core-regional", None, 4.0, Some(10)),
            row("gpu", Some("AD-1"), 100.0, Some(10)),
        ];
        Headroom { wanted: 10, limits, ..Headroom::default() }
    }

    fn shown(increases: &[Increase]) -> Vec<(&str, Option<&str>, i64)> {
        increases.iter().map(|one| (one.limit.as_str(), one.domain.as_deref(), one.value)).collect()
    }

    fn of(found: &Headroom, limits: &[&str], domain: Option<&str>, value: Option<i64>) -> Vec<Increase> {
        let limits: Vec<String> = limits.iter().map(|name| (*name).to_owned()).collect();
        increases(found, &limits, None, domain, value).unwrap()
    }

    #[test]
    fn one_of_several_regions_has_to_be_named() {
        let row = |region: &str, name: &str, domain: Option<&str>, would_do| LimitRow {
            region: Some(region.to_owned()),
            name: name.to_owned(),
            availability_domain: domain.map(str::to_owned),
            limit: Some(4.0),
            would_do,
            ..LimitRow::default()
        };
        let limits = vec![
            row("us-phoenix-1", "core", Some("PHX-AD-1"), Some(9)),
            row("us-phoenix-1", "gpu", None, None),
            row("us-ashburn-1", "core", Some("IAD-AD-1"), Some(8)),
            row("us-ashburn-1", "core-regional", None, Some(8)),
        ];
        let found = Headroom { wanted: 10, limits, ..Headroom::default() };
        let of = |limits: &[&str], region, domain| {
            let limits: Vec<String> = limits.iter().map(|name| (*name).to_owned()).collect();
            let found = increases(&found, &limits, region, domain, None)?;
            Ok::<_, Vec<String>>(
                found.into_iter().map(|one| (one.limit, one.region.unwrap())).collect::<Vec<_>>(),
            )
        };
        let ashburn = |name: &str| (name.to_owned(), "us-ashburn-1".to_owned());
        let both = vec!["us-phoenix-1".to_owned(), "us-ashburn-1".to_owned()];
        assert_eq!(of(&[], None, None), Err(both));
        let all = vec![ashburn("core"), ashburn("core-regional")];
        assert_eq!(of(&[], Some("us-ashburn-1"), None), Ok(all.clone()));
        assert_eq!(of(&[], None, Some("IAD-AD-1")), Ok(all), "a domain is in one region");
        assert_eq!(of(&["core-regional"], None, None), Ok(vec![ashburn("core-regional")]), "only one has it");
        assert_eq!(of(&["gpu"], None, None), Ok(Vec::new()));
    }

    #[test]
    fn one_domain_is_asked_to_take_what_is_missing() {
        let found = headroom();
        assert_eq!(
            shown(&of(&found, &[], None, None)),
            [("core", Some("AD-1"), 10), ("memory", Some("AD-1"), 60), ("core-regional", None, 10)]
        );
        assert_eq!(
            shown(&of(&found, &[], Some("AD-2"), None)),
            [("core", Some("AD-2"), 9), ("core-regional", None, 10)]
        );
        assert_eq!(shown(&of(&found, &["core"], None, Some(50))), [("core", Some("AD-1"), 50)]);
    }

    #[test]
    fn a_limit_that_suffices_is_not_requested() {
        // Its quota is what is short.
        assert!(shown(&of(&headroom(), &["gpu"], None, None)).is_empty());
        assert!(shown(&of(&headroom(), &["core"], None, Some(4))).is_empty());
    }

    fn filed(id: &str, state: ItemState, scope: &str, region: &str) -> LimitsIncreaseRequest {
        let item = LimitsIncreaseItemRequest {
            service_name: "compute".into(),
            limit_name: "core".into(),
            scope: Some(scope.into()),
            region: region.into(),
            value: 8,
            lifecycle_state: state,
            ..LimitsIncreaseItemRequest::default()
        };
        LimitsIncreaseRequest {
            id: id.into(),
            limits_increase_item_requests: vec![item],
            ..LimitsIncreaseRequest::default()
        }
    }

    #[test]
    fn only_an_open_request_for_the_same_place_counts() {
        let wanted = of(&headroom(), &["core"], None, None).remove(0);
        let known = [
            filed("other domain", ItemState::Accepted, "AD-2", "us-phoenix-1"),
            filed("other region", ItemState::Accepted, "AD-1", "uk-london-1"),
            filed("decided", ItemState::Failed, "AD-1", "us-phoenix-1"),
            filed("open", ItemState::InProgress, "AD-1", "phx"),
        ];
        let found = already_requested(&known, "us-phoenix-1", &wanted);
        assert_eq!(found.map(|(request, value)| (request.id.as_str(), value)), Some(("open", 8)));
        assert_eq!(already_requested(&known[..3], "us-phoenix-1", &wanted), None);
    }

    #[test]
    fn a_repeated_command_sends_the_same_token() {
        let wanted = of(&headroom(), &[], None, None);
        let body = details("t", "us-phoenix-1", "a larger fleet", &wanted);
        assert_eq!(token(&body, &[]), token(&body, &[]));
        assert!(token(&body, &[]).len() <= 64);
        let other = details("t", "us-phoenix-1", "a larger fleet", &wanted[..1]);
        assert_ne!(token(&body, &[]), token(&other, &[]));
        let rejected = [filed("r", ItemState::Failed, "AD-1", "us-phoenix-1")];
        assert_ne!(token(&body, &[]), token(&body, &rejected), "after a rejection the request is a new one");
    }
}
