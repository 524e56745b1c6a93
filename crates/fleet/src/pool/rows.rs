//! What the lists of pools, configurations and members show.

use crate::engine::deletion::lives;
use crate::engine::failure::work_request_error;
use crate::plan::{ENGINE_TAG, FLEET_TAG, RUN_TAG, is_of_network, is_of_pool};
use crate::query::select::Machine;
use jiff::Timestamp;
use ledger::{EnginePart, ErrorRecord, RunId};
use oci_api::models::{InstanceLifecycleState as State, InstanceSummary};
use oci_client::{Client, Failure, FailureClass};
use std::collections::{BTreeMap, BTreeSet};

/// An instance configuration that this tool made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EngineRow {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// The fleet for which it was made.
    pub fleet: Option<String>,
    /// The run that made it, or that set its size last.
    pub run: Option<RunId>,
    /// What it launches: the value of its tag [`ENGINE_TAG`].
    pub mark: String,
}

/// An instance pool that this tool made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FleetPool {
    /// The facts that it shares with its configuration.
    pub row: EngineRow,
    /// `RUNNING`, `SCALING`, …
    pub state: String,
    /// How many members it is asked for. It may have fewer.
    pub size: u32,
    /// How many of its members are running.
    pub running: u32,
    /// Its configuration.
    pub configuration: String,
}

fn row(ocid: String, name: Option<String>, tags: Option<BTreeMap<String, String>>) -> Option<EngineRow> {
    let mut tags = tags?;
    Some(EngineRow {
        ocid,
        name: name.unwrap_or_default(),
        fleet: tags.remove(FLEET_TAG),
        run: tags.get(RUN_TAG).and_then(|run| run.parse().ok()),
        mark: tags.remove(ENGINE_TAG)?,
    })
}

/// The pools of a compartment that this tool made and that exist.
///
/// # Errors
/// When they cannot be listed.
pub async fn pools(client: &Client, compartment: &str) -> Result<Vec<FleetPool>, Failure> {
    let listed = client.list_instance_pools(compartment).await?;
    let ours = listed.into_iter().filter_map(|pool| {
        Some(FleetPool {
            row: row(pool.id, pool.display_name, pool.freeform_tags)?,
            state: pool.lifecycle_state.to_string(),
            size: count(pool.size),
            running: count(pool.current_size.unwrap_or_default()),
            configuration: pool.instance_configuration_id,
        })
    });
    Ok(ours.filter(|pool| lives(&pool.state)).collect())
}

/// The instance configurations of a compartment that this tool made.
///
/// # Errors
/// When they cannot be listed.
pub async fn configurations(client: &Client, compartment: &str) -> Result<Vec<EngineRow>, Failure> {
    let listed = client.list_instance_configurations(compartment).await?;
    Ok(listed.into_iter().filter_map(|one| row(one.id, one.display_name, one.freeform_tags)).collect())
}

/// The cluster networks of a compartment that this tool made and that exist, each with its pool.
///
/// # Errors
/// When they cannot be listed.
pub async fn networks(client: &Client, compartment: &str) -> Result<Vec<(EngineRow, String)>, Failure> {
    let listed = client.list_cluster_networks(compartment).await?;
    let living = listed.into_iter().filter(|network| lives(&network.lifecycle_state.to_string()));
    let ours = living.filter_map(|network| {
        let pool = network.instance_pools.unwrap_or_default().into_iter().next().unwrap_or_default().id;
        Some((row(network.id, network.display_name, network.freeform_tags)?, pool))
    });
    Ok(ours.collect())
}

/// The pools of a compartment as [`pools`] does, each with what is deleted to end it: its cluster network, or itself.
///
/// # Errors
/// When they cannot be listed.
pub async fn with_owners(
    client: &Client,
    compartment: &str,
) -> Result<Vec<(FleetPool, (EnginePart, EngineRow))>, Failure> {
    let pools = pools(client, compartment).await?;
    let networks = if pools.iter().any(|pool| is_of_network(&pool.row.mark)) {
        networks(client, compartment).await?
    } else {
        Vec::new()
    };
    let owner = |pool: &FleetPool| match networks.iter().find(|(_, inner)| *inner == pool.row.ocid) {
        Some((network, _)) => (EnginePart::ClusterNetwork, network.clone()),
        None => (EnginePart::InstancePool, pool.row.clone()),
    };
    Ok(pools.into_iter().map(|pool| (pool.clone(), owner(&pool))).collect())
}

/// One pool as it is now, in whatever state: state, size and running members.
pub(crate) async fn pool(client: &Client, ocid: &str) -> Result<(String, u32, u32), Failure> {
    let pool = client.get_instance_pool(ocid).await?.value;
    let running = count(pool.current_size.unwrap_or_default());
    Ok((pool.lifecycle_state.to_string(), count(pool.size), running))
}

fn count(number: i64) -> u32 {
    u32::try_from(number).unwrap_or_default()
}

/// A member of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct PoolMember {
    /// Its OCID.
    pub ocid: String,
    /// Its display name.
    pub name: String,
    /// The state of the instance.
    pub state: State,
    /// Its availability domain.
    pub availability_domain: String,
    /// Its fault domain.
    pub fault_domain: Option<String>,
    /// When it was created.
    pub created: Option<Timestamp>,
}

impl From<InstanceSummary> for PoolMember {
    fn from(member: InstanceSummary) -> Self {
        Self {
            ocid: member.id,
            name: member.display_name.unwrap_or_default(),
            // Pools write states as free text: `Running`.
            state: State::from(member.state.to_ascii_uppercase().as_str()),
            availability_domain: member.availability_domain,
            fault_domain: member.fault_domain,
            created: member.time_created,
        }
    }
}

/// The members of a pool, oldest first. Terminated ones may still be listed.
pub(crate) async fn members(
    client: &Client,
    compartment: &str,
    pool: &str,
) -> Result<Vec<PoolMember>, Failure> {
    let listed = client.list_instance_pool_instances(compartment, pool).await?;
    let mut members: Vec<PoolMember> = listed.into_iter().map(PoolMember::from).collect();
    members.sort_by(|a, b| (a.created, &a.ocid).cmp(&(b.created, &b.ocid)));
    Ok(members)
}

/// The beginning of the message of such a failure.
pub const POOL_LACKS: &str = "the pool lacks members";

/// Why a pool does not get all of its members, if its latest work request says so.
pub(crate) async fn shortage(
    client: &Client,
    compartment: &str,
    pool: &str,
) -> Result<Option<ErrorRecord>, Failure> {
    let requests = client.list_work_requests(compartment, Some(pool)).await?;
    let latest = requests.into_iter().max_by_key(|request| request.time_accepted);
    let Some(latest) = latest.filter(|latest| latest.status.to_string() != "SUCCEEDED") else {
        return Ok(None);
    };
    let errors = client.list_work_request_errors(&latest.id).await?;
    let latest = errors.into_iter().max_by_key(|error| error.timestamp);
    Ok(latest.map(|error| {
        let record = work_request_error(&error.code, &error.message).1;
        // Tells it from the refusal of a single launch, whose remedies a pool does not have.
        ErrorRecord { message: format!("{POOL_LACKS}: {}", record.message), ..record }
    }))
}

/// The pool of each of these instances that is a member of one.
pub(crate) async fn homes(
    client: &Client,
    machines: &[Machine],
) -> Result<BTreeMap<String, String>, Failure> {
    let mut marks: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for machine in machines {
        if let Some(mark) = machine.tags.get(ENGINE_TAG).filter(|mark| is_of_pool(mark)) {
            marks.entry(&machine.compartment).or_default().insert(mark);
        }
    }
    let mut homes = BTreeMap::new();
    for (compartment, marks) in marks {
        let pools = pools(client, compartment).await?;
        // Members have the mark of their pool.
        for pool in pools.into_iter().filter(|pool| marks.contains(pool.row.mark.as_str())) {
            let listed = match members(client, compartment, &pool.row.ocid).await {
                // It has ended meanwhile.
                Err(failure) if failure.class == FailureClass::NotFound => continue,
                listed => listed?,
            };
            homes.extend(listed.into_iter().map(|member| (member.ocid, pool.row.ocid.clone())));
        }
    }
    Ok(homes)
}
