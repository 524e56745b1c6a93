//! Reports on stderr each failed attempt that is followed by another, while the user waits. It also counts requests.
//!
//! It is for the time before a run; the records of a run report its failures.

use super::console;
use super::text::{clean, seconds};
use oci_client::{Observer, RequestCounts, Retrying, Tried};
use std::sync::Arc;

/// The reporter.
pub struct Retries {
    /// The counter of requests.
    pub counts: Arc<RequestCounts>,
}

impl Observer for Retries {
    fn tried(&self, tried: &Tried<'_>) {
        self.counts.tried(tried);
    }

    fn retrying(&self, retry: &Retrying<'_>) {
        let yellow = anstyle::AnsiColor::Yellow.on_default();
        console::line(&format!("{yellow}waiting:{yellow:#} {}", line(retry)));
    }
}

/// `cannot reach 127.0.0.1:12620: Connection refused; try 2 of 8 in 0.4 s`.
fn line(retry: &Retrying<'_>) -> String {
    let Retrying { operation, status, code, message, next, of, wait, .. } = retry;
    let what = match status {
        // This program's own text, which says where.
        None => clean(message),
        Some(status) => format!("{}: {status} {}: {}", operation.name(), clean(code), clean(message)),
    };
    format!("{what}; try {next} of {of} in {}", seconds(wait.as_secs_f64()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use oci_client::FailureClass;
    use std::time::Duration;

    #[test]
    fn a_retry_is_told_with_its_reason_and_its_number() {
        let mut retry = Retrying {
            operation: oci_api::Operation::ListAvailabilityDomains,
            class: FailureClass::Network,
            status: None,
            code: "ConnectFailed",
            message: "cannot reach 127.0.0.1:13299: Connection refused\u{1b}[2J",
            next: 2,
            of: 8,
            wait: Duration::from_millis(420),
        };
        assert_eq!(line(&retry), "cannot reach 127.0.0.1:13299: Connection refused; try 2 of 8 in 0.4 s");
        (retry.status, retry.code, retry.message) = (Some(503), "ServiceUnavailable", "later");
        assert_eq!(
            line(&retry),
            "ListAvailabilityDomains: 503 ServiceUnavailable: later; try 2 of 8 in 0.4 s"
        );
    }
}
