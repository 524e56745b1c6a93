//! Secrets stay where they are, files belong to the user, and nothing in a response or a config is executed.

use super::books::{Region, files};
use crate::program::{Ended, Workplace};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

const PASSPHRASE: &str = "swordfish";

/// A config without mistakes, for the user of the keys below.
fn config() -> String {
    let (key, ours) = (
        "20:3b:97:13:55:1c:5b:0d:d3:37:d8:50:4e:c5:3a:34",
        "b4:d6:ac:72:e7:7c:9b:bb:34:78:83:81:a7:95:ad:b2",
    );
    include_str!("../../good.yaml").replace(key, ours)
}

/// A key of oci-client's tests, which are the same key in several formats.
fn key(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../oci-client/tests/data");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// A user with an encrypted key, and a region that knows the public key.
fn signed_up() -> (Workplace, Region) {
    let place = Workplace::with_config(&format!("private_key_passphrase: {PASSPHRASE}\n{}", config()));
    place.write("key.pem", key("keys/encrypted-pbkdf2.pem"));
    place.write("public.pem", key("keys/public.pem"));
    place.write("server.yaml", config().replace("key.pem", "public.pem"));
    let region = Region::start(&place, &["--speed", "300", "--config", "server.yaml"]);
    (place, region)
}

/// Whether a text contains a credential: the passphrase, any line of the key, a signature or the header that carries it.
fn secret_in(text: &str) -> Option<String> {
    let pem = |name: &str| key(name).lines().map(str::to_owned).collect::<Vec<_>>();
    let keys = pem("test-key.pem").into_iter().chain(pem("keys/encrypted-pbkdf2.pem"));
    let fixed = [PASSPHRASE, "PRIVATE KEY", "signature=\"", "Signature version", "rsa-sha256", "keyId="];
    let lines = keys.filter(|line| line.len() > 40 && !line.contains(' '));
    lines.chain(fixed.map(str::to_owned)).find(|secret| text.contains(secret.as_str()))
}

#[test]
fn no_output_holds_a_key_passphrase_or_signature() {
    let (place, region) = signed_up();
    for (level, flags, format) in [
        ("trace", "-vv", "jsonl"),
        ("debug", "-vv", "json"),
        ("", "-vv", "table"),
        ("trace,hyper=trace,h2=trace,rustls=trace", "-v", "json"),
    ] {
        let mut command =
            place.command(&[flags, "--endpoint", region.endpoint(), "--new", "--yes", "--output", format]);
        command.env("OCI_INSTA_SCALE_LOG", level);
        if format == "json" {
            command.arg("--no-wait");
        }
        let ended = Ended::from(command.output().unwrap());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        assert!(!level.contains("trace") || ended.stderr.contains("TRACE"), "the log is on");
        assert_eq!(secret_in(&ended.stdout), None);
        assert_eq!(secret_in(&ended.stderr), None, "{level} {flags}");
        for other in [["show", "--output", "json"], ["runs", "--output", "jsonl"]] {
            assert_eq!(secret_in(&place.run(&other).stdout), None);
        }
    }
    let kept = files(&place.path().join("state"));
    assert!(kept.iter().any(|path| path.ends_with("ledger.db")), "{kept:?}");
    for path in kept {
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(secret_in(&String::from_utf8_lossy(&bytes)), None, "{}", path.display());
    }
}

#[test]
fn no_error_tells_a_key_a_passphrase_or_a_token() {
    let (place, region) = signed_up();
    let at = ["-vv", "--endpoint", region.endpoint()];
    let tell = |arguments: &[&str]| {
        let mut command = place.command(&[&at, arguments].concat());
        let ended = Ended::from(command.env("OCI_INSTA_SCALE_LOG", "trace").output().unwrap());
        assert_ne!(ended.code, 0, "{}", ended.stdout);
        format!("{}{}", ended.stdout, ended.stderr)
    };
    // A key that the region does not know, a key with another passphrase, and mistakes beside the secret.
    let good = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("user.yaml", good.replace("exampleuser", "otheruser"));
    assert!(tell(&["--config", "user.yaml"]).contains("NotAuthenticated"));
    assert_eq!(secret_in(&tell(&["--config", "user.yaml"])), None);
    for (from, to) in [
        ("private_key_passphrase: swordfish", "private_key_passphrase: swordfish2"),
        ("private_key_passphrase: swordfish", "private_key_passphrase: [swordfish"),
        ("private_key_passphrase: swordfish", "private_key_passphrase: swordfish\nprivate_key_passphrase: x"),
        ("count: 3", "count: three"),
    ] {
        place.write("bad.yaml", good.replace(from, to));
        let told = tell(&["--config", "bad.yaml"]);
        assert_eq!(secret_in(&told), None, "{told}");
    }
    // A session token is sent in place of a key id.
    let token = "c3dvcmQ.ZmlzaCBhbmQgY2hpcHM.c2lnbmF0dXJl";
    place.write("token", token);
    place.write("plain.pem", key("test-key.pem"));
    place.write(
        "profiles",
        "[DEFAULT]\nregion=us-phoenix-1\ntenancy=ocid1.tenancy.oc1..t\nkey_file=plain.pem\nsecurity_token_file=token\n\
         fingerprint=b4:d6:ac:72:e7:7c:9b:bb:34:78:83:81:a7:95:ad:b2\n",
    );
    let mut command = place.command(&[&at[..], &["--profile", "DEFAULT"]].concat());
    command.env("OCI_INSTA_SCALE_LOG", "trace").env("OCI_CLI_CONFIG_FILE", place.path().join("profiles"));
    let ended = Ended::from(command.output().unwrap());
    assert_ne!(ended.code, 0, "{}", ended.stdout);
    let told = format!("{}{}", ended.stdout, ended.stderr);
    assert!(!told.contains("ZmlzaCBhbmQgY2hpcHM"), "{told}");
    assert_eq!(secret_in(&told), None, "{told}");
}

#[test]
fn no_debug_text_holds_a_passphrase() {
    let (place, _region) = signed_up();
    let overrides = insta_scale::config::Overrides::default();
    let settings = insta_scale::config::load(
        &insta_scale::config::Layers::of(place.path().join("config.yaml")),
        &overrides,
        &|_| Err(oci_client::credentials::CredentialsError::SigningFailed),
    );
    let shown = format!("{:?}", settings.unwrap());
    assert!(shown.contains("KeyFields") && shown.contains("aaaaexampleuser"), "{shown}");
    assert_eq!(secret_in(&shown), None, "{shown}");
}

#[test]
fn whatever_the_umask_what_is_written_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let (place, region) = signed_up();
    let script = "umask 000; exec \"$0\" --endpoint \"$1\" --yes";
    let arguments = ["-c", script, env!("CARGO_BIN_EXE_oci-insta-scale"), region.endpoint()];
    let ended = Ended::from(place.command_of("/bin/sh", &arguments).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
    let state = place.path().join("state");
    assert_eq!((mode(&state), mode(&state.join("runs"))), (0o700, 0o700));
    let kept = files(&state);
    assert!(kept.len() >= 2, "{kept:?}");
    for path in kept {
        assert_eq!(mode(&path), 0o600, "{}", path.display());
    }
    assert_eq!(mode(&place.path().join("sim")), 0o700);
    assert_eq!(mode(&place.path().join("sim/oci_api_key.pem")), 0o600);
}

/// Gives every request the same response.
fn server(body: &'static str) -> String {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for socket in listener.incoming() {
            let mut socket = socket.unwrap();
            std::thread::spawn(move || {
                // One read receives a whole request without a body; a longer one is cut off, because the response is due
                // anyway.
                let _ = socket.read(&mut [0; 16_384]);
                let _ = write!(
                    socket,
                    "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: application/json\r\n\
                     opc-request-id: id\r\ncontent-length: {}\r\n\r\n{body}",
                    body.len()
                );
            });
        }
    });
    endpoint
}

#[test]
fn a_server_cannot_paint_the_terminal() {
    let (place, _region) = signed_up();
    let endpoint = server(
        r#"{"code": "Invalid\u001b[2JParameter", "message": "gone\u001b]0;title\u0007 \u001b[1A\rover\u202etxt"}"#,
    );
    for arguments in [
        &["--yes", "-vv"][..],
        &["--yes", "--output", "json", "-vv"],
        &["instances", "list", "--config", "config.yaml"],
        &["reservation", "list"],
        &["plan"],
    ] {
        let ended = place.run(&[arguments, &["--endpoint", &endpoint]].concat());
        assert_ne!(ended.code, 0, "{arguments:?}");
        let told = format!("{}{}", ended.stdout, ended.stderr);
        assert!(told.contains("gone"), "{arguments:?}: {told}");
        assert!(!told.contains(['\u{1b}', '\u{7}', '\r', '\u{202e}']), "{arguments:?}: {told:?}");
    }
}

#[test]
fn a_config_starts_no_program_and_reads_no_other_config() {
    let (place, region) = signed_up();
    for value in [
        "$(touch ran)",
        "`touch ran`",
        "!!python/object/apply:os.system ['touch ran']",
        "!include ran",
        "|touch ran",
    ] {
        let text = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
        let text = text.replace("display_name_prefix: web", &format!("display_name_prefix: {value}"));
        place.write("bad.yaml", text);
        place.run(&["--config", "bad.yaml", "--endpoint", region.endpoint(), "--dry-run"]);
        assert!(!place.path().join("ran").exists(), "{value}");
    }
}

/// The text of every source file of the shipped crates.
fn sources() -> Vec<(PathBuf, String)> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let product = ["oci-api", "oci-client", "ledger", "fleet", "insta-scale", "oci-simulator"];
    let sources = product.iter().flat_map(|name| files(&crates.join(name).join("src")));
    sources.map(|path| (path.clone(), std::fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn no_code_starts_programs_or_skips_certificates() {
    let sources = sources();
    assert!(sources.len() > 100, "{} files", sources.len());
    for (path, text) in sources {
        // `ssh NAME --exec` replaces the program with ssh, and only at the user's request. The trait and the type are named
        // once each.
        // `sim exec` runs the program that the user names on the command line, in a network without a way out.
        let programs = match () {
            () if path.ends_with("commands/ssh/exec.rs") => 2,
            () if path.ends_with("commands/sim/exec.rs") => 2,
            () => 0,
        };
        assert_eq!(text.matches("process::Command").count(), programs, "{}", path.display());
        for word in ["danger_", "dangerous()", "tls_built_in_root_certs(false)"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
    let place = Workplace::empty();
    for command in [&[][..], &["launch"], &["resume"], &["reservation"], &["instances"], &["cleanup"]] {
        let help = place.run(&[command, &["--help"]].concat()).stdout.to_lowercase();
        assert!(help.contains("--"), "{help}");
        for word in ["insecure", "no-verify", "skip-tls", "--cacert", "no-check-cert"] {
            assert!(!help.contains(word), "{word}: {help}");
        }
    }
}
