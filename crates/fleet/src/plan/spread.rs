//! The definition of a spread: over which domains, and how evenly. Pure data.

use ledger::Placement;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the members of a fleet are spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
pub struct Spread {
    /// The kind of domain.
    pub across: Across,
    /// The allowed difference between the fullest and the emptiest domain.
    pub max_skew: u32,
    /// What happens to a member for which no domain is within that.
    pub when_impossible: WhenImpossible,
}

/// The kind of domain over which a fleet is spread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Across {
    /// The fault domains of the availability domains that the fleet may use.
    FaultDomain,
    /// These availability domains.
    AvailabilityDomain,
}

/// What happens to a member that would exceed the allowed skew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, JsonSchema, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenImpossible {
    /// It is not launched.
    #[default]
    Refuse,
    /// It is launched in another domain.
    BestEffort,
}

/// A domain of a spread.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, JsonSchema, Serialize)]
pub struct SpreadDomain {
    /// The availability domain.
    pub availability_domain: String,
    /// The fault domain; `null` for a spread over availability domains.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault_domain: Option<String>,
}

impl std::fmt::Display for SpreadDomain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.fault_domain {
            Some(fault) => write!(f, "{fault} of {}", self.availability_domain),
            None => f.write_str(&self.availability_domain),
        }
    }
}

impl Across {
    /// The plural noun for its domains.
    pub fn plural(self) -> &'static str {
        match self {
            Self::FaultDomain => "fault domains",
            Self::AvailabilityDomain => "availability domains",
        }
    }

    /// The domain of an instance, or of a placement.
    pub fn domain(self, availability_domain: &str, fault_domain: Option<&str>) -> SpreadDomain {
        SpreadDomain {
            availability_domain: availability_domain.to_owned(),
            fault_domain: match self {
                Self::FaultDomain => fault_domain.map(str::to_owned),
                Self::AvailabilityDomain => None,
            },
        }
    }

    pub(super) fn of(self, placement: &Placement) -> SpreadDomain {
        self.domain(&placement.availability_domain, placement.fault_domain.as_deref())
    }

    /// The domains of placements, in their order.
    pub(super) fn domains(self, placements: &[Placement]) -> Vec<SpreadDomain> {
        let mut domains = Vec::new();
        for placement in placements {
            let domain = self.of(placement);
            if !domains.contains(&domain) {
                domains.push(domain);
            }
        }
        domains
    }
}

impl Spread {
    /// Whether members without capacity in their domain are not launched.
    pub fn refuses(self) -> bool {
        self.when_impossible == WhenImpossible::Refuse
    }
}

/// The difference between the fullest and the emptiest domain.
pub fn skew(counts: impl IntoIterator<Item = u32>) -> u32 {
    let (mut least, mut most) = (u32::MAX, 0);
    for count in counts {
        (least, most) = (least.min(count), most.max(count));
    }
    most.saturating_sub(least)
}
