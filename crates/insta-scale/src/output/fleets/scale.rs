//! The result of a `scale`: one document for programs, one additional line for people.

use crate::args::OutputFormat;
use crate::output::console;
use crate::output::document::Document;
use crate::output::ending::Ending;
use crate::output::instances::action::{self, ActionDocument};
use crate::output::network::EndedNetwork;
use crate::output::proposal::{DRY_RUN, Proposal};
use crate::output::published::{PublishedDocument, summary_of};
use crate::output::summary;
use crate::output::text::{clean, count};
use crate::session::Session;
use fleet::RunSummary;
use fleet::action::ActionSummary;
use fleet::fleets::{FleetKey, ScalePlan};
use fleet::price::Prices;
use jiff::Timestamp;
use ledger::RunId;
use oci_client::{Clock as _, SystemClock};
use schemars::JsonSchema;
use serde::Serialize;

/// The result of a `scale`, with or without `--dry-run`.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ScaleDocument<'a> {
    /// The fleet.
    fleet: &'a FleetKey,
    /// What was done.
    change: SizeChangeKind,
    /// The members before.
    before: u32,
    /// The wanted size.
    wanted: u32,
    /// The members now.
    after: u32,
    /// The run that records the size; `null` if none was needed.
    run_id: Option<RunId>,
    #[serde(flatten)]
    part: ScalePart<'a>,
}

impl PublishedDocument for ScaleDocument<'_> {
    const NAME: &'static str = "scale";
    const COMMANDS: &'static [&'static str] = &["scale"];
}

/// What a `scale` does.
#[derive(Clone, Copy, Debug, JsonSchema, Serialize)]
#[serde(rename_all = "snake_case")]
enum SizeChangeKind {
    /// The size is right.
    None,
    /// It launches instances.
    Launch,
    /// It terminates instances.
    Terminate,
}

/// The details of what was done.
#[derive(Debug, Default, JsonSchema, Serialize)]
struct ScalePart<'a> {
    /// With `--dry-run`, what would be done, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    planned: Option<Vec<String>>,
    /// The document of the launch.
    #[serde(skip_serializing_if = "Option::is_none")]
    launch: Option<Document<'a>>,
    /// The document of the termination.
    #[serde(skip_serializing_if = "Option::is_none")]
    terminate: Option<ActionDocument<'a>>,
    /// With `--network`, what became of the network.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<&'a EndedNetwork>,
}

/// The result of a `scale`.
#[derive(Debug)]
pub struct Done<'a> {
    plan: &'a ScalePlan,
    /// The number of members now.
    after: u32,
    /// The run that records the size, if one was needed.
    scale: Option<RunId>,
    dry_run: bool,
    network: Option<EndedNetwork>,
}

impl<'a> Done<'a> {
    /// The result for a fleet that now has this many members.
    pub fn new(plan: &'a ScalePlan, after: u32) -> Self {
        Self { plan, after, scale: None, dry_run: false, network: None }
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

    /// Adds what became of the network.
    #[must_use]
    pub fn with_network(self, network: EndedNetwork) -> Self {
        Self { network: Some(network), ..self }
    }

    /// The lines for people.
    fn line(&self) -> String {
        self.size_line() + &self.network.as_ref().map(EndedNetwork::line).unwrap_or_default()
    }

    fn size_line(&self) -> String {
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

    fn shown(
        &self,
        output: OutputFormat,
        change: SizeChangeKind,
        part: ScalePart<'_>,
        people: String,
    ) -> String {
        let part = ScalePart { network: self.network.as_ref(), ..part };
        if !matches!(output, OutputFormat::Json | OutputFormat::Jsonl) {
            return people;
        }
        let ScalePlan { fleet, before, wanted, .. } = self.plan;
        let (before, wanted, after) = (*before, *wanted, self.after);
        let document = ScaleDocument { fleet, change, before, wanted, after, run_id: self.scale, part };
        summary_of(&document, output)
    }

    /// The output if nothing was changed.
    pub fn text(&self, output: OutputFormat) -> String {
        let people = if self.dry_run { format!("{DRY_RUN}\n\n{}", self.line()) } else { self.line() };
        self.shown(output, SizeChangeKind::None, ScalePart::default(), people)
    }

    /// The output of a dry run.
    pub fn planned(&self, proposal: &Proposal, prices: &Prices, output: OutputFormat) -> String {
        let people = proposal.dry_run(prices);
        let grows = self.plan.wanted > self.plan.before;
        let change = if grows { SizeChangeKind::Launch } else { SizeChangeKind::Terminate };
        let lines: Vec<String> =
            proposal.what.iter().map(|(label, text)| format!("{}: {text}", label.trim())).collect();
        self.shown(output, change, ScalePart { planned: Some(lines), ..ScalePart::default() }, people)
    }

    /// The output after launching instances.
    pub fn launched(&self, summary: &RunSummary, ending: &Ending, output: OutputFormat) -> String {
        let launch = Some(Document::of(summary, ending));
        let table = summary::launch_table(summary, ending, console::stdout_has_colour(), console::width());
        let people = table + &ending.lines(summary, now()) + &self.line();
        self.shown(output, SizeChangeKind::Launch, ScalePart { launch, ..ScalePart::default() }, people)
    }

    /// The output after terminating instances.
    pub fn terminated(&self, summary: &ActionSummary, output: OutputFormat) -> String {
        let part = ScalePart { terminate: Some(ActionDocument::of(summary)), ..ScalePart::default() };
        let people = action::action_table(summary) + &self.line();
        self.shown(output, SizeChangeKind::Terminate, part, people)
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
