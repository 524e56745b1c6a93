//! The end of the network of a fleet, for `scale 0 --network`, and of its compute cluster, for every `scale 0`: what it consists of, whether
//! anything else lives in it, and its deletion.

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::instances::reporter::ActionReporter;
use crate::output::network::EndedNetwork;
use crate::output::text::clean;
use fleet::Environment;
use fleet::cleanup::{self, LeftNetwork, Leftovers};
use fleet::network::{
    ClusterStanding, NetworkPart, NetworkStanding, contents, find, find_cluster, others_in_cluster,
};
use fleet::plan::network::{NetworkPlan, PartKind};
use ledger::{LedgerError, RunId};
use std::collections::{BTreeMap, BTreeSet};

/// A network and a compute cluster, or one of them, that will be deleted once the fleet is gone.
#[derive(Debug)]
pub struct EndingNetwork {
    fleet: String,
    /// The parts by the run that made them; the cluster comes first.
    networks: Vec<(RunId, Vec<NetworkPart>)>,
}

impl EndingNetwork {
    /// The network of the fleet; `None` if it has none. `members` are the instances that are terminated before it.
    ///
    /// # Errors
    /// When something else lives in it, or it is not known what does.
    pub async fn find(
        connection: &Connection<'_>,
        environment: &Environment,
        plan: Option<&NetworkPlan>,
        members: &BTreeSet<&str>,
    ) -> Result<Option<Self>, CommandError> {
        let Some(plan) = plan else {
            return Err(CommandError::usage(
                "--network deletes the network that a launch made, but the config names a subnet",
                "omit --network; a network that you made yourself is yours to delete",
            ));
        };
        let client = environment.client.at(None);
        let standing = connection.ask(find(&client, &*environment.store, plan)).await?;
        let name = clean(&plan.fleet);
        let Some(vcn) = standing.vcn() else {
            if let NetworkStanding::Unfinished { run, .. } = standing {
                return Err(CommandError::usage(
                    format!("run {run} may have made a network for fleet {name}, and its result is unknown"),
                    format!("`oci-insta-scale resume {run}` finds out; then repeat this command"),
                ));
            }
            console::line(&format!("note: fleet {name} has no network that a launch made"));
            return Ok(None);
        };
        let found = connection.ask(contents(&client, &plan.compartment, vcn)).await?;
        let Some(found) = found else {
            console::line(&format!("note: fleet {name} has no network that a launch made"));
            return Ok(None);
        };
        let own = if found.vnics.is_empty() {
            BTreeSet::new()
        } else {
            let attached =
                connection.ask(client.list_vnic_attachments(&plan.compartment, None, None)).await?;
            let of_members = attached.into_iter().filter(|row| members.contains(row.instance_id.as_str()));
            of_members.filter_map(|row| row.vnic_id).collect()
        };
        if let Some(why) = found.in_use_by_others(&own) {
            return Err(CommandError::usage(
                format!("the network of fleet {name} ({}) cannot be deleted: {}", clean(vcn), clean(&why)),
                "move or delete that first, or omit --network",
            ));
        }
        let Some(run) = found.run else { return Ok(None) };
        Ok(Some(Self { fleet: plan.fleet.clone(), networks: vec![(run, found.parts)] }))
    }

    /// The compute cluster of the fleet; `None` if it has none, or if others use it, which is told. `members` are the instances that are
    /// terminated before it.
    ///
    /// # Errors
    /// When it is not known whether it exists.
    pub async fn find_cluster(
        connection: &Connection<'_>,
        environment: &Environment,
        plan: &NetworkPlan,
        members: &BTreeSet<&str>,
    ) -> Result<Option<Self>, CommandError> {
        let client = environment.client.at(None);
        let found = match connection.ask(find_cluster(&client, &*environment.store, plan)).await? {
            ClusterStanding::Absent => return Ok(None),
            ClusterStanding::Unfinished(run) => {
                return Err(CommandError::usage(
                    format!(
                        "run {run} may have made a compute cluster for fleet {}, and its result is unknown",
                        clean(&plan.fleet)
                    ),
                    format!("`oci-insta-scale resume {run}` finds out; then repeat this command"),
                ));
            }
            ClusterStanding::Complete(found) => found,
        };
        let others = others_in_cluster(&client, &plan.compartment, &found.ocid, members);
        if let Some(why) = connection.ask(others).await? {
            let fleet = clean(&plan.fleet);
            console::line(&format!("note: the compute cluster of fleet {fleet} is kept: {}", clean(&why)));
            return Ok(None);
        }
        let Some(run) = found.run else { return Ok(None) };
        Ok(Some(Self { fleet: plan.fleet.clone(), networks: vec![(run, vec![found.part()])] }))
    }

    /// A cluster and a network that end together, the cluster first.
    pub fn both(cluster: Option<Self>, network: Option<Self>) -> Option<Self> {
        match (cluster, network) {
            (Some(mut cluster), Some(network)) => {
                cluster.networks.extend(network.networks);
                Some(cluster)
            }
            (cluster, network) => cluster.or(network),
        }
    }

    /// What it is, in words.
    pub fn what(&self) -> String {
        let all: Vec<&str> = self.networks.iter().map(|(_, parts)| what_is(parts)).collect();
        all.join(" and ")
    }

    /// What is deleted, for a proposal.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.networks.iter().map(|(_, parts)| {
            let kinds: Vec<&str> = parts.iter().map(|part| part.kind.what()).collect();
            let what = what_is(parts);
            let kinds = if what == "network" { format!(": {}", kinds.join(", ")) } else { String::new() };
            (what, format!("deletes it after the instances{kinds}; it cost nothing"))
        })
    }

    /// Deletes it, one part after another.
    ///
    /// # Errors
    /// When the ledger cannot be written before anything was sent.
    pub async fn delete(
        &self,
        connection: &Connection<'_>,
        environment: &Environment,
    ) -> Result<EndedNetwork, CommandError> {
        let mut read_to: BTreeMap<RunId, u64> = BTreeMap::new();
        for (run, _) in &self.networks {
            match environment.store.records(*run).await {
                Ok(found) => read_to.extend(found.records.last().map(|record| (*run, record.seq))),
                // Another machine made it.
                Err(LedgerError::UnknownRun { .. }) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let networks = self.networks.iter().map(|(run, parts)| LeftNetwork {
            fleet: self.fleet.clone(),
            run: run.to_string(),
            parts: parts.clone(),
            why: String::new(),
        });
        let left = Leftovers { networks: networks.collect(), read_to, ..Leftovers::default() };
        let session = connection.session;
        let noun = if self.what() == "compute cluster" { "compute cluster" } else { "network part" };
        let mut reporter = None;
        let watch = |run, names: &[String]| match ActionReporter::start(session, run, noun, names) {
            Ok((sink, started)) => {
                reporter = Some(started);
                sink
            }
            Err(error) => {
                // The deletion was confirmed, whether or not its progress can be shown.
                console::line(&format!("warning: {error}"));
                fleet::no_sink()
            }
        };
        let deleted = cleanup::delete(environment, &left, watch, session.stop.clone()).await;
        if let Some(reporter) = reporter {
            reporter.finish();
        }
        Ok(EndedNetwork::of(deleted?, self.what()))
    }
}

fn what_is(parts: &[NetworkPart]) -> &'static str {
    let is_cluster = parts.iter().any(|part| part.kind == PartKind::ComputeCluster);
    if is_cluster { "compute cluster" } else { "network" }
}
