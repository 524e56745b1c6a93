//! Renders the wire models: a struct per model, and an enum per polymorphic base and per list of known values.

use crate::Result;
use crate::facts::{Facts, Field, Model};
use crate::names;
use std::fmt::Write as _;

pub fn render(facts: &Facts) -> Result<String> {
    let mut out = String::from(
        "use crate::wire::{Extra, open_enum, polymorphic};\n\
         use jiff::Timestamp;\nuse serde::{Deserialize, Serialize};\nuse serde_json::Value;\n\
         use std::collections::BTreeMap;\n\n",
    );
    for (name, model) in &facts.models {
        if model.discriminator.is_some() {
            polymorphic(&mut out, name, model)?;
        } else {
            structure(&mut out, facts, name, model)?;
        }
        for (wire, field) in model.fields()? {
            if !field.values.is_empty() && model.discriminator.as_deref() != Some(wire.as_str()) {
                enumeration(&mut out, name, &wire, &field)?;
            }
        }
    }
    Ok(out)
}

fn polymorphic(out: &mut String, name: &str, model: &Model) -> Result<()> {
    let tag = model.discriminator.as_deref().unwrap_or_default();
    writeln!(out, "polymorphic! {{\n/// `{name}`, told apart by `{tag}`.\n{name}, \"{tag}\" {{")?;
    for (value, subtype) in &model.subtypes {
        writeln!(out, "\"{value}\" => {}({subtype}),", names::variant(value))?;
    }
    writeln!(out, "}}\n}}\n")?;
    Ok(())
}

fn enumeration(out: &mut String, model: &str, wire: &str, field: &Field) -> Result<()> {
    let name = names::enumeration(model, wire);
    writeln!(out, "open_enum! {{\n/// Values of `{model}.{wire}`.\n{name} {{")?;
    for value in &field.values {
        writeln!(out, "{} = \"{value}\",", names::variant(value))?;
    }
    writeln!(out, "}}\n}}\n")?;
    Ok(())
}

fn structure(out: &mut String, facts: &Facts, name: &str, model: &Model) -> Result<()> {
    writeln!(out, "/// The wire model `{name}`.")?;
    writeln!(out, "#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]\n#[serde(default)]")?;
    writeln!(out, "pub struct {name} {{")?;
    for (wire, field) in model.fields()? {
        writeln!(out, "/// `{wire}` on the wire{}.", notes(&field))?;
        let kind = rust_type(facts, name, &wire, &field)?;
        let optional = kind.starts_with("Option<");
        let how = match (optional, field.required) {
            (true, true) if is_null_at_times(name, &wire) => "",
            (true, _) => ", skip_serializing_if = \"Option::is_none\"",
            // One null must not make the whole response unreadable.
            (false, true) if facts.answered.contains(name) => {
                ", deserialize_with = \"crate::null_as_default\""
            }
            (false, _) => "",
        };
        writeln!(out, "#[serde(rename = \"{wire}\"{how})]\npub {}: {kind},", names::field(&wire))?;
    }
    if facts.answered.contains(name) {
        writeln!(out, "/// Fields that a newer service sends and this table does not know.")?;
        writeln!(out, "#[serde(flatten)]\npub extra: Extra,")?;
    }
    writeln!(out, "}}\n")?;
    Ok(())
}

/// Required fields that the service may return as null: a platform image and the tenancy itself belong to no compartment (seen
/// in responses of the live service).
fn is_null_at_times(model: &str, wire: &str) -> bool {
    [("Image", "compartmentId"), ("Compartment", "compartmentId")].contains(&(model, wire))
}

fn notes(field: &Field) -> &'static str {
    match (field.required, field.deprecated) {
        (true, true) => " (required, deprecated)",
        (true, false) => " (required)",
        (false, true) => " (deprecated)",
        (false, false) => "",
    }
}

/// Required times and models stay optional, because there is no honest default if a service leaves one out.
fn rust_type(facts: &Facts, model: &str, wire: &str, field: &Field) -> Result<String> {
    let list = field.kind.strip_prefix("list[").and_then(|rest| rest.strip_suffix(']'));
    if !field.values.is_empty() {
        let name = names::enumeration(model, wire);
        return Ok(match (list.is_some(), field.required) {
            (true, true) => format!("Vec<{name}>"),
            (true, false) => format!("Option<Vec<{name}>>"),
            (false, true) => name,
            (false, false) => format!("Option<{name}>"),
        });
    }
    let kind = plain_type(facts, &field.kind)?;
    let boxed = facts.models.contains_key(&field.kind) || field.kind == "datetime";
    let given = field.required && !boxed && !is_null_at_times(model, wire);
    Ok(if given { kind } else { format!("Option<{kind}>") })
}

fn plain_type(facts: &Facts, kind: &str) -> Result<String> {
    if let Some(inner) = kind.strip_prefix("list[").and_then(|rest| rest.strip_suffix(']')) {
        let element =
            if facts.models.contains_key(inner) { inner.to_owned() } else { plain_type(facts, inner)? };
        return Ok(format!("Vec<{element}>"));
    }
    if let Some(inner) = kind.strip_prefix("dict(str, ").and_then(|rest| rest.strip_suffix(')')) {
        return Ok(format!("BTreeMap<String, {}>", plain_type(facts, inner)?));
    }
    Ok(match kind {
        "str" => "String".to_owned(),
        "int" => "i64".to_owned(),
        "float" => "f64".to_owned(),
        "bool" => "bool".to_owned(),
        "datetime" => "Timestamp".to_owned(),
        "object" => "Value".to_owned(),
        model if facts.models.contains_key(model) => format!("Box<{model}>"),
        other => return Err(format!("no Rust type for {other:?}").into()),
    })
}
