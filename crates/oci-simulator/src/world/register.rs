//! Registers resources under given OCIDs, so that the compartment, subnet and image of a `config.yaml` exist in the region.

use super::capacity::Need;
use super::identity::CompartmentRow;
use super::ids::{Id, Kind};
use super::images::ImageRow;
use super::instances::validate::{ShapeConfig, need_of};
use super::reservations::{ConfigKey, Wanted};
use super::shapes::ShapeId;
use super::state::World;
use oci_api::Ocid;

/// A resource to register. Registering the same OCID twice changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// The tenancy, whose OCID replaces the generated one.
    Tenancy {
        /// Its OCID.
        ocid: String,
    },
    /// A user of the tenancy.
    User {
        /// Its OCID.
        ocid: String,
    },
    /// A compartment.
    Compartment {
        /// Its OCID. The tenancy's OCID refers to the root.
        ocid: String,
        /// The compartment that holds it; the root when `None`.
        parent: Option<String>,
    },
    /// A virtual cloud network.
    Vcn {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
    },
    /// A subnet, in a VCN of its compartment.
    Subnet {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
        /// Whether its VNICs may have public addresses.
        public: bool,
    },
    /// An image.
    Image {
        /// Its OCID.
        ocid: String,
        /// `true` for Arm shapes only, `false` for all other shapes, `None` for every shape.
        arm: Option<bool>,
    },
    /// A boot volume of 50 GB that no instance uses.
    BootVolume {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
        /// Its availability domain, by name or number (`AD-2`, `2`).
        availability_domain: String,
    },
    /// A tag that resources may have.
    DefinedTag {
        /// Its namespace.
        namespace: String,
        /// Its key.
        key: String,
    },
    /// A resource that the region knows only by its OCID and that a launch may name: a network security group, a VLAN, an
    /// encryption key, a dedicated host, a compute cluster or a cluster placement group.
    Other {
        /// Its OCID.
        ocid: String,
    },
    /// The name of an availability domain, which provides the tenancy's prefix: `xYzA:PHX-AD-2`. A name without a prefix
    /// (`AD-2`) changes nothing.
    AvailabilityDomain {
        /// Its name.
        name: String,
    },
    /// A capacity reservation, which is ACTIVE at once and filled as far as capacity allows.
    CapacityReservation {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
        /// Its availability domain, by name or number (`AD-2`, `2`).
        availability_domain: String,
        /// The configs that it holds.
        configs: Vec<ReservedConfig>,
    },
}

/// One config of a registered capacity reservation.
#[derive(Clone, Debug, PartialEq)]
pub struct ReservedConfig {
    /// Its shape.
    pub shape: String,
    /// OCPUs of a flexible shape; the default size when `None`.
    pub ocpus: Option<f64>,
    /// Memory of a flexible shape in GB; the default size when `None`.
    pub memory_in_gbs: Option<f64>,
    /// OCID of its cluster placement group.
    pub cluster_placement_group: Option<String>,
    /// How many instances it reserves.
    pub count: u32,
}

/// Resource types that the region knows only by OCID.
const OTHERS: [&str; 6] =
    ["networksecuritygroup", "vlan", "key", "dedicatedvmhost", "computecluster", "clusterplacementgroup"];

impl World {
    /// Registers a resource under an OCID that the caller chose.
    ///
    /// # Errors
    /// When the OCID has another resource type, or a resource that it refers to does not exist; the text says which.
    pub fn register(&mut self, known: &Known) -> Result<(), String> {
        // Instances show the OCIDs and names that are set here.
        self.instances.forget_shown();
        match known {
            Known::Tenancy { ocid } => {
                check_new(ocid, Kind::Tenancy)?;
                self.ids.name(Id(Kind::Tenancy, 0), ocid);
                Ok(())
            }
            Known::Other { ocid } => {
                let parsed = Ocid::parse(ocid).map_err(|problem| format!("{ocid}: {problem}"))?;
                if !OTHERS.contains(&parsed.resource_type) {
                    return Err(format!(
                        "{ocid} is the OCID of a {}; known by their OCID only are: {}",
                        parsed.resource_type,
                        OTHERS.join(", ")
                    ));
                }
                self.others_known.insert(ocid.clone());
                Ok(())
            }
            Known::DefinedTag { namespace, key } => {
                self.register_tag(namespace, key);
                Ok(())
            }
            Known::User { ocid } => self.add(ocid, Kind::User, |world| {
                world.identity.users += 1;
                Ok(world.identity.users - 1)
            }),
            Known::Compartment { ocid, parent } => {
                if self.ids.find(ocid) == Some(Id(Kind::Tenancy, 0)) {
                    return Ok(());
                }
                let parent = self.place(parent.as_deref())?;
                self.add(ocid, Kind::Compartment, |world| {
                    let number = world.identity.compartments.len() as u32;
                    let name = format!("compartment-{number}");
                    world.identity.compartments.push(CompartmentRow::plain(parent, name));
                    Ok(number)
                })
            }
            Known::Vcn { ocid, compartment } => {
                let compartment = self.place(compartment.as_deref())?;
                self.add(ocid, Kind::Vcn, |world| Ok(world.network.add_vcn(compartment, world.now)))
            }
            Known::Subnet { ocid, compartment, public } => {
                let compartment = self.place(compartment.as_deref())?;
                self.add(ocid, Kind::Subnet, |world| {
                    let prefix = world.settings.subnet_prefix_length;
                    let vcn = world.network.vcns.iter().position(|vcn| vcn.compartment == compartment);
                    let vcn = vcn.map_or_else(
                        || world.network.add_vcn(compartment, world.now),
                        |number| number as u32,
                    );
                    Ok(world.network.add_subnet(compartment, vcn, *public, prefix, world.now))
                })
            }
            Known::Image { ocid, arm } => self.add(ocid, Kind::Image, |world| {
                let number = world.images.len() as u32;
                world.images.push(ImageRow::named(number, *arm, world.now));
                Ok(number)
            }),
            Known::AvailabilityDomain { name } => self.register_ad(name),
            Known::BootVolume { ocid, compartment, availability_domain } => {
                let compartment = self.place(compartment.as_deref())?;
                let ad = self.ad_by_any_name(availability_domain)?;
                self.add(ocid, Kind::BootVolume, |world| Ok(world.add_boot_volume(compartment, ad)))
            }
            Known::CapacityReservation { ocid, compartment, availability_domain, configs } => {
                let compartment = self.place(compartment.as_deref())?;
                let ad = self.ad_by_any_name(availability_domain)?;
                let wanted = wanted_configs(configs)?;
                self.add(ocid, Kind::CapacityReservation, |world| {
                    let number = world.add_reservation(compartment, ad);
                    world.fill(number, &wanted);
                    Ok(number)
                })
            }
        }
    }

    fn add(
        &mut self,
        ocid: &str,
        kind: Kind,
        make: impl FnOnce(&mut Self) -> Result<u32, String>,
    ) -> Result<(), String> {
        check_new(ocid, kind)?;
        if self.ids.find(ocid).is_some_and(|id| self.exists(id)) {
            return Ok(());
        }
        let number = make(self)?;
        self.ids.name(Id(kind, number), ocid);
        Ok(())
    }

    /// Whether a generated OCID refers to an existing resource.
    fn exists(&self, Id(kind, number): Id) -> bool {
        let within = |count: usize| (number as usize) < count;
        match kind {
            Kind::User => number < self.identity.users,
            Kind::Compartment => within(self.identity.compartments.len()),
            Kind::Vcn => within(self.network.vcns.len()),
            Kind::Subnet => within(self.network.subnets.len()),
            Kind::Image => within(self.images.len()),
            Kind::BootVolume => within(self.volumes.boots.len()),
            Kind::CapacityReservation => self.reservations.contains_key(&number),
            _ => number == 0,
        }
    }

    fn place(&self, compartment: Option<&str>) -> Result<u32, String> {
        match compartment {
            None => Ok(0),
            Some(ocid) => self
                .identity
                .find_compartment(&self.ids, ocid)
                .ok_or_else(|| format!("compartment {ocid} must be registered first")),
        }
    }

    fn register_ad(&mut self, name: &str) -> Result<(), String> {
        let ad = self.ad_by_any_name(name)?;
        let own = self.identity.ad_name(ad);
        let (Some((prefix, rest)), Some((_, own_rest))) = (name.split_once(':'), own.split_once(':')) else {
            return Ok(());
        };
        if rest != own_rest {
            let all = self.identity.ads.join(", ");
            return Err(format!("the region has no availability domain {name}; it has {all}"));
        }
        for ad in &mut self.identity.ads {
            if let Some((_, rest)) = ad.split_once(':') {
                *ad = format!("{prefix}:{rest}");
            }
        }
        Ok(())
    }

    /// The availability domain with this name, number, or name without a prefix.
    fn ad_by_any_name(&self, name: &str) -> Result<u8, String> {
        let number = name.rsplit('-').next().and_then(|number| number.parse::<u8>().ok());
        match number {
            Some(number) if (1..=self.settings.domains()).contains(&number) => Ok(number - 1),
            _ => Err(format!(
                "the region has no availability domain {name}; it has {}",
                self.identity.ads.join(", ")
            )),
        }
    }
}

fn check_new(ocid: &str, kind: Kind) -> Result<(), String> {
    let parsed = Ocid::parse(ocid).map_err(|problem| format!("{ocid}: {problem}"))?;
    if parsed.resource_type == kind.as_str() {
        Ok(())
    } else {
        Err(format!("{ocid} is the OCID of a {}, not of a {}", parsed.resource_type, kind.as_str()))
    }
}

fn wanted_configs(configs: &[ReservedConfig]) -> Result<Vec<Wanted>, String> {
    configs
        .iter()
        .map(|config| {
            let shape = ShapeId::find(&config.shape)
                .ok_or_else(|| format!("the region has no shape {}", config.shape))?;
            let size = ShapeConfig {
                ocpus: config.ocpus,
                memory_in_gbs: config.memory_in_gbs,
                ..ShapeConfig::default()
            };
            let need: Need = need_of(shape.get(), Some(&size)).map_err(|error| error.message)?;
            let key = ConfigKey { shape, need, fd: None, group: config.cluster_placement_group.clone() };
            Ok(Wanted { key, count: config.count, cluster: None })
        })
        .collect()
}
