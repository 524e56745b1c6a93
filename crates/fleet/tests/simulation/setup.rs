//! Everything that a seed determines: the region, the fleet, the options, the faults and the deaths of one history. Each
//! feature is drawn separately, so that histories differ in kind and not only in numbers.

use crate::wanting::Wanting;
use fleet::LaunchOptions;
use oci_simulator::scenario::{AnswerBody, FaultKind, FaultRule, Scenario, Signatures, UnknownFields};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use std::time::Duration;

/// One history.
#[derive(Debug)]
pub struct Setup {
    pub seed: u64,
    pub preset: &'static str,
    pub scenario: Scenario,
    pub count: u32,
    /// Numbers of the availability domains to try, in order.
    pub domains: Vec<usize>,
    pub ocpus: u32,
    pub options: LaunchOptions,
    /// How long the ledger takes to sync.
    pub sync: Duration,
    /// The number of processes that die before one may survive.
    pub deaths: u32,
    /// A process dies at one of this many points from its start …
    pub points: u64,
    /// … or, with this probability, at a moment within this many seconds.
    pub by_clock: f64,
    /// The probability that the user interrupts a process.
    pub interrupts: f64,
    /// The probability that the disk is full for a process.
    pub disk_full: f64,
    /// The minimum number of instances, below which the run is rolled back.
    pub min: Option<u32>,
    /// Whether each instance is launched with its own data volume.
    pub volumes: bool,
    /// Whether the run reserves its own capacity, and releases what stays unused.
    pub reserve: bool,
    /// Whether to print what happens.
    pub loud: bool,
    /// The probability that the next process comes only after the retry tokens have expired.
    pub next_day: f64,
    /// The probability that the machine sleeps for longer than retry tokens last, with a process running.
    pub naps: f64,
    /// Whether the ledger is lost after the storm, so that the run is rebuilt from the tags of its instances.
    pub amnesia: bool,
    /// The probability that records of the ledger are unreadable when the next process comes.
    pub damage: f64,
    /// Whether instances may have another shape.
    pub other_shape: bool,
    /// Whether instances may be preemptible.
    pub preemptible: bool,
    /// Totals in place of a number, with the choices that reach them.
    pub wanting: Option<Wanting>,
}

impl Setup {
    /// The history of a seed, with at most this many slots.
    pub fn drawn(seed: u64, most: u32) -> Self {
        let presets = Scenario::presets();
        let preset = presets[usize::try_from(seed).unwrap() % presets.len()].name;
        let mut chance = StdRng::seed_from_u64(seed);
        let mut scenario = Scenario::named(preset).unwrap();
        scenario.signatures = Signatures::Unchecked;
        scenario.unknown_fields = UnknownFields::Refused;
        scenario.world.event_log = 100_000;
        treacherous(&mut scenario, &mut chance);
        let mut domains: Vec<usize> = vec![1, 2, 3];
        domains.rotate_left(chance.random_range(0..3));
        domains.truncate(chance.random_range(1..=3));
        let count = chance.random_range(1..=most);
        // Drawn separately, so that the seed still determines everything else as before.
        let mut apart = StdRng::seed_from_u64(seed ^ 0x0B11_0D11);
        scenario.faults.extend(blindness(&mut apart));
        let mut choices = StdRng::seed_from_u64(seed ^ 0x0C40_1CE5);
        Self {
            other_shape: choices.random_bool(0.3),
            // Where the region or other tenants reclaim preemptible instances all the time, no run comes to an end of its own.
            preemptible: choices.random_bool(0.2)
                && scenario.world.reclaims.is_empty()
                && scenario.world.other_tenants.is_none(),
            seed,
            preset,
            count,
            min: chance.random_bool(0.3).then(|| chance.random_range(1..=count)),
            volumes: chance.random_bool(0.3),
            reserve: chance.random_bool(0.1),
            domains,
            ocpus: *pick(&mut chance, &[1, 1, 1, 8, 40]),
            options: options(&mut chance),
            sync: Duration::from_millis(*pick(&mut chance, &[0, 1, 3, 200])),
            deaths: *pick(&mut chance, &[0, 1, 2, 3, 6, 12]),
            points: *pick(&mut chance, &[4, 20, 60, 300]),
            by_clock: *pick(&mut chance, &[0.0, 0.3]),
            interrupts: *pick(&mut chance, &[0.0, 0.2]),
            disk_full: *pick(&mut chance, &[0.0, 0.0, 0.1]),
            loud: false,
            next_day: *pick(&mut chance, &[0.0, 0.0, 0.2]),
            naps: *pick(&mut apart, &[0.0, 0.0, 0.0, 0.3]),
            amnesia: apart.random_bool(0.05),
            damage: *pick(&mut apart, &[0.0, 0.0, 0.0, 0.0, 0.3]),
            wanting: None,
            scenario,
        }
    }

    /// Prints the setup and what happens, if `loud` says so.
    pub fn told(self, loud: bool) -> Self {
        let setup = Self { loud, ..self };
        if loud {
            println!("{setup:#?}");
        }
        setup
    }

    /// Whether the region certainly has capacity for all, so that every slot must run at the end.
    pub fn roomy(&self) -> bool {
        matches!(self.preset, "roomy" | "flaky" | "throttled")
            || (self.preset == "stockout" && self.domains != [1])
    }
}

fn options(chance: &mut StdRng) -> LaunchOptions {
    LaunchOptions {
        wait: chance.random_bool(0.9),
        wait_timeout: Duration::from_mins(*pick(chance, &[1, 20, 20])),
        rate: *pick(chance, &[None, None, Some(1.0), Some(20.0)]),
        max_concurrency: *pick(chance, &[1, 3, 100]),
        max_attempts: *pick(chance, &[1, 3, 12, 12]),
        retry_for: *pick(chance, &[None, None, Some(Duration::from_mins(30))]),
        deadline: *pick(
            chance,
            &[None, None, None, Some(Duration::from_secs(40)), Some(Duration::from_mins(10))],
        ),
        keep_partial: chance.random_bool(0.2),
        settle_only: false,
        list_lag: fleet::launch::LONGEST_LAG,
        hunting: fleet::launch::Hunting::default(),
    }
}

/// Adds behaviours and faults that the preset lacks, or changes existing ones.
pub fn treacherous(scenario: &mut Scenario, chance: &mut StdRng) {
    if chance.random_bool(0.3) {
        scenario.world.list_lag_seconds = chance.random_range(0.0..90.0);
    }
    if chance.random_bool(0.2) {
        scenario.world.late_failure.probability = chance.random_range(0.0..0.4);
        scenario.world.late_failure.limit_share = *pick(chance, &[0.0, 0.5]);
    }
    if chance.random_bool(0.2) {
        scenario.world.false_limit_probability = 0.1;
    }
    if chance.random_bool(0.2) {
        scenario.latency.max_ms = chance.random_range(1.0..5000.0);
    }
    for _ in 0..*pick(chance, &[0, 0, 1, 2, 4]) {
        let fault = drawn_fault(chance);
        let operations = match chance.random_range(0..3) {
            0 => vec![],
            1 => serde_json::from_str(r#"["launch"]"#).unwrap(),
            _ => serde_json::from_str(r#"["read"]"#).unwrap(),
        };
        let mut rule = FaultRule { operations, ..FaultRule::always(fault) };
        match chance.random_range(0..4) {
            0 => rule.nth = (0..3).map(|_| chance.random_range(1..20)).collect(),
            1 => {
                rule.after_seconds = Some(chance.random_range(0.0..60.0));
                rule.for_seconds = Some(chance.random_range(1.0..120.0));
                rule.probability = 0.8;
            }
            _ => rule.probability = *pick(chance, &[0.02, 0.1, 0.4]),
        }
        scenario.faults.push(rule);
    }
}

/// Reads that fail permanently, as under a policy that denies them.
fn blindness(chance: &mut StdRng) -> Vec<FaultRule> {
    let list = r#"["ListInstances"]"#;
    let look = r#"["GetInstance"]"#;
    let (status, operations): (u16, &[&str]) = match chance.random_range(0..40) {
        0 => (404, &[list]),
        1 => (404, &[look]),
        2 => (404, &[list, look]),
        3 => (500, &[list]),
        4 => (500, &[list, look]),
        _ => return Vec::new(),
    };
    let rules = operations.iter().map(|names| {
        let answer = FaultKind::Answer {
            status,
            body: AnswerBody::Oci,
            code: None,
            message: None,
            after_effect: false,
        };
        FaultRule { operations: serde_json::from_str(names).unwrap(), ..FaultRule::always(answer) }
    });
    rules.collect()
}

fn drawn_fault(chance: &mut StdRng) -> FaultKind {
    let answer = |status, body, after_effect| FaultKind::Answer {
        status,
        body,
        code: None,
        message: None,
        after_effect,
    };
    match chance.random_range(0..12) {
        0 => FaultKind::ResetBefore,
        1 | 2 => FaultKind::ResetAfter,
        3 => FaultKind::Truncate { bytes: chance.random_range(0..200) },
        4 => FaultKind::Delay { seconds: chance.random_range(0.1..70.0) },
        5 => FaultKind::Hang,
        6 => answer(500, AnswerBody::Oci, chance.random_bool(0.5)),
        7 => answer(503, AnswerBody::Oci, false),
        8 => answer(504, AnswerBody::Html, true),
        10 => answer(429, AnswerBody::Oci, false),
        9 => answer(502, AnswerBody::Empty, chance.random_bool(0.5)),
        // A refusal that takes effect nevertheless could not be detected by any client.
        _ => answer(*pick(chance, &[400, 404, 409]), AnswerBody::Empty, false),
    }
}

pub fn pick<'a, T>(chance: &mut StdRng, from: &'a [T]) -> &'a T {
    &from[chance.random_range(0..from.len())]
}
