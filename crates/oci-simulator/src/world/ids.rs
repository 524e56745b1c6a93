//! OCIDs, generated from a kind and a number and parsed without a table, which would be large for a hundred thousand resources.
//!
//! Registered resources keep the OCID with which they were registered.

use super::chance::{Chance, mix};
use super::pairs;
use oci_api::Ocid;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

const LETTERS: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// The letters that encode the number: 7 × 5 bits.
const NUMBER_LETTERS: usize = 7;
const UNIQUE_LETTERS: usize = 60;

macro_rules! kinds {
    ($($kind:ident = $text:literal,)+) => {
        /// Kinds of resources that have an OCID.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[expect(missing_docs, reason = "the names say it")]
        pub enum Kind { $($kind,)+ }

        impl Kind {
            /// The resource type in the OCID.
            pub const fn as_str(self) -> &'static str { match self { $(Self::$kind => $text,)+ } }

            fn parse(text: &str) -> Option<Self> { match text { $($text => Some(Self::$kind),)+ _ => None } }
        }
    };
}

kinds! {
    Tenancy = "tenancy",
    User = "user",
    Compartment = "compartment",
    AvailabilityDomain = "availabilitydomain",
    FaultDomain = "faultdomain",
    Vcn = "vcn",
    Subnet = "subnet",
    RouteTable = "routetable",
    SecurityList = "securitylist",
    DhcpOptions = "dhcpoptions",
    Image = "image",
    Instance = "instance",
    VnicAttachment = "vnicattachment",
    Vnic = "vnic",
    PrivateIp = "privateip",
    PublicIp = "publicip",
    BootVolume = "bootvolume",
    BootVolumeAttachment = "bootvolumeattachment",
    Volume = "volume",
    VolumeAttachment = "volumeattachment",
    CapacityReservation = "capacityreservation",
    InstanceConfiguration = "instanceconfiguration",
    InstancePool = "instancepool",
    WorkRequest = "coreservicesworkrequest",
    Quota = "quota",
    LimitsIncreaseRequest = "limitsincreaserequest",
    LimitsIncreaseItemRequest = "limitsincreaseitemrequest",
    InternetGateway = "internetgateway",
    NatGateway = "natgateway",
    ServiceGateway = "servicegateway",
    NetworkSecurityGroup = "networksecuritygroup",
    Service = "service",
    ConsoleHistory = "consolehistory",
    Ipv6 = "ipv6",
    VolumeBackup = "volumebackup",
    BootVolumeBackup = "bootvolumebackup",
    VolumeGroup = "volumegroup",
    Group = "group",
    DynamicGroup = "dynamicgroup",
    Policy = "policy",
    GroupMembership = "groupmembership",
    TagNamespace = "tagnamespace",
    TagDefinition = "tagdefinition",
    TagDefault = "tagdefault",
    ComputeCluster = "computecluster",
    ClusterNetwork = "clusternetwork",
}

/// A resource: its kind and its number among that kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(super) struct Id(pub Kind, pub u32);

/// Turns ids into OCIDs and back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ids {
    seed: u64,
    realm: String,
    region: String,
    #[serde(with = "pairs")]
    names: BTreeMap<Id, String>,
    registered: BTreeMap<String, Id>,
}

impl Ids {
    /// `region` is the name of the region in OCIDs: `phx`, `iad`, or the region's own name.
    pub fn new(seed: u64, realm: &str, region: &str) -> Self {
        Self {
            seed,
            realm: realm.to_owned(),
            region: region.to_owned(),
            names: BTreeMap::new(),
            registered: BTreeMap::new(),
        }
    }

    /// Replaces the generated OCID of a resource.
    pub fn name(&mut self, id: Id, ocid: &str) {
        self.names.insert(id, ocid.to_owned());
        self.registered.insert(ocid.to_owned(), id);
    }

    /// The resource's OCID.
    pub fn text(&self, id: Id) -> String {
        match self.names.get(&id) {
            Some(name) => name.clone(),
            None => self.made(id),
        }
    }

    fn made(&self, Id(kind, number): Id) -> String {
        let region = match kind {
            Kind::Tenancy
            | Kind::User
            | Kind::Compartment
            | Kind::AvailabilityDomain
            | Kind::Quota
            | Kind::Group
            | Kind::DynamicGroup
            | Kind::Policy
            | Kind::GroupMembership
            | Kind::TagNamespace
            | Kind::TagDefinition
            | Kind::TagDefault => "",
            _ => &self.region,
        };
        let mut text = String::with_capacity(32 + self.region.len() + UNIQUE_LETTERS);
        text.push_str("ocid1.");
        text.push_str(kind.as_str());
        text.push('.');
        text.push_str(&self.realm);
        text.push('.');
        text.push_str(region);
        text.push('.');
        let mut bits = u64::from(number ^ self.mask(kind));
        for _ in 0..NUMBER_LETTERS {
            text.push(char::from(LETTERS[(bits & 31) as usize]));
            bits >>= 5;
        }
        let mut filler = Chance::of(self.seed, kind.as_str(), number);
        let mut left = UNIQUE_LETTERS - NUMBER_LETTERS;
        while left > 0 {
            let mut bits = filler.next();
            for _ in 0..left.min(12) {
                text.push(char::from(LETTERS[(bits & 31) as usize]));
                bits >>= 5;
            }
            left -= left.min(12);
        }
        text
    }

    fn mask(&self, kind: Kind) -> u32 {
        mix(self.seed ^ (kind as u64 + 1)) as u32
    }

    /// The resource to which an OCID refers, whether it exists or not; `None` if no resource could have this OCID.
    pub fn find(&self, ocid: &str) -> Option<Id> {
        if let Some(id) = self.registered.get(ocid) {
            return Some(*id);
        }
        let kind = Kind::parse(Ocid::parse(ocid).ok()?.resource_type)?;
        let unique = ocid.rsplit('.').next()?.as_bytes();
        if unique.len() != UNIQUE_LETTERS {
            return None;
        }
        let mut bits = 0_u64;
        for letter in unique[..NUMBER_LETTERS].iter().rev() {
            let value = LETTERS.iter().position(|known| known == letter)?;
            bits = bits << 5 | value as u64;
        }
        let id = Id(kind, u32::try_from(bits).ok()? ^ self.mask(kind));
        (!self.names.contains_key(&id) && self.made(id) == ocid).then_some(id)
    }

    /// The number of the resource of this kind to which an OCID refers.
    pub fn number(&self, kind: Kind, ocid: &str) -> Option<u32> {
        self.find(ocid).filter(|id| id.0 == kind).map(|id| id.1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ocid_is_read_back_and_a_changed_one_is_not() {
        let mut ids = Ids::new(7, "oc1", "phx");
        for number in [0, 1, 77, u32::MAX] {
            let text = ids.text(Id(Kind::Instance, number));
            let ocid = Ocid::parse(&text).unwrap();
            assert_eq!((ocid.resource_type, ocid.region), ("instance", "phx"));
            assert_eq!(ids.find(&text), Some(Id(Kind::Instance, number)));
            assert_eq!(ids.number(Kind::Vnic, &text), None);
            let mut other = text.clone();
            let last = if other.pop() == Some('a') { 'b' } else { 'a' };
            other.push(last);
            assert_eq!(ids.find(&other), None);
        }
        let made = ids.text(Id(Kind::Subnet, 3));
        ids.name(Id(Kind::Subnet, 3), "ocid1.subnet.oc1.phx.theirs");
        assert_eq!(ids.text(Id(Kind::Subnet, 3)), "ocid1.subnet.oc1.phx.theirs");
        assert_eq!(ids.find("ocid1.subnet.oc1.phx.theirs"), Some(Id(Kind::Subnet, 3)));
        assert_eq!(ids.find(&made), None);
    }
}
