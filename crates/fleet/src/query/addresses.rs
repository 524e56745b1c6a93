//! The addresses of many instances at once.
//!
//! An instance does not contain its addresses, and reading the attachment and VNIC of each one is refused with 429 for large
//! fleets. So whole lists are read and joined: VNIC attachments of the compartment → VNIC, private addresses of the subnets →
//! VNIC to address, public addresses of the availability domains → private to public address. That takes about three pages per
//! 100 instances; GetVnic is only used for the few that the join leaves open. While pages arrive, only the fields that the join
//! needs are kept: whole rows of 100,000 instances would take half a gigabyte.

use crate::query::select::Machine;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use jiff::Timestamp;
use oci_api::models::{
    PrivateIp, PublicIp, Vnic, VnicAttachment, VnicAttachmentLifecycleState as AttachmentState,
};
use oci_client::services::network::PublicIpScope;
use oci_client::{Client, Failure, FailureClass};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Lists read at the same time.
const AT_ONCE: usize = 8;
/// GetVnic is called for at most this many instances, or for a tenth of them if that is more.
const FEW: usize = 10;

/// The addresses of one instance's first VNIC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Addresses {
    private: Option<String>,
    public: Option<String>,
}

/// Reads addresses into `machines`. Returns a sentence for people if some could not be read, because a list without some
/// addresses is more useful than none.
///
/// # Errors
/// When the attachments cannot be listed.
pub async fn fill(client: &Client, machines: &mut [Machine]) -> Result<Option<String>, Failure> {
    let (found, warning) = read(client, machines).await?;
    for (number, addresses) in found {
        if let Some(machine) = machines.get_mut(number) {
            machine.private_ip = addresses.private;
            machine.public_ip = addresses.public;
        }
    }
    Ok(warning)
}

/// The addresses by the instance's index in `machines`.
async fn read(
    client: &Client,
    machines: &[Machine],
) -> Result<(BTreeMap<usize, Addresses>, Option<String>), Failure> {
    let compartments: BTreeSet<&str> = machines.iter().map(|machine| machine.compartment.as_str()).collect();
    let mut first = First::of(machines);
    for compartment in &compartments {
        let mut pages = std::pin::pin!(client.vnic_attachment_pages(compartment));
        while let Some(page) = pages.try_next().await? {
            page.value.into_iter().for_each(|row| first.take(row));
        }
    }
    let (vnics, subnets) = first.done();

    let mut failures = Vec::new();
    let (private, public) = tokio::join!(
        private_addresses(client, &subnets, &vnics),
        public_addresses(client, machines, &compartments)
    );
    let private = kept(private, &mut failures);
    let public = kept(public, &mut failures);
    let (mut found, open) = join(&vnics, private, &public);

    let few = FEW.max(machines.len() / 10);
    let (asked, unasked) = open.split_at(open.len().min(few));
    let answers: Vec<_> = stream::iter(asked.to_vec())
        .map(|(number, vnic)| async move { (number, client.get_vnic(&vnic).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (number, answer) in answers {
        match answer {
            Ok(vnic) => {
                found.insert(number, Addresses::from(vnic.value));
            }
            // Terminated since it was listed.
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(failure) => failures.push(failure),
        }
    }
    let warning = warning(&failures, unasked.len());
    Ok((found, warning))
}

fn warning(failures: &[Failure], unasked: usize) -> Option<String> {
    match failures.first() {
        Some(first) => Some(format!("some addresses could not be read: {first}")),
        None if unasked > 0 => Some(format!("no list contains the addresses of {unasked} VNICs")),
        None => None,
    }
}

/// The rows of the lists that could be read.
fn kept<T>(answers: Vec<Result<Vec<T>, Failure>>, failures: &mut Vec<Failure>) -> Vec<T> {
    let mut rows = Vec::new();
    for answer in answers {
        match answer {
            Ok(page) if rows.is_empty() => rows = page,
            Ok(page) => rows.extend(page),
            Err(failure) => failures.push(failure),
        }
    }
    rows
}

/// The stored part of a private address.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Private {
    /// The index of its instance.
    number: usize,
    primary: bool,
    ocid: Option<String>,
    address: Option<String>,
}

impl Private {
    /// `None` if it does not belong to a wanted VNIC.
    fn of(row: PrivateIp, vnics: &HashMap<String, usize>) -> Option<Self> {
        let number = *vnics.get(row.vnic_id.as_deref()?)?;
        let primary = row.is_primary.unwrap_or(false);
        Some(Self { number, primary, ocid: row.id, address: row.ip_address })
    }
}

/// The stored part of a public address: the private address that it maps to, and the address.
type Public = (String, String);

fn public_of(row: PublicIp) -> Option<Public> {
    Some((row.assigned_entity_id.or(row.private_ip_id)?, row.ip_address?))
}

async fn private_addresses(
    client: &Client,
    subnets: &[String],
    vnics: &HashMap<String, usize>,
) -> Vec<Result<Vec<Private>, Failure>> {
    stream::iter(subnets.to_vec())
        .map(|subnet| async move {
            let mut rows = Vec::new();
            let mut pages = std::pin::pin!(client.private_ip_pages(&subnet));
            while let Some(page) = pages.try_next().await? {
                rows.extend(page.value.into_iter().filter_map(|row| Private::of(row, vnics)));
            }
            Ok(rows)
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Ephemeral addresses are listed by availability domain, reserved ones by region.
async fn public_addresses(
    client: &Client,
    machines: &[Machine],
    compartments: &BTreeSet<&str>,
) -> Vec<Result<Vec<Public>, Failure>> {
    let domains: BTreeSet<(&str, &str)> = machines
        .iter()
        .map(|machine| (machine.compartment.as_str(), machine.availability_domain.as_str()))
        .collect();
    let mut lists: Vec<(String, PublicIpScope)> = domains
        .into_iter()
        .map(|(compartment, domain)| {
            (compartment.to_owned(), PublicIpScope::AvailabilityDomain(domain.to_owned()))
        })
        .collect();
    lists.extend(compartments.iter().map(|compartment| ((*compartment).to_owned(), PublicIpScope::Region)));
    stream::iter(lists)
        .map(|(compartment, scope)| async move {
            let mut rows = Vec::new();
            let mut pages = std::pin::pin!(client.public_ip_pages(&compartment, &scope));
            while let Some(page) = pages.try_next().await? {
                rows.extend(page.value.into_iter().filter_map(public_of));
            }
            Ok(rows)
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Finds the first VNIC of each instance: the oldest present attachment of the first network card.
struct First<'a> {
    numbers: HashMap<&'a str, usize>,
    best: BTreeMap<usize, Best>,
    /// The subnets that occurred, which are few.
    subnets: Vec<String>,
}

struct Best {
    rank: (i64, Option<Timestamp>, String),
    vnic: String,
    subnet: Option<usize>,
}

impl<'a> First<'a> {
    fn of(machines: &'a [Machine]) -> Self {
        let numbers = machines.iter().enumerate().map(|(number, machine)| (machine.ocid.as_str(), number));
        Self { numbers: numbers.collect(), best: BTreeMap::new(), subnets: Vec::new() }
    }

    fn take(&mut self, row: VnicAttachment) {
        // Rows of detached VNICs stay in the list for a while.
        let there = matches!(row.lifecycle_state, AttachmentState::Attached | AttachmentState::Attaching);
        let number = self.numbers.get(row.instance_id.as_str()).filter(|_| there);
        let (Some(number), Some(vnic)) = (number, row.vnic_id) else { return };
        let rank = (row.nic_index.unwrap_or(0), row.time_created, row.id);
        if self.best.get(number).is_some_and(|best| best.rank <= rank) {
            return;
        }
        let subnet = row.subnet_id.map(|subnet| {
            self.subnets.iter().position(|known| *known == subnet).unwrap_or_else(|| {
                self.subnets.push(subnet);
                self.subnets.len() - 1
            })
        });
        self.best.insert(*number, Best { rank, vnic, subnet });
    }

    /// VNIC → index of its instance, and the subnets of these VNICs.
    fn done(self) -> (HashMap<String, usize>, Vec<String>) {
        let used: BTreeSet<usize> = self.best.values().filter_map(|best| best.subnet).collect();
        let vnics = self.best.into_iter().map(|(number, best)| (best.vnic, number)).collect();
        let subnets = self.subnets.into_iter().enumerate();
        (vnics, subnets.filter(|(at, _)| used.contains(at)).map(|(_, subnet)| subnet).collect())
    }
}

/// Joins the lists: the addresses by the instance's index, and the (index, VNIC) pairs without a listed private address.
fn join(
    vnics: &HashMap<String, usize>,
    private: Vec<Private>,
    public: &[Public],
) -> (BTreeMap<usize, Addresses>, Vec<(usize, String)>) {
    let by_private: HashMap<&str, &str> =
        public.iter().map(|(entity, address)| (entity.as_str(), address.as_str())).collect();
    let mut found: BTreeMap<usize, Addresses> = BTreeMap::new();
    for row in private {
        // The VNIC's primary address, otherwise its first one.
        if found.contains_key(&row.number) && !row.primary {
            continue;
        }
        let public = row.ocid.as_deref().and_then(|ocid| by_private.get(ocid));
        let addresses =
            Addresses { private: row.address, public: public.map(|address| (*address).to_owned()) };
        found.insert(row.number, addresses);
    }
    let mut open: Vec<(usize, String)> = vnics
        .iter()
        .filter(|(_, number)| !found.contains_key(number))
        .map(|(vnic, number)| (*number, vnic.clone()))
        .collect();
    open.sort_unstable();
    (found, open)
}

impl From<Vnic> for Addresses {
    fn from(vnic: Vnic) -> Self {
        Self { private: vnic.private_ip, public: vnic.public_ip }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machines(ocids: &[&str]) -> Vec<Machine> {
        ocids.iter().map(|ocid| Machine { ocid: (*ocid).to_owned(), ..Machine::default() }).collect()
    }

    fn attachment(instance: &str, vnic: Option<&str>, state: &str, nic: i64) -> VnicAttachment {
        VnicAttachment {
            id: format!("att-{instance}-{nic}-{state}"),
            instance_id: instance.into(),
            vnic_id: vnic.map(str::to_owned),
            lifecycle_state: state.into(),
            nic_index: Some(nic),
            subnet_id: Some(format!("subnet-{nic}")),
            ..VnicAttachment::default()
        }
    }

    fn private(id: &str, vnic: &str, address: &str, primary: bool) -> PrivateIp {
        PrivateIp {
            id: Some(id.into()),
            vnic_id: Some(vnic.into()),
            ip_address: Some(address.into()),
            is_primary: Some(primary),
            ..PrivateIp::default()
        }
    }

    #[test]
    fn the_first_card_that_is_still_attached_counts() {
        let machines = machines(&["a", "b"]);
        let mut first = First::of(&machines);
        for row in [
            attachment("a", Some("old"), "DETACHED", 0),
            attachment("a", Some("second"), "ATTACHED", 1),
            attachment("a", Some("first"), "ATTACHED", 0),
            attachment("a", Some("third"), "ATTACHED", 2),
            attachment("b", None, "ATTACHING", 0),
            attachment("not-asked-for", Some("x"), "ATTACHED", 0),
        ] {
            first.take(row);
        }
        let (vnics, subnets) = first.done();
        assert_eq!(vnics, [("first".to_owned(), 0)].into());
        assert_eq!(subnets, ["subnet-0"]);
    }

    #[test]
    fn lists_are_joined_by_vnic_and_by_private_address() {
        let vnics: HashMap<String, usize> =
            [("va", 0), ("vb", 1), ("vc", 2)].map(|(vnic, number)| (vnic.to_owned(), number)).into();
        let privates = [
            private("pa2", "va", "10.0.0.9", false),
            private("pa", "va", "10.0.0.1", true),
            private("pa3", "va", "10.0.0.8", false),
            private("pb", "vb", "10.0.0.2", true),
            private("px", "stranger", "10.0.0.3", true),
        ];
        let rows: Vec<Private> = privates.into_iter().filter_map(|row| Private::of(row, &vnics)).collect();
        assert_eq!(rows.len(), 4);
        let public = |entity: &str, address: &str| {
            let row = PublicIp {
                assigned_entity_id: Some(entity.into()),
                ip_address: Some(address.into()),
                ..PublicIp::default()
            };
            public_of(row).unwrap()
        };
        let (found, open) = join(&vnics, rows, &[public("pa", "203.0.113.1"), public("nat", "203.0.113.9")]);
        assert_eq!(
            found[&0],
            Addresses { private: Some("10.0.0.1".into()), public: Some("203.0.113.1".into()) }
        );
        assert_eq!(found[&1], Addresses { private: Some("10.0.0.2".into()), public: None });
        assert_eq!(open, [(2, "vc".to_owned())]);
    }
}
