//! What every command that talks to the service needs: settings, a signer, a client, the ledger.
//!
//! Must not know what the command does with them.

use super::{overrides, verbosity};
use crate::apart;
use crate::args::{Global, Pace};
use crate::config::{self, Fleet, Overrides, Placeholders, Settings};
use crate::environment;
use crate::error::CommandError;
use crate::login::{self, SignedIn};
use crate::output::console::{self, Verbosity};
use crate::output::retries::Retries;
use crate::output::simulated::{Announcing, Counting};
use crate::output::text::shell_word;
use crate::runtime;
use fleet::{Environment, LaunchOptions, Origin};
use ledger::{RunHead, RunId, SqliteStore, Store, sqlite};
use oci_api::Service;
use oci_client::credentials::Signer;
use oci_client::transport::{Https, Surroundings};
use oci_client::{Client, Endpoints, Observer, QuestionLimits, RequestCounts, SystemClock};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// The config file: as asked for, else `config.yaml`.
pub fn config_file(global: &Global) -> PathBuf {
    global.config.clone().unwrap_or_else(|| PathBuf::from("config.yaml"))
}

/// How the program is called again for the same place: with the flags that say where that is.
pub fn again(global: &Global) -> String {
    "oci-insta-scale".to_owned() + &flags(global)
}

/// The flags that say which config, login, service and ledger are meant, each with a blank in front. Those that a variable of
/// the environment sets are left out: it is still set for the next command.
pub fn flags(global: &Global) -> String {
    let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
    let given = [
        ("--config", path(&global.config), "OCI_INSTA_SCALE_CONFIG"),
        ("--profile", global.profile.clone(), ""),
        ("--endpoint", global.endpoint.clone(), "OCI_INSTA_SCALE_ENDPOINT"),
        ("--state-dir", path(&global.state_dir), "OCI_INSTA_SCALE_STATE_DIR"),
    ];
    let flags = given.into_iter().filter_map(|(flag, value, variable)| {
        let value = value.filter(|value| environment::variable(variable).as_ref() != Some(value))?;
        Some(format!(" {flag} {}", shell_word(&value)))
    });
    flags.collect()
}

/// Reads the config and shows what is worth knowing about it.
pub fn settings(global: &Global, count: Option<u32>, simulate: bool) -> Result<Settings, CommandError> {
    read(global, &overrides(global, count, simulate))
}

/// The same for a look at the config that asks nobody: the example's values are named, and stop nothing.
pub fn settings_offline(global: &Global, count: Option<u32>) -> Result<Settings, CommandError> {
    read(global, &Overrides { placeholders: Placeholders::Noted, ..overrides(global, count, false) })
}

fn read(global: &Global, overrides: &Overrides) -> Result<Settings, CommandError> {
    if let Some(endpoint) = &overrides.endpoint {
        Endpoints::at(endpoint)?;
    }
    let settings = config::load(&config_file(global), overrides, &login::profile_facts)?;
    if verbosity(global) > Verbosity::Quiet && !settings.notes.is_empty() {
        console::line(settings.notes.trim_end());
    }
    Ok(settings)
}

/// Reads as much of the config as says how to reach the service; without one, the usual profile of `~/.oci/config`.
pub fn connection(global: &Global) -> Result<Settings, CommandError> {
    reach(global, false, Fleet::Ignored)
}

/// The same, with as much of the fleet as the config tells: for commands that help to write it. The simulated region needs
/// no credentials.
pub fn sketch(global: &Global, simulate: bool) -> Result<Settings, CommandError> {
    reach(global, simulate, Fleet::Sketched)
}

fn reach(global: &Global, simulate: bool, fleet: Fleet) -> Result<Settings, CommandError> {
    let overrides = overrides(global, None, simulate);
    if let Some(endpoint) = &overrides.endpoint {
        Endpoints::at(endpoint)?;
    }
    let required = global.config.is_some();
    let settings =
        config::load_connection(&config_file(global), required, fleet, &overrides, &login::profile_facts)?;
    if verbosity(global) > Verbosity::Quiet && !settings.notes.is_empty() {
        console::line(settings.notes.trim_end());
    }
    Ok(settings)
}

/// Whether a file is a config that launches into these reservations; if not, why.
pub fn launches_into(global: &Global, file: &Path, ocids: &[String]) -> Result<(), String> {
    let overrides = overrides(global, None, false);
    let settings =
        config::load(file, &overrides, &login::profile_facts).map_err(|errors| errors.to_string())?;
    let named = |ocid: &String| {
        settings
            .fleet
            .placements
            .iter()
            .any(|placement| placement.capacity_reservation.as_ref() == Some(ocid))
    };
    match ocids.iter().find(|ocid| !named(ocid)) {
        Some(ocid) => Err(format!("no launch would use {ocid}")),
        None => Ok(()),
    }
}

/// Reads the key, and shows what is worth knowing about it.
pub async fn sign_in(
    global: &Global,
    settings: &Settings,
    stop: &CancellationToken,
) -> Result<Option<Arc<dyn Signer>>, CommandError> {
    let source = settings.credentials.clone();
    let signed_in = apart::run(stop, move || login::sign_in(&source)).await;
    let signed_in = signed_in.and_then(|result| result).map_err(|error| match error {
        CommandError::Credentials(error) if !settings.credentials.is_profile() => {
            let placed = settings.written.credentials(&error, login::remedy(&error));
            placed.map_or(CommandError::Credentials(error), CommandError::Config)
        }
        error => error,
    });
    let Some(SignedIn { signer, warnings }) = signed_in? else { return Ok(None) };
    if verbosity(global) > Verbosity::Quiet {
        for warning in warnings {
            console::line(&format!("warning: {}", crate::output::text::clean(&warning)));
        }
    }
    Ok(Some(signer))
}

/// A client that reports its retries, and the counter of its requests.
pub fn client(
    global: &Global,
    endpoints: Endpoints,
    signer: Option<Arc<dyn Signer>>,
) -> Result<(Client, Arc<RequestCounts>), CommandError> {
    let transport = Https::new().map_err(|error| CommandError::System {
        what: "HTTPS cannot be set up",
        source: std::io::Error::other(error),
    })?;
    // Plain http goes to this machine only: no proxy and no certificate has a part in it.
    let transport = if endpoints.base(Service::Compute).scheme.as_str() == "https" {
        transport.in_surroundings(Surroundings::read(&environment::variable)?)
    } else {
        transport
    };
    let requests = Arc::new(RequestCounts::default());
    let observer: Arc<dyn Observer> = match verbosity(global) {
        Verbosity::Quiet => Arc::new(Announcing { inner: Counting(requests.clone()), quiet: true }),
        _ => Arc::new(Announcing { inner: Retries { counts: requests.clone() }, quiet: false }),
    };
    let mut builder = Client::builder(endpoints, Arc::new(transport))
        .clock(Arc::new(SystemClock))
        .seed(environment::seed())
        .user_agent(concat!("oci-insta-scale/", env!("CARGO_PKG_VERSION")))
        .observer(observer);
    if let Some(signer) = signer {
        builder = builder.signer(signer);
    }
    Ok((builder.build(), requests))
}

/// The endpoints of the settings.
pub fn endpoints(settings: &Settings) -> Result<Endpoints, CommandError> {
    Ok(match &settings.endpoint {
        Some(url) => Endpoints::at(url)?,
        None => Endpoints::for_region_or(&settings.fleet.region, &environment::added_regions())?,
    })
}

/// The ledger in the state folder.
pub fn open_ledger(global: &Global, simulated: bool) -> Result<Arc<dyn Store>, CommandError> {
    runtime::outlive_full_files()?;
    let folder = environment::state_dir(global.state_dir.clone(), simulated)?;
    Ok(Arc::new(SqliteStore::open(&folder)?))
}

/// Where a run is started from, so that `resume` finds the same credentials. `None` when the path is not text.
pub fn origin(global: &Global, settings: &Settings) -> Option<Origin> {
    let config = std::path::absolute(config_file(global)).ok()?.into_os_string().into_string().ok()?;
    let reached = settings.endpoint.clone().unwrap_or_else(|| settings.fleet.region.clone());
    let (profile, endpoint) = (global.profile.clone(), global.endpoint.clone());
    // Whether it is a simulated region is known when it has answered.
    Some(Origin { config, profile, endpoint, reached: Some(reached), simulated: None })
}

/// The flags with the run's own config, profile and endpoint, unless another config is named.
pub fn at_origin(global: &Global, origin: Option<&Origin>) -> Global {
    let mut global = global.clone();
    if let Some(origin) = origin.filter(|_| global.config.is_none()) {
        global.config = Some(PathBuf::from(&origin.config));
        global.profile = global.profile.or_else(|| origin.profile.clone());
        global.endpoint = global.endpoint.or_else(|| origin.endpoint.clone());
    }
    global
}

/// The client for questions before anything is begun: somebody waits for the answer.
pub fn asking(client: &Client) -> Client {
    client.with_question_limits(QuestionLimits::attended())
}

/// Everything that a run needs. Its records tell of what is tried again, so the client need not.
pub fn environment(client: &Client, requests: Arc<RequestCounts>, store: Arc<dyn Store>) -> Environment {
    Environment {
        // By now the region has been announced, if it is a simulated one.
        client: client.with_observer(requests.clone()),
        requests: Some(requests),
        store,
        clock: Arc::new(SystemClock),
        seed: environment::seed(),
    }
}

/// Has the run end, as after Ctrl-C, when another command asks for that (`--stop-run`).
pub fn heed_stop_requests(global: &Global, run: RunId, stop: &CancellationToken) -> Result<(), CommandError> {
    let folder = environment::state_dir(global.state_dir.clone(), false)?;
    // What is there was meant for an earlier process; whoever waits for this one asks again.
    sqlite::withdraw_stop(&folder, run)?;
    let stop = stop.clone();
    tokio::spawn(async move {
        while !sqlite::is_stop_requested(&folder, run) {
            tokio::time::sleep(STOP_POLL).await;
        }
        console::line(&format!("another command asks run {run} to stop (--stop-run)"));
        stop.cancel();
    });
    Ok(())
}

/// How often it is looked for a request to stop.
const STOP_POLL: Duration = Duration::from_millis(250);

/// How a run is carried out.
pub fn launch_options(pace: &Pace) -> LaunchOptions {
    LaunchOptions {
        wait: !pace.no_wait,
        wait_timeout: pace.wait_timeout,
        rate: pace.rate,
        max_concurrency: pace.max_concurrency as usize,
        retry_for: pace.retry_for,
        deadline: pace.deadline,
        ..LaunchOptions::default()
    }
}

/// Finds the run that a text names: a whole id or its beginning.
pub fn find_run(heads: &[RunHead], text: &str) -> Result<RunId, CommandError> {
    let wanted = text.trim().to_ascii_lowercase();
    if wanted.is_empty() {
        // Every id begins with nothing.
        return Err(CommandError::usage("the id of the run is blank", "`oci-insta-scale runs` lists them"));
    }
    let found: Vec<RunId> =
        heads.iter().map(|head| head.run).filter(|run| run.to_string().starts_with(&wanted)).collect();
    match found.as_slice() {
        [run] => Ok(*run),
        [] => {
            Err(CommandError::usage(format!("there is no run {text:?}"), "`oci-insta-scale runs` lists them"))
        }
        many => Err(CommandError::usage(
            format!("{} runs start with {text:?}", many.len()),
            "use more of the id; `oci-insta-scale runs` lists them",
        )),
    }
}

/// Whether runs are remembered in this folder.
pub fn has_ledger(folder: &Path) -> bool {
    folder.join(ledger::sqlite::FILE_NAME).exists()
}
