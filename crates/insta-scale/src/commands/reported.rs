//! What a report or a live page is about: the runs that were named, read from the ledger, with their prices. Sends no requests.

use crate::config::{self, Fleet};
use crate::error::CommandError;
use crate::login;
use crate::output::simulated;
use crate::output::text::count;
use crate::run_choice::find_run;
use crate::session::Session;
use fleet::Plan;
use fleet::price::Prices;
use fleet::report::{self, PastRun, Report};
use jiff::Timestamp;
use ledger::{Event, LedgerError, RunHead, RunId, RunKind, Store};
use std::sync::Arc;

/// The runs of a report.
pub struct Reported<'a> {
    session: &'a Session,
    store: Arc<dyn Store>,
    /// The word for its file.
    pub word: String,
    asked: Asked,
    prices: Prices,
    notes: Vec<String>,
    /// Whether the region of the runs ended with them.
    is_over: bool,
    first: (Vec<RunHead>, Vec<PastRun>),
}

/// How the runs of a report are named.
#[derive(Clone, Copy, Debug)]
pub enum NamedRuns<'a> {
    /// The last run.
    Last,
    /// An id or its start, or the name of a fleet.
    Either(&'a str),
    /// An id or its start.
    Run(&'a str),
    /// The name of a fleet.
    Fleet(&'a str),
}

impl<'a> NamedRuns<'a> {
    /// A text that names either a run or a fleet; without a text, the last run.
    pub fn either(text: Option<&'a str>) -> Self {
        text.map_or(Self::Last, Self::Either)
    }
}

/// Which runs were found.
#[derive(Clone, Debug)]
enum Asked {
    Run(RunId),
    Fleet(String),
}

/// What the ledger says now.
pub struct Reading {
    /// The fold.
    pub report: Report,
    /// What to know about it.
    pub notes: Vec<String>,
}

/// The runs that were found.
struct Subject {
    word: String,
    asked: Asked,
    runs: Vec<PastRun>,
    notes: Vec<String>,
}

impl<'a> Reported<'a> {
    /// Finds the runs.
    pub async fn find(
        session: &'a Session,
        asked: NamedRuns<'_>,
        is_simulated: bool,
    ) -> Result<Self, CommandError> {
        if is_simulated {
            simulated::assume_ended_regions();
        }
        let heads = session.known_runs().await?;
        if heads.is_empty() {
            return Err(CommandError::usage("there is no run yet", "`oci-insta-scale launch` starts one"));
        }
        let store = session.ledger()?;
        let Subject { word, asked, runs, mut notes } = find_subject(&*store, &heads, asked).await?;
        let plan = runs.iter().rev().find_map(plan_of);
        if let Some(label) = runs.iter().rev().find_map(|run| simulated::of_plan(raw_plan_of(run)?)) {
            simulated::assume_simulated(label);
        }
        // The plan of a run in a region of its own does not name the region.
        if is_simulated {
            notes.push("simulated region: nothing here is real".to_owned());
        }
        let prices = prices(session, plan.as_ref(), &mut notes);
        Ok(Self { session, store, word, asked, prices, notes, is_over: is_simulated, first: (heads, runs) })
    }

    /// Whether it is about a fleet, whose launches may become more.
    pub fn is_of_fleet(&self) -> bool {
        matches!(self.asked, Asked::Fleet(_))
    }

    /// The list of all runs, which changes with every record.
    pub async fn heads(&self) -> Result<Vec<RunHead>, CommandError> {
        Ok(self.store.runs().await?)
    }

    /// The report of the runs as they were found.
    pub async fn first_reading(&self) -> Result<Reading, CommandError> {
        let (heads, runs) = &self.first;
        self.fold(heads, runs.clone()).await
    }

    /// The report of the runs as they are now. A fleet may have more than before.
    pub async fn read(&self, heads: &[RunHead]) -> Result<Reading, CommandError> {
        let runs = match &self.asked {
            Asked::Run(run) => {
                let head = heads.iter().find(|head| head.run == *run);
                let head = head.ok_or(LedgerError::UnknownRun { run: *run })?;
                vec![PastRun { head: head.clone(), records: self.store.records(*run).await? }]
            }
            Asked::Fleet(name) => report::runs_of_fleet(&*self.store, heads, name).await?.runs,
        };
        self.fold(heads, runs).await
    }

    async fn fold(&self, heads: &[RunHead], runs: Vec<PastRun>) -> Result<Reading, CommandError> {
        let since = runs.iter().map(|run| run.head.created_at).min().unwrap_or(Timestamp::MIN);
        let power = report::power_changes(&*self.store, heads, since).await?;
        // A region that ended with its launch charges no longer.
        let last = runs.iter().map(|run| run.head.last_at).max();
        let until = last.filter(|_| self.is_over).unwrap_or_else(|| self.session.now());
        let prices = self.prices.clone();
        // A run of thousands of instances takes a while, in which other work must go on.
        let folded = tokio::task::spawn_blocking(move || report::report(&runs, &power, &prices, until)).await;
        let report = folded.map_err(|error| CommandError::Run(format!("the report failed: {error}")))?;
        Ok(Reading { report, notes: self.notes.clone() })
    }
}

/// The runs that a report is about. An id is recognised first; a name that is also the start of an id is refused.
async fn find_subject(
    store: &dyn Store,
    heads: &[RunHead],
    asked: NamedRuns<'_>,
) -> Result<Subject, CommandError> {
    let (text, run) = match asked {
        NamedRuns::Last => {
            // Of a scaling, the launch or the termination has the instances.
            return match heads.iter().find(|head| head.kind != Some(RunKind::Scale)) {
                Some(last) => of_run(store, last).await,
                None => {
                    Err(CommandError::usage("there is no run yet", "`oci-insta-scale launch` starts one"))
                }
            };
        }
        NamedRuns::Either(text) => (text, find_run(heads, text)),
        NamedRuns::Run(text) => {
            let run = find_run(heads, text)?;
            let head = heads.iter().find(|head| head.run == run);
            return of_run(store, head.ok_or(LedgerError::UnknownRun { run })?).await;
        }
        NamedRuns::Fleet(text) => (text, Err(no_fleet(text))),
    };
    if text.trim().is_empty() {
        return Err(run.err().unwrap_or(CommandError::Declined));
    }
    let found = report::runs_of_fleet(store, heads, text).await?;
    match (run, found.runs.is_empty()) {
        (Ok(run), true) => match heads.iter().find(|head| head.run == run) {
            Some(head) => of_run(store, head).await,
            None => Err(LedgerError::UnknownRun { run }.into()),
        },
        (Ok(run), false) => Err(CommandError::usage(
            format!("{text:?} is the name of a fleet and the start of a run"),
            format!("for the run, use its whole id: {run}"),
        )),
        (Err(_), false) => {
            let elsewhere = (found.elsewhere > 0).then(|| {
                let others = count(found.elsewhere as u64, "launch");
                format!("{others} of other fleets of this name are not in this report: another region, compartment or endpoint")
            });
            let word =
                text.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect();
            let asked = Asked::Fleet(text.to_owned());
            Ok(Subject { word, asked, runs: found.runs, notes: elsewhere.into_iter().collect() })
        }
        (Err(_), true) => Err(match asked {
            NamedRuns::Fleet(_) => no_fleet(text),
            _ => no_such("run or fleet", text),
        }),
    }
}

fn no_fleet(name: &str) -> CommandError {
    no_such("launch of a fleet", name)
}

fn no_such(what: &str, text: &str) -> CommandError {
    CommandError::usage(
        format!("there is no {what} {text:?}"),
        "`oci-insta-scale runs` lists the runs of this machine",
    )
}

async fn of_run(store: &dyn Store, head: &RunHead) -> Result<Subject, CommandError> {
    if head.kind == Some(RunKind::Scale) {
        return Err(CommandError::usage(
            format!("run {} set the size of a fleet: the runs after it have the instances", head.run),
            "`oci-insta-scale runs` lists them; the name of a fleet stands for all its launches",
        ));
    }
    let records = store.records(head.run).await?;
    let run = PastRun { head: head.clone(), records };
    Ok(Subject {
        word: head.run.to_string(),
        asked: Asked::Run(head.run),
        runs: vec![run],
        notes: Vec::new(),
    })
}

fn plan_of(run: &PastRun) -> Option<Plan> {
    serde_json::from_value(raw_plan_of(run)?.clone()).ok()
}

/// The plan of a run of any kind, as it was recorded.
fn raw_plan_of(run: &PastRun) -> Option<&serde_json::Value> {
    run.records.records.iter().find_map(|record| match &record.event {
        Event::RunStarted { plan, .. } => Some(plan),
        _ => None,
    })
}

/// The prices of the config that the run was started with; a config that cannot be read has none of its own.
fn prices(session: &Session, plan: Option<&Plan>, notes: &mut Vec<String>) -> Prices {
    let session = session.at_origin(plan.and_then(|plan| plan.origin.as_ref()));
    let listed = Prices { list: session.price_list(), ..Prices::default() };
    let layers = session.layers();
    if !layers.files.iter().any(|file| file.exists()) {
        return listed;
    }
    let overrides = session.overrides(None);
    if let Ok(settings) =
        config::load_connection(&layers, true, Fleet::Ignored, &overrides, &login::profile_facts)
    {
        return settings.prices;
    }
    notes.push("the prices of the config could not be read: those of the price list are used".to_owned());
    listed
}
