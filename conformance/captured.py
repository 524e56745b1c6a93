"""What is made from an instance, through the official SDK: a custom image and a console history."""

import oci
from oci.core import ComputeClient, models

from test_sdk import launch_details, wait
from typed import check


def use_every_operation(region):
    compute, compartment = region.client(ComputeClient), region.fleet["compartment_id"]
    instance = compute.launch_instance(launch_details(region, "all-captured")).data
    wait(region, instance.id, "RUNNING")

    def ready(call, *arguments, state):
        return oci.wait_until(compute, call(*arguments), "lifecycle_state", state, max_interval_seconds=0.5).data

    wanted = models.CreateImageDetails(compartment_id=compartment, instance_id=instance.id, display_name="golden")
    image = check(compute.create_image(wanted).data)
    check(ready(compute.get_image, image.id, state="AVAILABLE"))
    renamed = compute.update_image(image.id, models.UpdateImageDetails(display_name="silver"))
    assert check(renamed.data).display_name == "silver"
    details = launch_details(region, "all-from-image")
    details.source_details = models.InstanceSourceViaImageDetails(image_id=image.id)
    copy = check(compute.launch_instance(details).data)
    wait(region, copy.id, "RUNNING")
    compute.delete_image(image.id)
    assert image.id not in {row.id for row in compute.list_images(compartment).data}

    history = check(compute.capture_console_history(models.CaptureConsoleHistoryDetails(instance_id=instance.id)).data)
    check(ready(compute.get_console_history, history.id, state="SUCCEEDED"))
    assert history.id in {row.id for row in check(compute.list_console_histories(compartment).data)}
    whole = compute.get_console_history_content(history.id).data
    rest = compute.get_console_history_content(history.id, offset=20, length=10_240)
    assert len(whole) > 20
    assert (rest.data, rest.headers["opc-bytes-remaining"]) == (whole[20:], "0")
    compute.delete_console_history(history.id)
    for each in (instance, copy):
        compute.terminate_instance(each.id)
