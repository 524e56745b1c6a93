//! Opens and closes work requests, and serves GetWorkRequest and its lists.

use super::{ResourceAction, Status, WorkRequestRow};
use crate::world::api::{ApiError, ApiRequest, ApiResult};
use crate::world::error;
use crate::world::identity::compartment_ocid;
use crate::world::ids::{Id, Kind};
use crate::world::paging::{Cursor, Order};
use crate::world::request::answer;
use crate::world::state::World;
use crate::world::time::Moment;
use jiff::Timestamp;
use oci_api::models::{
    WorkRequest, WorkRequestError, WorkRequestLogEntry, WorkRequestResource, WorkRequestResourceActionType,
    WorkRequestStatus, WorkRequestSummary, WorkRequestSummaryStatus,
};

/// Logs and errors are listed oldest first unless the request says otherwise.
fn oldest_first(request: &ApiRequest) -> Order {
    let descending = request.in_query("sortOrder").is_some_and(|order| order.eq_ignore_ascii_case("DESC"));
    Order { by_name: false, descending }
}

impl World {
    /// Opens a work request and returns its number.
    pub(in crate::world) fn open_work_request(
        &mut self,
        operation: &'static str,
        compartment: u32,
        resource: Id,
        action: ResourceAction,
        expected: Timestamp,
    ) -> u32 {
        let number = self.work_requests.len() as u32;
        self.work_requests.push(WorkRequestRow {
            operation: operation.into(),
            compartment,
            resource,
            action,
            status: Status::InProgress,
            accepted: self.now.into(),
            expected: expected.into(),
            finished: None,
            error: None,
            failed_at: None,
        });
        self.works_of.add(resource, number);
        number
    }

    /// Records why an open work request makes no progress.
    pub(in crate::world) fn note_work_request_error(&mut self, number: u32, code: &str, message: &str) {
        let now = self.now;
        let Some(row) = self.work_requests.get_mut(number as usize) else { return };
        if row.status == Status::InProgress && row.error.is_none() {
            row.error = Some(Box::new((code.to_owned(), message.to_owned())));
            row.failed_at = Some(now.into());
        }
    }

    /// Closes a work request that is still open.
    pub(in crate::world) fn close_work_request(
        &mut self,
        number: u32,
        status: Status,
        error: Option<(&str, &str)>,
    ) {
        let now = self.now;
        let Some(row) = self.work_requests.get_mut(number as usize) else { return };
        if row.status == Status::InProgress {
            row.status = status;
            row.finished = Some(now.into());
            row.failed_at = row.failed_at.filter(|_| error.is_some());
            row.error = error.map(|(code, message)| Box::new((code.to_owned(), message.to_owned())));
        }
    }

    /// The OCID of a work request.
    pub(in crate::world) fn work_request_ocid(&self, number: u32) -> String {
        self.ids.text(Id(Kind::WorkRequest, number))
    }

    fn work_request(&self, request: &ApiRequest) -> Result<(u32, &WorkRequestRow), ApiError> {
        let number = self.ids.number(Kind::WorkRequest, request.in_path("workRequestId"));
        let row = number.and_then(|number| Some((number, self.work_requests.get(number as usize)?)));
        row.ok_or_else(error::not_found)
    }

    pub(in crate::world) fn get_work_request(&self, request: &ApiRequest) -> ApiResult {
        let (number, row) = self.work_request(request)?;
        let ocid = self.ids.text(row.resource);
        let (entity, collection) = match row.resource.0 {
            Kind::CapacityReservation => ("capacityReservation", "computeCapacityReservations"),
            Kind::InstancePool => ("instancePool", "instancePools"),
            Kind::ClusterNetwork => ("clusterNetwork", "clusterNetworks"),
            Kind::Image => ("image", "images"),
            Kind::Vcn => ("vcn", "vcns"),
            Kind::Subnet => ("subnet", "subnets"),
            Kind::Vnic => ("vnic", "vnics"),
            Kind::Compartment => ("compartment", "compartments"),
            Kind::TagNamespace => ("tagNamespace", "tagNamespaces"),
            Kind::TagDefinition => ("tag", "tags"),
            Kind::VolumeAttachment => ("volumeAttachment", "volumeAttachments"),
            _ => ("instance", "instances"),
        };
        let action_type = match (row.status, row.action) {
            (Status::InProgress, _) => WorkRequestResourceActionType::InProgress,
            (Status::Succeeded, ResourceAction::Create) => WorkRequestResourceActionType::Created,
            (Status::Succeeded, ResourceAction::Update) => WorkRequestResourceActionType::Updated,
            (Status::Succeeded, ResourceAction::Delete) => WorkRequestResourceActionType::Deleted,
            (Status::Failed | Status::Canceled, _) => WorkRequestResourceActionType::Related,
        };
        let started = row.started() <= self.now;
        let model = WorkRequest {
            id: self.work_request_ocid(number),
            operation_type: row.operation.to_string(),
            status: WorkRequestStatus::from(row.status.as_str(started)),
            compartment_id: compartment_ocid(&self.ids, row.compartment),
            resources: vec![WorkRequestResource {
                action_type,
                entity_type: entity.to_owned(),
                entity_uri: Some(format!("/20160918/{collection}/{ocid}")),
                identifier: ocid,
                ..WorkRequestResource::default()
            }],
            percent_complete: self.percent(row),
            time_accepted: Some(row.accepted.time()),
            time_started: started.then(|| row.started()),
            time_finished: row.finished.map(Moment::time),
            ..WorkRequest::default()
        };
        answer(request.operation, &model)
    }

    /// How far it is: by the time that it takes, or, of a cluster network, by the members that run.
    fn percent(&self, row: &WorkRequestRow) -> f64 {
        let of_network = match row.resource {
            Id(Kind::ClusterNetwork, number) if row.status == Status::InProgress => {
                self.network_progress(number)
            }
            _ => None,
        };
        of_network.unwrap_or_else(|| row.percent(self.now))
    }

    pub(in crate::world) fn list_work_requests(&mut self, request: &ApiRequest) -> ApiResult {
        let compartment = self.compartment_in(request)?;
        let page = self.page(request)?;
        let numbers: Box<dyn Iterator<Item = u32>> = match request.in_query("resourceId") {
            Some(ocid) => {
                let id = self.ids.find(ocid);
                Box::new(id.into_iter().flat_map(|id| self.works_of.of(id).rev()))
            }
            None => Box::new((0..self.work_requests.len() as u32).rev()),
        };
        let after = page.after.as_ref().map_or(u32::MAX, |after| after.number);
        let rows = numbers.filter(|number| *number < after).map(|number| Cursor {
            group: 0,
            name: String::new(),
            number,
        });
        let row = |cursor: &Cursor| &self.work_requests[cursor.number as usize];
        page.answer(
            request,
            rows,
            |cursor| row(cursor).compartment == compartment,
            |cursor| {
                let row = row(cursor);
                let started = row.started() <= self.now;
                WorkRequestSummary {
                    id: self.work_request_ocid(cursor.number),
                    operation_type: row.operation.to_string(),
                    status: WorkRequestSummaryStatus::from(row.status.as_str(started)),
                    compartment_id: compartment_ocid(&self.ids, row.compartment),
                    percent_complete: self.percent(row),
                    time_accepted: Some(row.accepted.time()),
                    time_started: started.then(|| row.started()),
                    time_finished: row.finished.map(Moment::time),
                    ..WorkRequestSummary::default()
                }
            },
        )
    }

    pub(in crate::world) fn list_work_request_errors(&mut self, request: &ApiRequest) -> ApiResult {
        let page = self.page(request)?;
        let (_, row) = self.work_request(request)?;
        let errors = row.error.iter().map(|error| WorkRequestError {
            code: error.0.clone(),
            message: error.1.clone(),
            timestamp: row.failed_at.or(row.finished).map(Moment::time),
            ..WorkRequestError::default()
        });
        page.answer_small(
            request,
            oldest_first(request),
            errors.map(|error| (Cursor::default(), error)).collect(),
        )
    }

    pub(in crate::world) fn list_work_request_logs(&mut self, request: &ApiRequest) -> ApiResult {
        let page = self.page(request)?;
        let (_, row) = self.work_request(request)?;
        let mut logs = vec![(row.accepted.time(), format!("{} was accepted.", row.operation))];
        if row.started() <= self.now {
            logs.push((row.started(), format!("{} is in progress.", row.operation)));
        }
        if let Some(finished) = row.finished {
            let end = match row.status {
                Status::Failed => "failed",
                Status::Canceled => "was canceled",
                Status::Succeeded | Status::InProgress => "succeeded",
            };
            logs.push((finished.time(), format!("{} {end}.", row.operation)));
        }
        let logs = logs.into_iter().zip(0..).map(|((at, message), number)| {
            let cursor = Cursor { group: 0, name: String::new(), number };
            (cursor, WorkRequestLogEntry { message, timestamp: Some(at), ..WorkRequestLogEntry::default() })
        });
        page.answer_small(request, oldest_first(request), logs.collect())
    }
}
