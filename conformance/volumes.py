"""Block volumes created, resized, attached and detached through the official SDK."""

import oci
from oci.core import BlockstorageClient, ComputeClient, models

from test_sdk import launch_details, wait
from typed import check


def use_every_operation(region):
    storage, compute = region.client(BlockstorageClient), region.client(ComputeClient)
    compartment = region.fleet["compartment_id"]
    instance = compute.launch_instance(launch_details(region, "all-volumes")).data
    wait(region, instance.id, "RUNNING")
    details = models.CreateVolumeDetails(
        compartment_id=compartment, availability_domain=instance.availability_domain, size_in_gbs=50, display_name="data"
    )
    volume = check(storage.create_volume(details).data)

    def ready(call, *arguments, state="AVAILABLE"):
        return oci.wait_until(storage, call(*arguments), "lifecycle_state", state, max_interval_seconds=0.2).data

    ready(storage.get_volume, volume.id)
    larger = storage.update_volume(volume.id, models.UpdateVolumeDetails(size_in_gbs=60, freeform_tags={"team": "a"}))
    assert check(larger.data).size_in_gbs == 60
    check(ready(storage.get_volume, volume.id))
    wanted = models.AttachParavirtualizedVolumeDetails(instance_id=instance.id, volume_id=volume.id)
    attachment = check(compute.attach_volume(wanted).data)
    check(ready(compute.get_volume_attachment, attachment.id, state="ATTACHED"))
    try:
        storage.delete_volume(volume.id)
        raise AssertionError("deleted while attached")
    except oci.exceptions.ServiceError as error:
        assert error.status == 409
    compute.detach_volume(attachment.id)
    ready(compute.get_volume_attachment, attachment.id, state="DETACHED")
    storage.delete_volume(volume.id)
    boot = compute.list_boot_volume_attachments(instance.availability_domain, compartment, instance_id=instance.id).data
    root = models.UpdateBootVolumeDetails(size_in_gbs=60, display_name="root")
    assert check(storage.update_boot_volume(boot[0].boot_volume_id, root).data).display_name == "root"
    compute.terminate_instance(instance.id)
