//! What a report says about its runs beside their tables.

use crate::output::simulated;
use crate::output::text::{clean, count};
use fleet::report::ReportedRun;
use ledger::RunId;

/// The notes of all runs. What is true of each run is said once; otherwise a note names its runs.
pub fn notes_of_runs(runs: &[ReportedRun]) -> Vec<String> {
    let mut noted: Vec<(String, Vec<RunId>)> = Vec::new();
    for run in runs {
        for note in notes_of(run) {
            match noted.iter_mut().find(|(known, _)| *known == note) {
                Some((_, named)) => named.push(run.run_id),
                None => noted.push((note, vec![run.run_id])),
            }
        }
    }
    let said = |(note, named): (String, Vec<RunId>)| {
        if named.len() == runs.len() {
            return note;
        }
        let ids: Vec<String> = named.iter().map(ToString::to_string).collect();
        format!("{} {}: {note}", if ids.len() == 1 { "run" } else { "runs" }, ids.join(", "))
    };
    noted.into_iter().map(said).collect()
}

fn notes_of(run: &ReportedRun) -> Vec<String> {
    let mut notes = Vec::new();
    if let Some(label) = &run.simulated {
        notes.push(format!("{}: nothing here is real", simulated::describe(label)));
    }
    if run.outcome.is_none() {
        let last = run.last_at.map_or_else(String::new, |at| format!("; its last record is of {at:.0}"));
        notes.push(format!("the run has not ended{last}"));
    }
    if let Some(first) = run.unreadable.first() {
        let lost = count(run.unreadable.len() as u64, "record");
        let reason = clean(&first.reason);
        notes.push(format!(
            "{lost} of the run cannot be read, so parts are missing (from number {} on: {reason})",
            first.seq
        ));
    }
    if run.clock_went_back > 0 {
        let times = count(run.clock_went_back, "time");
        notes.push(format!(
            "the clock of the machine was set back {times} during the run, so times may be wrong"
        ));
    }
    if let Some(returned) = &run.returned {
        let (reached, min) = (returned.reached, returned.min);
        notes.push(format!(
            "the run was rolled back, because {reached} running is below the minimum of {min}"
        ));
    }
    notes.extend(run.warnings.iter().map(|warning| format!("warning: {}", clean(warning))));
    notes
}
