use super::*;
use oci_client::FailureClass;

#[test]
fn the_whole_table() {
    let rows: Vec<String> =
        Cause::ALL.iter().map(|cause| format!("{:<21} {}", format!("{cause:?}"), cause.hint())).collect();
    insta::assert_snapshot!(rows.join("\n"), @r"
        Capacity              create a capacity reservation, list more availability domains (`availability_domain: [AD-1, AD-2, AD-3]`) or other shapes (`alternatives`), remove fault_domain, or keep trying: for minutes with --retry-for 30m, for weeks with `hunt`
        PoolCapacity          try another availability domain or shape, order the rest later with `scale N`, or use `engine: instances`, whose launches can wait for capacity (`hunt`)
        ClusterCapacity       the network block of the compute cluster has no free host: keep trying, for minutes with --retry-for 30m, for weeks with `hunt`; or end the fleet (`scale 0`) and launch again, which tries another block; or write another availability_domain
        ReservationExhausted  the reservation has no capacity left for this shape and size: increase its count, or list one reservation per availability domain (`capacity_reservations`)
        Throttled             OCI is limiting the request rate of the tenancy: run `resume` with a lower --rate
        Limit                 the tenancy has reached a service limit: request an increase with `limits request`, or terminate unused instances, then run `resume`
        Quota                 the compartment has reached a quota: ask its administrator to raise it, or use another compartment
        Authentication        OCI does not recognise the key of this user: check in the console that the fingerprint is listed under the user's API keys (a new key takes a minute) and that the user belongs to this tenancy
        Session               log in again: `oci session authenticate` (with --profile-name and --region of the profile)
        SessionEnded          log in again with the command in the message
        Clock                 set the clock of this machine: OCI rejects signatures that are more than 5 minutes off
        ShapeUnavailable      this availability domain does not offer the shape: use another domain or another shape
        ImageNotFound         verify image_id: the image must be in this region, and a policy must let you use it
        ImageMismatch         the image is not compatible with the shape: choose an image for the shape's architecture (Arm for A1, A2 and A4)
        DomainNotFound        write availability_domain as `AD-1`, or in full as `oci-insta-scale find ads` shows it: the prefix differs between tenancies
        NotFound              an OCID is wrong or a policy is missing, and OCI does not say which: `oci-insta-scale plan` checks each OCID separately, and `oci-insta-scale policy` prints the statements that a launch needs
        Tags                  verify the namespaces, keys and values of defined_tags, and that a policy lets your group use tag-namespaces: `oci-insta-scale policy` prints the statement
        SubnetFull            the subnet has no free address: use a larger subnet, or terminate unused instances
        SshKey                OCI rejected the SSH key: write one public key per line, as in a .pub file
        Invalid               OCI rejected the request and would reject it again: --dry-run shows what is sent
        Conflict              the request conflicts with an existing resource
        Busy                  another operation is changing the resource: run `resume` when it has finished
        RetryToken            the instance of an earlier attempt is gone: run `resume`, which retries with a new token
        StaleEtag             the resource changed in the meantime: look at it again, then repeat the command
        Ambiguous             the response was lost and the instance may exist: run `resume`, which sends the same retry token and creates no duplicate
        Service               the service failed despite retries with backoff: see https://ocistatus.oraclecloud.com, then run `resume`
        Network               the service could not be reached despite retries with backoff: check the network, the proxy and `endpoint`, then run `resume`
        WaitTimeout           the instance exists and may still start: check it again with `resume`, or wait longer with --wait-timeout
        Stopped               the instance was stopped before it reached RUNNING: start or terminate it
        Lost                  OCI neither lists nor finds the instance: check the console before you launch a replacement
        Hidden                the instance exists, but your group may not read instances: add the statement that `policy` prints, then run `resume`
        Mismatch              the instance runs and is charged, but is not what was requested: keep it, or terminate it with `instances terminate` and launch again
        Deadline              the deadline passed: use a longer --deadline; unless the run was rolled back, `resume` launches the missing instances
        Bound                 hunt for the missing instances with `hunt --extend --max-cost`, or terminate what runs: it goes on costing
        Expired               the fleet has expired: start a new one with `launch --new --ttl`
        Gone                  `resume` launches a replacement; `instances terminate --run` terminates the other instances of the run
        GivenBack             launch again with a lower --min or with --keep-partial
        ReservationGone       launch again: a new run creates its own reservations
        RatchetEnded          launch again with a longer --until, a higher --max-hold-cost or a lower --min
        NotReserved           launch the missing instances later with `launch --extend`, or wait for more before the launch with a higher --min
        NotDeleted            the resource still exists for the reason in the message: fix that, then repeat the cleanup
        NotOci                the response did not come from OCI: check `endpoint` and `region`, and whether a proxy or a login page of the network intercepts requests
        AmbiguousNotOci       the response did not come from OCI, so the launch may have taken effect: check the proxy or the login page of the network, then run `resume`, which looks for the instance
        Certificate           if a company proxy intercepts TLS, set SSL_CERT_FILE to a PEM file with the certificate of its authority (OCI_CLI_CERT_BUNDLE takes precedence if it is set); otherwise do not trust this network
        CertificateTime       check the clock of this machine; if it is correct, the operator of the server or the proxy must renew the certificate
        WrongServer           a different server answered: check `endpoint`, `region` and the proxy (HTTPS_PROXY, NO_PROXY)
        Proxy                 the proxy requires a user and password: add them to the variable, as http://USER:PASSWORD@host:port
        Unknown               the message comes from OCI; include the opc-request-id when you contact Oracle support
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
        (
            "not_found_or_not_authorised",
            "NotAuthorizedOrNotFound",
            "Availability domain xYzA:PHX-AD-1 not found",
            Cause::DomainNotFound,
        ),
        ("wait_timeout", "WaitTimeout", "", Cause::WaitTimeout),
        ("from_the_future", "", "", Cause::Unknown),
    ];
    for (class, code, message, cause) in cases {
        let error = ErrorRecord {
            class: class.into(),
            code: code.to_owned(),
            message: message.to_owned(),
            ..ErrorRecord::default()
        };
        assert_eq!(Cause::of(&error), cause, "{message}");
    }
}

#[test]
fn an_answer_of_somebody_else_is_not_blamed_on_the_request() {
    let cause = |class: &str, status, code: &str, message: &str| {
        Cause::of(&ErrorRecord {
            class: class.into(),
            status: Some(status),
            code: code.to_owned(),
            message: message.to_owned(),
            ..ErrorRecord::default()
        })
    };
    let page = "the response is not JSON of OCI: <html>Sign in</html>";
    assert_eq!(cause("invalid", 302, "Redirect", "the server redirects to x"), Cause::NotOci);
    assert_eq!(cause("invalid", 407, "ProxyAuthenticationRequired", page), Cause::NotOci);
    assert_eq!(cause("not_found_or_not_authorised", 404, "NotFound", page), Cause::NotOci);
    let unreadable = "the answer is not the JSON that belongs to it (x); it starts \"<html>\"";
    assert_eq!(cause("service", 200, "UnreadableAnswer", unreadable), Cause::NotOci);
    assert_eq!(cause("service", 502, "BadGateway", page), Cause::Service, "OCI's own gateways answer so too");
    assert_eq!(cause("invalid", 400, "InvalidParameter", "x"), Cause::Invalid);
}

#[test]
fn before_a_run_no_hint_speaks_of_resume_or_of_a_run() {
    for cause in Cause::ALL.iter().filter(|cause| {
        FailureClass::ALL.iter().any(|class| {
            let error = ErrorRecord { class: class.name().into(), ..ErrorRecord::default() };
            Cause::of(&error) == **cause
        })
    }) {
        assert!(!cause.hint_before_a_run().contains("resume"), "{cause:?}");
    }
}

#[test]
fn every_class_that_a_run_records_has_a_cause() {
    // Rows of actions and cleanups have their own hints for these.
    let elsewhere = ["wrong_state", "protected", "missing", "held", "changed"];
    for class in ledger::ErrorClass::ALL.iter().filter(|class| !elsewhere.contains(&class.as_str())) {
        let error = ErrorRecord { class: class.clone(), ..ErrorRecord::default() };
        assert_ne!(Cause::of(&error), Cause::Unknown, "{class} has no hint");
    }
}

#[test]
fn every_class_of_the_client_has_a_cause() {
    for class in FailureClass::ALL {
        let error = ErrorRecord { class: class.name().into(), ..ErrorRecord::default() };
        assert_ne!(Cause::of(&error), Cause::Unknown, "{class}");
    }
}

/// A failure as worded by the service or by something in front of it.
fn failure(class: FailureClass, status: u16, code: &str, message: &str) -> ErrorRecord {
    ErrorRecord {
        class: class.name().into(),
        status: Some(status).filter(|status| *status > 0),
        code: code.to_owned(),
        message: message.to_owned(),
        opc_request_id: None,
    }
}

/// How the client's own signers describe themselves in the message of a refusal.
const BY_KEY: &str = "The required information to complete authentication was not provided or was incorrect. (signed with the API key \
                      20:3b:97 of ocid1.user.oc1..a; the private key has this fingerprint)";
const BY_TOKEN: &str = "The required information to complete authentication was not provided or was incorrect. (signed with the session token \
                        /home/me/.oci/token, which is valid until 2026-11-28T21:00:00Z)";
const EXPIRED: &str = "the request was not sent: the session token /home/me/.oci/token expired at 2026-11-28T20:00:00Z: log in again with \
     `oci session authenticate`";
const PAGE: &str = "the response is not JSON of OCI: <html>blocked by the web filter</html>";
const PAGE_OK: &str = "the answer is not the JSON that belongs to it (expected value); it starts \"<html>\"";

/// One failure of each kind.
fn one_of_each_kind() -> Vec<ErrorRecord> {
    use FailureClass as C;
    let hidden = "NotAuthorizedOrNotFound";
    vec![
        failure(C::Capacity, 500, "InternalError", "Out of host capacity."),
        failure(C::Capacity, 500, "InternalError", "Out of capacity in the reservation."),
        failure(C::Throttled, 429, "TooManyRequests", "Too many requests for the user."),
        failure(
            C::Limit,
            400,
            "LimitExceeded",
            "The following service limits were exceeded: standard-e4-core-count.",
        ),
        failure(C::Limit, 400, "QuotaExceeded", "The following compartment quotas were exceeded: x"),
        failure(C::Authentication, 401, "NotAuthenticated", BY_KEY),
        failure(C::Authentication, 401, "NotAuthenticated", BY_TOKEN),
        failure(C::Authentication, 0, "NotSigned", EXPIRED),
        failure(
            C::Authentication,
            401,
            "NotAuthenticated",
            "x (this machine's clock is 400 s ahead of the server's)",
        ),
        failure(C::Authentication, 401, "Unauthorized", PAGE),
        failure(C::NotFound, 404, hidden, "Authorization failed or requested resource not found."),
        failure(C::NotFound, 404, hidden, "shape VM.Standard.E2.1.Micro not found"),
        failure(C::NotFound, 404, hidden, "image ocid1.image.oc1.phx.x not found"),
        failure(C::NotFound, 404, hidden, "Availability domain xYzA:PHX-AD-1 not found"),
        failure(
            C::NotFound,
            404,
            "RelatedResourceNotAuthorizedOrNotFound",
            "The following tag namespaces / keys are not authorized or not found: 'Operations'",
        ),
        failure(C::NotFound, 403, "Forbidden", PAGE),
        failure(C::Invalid, 400, "InvalidParameter", "TagDefinition CostCenter does not exist."),
        failure(C::Invalid, 400, "InvalidParameter", "Shape X is not valid for image ocid1.image.oc1.phx.x."),
        failure(C::Invalid, 400, "InvalidParameter", "Invalid ssh public key type \"-----BEGIN\""),
        failure(C::Invalid, 400, "InvalidParameter", "The subnet has no free IP address."),
        failure(C::Invalid, 400, "InvalidParameter", "x"),
        failure(C::Invalid, 302, "Redirect", "the server redirects to https://login.example/"),
        failure(C::Invalid, 407, "ProxyAuthenticationRequired", PAGE),
        failure(C::Invalid, 0, "AnswerTooLong", "from x: the response is longer than 16777216 bytes"),
        failure(C::Conflict, 409, "InvalidatedRetryToken", "x"),
        failure(C::Busy, 409, "IncorrectState", "x"),
        failure(C::InvalidatedRetryToken, 409, "InvalidatedRetryToken", "x"),
        failure(C::StaleEtag, 412, "NoEtagMatch", "x"),
        failure(C::Ambiguous, 500, "InternalError", "An internal error occurred."),
        failure(C::Ambiguous, 0, "ConnectionLost", "no answer of x: connection reset"),
        failure(C::Ambiguous, 200, "UnreadableAnswer", PAGE_OK),
        failure(C::Ambiguous, 302, "Redirect", "the server redirects to https://login.example/"),
        failure(C::Service, 503, "ServiceUnavailable", "x"),
        failure(C::Service, 502, "BadGateway", PAGE),
        failure(C::Service, 511, "NetworkAuthenticationRequired", PAGE),
        failure(C::Service, 200, "UnreadableAnswer", PAGE_OK),
        failure(C::Network, 0, "NameNotFound", "cannot reach x: no such name"),
        failure(
            C::Blocked,
            0,
            "CertificateNotTrusted",
            "cannot reach x: the server's certificate is not trusted",
        ),
        failure(C::Blocked, 0, "CertificateExpired", "cannot reach x"),
        failure(C::Blocked, 0, "CertificateForAnotherName", "cannot reach x"),
        failure(C::Blocked, 0, "NotTls", "cannot reach x"),
        failure(C::Blocked, 0, "TlsSetup", "cannot reach x"),
        failure(C::Blocked, 0, "ProxyAuthenticationRequired", "cannot reach x"),
    ]
}

#[test]
fn each_failure_finds_the_hint_that_fits_its_text() {
    let cases = one_of_each_kind();
    let row = |error: &ErrorRecord| {
        let cause = Cause::of(error);
        let status = error.status.map_or_else(|| "-".to_owned(), |status| status.to_string());
        let short: String = error.message.chars().take(60).collect();
        let (in_run, before) = (cause.hint(), cause.hint_before_a_run());
        let before = if in_run == before { String::new() } else { format!("\n    before a run: {before}") };
        format!("{} {status} {}: {short}\n  {cause:?}: {in_run}{before}", error.class, error.code)
    };
    insta::assert_snapshot!(cases.iter().map(row).collect::<Vec<_>>().join("\n"));
    for class in FailureClass::ALL {
        assert!(cases.iter().any(|error| error.class == class.name()), "{class} has no row");
    }
}

#[test]
fn a_hint_names_only_what_its_error_is_about() {
    for cause in Cause::ALL {
        for hint in [cause.hint(), cause.hint_before_a_run()] {
            let says = |word: &str| hint.contains(word);
            assert_eq!(says("fingerprint"), cause == Cause::Authentication, "{cause:?}: {hint}");
            let clock = matches!(cause, Cause::Clock | Cause::CertificateTime);
            assert_eq!(says("clock"), clock, "{cause:?}: {hint}");
            // Only a command that retries may promise this, and then with a time.
            assert!(!says("try again later") && !says("the message names"), "{cause:?}: {hint}");
        }
    }
}

#[test]
fn every_cause_is_in_the_documents() {
    let document = include_str!("../../../../docs/errors.md");
    for cause in Cause::ALL {
        assert!(document.contains(cause.hint()), "docs/errors.md lacks {cause:?}: {}", cause.hint());
    }
}
