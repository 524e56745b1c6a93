//! The pools that have no member once some instances have left, with what made them.

use super::rows::{self, EngineRow};
use ledger::EnginePart;
use oci_api::models::InstanceLifecycleState as State;
use oci_client::{Client, Failure};
use std::collections::BTreeSet;

/// The pools with these marks that have no member beside `leaving` and want none, each as what is deleted to end it, and the
/// configurations that no other pool uses.
///
/// # Errors
/// When they cannot be listed.
pub async fn emptied(
    client: &Client,
    compartment: &str,
    marks: &BTreeSet<&str>,
    leaving: &BTreeSet<&str>,
) -> Result<Vec<(EnginePart, EngineRow)>, Failure> {
    let pools = rows::with_owners(client, compartment).await?;
    let (mut parts, mut used, mut freed) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
    for (pool, owner) in &pools {
        let ends = marks.contains(pool.row.mark.as_str())
            && is_emptied(client, compartment, &pool.row.ocid, leaving).await?;
        if ends {
            parts.push(owner.clone());
        }
        let configurations = if ends { &mut freed } else { &mut used };
        configurations.insert(pool.configuration.as_str());
    }
    if !freed.is_empty() {
        let rows = rows::configurations(client, compartment).await?;
        let unused = |row: &EngineRow| freed.contains(row.ocid.as_str()) && !used.contains(row.ocid.as_str());
        let unused = rows.into_iter().filter(unused);
        parts.extend(unused.map(|row| (EnginePart::InstanceConfiguration, row)));
    }
    Ok(parts)
}

async fn is_emptied(
    client: &Client,
    compartment: &str,
    pool: &str,
    leaving: &BTreeSet<&str>,
) -> Result<bool, Failure> {
    let members = rows::members(client, compartment, pool).await?;
    let living = members.iter().filter(|one| !matches!(one.state, State::Terminating | State::Terminated));
    let living: Vec<&str> = living.map(|one| one.ocid.as_str()).collect();
    // One that is asked for more goes on launching, because somebody wants them.
    let size = rows::pool(client, pool).await?.1;
    Ok(living.iter().all(|ocid| leaving.contains(ocid))
        && usize::try_from(size).is_ok_and(|size| size <= living.len()))
}
