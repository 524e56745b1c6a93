//! Starts and stops a standalone region with home folder, saved world and socket.

use super::auth::PublicKey;
use super::clock::{ScaledClock, SimClock, system_time};
use super::error::StartError;
use super::home::{Folder, Home, HomeError, Identity};
use super::region::Region;
use super::save;
use super::saver::Saver;
use super::serve::serve_with;
use super::threads::{blocking, in_a_thread};
use crate::scenario::{Scenario, check_speed};
use crate::world::{Caller, Known, World};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// Simulated seconds per second, unless the options or the scenario say otherwise.
pub const SPEED: f64 = 30.0;

/// How to start a region.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 selects a free port.
    pub listen: SocketAddr,
    /// Whether other machines may connect and use the pages under `/_sim`.
    pub allow_remote: bool,
    /// The home folder, created if it does not exist. Without one, the credentials exist only in memory.
    pub home: Option<PathBuf>,
    /// The properties of the region.
    pub scenario: Scenario,
    /// Simulated seconds per second; if `None`, the scenario's own value, or 30.
    pub speed: Option<f64>,
    /// The seed of all random numbers.
    pub seed: u64,
    /// Resources that must exist with given OCIDs; see [`known_of_config`](super::known_of_config).
    pub known: Vec<Known>,
    /// Other callers, with their keys.
    pub callers: Vec<(Caller, PublicKey)>,
    /// The owner of the credentials when there is no home folder; generated when `None`.
    pub identity: Option<Caller>,
    /// The file that saves the world across restarts; if `None`, the world is lost.
    pub save: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 12620)),
            allow_remote: false,
            home: None,
            scenario: Scenario::default(),
            speed: None,
            seed: 0,
            known: Vec::new(),
            callers: Vec::new(),
            identity: None,
            save: None,
        }
    }
}

/// A running region.
#[derive(Debug)]
pub struct Running {
    /// The address that it listens on.
    pub address: SocketAddr,
    /// Its home folder, absolute, if it has one.
    pub home: Option<PathBuf>,
    /// Credentials that it accepts.
    pub identity: Identity,
    /// Whether it continues a saved world.
    pub restored: bool,
    /// Notes for whoever started it, one line each.
    pub notes: Vec<String>,
    region: Region,
    stop: oneshot::Sender<()>,
    server: JoinHandle<()>,
    saver: Option<Saver>,
    /// Keeps other regions out of the home folder.
    _home: Option<Home>,
}

impl Running {
    /// The base URL: `http://127.0.0.1:12620`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The label of every response: `roomy; speed=30`.
    pub fn label(&self) -> Option<&str> {
        self.region.inner.label.get()?.to_str().ok()
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.region
    }

    /// Stops listening, waits up to five seconds for open requests, and saves the world.
    ///
    /// # Errors
    /// When the world cannot be saved.
    pub async fn shutdown(self) -> Result<(), StartError> {
        // Fails only if the server has already ended, which the next line reports.
        let _ = self.stop.send(());
        self.server.await.map_err(|error| StartError::Broken(error.to_string()))?;
        match self.saver {
            Some(saver) => saver.stop().await,
            None => Ok(()),
        }
    }
}

/// Starts a region and returns once it listens.
///
/// # Errors
/// When an option is out of range, or the address, the home folder or the saved world cannot be used.
pub async fn start(options: Options) -> Result<Running, StartError> {
    if !options.allow_remote && !options.listen.ip().is_loopback() {
        return Err(StartError::NotLoopback(options.listen));
    }
    let speed = options.speed.or(options.scenario.speed).unwrap_or(SPEED);
    check_speed(speed).map_err(StartError::Speed)?;
    let listener = listen(options.listen).await?;
    let address =
        listener.local_addr().map_err(|source| StartError::Listen { address: options.listen, source })?;
    let folder = match options.home.clone() {
        Some(path) => Some(blocking(move || Folder::claim(&path)).await??),
        None => None,
    };
    let hold = options.save.as_deref().map(save::hold).transpose()?;
    let Made { region, restored, mut notes } = in_a_thread(make(&options, speed)).await??;
    let (identity, home) = credentials(&options, &region, address, folder).await?;
    for known in &options.known {
        register(&region, known)?;
    }
    check_quotas(&region)?;
    let warning = region.world().settings().warning();
    notes.extend(warning.map(|warning| format!("warning: {warning}")));
    region.label(&options.scenario.name, speed);
    let region_name = region.world().settings().region.clone();
    if let Some(home) = home.as_ref().filter(|home| home.identity.region != region_name) {
        notes.push(format!(
            "{} was created for {}, as its `config` and `config.yaml` say, but this region is {region_name}. Use \
                 another directory with --home",
            home.path.display(),
            home.identity.region
        ));
    }
    region.add_key(identity.caller.clone(), identity.public_key.clone());
    region.set_anonymous_caller(identity.caller.clone());
    for (caller, key) in options.callers {
        region.add_key(caller, key);
    }
    let saver = match options.save.zip(hold) {
        Some((path, hold)) => Some(Saver::start(path, hold, region.clone()).await?),
        None => None,
    };
    let (stop, stopped) = oneshot::channel();
    let served = region.clone();
    let server = tokio::spawn(async move {
        // Dropping the handle also stops the server.
        serve_with(listener, served, options.allow_remote, async { drop(stopped.await) }).await;
    });
    let path = home.as_ref().map(|home| home.path.clone());
    Ok(Running { address, home: path, identity, restored, notes, region, stop, server, saver, _home: home })
}

/// A new region.
struct Made {
    region: Region,
    restored: bool,
    notes: Vec<String>,
}

/// Reads the saved world or creates one. A large world takes some time.
fn make(options: &Options, speed: f64) -> impl FnOnce() -> Result<Made, StartError> + Send + 'static {
    let (save, scenario, seed) = (options.save.clone(), options.scenario.clone(), options.seed);
    move || {
        let saved = match &save {
            Some(path) => save::load(path)?,
            None => None,
        };
        let begins = saved.as_ref().map_or_else(system_time, World::now);
        let clock: Arc<dyn SimClock> = Arc::new(ScaledClock::real(begins, speed));
        let (Some(world), Some(path)) = (saved, save) else {
            let region = Region::new(&scenario, seed, clock);
            return Ok(Made { region, restored: false, notes: Vec::new() });
        };
        let shown = path.display();
        let mut notes = vec![format!("restored {shown}: its world, including the seed, is as it was saved")];
        let differing = world.settings().differing(&scenario.world);
        if !differing.is_empty() {
            notes.push(format!(
                "warning: settings under `world:` of the scenario are ignored where the saved world differs: {}. To \
                     start again, remove {shown} or name another file with --save",
                differing.join(", ")
            ));
        }
        Ok(Made { region: Region::with_world(world, &scenario, seed, clock), restored: true, notes })
    }
}

async fn listen(address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(|source| match source.kind() {
        std::io::ErrorKind::AddrInUse => StartError::PortInUse(address),
        _ => StartError::Listen { address, source },
    })
}

/// Refuses a quota for a compartment that does not exist after everything is registered: it would have no effect.
fn check_quotas(region: &Region) -> Result<(), StartError> {
    let unknown = region.world().unknown_quota_compartment();
    match unknown {
        Some(ocid) => Err(StartError::QuotaCompartment(ocid)),
        None => Ok(()),
    }
}

/// The credentials of the home folder, or new ones in memory. Registers the resources that the folder's `config.yaml` names.
async fn credentials(
    options: &Options,
    region: &Region,
    address: SocketAddr,
    folder: Option<Folder>,
) -> Result<(Identity, Option<Home>), StartError> {
    let name = region.world().settings().region.clone();
    let Some(folder) = folder else {
        let caller = options.identity.clone();
        let identity = blocking(move || Identity::generate(caller, &name)).await?.map_err(HomeError::Key)?;
        register_caller(region, &identity.caller)?;
        return Ok((identity, None));
    };
    // This machine reaches a region that listens on all addresses through loopback.
    let reached =
        if address.ip().is_unspecified() { (Ipv4Addr::LOCALHOST, address.port()).into() } else { address };
    let endpoint = format!("http://{reached}");
    let home = blocking(move || Home::fill(folder, &name, &endpoint)).await??;
    register_caller(region, &home.identity.caller)?;
    for known in &home.known {
        region
            .register(known)
            .map_err(|problem| HomeError::Damaged { path: home.path.join("config.yaml"), problem })?;
    }
    Ok((home.identity.clone(), Some(home)))
}

fn register_caller(region: &Region, caller: &Caller) -> Result<(), StartError> {
    register(region, &Known::Tenancy { ocid: caller.tenancy.clone() })?;
    register(region, &Known::User { ocid: caller.user.clone() })
}

fn register(region: &Region, known: &Known) -> Result<(), StartError> {
    region.register(known).map_err(StartError::Register)
}
