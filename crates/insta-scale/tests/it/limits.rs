//! `limits` with the real program: what prevents the fleet, and values that would suffice.

use crate::program::Workplace;
use crate::sim_serve::region;

fn in_one_domain(place: &Workplace) {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let domain = config.lines().find(|line| line.trim_start().starts_with("availability_domain:")).unwrap();
    place.write("config.yaml", config.replace(domain, "  availability_domain: AD-1"));
}

#[test]
fn limits_show_the_value_that_would_do() {
    let scenario = "world:
  limits:
    named:
      - {name: standard-e4-core-count, value: 4}
      - {name: standard-e5-core-count, value: 4}
";
    let place = Workplace::empty();
    place.write("small.yaml", scenario);
    let file = place.path().join("small.yaml").display().to_string();
    let (place, _region) = region(&["--scenario", &file]);
    in_one_domain(&place);
    let enough = place.run(&["limits", "--count", "4", "--output", "json"]);
    assert_eq!(enough.code, 0, "{} {}", enough.stdout, enough.stderr);
    assert!(
        place.run(&["limits", "--count", "4"]).stderr.contains("no limit stands in the way of 4 instances")
    );
    let short = place.run(&["limits", "--count", "10", "--output", "json"]);
    assert_eq!(short.code, 3, "{} {}", short.stdout, short.stderr);
    let document = short.json();
    let rows = document["limits"].as_array().unwrap();
    let core = rows.iter().find(|row| row["unit"] == "OCPUs").unwrap();
    let each = core["each"].as_f64().unwrap();
    assert_eq!((&document["wanted"], core["limit"].as_f64()), (&10.into(), Some(4.0)), "{core}");
    assert_eq!(core["would_do"].as_f64(), Some(10.0 * each), "{core}");
    assert!(core["name"].as_str().unwrap().contains("-core-"), "{core}");
    let table = place.run(&["limits", "--count", "10"]);
    assert!(table.stdout.contains("WOULD DO") && table.stdout.contains("AD-1"), "{}", table.stdout);
    assert!(table.stderr.contains("of 10 instances"), "{}", table.stderr);
    // Existing usage counts.
    assert_eq!(place.run(&["launch", "--count", "4", "--new"]).code, 0);
    let none = place.run(&["limits", "--count", "10", "--output", "json"]);
    assert_eq!((none.code, &none.json()["fits"]), (4, &0.into()), "{}", none.stdout);
    let rows = none.json()["limits"].clone();
    let core = rows.as_array().unwrap().iter().find(|row| row["unit"] == "OCPUs").unwrap().clone();
    assert_eq!(core["would_do"].as_f64(), Some(14.0 * each), "{core}");
}

/// A region with room for 4 OCPUs of each usual family, which decides requests like this.
fn tight(increases: &str) -> (Workplace, crate::sim_serve::Region) {
    tight_in_memory(increases, 2_000_000)
}

/// The same with so much memory of each usual family.
fn tight_in_memory(increases: &str, memory: u32) -> (Workplace, crate::sim_serve::Region) {
    let place = Workplace::empty();
    let scenario = format!(
        "world:
  limits:
    named:
      - {{name: standard-e4-core-count, value: 4}}
      - {{name: standard-e5-core-count, value: 4}}
      - {{name: standard-e4-memory-count, value: {memory}}}
      - {{name: standard-e5-memory-count, value: {memory}}}
  limit_increases: {increases}
"
    );
    place.write("tight.yaml", scenario);
    let file = place.path().join("tight.yaml").display().to_string();
    let (place, region) = region(&["--scenario", &file]);
    in_one_domain(&place);
    (place, region)
}

fn requests(place: &Workplace) -> Vec<serde_json::Value> {
    let listed = place.run(&["limits", "requests", "--output", "json"]);
    assert_eq!(listed.code, 0, "{}", listed.stderr);
    listed.json()["limit_requests"].as_array().unwrap().clone()
}

#[test]
fn a_granted_limit_request_makes_the_fleet_fit() {
    let (place, _region) = tight("{start_seconds: 0, decide_seconds: {min: 1, max: 1}}");
    let refused = place.run(&["limits", "request", "--count", "10"]);
    assert_eq!(refused.code, 2, "{}", refused.stderr);
    assert!(refused.stderr.contains("add --yes"), "{}", refused.stderr);
    assert!(requests(&place).is_empty(), "nothing is filed without consent");
    let filed = place.run(&["limits", "request", "--count", "10", "--yes", "--wait", "--every", "1s"]);
    assert_eq!(filed.code, 0, "{} {}", filed.stdout, filed.stderr);
    assert!(filed.stdout.contains("SUCCEEDED"), "{}", filed.stdout);
    let listed = requests(&place);
    assert_eq!((listed.len(), &listed[0]["state"]), (1, &"SUCCEEDED".into()), "{listed:?}");
    assert_eq!(listed[0]["now"], listed[0]["wanted"]);
    assert!(listed[0]["justification"].as_str().unwrap().starts_with("to launch 10 instances of VM."));
    assert_eq!(place.run(&["limits", "--count", "10"]).code, 0);
    let nothing = place.run(&["limits", "request", "--count", "10", "--yes"]);
    assert_eq!(nothing.code, 2, "{}", nothing.stderr);
    assert!(nothing.stderr.contains("no limit stands in the way"), "{}", nothing.stderr);
}

#[test]
fn an_open_limit_request_is_not_filed_twice() {
    let (place, _region) = tight("{decide_seconds: {min: 1000000, max: 1000000}}");
    let ask = |count: &str| place.run(&["limits", "request", "--count", count, "--yes"]);
    assert_eq!(ask("10").code, 0);
    let again = ask("10");
    assert_eq!(again.code, 0, "{}", again.stderr);
    assert!(again.stderr.contains("is already requested"), "{}", again.stderr);
    let more = ask("20");
    assert_eq!(more.code, 2, "{}", more.stderr);
    assert_eq!(requests(&place).len(), 1);
    let id = requests(&place)[0]["request"].as_str().unwrap().to_owned();
    // The hint is followed as it is written.
    assert!(more.stderr.contains(&format!("limits cancel {id}")), "{}", more.stderr);
    assert_eq!(place.run(&["limits", "cancel", &id]).code, 2, "consent is needed");
    assert_eq!(place.run(&["limits", "cancel", &id, "--yes"]).code, 0);
    let canceled = place.run(&["limits", "cancel", &id, "--yes"]);
    assert!(canceled.code == 2 && canceled.stderr.contains("already CANCELED"), "{}", canceled.stderr);
    assert_eq!(ask("20").code, 0);
    assert_eq!(requests(&place).len(), 2);
}

#[test]
fn a_rejected_limit_request_exits_with_its_code() {
    for (increases, code) in [
        ("{start_seconds: 0, decide_seconds: {min: 1, max: 1}, outcome: rejected}", 4),
        ("{start_seconds: 0, decide_seconds: {min: 1, max: 1}, outcome: partly}", 3),
    ] {
        // Two items, for OCPUs and memory.
        let (place, _region) = tight_in_memory(increases, 1);
        let ended = place.run(&["limits", "request", "--count", "10", "--yes", "--wait", "--every", "1s"]);
        assert_eq!(ended.code, code, "{} {}", ended.stdout, ended.stderr);
    }
}

#[test]
fn a_question_of_oracle_is_shown_with_its_reply() {
    let (place, _region) = tight("{start_seconds: 0, decide_seconds: {min: 1, max: 1}, asks: true}");
    assert_eq!(place.run(&["limits", "request", "--count", "10", "--yes"]).code, 0);
    let asked = place.run(&["limits", "requests"]);
    assert!(asked.stderr.contains("Oracle asks: "), "{}", asked.stderr);
    let id = requests(&place)[0]["request"].as_str().unwrap().to_owned();
    assert!(asked.stderr.contains(&format!("limits comment {id} TEXT")), "{}", asked.stderr);
    assert_eq!(place.run(&["limits", "comment", &id, " "]).code, 2);
    assert_eq!(place.run(&["limits", "comment", &id, "a render farm"]).code, 0);
    let decided = place.run(&["limits", "requests", "--watch", "--every", "1s"]);
    assert!(decided.code == 0 && decided.stdout.contains("SUCCEEDED"), "{}", decided.stdout);
}

#[test]
fn a_senseless_limit_request_names_the_flag() {
    let (place, _region) = tight("{}");
    let long = "x".repeat(501);
    for (more, part) in [
        (vec!["--justification", " "], "--justification <TEXT>' is blank"),
        (vec!["--justification", &long], "501 characters"),
        (vec!["--limit", "no-such-count"], "no-such-count"),
        (vec!["--value", "7"], "--limit"),
        (vec!["--limit", "standard-e4-core-count", "--value", "0"], "--value"),
    ] {
        let ended = place.run(&[&["limits", "request", "--yes"][..], &more].concat());
        assert!(ended.code == 2 && ended.stderr.contains(part), "{more:?}: {}", ended.stderr);
    }
}
