//! Several regions of one tenancy behind one client. A request belongs to one region, and that is known from what it names: an
//! OCID carries its region, and so does the name of an availability domain. Lists of a compartment are read in all regions.

use std::sync::Arc;

use oci_api::Operation;

use crate::call::Call;
use crate::client::Client;
use crate::failure::{Failure, FailureClass};
use crate::further::{Further, is_in_a_region};

/// Lists of what a tenancy or a compartment has in a region.
const IN_EACH_REGION: [Operation; 9] = [
    Operation::ListAvailabilityDomains,
    Operation::ListInstances,
    Operation::ListPublicIps,
    Operation::ListVnicAttachments,
    Operation::ListBootVolumes,
    Operation::ListBootVolumeAttachments,
    Operation::ListVolumes,
    Operation::ListVolumeAttachments,
    Operation::ListComputeCapacityReservations,
];

impl Client {
    /// The same client with a further region of the tenancy, which `client` reaches. `compartments` are the compartment that
    /// requests name and the one that takes its place there.
    #[must_use]
    pub fn with_further(&self, name: &str, client: &Self, compartments: Option<(&str, &str)>) -> Self {
        let further = Further {
            name: name.to_owned(),
            shared: Arc::clone(&client.shared),
            compartments: compartments.map(|(here, there)| (here.to_owned(), there.to_owned())),
        };
        let all = self.further.iter().cloned().chain([further]).collect();
        Self { further: all, ..self.clone() }
    }

    /// The client of one region only: of a further one by its name, or without a name of the client's own. At a region that the
    /// client does not know, every call fails without being sent.
    #[must_use]
    pub fn at(&self, region: Option<&str>) -> Self {
        let Some(name) = region else { return Self { further: Arc::default(), ..self.clone() } };
        match self.further.iter().find(|further| further.name == name) {
            Some(further) => self.at_further(further),
            None => Self { further: Arc::default(), unknown: Some(name.into()), ..self.clone() },
        }
    }

    /// Whether the client reaches a further region of this name.
    pub fn knows(&self, region: &str) -> bool {
        self.further.iter().any(|further| further.name == region)
    }

    fn at_further(&self, further: &Further) -> Self {
        Self { shared: Arc::clone(&further.shared), further: Arc::default(), ..self.clone() }
    }

    /// The client of the further region that the call belongs to, and the call as it is sent there.
    pub(crate) fn route(&self, call: &Call) -> Option<(Self, Call)> {
        let further = self.further.iter().find(|further| further.has(call))?;
        Some((self.at_further(further), further.translated(call)))
    }

    /// The lists that a list stands for, in the order in which they are read: one in each region, if it lists a compartment.
    pub(crate) fn lists(&self, call: Call) -> Vec<(Self, Call)> {
        let is_everywhere = IN_EACH_REGION.contains(&call.operation)
            && !call.query.iter().any(|(name, value)| *name == "availabilityDomain" || is_in_a_region(value));
        if self.further.is_empty() || !is_everywhere {
            return vec![(self.clone(), call)];
        }
        let further =
            self.further.iter().map(|further| (self.at_further(further), further.translated(&call)));
        let further: Vec<_> = further.collect();
        std::iter::once((self.at(None), call)).chain(further).collect()
    }

    /// Why nothing can be sent: the region is unknown to the client.
    pub(crate) fn check_known(&self, operation: Operation) -> Result<(), Failure> {
        let Some(region) = &self.unknown else { return Ok(()) };
        let why = format!("the request was not sent: the config does not list the region {region}");
        Err(Failure::unsent(operation, FailureClass::Invalid, "UnknownRegion", why))
    }
}
