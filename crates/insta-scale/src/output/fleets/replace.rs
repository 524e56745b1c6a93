//! The progress and result of a replacement.

use crate::args::OutputFormat;
use crate::output::console;
use crate::output::document::{SCHEMA_VERSION, last_line};
use crate::output::proposal::{DRY_RUN, Proposal};
use crate::output::simulated::mark;
use crate::output::text::{clean, count, ranges};
use fleet::FleetSpec;
use fleet::fleets::{ReplaceStep, Replacement, drift};
use fleet::price::Prices;
use fleet::select::Machine;
use serde_json::{Value, json};

fn document(value: Value, output: OutputFormat, people: String) -> String {
    match output {
        OutputFormat::Json => serde_json::to_string_pretty(&mark(value)).unwrap_or_default() + "\n",
        OutputFormat::Jsonl => last_line(mark(value)),
        _ => people,
    }
}

/// The output when there was nothing to replace.
pub fn nothing(output: OutputFormat, dry_run: bool) -> String {
    if dry_run {
        let value = json!({"schema_version": SCHEMA_VERSION, "planned": []});
        return document(value, output, format!("{DRY_RUN}\n"));
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
    let rows: Vec<Value> = old
        .iter()
        .map(|machine| json!({"name": machine.name, "ocid": machine.ocid, "drift": drift(machine, fleet)}))
        .collect();
    let value = json!({"schema_version": SCHEMA_VERSION, "planned": rows});
    document(value, output, proposal.dry_run(prices))
}

/// Reports a step.
pub fn step(step: &ReplaceStep, output: OutputFormat) {
    let names = |names: &[String]| ranges(&names.iter().map(|name| clean(name)).collect::<Vec<_>>());
    let (kind, text, value) = match step {
        ReplaceStep::Launching(new) => {
            ("launching", format!("launching {}", names(new)), json!({"names": new}))
        }
        ReplaceStep::Launched(run) => {
            let error = run.instances.iter().find_map(|row| row.error.as_ref());
            let why = error.map_or_else(String::new, |error| format!("; {}", clean(&error.message)));
            (
                "launched",
                format!("run {}: {} of {} running{why}", run.run_id, run.running, run.requested),
                json!({"run_id": run.run_id, "running": run.running, "outcome": run.outcome}),
            )
        }
        ReplaceStep::Ending(old) => {
            ("terminating", format!("terminating the old {}", names(old)), json!({"names": old}))
        }
        ReplaceStep::Ended(run) => (
            "terminated",
            format!("{} of {} terminated", run.done + run.accepted, run.requested),
            json!({"run_id": run.run_id, "done": run.done, "outcome": run.outcome}),
        ),
    };
    console::line(&text);
    if output == OutputFormat::Jsonl {
        let mut line = json!({"type": kind});
        if let (Value::Object(line), Value::Object(more)) = (&mut line, value) {
            line.extend(more);
        }
        // The reader of the lines may be gone, which does not affect the fleet.
        let _ = console::data(&(mark(line).to_string() + "\n"));
    }
}

/// The result.
pub fn done(replaced: &Replacement, output: OutputFormat) -> String {
    let Replacement { ended, left, stopped } = replaced;
    let value =
        json!({"schema_version": SCHEMA_VERSION, "replaced": ended, "left": left, "stopped": stopped});
    let people = match left {
        0 => format!("replaced {}\n", count(*ended, "instance")),
        left => format!("replaced {}, {left} left\n", count(*ended, "instance")),
    };
    document(value, output, people)
}
