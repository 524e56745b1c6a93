//! Dispatches each operation to its method, and handles repeated retry tokens.

use super::api::{ApiAnswer, ApiError, ApiRequest, ApiResult};
use super::clusters::is_move;
use super::error;
use super::ids::{Id, Kind};
use super::instances::State;
use super::request::empty;
use super::schedule::Task;
use super::state::World;
use super::time::seconds;
use oci_api::{Method, Operation};

impl World {
    /// Handles one request at the current time of the world.
    ///
    /// # Errors
    /// The refusal, with the status, code and text of the service.
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

    /// Refuses a caller of another tenancy.
    fn check_caller(&self, request: &ApiRequest) -> Result<(), ApiError> {
        let known = self.ids.find(&request.caller.tenancy) == Some(Id(Kind::Tenancy, 0));
        if known { Ok(()) } else { Err(error::not_found()) }
    }

    fn answer_or_repeat(&mut self, request: &ApiRequest) -> ApiResult {
        if let Some((made, work)) = self.tokens.bound_to(request)? {
            let mut answer = self.repeat(request, made)?;
            // Later operations on the resource have their own work requests.
            answer.work_request = work.map(|work| self.work_request_ocid(work)).or(answer.work_request);
            return Ok(answer);
        }
        self.check_home(request)?;
        self.check_place_of_new(request)?;
        let tagged = self.with_defined_tags(request)?;
        let tagged = tagged.map(|body| ApiRequest { body: Some(body), ..request.clone() });
        let request = tagged.as_ref().unwrap_or(request);
        let Some(answer) = self.dispatch_bound(request) else { return self.dispatch(request) };
        let (answer, made) = answer?;
        if let Some(made) = made {
            self.bind(request, made, answer.work_request.as_deref());
        }
        Ok(answer)
    }

    /// Binds the request's retry token to what the request created, for as long as the settings say.
    fn bind(&mut self, request: &ApiRequest, made: Id, work: Option<&str>) {
        let expires = self.now + seconds(self.settings.retry_token_hours * 3600.0);
        let work = work.and_then(|ocid| self.ids.number(Kind::WorkRequest, ocid));
        if let Some(due) = self.tokens.bind(request, made, work, expires) {
            self.schedule.at(due, Task::ForgetToken);
        }
    }

    /// The result of a request whose retry token is already bound: the resource in its current state.
    fn repeat(&self, request: &ApiRequest, made: Id) -> ApiResult {
        let gone = || error::invalidated_token("The resource that the retry token stands for is gone.");
        if is_move(request.operation) {
            return self.moved(request, made).map_err(|_| gone());
        }
        match made {
            Id(Kind::Instance, number) => {
                self.repeat_instance(request, number).unwrap_or_else(|| Err(gone()))
            }
            Id(Kind::CapacityReservation, number) => {
                self.reservations.get(&number).filter(|row| row.exists()).ok_or_else(gone)?;
                if request.operation == Operation::CreateComputeCapacityReservation {
                    return self.created_reservation(request, number);
                }
                let work = self.reservation_work(number).ok_or_else(gone)?;
                Ok(empty(request.operation).with_work_request(work))
            }
            Id(Kind::InstanceConfiguration, number) => {
                self.configurations.get(&number).ok_or_else(gone)?;
                self.configuration_answer(request, number)
            }
            Id(Kind::InstancePool, number) => {
                self.pools.get(&number).filter(|pool| pool.exists()).ok_or_else(gone)?;
                self.pool_answer(request, number)
            }
            Id(Kind::ComputeCluster, number) => {
                self.clusters
                    .compute
                    .get(number as usize)
                    .filter(|row| row.common.lives())
                    .ok_or_else(gone)?;
                self.compute_cluster_answer(request, number)
            }
            Id(Kind::ClusterNetwork, number) => {
                self.cluster_network_answer(request, number).map_err(|_| gone())
            }
            Id(Kind::LimitsIncreaseRequest, number) => {
                self.limit_requests.rows.get(&number).ok_or_else(gone)?;
                self.limit_request_answer(request, number)
            }
            Id(Kind::Image, number) => self.image_answer(request, number).map_err(|_| gone()),
            Id(Kind::ConsoleHistory, number) => self.console_answer(request, number).map_err(|_| gone()),
            Id(Kind::Volume, number) => self.volume_answer(request, number).map_err(|_| gone()),
            Id(Kind::BootVolume, number) => self.boot_volume_answer(request, number).map_err(|_| gone()),
            id @ Id(Kind::VolumeBackup | Kind::BootVolumeBackup, _) => {
                self.backup_answer(request, id).map_err(|_| gone())
            }
            Id(Kind::VolumeGroup, number) => self.volume_group_answer(request, number).map_err(|_| gone()),
            Id(Kind::VolumeAttachment, number) => self.attachment_answer(request, number).map_err(|_| gone()),
            Id(Kind::Vcn, number) => self.vcn_answer(request, number).map_err(|_| gone()),
            Id(Kind::Subnet, number) => self.subnet_answer(request, number).map_err(|_| gone()),
            Id(Kind::VnicAttachment, number) => {
                self.card_attachment_answer(request, number).map_err(|_| gone())
            }
            Id(Kind::PrivateIp, number) => self.private_answer(request, number).map_err(|_| gone()),
            Id(Kind::PublicIp, number) => self.public_answer(request, number).map_err(|_| gone()),
            Id(Kind::Ipv6, number) => self.ipv6_answer(request, number).map_err(|_| gone()),
            // Several addresses were made at once.
            Id(Kind::WorkRequest, _) => Ok(empty(request.operation)),
            Id(Kind::Compartment, number) => self.compartment_answer(request, number),
            id @ Id(
                Kind::User
                | Kind::Group
                | Kind::DynamicGroup
                | Kind::Policy
                | Kind::GroupMembership
                | Kind::TagNamespace
                | Kind::TagDefinition
                | Kind::TagDefault,
                _,
            ) => self.iam_answer(request, id).map_err(|_| gone()),
            id => self.part_answer(request, id).map_err(|_| gone()),
        }
    }

    /// The same for an instance; `None` if it was deleted. An instance whose launch failed late was not deleted, and is shown
    /// in its current state.
    fn repeat_instance(&self, request: &ApiRequest, number: u32) -> Option<ApiResult> {
        let row = self.instances.get(number)?;
        if matches!(row.state, State::Terminating | State::Terminated) && !row.failed {
            return None;
        }
        let pool = || self.ids.number(Kind::InstancePool, request.in_path("instancePoolId"));
        Some(match request.operation {
            Operation::InstanceAction => self.instance_answer(request.operation, number, row),
            Operation::AttachInstancePoolInstance => {
                self.member_answer(request, pool()?, number).map(|mut answer| {
                    answer.work_request = pool().and_then(|pool| self.pool_work(pool));
                    answer
                })
            }
            Operation::DetachInstancePoolInstance => {
                Ok(empty(request.operation).with_work_request(self.pool_work(pool()?)?))
            }
            Operation::UpdateInstance => self
                .instance_answer(request.operation, number, row)
                .map(|answer| answer.with_work_request(self.work_request_ocid(row.work))),
            _ => self.launched(request, number),
        })
    }

    /// Operations whose retry token is bound to what they created or changed; `None` for all others.
    fn dispatch_bound(&mut self, request: &ApiRequest) -> Option<Result<(ApiAnswer, Option<Id>), ApiError>> {
        Some(match request.operation {
            Operation::LaunchInstance => self.launch_instance(request),
            Operation::UpdateInstance => self.update_instance(request),
            Operation::InstanceAction => self.instance_action(request),
            Operation::CreateComputeCapacityReservation => self.create_reservation(request),
            Operation::ChangeComputeCapacityReservationCompartment => self.move_reservation(request),
            Operation::CreateInstanceConfiguration => self.create_configuration(request),
            Operation::LaunchInstanceConfiguration => self.launch_configuration(request),
            Operation::CreateInstancePool => self.create_pool(request),
            Operation::UpdateInstancePool => self.update_pool(request),
            Operation::StartInstancePool => self.pool_action(request, "START"),
            Operation::StopInstancePool => self.pool_action(request, "STOP"),
            Operation::SoftstopInstancePool => self.pool_action(request, "SOFTSTOP"),
            Operation::ResetInstancePool => self.pool_action(request, "RESET"),
            Operation::SoftresetInstancePool => self.pool_action(request, "SOFTRESET"),
            Operation::CreateComputeCluster => self.create_compute_cluster(request),
            Operation::CreateClusterNetwork => self.create_cluster_network(request),
            operation if is_move(operation) => self.move_to_compartment(request),
            Operation::AttachInstancePoolInstance => self.attach_member(request),
            Operation::DetachInstancePoolInstance => self.detach_member(request),
            Operation::CreateLimitsIncreaseRequest => self.create_limit_request(request),
            Operation::CancelLimitsIncreaseRequest => self.cancel_limit_request(request),
            Operation::CreateImage => self.create_image(request),
            Operation::CaptureConsoleHistory => self.capture_console(request),
            Operation::CreateVolume => self.create_volume(request),
            Operation::CreateBootVolume => self.create_boot_volume(request),
            Operation::CreateVolumeBackup | Operation::CreateBootVolumeBackup => self.create_backup(request),
            Operation::CreateVolumeGroup => self.create_volume_group(request),
            Operation::AttachVolume => self.attach_volume(request),
            _ => {
                return self
                    .dispatch_bound_network(request)
                    .or_else(|| self.dispatch_bound_identity(request));
            }
        })
    }

    fn dispatch(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::GetInstance => self.get_instance(request),
            Operation::ListInstances => self.list_instances(request),
            Operation::TerminateInstance => self.terminate_instance(request),
            Operation::ListShapes => self.list_shapes(request),
            Operation::ListImages => self.list_images(request),
            Operation::GetImage => self.get_image(request),
            Operation::ListImageShapeCompatibilityEntries => self.list_image_shapes(request),
            Operation::GetImageShapeCompatibilityEntry => self.get_image_shape(request),
            Operation::GetVnicAttachment => self.get_vnic_attachment(request),
            Operation::GetBootVolumeAttachment => self.get_boot_volume_attachment(request),
            Operation::GetVolumeAttachment => self.get_volume_attachment(request),
            Operation::ListVnicAttachments => self.list_vnic_attachments(request),
            Operation::ListBootVolumeAttachments => self.list_boot_volume_attachments(request),
            Operation::ListVolumeAttachments => self.list_volume_attachments(request),
            Operation::GetComputeCapacityReservation => self.get_reservation(request),
            Operation::ListComputeCapacityReservations => self.list_reservations(request),
            Operation::UpdateComputeCapacityReservation => self.update_reservation(request),
            Operation::DeleteComputeCapacityReservation => self.delete_reservation(request),
            Operation::ListComputeCapacityReservationInstances => self.list_reservation_instances(request),
            Operation::ListComputeCapacityReservationInstanceShapes => self.list_reservable_shapes(request),
            Operation::CreateComputeCapacityReport => self.create_capacity_report(request),
            Operation::GetInstanceConfiguration => self.get_configuration(request),
            Operation::ListInstanceConfigurations => self.list_configurations(request),
            Operation::DeleteInstanceConfiguration => self.delete_configuration(request),
            Operation::GetInstancePool => self.get_pool(request),
            Operation::ListInstancePools => self.list_pools(request),
            Operation::TerminateInstancePool => self.terminate_pool(request),
            Operation::ListInstancePoolInstances => self.list_pool_instances(request),
            Operation::GetInstancePoolInstance => self.get_pool_instance(request),
            Operation::UpdateInstanceConfiguration => self.update_configuration(request),
            Operation::GetClusterNetwork => self.get_cluster_network(request),
            Operation::ListClusterNetworks => self.list_cluster_networks(request),
            Operation::UpdateClusterNetwork => self.update_cluster_network(request),
            Operation::TerminateClusterNetwork => self.terminate_cluster_network(request),
            Operation::ListClusterNetworkInstances => self.list_cluster_network_instances(request),
            Operation::UpdateComputeCluster => self.update_compute_cluster(request),
            Operation::DeleteComputeCluster => self.delete_compute_cluster(request),
            Operation::ListComputeClusters => self.list_compute_clusters(request),
            Operation::ListDedicatedVmHosts => self.list_dedicated_hosts(request),
            Operation::GetComputeCluster => self.get_compute_cluster(request),
            Operation::GetDedicatedVmHost => self.get_dedicated_host(request),
            Operation::ListBootVolumes => self.list_boot_volumes(request),
            Operation::GetBootVolume => self.get_boot_volume(request),
            Operation::DeleteBootVolume => self.delete_boot_volume(request),
            Operation::ListVolumes => self.list_volumes(request),
            Operation::GetVolume => self.get_volume(request),
            Operation::DeleteVolume => self.delete_volume(request),
            Operation::UpdateImage => self.update_image(request),
            Operation::DeleteImage => self.delete_image(request),
            Operation::GetConsoleHistory => self.get_console(request),
            Operation::GetConsoleHistoryContent => self.get_console_content(request),
            Operation::ListConsoleHistories => self.list_consoles(request),
            Operation::DeleteConsoleHistory => self.delete_console(request),
            Operation::UpdateVolume => self.update_volume(request),
            Operation::UpdateBootVolume => self.update_boot_volume(request),
            Operation::DetachVolume => self.detach_volume(request),
            _ => self.dispatch_backups(request),
        }
    }

    /// Dispatches the operations of backups and volume groups, and passes all others on.
    fn dispatch_backups(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::GetVolumeBackup => self.get_backup(Kind::VolumeBackup, request),
            Operation::ListVolumeBackups => self.list_backups(Kind::VolumeBackup, request),
            Operation::UpdateVolumeBackup => self.update_backup(Kind::VolumeBackup, request),
            Operation::DeleteVolumeBackup => self.delete_backup(Kind::VolumeBackup, request),
            Operation::GetBootVolumeBackup => self.get_backup(Kind::BootVolumeBackup, request),
            Operation::ListBootVolumeBackups => self.list_backups(Kind::BootVolumeBackup, request),
            Operation::UpdateBootVolumeBackup => self.update_backup(Kind::BootVolumeBackup, request),
            Operation::DeleteBootVolumeBackup => self.delete_backup(Kind::BootVolumeBackup, request),
            Operation::GetVolumeGroup => self.get_volume_group(request),
            Operation::ListVolumeGroups => self.list_volume_groups(request),
            Operation::UpdateVolumeGroup => self.update_volume_group(request),
            Operation::DeleteVolumeGroup => self.delete_volume_group(request),
            _ => self.dispatch_network(request),
        }
    }

    /// Dispatches operations of Work Requests, Limits and Search.
    pub(super) fn dispatch_others(&mut self, request: &ApiRequest) -> ApiResult {
        match request.operation {
            Operation::ListQuotas => self.list_quotas(request),
            Operation::SearchResources => self.search_resources(request),
            Operation::ListResourceTypes => self.list_resource_types(request),
            Operation::GetResourceType => self.get_resource_type(request),
            Operation::GetWorkRequest => self.get_work_request(request),
            Operation::ListWorkRequests => self.list_work_requests(request),
            Operation::ListWorkRequestErrors => self.list_work_request_errors(request),
            Operation::ListWorkRequestLogs => self.list_work_request_logs(request),
            Operation::GetResourceAvailability => self.get_resource_availability(request),
            Operation::ListLimitValues => self.list_limit_values(request),
            Operation::ListServices => self.list_services(request),
            Operation::ListLimitDefinitions => self.list_limit_definitions(request),
            Operation::GetLimitsIncreaseRequest => self.get_limit_request(request),
            Operation::ListLimitsIncreaseRequests => self.list_limit_requests(request),
            Operation::PatchLimitsIncreaseRequest => self.patch_limit_request(request),
            Operation::UpdateLimitsIncreaseRequest => self.update_limit_request(request),
            Operation::DeleteLimitsIncreaseRequest => self.delete_limit_request(request),
            // Unreachable: a test calls every operation of the table.
            _ => self
                .list_absent(request)
                .unwrap_or_else(|| Err(ApiError::new(501, "MethodNotImplemented", request.operation.name()))),
        }
    }
}
