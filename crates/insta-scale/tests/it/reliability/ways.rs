//! Nothing of a token or a key reaches a log, a ledger, a report or an error, whichever way is signed in.

use super::books::files;
use crate::program::{Ended, Workplace};
use crate::sim_serve::{Region, region};
use serde_json::{Value, json};

/// A way of signing in: its flags, and variables for a machine on which it works.
struct Way {
    name: &'static str,
    flags: Vec<&'static str>,
    variables: Vec<(&'static str, String)>,
    /// The same with credentials that cannot be used.
    broken: Vec<(&'static str, String)>,
}

fn read(place: &Workplace, name: &str) -> String {
    std::fs::read_to_string(place.path().join(name)).unwrap()
}

fn ways(place: &Workplace, region: &Region) -> Vec<Way> {
    let url = |path: &str| format!("{}{path}", region.endpoint);
    let path = |name: &str| place.path().join(name).display().to_string();
    let profile = |extra: &str| {
        let own = read(place, "sim/config");
        let (login, _) = own.split_once("[SESSION]").unwrap();
        let kept = login.lines().filter(|line| line.starts_with("tenancy") || line.starts_with("region"));
        format!("[DEFAULT]\n{}\n{extra}\n", kept.collect::<Vec<_>>().join("\n"))
    };
    place.write("cut-token", read(place, "sim/sessions/SESSION/token").get(..120).unwrap());
    let session = |token: &str| {
        let own = read(place, "sim/config");
        let (_, session) = own.split_once("[SESSION]").unwrap();
        let (before, _) = session.split_once("security_token_file=").unwrap();
        format!("[DEFAULT]{before}security_token_file={token}\n")
    };
    place.write("session", session(&path("sim/sessions/SESSION/token")));
    place.write("session-broken", session(&path("cut-token")));
    let delegation = |token: &str| {
        profile(&format!("authentication_type=instance_principal\ndelegation_token_file={}", path(token)))
    };
    place.write("shell", delegation("sim/sessions/SESSION/token"));
    place.write("shell-broken", delegation("sim/oci_api_key.pem"));
    let metadata = ("OCI_METADATA_BASE_URL", url("/opc/v2"));
    let federation = |path: &str| ("OCI_CLI_FEDERATION_ENDPOINT", url(path));
    let file = |name: &str| ("OCI_CLI_CONFIG_FILE", path(name));

    let owner = json!({"type": "fnfunc", "public_key": read(place, "sim/oci_api_key_public.pem")});
    let issued: Value = serde_json::from_str(&region.post("/_sim/resource_token", &owner)).unwrap();
    let resource = |pem: &str| {
        vec![
            ("OCI_RESOURCE_PRINCIPAL_VERSION", "2.2".to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_REGION", "us-phoenix-1".to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_RPST", issued["token"].as_str().unwrap().to_owned()),
            ("OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM", pem.to_owned()),
        ]
    };
    vec![
        Way {
            name: "security_token",
            flags: vec!["--profile", "DEFAULT"],
            variables: vec![file("session")],
            broken: vec![file("session-broken")],
        },
        Way {
            name: "instance_principal",
            flags: Vec::new(),
            variables: vec![metadata.clone(), federation("/v1/x509")],
            broken: vec![metadata.clone(), federation("/v1/authentication/refresh")],
        },
        Way {
            name: "instance_obo_user",
            flags: vec!["--profile", "DEFAULT"],
            variables: vec![metadata.clone(), federation("/v1/x509"), file("shell")],
            broken: vec![metadata, federation("/v1/x509"), file("shell-broken")],
        },
        Way {
            name: "resource_principal",
            flags: Vec::new(),
            variables: resource(&read(place, "sim/oci_api_key.pem")),
            // A key of another token.
            broken: resource(&read(place, "sim/sessions/SESSION/oci_api_key.pem")),
        },
    ]
}

/// A part of a secret in a text: of a token, which begins like every token, or of a private key.
fn secret_in<'a>(text: &str, keys: &'a [String]) -> Option<&'a str> {
    let fixed = ["ST$", "eyJ", "PRIVATE KEY", "signature=\"", "keyId=", "Bearer "];
    fixed.into_iter().chain(keys.iter().map(String::as_str)).find(|secret| text.contains(secret))
}

#[test]
fn no_way_of_signing_in_leaves_a_secret() {
    let (place, region) = region(&[]);
    // Who signs is not in the config.
    let config = read(&place, "config.yaml");
    let fields = ["tenancy_ocid:", "user_ocid:", "fingerprint:", "private_key_path:"];
    let bare = config.lines().filter(|line| !fields.iter().any(|field| line.starts_with(field)));
    place.write("config.yaml", bare.collect::<Vec<_>>().join("\n"));
    let pem = read(&place, "sim/oci_api_key.pem") + &read(&place, "sim/sessions/SESSION/oci_api_key.pem");
    let keys: Vec<String> = pem.lines().filter(|line| line.len() == 64).map(str::to_owned).collect();
    assert!(keys.len() > 40, "{}", keys.len());
    for way in ways(&place, &region) {
        let run = |words: &[&str], variables: &[(&str, String)]| {
            let mut command = place.command(&[words, &["-vv", "--auth", way.name], &way.flags].concat());
            command.env("OCI_INSTA_SCALE_LOG", "trace,hyper=trace,h2=trace,rustls=trace");
            command.envs(variables.iter().map(|(name, value)| (*name, value)));
            let ended = Ended::from(command.output().unwrap());
            for text in [&ended.stdout, &ended.stderr] {
                assert_eq!(secret_in(text, &keys), None, "{} {words:?}: {text}", way.name);
            }
            ended
        };
        let launch = ["launch", "--count", "1", "--new", "--yes", "--output", "json"];
        let launched = run(&launch, &way.variables);
        assert_eq!(launched.code, 0, "{}: {}", way.name, launched.stderr);
        assert!(launched.stderr.contains("TRACE"), "the log is on");
        for words in [
            &["doctor", "--output", "json"][..],
            &["policy", "--output", "json"],
            &["show", "--output", "json"],
            &["report", "--output-file", "-"],
            &["export", "json"],
        ] {
            let ended = run(words, &way.variables);
            assert_eq!(ended.code, 0, "{} {words:?}: {}", way.name, ended.stderr);
        }
        let refused = run(&launch, &way.broken);
        assert_ne!(refused.code, 0, "{}: {}", way.name, refused.stdout);
    }
    for path in files(&place.path().join("state")) {
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(secret_in(&String::from_utf8_lossy(&bytes), &keys), None, "{}", path.display());
    }
}
