//! `report`: writes what is known of a run or of a fleet as one page, as Markdown or as JSON. Sends no requests.

use crate::args::{OutputFormat, ReportArgs, ReportFormat};
use crate::config::{self, Fleet};
use crate::error::CommandError;
use crate::exit::Exit;
use crate::files;
use crate::login;
use crate::output::report::{MARK, sheet, to_markdown, to_page};
use crate::output::text::{clean, count};
use crate::output::{console, simulated};
use crate::session::{Session, find_run};
use fleet::Plan;
use fleet::price::Prices;
use fleet::report::{self, PastRun, Report};
use jiff::Timestamp;
use ledger::{Event, LedgerError, RunHead, Store};
use serde_json::json;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// Version of the JSON document. A new field does not change it; a changed or removed one does.
const SCHEMA_VERSION: u32 = 1;

/// What a report is about.
struct Subject {
    /// The word for its file.
    word: String,
    runs: Vec<PastRun>,
    notes: Vec<String>,
}

/// Writes a report.
pub async fn write_report(session: &Session, args: &ReportArgs) -> Result<Exit, CommandError> {
    if args.simulated {
        simulated::assume_ended_regions();
    }
    let as_document = matches!(session.output, OutputFormat::Json | OutputFormat::Jsonl);
    if as_document && args.output_file.as_deref().is_some_and(|file| file != Path::new("-")) {
        return Err(CommandError::usage(
            "--output-file is for pages and Markdown, not for --output json",
            "redirect stdout instead",
        ));
    }
    let heads = session.known_runs().await?;
    if heads.is_empty() {
        return Err(CommandError::usage("there is no run yet", "`oci-insta-scale launch` starts one"));
    }
    let store = session.ledger()?;
    let mut subject = find_subject(&*store, &heads, args.run.as_deref()).await?;
    let since = subject.runs.iter().map(|run| run.head.created_at).min().unwrap_or(Timestamp::MIN);
    let power = report::power_changes(&*store, &heads, since).await?;
    let plan = subject.runs.iter().rev().find_map(plan_of);
    if let Some(label) = plan.as_ref().and_then(|plan| plan.origin.as_ref()?.simulated.as_deref()) {
        simulated::assume_simulated(label);
    }
    // The plan of a run in a region of its own does not name the region.
    if args.simulated {
        subject.notes.push("simulated region: nothing here is real".to_owned());
    }
    let prices = prices(session, plan.as_ref(), &mut subject.notes);
    // A region that ended with its launch charges no longer.
    let last = subject.runs.iter().map(|run| run.head.last_at).max();
    let until = last.filter(|_| args.simulated).unwrap_or_else(|| session.now());
    let report = report::report(&subject.runs, &power, &prices, until);
    if as_document {
        console::data(&document(&report, session.output))?;
        return Ok(Exit::Done);
    }
    let sheet = sheet(&report, &subject.notes);
    let (text, usual) = match args.format {
        ReportFormat::Html => (to_page(&report, &sheet), Some(format!("report-{}.html", subject.word))),
        ReportFormat::Md => (to_markdown(&sheet), None),
    };
    let file = args.output_file.clone().or(usual.map(PathBuf::from));
    match file.filter(|file| file != Path::new("-")) {
        Some(file) => write_file(session, &file, &text, args.force, &report),
        None => console::data(&text),
    }?;
    Ok(Exit::Done)
}

/// The runs that a report is about. An id is recognised first; a name that is also the start of an id is refused.
async fn find_subject(
    store: &dyn Store,
    heads: &[RunHead],
    asked: Option<&str>,
) -> Result<Subject, CommandError> {
    let Some(text) = asked else {
        return match heads.first() {
            Some(last) => of_run(store, last).await,
            None => Err(CommandError::usage("there is no run yet", "`oci-insta-scale launch` starts one")),
        };
    };
    let run = find_run(heads, text);
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
            Ok(Subject { word, runs: found.runs, notes: elsewhere.into_iter().collect() })
        }
        (Err(_), true) => Err(CommandError::usage(
            format!("there is no run or fleet {text:?}"),
            "`oci-insta-scale runs` lists the runs of this machine",
        )),
    }
}

async fn of_run(store: &dyn Store, head: &RunHead) -> Result<Subject, CommandError> {
    let records = store.records(head.run).await?;
    let run = PastRun { head: head.clone(), records };
    Ok(Subject { word: head.run.to_string(), runs: vec![run], notes: Vec::new() })
}

fn plan_of(run: &PastRun) -> Option<Plan> {
    run.records.records.iter().find_map(|record| match &record.event {
        Event::RunStarted { plan, .. } => serde_json::from_value(plan.clone()).ok(),
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

fn document(report: &Report, format: OutputFormat) -> String {
    let mut document = json!({"schema_version": SCHEMA_VERSION});
    // Strings, numbers and times only, so serialisation cannot fail.
    let fields = serde_json::to_value(report).unwrap_or_default();
    if let (Some(document), serde_json::Value::Object(fields)) = (document.as_object_mut(), fields) {
        document.extend(fields);
    }
    let document = simulated::mark(document);
    let text = match format {
        OutputFormat::Json => serde_json::to_string_pretty(&document),
        _ => serde_json::to_string(&document),
    };
    text.unwrap_or_default() + "\n"
}

fn write_file(
    session: &Session,
    file: &Path,
    text: &str,
    force: bool,
    report: &Report,
) -> Result<(), CommandError> {
    let shown = clean(&file.display().to_string());
    let failed = |error: std::io::Error| {
        CommandError::usage(
            format!("the report cannot be written to {shown}: {error}"),
            "choose another file with --output-file, or `-` for stdout",
        )
    };
    if !force && is_foreign(file).map_err(failed)? {
        return Err(CommandError::usage(
            format!("{shown} exists and is no report"),
            "choose another file with --output-file, or overwrite it with --force",
        ));
    }
    files::replace(file, text.as_bytes()).map_err(failed)?;
    let path = file.canonicalize().unwrap_or_else(|_| file.to_owned());
    console::data(&format!("{}\n", clean(&path.display().to_string())))?;
    if !session.is_quiet() {
        let slots = count(report.slots.len() as u64, "instance");
        let size = text.len().div_ceil(1024);
        console::line(&format!("wrote the report of {slots}, {size} KB; open it in a browser"));
    }
    Ok(())
}

/// Whether a file exists that `report` did not write. A device or a pipe has nothing to lose.
fn is_foreign(file: &Path) -> std::io::Result<bool> {
    let found = match std::fs::metadata(file) {
        Ok(found) => found,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error),
    };
    if !found.is_file() || found.len() == 0 {
        return Ok(false);
    }
    let mut start = Vec::new();
    std::fs::File::open(file)?.take(128).read_to_end(&mut start)?;
    Ok(!String::from_utf8_lossy(&start).contains(MARK))
}
