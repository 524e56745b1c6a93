//! Commands about a whole fleet: `scale`, `status`, `fleets` and `fleet adopt`.

mod adopt;
mod grow;
mod list;
mod maintain;
pub mod scale;
mod shared;
mod shrink;
mod status;
mod unfinished;
mod unit;

pub use adopt::run as adopt;
pub use list::run as list;
pub use maintain::run as maintain;
pub use status::run as status;

use crate::args::Global;
use crate::commands::instances::Reach;
use crate::commands::session;
use crate::environment;
use crate::error::CommandError;
use fleet::fleets::{Census, CensusError, FleetKey, Wanted, take_census, wanted};
use fleet::{Environment, FleetSpec, Origin};
use ledger::{MemoryStore, Store};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// What a command about a fleet works with.
pub(super) struct Ground<'a> {
    /// The way to the service.
    pub reach: Reach<'a>,
    /// Which fleet it is.
    pub key: FleetKey,
    /// Where its runs are started from.
    pub origin: Option<Origin>,
    /// For queries that a person waits for.
    pub asking: Environment,
}

impl<'a> Ground<'a> {
    /// Reads the config, opens the ledger, and signs in. A command that `writes` makes a ledger where there is none.
    pub async fn connect(
        global: &'a Global,
        writes: bool,
        stop: &CancellationToken,
    ) -> Result<Self, CommandError> {
        let settings = session::settings(global, None, false)?;
        let origin = session::origin(global, &settings);
        let key = FleetKey::new(&settings.fleet, origin.as_ref());
        let folder = environment::state_dir(global.state_dir.clone(), false)?;
        let store: Arc<dyn Store> = if writes || session::has_ledger(&folder) {
            session::open_ledger(global, false)?
        } else {
            Arc::new(MemoryStore::new())
        };
        let reach = Reach::of(global, settings, stop).await?;
        let client = session::asking(&reach.client);
        let asking = session::environment(&client, reach.requests.clone(), store);
        Ok(Self { reach, key, origin, asking })
    }

    /// The fleet of the config.
    pub fn fleet(&self) -> &FleetSpec {
        &self.reach.settings.fleet
    }

    /// Counts the members.
    pub async fn census(&self) -> Result<Census, CommandError> {
        self.reach.ask(take_census(&self.asking, self.fleet(), &self.key)).await
    }

    /// How many there are to be.
    pub async fn wanted(&self) -> Result<Wanted, CommandError> {
        Ok(wanted(&*self.asking.store, &self.key, self.fleet().count).await?)
    }
}

impl From<CensusError> for CommandError {
    fn from(error: CensusError) -> Self {
        match error {
            CensusError::Ledger(error) => error.into(),
            CensusError::Failure(failure) => Self::from(failure).of_compartment(),
        }
    }
}
