//! `watch`: serves the report of a run as a page that follows it. It reads the ledger only, so it cannot disturb the run.

use super::reported::{NamedRuns, Reading, Reported};
use crate::args::WatchArgs;
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::console;
use crate::output::published::{PublishedDocument, one_line_of};
use crate::output::report::{live_data, live_policy, sheet, to_live_page};
use crate::output::runs::outcome_word;
use crate::output::text::{clean, count};
use crate::serving::{Listening, is_addressed_here, is_from_here};
use crate::session::Session;
use crate::tuning::{LIVE_POLL, LIVE_SHARE};
use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use fleet::report::Report;
use futures_util::stream::unfold;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};
use ledger::RunHead;
use schemars::JsonSchema;
use serde::Serialize;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;

/// The page as it is now.
#[derive(Clone, Default, PartialEq)]
struct LiveView {
    title: Arc<str>,
    data: Arc<str>,
}

/// What requests are answered with.
#[derive(Clone)]
struct LivePage {
    address: SocketAddr,
    /// The first part of the path, which only the person who started the command knows.
    secret: Arc<str>,
    shown: watch::Receiver<LiveView>,
}

/// The page that follows a run, as soon as it is served.
#[derive(Debug, JsonSchema, Serialize)]
pub struct WatchPage<'a> {
    /// Its address, with the secret that opens it.
    url: &'a str,
}

impl PublishedDocument for WatchPage<'_> {
    const NAME: &'static str = "watch";
    const COMMANDS: &'static [&'static str] = &["watch"];
}

/// Serves the page until the user ends it.
pub async fn watch_run(session: &Session, args: &WatchArgs) -> Result<Exit, CommandError> {
    let reported = Reported::find(session, NamedRuns::either(args.run.as_deref()), args.simulated).await?;
    let reading = reported.first_reading().await?;
    let listening = Listening::open("--listen", args.listen).await?;
    let secret = environment::secret_word();
    let of_fleet = reported.is_of_fleet();
    let (sender, shown) = watch::channel(shown(&reading, of_fleet));
    let page = LivePage { address: listening.address, secret: secret.as_str().into(), shown };
    let url = format!("http://{}/{secret}/", listening.address);
    console::data(
        &one_line_of(&WatchPage { url: &url }, session.output).unwrap_or_else(|| url.clone() + "\n"),
    )?;
    if !session.is_quiet() {
        console::line("open this address in a browser; Ctrl-C ends the page, and the run is not affected");
    }
    let router = Router::new().fallback(answer).with_state(page);
    let server = tokio::spawn(listening.serve(router));
    let ended = tokio::select! {
        ended = follow(session, &reported, reading.report, &sender) => ended,
        () = session.stop.cancelled() => Ok(Exit::Interrupted),
    };
    server.abort();
    ended
}

/// Reads the ledger again whenever it has changed.
async fn follow(
    session: &Session,
    reported: &Reported<'_>,
    first: Report,
    sender: &watch::Sender<LiveView>,
) -> Result<Exit, CommandError> {
    let mut known: Vec<RunHead> = Vec::new();
    let mut was_over = false;
    let mut report = first;
    let mut pause = LIVE_POLL;
    let of_fleet = reported.is_of_fleet();
    loop {
        let is_over = report.runs.iter().all(|run| run.outcome.is_some() && !run.held);
        if is_over != was_over && !session.is_quiet() {
            console::line(&ending(&report, is_over, of_fleet));
        }
        was_over = is_over;
        tokio::time::sleep(pause).await;
        let began = Instant::now();
        // A ledger that cannot be read now may be read later; the page keeps what it shows.
        let Ok(heads) = reported.heads().await else { continue };
        if heads == known {
            pause = LIVE_POLL;
            continue;
        }
        match reported.read(&heads).await {
            Ok(reading) => {
                sender.send_replace(shown(&reading, of_fleet));
                report = reading.report;
                known = heads;
            }
            Err(error) => tracing::warn!(%error, "the ledger cannot be read"),
        }
        // A run of thousands of instances takes longer to read, and the machine has other work.
        pause = LIVE_POLL.max(began.elapsed() * LIVE_SHARE);
    }
}

fn shown(reading: &Reading, of_fleet: bool) -> LiveView {
    let sheet = sheet(&reading.report, &reading.notes);
    let data = live_data(&reading.report, &sheet, &state(&reading.report, of_fleet));
    LiveView { title: sheet.title.as_str().into(), data: data.into() }
}

/// How the runs stand, for the page. A fleet does not end with its last launch: `maintain` may start another at any time.
fn state(report: &Report, of_fleet: bool) -> String {
    match report.runs.last() {
        Some(run) if run.held => "Live".to_owned(),
        Some(run) => match run.outcome {
            Some(outcome) if of_fleet => {
                format!("No launch is at work; the last one ended: {}", outcome_word(outcome))
            }
            Some(outcome) => format!("Ended: {}", outcome_word(outcome)),
            None => "Nobody works on the run".to_owned(),
        },
        None => "No run".to_owned(),
    }
}

/// The line for the person at the terminal.
fn ending(report: &Report, is_over: bool, of_fleet: bool) -> String {
    let what = match report.runs.as_slice() {
        [run] => format!("run {}", run.run_id),
        runs => count(runs.len() as u64, "run"),
    };
    if is_over {
        format!("{what}: {}", clean(&state(report, of_fleet)).to_lowercase())
    } else {
        format!("{what}: live")
    }
}

/// Answers a request: the page and its events at the secret path, and nothing else to anybody else.
async fn answer(State(page): State<LivePage>, method: Method, uri: Uri, headers: HeaderMap) -> Response {
    if !is_addressed_here(page.address, &headers) || !is_from_here(&headers) {
        return (StatusCode::FORBIDDEN, "this page is for the browser of the person who started it\n")
            .into_response();
    }
    let path = uri.path().strip_prefix('/').and_then(|path| path.strip_prefix(&*page.secret));
    let mut response = match (path, method) {
        (Some("/" | "/events"), method) if method != Method::GET => {
            (StatusCode::METHOD_NOT_ALLOWED, "this page only shows\n").into_response()
        }
        (Some("/"), _) => {
            let LiveView { title, data } = page.shown.borrow().clone();
            let html = HeaderValue::from_static("text/html; charset=utf-8");
            ([(CONTENT_TYPE, html)], to_live_page(&title, &data)).into_response()
        }
        (Some("/events"), _) => events(page.shown).into_response(),
        _ => (StatusCode::NOT_FOUND, "there is no such page\n").into_response(),
    };
    let policy = live_policy() + "; frame-ancestors 'none'";
    let policy = HeaderValue::try_from(policy).unwrap_or(HeaderValue::from_static("default-src 'none'"));
    let fixed =
        [(CACHE_CONTROL, "no-store"), (REFERRER_POLICY, "no-referrer"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    let headers = response.headers_mut();
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    response
}

/// The present data, and then each change. A slow browser misses changes, but never the last one.
fn events(mut shown: watch::Receiver<LiveView>) -> impl IntoResponse {
    shown.mark_changed();
    let changes = unfold(shown, |mut shown| async move {
        shown.changed().await.ok()?;
        let data = shown.borrow_and_update().data.clone();
        Some((Ok::<_, Infallible>(Event::default().event("report").data(&*data)), shown))
    });
    Sse::new(changes).keep_alive(KeepAlive::default())
}
