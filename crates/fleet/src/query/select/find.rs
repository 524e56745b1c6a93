//! Reads the compartment's list page by page and keeps what a filter selects.

use super::{Filter, Machine, Named, SortBy, Texts, sort};
use crate::engine::ocid_key::{OcidKey, OcidKeys};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_api::models::{Instance, InstanceLifecycleState as State};
use oci_client::services::compute::InstanceFilter;
use oci_client::{Client, Failure, FailureClass};
use std::collections::{HashMap, HashSet};

/// Up to this many OCIDs are read one by one instead of reading the whole list.
const FEW: usize = 20;
/// The maximum number of requests in flight.
const AT_ONCE: usize = 8;

/// The result of a search.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The instances, sorted by name.
    pub machines: Vec<Machine>,
    /// Instances that the user named but the service does not know, or does not show to this user.
    pub missing: Vec<Named>,
    /// Instances that the user named but another filter excludes.
    pub left_out: Vec<Machine>,
    /// Display names that the user gave and that several instances share, with their number.
    pub shared_names: Vec<(String, usize)>,
}

/// Finds the instances of a compartment that `filter` selects. OCIDs that the user named are found in any compartment.
///
/// # Errors
/// When the list cannot be read to its end, because a part of it would be a guess.
pub async fn find(client: &Client, compartment: &str, filter: &Filter) -> Result<Found, Failure> {
    let mut search = Search::new(filter);
    let listed = !search.only_few_ocids();
    if listed {
        let mut pages = std::pin::pin!(client.instance_pages(&server_side(compartment, filter)));
        while let Some(page) = pages.try_next().await? {
            for instance in page.value {
                search.take(instance);
            }
        }
    }
    let ask: Vec<String> = search.unknown_ocids();
    let answers: Vec<_> = stream::iter(ask)
        .map(|ocid| async move { client.get_instance(&ocid).await })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for answer in answers {
        match answer {
            Ok(answer) => search.take(answer.value),
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(failure) => return Err(failure),
        }
    }
    Ok(search.done())
}

/// The filters that the service supports, so that fewer pages are read. Everything is filtered again here.
fn server_side(compartment: &str, filter: &Filter) -> InstanceFilter {
    let mut wanted = InstanceFilter::in_compartment(compartment);
    // With named instances the others are read too, to report an excluded one as excluded and not as "not found".
    if filter.named.is_none() {
        if let ([state], false) = (filter.states.as_slice(), filter.terminated) {
            wanted.lifecycle_state = Some(state.to_ascii_uppercase());
        }
        // A full name has its prefix before a colon; the service does not know `AD-1`.
        if let [domain] = filter.availability_domains.as_slice()
            && domain.contains(':')
        {
            wanted.availability_domain = Some(domain.clone());
        }
    }
    wanted
}

struct Search<'a> {
    filter: &'a Filter,
    found: Found,
    /// An instance can occur on two pages if others are created while the list is read.
    seen: HashSet<OcidKey>,
    keys: OcidKeys,
    texts: Texts,
    ocids: HashSet<&'a str>,
    names: HashMap<&'a str, usize>,
}

impl<'a> Search<'a> {
    fn new(filter: &'a Filter) -> Self {
        let mut ocids = HashSet::new();
        let mut names = HashMap::new();
        for named in filter.named.iter().flatten() {
            match named {
                Named::Ocid(ocid) => {
                    ocids.insert(ocid.as_str());
                }
                Named::Name(name) => {
                    names.insert(name.as_str(), 0);
                }
            }
        }
        Self {
            filter,
            found: Found::default(),
            seen: HashSet::new(),
            keys: OcidKeys::default(),
            texts: Texts::default(),
            ocids,
            names,
        }
    }

    fn only_few_ocids(&self) -> bool {
        self.filter.named.is_some() && self.names.is_empty() && self.ocids.len() <= FEW
    }

    fn unknown_ocids(&self) -> Vec<String> {
        let mut unknown: Vec<String> = self
            .ocids
            .iter()
            .filter(|ocid| !self.seen.contains(&self.keys.key(ocid)))
            .map(|ocid| (*ocid).to_owned())
            .collect();
        unknown.sort();
        unknown
    }

    fn take(&mut self, instance: Instance) {
        let machine = Machine::of(instance, &mut self.texts);
        let named = self.filter.named.is_none()
            || self.ocids.contains(machine.ocid.as_str())
            || self.names.contains_key(machine.name.as_str());
        if !named || !self.seen.insert(self.keys.key(&machine.ocid)) {
            return;
        }
        let unnamed = self.filter.matches_but_for_names(&machine);
        if unnamed && let Some(count) = self.names.get_mut(machine.name.as_str()) {
            *count += 1;
        }
        if unnamed {
            self.found.machines.push(machine);
        } else if self.filter.named.is_some() {
            self.found.left_out.push(machine);
        }
    }

    /// A named instance that is terminated is included if requested, unless another instance has its name.
    fn take_in_the_gone(&mut self) {
        let living = |machine: &&Machine| machine.state != State::Terminated;
        let others: HashSet<String> =
            self.found.left_out.iter().filter(living).map(|machine| machine.name.clone()).collect();
        let is_meant = |machine: &mut Machine| {
            let by_ocid = self.ocids.contains(machine.ocid.as_str());
            let by_name =
                self.names.get(machine.name.as_str()) == Some(&0) && !others.contains(&machine.name);
            self.filter.may_mean_though_gone(machine) && (by_ocid || by_name)
        };
        let gone = self.found.left_out.extract_if(.., is_meant);
        self.found.machines.extend(gone);
    }

    fn done(mut self) -> Found {
        self.take_in_the_gone();
        let known = |named: &Named| match named {
            Named::Ocid(ocid) => self.seen.contains(&self.keys.key(ocid)),
            Named::Name(name) => {
                self.names.get(name.as_str()).is_some_and(|count| *count > 0)
                    || self.found.machines.iter().any(|machine| machine.name == *name)
                    || self.found.left_out.iter().any(|machine| machine.name == *name)
            }
        };
        let missing: Vec<Named> =
            self.filter.named.iter().flatten().filter(|named| !known(named)).cloned().collect();
        self.found.missing = missing;
        let mut shared: Vec<(String, usize)> = self
            .names
            .iter()
            .filter(|(_, count)| **count > 1)
            .map(|(name, count)| ((*name).to_owned(), *count))
            .collect();
        shared.sort();
        self.found.shared_names = shared;
        sort(&mut self.found.machines, SortBy::Name);
        sort(&mut self.found.left_out, SortBy::Name);
        self.found
    }
}
