//! The only table from a failure to its remedy.
//!
//! The class decides, refined by the text for a few classes. It must not know what caused a failure, nor where the hint is
//! shown.

mod text;

use fleet::launch::EngineSummary;
use fleet::{Engine, RunSummary};
use ledger::{ErrorClass, ErrorRecord, Outcome};

/// The cause of a failure, as far as it affects the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No host has free capacity.
    Capacity,
    /// OCI has no host for the members of a pool.
    PoolCapacity,
    /// The network block of a compute cluster has no free host.
    ClusterCapacity,
    /// A capacity reservation is used up.
    ReservationExhausted,
    /// Too many requests.
    Throttled,
    /// A service limit.
    Limit,
    /// A compartment quota.
    Quota,
    /// OCI rejected the API key.
    Authentication,
    /// OCI rejected the session token.
    Session,
    /// The session has ended, and the message has the command that logs in again.
    SessionEnded,
    /// OCI rejected the login because the clock of this machine is wrong.
    Clock,
    /// The availability domain does not offer the shape.
    ShapeUnavailable,
    /// The image does not exist in the region, or no policy lets you use it.
    ImageNotFound,
    /// The image is not compatible with the shape.
    ImageMismatch,
    /// The tenancy has no such availability domain in this region.
    DomainNotFound,
    /// An OCID is wrong, or a policy is missing.
    NotFound,
    /// A tag namespace or key does not exist or may not be used, or a tag value is not allowed.
    Tags,
    /// The subnet has no free address.
    SubnetFull,
    /// OCI rejected an SSH key.
    SshKey,
    /// The request is invalid for another reason.
    Invalid,
    /// The request conflicts with an existing resource.
    Conflict,
    /// Another operation is changing the resource.
    Busy,
    /// The retry token can no longer be used.
    RetryToken,
    /// The resource was changed in the meantime.
    StaleEtag,
    /// It is unknown whether the request took effect.
    Ambiguous,
    /// The service failed.
    Service,
    /// The service could not be reached.
    Network,
    /// The wait timed out.
    WaitTimeout,
    /// The instance was stopped.
    Stopped,
    /// The instance is gone.
    Lost,
    /// The policy does not let you read the instance.
    Hidden,
    /// The instance is not what was requested.
    Mismatch,
    /// The deadline of the run passed.
    Deadline,
    /// The bound on the cost of the hunt was reached.
    Bound,
    /// The fleet expired.
    Expired,
    /// The instance was running and is gone for an unknown reason.
    Gone,
    /// The run was rolled back, and the outcome of this launch was unknown.
    GivenBack,
    /// The reservations of the run no longer exist.
    ReservationGone,
    /// A ratchet ran out of time or money.
    RatchetEnded,
    /// A ratchet launched fewer than were requested.
    NotReserved,
    /// A deletion failed or could not be recorded.
    NotDeleted,
    /// The response did not come from OCI.
    NotOci,
    /// The response to a launch did not come from OCI, so its outcome is unknown.
    AmbiguousNotOci,
    /// This machine does not trust the certificate of the server.
    Certificate,
    /// The certificate of the server has expired or is not valid yet.
    CertificateTime,
    /// The certificate is for another name, or the server does not speak TLS.
    WrongServer,
    /// The proxy requires a password.
    Proxy,
    /// The class is unknown to this version.
    Unknown,
}

impl Cause {
    /// All causes, for the documentation.
    pub const ALL: [Self; 48] = [
        Self::Capacity,
        Self::PoolCapacity,
        Self::ClusterCapacity,
        Self::ReservationExhausted,
        Self::Throttled,
        Self::Limit,
        Self::Quota,
        Self::Authentication,
        Self::Session,
        Self::SessionEnded,
        Self::Clock,
        Self::ShapeUnavailable,
        Self::ImageNotFound,
        Self::ImageMismatch,
        Self::DomainNotFound,
        Self::NotFound,
        Self::Tags,
        Self::SubnetFull,
        Self::SshKey,
        Self::Invalid,
        Self::Conflict,
        Self::Busy,
        Self::RetryToken,
        Self::StaleEtag,
        Self::Ambiguous,
        Self::Service,
        Self::Network,
        Self::WaitTimeout,
        Self::Stopped,
        Self::Lost,
        Self::Hidden,
        Self::Mismatch,
        Self::Deadline,
        Self::Bound,
        Self::Expired,
        Self::Gone,
        Self::GivenBack,
        Self::ReservationGone,
        Self::RatchetEnded,
        Self::NotReserved,
        Self::NotDeleted,
        Self::NotOci,
        Self::AmbiguousNotOci,
        Self::Certificate,
        Self::CertificateTime,
        Self::WrongServer,
        Self::Proxy,
        Self::Unknown,
    ];

    /// The remedy.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Capacity => text::CAPACITY,
            Self::PoolCapacity => text::POOL_CAPACITY,
            Self::ClusterCapacity => text::CLUSTER_CAPACITY,
            Self::ReservationExhausted => text::RESERVATION_EXHAUSTED,
            Self::Throttled => text::THROTTLED,
            Self::Limit => text::LIMIT,
            Self::Quota => text::QUOTA,
            Self::Authentication => text::AUTHENTICATION,
            Self::Session => text::SESSION,
            Self::SessionEnded => text::SESSION_ENDED,
            Self::Clock => text::CLOCK,
            Self::ShapeUnavailable => text::SHAPE_UNAVAILABLE,
            Self::ImageNotFound => text::IMAGE_NOT_FOUND,
            Self::ImageMismatch => text::IMAGE_MISMATCH,
            Self::DomainNotFound => text::DOMAIN_NOT_FOUND,
            Self::NotFound => text::NOT_FOUND,
            Self::Tags => text::TAGS,
            Self::SubnetFull => text::SUBNET_FULL,
            Self::SshKey => text::SSH_KEY,
            Self::Invalid => text::INVALID,
            Self::Conflict => text::CONFLICT,
            Self::Busy => text::BUSY,
            Self::RetryToken => text::RETRY_TOKEN,
            Self::StaleEtag => text::STALE_ETAG,
            Self::Ambiguous => text::AMBIGUOUS,
            Self::Service => text::SERVICE,
            Self::Network => text::NETWORK,
            Self::Certificate => text::CERTIFICATE,
            Self::CertificateTime => text::CERTIFICATE_TIME,
            Self::WrongServer => text::WRONG_SERVER,
            Self::Proxy => text::PROXY,
            Self::WaitTimeout => text::WAIT_TIMEOUT,
            Self::Stopped => text::STOPPED,
            Self::Lost => text::LOST,
            Self::Hidden => text::HIDDEN,
            Self::Mismatch => text::MISMATCH,
            Self::Deadline => text::DEADLINE,
            Self::Bound => text::BOUND,
            Self::Expired => text::EXPIRED,
            Self::Gone => text::GONE,
            Self::GivenBack => text::GIVEN_BACK,
            Self::ReservationGone => text::RESERVATION_GONE,
            Self::RatchetEnded => text::RATCHET_ENDED,
            Self::NotReserved => text::NOT_RESERVED,
            Self::NotDeleted => text::NOT_DELETED,
            Self::NotOci => text::NOT_OCI,
            Self::AmbiguousNotOci => text::AMBIGUOUS_NOT_OCI,
            Self::Unknown => text::UNKNOWN,
        }
    }

    /// The hint for a run that cannot be resumed.
    fn hint_in_simulated_region(self) -> &'static str {
        match self {
            Self::WaitTimeout => "the instance exists and may still start: wait longer with --wait-timeout",
            Self::Hidden => {
                "the instance exists, but your group may not read instances: add the statement that \
                 `policy` prints"
            }
            Self::Deadline => "the deadline passed: use a longer --deadline",
            other => other.hint_before_a_run(),
        }
    }

    /// The hint if there is no run yet that could be resumed.
    pub fn hint_before_a_run(self) -> &'static str {
        match self {
            Self::Throttled => "OCI is limiting the request rate of the tenancy: wait a minute",
            Self::Limit => {
                "the tenancy has reached a service limit: request an increase with `oci-insta-scale limits request`, or \
                     terminate unused instances"
            }
            Self::Busy => {
                "another operation is changing the resource: repeat the command when it has finished"
            }
            Self::AmbiguousNotOci => text::NOT_OCI,
            Self::RetryToken => "the response to an earlier attempt is no longer available: try again",
            Self::Ambiguous => {
                "the response was lost: check whether the request took effect before you try again"
            }
            Self::Service => {
                "the service failed despite retries with backoff: see https://ocistatus.oraclecloud.com, then try again"
            }
            Self::Network => "check the network, the proxy, and `endpoint` or `region`, then try again",
            other => other.hint(),
        }
    }

    /// Whether the same request may succeed later. A mistake in the request itself stays, because a run keeps sending what its
    /// config said at the start.
    pub fn may_pass(self) -> bool {
        !matches!(
            self,
            Self::ShapeUnavailable
                | Self::ImageNotFound
                | Self::ImageMismatch
                | Self::DomainNotFound
                | Self::NotFound
                | Self::Tags
                | Self::SshKey
                | Self::Invalid
                | Self::Conflict
                | Self::ReservationGone
                | Self::Mismatch
                | Self::Expired
                | Self::Bound
        )
    }

    /// The cause of a machine that cannot communicate with the service.
    fn of_blocked(code: &str) -> Self {
        match code {
            "ProxyAuthenticationRequired" => Self::Proxy,
            "CertificateExpired" => Self::CertificateTime,
            "CertificateForAnotherName" | "NotTls" | "TlsIncompatible" | "BadUrl" => Self::WrongServer,
            _ => Self::Certificate,
        }
    }

    /// Finds the cause of a failure.
    pub fn of(error: &ErrorRecord) -> Self {
        let text = error.message.to_ascii_lowercase();
        let has = |part: &str| text.contains(part);
        match &error.class {
            ErrorClass::ReservationExhausted if error.code == "NotReserved" => Self::NotReserved,
            ErrorClass::ReservationExhausted => Self::ReservationExhausted,
            ErrorClass::WaitTimeout => Self::WaitTimeout,
            ErrorClass::Stopped => Self::Stopped,
            ErrorClass::Lost | ErrorClass::Superseded => Self::Lost,
            ErrorClass::Hidden => Self::Hidden,
            ErrorClass::Mismatch => Self::Mismatch,
            ErrorClass::TokenExpired => Self::Ambiguous,
            ErrorClass::Deadline if error.code == "RatchetEnded" => Self::RatchetEnded,
            ErrorClass::Deadline => Self::Deadline,
            ErrorClass::Bound => Self::Bound,
            ErrorClass::Expired => Self::Expired,
            ErrorClass::Gone => Self::Gone,
            ErrorClass::GivenBack => Self::GivenBack,
            ErrorClass::ReservationGone => Self::ReservationGone,
            ErrorClass::NotDeleted => Self::NotDeleted,
            // The command that records these has its own hints.
            ErrorClass::WrongState
            | ErrorClass::Protected
            | ErrorClass::Missing
            | ErrorClass::Held
            | ErrorClass::Changed
            | ErrorClass::Other(_) => Self::Unknown,
            ErrorClass::Ambiguous if is_foreign(error) => Self::AmbiguousNotOci,
            _ if is_foreign(error) => Self::NotOci,
            ErrorClass::Blocked => Self::of_blocked(&error.code),
            ErrorClass::Capacity if has(fleet::pool::POOL_LACKS) => Self::PoolCapacity,
            ErrorClass::Capacity if has("reservation") => Self::ReservationExhausted,
            ErrorClass::Capacity => Self::Capacity,
            ErrorClass::Throttled => Self::Throttled,
            ErrorClass::Limit if error.code.contains("Quota") => Self::Quota,
            ErrorClass::Limit => Self::Limit,
            ErrorClass::Authentication if has("clock is") => Self::Clock,
            ErrorClass::Authentication if has("`oci session authenticate") => Self::SessionEnded,
            ErrorClass::Authentication if has("session token") => Self::Session,
            ErrorClass::Authentication => Self::Authentication,
            ErrorClass::NotFound | ErrorClass::Invalid if is_about_tags(&text) => Self::Tags,
            // An endless response did not come from OCI, whose pages are limited.
            ErrorClass::Invalid if error.code == "AnswerTooLong" => Self::NotOci,
            ErrorClass::NotFound | ErrorClass::Invalid
                if has("availability domain") || has("availabilitydomain") =>
            {
                Self::DomainNotFound
            }
            ErrorClass::NotFound if has("shape ") && has("not found") => Self::ShapeUnavailable,
            ErrorClass::NotFound if has("image ") && has("not found") => Self::ImageNotFound,
            ErrorClass::NotFound => Self::NotFound,
            ErrorClass::Invalid if has("for image") || has("with image") => Self::ImageMismatch,
            ErrorClass::Invalid if has("ssh public key") => Self::SshKey,
            ErrorClass::Invalid if has("subnet") && has("free ip address") => Self::SubnetFull,
            ErrorClass::Invalid => Self::Invalid,
            ErrorClass::Conflict => Self::Conflict,
            ErrorClass::Busy => Self::Busy,
            ErrorClass::InvalidatedRetryToken => Self::RetryToken,
            ErrorClass::StaleEtag => Self::StaleEtag,
            ErrorClass::Ambiguous => Self::Ambiguous,
            ErrorClass::Service => Self::Service,
            ErrorClass::Network => Self::Network,
        }
    }
}

/// Whether a text complains about tags. Oracle documents no wording; published texts name the namespace, the definition or the
/// key.
fn is_about_tags(text: &str) -> bool {
    [
        "tag namespace",
        "tagnamespace",
        "tag definition",
        "tagdefinition",
        "definedtag",
        "defined tag",
        "tag key",
        "tag default",
    ]
    .iter()
    .any(|words| text.contains(words))
}

/// Whether a response came from something other than OCI.
fn is_foreign(error: &ErrorRecord) -> bool {
    oci_client::is_foreign(error.status, &error.code, &error.message)
}

/// Whether `resume` would do anything for a run with this outcome: not if it is complete, rolled back or ended on purpose.
pub fn can_resume(outcome: Option<Outcome>) -> bool {
    !matches!(outcome, Some(Outcome::Complete | Outcome::GivenBack | Outcome::Stopped))
}

/// What a hint about a run depends on beside the failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Aid {
    /// Whether the run can be resumed.
    pub resumable: bool,
    /// Whether its instances share a compute cluster.
    pub clustered: bool,
}

impl Aid {
    /// That of a run.
    pub fn of(summary: &RunSummary, resumable: bool) -> Self {
        let is_cluster = |engine: &EngineSummary| engine.engine == Engine::ComputeCluster.key();
        Self { resumable, clustered: summary.engine.as_deref().is_some_and(is_cluster) }
    }
}

/// The hint for a failure of a run. If the run cannot be resumed because its simulated region has ended, the hint does not suggest
/// it.
pub fn hint_after(error: &ErrorRecord, aid: Aid) -> &'static str {
    let cause = match Cause::of(error) {
        Cause::Capacity if aid.clustered => Cause::ClusterCapacity,
        cause => cause,
    };
    if aid.resumable { cause.hint() } else { cause.hint_in_simulated_region() }
}

/// The hint for a failure.
pub fn hint(error: &ErrorRecord) -> &'static str {
    Cause::of(error).hint()
}

#[cfg(test)]
mod tests;
