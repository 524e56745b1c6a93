//! A price list: the price of each of Oracle's part numbers. The format is that of Oracle's public price API, of which the
//! built-in list, `api/prices.json`, is an extract with a date for each part.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// The currency of the built-in list.
pub const LIST_CURRENCY: &str = "USD";

/// The built-in list. A test reads it, so that it is never empty.
static BUILT_IN: LazyLock<PriceList> = LazyLock::new(|| {
    PriceList::read(include_bytes!("../../../../api/prices.json"), None).unwrap_or_default()
});

/// The price of a part.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartPrice {
    /// The price of a unit, such as an OCPU-hour.
    pub value: f64,
    /// The date of the list that states it.
    pub as_of: String,
}

/// Prices by currency and part number.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PriceList {
    /// The date of the list.
    pub as_of: String,
    currencies: BTreeMap<String, BTreeMap<String, PartPrice>>,
}

/// Why a price list cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PriceListError {
    /// It is not JSON of the price API.
    #[error("it is not a price list of Oracle's price API: {0}")]
    Format(String),
    /// It has no date.
    #[error("it does not state its date: `lastUpdated` is missing or is not a date")]
    NoDate,
    /// None of its parts is known.
    #[error("it contains none of the part numbers of compute instances")]
    NothingKnown,
    /// A price is negative or not a number.
    #[error("the price of part {part} in {currency} is {value}")]
    Absurd {
        /// The part number.
        part: String,
        /// The currency.
        currency: String,
        /// The price.
        value: String,
    },
}

/// The document of the price API.
#[derive(Debug, Serialize, Deserialize)]
struct PriceDocument {
    #[serde(rename = "lastUpdated", default, skip_serializing_if = "Option::is_none")]
    last_updated: Option<String>,
    items: Vec<ListItem>,
}

#[derive(Debug, Serialize, Deserialize)]
struct ListItem {
    #[serde(rename = "partNumber")]
    part: String,
    /// Not of the API: the date of the list from which this item was taken.
    #[serde(rename = "asOf", default, skip_serializing_if = "Option::is_none")]
    as_of: Option<String>,
    #[serde(rename = "currencyCodeLocalizations", default)]
    currencies: Vec<Localization>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Localization {
    #[serde(rename = "currencyCode")]
    currency: String,
    #[serde(default)]
    prices: Vec<Tier>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Tier {
    model: String,
    value: f64,
    #[serde(rename = "rangeMin", default, skip_serializing_if = "Option::is_none")]
    from: Option<f64>,
}

impl PriceList {
    /// The list that comes with the program.
    pub fn built_in() -> &'static Self {
        &BUILT_IN
    }

    /// Reads a document of the price API. `as_of` is its date if it does not state one.
    ///
    /// # Errors
    /// When it is not such a document, has no date, no known part, or an absurd price.
    pub fn read(document: &[u8], as_of: Option<&str>) -> Result<Self, PriceListError> {
        let document = parse(document)?;
        let as_of = date_of(&document, as_of)?;
        Self::of(&document, as_of)
    }

    fn of(document: &PriceDocument, as_of: String) -> Result<Self, PriceListError> {
        let mut currencies: BTreeMap<String, BTreeMap<String, PartPrice>> = BTreeMap::new();
        for item in &document.items {
            for localization in &item.currencies {
                let Some(value) = highest_tier(&localization.prices) else { continue };
                if !value.is_finite() || value < 0.0 {
                    let (part, currency) = (item.part.clone(), localization.currency.clone());
                    return Err(PriceListError::Absurd { part, currency, value: value.to_string() });
                }
                let price = PartPrice { value, as_of: item.as_of.clone().unwrap_or_else(|| as_of.clone()) };
                let currency = localization.currency.to_ascii_uppercase();
                currencies.entry(currency).or_default().insert(item.part.clone(), price);
            }
        }
        if !currencies.values().any(|parts| super::shapes::parts().any(|part| parts.contains_key(part))) {
            return Err(PriceListError::NothingKnown);
        }
        Ok(Self { as_of, currencies })
    }

    /// The list, and the part of its document that prices instances, in the same format: small enough to keep.
    ///
    /// # Errors
    /// As [`PriceList::read`].
    pub fn extract(document: &[u8], as_of: Option<&str>) -> Result<(Self, String), PriceListError> {
        let mut document = parse(document)?;
        let as_of = date_of(&document, as_of)?;
        let list = Self::of(&document, as_of.clone())?;
        let known: BTreeSet<&str> = super::shapes::parts().collect();
        document.items.retain(|item| known.contains(item.part.as_str()));
        document.last_updated = Some(as_of);
        let text = serde_json::to_string(&document);
        text.map(|text| (list, text)).map_err(|error| PriceListError::Format(error.to_string()))
    }

    /// The price of a part in a currency, if the list states it.
    pub fn part(&self, currency: &str, part: &str) -> Option<&PartPrice> {
        self.currencies.get(&currency.to_ascii_uppercase())?.get(part)
    }

    /// Whether it has prices in a currency.
    pub fn has(&self, currency: &str) -> bool {
        self.currencies.contains_key(&currency.to_ascii_uppercase())
    }

    /// The currencies in which it has prices.
    pub fn currencies(&self) -> impl Iterator<Item = &str> {
        self.currencies.keys().map(String::as_str)
    }

    /// The number of known parts that it prices in a currency.
    pub fn priced(&self, currency: &str) -> usize {
        let parts: BTreeSet<&str> = super::shapes::parts().collect();
        parts.into_iter().filter(|part| self.part(currency, part).is_some()).count()
    }
}

/// The price of a part that differs between two lists.
#[derive(Clone, Debug, PartialEq, JsonSchema, Serialize)]
pub struct PriceChange {
    /// The part number.
    pub part: String,
    /// The currency.
    pub currency: String,
    /// The price before; absent if it was unknown.
    pub before: Option<f64>,
    /// The price now.
    pub now: f64,
}

impl PriceList {
    /// The known parts whose price differs from that in another list.
    pub fn changes_since(&self, before: &Self) -> Vec<PriceChange> {
        let parts: BTreeSet<&str> = super::shapes::parts().collect();
        let mut changes = Vec::new();
        for currency in self.currencies() {
            for part in &parts {
                let Some(now) = self.part(currency, part).map(|price| price.value) else { continue };
                let old = before.part(currency, part).map(|price| price.value);
                // A currency that the other list does not have at all has not changed.
                if old != Some(now) && before.has(currency) {
                    let (part, currency) = ((*part).to_owned(), currency.to_owned());
                    changes.push(PriceChange { part, currency, before: old, now });
                }
            }
        }
        changes
    }
}

fn parse(document: &[u8]) -> Result<PriceDocument, PriceListError> {
    // Files from Windows begin with a byte order mark.
    let document = document.strip_prefix(b"\xef\xbb\xbf").unwrap_or(document);
    serde_json::from_slice(document).map_err(|error| PriceListError::Format(error.to_string()))
}

/// The date of a list: `2026-06-02` of `2026-06-02T10:00:00Z`.
fn date_of(document: &PriceDocument, otherwise: Option<&str>) -> Result<String, PriceListError> {
    let stated = document.last_updated.as_deref().or(otherwise).ok_or(PriceListError::NoDate)?;
    let day = stated.get(..10).ok_or(PriceListError::NoDate)?;
    day.parse::<jiff::civil::Date>().map_err(|_| PriceListError::NoDate)?;
    Ok(day.to_owned())
}

/// The price per unit on demand. Some parts are free up to an amount per month, and a fleet is charged for what exceeds it: so
/// the price of the highest tier counts, not of the first.
fn highest_tier(tiers: &[Tier]) -> Option<f64> {
    let tiers = tiers.iter().filter(|tier| tier.model == "PAY_AS_YOU_GO");
    tiers
        .max_by(|one, other| one.from.unwrap_or_default().total_cmp(&other.from.unwrap_or_default()))
        .map(|tier| tier.value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn list(items: &serde_json::Value) -> Vec<u8> {
        json!({"lastUpdated": "2026-06-02T10:00:00.000Z", "items": items}).to_string().into_bytes()
    }

    fn item(part: &str, currency: &str, prices: &serde_json::Value) -> serde_json::Value {
        json!({"partNumber": part, "displayName": "x", "metricName": "OCPU Per Hour", "serviceCategory": "Compute",
            "currencyCodeLocalizations": [{"currencyCode": currency, "prices": prices}]})
    }

    #[test]
    fn the_built_in_list_prices_every_part_of_every_shape() {
        let list = PriceList::built_in();
        for part in super::super::shapes::parts() {
            let price = list.part(LIST_CURRENCY, part).unwrap_or_else(|| panic!("{part} has no price"));
            assert!(
                price.as_of.parse::<jiff::civil::Date>().is_ok() && price.as_of <= list.as_of,
                "{part}: {price:?}"
            );
        }
    }

    #[test]
    fn a_part_that_is_free_at_first_costs_its_highest_tier() {
        let tiers = json!([
            {"model": "PAY_AS_YOU_GO", "value": 0, "rangeMin": 0, "rangeMax": 1500},
            {"model": "PAY_AS_YOU_GO", "value": 0.01, "rangeMin": 1500, "rangeMax": 999_999_999},
            {"model": "MONTHLY_COMMIT", "value": 0.5, "rangeMin": 9999},
        ]);
        let list = PriceList::read(&list(&json!([item("B93297", "USD", &tiers)])), None).unwrap();
        let price = |currency| list.part(currency, "B93297").map(|price| price.value.to_string());
        assert_eq!(price("usd").as_deref(), Some("0.01"));
        assert_eq!((list.as_of.as_str(), list.priced("USD"), price("EUR")), ("2026-06-02", 1, None));
    }

    #[test]
    fn what_is_no_price_list_is_told_apart() {
        let good = json!([{"model": "PAY_AS_YOU_GO", "value": 0.5}]);
        let read = |document: &[u8]| PriceList::read(document, None).unwrap_err();
        assert!(matches!(read(b"<html>"), PriceListError::Format(_)));
        assert!(matches!(read(b"[]"), PriceListError::Format(_)));
        assert!(matches!(read(b"{\"items\": 3}"), PriceListError::Format(_)));
        assert_eq!(read(&list(&json!([item("B1", "USD", &good)]))), PriceListError::NothingKnown);
        let undated = json!({"items": [item("B93113", "USD", &good)]}).to_string().into_bytes();
        assert_eq!(read(&undated), PriceListError::NoDate);
        assert_eq!(PriceList::read(&undated, Some("2026-10-01")).unwrap().as_of, "2026-10-01");
        assert_eq!(PriceList::read(&undated, Some("soon, I hope")).unwrap_err(), PriceListError::NoDate);
        let negative = json!([{"model": "PAY_AS_YOU_GO", "value": -1}]);
        assert!(matches!(
            read(&list(&json!([item("B93113", "USD", &negative)]))),
            PriceListError::Absurd { .. }
        ));
    }

    #[test]
    fn an_extract_keeps_what_prices_instances_and_reads_the_same() {
        let good = json!([{"model": "PAY_AS_YOU_GO", "value": 0.5}]);
        let whole = list(&json!([item("B93113", "EUR", &good), item("B1", "EUR", &good)]));
        let (list, extract) = PriceList::extract(&whole, None).unwrap();
        assert!(extract.contains("B93113") && !extract.contains("\"B1\""), "{extract}");
        let again = PriceList::read(extract.as_bytes(), None).unwrap();
        assert_eq!(again.part("EUR", "B93113"), list.part("EUR", "B93113"));
        assert_eq!(again.priced("EUR"), 1);
    }
}
