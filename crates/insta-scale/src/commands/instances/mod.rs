//! `instances`: one file for each verb, and `manage-instances`, their older front door.

mod act;
mod at_work;
mod confirm;
mod extend;
mod list;
pub(super) mod select;
mod slip;
mod status;

use super::consent::Asking;
use super::session;
pub use act::advise;
pub use confirm::{propose, tell_fate};

use crate::args::{Global, InstancesCommand, ManageInstances, OutputFormat, Select};
use crate::config::Settings;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::proposal::Proposal;
use crate::runtime::{self, Threads};
use fleet::Environment;
use ledger::Store;
use oci_client::{Client, RequestCounts};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

pub(super) use act::{conclude, show};

/// Runs one.
pub async fn run(
    global: &Global,
    command: InstancesCommand,
    stop: &CancellationToken,
) -> Result<Exit, CommandError> {
    match command {
        InstancesCommand::List(args) => with(global, &args.select, stop, |to| list::run(to, &args)).await,
        InstancesCommand::Status(args) => with(global, &args.select, stop, |to| status::run(to, &args)).await,
        InstancesCommand::Start(args) => with(global, &args.select, stop, |to| act::start(to, &args)).await,
        InstancesCommand::Stop(args) => with(global, &args.select, stop, |to| act::stop(to, &args)).await,
        InstancesCommand::Reboot(args) => with(global, &args.select, stop, |to| act::reboot(to, &args)).await,
        InstancesCommand::Terminate(args) => {
            with(global, &args.select, stop, |to| act::terminate(to, &args)).await
        }
        InstancesCommand::Extend(args) => with(global, &args.select, stop, |to| extend::run(to, &args)).await,
    }
}

/// The original tool's words.
pub fn manager(arguments: ManageInstances) -> Result<Exit, CommandError> {
    arguments.check().map_err(|error| CommandError::usage(error, "omit it, or use it with `terminate`"))?;
    let (global, command) = arguments.command();
    check_format(&global, &command)?;
    runtime::run(Threads::One, async |stop| run(&global, command, &stop).await)
}

/// Refuses a format that the verb does not have.
pub fn check_format(global: &Global, command: &InstancesCommand) -> Result<(), CommandError> {
    let listing = matches!(command, InstancesCommand::List(_));
    match global.output {
        OutputFormat::Wide | OutputFormat::Csv if !listing => {
            Err(CommandError::usage("only `list` has --output wide and csv", "table, json and jsonl work"))
        }
        _ => Ok(()),
    }
}

/// A command's way to the service and to the ledger.
pub struct Reach<'a> {
    /// Flags of every command.
    pub global: &'a Global,
    /// The config, as far as it says how to reach the service.
    pub settings: Settings,
    /// Where instances are looked for.
    pub compartment: String,
    /// The client.
    pub client: Client,
    /// What it has sent.
    pub requests: Arc<RequestCounts>,
    /// Cancelled when the user wants to stop.
    pub stop: CancellationToken,
}

impl<'a> Reach<'a> {
    /// Signs in for a config that has been read, in its own compartment.
    pub async fn of(
        global: &'a Global,
        settings: Settings,
        stop: &CancellationToken,
    ) -> Result<Self, CommandError> {
        let compartment = settings.fleet.compartment.clone();
        Self::sign_in(global, settings, compartment, stop).await
    }

    async fn sign_in(
        global: &'a Global,
        settings: Settings,
        compartment: String,
        stop: &CancellationToken,
    ) -> Result<Self, CommandError> {
        let signer = session::sign_in(global, &settings, stop).await?;
        let (client, requests) = session::client(global, session::endpoints(&settings)?, signer)?;
        Ok(Self { global, settings, compartment, client, requests, stop: stop.clone() })
    }

    /// Reads the config and signs in.
    pub async fn connect(
        global: &'a Global,
        compartment: Option<&str>,
        stop: &CancellationToken,
    ) -> Result<Self, CommandError> {
        let settings = session::connection(global)?;
        let compartment = compartment.unwrap_or(&settings.fleet.compartment).trim().to_owned();
        if compartment.is_empty() {
            return Err(CommandError::usage(
                "no compartment is set, neither with -c nor as compartment_id in the config",
                "add `-c ocid1.compartment…`; `oci-insta-scale find compartments` lists them",
            ));
        }
        check_compartment(&compartment)?;
        Self::sign_in(global, settings, compartment, stop).await
    }

    /// The ledger.
    pub fn ledger(&self) -> Result<Arc<dyn Store>, CommandError> {
        session::open_ledger(self.global, false)
    }

    /// What a run needs.
    pub fn environment(&self, store: Arc<dyn Store>) -> Environment {
        session::environment(&self.client, self.requests.clone(), store)
    }

    /// Asks for confirmation of a change in the compartment.
    pub async fn agree(&self, yes: bool, proposal: &Proposal) -> Result<(), CommandError> {
        let Self { global, settings, compartment, client, stop, .. } = self;
        Asking { global, settings, compartment, client, stop }.agree(yes, proposal).await
    }

    /// Does something that changes nothing; ends when the user wants to stop.
    pub async fn ask<T, E: Into<CommandError>>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            answer = question => answer.map_err(Into::into),
            () = self.stop.cancelled() => Err(CommandError::Interrupted),
        }
    }
}

/// What is said when a run of actions is stopped.
pub const STOPPING: &str = "stopping: no new requests, waiting for requests in flight; press Ctrl-C again to leave at \
     once without losing anything";

fn check_compartment(ocid: &str) -> Result<(), CommandError> {
    let wrong = |why: String| CommandError::usage(why, "copy the OCID of the compartment, or of the tenancy");
    match oci_api::Ocid::parse(ocid) {
        Err(error) => Err(wrong(format!("-c {ocid:?} is not an OCID: {error}"))),
        Ok(parsed) if !["compartment", "tenancy"].contains(&parsed.resource_type) => Err(wrong(format!(
            "-c needs the OCID of a compartment, but this is an OCID of `{}`",
            parsed.resource_type
        ))),
        Ok(_) => Ok(()),
    }
}

/// Connects, and runs a command with that.
async fn with<'a, F, W>(
    global: &'a Global,
    select: &Select,
    stop: &CancellationToken,
    work: F,
) -> Result<Exit, CommandError>
where
    F: FnOnce(Reach<'a>) -> W,
    W: Future<Output = Result<Exit, CommandError>>,
{
    // Read before anything is connected: a mistake in a file is found without a request.
    select::check(select)?;
    work(Reach::connect(global, select.compartment.as_deref(), stop).await?).await
}
