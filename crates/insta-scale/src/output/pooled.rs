//! What a dry run and a plan say of a fleet whose members a pool launches: its requests are not launches, and OCI names the members.

use super::text::count;
use fleet::plan::MAX_POOL;
use fleet::{Engine, Plan};
use ledger::RunId;
use oci_api::{Operation, Service};
use oci_client::Endpoints;
use serde_json::Value;

/// The URL and the body of the first request of a launch: that of the instance configuration, or of the first instance.
pub fn first_request(plan: &Plan, endpoints: &Endpoints) -> (String, Value) {
    let run = RunId(uuid::Uuid::nil());
    let (operation, mut body) = if plan.fleet.engine.is_pooled() {
        (Operation::CreateInstanceConfiguration, plan.configuration_request(run))
    } else {
        // Numbers and strings only, so serialisation cannot fail.
        (Operation::LaunchInstance, serde_json::to_value(plan.request(run, 1, 1)).unwrap_or_default())
    };
    if body["availabilityDomain"] == "" {
        // Any domain of the region: the list was not requested.
        body["availabilityDomain"] = Value::Null;
    }
    let base = endpoints.base(Service::Compute);
    (format!("{}://{}{}{}", base.scheme, base.authority, base.prefix, operation.path(&[])), body)
}

/// What follows the creation of the configuration, as a text.
pub fn later_requests(plan: &Plan) -> String {
    let wanted = plan.fleet.count;
    let made = if plan.fleet.engine == Engine::ClusterNetwork {
        format!("POST {} for {wanted}", Operation::CreateClusterNetwork.path(&[]))
    } else {
        let pools = wanted.div_ceil(MAX_POOL);
        let each = if pools > 1 { format!(", of at most {MAX_POOL} instances each") } else { String::new() };
        format!("POST {} for {}{each}", Operation::CreateInstancePool.path(&[]), count(pools, "pool"))
    };
    format!("Then {made}. OCI launches the {} and names them.", count(wanted, "instance"))
}
