//! The session: everything that a command needs from its first step. Built once per command.
//!
//! It must not know what the command does. `connection.rs` provides the connection to the service.

mod records;

use crate::args::{Global, OutputFormat, Pace};
use crate::config::{self, Fleet, Layers, Overrides, Placeholders, Resolved, Settings};
use crate::environment;
use crate::error::CommandError;
use crate::login;
use crate::network;
use crate::output::again::{Flags, remember_count, remember_flags};
use crate::output::console::{self, Verbosity};
use crate::output::retries::Retries;
use crate::output::simulated::{Announcing, Counting};
use crate::output::text::shell_word;
use crate::price_list::PriceListFile;
use crate::runtime;
use crate::traces;
use fleet::plan::RegionSpec;
use fleet::price::PriceList;
use fleet::{LaunchOptions, Origin};
use jiff::Timestamp;
use ledger::Store;
use ledger::capacity::CapacityMemory;
use oci_api::Service;
use oci_client::credentials::{AuthMethod, Signer};
use oci_client::{Client, Clock, Endpoints, Observer, RequestCounts, SystemClock};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};
use tokio_util::sync::CancellationToken;

/// Flags, verbosity, clock, ledger and the user's request to stop.
#[derive(Clone)]
pub struct Session {
    /// Flags of every command.
    pub flags: Global,
    /// The format of stdout.
    pub output: OutputFormat,
    /// How much is printed on stderr.
    pub verbosity: Verbosity,
    /// The time of day.
    pub clock: Arc<dyn Clock>,
    /// Cancelled when the user wants to stop.
    pub stop: CancellationToken,
    /// Whether the command uses its own simulated region, whose runs have a separate ledger.
    pub simulated: bool,
    /// Where relative paths in values of `--set` start, if not at the current folder.
    folder: Option<PathBuf>,
    /// The OCIDs of the names in the config, once they were looked up.
    pub resolved: OnceLock<Resolved>,
    /// Who signs, as far as it is known already, and with what.
    pub(crate) signed_in: OnceLock<(String, Arc<dyn Signer>)>,
    ledger: OnceLock<Arc<dyn Store>>,
    memory: OnceLock<Option<Arc<dyn CapacityMemory>>>,
    price_list: OnceLock<Option<Arc<PriceList>>>,
}

impl Session {
    /// A session of this machine.
    pub fn new(flags: &Global, simulated: bool, stop: &CancellationToken) -> Self {
        let verbosity = match (flags.quiet, flags.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, 0) => Verbosity::Normal,
            (false, _) => Verbosity::Verbose,
        };
        let session = Self {
            flags: flags.clone(),
            output: flags.output,
            verbosity,
            clock: Arc::new(SystemClock),
            stop: stop.clone(),
            simulated,
            folder: None,
            resolved: OnceLock::new(),
            signed_in: OnceLock::new(),
            ledger: OnceLock::new(),
            memory: OnceLock::new(),
            price_list: OnceLock::new(),
        };
        remember_flags(Flags { layers: session.layers_text(), place: session.place_text() });
        session
    }

    /// The session with the config, profile and endpoint with which a run was started, unless another config is named.
    #[must_use]
    pub fn at_origin(&self, origin: Option<&Origin>) -> Self {
        let mut session = self.clone();
        // A run of another machine is continued with the config of this one.
        let is_here = |origin: &&Origin| !origin.shared || Path::new(&origin.config).exists();
        if let Some(origin) = origin.filter(|_| self.flags.config.is_empty()).filter(is_here) {
            let flags = &mut session.flags;
            flags.config = origin.files().map(PathBuf::from).collect();
            // Values that are set now come last, and relative paths in all of them start at one folder.
            if let Some(folder) = origin.folder.as_ref().filter(|_| !origin.set.is_empty()) {
                let recorded = origin.set.iter().filter(|value| !flags.set.contains(value));
                flags.set = recorded.chain(&flags.set).cloned().collect();
                session.folder = Some(PathBuf::from(folder));
            }
            flags.profile = flags.profile.take().or_else(|| origin.profile.clone());
            flags.auth = flags.auth.or_else(|| AuthMethod::find(origin.auth.as_deref()?));
            flags.endpoint = flags.endpoint.take().or_else(|| origin.endpoint.clone());
        }
        session
    }

    /// Whether stderr shows only errors.
    pub fn is_quiet(&self) -> bool {
        self.verbosity == Verbosity::Quiet
    }

    /// The time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Awaits something without side effects; stops waiting when the user interrupts.
    pub async fn ask<T, E: Into<CommandError>>(
        &self,
        question: impl Future<Output = Result<T, E>>,
    ) -> Result<T, CommandError> {
        tokio::select! {
            answer = question => answer.map_err(Into::into),
            () = self.stop.cancelled() => Err(CommandError::Interrupted),
        }
    }

    /// Prints `what` when the user interrupts, for commands with work in progress.
    pub fn say_when_stopped(&self, what: &'static str) {
        runtime::say_when_stopped(&self.stop, what);
    }

    /// The config: the requested files, otherwise `config.yaml`, and the values of `--set`.
    pub fn layers(&self) -> Layers {
        let files = match self.flags.config.as_slice() {
            [] => vec![PathBuf::from("config.yaml")],
            files => files.to_vec(),
        };
        let folder = self.folder.clone().or_else(|| std::env::current_dir().ok()).unwrap_or_default();
        Layers { files, set: self.flags.set.clone(), folder }
    }

    /// The command prefix for the same region, including the flags that identify it.
    pub fn command_line(&self) -> String {
        "oci-insta-scale".to_owned() + &self.flags_text()
    }

    /// The flags for the same config, login, service and ledger, each with a leading space. Flags set by environment variables
    /// are omitted, because the variables stay set for the next command.
    pub fn flags_text(&self) -> String {
        self.layers_text() + &self.place_text()
    }

    /// The flags for the same config.
    fn layers_text(&self) -> String {
        let files: Vec<String> = self.flags.config.iter().map(|file| file.display().to_string()).collect();
        let from_variable =
            files.len() == 1 && environment::variable("OCI_INSTA_SCALE_CONFIG").as_ref() == files.first();
        let mut layers = String::new();
        for file in files.iter().filter(|_| !from_variable) {
            // Writing to a String cannot fail, so the results are ignored.
            let _ = write!(layers, " --config {}", shell_word(file));
        }
        for value in &self.flags.set {
            let _ = write!(layers, " --set {}", shell_word(value));
        }
        layers
    }

    /// The flags for the same login, service and ledger.
    fn place_text(&self) -> String {
        let path = |path: &Option<PathBuf>| path.as_ref().map(|path| path.display().to_string());
        let given = [
            ("--profile", self.flags.profile.clone(), ""),
            ("--auth", self.flags.auth.map(|method| method.to_string()), ""),
            ("--endpoint", self.flags.endpoint.clone(), "OCI_INSTA_SCALE_ENDPOINT"),
            ("--state-dir", path(&self.flags.state_dir), "OCI_INSTA_SCALE_STATE_DIR"),
            ("--ledger", self.flags.ledger.as_ref().map(ToString::to_string), "OCI_INSTA_SCALE_LEDGER"),
        ];
        let flags = given.into_iter().filter_map(|(flag, value, variable)| {
            let value = value.filter(|value| environment::variable(variable).as_ref() != Some(value))?;
            Some(format!(" {flag} {}", shell_word(&value)))
        });
        flags.collect()
    }

    /// The origin of a run, from which `resume` finds the same credentials. `None` if the path is not valid text.
    pub fn origin(&self, settings: &Settings) -> Option<Origin> {
        let text = |path: PathBuf| path.into_os_string().into_string().ok();
        let Layers { files, set, folder } = self.layers();
        let absolute = |file: PathBuf| text(std::path::absolute(file).ok()?);
        let mut files = files.into_iter().map(absolute).collect::<Option<Vec<_>>>()?.into_iter();
        let (config, over) = (files.next()?, files.collect());
        let folder = if set.is_empty() { None } else { Some(text(folder)?) };
        let reached = settings.endpoint.clone().unwrap_or_else(|| settings.fleet.region.clone());
        let (profile, endpoint) = (self.flags.profile.clone(), self.flags.endpoint.clone());
        // Whether the region is simulated is known only after it has responded.
        let auth = self.flags.auth.map(|method| method.to_string());
        Some(Origin {
            config,
            over,
            set,
            folder,
            profile,
            auth,
            endpoint,
            reached: Some(reached),
            shared: self.is_shared(),
            simulated: None,
        })
    }
}

/// The config.
impl Session {
    /// The overrides from flags and the environment.
    pub fn overrides(&self, count: Option<u32>) -> Overrides {
        remember_count(count);
        let flags = &self.flags;
        Overrides {
            count,
            profile: flags.profile.clone(),
            auth: flags.auth,
            cli_auth: environment::variable("OCI_CLI_AUTH").and_then(|name| AuthMethod::find(&name)),
            endpoint: flags.endpoint.clone(),
            simulate: self.simulated,
            placeholders: if self.simulated { Placeholders::Taken } else { Placeholders::Refused },
            cli_profile: environment::variable("OCI_CLI_PROFILE"),
            cli_config_file: environment::variable("OCI_CLI_CONFIG_FILE").map(Into::into),
            home: environment::home(),
            resolved: self.resolved.get().cloned().unwrap_or_default(),
            variable: Some(environment::variable),
            added_regions: environment::added_regions(),
            variables_suffice: oci_client::credentials::variables_suffice(&environment::variable),
            price_list: self.price_list(),
        }
    }

    /// The user's price list, read once, so that an unreadable one is reported once.
    pub fn price_list(&self) -> Option<Arc<PriceList>> {
        let read = || PriceListFile::in_state(self.flags.state_dir.clone()).ok()?.or_say();
        self.price_list.get_or_init(read).clone()
    }

    /// Reads the config and shows notes about it.
    pub fn read_config(&self, count: Option<u32>) -> Result<Settings, CommandError> {
        self.load_config(&self.overrides(count))
    }

    /// Like [`Self::read_config`], for a command that sends no requests: the example's values are reported but block nothing.
    pub fn read_config_offline(&self, count: Option<u32>) -> Result<Settings, CommandError> {
        self.load_config(&Overrides { placeholders: Placeholders::Noted, ..self.overrides(count) })
    }

    /// Reads only the parts of the config that describe how to reach the service; without a config, the default profile of
    /// `~/.oci/config`.
    pub fn read_credentials(&self) -> Result<Settings, CommandError> {
        self.load_connection(Fleet::Ignored)
    }

    /// Like [`Self::read_credentials`], with as much of the fleet as the config contains, for commands that help to write it.
    /// The simulated region needs no credentials.
    pub fn read_unfinished_config(&self) -> Result<Settings, CommandError> {
        self.load_connection(Fleet::Sketched)
    }

    fn load_config(&self, overrides: &Overrides) -> Result<Settings, CommandError> {
        if let Some(endpoint) = &overrides.endpoint {
            Endpoints::at(endpoint)?;
        }
        Ok(self.show_notes(config::load(&self.layers(), overrides, &login::profile_facts)?))
    }

    fn load_connection(&self, fleet: Fleet) -> Result<Settings, CommandError> {
        let overrides = self.overrides(None);
        if let Some(endpoint) = &overrides.endpoint {
            Endpoints::at(endpoint)?;
        }
        let (layers, required) = (self.layers(), !self.flags.config.is_empty());
        let settings = config::load_connection(&layers, required, fleet, &overrides, &login::profile_facts)?;
        Ok(self.show_notes(settings))
    }

    fn show_notes(&self, settings: Settings) -> Settings {
        if !self.is_quiet() && !settings.notes.is_empty() {
            console::line(settings.notes.trim_end());
        }
        settings
    }

    /// Checks that a file is a config that launches into these reservations; the error says why not.
    pub fn launches_into(&self, file: &Path, ocids: &[String]) -> Result<(), String> {
        let settings = config::load(&Layers::of(file), &self.overrides(None), &login::profile_facts)
            .map_err(|errors| errors.to_string())?;
        let placements = &settings.fleet.placements;
        let named = |ocid: &String| {
            placements.iter().any(|placement| placement.capacity_reservation.as_ref() == Some(ocid))
        };
        match ocids.iter().find(|ocid| !named(ocid)) {
            Some(ocid) => Err(format!("no launch would use {ocid}")),
            None => Ok(()),
        }
    }
}

/// The parts of a connection.
impl Session {
    /// A client that reports its retries, and the counter of its requests.
    pub fn client(
        &self,
        endpoints: Endpoints,
        signer: Option<Arc<dyn Signer>>,
    ) -> Result<(Client, Arc<RequestCounts>), CommandError> {
        let transport = network::transport(endpoints.base(Service::Compute).scheme.as_str() == "http")?;
        let requests = Arc::new(RequestCounts::default());
        let observer: Arc<dyn Observer> = if self.is_quiet() {
            Arc::new(Announcing { inner: Counting(requests.clone()), quiet: true })
        } else {
            Arc::new(Announcing { inner: Retries { counts: requests.clone() }, quiet: false })
        };
        let mut builder = Client::builder(endpoints, Arc::new(transport))
            .clock(self.clock.clone())
            .seed(environment::seed())
            .user_agent(concat!("oci-insta-scale/", env!("CARGO_PKG_VERSION")))
            .observer(traces::of_requests(observer));
        if let Some(signer) = signer {
            builder = builder.signer(signer);
        }
        Ok((builder.build(), requests))
    }
}

/// The endpoints of the settings.
pub fn endpoints_of(settings: &Settings) -> Result<Endpoints, CommandError> {
    Ok(match &settings.endpoint {
        Some(url) => Endpoints::at(url)?,
        None => Endpoints::for_region_or(&settings.fleet.region, &environment::added_regions())?,
    })
}

/// The endpoints of a further region.
pub fn endpoints_of_region(region: &RegionSpec) -> Result<Endpoints, CommandError> {
    Ok(match &region.endpoint {
        Some(url) => Endpoints::at(url)?,
        None => Endpoints::for_region_or(&region.region, &environment::added_regions())?,
    })
}

/// The options of a run.
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
