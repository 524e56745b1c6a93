//! The subject of a response. A refusal counts for what it concerns: a lack of hosts for one target, a limit for its region, a
//! quota for its compartment.

use crate::CapacityType;
use std::fmt;

/// The tenancy, region and service to which responses belong.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Scope {
    /// OCID of the tenancy.
    pub tenancy: String,
    /// The region.
    pub region: String,
    /// The base URL, if requests do not go to the region's own endpoints; otherwise empty.
    pub service: String,
}

impl Scope {
    /// The scope under which capacity reports claim a floor of their own, so that they take none from probes.
    #[must_use]
    pub fn of_reports(&self) -> Self {
        Self { service: format!("{}|reports", self.service), ..self.clone() }
    }
}

/// The subject of a response.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The hosts for one kind of instance in one placement.
    Target {
        /// The full name of the availability domain.
        availability_domain: String,
        /// The fault domain, if one was requested.
        fault_domain: Option<String>,
        /// The shape.
        shape: String,
        /// The size as `1:6` (OCPUs and GB); empty if the shape determines it.
        size: String,
        /// How the capacity is bought.
        capacity_type: CapacityType,
        /// OCID of the reservation; the empty string opts out of a default one.
        reservation: Option<String>,
    },
    /// A service limit of the region.
    Limit {
        /// The name of the limit; empty if the refusal does not state it.
        name: String,
        /// The shape that was refused.
        shape: String,
    },
    /// A quota of a compartment.
    Quota {
        /// OCID of the compartment.
        compartment: String,
        /// The shape that was refused.
        shape: String,
    },
}

const SEPARATOR: char = '|';

impl Subject {
    /// Its key in the store.
    pub(super) fn key(&self) -> String {
        let optional =
            |value: &Option<String>| value.as_ref().map_or_else(|| "-".to_owned(), |v| format!("={v}"));
        match self {
            Self::Target { availability_domain, fault_domain, shape, size, capacity_type, reservation } => {
                let bought = match capacity_type {
                    CapacityType::OnDemand => "on_demand",
                    CapacityType::Preemptible => "preemptible",
                };
                let (domain, held) = (optional(fault_domain), optional(reservation));
                [
                    "target",
                    availability_domain.as_str(),
                    &domain,
                    shape.as_str(),
                    size.as_str(),
                    bought,
                    &held,
                ]
                .join("|")
            }
            Self::Limit { name, shape } => ["limit", name.as_str(), shape.as_str()].join("|"),
            Self::Quota { compartment, shape } => ["quota", compartment.as_str(), shape.as_str()].join("|"),
        }
    }

    /// The subject of a key; `None` for a key that another version wrote.
    pub(super) fn of_key(key: &str) -> Option<Self> {
        let mut parts = key.split(SEPARATOR);
        let kind = parts.next()?;
        let mut next = || parts.next().map(str::to_owned);
        let optional = |value: String| value.strip_prefix('=').map(str::to_owned);
        let subject = match kind {
            "target" => Self::Target {
                availability_domain: next()?,
                fault_domain: optional(next()?),
                shape: next()?,
                size: next()?,
                capacity_type: match next()?.as_str() {
                    "on_demand" => CapacityType::OnDemand,
                    "preemptible" => CapacityType::Preemptible,
                    _ => return None,
                },
                reservation: optional(next()?),
            },
            "limit" => Self::Limit { name: next()?, shape: next()? },
            "quota" => Self::Quota { compartment: next()?, shape: next()? },
            _ => return None,
        };
        parts.next().is_none().then_some(subject)
    }

    /// The shape.
    pub fn shape(&self) -> &str {
        match self {
            Self::Target { shape, .. } | Self::Limit { shape, .. } | Self::Quota { shape, .. } => shape,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Target { availability_domain, fault_domain, shape, size, capacity_type, reservation } => {
                write!(f, "{availability_domain}")?;
                if let Some(domain) = fault_domain {
                    write!(f, " {domain}")?;
                }
                write!(f, " {shape}")?;
                if !size.is_empty() {
                    write!(f, ":{size}")?;
                }
                if *capacity_type == CapacityType::Preemptible {
                    write!(f, " preemptible")?;
                }
                match reservation.as_deref() {
                    None => Ok(()),
                    Some("") => write!(f, " outside reservations"),
                    Some(ocid) => write!(f, " in {ocid}"),
                }
            }
            Self::Limit { name, shape } if name.is_empty() => write!(f, "a limit of {shape}"),
            Self::Limit { name, shape } => write!(f, "limit {name} ({shape})"),
            Self::Quota { compartment, shape } => write!(f, "quota of {compartment} ({shape})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_subject_is_read_back_from_its_key() {
        let target = |fault_domain: Option<&str>, reservation: Option<&str>, capacity_type| Subject::Target {
            availability_domain: "Uocm:PHX-AD-1".to_owned(),
            fault_domain: fault_domain.map(str::to_owned),
            shape: "VM.Standard.A1.Flex".to_owned(),
            size: "4:24".to_owned(),
            capacity_type,
            reservation: reservation.map(str::to_owned),
        };
        let subjects = [
            target(None, None, CapacityType::OnDemand),
            target(None, Some(""), CapacityType::OnDemand),
            target(Some("FAULT-DOMAIN-2"), Some("ocid1.capacityreservation.x"), CapacityType::Preemptible),
            Subject::Limit { name: "standard-a1-core-count".to_owned(), shape: "S".to_owned() },
            Subject::Limit { name: String::new(), shape: "S".to_owned() },
            Subject::Quota { compartment: "ocid1.compartment.c".to_owned(), shape: "S".to_owned() },
        ];
        for subject in subjects {
            assert_eq!(Subject::of_key(&subject.key()), Some(subject));
        }
        assert_eq!(Subject::of_key("from|the|future"), None);
    }
}
