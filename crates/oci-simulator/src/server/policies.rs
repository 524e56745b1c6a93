//! What the policies of the tenancy allow a caller, and who a caller is to them.

use super::auth::PublicKey;
use super::region::Region;
use super::sign_in;
use crate::iam::{Access, Actor, Policies};
use crate::world::chance::hash_bytes;
use crate::world::{ApiRequest, ApiResult, Caller, World, not_allowed, short_region};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use oci_api::Operation;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

impl Region {
    /// The policies in force; `None` if everybody may do everything.
    pub fn policies(&self) -> Option<Policies> {
        self.home().world().policies()
    }

    /// Replaces all policies and groups of the tenancy; `None` allows everybody everything.
    ///
    /// # Errors
    /// When a rule or a statement is not understood, or names a compartment that does not exist. Nothing changes then.
    pub fn set_policies(&self, policies: Option<&Policies>) -> Result<(), String> {
        let home = self.home();
        if let Some(policies) = policies {
            unknown_place(&home.world(), &policies.compile()?)?;
        }
        home.world().give_policies(policies, false);
        home.spread_tenancy();
        Ok(())
    }

    /// Puts what the tenancy allows in force, and gives the other regions what its home region has.
    pub(super) fn spread_tenancy(&self) {
        let home = self.home();
        let facts = {
            let world = home.world();
            home.inner.desk.policies().replace(world.access().map(Arc::new));
            world.tenancy()
        };
        for region in home.further() {
            region.world().follow(&facts);
        }
    }

    /// Checks that the compartments in the policies exist.
    pub(super) fn check_policies(&self) -> Result<(), String> {
        let world = self.world();
        match world.policies().map(|policies| policies.compile()) {
            // Those of a saved region may name what is gone.
            Some(Ok(access)) => unknown_place(&world, &access),
            _ => Ok(()),
        }
    }

    /// Issues a token for a key to a resource such as a function (`fnfunc`), as its platform would. Without a compartment, the
    /// resource is in that of the instance. Returns the token and the OCID of the resource.
    ///
    /// # Errors
    /// When the type is not one that an OCID can have.
    pub fn resource_token(
        &self,
        kind: &str,
        compartment: Option<String>,
        key: PublicKey,
    ) -> Result<(String, String), String> {
        let is_type = !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_lowercase());
        if !is_type || matches!(kind, "user" | "instance" | "workload") {
            return Err(format!("`{kind}` is not the type of a resource such as fnfunc"));
        }
        let principal = self.principal();
        let compartment = compartment.unwrap_or(principal.compartment);
        let id =
            format!("ocid1.{kind}.oc1.{}.{:016x}", self.short_name(), hash_bytes(compartment.as_bytes()));
        let caller = Caller { user: id.clone(), ..principal.caller };
        let actor = Actor {
            kind: kind.to_owned(),
            id: id.clone(),
            compartment: Some(compartment.clone()),
            ..Actor::default()
        };
        self.know(actor);
        Ok((sign_in::token_of_resource(self, &caller, kind, &compartment, key), id))
    }

    /// The pod whose service account sends this header. It is known by the `sub` of the token, as Kubernetes writes it.
    pub(super) fn know_pod(&self, bearer: &str) -> Caller {
        let payload = bearer.split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Value = payload.and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        let account = claims["sub"].as_str().unwrap_or_default();
        let mut pod = BTreeMap::from([(
            "cluster_id",
            format!("ocid1.cluster.oc1.{}.simulatedcluster", self.short_name()),
        )]);
        if let Some((namespace, name)) =
            account.strip_prefix("system:serviceaccount:").and_then(|rest| rest.split_once(':'))
        {
            pod.insert("namespace", namespace.to_owned());
            pod.insert("service_account", name.to_owned());
        }
        let id = format!("ocid1.workload.oc1.{}.{:016x}", self.short_name(), hash_bytes(account.as_bytes()));
        let principal = self.principal();
        let actor = Actor {
            kind: "workload".to_owned(),
            id: id.clone(),
            compartment: Some(principal.compartment),
            pod,
            ..Actor::default()
        };
        self.know(actor);
        Caller { user: id, ..principal.caller }
    }

    fn know(&self, actor: Actor) {
        self.inner.desk.policies().know(actor);
    }

    fn short_name(&self) -> String {
        short_region(&self.world().settings().region).to_owned()
    }

    /// Whom a caller is to the policies.
    fn actor(&self, caller: &Caller) -> Actor {
        if let Some(known) = self.inner.desk.policies().known(&caller.user) {
            return known;
        }
        if caller.user.starts_with("ocid1.instance.") {
            return Actor {
                kind: "instance".to_owned(),
                id: caller.user.clone(),
                compartment: Some(self.principal().compartment),
                ..Actor::default()
            };
        }
        Actor {
            kind: "user".to_owned(),
            id: caller.user.clone(),
            name: self.world().name_of_user(&caller.user),
            ..Actor::default()
        }
    }

    /// Whether the scenario has taken its policy from a caller that is an instance or a pod.
    fn has_lost_policy(&self, actor: &Actor) -> bool {
        let until = self.inner.desk.settings.policy_for_seconds;
        matches!(actor.kind.as_str(), "instance" | "workload")
            && until.is_some_and(|until| self.seconds() >= until)
    }

    /// Lets the world handle a request if the policies allow it.
    pub(super) fn handle_allowed(&self, request: &ApiRequest) -> ApiResult {
        let access = self.inner.desk.policies().access();
        if access.is_none() && self.inner.desk.settings.policy_for_seconds.is_none() {
            return self.handle(request);
        }
        let actor = self.actor(&request.caller);
        if self.has_lost_policy(&actor) {
            return Err(not_allowed());
        }
        let Some(access) = access else { return self.handle(request) };
        if !self.world().is_allowed(&access, &actor, request) {
            return Err(not_allowed());
        }
        let answer = self.handle(request)?;
        let is_search = request.operation == Operation::SearchResources;
        Ok(if is_search { self.world().without_hidden(&access, &actor, answer) } else { answer })
    }

    /// Lets the world handle a request. What changes the tenancy takes effect in all its regions.
    fn handle(&self, request: &ApiRequest) -> ApiResult {
        if !World::changes_tenancy(request) {
            return self.world().handle(request);
        }
        if request.operation == Operation::DeleteCompartment {
            let mut used = BTreeMap::new();
            for region in self.further() {
                used.extend(region.world().used_compartments());
            }
            self.world().note_elsewhere(used);
        }
        let answer = self.world().handle(request)?;
        self.spread_tenancy();
        Ok(answer)
    }
}

fn unknown_place(world: &World, access: &Access) -> Result<(), String> {
    match world.unknown_place(access) {
        Some(place) => Err(format!("a statement names a compartment that does not exist: {place}")),
        None => Ok(()),
    }
}
