//! The progress and result of a replacement.

use crate::args::OutputFormat;
use crate::output::console;
use crate::output::proposal::{DRY_RUN, Proposal};
use crate::output::published::{PublishedDocument, PublishedLine, line_of, summary_of};
use crate::output::text::{clean, count, ranges};
use fleet::FleetSpec;
use fleet::fleets::{Drift, ReplaceStep, Replacement, drift};
use fleet::price::Prices;
use fleet::select::Machine;
use ledger::{Outcome, RunId};
use schemars::JsonSchema;
use serde::Serialize;

/// What `replace --dry-run` would replace.
#[derive(Debug, JsonSchema, Serialize)]
pub struct PlannedReplacement<'a> {
    /// The members that differ from the config.
    planned: Vec<DifferingMember<'a>>,
}

impl PublishedDocument for PlannedReplacement<'_> {
    const NAME: &'static str = "replace-dry-run";
    const COMMANDS: &'static [&'static str] = &["replace"];
}

/// A member that differs from the config.
#[derive(Debug, JsonSchema, Serialize)]
struct DifferingMember<'a> {
    /// Its display name.
    name: &'a str,
    /// Its OCID.
    ocid: &'a str,
    /// Its region.
    region: Option<&'a str>,
    /// How it differs.
    drift: Vec<Drift>,
}

/// The result of a `replace`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ReplaceResult {
    /// Members that were replaced.
    replaced: u32,
    /// Members that still differ from the config.
    left: u32,
    /// Why it stopped early.
    stopped: Option<Outcome>,
}

impl PublishedDocument for ReplaceResult {
    const NAME: &'static str = "replace";
    const COMMANDS: &'static [&'static str] = &["replace"];
}

/// A step of a `replace`.
#[derive(Debug, JsonSchema, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ReplaceLine<'a> {
    /// New members are being launched.
    Launching {
        /// Their display names.
        names: &'a [String],
    },
    /// The launch ended.
    Launched {
        /// The run.
        run_id: RunId,
        /// Instances that were seen RUNNING.
        running: u32,
        /// How the run ended.
        outcome: Option<Outcome>,
    },
    /// Old members are being terminated.
    Terminating {
        /// Their display names.
        names: &'a [String],
    },
    /// The termination ended.
    Terminated {
        /// The run.
        run_id: Option<RunId>,
        /// Instances that were terminated.
        done: u32,
        /// How the run ended.
        outcome: Option<Outcome>,
    },
}

impl PublishedLine for ReplaceLine<'_> {
    const NAME: &'static str = "replace-line";
    const COMMANDS: &'static [&'static str] = &["replace"];
}

fn shown<D: PublishedDocument>(document: &D, output: OutputFormat, people: String) -> String {
    match output {
        OutputFormat::Json | OutputFormat::Jsonl => summary_of(document, output),
        _ => people,
    }
}

/// The output when there was nothing to replace.
pub fn nothing(output: OutputFormat, dry_run: bool) -> String {
    if dry_run {
        return shown(&PlannedReplacement { planned: Vec::new() }, output, format!("{DRY_RUN}\n"));
    }
    done(&Replacement { ended: 0, left: 0, stopped: None }, output)
}

/// The output of a dry run.
pub fn planned(
    proposal: &Proposal,
    prices: &Prices,
    old: &[Machine],
    fleet: &FleetSpec,
    output: OutputFormat,
) -> String {
    let members = old.iter().map(|machine| DifferingMember {
        name: &machine.name,
        ocid: &machine.ocid,
        region: machine.region.as_deref(),
        drift: drift(machine, fleet),
    });
    let document = PlannedReplacement { planned: members.collect() };
    shown(&document, output, proposal.dry_run(prices))
}

/// Reports a step.
pub fn step(step: &ReplaceStep, output: OutputFormat) {
    let names = |names: &[String]| ranges(&names.iter().map(|name| clean(name)).collect::<Vec<_>>());
    let (text, line) = match step {
        ReplaceStep::Launching(new) => {
            (format!("launching {}", names(new)), ReplaceLine::Launching { names: new })
        }
        ReplaceStep::Launched(run) => {
            let error = run.instances.iter().find_map(|row| row.error.as_ref());
            let why = error.map_or_else(String::new, |error| format!("; {}", clean(&error.message)));
            (
                format!("run {}: {} of {} running{why}", run.run_id, run.running, run.requested),
                ReplaceLine::Launched { run_id: run.run_id, running: run.running, outcome: run.outcome },
            )
        }
        ReplaceStep::Ending(old) => {
            (format!("terminating the old {}", names(old)), ReplaceLine::Terminating { names: old })
        }
        ReplaceStep::Ended(run) => (
            format!("{} of {} terminated", run.done + run.accepted, run.requested),
            ReplaceLine::Terminated { run_id: run.run_id, done: run.done, outcome: run.outcome },
        ),
    };
    console::line(&text);
    if output == OutputFormat::Jsonl {
        // The reader of the lines may be gone, which does not affect the fleet.
        let _ = console::data(&line_of(&line));
    }
}

/// The result.
pub fn done(replaced: &Replacement, output: OutputFormat) -> String {
    let Replacement { ended, left, stopped } = replaced;
    let document = ReplaceResult { replaced: *ended, left: *left, stopped: *stopped };
    let people = match left {
        0 => format!("replaced {}\n", count(*ended, "instance")),
        left => format!("replaced {}, {left} left\n", count(*ended, "instance")),
    };
    shown(&document, output, people)
}
