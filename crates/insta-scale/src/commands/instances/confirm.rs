//! Shows who will be hit, and asks. Terminations want the word DELETE: a `y` is typed too easily.

use super::Reach;
use crate::args::Carry;
use crate::error::CommandError;
use crate::output::console;
use crate::output::instances::list::Table;
use crate::output::text::count;
use fleet::lifecycle::{Options, Verb};
use fleet::select::Machine;
use oci_client::{Clock as _, SystemClock};
use std::fmt::Write as _;

/// Rows shown before the question.
const ROWS: usize = 50;

/// Asks, unless that was done by `--yes`. Without a terminal, only `--yes` terminates.
pub async fn confirm(
    reach: &Reach<'_>,
    carry: &Carry,
    options: &Options,
    machines: &[Machine],
) -> Result<(), CommandError> {
    if carry.yes {
        return Ok(());
    }
    let terminates = options.verb == Verb::Terminate;
    if !console::can_ask() {
        // As in the original tool, off a terminal the command itself is the consent, but not to a loss.
        return if terminates { Err(refusal()) } else { Ok(()) };
    }
    console::line(&outline(reach, options, machines));
    let instances = count(machines.len() as u64, "instance");
    let agreed = if terminates {
        let question = format!("Terminate {instances}? Type DELETE to go on:");
        console::ask_word(&question, "DELETE", &reach.stop).await?
    } else {
        console::ask(&format!("{} {instances}?", capitalised(options.verb.as_str())), &reach.stop).await?
    };
    if agreed { Ok(()) } else { Err(CommandError::Declined) }
}

fn refusal() -> CommandError {
    CommandError::usage(
        "there is no terminal to confirm on, and --yes was not given: nothing was terminated",
        "add --yes (-y) if that is what you want",
    )
}

/// The table, the number and the price.
fn outline(reach: &Reach<'_>, options: &Options, machines: &[Machine]) -> String {
    let prices = &reach.settings.prices;
    let (shown, rest) = machines.split_at(machines.len().min(ROWS));
    let table = Table { machines: shown, prices, now: SystemClock.now(), addresses: false, wide: false };
    let mut text = table.rows(console::width());
    if !rest.is_empty() {
        // Writing to a String cannot fail, so the results are not looked at.
        let _ = writeln!(text, "… and {} more: `instances list` shows them all", rest.len());
    }
    text.push_str(&crate::output::instances::list::totals(machines, prices));
    if options.verb == Verb::Terminate {
        let fate = |keep: bool| {
            if keep { "are kept and go on costing" } else { "are deleted with all that is on them" }
        };
        let (boot, data) = (fate(options.keep_boot_volumes), fate(options.keep_data_volumes));
        let _ = write!(text, "\nboot volumes {boot}; data volumes made with the instances {data}");
    }
    text
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}
