//! The addresses of many instances at once.
//!
//! An instance does not contain its addresses, and reading the attachment and VNIC of each one is refused with 429 for large
//! fleets. So whole lists are read and joined: VNIC attachments of the compartment → VNIC, private addresses of the subnets →
//! VNIC to address, public addresses of the availability domains → private to public address. That takes about three pages per
//! 100 instances; GetVnic is only used for the few that the join leaves open. While pages arrive, only the fields that the join
//! needs are kept, and OCIDs as keys: whole rows of 100,000 instances would take half a gigabyte.

mod first;

use crate::engine::ocid_key::{OcidKey, OcidKeys};
use crate::query::select::Machine;
pub use first::Addressed;
use first::First;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_api::models::{PrivateIp, PublicIp, Vnic, VnicAttachment};
use oci_client::services::network::PublicIpScope;
use oci_client::{Client, Failure, FailureClass};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::IpAddr;

/// Lists read at the same time.
const AT_ONCE: usize = 8;
/// GetVnic is called for at most this many instances, or for a tenth of them if that is more.
const FEW: usize = 10;

impl<'a> From<&'a Machine> for Addressed<'a> {
    fn from(machine: &'a Machine) -> Self {
        let Machine { ocid, compartment, availability_domain, .. } = machine;
        Self { ocid, compartment, availability_domain }
    }
}

/// The addresses of one instance's first VNIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The private one.
    pub private: Option<IpAddr>,
    /// The public one.
    pub public: Option<IpAddr>,
}

/// Reads addresses into `machines`. Returns a sentence for people if some could not be read, because a list without some
/// addresses is more useful than none.
///
/// # Errors
/// When the attachments cannot be listed.
pub async fn fill(client: &Client, machines: &mut [Machine]) -> Result<Option<String>, Failure> {
    let wanted: Vec<Addressed<'_>> = machines.iter().map(Addressed::from).collect();
    let (found, warning) = read(client, &wanted).await?;
    for (machine, addresses) in machines.iter_mut().zip(found) {
        machine.private_ip = addresses.private.map(|address| address.to_string());
        machine.public_ip = addresses.public.map(|address| address.to_string());
    }
    Ok(warning)
}

/// The addresses of each instance, in the same order, and a sentence for people if some could not be read.
///
/// # Errors
/// When the attachments cannot be listed.
pub async fn read(
    client: &Client,
    instances: &[Addressed<'_>],
) -> Result<(Vec<Addresses>, Option<String>), Failure> {
    let keys = OcidKeys::default();
    let compartments: BTreeSet<&str> = instances.iter().map(|instance| instance.compartment).collect();
    let mut first = First::of(instances, &keys);
    attachments(client, &compartments, |row| first.take(row)).await?;
    let (vnics, subnets) = first.done();

    let mut failures = Vec::new();
    let (private, public) = tokio::join!(
        private_addresses(client, &subnets, &vnics, &keys),
        public_addresses(client, instances, &compartments, &keys)
    );
    let private = kept(private, &mut failures);
    let public = kept(public, &mut failures);
    let (mut found, mut open) = join(&vnics, instances.len(), private, public);

    let few = FEW.max(instances.len() / 10);
    let unasked = open.split_off(open.len().min(few));
    let named =
        if open.is_empty() { BTreeMap::new() } else { names(client, &compartments, open, &keys).await? };
    let answers: Vec<_> = stream::iter(named)
        .map(|(number, vnic)| async move { (number, client.get_vnic(&vnic).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (number, answer) in answers {
        match answer {
            Ok(vnic) => found[number as usize] = Addresses::from(vnic.value),
            // Terminated since it was listed.
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(failure) => failures.push(failure),
        }
    }
    let warning = warning(&failures, unasked.len());
    Ok((found, warning))
}

/// Reads the VNIC attachments of the compartments.
async fn attachments(
    client: &Client,
    compartments: &BTreeSet<&str>,
    mut take: impl FnMut(VnicAttachment),
) -> Result<(), Failure> {
    for compartment in compartments {
        let mut pages = std::pin::pin!(client.vnic_attachment_pages(compartment));
        while let Some(page) = pages.try_next().await? {
            page.value.into_iter().for_each(&mut take);
        }
    }
    Ok(())
}

/// The OCIDs of VNICs that are known by their keys, by the index of the instance.
async fn names(
    client: &Client,
    compartments: &BTreeSet<&str>,
    open: Vec<(u32, OcidKey)>,
    keys: &OcidKeys,
) -> Result<BTreeMap<u32, String>, Failure> {
    let numbers: HashMap<OcidKey, u32> = open.into_iter().map(|(number, vnic)| (vnic, number)).collect();
    let mut named = BTreeMap::new();
    attachments(client, compartments, |row| {
        named.extend(row.vnic_id.and_then(|vnic| Some((*numbers.get(&keys.key(&vnic))?, vnic))));
    })
    .await?;
    Ok(named)
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
    number: u32,
    primary: bool,
    key: Option<OcidKey>,
    address: Option<IpAddr>,
}

impl Private {
    /// `None` if it does not belong to a wanted VNIC.
    fn of(row: &PrivateIp, numbers: &HashMap<OcidKey, u32>, keys: &OcidKeys) -> Option<Self> {
        let number = *numbers.get(&keys.key(row.vnic_id.as_deref()?))?;
        let primary = row.is_primary.unwrap_or(false);
        let key = row.id.as_deref().map(|ocid| keys.key(ocid));
        Some(Self { number, primary, key, address: parsed(row.ip_address.as_deref()) })
    }
}

/// The stored part of a public address: the private address that it maps to, and the address.
type Public = (OcidKey, IpAddr);

fn public_of(row: &PublicIp, keys: &OcidKeys) -> Option<Public> {
    let entity = row.assigned_entity_id.as_deref().or(row.private_ip_id.as_deref())?;
    Some((keys.key(entity), parsed(row.ip_address.as_deref())?))
}

fn parsed(address: Option<&str>) -> Option<IpAddr> {
    address?.parse().ok()
}

async fn private_addresses(
    client: &Client,
    subnets: &[String],
    numbers: &HashMap<OcidKey, u32>,
    keys: &OcidKeys,
) -> Vec<Result<Vec<Private>, Failure>> {
    stream::iter(subnets.to_vec())
        .map(|subnet| async move {
            let mut rows = Vec::new();
            let mut pages = std::pin::pin!(client.private_ip_pages(&subnet));
            while let Some(page) = pages.try_next().await? {
                rows.extend(page.value.iter().filter_map(|row| Private::of(row, numbers, keys)));
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
    instances: &[Addressed<'_>],
    compartments: &BTreeSet<&str>,
    keys: &OcidKeys,
) -> Vec<Result<Vec<Public>, Failure>> {
    let domains: BTreeSet<(&str, &str)> =
        instances.iter().map(|instance| (instance.compartment, instance.availability_domain)).collect();
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
                rows.extend(page.value.iter().filter_map(|row| public_of(row, keys)));
            }
            Ok(rows)
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Joins the lists: the addresses by the instance's index, and the (index, VNIC) pairs without a listed private address.
fn join(
    vnics: &HashMap<OcidKey, u32>,
    instances: usize,
    private: Vec<Private>,
    mut public: Vec<Public>,
) -> (Vec<Addresses>, Vec<(u32, OcidKey)>) {
    public.sort_unstable();
    let mut found: Vec<Option<Addresses>> = vec![None; instances];
    for row in private {
        let Some(found) = found.get_mut(row.number as usize) else { continue };
        // The VNIC's primary address, otherwise its first one.
        if found.is_some() && !row.primary {
            continue;
        }
        let mapped = row.key.and_then(|key| {
            let at = public.partition_point(|(entity, _)| *entity < key);
            public.get(at).filter(|(entity, _)| *entity == key)
        });
        *found = Some(Addresses { private: row.address, public: mapped.map(|(_, address)| *address) });
    }
    let is_open = |at: &u32| found.get(*at as usize).is_some_and(Option::is_none);
    let mut open: Vec<(u32, OcidKey)> =
        vnics.iter().filter(|(_, at)| is_open(at)).map(|(vnic, at)| (*at, *vnic)).collect();
    open.sort_unstable();
    (found.into_iter().map(Option::unwrap_or_default).collect(), open)
}

impl From<Vnic> for Addresses {
    fn from(vnic: Vnic) -> Self {
        let (private, public) = (vnic.private_ip, vnic.public_ip);
        Self { private: parsed(private.as_deref()), public: parsed(public.as_deref()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn lists_are_joined_by_vnic_and_by_private_address() {
        let keys = OcidKeys::default();
        let vnics = [("va", 0), ("vb", 1), ("vc", 2)].map(|(vnic, at)| (keys.key(vnic), at)).into();
        let privates = [
            private("pa2", "va", "10.0.0.9", false),
            private("pa", "va", "10.0.0.1", true),
            private("pa3", "va", "10.0.0.8", false),
            private("pb", "vb", "10.0.0.2", true),
            private("px", "stranger", "10.0.0.3", true),
        ];
        let rows: Vec<Private> = privates.iter().filter_map(|row| Private::of(row, &vnics, &keys)).collect();
        assert_eq!(rows.len(), 4);
        let public = |entity: &str, address: &str| {
            let row = PublicIp {
                assigned_entity_id: Some(entity.into()),
                ip_address: Some(address.into()),
                ..PublicIp::default()
            };
            public_of(&row, &keys).unwrap()
        };
        let (found, open) =
            join(&vnics, 3, rows, vec![public("nat", "203.0.113.9"), public("pa", "203.0.113.1")]);
        let address = |text: &str| parsed(Some(text));
        assert_eq!(found[0], Addresses { private: address("10.0.0.1"), public: address("203.0.113.1") });
        assert_eq!(found[1], Addresses { private: address("10.0.0.2"), public: None });
        assert_eq!(open, [(2, keys.key("vc"))]);
    }
}
