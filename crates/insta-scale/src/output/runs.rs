//! The list of runs, as a table and as JSON.

use super::instances::columns::{self, Column};
use super::published::{PublishedDocument, PublishedLine, line_of, text_of};
use super::simulated::{ends_with_launch, mark, of_plan};
use super::text::{clean, count, ranges};
use crate::args::{OutputFormat, RunsSchema};
use console::truncate_str;
use jiff::Timestamp;
use ledger::{Next, Outcome, RunHead, RunKind, RunState};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// A run of this machine.
#[derive(Clone, Debug, JsonSchema, Serialize)]
pub struct ListedRun {
    /// The facts from the ledger's list.
    #[serde(flatten)]
    pub head: RunHead,
    /// The facts from its records.
    #[serde(flatten)]
    pub facts: Facts,
}

/// The facts from the records of a run. All are empty if the records cannot be read.
#[derive(Clone, Debug, Default, PartialEq, JsonSchema, Serialize)]
pub struct Facts {
    /// For a launch, the prefix of the names.
    pub name_prefix: Option<String>,
    /// For an action, the names of the instances in as few words as possible.
    #[serde(skip)]
    pub names: Option<String>,
    /// The region.
    pub region: Option<String>,
    /// The shape that is tried first.
    pub shape: Option<String>,
    /// The config that the run was started with.
    pub config: Option<String>,
    /// Whether its region was simulated, according to its plan.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub simulated: bool,
    /// Slots whose instance exists.
    pub launched: u32,
    /// Slots whose instance is running, or whose action is done.
    pub running: u32,
    /// Slots that failed.
    pub failed: u32,
    /// Slots with a launch in doubt.
    pub in_doubt: u32,
    /// What is left to do, in words; empty if the run is done.
    #[serde(skip)]
    pub left: Vec<String>,
}

impl Facts {
    /// From the state of the run.
    pub fn of(state: &RunState) -> Self {
        let counts = state.counts;
        let facts = Self {
            simulated: of_plan(&state.plan).is_some(),
            launched: counts.launched,
            running: counts.running,
            failed: counts.failed,
            in_doubt: counts.unsettled,
            ..Self::default()
        };
        if state.kind == Some(RunKind::Scale) {
            let number = |key: &str| state.plan.get(key).and_then(Value::as_u64).unwrap_or_default();
            let name = state.plan.pointer("/fleet/name").and_then(Value::as_str).unwrap_or_default();
            let sizes = format!("{}: {} → {}", clean(name), number("before"), number("wanted"));
            return Self { names: Some(sizes), ..facts };
        }
        if state.kind == Some(RunKind::Network) {
            let what = if state.plan["cluster"].is_null() { "network" } else { "compute cluster" };
            let fleet = state.plan["fleet"].as_str().map(|name| format!("{what} of {}", clean(name)));
            let region = state.plan["region"].as_str().map(str::to_owned);
            return Self { names: fleet, region, ..facts };
        }
        // An older version's plan may lack some of these.
        let text = |path: &str| state.plan.pointer(path).and_then(Value::as_str).map(str::to_owned);
        if state.kind != Some(RunKind::Launch) {
            let instances = state.plan["instances"].as_array().map_or(&[][..], Vec::as_slice);
            let names: Vec<String> =
                instances.iter().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect();
            return Self { names: Some(ranges(&names)).filter(|names| !names.is_empty()), ..facts };
        }
        Self {
            name_prefix: text("/fleet/name_prefix"),
            region: text("/fleet/region"),
            shape: text("/fleet/placements/0/shape"),
            config: config_of(&state.plan),
            left: if state.outcome.is_none_or(Outcome::is_unfinished) { left(state) } else { failed(state) },
            ..facts
        }
    }
}

/// The files of the config of a launch.
fn config_of(plan: &Value) -> Option<String> {
    let first = plan.pointer("/origin/config")?.as_str()?;
    let over = plan.pointer("/origin/over").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    Some(std::iter::once(first).chain(over.iter().filter_map(Value::as_str)).collect::<Vec<_>>().join(" + "))
}

/// The unfinished work of a run.
fn left(state: &RunState) -> Vec<String> {
    if state.giving_back.is_some() {
        return vec![format!("{} to roll back", state.counts.launched)];
    }
    let (mut launch, mut settle, mut watch) = (0_u32, 0_u32, 0_u32);
    for (_, next) in state.remaining() {
        match next {
            Next::Launch { .. } => launch += 1,
            Next::Settle(_) => settle += 1,
            Next::Watch { .. } => watch += 1,
            Next::Nothing => {}
        }
    }
    let parts = [(launch, "to launch"), (settle, "in doubt"), (watch, "not yet running")];
    parts.iter().filter(|(many, _)| *many > 0).map(|(many, what)| format!("{many} {what}")).collect()
}

fn failed(state: &RunState) -> Vec<String> {
    let failed = state.counts.failed;
    if failed == 0 { Vec::new() } else { vec![format!("{failed} failed")] }
}

/// The runs as a table. `width` is the terminal's, if there is one.
pub fn runs_table(rows: &[ListedRun], now: Timestamp, width: Option<usize>) -> String {
    let column =
        |title, rank, cell: &dyn Fn(&ListedRun) -> String| Column::new(title, rank, rows.iter().map(cell));
    let text = |value: Option<&str>| value.map_or_else(|| "-".to_owned(), clean);
    let id = |row: &ListedRun| row.head.run.to_string();
    let prefix = |row: &ListedRun| row.facts.name_prefix.as_ref().map(|prefix| format!("{prefix}-"));
    let names = |row: &ListedRun| {
        let whole = text(prefix(row).or_else(|| row.facts.names.clone()).as_deref());
        // Without a terminal there is no width to fit, but a long list of names would still hide the other columns.
        if width.is_some() { whole } else { truncate_str(&whole, NAMES, "…").into_owned() }
    };
    let mut columns = vec![
        // `show` and `resume` also accept the short form.
        column("RUN", 0, &id).or_short(rows.iter().map(|row| id(row).chars().take(SHORT).collect())),
        column("KIND", 3, &|row| row.head.kind.map_or("unreadable", kind_of_run).to_owned()),
        column("NAMES", 1, &names).cut(),
        column("REGION", 6, &|row| {
            let further = row.head.further_regions.iter().map(String::as_str);
            let all: Vec<&str> = row.facts.region.as_deref().into_iter().chain(further).collect();
            text(Some(all.join(", ").as_str()).filter(|all| !all.is_empty()))
        }),
        column("SHAPE", 5, &|row| text(row.facts.shape.as_deref())),
        column("DONE", 2, &|row| match row.head.kind {
            // The runs that follow it contain the instances.
            Some(RunKind::Scale) => "-".to_owned(),
            _ => format!("{}/{}", row.facts.running, row.head.requested),
        }),
        column("STARTED", 8, &|row| row.head.created_at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()),
        column("AGE", 4, &|row| age(row.head.created_at, now)),
        column("OUTCOME", 0, &|row| outcome(&row.head)),
    ];
    if rows.iter().any(|row| !row.facts.left.is_empty()) {
        columns.push(
            column("LEFT", 0, &|row| {
                if row.facts.left.is_empty() { "-".to_owned() } else { row.facts.left.join(", ") }
            })
            .cut(),
        );
    }
    columns.push(column("CONFIG", 7, &|row| text(row.facts.config.as_deref())));
    columns::columns_table(columns, width)
}

/// The maximum width of the names if no terminal limits it; the JSON output has them all.
const NAMES: usize = 40;

/// This many characters of an id distinguish runs that did not begin in the same minute.
const SHORT: usize = 13;

/// The runs of this machine, newest first.
#[derive(Debug, JsonSchema, Serialize)]
pub struct RunsDocument<'a> {
    /// One entry per run.
    runs: &'a [ListedRun],
}

impl PublishedDocument for RunsDocument<'_> {
    const NAME: &'static str = "runs";
    const VERSION: u32 = 2;
    const COMMANDS: &'static [&'static str] = &["runs"];
}

impl PublishedLine for ListedRun {
    const NAME: &'static str = "runs-line";
    const COMMANDS: &'static [&'static str] = &["runs"];
}

/// The runs as one JSON document of this version.
pub fn runs_json(runs: &[ListedRun], version: RunsSchema) -> String {
    match version {
        RunsSchema::Array => {
            // Strings, numbers and times only, so serialisation cannot fail.
            let value = |run| serde_json::to_value::<&ListedRun>(run).unwrap_or_default();
            serde_json::to_string_pretty(&mark(runs.iter().map(value).collect())).unwrap_or_default() + "\n"
        }
        RunsSchema::Object => text_of(&RunsDocument { runs }, OutputFormat::Json),
    }
}

/// The runs as JSON, one per line.
pub fn runs_json_lines(runs: &[ListedRun]) -> String {
    runs.iter().map(line_of).collect()
}

/// The kind of a run in one word.
pub fn kind_of_run(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Launch => "launch",
        RunKind::Start => "start",
        RunKind::Stop => "stop",
        RunKind::Reboot => "reboot",
        RunKind::Terminate => "terminate",
        RunKind::Cleanup => "cleanup",
        RunKind::Scale => "scale",
        RunKind::Network => "network",
    }
}

/// How a run ended, in words.
pub fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Complete => "complete",
        Outcome::Partial => "partial",
        Outcome::Nothing => "nothing",
        Outcome::NotAuthenticated => "not authenticated",
        Outcome::Interrupted => "interrupted",
        Outcome::GivenBack => "rolled back",
        Outcome::LedgerFailed => "ledger failed",
        Outcome::InDoubt => "in doubt",
        Outcome::CutShort => "cut short",
        Outcome::Stopped => "stopped",
    }
}

fn outcome(head: &RunHead) -> String {
    let word = match head.outcome {
        Some(outcome) => outcome_word(outcome),
        None if head.held => return "active".to_owned(),
        None if head.unfinished() => "unfinished",
        // Its process died. Repeating the same command does what is left.
        None => "broken off",
    };
    let resumable = head.kind.is_some() && head.unfinished() && !ends_with_launch();
    if resumable { format!("{word} (resume)") } else { word.to_owned() }
}

/// The time since something happened: `5 min`.
pub fn age(from: Timestamp, now: Timestamp) -> String {
    let minutes = now.duration_since(from).as_mins().max(0) as u64;
    match minutes {
        0 => "now".to_owned(),
        1..=119 => format!("{minutes} min"),
        120..=2879 => format!("{} h", minutes / 60),
        _ => count(minutes / 1440, "day"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ledger::{Event, Placement, Record, RunId};

    #[test]
    fn only_a_launch_remains_unfinished() {
        let plan = serde_json::json!({});
        let word = |kind, end| outcome(&row(kind, plan.clone(), Vec::new(), end).head);
        assert_eq!(word(RunKind::Launch, None), "unfinished (resume)");
        assert_eq!(word(RunKind::Launch, Some(Outcome::Interrupted)), "interrupted (resume)");
        for kind in [RunKind::Scale, RunKind::Terminate, RunKind::Stop, RunKind::Cleanup] {
            assert_eq!(word(kind, None), "broken off");
            assert_eq!(word(kind, Some(Outcome::Interrupted)), "interrupted");
        }
    }

    fn row(
        kind: RunKind,
        plan: serde_json::Value,
        events: Vec<Event>,
        outcome: Option<Outcome>,
    ) -> ListedRun {
        let started = Event::RunStarted { kind, requested: 5, plan };
        let ended = outcome.map(|outcome| Event::RunFinished { outcome });
        let at = Timestamp::UNIX_EPOCH;
        let events = std::iter::once(started).chain(events).chain(ended);
        let records: Vec<Record> = (1..).zip(events).map(|(seq, event)| Record { seq, at, event }).collect();
        let run = RunId("0193ab00-0000-7000-8000-000000000001".parse().unwrap());
        let facts = Facts::of(&RunState::fold(run, &records));
        let head = RunHead {
            run,
            kind: Some(kind),
            requested: 5,
            further_regions: Vec::new(),
            created_at: at,
            last_at: at,
            outcome,
            held: false,
        };
        ListedRun { head, facts }
    }

    fn json_rows() -> Vec<ListedRun> {
        let fleet = serde_json::json!({
            "region": "us-phoenix-1",
            "name_prefix": "web",
            "placements": [{"shape": "VM.Standard.E4.Flex"}],
        });
        let plan = serde_json::json!({"fleet": fleet, "origin": {"config": "/home/ann/config.yaml"}});
        let launched = |slot| Event::Launched {
            slot,
            attempt: 1,
            ocid: format!("ocid{slot}"),
            name: format!("web-{slot}"),
            state: "PROVISIONING".to_owned(),
            placement: Placement::default(),
            work_request: None,
            adopted: false,
            differs: None,
        };
        let intended = Event::LaunchIntended {
            slot: 3,
            attempt: 1,
            token: "t".to_owned(),
            placement: Placement::default(),
        };
        let running = Event::Running { slot: 1, ocid: "ocid1".to_owned() };
        let failed = Event::SlotFailed { slot: 2, error: ledger::ErrorRecord::default() };
        let stop = serde_json::json!({
            "options": {"verb": "stop"},
            "instances": [{"name": "web-1"}, {"name": "web-2"}, {"name": "web-3"}],
        });
        vec![
            row(RunKind::Launch, plan.clone(), vec![launched(1), running, launched(2), intended], None),
            row(RunKind::Launch, plan, vec![failed], Some(Outcome::Nothing)),
            row(RunKind::Stop, stop, Vec::new(), Some(Outcome::Complete)),
        ]
    }

    #[test]
    fn runs_tell_fleet_counts_and_what_is_left() {
        let now = Timestamp::from_second(300).unwrap();
        let rows = json_rows();
        let text = runs_table(&rows, now, None)
            + &runs_table(&rows, now, Some(80))
            + &runs_table(&rows, now, Some(120));
        insta::assert_snapshot!(text, @r"
            RUN                                   KIND    NAMES          REGION        SHAPE                DONE  STARTED                  AGE    OUTCOME              LEFT                                        CONFIG
            0193ab00-0000-7000-8000-000000000001  launch  web-           us-phoenix-1  VM.Standard.E4.Flex  1/5   1970-01-01 00:00:00 UTC  5 min  unfinished (resume)  2 to launch, 1 in doubt, 1 not yet running  /home/ann/config.yaml
            0193ab00-0000-7000-8000-000000000001  launch  web-           us-phoenix-1  VM.Standard.E4.Flex  0/5   1970-01-01 00:00:00 UTC  5 min  nothing              1 failed                                    /home/ann/config.yaml
            0193ab00-0000-7000-8000-000000000001  stop    web-1 … web-3  -             -                    0/5   1970-01-01 00:00:00 UTC  5 min  complete             -                                           -
            RUN            NAMES          OUTCOME              LEFT
            0193ab00-0000  web-           unfinished (resume)  2 to launch, 1 in doubt, 1 n…
            0193ab00-0000  web-           nothing              1 failed
            0193ab00-0000  web-1 … web-3  complete             -
            RUN            KIND    NAMES          DONE  AGE    OUTCOME              LEFT
            0193ab00-0000  launch  web-           1/5   5 min  unfinished (resume)  2 to launch, 1 in doubt, 1 not yet running
            0193ab00-0000  launch  web-           0/5   5 min  nothing              1 failed
            0193ab00-0000  stop    web-1 … web-3  0/5   5 min  complete             -
            ");
        let mut long = rows[2].clone();
        long.facts.names = Some("web-1, web-3, ".repeat(20));
        let piped = runs_table(&[long], now, None);
        assert!(piped.lines().all(|line| line.chars().count() < 200), "{piped}");
        let values = serde_json::to_value(&rows).unwrap();
        assert_eq!((&values[0]["name_prefix"], &values[0]["in_doubt"]), (&"web".into(), &1.into()));
        assert_eq!((&values[0]["launched"], &values[0]["running"]), (&2.into(), &1.into()));
        assert_eq!(values[0]["config"], "/home/ann/config.yaml");
    }
}
