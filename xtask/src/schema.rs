//! Renders the same models as data, to validate JSON that has not been parsed into a type.

use crate::Result;
use crate::facts::{Facts, Field};
use serde_json::Value;
use std::fmt::Write as _;

pub fn render(facts: &Facts) -> Result<String> {
    let mut out = String::from("use crate::schema::{Bounds, Field, Kind, Model};\n\n");
    writeln!(out, "/// Every model, sorted by name.\npub static MODELS: &[Model] = &[")?;
    for (name, model) in &facts.models {
        let tag = model.discriminator.as_deref().map_or("None".to_owned(), |tag| format!("Some({tag:?})"));
        let subtypes: Vec<String> =
            model.subtypes.iter().map(|(value, subtype)| format!("({value:?}, {subtype:?})")).collect();
        writeln!(
            out,
            "Model {{ name: {name:?}, discriminator: {tag}, subtypes: &[{}], fields: &[",
            subtypes.join(", ")
        )?;
        let none = std::collections::BTreeMap::new();
        let bounds = facts.bounds.get(name).unwrap_or(&none);
        for (wire, field) in model.fields()? {
            render_field(&mut out, &wire, &field, bounds.get(&wire))?;
        }
        writeln!(out, "] }},")?;
    }
    writeln!(out, "];")?;
    Ok(out)
}

fn render_field(out: &mut String, wire: &str, field: &Field, bounds: Option<&Value>) -> Result<()> {
    write!(out, "Field {{ name: {wire:?}, kind: {}, ", kind(&field.kind))?;
    write!(out, "required: {}, deprecated: {}, open: {}, ", field.required, field.deprecated, field.open)?;
    writeln!(out, "values: &{:?}, bounds: {} }},", field.values, render_bounds(bounds))?;
    Ok(())
}

/// Renders `Bounds { .. }` from what constraints.json says about a field or a parameter.
pub fn render_bounds(bounds: Option<&Value>) -> String {
    let Some(Value::Object(bounds)) = bounds else { return "Bounds::NONE".to_owned() };
    let mut parts = Vec::new();
    for (key, name) in [
        ("minLength", "min_length"),
        ("maxLength", "max_length"),
        ("minItems", "min_items"),
        ("maxItems", "max_items"),
    ] {
        if let Some(value) = bounds.get(key).and_then(Value::as_u64) {
            parts.push(format!("{name}: Some({})", literal(&value.to_string())));
        }
    }
    for (key, name) in [("minimum", "minimum"), ("maximum", "maximum")] {
        if let Some(value) = bounds.get(key).and_then(Value::as_f64) {
            parts.push(format!("{name}: Some({})", literal(&format!("{value:?}"))));
        }
    }
    if parts.is_empty() {
        "Bounds::NONE".to_owned()
    } else {
        format!("Bounds {{ {}, ..Bounds::NONE }}", parts.join(", "))
    }
}

pub fn kind(kind: &str) -> String {
    if let Some(inner) = kind.strip_prefix("list[").and_then(|rest| rest.strip_suffix(']')) {
        return format!("Kind::List(&{})", self::kind(inner));
    }
    if let Some(inner) = kind.strip_prefix("dict(str, ").and_then(|rest| rest.strip_suffix(')')) {
        return format!("Kind::Dict(&{})", self::kind(inner));
    }
    match kind {
        "str" => "Kind::Str".to_owned(),
        "int" => "Kind::Int".to_owned(),
        "float" => "Kind::Float".to_owned(),
        "bool" => "Kind::Bool".to_owned(),
        "datetime" => "Kind::DateTime".to_owned(),
        "object" => "Kind::Object".to_owned(),
        model => format!("Kind::Model({model:?})"),
    }
}

/// A number in Rust. Long ones have separators, as clippy asks for.
fn literal(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, String::new()), |(a, b)| (a, format!(".{b}")));
    if whole.len() < 6 || !whole.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.to_owned();
    }
    let mut grouped = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            grouped.push('_');
        }
        grouped.push(digit);
    }
    grouped + &rest
}
