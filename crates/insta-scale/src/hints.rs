//! The one table from a failure to what a person can do about it.
//!
//! The class decides; for a few classes the text tells more. Must not know how a failure came about, nor where the hint
//! is shown.

use ledger::{ErrorClass, ErrorRecord, Outcome};

/// What lies behind a failure, as far as the remedy differs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// No host has free capacity.
    Capacity,
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
    /// OCI rejected the session token, or it has expired.
    Session,
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
    /// The deadline of the run passed.
    Deadline,
    /// The fleet expired.
    Expired,
    /// The instance was running and is gone for an unknown reason.
    Gone,
    /// The run was rolled back, and the outcome of this launch was unknown.
    GivenBack,
    /// The reservations of the run no longer exist.
    ReservationGone,
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

// Of several lines each.
const CAPACITY: &str = "create a capacity reservation, list more availability domains (`availability_domain: [AD-1, \
     AD-2, AD-3]`), remove fault_domain, or keep trying with --retry-for 30m";
const RESERVATION_EXHAUSTED: &str = "the reservation has no capacity left for this shape and size: increase its \
     count, or list one reservation per availability domain (`capacity_reservations`)";
const DOMAIN_NOT_FOUND: &str = "write availability_domain as `AD-1`, or in full as `oci-insta-scale find ads` shows \
     it: the prefix differs between tenancies";
const NOT_OCI: &str = "the response did not come from OCI: check `endpoint` and `region`, and whether a proxy or a \
     login page of the network intercepts requests";
const SERVICE: &str = "the service failed despite retries with backoff: see https://ocistatus.oraclecloud.com, then \
     run `resume`";
const NETWORK: &str = "the service could not be reached despite retries with backoff: check the network, the proxy \
     and `endpoint`, then run `resume`";
const AMBIGUOUS: &str = "the response was lost and the instance may exist: run `resume`, which sends the same retry \
     token and creates no duplicate";
const AMBIGUOUS_NOT_OCI: &str = "the response did not come from OCI, so the launch may have taken effect: check the \
     proxy or the login page of the network, then run `resume`, which looks for the instance";
const LIMIT: &str = "the tenancy has reached a service limit: request an increase in the console under Limits, Quotas \
     and Usage, or terminate unused instances, then run `resume`";
const AUTHENTICATION: &str = "OCI does not recognise the key of this user: check in the console that the fingerprint \
     is listed under the user's API keys (a new key takes a minute) and that the user belongs to this tenancy";
const NOT_FOUND: &str = "an OCID is wrong or a policy is missing, and OCI does not say which: `oci-insta-scale plan` \
     checks each OCID separately, and `oci-insta-scale policy` prints the statements that a launch needs";
const TAGS: &str = "verify the namespaces, keys and values of defined_tags, and that a policy lets your group use tag-namespaces: \
     `oci-insta-scale policy` prints the statement";
const CERTIFICATE: &str = "if a company proxy intercepts TLS, set SSL_CERT_FILE to a PEM file with the certificate of \
     its authority (OCI_CLI_CERT_BUNDLE takes precedence if it is set); otherwise do not trust this network";

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
                "the compartment has reached a quota: ask its administrator to raise it, or use another compartment"
            }
            Self::Authentication => AUTHENTICATION,
            Self::Session => {
                "log in again: `oci session authenticate` (with --profile-name and --region of the profile)"
            }
            Self::Clock => {
                "set the clock of this machine: OCI rejects signatures that are more than 5 minutes off"
            }
            Self::ShapeUnavailable => {
                "this availability domain does not offer the shape: use another domain or another shape"
            }
            Self::ImageNotFound => {
                "verify image_id: the image must be in this region, and a policy must let you use it"
            }
            Self::ImageMismatch => {
                "the image is not compatible with the shape: choose an image for the shape's architecture (Arm for \
                     A1, A2 and A4)"
            }
            Self::DomainNotFound => DOMAIN_NOT_FOUND,
            Self::NotFound => NOT_FOUND,
            Self::Tags => TAGS,
            Self::SubnetFull => {
                "the subnet has no free address: use a larger subnet, or terminate unused instances"
            }
            Self::SshKey => "OCI rejected the SSH key: write one public key per line, as in a .pub file",
            Self::Invalid => {
                "OCI rejected the request and would reject it again: --dry-run shows what is sent"
            }
            Self::Conflict => "the request conflicts with an existing resource",
            Self::Busy => "another operation is changing the resource: run `resume` when it has finished",
            Self::RetryToken => {
                "the instance of an earlier attempt is gone: run `resume`, which retries with a new token"
            }
            Self::StaleEtag => {
                "the resource changed in the meantime: look at it again, then repeat the command"
            }
            Self::Ambiguous => AMBIGUOUS,
            Self::Service => SERVICE,
            Self::Network => NETWORK,
            Self::Certificate => CERTIFICATE,
            Self::CertificateTime => {
                "check the clock of this machine; if it is correct, the operator of the server or the proxy must \
                     renew the certificate"
            }
            Self::WrongServer => {
                "a different server answered: check `endpoint`, `region` and the proxy (HTTPS_PROXY, NO_PROXY)"
            }
            Self::Proxy => {
                "the proxy requires a user and password: add them to the variable, as http://USER:PASSWORD@host:port"
            }
            Self::WaitTimeout => {
                "the instance exists and may still start: check it again with `resume`, or wait longer with --wait-timeout"
            }
            Self::Stopped => "the instance was stopped before it reached RUNNING: start or terminate it",
            Self::Lost => {
                "OCI neither lists nor finds the instance: check the console before you launch a replacement"
            }
            Self::Hidden => {
                "the instance exists, but your group may not read instances: add the statement that \
                 `policy` prints, then run `resume`"
            }
            Self::Deadline => {
                "the deadline passed: use a longer --deadline; unless the run was rolled back, `resume` launches the \
                     missing instances"
            }
            Self::Expired => "the fleet has expired: start a new one with `launch --new --ttl`",
            Self::Gone => {
                "`resume` launches a replacement; `instances terminate --run` terminates the other \
                 instances of the run"
            }
            Self::GivenBack => "launch again with a lower --min or with --keep-partial",
            Self::ReservationGone => "launch again: a new run creates its own reservations",
            Self::NotDeleted => {
                "the resource still exists for the reason in the message: fix that, then repeat the cleanup"
            }
            Self::NotOci => NOT_OCI,
            Self::AmbiguousNotOci => AMBIGUOUS_NOT_OCI,
            Self::Unknown => {
                "the message comes from OCI; include the opc-request-id when you contact Oracle support"
            }
        }
    }

    /// The same for a run that cannot be resumed.
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

    /// The same before there is a run that could be resumed.
    pub fn hint_before_a_run(self) -> &'static str {
        match self {
            Self::Throttled => "OCI is limiting the request rate of the tenancy: wait a minute",
            Self::Limit => {
                "the tenancy has reached a service limit: request an increase in the console under Limits, Quotas and \
                     Usage, or terminate unused instances"
            }
            Self::Busy => {
                "another operation is changing the resource: repeat the command when it has finished"
            }
            Self::AmbiguousNotOci => NOT_OCI,
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
