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
        DomainNotFound        write availability_domain as `AD-1`, or in full as `oci-insta-scale find ads` shows it: each tenancy has a prefix of its own
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
        Expired               the time of this fleet is over: `launch --new --ttl` begins another one
        Gone                  `resume` launches another in its place; `instances terminate --run` ends the rest
        GivenBack             launch again with a smaller --min, or with --keep-partial
        ReservationGone       launch again: a new run makes its own reservations
        NotDeleted            it is still there: the message says why; repeat the cleanup when that is put right
        NotOci                whoever answered is not OCI: check `endpoint` and `region`, and whether a proxy or a log-in page of the network is in between
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
            class: class.to_owned(),
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
            class: class.to_owned(),
            status: Some(status),
            code: code.to_owned(),
            message: message.to_owned(),
            ..ErrorRecord::default()
        })
    };
    let page = "the answer is not the service's JSON: <html>Sign in</html>";
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
            let error = ErrorRecord { class: class.name().to_owned(), ..ErrorRecord::default() };
            Cause::of(&error) == **cause
        })
    }) {
        assert!(!cause.hint_before_a_run().contains("resume"), "{cause:?}");
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
