//! Shows what `ledger` did.

use super::published::{PublishedDocument, text_of};
use super::text::{clean, count};
use crate::args::OutputFormat;
use ledger::{RunId, Unreadable};
use schemars::JsonSchema;
use serde::Serialize;
use std::fmt::Write as _;

/// The result of `ledger copy`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct LedgerCopy<'a> {
    /// The ledger that was read.
    pub from: &'a str,
    /// The ledger that was written.
    pub to: &'a str,
    /// The runs that are the same in both now.
    pub runs: Vec<CopiedRun>,
    /// The runs that were left out, because a process is working on them.
    pub held: Vec<RunId>,
}

/// A run that is the same in two ledgers.
#[derive(Debug, JsonSchema, Serialize)]
pub struct CopiedRun {
    /// The run.
    pub run: RunId,
    /// The number of its records.
    pub records: u64,
    /// How many of them were copied now.
    pub copied: u64,
}

impl PublishedDocument for LedgerCopy<'_> {
    const NAME: &'static str = "ledger-copy";
    const COMMANDS: &'static [&'static str] = &["ledger copy"];
}

/// The result of `ledger check`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct LedgerCheck {
    /// The number of runs.
    pub runs: u64,
    /// The number of readable records.
    pub records: u64,
    /// The runs with unreadable records.
    pub damaged: Vec<DamagedRun>,
}

/// A run with unreadable records.
#[derive(Debug, JsonSchema, Serialize)]
pub struct DamagedRun {
    /// The run.
    pub run: RunId,
    /// The records.
    pub unreadable: Vec<Unreadable>,
}

impl PublishedDocument for LedgerCheck {
    const NAME: &'static str = "ledger-check";
    const COMMANDS: &'static [&'static str] = &["ledger check"];
}

/// The result of `ledger prune`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct LedgerPrune {
    /// The runs that were removed, or would be with `--dry-run`.
    pub removed: Vec<RunId>,
    /// The old runs that stay.
    pub kept: Vec<KeptRun>,
    /// Whether nothing was removed, because of `--dry-run`.
    pub dry_run: bool,
}

/// An old run that stays.
#[derive(Debug, JsonSchema, Serialize)]
pub struct KeptRun {
    /// The run.
    pub run: RunId,
    /// Why it stays.
    pub reason: String,
}

impl PublishedDocument for LedgerPrune {
    const NAME: &'static str = "ledger-prune";
    const COMMANDS: &'static [&'static str] = &["ledger prune"];
}

/// A document, or its text for people.
fn either(document: &impl PublishedDocument, output: OutputFormat, text: impl FnOnce() -> String) -> String {
    match output {
        OutputFormat::Json | OutputFormat::Jsonl => text_of(document, output),
        OutputFormat::Table | OutputFormat::Wide | OutputFormat::Csv => text(),
    }
}

impl LedgerCopy<'_> {
    /// The text for stdout.
    pub fn text(&self, output: OutputFormat) -> String {
        either(self, output, || {
            let (records, copied) = self
                .runs
                .iter()
                .fold((0, 0), |(records, copied), run| (records + run.records, copied + run.copied));
            let mut text = format!(
                "{} with {} are the same in both; {copied} of the records were copied now\n",
                count(self.runs.len() as u64, "run"),
                count(records, "record")
            );
            for run in &self.held {
                // Writing to a String cannot fail, so the results are ignored.
                let _ = writeln!(text, "left out, because a process is working on it: {run}");
            }
            text
        })
    }
}

impl LedgerCheck {
    /// The text for stdout.
    pub fn text(&self, output: OutputFormat) -> String {
        either(self, output, || {
            let mut text = format!("{}, {}", count(self.runs, "run"), count(self.records, "readable record"));
            text.push_str(if self.damaged.is_empty() { ", nothing is damaged\n" } else { "\n" });
            for damaged in &self.damaged {
                for record in &damaged.unreadable {
                    // Writing to a String cannot fail, so the results are ignored.
                    let _ =
                        writeln!(text, "{} record {}: {}", damaged.run, record.seq, clean(&record.reason));
                }
            }
            text
        })
    }
}

impl LedgerPrune {
    /// The text for stdout.
    pub fn text(&self, output: OutputFormat) -> String {
        either(self, output, || {
            let verb = if self.dry_run { "would be removed" } else { "removed" };
            let mut text = String::new();
            for run in &self.removed {
                // Writing to a String cannot fail, so the results are ignored.
                let _ = writeln!(text, "{verb}: {run}");
            }
            for KeptRun { run, reason } in &self.kept {
                let _ = writeln!(text, "kept: {run}, {}", clean(reason));
            }
            let _ = writeln!(
                text,
                "{} {verb}, {} kept",
                count(self.removed.len() as u64, "run"),
                self.kept.len()
            );
            text
        })
    }
}
