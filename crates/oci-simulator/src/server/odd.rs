//! Applies faults to responses.

use super::reply::{self, Ending, NEXT_PAGE, Reply};
use crate::scenario::{AnswerBody, FaultKind};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::{HeaderValue, Response, StatusCode};
use std::collections::BTreeMap;

/// Marks a page token that returns the previous page again.
const AGAIN: &str = "again.";

/// No response: the connection is cut.
pub(super) fn reset() -> Reply {
    Reply { response: Response::new(Bytes::new()), ending: Ending::Reset }
}

/// The response that the rule requests. Other kinds of faults have none and produce a plain 500.
pub(super) fn answer(fault: &FaultKind) -> Response<Bytes> {
    let FaultKind::Answer { status, body, code, message, .. } = fault else {
        return reply::error_response(500, "InternalError", "An internal error has occurred.");
    };
    let (usual_code, usual_message) = reply::usual_code(*status);
    let message = message.as_deref().unwrap_or(usual_message);
    match body {
        AnswerBody::Oci => match status {
            429 => reply::too_many_requests(message, None),
            _ => reply::error_response(*status, code.as_deref().unwrap_or(usual_code), message),
        },
        AnswerBody::Html => {
            let status = status_code(*status);
            let html = format!(
                "<html>\r\n<head><title>{status}</title></head>\r\n<body>\r\n<center><h1>{status}</h1></center>\r\n\
                 </body>\r\n</html>\r\n"
            );
            let mut response = Response::new(Bytes::from(html));
            *response.status_mut() = status;
            response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            response
        }
        AnswerBody::Empty => {
            let mut response = Response::new(Bytes::new());
            *response.status_mut() = status_code(*status);
            response
        }
    }
}

fn status_code(status: u16) -> StatusCode {
    StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// Applies a fault to the response to a request that took effect. `page` is the page token of the request.
pub(super) fn after(fault: &FaultKind, mut response: Response<Bytes>, page: Option<&str>) -> Reply {
    match fault {
        FaultKind::Truncate { bytes } if !response.body().is_empty() => {
            let cut = (*bytes).min(response.body().len() - 1);
            return Reply { response, ending: Ending::CutAfter(cut) };
        }
        FaultKind::ResetAfter | FaultKind::Truncate { .. } => return reset(),
        FaultKind::Answer { .. } => return answer(fault).into(),
        FaultKind::RepeatPage => {
            // A request for the first page has no token that could be repeated.
            if let Some(token) = page.and_then(|page| HeaderValue::try_from(page).ok()) {
                response.headers_mut().insert(NEXT_PAGE, token);
            }
        }
        FaultKind::DuplicatePage if response.body().starts_with(b"[") => {
            let token = format!("{AGAIN}{}", page.unwrap_or_default());
            if let Ok(token) = HeaderValue::try_from(token) {
                response.headers_mut().insert(NEXT_PAGE, token);
            }
        }
        _ => {}
    }
    response.into()
}

/// Removes the mark of [`after`] from a page token.
pub(super) fn undo_duplicate(query: &mut BTreeMap<&'static str, String>) {
    let Some(rest) = query.get("page").and_then(|page| page.strip_prefix(AGAIN)).map(str::to_owned) else {
        return;
    };
    if rest.is_empty() {
        query.remove("page");
    } else {
        query.insert("page", rest);
    }
}
