//! `ssh`: prints the command that logs in to an instance, or runs it in place of this program.

pub mod accounts;
mod exec;
mod target;

use crate::args::{ExportAddress, LoginArgs, OutputFormat, SshArgs};
use crate::connection::Connection;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::output::published::{PublishedDocument, text_of};
use crate::output::simulated;
use crate::output::{console, text::clean};
use crate::session::Session;
use crate::ssh::{Address, Login, shell_line};
use fleet::addresses;
use fleet::select::Machine;
use oci_api::models::InstanceLifecycleState as State;
use schemars::JsonSchema;
use serde::Serialize;

/// Prints or runs the command.
pub async fn log_in(session: &Session, args: &SshArgs) -> Result<Exit, CommandError> {
    let asked = login(&args.login)?;
    let (connection, mut machine) = target::find(session, &args.instance).await?;
    let login = asked.or(&connection.settings.login);
    check_state(&machine)?;
    let machines = std::slice::from_mut(&mut machine);
    let warning = connection.ask(addresses::fill(&connection.questions, machines)).await?;
    if let Some(warning) = warning {
        console::line(&format!("warning: {}", clean(&warning)));
    }
    let address = login.address_of(&machine).ok_or_else(|| no_address(&machine, &login))?;
    let accounts = accounts::find(&connection, std::slice::from_ref(&machine), &login).await?;
    let user = login.user_of(&machine, &accounts);
    let words = login.command(&machine, address, user);
    if args.exec {
        if simulated::is() {
            return Err(CommandError::usage(
                format!("{address} is an address in a simulated region: there is nothing to log in to"),
                "omit --exec to see the command",
            ));
        }
        return Err(exec::replace_by(&words));
    }
    match session.output {
        format @ (OutputFormat::Json | OutputFormat::Jsonl) => {
            let document = SshDocument {
                name: &machine.name,
                ocid: &machine.ocid,
                state: machine.state.as_str(),
                address: address.to_string(),
                user,
                jump_host: login.jump(),
                identity_file: login.identity_file.as_deref(),
                command: &words,
            };
            console::data(&text_of(&document, format))?;
        }
        _ => console::data(&(shell_line(&words) + "\n"))?,
    }
    Ok(Exit::Done)
}

/// The login that the flags describe.
pub fn login(args: &LoginArgs) -> Result<Login, CommandError> {
    let login = Login {
        user: args.user.clone(),
        address: args.address.map(|address| match address {
            ExportAddress::Auto => Address::Auto,
            ExportAddress::Public => Address::Public,
            ExportAddress::Private => Address::Private,
        }),
        jump_host: args.jump_host.clone(),
        identity_file: args.identity_file.clone(),
    };
    login.check().map_err(|error| CommandError::usage(error.to_string(), "nothing was written"))?;
    Ok(login)
}

fn check_state(machine: &Machine) -> Result<(), CommandError> {
    let name = clean(machine.label());
    match machine.state {
        State::Stopped | State::Stopping => Err(CommandError::usage(
            format!("{name} is {}", machine.state),
            format!("start it first: `oci-insta-scale instances start {}`", machine.ocid),
        )),
        State::Terminated | State::Terminating => Err(CommandError::usage(
            format!("{name} is {}", machine.state),
            "`oci-insta-scale instances list` shows the instances that exist",
        )),
        State::Running => Ok(()),
        _ => {
            console::line(&format!(
                "warning: {name} is {}: it may not answer yet",
                clean(machine.state.as_str())
            ));
            Ok(())
        }
    }
}

fn no_address(machine: &Machine, login: &Login) -> CommandError {
    let (kind, hint) = match login.kind() {
        Address::Auto => ("address", "try again when its network interface is attached"),
        Address::Public => {
            ("public address", "use `--address private`, with --jump-host if you cannot reach it")
        }
        Address::Private => ("private address", "use `--address public`"),
    };
    CommandError::usage(format!("{} has no {kind}", clean(machine.label())), hint)
}

/// How to log in to a member of the fleet.
#[derive(Debug, JsonSchema, Serialize)]
pub struct SshDocument<'a> {
    /// Its display name.
    name: &'a str,
    /// Its OCID.
    ocid: &'a str,
    /// Its state.
    state: &'a str,
    /// The address.
    address: String,
    /// The user; `null` if ssh decides.
    user: Option<&'a str>,
    /// The jump host.
    jump_host: Option<&'a str>,
    /// The file of the private key.
    identity_file: Option<&'a str>,
    /// The command, one word per element.
    command: &'a [String],
}

impl PublishedDocument for SshDocument<'_> {
    const NAME: &'static str = "ssh";
    const COMMANDS: &'static [&'static str] = &["ssh"];
}

/// A connection, and the instance found with it.
pub(super) type Found<'a> = (Connection<'a>, Machine);
