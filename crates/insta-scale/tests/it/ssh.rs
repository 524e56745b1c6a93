//! Logging in: the command for a member of the fleet, and the output of `export`, with the real program on a simulated region.

use crate::fleets::scale;
use crate::program::Workplace;
use crate::sim_serve::region;

/// Adds text at the end of the config.
fn append(place: &Workplace, text: &str) {
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap();
    place.write("config.yaml", config + text);
}

#[test]
fn ssh_prints_the_command_for_a_member() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["scale", "2"]).code, 0);
    let ended = place.run(&["ssh", "rehearsal-2"]);
    assert_eq!(ended.code, 0, "{}", ended.stderr);
    let command = ended.stdout.trim_end();
    assert!(command.starts_with("ssh -o HostKeyAlias=ocid1.instance."), "{command}");
    let address = command.split_once(" opc@").unwrap().1;
    assert!(address.parse::<std::net::IpAddr>().is_ok(), "{command}");

    append(&place, "\nssh: {user: admin, jump_host: opc@bastion, identity_file: '~/my key'}\n");
    let document = place.run(&["ssh", "rehearsal-2", "--output", "json"]).json();
    assert_eq!((&document["user"], &document["jump_host"]), (&"admin".into(), &"opc@bastion".into()));
    let line = place.run(&["ssh", "rehearsal-2", "--user", "me"]).stdout;
    let end = format!(
        " -i '~/my key' -o IdentitiesOnly=yes -J opc@bastion me@{}",
        document["address"].as_str().unwrap()
    );
    assert!(line.trim_end().ends_with(&end) && end.contains("@10."), "{line}");

    // Any instance can be named by its OCID.
    let ocid = document["ocid"].as_str().unwrap();
    let direct = place.run(&["ssh", ocid, "--jump-host", "none", "--address", "public"]);
    assert!(direct.stdout.trim_end().ends_with(&format!("admin@{address}")), "{}", direct.stdout);
    for format in ["ssh-config", "ansible"] {
        let text = place.run(&["export", format, "--fleet"]).stdout;
        assert_eq!(text.matches("opc@bastion").count(), 2, "{text}");
        assert_eq!(text.matches("admin").count(), 2, "{text}");
        assert!(text.contains("~/my key"), "{text}");
    }
}

#[test]
fn a_name_that_is_no_member_lists_the_members() {
    let (place, _region) = region(&[]);
    assert_eq!(place.run(&["scale", "2"]).code, 0);
    let unknown = place.run(&["ssh", "rehearsal-7"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (2, ""));
    assert!(unknown.stderr.contains("its members are rehearsal-1, rehearsal-2"), "{}", unknown.stderr);
    assert!(unknown.stderr.contains("hint: did you mean rehearsal-"), "{}", unknown.stderr);
    for wrong in [
        &["ssh", "-oProxyCommand=id"][..],
        &["ssh", ""],
        &["ssh", "rehearsal-1", "--user", "-l"],
        &["ssh", "a", "--jump-host=-oX"],
    ] {
        let refused = place.run(wrong);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{wrong:?}: {}", refused.stderr);
    }
    // Two members have one name: each is named by its OCID.
    let first = place.run(&["ssh", "rehearsal-1", "--output", "json"]).json();
    assert_eq!(place.run(&["launch", "--new", "--count", "1"]).code, 0);
    let ambiguous = place.run(&["ssh", "rehearsal-1"]);
    assert_eq!((ambiguous.code, ambiguous.stdout.as_str()), (2, ""));
    assert!(ambiguous.stderr.contains(first["ocid"].as_str().unwrap()), "{}", ambiguous.stderr);
    assert!(ambiguous.stderr.contains("hint: use the OCID"), "{}", ambiguous.stderr);
    // A stopped instance cannot be reached.
    let ocid = first["ocid"].as_str().unwrap();
    assert_eq!(place.run(&["instances", "stop", ocid, "--force"]).code, 0);
    let stopped = place.run(&["ssh", ocid]);
    assert_eq!(stopped.code, 2, "{}", stopped.stdout);
    assert!(stopped.stderr.contains(&format!("instances start {ocid}")), "{}", stopped.stderr);
}

#[test]
fn members_of_a_fleet_are_listed_by_its_name() {
    let (place, _region) = region(&[]);
    assert_eq!(scale(&place, &["2"]).code, 0);
    crate::fleets::add(&place, "x: 1");
    let config = std::fs::read_to_string(place.path().join("config.yaml")).unwrap().replace("  x: 1\n", "");
    place.write("config.yaml", &config);
    let other = config.replace("display_name_prefix: \"rehearsal\"", "display_name_prefix: other");
    let other = other.replace("display_name_prefix: rehearsal", "display_name_prefix: other");
    assert_ne!(other, config);
    place.write("other.yaml", other);
    assert_eq!(place.run(&["scale", "1", "--no-wait", "--config", "other.yaml"]).code, 0);
    let count = |arguments: &[&str]| {
        let ended = place.run(&[&["instances", "list", "--no-ips", "--output", "json"], arguments].concat());
        assert_eq!(ended.code, 0, "{}", ended.stderr);
        ended.json()["instances"].as_array().unwrap().len()
    };
    assert_eq!(count(&[]), 3);
    assert_eq!(count(&["--fleet"]), 2);
    assert_eq!(count(&["--fleet", "other"]), 1);
    assert_eq!(count(&["--fleet", "--config", "other.yaml"]), 1);
    assert_eq!(count(&["--fleet", "nobody"]), 0);
    let nobody = place.run(&["instances", "list", "--fleet", "nobody"]);
    assert!(nobody.stderr.contains("member of the fleet `nobody` (--fleet)"), "{}", nobody.stderr);
    assert_eq!(place.run(&["instances", "list", "--fleet", " "]).code, 2);
    assert_eq!(place.run(&["instances", "list", "--watch", "--output", "csv"]).code, 2);
}

#[cfg(unix)]
mod exec {
    use super::*;
    use std::io::{BufRead as _, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::fs::PermissionsExt as _;
    use std::process::Stdio;

    /// A proxy to the region that hides that the region is simulated.
    fn disguised(endpoint: &str) -> String {
        let target = endpoint.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for near in listener.incoming() {
                let (near, far) = (near.unwrap(), TcpStream::connect(&target).unwrap());
                let (mut from, mut to) = (near.try_clone().unwrap(), far.try_clone().unwrap());
                std::thread::spawn(move || std::io::copy(&mut from, &mut to));
                std::thread::spawn(move || hide(far, near));
            }
        });
        format!("http://{address}")
    }

    fn hide(mut from: impl Read, mut to: impl Write) {
        let (mut buffer, hidden) = ([0_u8; 8192], b"x-simulated-region");
        while let Ok(read @ 1..) = from.read(&mut buffer) {
            for at in 0..read {
                if buffer[at..read].starts_with(hidden) {
                    buffer[at] = b'y';
                }
            }
            if to.write_all(&buffer[..read]).is_err() {
                return;
            }
        }
    }

    #[test]
    fn only_exec_becomes_ssh_and_never_in_a_simulation() {
        let (place, region) = region(&[]);
        assert_eq!(place.run(&["scale", "1"]).code, 0);
        let program = place.write("ssh", "#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 7\n");
        std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
        let run = |arguments: &[&str]| -> crate::program::Ended {
            place.command(arguments).env("PATH", place.path()).output().unwrap().into()
        };
        let refused = run(&["ssh", "rehearsal-1", "--exec"]);
        assert_eq!((refused.code, refused.stdout.as_str()), (2, ""), "{}", refused.stderr);
        assert!(refused.stderr.contains("nothing to log in to"), "{}", refused.stderr);

        let endpoint = disguised(&region.endpoint);
        let ocid =
            run(&["ssh", "rehearsal-1", "--output", "json"]).json()["ocid"].as_str().unwrap().to_owned();
        let printed = run(&["ssh", &ocid, "--endpoint", &endpoint]);
        assert_eq!(printed.code, 0, "{}", printed.stderr);
        let became = run(&["ssh", &ocid, "--endpoint", &endpoint, "--exec"]);
        assert_eq!(became.code, 7, "{}", became.stderr);
        let words: Vec<&str> = became.stdout.lines().collect();
        assert_eq!(format!("ssh {}", words.join(" ")), printed.stdout.trim_end());
        std::fs::remove_file(program).unwrap();
        let missing = run(&["ssh", &ocid, "--endpoint", &endpoint, "--exec"]);
        assert_eq!(missing.code, 2, "{}", missing.stderr);
        assert!(missing.stderr.contains("ssh cannot be started"), "{}", missing.stderr);
        // Neither a config nor a variable can request it.
        append(&place, "\nssh: {exec: true}\n");
        let refused = run(&["ssh", "rehearsal-1"]);
        assert!(refused.code == 2 && refused.stderr.contains("unknown key `ssh.exec`"), "{}", refused.stderr);
    }

    #[test]
    fn a_watched_list_repeats_until_it_is_stopped() {
        let (place, _region) = region(&[]);
        assert_eq!(scale(&place, &["2"]).code, 0);
        let watch = ["instances", "list", "--no-ips", "--watch", "--every", "1s", "--output", "jsonl"];
        let mut child = place.command(&watch).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let seen: Vec<String> =
            lines.map(Result::unwrap).filter(|line| line.contains("rehearsal-1")).take(2).collect();
        assert_eq!(seen.len(), 2);
        crate::sim_serve::signal(&child);
        assert_eq!(child.wait().unwrap().code(), Some(130));
    }
}
