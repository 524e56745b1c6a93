//! Helpers for both growing and shrinking a fleet.

use super::Ground;
use crate::args::{Keep, Pace, ScaleArgs};
use crate::error::CommandError;
use crate::output::console;
use crate::output::fleets::scale::Done;
use crate::output::proposal::Proposal;
use crate::output::simulated;
use fleet::action::Options;
use fleet::fleets::ScalePlan;

/// How instances are terminated.
pub(super) fn terminate_options(keep: &Keep, pace: &Pace) -> Options {
    Options {
        wait: !pace.no_wait,
        wait_timeout: pace.wait_timeout,
        rate: pace.rate,
        max_concurrency: pace.max_concurrency,
        simulated: simulated::label().map(str::to_owned),
        ..keep.options()
    }
}

/// Shows what a dry run would change.
pub(super) fn show_planned(
    ground: &Ground<'_>,
    scale: &ScalePlan,
    proposal: &Proposal,
) -> Result<(), CommandError> {
    let connection = &ground.connection;
    let done = Done::new(scale, scale.before);
    console::data(&done.planned(proposal, &connection.settings.prices, connection.session.output))
}

/// Warns that the config contains another count, which a launch from it elsewhere would use. A dry run records no size.
pub(super) fn note_count(ground: &Ground<'_>, args: &ScaleArgs, scale: &ScalePlan) {
    let nobody_asked = args.dry_run || args.size.is_none() || ground.connection.session.is_quiet();
    if scale.wanted == scale.configured || nobody_asked {
        return;
    }
    let file = &ground.connection.settings.file;
    let (wanted, configured) = (scale.wanted, scale.configured);
    let hint = if wanted == 0 {
        String::new()
    } else {
        format!("; set `count: {wanted}` there to keep it beyond this machine")
    };
    console::line(&format!(
        "note: {file} says count: {configured}; the size of {wanted} is kept in the ledger of this machine{hint}"
    ));
}
