//! `alternatives:`, `prefer:` and `strategy:` in config.yaml: their meaning, refused values, and a fleet of several kinds from
//! launch to status.

use crate::bad_config::{GOOD, errors, load_in};
use crate::fleets::{add, scale};
use crate::program::Workplace;
use crate::sim_serve::region;
use fleet::FleetSpec;
use insta_scale::config::Overrides;
use ledger::{Amount, CapacityType, PlacementSize};
use serde_json::Value;

const E5: &str = "VM.Standard.E5.Flex";
const IMAGE: &str = "ocid1.image.oc1.phx.aaaaotherimage";
const SUBNET: &str = "ocid1.subnet.oc1.phx.aaaaothersubnet";
const RESERVATION: &str = "ocid1.capacityreservation.oc1.phx.aaaaexample";

/// The good config with these lines appended, starting at line 17.
fn config(lines: &str) -> String {
    format!("{GOOD}  {}\n", lines.replace('\n', "\n  "))
}

fn fleet(lines: &str) -> FleetSpec {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), config(lines), &Overrides::default()).unwrap().fleet
}

#[test]
fn an_alternative_takes_over_what_it_leaves_out() {
    let fleet = fleet(&format!(
        "alternatives:\n- shape: {E5}\n- {{shape: VM.Standard.A1.Flex, shape_config: {{ocpus: 2, memory_in_gbs: 12}}, \
         image_id: {IMAGE}}}\n- {{capacity_type: preemptible, availability_domain: [AD-2, AD-3], fault_domain: FD-2, \
         subnet_id: {{AD-2: {SUBNET}, AD-3: {SUBNET}2}}}}\n- {{shape: VM.Standard2.1, availability_domain: AD-2, \
         capacity_reservation_id: {RESERVATION}}}"
    ));
    let [first, e5, arm, ad2, ad3, fixed] = fleet.placements.as_slice() else {
        panic!("{:?}", fleet.placements)
    };
    assert_eq!((first.shape.as_str(), first.availability_domain.as_str()), ("VM.Standard.E4.Flex", "AD-1"));
    assert_eq!((e5.shape.as_str(), e5.availability_domain.as_str(), &e5.size), (E5, "AD-1", &None));
    assert_eq!(fleet.size_at(e5), fleet.size_at(first));
    let size = PlacementSize { ocpus: Some(Amount(2.0)), memory_gb: Some(Amount(12.0)), baseline: None };
    assert_eq!((arm.size.as_ref(), arm.image.as_deref()), (Some(&size), Some(IMAGE)));
    for (placement, domain, subnet) in [(ad2, "AD-2", SUBNET.to_owned()), (ad3, "AD-3", format!("{SUBNET}2"))]
    {
        assert_eq!(
            (placement.availability_domain.as_str(), placement.subnet.as_ref()),
            (domain, Some(&subnet))
        );
        assert_eq!(placement.fault_domain.as_deref(), Some("FAULT-DOMAIN-2"));
        assert_eq!(placement.capacity_type, Some(CapacityType::Preemptible));
    }
    assert_eq!(fixed.capacity_reservation.as_deref(), Some(RESERVATION));
    assert_eq!(fleet.launch_at(fixed).shape_config, None, "a fixed shape takes no size");
    assert_eq!(fleet.kinds().len(), 5);
}

#[test]
fn a_reservation_is_not_taken_over() {
    let text = config(&format!("capacity_reservation_id: {RESERVATION}\nalternatives: [{{shape: {E5}}}]"));
    let folder = tempfile::tempdir().unwrap();
    let read = |text: String| load_in(folder.path(), text, &Overrides::default()).unwrap().fleet.placements;
    assert_eq!(read(text.clone())[1].capacity_reservation, None);
    let opted_out = read(text.replace(RESERVATION, "\"\""));
    assert_eq!(opted_out[1].capacity_reservation.as_deref(), Some(""));
}

#[test]
fn the_cheapest_choice_is_tried_first() {
    let lines = format!(
        "prefer: cheapest\nalternatives:\n- shape: {E5}\n- {{shape: VM.Standard.A1.Flex, image_id: {IMAGE}}}"
    );
    let order = |lines: &str| -> Vec<String> {
        fleet(lines).placements.into_iter().map(|placement| placement.shape).collect()
    };
    assert_eq!(order(&lines), ["VM.Standard.A1.Flex", "VM.Standard.E4.Flex", E5]);
    assert_eq!(
        order(&lines.replace("cheapest", "listed")),
        ["VM.Standard.E4.Flex", E5, "VM.Standard.A1.Flex"]
    );
    let unknown = lines.replace(E5, "VM.Standard9.Flex");
    let said = errors(config(&unknown));
    assert!(
        said.starts_with(
            "config.yaml:17:11: prefer: cheapest needs the price of every choice, but that of VM.Standard9.Flex, 1 OCPU, 6 GB \
             in USD is unknown"
        ),
        "{said}"
    );
}

/// Each mistake: the lines, its position, the message, and the help.
const MISTAKES: &[(&str, &str, &str, &str)] = &[
    ("alternatives: []", "17:17", "alternatives is empty", "list at least one"),
    ("alternatives:", "17:3", "alternatives is empty", "list at least one"),
    ("alternatives: {shape: VM.Standard.E5.Flex}", "17:17", "must be a list", "each item is a group of keys"),
    ("alternatives:\n- {}", "18:5", "this alternative is empty", "set what differs (shape, "),
    ("alternatives:\n- shape:", "18:5", "this alternative is empty", "set what differs"),
    ("alternatives:\n-", "18:", "this alternative is empty", "set what differs"),
    (
        "alternatives:\n- shape: VM.Standard.E4.Flex",
        "18:5",
        "equals the first choice",
        "change what it asks for",
    ),
    (
        "alternatives:\n- shape: VM.Standard.E5.Flex\n- {shape: VM.Standard.E5.Flex, capacity_type: on_demand}",
        "19:5",
        "equals the alternative in line 18",
        "or remove it",
    ),
    ("alternatives:\n- {availability_domain: PHX-AD-1}", "18:5", "equals the first choice", "or remove it"),
    (
        "alternatives:\n- shapes: VM.Standard.E5.Flex",
        "18:5",
        "unknown key `instance_settings.alternatives.shapes`",
        "did you mean `shape`?",
    ),
    (
        "alternatives:\n- {shape: VM.Standard.E5.Flex, shape_config: {ocpus: 1, nvmes: 1}}",
        "18:59",
        "unknown key `instance_settings.alternatives.shape_config.nvmes`",
        "",
    ),
    (
        "alternatives:\n- capacity_type: spot",
        "18:20",
        "must be `on_demand` or `preemptible`",
        "write `on_demand`",
    ),
    (
        "alternatives:\n- {shape: VM.Standard.E5.Flex, shape_config: {ocpus: 1, memory_in_gbs: 100}}",
        "18:74",
        "memory_in_gbs: 100 is out of range: VM.Standard.E5.Flex with 1 OCPU takes 1 to 64 GB",
        "",
    ),
    (
        "alternatives:\n- {shape: VM.DenseIO.E4.Flex}",
        "18:13",
        "the size of the first choice does not fit: VM.DenseIO.E4.Flex comes as 8 OCPUs with 128 GB",
        "add a `shape_config` of its own here",
    ),
    (
        "alternatives:\n- shape: VM.Standard.A1.Flex",
        "18:12",
        "VM.Standard.A1.Flex is an Arm shape and VM.Standard.E4.Flex is not, so they cannot have the same image",
        "find images --shape VM.Standard.A1.Flex",
    ),
    (
        "alternatives:\n- {capacity_type: preemptible, capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a}",
        "18:21",
        "a preemptible instance cannot use a capacity reservation",
        "change one of the two here",
    ),
    (
        "alternatives:\n- {capacity_type: preemptible, shape_config: {ocpus: 1, baseline_ocpu_utilization: BASELINE_1_2}}",
        "18:21",
        "a preemptible instance cannot be burstable",
        "change one of the two here",
    ),
    (
        "alternatives:\n- {availability_domain: [AD-2, AD-3], capacity_reservation_id: ocid1.capacityreservation.oc1.phx.a}",
        "18:66",
        "a capacity reservation belongs to one availability domain, but 2 are listed",
        "add `availability_domain` with one domain here",
    ),
    (
        "alternatives:\n- {availability_domain: [AD-2, AD-3], subnet_id: {AD-2: ocid1.subnet.oc1.phx.a}}",
        "18:52",
        "subnet_id has no subnet for AD-3",
        "add one for this domain",
    ),
    (
        "alternatives:\n- {subnet_id: {AD-1: ocid1.subnet.oc1.phx.a, AD-2: ocid1.subnet.oc1.phx.b}}",
        "18:48",
        "availability_domain does not list AD-2, so this subnet is never used",
        "add the domain there",
    ),
    (
        "alternatives:\n- image_id: ocid1.subnet.oc1.phx.a",
        "18:15",
        "image_id needs an OCID of type image",
        "copy the OCID",
    ),
    (
        "alternatives:\n- shape: VM.Standard.E5.Flex\nprefer: cheap",
        "19:11",
        "must be `listed` or `cheapest`",
        "did you mean `cheapest`?",
    ),
    (
        "strategy: all-or-nothing",
        "17:13",
        "must be `greedy`, `best_effort` or `all_or_nothing`",
        "did you mean `all_or_nothing`?",
    ),
];

#[test]
fn each_mistake_is_named_with_its_place_and_remedy() {
    let mut wrong = Vec::new();
    for (lines, place, message, remedy) in MISTAKES {
        let said = errors(config(lines));
        let first = said.lines().next().unwrap();
        let is_told = first.starts_with(&format!("config.yaml:{place}"))
            && first.contains(message)
            && said.contains(remedy)
            && said.contains("config.yaml: 1 mistake; nothing was sent");
        if !is_told {
            wrong.push(format!("{lines}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A region without E4 hosts.
fn without_e4() -> (Workplace, crate::sim_serve::Region) {
    let place = Workplace::empty();
    let scenario = place.write("dry.yaml", "world: {hosts: {by_family: {standard-e4: 0}}}\n");
    let scenario = scenario.to_str().unwrap().to_owned();
    let (place, region) = region(&["--scenario", &scenario]);
    add(&place, &format!("alternatives: [{{shape: {E5}}}]"));
    (place, region)
}

#[test]
fn a_fleet_becomes_what_there_is_and_does_not_drift() {
    let (place, _region) = without_e4();
    let plan = place.run(&["plan"]);
    assert!(plan.stdout.contains("\n  2       VM.Standard.E5.Flex, 1 OCPU, 6 GB  3 "), "{}", plan.stdout);
    assert!(plan.stdout.contains("at most (3 × VM.Standard.E5.Flex, 1 OCPU, 6 GB)"), "{}", plan.stdout);
    let document = place.run(&["plan", "--output", "json"]).json();
    let kinds = document["preflight"]["kinds"].as_array().unwrap();
    let possible: Vec<_> =
        kinds.iter().map(|kind| (kind["shape"].as_str(), kind["possible"].as_u64())).collect();
    assert_eq!(possible, [(Some("VM.Standard.E4.Flex"), Some(0)), (Some(E5), Some(3))]);

    let launched = place.run(&["--output", "json"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let document = launched.json();
    let obtained = serde_json::json!([{
        "count": 3, "shape": E5, "ocpus": 1.0, "memory_gb": 6.0, "capacity_type": "on_demand"
    }]);
    assert_eq!(document["obtained"], obtained);
    let listed = place.run(&["instances", "list", "--output", "json"]).json();
    let shapes: Vec<&Value> =
        listed["instances"].as_array().unwrap().iter().map(|row| &row["shape"]).collect();
    assert_eq!(shapes, [E5; 3]);
    let status = place.run(&["status", "--output", "json"]).json();
    assert_eq!(
        (&status["members"], &status["drifted"], &status["by_shape"][E5]),
        (&3.into(), &0.into(), &3.into())
    );
    // The fleet is not mixed, and nothing has to be replaced.
    assert_eq!(scale(&place, &["4"]).code, 0);
    let replaced = place.run(&["replace", "--drifted", "--yes"]);
    assert_eq!(replaced.code, 0, "{}", replaced.stderr);
    assert_eq!(place.run(&["status", "--output", "json"]).json()["members"], 4);
}

#[test]
fn the_question_shows_each_price_and_the_dearest_case() {
    let (place, _region) = without_e4();
    let shown = place.run(&["-v", "--count", "2"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    for text in [
        "  shape        VM.Standard.E4.Flex, 1 OCPU, 6 GB: 0.0369 USD per hour each\n",
        "    or         VM.Standard.E5.Flex, 1 OCPU, 6 GB: 0.0449 USD per hour each\n",
        "  at most      0.0897 USD per hour",
    ] {
        assert!(shown.stderr.contains(text), "{text}\n{}", shown.stderr);
    }
    let dear = place.run(&["--new", "--max-cost-per-hour", "0.08", "--count", "2"]);
    assert!(dear.code == 2 && dear.stderr.contains("this costs 0.0897 USD per hour"), "{}", dear.stderr);
}

#[test]
fn what_contradicts_a_strategy_is_refused() {
    let place = Workplace::with_config(GOOD);
    for (arguments, said) in [
        (
            &["--strategy", "all_or_nothing", "--min", "2"][..],
            "--min 2 contradict each other: it needs all 3 instances",
        ),
        (
            &["--strategy", "all_or_nothing", "--min", "3", "--keep-partial"],
            "--keep-partial contradict each other",
        ),
        (&["--strategy", "best_effort", "--reserve"], "--reserve contradict each other"),
        (&["--strategy", "best-effort", "--retry-for", "5m"], "--retry-for contradict each other"),
        (&["--strategy", "best_effort", "--until", "1d"], "a hunt contradict each other"),
    ] {
        let refused = place.run(&[&["--simulate"], arguments].concat());
        assert_eq!(refused.code, 2, "{arguments:?}: {}", refused.stderr);
        assert!(refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
    }
    place.write("config.yaml", config("strategy: best_effort"));
    let refused = place.run(&["--simulate", "--reserve"]);
    assert!(
        refused.stderr.contains("the strategy of the config, best_effort and --reserve"),
        "{}",
        refused.stderr
    );
    let document =
        place.run(&["--dry-run", "--offline", "--strategy", "all_or_nothing", "--output", "json"]).json();
    assert_eq!((&document["strategy"], &document["min"]), (&"all_or_nothing".into(), &3.into()));
}

#[test]
fn a_met_best_effort_exits_with_0() {
    let place = Workplace::with_config(GOOD);
    place.write("two.yaml", "world: {limits: {cores: 2, memory_in_gbs: 400}}\n");
    let run = |strategy: &str, more: &[&str]| {
        let usual = ["--simulate=./two.yaml", "--speed", "1000", "--output", "json", "--strategy", strategy];
        let ended = place.run(&[&usual, more].concat());
        let document = ended.json();
        (ended.code, document["running"].as_u64().unwrap(), document["given_back"].as_array().unwrap().len())
    };
    assert_eq!(run("best_effort", &[]), (0, 2, 0));
    assert_eq!(run("all_or_nothing", &["--deadline", "3s"]), (4, 0, 2));
}
