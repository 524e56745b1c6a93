//! What both ways of changing a fleet share.

use super::Ground;
use crate::args::ScaleArgs;
use crate::output::console;
use crate::output::fleets::scale::what;
use crate::output::simulated;
use fleet::action::{Options, Verb};
use fleet::fleets::ScalePlan;

/// How instances are terminated.
pub(super) fn terminate_options(args: &ScaleArgs) -> Options {
    Options {
        wait: !args.pace.no_wait,
        wait_timeout: args.pace.wait_timeout,
        keep_boot_volumes: args.keep_boot_volumes,
        keep_data_volumes: args.keep_data_volumes,
        protect: args.protect.clone(),
        rate: args.pace.rate,
        max_concurrency: args.pace.max_concurrency,
        simulated: simulated::label().map(str::to_owned),
        ..Options::new(Verb::Terminate)
    }
}

/// Says that the config has another number: whoever launches from it elsewhere gets that.
pub(super) fn note_count(ground: &Ground<'_>, args: &ScaleArgs, scale: &ScalePlan) {
    if scale.wanted == scale.configured || args.size.is_none() || ground.connection.session.is_quiet() {
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
        "note: {file} says count: {configured}; {what} is kept in the ledger of this machine{hint}",
        what = what(wanted)
    ));
}
