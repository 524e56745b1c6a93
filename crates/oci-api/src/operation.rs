//! The structure of the table of operations.

use crate::Operation;
use crate::schema::{Bounds, Kind};

/// The service of an operation, which determines the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Service {
    Compute,
    ComputeManagement,
    VirtualNetwork,
    Blockstorage,
    Identity,
    WorkRequest,
    Limits,
    LimitsIncrease,
    Quotas,
    ResourceSearch,
    ObjectStorage,
}

/// An HTTP method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Method {
    Get,
    Post,
    Put,
    Patch,
    Delete,
}

impl Method {
    /// The name on the wire: `GET`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Get => "GET",
            Self::Post => "POST",
            Self::Put => "PUT",
            Self::Patch => "PATCH",
            Self::Delete => "DELETE",
        }
    }
}

/// The response of a successful operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// No body.
    Empty,
    /// One model, by name.
    One(&'static str),
    /// A bare JSON array of one model, by name.
    List(&'static str),
}

/// A parameter in the path, the query or the headers.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// Its name on the wire.
    pub name: &'static str,
    /// Its type.
    pub kind: Kind,
    /// Whether the service refuses a request without it.
    pub required: bool,
    /// The allowed values; empty if any value is allowed.
    pub values: &'static [&'static str],
    /// The value that the service uses if it is not sent.
    pub default: Option<&'static str>,
    /// Bounds on its length or size.
    pub bounds: Bounds,
}

/// One row of the table.
#[derive(Debug)]
pub struct OperationInfo {
    /// The operation that the row describes.
    pub operation: Operation,
    /// Its name: `LaunchInstance`.
    pub name: &'static str,
    /// The service that provides it.
    pub service: Service,
    /// Its method.
    pub method: Method,
    /// The path template from the root of the host, with `{parameter}` segments.
    pub path: &'static str,
    /// The model of the request body, if there is one.
    pub body: Option<&'static str>,
    /// Whether the body is required.
    pub body_required: bool,
    /// Its successful response.
    pub response: Answer,
    /// Whether it takes `limit` and `page` and returns `opc-next-page`.
    pub paginated: bool,
    /// Whether it takes `opc-retry-token`.
    pub retry_token: bool,
    /// Whether the official SDKs retry it by default.
    pub default_retry: bool,
    /// Whether the official SDKs read `opc-work-request-id` from its response.
    pub work_request: bool,
    /// Parameters in the path, in order.
    pub path_parameters: &'static [Parameter],
    /// Parameters in the query.
    pub query: &'static [Parameter],
    /// Parameters in the headers.
    pub headers: &'static [Parameter],
    /// The declared status of success.
    pub success: u16,
    /// The headers declared for a success.
    pub success_headers: &'static [&'static str],
}

impl Operation {
    /// Its name: `LaunchInstance`.
    pub fn name(self) -> &'static str {
        self.info().name
    }

    /// The operation with this name.
    pub fn by_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// The path with its parameters filled in, percent-encoded except for `/` (as the official SDKs do).
    ///
    /// `values` has the order of the template. If there are fewer values than parameters, the remaining placeholders stay, and
    /// the service refuses the request.
    pub fn path(self, values: &[&str]) -> String {
        let mut path = String::new();
        let mut values = values.iter();
        for part in self.info().path.split_inclusive('/') {
            let (segment, slash) = part.strip_suffix('/').map_or((part, ""), |segment| (segment, "/"));
            match segment.strip_prefix('{').and_then(|_| values.next()) {
                Some(value) => percent_encode(&mut path, value, b"/"),
                None => path.push_str(segment),
            }
            path.push_str(slash);
        }
        path
    }
}

/// Appends `text` to `out`, percent-encoding everything except RFC 3986's unreserved characters and those in `keep`.
pub fn percent_encode(out: &mut String, text: &str, keep: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || keep.contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push('%');
            out.push(char::from(HEX[usize::from(byte >> 4)]));
            out.push(char::from(HEX[usize::from(byte & 15)]));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_has_every_operation_at_its_own_place() {
        assert_eq!(Operation::ALL.len(), 271);
        for operation in Operation::ALL {
            assert_eq!(operation.info().operation, *operation);
            assert_eq!(Operation::by_name(operation.name()), Some(*operation));
        }
    }

    #[test]
    fn paths_are_filled_and_percent_encoded() {
        assert_eq!(Operation::GetInstance.path(&["ocid1.x y"]), "/20160918/instances/ocid1.x%20y");
        assert_eq!(
            Operation::GetResourceAvailability.path(&["compute", "a/b"]),
            "/20190729/services/compute/limits/a/b/resourceAvailability"
        );
    }
}
