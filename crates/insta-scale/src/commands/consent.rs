//! Consent: the only way in which a command may change something in the cloud.
//!
//! `--yes` is consent. On a terminal, the command shows the proposal and asks for confirmation; otherwise it does nothing.

use crate::config::{CredentialSource, Settings};
use crate::connection::Connection;
use crate::environment;
use crate::error::CommandError;
use crate::output::console::{self, Verbosity};
use crate::output::proposal::{Proposal, Scene, Typed};
use crate::output::simulated;
use crate::session::{endpoints_of, endpoints_of_region};
use crate::tuning::NAME_QUESTION;
use oci_api::Service;
use oci_client::{Endpoints, RetryPolicy};

/// Whether the command has to ask, which it need not after `--yes`.
///
/// # Errors
/// When there is no terminal and `--yes` was not given.
pub fn has_to_ask(yes: bool) -> Result<bool, CommandError> {
    match (yes, console::can_ask()) {
        (true, _) => Ok(false),
        (false, true) => Ok(true),
        (false, false) => Err(nobody_asked()),
    }
}

fn nobody_asked() -> CommandError {
    CommandError::usage(
        "nothing was done: confirmation needs a terminal",
        "add --yes (-y) to confirm in advance",
    )
}

/// Returns once the person or `--yes` agrees to a proposal about a compartment.
///
/// # Errors
/// When nobody can be asked, and for every other reply.
pub async fn agree(
    connection: &Connection<'_>,
    compartment: &str,
    yes: bool,
    proposal: &Proposal,
) -> Result<(), CommandError> {
    let (session, settings) = (connection.session, &connection.settings);
    let asks = has_to_ask(yes)?;
    if !asks && session.verbosity < Verbosity::Verbose {
        if settings.endpoint.is_some() && !simulated::is() {
            // No response may have arrived yet, and a simulated region must be announced before anything else happens.
            compartment_name(connection, compartment).await?;
        }
        return Ok(());
    }
    let scene = scene(connection, compartment).await?;
    let prices = &settings.prices;
    console::line(proposal.text(&scene, prices, console::width_for_people()).trim_end());
    if !asks {
        return Ok(());
    }
    let (question, number) = (&proposal.question, proposal.number.to_string());
    let agreed = match proposal.answer {
        Typed::Word(word) => {
            console::ask_word(&format!("{question} Type {word} to continue:"), word, &session.stop).await?
        }
        Typed::Yes if proposal.is_large(prices) => {
            console::ask_word(&format!("{question} Type {number} to continue:"), &number, &session.stop)
                .await?
        }
        Typed::Yes => console::ask_yes_or_no(question, &session.stop).await?,
    };
    if agreed { Ok(()) } else { Err(CommandError::Declined) }
}

async fn scene(connection: &Connection<'_>, compartment: &str) -> Result<Scene, CommandError> {
    let settings = &connection.settings;
    let mut endpoints = vec![endpoints_of(settings)?];
    for region in &settings.fleet.regions {
        endpoints.push(endpoints_of_region(region)?);
    }
    let url = |endpoints: &Endpoints| {
        let base = endpoints.base(Service::Compute);
        format!("{}://{}{}", base.scheme, base.authority, base.prefix)
    };
    // The service is asked first, because its response tells whether the region is simulated.
    let compartment_name = compartment_name(connection, compartment).await?;
    Ok(Scene {
        region: settings.fleet.region_names().collect::<Vec<_>>().join(", "),
        endpoint: endpoints.iter().map(url).collect::<Vec<_>>().join(", "),
        simulated: simulated::label().map(str::to_owned),
        compartment: compartment.to_owned(),
        compartment_name,
        identity: identity(settings, environment::variable("OCI_CLI_USER")),
    })
}

async fn compartment_name(
    connection: &Connection<'_>,
    compartment: &str,
) -> Result<Option<String>, CommandError> {
    let client = connection.questions.with_retry(RetryPolicy::never());
    let name = tokio::time::timeout(NAME_QUESTION, client.get_compartment(compartment));
    tokio::select! {
        name = name => Ok(name.ok().and_then(Result::ok).map(|answered| answered.value.name)),
        () = connection.session.stop.cancelled() => Err(CommandError::Interrupted),
    }
}

/// Describes who signs. `user` is the value of OCI_CLI_USER, if it is set.
fn identity(settings: &Settings, user: Option<String>) -> String {
    match &settings.credentials {
        CredentialSource::Simulated(_) => "the simulated region's own user".to_owned(),
        CredentialSource::Fields(fields) => format!("user {} of {}", fields.user, settings.file),
        CredentialSource::Profile { file, name, .. } => {
            let file =
                file.as_ref().map_or_else(|| "~/.oci/config".to_owned(), |file| file.display().to_string());
            // The variable replaces the profile's user.
            let user = user.map(|user| format!(", user {user} of OCI_CLI_USER"));
            format!("profile {name} of {file}{}", user.unwrap_or_default())
        }
        CredentialSource::Variables => format!("user {} of OCI_CLI_USER", user.unwrap_or_default()),
        CredentialSource::Principal(method) => format!("the {method} of this machine"),
    }
}
