//! Compartments: made, renamed and deleted (Oracle: "Managing Compartments").

use super::manage::{NewRow, RowChange, name_is_taken};
use super::{CompartmentEnd, CompartmentRow, OwnCompartment, compartment_ocid};
use crate::world::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::ids::{Id, Kind};
use crate::world::network::Phase;
use crate::world::request::{answer, empty};
use crate::world::schedule::Task;
use crate::world::state::World;
use crate::world::work_requests::{ResourceAction, Status};
use jiff::{SignedDuration, Timestamp};
use oci_api::models::{Compartment, UpdateCompartmentDetails};

/// How long a compartment is DELETING (Oracle: "several minutes"; the time is invented).
const DELETING: SignedDuration = SignedDuration::from_secs(60);
/// How deep compartments can be nested (Oracle: "Managing Compartments").
const DEPTH_MAX: usize = 6;

impl CompartmentRow {
    /// Its state, as the API shows it.
    pub(in crate::world) fn state(&self, now: Timestamp) -> &'static str {
        let Some(own) = &self.own else { return "ACTIVE" };
        match own.ending {
            Some(ending) if now < ending.since + DELETING => "DELETING",
            Some(ending) if ending.succeeds => "DELETED",
            _ if own.common.phase(own.created, now) == Some(Phase::Provisioning) => "CREATING",
            _ => "ACTIVE",
        }
    }

    /// Whether it was not deleted.
    pub(in crate::world) fn exists(&self, now: Timestamp) -> bool {
        self.state(now) != "DELETED"
    }
}

impl World {
    /// Whether a compartment is this place or below it.
    pub(in crate::world) fn is_below(&self, compartment: u32, place: u32) -> bool {
        let mut at = compartment;
        while at != place && at != 0 {
            at = self.identity.compartments.get(at as usize).map_or(0, |row| row.parent);
        }
        at == place
    }

    /// The compartment with this path of names below another one.
    pub(in crate::world) fn below(&self, compartment: u32, path: &[String]) -> Option<u32> {
        path.iter().try_fold(compartment, |parent, name| {
            let mut all = self.identity.compartments.iter().zip(0_u32..).skip(1);
            let found = all.find(|(row, _)| {
                row.parent == parent && row.exists(self.now) && row.name.eq_ignore_ascii_case(name)
            });
            found.map(|(_, number)| number)
        })
    }

    pub(in crate::world) fn create_compartment(
        &mut self,
        request: &ApiRequest,
    ) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        let new: NewRow = request.details()?;
        let parent = self.compartment(&new.compartment_id)?;
        self.check_compartment_name(&new.name, parent, None)?;
        let mut depth = 1;
        let mut at = parent;
        while at != 0 {
            depth += 1;
            at = self.identity.compartments[at as usize].parent;
        }
        if depth > DEPTH_MAX {
            return Err(error::invalid(format!("compartments can be nested {DEPTH_MAX} levels deep")));
        }
        let common = self.iam_common(new.freeform_tags, new.defined_tags.as_ref(), request)?;
        let own = OwnCompartment { description: new.description, created: self.now, common, ending: None };
        let number = self.identity.compartments.len() as u32;
        let row = CompartmentRow { parent, name: new.name, own: Some(Box::new(own)) };
        self.identity.compartments.push(row);
        self.identity.iam.changes += 1;
        let id = Id(Kind::Compartment, number);
        self.log.push(self.now, "compartment_created", Some(id), None);
        Ok((self.compartment_answer(request, number)?, Some(id)))
    }

    fn check_compartment_name(&self, name: &str, parent: u32, own: Option<u32>) -> Result<(), ApiError> {
        let is_good = (1..=100).contains(&name.len())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if !is_good {
            return Err(error::invalid(format!(
                "name '{name}' is not valid for a compartment: it has 1 to 100 letters, digits, periods, hyphens and \
                 underscores"
            )));
        }
        let mut all = self.identity.compartments.iter().zip(0_u32..).skip(1);
        let taken = all.any(|(row, number)| {
            row.parent == parent
                && Some(number) != own
                && row.exists(self.now)
                && row.name.eq_ignore_ascii_case(name)
        });
        if taken { Err(name_is_taken(Kind::Compartment, name)) } else { Ok(()) }
    }

    pub(super) fn compartment_model(&self, number: u32) -> Compartment {
        let row = &self.identity.compartments[number as usize];
        let own = row.own.as_deref();
        let common = own.map(|own| &own.common);
        Compartment {
            id: compartment_ocid(&self.ids, number),
            // The tenancy has no parent compartment: clients go up until there is no parent.
            compartment_id: (number > 0).then(|| compartment_ocid(&self.ids, row.parent)),
            name: row.name.clone(),
            description: own.map_or_else(
                || "A compartment of the simulated region".into(),
                |own| own.description.clone(),
            ),
            time_created: Some(own.map_or(self.identity.since, |own| own.created)),
            lifecycle_state: row.state(self.now).into(),
            is_accessible: Some(true),
            defined_tags: Some(common.map(|common| common.defined_tags.clone()).unwrap_or_default()),
            freeform_tags: Some(common.map(|common| common.tags.clone()).unwrap_or_default()),
            ..Compartment::default()
        }
    }

    /// The result of an operation that shows one compartment.
    pub(in crate::world) fn compartment_answer(&self, request: &ApiRequest, number: u32) -> ApiResult {
        if self.identity.compartments.len() <= number as usize {
            return Err(error::not_found());
        }
        let etag = self.compartment_etag(number);
        Ok(answer(request.operation, &self.compartment_model(number))?.with_etag(etag))
    }

    fn compartment_etag(&self, number: u32) -> String {
        let own = self.identity.compartments[number as usize].own.as_ref();
        self.etag(Id(Kind::Compartment, number), own.map_or(0, |own| own.common.version))
    }

    pub(in crate::world) fn get_compartment(&self, request: &ApiRequest) -> ApiResult {
        // A deleted compartment is still shown.
        let ocid = request.in_path("compartmentId");
        let number = match self.ids.find(ocid) {
            Some(Id(Kind::Compartment, number)) if number > 0 => number,
            _ => self.compartment(ocid)?,
        };
        self.compartment_answer(request, number)
    }

    /// The compartment that a request changes: not the tenancy, and not one that is being deleted.
    fn changed_compartment(&self, request: &ApiRequest) -> Result<u32, ApiError> {
        let ocid = request.in_path("compartmentId");
        let number = self.compartment(ocid)?;
        if number == 0 {
            return Err(error::invalid("the root compartment cannot be changed or deleted"));
        }
        request.check_etag(&self.compartment_etag(number))?;
        match self.identity.compartments[number as usize].state(self.now) {
            "DELETING" => Err(error::incorrect_state(format!("{ocid} is in state DELETING"))),
            _ => Ok(number),
        }
    }

    /// What somebody chose about a compartment, to be changed.
    fn own_compartment(&mut self, number: u32) -> (&mut String, &mut OwnCompartment) {
        let since = self.identity.since;
        let row = &mut self.identity.compartments[number as usize];
        let own = row.own.get_or_insert_with(|| {
            Box::new(OwnCompartment {
                description: "A compartment of the simulated region".into(),
                created: since,
                ..OwnCompartment::default()
            })
        });
        (&mut row.name, own)
    }

    pub(in crate::world) fn update_compartment(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_compartment(request)?;
        let new: UpdateCompartmentDetails = request.details()?;
        let change: RowChange = request.details()?;
        change.check()?;
        let parent = self.identity.compartments[number as usize].parent;
        if let Some(name) = &new.name {
            self.check_compartment_name(name, parent, Some(number))?;
        }
        let (name, own) = self.own_compartment(number);
        if let Some(new) = new.name {
            *name = new;
        }
        change.apply(&mut own.description, &mut own.common);
        self.identity.iam.changes += 1;
        self.log.push(self.now, "compartment_updated", Some(Id(Kind::Compartment, number)), None);
        self.compartment_answer(request, number)
    }

    /// Deletes a compartment. Whether it is empty decides how its work request ends (Oracle: "Deleting Compartments").
    pub(in crate::world) fn delete_compartment(&mut self, request: &ApiRequest) -> ApiResult {
        let number = self.changed_compartment(request)?;
        let used = self.first_in_compartment(number).or_else(|| self.used_elsewhere(number));
        let (now, ends) = (self.now, self.now + DELETING);
        let (_, own) = self.own_compartment(number);
        own.ending = Some(CompartmentEnd { since: now, succeeds: used.is_none() });
        own.common.version += 1;
        self.identity.iam.changes += 1;
        let id = Id(Kind::Compartment, number);
        let work = self.open_work_request(request.operation.name(), number, id, ResourceAction::Delete, ends);
        self.schedule.at(ends, Task::Compartment { number, work });
        self.log.push(now, "compartment_deleting", Some(id), used.as_deref());
        Ok(empty(request.operation).with_work_request(self.work_request_ocid(work)))
    }

    /// The deletion of a compartment ends.
    pub(in crate::world) fn finish_compartment(&mut self, number: u32, work: u32) {
        let row = self.identity.compartments.get(number as usize);
        let succeeds = row.and_then(|row| row.own.as_ref()?.ending).is_some_and(|ending| ending.succeeds);
        let id = Id(Kind::Compartment, number);
        if succeeds {
            self.close_work_request(work, Status::Succeeded, None);
            self.log.push(self.now, "compartment_deleted", Some(id), None);
        } else {
            let text = "The compartment is not empty. Delete or move its resources first.";
            self.close_work_request(work, Status::Failed, Some(("CompartmentNotEmpty", text)));
            self.log.push(self.now, "compartment_kept", Some(id), None);
        }
    }

    /// Refuses a request to make something in a compartment that is being deleted (text invented).
    pub(in crate::world) fn check_place_of_new(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let named = request.body.as_ref().and_then(|body| body.get("compartmentId")?.as_str());
        let Some(ocid) = named else { return Ok(()) };
        let Some(number) = self.ids.number(Kind::Compartment, ocid) else { return Ok(()) };
        match self.identity.compartments.get(number as usize) {
            Some(row) if row.state(self.now) == "DELETING" => {
                Err(error::incorrect_state(format!("compartment {ocid} is in state DELETING")))
            }
            _ => Ok(()),
        }
    }

    /// Something in a compartment that keeps it from being deleted, of the resources of other regions.
    fn used_elsewhere(&self, compartment: u32) -> Option<String> {
        self.elsewhere.get(&compartment).cloned()
    }
}
