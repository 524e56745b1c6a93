//! The smallest IAM policy for a config, as statements that an administrator can paste.
//!
//! Sources: Oracle, "Details for the Core Services" (which verb on which resource-type covers which permission; a work request is read by
//! whoever may do what it does), "Details for IAM with Identity Domains", "Common
//! Policies", "Capacity Reservations", "Writing Matching Rules to Define Dynamic Groups", "Granting Workloads Access to OCI
//! Resources"; the policies of oracle/karpenter-provider-oci. Pure: it sends no requests.

use oci_client::credentials::Subject;
use schemars::JsonSchema;
use serde::Serialize;

use super::named::{ENCRYPTION_KEY, ResourceKind, of_launch};
use super::spec::FleetSpec;

/// What a policy should allow, in addition to launching the fleet.
#[derive(Clone, Debug, Default)]
pub struct Uses {
    /// Who may do it.
    pub whom: Principal,
    /// The compartment of the subnet, if it differs from the fleet's.
    pub network_compartment: Option<String>,
    /// Whether to allow creating, changing and deleting capacity reservations.
    pub manage_reservations: bool,
}

/// The name of the group if none is given.
pub const DEFAULT_GROUP: &str = "InstanceLaunchers";

/// What stands for the dynamic group that only an administrator knows.
const DYNAMIC_GROUP: &str = "<the dynamic group of this instance or function>";

/// Whom a policy allows something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Principal {
    /// The users of a group, by its name.
    Group(String),
    /// Instances of a dynamic group, by its name.
    Instances(String),
    /// Functions and other resources of a dynamic group, by its name.
    Resources(String),
    /// The service account of pods, which belongs to no group.
    Workload,
}

impl Default for Principal {
    fn default() -> Self {
        Self::Group(DEFAULT_GROUP.to_owned())
    }
}

impl Principal {
    /// What it is called in documents.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "group",
            Self::Instances(_) | Self::Resources(_) => "dynamic_group",
            Self::Workload => "workload",
        }
    }

    /// The rule by which the dynamic group finds its members, with a placeholder for what only its administrator knows.
    pub fn matching_rule(&self) -> Option<&'static str> {
        match self {
            Self::Group(_) | Self::Workload => None,
            Self::Instances(_) => {
                Some("ALL {instance.compartment.id = '<OCID of the compartment of the instance>'}")
            }
            Self::Resources(_) => Some(
                "ALL {resource.type = 'fnfunc', resource.compartment.id = '<OCID of the compartment of the function>'}",
            ),
        }
    }

    fn subject(&self) -> String {
        match self {
            Self::Group(name) => format!("group {name}"),
            Self::Instances(name) | Self::Resources(name) => format!("dynamic-group {name}"),
            Self::Workload => "any-user".to_owned(),
        }
    }

    fn condition(&self) -> &'static str {
        match self {
            Self::Workload => {
                " where all {request.principal.type = 'workload', request.principal.namespace = '<namespace>', \
                 request.principal.service_account = '<service account>', request.principal.cluster_id = '<cluster OCID>'}"
            }
            _ => "",
        }
    }

    fn may(&self, verb: &str, resource: &str, scope: PolicyScope<'_>) -> String {
        format!("Allow {} to {verb} {resource}{}{}", self.subject(), place_of(scope), self.condition())
    }
}

/// One statement and its purpose.
#[derive(Clone, Debug, PartialEq, Eq, JsonSchema, Serialize)]
pub struct Statement {
    /// The text to paste: `Allow group … to …`.
    pub text: String,
    /// What fails without it.
    pub why: &'static str,
    /// Whether launches work without it.
    pub optional: bool,
}

/// Where a statement applies.
#[derive(Clone, Copy, Debug)]
pub enum PolicyScope<'a> {
    /// The whole tenancy.
    Tenancy,
    /// A compartment and those below it.
    Compartment(&'a str),
}

/// `Allow group <your group> to <verb> <resource-type> in …`, in the words for who signs.
pub fn statement(subject: Subject, verb: &str, resource: &str, scope: PolicyScope<'_>) -> String {
    let whom = match subject {
        Subject::User => Principal::Group("<your group>".to_owned()),
        Subject::Instance => Principal::Instances(DYNAMIC_GROUP.to_owned()),
        Subject::Resource => Principal::Resources(DYNAMIC_GROUP.to_owned()),
        Subject::Workload => Principal::Workload,
    };
    whom.may(verb, resource, scope)
}

fn place_of(scope: PolicyScope<'_>) -> String {
    match scope {
        // The root compartment is the tenancy, and policies call it that.
        PolicyScope::Compartment(ocid) if !ocid.starts_with("ocid1.tenancy.") => {
            format!(" in compartment id {ocid}")
        }
        _ => " in tenancy".to_owned(),
    }
}

/// Every statement that a fleet needs, the required ones first.
pub fn statements(spec: &FleetSpec, uses: &Uses) -> Vec<Statement> {
    let here = PolicyScope::Compartment(&spec.compartment);
    let network = PolicyScope::Compartment(uses.network_compartment.as_deref().unwrap_or(&spec.compartment));
    let mut all = Vec::new();
    let mut add = |verb: &str, resource: &str, scope: PolicyScope<'_>, why, optional| {
        all.push(Statement { text: uses.whom.may(verb, resource, scope), why, optional });
    };

    add("manage", "instances", here, "launch, list, start, stop and terminate instances", false);
    add("read", "instance-images", here, "use the image", false);
    if spec.network.is_some() {
        // The family contains subnets and network cards.
        let why = "make the network, put instances into it, and delete it";
        add("manage", "virtual-network-family", here, why, false);
    } else {
        add("use", "subnets", network, "put instances into the subnet", false);
        add("use", "vnics", network, "attach network cards to instances", false);
    }
    if spec.engine.is_pooled() {
        let why = "make instance configurations, pools and cluster networks, and delete them";
        add("manage", "compute-management-family", here, why, false);
    }
    let needs = needs(spec);
    for (named, why) in needs.iter().filter(|(named, _)| named.in_network) {
        add(named.needs.0, named.needs.1, network, why, false);
    }
    if has_reservation(spec) && !uses.manage_reservations {
        add("use", "compute-capacity-reservations", here, "launch into the capacity reservation", false);
    }
    if uses.manage_reservations {
        let why = "create, change and delete capacity reservations, and launch into them";
        add("manage", "compute-capacity-reservations", here, why, false);
    }
    if spec.template.defined_tags.as_ref().is_some_and(|tags| !tags.is_empty()) {
        add("use", "tag-namespaces", PolicyScope::Tenancy, "set the defined tags", false);
    }
    let has_volumes =
        spec.template.launch_volume_attachments.as_ref().is_some_and(|volumes| !volumes.is_empty());
    if has_volumes {
        add("manage", "volumes", here, "create the data volumes", false);
        add("manage", "volume-attachments", here, "attach the data volumes", false);
    }
    if spec.own_cluster().is_some() {
        let why = "make the compute cluster, put instances into it, and delete it";
        add("manage", "compute-clusters", here, why, false);
    }
    for (named, why) in needs.iter().filter(|(named, _)| !named.in_network) {
        add(named.needs.0, named.needs.1, here, why, false);
    }
    add("inspect", "compartments", PolicyScope::Tenancy, "read the names of the availability domains", false);

    add("inspect", "work-requests", here, "find why an accepted launch failed later", true);
    if spec.network.is_none() {
        let why = "count the free addresses of the subnet, list addresses";
        add("inspect", "private-ips", network, why, true);
    }
    add("read", "public-ips", here, "list reserved public addresses", true);
    add("inspect", "vnic-attachments", here, "list addresses", true);
    if !has_volumes {
        add("manage", "volumes", here, "find and delete boot volumes that were kept", true);
        add("inspect", "volume-attachments", here, "tell whose the boot volumes are", true);
    }
    if !uses.manage_reservations && !has_reservation(spec) {
        add("inspect", "compute-capacity-reservations", here, "find reservations that were left", true);
    }
    add(
        "read",
        "resource-availability",
        PolicyScope::Tenancy,
        "read service limits and quotas before a launch",
        true,
    );
    let why = "read the capacity report (only `manage` grants it)";
    add("manage", "compute-capacity-reports", PolicyScope::Tenancy, why, true);
    if ENCRYPTION_KEY.is_in(&spec.template) {
        // The statement is for a service rather than a group (Oracle: "Assigning Master Encryption Keys").
        let text = "Allow service blockstorage to use keys".to_owned() + &place_of(here);
        let why = "let the Block Volume service encrypt with the key";
        all.insert(
            all.iter().position(|s| s.optional).unwrap_or(all.len()),
            Statement { text, why, optional: false },
        );
    }
    all
}

/// The kinds of resources that a fleet names by OCID and that need a permission, each once, with its purpose.
fn needs(spec: &FleetSpec) -> Vec<(&'static ResourceKind, &'static str)> {
    let mut needs: Vec<(&'static ResourceKind, &'static str)> = Vec::new();
    for (named, _) in of_launch(&spec.template) {
        if let Some(why) = named.why.filter(|why| needs.iter().all(|(_, other)| other != why)) {
            needs.push((named, why));
        }
    }
    needs
}

/// Whether any launch of the fleet names a reservation.
fn has_reservation(spec: &FleetSpec) -> bool {
    let named = |ocid: &Option<String>| ocid.as_deref().is_some_and(|ocid| !ocid.is_empty());
    named(&spec.template.capacity_reservation_id)
        || spec.placements.iter().any(|placement| named(&placement.capacity_reservation))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::network::{OwnNetwork, USUAL_BLOCK};
    use ledger::Placement;
    use oci_api::models::{InstanceSourceDetails, InstanceSourceViaImageDetails};

    fn texts(spec: &FleetSpec, uses: &Uses, optional: bool) -> String {
        let statements = statements(spec, uses);
        let texts: Vec<String> =
            statements.into_iter().filter(|s| s.optional == optional).map(|s| s.text).collect();
        texts.join("\n")
    }

    fn spec() -> FleetSpec {
        FleetSpec { compartment: "ocid1.compartment.oc1..c".to_owned(), ..FleetSpec::default() }
    }

    fn uses() -> Uses {
        Uses { whom: Principal::Group("Launchers".to_owned()), ..Uses::default() }
    }

    #[test]
    fn a_plain_fleet_needs_these_and_no_more() {
        insta::assert_snapshot!(texts(&spec(), &uses(), false), @"
        Allow group Launchers to manage instances in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to read instance-images in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to use subnets in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to use vnics in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to inspect compartments in tenancy
        ");
        insta::assert_snapshot!(texts(&spec(), &uses(), true), @"
        Allow group Launchers to inspect work-requests in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to inspect private-ips in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to read public-ips in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to inspect vnic-attachments in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to manage volumes in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to inspect volume-attachments in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to inspect compute-capacity-reservations in compartment id ocid1.compartment.oc1..c
        Allow group Launchers to read resource-availability in tenancy
        Allow group Launchers to manage compute-capacity-reports in tenancy
        ");
    }

    #[test]
    fn a_fleet_with_its_own_network_manages_the_family() {
        let network = OwnNetwork { block: USUAL_BLOCK.parse().unwrap(), public: true, ssh_from: Vec::new() };
        let spec = FleetSpec { network: Some(network), ..spec() };
        let all = texts(&spec, &uses(), false) + &texts(&spec, &uses(), true);
        let family = "Allow group Launchers to manage virtual-network-family in compartment id ocid1.compartment.oc1..c";
        assert!(all.contains(family), "{all}");
        assert!(!all.contains("subnets") && !all.contains("private-ips"), "the family has them: {all}");
    }

    #[test]
    fn each_principal_is_allowed_in_its_own_form() {
        let first = |whom: Principal| {
            let all = statements(&spec(), &Uses { whom: whom.clone(), ..Uses::default() });
            format!("{}: {:?}\n{}", whom.kind(), whom.matching_rule(), all[0].text)
        };
        let name = || "Hunters".to_owned();
        let all = [
            Principal::default(),
            Principal::Instances(name()),
            Principal::Resources(name()),
            Principal::Workload,
        ];
        insta::assert_snapshot!(all.map(first).join("\n"), @r#"
        group: None
        Allow group InstanceLaunchers to manage instances in compartment id ocid1.compartment.oc1..c
        dynamic_group: Some("ALL {instance.compartment.id = '<OCID of the compartment of the instance>'}")
        Allow dynamic-group Hunters to manage instances in compartment id ocid1.compartment.oc1..c
        dynamic_group: Some("ALL {resource.type = 'fnfunc', resource.compartment.id = '<OCID of the compartment of the function>'}")
        Allow dynamic-group Hunters to manage instances in compartment id ocid1.compartment.oc1..c
        workload: None
        Allow any-user to manage instances in compartment id ocid1.compartment.oc1..c where all {request.principal.type = 'workload', request.principal.namespace = '<namespace>', request.principal.service_account = '<service account>', request.principal.cluster_id = '<cluster OCID>'}
        "#);
    }

    #[test]
    fn each_kind_of_resource_needs_its_own_statement() {
        let mut spec = spec();
        let plain = statements(&spec, &uses()).len();
        let id = || Some("ocid1.x.oc1.phx.a".to_owned());
        let image =
            InstanceSourceViaImageDetails { kms_key_id: id(), ..InstanceSourceViaImageDetails::default() };
        spec.template.source_details = Some(Box::new(InstanceSourceDetails::Image(image)));
        spec.template.dedicated_vm_host_id = id();
        spec.template.compute_cluster_id = id();
        spec.template.cluster_placement_group_id = id();
        let all = texts(&spec, &uses(), false);
        for needed in [
            "Allow group Launchers to use key-delegate in compartment id ocid1.compartment.oc1..c",
            "Allow service blockstorage to use keys in compartment id ocid1.compartment.oc1..c",
            "Allow group Launchers to use dedicated-vm-hosts in",
            "Allow group Launchers to use compute-clusters in",
            "Allow group Launchers to use cluster-placement-groups in",
        ] {
            assert!(all.contains(needed), "{needed}: {all}");
        }
        assert_eq!(statements(&spec, &uses()).len(), plain + 5);
    }

    #[test]
    fn reservations_need_use_to_launch_and_manage_to_create() {
        let mut spec = spec();
        assert!(!texts(&spec, &uses(), false).contains("reservations"));
        spec.placements.push(Placement {
            capacity_reservation: Some("ocid1.capacityreservation.oc1.phx.r".to_owned()),
            ..Placement::default()
        });
        assert!(texts(&spec, &uses(), false).contains("to use compute-capacity-reservations in"));
        let manage = Uses { manage_reservations: true, ..uses() };
        let all = texts(&spec, &manage, false);
        assert!(all.contains("to manage compute-capacity-reservations in"), "{all}");
        assert!(!all.contains("to use compute-capacity-reservations"), "{all}");
    }

    #[test]
    fn opting_out_of_the_default_reservation_needs_nothing() {
        let mut spec = spec();
        spec.template.capacity_reservation_id = Some(String::new());
        assert!(!texts(&spec, &uses(), false).contains("reservations"));
    }

    #[test]
    fn the_root_compartment_is_called_the_tenancy() {
        let root = PolicyScope::Compartment("ocid1.tenancy.oc1..t");
        assert_eq!(
            statement(Subject::User, "use", "subnets", root),
            "Allow group <your group> to use subnets in tenancy"
        );
        assert_eq!(
            Principal::Instances("hosts".to_owned()).may("use", "vnics", PolicyScope::Tenancy),
            "Allow dynamic-group hosts to use vnics in tenancy"
        );
    }
}
