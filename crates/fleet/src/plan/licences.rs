//! Finds the images that come with a licence which is charged by the hour, so that the price is the one that will be paid.

use super::spec::FleetSpec;
use oci_api::models::{LaunchInstanceDetails, LaunchInstanceLicensingConfig};
use oci_client::Client;
use std::collections::BTreeSet;

/// The operating system of images that Oracle charges a licence for (OpenAPI of the Core Services, `Image`).
const WINDOWS: &str = "Windows";

/// Finds the images of a fleet that are Windows, for the price of a plan that launches nothing.
pub async fn read_licences(client: &Client, fleet: &mut FleetSpec) {
    let mut found = Vec::new();
    for (region, own) in fleet.by_region() {
        found.extend(windows_images(&client.at(region), &own).await);
    }
    fleet.windows_images = found;
}

/// The images of a fleet in one region that are Windows. An image that may not be read blocks nothing: the launch finds out
/// whether it can be used.
pub(super) async fn windows_images(client: &Client, fleet: &FleetSpec) -> Vec<String> {
    let asks = |place: &&_| !says_licence(&fleet.launch_at(place));
    let places = fleet.kinds().into_iter().filter(asks);
    let images: BTreeSet<String> = places.filter_map(|place| fleet.image_at(place)).collect();
    let read = futures_util::future::join_all(images.iter().map(|image| client.get_image(image))).await;
    let is_windows =
        read.into_iter().map(|image| image.is_ok_and(|image| image.value.operating_system == WINDOWS));
    images.into_iter().zip(is_windows).filter_map(|(image, is_windows)| is_windows.then_some(image)).collect()
}

/// Whether a launch says itself who provides the licence.
pub(crate) fn says_licence(launch: &LaunchInstanceDetails) -> bool {
    let configs = launch.licensing_configs.iter().flatten();
    configs.into_iter().any(|config| match config {
        LaunchInstanceLicensingConfig::Windows(windows) => windows.license_type.is_some(),
        LaunchInstanceLicensingConfig::Other(_) => false,
    })
}
