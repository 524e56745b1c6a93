//! The summary of a run for people: a table, the totals, and each kind of failure once with its hint.

use super::ending::Ending;
use super::instances::columns;
use super::ratchet;
use super::rows::{self, SlotRow, is_untried};
use super::text::{clean, count, seconds};
use super::{spending, want};
use crate::hints::{self, Aid, Cause};
use crate::tuning::ROWS_SHOWN;
use fleet::price::{self, Size};
use fleet::{InstanceSummary, Returned, RunSummary};
use ledger::{CapacityType, ErrorClass, ErrorRecord, Outcome};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The table, the run and the totals, for stdout. `width` is the number of columns of the terminal, if there is one.
pub fn launch_table(summary: &RunSummary, ending: &Ending, colour: bool, width: Option<usize>) -> String {
    let whole = summary.instances.len() <= ROWS_SHOWN;
    let rows = summary.instances.iter().filter(|row| whole || row.state.as_deref() != Some("RUNNING"));
    let rows = rows::gather(rows, ending);
    let (shown, rest) = rows.split_at(rows.len().min(ROWS_SHOWN));
    let mut out = String::new();
    if !shown.is_empty() {
        out.push_str(&columns::columns_table(rows::columns(shown, colour), width));
    }
    // Writing to a String cannot fail, so the results are ignored.
    let running =
        if whole { 0 } else { summary.instances.len() - rows.iter().map(SlotRow::len).sum::<usize>() };
    let hidden = running + rest.iter().map(SlotRow::len).sum::<usize>();
    if hidden > 0 {
        let _ = writeln!(out, "… and {hidden} more: --output json has them all");
    }
    let _ = writeln!(out, "\nrun {}\n{}", summary.run_id, totals(summary));
    if let Some(kinds) = obtained(summary) {
        let _ = writeln!(out, "{kinds}");
    }
    if let Some(want) = &summary.want {
        let _ = writeln!(out, "{}", want::obtained(want));
    }
    if let Some(ratchet) = &summary.ratchet {
        let _ = writeln!(out, "{}", ratchet::end_line(ratchet));
    }
    if let Some(spending) = &summary.spending {
        let _ = writeln!(out, "{}", spending::at_end(spending));
    }
    out
}

/// `20 instances requested: 19 launched, 18 running, 1 failed, in 63.2 s`.
pub fn totals(summary: &RunSummary) -> String {
    let untried = summary.instances.iter().filter(|row| is_untried(row)).count();
    let untried = if untried > 0 { format!(", {untried} not tried") } else { String::new() };
    let waiting = match summary.instances.iter().filter(|row| row.waiting).count() {
        0 => String::new(),
        some => format!(", {some} waiting"),
    };
    let given_back = match summary.returned.as_ref().map_or(0, |returned| returned.instances.len()) {
        0 => String::new(),
        some => format!(", {some} rolled back"),
    };
    format!(
        "{} requested: {} launched, {} running, {} failed{given_back}{untried}{waiting}, in {}",
        count(summary.requested, "instance"),
        summary.launched,
        summary.running,
        summary.failed,
        seconds(summary.elapsed_s)
    )
}

/// `obtained: 38 × VM.Standard.E4.Flex, 1 OCPU, 6 GB; 2 × VM.Standard.E5.Flex, 1 OCPU, 6 GB`; `None` if all are of one kind.
fn obtained(summary: &RunSummary) -> Option<String> {
    if summary.obtained.len() < 2 {
        return None;
    }
    let kinds = summary.obtained.iter().map(|kind| {
        let size = Size { ocpus: kind.ocpus, memory_gb: kind.memory_gb };
        let preemptible =
            if kind.capacity_type == Some(CapacityType::Preemptible) { ", preemptible" } else { "" };
        format!("{} × {}{preemptible}", kind.count, clean(&price::describe(&kind.shape, size)))
    });
    Some(format!("obtained: {}", kinds.collect::<Vec<_>>().join("; ")))
}

/// What a run below its minimum has rolled back, and what still exists; `None` if it kept everything.
fn returned(summary: &RunSummary) -> Option<String> {
    let Returned { reached, min, instances, reserved, reservations } = summary.returned.as_deref()?;
    let mut parts = vec![match u64::try_from(instances.len()).unwrap_or(u64::MAX) {
        0 => "there was no instance".to_owned(),
        gone => format!("{} with their boot volumes", count(gone, "instance")),
    }];
    for reservation in reservations {
        let ocid = clean(&reservation.ocid);
        parts.push(match reservation.before {
            Some(before) if reservation.held <= before => {
                format!("the addition to {ocid}, which holds {} again", reservation.held)
            }
            _ => format!("NOT the reservation {ocid}, which holds {}", reservation.held),
        });
    }
    if *reserved && reservations.iter().all(|reservation| reservation.before.is_some()) {
        parts.push("the reservations that the run created".to_owned());
    }
    let verb = if summary.launched == 0 { "rolled back" } else { "rolled back so far" };
    Some(format!("{verb}, because {reached} running is below the minimum of {min}: {}", parts.join("; ")))
}

/// What failed and what to do, for stderr: each kind of failure once, with the slots affected.
///
/// `flags` are those of the next command, if the region still exists; `untold` are warnings that the progress has not shown.
pub fn launch_advice(summary: &RunSummary, flags: Option<&str>, untold: &[String]) -> String {
    let yellow = anstyle::AnsiColor::Yellow.on_default();
    let cyan = anstyle::AnsiColor::Cyan.on_default();
    let red = anstyle::AnsiColor::Red.on_default().bold();
    let mut out = String::new();
    for warning in untold {
        let _ = writeln!(out, "{yellow}warning:{yellow:#} {}", clean(warning));
    }
    if let Some(error) = &summary.ledger_error {
        let _ = writeln!(out, "{red}error:{red:#} {}", clean(error));
    }
    if let Some(returned) = returned(summary) {
        let _ = writeln!(out, "{returned}");
    }
    let mut kinds: BTreeMap<(&ErrorClass, &str, &str), Vec<&InstanceSummary>> = BTreeMap::new();
    for row in summary.instances.iter().filter(|row| !row.waiting) {
        if let Some(error) = &row.error {
            kinds.entry((&error.class, &error.code, &error.message)).or_default().push(row);
        }
    }
    let mut waiting = summary.instances.iter().filter(|row| row.waiting);
    if let Some(answer) = waiting.find_map(|row| row.error.as_ref()) {
        let _ = writeln!(out, "the hunt is not over; last answer: {}", describe(answer));
    }
    for rows in kinds.values() {
        let Some(error) = rows.first().and_then(|row| row.error.as_ref()) else { continue };
        let _ = writeln!(out, "{red}failed:{red:#} {}: {}", names(rows), describe(error));
        let _ = writeln!(
            out,
            "{cyan}  hint:{cyan:#} {}",
            hints::hint_after(error, Aid::of(summary, flags.is_some() && hints::can_resume(summary.outcome)))
        );
    }
    out.push_str(&super::why::lines(summary));
    let counts_matter = |class: &ErrorClass| {
        use ErrorClass::{Ambiguous, Network, Service, Throttled};
        matches!(class, Network | Service | Ambiguous | Throttled)
    };
    if kinds.keys().any(|(class, ..)| counts_matter(class)) {
        let _ = writeln!(out, "  requests: {}", requests(summary));
    }
    if let Some(most) = is_full(summary) {
        let most = count(most, "instance");
        let _ =
            writeln!(out, "{red}failed:{red:#} {most} are the maximum, and do not reach the wanted totals");
        let _ = writeln!(
            out,
            "{cyan}  hint:{cyan:#} raise max_instances or choose larger sizes, then launch what is missing"
        );
        return out;
    }
    let Some(flags) = flags else { return out };
    if can_go_on(summary) {
        let _ = writeln!(out, "continue with: oci-insta-scale resume {}{flags}", summary.run_id);
    } else if matches!(summary.outcome, Some(Outcome::Partial | Outcome::Nothing))
        && !is_out_of_money(summary)
    {
        let _ = writeln!(out, "{}", launch_again(summary, flags));
    }
    out
}

/// Whether only its bound ended the hunt. Its hint says what to do.
fn is_out_of_money(summary: &RunSummary) -> bool {
    summary.spending.as_ref().is_some_and(|spending| spending.reached)
}

/// The maximum number of instances, if the run has it and is below the wanted totals all the same.
fn is_full(summary: &RunSummary) -> Option<u32> {
    let want = summary.want.filter(|want| !want.reached && summary.returned.is_none())?;
    (summary.launched >= want.asked.max_instances && summary.failed == 0).then_some(want.asked.max_instances)
}

/// Whether `resume` may achieve more: something was not tried, or failed in a way that may pass.
fn can_go_on(summary: &RunSummary) -> bool {
    match summary.outcome {
        None => true,
        Some(outcome) if outcome.is_unfinished() => true,
        Some(Outcome::Partial | Outcome::Nothing) => summary.instances.iter().any(|row| {
            is_untried(row) || row.error.as_ref().is_some_and(|error| Cause::of(error).may_pass())
        }),
        Some(_) => false,
    }
}

/// The advice if `resume` would only repeat the same failing requests.
fn launch_again(summary: &RunSummary, flags: &str) -> String {
    let how = match summary.launched {
        0 => "launch again".to_owned(),
        _ if let Some(want) = &summary.want => format!(
            "launch what is missing: set `want` to {} and use oci-insta-scale --extend{flags}",
            want::missing(want)
        ),
        _ => format!(
            "launch the missing instances: oci-insta-scale --extend --count {}{flags}",
            summary.failed
        ),
    };
    format!("correct the config or the policy, then {how}; `resume` would repeat the same requests")
}

/// `web-1, web-2, web-3 and 4 more`.
fn names(rows: &[&InstanceSummary]) -> String {
    let shown: Vec<String> = rows.iter().take(3).map(|row| clean(&row.name)).collect();
    match rows.len() - shown.len() {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

/// A failure in one line: `500 InternalError: Out of host capacity. (opc-request-id …)`.
pub fn describe(error: &ErrorRecord) -> String {
    let status = error.status.map_or_else(String::new, |status| format!("{status} "));
    let id = error
        .opc_request_id
        .as_deref()
        .map_or_else(String::new, |id| format!(" (opc-request-id {})", clean(id)));
    format!("{status}{}: {}{id}", clean(&error.code), clean(&error.message))
}

/// `LaunchInstance 20 ok, 3 throttled; ListInstances 4 ok`.
pub fn requests(summary: &RunSummary) -> String {
    let rows = summary.requests.iter().map(|(operation, count)| {
        let mut parts = vec![format!("{} ok", count.ok)];
        if count.throttled > 0 {
            parts.push(format!("{} throttled", count.throttled));
        }
        if count.failed > 0 {
            parts.push(format!("{} failed", count.failed));
        }
        format!("{operation} {}", parts.join(", "))
    });
    rows.collect::<Vec<_>>().join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use fleet::Plan;
    use ledger::{RunId, RunState};

    /// A run of two slots: the first runs or not, the second failed.
    fn summary(launched: u32, class: &str, message: &str) -> RunSummary {
        let of = RunSummary::of(&RunState::new(RunId(uuid::Uuid::nil())), &Plan::default());
        let error = ErrorRecord {
            class: class.into(),
            status: Some(404),
            code: "Code".to_owned(),
            message: message.to_owned(),
            opc_request_id: None,
        };
        let first = InstanceSummary { state: Some("RUNNING".into()), ..InstanceSummary::default() };
        let second = InstanceSummary { error: Some(Box::new(error)), ..InstanceSummary::default() };
        let instances = if launched == 0 { vec![second] } else { vec![first, second] };
        let outcome = Some(if launched == 0 { Outcome::Nothing } else { Outcome::Partial });
        RunSummary { outcome, requested: 2, launched, failed: 1, instances, ..of }
    }

    #[test]
    fn the_table_fits_the_terminal_and_is_whole_without_one() {
        let row = InstanceSummary {
            slot: 1,
            name: "web-1".to_owned(),
            ocid: Some("ocid1.instance.oc1.phx.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa12345678".to_owned()),
            state: Some("RUNNING".into()),
            availability_domain: Some("Uocm:PHX-AD-1".into()),
            fault_domain: Some("FAULT-DOMAIN-1".into()),
            ready_in_s: Some(41.5),
            ..InstanceSummary::default()
        };
        let of = summary(1, "capacity", "Out of host capacity.");
        let failed = of.instances[1].clone();
        let summary = RunSummary { instances: vec![row, failed], ..of };
        let whole = launch_table(&summary, &Ending::default(), false, None);
        assert!(whole.contains("aaaa12345678") && whole.contains("FAULT-DOMAIN-1"), "{whole}");
        for width in 20..200 {
            let text = launch_table(&summary, &Ending::default(), true, Some(width));
            let rows = text.lines().take(3);
            assert!(rows.clone().all(|line| console::measure_text_width(line) <= width), "{width}: {text}");
        }
        let narrow = launch_table(&summary, &Ending::default(), false, Some(60));
        insta::assert_snapshot!(narrow, @r"
            NAME   STATE    OCID       REASON
            web-1  RUNNING  …12345678  -
                   failed   -          Code: Out of host capacity.

            run 00000000-0000-0000-0000-000000000000
            2 instances requested: 1 launched, 0 running, 1 failed, in 0.0 s
            ");
        assert!(
            launch_table(&summary, &Ending::default(), true, None).contains("\u{1b}[32mRUNNING\u{1b}[0m")
        );
    }

    #[test]
    fn a_run_that_is_over_has_no_hint_to_resume_it() {
        for outcome in [Outcome::GivenBack, Outcome::Stopped] {
            let over = RunSummary {
                outcome: Some(outcome),
                ..summary(0, "limit", "The following service limits were exceeded: standard-e4-core-count.")
            };
            let advice = launch_advice(&over, Some(""), &[]);
            assert!(
                advice.contains("a service limit") && !advice.contains("resume"),
                "{outcome:?}: {advice}"
            );
        }
    }

    #[test]
    fn a_warning_is_told_once_and_hints_keep_the_flags() {
        let of = summary(0, "capacity", "Out of host capacity.");
        let warned = RunSummary { warnings: vec!["first".to_owned(), "second".to_owned()], ..of };
        let advice = launch_advice(&warned, Some(" --state-dir st"), &warned.warnings[..1]);
        assert!(advice.contains("first") && !advice.contains("second"), "{advice}");
        let command = format!("continue with: oci-insta-scale resume {} --state-dir st\n", warned.run_id);
        assert!(advice.contains(&command), "{advice}");
    }

    #[test]
    fn resume_is_offered_only_where_it_may_come_further() {
        let curable = launch_advice(&summary(0, "capacity", "Out of host capacity."), Some(""), &[]);
        assert!(curable.contains("continue with: oci-insta-scale resume "), "{curable}");
        let wrong = ("not_found_or_not_authorised", "Authorization failed or requested resource not found.");
        let none = launch_advice(&summary(0, wrong.0, wrong.1), Some(""), &[]);
        assert!(!none.contains("continue with") && none.contains(", then launch again; "), "{none}");
        let some = launch_advice(&summary(1, "invalid", "Shape X is not valid for image Y."), Some(""), &[]);
        assert!(
            some.contains("launch the missing instances: oci-insta-scale --extend --count 1; "),
            "{some}"
        );
        let untried =
            RunSummary { instances: vec![InstanceSummary::default()], ..summary(1, wrong.0, wrong.1) };
        assert!(
            launch_advice(&untried, Some(""), &[]).contains("continue with: "),
            "what was not tried may still be had"
        );
        assert!(!launch_advice(&untried, None, &[]).contains("resume"));
    }
}
