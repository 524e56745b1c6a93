"""Backups of volumes and a volume group through the official SDK, with every operation that they have."""

import oci
from oci.core import BlockstorageClient, ComputeClient, models

from networks import gone, settled
from test_sdk import first_ad, launch_details, wait
from typed import check


def use_volume_backups(storage, compartment, volume):
    """A backup of a block volume, and a volume made of it."""
    details = models.CreateVolumeBackupDetails(volume_id=volume.id, type="FULL", display_name="kept")
    made = check(storage.create_volume_backup(details).data)
    made = check(settled(storage, storage.get_volume_backup, made.id))
    tags = models.UpdateVolumeBackupDetails(freeform_tags={"team": "a"})
    assert check(storage.update_volume_backup(made.id, tags).data).freeform_tags == {"team": "a"}
    listed = check(storage.list_volume_backups(compartment_id=compartment, volume_id=volume.id).data)
    assert [row.id for row in listed] == [made.id]
    restored = models.CreateVolumeDetails(
        compartment_id=compartment,
        availability_domain=volume.availability_domain,
        source_details=models.VolumeSourceFromVolumeBackupDetails(id=made.id),
    )
    restored = check(storage.create_volume(restored).data)
    assert (restored.size_in_gbs, restored.source_details.id) == (volume.size_in_gbs, made.id)
    storage.delete_volume_backup(made.id)
    gone(storage.get_volume_backup, made.id)
    return settled(storage, storage.get_volume, restored.id)


def use_boot_volume_backups(storage, compartment, boot):
    """A backup of a boot volume, and a boot volume made of it."""
    details = models.CreateBootVolumeBackupDetails(boot_volume_id=boot.id)
    made = check(storage.create_boot_volume_backup(details).data)
    made = check(settled(storage, storage.get_boot_volume_backup, made.id))
    assert made.image_id == boot.image_id
    renamed = models.UpdateBootVolumeBackupDetails(display_name="root")
    assert check(storage.update_boot_volume_backup(made.id, renamed).data).display_name == "root"
    listed = check(storage.list_boot_volume_backups(compartment_id=compartment, boot_volume_id=boot.id).data)
    assert [row.id for row in listed] == [made.id]
    restored = models.CreateBootVolumeDetails(
        compartment_id=compartment,
        availability_domain=boot.availability_domain,
        source_details=models.BootVolumeSourceFromBootVolumeBackupDetails(id=made.id),
    )
    restored = check(storage.create_boot_volume(restored).data)
    restored = check(settled(storage, storage.get_boot_volume, restored.id))
    storage.delete_boot_volume_backup(made.id)
    gone(storage.get_boot_volume_backup, made.id)
    storage.delete_boot_volume(restored.id)


def use_groups(storage, compartment, volumes):
    """A group of two volumes, then of one."""
    details = models.CreateVolumeGroupDetails(
        compartment_id=compartment,
        availability_domain=volumes[0].availability_domain,
        source_details=models.VolumeGroupSourceFromVolumesDetails(volume_ids=[volume.id for volume in volumes]),
    )
    group = check(storage.create_volume_group(details).data)
    group = check(settled(storage, storage.get_volume_group, group.id))
    assert group.id in {row.id for row in check(storage.list_volume_groups(compartment_id=compartment).data)}
    try:
        storage.delete_volume(volumes[1].id)
        raise AssertionError("deleted while in a group")
    except oci.exceptions.ServiceError as error:
        assert error.status == 409
    fewer = models.UpdateVolumeGroupDetails(volume_ids=[volumes[0].id])
    assert check(storage.update_volume_group(group.id, fewer).data).volume_ids == [volumes[0].id]
    storage.delete_volume_group(group.id)
    gone(storage.get_volume_group, group.id)


def use_every_operation(region):
    storage, compute = region.client(BlockstorageClient), region.client(ComputeClient)
    compartment, domain = region.fleet["compartment_id"], first_ad(region)
    details = models.CreateVolumeDetails(compartment_id=compartment, availability_domain=domain, size_in_gbs=50)
    volume = settled(storage, storage.get_volume, storage.create_volume(details).data.id)
    restored = use_volume_backups(storage, compartment, volume)
    use_groups(storage, compartment, [volume, restored])
    instance = compute.launch_instance(launch_details(region, "all-backups")).data
    wait(region, instance.id, "RUNNING")
    boots = compute.list_boot_volume_attachments(instance.availability_domain, compartment, instance_id=instance.id).data
    boot = storage.get_boot_volume(boots[0].boot_volume_id).data
    use_boot_volume_backups(storage, compartment, boot)
    compute.terminate_instance(instance.id)
    for made in (volume, restored):
        storage.delete_volume(made.id)
