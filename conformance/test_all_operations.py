"""Every operation of the table, called at least once through the official SDK's generated client.

One region, one story told in five tests; the last one asks the region's own statistics whether an operation was left out.
"""

import importlib
import json
import pathlib
import re

import oci
import pytest
from oci.core import BlockstorageClient, ComputeClient, ComputeManagementClient, VirtualNetworkClient, models
from oci.identity import IdentityClient
from oci.limits import LimitsClient
from oci.limits_increase import LimitsIncreaseClient, models as increase_models
from oci.resource_search import ResourceSearchClient, models as search_models
from oci.work_requests import WorkRequestClient

import addresses
import backups
import captured
import clusters
import identity
import networks
import volumes
from region import Region
from test_sdk import first_ad, launch, launch_details, wait
from typed import check

OPERATIONS = pathlib.Path(__file__).parent.parent / "api/operations.json"
SHAPE = "VM.Standard.E4.Flex"


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    region = Region(tmp_path_factory.mktemp("all"), speed=240)
    yield region
    region.stop()


def until(client, answer, state, attribute="lifecycle_state"):
    done = oci.wait_until(client, answer, attribute, state, max_interval_seconds=1, max_wait_seconds=60)
    return check(done.data)


def test_identity_limits_and_work_requests(region):
    tenancy, compartment = region.config["tenancy"], region.fleet["compartment_id"]
    identity, limits, work = (region.client(kind) for kind in (IdentityClient, LimitsClient, WorkRequestClient))
    domain = first_ad(region)
    assert len(check(identity.list_fault_domains(tenancy, domain).data)) == 3
    assert check(identity.list_region_subscriptions(tenancy).data)[0].status == "READY"
    assert compartment in {found.id for found in check(identity.list_compartments(tenancy).data)}
    assert check(identity.get_compartment(compartment).data).lifecycle_state == "ACTIVE"
    assert check(identity.get_tenancy(tenancy).data).id == tenancy
    assert check(identity.get_user(region.config["user"]).data).id == region.config["user"]

    assert "compute" in {service.name for service in check(limits.list_services(tenancy).data)}
    definitions = check(oci.pagination.list_call_get_all_results(limits.list_limit_definitions, tenancy).data)
    cores = next(found for found in definitions if found.name == "standard-e4-core-count")
    assert cores.scope_type == "AD"
    values = check(oci.pagination.list_call_get_all_results(limits.list_limit_values, tenancy, "compute").data)
    assert any(value.name == cores.name and value.availability_domain == domain for value in values)
    availability = check(
        limits.get_resource_availability("compute", cores.name, tenancy, availability_domain=domain).data
    )
    assert availability.available > 0

    compute = region.client(ComputeClient)
    answer = compute.launch_instance(launch_details(region, "all-work"))
    request = answer.headers["opc-work-request-id"]
    until(work, work.get_work_request(request), "SUCCEEDED", "status")
    assert request in {
        row.id for row in check(work.list_work_requests(compartment, resource_id=answer.data.id).data)
    }
    assert check(work.list_work_request_errors(request).data) == []
    assert check(work.list_work_request_logs(request).data)


def test_instances_their_network_and_their_volumes(region):
    compartment, fleet = region.fleet["compartment_id"], region.fleet
    compute, network, storage = (
        region.client(kind) for kind in (ComputeClient, VirtualNetworkClient, BlockstorageClient)
    )
    details = launch_details(region, "all-instance")
    details.launch_volume_attachments = [
        models.LaunchAttachIScsiVolumeDetails(
            display_name="data",
            launch_create_volume_details=models.LaunchCreateVolumeFromAttributes(
                compartment_id=compartment, display_name="data", size_in_gbs=50
            ),
        )
    ]
    instance = check(compute.launch_instance(details).data)
    domain = instance.availability_domain
    wait(region, instance.id, "RUNNING")
    renamed = compute.update_instance(instance.id, models.UpdateInstanceDetails(display_name="all-renamed"))
    assert check(renamed.data).display_name == "all-renamed"
    check(compute.instance_action(instance.id, "SOFTRESET").data)
    wait(region, instance.id, "RUNNING")
    assert check(compute.list_shapes(compartment, availability_domain=domain).data)
    assert check(compute.list_images(compartment, operating_system="Oracle Linux").data)
    check(compute.get_image(fleet["image_id"]).data)

    attachment = check(compute.list_vnic_attachments(compartment, instance_id=instance.id).data)[0]
    vnic = check(network.get_vnic(attachment.vnic_id).data)
    addresses = check(network.list_private_ips(subnet_id=fleet["subnet_id"]).data)
    assert vnic.private_ip in {address.ip_address for address in addresses}
    public = check(
        network.list_public_ips("AVAILABILITY_DOMAIN", compartment, availability_domain=domain, lifetime="EPHEMERAL").data
    )
    assert vnic.public_ip in {address.ip_address for address in public}
    subnet = check(network.get_subnet(fleet["subnet_id"]).data)
    assert subnet.id in {found.id for found in check(network.list_subnets(compartment).data)}
    assert check(network.get_vcn(subnet.vcn_id).data).id in {
        found.id for found in check(network.list_vcns(compartment).data)
    }

    boot = check(compute.list_boot_volume_attachments(domain, compartment, instance_id=instance.id).data)[0]
    assert check(storage.get_boot_volume(boot.boot_volume_id).data).lifecycle_state == "AVAILABLE"
    data = check(compute.list_volume_attachments(compartment, instance_id=instance.id).data)[0]
    assert check(storage.get_volume(data.volume_id).data).size_in_gbs == 50
    compute.terminate_instance(instance.id, preserve_boot_volume=True, preserve_data_volumes_created_at_launch=True)
    wait(region, instance.id, "TERMINATED")
    boots = check(storage.list_boot_volumes(availability_domain=domain, compartment_id=compartment).data)
    assert boot.boot_volume_id in {found.id for found in boots}
    volumes = check(storage.list_volumes(compartment_id=compartment).data)
    assert data.volume_id in {found.id for found in volumes}
    assert storage.delete_boot_volume(boot.boot_volume_id).status == 204
    assert storage.delete_volume(data.volume_id).status == 204
    check(compute.list_instances(compartment, lifecycle_state="TERMINATED").data)


def test_capacity_reservations_and_reports(region):
    tenancy, compartment = region.config["tenancy"], region.fleet["compartment_id"]
    compute, identity, domain = region.client(ComputeClient), region.client(IdentityClient), first_ad(region)
    size = models.InstanceReservationShapeConfigDetails(ocpus=1, memory_in_gbs=6)

    def configs(count):
        return [
            models.InstanceReservationConfigDetails(
                instance_shape=SHAPE, instance_shape_config=size, reserved_count=count
            )
        ]

    made = compute.create_compute_capacity_reservation(
        models.CreateComputeCapacityReservationDetails(
            compartment_id=compartment,
            availability_domain=domain,
            display_name="all-reserved",
            instance_reservation_configs=configs(4),
        )
    )
    assert made.status == 201 and made.headers["opc-work-request-id"]
    reservation = made.data.id
    held = until(compute, compute.get_compute_capacity_reservation(reservation), "ACTIVE")
    assert (held.reserved_instance_count, held.used_instance_count) == (4, 0)
    assert reservation in {
        found.id for found in check(compute.list_compute_capacity_reservations(compartment).data)
    }
    instance = launch(region, "all-reserved-1", capacity_reservation_id=reservation)
    wait(region, instance.id, "RUNNING")
    members = check(compute.list_compute_capacity_reservation_instances(reservation).data)
    assert [member.id for member in members] == [instance.id]
    compute.update_compute_capacity_reservation(
        reservation, models.UpdateComputeCapacityReservationDetails(instance_reservation_configs=configs(6))
    )
    grown = until(compute, compute.get_compute_capacity_reservation(reservation), "ACTIVE")
    assert grown.reserved_instance_count == 6
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        compute.delete_compute_capacity_reservation(reservation)
    assert refused.value.status == 409
    compute.terminate_instance(instance.id)
    wait(region, instance.id, "TERMINATED")
    other = next(found.id for found in identity.list_compartments(tenancy).data if found.id != compartment)
    compute.change_compute_capacity_reservation_compartment(
        reservation, models.ChangeComputeCapacityReservationCompartmentDetails(compartment_id=other)
    )
    until(compute, compute.get_compute_capacity_reservation(reservation), "ACTIVE")
    compute.delete_compute_capacity_reservation(reservation)
    until(compute, compute.get_compute_capacity_reservation(reservation), "DELETED")
    assert SHAPE in {
        row.instance_shape
        for row in check(compute.list_compute_capacity_reservation_instance_shapes(tenancy).data)
    }
    report = compute.create_compute_capacity_report(
        models.CreateComputeCapacityReportDetails(
            compartment_id=tenancy,
            availability_domain=domain,
            shape_availabilities=[
                models.CreateCapacityReportShapeAvailabilityDetails(
                    instance_shape=SHAPE,
                    instance_shape_config=models.CapacityReportInstanceShapeConfig(ocpus=1, memory_in_gbs=6),
                )
            ],
        )
    )
    assert check(report.data).shape_availabilities[0].availability_status == "AVAILABLE"


def test_instance_configurations_and_pools(region):
    compartment, fleet, domain = region.fleet["compartment_id"], region.fleet, first_ad(region)
    compute, management = region.client(ComputeClient), region.client(ComputeManagementClient)
    details = models.ComputeInstanceDetails(
        launch_details=models.InstanceConfigurationLaunchInstanceDetails(
            availability_domain=domain,
            compartment_id=compartment,
            shape=SHAPE,
            shape_config=models.InstanceConfigurationLaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
            source_details=models.InstanceConfigurationInstanceSourceViaImageDetails(image_id=fleet["image_id"]),
            create_vnic_details=models.InstanceConfigurationCreateVnicDetails(subnet_id=fleet["subnet_id"]),
        )
    )
    configuration = check(
        management.create_instance_configuration(
            models.CreateInstanceConfigurationDetails(
                compartment_id=compartment, display_name="all-configuration", instance_details=details
            )
        ).data
    )
    check(management.get_instance_configuration(configuration.id).data)
    assert configuration.id in {
        found.id for found in check(management.list_instance_configurations(compartment).data)
    }
    single = check(
        management.launch_instance_configuration(configuration.id, models.ComputeInstanceDetails()).data
    )
    wait(region, single.id, "RUNNING")

    pool = check(
        management.create_instance_pool(
            models.CreateInstancePoolDetails(
                compartment_id=compartment,
                display_name="all-pool",
                instance_configuration_id=configuration.id,
                size=2,
                placement_configurations=[
                    models.CreateInstancePoolPlacementConfigurationDetails(
                        availability_domain=domain, primary_subnet_id=fleet["subnet_id"]
                    )
                ],
            )
        ).data
    )

    def settle(state):
        return until(management, management.get_instance_pool(pool.id), state)

    settle("RUNNING")
    assert pool.id in {found.id for found in check(management.list_instance_pools(compartment).data)}
    assert len(check(management.list_instance_pool_instances(compartment, pool.id).data)) == 2
    check(management.update_instance_pool(pool.id, models.UpdateInstancePoolDetails(size=3)).data)
    assert settle("RUNNING").size == 3
    for action, state in (("stop", "STOPPED"), ("start", "RUNNING"), ("softstop", "STOPPED"), ("start", "RUNNING")):
        check(getattr(management, f"{action}_instance_pool")(pool.id).data)
        settle(state)
    check(management.reset_instance_pool(pool.id).data)
    settle("RUNNING")
    check(
        management.attach_instance_pool_instance(
            pool.id, models.AttachInstancePoolInstanceDetails(instance_id=single.id)
        ).data
    )
    settle("RUNNING")
    management.detach_instance_pool_instance(
        pool.id,
        models.DetachInstancePoolInstanceDetails(
            instance_id=single.id, is_decrement_size=True, is_auto_terminate=False
        ),
    )
    settle("RUNNING")
    assert check(compute.get_instance(single.id).data).lifecycle_state == "RUNNING"
    assert management.terminate_instance_pool(pool.id).status == 204
    settle("TERMINATED")
    assert management.delete_instance_configuration(configuration.id).status == 204


def test_limit_increase_requests(region):
    tenancy, domain = region.config["tenancy"], first_ad(region)
    increases, limits = region.client(LimitsIncreaseClient), region.client(LimitsClient)

    def request(value):
        item = increase_models.CreateLimitsIncreaseItemRequestDetails(
            service_name="compute", limit_name="standard-e5-core-count", region="us-phoenix-1", scope=domain, value=value
        )
        details = increase_models.CreateLimitsIncreaseRequestDetails(
            display_name="all-more",
            compartment_id=tenancy,
            justification="a larger fleet",
            limits_increase_item_requests=[item],
        )
        return check(increases.create_limits_increase_request(details).data)

    canceled = request(300_000)
    assert check(increases.cancel_limits_increase_request(canceled.id).data).lifecycle_state == "CANCELED"
    assert increases.delete_limits_increase_request(canceled.id).status == 204
    filed = request(200_000)
    insert = increase_models.PatchInsertInstruction(selection="customerComments", value={"message": "it is urgent"})
    patch = increase_models.PatchLimitsIncreaseRequestDetails(items=[insert])
    commented = check(increases.patch_limits_increase_request(patch, filed.id).data)
    assert [(row.message, row.sender_type) for row in commented.customer_comments] == [("it is urgent", "CUSTOMER")]
    tags = increase_models.UpdateLimitsIncreaseRequestDetails(freeform_tags={"team": "a"})
    assert check(increases.update_limits_increase_request(tags, filed.id).data).freeform_tags == {"team": "a"}
    granted = until(increases, increases.get_limits_increase_request(filed.id), "SUCCEEDED")
    assert [item.lifecycle_state for item in granted.limits_increase_item_requests] == ["SUCCEEDED"]
    listed = check(increases.list_limits_increase_requests(tenancy).data).items
    assert [(row.id, row.items_in_request) for row in listed] == [(filed.id, 1)]
    values = limits.list_limit_values(tenancy, "compute", name="standard-e5-core-count", availability_domain=domain)
    assert [row.value for row in check(values.data)] == [200_000]


def test_a_search_and_what_clients_read_before_they_launch(region):
    tenancy, compartment, fleet = region.config["tenancy"], region.fleet["compartment_id"], region.fleet
    compute, identity, search = (region.client(kind) for kind in (ComputeClient, IdentityClient, ResourceSearchClient))
    details = launch_details(region, "all-found")
    details.freeform_tags = {"judge": "sdk"}
    details.launch_volume_attachments = [
        models.LaunchAttachParavirtualizedVolumeDetails(
            launch_create_volume_details=models.LaunchCreateVolumeFromAttributes(size_in_gbs=50)
        )
    ]
    instance = check(compute.launch_instance(details).data)
    wait(region, instance.id, "RUNNING")
    text = (
        f"query instance resources where lifecycleState = 'RUNNING' && compartmentId = '{compartment}' "
        "&& (freeformTags.key = 'judge' && freeformTags.value = 'sdk')"
    )

    def find(details):
        found = oci.pagination.list_call_get_all_results(search.search_resources, details)
        return [(row.resource_type, row.identifier, row.lifecycle_state) for row in check(found.data)]

    assert find(search_models.StructuredSearchDetails(query=text)) == [("Instance", instance.id, "RUNNING")]
    assert instance.id in {found[1] for found in find(search_models.FreeTextSearchDetails(text="all-found"))}
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        find(search_models.StructuredSearchDetails(query="query instance resources where colour = 'red'"))
    assert (refused.value.status, "character 32" in refused.value.message) == (400, True)
    assert "Instance" in {row.name for row in check(search.list_resource_types().data)}
    assert check(search.get_resource_type("instance").data).name == "Instance"

    shapes = oci.pagination.list_call_get_all_results(
        compute.list_image_shape_compatibility_entries, fleet["image_id"]
    )
    assert SHAPE in {row.shape for row in check(shapes.data)}
    assert check(compute.get_image_shape_compatibility_entry(fleet["image_id"], SHAPE).data).shape == SHAPE
    vnic = compute.list_vnic_attachments(compartment, instance_id=instance.id).data[0]
    assert check(compute.get_vnic_attachment(vnic.id).data).vnic_id == vnic.vnic_id
    boot = compute.list_boot_volume_attachments(instance.availability_domain, compartment, instance_id=instance.id).data[0]
    assert check(compute.get_boot_volume_attachment(boot.id).data).boot_volume_id == boot.boot_volume_id
    volume = compute.list_volume_attachments(compartment, instance_id=instance.id).data[0]
    assert check(compute.get_volume_attachment(volume.id).data).volume_id == volume.volume_id
    assert region.config["region"] in {row.name for row in check(identity.list_regions().data)}
    assert region.config["user"] in {row.id for row in check(identity.list_users(tenancy).data)}


def listing_call(region, operation):
    """The SDK's method for an operation, and the arguments that it cannot do without."""
    package, name = operation["client"].split(".")
    client = region.client(getattr(importlib.import_module(f"oci.{package}"), name))
    names = [parameter["name"] for parameter in operation["query_params"] if parameter.get("required")]
    takes = any(parameter["name"] == "compartmentId" for parameter in operation["query_params"])
    needed = {*names, "compartmentId"} if takes else set(names)
    values = {"compartmentId": region.config["tenancy"], "assetId": "ocid1.volume.oc1.phx.nobody"}
    words = {name: re.sub("(?<=[a-z])(?=[A-Z])", "_", name).lower() for name in needed}
    method = re.sub("(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", operation["name"]).lower()
    method = {"list_i_psec_connections": "list_ip_sec_connections"}.get(method, method)
    return getattr(client, method), {words[name]: values[name] for name in needed}


def test_lists_of_what_the_region_never_has_are_empty(region):
    table = json.loads(OPERATIONS.read_text())["operations"]
    listed = [operation for operation in table if operation["name"] in NEVER]
    assert len(listed) == len(NEVER)
    for operation in listed:
        call, arguments = listing_call(region, operation)
        answer = call(**arguments).data
        assert getattr(answer, "items", answer) == [], operation["name"]


# Lists of kinds of which a region has nothing unless a config names one.
NEVER = set(
    """
    GetVolumeBackupPolicyAssetAssignment ListAppCatalogSubscriptions ListBlockVolumeReplicas
    ListBootVolumeReplicas ListByoipRanges ListCaptureFilters ListComputeCapacityTopologies
    ListComputeGpuMemoryClusters ListComputeGpuMemoryFabrics ListComputeHostGroups ListComputeHosts
    ListComputeImageCapabilitySchemas ListCpes ListCrossConnects
    ListDedicatedVmHosts ListDrgAttachments ListDrgs ListIPSecConnections
    ListInstanceConsoleConnections ListInstanceMaintenanceEvents ListLocalPeeringGateways
    ListPublicIpPools ListQuotas ListRemotePeeringConnections
    ListVirtualCircuits ListVlans ListVolumeBackupPolicies
    ListVolumeGroupBackups ListVtaps
    """.split()
)


def test_groups_are_listed_by_compartment(region):
    network = region.client(VirtualNetworkClient)
    assert network.list_network_security_groups(compartment_id=region.config["tenancy"]).data == []


# What they ask for exists only where a config that names it is rehearsed.
ABSENT = {"GetDedicatedVmHost"}


def test_a_network_is_made_changed_and_deleted(region):
    networks.use_every_operation(region)


def test_addresses_are_made_moved_and_deleted(region):
    addresses.use_every_operation(region)


def test_a_volume_is_made_attached_and_deleted(region):
    volumes.use_every_operation(region)


def test_a_backup_is_made_restored_and_deleted(region):
    backups.use_every_operation(region)


def test_clusters_are_made_resized_and_deleted(region):
    clusters.use_every_operation(region)


def test_a_tenancy_is_changed_in_every_way(region):
    identity.use_every_operation(region)


def test_an_image_and_a_console_are_captured(region):
    captured.use_every_operation(region)


def test_what_nobody_registered_is_not_found(region):
    compute, network = region.client(oci.core.ComputeClient), region.client(oci.core.VirtualNetworkClient)
    for call, kind in (
        (network.get_network_security_group, "networksecuritygroup"),
        (compute.get_dedicated_vm_host, "dedicatedvmhost"),
        (compute.get_compute_cluster, "computecluster"),
    ):
        with pytest.raises(oci.exceptions.ServiceError) as refused:
            call(f"ocid1.{kind}.oc1.phx.nobody")
        assert refused.value.status == 404


def test_no_operation_was_left_out(region):
    wanted = {operation["name"] for operation in json.loads(OPERATIONS.read_text())["operations"]}
    served = {name for name, counts in region.get("/_sim/stats")["operations"].items() if counts["ok"]}
    assert wanted - served == ABSENT
    # Two services have a ListServices; the region counts that of networks under a longer name.
    assert "ListVirtualNetworkServices" in served
    assert len(wanted) == 270
