"""SkyPilot's provisioner makes a cluster of two machines, finds, stops, starts and ends it: on the network of the region, and on one
that it makes itself because its settings name none."""

import os
import pathlib
import subprocess
import sys

import oci

# It reads its settings when it is imported, so that each network needs a process.
if len(sys.argv) == 1:
    for network in ("given", "own"):
        subprocess.run([sys.executable, __file__, network], check=True)
    sys.exit()

home = pathlib.Path(os.environ["OCI_CONFIG_FILE"]).parent
lines = (line.strip().partition(": ") for line in (home / "config.yaml").read_text().splitlines())
fleet = {key: value for key, _, value in lines}
config = oci.config.from_file(str(home / "config"))
subnet = oci.core.VirtualNetworkClient(config).get_subnet(fleet["subnet_id"]).data
domain = oci.identity.IdentityClient(config).list_availability_domains(config["tenancy"]).data[0].name

network = f"  vcn_ocid: {subnet.vcn_id}\n  vcn_subnet: {fleet['subnet_id']}\n" if sys.argv[1] == "given" else ""
settings = pathlib.Path.home() / ".sky" / "config.yaml"
settings.parent.mkdir(parents=True, exist_ok=True)
settings.write_text(
    f"oci:\n  compartment_ocid: {fleet['compartment_id']}\n{network}"
)

from sky.provision import common  # noqa: E402
from sky.provision import oci as provision  # noqa: E402

node = {
    "VCPUs": "2",
    "MemoryInGbs": 8,
    "InstanceType": "VM.Standard.E4.Flex",
    "Preemptible": False,
    "AvailabilityDomain": domain,
    "AuthorizedKey": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q judge",
    "ImageId": fleet["image_id"],
    "BootVolumeSize": 100,
    "BootVolumePerf": 30,
    "AppCatalogListingId": "None",
    "ResourceVersion": "None",
}
region, name, provider = config["region"], "judged", {"region": config["region"]}


def states():
    return sorted(str(state).rpartition(".")[2] for state, _ in provision.query_instances(name, name, provider).values())


wanted = common.ProvisionConfig(
    provider_config=provider,
    authentication_config={},
    docker_config={},
    node_config=node,
    count=2,
    tags={"judge": "skypilot"},
    resume_stopped_nodes=True,
    ports_to_open_on_launch=None,
)
wanted = provision.bootstrap_instances(region, name, wanted)
networks = oci.core.VirtualNetworkClient(config).list_vcns(fleet["compartment_id"]).data
assert len(networks) == (1 if sys.argv[1] == "given" else 2), networks
record = provision.run_instances(region, name, name, wanted)
assert len(record.created_instance_ids) == 2, record
assert states() == ["UP", "UP"]
info = provision.get_cluster_info(region, name, provider)
assert len(info.instances) == 2 and info.head_instance_id == record.head_instance_id, info
provision.stop_instances(name, provider)
assert set(states()) == {"STOPPED"}
again = provision.run_instances(region, name, name, wanted)
assert sorted(again.resumed_instance_ids) == sorted(record.created_instance_ids), again
provision.terminate_instances(name, provider)
assert states() == []
provision.cleanup_ports(name, [], provider)
print("done")
