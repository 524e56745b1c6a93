//! Commands about a whole fleet: `scale`, `status`, `fleets` and `fleet adopt`.

mod adopt;
mod grow;
mod list;
mod maintain;
mod replace;
pub mod scale;
mod shared;
mod shrink;
mod status;
mod unfinished;
pub mod unit;
pub(super) mod unlisted;

pub use adopt::{AdoptedInstance, adopt_instances};
pub use list::{ListedFleet, list_fleets};
pub use maintain::maintain_fleet;
pub use replace::replace_members;
pub use status::show_fleet;

use crate::commands::consent;
use crate::commands::counted::refuse_want;
use crate::commands::network::{self, Prerequisites};
use crate::connection::{Connection, for_questions};
use crate::error::CommandError;
use crate::output::proposal::Proposal;
use crate::output::text::clean;
use crate::session::Session;
use crate::waiting::telling;
use fleet::fleets::{Census, CensusError, FleetKey, UnlistedMember, Wanted, take_census, wanted};
use fleet::plan::network::NetworkPlan;
use fleet::{Environment, FleetSpec, Origin, Plan};
use ledger::{MemoryStore, Store};
use std::sync::Arc;

/// The common basis of the commands about a fleet.
pub(super) struct Ground<'a> {
    /// The connection to the service.
    pub connection: Connection<'a>,
    /// Which fleet it is.
    pub key: FleetKey,
    /// The origin of its runs.
    pub origin: Option<Origin>,
    /// The environment for queries for which a person waits.
    pub asking: Environment,
    /// Members in regions that the config no longer lists, which are told, and neither counted nor changed.
    pub unlisted: Vec<UnlistedMember>,
    /// What its first launch makes first.
    pub network: Prerequisites,
}

impl<'a> Ground<'a> {
    /// Reads the config, opens the ledger, and signs in. A command that `writes` creates a missing ledger.
    pub async fn open(session: &'a Session, writes: bool) -> Result<Self, CommandError> {
        let settings = session.settled(|| session.read_config(None)).await?;
        refuse_want(&settings, "a command about a fleet")?;
        let origin = session.origin(&settings);
        let key = FleetKey::new(&settings.fleet, origin.as_ref());
        let store = if writes { Some(session.ledger()?) } else { session.ledger_of_the_past()? };
        let store: Arc<dyn Store> = store.unwrap_or_else(|| Arc::new(MemoryStore::new()));
        let mut connection = Connection::open(session, settings).await?;
        let network = network::enter(&mut connection, Some(&*store)).await?;
        let environment = connection.environment(store);
        let asking = Environment { client: for_questions(&environment.client), ..environment };
        let unlisted = unlisted::find(&connection, &key, &asking).await?;
        Ok(Self { connection, key, origin, asking, unlisted, network })
    }

    /// The same for a command that changes the fleet: the members in regions that the config no longer lists must not be in
    /// its way.
    pub async fn open_to_change(session: &'a Session, writes: bool) -> Result<Self, CommandError> {
        let ground = Self::open(session, writes).await?;
        unlisted::refuse(&ground)?;
        Ok(ground)
    }

    /// Refuses a command that only replaces members if the network or the compute cluster is still to be made.
    pub fn needs_its_network(&self) -> Result<(), CommandError> {
        let Some(missing) = self.network.missing() else { return Ok(()) };
        Err(CommandError::usage(
            format!("the {missing} of fleet {} does not exist yet", clean(&self.key.name)),
            "`oci-insta-scale scale` or `launch` makes it",
        ))
    }

    /// The network as the config describes it.
    pub fn network_plan(&self) -> Option<NetworkPlan> {
        self.fleet().network_plan(self.origin.as_ref())
    }

    /// Asks for confirmation to change something in the compartment of the fleet.
    pub async fn agree(&self, yes: bool, proposal: &Proposal) -> Result<(), CommandError> {
        consent::agree(&self.connection, &self.connection.compartment, yes, proposal).await
    }

    /// The fleet of the config.
    pub fn fleet(&self) -> &FleetSpec {
        &self.connection.settings.fleet
    }

    /// Counts the members.
    pub async fn census(&self) -> Result<Census, CommandError> {
        let census = take_census(&self.asking, self.fleet(), &self.key);
        let counting = Box::pin(self.connection.ask(census));
        telling(self.connection.session, "counting the members; lists of OCI may lag", counting).await
    }

    /// The plan to launch such a fleet, with the service's current data.
    pub async fn plan(&self, fleet: FleetSpec) -> Result<Plan, CommandError> {
        let planned = self.connection.ask(Box::pin(async {
            let planned = fleet::plan(&self.asking.client, fleet).await;
            planned.map_err(|error| CommandError::of_plan(&self.connection.settings.written, error))
        }));
        let mut plan = planned.await?;
        plan.origin.clone_from(&self.origin);
        Ok(plan)
    }

    /// The wanted size.
    pub async fn wanted(&self) -> Result<Wanted, CommandError> {
        Ok(wanted(&*self.asking.store, &self.key, self.fleet().count).await?)
    }
}

impl From<CensusError> for CommandError {
    fn from(error: CensusError) -> Self {
        match error {
            CensusError::Ledger(error) => error.into(),
            CensusError::Failure(failure) => Self::from(failure).of_compartment(),
            CensusError::Region { region, failure } => Self::Region { region, failure },
        }
    }
}
