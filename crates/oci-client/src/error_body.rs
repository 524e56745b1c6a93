//! The error in an unsuccessful response, whoever sent it.

use crate::failure::{NO_BODY, NOT_JSON};
use crate::text::plain;
use oci_api::ErrorBody;

/// Reads the error in an unsuccessful response. It never fails: a body that is not the service's JSON is quoted.
pub(crate) fn error_body(status: u16, location: Option<&str>, body: &[u8]) -> ErrorBody {
    if (300..400).contains(&status) {
        let to = location.map_or_else(|| "nowhere".to_owned(), |to| plain(to, 200));
        return ErrorBody {
            code: "Redirect".to_owned(),
            message: format!(
                "the server redirects to {to}, and signed requests do not follow redirects. Is the region or endpoint \
                     correct, or does a proxy or login page intercept requests?"
            ),
            original_message: None,
        };
    }
    if let Some(body) = parse_error_body(body) {
        return body;
    }
    let text = plain(&String::from_utf8_lossy(&body[..body.len().min(4096)]), 200);
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    ErrorBody {
        code: reason.unwrap_or("Unknown").replace(' ', ""),
        message: if text.is_empty() { NO_BODY.to_owned() } else { format!("{NOT_JSON}: {text}") },
        original_message: None,
    }
}

/// Parses the service's own error body leniently: any object with a code or a message, whatever other fields it has.
fn parse_error_body(body: &[u8]) -> Option<ErrorBody> {
    let value: serde_json::Value = serde_json::from_slice(body).ok()?;
    let text = |name: &str| value.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let (code, message) = (text("code"), text("message"));
    if code.is_none() && message.is_none() {
        return None;
    }
    Some(ErrorBody {
        code: code.unwrap_or_default(),
        message: message.unwrap_or_default(),
        original_message: text("originalMessage"),
    })
}
