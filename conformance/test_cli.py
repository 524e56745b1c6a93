"""The official `oci` CLI against the simulated region, with the files that `sim serve` leaves."""

import itertools
import json
import pathlib
import subprocess
import sys

import pytest

from region import CLEAN_ENV
from test_sdk import first_ad

OCI = pathlib.Path(sys.executable).parent / "oci"
# Every command that a test of this file has called.
commands = set()


@pytest.fixture
def cli(region):
    def call(*arguments, ok=True):
        commands.add(tuple(itertools.takewhile(lambda word: not str(word).startswith("-"), arguments)))
        # The CLI retries a 409 for a minute and a half; a refusal that is wanted needs to be seen once.
        patience = () if ok else ("--no-retry",)
        done = subprocess.run(
            [OCI, "--config-file", region.home / "config", "--endpoint", region.endpoint, *patience, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=180,
            env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True"},
        )
        if ok:
            assert done.returncode == 0, done.stderr
            return json.loads(done.stdout)["data"] if done.stdout.strip() else None
        assert done.returncode != 0, done.stdout
        return done.stderr

    return call


def test_an_instance_is_launched_listed_acted_on_and_terminated(region, cli):
    fleet = region.fleet
    compartment = fleet["compartment_id"]
    instance = cli(
        "compute", "instance", "launch", "--compartment-id", compartment, "--availability-domain", first_ad(region),
        "--display-name", "cli-life", "--shape", "VM.Standard.E4.Flex",
        "--shape-config", json.dumps({"ocpus": 1, "memoryInGBs": 6}), "--image-id", fleet["image_id"],
        "--subnet-id", fleet["subnet_id"], "--wait-for-state", "RUNNING", "--wait-interval-seconds", 1,
    )  # fmt: skip
    assert instance["lifecycle-state"] == "RUNNING"
    listed = cli("compute", "instance", "list", "--compartment-id", compartment, "--all")
    assert instance["id"] in {row["id"] for row in listed}
    got = cli("compute", "instance", "get", "--instance-id", instance["id"])
    assert got["display-name"] == "cli-life"
    stopped = cli(
        "compute", "instance", "action", "--instance-id", instance["id"], "--action", "STOP",
        "--wait-for-state", "STOPPED", "--wait-interval-seconds", 1,
    )  # fmt: skip
    assert stopped["lifecycle-state"] == "STOPPED"
    cli(
        "compute", "instance", "terminate", "--instance-id", instance["id"], "--preserve-boot-volume", "true",
        "--force", "--wait-for-state", "SUCCEEDED", "--wait-interval-seconds", 1,
    )  # fmt: skip


def test_what_the_launch_needs_can_be_found(region, cli):
    compartment, tenancy = region.fleet["compartment_id"], region.config["tenancy"]
    domains = cli("iam", "availability-domain", "list")
    domain = domains[0]["name"]
    assert len(cli("iam", "fault-domain", "list", "--compartment-id", tenancy, "--availability-domain", domain)) == 3
    assert cli("iam", "region-subscription", "list", "--tenancy-id", tenancy)
    assert compartment in {row["id"] for row in cli("iam", "compartment", "list", "--all")}
    shapes = cli("compute", "shape", "list", "--compartment-id", compartment, "--availability-domain", domain, "--all")
    assert "VM.Standard.E4.Flex" in {shape["shape"] for shape in shapes}
    images = cli("compute", "image", "list", "--compartment-id", compartment, "--all")
    assert region.fleet["image_id"] in {image["id"] for image in images}
    cli("compute", "image", "get", "--image-id", region.fleet["image_id"])
    subnet = cli("network", "subnet", "get", "--subnet-id", region.fleet["subnet_id"])
    assert cli("network", "subnet", "list", "--compartment-id", compartment, "--all")
    assert cli("network", "vcn", "get", "--vcn-id", subnet["vcn-id"])["id"] == subnet["vcn-id"]
    limit = ("--service-name", "compute", "--limit-name", "standard-e4-core-count", "--compartment-id", tenancy)
    assert cli("limits", "resource-availability", "get", *limit, "--availability-domain", domain)["available"] > 0
    assert cli("limits", "value", "list", "--compartment-id", tenancy, "--service-name", "compute", "--all")
    assert cli("limits", "definition", "list", "--compartment-id", tenancy, "--service-name", "compute", "--all")


def launch(region, cli, name, *more):
    return cli(
        "compute", "instance", "launch", "--compartment-id", region.fleet["compartment_id"],
        "--availability-domain", first_ad(region), "--display-name", name, "--shape", "VM.Standard.E4.Flex",
        "--shape-config", json.dumps({"ocpus": 1, "memoryInGBs": 6}), "--image-id", region.fleet["image_id"],
        "--subnet-id", region.fleet["subnet_id"], "--wait-for-state", "RUNNING", "--wait-interval-seconds", 1, *more,
    )  # fmt: skip


def test_network_volumes_and_work_requests_of_an_instance(region, cli):
    compartment = region.fleet["compartment_id"]
    instance = launch(region, cli, "cli-parts")
    of = ("--compartment-id", compartment, "--instance-id", instance["id"])
    vnic = cli("compute", "instance", "list-vnics", "--instance-id", instance["id"])[0]
    assert cli("network", "vnic", "get", "--vnic-id", vnic["id"])["private-ip"] == vnic["private-ip"]
    assert cli("compute", "vnic-attachment", "list", *of)[0]["vnic-id"] == vnic["id"]
    renamed = cli("compute", "instance", "update", "--instance-id", instance["id"], "--display-name", "cli-new", "--force")
    assert renamed["display-name"] == "cli-new"
    domain = ("--availability-domain", instance["availability-domain"])
    volume = cli("compute", "boot-volume-attachment", "list", *of, *domain)[0]["boot-volume-id"]
    requests = cli("work-requests", "work-request", "list", "--compartment-id", compartment, "--resource-id", instance["id"])
    assert cli("work-requests", "work-request", "get", "--work-request-id", requests[0]["id"])["status"] == "SUCCEEDED"
    terminate = ("compute", "instance", "terminate", "--force", "--wait-for-state", "SUCCEEDED")
    cli(*terminate, "--instance-id", instance["id"], "--preserve-boot-volume", "true", "--wait-interval-seconds", 1)
    assert volume in {row["id"] for row in cli("bv", "boot-volume", "list", "--compartment-id", compartment, *domain)}
    assert cli("bv", "boot-volume", "get", "--boot-volume-id", volume)["lifecycle-state"] == "AVAILABLE"
    cli("bv", "boot-volume", "delete", "--boot-volume-id", volume, "--force")
    other = launch(region, cli, "cli-gone")
    cli(*terminate, "--instance-id", other["id"], "--wait-interval-seconds", 1)


def test_a_capacity_reservation_from_creation_to_deletion(region, cli):
    compartment, tenancy, domain = region.fleet["compartment_id"], region.config["tenancy"], first_ad(region)
    verb = ("compute", "capacity-reservation")
    active = ("--wait-for-state", "ACTIVE", "--wait-interval-seconds", 1)
    done = ("--wait-for-state", "SUCCEEDED", "--wait-interval-seconds", 1)

    def configs(count):
        size = {"ocpus": 1, "memoryInGBs": 6}
        row = {"instanceShape": "VM.Standard.E4.Flex", "instanceShapeConfig": size, "reservedCount": count}
        return ("--instance-reservation-configs", json.dumps([row]))

    cli(*verb, "create", "--compartment-id", compartment, "--availability-domain", domain, "--display-name", "cli-held",
        *configs(3), *active)  # fmt: skip
    listed = cli(*verb, "list", "--compartment-id", compartment, "--all")
    reservation = next(row["id"] for row in listed if row["display-name"] == "cli-held")
    of = ("--capacity-reservation-id", reservation)
    assert cli(*verb, "get", *of)["reserved-instance-count"] == 3
    cli(*verb, "update", *of, *configs(5), "--force", *done)
    assert cli(*verb, "get", *of)["reserved-instance-count"] == 5
    launch(region, cli, "cli-in", "--capacity-reservation-id", reservation)
    assert len(cli(*verb, "instance", "list", *of)) == 1
    cli(*verb, "delete", *of, "--force", ok=False)
    report = cli(
        "compute", "compute-capacity-report", "create", "--compartment-id", tenancy, "--availability-domain", domain,
        "--shape-availabilities", json.dumps([{"instanceShape": "VM.Standard.E4.Flex"}]),
    )  # fmt: skip
    assert report["shape-availabilities"][0]["availability-status"] == "AVAILABLE"


def test_an_instance_pool_from_creation_to_termination(region, cli):
    compartment, fleet, domain = region.fleet["compartment_id"], region.fleet, first_ad(region)
    details = {
        "instanceType": "compute",
        "launchDetails": {
            "compartmentId": compartment,
            "availabilityDomain": domain,
            "shape": "VM.Standard.E4.Flex",
            "shapeConfig": {"ocpus": 1, "memoryInGBs": 6},
            "sourceDetails": {"sourceType": "image", "imageId": fleet["image_id"]},
            "createVnicDetails": {"subnetId": fleet["subnet_id"]},
        },
    }
    verb = ("compute-management", "instance-pool")
    configuration = cli(
        "compute-management", "instance-configuration", "create", "--compartment-id", compartment,
        "--instance-details", json.dumps(details),
    )["id"]  # fmt: skip
    placement = [{"availabilityDomain": domain, "primarySubnetId": fleet["subnet_id"]}]
    running = ("--wait-for-state", "RUNNING", "--wait-interval-seconds", 1)
    pool = cli(
        *verb, "create", "--compartment-id", compartment, "--instance-configuration-id", configuration, "--size", 2,
        "--placement-configurations", json.dumps(placement), *running,
    )["id"]  # fmt: skip
    of = ("--instance-pool-id", pool)
    assert cli(*verb, "get", *of)["size"] == 2
    assert cli(*verb, "update", *of, "--size", 1, "--force", *running)["size"] == 1
    assert len(cli(*verb, "list-instances", "--compartment-id", compartment, *of)) == 1
    cli(*verb, "terminate", *of, "--force", "--wait-for-state", "TERMINATED", "--wait-interval-seconds", 1)


def test_a_limit_increase_from_request_to_grant(region, cli):
    tenancy, domain = region.config["tenancy"], first_ad(region)
    verb = ("limits-increase", "limits-increase-request")

    def request(value, *more):
        item = {
            "serviceName": "compute", "limitName": "standard-e5-core-count", "region": "us-phoenix-1",
            "scope": domain, "value": value,
        }  # fmt: skip
        return cli(
            *verb, "create", "--compartment-id", tenancy, "--display-name", "cli-more",
            "--justification", "a larger fleet", "--items", json.dumps([item]), *more,
        )  # fmt: skip

    canceled = request(300_000)["id"]
    of = ("--id", canceled)
    assert cli(*verb, "get", *of)["lifecycle-state"] in ("ACCEPTED", "IN_PROGRESS")
    insert = {"operation": "INSERT", "selection": "customerComments", "value": {"message": "it is urgent"}}
    assert cli(*verb, "patch", *of, "--items", json.dumps([insert]))["customer-comments"][0]["sender-type"] == "CUSTOMER"
    cli(*verb, "cancel", *of)
    assert cli(*verb, "get", *of)["lifecycle-state"] == "CANCELED"
    granted = request(200_000, "--wait-for-state", "SUCCEEDED", "--wait-interval-seconds", 1)["id"]
    listed = cli(*verb, "list", "--compartment-id", tenancy, "--all")["items"]
    assert {row["id"]: row["lifecycle-state"] for row in listed} == {canceled: "CANCELED", granted: "SUCCEEDED"}
    limit = ("--service-name", "compute", "--limit-name", "standard-e5-core-count", "--compartment-id", tenancy)
    left = cli("limits", "resource-availability", "get", *limit, "--availability-domain", domain)
    assert left["available"] + left["used"] == 200_000


def test_a_search_finds_a_machine_by_its_tag(region, cli):
    instance = launch(region, cli, "cli-found", "--freeform-tags", json.dumps({"judge": "cli"}))
    query = "query instance resources where (freeformTags.key = 'judge' && freeformTags.value = 'cli')"
    found = cli("search", "resource", "structured-search", "--query-text", query)["items"]
    assert [(row["identifier"], row["lifecycle-state"]) for row in found] == [(instance["id"], "RUNNING")]
    assert instance["id"] in {
        row["identifier"] for row in cli("search", "resource", "free-text-search", "--text", "cli-found")["items"]
    }
    shapes = cli("compute", "image-shape-compatibility-entry", "list", "--image-id", region.fleet["image_id"], "--all")
    assert "VM.Standard.E4.Flex" in {row["shape-name" if "shape-name" in row else "shape"] for row in shapes}
    assert "us-phoenix-1" in {row["name"] for row in cli("iam", "region", "list")}
    # The CLI prints nothing for an empty list.
    assert not cli("bv", "backup", "list", "--compartment-id", region.fleet["compartment_id"])
    assert not cli("network", "nat-gateway", "list", "--compartment-id", region.fleet["compartment_id"])


def test_a_service_error_is_shown_as_one(region, cli):
    error = cli("compute", "instance", "get", "--instance-id", "ocid1.instance.oc1.phx.nobody", ok=False)
    assert "NotAuthorizedOrNotFound" in error


def test_at_least_twenty_five_commands_were_judged():
    assert len(commands) >= 25, sorted(commands)
