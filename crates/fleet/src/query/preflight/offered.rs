//! What is known about shapes and subnets before there is a fleet, for somebody who chooses among them.

use oci_api::models::{Shape, Subnet};
use oci_client::Client;

use super::limits::{self, Unit};
use super::report::{self, Availability};
use super::subnet;
use crate::price::Size;

/// The free addresses of a subnet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FreeAddresses {
    /// Their number.
    pub count: u64,
    /// Whether it is exact; otherwise there are at most so many.
    pub is_exact: bool,
}

/// Counts the free addresses of a subnet with one request; `None` if they cannot be counted.
pub async fn free_addresses(client: &Client, row: &Subnet) -> Option<FreeAddresses> {
    let size = subnet::size(row)?;
    let mut used = subnet::Count::default();
    used.page(client, &row.id).await.ok()?;
    let (count, is_exact) = subnet::free(size, &used);
    Some(FreeAddresses { count, is_exact })
}

/// What the capacity report says of these shapes in an availability domain, in their order; `None` if there is no report.
pub async fn capacity_in(
    client: &Client,
    tenancy: &str,
    availability_domain: &str,
    kinds: &[(String, Size)],
) -> Option<Vec<Availability>> {
    report::ask(client, tenancy, availability_domain, kinds).await.ok()
}

/// What the limits and quotas leave of a shape in an availability domain: OCPUs, or GPUs for a shape that is counted by them.
/// `None` if that cannot be read.
pub async fn left_in(
    client: &Client,
    compartment: &str,
    availability_domain: &str,
    shape: &Shape,
) -> Option<(f64, &'static str)> {
    let limits = limits::of_shape(&shape.shape, Some(shape));
    let counted = |unit: Unit| limits.iter().filter(move |limit| limit.unit == unit);
    let (limits, unit) = match counted(Unit::Gpus).next() {
        Some(_) => (counted(Unit::Gpus).collect::<Vec<_>>(), "GPUs"),
        None => (counted(Unit::Ocpus).collect(), "OCPUs"),
    };
    let mut least: Option<f64> = None;
    for limit in limits {
        let domain = (!limit.regional).then_some(availability_domain);
        let answer =
            client.get_resource_availability(compartment, limits::SERVICE, &limit.name, domain).await;
        let left = answer.ok().and_then(|answer| limits::left(&answer.value)).map(|left| left.max(0.0));
        least = match (least, left) {
            (Some(least), Some(left)) => Some(least.min(left)),
            (least, left) => least.or(left),
        };
    }
    least.map(|left| (left, unit))
}
