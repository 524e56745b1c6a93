//! Checks query parameters and headers against the table of operations.

use super::route::{decode, shown};
use crate::world::ApiError;
use http::HeaderMap;
use oci_api::schema::{Kind, check_value};
use oci_api::{OperationInfo, Parameter};
use serde_json::Value;
use std::collections::BTreeMap;

/// The number of rows that the caller requests.
const LIMIT: &str = "limit";

/// The query parameters of the operation, by name.
///
/// Unknown parameters are ignored, as in the service. A parameter that occurs twice is refused.
pub(super) fn query(
    info: &OperationInfo,
    query: Option<&str>,
) -> Result<BTreeMap<&'static str, String>, ApiError> {
    let mut found = BTreeMap::new();
    for pair in query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, true).ok_or_else(|| invalid("the query cannot be read"))?;
        let Some(parameter) = info.query.iter().find(|parameter| parameter.name == name) else { continue };
        let value =
            decode(value, true).ok_or_else(|| invalid(&format!("{} cannot be read", parameter.name)))?;
        check(parameter, &value)?;
        if found.insert(parameter.name, value).is_some() && !matches!(parameter.kind, Kind::List(_)) {
            return Err(invalid(&format!("{} is given twice", parameter.name)));
        }
    }
    match info.query.iter().find(|parameter| parameter.required && !found.contains_key(parameter.name)) {
        Some(missing) => Err(missing_parameter(missing.name)),
        None => Ok(found),
    }
}

/// The validated value of a header of the operation. Other headers are ignored.
pub(super) fn header(
    info: &OperationInfo,
    headers: &HeaderMap,
    name: &str,
) -> Result<Option<String>, ApiError> {
    let Some(parameter) = info.headers.iter().find(|parameter| parameter.name == name) else {
        return Ok(None);
    };
    match headers.get(name) {
        None if parameter.required => Err(missing_parameter(parameter.name)),
        None => Ok(None),
        Some(value) => {
            let value = value.to_str().map_err(|_| invalid(&format!("{name} cannot be read")))?;
            check(parameter, value)?;
            Ok(Some(value.to_owned()))
        }
    }
}

/// Checks one path parameter: an absurdly long value is refused before the world looks it up.
pub(super) fn path(info: &OperationInfo, values: &BTreeMap<&'static str, String>) -> Result<(), ApiError> {
    info.path_parameters
        .iter()
        .filter_map(|parameter| values.get(parameter.name).map(|value| (parameter, value)))
        .try_for_each(|(parameter, value)| check(parameter, value))
}

fn check(parameter: &Parameter, text: &str) -> Result<(), ApiError> {
    let kind = match parameter.kind {
        Kind::List(inner) => *inner,
        kind => kind,
    };
    let value = match kind {
        Kind::Int => text.parse::<i64>().map_or_else(|_| text.into(), Value::from),
        Kind::Float => text
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
            .map_or_else(|| text.into(), Value::from),
        // Case is ignored, because the Python SDK sends `True`.
        Kind::Bool if text.eq_ignore_ascii_case("true") => true.into(),
        Kind::Bool if text.eq_ignore_ascii_case("false") => false.into(),
        _ => text.into(),
    };
    let mut bounds = parameter.bounds;
    if parameter.name == LIMIT {
        // A setting of the world decides whether a larger value is refused or reduced to the maximum.
        bounds.maximum = None;
    }
    let found = check_value(parameter.name, kind, parameter.values, &bounds, &value);
    match found.first() {
        Some(violation) => Err(invalid(&format!("{violation}, not '{}'", shown(text)))),
        None => Ok(()),
    }
}

fn invalid(message: &str) -> ApiError {
    ApiError::new(400, "InvalidParameter", message)
}

fn missing_parameter(name: &str) -> ApiError {
    ApiError::new(400, "MissingParameter", format!("{name} is required"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_api::Operation;

    fn refusal(operation: Operation, text: &str) -> String {
        query(operation.info(), Some(text)).unwrap_err().to_string()
    }

    #[test]
    fn a_query_is_read_and_decoded() {
        let text = "compartmentId=ocid1.x&displayName=a%20b+c&limit=100&unknown=1&page=x%3D";
        let read = query(Operation::ListInstances.info(), Some(text)).unwrap();
        assert_eq!(read["displayName"], "a b c");
        assert_eq!((read["page"].as_str(), read["limit"].as_str(), read.len()), ("x=", "100", 4));
    }

    #[test]
    fn a_flag_may_be_written_in_any_case() {
        for text in ["true", "True", "TRUE"] {
            let text = format!("preserveBootVolume={text}");
            query(Operation::TerminateInstance.info(), Some(&text)).unwrap();
        }
        insta::assert_snapshot!(refusal(Operation::TerminateInstance, "preserveBootVolume=yes"), @"400 InvalidParameter: preserveBootVolume must be true or false, not 'yes'");
    }

    #[test]
    fn enums_ignore_case_but_not_spelling() {
        let sort = |order: &str| {
            let text = format!("compartmentId=ocid1.compartment.oc1..a&sortOrder={order}");
            query(Operation::ListInstances.info(), Some(&text))
        };
        assert_eq!(sort("desc").unwrap()["sortOrder"], "desc");
        assert_eq!(
            sort("down").unwrap_err().to_string(),
            "400 InvalidParameter: sortOrder must be one of ASC, DESC, not 'down'"
        );
    }

    #[test]
    fn a_wrong_parameter_is_named() {
        insta::assert_snapshot!(refusal(Operation::ListInstances, ""), @"400 MissingParameter: compartmentId is required");
        insta::assert_snapshot!(refusal(Operation::ListInstances, "compartmentId=a&limit=0"), @"400 InvalidParameter: limit must be at least 1, not '0'");
        insta::assert_snapshot!(refusal(Operation::ListInstances, "compartmentId=a&limit=ten"), @"400 InvalidParameter: limit must be a whole number, not 'ten'");
        insta::assert_snapshot!(refusal(Operation::ListInstances, "compartmentId=a&limit=99999999999999999999"), @"400 InvalidParameter: limit must be a whole number, not '99999999999999999999'");
        insta::assert_snapshot!(refusal(Operation::ListInstances, "compartmentId=%ff"), @"400 InvalidParameter: compartmentId cannot be read");
        insta::assert_snapshot!(refusal(Operation::ListInstances, "compartmentId=a&compartmentId=b"), @"400 InvalidParameter: compartmentId is given twice");
        let page = format!("compartmentId=a&page={}", "x".repeat(5000));
        assert!(refusal(Operation::ListInstances, &page).contains("page must have at most"));
    }
}
