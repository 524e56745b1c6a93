//! A state directory that is read-only, full, or fills up during a run; and a damaged ledger file.

use super::books::{Region, complete, launches};
use crate::program::{Ended, Workplace};
use std::process::Command;

const LAUNCH: &str = "\"$PROGRAM\" --config sim/config.yaml --count 60 --rate 40 --yes --output json";

/// Whether this user may mount a disk in a namespace that ends with the command.
pub fn can_mount() -> bool {
    let mut probe = Command::new("unshare");
    probe.args(["-rm", "mount", "-t", "tmpfs", "tmpfs", "/mnt"]);
    probe.output().is_ok_and(|output| output.status.success())
}

/// Runs a script whose `state` folder is on a disk of `size` KiB; its command `grow` enlarges the disk. If no disk can be
/// mounted, a file size limit replaces it.
pub fn on_a_small_disk(place: &Workplace, size: u32, script: &str) -> Ended {
    let mut shell = if can_mount() {
        let mut shell = place.command_of("/usr/bin/unshare", &["-rm", "sh", "-c"]);
        shell.arg(format!(
            "set -u; grow() {{ mount -o remount,size=64m state; }}\n\
             mkdir state && mount -t tmpfs -o size={size}k tmpfs state || exit 99\n{script}"
        ));
        shell
    } else {
        let mut shell = place.command_of("/bin/sh", &["-c"]);
        // Blocks of 512 bytes. The signal that would end the program is ignored, because a full disk sends none.
        shell.arg(format!(
            "set -u; trap '' XFSZ; grow() {{ ulimit -S -f unlimited; }}\nulimit -S -f {}\n{script}",
            2 * size
        ));
        shell
    };
    shell.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("PROGRAM", env!("CARGO_BIN_EXE_oci-insta-scale"));
    shell.output().unwrap().into()
}

#[test]
fn a_full_disk_is_found_before_the_first_launch() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let ended = on_a_small_disk(&place, 8, &format!("{LAUNCH} < /dev/null"));
    assert_eq!((ended.code, &ended.json()["run_id"]), (2, &serde_json::Value::Null), "{}", ended.stderr);
    assert!(ended.stderr.contains("ledger.db"), "{}", ended.stderr);
    assert_eq!(launches(&region), 0);
}

#[test]
fn an_unwritable_state_directory_stops_the_launch() {
    use std::os::unix::fs::PermissionsExt as _;
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let requests = |region: &Region| super::books::stats(region)["requests"].clone();
    let before = requests(&region);
    let ended = if can_mount() {
        on_a_small_disk(&place, 64, &format!("mount -o remount,ro state; {LAUNCH}"))
    } else {
        // root may write everywhere, but cannot create a folder inside a file.
        std::fs::create_dir(place.path().join("state")).unwrap();
        let closed = std::fs::Permissions::from_mode(0o500);
        std::fs::set_permissions(place.path().join("state"), closed).unwrap();
        place.write("file", "");
        let arguments = ["--config", "sim/config.yaml", "--state-dir"];
        let ended = place.run(&[&arguments[..], &["file/state"]].concat());
        assert_eq!(ended.code, 2, "{}", ended.stderr);
        let refused = std::fs::write(place.path().join("state/probe"), "").is_err();
        if refused { place.run(&arguments[..2]) } else { ended }
    };
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("cannot write the ledger"), "{}", ended.stderr);
    assert!(ended.stderr.contains("--state-dir"), "{}", ended.stderr);
    assert_eq!(requests(&region), before, "nothing was sent");
}

#[test]
fn a_full_disk_stops_launching_and_loses_nothing() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    // The rest of the test is in the script, because the disk ends with it.
    let script = format!(
        "{LAUNCH} > first.json 2> first.err; code=$?\n\
         grow; \"$PROGRAM\" resume --yes --config sim/config.yaml --output json > second.json || exit 1\n\
         exit $code"
    );
    let resumed = on_a_small_disk(&place, 260, &script);
    let read = |name: &str| std::fs::read_to_string(place.path().join(name)).unwrap();
    let (told, first) = (read("first.err"), read("first.json"));
    assert_eq!(resumed.code, 3, "{told} {}", resumed.stderr);
    assert!(told.contains("error: ") && told.contains("ledger.db"), "{told}");
    assert!(told.contains("continue with: oci-insta-scale resume "), "{told}");
    let first: serde_json::Value = serde_json::from_str(&first).unwrap();
    let launched = first["launched"].as_u64().unwrap();
    assert!((1..60).contains(&launched), "{launched} launched");
    let second: serde_json::Value = serde_json::from_str(&read("second.json")).unwrap();
    assert_eq!((&second["running"], &second["run_id"]), (&60.into(), &first["run_id"]));
    complete(&place, &region, 60);
}

#[test]
fn a_file_size_limit_counts_as_a_full_disk() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let mut shell = place.command_of("/bin/sh", &["-c", &format!("ulimit -S -f 200; exec {LAUNCH}")]);
    let ended: Ended = shell.env("PROGRAM", env!("CARGO_BIN_EXE_oci-insta-scale")).output().unwrap().into();
    assert_eq!(ended.code, 3, "{}", ended.stderr);
    assert!(ended.stderr.contains("no space left for the ledger"), "{}", ended.stderr);
    let resume = ["resume", "--config", "sim/config.yaml", "--output", "json"];
    let resumed = place.run(&resume);
    assert_eq!((resumed.code, &resumed.json()["running"]), (0, &60.into()), "{}", resumed.stderr);
    complete(&place, &region, 60);
}

#[test]
fn an_existing_ledger_reports_a_full_disk() {
    if !can_mount() {
        return;
    }
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let script = format!(
        "\"$PROGRAM\" runs; \"$PROGRAM\" --config sim/config.yaml --count 1 --yes > /dev/null || exit 1\n\
         dd if=/dev/zero of=state/rest bs=4096 2> /dev/null; {LAUNCH}"
    );
    let ended = on_a_small_disk(&place, 512, &script);
    assert_eq!(ended.code, 2, "{}", ended.stderr);
    assert!(ended.stderr.contains("no space left"), "{}", ended.stderr);
    assert_eq!(launches(&region), 1);
}

#[test]
fn a_damaged_ledger_is_kept_and_its_readable_part_used() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let launched = place.run(&["--config", "sim/config.yaml", "--count", "24", "--output", "json"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let path = place.path().join("state/ledger.db");
    let good = std::fs::read(&path).unwrap();
    assert!(good.len() > 8 * 4096, "{} bytes", good.len());

    // Damage in the middle: the records after it are still read, and the gap is reported.
    let mut holed = good.clone();
    let holds = |page: &[u8], text: &[u8]| page.windows(text.len()).any(|bytes| bytes == text);
    // A leaf of records (SQLite: Database File Format, "B-tree Pages", type 10) without the first record, which contains the
    // plan.
    let is_leaf =
        |page: &&mut [u8]| page[0] == 10 && holds(page, b"\"launched\"") && !holds(page, b"run_started");
    holed.chunks_exact_mut(4096).find(is_leaf).unwrap().fill(0xAA);
    std::fs::write(&path, &holed).unwrap();
    let shown = place.run(&["show"]);
    assert_eq!(shown.code, 0, "{}", shown.stderr);
    assert!(shown.stderr.contains("of the run cannot be read"), "{}", shown.stderr);
    // Lists of this region do not lag.
    let words = ["resume", "--config", "sim/config.yaml", "--output", "json", "--list-lag", "1s"];
    let resumed = place.run(&words);
    assert_eq!(resumed.code, 0, "{}", resumed.stderr);
    assert!(resumed.stderr.contains("cannot be read"), "{}", resumed.stderr);
    assert_eq!(resumed.json()["running"], 24);
    // If the response to a launch was lost with its record, the launch may be repeated with its token and returns the same
    // instance.
    complete(&place, &region, 24);
    let asked = launches(&region);

    // Damage at the beginning: nothing can be read, and nothing is written.
    for beside in ["state/ledger.db-wal", "state/ledger.db-shm"] {
        let _ = std::fs::remove_file(place.path().join(beside));
    }
    let mut headless = good;
    headless[..4096].fill(0x55);
    std::fs::write(&path, &headless).unwrap();
    for arguments in
        [&["--config", "sim/config.yaml"][..], &["resume", "--config", "sim/config.yaml"], &["runs"]]
    {
        let refused = place.run(arguments);
        assert_eq!(refused.code, 2, "{}", refused.stderr);
        assert!(refused.stderr.contains("was not changed"), "{}", refused.stderr);
        assert!(refused.stderr.contains("--from-cloud"), "{}", refused.stderr);
        assert_eq!(std::fs::read(&path).unwrap(), headless);
    }
    assert_eq!(launches(&region), asked);
}
