//! A run whose records are lost and which launched by pools. Its members have no tag of a slot, so it cannot be rebuilt.

use super::adopt::is_dead;
use crate::engine::cloud;
use crate::plan::{ENGINE_TAG, Engine, RUN_TAG, is_of_pool};
use crate::pool;
use ledger::RunId;
use oci_api::models::Instance;
use oci_client::{Client, Failure, FailureClass};

/// Why a run whose instances have no tag of a slot cannot be rebuilt, if it launched by pools.
pub(super) async fn why_not(
    client: &Client,
    compartment: &str,
    run: RunId,
) -> Result<Option<String>, Failure> {
    let client = &client.at(None);
    let listed: Vec<Instance> = client.all(cloud::list(compartment)).await?;
    let is_member = |instance: &&Instance| {
        let tag = |key: &str| instance.freeform_tags.as_ref().and_then(|tags| tags.get(key));
        !is_dead(&instance.lifecycle_state)
            && tag(RUN_TAG).and_then(|named| named.parse().ok()) == Some(run)
            && tag(ENGINE_TAG).is_some_and(|mark| is_of_pool(mark))
    };
    let members = listed.iter().filter(is_member).count();
    let pools = match pool::pools(client, compartment).await {
        Ok(pools) => pools.into_iter().filter(|pool| pool.row.run == Some(run)).collect(),
        // Without the permission to list pools, the members say enough.
        Err(failure) if failure.class == FailureClass::NotFound => Vec::new(),
        Err(failure) => return Err(failure),
    };
    if members == 0 && pools.is_empty() {
        return Ok(None);
    }
    let names: Vec<String> =
        pools.iter().map(|pool| format!("{} ({})", pool.row.name, pool.row.ocid)).collect();
    let names = if names.is_empty() { "which are not listed".to_owned() } else { names.join(", ") };
    let noun = if members == 1 { "member" } else { "members" };
    Ok(Some(format!(
        "it launched by instance pools, {names}, with {members} {noun}, which no tag gives to a slot. The fleet needs no record: \
         `oci-insta-scale status` shows it, `scale N` takes the pools over and brings them to a size, and `scale 0` deletes them"
    )))
}

/// Why a run whose instances were launched one by one does not fit the engine of the config.
pub(super) fn wrong_engine(engine: Engine) -> Option<String> {
    engine.is_pooled().then(|| {
        format!(
            "its instances were launched one by one, but the config has `engine: {}`: repeat the command with `--set \
             instance_settings.engine=instances`",
            engine.key()
        )
    })
}
