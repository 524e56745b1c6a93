//! Reads `prices:`: the user's own prices, which override the price lists.

use super::finding::{Finding, Findings, Place};
use super::keys;
use super::section::{At, Section};
use super::yaml::Value;
use fleet::FleetSpec;
use fleet::price::{self, PriceList, Prices, ShapePrice};
use std::sync::Arc;

/// Reads the prices, which come before those of the list. Mistakes become findings.
pub fn read_prices(top: &Section<'_>, list: Option<&Arc<PriceList>>, findings: &Findings) -> Prices {
    let listed = Prices { list: list.cloned(), ..Prices::default() };
    let Some(node) = top.node("prices") else { return listed };
    let Some(group) = Section::of(node, "prices.", keys::PRICES, findings) else { return listed };
    let mut prices = Prices {
        currency: group.text("currency").map(|text| text.value.trim().to_owned()),
        boot_volume_gb_month: value(group.number("boot_volume_gb_month")),
        confirm_above: value(group.number("confirm_above")),
        ..listed
    };
    for entry in group.free_keys("shapes") {
        let path = format!("prices.shapes.{}.", entry.key);
        if matches!(entry.value.value, Value::Map(_)) {
            let Some(shape) = Section::of(&entry.value, &path, keys::SHAPE_PRICE, findings) else { continue };
            let price = ShapePrice {
                ocpu: value(shape.number("ocpu")).unwrap_or_default(),
                memory_gb: value(shape.number("memory_gb")).unwrap_or_default(),
                instance: value(shape.number("instance")).unwrap_or_default(),
            };
            if price == ShapePrice::default() {
                group.wrong(
                    &format!("shapes.{}", entry.key),
                    &entry.value,
                    "a group with at least one price",
                    None,
                );
            }
            prices.shapes.insert(entry.key.clone(), price);
        } else {
            group.wrong(
                &format!("shapes.{}", entry.key),
                &entry.value,
                "a group of prices",
                Some("ocpu, memory_gb, instance"),
            );
        }
    }
    prices
}

fn value(number: Option<At<f64>>) -> Option<f64> {
    number.map(|number| number.value)
}

/// Orders the choices by their prices, all of which must be known. `place` is where the file asks for this order.
pub fn put_cheapest_first(fleet: &mut FleetSpec, prices: &Prices, place: Place, findings: &Findings) {
    for unknown in price::put_cheapest_first(fleet, prices) {
        let currency = prices.currency();
        let message = format!(
            "prefer: cheapest needs the price of every choice, but that of {unknown} in {currency} is unknown"
        );
        findings.mistake(Finding::at(place, message).help(
            "set it under `prices: {shapes: …}`, or remove `prefer` and list the choices in the order you want",
        ));
    }
}
