//! Why an operation on a reservation failed.

use ledger::LedgerError;
use oci_client::Failure;

/// Why an operation on a reservation failed.
#[derive(Debug, thiserror::Error)]
pub enum ReservationError {
    /// A call failed.
    #[error(transparent)]
    Failure(#[from] Box<Failure>),
    /// The creation received no clear response, and no reservation was found. It may still appear.
    #[error(
        "it is unknown whether the reservation in {availability_domain} was created ({failure}); look for one with \
             the freeform tag `oci-insta-scale-token: {token}`, because it costs money while it exists"
    )]
    Unknown {
        /// The availability domain.
        availability_domain: String,
        /// The tag's value.
        token: String,
        /// The failed call.
        failure: Box<Failure>,
    },
    /// The wait timed out. The reservation exists.
    #[error("{ocid} is still {state} after {waited_s} s; it exists and is charged")]
    StillBusy {
        /// The reservation.
        ocid: String,
        /// Its state.
        state: String,
        /// The duration of the wait.
        waited_s: u64,
    },
    /// The work request failed.
    #[error("the work request {work_request} of {ocid} ended as {status}{}", reasons(.errors))]
    WorkRequest {
        /// The reservation.
        ocid: String,
        /// The work request.
        work_request: String,
        /// `FAILED` or `CANCELED`.
        status: String,
        /// Its errors.
        errors: Vec<String>,
    },
    /// The new count is below the number that instances use.
    #[error(
        "{config} cannot be reduced to {wanted}: instances use {used} of {held}; terminate some first, or request \
             {used} or more"
    )]
    BelowUsed {
        /// The config, for people.
        config: String,
        /// The requested count.
        wanted: u32,
        /// The number in use.
        used: u32,
        /// The number held.
        held: u32,
    },
    /// It cannot be deleted while instances use it.
    #[error(
        "{ocid} is used by {}: {}; terminate them first (`oci-insta-scale instances terminate`), or move them out of \
             the reservation, then delete it; the API cannot force the deletion",
        count(.instances.len()), listed(.instances)
    )]
    InUse {
        /// The reservation.
        ocid: String,
        /// Names and OCIDs of the instances.
        instances: Vec<String>,
    },
    /// Something else changed it meanwhile.
    #[error(
        "somebody else changed {ocid} in the meantime; nothing was done: check it (`reservation show`) and try again"
    )]
    Changed {
        /// The reservation.
        ocid: String,
    },
    /// Something else changed it while this command waited for more.
    #[error(
        "somebody else changed {ocid} while this command was waiting; it was left as it is and holds {held}: check it \
             (`reservation show`) and try again"
    )]
    Overtaken {
        /// The reservation.
        ocid: String,
        /// The number that it holds now.
        held: u32,
    },
    /// The request does not make sense for this reservation.
    #[error("{0}")]
    Asked(String),
    /// The user interrupted while the service was working.
    #[error("stopped while {ocid} was {state}; it exists and is charged")]
    Stopped {
        /// The reservation.
        ocid: String,
        /// Its state.
        state: String,
    },
    /// The intent could not be recorded, so nothing was requested.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

impl From<Failure> for ReservationError {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl ReservationError {
    /// The failed call, if it was one.
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            Self::Failure(failure) | Self::Unknown { failure, .. } => Some(failure),
            _ => None,
        }
    }
}

fn reasons(errors: &[String]) -> String {
    if errors.is_empty() { " without a reason".to_owned() } else { format!(": {}", errors.join("; ")) }
}

fn count(instances: usize) -> String {
    if instances == 1 { "1 instance".to_owned() } else { format!("{instances} instances") }
}

fn listed(instances: &[String]) -> String {
    const SHOWN: usize = 20;
    let text = instances.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    match instances.len().saturating_sub(SHOWN) {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}
