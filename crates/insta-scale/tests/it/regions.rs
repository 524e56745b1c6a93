//! `regions:` in config.yaml: what it means, what is refused, and a fleet of two regions from plan to cleanup.

use crate::bad_config::{GOOD, errors, load_in};
use crate::program::Workplace;
use crate::sim_serve::{Region, configure};
use fleet::FleetSpec;
use insta_scale::config::Overrides;
use serde_json::Value;

const A1: &str = "VM.Standard.A1.Flex";
const ARM: &str = "ocid1.image.oc1.phx.aaaaarm";
/// Phoenix has no host; the scenario's own further region is roomy.
const DRY: &str = "{world: {hosts: {per_fault_domain: 0}}, regions: [{world: {region: us-ashburn-1}}]}";

/// The good config with these lines at its end, which begin in line 17.
fn config(lines: &str) -> String {
    format!("{GOOD}{lines}\n")
}

fn fleet(lines: &str) -> FleetSpec {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), config(lines), &Overrides::default()).unwrap().fleet
}

const ASHBURN: &str =
    "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i}";

#[test]
fn a_region_is_tried_with_what_belongs_to_it() {
    let fleet = fleet(ASHBURN);
    let [home, there] = fleet.placements.as_slice() else { panic!("{:?}", fleet.placements) };
    assert_eq!((home.region.as_deref(), home.availability_domain.as_str()), (None, "AD-1"));
    assert_eq!((there.region.as_deref(), there.availability_domain.as_str()), (Some("us-ashburn-1"), ""));
    assert_eq!(fleet.image_at(there).as_deref(), Some("ocid1.image.oc1.iad.i"));
    assert_eq!(fleet.subnet_at(there).as_deref(), Some("ocid1.subnet.oc1.iad.s"));
    assert_eq!(fleet.size_at(there), fleet.size_at(home));
    assert_eq!(fleet.compartment_at(there), fleet.compartment, "compartments belong to the tenancy");
    assert_ne!(fleet.image_at(home), fleet.image_at(there));
    assert_eq!(fleet.kinds().len(), 1);
}

#[test]
fn each_kind_is_tried_in_all_regions_before_the_next() {
    let lines = format!(
        "  alternatives: [{{shape: {A1}, image_id: {ARM}}}]\nregions:\n- region: us-ashburn-1\n  \
         subnet_id: {{AD-1: ocid1.subnet.oc1.iad.s, AD-3: ocid1.subnet.oc1.iad.t}}\n  \
         image_id: {{VM.Standard.E4.Flex: ocid1.image.oc1.iad.x, {A1}: ocid1.image.oc1.iad.arm}}\n- region: eu-frankfurt-1\n  \
         subnet_id: ocid1.subnet.oc1.eu-frankfurt-1.s\n  shapes: [{A1}]\n  image: {{os: Oracle Linux, version: \"9\"}}"
    );
    let fleet = fleet(&lines);
    let order: Vec<String> = fleet
        .placements
        .iter()
        .map(|placement| {
            let shape = if placement.shape == A1 { "A1" } else { "E4" };
            format!("{shape} {} {}", fleet.region_at(placement), placement.availability_domain)
        })
        .collect();
    let expected = [
        "E4 us-phoenix-1 AD-1",
        "E4 us-ashburn-1 AD-1",
        "E4 us-ashburn-1 AD-3",
        "A1 us-phoenix-1 AD-1",
        "A1 us-ashburn-1 AD-1",
        "A1 us-ashburn-1 AD-3",
        "A1 eu-frankfurt-1 ",
    ];
    assert_eq!(order, expected);
    assert_eq!(fleet.image_at(&fleet.placements[5]).as_deref(), Some("ocid1.image.oc1.iad.arm"));
    assert_eq!(fleet.subnet_at(&fleet.placements[5]).as_deref(), Some("ocid1.subnet.oc1.iad.t"));
    assert_eq!(fleet.kinds().len(), 2);
}

/// Each mistake: the lines, where it is, what is said, and what helps.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("regions: []", "17:10", "regions is empty", "list at least one"),
    ("regions:", "17:1", "regions is empty", "list at least one"),
    ("regions: us-ashburn-1", "17:10", "regions must be a list", "each item is a group of keys"),
    ("regions:\n- {subnet_id: ocid1.subnet.oc1.iad.s}", "18:3", "this region lacks `region`", "add its name"),
    (
        "regions:\n- {region: us-ashbrun-1}",
        "18:12",
        "the region \"us-ashbrun-1\" is unknown; did you mean",
        "`endpoint`",
    ),
    ("regions:\n- {region: phx}", "18:3", "us-phoenix-1 is the first region already", "remove this item"),
    (
        "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i}\n- {region: us-ashburn-1}",
        "19:3",
        "us-ashburn-1 is listed twice",
        "remove this item",
    ),
    (
        "regions:\n- {region: us-ashburn-1}",
        "18:3",
        "the region us-ashburn-1 lacks subnet_id, image_id",
        "set those of us-ashburn-1 here",
    ),
    (
        "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.phx.s, image_id: ocid1.image.oc1.iad.i}",
        "18:28",
        "subnet_id is in region us-phoenix-1",
        "use the OCID of the subnet in us-ashburn-1",
    ),
    (
        "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: {VM.Standard.E4.Flex: ocid1.image.oc1.phx.i}}",
        "18:84",
        "image_id is in region us-phoenix-1",
        "use the OCID of the image in us-ashburn-1",
    ),
    (
        "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: {VM.Standard.E5.Flex: ocid1.image.oc1.iad.i}}",
        "18:62",
        "us-ashburn-1 has no image of its own for VM.Standard.E4.Flex",
        "write one for each shape",
    ),
    (
        "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image: {os: Oracle Linux}}",
        "18:59",
        "image needs os and version",
        "`oci-insta-scale find images`",
    ),
    (
        "regions:\n- {region: us-gov-ashburn-1, subnet_id: ocid1.subnet.oc1.iad.s}",
        "18:12",
        "us-gov-ashburn-1 is in realm oc3, but the first region is in oc1",
        "realms are isolated",
    ),
    (
        "  capacity_reservation_id: ocid1.capacityreservation.oc1.phx.r\nregions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i}",
        "18:1",
        "a capacity reservation cannot be combined with `regions`",
        "a config for each region",
    ),
    (
        "  kms_key_id: ocid1.key.oc1.phx.k\nregions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i}",
        "19:3",
        "the region us-ashburn-1 lacks kms_key_id",
        "for none",
    ),
    (
        "  dedicated_vm_host_id: ocid1.dedicatedvmhost.oc1.phx.h\nregions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i}",
        "19:3",
        "instances in us-ashburn-1 cannot use the dedicated host ocid1.dedicatedvmhost.oc1.phx.h, which is in us-phoenix-1",
        "remove it from the settings, or remove this region",
    ),
    (
        "regions:\n- {region: iad, subnet_ids: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i}",
        "18:17",
        "unknown key `regions.subnet_ids`",
        "did you mean `subnet_id`?",
    ),
    (
        "regions:\n- {region: iad, subnet_id: ocid1.subnet.oc1.iad.s, image_id: ocid1.image.oc1.iad.i, shapes: [BM.Standard2.52]}",
        "18:94",
        "no choice of the config has the shape BM.Standard2.52",
        "or remove it",
    ),
];

#[test]
fn each_mistake_in_regions_is_named_with_its_place() {
    for (lines, place, message, help) in MISTAKES {
        let said = errors(config(lines));
        assert!(said.contains(&format!("config.yaml:{place}: ")), "{lines}\nwanted {place}: {said}");
        assert!(said.contains(message), "{lines}: {said}");
        assert!(said.contains(help), "{lines}: {said}");
    }
}

#[test]
fn a_given_endpoint_needs_one_in_each_region() {
    let said = errors(config(&format!("endpoint: http://127.0.0.1:1\n{ASHBURN}")));
    assert!(said.contains("requests go to a given endpoint, which is not that of us-ashburn-1"), "{said}");
    assert!(said.contains("add `endpoint` here"), "{said}");
}

/// A served tenancy of two regions, of which the first has no hosts.
fn two_regions() -> (Workplace, Region) {
    let place = Workplace::empty();
    let scenario = place.write("two.yaml", DRY);
    let region = Region::start(&place, &["--speed", "300", "--scenario", &scenario.display().to_string()]);
    configure(&place);
    (place, region)
}

fn instances(place: &Workplace) -> Vec<Value> {
    let listed = place.run(&["instances", "list", "--no-ips", "--output", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    let listed = listed.json();
    let rows = listed.as_array().cloned().or_else(|| listed["instances"].as_array().cloned());
    rows.unwrap_or_default().into_iter().filter(|row| row["state"] != "TERMINATED").collect()
}

#[test]
fn a_fleet_of_two_regions_lives_from_plan_to_cleanup() {
    let (place, _region) = two_regions();
    let plan = place.run(&["plan", "--output", "json"]);
    let verdicts = plan.json()["preflight"]["verdicts"].clone();
    assert!(verdicts.as_array().is_some_and(|all| all.len() == 4), "{verdicts}");
    let dry = place.run(&["launch", "--dry-run"]);
    assert!(dry.stdout.contains("    then       us-ashburn-1\n"), "{} {}", dry.stdout, dry.stderr);

    let launched = place.run(&["launch", "--output", "json"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let summary = launched.json();
    let run = summary["run_id"].as_str().unwrap().to_owned();
    assert_eq!(summary["running"], 3);
    for row in summary["instances"].as_array().unwrap() {
        assert!(row["ocid"].as_str().unwrap().starts_with("ocid1.instance.oc1.iad."), "{row}");
        assert!(row["private_ip"].is_string() || row["public_ip"].is_string(), "{row}");
    }
    assert_eq!(instances(&place).len(), 3);
    let shown = place.run(&["show", &run]);
    assert!(shown.stdout.contains("US-ASHBURN-AD-1"), "{}", shown.stdout);
    let resumed = place.run(&["resume", &run]);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);

    let ended = place.run(&["instances", "terminate", "--run", &run]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert!(instances(&place).is_empty());
    let cleaned = place.run(&["cleanup"]);
    assert_eq!(cleaned.code, 0, "{}", cleaned.stderr);
}

#[test]
fn reservations_refuse_a_config_with_several_regions() {
    let (place, _region) = two_regions();
    let commands: [&[&str]; 2] = [&["launch", "--reserve"], &["hunt", "--ratchet"]];
    for words in commands {
        let refused = place.run(words);
        assert_eq!(refused.code, 2, "{words:?}: {}", refused.stderr);
        let said = "handles one region, but config.yaml also lists us-ashburn-1 under `regions`";
        assert!(refused.stderr.contains(said), "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("a config for each region"), "{words:?}: {}", refused.stderr);
    }
}

#[test]
fn a_simulated_launch_has_the_regions_of_the_config() {
    let place = Workplace::with_config(&config(ASHBURN));
    let scenario = place.write("two.yaml", DRY);
    let scenario = format!("--simulate={}", scenario.display());
    let launched = place.run(&["launch", &scenario, "--speed", "300", "--count", "4", "--output", "json"]);
    assert_eq!((launched.code, &launched.json()["running"]), (0, &4.into()), "{}", launched.stderr);
}
