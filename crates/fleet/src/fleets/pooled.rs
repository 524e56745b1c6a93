//! The instance pools of a fleet as they are now, for people who want to know why members are missing.

use crate::plan::FleetSpec;
use crate::pool;
use oci_client::{Client, Failure};
use schemars::JsonSchema;
use serde::Serialize;

/// An instance pool of a fleet.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct PoolStanding {
    /// Its name.
    pub name: String,
    /// Its OCID.
    pub ocid: String,
    /// `RUNNING`, `SCALING`, …
    pub state: String,
    /// How many members it is asked for. OCI lowers it if they do not come within 24 hours.
    pub size: u32,
    /// How many of its members are running.
    pub running: u32,
    /// Why members do not come, if OCI says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub shortage: Option<String>,
}

/// The pools of a fleet, each with the reason why it lacks members.
///
/// # Errors
/// When they cannot be listed.
pub async fn pool_standings(client: &Client, fleet: &FleetSpec) -> Result<Vec<PoolStanding>, Failure> {
    let mut standings = Vec::new();
    for pool in pool::pools(client, &fleet.compartment).await? {
        if pool.row.fleet.is_none() || pool.row.fleet.as_deref() != fleet.tagged_name() {
            continue;
        }
        let shortage = if pool.running < pool.size {
            pool::shortage(client, &fleet.compartment, &pool.row.ocid).await?
        } else {
            None
        };
        standings.push(PoolStanding {
            name: pool.row.name,
            ocid: pool.row.ocid,
            state: pool.state,
            size: pool.size,
            running: pool.running,
            shortage: shortage.map(|error| format!("{}: {}", error.code, error.message)),
        });
    }
    Ok(standings)
}
