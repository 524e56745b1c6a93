//! The wording of the hints. Must not know when one is shown.

pub const CAPACITY: &str = "create a capacity reservation, list more availability domains (`availability_domain: [AD-1, \
     AD-2, AD-3]`) or other shapes (`alternatives`), remove fault_domain, or keep trying: for minutes with --retry-for 30m, for weeks with `hunt`";
pub const POOL_CAPACITY: &str = "try another availability domain or shape, order the rest later with `scale N`, or use \
     `engine: instances`, whose launches can wait for capacity (`hunt`)";
pub const CLUSTER_CAPACITY: &str = "the network block of the compute cluster has no free host: keep trying, for minutes with \
     --retry-for 30m, for weeks with `hunt`; or end the fleet (`scale 0`) and launch again, which tries another block; or write another \
     availability_domain";
pub const RESERVATION_EXHAUSTED: &str = "the reservation has no capacity left for this shape and size: increase its \
     count, or list one reservation per availability domain (`capacity_reservations`)";
pub const DOMAIN_NOT_FOUND: &str = "write availability_domain as `AD-1`, or in full as `oci-insta-scale find ads` shows \
     it: the prefix differs between tenancies";
pub const NOT_OCI: &str = "the response did not come from OCI: check `endpoint` and `region`, and whether a proxy or a \
     login page of the network intercepts requests";
pub const SERVICE: &str = "the service failed despite retries with backoff: see https://ocistatus.oraclecloud.com, then \
     run `resume`";
pub const NETWORK: &str = "the service could not be reached despite retries with backoff: check the network, the proxy \
     and `endpoint`, then run `resume`";
pub const AMBIGUOUS: &str = "the response was lost and the instance may exist: run `resume`, which sends the same retry \
     token and creates no duplicate";
pub const AMBIGUOUS_NOT_OCI: &str = "the response did not come from OCI, so the launch may have taken effect: check the \
     proxy or the login page of the network, then run `resume`, which looks for the instance";
pub const LIMIT: &str = "the tenancy has reached a service limit: request an increase with `limits request`, or terminate unused \
     instances, then run `resume`";
pub const AUTHENTICATION: &str = "OCI does not recognise the key of this user: check in the console that the fingerprint \
     is listed under the user's API keys (a new key takes a minute) and that the user belongs to this tenancy";
pub const NOT_FOUND: &str = "an OCID is wrong or a policy is missing, and OCI does not say which: `oci-insta-scale plan` \
     checks each OCID separately, and `oci-insta-scale policy` prints the statements that a launch needs";
pub const TAGS: &str = "verify the namespaces, keys and values of defined_tags, and that a policy lets your group use tag-namespaces: \
     `oci-insta-scale policy` prints the statement";
pub const CERTIFICATE: &str = "if a company proxy intercepts TLS, set SSL_CERT_FILE to a PEM file with the certificate of \
     its authority (OCI_CLI_CERT_BUNDLE takes precedence if it is set); otherwise do not trust this network";
pub const THROTTLED: &str =
    "OCI is limiting the request rate of the tenancy: run `resume` with a lower --rate";
pub const QUOTA: &str =
    "the compartment has reached a quota: ask its administrator to raise it, or use another compartment";
pub const SESSION: &str =
    "log in again: `oci session authenticate` (with --profile-name and --region of the profile)";
pub const SESSION_ENDED: &str = "log in again with the command in the message";
pub const CLOCK: &str =
    "set the clock of this machine: OCI rejects signatures that are more than 5 minutes off";
pub const SHAPE_UNAVAILABLE: &str =
    "this availability domain does not offer the shape: use another domain or another shape";
pub const IMAGE_NOT_FOUND: &str =
    "verify image_id: the image must be in this region, and a policy must let you use it";
pub const IMAGE_MISMATCH: &str = "the image is not compatible with the shape: choose an image for the shape's architecture (Arm for \
                     A1, A2 and A4)";
pub const SUBNET_FULL: &str =
    "the subnet has no free address: use a larger subnet, or terminate unused instances";
pub const SSH_KEY: &str = "OCI rejected the SSH key: write one public key per line, as in a .pub file";
pub const INVALID: &str = "OCI rejected the request and would reject it again: --dry-run shows what is sent";
pub const CONFLICT: &str = "the request conflicts with an existing resource";
pub const BUSY: &str = "another operation is changing the resource: run `resume` when it has finished";
pub const RETRY_TOKEN: &str =
    "the instance of an earlier attempt is gone: run `resume`, which retries with a new token";
pub const STALE_ETAG: &str =
    "the resource changed in the meantime: look at it again, then repeat the command";
pub const CERTIFICATE_TIME: &str = "check the clock of this machine; if it is correct, the operator of the server or the proxy must \
                     renew the certificate";
pub const WRONG_SERVER: &str =
    "a different server answered: check `endpoint`, `region` and the proxy (HTTPS_PROXY, NO_PROXY)";
pub const PROXY: &str =
    "the proxy requires a user and password: add them to the variable, as http://USER:PASSWORD@host:port";
pub const WAIT_TIMEOUT: &str = "the instance exists and may still start: check it again with `resume`, or wait longer with --wait-timeout";
pub const STOPPED: &str = "the instance was stopped before it reached RUNNING: start or terminate it";
pub const LOST: &str =
    "OCI neither lists nor finds the instance: check the console before you launch a replacement";
pub const HIDDEN: &str = "the instance exists, but your group may not read instances: add the statement that \
                 `policy` prints, then run `resume`";
pub const MISMATCH: &str = "the instance runs and is charged, but is not what was requested: keep it, or terminate it with \
                            `instances terminate` and launch again";
pub const DEADLINE: &str = "the deadline passed: use a longer --deadline; unless the run was rolled back, `resume` launches the \
                     missing instances";
pub const BOUND: &str = "hunt for the missing instances with `hunt --extend --max-cost`, or terminate what runs: it goes on costing";
pub const EXPIRED: &str = "the fleet has expired: start a new one with `launch --new --ttl`";
pub const GONE: &str = "`resume` launches a replacement; `instances terminate --run` terminates the other \
                 instances of the run";
pub const GIVEN_BACK: &str = "launch again with a lower --min or with --keep-partial";
pub const RESERVATION_GONE: &str = "launch again: a new run creates its own reservations";
pub const RATCHET_ENDED: &str =
    "launch again with a longer --until, a higher --max-hold-cost or a lower --min";
pub const NOT_RESERVED: &str = "launch the missing instances later with `launch --extend`, or wait for more before the launch with a higher --min";
pub const NOT_DELETED: &str =
    "the resource still exists for the reason in the message: fix that, then repeat the cleanup";
pub const UNKNOWN: &str =
    "the message comes from OCI; include the opc-request-id when you contact Oracle support";
