"""The official Python SDK against the simulated region."""

import oci
import pytest
from oci.core import BlockstorageClient, ComputeClient, VirtualNetworkClient
from oci.core import models
from oci.identity import IdentityClient

from typed import check


def launch_details(region, name, **more):
    fleet = region.fleet
    return models.LaunchInstanceDetails(
        availability_domain=first_ad(region),
        compartment_id=fleet["compartment_id"],
        display_name=name,
        shape="VM.Standard.E4.Flex",
        shape_config=models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
        source_details=models.InstanceSourceViaImageDetails(image_id=fleet["image_id"]),
        create_vnic_details=models.CreateVnicDetails(subnet_id=fleet["subnet_id"]),
        **more,
    )


def first_ad(region):
    identity = region.client(IdentityClient)
    return check(identity.list_availability_domains(region.config["tenancy"]).data)[0].name


def launch(region, name, **more):
    return check(region.client(ComputeClient).launch_instance(launch_details(region, name, **more)).data)


def wait(region, instance_id, state):
    compute = region.client(ComputeClient)
    answer = oci.wait_until(
        compute, compute.get_instance(instance_id), "lifecycle_state", state, max_interval_seconds=1, max_wait_seconds=60
    )
    return check(answer.data)


def test_an_instance_goes_through_its_whole_life(region):
    compute = region.client(ComputeClient)
    answer = compute.launch_instance(launch_details(region, "sdk-life"))
    assert answer.headers["opc-work-request-id"] and answer.headers["etag"]
    instance = check(answer.data)
    assert instance.lifecycle_state == "PROVISIONING"
    assert wait(region, instance.id, "RUNNING").display_name == "sdk-life"
    check(compute.instance_action(instance.id, "STOP").data)
    wait(region, instance.id, "STOPPED")
    check(compute.instance_action(instance.id, "START").data)
    wait(region, instance.id, "RUNNING")
    assert compute.terminate_instance(instance.id, preserve_boot_volume=False).status == 204
    wait(region, instance.id, "TERMINATED")


def test_a_list_is_whole_across_pages(region):
    compute = region.client(ComputeClient)
    made = {launch(region, f"sdk-page-{number}").id for number in range(7)}
    found = oci.pagination.list_call_get_all_results(compute.list_instances, region.fleet["compartment_id"], limit=3)
    assert made <= {instance.id for instance in check(found.data)}
    page = compute.list_instances(region.fleet["compartment_id"], limit=3)
    assert len(page.data) <= 3 and page.headers["opc-next-page"]


def test_display_name_is_an_exact_filter(region):
    launch(region, "sdk-exact-1")
    compute = region.client(ComputeClient)
    compartment = region.fleet["compartment_id"]
    assert len(compute.list_instances(compartment, display_name="sdk-exact-1").data) == 1
    assert compute.list_instances(compartment, display_name="sdk-exact-*").data == []


def test_a_retry_token_gives_back_the_same_instance(region):
    compute = region.client(ComputeClient)
    details = launch_details(region, "sdk-token")
    first = compute.launch_instance(details, opc_retry_token="conformance-token-1").data
    again = compute.launch_instance(details, opc_retry_token="conformance-token-1").data
    assert first.id == again.id
    details.display_name = "sdk-token-other"
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        compute.launch_instance(details, opc_retry_token="conformance-token-1")
    assert (refused.value.status, refused.value.code) == (409, "InvalidatedRetryToken")


def test_the_work_request_of_a_launch_succeeds(region):
    compute = region.client(ComputeClient)
    answer = compute.launch_instance(launch_details(region, "sdk-work"))
    work = region.client(oci.work_requests.WorkRequestClient)
    done = oci.wait_until(
        work,
        work.get_work_request(answer.headers["opc-work-request-id"]),
        "status",
        "SUCCEEDED",
        max_interval_seconds=1,
        max_wait_seconds=60,
    )
    assert check(done.data).percent_complete == 100


def test_what_the_launch_needs_can_be_read(region):
    compute, network, identity = (region.client(kind) for kind in (ComputeClient, VirtualNetworkClient, IdentityClient))
    fleet = region.fleet
    check(network.get_subnet(fleet["subnet_id"]).data)
    check(compute.get_image(fleet["image_id"]).data)
    shapes = check(oci.pagination.list_call_get_all_results(compute.list_shapes, fleet["compartment_id"]).data)
    assert "VM.Standard.E4.Flex" in {shape.shape for shape in shapes}
    domains = check(identity.list_fault_domains(region.config["tenancy"], first_ad(region)).data)
    assert [domain.name for domain in domains] == ["FAULT-DOMAIN-1", "FAULT-DOMAIN-2", "FAULT-DOMAIN-3"]


def test_an_unknown_ocid_is_not_found(region):
    compute = region.client(ComputeClient)
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        compute.get_instance("ocid1.instance.oc1.phx.nobody")
    assert (refused.value.status, refused.value.code) == (404, "NotAuthorizedOrNotFound")
    assert refused.value.request_id


def test_an_action_in_the_wrong_state_is_a_conflict(region):
    compute = region.client(ComputeClient)
    instance = launch(region, "sdk-busy")
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        compute.instance_action(instance.id, "STOP")
    assert refused.value.status == 409


def test_a_stale_etag_is_refused(region):
    compute = region.client(ComputeClient)
    answer = compute.launch_instance(launch_details(region, "sdk-etag"))
    wait(region, answer.data.id, "RUNNING")
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        compute.terminate_instance(answer.data.id, if_match=answer.headers["etag"])
    assert (refused.value.status, refused.value.code) == (412, "NoEtagMatch")


def test_another_key_is_refused(region, tmp_path):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    path = tmp_path / "other.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    compute = ComputeClient({**region.config, "key_file": str(path)}, service_endpoint=region.endpoint)
    compute.base_client.session.trust_env = False
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        compute.list_instances(region.fleet["compartment_id"])
    assert (refused.value.status, refused.value.code) == (401, "NotAuthenticated")


def test_boot_volumes_follow_the_instance_unless_kept(region):
    compute, storage = region.client(ComputeClient), region.client(BlockstorageClient)
    volumes = {}
    for name, keep in (("sdk-volume-kept", True), ("sdk-volume-gone", False)):
        instance = launch(region, name)
        wait(region, instance.id, "RUNNING")
        attachment = check(
            compute.list_boot_volume_attachments(
                instance.availability_domain, region.fleet["compartment_id"], instance_id=instance.id
            ).data
        )[0]
        compute.terminate_instance(instance.id, preserve_boot_volume=keep)
        wait(region, instance.id, "TERMINATED")
        volumes[name] = attachment.boot_volume_id
    assert check(storage.get_boot_volume(volumes["sdk-volume-kept"]).data).lifecycle_state == "AVAILABLE"
    try:
        gone = storage.get_boot_volume(volumes["sdk-volume-gone"]).data.lifecycle_state
    except oci.exceptions.ServiceError as error:
        gone = error.status
    assert gone in ("TERMINATING", "TERMINATED", 404)
