"""The official Python SDK launches a machine, finds it by its tag and ends it."""

import os
import pathlib

import oci

home = pathlib.Path(os.environ["OCI_CONFIG_FILE"]).parent
lines = (line.strip().partition(": ") for line in (home / "config.yaml").read_text().splitlines())
fleet = {key: value for key, _, value in lines}
config = oci.config.from_file(str(home / "config"))
compute, search = oci.core.ComputeClient(config), oci.resource_search.ResourceSearchClient(config)
identity = oci.identity.IdentityClient(config)
details = oci.core.models.LaunchInstanceDetails(
    compartment_id=fleet["compartment_id"],
    availability_domain=identity.list_availability_domains(config["tenancy"]).data[0].name,
    shape="VM.Standard.E4.Flex",
    shape_config=oci.core.models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
    source_details=oci.core.models.InstanceSourceViaImageDetails(image_id=fleet["image_id"]),
    create_vnic_details=oci.core.models.CreateVnicDetails(subnet_id=fleet["subnet_id"]),
    freeform_tags={"judge": "exec"},
)
instance = compute.launch_instance(details).data
oci.wait_until(compute, compute.get_instance(instance.id), "lifecycle_state", "RUNNING", max_interval_seconds=1)
query = oci.resource_search.models.StructuredSearchDetails(
    query="query instance resources where (freeformTags.key = 'judge' && freeformTags.value = 'exec')"
)
assert [row.identifier for row in search.search_resources(query).data.items] == [instance.id]
compute.terminate_instance(instance.id)
oci.wait_until(compute, compute.get_instance(instance.id), "lifecycle_state", "TERMINATED", max_interval_seconds=1)
print("done")
