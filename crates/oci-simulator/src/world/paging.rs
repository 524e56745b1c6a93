//! Reads lists page by page. A page token is opaque to the caller. It names the last row shown, so that no row is repeated when
//! others appear or disappear between two pages.

use super::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use super::chance::{Chance, hash_bytes, mix};
use super::settings::WorldSettings;
use super::{error, request};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_api::{Operation, Service};
use serde::Serialize;
use std::cmp::Ordering;

/// The rows of a page if the caller gives no `limit`, and the maximum unless Oracle's OpenAPI document states another.
const USUAL: usize = 100;

/// The position of a row in its list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cursor {
    /// The first sort key: the availability domain, in lists that are grouped by it.
    pub group: u8,
    /// The name, in lists sorted by name.
    pub name: String,
    /// The number, which increases with the time of creation.
    pub number: u32,
}

/// How a list is sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub by_name: bool,
    pub descending: bool,
}

impl Order {
    /// Reads `sortBy` and `sortOrder`: newest first, or by name, ascending.
    pub fn read(request: &ApiRequest) -> Self {
        let by_name = request.in_query("sortBy").is_some_and(|by| !by.eq_ignore_ascii_case("TIMECREATED"));
        let descending = match request.in_query("sortOrder") {
            Some(order) => order.eq_ignore_ascii_case("DESC"),
            None => !by_name,
        };
        Self { by_name, descending }
    }

    pub fn compare(self, a: &Cursor, b: &Cursor) -> Ordering {
        let within = if self.by_name {
            a.name.cmp(&b.name).then(a.number.cmp(&b.number))
        } else {
            a.number.cmp(&b.number)
        };
        a.group.cmp(&b.group).then(if self.descending { within.reverse() } else { within })
    }
}

/// The page that a request asks for.
#[derive(Clone, Debug)]
pub(super) struct PageRequest {
    /// The row after which the page begins.
    pub after: Option<Cursor>,
    limit: usize,
    /// A hash of the operation and its filters: a token is valid for one list only.
    scope: u64,
}

impl PageRequest {
    /// Reads `limit` and `page`, and draws whether this page will be short or empty.
    ///
    /// # Errors
    /// When the limit is out of range, or the page token does not belong to this list.
    pub fn read(
        request: &ApiRequest,
        settings: &WorldSettings,
        seed: u64,
        chance: &mut Chance,
    ) -> Result<Self, ApiError> {
        let most = largest_page(request.operation);
        let mut limit = match request.in_query("limit") {
            None => usual_page(request.operation, most),
            Some(text) => match text.parse::<usize>() {
                Ok(limit) if (1..=most).contains(&limit) => limit,
                Ok(limit) if limit > most && !settings.refuse_large_pages => most,
                _ => return Err(error::invalid(format!("limit must be between 1 and {most}, not '{text}'"))),
            },
        };
        let mut scope = String::from(request.operation.name());
        for (name, value) in request.path.iter().chain(&request.query) {
            if *name != "limit" && *name != "page" {
                scope.push('\n');
                scope.push_str(name);
                scope.push('=');
                scope.push_str(value);
            }
        }
        // The body of a search is its filter.
        let scope = mix(hash_bytes(scope.as_bytes()) ^ seed ^ request.body_hash);
        let (after, was_empty) = match request.in_query("page") {
            None => (None, false),
            Some(token) => read_token(token, scope)?,
        };
        if !was_empty && chance.happens(settings.empty_page_probability) {
            limit = 0;
        } else if limit > 1 && chance.happens(settings.short_page_probability) {
            limit = 1 + chance.below(limit as u64 - 1) as usize;
        }
        Ok(Self { after, limit, scope })
    }

    /// How many rows decide whether another page follows.
    pub fn rows_needed(&self) -> usize {
        self.limit + 1
    }

    /// Builds one page of the rows that `keep` accepts, from sorted rows that already start after `self.after`.
    pub fn answer<M: Serialize>(
        &self,
        request: &ApiRequest,
        rows: impl Iterator<Item = Cursor>,
        keep: impl FnMut(&Cursor) -> bool,
        mut build: impl FnMut(&Cursor) -> M,
    ) -> ApiResult {
        self.answer_written(request, rows, keep, |row, body| request::write(&build(row), body))
    }

    /// Like [`Self::answer`], where `write` appends the JSON of a row.
    pub fn answer_written(
        &self,
        request: &ApiRequest,
        rows: impl Iterator<Item = Cursor>,
        mut keep: impl FnMut(&Cursor) -> bool,
        mut write: impl FnMut(&Cursor, &mut Vec<u8>) -> Result<(), ApiError>,
    ) -> ApiResult {
        let mut body = Vec::with_capacity(256);
        let mut count = 0;
        let mut last: Option<Cursor> = None;
        let mut next_page = None;
        body.push(b'[');
        for row in rows {
            if !keep(&row) {
                continue;
            }
            if count == self.limit {
                next_page = Some(self.token(last.as_ref().or(self.after.as_ref())));
                break;
            }
            if count > 0 {
                body.push(b',');
            }
            write(&row, &mut body)?;
            count += 1;
            last = Some(row);
        }
        body.push(b']');
        let answer = ApiAnswer { body: Some(body.into()), next_page, ..request::empty(request.operation) };
        Ok(answer)
    }

    /// Builds one page of a list that is small enough to be built whole. The rows are sorted here.
    pub fn answer_small<M: Serialize>(
        &self,
        request: &ApiRequest,
        order: Order,
        mut rows: Vec<(Cursor, M)>,
    ) -> ApiResult {
        rows.sort_by(|(a, _), (b, _)| order.compare(a, b));
        let start = self.after.as_ref().map_or(0, |after| {
            rows.partition_point(|(row, _)| order.compare(row, after) != Ordering::Greater)
        });
        let rest = &rows[start..];
        let cursors = rest.iter().map(|(cursor, _)| cursor.clone());
        let mut next = rest.iter().map(|(_, model)| model);
        self.answer(request, cursors, |_| true, |_| next.next())
    }

    fn token(&self, after: Option<&Cursor>) -> String {
        let mut bytes = vec![u8::from(self.limit == 0), u8::from(after.is_some())];
        let start = Cursor::default();
        let after = after.unwrap_or(&start);
        bytes.push(after.group);
        bytes.extend(after.number.to_le_bytes());
        bytes.extend(after.name.as_bytes());
        let mut text = (hash_bytes(&bytes) ^ self.scope).to_le_bytes().to_vec();
        text.extend(bytes);
        URL_SAFE_NO_PAD.encode(text)
    }
}

/// The rows of a page without a `limit`.
fn usual_page(operation: Operation, most: usize) -> usize {
    match operation.info().service {
        // Oracle's OpenAPI document: 1,000, which is the maximum.
        Service::ResourceSearch => most,
        _ => USUAL,
    }
}

/// The maximum number of rows per page of this list.
fn largest_page(operation: Operation) -> usize {
    let limit = operation.info().query.iter().find(|parameter| parameter.name == "limit");
    limit.and_then(|limit| limit.bounds.maximum).map_or(USUAL, |most| most as usize)
}

fn read_token(token: &str, scope: u64) -> Result<(Option<Cursor>, bool), ApiError> {
    let refused = || error::invalid("The page token is invalid or belongs to another list.");
    let text = URL_SAFE_NO_PAD.decode(token).map_err(|_| refused())?;
    let (sum, bytes) = text.split_first_chunk::<8>().ok_or_else(refused)?;
    if u64::from_le_bytes(*sum) != hash_bytes(bytes) ^ scope {
        return Err(refused());
    }
    let ([empty, some, group], rest) = bytes.split_first_chunk::<3>().ok_or_else(refused)?;
    let (number, name) = rest.split_first_chunk::<4>().ok_or_else(refused)?;
    let name = String::from_utf8(name.to_vec()).map_err(|_| refused())?;
    let cursor = Cursor { group: *group, name, number: u32::from_le_bytes(*number) };
    Ok(((*some == 1).then_some(cursor), *empty == 1))
}
