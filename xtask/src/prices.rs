//! Refreshes the built-in price list, `api/prices.json`, from a document of Oracle's price API.

use crate::Result;
use serde_json::{Map, Value, json};
use std::fmt::Write as _;
use std::path::Path;

/// The parts of an item that the product reads; the rest of the document is left out.
const CURRENCIES: &str = "currencyCodeLocalizations";

/// Replaces the prices of every part of the list that the document has. Parts that it lacks keep their price and date, and are
/// named, like each price that changes.
pub fn refresh(root: &Path, document: &str) -> Result<()> {
    let path = root.join("api/prices.json");
    let document: Value = serde_json::from_str(&std::fs::read_to_string(document)?)?;
    let mut list: Value = serde_json::from_str(&std::fs::read_to_string(&path)?)?;
    let told = merge(&mut list, &document)?;
    std::fs::write(&path, render(&list)?)?;
    print!("{told}");
    Ok(())
}

/// Merges a document into the list, and says what has changed.
fn merge(list: &mut Value, document: &Value) -> Result<String> {
    let day = document["lastUpdated"]
        .as_str()
        .and_then(|text| text.get(..10))
        .ok_or("the document has no lastUpdated")?;
    let news = document["items"].as_array().ok_or("the document has no items")?;
    let mut told = String::new();
    for item in list["items"].as_array_mut().ok_or("api/prices.json has no items")? {
        let part = item["partNumber"].clone();
        let found = news.iter().find(|new| new["partNumber"] == part).map(|new| dollars(&new[CURRENCIES]));
        let Some(fresh) = found.filter(|fresh| !fresh.is_empty()) else {
            writeln!(told, "{part}: not in the document, still of {}", item["asOf"])?;
            continue;
        };
        let fresh = Value::Array(fresh);
        if item[CURRENCIES] != fresh {
            writeln!(told, "{part}: {} is now {fresh}", item[CURRENCIES])?;
        }
        item[CURRENCIES] = fresh;
        item["asOf"] = json!(day);
    }
    list["lastUpdated"] = json!(day);
    Ok(told)
}

/// The prices in dollars, each with the fields that the product reads.
fn dollars(currencies: &Value) -> Vec<Value> {
    let all = currencies.as_array().into_iter().flatten();
    let fields = |tier: &Value| {
        let kept = ["model", "value", "rangeMin", "rangeMax"].into_iter();
        let kept = kept.filter_map(|name| Some((name.to_owned(), tier.get(name)?.clone())));
        Value::Object(kept.collect::<Map<_, _>>())
    };
    all.filter(|one| one["currencyCode"] == "USD")
        .map(|one| {
            let tiers: Vec<Value> = one["prices"].as_array().into_iter().flatten().map(fields).collect();
            json!({"currencyCode": "USD", "prices": tiers})
        })
        .collect()
}

/// One item a line, so that a change of a price is a change of a line.
fn render(list: &Value) -> Result<String> {
    let items: Vec<String> =
        list["items"].as_array().ok_or("no items")?.iter().map(Value::to_string).collect();
    Ok(format!("{{\n\"lastUpdated\": {},\n\"items\": [\n{}\n]\n}}\n", list["lastUpdated"], items.join(",\n")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(part: &str, value: f64, as_of: &str) -> Value {
        json!({"partNumber": part, "asOf": as_of, "currencyCodeLocalizations":
            [{"currencyCode": "USD", "prices": [{"model": "PAY_AS_YOU_GO", "value": value}]}]})
    }

    #[test]
    fn a_newer_document_changes_what_it_prices_and_leaves_the_rest() {
        let mut list = json!({"lastUpdated": "2026-01-01", "items": [item("B1", 1.0, "2026-01-01"), item("B2", 2.0, "2026-01-01")]});
        let mut new = item("B1", 1.5, "");
        new["serviceCategory"] = json!("Compute");
        new[CURRENCIES][0]["prices"][0]["rangeUnit"] = json!("x");
        new[CURRENCIES].as_array_mut().unwrap().push(json!({"currencyCode": "EUR", "prices": []}));
        let document = json!({"lastUpdated": "2026-06-02T00:00:00Z", "items": [new, item("B3", 3.0, "")]});
        let told = merge(&mut list, &document).unwrap();
        assert_eq!(list["items"], json!([item("B1", 1.5, "2026-06-02"), item("B2", 2.0, "2026-01-01")]));
        assert_eq!(list["lastUpdated"], "2026-06-02");
        assert!(
            told.contains("\"B2\": not in the document")
                && told.contains("\"B1\":")
                && told.lines().count() == 2,
            "{told}"
        );
        assert!(merge(&mut list, &json!({"items": []})).is_err());
    }
}
