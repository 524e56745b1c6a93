//! The result of a `scale`: one document for programs, one additional line for people.

use crate::args::OutputFormat;
use crate::output::console;
use crate::output::document::{Document, SCHEMA_VERSION, last_line};
use crate::output::ending::Ending;
use crate::output::instances::action;
use crate::output::proposal::{DRY_RUN, Proposal};
use crate::output::simulated::mark;
use crate::output::summary;
use crate::output::text::{clean, count};
use crate::session::Session;
use fleet::RunSummary;
use fleet::action::ActionSummary;
use fleet::fleets::ScalePlan;
use fleet::price::Prices;
use jiff::Timestamp;
use ledger::RunId;
use oci_client::{Clock as _, SystemClock};
use serde_json::{Value, json};

/// The result of a `scale`.
#[derive(Debug)]
pub struct Done<'a> {
    plan: &'a ScalePlan,
    /// The number of members now.
    after: u32,
    /// The run that records the size, if one was needed.
    scale: Option<RunId>,
    dry_run: bool,
}

impl<'a> Done<'a> {
    /// The result for a fleet that now has this many members.
    pub fn new(plan: &'a ScalePlan, after: u32) -> Self {
        Self { plan, after, scale: None, dry_run: false }
    }

    /// Marks the result as a dry run if `dry_run` is set.
    #[must_use]
    pub fn of_dry_run(self, dry_run: bool) -> Self {
        Self { dry_run, ..self }
    }

    /// Adds the run that records the size.
    #[must_use]
    pub fn by(self, scale: RunId) -> Self {
        Self { scale: Some(scale), ..self }
    }

    /// The line for people.
    fn line(&self) -> String {
        let name = clean(&self.plan.fleet.name);
        let ScalePlan { before, wanted, .. } = *self.plan;
        let after = self.after;
        if after == wanted && before == wanted {
            return format!("fleet {name} has {}: nothing to do\n", count(wanted, "instance"));
        }
        if after == wanted {
            return format!("fleet {name} now has {} (it had {before})\n", count(wanted, "instance"));
        }
        if after > wanted {
            return format!("fleet {name} has {}; wanted: {wanted}\n", count(after, "instance"));
        }
        format!("fleet {name} has {after} of {}\n", count(wanted, "wanted instance"))
    }

    fn document(&self, change: &str, more: (&str, Value)) -> Value {
        let ScalePlan { fleet, before, wanted, .. } = self.plan;
        let (key, value) = more;
        let mut document = mark(json!({
            "schema_version": SCHEMA_VERSION,
            "fleet": fleet,
            "change": change,
            "before": before,
            "wanted": wanted,
            "after": self.after,
            "run_id": self.scale,
        }));
        if let Value::Object(fields) = &mut document
            && !value.is_null()
        {
            fields.insert(key.to_owned(), value);
        }
        document
    }

    fn shown(&self, output: OutputFormat, change: &str, more: (&str, Value), people: String) -> String {
        match output {
            OutputFormat::Json => {
                serde_json::to_string_pretty(&self.document(change, more)).unwrap_or_default() + "\n"
            }
            OutputFormat::Jsonl => last_line(self.document(change, more)),
            _ => people,
        }
    }

    /// The output if nothing was changed.
    pub fn text(&self, output: OutputFormat) -> String {
        let people = if self.dry_run { format!("{DRY_RUN}\n\n{}", self.line()) } else { self.line() };
        self.shown(output, "none", ("launch", Value::Null), people)
    }

    /// The output of a dry run.
    pub fn planned(&self, proposal: &Proposal, prices: &Prices, output: OutputFormat) -> String {
        let people = proposal.dry_run(prices);
        let change = if self.plan.wanted > self.plan.before { "launch" } else { "terminate" };
        let lines: Vec<String> =
            proposal.what.iter().map(|(label, text)| format!("{}: {text}", label.trim())).collect();
        self.shown(output, change, ("planned", json!(lines)), people)
    }

    /// The output after launching instances.
    pub fn launched(&self, summary: &RunSummary, ending: &Ending, output: OutputFormat) -> String {
        let document = serde_json::to_value(Document::of(summary, ending)).unwrap_or_default();
        let table = summary::launch_table(summary, ending, console::stdout_has_colour(), console::width());
        let people = table + &ending.lines(summary, now()) + &self.line();
        self.shown(output, "launch", ("launch", document), people)
    }

    /// The output after terminating instances.
    pub fn terminated(&self, summary: &ActionSummary, output: OutputFormat) -> String {
        let document = action::action_value(summary);
        self.shown(output, "terminate", ("terminate", document), action::action_table(summary) + &self.line())
    }

    /// Says how to continue if the size was not reached.
    pub fn advise(&self, session: &Session) {
        if self.after != self.plan.wanted && !session.is_quiet() {
            let again = session.command_line();
            console::line(&format!(
                "hint: `{again} scale {}` continues; nothing is launched or terminated twice",
                self.plan.wanted
            ));
        }
    }
}

fn now() -> Timestamp {
    SystemClock.now()
}
