"""The official `oci` CLI against the simulated region, with the files that `sim serve` leaves."""

import json
import pathlib
import subprocess
import sys

import pytest

from region import CLEAN_ENV
from test_sdk import first_ad

OCI = pathlib.Path(sys.executable).parent / "oci"


@pytest.fixture
def cli(region):
    def call(*arguments, ok=True):
        done = subprocess.run(
            [OCI, "--config-file", region.home / "config", "--endpoint", region.endpoint, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=180,
            env={**CLEAN_ENV, "OCI_CLI_SUPPRESS_FILE_PERMISSIONS_WARNING": "True"},
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


def test_a_service_error_is_shown_as_one(region, cli):
    error = cli("compute", "instance", "get", "--instance-id", "ocid1.instance.oc1.phx.nobody", ok=False)
    assert "NotAuthorizedOrNotFound" in error
