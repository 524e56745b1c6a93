//! What both ways of changing a fleet share.

use super::Ground;
use crate::args::{Keep, Pace, ScaleArgs};
use crate::output::console;
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

/// Says that the config has another number: whoever launches from it elsewhere gets that. A dry run keeps no size.
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
