//! Names by pattern and list: mistakes are found before anything is sent, and a launch uses the names.

use crate::bad_config::{GOOD, errors, spoiled};
use crate::program::Workplace;

fn named(lines: &str) -> String {
    spoiled("  display_name_prefix: web\n", lines)
}

#[test]
fn a_wrong_name_pattern_is_named_with_its_place() {
    insta::assert_snapshot!(named("  name_pattern: \"web-{fd}-{n}\"\n"));
    insta::assert_snapshot!(named("  name_pattern: web\n"));
    insta::assert_snapshot!(named("  name_pattern: \"{prefix}-{n}\"\n"));
}

#[test]
fn listed_names_must_differ_and_suffice() {
    insta::assert_snapshot!(named("  names: [db-a, db-b, db-a, \"\", db-c]\n"));
    insta::assert_snapshot!(named("  names: [db-a, db-b]\n"));
    insta::assert_snapshot!(named("  names: db-a\n"));
    insta::assert_snapshot!(named("  names: [db-a]\n  name_pattern: \"{n}\"\n"));
}

#[test]
fn a_host_name_must_be_one_of_its_own() {
    insta::assert_snapshot!(errors(format!("{GOOD}  hostname: web\n")));
    insta::assert_snapshot!(errors(format!("{GOOD}  hostname: \"{{name}}.example\"\n")));
}

#[test]
fn a_launch_gives_the_names_of_the_list() {
    let text =
        GOOD.replace("  display_name_prefix: web\n", "  names: [db-a, db-b]\n").replace("  count: 3\n", "");
    let place = Workplace::with_config(&text);
    let ended = place.run(&["--simulate", "--speed", "300", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let document = ended.json();
    let rows = document["instances"].as_array().unwrap().iter();
    assert_eq!(rows.map(|row| row["name"].as_str().unwrap()).collect::<Vec<_>>(), ["db-a", "db-b"]);
    let more = place.run(&["--simulate", "--speed", "300", "--count", "3"]);
    assert_eq!(more.code, 2);
    assert!(more.stderr.contains("names has 2 names for 3 instances"), "{}", more.stderr);
}
