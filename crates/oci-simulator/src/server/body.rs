//! Validates a body against the model of its operation.

use super::route::shown;
use crate::scenario::UnknownFields;
use crate::world::ApiError;
use oci_api::OperationInfo;
use oci_api::schema::{Problem, Violation, check, remove_unknown_fields};
use serde_json::Value;

/// The model whose subtype has a default.
const CONFIGURATION: &str = "CreateInstanceConfigurationBase";
/// The maximum number of violations in a message; the others are counted.
const NAMED_MAX: usize = 5;

/// A body that was read.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Body {
    /// Its fields; `None` if the operation takes none or the request has none.
    pub value: Option<Value>,
    /// Where it had fields that were ignored, because the model does not have them.
    pub ignored: Vec<String>,
}

/// Parses the body.
pub(super) fn parse(info: &OperationInfo, body: &[u8], unknown: UnknownFields) -> Result<Body, ApiError> {
    let Some(model) = info.body else { return Ok(Body::default()) };
    // The Go SDK, and with it Terraform, sends `null` for an omitted body.
    if body.trim_ascii().is_empty() || body.trim_ascii() == b"null" {
        let required = missing("the message body is required");
        return if info.body_required { Err(required) } else { Ok(Body::default()) };
    }
    let mut value = read(body)?;
    if let (CONFIGURATION, Some(fields)) = (model, value.as_object_mut()) {
        // Every SDK sends the source, but other callers may omit it.
        fields.entry("source").or_insert_with(|| "NONE".into());
    }
    let mut found = check(model, &value);
    let mut ignored = Vec::new();
    if unknown == UnknownFields::Ignored {
        let is_unknown = |violation: &mut Violation| matches!(violation.problem, Problem::UnknownField(_));
        ignored = found.extract_if(.., is_unknown).map(|violation| violation.path).collect();
    }
    if found.is_empty() {
        if !ignored.is_empty() {
            remove_unknown_fields(model, &mut value);
        }
        return Ok(Body { value: Some(value), ignored });
    }
    let mut message: Vec<String> = found
        .iter()
        .take(NAMED_MAX)
        .map(|violation| match violation.path.as_str() {
            "" => format!("the message body{violation}"),
            _ => shown(&violation.to_string()),
        })
        .collect();
    if found.len() > NAMED_MAX {
        message.push(format!("and {} more", found.len() - NAMED_MAX));
    }
    let message = message.join("; ");
    if found.iter().all(|violation| violation.problem == Problem::Missing) {
        Err(missing(&message))
    } else {
        Err(ApiError::new(400, "InvalidParameter", message))
    }
}

fn read(body: &[u8]) -> Result<Value, ApiError> {
    serde_json::from_slice(body).map_err(|error| {
        // The service has a separate code and text for a raw newline in a string, a common mistake in a handwritten body with
        // an SSH key.
        if error.to_string().starts_with("control character") {
            ApiError::new(400, "InvalidParameter", "Unable to parse message body")
        } else {
            ApiError::new(400, "CannotParseRequest", "Unable to parse message body")
        }
    })
}

fn missing(message: &str) -> ApiError {
    ApiError::new(400, "MissingParameter", message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_api::Operation;

    fn refusal(body: &str) -> String {
        let info = Operation::LaunchInstance.info();
        parse(info, body.as_bytes(), UnknownFields::Refused).unwrap_err().to_string()
    }

    #[test]
    fn a_good_body_is_read() {
        let body = br#"{"compartmentId":"c","availabilityDomain":"a","capacityReservationId":""}"#;
        for unknown in [UnknownFields::Ignored, UnknownFields::Refused] {
            let read = parse(Operation::LaunchInstance.info(), body, unknown).unwrap();
            assert_eq!((&read.value.unwrap()["capacityReservationId"], read.ignored.len()), (&"".into(), 0));
            assert_eq!(parse(Operation::InstanceAction.info(), b"", unknown).unwrap(), Body::default());
        }
    }

    #[test]
    fn a_bad_body_says_which_field() {
        insta::assert_snapshot!(refusal(""), @"400 MissingParameter: the message body is required");
        insta::assert_snapshot!(refusal("{"), @"400 CannotParseRequest: Unable to parse message body");
        insta::assert_snapshot!(refusal("{\"displayName\":\"a\nb\"}"), @"400 InvalidParameter: Unable to parse message body");
        insta::assert_snapshot!(refusal("[]"), @"400 InvalidParameter: the message body must be an object");
        insta::assert_snapshot!(refusal("{}"), @"400 MissingParameter: availabilityDomain is required; compartmentId is required");
        insta::assert_snapshot!(
            refusal(r#"{"compartmentId":"c","availabilityDomain":"a","shapeConfig":{"ocpu":1,"memoryInGBs":"6"}}"#),
            @"400 InvalidParameter: shapeConfig.ocpu is not a known field; shapeConfig.memoryInGBs must be a number"
        );
    }

    #[test]
    fn deep_nesting_is_refused_without_overflow() {
        let body = "[".repeat(200_000);
        assert!(refusal(&body).contains("CannotParseRequest"));
    }
}
