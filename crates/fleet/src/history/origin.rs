//! Whether two runs belong to one fleet: the same names in the same place, from the same config at the same endpoint.

pub use crate::plan::same_endpoint;
use crate::{FleetSpec, Origin, Plan};
use std::path::PathBuf;

/// Whether a plan is for the same names in the same place.
pub(super) fn same_names(plan: &Plan, fleet: &FleetSpec) -> bool {
    let of = &plan.fleet;
    (&of.region, &of.compartment, &of.name_prefix) == (&fleet.region, &fleet.compartment, &fleet.name_prefix)
}

/// Whether both were started from the same config at the same endpoint. Runs of older versions do not tell. The first file decides:
/// with other files over it, the same names in the same place would still be launched twice.
pub(super) fn same_origin(of: Option<&Origin>, own: Option<&Origin>) -> bool {
    let (Some(of), Some(own)) = (of, own) else { return true };
    let same_config = || (of.shared && own.shared) || canonical(&of.config) == canonical(&own.config);
    same_endpoint(Some(of), Some(own)) && same_config()
}

/// The paths of all files of the config in canonical form.
pub(super) fn config_files(origin: &Origin) -> Vec<PathBuf> {
    origin.files().map(canonical).collect()
}

fn canonical(path: &str) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.into())
}

/// The name of the lock that a process holds while it launches this fleet.
pub fn launch_lock_key(fleet: &FleetSpec, origin: Option<&Origin>) -> String {
    let own = origin.filter(|origin| !origin.shared);
    let file = own.map(|origin| canonical(&origin.config).display().to_string()).unwrap_or_default();
    let endpoint = origin.and_then(Origin::requests_go_to).unwrap_or_default();
    [&file, &endpoint, &fleet.region, &fleet.compartment, &fleet.name_prefix].map(String::as_str).join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_another_config_or_another_endpoint_are_other_fleets() {
        let origin = |config: &str, reached: &str| Origin {
            config: config.to_owned(),
            reached: Some(reached.to_owned()),
            ..Origin::default()
        };
        let own = origin("/a/config.yaml", "http://127.0.0.1:2");
        assert!(same_origin(Some(&own), Some(&own)));
        assert!(same_origin(None, Some(&own)), "older runs do not tell, and are not passed over");
        assert!(!same_origin(Some(&origin("/b/config.yaml", "http://127.0.0.1:2")), Some(&own)));
        assert!(!same_origin(Some(&origin("/a/config.yaml", "http://127.0.0.1:1")), Some(&own)));
        let shared = |config: &str| Origin { shared: true, ..origin(config, "http://127.0.0.1:2") };
        let (ann, bob) = (shared("/home/ann/config.yaml"), shared("/home/bob/config.yaml"));
        assert!(same_origin(Some(&ann), Some(&bob)), "colleagues have one fleet of a name in a place");
        let fleet = FleetSpec::default();
        assert_eq!(launch_lock_key(&fleet, Some(&ann)), launch_lock_key(&fleet, Some(&bob)));
        let prod = Origin { over: vec!["/a/prod.yaml".to_owned()], ..own.clone() };
        assert!(
            same_origin(Some(&prod), Some(&own)),
            "files over the config do not make another fleet of the same names"
        );
    }

    #[test]
    fn one_place_is_the_same_however_it_is_written() {
        let folder = std::env::temp_dir().display().to_string();
        let origin = |config: String, reached: Option<&str>, endpoint: Option<&str>| Origin {
            config,
            endpoint: endpoint.map(str::to_owned),
            reached: reached.map(str::to_owned),
            ..Origin::default()
        };
        let own = origin(folder.clone(), Some("http://127.0.0.1:1"), None);
        let other_path = origin(format!("{folder}/../{folder}"), Some("HTTP://127.0.0.1:1/"), None);
        let given = origin(folder.clone(), Some("http://127.0.0.1:1"), Some("http://127.0.0.1:1"));
        let older = origin(folder, None, None);
        for of in [other_path, given, older] {
            assert!(same_origin(Some(&of), Some(&own)), "{of:?}");
        }
    }
}
