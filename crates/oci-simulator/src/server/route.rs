//! Finds the operation for a method and a path in the table of operations.

use crate::world::ApiError;
use oci_api::Operation;
use std::collections::BTreeMap;

/// An operation and its path parameters, percent-decoded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Route {
    pub operation: Operation,
    pub path: BTreeMap<&'static str, String>,
}

/// Finds the operation; 404 if no operation has the path, 405 if none of those with the path has the method.
///
/// A trailing slash is accepted, because older SDKs send one on collections.
pub(super) fn find(method: &str, path: &str) -> Result<Route, ApiError> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let segments: Vec<&str> = path.split('/').collect();
    let mut known_path = false;
    for operation in Operation::ALL {
        let info = operation.info();
        let Some(values) = matches(info.path, &segments) else { continue };
        known_path = true;
        if info.method.as_str() == method {
            return parameters(*operation, &values);
        }
    }
    if known_path {
        Err(ApiError::new(
            405,
            "MethodNotAllowed",
            format!("The method {} is not allowed here.", shown(method)),
        ))
    } else {
        Err(ApiError::new(404, "NotFound", format!("No operation has the path {}.", shown(path))))
    }
}

/// The values of the template's parameters if the path matches it.
fn matches<'a>(template: &str, segments: &[&'a str]) -> Option<Vec<&'a str>> {
    let mut values = Vec::new();
    let mut segments = segments.iter();
    for part in template.split('/') {
        let segment = segments.next()?;
        if part.starts_with('{') {
            if segment.is_empty() {
                return None;
            }
            values.push(*segment);
        } else if part != *segment {
            return None;
        }
    }
    segments.next().is_none().then_some(values)
}

fn parameters(operation: Operation, values: &[&str]) -> Result<Route, ApiError> {
    let mut path = BTreeMap::new();
    for (parameter, value) in operation.info().path_parameters.iter().zip(values) {
        let value = decode(value, false).ok_or_else(|| {
            ApiError::new(404, "InvalidParameter", format!("{} cannot be read", parameter.name))
        })?;
        path.insert(parameter.name, value);
    }
    Ok(Route { operation, path })
}

/// Percent-decodes a part of a URL; `None` if the escapes are broken or the bytes are not UTF-8.
///
/// With `form`, a plus is a space, as in a query.
pub(super) fn decode(text: &str, form: bool) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        match byte {
            b'%' => {
                let high = char::from(rest.next()?).to_digit(16)?;
                let low = char::from(rest.next()?).to_digit(16)?;
                // Two hexadecimal digits are at most 255.
                bytes.push((high * 16 + low) as u8);
            }
            b'+' if form => bytes.push(b' '),
            byte => bytes.push(byte),
        }
    }
    String::from_utf8(bytes).ok()
}

/// A text from the caller, shortened for a message.
pub(super) fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(200).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_operation_is_found_by_its_own_path() {
        for operation in Operation::ALL {
            let info = operation.info();
            let values: Vec<&str> = info.path_parameters.iter().map(|_| "ocid1.x.oc1..a b").collect();
            for path in [operation.path(&values), operation.path(&values) + "/"] {
                let route = find(info.method.as_str(), &path).unwrap();
                assert_eq!(route.operation, *operation, "{path}");
                assert!(route.path.values().all(|value| value == "ocid1.x.oc1..a b"));
            }
        }
    }

    #[test]
    fn an_unknown_path_is_404_and_a_wrong_method_405() {
        let error = |method, path| {
            let error = find(method, path).unwrap_err();
            (error.status, error.code)
        };
        assert_eq!(error("GET", "/"), (404, "NotFound"));
        assert_eq!(error("GET", "/20160918/instance"), (404, "NotFound"));
        assert_eq!(error("GET", "/20160918/instances/a/b/c"), (404, "NotFound"));
        assert_eq!(error("PATCH", "/20160918/instances"), (405, "MethodNotAllowed"));
        assert_eq!(error("DELETE", "/20160918/shapes"), (405, "MethodNotAllowed"));
        assert_eq!(error("GET", "/20160918/instances/%zz"), (404, "InvalidParameter"));
        assert_eq!(error("GET", "/20160918/instances/%ff"), (404, "InvalidParameter"));
    }

    proptest! {
        #[test]
        fn any_path_is_routed_or_refused_without_panic(method in "[A-Z]{1,7}", path in "\\PC*") {
            let _ = find(&method, &path);
        }
    }
}
