//! Who answers which operation.

use super::World;
use super::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use super::error;
use super::ids::{Id, Kind};
use super::instances::State;
use super::request::empty;
use oci_api::{Method, Operation};

impl World {
    /// Answers one request, at the world's present time.
    pub fn handle(&mut self, request: &ApiRequest) -> ApiResult {
        let result = self.check_caller(request).and_then(|()| self.answer_or_repeat(request));
        if let Err(refusal) = &result
            && request.operation.info().method != Method::Get
        {
            let detail = format!("{} {} {}", request.operation.name(), refusal.status, refusal.code);
            self.log.push(self.now, "request_refused", None, Some(&detail));
        }
        result
    }

    fn check_caller(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let known = self.ids.find(&request.caller.tenancy) == Some(Id(Kind::Tenancy, 0));
        if known { Ok(()) } else { Err(error::not_found()) }
    }

    fn answer_or_repeat(&mut self, request: &ApiRequest) -> ApiResult {
        if let Some(made) = self.bound_to(request)? {
            return self.repeat(request, made);
        }
        let (answer, made) = self.dispatch(request)?;
        if let Some(made) = made {
            self.bind(request, made);
        }
        Ok(answer)
    }

    /// The answer to a request whose retry token stands for something already: that, as it is now.
    fn repeat(&self, request: &ApiRequest, made: Id) -> ApiResult {
        let gone = || error::invalidated_token("The resource that the retry token stands for is gone.");
        match made {
            Id(Kind::Instance, number) => {
                let row = self.instances.get(number).ok_or_else(gone)?;
                let deleted = matches!(row.state, State::Terminating | State::Terminated) && !row.failed;
                if deleted {
                    return Err(gone());
                }
                if request.operation.info().work_request {
                    self.launched(request, number)
                } else {
                    self.instance_answer(request.operation, number, row)
                }
            }
            Id(Kind::CapacityReservation, number) => {
                let row = self.reservations.get(&number).filter(|row| row.exists()).ok_or_else(gone)?;
                let _ = row;
                if request.operation == Operation::CreateComputeCapacityReservation {
                    return self.created_reservation(request, number);
                }
                let work = self.reservation_work(number).ok_or_else(gone)?;
                Ok(empty(request.operation).with_work_request(work))
            }
            _ => Err(gone()),
        }
    }

    fn dispatch(&mut self, request: &ApiRequest) -> Result<(ApiAnswer, Option<Id>), ApiError> {
        match request.operation {
            Operation::LaunchInstance => self.launch_instance(request),
            Operation::UpdateInstance => self.update_instance(request),
            Operation::InstanceAction => self.instance_action(request),
            Operation::CreateComputeCapacityReservation => self.create_reservation(request),
            Operation::ChangeComputeCapacityReservationCompartment => self.move_reservation(request),
            _ => self.dispatch_plain(request).map(|answer| (answer, None)),
        }
    }

    fn dispatch_plain(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::GetInstance => self.get_instance(request),
            Operation::ListInstances => self.list_instances(request),
            Operation::TerminateInstance => self.terminate_instance(request),
            Operation::GetComputeCapacityReservation => self.get_reservation(request),
            Operation::ListComputeCapacityReservations => self.list_reservations(request),
            Operation::UpdateComputeCapacityReservation => self.update_reservation(request),
            Operation::DeleteComputeCapacityReservation => self.delete_reservation(request),
            Operation::ListComputeCapacityReservationInstances => self.list_reservation_instances(request),
            Operation::ListComputeCapacityReservationInstanceShapes => self.list_reservable_shapes(request),
            Operation::CreateComputeCapacityReport => self.create_capacity_report(request),
            Operation::ListShapes => self.list_shapes(request),
            Operation::ListImages => self.list_images(request),
            Operation::GetImage => self.get_image(request),
            Operation::GetSubnet => self.get_subnet(request),
            Operation::ListSubnets => self.list_subnets(request),
            Operation::GetVcn => self.get_vcn(request),
            Operation::ListVcns => self.list_vcns(request),
            Operation::ListAvailabilityDomains => self.list_availability_domains(request),
            Operation::ListFaultDomains => self.list_fault_domains(request),
            Operation::ListRegionSubscriptions => self.list_region_subscriptions(request),
            Operation::ListCompartments => self.list_compartments(request),
            Operation::GetCompartment => self.get_compartment(request),
            Operation::GetTenancy => self.get_tenancy(request),
            Operation::GetUser => self.get_user(request),
            Operation::GetWorkRequest => self.get_work_request(request),
            Operation::ListWorkRequests => self.list_work_requests(request),
            Operation::ListWorkRequestErrors => self.list_work_request_errors(request),
            Operation::ListWorkRequestLogs => self.list_work_request_logs(request),
            _ => Ok(empty(request.operation)),
        }
    }
}
