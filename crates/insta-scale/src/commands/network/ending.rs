//! The end of the network of a fleet, for `scale 0 --network`: what it consists of, whether anything else lives in it, and its deletion.

use crate::connection::Connection;
use crate::error::CommandError;
use crate::output::console;
use crate::output::instances::reporter::ActionReporter;
use crate::output::network::EndedNetwork;
use crate::output::text::clean;
use fleet::Environment;
use fleet::cleanup::{self, LeftNetwork, Leftovers};
use fleet::network::{NetworkPart, NetworkStanding, contents, find};
use fleet::plan::network::NetworkPlan;
use ledger::{LedgerError, RunId};
use std::collections::{BTreeMap, BTreeSet};

/// A network that will be deleted once the fleet is gone.
#[derive(Debug)]
pub struct EndingNetwork {
    fleet: String,
    run: RunId,
    parts: Vec<NetworkPart>,
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
        Ok(Some(Self { fleet: plan.fleet.clone(), run, parts: found.parts }))
    }

    /// What is deleted, for a proposal.
    pub fn row(&self) -> (&'static str, String) {
        let kinds: Vec<&str> = self.parts.iter().map(|part| part.kind.what()).collect();
        ("network", format!("deletes it after the instances: {}; it cost nothing", kinds.join(", ")))
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
        let read_to = match environment.store.records(self.run).await {
            Ok(found) => found.records.last().map(|record| (self.run, record.seq)),
            // Another machine made it.
            Err(LedgerError::UnknownRun { .. }) => None,
            Err(error) => return Err(error.into()),
        };
        let network = LeftNetwork {
            fleet: self.fleet.clone(),
            run: self.run.to_string(),
            parts: self.parts.clone(),
            why: String::new(),
        };
        let read_to: BTreeMap<RunId, u64> = read_to.into_iter().collect();
        let left = Leftovers { networks: vec![network], read_to, ..Leftovers::default() };
        let session = connection.session;
        let mut reporter = None;
        let watch = |run, names: &[String]| match ActionReporter::start(session, run, "network part", names) {
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
        Ok(EndedNetwork::of(deleted?))
    }
}
