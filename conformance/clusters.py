"""Compute clusters, cluster networks and what pools and configurations have besides, through the official SDK's generated client."""

import oci
from oci.core import ComputeClient, ComputeManagementClient, models
from oci.identity import IdentityClient

from test_sdk import first_ad
from typed import check

SHAPE = "BM.Optimized3.36"


def until(client, answer, state):
    done = oci.wait_until(
        client, answer, "lifecycle_state", state, max_interval_seconds=1, max_wait_seconds=90, succeed_on_not_found=False
    )
    return check(done.data)


def refused(call, *arguments, **more):
    try:
        call(*arguments, **more)
    except oci.exceptions.ServiceError as error:
        return error.status, error.code
    raise AssertionError("accepted")


def other_compartment(region):
    identity = region.client(IdentityClient)
    listed = identity.list_compartments(region.config["tenancy"]).data
    return next(row.id for row in listed if row.id != region.fleet["compartment_id"])


def use_compute_clusters(region, compute):
    """A cluster with one instance, which keeps it from being deleted."""
    compartment, fleet, domain = region.fleet["compartment_id"], region.fleet, first_ad(region)
    rdma = {row.shape for row in oci.pagination.list_call_get_all_results(compute.list_shapes, compartment).data if row.rdma_ports}
    assert SHAPE in rdma and "VM.Standard.E4.Flex" not in rdma
    details = models.CreateComputeClusterDetails(
        availability_domain=domain, compartment_id=compartment, display_name="all-cluster", freeform_tags={"team": "a"}
    )
    made = compute.create_compute_cluster(details)
    cluster = check(made.data)
    assert (cluster.lifecycle_state, "opc-work-request-id" in made.headers) == ("ACTIVE", False)
    assert check(compute.get_compute_cluster(cluster.id).data).freeform_tags == {"team": "a"}
    listed = check(compute.list_compute_clusters(compartment, availability_domain=domain, display_name="all-cluster").data)
    assert [row.id for row in listed.items] == [cluster.id]
    renamed = models.UpdateComputeClusterDetails(display_name="all-ring")
    assert check(compute.update_compute_cluster(cluster.id, renamed).data).display_name == "all-ring"

    def launch(**more):
        details = {
            "availability_domain": domain,
            "compartment_id": compartment,
            "display_name": "all-node",
            "shape": SHAPE,
            "compute_cluster_id": cluster.id,
            "source_details": models.InstanceSourceViaImageDetails(image_id=fleet["image_id"]),
            "create_vnic_details": models.CreateVnicDetails(subnet_id=fleet["subnet_id"]),
        }
        return compute.launch_instance(models.LaunchInstanceDetails(**{**details, **more}))

    size = models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6)
    assert refused(launch, shape="VM.Standard.E4.Flex", shape_config=size) == (400, "InvalidParameter")
    node = check(launch().data)
    until(compute, compute.get_instance(node.id), "RUNNING")
    members = check(compute.list_instances(compartment, compute_cluster_id=cluster.id).data)
    assert [row.id for row in members] == [node.id]
    assert refused(compute.delete_compute_cluster, cluster.id, retry_strategy=oci.retry.NoneRetryStrategy()) == (409, "IncorrectState")
    compute.terminate_instance(node.id)
    until(compute, compute.get_instance(node.id), "TERMINATED")
    move = models.ChangeComputeClusterCompartmentDetails(compartment_id=other_compartment(region))
    assert compute.change_compute_cluster_compartment(cluster.id, move).headers["etag"]
    assert compute.delete_compute_cluster(cluster.id).status == 204
    until(compute, compute.get_compute_cluster(cluster.id), "DELETED")
    assert refused(launch)[0] == 404


def configuration(region, management):
    details = models.ComputeInstanceDetails(
        launch_details=models.InstanceConfigurationLaunchInstanceDetails(
            compartment_id=region.fleet["compartment_id"],
            shape=SHAPE,
            source_details=models.InstanceConfigurationInstanceSourceViaImageDetails(image_id=region.fleet["image_id"]),
            create_vnic_details=models.InstanceConfigurationCreateVnicDetails(subnet_id=region.fleet["subnet_id"]),
        )
    )
    new = models.CreateInstanceConfigurationDetails(
        compartment_id=region.fleet["compartment_id"], display_name="all-rdma", instance_details=details
    )
    made = check(management.create_instance_configuration(new).data)
    renamed = models.UpdateInstanceConfigurationDetails(display_name="all-rdma-2", freeform_tags={"team": "a"})
    renamed = check(management.update_instance_configuration(made.id, renamed).data)
    assert (renamed.display_name, renamed.freeform_tags) == ("all-rdma-2", {"team": "a"})
    return made.id


def use_cluster_networks(region, management, made):
    """A cluster network that is resized, and its pool."""
    compartment, domain = region.fleet["compartment_id"], first_ad(region)
    new = models.CreateClusterNetworkDetails(
        compartment_id=compartment,
        display_name="all-network",
        instance_pools=[models.CreateClusterNetworkInstancePoolDetails(instance_configuration_id=made, size=2)],
        placement_configuration=models.ClusterNetworkPlacementConfigurationDetails(
            availability_domain=domain, primary_subnet_id=region.fleet["subnet_id"]
        ),
    )
    answer = management.create_cluster_network(new)
    assert answer.headers["opc-work-request-id"]
    network = check(answer.data)
    assert network.lifecycle_state == "PROVISIONING"

    def settle(state):
        return until(management, management.get_cluster_network(network.id), state)

    [pool] = settle("RUNNING").instance_pools
    assert (pool.size, pool.current_size) == (2, 2)
    assert network.id in {row.id for row in check(management.list_cluster_networks(compartment).data)}
    members = check(management.list_cluster_network_instances(compartment, network.id).data)
    member = check(management.get_instance_pool_instance(pool.id, members[0].id).data)
    assert (member.lifecycle_state, member.state) == ("ACTIVE", "Running")
    check(management.softreset_instance_pool(pool.id).data)
    settle("RUNNING")
    grown = models.UpdateClusterNetworkInstancePoolDetails(id=pool.id, size=3)
    check(management.update_cluster_network(network.id, models.UpdateClusterNetworkDetails(instance_pools=[grown])).data)
    assert settle("RUNNING").instance_pools[0].size == 3
    assert refused(management.terminate_instance_pool, pool.id, retry_strategy=oci.retry.NoneRetryStrategy())[0] == 409
    other = other_compartment(region)
    move = models.ChangeClusterNetworkCompartmentDetails(compartment_id=other)
    assert management.change_cluster_network_compartment(network.id, move).headers["etag"]
    move = models.ChangeInstancePoolCompartmentDetails(compartment_id=other)
    assert management.change_instance_pool_compartment(pool.id, move).headers["etag"]
    move = models.ChangeInstanceConfigurationCompartmentDetails(compartment_id=other)
    assert management.change_instance_configuration_compartment(made, move).headers["etag"]
    ended = management.terminate_cluster_network(network.id)
    assert (ended.status, bool(ended.headers["opc-work-request-id"])) == (204, True)
    settle("TERMINATED")
    assert management.delete_instance_configuration(made).status == 204


def use_every_operation(region):
    compute, management = region.client(ComputeClient), region.client(ComputeManagementClient)
    use_compute_clusters(region, compute)
    use_cluster_networks(region, management, configuration(region, management))
