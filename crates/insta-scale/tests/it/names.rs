//! Names in place of OCIDs: looked up before the plan, exactly, and never again.

use crate::bad_config::{GOOD, load_in};
use crate::program::Workplace;
use crate::sim_serve::{Region, region};
use insta_scale::config::{Overrides, Placeholders};

/// The config of the served region with some of its lines replaced: what a line begins with, and what it becomes.
fn rename(place: &Workplace, lines: &[(&str, &str)]) {
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let renamed = |line: &str| {
        let found = lines.iter().find(|(start, _)| line.trim_start().starts_with(start));
        found.map_or_else(|| line.to_owned(), |(_, to)| (*to).to_owned())
    };
    place.write("config.yaml", config.lines().map(renamed).collect::<Vec<_>>().join("\n") + "\n");
}

const NAMES: [(&str, &str); 3] = [
    ("compartment_id:", "compartment: compartment-2"),
    ("subnet_id:", "  subnet: public-subnet-3"),
    ("image_id:", "  image: {os: Oracle Linux, version: custom, newest: true}"),
];

/// The OCID of a key in the config of the served region.
fn ocid(place: &Workplace, key: &str) -> String {
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let line = config.lines().find_map(|line| line.trim_start().strip_prefix(key)).unwrap();
    line.trim_start_matches(':').trim().to_owned()
}

#[test]
fn names_are_pinned_in_the_plan_and_the_ledger() {
    let (place, region) = region(&[]);
    rename(&place, &NAMES);
    let ended = place.run(&[
        "launch",
        "--count",
        "8",
        "--rate",
        "4",
        "--deadline",
        "1s",
        "--no-wait",
        "--output",
        "json",
    ]);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    for (what, key) in [
        ("compartment compartment-2", "compartment_id"),
        ("subnet public-subnet-3", "subnet_id"),
        ("image Oracle Linux custom", "image_id"),
    ] {
        let line = format!("{what} = {}", ocid(&place, key));
        assert!(ended.stderr.contains(&line), "{line}: {}", ended.stderr);
    }
    let run = ended.json()["run_id"].as_str().unwrap().to_owned();
    // The guard compares OCIDs, so it holds for a config with OCIDs as well.
    place.write("ocids.yaml", std::fs::read_to_string(place.path().join("config.yaml")).unwrap());
    let again = place.run(&["launch", "--count", "8"]);
    assert!(again.code == 2 && again.stderr.contains(&run), "{}", again.stderr);
    // The names mean nothing now, and the run goes on with what it has.
    rename(&place, &[("compartment_id:", "compartment: gone"), ("subnet_id:", "  subnet: gone"), NAMES[2]]);
    let resumed = place.run(&["resume", "--no-wait", "--output", "json"]);
    assert_eq!((resumed.code, resumed.json()["launched"].as_u64()), (0, Some(8)), "{}", resumed.stderr);
    drop(region);
}

#[test]
fn an_unknown_name_tells_what_was_meant() {
    let (place, _region) = region(&[]);
    rename(&place, &[("subnet_id:", "  subnet: public-subent-3")]);
    let ended = place.run(&["launch", "--dry-run"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no subnet \"public-subent-3\""), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean \"public-subnet-3\"?"), "{}", ended.stderr);
    assert!(ended.stderr.contains("config.yaml:"), "{}", ended.stderr);
    rename(&place, &[("subnet_id:", "  subnet: Public-subnet-3")]);
    assert_eq!(place.run(&["plan"]).code, 2, "names have the case of their letters");
    rename(&place, &[("subnet_id:", "  subnet: q")]);
    let listed = place.run(&["plan"]).stderr;
    let whole = listed
        .split([' ', ',', '\n'])
        .find(|word| word.ends_with("/public-subnet-3"))
        .unwrap_or_else(|| panic!("{listed}"));
    rename(&place, &[("subnet_id:", &format!("  subnet: {whole}"))]);
    let ended = place.run(&["plan"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn a_name_beside_its_ocid_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { placeholders: Placeholders::Taken, ..Overrides::default() };
    let text = GOOD.replace("  count: 3", "  count: 3\n  subnet: app\n  nsgs: [ocid1.networksecuritygroup.oc1.phx.a]\n  capacity_reservation: {a: b}");
    let said = load_in(folder.path(), text, &overrides).unwrap_err();
    assert!(said.contains("instance_settings.subnet and subnet_id both name the subnet"), "{said}");
    assert!(said.contains("instance_settings.nsgs is an OCID") && said.contains("`nsg_ids`"), "{said}");
    assert!(said.contains("instance_settings.capacity_reservation must be a name, but is a group"), "{said}");
}

#[test]
fn a_name_without_an_ocid_is_never_sent() {
    let folder = tempfile::tempdir().unwrap();
    let overrides = Overrides { placeholders: Placeholders::Taken, ..Overrides::default() };
    load_in(folder.path(), GOOD, &overrides).unwrap().check_names().unwrap();
    let text = GOOD.replace("  count: 3", "  count: 3\n  capacity_reservation: web");
    let said = load_in(folder.path(), text, &overrides).unwrap().check_names().unwrap_err().to_string();
    assert!(said.contains("the capacity reservation \"web\" has not been looked up"), "{said}");
}

#[test]
fn offline_says_that_names_are_not_looked_up() {
    let (place, region) = region(&[]);
    rename(&place, &NAMES);
    drop(region);
    let ended = place.run(&["launch", "--dry-run", "--offline"]);
    assert!(ended.stderr.contains("the subnet \"public-subnet-3\" is not looked up"), "{}", ended.stderr);
    let simulated = place.run(&["launch", "--simulate", "--output", "json"]);
    assert_eq!(simulated.code, 0, "{}", simulated.stderr);
}

#[test]
fn names_are_looked_up_in_each_region() {
    let place = Workplace::empty();
    place.write("two.yaml", "regions: [{world: {region: us-ashburn-1}}]\n");
    let _region = Region::start(&place, &["--scenario", "two.yaml", "--speed", "300"]);
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let renamed = |line: &str| match line.split_once("subnet_id:") {
        Some((before, _)) => format!("{before}subnet: public-subnet-3"),
        None => line.to_owned(),
    };
    place.write("config.yaml", config.lines().map(renamed).collect::<Vec<_>>().join("\n") + "\n");
    let ended = place.run(&["launch", "--dry-run"]);
    assert_eq!(ended.code, 0, "{}{}", ended.stderr, place.run(&["config", "show"]).stdout);
    assert!(ended.stderr.contains("subnet public-subnet-3 = ocid1.subnet.oc1.phx."), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("subnet public-subnet-3 in us-ashburn-1 = ocid1.subnet.oc1.iad."),
        "{}",
        ended.stderr
    );
}

#[test]
fn one_of_several_resources_with_a_name_is_never_taken() {
    let (place, _region) = region(&[]);
    let reserve =
        ["reservation", "create", "--count", "1", "--ad", "AD-1", "--new", "--output", "json", "--name"];
    let mut ocids = Vec::new();
    for name in ["web", "web", "db"] {
        let ended = place.run(&[&reserve[..], &[name]].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ocids.push(
            ended
                .stdout
                .split('"')
                .find(|word| word.starts_with("ocid1.capacityreservation"))
                .unwrap()
                .to_owned(),
        );
    }
    let name = |name: &str| {
        rename(
            &place,
            &[("subnet_id:", &format!("  subnet: public-subnet-3\n  capacity_reservation: {name}"))],
        );
    };
    name("web");
    let ended = place.run(&["launch", "--output", "json"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("2 capacity reservations have the name \"web\""), "{}", ended.stderr);
    assert!(ocids[..2].iter().all(|ocid| ended.stderr.contains(ocid.as_str())), "{}", ended.stderr);
    name("db");
    let ended = place.run(&["launch", "--count", "1", "--dry-run", "--output", "json"]);
    let document = ended.json();
    assert_eq!(document["body"]["capacityReservationId"], ocids[2].as_str(), "{}", ended.stderr);
    let names = document["resolved_names"].as_array().unwrap();
    assert!(names.iter().any(|one| one["name"] == "db" && one["ocid"] == ocids[2].as_str()), "{names:?}");
}

#[test]
fn a_hidden_list_says_which_policy_is_missing() {
    let place = Workplace::empty();
    place.write(
        "hidden.yaml",
        "faults: [{operations: [ListSubnets], fault: {answer: {status: 404, code: NotAuthorizedOrNotFound}}}]",
    );
    let _region = Region::start(&place, &["--scenario", "hidden.yaml"]);
    rename(&place, &NAMES);
    let ended = place.run(&["launch"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    let compartment = ocid(&place, "compartment_id");
    for said in [
        "the subnet \"public-subnet-3\" cannot be looked up: listing them is not allowed".to_owned(),
        "write its OCID (`subnet_id`)".to_owned(),
        format!("to inspect subnets in compartment id {compartment}"),
    ] {
        assert!(ended.stderr.contains(&said), "{said}: {}", ended.stderr);
    }
    assert!(
        !place.path().join("state").exists()
            || place.run(&["runs", "--output", "json"]).json()["runs"] == serde_json::json!([])
    );
}

#[test]
fn security_groups_have_names_too() {
    let (place, region) = region(&[]);
    let own = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    drop(region);
    let groups = ["b", "a"].map(|name| format!("ocid1.networksecuritygroup.oc1.phx.{name}"));
    let known =
        own.replace("instance_settings:", &format!("instance_settings:\n  nsg_ids: [{}]", groups.join(", ")));
    place.write("known.yaml", &known);
    let region = Region::start(&place, &["--speed", "300", "--config", "known.yaml"]);
    let named =
        known.lines().map(|line| if line.contains("nsg_ids:") { "  nsgs: [nsg-2, nsg-1]" } else { line });
    place.write("config.yaml", named.collect::<Vec<_>>().join("\n") + "\n");
    let ended = place.run(&[
        "launch",
        "--endpoint",
        &region.endpoint,
        "--count",
        "1",
        "--dry-run",
        "--output",
        "json",
    ]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let sent = &ended.json()["body"]["createVnicDetails"]["nsgIds"];
    assert_eq!(*sent, serde_json::json!(groups));
    let ended = place.run(&["launch", "--endpoint", &region.endpoint, "--count", "1", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[test]
fn an_image_of_an_alternative_fits_its_own_shape() {
    let (place, _region) = region(&[]);
    let image = "image: {os: Oracle Linux, version: \"9\"}";
    let all = format!(
        "  {image}\n  alternatives:\n    - shape: VM.Standard.A1.Flex\n      {image}\n    - {{availability_domain: AD-2, \
         subnet: {{AD-2: public-subnet-3}}}}"
    );
    rename(&place, &[NAMES[0], NAMES[1], ("image_id:", &all)]);
    let ended = place.run(&["plan", "--output", "json"]);
    let plan = ended.json();
    let names = plan["resolved_names"].as_array().unwrap();
    let images: Vec<_> = names.iter().filter(|one| one["kind"] == "image").collect();
    assert_eq!(images.len(), 2, "{}", ended.stderr);
    assert_ne!(images[0]["ocid"], images[1]["ocid"], "{}", ended.stderr);
    assert!(ended.stderr.contains("image Oracle Linux 9 for VM.Standard.A1.Flex = "), "{}", ended.stderr);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
}

#[cfg(unix)]
#[test]
fn a_config_with_names_signs_in_once() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, _region) = region(&[]);
    rename(&place, &NAMES);
    let keys: Vec<_> =
        place.path().join("sim").read_dir().unwrap().map(|entry| entry.unwrap().path()).collect();
    for key in keys.iter().filter(|path| path.extension().is_some_and(|ending| ending == "pem")) {
        std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).unwrap();
    }
    let ended = place.run(&["plan"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    // Each login warns of a key that others may read.
    assert_eq!(ended.stderr.matches("can be read by others").count(), 1, "{}", ended.stderr);
}

#[test]
fn a_host_and_a_cluster_are_found_by_name() {
    let place = Workplace::empty();
    // A region learns what exists from a config with OCIDs.
    drop(Region::start(&place, &[]));
    let config = std::fs::read_to_string(place.path().join("sim/config.yaml")).unwrap();
    let named = "  dedicated_vm_host_id: ocid1.dedicatedvmhost.oc1.phx.b\n  compute_cluster_id: ocid1.computecluster.oc1.phx.a\n";
    place.write("ocids.yaml", config + named);
    let region = Region::start(&place, &["--config", "ocids.yaml", "--speed", "300"]);
    rename(&place, &[]);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let names =
        |host: &str| format!("{config}  dedicated_vm_host: {host}\n  compute_cluster: compute-cluster-1\n");
    place.write("config.yaml", names("dedicated-host-1"));
    let ended = place.run(&["launch", "--dry-run", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let body = &ended.json()["body"];
    assert_eq!(body["dedicatedVmHostId"], "ocid1.dedicatedvmhost.oc1.phx.b");
    assert_eq!(body["computeClusterId"], "ocid1.computecluster.oc1.phx.a");
    place.write("config.yaml", names("dedicated-hots-1"));
    let ended = place.run(&["launch", "--dry-run"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("there is no dedicated host \"dedicated-hots-1\""), "{}", ended.stderr);
    assert!(ended.stderr.contains("did you mean \"dedicated-host-1\"?"), "{}", ended.stderr);
    // Whoever may not list them learns which statement is missing.
    let statements = ["compartments", "compute-clusters"];
    let statements = statements.map(|what| format!("Allow any-user to inspect {what} in tenancy"));
    region.post("/_sim/policies", &serde_json::json!({"statements": statements}));
    let ended = place.run(&["launch", "--dry-run"]);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("to inspect dedicated-vm-hosts in compartment id"), "{}", ended.stderr);
}
