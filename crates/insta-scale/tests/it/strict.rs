//! A strict reader of the published schemas: they let a program accept unknown fields, and the tests do not.
//!
//! It knows the keywords that the schemas use, and fails at any other, so that nothing is checked by half.

use serde_json::Value;
use std::collections::BTreeSet;

/// Keywords without a rule: what they say is for readers.
const REMARKS: [&str; 9] =
    ["$schema", "$id", "$defs", "title", "description", "default", "examples", "format", "readOnly"];

/// Whether a value is what a schema describes, without a field that the schema does not name.
pub fn accepts(schema: &Value, value: &Value) -> Result<(), String> {
    whole(schema, schema, value, "")
}

/// A value in its own place: every one of its fields has to be named.
fn whole(root: &Value, schema: &Value, value: &Value, at: &str) -> Result<(), String> {
    let named = part(root, schema, value, at)?;
    let unnamed = value.as_object().into_iter().flatten().find(|(key, _)| !named.contains(key.as_str()));
    unnamed.map_or(Ok(()), |(key, _)| Err(format!("{at}/{key} is not in the schema")))
}

/// What one schema says of a value; returns the fields that it names.
fn part<'a>(root: &Value, schema: &Value, value: &'a Value, at: &str) -> Result<BTreeSet<&'a str>, String> {
    let all = || value.as_object().into_iter().flatten().map(|(key, _)| key.as_str()).collect();
    let Some(rules) = schema.as_object() else { return Ok(all()) };
    let is_remark = |key: &&String| REMARKS.contains(&key.as_str());
    let mut named = if rules.keys().all(|key| is_remark(&key)) { all() } else { BTreeSet::new() };
    for (keyword, rule) in rules.iter().filter(|(key, _)| !is_remark(key)) {
        match keyword.as_str() {
            "$ref" => {
                let target = root.pointer(rule.as_str().unwrap().trim_start_matches('#')).unwrap();
                named.extend(part(root, target, value, at)?);
            }
            "type" => check_type(rule, value, at)?,
            "const" if value != rule => return Err(format!("{at} is {value}, not {rule}")),
            "enum" if !rule.as_array().unwrap().contains(value) => {
                return Err(format!("{at} is {value}, none of {rule}"));
            }
            "minimum" if value.as_f64().is_some_and(|number| number < rule.as_f64().unwrap()) => {
                return Err(format!("{at} is {value}, below {rule}"));
            }
            "maximum" if value.as_f64().is_some_and(|number| number > rule.as_f64().unwrap()) => {
                return Err(format!("{at} is {value}, above {rule}"));
            }
            "const" | "enum" | "minimum" | "maximum" => {}
            "required" => {
                let missing = rule.as_array().unwrap().iter().filter_map(Value::as_str);
                let mut missing = missing.filter(|key| value.is_object() && value.get(key).is_none());
                if let Some(key) = missing.next() {
                    return Err(format!("{at}/{key} is missing"));
                }
            }
            "properties" => {
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if let Some(schema) = rule.get(key) {
                        whole(root, schema, inner, &format!("{at}/{key}"))?;
                        named.insert(key);
                    }
                }
            }
            "additionalProperties" => {
                let own = rules.get("properties");
                for (key, inner) in value.as_object().into_iter().flatten() {
                    if own.is_none_or(|own| own.get(key).is_none()) {
                        whole(root, rule, inner, &format!("{at}/{key}"))?;
                        named.insert(key);
                    }
                }
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    whole(root, rule, inner, &format!("{at}/{index}"))?;
                }
            }
            "allOf" => {
                for schema in rule.as_array().unwrap() {
                    named.extend(part(root, schema, value, at)?);
                }
            }
            "anyOf" | "oneOf" => {
                let choices = rule.as_array().unwrap().iter();
                let tried: Vec<_> = choices.map(|schema| part(root, schema, value, at)).collect();
                let (fits, fails): (Vec<_>, Vec<_>) = tried.into_iter().partition(Result::is_ok);
                if fits.is_empty() || (keyword == "oneOf" && fits.len() > 1) {
                    let why: Vec<String> = fails.into_iter().filter_map(Result::err).collect();
                    return Err(format!("{at} fits {} choices: {}", fits.len(), why.join("; ")));
                }
                named.extend(fits.into_iter().flatten().flatten());
            }
            unknown => panic!("the keyword {unknown} has no rule here"),
        }
    }
    Ok(named)
}

fn check_type(rule: &Value, value: &Value, at: &str) -> Result<(), String> {
    let is = |name: &str| match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        unknown => panic!("the type {unknown} has no rule here"),
    };
    let fits = match rule {
        Value::Array(names) => names.iter().filter_map(Value::as_str).any(is),
        name => is(name.as_str().unwrap()),
    };
    if fits { Ok(()) } else { Err(format!("{at} is {value}, no {rule}")) }
}
