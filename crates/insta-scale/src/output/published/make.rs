//! Makes the schemas: what `schemars` derives from a type, and what every document has besides. `docs/schemas` keeps the result.

use super::{Published, PublishedDocument, PublishedForm, PublishedRow};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

/// Of a document.
pub fn document<D: PublishedDocument>(entry: &Published) -> Schema {
    finished(generator().into_root_schema_for::<D>(), entry)
}

/// Of a document that is a list of rows.
pub fn list<R: PublishedRow>(entry: &Published) -> Schema {
    let mut rows = generator().into_root_schema_for::<Vec<R>>();
    let description =
        rows.get("items").and_then(|items| resolved(&rows, items)).map(|row| row["description"].clone());
    let items = rows.remove("items").unwrap_or_default();
    let definitions = rows.remove("$defs");
    let of_row = description.as_ref().and_then(Value::as_str).unwrap_or_default();
    let about = format!("The list `{}`. Each entry: {of_row}", R::LIST);
    let mut schema = Schema::default();
    schema.insert("description".to_owned(), about.into());
    schema.insert("type".to_owned(), "object".into());
    let mut list = json!({"type": "array", "items": items});
    if let Some(description) = description.filter(Value::is_string) {
        list["description"] = description;
    }
    schema.insert("properties".to_owned(), json!({R::LIST: list}));
    schema.insert("required".to_owned(), json!([R::LIST]));
    if let Some(definitions) = definitions {
        schema.insert("$defs".to_owned(), definitions);
    }
    finished(schema, entry)
}

/// Of a document that is an array of lines.
pub fn array<T: JsonSchema>(entry: &Published) -> Schema {
    let whole = line::<T>(entry).to_value();
    let mut schema = Schema::default();
    let Value::Object(mut row) = whole else { return schema };
    for key in ["$schema", "$id", "title"] {
        schema.ensure_object().extend(row.remove(key).map(|value| (key.to_owned(), value)));
    }
    let of_row = row.get("description").and_then(Value::as_str).unwrap_or_default();
    let description = format!("An array. Each entry: {of_row}").into();
    let definitions = row.remove("$defs");
    schema.insert("description".to_owned(), description);
    schema.insert("type".to_owned(), "array".into());
    schema.insert("items".to_owned(), Value::Object(row));
    schema.ensure_object().extend(definitions.map(|definitions| ("$defs".to_owned(), definitions)));
    schema
}

/// Of a line.
pub fn line<T: JsonSchema>(entry: &Published) -> Schema {
    finished(generator().into_root_schema_for::<T>(), entry)
}

/// Of a row of a list on its own.
pub fn row<R: JsonSchema>(entry: &Published) -> Schema {
    line::<R>(entry)
}

/// The document of a list, as a value without the mark of a simulated region.
pub fn list_value(version: u32, list: &str, rows: &[Value]) -> Value {
    json!({"schema_version": version, list: rows})
}

/// The properties that a schema names at its top, beside and within its alternatives.
fn own_properties(schema: &Value) -> Vec<&str> {
    let own = schema["properties"].as_object().into_iter().flatten().map(|(key, _)| key.as_str());
    let inner = ["oneOf", "anyOf", "allOf"].into_iter().filter_map(|key| schema[key].as_array()).flatten();
    own.chain(inner.flat_map(own_properties)).collect()
}

fn generator() -> SchemaGenerator {
    SchemaSettings::draft2020_12().for_serialize().into_generator()
}

/// What a reference within a schema leads to.
fn resolved<'a>(schema: &'a Schema, part: &'a Value) -> Option<&'a Value> {
    match part["$ref"].as_str() {
        Some(path) => schema.pointer(path.trim_start_matches('#')),
        None => Some(part),
    }
}

/// Adds the name, the version, and the fields that do not belong to one document.
fn finished(mut schema: Schema, entry: &Published) -> Schema {
    let object = schema.ensure_object();
    let mut fields = Map::new();
    let has_version =
        entry.form == PublishedForm::Document || own_properties(&json!(object)).contains(&"schema_version");
    if has_version {
        let about =
            "Fields may be added, but none is renamed, removed or changed in meaning without a new version.";
        fields.insert("schema_version".to_owned(), json!({"const": entry.version, "description": about}));
    }
    if let Some(Value::Object(own)) = object.remove("properties") {
        fields.extend(own.into_iter().filter(|(key, _)| key != "schema_version"));
    }
    let about = "The region is simulated; absent if it is real.";
    fields.insert("simulated".to_owned(), json!({"const": true, "description": about}));
    if entry.form == PublishedForm::Document && !fields.contains_key("type") {
        let about = "Only with `--output jsonl`, where the document is the last of several lines.";
        fields.insert("type".to_owned(), json!({"const": "summary", "description": about}));
    }
    let mut required: Vec<Value> = has_version.then(|| "schema_version".into()).into_iter().collect();
    if let Some(Value::Array(own)) = object.remove("required") {
        required.extend(own.into_iter().filter(|key| key != "schema_version"));
    }
    let mut whole = Map::new();
    whole.insert("$schema".to_owned(), "https://json-schema.org/draft/2020-12/schema".into());
    whole.insert(
        "$id".to_owned(),
        format!("urn:oci-insta-scale:schema:{}:{}", entry.name, entry.version).into(),
    );
    whole.insert("title".to_owned(), entry.name.into());
    for key in ["description", "type"] {
        whole.extend(object.remove(key).map(|value| (key.to_owned(), value)));
    }
    whole.insert("properties".to_owned(), Value::Object(fields));
    if !required.is_empty() {
        whole.insert("required".to_owned(), Value::Array(required));
    }
    let ours: Vec<String> = whole.keys().cloned().collect();
    whole.extend(std::mem::take(object).into_iter().filter(|(key, _)| !ours.contains(key)));
    whole.into()
}
