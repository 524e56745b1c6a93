//! Which shapes there are, where, and for which images.

use oci_api::Operation;
use oci_api::models::Shape;
use oci_client::{Call, Client, Failure};

use super::ShapeFacts;

/// The shapes of the region, or of one availability domain: those that an image fits, if one is given. Named shapes
/// only, so that one page is enough.
pub(super) async fn ask(
    client: &Client,
    compartment: &str,
    availability_domain: Option<&str>,
    image: Option<&str>,
    wanted: &[String],
) -> Result<Vec<Shape>, Failure> {
    let call = Call::new(Operation::ListShapes)
        .query("compartmentId", compartment)
        .query_opt("availabilityDomain", availability_domain)
        .query_opt("imageId", image);
    let call = match wanted {
        [only] => call.query("shape", only),
        _ => call,
    };
    let mut rows: Vec<Shape> = client.all(call).await?;
    rows.retain(|row| wanted.contains(&row.shape));
    Ok(rows)
}

/// What is known of a shape.
pub(super) fn facts(shape: &str, row: Option<&Shape>) -> ShapeFacts {
    ShapeFacts {
        shape: shape.to_owned(),
        ocpus: row.and_then(|row| row.ocpus),
        memory_gb: row.and_then(|row| row.memory_in_gbs),
        memory_gb_per_ocpu: row.and_then(|row| row.memory_options.as_ref()?.default_per_ocpu_in_gbs),
        billed_when_stopped: row
            .and_then(|row| row.is_billed_for_stopped_instance)
            .or_else(|| crate::price::bills_when_stopped(shape)),
    }
}
