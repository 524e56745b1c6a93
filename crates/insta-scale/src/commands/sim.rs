//! `sim`: serves the simulated region, lists its scenarios, and deletes its files.

#[cfg(target_os = "linux")]
mod exec;
mod started;

use crate::args::{OutputFormat, SimCommand, SimReset, SimServe, SimServeAlone};
use crate::config::{self, CredentialSource, KeyFields, Overrides, Placeholders, Settings};
use crate::environment;
use crate::error::CommandError;
use crate::exit::Exit;
use crate::login;
use crate::output::console;
use crate::output::listing::Listing;
use crate::output::published::{PublishedDocument, PublishedRow, one_line_of, text_for_programs, text_of};
use crate::output::text;
use crate::session::Session;
use crate::simulated_region::{resources_elsewhere, resources_named_by};
use oci_client::credentials::{ConfigFile, CredentialsError, Token, config_file_path, expand_home};
use oci_simulator::scenario::Scenario;
use oci_simulator::server::{self, Forgettable, Home, Options, PublicKey, Running, StartError};
use oci_simulator::world::{Caller, Known};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

/// Runs one verb of `sim`.
pub async fn run_sim(session: &Session, command: &SimCommand) -> Result<Exit, CommandError> {
    match command {
        SimCommand::Serve(args) => serve(session, args).await,
        #[cfg(target_os = "linux")]
        SimCommand::Exec(args) => exec::exec(session, args, options_of(session, &args.serve)?).await,
        #[cfg(not(target_os = "linux"))]
        SimCommand::Exec(_) => Err(CommandError::usage(
            "`sim exec` needs the namespaces of Linux",
            "use `sim serve --tls-listen` and its files `env.sh` and `hosts`",
        )),
        SimCommand::Scenarios => scenarios(session.output),
        SimCommand::Reset(args) => reset(session.output, args),
    }
}

fn options_of(session: &Session, args: &SimServe) -> Result<Options, CommandError> {
    let mut options = Options {
        listen: args.listen,
        tls_listen: args.tls_listen,
        allow_remote: args.allow_remote,
        home: Some(args.home.home.clone()),
        scenario: Scenario::load(&args.scenario)?,
        speed: args.speed,
        seed: args.seed,
        save: args.save.clone(),
        ..Options::default()
    };
    if !session.flags.config.is_empty() {
        take_in(session, &mut options)?;
    }
    Ok(options)
}

async fn serve(session: &Session, args: &SimServeAlone) -> Result<Exit, CommandError> {
    let options = options_of(session, &args.serve)?;
    let parent = args.parent_pid.map(started::Parent::watch).transpose()?;
    let ready = args.ready_file.as_deref().map(started::ReadyFile::at).transpose()?;
    session.say_when_stopped("stopping the simulated region");
    let running = tokio::select! {
        biased;
        // Creating a large world takes some time, which the user may interrupt.
        () = session.stop.cancelled() => return Ok(Exit::Interrupted),
        running = server::start(options) => running?,
    };
    for note in &running.notes {
        console::line(note);
    }
    let ready = ready.map(|file| file.write(ready_text(&running))).transpose()?;
    // At once: whoever reads the first line may read no further.
    console::data(&listening(&running, session.output))?;
    let endpoint = running.endpoint();
    if !session.is_quiet()
        && let Some(home) = &running.home
    {
        console::line(&how_to_use(home, &endpoint));
        if let Some((_, environment)) = &running.tls {
            let (file, hosts) = (environment.file.display(), home.join("hosts").display().to_string());
            console::line(&format!(
                "For clients that compute host names: `. {file}`, and these lines in /etc/hosts ({hosts}):"
            ));
            console::line(environment.hosts.trim_end());
        }
    }
    tokio::select! {
        () = session.stop.cancelled() => {}
        () = started::ended(parent) => console::line("the process of --parent-pid has ended: stopping the simulated region"),
    }
    running.shutdown().await?;
    drop(ready);
    Ok(Exit::Done)
}

/// Where a simulated region listens.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ServedRegion<'a> {
    simulated: bool,
    /// The base URL.
    endpoint: &'a str,
    /// The base URL of each further region.
    further: BTreeMap<String, String>,
    /// The address of `--tls-listen`.
    tls: Option<&'a str>,
    /// The directory with the credentials, if there is one.
    home: Option<String>,
    /// The number of the process that serves it.
    pid: u32,
}

impl PublishedDocument for ServedRegion<'_> {
    const NAME: &'static str = "sim-serve";
    const COMMANDS: &'static [&'static str] = &["sim serve"];
}

/// A scenario that comes with the program.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ListedScenario {
    /// Its name.
    name: &'static str,
    /// What it is for.
    description: &'static str,
}

impl PublishedRow for ListedScenario {
    const NAME: &'static str = "sim-scenarios";
    const LIST: &'static str = "scenarios";
    const COMMANDS: &'static [&'static str] = &["sim scenarios"];
}

/// What `sim reset` deleted.
#[derive(Debug, JsonSchema, Serialize)]
pub struct ResetRegion {
    /// The directory of the region's files.
    home: String,
    /// Whether there was such a directory.
    home_deleted: bool,
    /// Whether there was a saved state.
    saved_state_deleted: bool,
}

impl PublishedDocument for ResetRegion {
    const NAME: &'static str = "sim-reset";
    const COMMANDS: &'static [&'static str] = &["sim reset"];
}

fn tls_of(running: &Running) -> Option<String> {
    running.tls.as_ref().map(|(address, _)| format!("https://{address}"))
}

fn served<'a>(running: &Running, endpoint: &'a str, tls: Option<&'a str>) -> ServedRegion<'a> {
    let further: BTreeMap<String, String> = running.further().into_iter().collect();
    let home = running.home.as_ref().map(|home| home.display().to_string());
    ServedRegion { simulated: true, endpoint, further, tls, home, pid: std::process::id() }
}

/// The document for the file of `--ready-file`.
fn ready_text(running: &Running) -> String {
    let (endpoint, tls) = (running.endpoint(), tls_of(running));
    text_of(&served(running, &endpoint, tls.as_deref()), OutputFormat::Json)
}

/// Where it listens: a line for people, or a document of one line.
fn listening(running: &Running, output: OutputFormat) -> String {
    let endpoint = running.endpoint();
    let tls = tls_of(running);
    let document = served(running, &endpoint, tls.as_deref());
    if let Some(line) = one_line_of(&document, output) {
        return line;
    }
    let mut text = format!("listening on {endpoint}\n");
    for (region, endpoint) in running.further() {
        // Writing to a String cannot fail, so the results are ignored.
        let _ = writeln!(text, "listening on {endpoint} for {region}");
    }
    if let Some(address) = tls {
        let _ = writeln!(text, "listening on {address} under the names of the real services");
    }
    text
}

fn how_to_use(home: &Path, endpoint: &str) -> String {
    let home = home.display();
    format!(
        "  oci-insta-scale --config {home}/config.yaml\n  oci --config-file {home}/config --endpoint {endpoint} compute instance list --compartment-id …\n\
         With the session token of the profile SESSION, add `--profile SESSION` (for oci also `--auth security_token`).\n\
         As the region's instance, add `--auth instance_principal` after:\n  \
         export OCI_METADATA_BASE_URL={endpoint}/opc/v2 OCI_CLI_FEDERATION_ENDPOINT={endpoint}/v1/x509\nCtrl-C stops it"
    )
}

/// Registers everything that a config names, including its user and key, so that the file works unchanged apart from the
/// endpoint.
fn take_in(session: &Session, options: &mut Options) -> Result<(), CommandError> {
    // The region registers what the config names, including the example's OCIDs.
    let overrides = Overrides { placeholders: Placeholders::Taken, ..session.overrides(None) };
    let settings = config::load(&session.layers(), &overrides, &login::profile_facts)?;
    let further: Vec<String> = settings.fleet.regions.iter().map(|region| region.region.clone()).collect();
    options.scenario = std::mem::take(&mut options.scenario).for_regions(&settings.fleet.region, &further);
    options.known = resources_named_by(&settings.fleet.in_region(None));
    options.known_elsewhere = resources_elsewhere(&settings.fleet);
    if let CredentialSource::Profile { file, name, .. } = &settings.credentials {
        take_in_profile(file.as_deref(), name, options)?;
    }
    if let CredentialSource::Fields(fields) = &settings.credentials {
        options.known.push(Known::User { ocid: fields.user.clone() });
        options.callers.push((
            Caller { tenancy: fields.tenancy.clone(), user: fields.user.clone() },
            public_key(&settings, fields)?,
        ));
    }
    Ok(())
}

/// Registers the user and key of a profile, or its session.
fn take_in_profile(file: Option<&Path>, name: &str, options: &mut Options) -> Result<(), CommandError> {
    let path = config_file_path(file, &environment::variable);
    let file = ConfigFile::read(&path).map_err(CredentialsError::from)?;
    let profile = file.profile(name).map_err(CredentialsError::from)?;
    let get = |key: &str| profile.get(key).map(str::to_owned);
    let expanded = |path: String| expand_home(Path::new(&path), &environment::variable);
    let usage = |key: &str, path: &Path, why: String| {
        CommandError::usage(
            format!("{}: {key}: {}: {why}", profile.place_of(key), path.display()),
            "the region verifies signatures, so it needs the key of the profile",
        )
    };
    // What is missing is reported when the profile is used.
    let (Some(tenancy), Some(key_file)) = (get("tenancy"), get("key_file").map(expanded)) else {
        return Ok(());
    };
    let read = |key: &str, path: &Path| {
        std::fs::read_to_string(path).map_err(|error| usage(key, path, error.to_string()))
    };
    let key = PublicKey::from_pem(&read("key_file", &key_file)?)
        .map_err(|error| usage("key_file", &key_file, error.to_string()))?;
    if let Some(token_file) = get("security_token_file").map(expanded) {
        let text = read("security_token_file", &token_file)?;
        let token =
            Token::parse(&text).map_err(|why| usage("security_token_file", &token_file, why.to_owned()))?;
        let user = token.subject.clone().or_else(|| get("user")).unwrap_or_default();
        options.sessions.push((
            text.trim().to_owned(),
            Caller { tenancy: tenancy.clone(), user },
            key.clone(),
            token.expires,
        ));
    }
    if let Some(user) = get("user") {
        options.known.push(Known::User { ocid: user.clone() });
        options.callers.push((Caller { tenancy, user }, key));
    }
    Ok(())
}

fn public_key(settings: &Settings, fields: &KeyFields) -> Result<PublicKey, CommandError> {
    let path = fields.key_path.display().to_string();
    let usage = |why: String| {
        CommandError::usage(
            format!("{}: private_key_path: {path}: {why}", settings.file),
            "the region verifies signatures, so it needs the key of the config",
        )
    };
    let pem = std::fs::read_to_string(&fields.key_path).map_err(|error| usage(error.to_string()))?;
    PublicKey::from_pem(&pem).map_err(|error| usage(error.to_string()))
}

fn scenarios(output: OutputFormat) -> Result<Exit, CommandError> {
    let presets = Scenario::presets();
    if output == OutputFormat::Table {
        let lines = presets.iter().map(|preset| format!("{:<10} {}", preset.name, preset.description));
        console::data(&text::lines(lines))?;
        return Ok(Exit::Done);
    }
    let mut listing = Listing::new(&["NAME", "DESCRIPTION"]);
    for preset in presets {
        let cells = vec![preset.name.to_owned(), preset.description.to_owned()];
        listing.push(cells, &ListedScenario { name: preset.name, description: preset.description });
    }
    console::data(&listing.to_text(output))?;
    Ok(Exit::Done)
}

/// Deletes the files of a home and the saved region, and nothing else.
fn reset(output: OutputFormat, args: &SimReset) -> Result<Exit, CommandError> {
    let home = &args.home.home;
    // Checked before anything is deleted: if either is refused, both stay.
    let saved = args.save.as_deref().map(Forgettable::find_all).transpose().map_err(StartError::from)?;
    let saved = saved.unwrap_or_default();
    let removed = Home::forget(home).map_err(StartError::from)?;
    let found = !saved.is_empty();
    for saved in saved {
        saved.forget().map_err(StartError::from)?;
    }
    let shown = home.display();
    let document = ResetRegion { home: shown.to_string(), home_deleted: removed, saved_state_deleted: found };
    if let Some(text) = text_for_programs(&document, output) {
        console::data(&text)?;
    }
    let told = match (removed, found) {
        (true, true) => format!("deleted the simulated region in {shown} and its saved state"),
        (true, false) => format!("deleted the simulated region in {shown}"),
        (false, true) => format!("deleted the saved state; there is no simulated region in {shown}"),
        (false, false) => format!("there is no simulated region in {shown}"),
    };
    console::line(&told);
    Ok(Exit::Done)
}
