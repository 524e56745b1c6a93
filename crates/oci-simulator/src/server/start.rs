//! Starts and stops a standalone region with home folder, saved world and socket.

use super::auth::PublicKey;
use super::clock::system_time;
use super::error::StartError;
use super::home::{self, Folder, Home, HomeError, Identity};
use super::making::{Further, Made, Time, further_regions, make};
use super::region::Region;
use super::save;
use super::served::{Listening, Served, bind, reached};
use super::threads::{blocking, in_a_thread};
use super::tls::{self, Environment, ServiceHosts, TlsServed};
use crate::scenario::{Scenario, check_speed};
use crate::world::{Caller, Known};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// Simulated seconds per second, unless the options or the scenario say otherwise.
pub const SPEED: f64 = 30.0;

/// How to start a region.
#[derive(Clone, Debug)]
pub struct Options {
    /// The address to listen on; port 0 takes a free port. Further regions listen on the ports after it.
    pub listen: SocketAddr,
    /// The address to listen on with TLS under the host names of the real services; needs a home folder. One address serves
    /// all regions.
    pub tls_listen: Option<SocketAddr>,
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
    /// The same of further regions, by the region's name.
    pub known_elsewhere: BTreeMap<String, Vec<Known>>,
    /// Other callers, with their keys.
    pub callers: Vec<(Caller, PublicKey)>,
    /// Session tokens of other callers, with their keys and the time until which they work.
    pub sessions: Vec<(String, Caller, PublicKey, Timestamp)>,
    /// The owner of the credentials when there is no home folder; generated when `None`.
    pub identity: Option<Caller>,
    /// The file that saves the world across restarts; the world is lost when `None`. Each further region has a file beside it,
    /// with the region's name appended.
    pub save: Option<PathBuf>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 12620)),
            tls_listen: None,
            allow_remote: false,
            home: None,
            scenario: Scenario::default(),
            speed: None,
            seed: 0,
            known: Vec::new(),
            known_elsewhere: BTreeMap::new(),
            callers: Vec::new(),
            sessions: Vec::new(),
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
    /// What clients need to reach it with TLS, and the address that they reach.
    pub tls: Option<(SocketAddr, Environment)>,
    served: Served,
    further: Vec<Served>,
    tls_served: Option<TlsServed>,
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
        self.served.region.inner.label.get()?.to_str().ok()
    }

    /// The region.
    pub fn region(&self) -> &Region {
        &self.served.region
    }

    /// The further regions of its tenancy: names and base URLs.
    pub fn further(&self) -> Vec<(String, String)> {
        self.further.iter().map(|served| (served.name(), served.endpoint())).collect()
    }

    /// A further region.
    pub fn further_region(&self, name: &str) -> Option<&Region> {
        self.further.iter().find(|served| served.name() == name).map(|served| &served.region)
    }

    /// Stops listening, waits up to five seconds for open requests, and saves the world.
    ///
    /// # Errors
    /// When the world cannot be saved.
    pub async fn shutdown(self) -> Result<(), StartError> {
        if let Some(tls) = self.tls_served {
            tls.shutdown().await;
        }
        let mut ended = self.served.shutdown().await;
        for further in self.further {
            ended = ended.and(further.shutdown().await);
        }
        ended
    }
}

/// The flag with the address of a region.
const LISTEN: &str = "--listen";

/// Starts a region and returns once it listens.
///
/// # Errors
/// When an option is out of range, or the address, the home folder or the saved world cannot be used.
pub async fn start(options: Options) -> Result<Running, StartError> {
    check_addresses(&options)?;
    let speed = options.speed.or(options.scenario.speed).unwrap_or(SPEED);
    check_speed(speed).map_err(StartError::Speed)?;
    let Listening { listener, address } = bind(options.listen, 0, LISTEN).await?;
    let further = options.scenario.further();
    let mut elsewhere = Vec::new();
    for (at, scenario) in (1..).zip(further) {
        elsewhere.push((scenario, bind(options.listen, at, LISTEN).await?));
    }
    // Before the home is made, so that a port in use leaves nothing behind.
    let tls = match options.tls_listen {
        Some(address) => Some(bind(address, 0, "--tls-listen").await?),
        None => None,
    };
    let folder = match options.home.clone() {
        Some(path) => Some(blocking(move || Folder::claim(&path)).await??),
        None => None,
    };
    let hold = options.save.as_deref().map(save::hold).transpose()?;
    let saved = options.save.clone();
    let made = make(saved, options.scenario.clone(), options.seed, Time::From(speed));
    let Made { region, clock, restored, mut notes } = in_a_thread(made).await??;
    let endpoints: Vec<(String, String)> = elsewhere
        .iter()
        .map(|(scenario, bound)| {
            (scenario.world.region.clone(), format!("http://{}", reached(bound.address)))
        })
        .collect();
    let (identity, home) = credentials(&options, &region, address, folder, endpoints).await?;
    for known in &options.known {
        register(&region, known)?;
    }
    check_quotas(&region)?;
    region.check_policies().map_err(StartError::Policies)?;
    notes.extend(oddities(&region, home.as_ref()));
    let (further, more) = further_regions(options.save.as_deref(), options.seed, elsewhere, &clock).await?;
    notes.extend(more);
    let all: Vec<Region> =
        std::iter::once(&region).chain(further.iter().map(|one| &one.region)).cloned().collect();
    Region::make_one_tenancy(&all);
    register_elsewhere(&options, home.as_ref(), &region, &further)?;
    for region in &all {
        admit(&options, region, &identity, speed);
    }
    open_sessions(&options, &region, home.as_ref()).await?;
    region.keep_start();
    let (tls, tls_served) = match tls.zip(home.as_ref()) {
        Some((bound, home)) => {
            let (address, environment, served) = serve_tls(bound, &home.path, &all, &mut notes).await?;
            (Some((address, environment)), Some(served))
        }
        None => (None, None),
    };
    let remote = options.allow_remote;
    let served =
        Served::start(region, Listening { listener, address }, remote, options.save.zip(hold)).await?;
    let mut others = Vec::new();
    for Further { region, listening, save } in further {
        others.push(Served::start(region, listening, remote, save).await?);
    }
    let path = home.as_ref().map(|home| home.path.clone());
    Ok(Running {
        address,
        home: path,
        identity,
        restored,
        notes,
        tls,
        served,
        further: others,
        tls_served,
        _home: home,
    })
}

/// Refuses addresses that would admit others, and TLS without a place for its certificate.
fn check_addresses(options: &Options) -> Result<(), StartError> {
    for address in [Some(options.listen), options.tls_listen].into_iter().flatten() {
        if !options.allow_remote && !address.ip().is_loopback() {
            return Err(StartError::NotLoopback(address));
        }
    }
    if options.tls_listen.is_some() && options.home.is_none() {
        return Err(StartError::TlsWithoutHome);
    }
    Ok(())
}

/// What whoever starts the region would not expect of it.
fn oddities(region: &Region, home: Option<&Home>) -> Vec<String> {
    let warning = region.world().settings().warning();
    let mut notes: Vec<String> = warning.map(|warning| format!("warning: {warning}")).into_iter().collect();
    let region_name = region.world().settings().region.clone();
    if let Some(home) = home.filter(|home| home.identity.region != region_name) {
        notes.push(format!(
            "{} was created for {}, as its `config` and `config.yaml` say, but this region is {region_name}. Use \
                 another directory with --home",
            home.path.display(),
            home.identity.region
        ));
    }
    notes
}

/// Registers what the home and the options name in further regions.
fn register_elsewhere(
    options: &Options,
    home: Option<&Home>,
    first: &Region,
    further: &[Further],
) -> Result<(), StartError> {
    let named = |one: &Further| {
        let name = one.region.world().settings().region.clone();
        let of_home = home.iter().filter_map(|home| home.known_elsewhere.get(&name)).flatten();
        of_home.chain(options.known_elsewhere.get(&name).into_iter().flatten()).cloned().collect()
    };
    let all: Vec<(&Further, Vec<Known>)> = further.iter().map(|one| (one, named(one))).collect();
    // Compartments belong to the tenancy.
    let compartments = all.iter().flat_map(|(_, known)| known);
    for known in compartments.filter(|known| matches!(known, Known::Compartment { .. })) {
        register(first, known)?;
    }
    first.spread_tenancy();
    for (one, known) in all {
        for known in &known {
            register(&one.region, known)?;
        }
        check_quotas(&one.region)?;
    }
    Ok(())
}

/// Makes a region known by its label, and its callers by their keys.
fn admit(options: &Options, region: &Region, identity: &Identity, speed: f64) {
    region.label(&options.scenario.name, speed);
    region.add_key(identity.caller.clone(), identity.public_key.clone());
    region.set_anonymous_caller(identity.caller.clone());
    for (caller, key) in &options.callers {
        region.add_key(caller.clone(), key.clone());
    }
}

/// Serves all regions with TLS, and writes the files for clients into the home.
async fn serve_tls(
    bound: Listening,
    home: &Path,
    regions: &[Region],
    notes: &mut Vec<String>,
) -> Result<(SocketAddr, Environment, TlsServed), StartError> {
    let named: Vec<(ServiceHosts, Region)> = regions
        .iter()
        .map(|region| (ServiceHosts::of(&region.world().settings().region), region.clone()))
        .collect();
    let places: Vec<ServiceHosts> = named.iter().map(|(place, _)| place.clone()).collect();
    let (address, home) = (bound.address, home.to_owned());
    let made = blocking(move || {
        let credentials = tls::open(&home, &places, system_time())?;
        let ip = reached(address).ip();
        let environment = tls::write_files(&home, &credentials.authority, &places, ip)?;
        Ok::<_, HomeError>((credentials, environment))
    });
    let (credentials, environment) = made.await??;
    if credentials.renewed {
        notes.push(format!(
            "{} is new: the certificate of this home was about to expire, was for other regions, or was damaged",
            credentials.authority.display()
        ));
    }
    let served = tls::start(bound, named, &credentials)?;
    Ok((address, environment, served))
}

/// Accepts the sessions of the options, and logs in for the profile of the home folder.
async fn open_sessions(options: &Options, region: &Region, home: Option<&Home>) -> Result<(), StartError> {
    for (token, caller, key, expires) in &options.sessions {
        region.accept_token(token, caller.clone(), key.clone(), *expires);
    }
    let Some(home) = home else { return Ok(()) };
    let (path, identity) = (home.path.clone(), home.identity.clone());
    let key = blocking(move || home::session::prepare(&path, &identity)).await??;
    region.sign_with(&home.identity.private_key_pem);
    let token = region.log_in(&home.identity.caller, key);
    home::session::write_token(&home.path, &token)?;
    Ok(())
}

/// Refuses a quota for a compartment that does not exist once everything is registered: it would limit nobody.
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
    further: Vec<(String, String)>,
) -> Result<(Identity, Option<Home>), StartError> {
    let name = region.world().settings().region.clone();
    let Some(folder) = folder else {
        let caller = options.identity.clone();
        let identity = blocking(move || Identity::generate(caller, &name)).await?.map_err(HomeError::Key)?;
        register_caller(region, &identity.caller)?;
        return Ok((identity, None));
    };
    let endpoint = format!("http://{}", reached(address));
    let home = blocking(move || Home::fill(folder, &name, &endpoint, &further)).await??;
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
