//! The one table from a failure to what a person can do about it.
//!
//! The class decides; for a few classes the text tells more. Must not know how a failure came about, nor where the hint
//! is shown.

use ledger::ErrorRecord;
use oci_client::FailureClass;

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
    /// The login was refused.
    Authentication,
    /// The login was refused, and the clock is wrong.
    Clock,
    /// The availability domain does not offer the shape.
    ShapeUnavailable,
    /// The image does not exist in the region, or may not be used.
    ImageNotFound,
    /// The image does not go with the shape.
    ImageMismatch,
    /// Some OCID is wrong, or a policy is missing.
    NotFound,
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
    /// The run stayed below its least count, and this slot's outcome was in doubt.
    GivenBack,
    /// The reservations that the run was to launch into are gone.
    ReservationGone,
    /// A deletion could not be written down or was not done.
    NotDeleted,
    /// A class that this version does not know.
    Unknown,
}

impl Cause {
    /// Every one, for the documents.
    pub const ALL: [Self; 30] = [
        Self::Capacity,
        Self::ReservationExhausted,
        Self::Throttled,
        Self::Limit,
        Self::Quota,
        Self::Authentication,
        Self::Clock,
        Self::ShapeUnavailable,
        Self::ImageNotFound,
        Self::ImageMismatch,
        Self::NotFound,
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
        Self::GivenBack,
        Self::ReservationGone,
        Self::NotDeleted,
        Self::Unknown,
    ];

    /// What to do.
    pub fn hint(self) -> &'static str {
        match self {
            Self::Capacity => {
                "create a capacity reservation, try other availability domains (`availability_domain: [AD-1, AD-2, AD-3]`), leave \
                 fault_domain out, or keep trying with --retry-for 30m"
            }
            Self::ReservationExhausted => {
                "the reservation has no room for this shape and size: grow it, or give one for each availability domain \
                 (`capacity_reservations`)"
            }
            Self::Throttled => {
                "the tenancy accepts fewer requests than others and we send now; the pace has adapted: run `resume`, or set --rate"
            }
            Self::Limit => {
                "a service limit of the tenancy: ask for more under Limits, Quotas and Usage, or terminate what is not needed; \
                 while failed launches are cleaned up it can be a false alarm: try again in some minutes"
            }
            Self::Quota => {
                "a quota of the compartment: its administrator can raise it, or use another compartment"
            }
            Self::Authentication => {
                "the key is not accepted: check that the fingerprint is listed under the user's API keys, that user_ocid and \
                 tenancy_ocid belong together, and that this machine's clock is right"
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
            Self::NotFound => {
                "verify the OCIDs, the subnet's first, and that a policy lets your group use them: OCI does not tell which it is"
            }
            Self::SubnetFull => {
                "the subnet has no free address: use a larger subnet, or terminate what is not needed"
            }
            Self::SshKey => "OCI does not take the SSH key: give one public key a line, as in a .pub file",
            Self::Invalid => {
                "OCI refuses the request itself: the message names the field; compare it with --dry-run"
            }
            Self::Conflict => "something that exists stands in the way: the message names it",
            Self::Busy => "it is being changed by something else: try again in a minute",
            Self::RetryToken => {
                "the instance of an earlier try is gone: run `resume`, which tries with a new token"
            }
            Self::StaleEtag => "somebody else changed it meanwhile: look at it again, then repeat",
            Self::Ambiguous => {
                "the answer was lost and the instance may exist: run `resume`, which asks with the same token and doubles nothing"
            }
            Self::Service => {
                "the service failed and was asked again with growing pauses: see https://ocistatus.oraclecloud.com, then run `resume`"
            }
            Self::Network => {
                "the service could not be reached although it was tried again with growing pauses: check the network, proxy and \
                 `endpoint`, then run `resume`"
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
            Self::GivenBack => "launch again with a smaller --min, or with --keep-partial",
            Self::ReservationGone => "launch again: a new run makes its own reservations",
            Self::NotDeleted => {
                "it is still there: the message says why; repeat the cleanup when that is put right"
            }
            Self::Unknown => "the message is the service's own; Oracle's support asks for the opc-request-id",
        }
    }

    /// Finds the cause of a failure.
    pub fn of(error: &ErrorRecord) -> Self {
        let text = error.message.to_ascii_lowercase();
        let has = |part: &str| text.contains(part);
        let Some(class) = FailureClass::by_name(&error.class) else {
            return match error.class.as_str() {
                fleet::reservations::EXHAUSTED => Self::ReservationExhausted,
                "wait_timeout" => Self::WaitTimeout,
                "stopped" => Self::Stopped,
                "lost" => Self::Lost,
                "hidden" => Self::Hidden,
                "token_expired" => Self::Ambiguous,
                "deadline" => Self::Deadline,
                "given_back" => Self::GivenBack,
                "reservation_gone" => Self::ReservationGone,
                "not_deleted" => Self::NotDeleted,
                _ => Self::Unknown,
            };
        };
        match class {
            FailureClass::Capacity if has("reservation") => Self::ReservationExhausted,
            FailureClass::Capacity => Self::Capacity,
            FailureClass::Throttled => Self::Throttled,
            FailureClass::Limit if error.code.contains("Quota") => Self::Quota,
            FailureClass::Limit => Self::Limit,
            FailureClass::Authentication if has("clock is") => Self::Clock,
            FailureClass::Authentication => Self::Authentication,
            FailureClass::NotFound if has("shape ") && has("not found") => Self::ShapeUnavailable,
            FailureClass::NotFound if has("image ") && has("not found") => Self::ImageNotFound,
            FailureClass::NotFound => Self::NotFound,
            FailureClass::Invalid if has("for image") || has("with image") => Self::ImageMismatch,
            FailureClass::Invalid if has("ssh public key") => Self::SshKey,
            FailureClass::Invalid if has("subnet") && has("free ip address") => Self::SubnetFull,
            FailureClass::Invalid => Self::Invalid,
            FailureClass::Conflict => Self::Conflict,
            FailureClass::Busy => Self::Busy,
            FailureClass::InvalidatedRetryToken => Self::RetryToken,
            FailureClass::StaleEtag => Self::StaleEtag,
            FailureClass::Ambiguous => Self::Ambiguous,
            FailureClass::Service => Self::Service,
            FailureClass::Network => Self::Network,
        }
    }
}

/// The hint for a failure.
pub fn hint(error: &ErrorRecord) -> &'static str {
    Cause::of(error).hint()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_table() {
        let rows: Vec<String> =
            Cause::ALL.iter().map(|cause| format!("{:<21} {}", format!("{cause:?}"), cause.hint())).collect();
        insta::assert_snapshot!(rows.join("\n"), @r"
            Capacity              create a capacity reservation, try other availability domains (`availability_domain: [AD-1, AD-2, AD-3]`), leave fault_domain out, or keep trying with --retry-for 30m
            ReservationExhausted  the reservation has no room for this shape and size: grow it, or give one for each availability domain (`capacity_reservations`)
            Throttled             the tenancy accepts fewer requests than others and we send now; the pace has adapted: run `resume`, or set --rate
            Limit                 a service limit of the tenancy: ask for more under Limits, Quotas and Usage, or terminate what is not needed; while failed launches are cleaned up it can be a false alarm: try again in some minutes
            Quota                 a quota of the compartment: its administrator can raise it, or use another compartment
            Authentication        the key is not accepted: check that the fingerprint is listed under the user's API keys, that user_ocid and tenancy_ocid belong together, and that this machine's clock is right
            Clock                 set this machine's clock: OCI refuses signatures that are more than 5 minutes off
            ShapeUnavailable      this availability domain does not offer the shape: try another one, or another shape
            ImageNotFound         verify image_id: the image must be in this region and your policy must let you use it
            ImageMismatch         the image does not go with the shape: choose an image for the shape's architecture (Arm for A1, A2 and A4)
            NotFound              verify the OCIDs, the subnet's first, and that a policy lets your group use them: OCI does not tell which it is
            SubnetFull            the subnet has no free address: use a larger subnet, or terminate what is not needed
            SshKey                OCI does not take the SSH key: give one public key a line, as in a .pub file
            Invalid               OCI refuses the request itself: the message names the field; compare it with --dry-run
            Conflict              something that exists stands in the way: the message names it
            Busy                  it is being changed by something else: try again in a minute
            RetryToken            the instance of an earlier try is gone: run `resume`, which tries with a new token
            StaleEtag             somebody else changed it meanwhile: look at it again, then repeat
            Ambiguous             the answer was lost and the instance may exist: run `resume`, which asks with the same token and doubles nothing
            Service               the service failed and was asked again with growing pauses: see https://ocistatus.oraclecloud.com, then run `resume`
            Network               the service could not be reached although it was tried again with growing pauses: check the network, proxy and `endpoint`, then run `resume`
            WaitTimeout           the instance exists and may still start: look again with `resume`, or wait longer with --wait-timeout
            Stopped               somebody stopped the instance before it ran: start or terminate it
            Lost                  the instance is neither listed nor found: check the console before launching another in its place
            Hidden                it exists: let your group read instances (see `policy`), then run `resume`
            Deadline              the time was over: give a longer --deadline; unless the run was given back, `resume` goes on with what is missing
            GivenBack             launch again with a smaller --min, or with --keep-partial
            ReservationGone       launch again: a new run makes its own reservations
            NotDeleted            it is still there: the message says why; repeat the cleanup when that is put right
            Unknown               the message is the service's own; Oracle's support asks for the opc-request-id
            ");
    }

    #[test]
    fn messages_of_the_real_service_find_their_cause() {
        let cases = [
            ("capacity", "InternalError", "Out of host capacity.", Cause::Capacity),
            ("limit", "QuotaExceeded", "The following compartment quotas were exceeded: x", Cause::Quota),
            ("limit", "LimitExceeded", "The following service limits were exceeded: x", Cause::Limit),
            (
                "not_found_or_not_authorised",
                "NotAuthorizedOrNotFound",
                "shape VM.Standard.E2.1.Micro not found",
                Cause::ShapeUnavailable,
            ),
            (
                "not_found_or_not_authorised",
                "NotAuthorizedOrNotFound",
                "image ocid1.image.oc1.phx.x not found",
                Cause::ImageNotFound,
            ),
            (
                "not_found_or_not_authorised",
                "NotAuthorizedOrNotFound",
                "Authorization failed or requested resource not found.",
                Cause::NotFound,
            ),
            (
                "invalid",
                "InvalidParameter",
                "Shape X is not valid for image ocid1.image.oc1.phx.x.",
                Cause::ImageMismatch,
            ),
            ("invalid", "InvalidParameter", "Invalid ssh public key type \"-----BEGIN\"", Cause::SshKey),
            (
                "authentication",
                "NotAuthenticated",
                "refused (this machine's clock is 400 s ahead of the server's)",
                Cause::Clock,
            ),
            ("wait_timeout", "WaitTimeout", "", Cause::WaitTimeout),
            ("from_the_future", "", "", Cause::Unknown),
        ];
        for (class, code, message, cause) in cases {
            let error = ErrorRecord {
                class: class.to_owned(),
                code: code.to_owned(),
                message: message.to_owned(),
                ..ErrorRecord::default()
            };
            assert_eq!(Cause::of(&error), cause, "{message}");
        }
    }

    /// The texts of Rust files under a folder.
    fn sources(folder: &std::path::Path) -> Vec<String> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(sources(&path));
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(std::fs::read_to_string(path).unwrap());
            }
        }
        found
    }

    #[test]
    fn every_class_that_the_run_gives_to_a_failure_has_a_cause() {
        let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../fleet/src");
        let texts = sources(&folder).join("\n");
        // A failure is written `class: "…"` with a code after it; a change of pace has a class of its own kind.
        let lines: Vec<&str> = texts.lines().map(str::trim).collect();
        let classes: std::collections::BTreeSet<&str> = lines
            .windows(2)
            .filter(|pair| pair[1].starts_with("code:"))
            .filter_map(|pair| pair[0].strip_prefix("class: \"")?.split('"').next())
            .chain([fleet::reservations::EXHAUSTED])
            .collect();
        assert!(classes.len() >= 9, "{classes:?}");
        for class in classes {
            let error = ErrorRecord { class: class.to_owned(), ..ErrorRecord::default() };
            assert_ne!(Cause::of(&error), Cause::Unknown, "{class} has no hint");
        }
    }

    #[test]
    fn every_class_of_the_client_has_a_cause() {
        for class in FailureClass::ALL {
            let error = ErrorRecord { class: class.name().to_owned(), ..ErrorRecord::default() };
            assert_ne!(Cause::of(&error), Cause::Unknown, "{class}");
        }
    }
}
