//! The attributes of spans and of their events. Own names begin with `oci_insta_scale`; the others are those of OpenTelemetry's
//! semantic conventions.

use ledger::Event;
use opentelemetry::{KeyValue, Value};

/// Fields of records that are no use to a reader of traces, or too long.
const LEFT_OUT: [&str; 3] = ["plan", "requests", "token"];

/// The type and the fields of a record.
pub(super) fn of_record(event: &Event) -> (String, Vec<KeyValue>) {
    // Numbers, strings and times only, so serialisation cannot fail.
    let document = serde_json::to_value(event).unwrap_or_default();
    let mut attributes = Vec::new();
    let mut name = String::new();
    for (key, value) in document.as_object().into_iter().flatten() {
        if key == "type" {
            value.as_str().unwrap_or_default().clone_into(&mut name);
        } else if !LEFT_OUT.contains(&key.as_str()) {
            add(&mut attributes, format!("oci_insta_scale.{key}"), value);
        }
    }
    (name, attributes)
}

fn add(attributes: &mut Vec<KeyValue>, key: String, value: &serde_json::Value) {
    let value = match value {
        serde_json::Value::Object(fields) => {
            for (field, value) in fields {
                add(attributes, format!("{key}.{field}"), value);
            }
            return;
        }
        serde_json::Value::Null => return,
        serde_json::Value::Bool(is) => Value::Bool(*is),
        serde_json::Value::String(text) => Value::String(text.clone().into()),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(whole) => Value::I64(whole),
            None => Value::F64(number.as_f64().unwrap_or_default()),
        },
        serde_json::Value::Array(_) => Value::String(value.to_string().into()),
    };
    attributes.push(KeyValue::new(key, value));
}

/// An attribute whose value is a text.
pub(super) fn text(key: &'static str, value: impl Into<String>) -> KeyValue {
    KeyValue::new(key, value.into())
}

/// An attribute whose value is a number.
pub(super) fn number(key: &'static str, value: impl Into<i64>) -> KeyValue {
    KeyValue::new(key, value.into())
}
