//! Why a command failed: one error type, its exit code and its hint.
//!
//! Failures within a run are not errors of the command but part of the run's summary.

use crate::config::{ConfigErrors, Written};
use crate::exit::Exit;
use crate::hints::Cause;
use fleet::history::PastError;
use fleet::reservation::ReservationError;
use fleet::{PlanError, RunError};
use ledger::capacity::MemoryError;
use ledger::{ErrorRecord, LedgerError, Outcome};
use oci_client::credentials::CredentialsError;
use oci_client::transport::SurroundingsError;
use oci_client::{EndpointError, Failure, FailureClass};
use oci_simulator::scenario::ScenarioError;
use oci_simulator::server::StartError;

/// Why a command failed.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// Mistakes in the config.
    #[error(transparent)]
    Config(ConfigErrors),
    /// The key or the profile cannot be used.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The URL of the service is invalid.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// A call failed before the run began.
    #[error("{0}")]
    Failure(#[source] Box<Failure>),
    /// A compartment cannot be read.
    #[error("{0}")]
    Compartment(#[source] Box<Failure>),
    /// One of the regions of a fleet did not list its members.
    #[error("the members in {region} cannot be listed: {failure}")]
    Region {
        /// The region.
        region: String,
        /// Why not.
        #[source]
        failure: Box<Failure>,
    },
    /// The ledger cannot be used.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A run cannot be resumed.
    #[error("{0}")]
    Run(String),
    /// The scenario cannot be read.
    #[error(transparent)]
    Scenario(#[from] ScenarioError),
    /// An operation on a capacity reservation failed.
    #[error(transparent)]
    Reservation(ReservationError),
    /// The simulated region cannot be started or stopped.
    #[error(transparent)]
    Simulator(#[from] StartError),
    /// The command line or the circumstances do not allow the request.
    #[error("{message}")]
    Usage {
        /// The problem.
        message: String,
        /// The remedy.
        hint: Option<String>,
    },
    /// The network of a fleet is not complete, so that nothing was launched.
    #[error("{message}")]
    Network {
        /// The problem.
        message: String,
        /// The remedy.
        hint: String,
        /// How the run that makes it ended.
        outcome: Option<Outcome>,
    },
    /// The user declined.
    #[error("declined: nothing was done")]
    Declined,
    /// The user interrupted before anything was done.
    #[error("interrupted before anything was done")]
    Interrupted,
    /// The operating system refused something.
    #[error("{what}: {source}")]
    System {
        /// The operation that failed.
        what: &'static str,
        /// The text of the operating system.
        source: std::io::Error,
    },
}

impl From<PastError> for CommandError {
    fn from(error: PastError) -> Self {
        match error {
            PastError::Ledger(error) => error.into(),
            PastError::Failure(failure) => Self::Failure(failure),
            PastError::FirstRecord { run } => Self::usage(
                error.to_string(),
                format!("its instances have its tag: oci-insta-scale resume --from-cloud {run}"),
            ),
            PastError::Plan { .. } => Self::Run(error.to_string()),
        }
    }
}

impl CommandError {
    /// A usage error.
    pub fn usage(message: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Usage { message: message.into(), hint: Some(hint.into()) }
    }

    /// The error of a plan that could not be made.
    pub fn of_plan(written: &Written, error: PlanError) -> Self {
        match error {
            PlanError::Failure(failure) => Self::Failure(failure),
            PlanError::Findings(findings) => Self::Config(written.mistakes(&findings)),
        }
    }

    /// The kind of error, for programs: the class of a failed call, otherwise a word of this program.
    pub fn class(&self) -> &'static str {
        match self {
            Self::Failure(failure) | Self::Compartment(failure) | Self::Region { failure, .. } => {
                failure.class.name()
            }
            Self::Config(_) => "config",
            Self::Credentials(_) => "credentials",
            Self::Endpoint(_) | Self::Usage { .. } => "usage",
            Self::Ledger(_) => "ledger",
            Self::Run(_) => "run",
            Self::Scenario(_) | Self::Simulator(_) => "simulator",
            Self::Reservation(_) => "reservation",
            Self::Network { .. } => "network_part",
            Self::Declined => "declined",
            Self::Interrupted => "interrupted",
            Self::System { .. } => "system",
        }
    }

    /// The exit code.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Failure(failure) | Self::Region { failure, .. }
                if failure.class == FailureClass::Authentication =>
            {
                Exit::NotAuthenticated
            }
            Self::Credentials(
                CredentialsError::TokenExpired { .. }
                | CredentialsError::SessionOver { .. }
                | CredentialsError::SignInFailed { .. },
            )
            | Self::Network { outcome: Some(Outcome::NotAuthenticated), .. } => Exit::NotAuthenticated,
            Self::Failure(_) | Self::Compartment(_) | Self::Region { .. } | Self::Declined => {
                Exit::NoneLaunched
            }
            Self::Reservation(error) => of_reservation(error),
            Self::Network { outcome: Some(Outcome::Interrupted), .. } | Self::Interrupted => {
                Exit::Interrupted
            }
            Self::Network { .. } => Exit::NoneLaunched,
            Self::Config(_)
            | Self::Credentials(_)
            | Self::Endpoint(_)
            | Self::Ledger(_)
            | Self::Run(_)
            | Self::Scenario(_)
            | Self::Simulator(_)
            | Self::Usage { .. }
            | Self::System { .. } => Exit::Usage,
        }
    }

    /// The remedy, unless the text already contains it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Failure(failure) | Self::Region { failure, .. } => Some(hint_of(failure)),
            Self::Compartment(_) => Some(
                "verify the compartment (-c, or compartment_id in the config) and the region, and that a policy lets \
                     your group read the resources in it: OCI does not say which is wrong"
                    .to_owned(),
            ),
            Self::Usage { hint, .. } => hint.clone(),
            Self::Network { hint, .. } => Some(hint.clone()),
            Self::Reservation(ReservationError::Failure(_)) => Some(RESERVATION_NOT_FOUND.to_owned()),
            Self::Credentials(error) => crate::login::remedy(error),
            _ => None,
        }
    }
}

impl CommandError {
    /// The error of a command that only reads a compartment, so that "not found" refers to the compartment.
    #[must_use]
    pub fn of_compartment(self) -> Self {
        match self {
            Self::Failure(failure) if is_hidden(&failure) => Self::Compartment(failure),
            other => other,
        }
    }
}

/// Whether the service itself says that something does not exist or may not be seen; a web filter that says so does not know.
fn is_hidden(failure: &Failure) -> bool {
    failure.class == FailureClass::NotFound && !failure.is_foreign()
}

/// The hint for a call that failed before there was a run.
fn hint_of(failure: &Failure) -> String {
    let hint = Cause::of(&record(failure)).hint_before_a_run();
    match failure.retry_after {
        // The service itself says when to try again.
        Some(wait) if wait.as_secs() > 0 => format!("{hint}; OCI asks to wait {} s", wait.as_secs()),
        _ => hint.to_owned(),
    }
}

impl From<MemoryError> for CommandError {
    fn from(error: MemoryError) -> Self {
        let file = error.path.display();
        let hint =
            format!("move {file} aside to start a new one, or choose another directory with --state-dir");
        Self::usage(error.to_string(), hint)
    }
}

impl From<ConfigErrors> for CommandError {
    fn from(errors: ConfigErrors) -> Self {
        match errors {
            // The file itself is correct: the mistake is in the other file.
            ConfigErrors { mistakes, profile: Some(profile), .. } if mistakes.is_empty() => {
                Self::Credentials(*profile)
            }
            errors => Self::Config(errors),
        }
    }
}

impl From<SurroundingsError> for CommandError {
    fn from(error: SurroundingsError) -> Self {
        let remedy = error.remedy;
        Self::usage(error.to_string(), remedy)
    }
}

impl From<ReservationError> for CommandError {
    fn from(error: ReservationError) -> Self {
        match error {
            ReservationError::Failure(failure) if !is_hidden(&failure) => Self::Failure(failure),
            ReservationError::Ledger(error) => Self::Ledger(error),
            error => Self::Reservation(error),
        }
    }
}

/// The hint for a reservation that is not found; it has no subnet that could be wrong.
const RESERVATION_NOT_FOUND: &str = "verify the OCIDs of the reservation and the compartment, and that a policy lets \
     your group use (or, to change them, manage) compute-capacity-reservations: OCI does not say which is wrong";

/// Exits with 2 if nothing was done, 3 if something may be held that should not be, and 4 if nothing is held.
fn of_reservation(error: &ReservationError) -> Exit {
    match error {
        ReservationError::BelowUsed { .. }
        | ReservationError::InUse { .. }
        | ReservationError::Changed { .. }
        | ReservationError::Asked(_)
        | ReservationError::Ledger(_) => Exit::Usage,
        ReservationError::Unknown { .. }
        | ReservationError::StillBusy { .. }
        | ReservationError::Overtaken { .. } => Exit::SomeFailed,
        ReservationError::Failure(_) | ReservationError::WorkRequest { .. } => Exit::NoneLaunched,
        ReservationError::Stopped { .. } => Exit::Interrupted,
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self::Failure(Box::new(failure))
    }
}

impl From<Box<Failure>> for CommandError {
    fn from(failure: Box<Failure>) -> Self {
        Self::Failure(failure)
    }
}

impl From<RunError> for CommandError {
    fn from(error: RunError) -> Self {
        match error {
            RunError::Ledger(error) => Self::Ledger(error),
            RunError::Failure(failure) => Self::Failure(failure),
            error @ RunError::NotResumable { .. } => Self::Run(error.to_string()),
        }
    }
}

/// Converts a failure to the form for which hints are looked up.
fn record(failure: &Failure) -> ErrorRecord {
    let clock = failure.clock_error().map_or_else(String::new, |clock| format!(" ({clock})"));
    ErrorRecord {
        class: fleet::engine::failure::class_of(failure.class),
        status: failure.status,
        code: failure.code.clone(),
        message: format!("{}{clock}", failure.message),
        opc_request_id: failure.opc_request_id.clone(),
    }
}
