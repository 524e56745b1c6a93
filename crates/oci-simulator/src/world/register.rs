//! Makes resources exist under OCIDs that someone else chose: "the compartment, subnet and image of my config.yaml
//! exist in the region".

/// A resource to register. Registering the same OCID twice changes nothing.
#[derive(Clone, Debug, PartialEq)]
pub enum Known {
    /// The tenancy that everything belongs to. Register it before the rest.
    Tenancy {
        /// Its OCID.
        ocid: String,
    },
    /// A user of the tenancy.
    User {
        /// The OCID.
        ocid: String,
    },
    /// A compartment.
    Compartment {
        /// Its OCID.
        ocid: String,
        /// The compartment that holds it; the tenancy's root when `None`.
        parent: Option<String>,
    },
    /// A virtual cloud network.
    Vcn {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
    },
    /// A subnet, in the VCN of its compartment.
    Subnet {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
        /// Whether its VNICs may have public addresses.
        public: bool,
    },
    /// An image that fits every virtual machine shape of the architecture.
    Image {
        /// Its OCID.
        ocid: String,
        /// Whether it is for Arm shapes only, else for all others only; `None`: for every shape.
        arm: Option<bool>,
    },
    /// The name of an availability domain, from which the tenancy's prefix is taken: `xYzA:PHX-AD-2`.
    AvailabilityDomain {
        /// Its name.
        name: String,
    },
    /// A capacity reservation, ACTIVE from the start and filled as far as capacity goes.
    CapacityReservation {
        /// Its OCID.
        ocid: String,
        /// Its compartment; the root when `None`.
        compartment: Option<String>,
        /// Its availability domain, by name or number (`AD-2`, `2`).
        availability_domain: String,
        /// What it holds.
        configs: Vec<ReservedConfig>,
    },
}

/// One line of a registered capacity reservation.
#[derive(Clone, Debug, PartialEq)]
pub struct ReservedConfig {
    /// Its shape.
    pub shape: String,
    /// OCPUs of a flexible shape.
    pub ocpus: Option<f64>,
    /// Memory of a flexible shape.
    pub memory_in_gbs: Option<f64>,
    /// How many instances.
    pub count: u32,
}
