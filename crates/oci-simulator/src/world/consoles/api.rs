//! Captures, gets, lists and deletes console histories.

use super::ConsoleRow;
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::instances::validate::check_tags;
use crate::world::instances::{InstanceRow, State};
use crate::world::paging::{Cursor, Order};
use crate::world::request::{answer, empty};
use crate::world::state::World;
use crate::world::time::stamp;
use jiff::SignedDuration;
use oci_api::models::{CaptureConsoleHistoryDetails, ConsoleHistory};

/// How long a history is being captured (invented).
const CAPTURING: SignedDuration = SignedDuration::from_secs(5);
/// The number of bytes that a request without `length` gets (Oracle: GetConsoleHistoryContent).
const USUAL_LENGTH: usize = 10_240;

impl World {
    pub(in crate::world) fn capture_console(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: CaptureConsoleHistoryDetails = request.details()?;
        let tags = new.freeform_tags.unwrap_or_default();
        check_tags(tags.iter().map(|(key, value)| (key.as_str(), value.as_str())))?;
        let (instance, row) = self.instance(&new.instance_id)?;
        match row.state {
            State::Running | State::Stopped => {}
            State::Terminating | State::Terminated => return Err(error::not_found()),
            _ => return Err(error::busy(&new.instance_id)),
        }
        let number = self.consoles.len() as u32;
        let row = ConsoleRow {
            instance,
            name: new.display_name.unwrap_or_else(|| format!("consolehistory{}", stamp(self.now))),
            tags,
            defined_tags: self.defined_tags_of_new(new.defined_tags.as_ref(), &request.caller),
            created: self.now,
            deleted: false,
        };
        self.consoles.push(row);
        let id = Id(Kind::ConsoleHistory, number);
        self.log.push(self.now, "console_captured", Some(id), None);
        Ok((self.console_answer(request, number)?, Some(id)))
    }

    fn console(&self, request: &ApiRequest) -> Result<(u32, &ConsoleRow, &InstanceRow), ApiError> {
        let number = self.ids.number(Kind::ConsoleHistory, request.in_path("instanceConsoleHistoryId"));
        let number = number.ok_or_else(error::not_found)?;
        self.console_of(number).ok_or_else(error::not_found)
    }

    fn console_of(&self, number: u32) -> Option<(u32, &ConsoleRow, &InstanceRow)> {
        let row = self.consoles.get(number as usize).filter(|row| !row.deleted)?;
        Some((number, row, self.instances.get(row.instance)?))
    }

    fn console_state(&self, row: &ConsoleRow) -> &'static str {
        if self.now < row.created + CAPTURING { "GETTING-HISTORY" } else { "SUCCEEDED" }
    }

    fn console_model(&self, number: u32, row: &ConsoleRow, instance: &InstanceRow) -> ConsoleHistory {
        ConsoleHistory {
            id: self.ids.text(Id(Kind::ConsoleHistory, number)),
            availability_domain: self.identity.ad_name(instance.ad),
            compartment_id: compartment_ocid(&self.ids, instance.compartment),
            display_name: Some(row.name.clone()),
            instance_id: self.ids.text(Id(Kind::Instance, row.instance)),
            lifecycle_state: self.console_state(row).into(),
            time_created: Some(row.created),
            freeform_tags: Some(row.tags.clone()),
            defined_tags: Some(row.defined_tags.clone()),
            ..ConsoleHistory::default()
        }
    }

    /// The result of an operation that shows one history.
    pub(in crate::world) fn console_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        let (number, row, instance) = self.console_of(number).ok_or_else(error::not_found)?;
        let model = self.console_model(number, row, instance);
        Ok(answer(request.operation, &model)?.with_etag(self.etag(Id(Kind::ConsoleHistory, number), 0)))
    }

    pub(in crate::world) fn get_console(&self, request: &ApiRequest) -> ApiResult {
        let (number, ..) = self.console(request)?;
        self.console_answer(request, number)
    }

    pub(in crate::world) fn list_consoles(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let ad = self.ad_in(request)?;
        let page = self.page(request)?;
        let instance = request.in_query("instanceId").map(|ocid| self.ids.number(Kind::Instance, ocid));
        let state = request.in_query("lifecycleState");
        let all = (0..self.consoles.len() as u32).filter_map(|number| self.console_of(number));
        let wanted = all.filter(|(_, row, owner)| {
            owner.compartment == compartment
                && ad.is_none_or(|ad| ad == owner.ad)
                && instance.is_none_or(|wanted| wanted == Some(row.instance))
                && state.is_none_or(|state| state.eq_ignore_ascii_case(self.console_state(row)))
        });
        let rows = wanted
            .map(|(number, row, owner)| {
                let cursor = Cursor { group: 0, name: row.name.clone(), number };
                (cursor, self.console_model(number, row, owner))
            })
            .collect();
        page.answer_small(request, Order::read(request), rows)
    }

    /// The text itself, not JSON. It is short, and the same each time.
    pub(in crate::world) fn get_console_content(&self, request: &ApiRequest) -> ApiResult {
        let (_, row, instance) = self.console(request)?;
        if self.console_state(row) != "SUCCEEDED" {
            return Err(error::incorrect_state("the console history is still being captured"));
        }
        let text = format!(
            "[    0.000000] Linux version 6.12.0 (simulated) on {}\n[    1.204113] systemd[1]: Hostname set to <{}>.\n\
             [    9.870021] cloud-init[812]: finished\n\n{} login: ",
            instance.shape.get().name,
            instance.name,
            instance.name
        );
        let number = |name: &str, usual: usize| match request.in_query(name) {
            None => Ok(usual),
            Some(text) => text
                .parse::<usize>()
                .map_err(|_| error::invalid(format!("{name} must be a number, not '{text}'"))),
        };
        let offset = number("offset", 0)?.min(text.len());
        let end = offset.saturating_add(number("length", USUAL_LENGTH)?).min(text.len());
        let part = text.as_bytes()[offset..end].to_vec();
        let remaining = (text.len() - end) as u64;
        Ok(ApiAnswer {
            body: Some(part.into()),
            bytes_remaining: Some(remaining),
            ..empty(request.operation)
        })
    }

    pub(in crate::world) fn delete_console(&mut self, request: &ApiRequest) -> ApiResult {
        let (number, ..) = self.console(request)?;
        let id = Id(Kind::ConsoleHistory, number);
        request.check_etag(&self.etag(id, 0))?;
        self.consoles[number as usize].deleted = true;
        self.log.push(self.now, "console_history_deleted", Some(id), None);
        Ok(empty(request.operation))
    }
}
