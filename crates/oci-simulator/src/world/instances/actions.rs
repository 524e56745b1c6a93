//! GetInstance, InstanceAction and TerminateInstance.

use super::{InstanceRow, State};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::chance::Chance;
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::request::empty;
use crate::world::schedule::Step;
use crate::world::settings::TerminateAgain;
use crate::world::state::World;
use crate::world::time::trim;
use crate::world::work_requests::{ResourceAction, Status};

impl World {
    /// The instance with this OCID, or 404.
    pub(in crate::world) fn instance(&self, ocid: &str) -> Result<(u32, &InstanceRow), ApiError> {
        let number = self.ids.number(Kind::Instance, ocid);
        number.and_then(|number| Some((number, self.instances.get(number)?))).ok_or_else(error::not_found)
    }

    pub(in crate::world) fn get_instance(&self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.instance(request.in_path("instanceId"))?;
        self.instance_answer(request.operation, number, row)
    }

    /// The instance in the path, if its etag matches the `if-match` of the request.
    pub(in crate::world) fn instance_to_change(
        &self,
        request: &ApiRequest,
    ) -> Result<(u32, &InstanceRow), ApiError> {
        let (number, row) = self.instance(request.in_path("instanceId"))?;
        request.check_etag(&self.etag(Id(Kind::Instance, number), row.version))?;
        Ok((number, row))
    }

    pub(in crate::world) fn instance_action(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let action = request.in_query("action").unwrap_or_default().to_ascii_uppercase();
        let (number, _) = self.instance_to_change(request)?;
        self.act(number, &action)?;
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        let answer = self.instance_answer(request.operation, number, row)?;
        Ok((answer, Some(Id(Kind::Instance, number))))
    }

    /// Performs an action on an instance, if its state allows it.
    pub(in crate::world) fn act(&mut self, number: u32, action: &str) -> Result<(), ApiError> {
        let row = self.instances.get(number).ok_or_else(error::not_found)?;
        let ocid = self.ids.text(Id(Kind::Instance, number));
        let state = row.state;
        if state == State::Terminated {
            return Err(error::incorrect_state(format!("instance {ocid} is in state TERMINATED")));
        }
        if state.is_passing() {
            return Err(error::busy(&ocid));
        }
        if self.instances.extras.get(row.extras).preemptible_instance_config.is_some() {
            return Err(error::incorrect_state(format!(
                "preemptible instance {ocid} does not take action {action}"
            )));
        }
        if row.shape.get().is_bare_metal() && action == "DIAGNOSTICREBOOT" {
            return Err(error::invalid("DIAGNOSTICREBOOT is for virtual machines only"));
        }
        let (ad, need, family) = (row.ad, row.need, row.shape.get().family);
        let mut chance = Chance::of(self.seed, action, number ^ row.epoch << 20);
        let stop = trim(self.settings.stop_seconds.draw(&mut chance));
        match (action, state) {
            ("STOP" | "SOFTSTOP", State::Running) => self.turn(number, State::Stopping, stop, Step::Stopped),
            ("START", State::Stopped) if self.fails_late(number, &mut chance) => {
                self.start_in_vain(number, &mut chance);
            }
            ("START", State::Stopped) => {
                if !self.regain_capacity(number) {
                    self.make_room(ad, None, family, need);
                    return Err(self.no_capacity(family));
                }
                let start = trim(self.settings.start_seconds.draw(&mut chance));
                self.turn(number, State::Starting, start, Step::Running);
            }
            ("RESET" | "SOFTRESET" | "DIAGNOSTICREBOOT", State::Running) => {
                self.turn(number, State::Stopping, stop, Step::Restarted);
            }
            ("REBOOTMIGRATE", State::Running) => self.turn(number, State::Moving, stop, Step::Moved),
            ("SENDDIAGNOSTICINTERRUPT", State::Running) => {}
            (
                "START"
                | "STOP"
                | "SOFTSTOP"
                | "RESET"
                | "SOFTRESET"
                | "DIAGNOSTICREBOOT"
                | "REBOOTMIGRATE"
                | "SENDDIAGNOSTICINTERRUPT",
                _,
            ) => {
                return Err(error::incorrect_state(format!(
                    "instance {ocid} is in state {}, which action {action} does not allow",
                    state.as_str()
                )));
            }
            _ => return Err(error::invalid(format!("action '{action}' is not known"))),
        }
        Ok(())
    }

    /// Whether an accepted start will fail. An instance that keeps its capacity always starts.
    fn fails_late(&self, number: u32, chance: &mut Chance) -> bool {
        let keeps_place = self.instances.get(number).is_none_or(|row| row.held.is_some());
        !keeps_place && chance.happens(self.settings.late_failure.start_probability)
    }

    /// Begins a start that finds no capacity. That a start has a work request is an assumption, since its response names none.
    fn start_in_vain(&mut self, number: u32, chance: &mut Chance) {
        let start = trim(self.settings.start_seconds.draw(chance));
        let compartment = self.instances.get(number).map_or(0, |row| row.compartment);
        let (id, expected) = (Id(Kind::Instance, number), self.now + start);
        let work = self.open_work_request("StartInstance", compartment, id, ResourceAction::Update, expected);
        if let Some(row) = self.instances.get_mut(number) {
            row.work = work;
        }
        self.turn(number, State::Starting, start, Step::NotStarted);
    }

    /// Begins the transition to another state, which the step ends after the delay.
    pub(in crate::world) fn turn(
        &mut self,
        number: u32,
        state: State,
        delay: jiff::SignedDuration,
        step: Step,
    ) {
        self.enter(number, state);
        self.after(number, delay, step);
    }

    pub(in crate::world) fn terminate_instance(&mut self, request: &ApiRequest) -> ApiResult {
        let keep_boot = request.flag("preserveBootVolume", false)?;
        let keep_data = request.flag("preserveDataVolumesCreatedAtLaunch", true)?;
        let (number, row) = self.instance_to_change(request)?;
        if matches!(row.state, State::Terminating | State::Terminated) {
            return match self.settings.terminate_again {
                TerminateAgain::NoContent => Ok(empty(request.operation)),
                TerminateAgain::Conflict => Err(error::busy(request.in_path("instanceId"))),
            };
        }
        let work = self.terminate(number, keep_boot, keep_data);
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    /// Begins to terminate an instance. Returns the number of the work request.
    pub(in crate::world) fn terminate(&mut self, number: u32, keep_boot: bool, keep_data: bool) -> u32 {
        let Some(row) = self.instances.get_mut(number) else { return 0 };
        row.keep_boot = keep_boot;
        row.keep_data = keep_data;
        let (compartment, before, epoch) = (row.compartment, row.work, row.epoch);
        let mut chance = Chance::of(self.seed, "terminate", number ^ epoch << 20);
        let delay = trim(self.settings.terminate_seconds.draw(&mut chance));
        self.close_work_request(before, Status::Canceled, None);
        let id = Id(Kind::Instance, number);
        let expected = self.now + delay;
        let work =
            self.open_work_request("TerminateInstance", compartment, id, ResourceAction::Delete, expected);
        if let Some(row) = self.instances.get_mut(number) {
            row.work = work;
        }
        self.turn(number, State::Terminating, delay, Step::Terminated);
        work
    }
}
