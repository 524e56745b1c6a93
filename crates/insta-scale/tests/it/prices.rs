//! `prices` with the real program: lists, updates and what damages them.

use crate::bad_config::GOOD;
use crate::program::Workplace;
use crate::sim_serve::region;
use serde_json::{Value, json};

/// A document of the price API with one price for each OCPU and GB of E4.
fn document(currency: &str, ocpu: f64, gb: f64, date: &str) -> Value {
    let item = |part: &str, value: f64| {
        json!({"partNumber": part, "displayName": "name", "metricName": "unit", "serviceCategory": "Compute",
            "currencyCodeLocalizations": [{"currencyCode": currency,
                "prices": [{"model": "PAY_AS_YOU_GO", "value": value}]}]})
    };
    json!({"lastUpdated": date, "items": [item("B93113", ocpu), item("B93114", gb), item("B1", 9.0)]})
}

#[test]
fn a_list_has_parts_and_dates() {
    let place = Workplace::with_config(GOOD);
    let rows = place.run(&["prices", "list", "VM.Standard.E4.Flex", "VM.Standard2.4", "-o", "json"]).json();
    let row = &rows["prices"][0];
    assert_eq!(
        (&row["ocpu_per_hour"], &row["memory_gb_per_hour"]),
        (&json!(0.025), &json!(0.0015)),
        "{rows}"
    );
    assert_eq!(row["part_numbers"], json!(["B93113", "B93114"]));
    assert!(row["list_date"].as_str().unwrap().starts_with("2026-"), "{rows}");
    assert_eq!(rows["prices"][1]["part_numbers"], json!(["B88514"]));
    let refused = place.run(&["prices", "list", "VM.Standard.E4.Flux"]);
    assert_eq!(refused.code, 2);
    assert!(refused.stderr.contains("\"VM.Standard.E4.Flux\" is not known"), "{}", refused.stderr);
    let euros = place.run(&["prices", "list", "--currency", "eur"]);
    assert_eq!(euros.code, 2);
    assert!(euros.stderr.contains("no price list has prices in EUR"), "{}", euros.stderr);
    assert!(euros.stderr.contains("?currencyCode=EUR"), "{}", euros.stderr);
}

#[test]
fn an_updated_list_is_what_bills_are_made_of_until_it_is_reset() {
    let place = Workplace::with_config(&format!("{GOOD}prices:\n  currency: EUR\n"));
    let unknown = place.run(&["plan", "--offline", "--output", "json"]).json();
    assert_eq!((&unknown["cost"]["total"], &unknown["prices_as_of"]), (&Value::Null, &Value::Null));
    place.write("dump.json", document("EUR", 0.02, 0.001, "2026-11-01T08:00:00Z").to_string());
    let told = place.run(&["prices", "update", "dump.json", "-o", "json"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(told.json()["currencies"], json!([{"currency": "EUR", "parts": 2}]));
    let plan = place.run(&["plan", "--offline", "--output", "json"]).json();
    let hour = plan["cost"]["lines"][0]["price"]["hour"].as_f64().unwrap();
    let each = hour / plan["requested"].as_f64().unwrap();
    assert!((each - 0.026).abs() < 1e-9 && plan["prices_as_of"] == "2026-11-01", "{plan}");
    // The volumes are not in the document, and dollars are not passed off as euros.
    assert_eq!(plan["cost"]["total"], Value::Null);

    let reset = place.run(&["prices", "reset", "-o", "json"]).json();
    assert_eq!(reset["removed"], true);
    assert_eq!(place.run(&["prices", "reset", "-o", "json"]).json()["removed"], false);
    assert_eq!(place.run(&["plan", "--offline", "--output", "json"]).json()["prices_as_of"], Value::Null);
}

#[test]
fn an_update_says_which_prices_changed() {
    let place = Workplace::with_config(GOOD);
    place.write("dump.json", document("USD", 0.03, 0.0015, "2026-11-01").to_string());
    let told = place.run(&["prices", "update", "dump.json"]);
    assert!(told.stdout.contains("B93113 in USD: 0.025 → 0.03"), "{}", told.stdout);
    assert!(!told.stdout.contains("B93114"), "{}", told.stdout);
    let again = place.run(&["prices", "update", "dump.json"]);
    assert!(again.stdout.contains("no price has changed"), "{}", again.stdout);
}

#[test]
fn what_is_no_price_list_changes_nothing() {
    let place = Workplace::with_config(GOOD);
    place.write("dump.json", document("USD", 0.03, 0.0015, "2026-11-01").to_string());
    assert_eq!(place.run(&["prices", "update", "dump.json"]).code, 0);
    let mut undated = document("USD", 1.0, 1.0, "");
    undated.as_object_mut().unwrap().remove("lastUpdated");
    for (text, said) in [
        ("<html>".to_owned(), "not a price list of Oracle's price API"),
        (undated.to_string(), "--as-of YYYY-MM-DD"),
        (document("USD", -1.0, 1.0, "2026-11-01").to_string(), "the price of part B93113 in USD is -1"),
        (json!({"lastUpdated": "2026-11-01", "items": []}).to_string(), "none of the part numbers"),
    ] {
        place.write("dump.json", text);
        let refused = place.run(&["prices", "update", "dump.json"]);
        assert_eq!(refused.code, 2, "{}", refused.stdout);
        assert!(refused.stderr.contains(said), "{}", refused.stderr);
        let row = place.run(&["prices", "list", "VM.Standard.E4.Flex", "-o", "json"]).json();
        assert_eq!(row["prices"][0]["ocpu_per_hour"], 0.03);
    }
    let missing = place.run(&["prices", "update", "nowhere.json"]);
    assert!(
        missing.code == 2 && missing.stderr.contains("nowhere.json: there is no such file"),
        "{}",
        missing.stderr
    );
}

#[test]
fn a_damaged_list_is_said_and_the_built_in_one_applies() {
    let place = Workplace::with_config(GOOD);
    place.write("dump.json", document("USD", 0.03, 0.0015, "2026-11-01").to_string());
    let told = place.run(&["prices", "update", "dump.json", "-o", "json"]).json();
    std::fs::write(told["file"].as_str().unwrap(), "{").unwrap();
    let plan = place.run(&["plan", "--offline"]);
    assert_eq!(plan.code, 0, "{}", plan.stderr);
    assert!(
        plan.stderr.matches("is not used").count() == 1 && plan.stderr.contains("prices reset"),
        "{}",
        plan.stderr
    );
    assert!(plan.stdout.contains("the price list of 2026-09-18"), "{}", plan.stdout);
    assert_eq!(place.run(&["prices", "reset"]).code, 0);
    assert_eq!(place.run(&["plan", "--offline"]).stderr.matches("is not used").count(), 0);
}

#[test]
fn the_price_of_windows_contains_its_licence() {
    let (place, _region) = region(&[]);
    let listed = place.run(&["find", "images", "--output", "json"]).json();
    let images = listed["images"].as_array().unwrap();
    let windows = images.iter().find(|image| image["operating_system"] == "Windows").unwrap();
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    let (_, own) = config.split_once("image_id: ").unwrap();
    let own = own.lines().next().unwrap();
    place.write("config.yaml", config.replace(own, windows["ocid"].as_str().unwrap()));
    let hour = |words: &[&str]| {
        let lines = place.run(&[words, &["--output", "json"]].concat()).json()["cost"]["lines"].clone();
        let lines = lines.as_array().unwrap().clone();
        let licence = lines.into_iter().find(|line| line["what"] == "3 × Windows licence");
        licence.map(|line| line["price"]["hour"].as_f64().unwrap())
    };
    for words in [&["plan"][..], &["launch", "--dry-run"]] {
        assert_eq!(hour(words), Some(3.0 * 0.092), "{words:?}");
    }
    // What is consented to: 3 × (0.034 + 0.092 + the boot volume).
    let launched = place.run(&["launch", "--yes", "-v"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    assert!(launched.stderr.contains("0.3866 USD per hour"), "{}", launched.stderr);
    // A licence is charged like the instance, and not like its volumes: not while it is stopped.
    let hourly = || {
        let spent = place.run(&["cost", "--run", "last", "--output", "json"]).json();
        spent["per_hour"].as_f64().unwrap_or_else(|| panic!("{spent}"))
    };
    let before = hourly();
    assert_eq!(place.run(&["instances", "stop", "rehearsal-2", "--force", "--yes"]).code, 0);
    assert!((before - hourly() - (0.034 + 0.092)).abs() < 1e-9, "{before} {}", hourly());
    let bring = "launch_details: {licensingConfigs: [{type: WINDOWS, licenseType: BRING_YOUR_OWN_LICENSE}]}";
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write(
        "config.yaml",
        config.replace("instance_settings:\n", &format!("instance_settings:\n  {bring}\n")),
    );
    assert_eq!(hour(&["plan"]), None);
}
