//! The one table from a failure to what a person can do about it.
//!
//! The class decides; for a few classes the text tells more. Must not know how a failure came about, nor where the hint
//! is shown.

use ledger::{ErrorClass, ErrorRecord, Outcome};

/// What lies behind a failure, as far as the remedy differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No host is free.
    Capacity,
    /// A capacity reservation has nothing left.
    ReservationExhausted,
    /// Too many requests.
    Throttled,
    /// A service limit.
    Limit,
    /// A compartment quota.
    Quota,
    /// The login by an API key was refused.
    Authentication,
    /// The login by a session token was refused, or the token is over.
    Session,
    /// The login was refused, and the clock is wrong.
    Clock,
    /// The availability domain does not offer the shape.
    ShapeUnavailable,
    /// The image does not exist in the region, or may not be used.
    ImageNotFound,
    /// The image does not go with the shape.
    ImageMismatch,
    /// There is no such availability domain in this tenancy and region.
    DomainNotFound,
    /// Some OCID is wrong, or a policy is missing.
    NotFound,
    /// A tag namespace or key does not exist, or may not be used; or a tag's value is not allowed.
    Tags,
    /// The subnet has no free address.
    SubnetFull,
    /// An SSH key that OCI does not take.
    SshKey,
    /// Anything else that is wrong with the request.
    Invalid,
    /// Conflicts with something that exists.
    Conflict,
    /// Busy with something else.
    Busy,
    /// A retry token that can be used no more.
    RetryToken,
    /// Somebody else changed it.
    StaleEtag,
    /// Nobody knows whether it was done.
    Ambiguous,
    /// The service failed.
    Service,
    /// The service could not be reached.
    Network,
    /// The wait ended first.
    WaitTimeout,
    /// Somebody stopped the instance.
    Stopped,
    /// The instance is gone.
    Lost,
    /// Neither listed nor found, and the list is refused: a policy hides it.
    Hidden,
    /// The run's time was over.
    Deadline,
    /// The time that the fleet was to live was over.
    Expired,
    /// The instance ran and is gone, and no record tells why.
    Gone,
    /// The run stayed below its least count, and this slot's outcome was in doubt.
    GivenBack,
    /// The reservations that the run was to launch into are gone.
    ReservationGone,
    /// A deletion could not be written down or was not done.
    NotDeleted,
    /// Whoever answered is not OCI.
    NotOci,
    /// Whoever answered a launch is not OCI, so nobody knows whether it arrived.
    AmbiguousNotOci,
    /// The server's certificate is not trusted on this machine.
    Certificate,
    /// The server's certificate has expired, or is not valid yet.
    CertificateTime,
    /// The server's certificate is for another name, or it speaks no TLS.
    WrongServer,
    /// The proxy wants a password.
    Proxy,
    /// A class that this version does not know.
    Unknown,
}

// Of several lines each.
const CAPACITY: &str = "create a capacity reservation, try other availability domains (`availability_domain: [AD-1, AD-2, AD-3]`), leave \
     fault_domain out, or keep trying with --retry-for 30m";
const RESERVATION_EXHAUSTED: &str = "the reservation has no room for this shape and size: grow it, or give one for each availability domain \
     (`capacity_reservations`)";
const DOMAIN_NOT_FOUND: &str = "write availability_domain as `AD-1`, or in full as `oci-insta-scale find ads` shows it: each tenancy has a prefix \
     of its own";
const NOT_OCI: &str = "whoever answered is not OCI: check `endpoint` and `region`, and whether a proxy or a log-in page of the network is \
     in between";
const SERVICE: &str = "the service failed and was asked again with growing pauses: see https://ocistatus.oraclecloud.com, then run `resume`";
const NETWORK: &str = "the service could not be reached although it was tried again with growing pauses: check the network, proxy and \
                 `endpoint`, then run `resume`";
const AMBIGUOUS: &str = "the answer was lost and the instance may exist: run `resume`, which asks with the same token and doubles nothing";
const AMBIGUOUS_NOT_OCI: &str = "whoever answered is not OCI, so the launch may or may not have arrived: check the proxy or the log-in page of \
     the network, then run `resume`, which looks whether the instance exists";
const LIMIT: &str = "a service limit of the tenancy: ask for more in the console under Limits, Quotas and Usage, or terminate what is not \
     needed, then run `resume`";
const AUTHENTICATION: &str = "OCI does not know the key for this user: check in the console that the fingerprint is listed under the user's \
     API keys (a new key takes a minute), and that the user belongs to this tenancy";
const NOT_FOUND: &str = "an OCID is wrong or a policy is missing, and OCI does not tell which: `oci-insta-scale plan` asks for each OCID by \
     itself, and `oci-insta-scale policy` prints the statements that a launch needs";
const TAGS: &str = "verify the namespaces, keys and values of defined_tags, and that a policy lets your group use tag-namespaces: \
     `oci-insta-scale policy` prints the statement";
const CERTIFICATE: &str = "if a proxy of your company opens TLS, point SSL_CERT_FILE at a PEM file with its authority's certificate \
     (OCI_CLI_CERT_BUNDLE, where it is set, counts instead); else do not trust this network";

impl Cause {
    /// Every one, for the documents.
    pub const ALL: [Self; 41] = [
        Self::Capacity,
        Self::ReservationExhausted,
        Self::Throttled,
        Self::Limit,
        Self::Quota,
        Self::Authentication,
        Self::Session,
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
        Self::Deadline,
        Self::Expired,
        Self::Gone,
        Self::GivenBack,
        Self::ReservationGone,
        Self::NotDeleted,
        Self::NotOci,
        Self::AmbiguousNotOci,
        Self::Certificate,
        Self::CertificateTime,
        Self::WrongServer,
        Self::Proxy,
        Self::Unknown,
    ];

    /// What to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Capacity => CAPACITY,
            Self::ReservationExhausted => RESERVATION_EXHAUSTED,
            Self::Throttled => {
                "OCI is limiting the request rate of the tenancy: run `resume` with a lower --rate"
            }
            Self::Limit => LIMIT,
            Self::Quota => {
                "a quota of the compartment: its administrator can raise it, or use another compartment"
            }
            Self::Authentication => AUTHENTICATION,
            Self::Session => {
                "log in again: `oci session authenticate` (with --profile-name and --region of the profile)"
            }
            Self::Clock => {
                "set this machine's clock: OCI refuses signatures that are more than 5 minutes off"
            }
            Self::ShapeUnavailable => {
                "this availability domain does not offer the shape: try another one, or another shape"
            }
            Self::ImageNotFound => {
                "verify image_id: the image must be in this region and your policy must let you use it"
            }
            Self::ImageMismatch => {
                "the image does not go with the shape: choose an image for the shape's architecture (Arm for A1, A2 and A4)"
            }
            Self::DomainNotFound => DOMAIN_NOT_FOUND,
            Self::NotFound => NOT_FOUND,
            Self::Tags => TAGS,
            Self::SubnetFull => {
                "the subnet has no free address: use a larger subnet, or terminate what is not needed"
            }
            Self::SshKey => "OCI does not take the SSH key: give one public key a line, as in a .pub file",
            Self::Invalid => {
                "OCI refuses the request itself, and would refuse it again: --dry-run shows what is sent"
            }
            Self::Conflict => "something that exists stands in the way",
            Self::Busy => "it is being changed by something else: run `resume` when that is over",
            Self::RetryToken => {
                "the instance of an earlier try is gone: run `resume`, which tries with a new token"
            }
            Self::StaleEtag => "somebody else changed it meanwhile: look at it again, then repeat",
            Self::Ambiguous => AMBIGUOUS,
            Self::Service => SERVICE,
            Self::Network => NETWORK,
            Self::Certificate => CERTIFICATE,
            Self::CertificateTime => {
                "compare this machine's clock; if it is right, whoever runs the server or the proxy must renew the certificate"
            }
            Self::WrongServer => {
                "another server answers there: check `endpoint` and `region`, and the proxy (HTTPS_PROXY, NO_PROXY)"
            }
            Self::Proxy => {
                "the proxy wants a user and password: write them into the variable, as http://USER:PASSWORD@host:port"
            }
            Self::WaitTimeout => {
                "the instance exists and may still start: look again with `resume`, or wait longer with --wait-timeout"
            }
            Self::Stopped => "somebody stopped the instance before it ran: start or terminate it",
            Self::Lost => {
                "the instance is neither listed nor found: check the console before launching another in its place"
            }
            Self::Hidden => "it exists: let your group read instances (see `policy`), then run `resume`",
            Self::Deadline => {
                "the time was over: give a longer --deadline; unless the run was given back, `resume` goes on with what is missing"
            }
            Self::Expired => "the time of this fleet is over: `launch --new --ttl` begins another one",
            Self::Gone => "`resume` launches another in its place; `instances terminate --run` ends the rest",
            Self::GivenBack => "launch again with a smaller --min, or with --keep-partial",
            Self::ReservationGone => "launch again: a new run makes its own reservations",
            Self::NotDeleted => {
                "it is still there: the message says why; repeat the cleanup when that is put right"
            }
            Self::NotOci => NOT_OCI,
            Self::AmbiguousNotOci => AMBIGUOUS_NOT_OCI,
            Self::Unknown => "the message is the service's own; Oracle's support asks for the opc-request-id",
        }
    }

    /// The same for a run that cannot be resumed.
    fn hint_in_simulated_region(self) -> &'static str {
        match self {
            Self::WaitTimeout => "the instance exists and may still start: wait longer with --wait-timeout",
            Self::Hidden => "it exists: let your group read instances (see `policy`)",
            Self::Deadline => "the time was over: give a longer --deadline",
            other => other.hint_before_a_run(),
        }
    }

    /// The same before there is a run that could be resumed.
    pub fn hint_before_a_run(self) -> &'static str {
        match self {
            Self::Throttled => "OCI is limiting the request rate of the tenancy: wait a minute",
            Self::Limit => {
                "a service limit of the tenancy: ask for more in the console under Limits, Quotas and Usage, or terminate what \
                 is not needed"
            }
            Self::Busy => "it is being changed by something else: repeat the command when that is over",
            Self::AmbiguousNotOci => NOT_OCI,
            Self::RetryToken => "the answer to an earlier try is gone: try again",
            Self::Ambiguous => "the answer was lost: look whether it was done before trying again",
            Self::Service => {
                "the service failed and was asked again with growing pauses: see https://ocistatus.oraclecloud.com, then try again"
            }
            Self::Network => "check the network, the proxy, and `endpoint` or `region`, then try again",
            other => other.hint(),
        }
    }

    /// Whether the same request may succeed another time. What the request itself gets wrong stays wrong: a run sends what its
    /// config said when it began.
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
                | Self::Expired
        )
    }

    /// Why this machine cannot speak to the service.
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
            ErrorClass::ReservationExhausted => Self::ReservationExhausted,
            ErrorClass::WaitTimeout => Self::WaitTimeout,
            ErrorClass::Stopped => Self::Stopped,
            ErrorClass::Lost | ErrorClass::Superseded => Self::Lost,
            ErrorClass::Hidden => Self::Hidden,
            ErrorClass::TokenExpired => Self::Ambiguous,
            ErrorClass::Deadline => Self::Deadline,
            ErrorClass::Expired => Self::Expired,
            ErrorClass::Gone => Self::Gone,
            ErrorClass::GivenBack => Self::GivenBack,
            ErrorClass::ReservationGone => Self::ReservationGone,
            ErrorClass::NotDeleted => Self::NotDeleted,
            // The command that writes these has hints of its own.
            ErrorClass::WrongState
            | ErrorClass::Protected
            | ErrorClass::Missing
            | ErrorClass::Held
            | ErrorClass::Changed
            | ErrorClass::Other(_) => Self::Unknown,
            ErrorClass::Ambiguous if is_foreign(error) => Self::AmbiguousNotOci,
            _ if is_foreign(error) => Self::NotOci,
            ErrorClass::Blocked => Self::of_blocked(&error.code),
            ErrorClass::Capacity if has("reservation") => Self::ReservationExhausted,
            ErrorClass::Capacity => Self::Capacity,
            ErrorClass::Throttled => Self::Throttled,
            ErrorClass::Limit if error.code.contains("Quota") => Self::Quota,
            ErrorClass::Limit => Self::Limit,
            ErrorClass::Authentication if has("clock is") => Self::Clock,
            ErrorClass::Authentication if has("session token") => Self::Session,
            ErrorClass::Authentication => Self::Authentication,
            ErrorClass::NotFound | ErrorClass::Invalid if is_about_tags(&text) => Self::Tags,
            // A question whose answer never ends: OCI's pages are bounded.
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

/// Whether a text complains about tags. Oracle documents no wording; those that users publish name the namespace, the
/// definition or the key.
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

/// Whether an answer is of somebody else.
fn is_foreign(error: &ErrorRecord) -> bool {
    oci_client::is_foreign(error.status, &error.code, &error.message)
}

/// Whether `resume` would do anything for a run with this outcome: not when it is complete, given back or ended on purpose.
pub fn can_resume(outcome: Option<Outcome>) -> bool {
    !matches!(outcome, Some(Outcome::Complete | Outcome::GivenBack | Outcome::Stopped))
}

/// The hint for a failure. A run that cannot be gone on with, since its region has ended with it, gets none to do so.
pub fn hint_after(error: &ErrorRecord, resumable: bool) -> &'static str {
    let cause = Cause::of(error);
    if resumable { cause.hint() } else { cause.hint_in_simulated_region() }
}

/// The hint for a failure.
pub fn hint(error: &ErrorRecord) -> &'static str {
    Cause::of(error).hint()
}

#[cfg(test)]
mod tests;
