//! `limits requests`: the limit increase requests of the tenancy and what became of them.

use crate::args::{ListLimitRequests, OutputFormat};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::instances::list::short_domain;
use crate::output::listing::Listing;
use crate::output::published::PublishedRow;
use crate::output::text::{clean, moment};
use fleet::limit_requests;
use jiff::Timestamp;
use oci_api::models::{
    LimitsIncreaseItemRequest, LimitsIncreaseRequest, LimitsIncreaseRequestCommentSenderType as Sender,
    LimitsIncreaseRequestLifecycleState as State,
};
use oci_client::{Client, Failure};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

const COLUMNS: &[&str] = &["CREATED", "STATE", "LIMIT", "DOMAIN", "BEFORE", "WANTED", "NOW", "REQUEST"];

/// A limit of a limit increase request.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RequestedLimit<'a> {
    /// The OCID of the request.
    request: &'a str,
    /// The state of this part of it.
    state: &'a str,
    /// The state of the request.
    request_state: &'a str,
    /// The service.
    service: &'a str,
    /// The name of the limit.
    limit: &'a str,
    /// The region.
    region: &'a str,
    /// The availability domain; `null` if the limit is regional.
    availability_domain: Option<&'a str>,
    /// The value at the time of the request.
    before: i64,
    /// The requested value.
    wanted: i64,
    /// The present value; `null` if unknown.
    now: Option<i64>,
    /// When the request was filed.
    created: Option<Timestamp>,
    /// When this part was decided.
    resolved: Option<Timestamp>,
    /// The justification.
    justification: Option<&'a str>,
    /// What Oracle asks.
    question: Option<&'a str>,
}

impl PublishedRow for RequestedLimit<'_> {
    const NAME: &'static str = "limits-requests";
    const LIST: &'static str = "limit_requests";
    const COMMANDS: &'static [&'static str] =
        &["limits request", "limits requests", "limits comment", "limits cancel"];
}

/// Requests, with the present values of their limits as far as they are known.
#[derive(Debug)]
pub struct RequestList {
    requests: Vec<LimitsIncreaseRequest>,
    /// By limit and availability domain, in each region by its full name; empty for the first one.
    values: BTreeMap<(String, String, Option<String>), i64>,
    /// The further regions.
    further: Vec<String>,
}

impl RequestList {
    /// Requests without the present values.
    pub fn of(requests: Vec<LimitsIncreaseRequest>) -> Self {
        Self { requests, values: BTreeMap::new(), further: Vec::new() }
    }

    /// Reads the requests of a tenancy, or those that are named, and the present values of their limits, in this region and in
    /// `further` ones.
    pub async fn read(
        client: &Client,
        tenancy: &str,
        further: &[&str],
        named: Option<&[String]>,
    ) -> Result<Self, Failure> {
        let requests = match named {
            None => limit_requests::requests(client, tenancy, further).await?,
            Some(named) => {
                let mut requests = Vec::new();
                for ocid in named {
                    requests.push(client.get_limits_increase_request(ocid).await?.value);
                }
                requests
            }
        };
        let further = further.iter().map(|region| (*region).to_owned()).collect();
        let mut list = Self { further, ..Self::of(requests) };
        let items = list.requests.iter().flat_map(|request| &request.limits_increase_item_requests);
        let mut limits: Vec<(String, String, String)> = items
            .map(|item| (list.region_of(item), item.service_name.clone(), item.limit_name.clone()))
            .collect();
        limits.sort();
        limits.dedup();
        for (region, service, limit) in limits {
            let client = client.at(Some(region.as_str()).filter(|region| !region.is_empty()));
            // A value that cannot be read is left out of the list.
            let rows = client.list_limit_values(tenancy, &service, Some(&limit)).await.unwrap_or_default();
            let rows = rows.into_iter().filter_map(|row| Some((row.availability_domain, row.value?)));
            list.values.extend(rows.map(|(domain, value)| ((region.clone(), limit.clone(), domain), value)));
        }
        Ok(list)
    }

    /// The further region of an item; empty for the first one.
    fn region_of(&self, item: &LimitsIncreaseItemRequest) -> String {
        let full = oci_api::Region::find(&item.region).map_or(item.region.as_str(), |found| found.name);
        self.further.iter().find(|further| *further == full).cloned().unwrap_or_default()
    }

    fn value_now(&self, item: &LimitsIncreaseItemRequest) -> Option<i64> {
        self.values.get(&(self.region_of(item), item.limit_name.clone(), item.scope.clone())).copied()
    }

    /// The list for stdout.
    pub fn text(&self, output: OutputFormat) -> String {
        let mut listing = Listing::new(COLUMNS);
        for request in &self.requests {
            for item in &request.limits_increase_item_requests {
                let now = self.value_now(item);
                let cells = vec![
                    request.time_created.map_or_else(|| "-".to_owned(), moment),
                    item.lifecycle_state.as_str().to_owned(),
                    item.limit_name.clone(),
                    item.scope.as_deref().map_or("region", short_domain).to_owned(),
                    item.current_value.to_string(),
                    item.value.to_string(),
                    now.map_or_else(|| "-".to_owned(), |value| value.to_string()),
                    request.id.clone(),
                ];
                let row = RequestedLimit {
                    request: &request.id,
                    state: item.lifecycle_state.as_str(),
                    request_state: request.lifecycle_state.as_str(),
                    service: &item.service_name,
                    limit: &item.limit_name,
                    region: &item.region,
                    availability_domain: item.scope.as_deref(),
                    before: item.current_value,
                    wanted: item.value,
                    now,
                    created: request.time_created,
                    resolved: item.time_resolution,
                    justification: request.justification.as_deref(),
                    question: question_of(request),
                };
                listing.push(cells, &row);
            }
        }
        listing.to_text(output)
    }

    /// What Oracle asks, for people, with the command that replies.
    fn questions(&self) -> String {
        let asked = self.requests.iter().filter_map(|request| Some((request, question_of(request)?)));
        let lines = asked.map(|(request, question)| {
            let (id, question) = (&request.id, clean(question));
            format!("Oracle asks: {question}\nhint: reply with `oci-insta-scale limits comment {id} TEXT`\n")
        });
        lines.collect()
    }
}

/// The last comment of an open request, if Oracle wrote it.
fn question_of(request: &LimitsIncreaseRequest) -> Option<&str> {
    let last = request.customer_comments.as_ref()?.last()?;
    (limit_requests::is_open(request) && last.sender_type == Sender::Oracle).then_some(last.message.as_str())
}

/// Lists the requests, once or until they are decided.
pub async fn list_requests(
    connection: &Connection<'_>,
    args: &ListLimitRequests,
) -> Result<Exit, CommandError> {
    let named = args.request.clone().map(|ocid| vec![ocid]);
    let further = connection.settings.fleet.further_names();
    let read = RequestList::read(&connection.questions, connection.root(), &further, named.as_deref());
    let list = connection.ask(read).await?;
    let is_open = |request: &&LimitsIncreaseRequest| limit_requests::is_open(request);
    let open: Vec<String> = list.requests.iter().filter(is_open).map(|request| request.id.clone()).collect();
    if args.watch && !open.is_empty() {
        return show_until_decided(connection, &open, args.every).await;
    }
    show(connection, &list)?;
    Ok(if args.watch { exit_of(&list.requests) } else { Exit::Done })
}

fn show(connection: &Connection<'_>, list: &RequestList) -> Result<(), CommandError> {
    console::data(&list.text(connection.session.output))?;
    let questions = list.questions();
    if !connection.session.is_quiet() && !questions.is_empty() {
        console::line(questions.trim_end());
    }
    Ok(())
}

/// Shows requests whenever they change, until all are decided.
pub async fn show_until_decided(
    connection: &Connection<'_>,
    ocids: &[String],
    every: Duration,
) -> Result<Exit, CommandError> {
    let mut shown = None;
    loop {
        let further = connection.settings.fleet.further_names();
        let read = RequestList::read(&connection.client, connection.root(), &further, Some(ocids));
        let list = connection.ask(read).await?;
        let states: Vec<(State, usize)> = list
            .requests
            .iter()
            .map(|request| {
                let comments = request.customer_comments.as_ref().map_or(0, Vec::len);
                (request.lifecycle_state.clone(), comments)
            })
            .collect();
        let is_decided = !list.requests.iter().any(limit_requests::is_open);
        // Programs get one document, at the end.
        let is_document = connection.session.output == OutputFormat::Json;
        if is_decided || (!is_document && shown.as_ref() != Some(&states)) {
            show(connection, &list)?;
            shown = Some(states);
        }
        if is_decided {
            return Ok(exit_of(&list.requests));
        }
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = connection.session.stop.cancelled() => return Ok(Exit::Interrupted),
        }
    }
}

/// How decided requests ended.
pub fn exit_of(requests: &[LimitsIncreaseRequest]) -> Exit {
    let all = |state: &State| requests.iter().all(|request| request.lifecycle_state == *state);
    let any = |state: &State| requests.iter().any(|request| request.lifecycle_state == *state);
    if all(&State::Succeeded) {
        Exit::Done
    } else if any(&State::Succeeded) || any(&State::PartiallySucceeded) {
        Exit::SomeFailed
    } else {
        Exit::NoneLaunched
    }
}
