//! The addresses of many instances at once.
//!
//! An instance does not hold its addresses, and asking for each one's attachment and VNIC is refused with 429 on large
//! fleets. So whole lists are read and joined: VNIC attachments of the compartment → VNIC, private addresses of the
//! subnets → VNIC to address, public addresses of the availability domains → private to public address. That is about
//! three pages for each 100 instances; GetVnic is for the few that the join leaves open.

use crate::select::Machine;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use oci_api::models::{
    PrivateIp, PublicIp, Vnic, VnicAttachment, VnicAttachmentLifecycleState as AttachmentState,
};
use oci_client::services::network::PublicIpScope;
use oci_client::{Client, Failure, FailureClass};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Lists read at the same time.
const AT_ONCE: usize = 8;
/// GetVnic is called for at most so many, and for at most a tenth of the instances when there are more.
const FEW: usize = 10;

/// The addresses of one instance's first VNIC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// The private address.
    pub private: Option<String>,
    /// The public address.
    pub public: Option<String>,
}

/// Which VNIC each instance has: what the first of the three lists tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attached {
    /// Instance → its first VNIC.
    pub vnics: BTreeMap<String, String>,
    /// The subnets of those VNICs.
    pub subnets: BTreeSet<String>,
}

/// Reads addresses into `machines`. Returns a sentence for people when some could not be asked for: a list without some
/// addresses is of more use than none.
///
/// # Errors
/// When the attachments cannot be listed at all.
pub async fn fill(client: &Client, machines: &mut [Machine]) -> Result<Option<String>, Failure> {
    let compartments: BTreeSet<String> = machines.iter().map(|machine| machine.compartment.clone()).collect();
    let pages: Vec<Vec<VnicAttachment>> = stream::iter(compartments.clone())
        .map(|compartment| async move { client.list_vnic_attachments(&compartment, None, None).await })
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let wanted: BTreeSet<&str> = machines.iter().map(|machine| machine.ocid.as_str()).collect();
    let attached = attached(pages.iter().flatten(), &wanted);

    let mut failures = Vec::new();
    let (private, public) = tokio::join!(
        private_addresses(client, &attached.subnets),
        public_addresses(client, machines, &compartments)
    );
    let private = kept(private, &mut failures);
    let public = kept(public, &mut failures);
    let (mut found, open) = join(&attached, &private, &public);

    let few = FEW.max(machines.len() / 10);
    let (asked, unasked) = open.split_at(open.len().min(few));
    let vnics: Vec<_> = stream::iter(asked.to_vec())
        .map(|(instance, vnic)| async move { (instance, client.get_vnic(&vnic).await) })
        .buffered(AT_ONCE)
        .collect()
        .await;
    for (instance, answer) in vnics {
        match answer {
            Ok(vnic) => {
                found.insert(instance, Addresses::from(vnic.value));
            }
            // Gone since it was listed.
            Err(failure) if failure.class == FailureClass::NotFound => {}
            Err(failure) => failures.push(failure),
        }
    }
    for machine in machines.iter_mut() {
        if let Some(addresses) = found.remove(&machine.ocid) {
            machine.private_ip = addresses.private;
            machine.public_ip = addresses.public;
        }
    }
    Ok(warning(&failures, unasked.len()))
}

fn warning(failures: &[Failure], unasked: usize) -> Option<String> {
    match failures.first() {
        Some(first) => Some(format!("some addresses could not be read: {first}")),
        None if unasked > 0 => Some(format!("the addresses of {unasked} VNICs are in none of the lists")),
        None => None,
    }
}

/// The rows of the lists that could be read.
fn kept<T>(answers: Vec<Result<Vec<T>, Failure>>, failures: &mut Vec<Failure>) -> Vec<T> {
    let mut rows = Vec::new();
    for answer in answers {
        match answer {
            Ok(page) => rows.extend(page),
            Err(failure) => failures.push(failure),
        }
    }
    rows
}

async fn private_addresses(
    client: &Client,
    subnets: &BTreeSet<String>,
) -> Vec<Result<Vec<PrivateIp>, Failure>> {
    stream::iter(subnets.clone())
        .map(|subnet| async move { client.list_private_ips(Some(&subnet), None).await })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// Ephemeral addresses are listed by availability domain, reserved ones by region.
async fn public_addresses(
    client: &Client,
    machines: &[Machine],
    compartments: &BTreeSet<String>,
) -> Vec<Result<Vec<PublicIp>, Failure>> {
    let mut asked = BTreeSet::new();
    let mut lists = Vec::new();
    for machine in machines {
        let domain = &machine.availability_domain;
        if asked.insert((machine.compartment.clone(), domain.clone())) {
            lists.push((machine.compartment.clone(), PublicIpScope::AvailabilityDomain(domain.clone())));
        }
    }
    lists.extend(compartments.iter().map(|compartment| (compartment.clone(), PublicIpScope::Region)));
    stream::iter(lists)
        .map(|(compartment, scope)| async move { client.list_public_ips(&compartment, &scope).await })
        .buffered(AT_ONCE)
        .collect()
        .await
}

/// The first VNIC of each wanted instance: the first network card's oldest attachment that is still there.
pub fn attached<'a>(rows: impl Iterator<Item = &'a VnicAttachment>, wanted: &BTreeSet<&str>) -> Attached {
    let mut best: HashMap<&str, &VnicAttachment> = HashMap::new();
    let rank = |row: &VnicAttachment| (row.nic_index.unwrap_or(0), row.time_created, row.id.clone());
    for row in rows {
        // Rows of detached VNICs stay in the list for a while.
        let there = matches!(row.lifecycle_state, AttachmentState::Attached | AttachmentState::Attaching);
        if !there || row.vnic_id.is_none() || !wanted.contains(row.instance_id.as_str()) {
            continue;
        }
        best.entry(&row.instance_id)
            .and_modify(|before| {
                if rank(row) < rank(before) {
                    *before = row;
                }
            })
            .or_insert(row);
    }
    let mut attached = Attached::default();
    for (instance, row) in best {
        if let Some(vnic) = &row.vnic_id {
            attached.vnics.insert(instance.to_owned(), vnic.clone());
        }
        attached.subnets.extend(row.subnet_id.clone());
    }
    attached
}

/// Joins the lists: instance → addresses, and the (instance, VNIC) pairs for which no private address was listed.
pub fn join(
    attached: &Attached,
    private: &[PrivateIp],
    public: &[PublicIp],
) -> (BTreeMap<String, Addresses>, Vec<(String, String)>) {
    let mut by_vnic: HashMap<&str, &PrivateIp> = HashMap::new();
    for row in private {
        if let Some(vnic) = row.vnic_id.as_deref() {
            let primary = row.is_primary.unwrap_or(false);
            if primary || !by_vnic.contains_key(vnic) {
                by_vnic.insert(vnic, row);
            }
        }
    }
    let mut by_private: HashMap<&str, &str> = HashMap::new();
    for row in public {
        let entity = row.assigned_entity_id.as_deref().or(row.private_ip_id.as_deref());
        if let (Some(entity), Some(address)) = (entity, row.ip_address.as_deref()) {
            by_private.insert(entity, address);
        }
    }
    let mut found = BTreeMap::new();
    let mut open = Vec::new();
    for (instance, vnic) in &attached.vnics {
        let Some(row) = by_vnic.get(vnic.as_str()) else {
            open.push((instance.clone(), vnic.clone()));
            continue;
        };
        let public = row.id.as_deref().and_then(|id| by_private.get(id)).map(|address| (*address).to_owned());
        found.insert(instance.clone(), Addresses { private: row.ip_address.clone(), public });
    }
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

    fn attachment(instance: &str, vnic: Option<&str>, state: &str, nic: i64) -> VnicAttachment {
        VnicAttachment {
            id: format!("att-{instance}-{nic}-{state}"),
            instance_id: instance.into(),
            vnic_id: vnic.map(str::to_owned),
            lifecycle_state: state.into(),
            nic_index: Some(nic),
            subnet_id: Some("subnet".into()),
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

    fn public(entity: &str, address: &str) -> PublicIp {
        PublicIp {
            assigned_entity_id: Some(entity.into()),
            ip_address: Some(address.into()),
            ..PublicIp::default()
        }
    }

    #[test]
    fn the_first_card_that_is_still_attached_counts() {
        let rows = [
            attachment("a", Some("old"), "DETACHED", 0),
            attachment("a", Some("second"), "ATTACHED", 1),
            attachment("a", Some("first"), "ATTACHED", 0),
            attachment("b", None, "ATTACHING", 0),
            attachment("not-asked-for", Some("x"), "ATTACHED", 0),
        ];
        let found = attached(rows.iter(), &["a", "b"].into());
        assert_eq!(found.vnics, [("a".to_owned(), "first".to_owned())].into());
        assert_eq!(found.subnets, ["subnet".to_owned()].into());
    }

    #[test]
    fn lists_are_joined_by_vnic_and_by_private_address() {
        let attached = Attached {
            vnics: [("a", "va"), ("b", "vb"), ("c", "vc")].map(|(k, v)| (k.to_owned(), v.to_owned())).into(),
            subnets: BTreeSet::new(),
        };
        let privates = [
            private("pa2", "va", "10.0.0.9", false),
            private("pa", "va", "10.0.0.1", true),
            private("pb", "vb", "10.0.0.2", true),
        ];
        let (found, open) =
            join(&attached, &privates, &[public("pa", "203.0.113.1"), public("nat", "203.0.113.9")]);
        assert_eq!(
            found["a"],
            Addresses { private: Some("10.0.0.1".into()), public: Some("203.0.113.1".into()) }
        );
        assert_eq!(found["b"], Addresses { private: Some("10.0.0.2".into()), public: None });
        assert_eq!(open, [("c".to_owned(), "vc".to_owned())]);
    }
}
