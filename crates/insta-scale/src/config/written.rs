//! The positions of values that can be checked only after the file was read: availability domains, which the service knows, and
//! the key.
//!
//! It keeps the lines that a message would quote, not the file.

use super::finding::{ConfigErrors, Finding, Place, Quoted};
use super::keys::SECRET;
use super::sources::Sources;
use super::yaml::{Node, Value};
use fleet::plan::SPREAD_FIELD;
use oci_client::credentials::CredentialsError;

/// The positions of values that are checked later.
#[derive(Debug, Default)]
pub struct Written {
    domains: Vec<(String, Place)>,
    /// Every shape that the file names, the first choice's first.
    shapes: Vec<(String, Place)>,
    spread: Option<Place>,
    /// Each further region.
    regions: Vec<(String, Place)>,
    credentials: Vec<(&'static str, Place)>,
    quoted: Quoted,
}

impl Written {
    /// Keeps the necessary parts of a config.
    pub(super) fn of(sources: &Sources, root: &Node) -> Self {
        let mut domains = Vec::new();
        let settings = root.child("instance_settings");
        let mut shapes = Vec::new();
        let spread = settings.and_then(|settings| settings.child("spread")).map(|node| node.place);
        if let Some(settings) = settings {
            names(settings.child("availability_domain"), &mut domains);
            names(settings.child("shape"), &mut shapes);
            if let Some(Node { value: Value::List(items), .. }) = settings.child("alternatives") {
                for item in items {
                    names(item.child("availability_domain"), &mut domains);
                    names(item.child("shape"), &mut shapes);
                }
            }
            if let Some(Node { value: Value::List(items), .. }) = settings.child("capacity_reservations") {
                for item in items {
                    names(item.child("availability_domain"), &mut domains);
                }
            }
        }
        let mut regions = Vec::new();
        if let Some(Node { value: Value::List(items), .. }) = root.child("regions") {
            for item in items {
                names(item.child("region"), &mut regions);
                names(item.child("availability_domain"), &mut domains);
            }
        }
        let keys = ["private_key_path", "fingerprint", SECRET];
        let credentials = keys.into_iter().filter_map(|key| Some((key, root.child(key)?.place)));
        let credentials: Vec<(&'static str, Place)> = credentials.collect();
        let places = domains
            .iter()
            .map(|(_, place)| place)
            .chain(credentials.iter().map(|(_, place)| place))
            .chain(shapes.iter().map(|(_, place)| place))
            .chain(regions.iter().map(|(_, place)| place))
            .chain(&spread);
        let places: Vec<Finding> = places.map(|place| Finding::at(*place, "")).collect();
        let quoted = Quoted::of(sources, &places);
        Self { domains, shapes, spread, regions, credentials, quoted }
    }

    /// The error of an unusable key at its position in the file; `None` if the file does not name the key.
    pub fn credentials(&self, error: &CredentialsError, help: Option<String>) -> Option<ConfigErrors> {
        let place =
            |key: &str| self.credentials.iter().find(|(name, _)| *name == key).map(|(_, place)| *place);
        let place = match error {
            CredentialsError::FingerprintMismatch { .. } | CredentialsError::BadFingerprint { .. } => {
                place("fingerprint")
            }
            CredentialsError::WrongPassphrase { .. } => place(SECRET).or_else(|| place("private_key_path")),
            _ => place("private_key_path"),
        }?;
        let mistake = Finding { help, ..Finding::at(place, error.to_string()) };
        Some(ConfigErrors::of_lines(self.quoted.clone(), vec![mistake]))
    }

    /// Mistakes that the service found: what is wrong, and the availability domain concerned.
    pub fn mistakes(&self, found: &[fleet::plan::Finding]) -> ConfigErrors {
        let mut mistakes = Vec::new();
        for finding in found {
            if let Some(region) = finding.region.as_ref().filter(|_| finding.domain.is_none()) {
                let is_meant = |name: &str| {
                    oci_api::Region::find(name)
                        .map_or(name, |region| region.name)
                        .eq_ignore_ascii_case(region)
                };
                let place = self.regions.iter().find(|(name, _)| is_meant(name)).map(|(_, place)| *place);
                let message = format!("{}: {}", finding.field, finding.message);
                mistakes.push(Finding { place, ..Finding::whole(message) });
                continue;
            }
            if let Some(shape) = &finding.shape {
                let message = format!("{}: {}", finding.field, finding.message);
                let place = self.shapes.iter().find(|(name, _)| name == shape).map(|(_, place)| *place);
                mistakes.push(Finding { place, ..Finding::whole(message) });
                continue;
            }
            let Some(domain) = &finding.domain else {
                let place = self.spread.filter(|_| finding.field == SPREAD_FIELD);
                let message = format!("{}: {}", finding.field, finding.message);
                mistakes.push(Finding { place, ..Finding::whole(message) });
                continue;
            };
            let help = "write `AD-1` or the full name: the prefix differs between tenancies";
            let message = format!("availability_domain: {}", finding.message);
            let places =
                self.domains.iter().filter(|(name, _)| name == domain).map(|(_, place)| Some(*place));
            // There is no position to show, for example, for a run from another version of the file.
            let places: Vec<Option<Place>> = places.collect();
            for place in if places.is_empty() { vec![None] } else { places } {
                let finding = Finding { place, ..Finding::whole(message.as_str()) }.help(help);
                if !mistakes.contains(&finding) {
                    mistakes.push(finding);
                }
            }
        }
        ConfigErrors::found_by_service(self.quoted.clone(), mistakes)
    }
}

/// The names in a value: one text, or a list of texts.
fn names(node: Option<&Node>, out: &mut Vec<(String, Place)>) {
    match node.map(|node| (&node.value, node.place)) {
        Some((Value::Scalar(scalar), place)) => out.push((scalar.text.to_string(), place)),
        Some((Value::List(items), _)) => {
            for item in items {
                names(Some(item), out);
            }
        }
        Some((Value::Map(_), _)) | None => {}
    }
}
