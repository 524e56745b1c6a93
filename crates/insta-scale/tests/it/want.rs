//! `want:` in config.yaml: totals in place of a count, from its mistakes to the summary of a run.

use crate::bad_config::{GOOD, errors, load_in};
use crate::program::Workplace;
use fleet::FleetSpec;
use fleet::plan::WantedTotals;
use insta_scale::config::Overrides;

const SMALLER: &str =
    "  alternatives: [{shape: VM.Standard.E5.Flex, shape_config: {ocpus: 2, memory_in_gbs: 12}}]\n";

/// The good config with totals in line 9 in place of its count, four OCPUs and these lines at its end.
fn config(want: &str, more: &str) -> String {
    let text = GOOD
        .replace("    ocpus: 1\n", "    ocpus: 4\n")
        .replace("    memory_in_gbs: 6\n", "    memory_in_gbs: 24\n");
    text.replace("count: 3", want) + more
}

fn fleet(want: &str, more: &str) -> FleetSpec {
    let folder = tempfile::tempdir().unwrap();
    load_in(folder.path(), config(want, more), &Overrides::default()).unwrap().fleet
}

#[test]
fn totals_take_the_place_of_a_count() {
    let both = fleet("want: {ocpus: 18, memory_in_gbs: 200, max_instances: 20}", SMALLER);
    let want = WantedTotals { ocpus: Some(18.0), memory_gb: Some(200.0), max_instances: 20 };
    assert_eq!((both.want, both.count, both.slots()), (Some(want), 9, 20));
    assert_eq!(fleet("want: {ocpus: 18, max_instances: 20}", "").count, 5);
    assert_eq!(fleet("want: {memory_in_gbs: 25, max_instances: 20}", "").count, 2);
    assert_eq!(fleet("count: 3", "").want, None);
    // The first choice alone may need more than the maximum, if another choice does not.
    let few = "want: {ocpus: 18, max_instances: 8}";
    let first = SMALLER.replace("ocpus: 2, memory_in_gbs: 12", "ocpus: 1, memory_in_gbs: 6");
    assert_eq!(fleet(few, &first).count, 5);
    let swapped =
        config(few, &SMALLER.replace("ocpus: 2, ", "ocpus: 6, ")).replace("    ocpus: 4\n", "    ocpus: 1\n");
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(load_in(folder.path(), swapped, &Overrides::default()).unwrap().fleet.count, 8);
}

#[test]
fn the_choice_that_reaches_totals_cheapest_is_first() {
    // An instance of the first choice costs less, but three times as many are needed.
    let more = "  prefer: cheapest\n  alternatives: [{shape: VM.Standard.A1.Flex, image_id: ocid1.image.oc1.phx.a, \
                shape_config: {ocpus: 12, memory_in_gbs: 24}}]\n";
    let first = |want: &str| fleet(want, more).placements[0].shape.clone();
    assert_eq!(first("count: 3"), "VM.Standard.E4.Flex");
    assert_eq!(first("want: {ocpus: 400, max_instances: 200}"), "VM.Standard.A1.Flex");
}

/// Each mistake: the line, what follows the config, its position, the message, and the help.
const MISTAKES: &[(&str, &str, &str, &str, &str)] = &[
    ("want:", "", "9:3", "instance_settings.want is empty", "write `want: {ocpus: 400"),
    ("want: 400", "", "9:9", "must be a group", "the keys are: ocpus, memory_in_gbs, max_instances"),
    ("want: {max_instances: 4}", "", "9:9", "want has no total", "add `ocpus: 400`"),
    ("want: {ocpus: 8}", "", "9:9", "want lacks `max_instances`", "add `max_instances: 32`"),
    ("want: {ocpus: 0, max_instances: 4}", "", "9:17", "want.ocpus must be a number above 0", ""),
    ("want: {ocpus: -8, max_instances: 4}", "", "9:17", "want.ocpus must be a number above 0", ""),
    ("want: {ocpus: .nan, max_instances: 4}", "", "9:17", "want.ocpus must be a number above 0", ""),
    ("want: {ocpus: .inf, max_instances: 4}", "", "9:17", "want.ocpus must be a number above 0", ""),
    ("want: {ocpus: 1e-9, max_instances: 4}", "", "9:17", "want.ocpus must be at least 1", ""),
    ("want: {ocpus: many, max_instances: 4}", "", "9:17", "want.ocpus must be a number above 0", ""),
    (
        "want: {ocpus: 8, memory_in_gbs: , max_instances: 4}",
        "",
        "9:20",
        "want.memory_in_gbs is empty",
        "remove",
    ),
    ("want: {ocpus: 8, max_instances: 0}", "", "9:35", "max_instances must be a whole number from 1", ""),
    (
        "want: {ocpus: 8, max_instances: 10000000}",
        "",
        "9:35",
        "max_instances must be a whole number from 1",
        "",
    ),
    (
        "want: {ocpu: 8, max_instances: 4}",
        "",
        "9:10",
        "unknown key `instance_settings.want.ocpu`",
        "`ocpus`?",
    ),
    (
        "want: {ocpus: 1e15, max_instances: 1000000}",
        "",
        "9:3",
        "want cannot be reached: it takes 4294967295 instances of the largest choice (4 OCPUs, 24 GB)",
        "raise `max_instances`",
    ),
    (
        "want: {ocpus: 18, max_instances: 4}",
        "",
        "9:3",
        "want cannot be reached: it takes 5 instances of the largest choice (4 OCPUs, 24 GB), but max_instances is 4",
        "raise `max_instances`",
    ),
    (
        "want: {ocpus: 8, max_instances: 4}",
        "  count: 3\n",
        "17:3",
        "count and want are both set",
        "remove `count`",
    ),
    (
        "want: {ocpus: 8, max_instances: 4}",
        "  spread: {across: fault_domain}\n",
        "17:3",
        "spread and want contradict each other",
        "remove one of the two",
    ),
    (
        "want: {ocpus: 8, max_instances: 4}",
        "  alternatives: [{shape: BM.New.7}]\n",
        "9:3",
        "want.ocpus needs the size of every choice, but BM.New.7",
        "set `ocpus` in its `shape_config`",
    ),
];

#[test]
fn each_mistake_is_named_with_its_place_and_remedy() {
    let mut wrong = Vec::new();
    for (want, more, place, message, remedy) in MISTAKES {
        let said = errors(config(want, more));
        let first = said.lines().next().unwrap();
        let is_told = first.starts_with(&format!("config.yaml:{place}:"))
            && first.contains(message)
            && said.contains(remedy)
            && said.contains("config.yaml: 1 mistake; nothing was sent");
        if !is_told {
            wrong.push(format!("{want}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_needs_a_number_of_instances_refuses_totals() {
    let place = Workplace::with_config(&config("want: {ocpus: 8, max_instances: 4}", ""));
    for (arguments, said) in [
        (&["--simulate", "--count", "3"][..], "config.yaml:9:3: --count and want contradict each other"),
        (&["--simulate", "--reserve"], "--reserve needs a number of instances"),
        (&["--simulate", "--min", "5"], "--min 5 is above the 4 instances that `want` allows"),
        (&["--simulate", "--strategy", "all_or_nothing", "--min", "4"], "it needs 8 OCPUs"),
        (&["scale", "3", "--yes"], "a command about a fleet needs a number of instances"),
        (&["status"], "a command about a fleet needs a number of instances"),
        (&["plan", "--placements", "json", "--offline"], "`plan --placements` needs a number of instances"),
    ] {
        let refused = place.run(arguments);
        assert!(refused.code == 2 && refused.stderr.contains(said), "{arguments:?}: {}", refused.stderr);
    }
}

/// A region without E4 hosts, and a config that wants 17 OCPUs.
fn without_e4() -> Workplace {
    let place = Workplace::with_config(&config("want: {ocpus: 17, max_instances: 12}", SMALLER));
    place.write("dry.yaml", "world: {hosts: {by_family: {standard-e4: 0}}}\n");
    place
}

const SIMULATED: [&str; 3] = ["--simulate=./dry.yaml", "--speed", "1000"];

#[test]
fn a_run_for_totals_says_what_it_obtained() {
    let place = without_e4();
    let launched = place.run(&[&SIMULATED[..], &["--output", "json"]].concat());
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let document = launched.json();
    let want = serde_json::json!({
        "asked": {"ocpus": 17.0, "max_instances": 12},
        "obtained": {"ocpus": 18.0, "memory_gb": 108.0},
        "reached": true,
    });
    assert_eq!(document["want"], want);
    assert_eq!((&document["requested"], &document["running"]), (&9.into(), &9.into()));
    let shown = place.run(&SIMULATED);
    assert!(
        shown.stdout.contains("9 instances requested: 9 launched, 9 running, 0 failed"),
        "{}",
        shown.stdout
    );
    assert!(shown.stdout.contains("\nwanted: 18 of 17 OCPUs, 108 GB of memory\n"), "{}", shown.stdout);
}

#[test]
fn a_run_at_its_maximum_says_that_it_is_not_enough() {
    let place = Workplace::with_config(&config("want: {ocpus: 17, max_instances: 5}", SMALLER));
    place.write("dry.yaml", "world: {hosts: {by_family: {standard-e4: 0}}}\n");
    let ended = place.run(&SIMULATED);
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stdout.contains("\nwanted: 10 of 17 OCPUs, 60 GB of memory\n"), "{}", ended.stdout);
    assert!(
        ended.stderr.contains("5 instances are the maximum, and do not reach the wanted totals"),
        "{}",
        ended.stderr
    );
}

#[test]
fn the_dearest_mix_is_shown_and_bounded() {
    let place = without_e4();
    let shown = place.run(&["plan", "--offline"]);
    for text in [
        "  5 instances: web-1 … web-5\n",
        "  want         17 OCPUs, as the first choice; at most 12 instances\n",
        "  at most, whatever the choices obtained",
    ] {
        assert!(shown.stdout.contains(text), "{text}\n{}", shown.stdout);
    }
    let document = place.run(&["--dry-run", "--offline", "--output", "json"]).json();
    assert_eq!((&document["requested"], &document["want"]["ocpus"]), (&5.into(), &17.0.into()));
    // 17 OCPUs at the price of E5, and one instance of E4, the dearest.
    let hour = document["cost_at_most"]["hour"].as_f64().unwrap();
    let refused = place.run(&["--dry-run", "--offline", "--max-cost-per-hour", &(hour - 0.001).to_string()]);
    assert!(refused.stderr.contains("which is more than"), "{}", refused.stderr);
    let allowed = place.run(&["--dry-run", "--offline", "--max-cost-per-hour", &(hour + 0.001).to_string()]);
    assert!(!allowed.stderr.contains("which is more than"), "{}", allowed.stderr);
}
