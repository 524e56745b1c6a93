"""A network of one's own with the official CLI, in the order of Oracle's tutorial "Launching your first Linux instance": VCN,
internet gateway, route, subnet, instance; then everything is deleted again.
"""

import json

from region import Region
from test_cli import cli, commands  # noqa: F401 (the fixture)
from test_sdk import first_ad

import pytest


@pytest.fixture(scope="module")
def region(tmp_path_factory):
    region = Region(tmp_path_factory.mktemp("networks"), speed=240)
    yield region
    region.stop()


def test_the_tutorial_makes_a_network_and_an_instance_in_it(region, cli):  # noqa: F811
    compartment = ("--compartment-id", region.fleet["compartment_id"])
    waiting = ("--wait-for-state", "AVAILABLE", "--wait-interval-seconds", 1)
    vcn = cli("network", "vcn", "create", *compartment, "--cidr-block", "10.0.0.0/16", "--dns-label", "tutorial", *waiting)
    assert (vcn["lifecycle-state"], vcn["vcn-domain-name"]) == ("AVAILABLE", "tutorial.oraclevcn.com")
    own = (*compartment, "--vcn-id", vcn["id"])
    gateway = cli("network", "internet-gateway", "create", *own, "--is-enabled", "true", *waiting)
    table = vcn["default-route-table-id"]
    rules = [{"cidrBlock": "0.0.0.0/0", "networkEntityId": gateway["id"]}]
    routed = cli("network", "route-table", "update", "--rt-id", table, "--route-rules", json.dumps(rules), "--force")
    assert routed["route-rules"][0]["network-entity-id"] == gateway["id"]
    security = cli("network", "security-list", "get", "--security-list-id", vcn["default-security-list-id"])
    assert security["ingress-security-rules"][0]["tcp-options"]["destination-port-range"]["min"] == 22
    subnet = cli("network", "subnet", "create", *own, "--cidr-block", "10.0.1.0/24", "--dns-label", "app", *waiting)
    assert subnet["subnet-domain-name"] == "app.tutorial.oraclevcn.com"
    instance = cli(
        "compute", "instance", "launch", *compartment, "--availability-domain", first_ad(region),
        "--shape", "VM.Standard.E4.Flex", "--shape-config", json.dumps({"ocpus": 1, "memoryInGBs": 6}),
        "--image-id", region.fleet["image_id"], "--subnet-id", subnet["id"], "--hostname-label", "first",
        "--assign-public-ip", "true", "--wait-for-state", "RUNNING", "--wait-interval-seconds", 1,
    )  # fmt: skip
    vnics = cli("compute", "instance", "list-vnics", "--instance-id", instance["id"])
    assert vnics[0]["private-ip"].startswith("10.0.1.")
    assert vnics[0]["public-ip"]
    refused = cli("network", "subnet", "delete", "--subnet-id", subnet["id"], "--force", ok=False)
    assert "You must remove the reference" in refused
    cli(
        "compute", "instance", "terminate", "--instance-id", instance["id"], "--force",
        "--wait-for-state", "SUCCEEDED", "--wait-interval-seconds", 1,
    )  # fmt: skip
    ended = ("--force", "--wait-for-state", "TERMINATED", "--wait-interval-seconds", 1)
    cli("network", "subnet", "delete", "--subnet-id", subnet["id"], *ended)
    cli("network", "route-table", "update", "--rt-id", table, "--route-rules", "[]", "--force")
    cli("network", "internet-gateway", "delete", "--ig-id", gateway["id"], *ended)
    cli("network", "vcn", "delete", "--vcn-id", vcn["id"], *ended)
    left = cli("network", "vcn", "list", *compartment)
    assert vcn["id"] not in {row["id"] for row in left or []}


def test_a_group_opens_a_port(region, cli):  # noqa: F811
    compartment = ("--compartment-id", region.fleet["compartment_id"])
    vcn = cli("network", "vcn", "create", *compartment, "--cidr-blocks", '["10.0.0.0/16"]')
    group = cli("network", "nsg", "create", *compartment, "--vcn-id", vcn["id"], "--display-name", "web")
    port = {"destinationPortRange": {"min": 443, "max": 443}}
    rule = {"direction": "INGRESS", "protocol": "6", "source": "0.0.0.0/0", "tcpOptions": port}
    cli("network", "nsg", "rules", "add", "--nsg-id", group["id"], "--security-rules", json.dumps([rule]))
    rules = cli("network", "nsg", "rules", "list", "--nsg-id", group["id"], "--all")
    assert (rules[0]["is-valid"], rules[0]["tcp-options"]["destination-port-range"]["max"]) == (True, 443)
    cli("network", "nsg", "delete", "--nsg-id", group["id"], "--force")
    cli("network", "vcn", "delete", "--vcn-id", vcn["id"], "--force")
