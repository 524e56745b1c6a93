//! The capacity report. It reserves nothing, and capacity can change before a launch.

use futures_util::future::join_all;
use ledger::Placement;
use oci_api::models::{
    CapacityReportInstanceShapeConfig, CapacityReportShapeAvailability,
    CapacityReportShapeAvailabilityAvailabilityStatus as Status,
    CreateCapacityReportShapeAvailabilityDetails, CreateComputeCapacityReportDetails,
};
use oci_client::{Client, Failure, FailureClass};
use schemars::JsonSchema;
use serde::Serialize;

use super::verdict::Bound;
use crate::price::Size;

/// The report's result for one shape in one place.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case", tag = "status")]
pub enum Availability {
    /// There is capacity, for this number of instances if the report says so.
    Available {
        /// The number; absent if the report does not state it.
        count: Option<u64>,
    },
    /// There is none now.
    OutOfHostCapacity,
    /// The place does not have this hardware.
    HardwareNotSupported,
    /// The response could not be interpreted.
    Unknown,
}

impl Availability {
    /// Reads one entry. `AVAILABLE` may come with 0 or without a count (seen in practice); then there is some capacity.
    fn of(entry: &CapacityReportShapeAvailability) -> Self {
        let count =
            entry.available_count.and_then(|count| u64::try_from(count).ok()).filter(|count| *count > 0);
        match &entry.availability_status {
            Some(Status::Available) => Self::Available { count },
            Some(Status::OutOfHostCapacity) => Self::OutOfHostCapacity,
            Some(Status::HardwareNotSupported) => Self::HardwareNotSupported,
            Some(Status::Unrecognized(_)) | None => Self::Unknown,
        }
    }

    /// Combines two entries about the same place: without a fault domain every entry counts, not only the first.
    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Available { count: a }, Self::Available { count: b }) => {
                Self::Available { count: a.zip(b).map(|(a, b)| a.saturating_add(b)) }
            }
            (Self::Available { count }, _) | (_, Self::Available { count }) => Self::Available { count },
            (Self::OutOfHostCapacity, _) | (_, Self::OutOfHostCapacity) => Self::OutOfHostCapacity,
            (Self::HardwareNotSupported, Self::HardwareNotSupported) => Self::HardwareNotSupported,
            _ => Self::Unknown,
        }
    }

    /// The limit that follows from it, as a hint.
    pub(super) fn bound(&self, place: &Placement) -> Option<Bound> {
        let pool = format!("{} {}", place.availability_domain, place.shape);
        let bound = |room, why: String| Some(Bound { hint: true, ..Bound::shared(pool, room, why) });
        match self {
            Self::Available { count: Some(count) } => bound(
                *count,
                format!("the capacity report shows capacity for {count} (a hint: it reserves nothing)"),
            ),
            Self::OutOfHostCapacity => bound(
                0,
                "the capacity report shows no free host (a hint: a launch may still find one)".to_owned(),
            ),
            Self::Available { count: None } | Self::HardwareNotSupported | Self::Unknown => None,
        }
    }
}

fn details(
    tenancy: &str,
    availability_domain: &str,
    kinds: &[(String, Size)],
    fault_domains: &[Option<String>],
) -> CreateComputeCapacityReportDetails {
    let mut shape_availabilities = Vec::new();
    for (shape, size) in kinds {
        for fault_domain in fault_domains {
            let sized = size.ocpus.is_some() || size.memory_gb.is_some();
            shape_availabilities.push(CreateCapacityReportShapeAvailabilityDetails {
                fault_domain: fault_domain.clone(),
                instance_shape: shape.clone(),
                instance_shape_config: sized.then(|| {
                    Box::new(CapacityReportInstanceShapeConfig {
                        ocpus: size.ocpus,
                        memory_in_gbs: size.memory_gb,
                        ..CapacityReportInstanceShapeConfig::default()
                    })
                }),
            });
        }
    }
    CreateComputeCapacityReportDetails {
        compartment_id: tenancy.to_owned(),
        availability_domain: availability_domain.to_owned(),
        shape_availabilities,
    }
}

/// The maximum number of entries in one report. It is not documented; others found by experiment that larger ones are refused.
pub(crate) const MAX_ENTRIES: usize = 10;

/// The number of reports that this many entries need.
pub(super) fn reports(entries: usize) -> u32 {
    u32::try_from(entries.div_ceil(MAX_ENTRIES)).unwrap_or(u32::MAX)
}

/// Requests shapes in one availability domain, for any fault domain. Returns results in the order of the shapes.
pub(super) async fn ask(
    client: &Client,
    tenancy: &str,
    availability_domain: &str,
    kinds: &[(String, Size)],
) -> Result<Vec<Availability>, Failure> {
    let parts = kinds.chunks(MAX_ENTRIES).map(|kinds| async move {
        let details = details(tenancy, availability_domain, kinds, &[None]);
        Ok::<_, Failure>(client.create_capacity_report(&details).await?.value.shape_availabilities)
    });
    let mut entries = Vec::new();
    for part in join_all(parts).await {
        entries.extend(part?);
    }
    Ok(kinds
        .iter()
        .map(|(shape, _)| {
            entries
                .iter()
                .filter(|entry| entry.instance_shape.as_ref().is_none_or(|entry| entry == shape))
                .map(Availability::of)
                .reduce(Availability::and)
                .unwrap_or(Availability::Unknown)
        })
        .collect())
}

/// One question of a report.
pub(crate) struct Question<'a> {
    pub shape: &'a str,
    pub size: Size,
    /// Absent for any.
    pub fault_domain: Option<&'a String>,
}

/// Asks one report about at most [`MAX_ENTRIES`] kinds of instances. Returns results in the order of the entries.
pub(crate) async fn ask_for(
    client: &Client,
    tenancy: &str,
    availability_domain: &str,
    entries: &[Question<'_>],
) -> Result<Vec<Availability>, Failure> {
    let mut asked = details(tenancy, availability_domain, &[], &[]);
    for entry in entries {
        let (kind, fault_domain) = ((entry.shape.to_owned(), entry.size), entry.fault_domain.cloned());
        let one = details(tenancy, availability_domain, &[kind], &[fault_domain]);
        asked.shape_availabilities.extend(one.shape_availabilities);
    }
    let report = client.create_capacity_report(&asked).await?.value.shape_availabilities;
    let of = |entry: &Question<'_>| {
        let rows = report.iter().filter(|row| {
            row.instance_shape.as_deref() == Some(entry.shape)
                && (entry.fault_domain.is_none() || row.fault_domain.as_ref() == entry.fault_domain)
                && is_sized(row, entry.size)
        });
        rows.map(Availability::of).reduce(Availability::and).unwrap_or(Availability::Unknown)
    };
    Ok(entries.iter().map(of).collect())
}

/// One cell of the result of [`matrix`].
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct Cell {
    /// The availability domain.
    pub availability_domain: String,
    /// The fault domain; absent for all of them together.
    pub fault_domain: Option<String>,
    /// The shape.
    pub shape: String,
    /// OCPUs, if they were requested.
    pub ocpus: Option<f64>,
    /// Memory in GB, if it was requested.
    pub memory_gb: Option<f64>,
    /// The report's result.
    #[serde(flatten)]
    pub availability: Availability,
}

/// The result of [`matrix`].
#[derive(Debug, Default)]
pub struct Matrix {
    /// One entry per availability domain. A domain whose report failed has its failure.
    pub domains: Vec<Result<Vec<Cell>, Box<Failure>>>,
    /// Shapes that the region does not have, which were skipped.
    pub unknown: Vec<String>,
    /// Shapes that the region has, to correct a misspelt one.
    pub offered: Vec<String>,
}

/// Availability domains × fault domains × shapes: one request per ten entries of an availability domain. A nonexistent shape
/// makes a whole report fail, so such shapes are skipped if ListShapes does not list them.
pub async fn matrix(
    client: &Client,
    tenancy: &str,
    compartment: &str,
    availability_domains: &[String],
    kinds: &[(String, Size)],
) -> Matrix {
    let first = in_domains(client, tenancy, availability_domains, kinds).await;
    let refused = |failure: &Failure| matches!(failure.class, FailureClass::NotFound | FailureClass::Invalid);
    if !first.iter().any(|domain| domain.as_ref().is_err_and(|failure| refused(failure))) {
        return Matrix { domains: first, ..Matrix::default() };
    }
    let Ok(offered) = super::shapes::names(client, compartment).await else {
        return Matrix { domains: first, ..Matrix::default() };
    };
    let (known, unknown): (Vec<_>, Vec<_>) =
        kinds.iter().cloned().partition(|(shape, _)| offered.contains(shape));
    let mut names: Vec<String> = unknown.into_iter().map(|(shape, _)| shape).collect();
    names.dedup();
    if names.is_empty() {
        return Matrix { domains: first, ..Matrix::default() };
    }
    let domains = if known.is_empty() {
        Vec::new()
    } else {
        in_domains(client, tenancy, availability_domains, &known).await
    };
    Matrix { domains, unknown: names, offered }
}

async fn in_domains(
    client: &Client,
    tenancy: &str,
    availability_domains: &[String],
    kinds: &[(String, Size)],
) -> Vec<Result<Vec<Cell>, Box<Failure>>> {
    // Each availability domain has these three (Oracle: "Regions and Availability Domains").
    let fault_domains: Vec<Option<String>> =
        std::iter::once(None).chain((1..=3).map(|number| Some(format!("FAULT-DOMAIN-{number}")))).collect();
    join_all(availability_domains.iter().map(|domain| async {
        let parts = kinds.chunks((MAX_ENTRIES / fault_domains.len()).max(1)).map(|kinds| async {
            let details = details(tenancy, domain, kinds, &fault_domains);
            let report = client.create_capacity_report(&details).await?.value;
            Ok::<_, Failure>(cells(domain, kinds, &fault_domains, &report.shape_availabilities))
        });
        let mut all = Vec::new();
        for part in join_all(parts).await {
            all.extend(part?);
        }
        Ok(all)
    }))
    .await
}

fn cells(
    domain: &str,
    kinds: &[(String, Size)],
    fault_domains: &[Option<String>],
    report: &[CapacityReportShapeAvailability],
) -> Vec<Cell> {
    let mut cells: Vec<Cell> = Vec::new();
    for (shape, size) in kinds {
        for fault_domain in fault_domains {
            let availability = report
                .iter()
                .filter(|entry| {
                    entry.instance_shape.as_ref() == Some(shape)
                        && entry.fault_domain == *fault_domain
                        && is_sized(entry, *size)
                })
                .map(Availability::of)
                .reduce(Availability::and)
                .unwrap_or(Availability::Unknown);
            cells.push(Cell {
                availability_domain: domain.to_owned(),
                fault_domain: fault_domain.clone(),
                shape: shape.clone(),
                ocpus: size.ocpus,
                memory_gb: size.memory_gb,
                availability,
            });
        }
    }
    cells
}

/// Whether an entry has this requested size; the same shape may occur in several.
fn is_sized(entry: &CapacityReportShapeAvailability, size: Size) -> bool {
    let told = entry.instance_shape_config.as_deref();
    let same = |asked: Option<f64>, told: Option<f64>| match (asked, told) {
        (Some(asked), Some(told)) => (asked - told).abs() < 1e-6,
        _ => true,
    };
    told.is_none_or(|told| same(size.ocpus, told.ocpus) && same(size.memory_gb, told.memory_in_gbs))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(status: Option<&str>, count: Option<i64>) -> Availability {
        Availability::of(&CapacityReportShapeAvailability {
            availability_status: status.map(Status::from),
            available_count: count,
            ..CapacityReportShapeAvailability::default()
        })
    }

    #[test]
    fn odd_answers_of_the_report_stand_in_nobodys_way() {
        assert_eq!(entry(Some("AVAILABLE"), None), Availability::Available { count: None });
        assert_eq!(entry(Some("AVAILABLE"), Some(0)), Availability::Available { count: None });
        assert_eq!(entry(Some("AVAILABLE"), Some(-3)), Availability::Available { count: None });
        assert_eq!(entry(Some("CONSTRAINT_ERROR"), Some(5)), Availability::Unknown);
        assert_eq!(entry(None, None), Availability::Unknown);
        for odd in [entry(Some("AVAILABLE"), None), entry(None, None)] {
            assert_eq!(odd.bound(&Placement::default()), None);
        }
        let out = entry(Some("OUT_OF_HOST_CAPACITY"), None).bound(&Placement::default()).unwrap();
        assert!(out.hint && out.room == 0);
    }

    #[test]
    fn every_entry_of_a_place_counts() {
        let some = |count| Availability::Available { count };
        assert_eq!(Availability::OutOfHostCapacity.and(some(Some(3))), some(Some(3)));
        assert_eq!(some(Some(2)).and(some(Some(3))), some(Some(5)));
        assert_eq!(some(Some(2)).and(some(None)), some(None));
        assert_eq!(
            Availability::HardwareNotSupported.and(Availability::OutOfHostCapacity),
            Availability::OutOfHostCapacity
        );
    }
}
