//! Hostile texts stay texts, and large runs stay small.

use super::*;
use fleet::price::Prices;
use fleet::report::{PastRun, PowerChanges, Report, report};
use fleet::{FleetSpec, Plan};
use jiff::{SignedDuration, Timestamp};
use ledger::{
    Action, ErrorRecord, Event, Outcome, Placement, Record, Records, RunHead, RunId, RunKind, Unreadable,
};
use proptest::prelude::*;

const HOSTILE: &str =
    "</script><script>alert(1)</script><!--<img src=x onerror=alert(1)>&\u{2028}\u{1b}[31m`|@all\r\n# x";

fn at(milliseconds: u32) -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap() + SignedDuration::from_millis(i64::from(milliseconds))
}

fn placement() -> Placement {
    Placement {
        availability_domain: "Uocm:PHX-AD-1".to_owned(),
        shape: "VM.Standard.E4.Flex".to_owned(),
        ..Placement::default()
    }
}

/// The events of a slot: every tenth is refused for good.
fn slot(number: u32, name: &str, message: &str) -> Vec<(u32, Event)> {
    let start = number * 100;
    let intended =
        Event::LaunchIntended { slot: number, attempt: 1, token: "t".to_owned(), placement: placement() };
    if number.is_multiple_of(10) {
        let error = ErrorRecord {
            class: "capacity".into(),
            status: Some(500),
            code: "InternalError".to_owned(),
            message: message.to_owned(),
            opc_request_id: Some(format!("{number:032X}/{number:032X}/{number:032X}")),
        };
        let action = Action::GiveUpSlot;
        let refused =
            Event::TryFailed { slot: number, attempt: 1, error: error.clone(), action, settled: false };
        return vec![
            (start, intended),
            (start + 700, refused),
            (start + 800, Event::SlotFailed { slot: number, error }),
        ];
    }
    let ocid = format!("ocid1.instance.oc1.phx.{number:060x}");
    let launched = Event::Launched {
        slot: number,
        attempt: 1,
        ocid: ocid.clone(),
        name: name.to_owned(),
        state: "PROVISIONING".to_owned(),
        placement: placement(),
        work_request: None,
        adopted: false,
        differs: None,
    };
    vec![
        (start, intended),
        (start + 700, launched),
        (start + 40_000 + number % 7 * 1000, Event::Running { slot: number, ocid }),
    ]
}

fn run(count: u32, name: impl Fn(u32) -> String, message: &str) -> PastRun {
    let fleet = FleetSpec {
        name: name(0),
        name_prefix: "web".to_owned(),
        region: "us-phoenix-1".to_owned(),
        count,
        first_number: 1,
        placements: vec![placement()],
        ..FleetSpec::default()
    };
    let plan = serde_json::to_value(Plan { fleet, ..Plan::default() }).unwrap();
    let mut events = vec![(0, Event::RunStarted { kind: RunKind::Launch, requested: count, plan })];
    events.extend((1..=count).flat_map(|number| slot(number, &name(number), message)));
    events.sort_by_key(|(time, _)| *time);
    let last = events.last().map_or(0, |(time, _)| *time);
    events.push((last, Event::RunFinished { outcome: Outcome::Partial }));
    let records = (1..).zip(events).map(|(seq, (time, event))| Record { seq, at: at(time), event });
    let head = RunHead {
        run: RunId("0193ab00-0000-7000-8000-000000000001".parse().unwrap()),
        kind: Some(RunKind::Launch),
        requested: count,
        further_regions: Vec::new(),
        created_at: at(0),
        last_at: at(last),
        outcome: Some(Outcome::Partial),
        held: false,
    };
    PastRun { head, records: Records { records: records.collect(), unreadable: Vec::new() } }
}

fn made(run: PastRun) -> Report {
    report(&[run], &PowerChanges::new(), &Prices::default(), at(3_600_000))
}

fn page(run: PastRun) -> String {
    let report = made(run);
    to_page(&report, &sheet(&report, &[]))
}

fn web(number: u32) -> String {
    format!("web-{number}")
}

#[test]
fn a_report_in_markdown_reads_well() {
    let report = made(run(20, web, "Out of host capacity."));
    let sheet = Sheet { foot: "made".to_owned(), ..sheet(&report, &[]) };
    insta::assert_snapshot!(to_markdown(&sheet));
}

#[test]
fn a_page_stays_small() {
    let thousand = page(run(1000, web, "Out of host capacity.")).len();
    assert!(thousand < 400_000, "{thousand}");
    let ten = page(run(10_000, web, "Out of host capacity.")).len();
    // 100,000 slots may have 30 MB.
    assert!((ten - thousand) / 9 < 270_000, "{ten}");
}

#[test]
fn a_hostile_name_is_text_in_every_format() {
    let report = made(run(20, |_| HOSTILE.to_owned(), HOSTILE));
    let sheet = sheet(&report, &[HOSTILE.to_owned()]);
    let page = to_page(&report, &sheet);
    assert_eq!(page.matches("<script").count(), 2, "ours only");
    assert_eq!(page.matches("</script>").count(), 2);
    assert!(!page.contains("<img") && !page.contains("<!--<") && !page.contains('\u{1b}'));
    assert!(!page.contains('\u{2028}'));
    let text = to_markdown(&sheet);
    for line in text.lines().filter(|line| line.contains("alert")) {
        let outside: String = line.split('`').step_by(2).collect();
        assert!(!outside.contains("alert") && !outside.contains('@'), "{line}");
    }
    assert!(!text.lines().any(|line| line.starts_with("# x")), "{text}");
}

#[test]
fn a_damaged_run_says_so_and_shows_the_rest() {
    let mut damaged = run(20, web, "Out of host capacity.");
    damaged.records.records.remove(0);
    damaged.records.unreadable.push(Unreadable { seq: 1, reason: "checksum".to_owned() });
    let report = made(damaged);
    assert_eq!(report.slots.len(), 20);
    let notes = sheet(&report, &[]).notes;
    assert!(notes.iter().any(|note| note.contains("1 record of the run cannot be read")), "{notes:?}");
}

#[test]
fn a_clock_that_was_set_back_is_told() {
    let mut odd = run(5, web, "");
    let last = odd.records.records.len() - 1;
    odd.records.records[last].at = at(0) - SignedDuration::from_hours(24 * 365);
    let report = made(odd);
    assert!(report.slots.iter().all(|slot| slot.ready_in_s.is_none_or(|seconds| seconds >= 0.0)));
    let notes = sheet(&report, &[]).notes;
    assert!(notes.iter().any(|note| note.contains("clock of the machine was set back 1 time")), "{notes:?}");
}

#[test]
fn the_page_runs_only_the_script_it_names() {
    let page = page(run(3, web, ""));
    let policy = page.split("content=\"").nth(1).unwrap().split('"').next().unwrap();
    assert!(policy.starts_with("default-src 'none'; script-src 'sha256-"), "{policy}");
    assert!(!policy.contains("unsafe") && !policy.contains("http"), "{policy}");
    assert!(!page.contains("http://") || page.matches("http://").count() == 1, "only the name of SVG");
    assert!(!page.contains("https://"));
}

proptest! {
    #[test]
    fn the_data_of_a_page_comes_back(name in "\\PC{0,20}|[\\x00-\\x7f]{0,20}") {
        let page = page(run(2, |_| name.clone(), &name));
        let data = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
        let read: serde_json::Value = serde_json::from_str(data).unwrap();
        prop_assert_eq!(&read["count"], 2);
        prop_assert!(!data.contains(['<', '>', '&']));
    }
}
