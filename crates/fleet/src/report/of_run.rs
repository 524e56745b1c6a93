//! Folds one run into a report.

use super::spent::Bill;
use super::track::{Track, Tracks};
use super::traffic::Counter;
use super::{
    AnswerList, PastRun, PowerChange, PowerChanges, Report, ReportedRun, ReportedSlot, ReportedTarget,
    SlotResult,
};
use crate::action::{ActionRow, ActionSummary, RowResult};
use crate::cleanup::CleanupSummary;
use crate::launch::{InstanceSummary, RunSummary};
use crate::plan::Plan;
use crate::tuning::{REPORT_REFUSALS, REPORT_REFUSALS_OF_A_SLOT};
use jiff::Timestamp;
use ledger::{ErrorRecord, Phase, RunKind, RunState, StateName};

/// What the runs of a report share.
pub(super) struct RunFold<'a, 'b> {
    pub answers: &'a mut AnswerList,
    pub traffic: &'a mut Counter,
    pub bill: &'a mut Bill<'b>,
    pub power: &'a PowerChanges,
    /// The slots of all runs.
    pub slots: u32,
}

impl RunFold<'_, '_> {
    /// Adds a run to the report.
    pub(super) fn add(&mut self, run: &PastRun, report: &mut Report) {
        let groups = (REPORT_REFUSALS / self.slots.max(1) as usize).clamp(1, REPORT_REFUSALS_OF_A_SLOT);
        let mut tracks = Tracks::new(groups);
        let mut state = RunState::new(run.head.run);
        let mut last: Option<Timestamp> = None;
        let mut clock_went_back = 0;
        for record in &run.records.records {
            state.apply(record);
            tracks.apply(record, &state, self.answers);
            self.traffic.apply(record);
            clock_went_back += u32::from(last.is_some_and(|last| record.at < last));
            last = Some(record.at);
        }
        for (operation, count) in &state.requests {
            let sum = report.requests.entry(operation.clone()).or_default();
            sum.ok += count.ok;
            sum.throttled += count.throttled;
            sum.failed += count.failed;
        }
        let position = report.runs.len();
        let kind = state.kind.or(run.head.kind);
        report.runs.push(reported_run(run, &state, clock_went_back));
        match kind {
            Some(RunKind::Start | RunKind::Stop | RunKind::Reboot | RunKind::Terminate) => {
                let rows = ActionSummary::of(&state).instances;
                let rows = rows.into_iter().map(|row| self.action(position, row, &mut tracks));
                report.slots.extend(rows);
            }
            Some(RunKind::Cleanup) => {
                let rows = CleanupSummary::of(&state).leftovers.into_iter().map(|row| ActionRow {
                    slot: row.slot,
                    name: row.name,
                    ocid: row.ocid,
                    result: row.result,
                    state: String::new(),
                    region: None,
                    availability_domain: String::new(),
                    fault_domain: None,
                    shape: row.kind.to_owned(),
                    attempts: 0,
                    error: row.error,
                });
                let rows = rows.map(|row| self.action(position, row, &mut tracks));
                report.slots.extend(rows);
            }
            Some(RunKind::Scale | RunKind::Network) => {}
            Some(RunKind::Launch) | None => self.launch(position, state, tracks, report),
        }
    }

    fn launch(&mut self, position: usize, mut state: RunState, mut tracks: Tracks, report: &mut Report) {
        let plan: Plan = serde_json::from_value(state.plan.take()).unwrap_or_default();
        // The record with the number of slots may be lost.
        let known = state.slots.last_key_value().map_or(0, |(number, _)| *number);
        state.requested = state.requested.max(known);
        let over = state.outcome.is_some_and(|outcome| !outcome.is_unfinished());
        let in_doubt: Vec<u32> = state
            .slots
            .iter()
            .filter(|(_, slot)| slot.unsettled.is_some())
            .map(|(number, _)| *number)
            .collect();
        let rolled_back: Vec<u32> = state
            .slots
            .iter()
            .filter(|(_, slot)| slot.phase == Phase::GivenBack)
            .map(|(number, _)| *number)
            .collect();
        self.bill.begin_run();
        self.bill.add_reservations(&state, &plan);
        let summary = RunSummary::from_owned(state, &plan);
        for target in summary.targets {
            let answer = target.error.as_ref().map(|error| self.answers.position(error));
            report.targets.push(ReportedTarget { run: position, target, answer });
        }
        if let Some(run) = report.runs.get_mut(position) {
            run.returned = summary.returned;
        }
        for row in summary.instances {
            let track = tracks.take(row.slot);
            for life in &track.lives {
                let changes = self.power.get(&life.ocid).map_or(&[][..], Vec::as_slice);
                self.bill.add(&plan.fleet, life, changes);
            }
            let result = match () {
                () if in_doubt.binary_search(&row.slot).is_ok() => SlotResult::InDoubt,
                () if rolled_back.binary_search(&row.slot).is_ok() => SlotResult::RolledBack,
                () => result_of(&row, over),
            };
            report.slots.push(self.launched(position, row, result, track));
        }
    }

    fn launched(
        &mut self,
        run: usize,
        row: InstanceSummary,
        result: SlotResult,
        track: Track,
    ) -> ReportedSlot {
        let gone = row.ocid.as_ref().and_then(|ocid| {
            let changes = self.power.get(ocid)?;
            changes.iter().find(|(_, change)| *change == PowerChange::Gone).map(|(at, _)| *at)
        });
        let region = row.placement.and_then(|placement| placement.region.clone());
        ReportedSlot {
            region,
            result: if gone.is_some() { SlotResult::Terminated } else { result },
            ended_at: gone.or(track.ended_at),
            // The instance of a slot that was rolled back is still of interest.
            ocid: row.ocid.or_else(|| track.lives.last().map(|life| life.ocid.clone())),
            state: row.state.map(StateName::into_owned),
            availability_domain: row.availability_domain.as_deref().map(str::to_owned),
            fault_domain: row.fault_domain.as_deref().map(str::to_owned),
            shape: row.shape.as_deref().map(str::to_owned),
            attempts: row.attempts,
            ready_in_s: row.ready_in_s,
            ..self.slot(run, row.slot, row.name, row.error.map(|error| *error), track)
        }
    }

    fn action(&mut self, run: usize, row: ActionRow, tracks: &mut Tracks) -> ReportedSlot {
        let track = tracks.take(row.slot);
        let some = |text: String| Some(text).filter(|text| !text.is_empty());
        let result = match row.result {
            RowResult::Done => SlotResult::Done,
            RowResult::Skipped => SlotResult::Skipped,
            RowResult::Accepted | RowResult::WaitEnded => SlotResult::Accepted,
            RowResult::Failed => SlotResult::Failed,
            RowResult::Unknown => SlotResult::InDoubt,
            RowResult::Left => SlotResult::Untried,
        };
        ReportedSlot {
            result,
            ocid: some(row.ocid),
            state: some(row.state),
            availability_domain: some(row.availability_domain),
            fault_domain: row.fault_domain,
            shape: some(row.shape),
            attempts: row.attempts,
            ..self.slot(run, row.slot, row.name, row.error, track)
        }
    }

    /// The parts that all kinds of slots share.
    fn slot(
        &mut self,
        run: usize,
        slot: u32,
        name: String,
        error: Option<ErrorRecord>,
        track: Track,
    ) -> ReportedSlot {
        ReportedSlot {
            run,
            slot,
            name,
            ocid: None,
            result: SlotResult::Untried,
            state: None,
            region: None,
            availability_domain: None,
            fault_domain: None,
            shape: None,
            attempts: 0,
            refused: track.refused,
            asked_at: track.asked_at,
            accepted_at: track.accepted_at,
            done_at: track.done_at,
            ended_at: track.ended_at,
            ready_in_s: None,
            refusals: track.refusals,
            answer: error.as_ref().map(|error| self.answers.position(error)),
            opc_request_id: error.and_then(|error| error.opc_request_id),
        }
    }
}

fn result_of(row: &InstanceSummary, over: bool) -> SlotResult {
    match row {
        row if row.ocid.is_some() && row.running_at.is_some() => SlotResult::Running,
        row if row.ocid.is_some() => SlotResult::Launched,
        row if row.attempts == 0 && row.error.is_none() && (over || !row.waiting) => SlotResult::Untried,
        row if !over && row.given_up.is_none() => SlotResult::Waiting,
        _ => SlotResult::Failed,
    }
}

fn reported_run(run: &PastRun, state: &RunState, clock_went_back: u32) -> ReportedRun {
    let text = |path: &str| {
        let text = state.plan.pointer(path)?.as_str()?;
        Some(text.to_owned()).filter(|text| !text.is_empty())
    };
    let simulated =
        ["/origin/simulated", "/options/simulated", "/simulated"].iter().find_map(|path| text(path));
    ReportedRun {
        run_id: run.head.run,
        kind: state.kind,
        outcome: state.outcome,
        held: run.head.held,
        fleet: text("/fleet/name").or_else(|| text("/fleet/name_prefix")),
        region: text("/fleet/region"),
        simulated,
        requested: state.requested,
        started_at: state.started_at,
        finished_at: state.finished_at,
        last_at: state.last_at,
        resumed: state.resumed,
        returned: None,
        warnings: state.warnings.clone(),
        unreadable: run.records.unreadable.clone(),
        clock_went_back,
    }
}
