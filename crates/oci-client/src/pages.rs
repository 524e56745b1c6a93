//! Reads lists page by page.
//!
//! A page may be short or empty while more pages follow (Oracle: "REST APIs", List Pagination): only a missing `opc-next-page`
//! ends a list. A repeated token is an error, since the list would never end.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use futures_util::{Stream, TryStreamExt as _, stream};
use oci_api::{Answer, Operation};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::attempt::Answered;
use crate::call::Call;
use crate::client::Client;
use crate::failure::{Failure, FailureClass};

/// The maximum number of pages read for one list: ten million rows at 100 per page.
pub const MAX_PAGES: usize = 100_000;

/// The rows requested per page, which is the service's maximum.
const PAGE_LIMIT: &str = "100";

struct Walk {
    /// The lists that are still to be read, with that of the next page first: one for each region.
    lists: VecDeque<Arc<(Client, Call)>>,
    seen: HashSet<String>,
    /// The token of the next page of the first list; none for its first page.
    next: Option<String>,
    /// The failure of a region, which is told when the others were read.
    failed: Option<Failure>,
}

/// The body of a list that wraps its rows in an object.
#[derive(Deserialize)]
struct Collection<T> {
    items: Vec<T>,
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
        let lists = self.lists(call).into_iter().map(Arc::new).collect();
        let walk = Walk { lists, seen: HashSet::new(), next: None, failed: None };
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
    async fn step<T: DeserializeOwned + Send>(mut self) -> Result<Option<(Answered<Vec<T>>, Self)>, Failure> {
        while let Some(list) = self.lists.front().map(Arc::clone) {
            let (client, call) = (&list.0, list.1.clone());
            let operation = call.operation;
            let call = match self.next.take() {
                None => call,
                Some(token) => call.query("page", token),
            };
            let page = rows(client, call).await.and_then(|page| self.take_in(operation, page));
            if self.next.is_none() {
                self.lists.pop_front();
                self.seen.clear();
            }
            match page {
                Ok(page) => return Ok(Some((page, self))),
                // One region in trouble must not hide what the others have.
                Err(failure) => _ = self.failed.get_or_insert(failure),
            }
        }
        match self.failed.take() {
            Some(failure) => Err(failure),
            None => Ok(None),
        }
    }

    /// Notes where a page leads.
    fn take_in<T>(
        &mut self,
        operation: Operation,
        page: Answered<Vec<T>>,
    ) -> Result<Answered<Vec<T>>, Failure> {
        let Some(token) = page.next_page.as_ref().filter(|_| operation.info().paginated) else {
            return Ok(page);
        };
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
        self.next = Some(token.clone());
        Ok(page)
    }
}

/// The rows of one page.
async fn rows<T: DeserializeOwned + Send>(client: &Client, call: Call) -> Result<Answered<Vec<T>>, Failure> {
    match call.operation.info().response {
        Answer::One(_) => {
            let wrapped: Answered<Collection<T>> = client.call(call).await?;
            Ok(wrapped.map(|collection| collection.items))
        }
        Answer::List(_) | Answer::Empty => client.call(call).await,
    }
}
