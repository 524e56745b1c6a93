//! Every scenario file under `scenarios/pacing` holds, in 40 seeded runs each.

use lab::pacing::scenario::{Outcome, Scenario};
use std::path::{Path, PathBuf};

const SEEDS: std::ops::Range<u64> = 0..40;

fn files() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pacing");
    let entries = std::fs::read_dir(folder).expect("the scenarios are there");
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    files.sort();
    files
}

#[test]
fn every_scenario_holds() {
    let mut missed = Vec::new();
    let files = files();
    assert!(files.len() > 25, "only {} scenarios were found", files.len());
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let scenario = Scenario::parse(&std::fs::read_to_string(&file).unwrap())
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let outcomes: Vec<Outcome> = SEEDS.map(|seed| scenario.outcome(&scenario.run(seed))).collect();
        println!("{}", line(&name, &outcomes));
        let wrong = scenario.expect.missed(&outcomes);
        missed.extend(wrong.into_iter().map(|what| format!("{name} ({}): {what}", scenario.promise)));
    }
    assert!(missed.is_empty(), "{}", missed.join("\n"));
}

fn line(name: &str, outcomes: &[Outcome]) -> String {
    let range = |of: fn(&Outcome) -> f64| {
        let mut all: Vec<f64> = outcomes.iter().map(of).collect();
        all.sort_by(f64::total_cmp);
        format!("{:.3} {:.3} {:.3}", all[0], all[all.len() / 2], all[all.len() - 1])
    };
    format!(
        "{name:28} time {}  refused {}  share {}  together {}  end {}",
        range(|of| of.time_ratio),
        range(|of| of.refused_part),
        range(|of| of.share),
        range(|of| of.together),
        range(|of| of.seconds),
    )
}

#[test]
fn the_same_seed_twice_is_the_same_run() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios/pacing/two-processes.yaml");
    let scenario = Scenario::parse(&std::fs::read_to_string(file).unwrap()).unwrap();
    let (first, second) = (scenario.run(7), scenario.run(7));
    for (first, second) in first.iter().zip(&second) {
        assert_eq!(
            (&first.sent, &first.refused, &first.rates),
            (&second.sent, &second.refused, &second.rates)
        );
    }
    assert_ne!(first_sent(&scenario.run(8)), first_sent(&first), "another seed is another run");
}

fn first_sent(seen: &[lab::pacing::run::SenderLog]) -> Vec<u64> {
    seen.iter().flat_map(|seen| seen.sent.iter().map(|at| at.to_bits())).collect()
}
