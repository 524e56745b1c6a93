//! The subnet: those of the compartment, or of the others if it has none, with their free addresses.

use super::access::{Access, Needs};
use super::asking::{Asking, Question};
use super::draft::{CREATE, Named};
use super::keeping::{Unlisted, propose};
use super::matching::Candidate;
use super::place::TriedDomains;
use crate::args::InitArgs;
use crate::error::CommandError;
use crate::output::instances::list::short_domain;
use fleet::policy::PolicyScope;
use fleet::preflight::{FreeAddresses, free_addresses};
use futures_util::future::join_all;
use oci_api::models::{Subnet, SubnetLifecycleState, Vcn};

/// In how many other compartments a subnet is looked for, with a request each.
const COMPARTMENTS_SEARCHED: usize = 50;
/// For how many subnets free addresses are counted, with a request each.
const SUBNETS_COUNTED: usize = 10;

/// The chosen subnet.
#[derive(Clone, Debug, Default)]
pub struct ChosenSubnet {
    /// Whether the first launch makes a network of the fleet's own, so that there is no subnet yet.
    pub is_to_be_made: bool,
    /// Its OCID and name.
    pub named: Named,
    /// Whether instances in it can have public addresses; unknown for an OCID that no list contains.
    pub is_public: Option<bool>,
}

/// What the question depends on.
#[derive(Clone, Debug)]
pub struct SubnetScope<'a> {
    /// The compartment of the instances.
    pub compartment: &'a str,
    /// All compartments that the person can see.
    pub compartments: &'a [Candidate],
    /// The availability domains.
    pub domains: &'a TriedDomains,
    /// What an existing file says.
    pub present: Option<String>,
    /// Whether it may still mean the same.
    pub is_here: bool,
}

/// Chooses the subnet.
pub async fn subnet(
    access: &Access<'_>,
    asking: &mut Asking,
    args: &InitArgs,
    around: &SubnetScope<'_>,
) -> Result<ChosenSubnet, CommandError> {
    let SubnetScope { compartment, compartments, domains, ref present, is_here } = *around;
    let needs = Needs {
        what: "subnets",
        verb: "use",
        resource: "subnets",
        scope: PolicyScope::Compartment(compartment),
    };
    let listed = Box::pin(access.list(asking, needs, access.client.list_subnets(compartment, None))).await?;
    let is_listed = listed.is_some();
    let fits = |row: &Subnet| fits(row, domains);
    let mut rows: Vec<(Subnet, String)> =
        listed.into_iter().flatten().filter(fits).map(|row| (row, String::new())).collect();
    if rows.is_empty() {
        rows = access.ask(elsewhere(access, compartment, compartments)).await?;
        rows.retain(|(row, _)| fits(row));
    }
    if rows.is_empty() && is_listed && args.subnet.is_none() {
        asking.say(
            "no subnet was found. The first launch can make a network, which costs nothing; or give the OCID of an existing subnet",
        );
    }
    // Regional subnets serve every availability domain.
    rows.sort_by_key(|(row, place)| (place.clone(), row.availability_domain.is_some()));
    let (vcns, free) = access.ask(about(access, compartment, &rows)).await?;
    let mut choices: Vec<Candidate> = rows
        .iter()
        .enumerate()
        .map(|(at, (row, place))| choice(row, place, &vcns, free.get(at).copied().flatten()))
        .collect();
    // A tenancy with one subnet has nothing to choose, unless somebody says so.
    let is_meant = |text: Option<&str>| text == Some(CREATE);
    let offers = choices.len() != 1 || is_meant(args.subnet.as_deref()) || is_meant(present.as_deref());
    choices.extend(offers.then(|| Candidate {
        about: "the first launch makes a network of its own for the fleet; it costs nothing".to_owned(),
        ..Candidate::named(CREATE, "")
    }));
    let question = Question {
        what: "subnet",
        flag: "--subnet",
        given: args.subnet.as_deref(),
        kinds: &["subnet"],
        is_complete: is_listed,
    };
    let unlisted = if is_here { Unlisted::Ocid } else { Unlisted::Nothing };
    let proposed = propose(&mut choices, present.as_deref(), unlisted, is_listed.then_some(0));
    let question = Question { is_complete: is_listed && !proposed.is_lost, ..question };
    let chosen = asking.choose(question, &choices, proposed.at).await?;
    if chosen.value == CREATE {
        let is_kept = proposed.present_in(&choices).is_some_and(|present| present.value == CREATE);
        let named = Named { is_kept, ..Named::default() };
        return Ok(ChosenSubnet { named, is_public: None, is_to_be_made: true });
    }
    let row = rows.iter().map(|(row, _)| row).find(|row| row.id == chosen.value);
    let is_public = row.and_then(|row| row.prohibit_public_ip_on_vnic).map(|no| !no);
    Ok(ChosenSubnet {
        named: Named::beside(&chosen, proposed.present_in(&choices)),
        is_public,
        is_to_be_made: false,
    })
}

/// Whether instances can be launched into it in one of the domains.
fn fits(row: &Subnet, domains: &TriedDomains) -> bool {
    let lives = matches!(row.lifecycle_state, SubnetLifecycleState::Available);
    lives && row.availability_domain.as_ref().is_none_or(|own| domains.tried().contains(own))
}

/// The subnets of other compartments, with their paths. Compartments that hide theirs have none.
async fn elsewhere(
    access: &Access<'_>,
    compartment: &str,
    compartments: &[Candidate],
) -> Vec<(Subnet, String)> {
    let others: Vec<&Candidate> =
        compartments.iter().filter(|other| other.value != compartment).take(COMPARTMENTS_SEARCHED).collect();
    let lists = join_all(others.iter().map(|other| access.client.list_subnets(&other.value, None))).await;
    let found = others
        .iter()
        .zip(lists)
        .flat_map(|(other, rows)| rows.unwrap_or_default().into_iter().map(|row| (row, other.name.clone())));
    found.collect()
}

/// The names of the VCNs and the free addresses of the first subnets. What cannot be read is not shown.
async fn about(
    access: &Access<'_>,
    compartment: &str,
    rows: &[(Subnet, String)],
) -> (Vec<Vcn>, Vec<Option<FreeAddresses>>) {
    let counted = rows.iter().take(SUBNETS_COUNTED);
    let free = join_all(counted.map(|(row, _)| free_addresses(&access.client, row)));
    let (vcns, free) = futures_util::future::join(access.client.list_vcns(compartment), free).await;
    (vcns.unwrap_or_default(), free)
}

fn choice(row: &Subnet, place: &str, vcns: &[Vcn], free: Option<FreeAddresses>) -> Candidate {
    let mut about: Vec<String> = Vec::new();
    about.push(match row.prohibit_public_ip_on_vnic {
        Some(true) => "private".to_owned(),
        Some(false) => "public".to_owned(),
        None => "public or private is unknown".to_owned(),
    });
    about.extend(row.cidr_block.clone());
    if let Some(FreeAddresses { count, is_exact }) = free {
        about.push(format!("{}{count} free addresses", if is_exact { "" } else { "at most " }));
    }
    if let Some(domain) = &row.availability_domain {
        about.push(format!("only in {}", short_domain(domain)));
    }
    let vcn = vcns.iter().find(|vcn| vcn.id == row.vcn_id).and_then(|vcn| vcn.display_name.clone());
    about.extend(vcn.as_ref().map(|vcn| format!("VCN {vcn}")));
    if !place.is_empty() {
        about.push(format!("compartment {place}"));
    }
    let name = row.display_name.clone().unwrap_or_else(|| row.id.clone());
    let also = vcn.map(|vcn| format!("{vcn}/{name}")).into_iter().collect();
    Candidate { value: row.id.clone(), name, also, about: about.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subnet_of_another_domain_is_not_offered() {
        let domains = TriedDomains {
            chosen: vec!["a:AD-1".to_owned()],
            known: vec!["a:AD-1".to_owned(), "a:AD-2".to_owned()],
        };
        let row = |domain: Option<&str>, lifecycle_state| Subnet {
            availability_domain: domain.map(str::to_owned),
            lifecycle_state,
            ..Subnet::default()
        };
        assert!(fits(&row(None, SubnetLifecycleState::Available), &domains));
        assert!(fits(&row(Some("a:AD-1"), SubnetLifecycleState::Available), &domains));
        assert!(!fits(&row(Some("a:AD-2"), SubnetLifecycleState::Available), &domains));
        assert!(!fits(&row(None, SubnetLifecycleState::Terminated), &domains));
    }
}
