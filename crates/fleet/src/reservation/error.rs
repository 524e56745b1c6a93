//! Why something with a reservation did not work.

use ledger::LedgerError;
use oci_client::Failure;

/// Why something with a reservation did not work.
#[derive(Debug, thiserror::Error)]
pub enum ReservationError {
    /// A call failed.
    #[error(transparent)]
    Failure(#[from] Box<Failure>),
    /// The creation got no clear answer and no trace of it was found. It may still appear.
    #[error(
        "it is unknown whether the reservation in {availability_domain} was created ({failure}); look for one with \
             the freeform tag `oci-insta-scale-token: {token}`, because it costs money while it exists"
    )]
    Unknown {
        /// Where.
        availability_domain: String,
        /// The tag's value.
        token: String,
        /// What was answered.
        failure: Box<Failure>,
    },
    /// The wait timed out. The reservation exists.
    #[error("{ocid} is still {state} after {waited_s} s; it exists and is charged")]
    StillBusy {
        /// The reservation.
        ocid: String,
        /// Its state.
        state: String,
        /// How long was waited.
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
        /// What it says.
        errors: Vec<String>,
    },
    /// The new count would be below what instances use.
    #[error(
        "{config} cannot be reduced to {wanted}: instances use {used} of {held}; terminate some first, or request \
             {used} or more"
    )]
    BelowUsed {
        /// The config, for people.
        config: String,
        /// The count asked for.
        wanted: u32,
        /// How many are used.
        used: u32,
        /// How many are held.
        held: u32,
    },
    /// It cannot be deleted while instances are in it.
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
    /// Somebody else changed it meanwhile.
    #[error(
        "somebody else changed {ocid} in the meantime; nothing was done: check it (`reservation show`) and try again"
    )]
    Changed {
        /// The reservation.
        ocid: String,
    },
    /// Somebody else changed it while more was waited for.
    #[error(
        "somebody else changed {ocid} while this command was waiting; it was left as it is and holds {held}: check it \
             (`reservation show`) and try again"
    )]
    Overtaken {
        /// The reservation.
        ocid: String,
        /// How many it holds now.
        held: u32,
    },
    /// What was asked for makes no sense for this reservation.
    #[error("{0}")]
    Asked(String),
    /// The user asked to stop while the service was at it.
    #[error("stopped while {ocid} was {state}; it exists and is charged")]
    Stopped {
        /// The reservation.
        ocid: String,
        /// Its state.
        state: String,
    },
    /// The intent could not be written down, so nothing was requested.
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
