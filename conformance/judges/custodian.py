"""Cloud Custodian's policies for OCI find machines by search and by list, tag, resize, stop and start them, and find and tag their
network. It makes none: the SDK that it brings along makes and ends them."""

import json
import os
import pathlib
import subprocess
import sys

import oci
import yaml

home, work = pathlib.Path(os.environ["OCI_CONFIG_FILE"]).parent, pathlib.Path.cwd()
fleet = yaml.safe_load((home / "config.yaml").read_text())
settings = fleet["instance_settings"]
config = oci.config.from_file(str(home / "config"))
compute, network = oci.core.ComputeClient(config), oci.core.VirtualNetworkClient(config)
models = oci.core.models
place = {"compartment_id": fleet["compartment_id"], "display_name": "c7n", "freeform_tags": {"judge": "c7n"}}
vcn = network.create_vcn(models.CreateVcnDetails(cidr_blocks=["10.8.0.0/16"], **place)).data
oci.wait_until(network, network.get_vcn(vcn.id), "lifecycle_state", "AVAILABLE", max_interval_seconds=1)
subnet = models.CreateSubnetDetails(cidr_block="10.8.1.0/24", vcn_id=vcn.id, **place)
subnet = network.create_subnet(subnet).data
details = models.LaunchInstanceDetails(
    compartment_id=fleet["compartment_id"],
    availability_domain=oci.identity.IdentityClient(config).list_availability_domains(config["tenancy"]).data[0].name,
    shape="VM.Standard.E4.Flex",
    shape_config=models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
    source_details=models.InstanceSourceViaImageDetails(image_id=settings["image_id"]),
    create_vnic_details=models.CreateVnicDetails(subnet_id=subnet.id),
    freeform_tags={"judge": "c7n", "team": "a"},
)


def wait(machine, state):
    oci.wait_until(compute, compute.get_instance(machine), "lifecycle_state", state, max_interval_seconds=1)


machines = [compute.launch_instance(details).data.id for _ in range(2)]
for machine in machines:
    wait(machine, "RUNNING")

tagged = {"type": "value", "key": "freeform_tags.judge", "value": "c7n"}
policies = [
    {"name": "found", "resource": "oci.instance", "filters": [tagged]},
    {
        "name": "searched", "resource": "oci.instance", "filters": [tagged],
        "query": [{"lifecycle_state": "RUNNING"}],
    },
    {"name": "created", "resource": "oci.instance",
     "filters": [{"type": "value", "key": 'defined_tags."Oracle-Tags".CreatedBy', "value": "present"}]},
    {"name": "tag", "resource": "oci.instance", "filters": [tagged],
     "actions": [{"type": "update", "freeform_tags": {"seen": "yes"}}]},
    {"name": "untag", "resource": "oci.instance", "filters": [tagged],
     "actions": [{"type": "remove-tag", "freeform_tags": ["team"]}]},
    {"name": "stop", "resource": "oci.instance", "filters": [tagged], "actions": [{"type": "stop", "force": True}]},
    {"name": "start", "resource": "oci.instance", "filters": [tagged], "actions": ["start"]},
    {"name": "networks", "resource": "oci.vcn", "filters": [tagged],
     "actions": [{"type": "update", "freeform_tags": {"seen": "yes"}}]},
    {"name": "subnets", "resource": "oci.subnet", "filters": [tagged]},
    {"name": "compartments", "resource": "oci.compartment"},
]  # fmt: skip


def custodian(policy):
    path = work / f"{policy['name']}.yml"
    path.write_text(yaml.safe_dump({"policies": [policy]}))
    command = [pathlib.Path(sys.executable).parent / "custodian", "run", "--cache-period", "0", "-s", work / "out", path]
    environment = {**os.environ, "OCI_COMPARTMENTS": fleet["compartment_id"]}
    subprocess.run(command, env=environment, check=True)
    return json.loads((work / "out" / policy["name"] / "resources.json").read_text())


for policy in policies:
    found = custodian(policy)
    print(policy["name"], len(found))
    if policy["resource"] in ("oci.vcn", "oci.subnet"):
        assert [row["id"] for row in found] == [vcn.id if policy["resource"] == "oci.vcn" else subnet.id], found
    if policy["resource"] == "oci.instance":
        assert sorted(row["id"] for row in found) == sorted(machines), found
    for machine in machines:
        if policy["name"] in ("stop", "start"):
            wait(machine, {"stop": "STOPPED", "start": "RUNNING"}[policy["name"]])
tags = compute.get_instance(machines[0]).data.freeform_tags
assert tags == {"judge": "c7n", "seen": "yes"}, tags
for machine in machines:
    compute.terminate_instance(machine)
    wait(machine, "TERMINATED")
assert network.get_vcn(vcn.id).data.freeform_tags == {"judge": "c7n", "seen": "yes"}
network.delete_subnet(subnet.id)
oci.wait_until(network, network.get_vcn(vcn.id), "lifecycle_state", "AVAILABLE", max_interval_seconds=1)
network.delete_vcn(vcn.id)
print("done")
