//! Finds the instance with the given name or OCID.

use super::Found;
use crate::commands::fleets::Ground;
use crate::config::nearest;
use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::text::clean;
use crate::session::Session;
use fleet::fleets::FleetMember;
use fleet::select::{Machine, Named};
use oci_client::FailureClass;

/// The maximum number of members listed as candidates.
const CANDIDATES: usize = 10;

/// Finds a member of the config's fleet by its name, or any instance by its OCID.
pub(super) async fn find<'a>(session: &'a Session, text: &str) -> Result<Found<'a>, CommandError> {
    let named: Named =
        text.parse().map_err(|error: String| CommandError::usage(error, "use a display name or an OCID"))?;
    match named {
        Named::Ocid(ocid) => by_ocid(session, &ocid).await,
        Named::Name(name) => by_name(session, &name).await,
    }
}

async fn by_ocid<'a>(session: &'a Session, ocid: &str) -> Result<Found<'a>, CommandError> {
    let connection = Connection::open(session, session.settled(|| session.read_credentials()).await?).await?;
    match connection.ask(connection.questions.get_instance(ocid)).await {
        Ok(answered) => Ok((connection, Machine::from(answered.value))),
        Err(CommandError::Failure(failure)) if failure.class == FailureClass::NotFound => {
            Err(CommandError::usage(
                format!("{} does not exist, or you may not see it", clean(ocid)),
                "check the OCID and the region; `oci-insta-scale instances list` shows the instances",
            ))
        }
        Err(error) => Err(error),
    }
}

async fn by_name<'a>(session: &'a Session, name: &str) -> Result<Found<'a>, CommandError> {
    let ground = Ground::open(session, false).await?;
    let mut members = ground.census().await?.members;
    let fleet = clean(&ground.key.name);
    let called: Vec<usize> =
        members.iter().enumerate().filter(|(_, one)| one.machine.name == name).map(|(at, _)| at).collect();
    match called.as_slice() {
        [one] => Ok((ground.connection, members.swap_remove(*one).machine)),
        [] => Err(unknown(&fleet, name, &members)),
        several => {
            let same = several.iter().filter_map(|at| members.get(*at));
            let rows: Vec<String> =
                same.map(|one| format!("{} ({})", clean(&one.machine.ocid), one.machine.state)).collect();
            Err(CommandError::usage(
                format!(
                    "{} members of fleet {fleet} are called {}: {}",
                    rows.len(),
                    clean(name),
                    rows.join(", ")
                ),
                "use the OCID of one of them",
            ))
        }
    }
}

fn unknown(fleet: &str, name: &str, members: &[FleetMember]) -> CommandError {
    let message = format!("fleet {fleet} has no member {}", clean(name));
    if members.is_empty() {
        return CommandError::usage(
            format!("{message}: it has no members"),
            "`oci-insta-scale instances list` shows the instances of the compartment; any works by its OCID",
        );
    }
    let names = members.iter().map(|one| one.machine.label());
    let mut shown: Vec<String> = names.clone().take(CANDIDATES).map(clean).collect();
    if members.len() > shown.len() {
        shown.push(format!("and {} more", members.len() - shown.len()));
    }
    let hint = match nearest(name, names) {
        Some(near) => format!("did you mean {}?", clean(near)),
        None => "use one of these names, or the OCID of any instance".to_owned(),
    };
    CommandError::usage(format!("{message}; its members are {}", shown.join(", ")), hint)
}
