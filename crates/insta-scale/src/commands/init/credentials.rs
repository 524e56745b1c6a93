//! Who signs: what flags and variables say, a profile of `~/.oci/config`, or the instance that this program runs on.

use super::asking::{Asking, Question};
use super::before::Before;
use super::draft::WrittenLogin;
use super::keeping::{Unlisted, propose};
use super::matching::Candidate;
use super::new_key::{make_key, wait_for_made_key};
use super::profiles::PROFILE;
use crate::apart;
use crate::config::{self, CredentialSource, Fleet, Layers, Settings};
use crate::environment;
use crate::error::CommandError;
use crate::login;
use crate::session::Session;
use oci_client::Endpoints;
use oci_client::credentials::{AuthMethod, ConfigFile, CredentialsError, config_file_path, expand_home};
use std::path::{Path, PathBuf};

/// The choice that makes a key and a profile. No profile has this value, because names are not empty.
const NEW: &str = "";

/// The login, as the command uses it and as the file will say it.
pub struct FoundLogin {
    /// The session with the profile or the method that was chosen.
    pub session: Session,
    /// How the service is reached.
    pub settings: Settings,
    /// What is written into the config.
    pub written: WrittenLogin,
    /// What the config says then, with what it said before.
    pub said: WrittenLogin,
}

/// Finds the credentials, and asks if there are several.
pub async fn find_login(
    session: &Session,
    asking: &mut Asking,
    file: &Path,
    before: Option<&Before>,
    region: Option<&str>,
) -> Result<FoundLogin, CommandError> {
    let mut session = session.clone();
    let overrides = session.overrides(None);
    if let Some(endpoint) = &overrides.endpoint {
        Endpoints::at(endpoint)?;
    }
    let method = overrides.auth.or(overrides.cli_auth);
    let is_told = method.is_some() || overrides.cli_profile.is_some() || overrides.variables_suffice;
    let is_told = is_told || before.is_some_and(Before::has_own_login);
    if session.flags.profile.is_none() && !is_told {
        choose(&mut session, asking, before, region).await?;
    }
    let overrides = session.overrides(None);
    let settings =
        config::load_connection(&Layers::of(file), false, Fleet::Ignored, &overrides, &login::profile_facts)?;
    let profile = match &settings.credentials {
        CredentialSource::Profile { name, .. } => Some(name.clone()),
        _ => None,
    };
    let auth = match &settings.credentials {
        CredentialSource::Profile { method, .. } => *method,
        CredentialSource::Principal(method) => Some(*method),
        _ => None,
    };
    // A variable stays set for the next command, a flag does not.
    let of_variable = environment::variable("OCI_INSTA_SCALE_ENDPOINT");
    let endpoint = session.flags.endpoint.clone().filter(|endpoint| Some(endpoint) != of_variable.as_ref());
    let said = WrittenLogin {
        endpoint: endpoint.clone().or_else(|| before.and_then(Before::endpoint)),
        profile_file: profile.as_ref().and_then(|_| named_profile_file()),
        profile: profile.clone(),
        auth,
    };
    let written = match before {
        None => said.clone(),
        // What the file says stays, unless a flag or an answer says otherwise.
        Some(_) => WrittenLogin {
            profile: profile.filter(|_| session.flags.profile.is_some()),
            auth: auth.filter(|_| session.flags.auth.is_some()),
            endpoint,
            profile_file: None,
        },
    };
    if settings.fleet.tenancy.is_empty() {
        return Err(CommandError::usage(
            "the credentials do not say which tenancy they belong to",
            "add `tenancy=ocid1.tenancy…` to the profile, or set OCI_CLI_TENANCY",
        ));
    }
    Ok(FoundLogin { session, settings, written, said })
}

/// The variable that names the file of profiles, and the file: the variable has to stay set for the config to mean the same.
fn named_profile_file() -> Option<(&'static str, PathBuf)> {
    let path = config_file_path(None, &environment::variable);
    let names = |variable: &&str| {
        let value = environment::variable(variable).filter(|value| !value.is_empty());
        value.is_some_and(|value| expand_home(Path::new(&value), &environment::variable) == path)
    };
    ["OCI_CLI_CONFIG_FILE", "OCI_CONFIG_FILE"]
        .into_iter()
        .find(names)
        .map(|variable| (variable, path.clone()))
}

/// Chooses a profile; without a file of profiles, looks whether this machine is an instance, and otherwise makes a key.
async fn choose(
    session: &mut Session,
    asking: &mut Asking,
    before: Option<&Before>,
    region: Option<&str>,
) -> Result<(), CommandError> {
    let present = before.and_then(Before::profile);
    let path = config_file_path(None, &environment::variable);
    if !path.exists() {
        if is_instance(session).await? {
            asking.say(
                "this machine is an OCI instance: its instance principal signs (`auth: instance_principal`)",
            );
            session.flags.auth = Some(AuthMethod::InstancePrincipal);
            return Ok(());
        }
        if asking.is_typed() {
            session.flags.profile = Some(make_key(session, asking, &path, None, region).await?);
            return Ok(());
        }
        return Err(CommandError::usage(
            format!(
                "no credentials were found: {} does not exist, and this is no OCI instance",
                path.display()
            ),
            "on a terminal, `init` makes an API key and a profile; docs/auth.md describes the other ways to sign in",
        ));
    }
    let found = ConfigFile::read(&path).map_err(CredentialsError::from)?;
    let mut choices: Vec<Candidate> = found
        .profiles()
        .into_iter()
        .map(|name| {
            let about =
                found.profile(&name).ok().and_then(|profile| profile.get("region").map(str::to_owned));
            Candidate::named(name, about.unwrap_or_default())
        })
        .collect();
    if choices.is_empty() && !asking.is_typed() {
        return Err(CommandError::usage(
            format!("{} has no profile", path.display()),
            "on a terminal, `init` makes an API key and a profile, as `oci setup config` does",
        ));
    }
    let usual = choices.iter().position(|choice| choice.name == PROFILE);
    if asking.is_typed() {
        let about = "make an API key and its profile".to_owned();
        choices.push(Candidate {
            value: NEW.to_owned(),
            name: "new key".to_owned(),
            also: Vec::new(),
            about,
        });
    }
    let proposed = propose(&mut choices, present.as_deref(), Unlisted::Nothing, usual.or(Some(0)));
    let is_complete = !proposed.is_lost;
    let question = Question { what: "profile", flag: "--profile", given: None, kinds: &[], is_complete };
    let chosen = asking.choose(question, &choices, proposed.at).await?;
    if chosen.value == NEW {
        session.flags.profile = Some(make_key(session, asking, &path, Some(&found), region).await?);
        return Ok(());
    }
    if asking.is_typed() {
        let endpoint = session.flags.endpoint.clone().or_else(|| before.and_then(Before::endpoint));
        wait_for_made_key(session, asking, &found, &chosen.value, endpoint).await?;
    }
    if Some(&chosen.value) != present.as_ref() {
        session.flags.profile = Some(chosen.value);
    }
    Ok(())
}

/// Whether a metadata service of OCI answers here.
async fn is_instance(session: &Session) -> Result<bool, CommandError> {
    let ask = || login::profile_facts(&CredentialSource::Principal(AuthMethod::InstancePrincipal)).is_ok();
    apart::run_apart(&session.stop, ask).await
}
