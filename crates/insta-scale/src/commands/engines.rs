//! Commands and flags that an engine other than single launches cannot follow.

use crate::config::Settings;
use crate::error::CommandError;
use fleet::{Engine, FleetSpec};

/// Refuses what only a launch of single instances can do. `why` completes the sentence.
///
/// # Errors
/// When the config has another engine.
pub fn needs_single_launches(settings: &Settings, what: &str, why: &str) -> Result<(), CommandError> {
    let engine = settings.fleet.engine;
    if !engine.is_pooled() {
        return Ok(());
    }
    Err(CommandError::usage(
        format!("{what} does not go with `engine: {}`: {why}", engine.key()),
        "docs/engines.md says what each engine can do",
    ))
}

/// What the engine of a fleet makes beside the instances, for a proposal.
pub fn note(fleet: &FleetSpec) -> Option<String> {
    match fleet.engine {
        Engine::Instances | Engine::ComputeCluster => None,
        Engine::InstancePool => Some(format!(
            "engine instance-pool: OCI launches the instances from an instance configuration, in pools of at most {}, and \
             replaces members that are terminated; pool and configuration cost nothing",
            fleet::plan::MAX_POOL
        )),
        Engine::ClusterNetwork => Some(
            "engine cluster-network: OCI launches the instances from an instance configuration, in the pool of a cluster network; \
             network and configuration cost nothing"
                .to_owned(),
        ),
    }
}
