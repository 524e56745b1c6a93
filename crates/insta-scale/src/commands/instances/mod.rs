//! `instances`: one file per verb, and `manage-instances`, the original tool's interface to them.

mod act;
mod at_work;
mod confirm;
mod extend;
mod list;
pub(super) mod select;
mod slip;
mod status;

pub use act::advise;
pub use confirm::{propose_action, tell_fate};
pub use extend::ExtendedInstance;

use super::end_of_watch;
use super::formats;
use crate::args::{InstancesCommand, ManageInstances, Select};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::runtime::{self, Threads};
use crate::session::Session;

pub(super) use act::{conclude_action, show_action};

/// Runs one verb of `instances`.
pub async fn run_verb(session: &Session, command: InstancesCommand) -> Result<Exit, CommandError> {
    match command {
        InstancesCommand::List(args) => {
            let shown = list::list_instances(&connect(session, &args.select).await?, &args).await;
            end_of_watch(shown, args.watch)
        }
        InstancesCommand::Status(args) => {
            let shown = status::show_status(&connect(session, &args.select).await?, &args).await;
            end_of_watch(shown, args.watch)
        }
        InstancesCommand::Start(args) => {
            act::start_instances(&connect(session, &args.select).await?, &args).await
        }
        InstancesCommand::Stop(args) => {
            act::stop_instances(&connect(session, &args.select).await?, &args).await
        }
        InstancesCommand::Reboot(args) => {
            act::reboot_instances(&connect(session, &args.select).await?, &args).await
        }
        InstancesCommand::Terminate(args) => {
            act::terminate_instances(&connect(session, &args.select).await?, &args).await
        }
        InstancesCommand::Extend(args) => {
            extend::extend_instances(&connect(session, &args.select).await?, &args).await
        }
    }
}

/// Runs `manage-instances`, which has the original tool's arguments.
pub fn run_manage_instances(arguments: ManageInstances) -> Result<Exit, CommandError> {
    arguments.check().map_err(|error| CommandError::usage(error, "omit it, or use it with `terminate`"))?;
    let (flags, command) = arguments.command();
    formats::of_verb(&command).check(flags.output)?;
    runtime::run_to_end(Threads::One, async |stop| {
        Box::pin(run_verb(&Session::new(&flags, false, &stop), command)).await
    })
}

/// The message when a run of actions is stopped.
pub const STOPPING: &str = "stopping: no new requests, waiting for requests in flight; press Ctrl-C again to leave at \
     once without losing anything";

/// Connects to the service. Mistakes in selectors or files are found first, without sending a request.
async fn connect<'a>(session: &'a Session, select: &Select) -> Result<Connection<'a>, CommandError> {
    select::check_selectors(select)?;
    Connection::open_in(session, select.compartment.as_deref()).await
}
