//! Reads lists page by page.
//!
//! A page may be short or empty while more pages follow (Oracle: "REST APIs", List Pagination): only a missing `opc-next-page`
//! ends a list. A repeated token is an error, since the list would never end.

use std::collections::HashSet;

use futures_util::{Stream, TryStreamExt as _, stream};
use oci_api::Answer;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::attempt::Answered;
use crate::call::Call;
use crate::client::Client;
use crate::failure::{Failure, FailureClass};

/// The maximum number of pages read for one list: a million rows at 100 per page.
pub const MAX_PAGES: usize = 10_000;

/// The rows requested per page, which is the service's maximum.
const PAGE_LIMIT: &str = "100";

struct Walk {
    client: Client,
    call: Call,
    seen: HashSet<String>,
    next: Next,
}

/// The body of a list that wraps its rows in an object.
#[derive(Deserialize)]
struct Collection<T> {
    items: Vec<T>,
}

enum Next {
    First,
    Page(String),
    End,
}

impl Client {
    /// The pages of a list. Requests 100 rows per page unless the call says otherwise.
    pub fn pages<T: DeserializeOwned + Send>(
        &self,
        call: Call,
    ) -> impl Stream<Item = Result<Answered<Vec<T>>, Failure>> + Send + use<T> {
        let paged = call.operation.info().paginated;
        let call = if paged && !call.query.iter().any(|(name, _)| *name == "limit") {
            call.query("limit", PAGE_LIMIT)
        } else {
            call
        };
        let walk = Walk { client: self.clone(), call, seen: HashSet::new(), next: Next::First };
        stream::try_unfold(walk, Walk::step)
    }

    /// All rows of a list.
    pub async fn all<T: DeserializeOwned + Send>(&self, call: Call) -> Result<Vec<T>, Failure> {
        let mut pages = std::pin::pin!(self.pages::<T>(call));
        let mut rows = Vec::new();
        while let Some(page) = pages.try_next().await? {
            if rows.is_empty() {
                rows = page.value;
            } else {
                rows.extend(page.value);
            }
        }
        Ok(rows)
    }
}

impl Walk {
    async fn step<T: DeserializeOwned>(mut self) -> Result<Option<(Answered<Vec<T>>, Self)>, Failure> {
        let call = match std::mem::replace(&mut self.next, Next::End) {
            Next::End => return Ok(None),
            Next::First => self.call.clone(),
            Next::Page(token) => self.call.clone().query("page", token),
        };
        let operation = call.operation;
        let page = match operation.info().response {
            Answer::One(_) => {
                let wrapped: Answered<Collection<T>> = self.client.call(call).await?;
                wrapped.map(|collection| collection.items)
            }
            Answer::List(_) | Answer::Empty => self.client.call::<Vec<T>>(call).await?,
        };
        if let Some(token) = page.next_page.as_ref().filter(|_| operation.info().paginated) {
            let endless = |why: String| {
                let mut failure = Failure::unsent(operation, FailureClass::Service, "EndlessList", why);
                failure.opc_request_id.clone_from(&page.request_id);
                failure
            };
            if !self.seen.insert(token.clone()) {
                return Err(endless(
                    "OCI returned the same page token twice: the list would never end".to_owned(),
                ));
            }
            if self.seen.len() >= MAX_PAGES {
                return Err(endless(format!("the list has more than {MAX_PAGES} pages")));
            }
            self.next = Next::Page(token.clone());
        }
        Ok(Some((page, self)))
    }
}
