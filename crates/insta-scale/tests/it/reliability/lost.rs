//! A ledger that has lost some or all records neither creates a second fleet nor terminates a healthy instance.

use super::books::{AtWork, Region, complete, launches, live};
use crate::program::Workplace;

const CONFIG: [&str; 2] = ["--config", "sim/config.yaml"];

/// A launch of this many that was killed in the middle, with all of its records still in the log.
fn killed(place: &Workplace, region: &Region, count: &str) {
    let arguments = ["--config", "sim/config.yaml", "--count", count, "--rate", "40", "--yes", "-vv"];
    let launch = AtWork::start(place.command(&arguments));
    while launches(region) < 6 {
        std::thread::yield_now();
    }
    launch.send("-KILL");
    launch.hang_up().wait().unwrap();
}

/// The only run with a lock file.
fn locked_run(place: &Workplace) -> String {
    let files = std::fs::read_dir(place.path().join("state/runs")).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let runs: Vec<String> = names.filter(|name| !name.contains(".key.")).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    runs[0].trim_end_matches(".lock").to_owned()
}

#[test]
fn a_launch_does_not_pass_over_a_run_whose_log_is_lost() {
    let flip = |path: &std::path::Path| {
        let mut bytes = std::fs::read(path).unwrap();
        bytes[17] ^= 1;
        std::fs::write(path, bytes).unwrap();
    };
    let lose = |path: &std::path::Path| std::fs::remove_file(path).unwrap();
    for damage in [&lose as &dyn Fn(&std::path::Path), &flip] {
        let place = Workplace::empty();
        let region = Region::start(&place, &["--speed", "60"]);
        killed(&place, &region, "12");
        damage(&place.path().join("state/ledger.db-wal"));
        let _ = std::fs::remove_file(place.path().join("state/ledger.db-shm"));
        let run = locked_run(&place);

        let asked = launches(&region);
        for more in [&[][..], &["--dry-run"], &["--yes"]] {
            let arguments: Vec<&str> = CONFIG.iter().chain(&["--count", "12"]).chain(more).copied().collect();
            let refused = place.run(&arguments);
            let stands = format!("resume --from-cloud {run} --config sim/config.yaml");
            assert!(refused.stderr.contains(&stands), "{}", refused.stderr);
            assert!(refused.code == 2 || more == ["--dry-run"], "{more:?}: {}", refused.stderr);
        }
        let listed = place.run(&["runs"]);
        assert!(listed.stderr.contains(&format!("run {run} started")), "{}", listed.stderr);
        assert_eq!(launches(&region), asked);

        // Follows the hint word for word, with the count of the run.
        let mut arguments = vec!["resume", "--from-cloud", &run];
        arguments.extend(CONFIG);
        arguments.extend(["--count", "12", "--list-lag", "3s", "--yes"]);
        let resumed = place.run(&arguments);
        assert_eq!(resumed.code, 0, "{}", resumed.stderr);
        complete(&place, &region, 12);
    }
}

#[test]
fn whatever_page_is_lost_cleanup_ends_no_healthy_instance() {
    let place = Workplace::empty();
    let region = Region::start(&place, &["--speed", "300"]);
    let launched = place.run(&["--config", "sim/config.yaml", "--count", "40", "--yes", "--output", "json"]);
    assert_eq!(launched.code, 0, "{}", launched.stderr);
    let run = launched.json()["run_id"].as_str().unwrap().to_owned();
    let path = place.path().join("state/ledger.db");
    let good = std::fs::read(&path).unwrap();
    let pages = good.len() / 4096;
    let holds = |page: &[u8], text: &[u8]| page.windows(text.len()).any(|bytes| bytes == text);
    let mut damaged: Vec<(bool, Vec<u8>)> = (0..pages)
        .map(|page| {
            let mut bytes = good.clone();
            let page_of_file = &mut bytes[page * 4096..(page + 1) * 4096];
            // The only page whose loss goes unnoticed: the leaf (SQLite: Database File Format, "B-tree Pages", type 13) of the
            // table of run ids. Its index also contains the ids, so every record is still found.
            let spare = page > 0 && page_of_file[0] == 13;
            page_of_file.fill(0);
            (!spare, bytes)
        })
        .collect();
    assert_eq!(damaged.iter().filter(|(matters, _)| !matters).count(), 1, "{pages} pages");
    // A bit of one record, in its current copy: after a page split, parts of an old copy remain that do not count.
    let last = good
        .windows(32)
        .rfind(|text| text.starts_with(b"\"launched\",\"slot\":") && holds(text, b",\"attempt\":"));
    let record = &last.unwrap()[..24];
    let mut flipped = good.clone();
    for at in (0..good.len() - record.len()).filter(|at| good[*at..].starts_with(record)) {
        flipped[at + 3] ^= 4;
    }
    damaged.push((true, flipped));
    for (at, (matters, bytes)) in damaged.into_iter().enumerate() {
        for beside in ["state/ledger.db-wal", "state/ledger.db-shm"] {
            let _ = std::fs::remove_file(place.path().join(beside));
        }
        std::fs::write(&path, bytes).unwrap();
        let cleaned = place.run(&["cleanup", "--config", "sim/config.yaml", "--yes"]);
        assert_eq!(live(&region), 40, "{}", cleaned.stderr);
        assert!(cleaned.code == 0 || cleaned.code == 2, "{}", cleaned.stderr);
        // The banner of the simulated region does not report the damage.
        let said = cleaned.stderr.lines().any(|line| {
            line.contains("is damaged or not a ledger")
                || (line.contains(&run) && line.contains("cannot be read"))
        });
        assert_eq!(said, matters, "page {at} of {pages}: {}", cleaned.stderr);
        if !matters {
            let listed = place.run(&["show", &run, "--output", "json"]).json();
            assert_eq!((&listed["running"], &listed["warnings"]), (&40.into(), &serde_json::json!([])));
        }
    }
}
