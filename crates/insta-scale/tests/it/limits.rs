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
