//! The commands about a fleet, and `limits`, with a config of several regions.

use crate::program::Workplace;
use crate::sim_serve::{Region, configure, post_at};
use serde_json::{Value, json};

/// Phoenix has room for two instances in the domain of the config.
const SMALL: &str = "{world: {limits: {named: [{name: standard-e4-core-count, value: 2}]}},
  regions: [{world: {region: us-ashburn-1}}]}";
/// Both have little room.
const TIGHT: &str = "{world: {limits: {named: [{name: standard-e4-core-count, value: 2}]}},
  regions: [{world: {region: us-ashburn-1, limits: {named: [{name: standard-e4-core-count, value: 1}]}}}]}";

fn serve(scenario: &str) -> (Workplace, Region) {
    let place = Workplace::empty();
    let file = place.write("two.yaml", scenario);
    let region = Region::start(&place, &["--speed", "300", "--scenario", &file.display().to_string()]);
    configure(&place);
    (place, region)
}

/// The endpoint of Ashburn, from the config.
fn ashburn(place: &Workplace) -> String {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let (_, further) = config.split_once("\nregions:").unwrap();
    let line = further.lines().find_map(|line| line.trim().strip_prefix("endpoint: ")).unwrap();
    line.to_owned()
}

/// Removes Ashburn from the config, and returns the whole one.
fn without_ashburn(place: &Workplace) -> String {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let (first, _) = config.split_once("\n# Further regions").unwrap();
    place.write("config.yaml", first.to_owned() + "\n");
    config
}

fn regions(rows: &Value) -> Vec<String> {
    let mut regions: Vec<String> =
        rows.as_array().unwrap().iter().map(|row| row["region"].as_str().unwrap().to_owned()).collect();
    regions.sort();
    regions
}

const IAD: &str = "us-ashburn-1";
const PHX: &str = "us-phoenix-1";

#[test]
fn a_fleet_over_two_regions_is_scaled_shown_and_kept() {
    let (place, _region) = serve(SMALL);
    let planned = place.run(&["plan", "--placements", "json", "--count", "2"]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert_eq!(regions(&planned.json()["placements"]), [PHX, PHX]);

    // In two steps, so that the members with the higher numbers are those in the second region, whatever is answered first.
    let first = place.run(&["scale", "2", "--yes", "--output", "json"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    assert_eq!(regions(&first.json()["launch"]["instances"]), [PHX, PHX]);
    let grown = place.run(&["scale", "5", "--yes", "--output", "json"]);
    assert_eq!(grown.code, 0, "{}", grown.stderr);
    let document = grown.json();
    assert_eq!((&document["change"], &document["after"]), (&"launch".into(), &5.into()));
    assert_eq!(regions(&document["launch"]["instances"]), [IAD, IAD, IAD]);
    assert!(document["launch"]["targets"].as_array().unwrap().iter().all(|row| row["region"].is_string()));

    let status = place.run(&["status", "--output", "json"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    let status = status.json();
    assert_eq!(
        (&status["members"], &status["drifted"], &status["missing"]),
        (&5.into(), &0.into(), &0.into())
    );
    assert_eq!(status["by_region"], json!({"us-phoenix-1": 2, "us-ashburn-1": 3}));
    assert_eq!(regions(&status["instances"]), [IAD, IAD, IAD, PHX, PHX]);
    let table = place.run(&["status"]).stdout;
    assert!(table.contains("in us-phoenix-1, us-ashburn-1") && table.contains(" REGION "), "{table}");
    let listed = place.run(&["instances", "list", "--no-ips"]);
    assert!(listed.stdout.contains(" REGION "), "{}", listed.stdout);
    let runs = place.run(&["runs", "--output", "json"]).json();
    let launch = runs["runs"].as_array().unwrap().iter().find(|run| run["kind"] == "launch").unwrap().clone();
    assert_eq!(launch["further_regions"], json!([IAD]));

    let planned = place.run(&["plan", "--placements", "json"]).json();
    assert_eq!(regions(&planned["placements"]), [IAD, IAD, IAD, PHX, PHX]);
    let table = place.run(&["plan", "--placements", "table"]).stdout;
    assert!(table.lines().next().unwrap().contains("REGION"), "{table}");
    let tfvars = place.run(&["plan", "--placements", "tfvars"]).stdout;
    assert!(tfvars.contains("region = \"us-ashburn-1\", availability_domain"), "{tfvars}");

    let kept = place.run(&["maintain", "--once", "--yes"]);
    assert_eq!(kept.code, 0, "{}", kept.stderr);
    let same = place.run(&["replace", "--drifted", "--dry-run"]);
    assert_eq!(same.code, 0, "{}", same.stderr);
    assert!(same.stderr.contains("no instance that may be replaced"), "{}", same.stderr);

    let shrunk = place.run(&["scale", "3", "--yes", "--output", "json"]);
    assert_eq!(shrunk.code, 0, "{}", shrunk.stderr);
    assert_eq!(regions(&shrunk.json()["terminate"]["instances"]), [IAD, IAD]);
    let ended = place.run(&["scale", "0", "--yes", "--output", "json"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    assert_eq!(regions(&ended.json()["terminate"]["instances"]), [IAD, PHX, PHX]);
}

#[test]
fn only_the_changed_region_is_replaced() {
    let (place, _region) = serve(SMALL);
    assert_eq!(place.run(&["scale", "3", "--yes"]).code, 0);
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let (first, further) = config.split_once("\nregions:").unwrap();
    let image = further.lines().find(|line| line.contains("image_id:")).unwrap();
    let by_name = further.replace(image, "    image: {os: Oracle Linux, version: \"8\"}");
    place.write("config.yaml", format!("{first}\nregions:{by_name}"));
    let status = place.run(&["status", "--output", "json"]).json();
    assert_eq!(status["drifted"], 1, "{status}");
    let mixed = place.run(&["scale", "4", "--yes"]);
    assert_eq!(mixed.code, 2, "{}", mixed.stderr);
    assert!(mixed.stderr.contains("1 member of fleet rehearsal differs"), "{}", mixed.stderr);
    let replaced = place.run(&["replace", "--drifted", "--yes", "--output", "json"]);
    assert_eq!(replaced.code, 0, "{}", replaced.stderr);
    let status = place.run(&["status", "--output", "json"]).json();
    assert_eq!((&status["drifted"], &status["members"]), (&0.into(), &3.into()));
    assert_eq!(status["by_region"], json!({"us-phoenix-1": 2, "us-ashburn-1": 1}));
}

#[test]
fn a_silent_region_is_told_and_changes_nothing() {
    let (place, _region) = serve(SMALL);
    assert_eq!(place.run(&["scale", "4", "--yes"]).code, 0);
    let silent = json!({"operations": ["ListInstances"], "fault": {"answer": {"status": 404}}});
    post_at(&ashburn(&place), "/_sim/faults", &json!({"replace": [silent]}));
    let commands: [&[&str]; 4] =
        [&["status"], &["scale", "2", "--yes"], &["scale", "6", "--yes"], &["replace", "--drifted", "--yes"]];
    for words in commands {
        let ended = place.run(words);
        assert_eq!(ended.code, 4, "{words:?}: {}", ended.stderr);
        let said = "the members in us-ashburn-1 cannot be listed: ListInstances: 404";
        assert!(ended.stderr.contains(said), "{words:?}: {}", ended.stderr);
    }
    post_at(&ashburn(&place), "/_sim/faults", &json!({"replace": []}));
    let status = place.run(&["status", "--output", "json"]).json();
    assert_eq!((&status["members"], &status["wanted"]["count"]), (&4.into(), &4.into()));
}

#[test]
fn members_of_a_removed_region_are_told_and_not_touched() {
    let (place, _region) = serve(SMALL);
    // In two steps, for the same reason.
    for count in ["2", "4"] {
        assert_eq!(place.run(&["scale", count, "--yes"]).code, 0);
    }
    let whole = without_ashburn(&place);
    let status = place.run(&["status", "--output", "json"]);
    assert_eq!(status.code, 0, "{}", status.stderr);
    let status = status.json();
    assert_eq!(status["members"], 2);
    assert_eq!(regions(&status["unlisted"]), [IAD, IAD]);
    assert_eq!(status["unlisted"][0]["state"], "RUNNING");
    let table = place.run(&["status"]).stdout;
    assert!(table.contains("2 instances in us-ashburn-1 (rehearsal-3"), "{table}");
    let commands: [&[&str]; 4] = [
        &["scale", "1", "--yes"],
        &["scale", "9", "--yes"],
        &["maintain", "--once", "--yes"],
        &["replace", "--drifted", "--yes"],
    ];
    for words in commands {
        let refused = place.run(words);
        assert_eq!(refused.code, 2, "{words:?}: {}", refused.stderr);
        let said = "are in us-ashburn-1, which config.yaml does not list";
        assert!(refused.stderr.contains(said), "{words:?}: {}", refused.stderr);
        assert!(refused.stderr.contains("list the region under `regions` again"), "{}", refused.stderr);
    }
    let planned = place.run(&["plan", "--placements", "json"]);
    assert_eq!(planned.code, 0, "{}", planned.stderr);
    assert!(planned.stderr.contains("warning: 2 members of fleet rehearsal"), "{}", planned.stderr);

    // Listed again, they are members; once they are gone, the region may be removed.
    place.write("config.yaml", &whole);
    assert_eq!(place.run(&["status", "--output", "json"]).json()["members"], 4);
    assert_eq!(place.run(&["scale", "2", "--yes"]).code, 0);
    without_ashburn(&place);
    let again = place.run(&["scale", "1", "--yes"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn limits_are_shown_and_requested_for_each_region() {
    let (place, _region) = serve(TIGHT);
    let shown = place.run(&["limits", "--count", "9", "--output", "json"]);
    assert_eq!(shown.code, 3, "{}", shown.stderr);
    let document = shown.json();
    let rows: Vec<&Value> =
        document["limits"].as_array().unwrap().iter().filter(|row| row["unit"] == "OCPUs").collect();
    let at = |row: &Value| row["region"].as_str().unwrap().to_owned();
    assert_eq!(rows.iter().filter(|row| at(row) == PHX).count(), 1, "{document}");
    assert_eq!(rows.iter().filter(|row| at(row) == IAD).count(), 3, "{document}");
    assert_eq!(document["fits"], 2 + 3, "{document}");
    let enough = place.run(&["limits", "--count", "5"]);
    assert_eq!(enough.code, 0, "{}", enough.stderr);
    assert!(enough.stdout.lines().next().unwrap().contains("REGION"), "{}", enough.stdout);

    let request = |more: &[&str]| {
        place.run(&[&["limits", "request", "--count", "9", "--yes", "--output", "json"], more].concat())
    };
    let ambiguous = request(&[]);
    assert_eq!(ambiguous.code, 2, "{}", ambiguous.stderr);
    let said = "limits can be raised in us-phoenix-1 and us-ashburn-1, and one region is enough";
    assert!(ambiguous.stderr.contains(said), "{}", ambiguous.stderr);
    let unknown = request(&["--region", "uk-london-1"]);
    assert!(
        unknown.code == 2 && unknown.stderr.contains("is not a region of the config"),
        "{}",
        unknown.stderr
    );
    let crossed = request(&["--region", "iad", "--ad", "PHX-AD-1"]);
    let said = "`PHX-AD-1` is not an availability domain of the config in us-ashburn-1";
    assert!(crossed.code == 2 && crossed.stderr.contains(said), "{}", crossed.stderr);
    let both = request(&["--ad", "AD-1"]);
    assert!(both.code == 2 && both.stderr.contains("--ad AD-1 is in several regions"), "{}", both.stderr);
    let filed = request(&["--region", "iad"]);
    assert_eq!(filed.code, 0, "{}", filed.stderr);
    let filed = filed.json();
    let row = &filed["limit_requests"][0];
    assert_eq!((&row["region"], &row["limit"]), (&IAD.into(), &"standard-e4-core-count".into()), "{filed}");
    assert_eq!((&row["wanted"], &row["now"]), (&5.into(), &1.into()), "{filed}");
    let known = place.run(&["limits", "requests", "--output", "json"]).json();
    assert_eq!(known["limit_requests"].as_array().unwrap().len(), 1, "{known}");
    let again = request(&["--region", "us-ashburn-1"]);
    assert!(again.code == 0 && again.stderr.contains("is already requested"), "{}", again.stderr);

    // A region that does not respond leaves its limits unknown, and those of the others are shown.
    let silent = json!({"operations": ["ListShapes"], "fault": {"answer": {"status": 404}}});
    post_at(&ashburn(&place), "/_sim/faults", &json!({"replace": [silent]}));
    let partly = place.run(&["limits", "--count", "9", "--output", "json"]).json();
    assert_eq!(regions(&partly["limits"])[0], PHX, "{partly}");
    assert!(partly["unknown"][0].as_str().unwrap().starts_with("us-ashburn-1: "), "{partly}");
    assert_eq!(partly["fits"], Value::Null);
    without_ashburn(&place);
    let gone = request(&["--region", "us-ashburn-1"]);
    assert!(gone.code == 2 && gone.stderr.contains("its regions are us-phoenix-1"), "{}", gone.stderr);
}
