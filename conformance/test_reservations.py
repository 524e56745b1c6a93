"""Reservations made by our commands, as the official `oci` CLI sees them; and the other way round."""

import json
import pathlib
import subprocess
import sys
import time

import pytest

from region import BIN, CLEAN_ENV, Region, run

OCI = pathlib.Path(sys.executable).parent / "oci"
SHAPE = "VM.Standard.E4.Flex"


def official_of(region):
    def call(*arguments):
        done = subprocess.run(
            [OCI, "--config-file", region.home / "config", "--endpoint", region.endpoint, *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=180,
            env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True"},
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["data"] if done.stdout.strip() else []

    return call


@pytest.fixture
def official(own_region):
    return official_of(own_region)


def living(region, official):
    compartment = region.fleet["compartment_id"]
    rows = official("compute", "capacity-reservation", "list", "--compartment-id", compartment, "--all")
    return [row for row in rows or [] if row["lifecycle-state"] != "DELETED"]


def test_the_official_cli_sees_what_capacity_manager_reserves(own_region, official):
    config = own_region.home / "config.yaml"
    made = run(
        "capacity-manager", "-create", "-name", "prod", "-ad", "AD-1", "-shape", SHAPE, "-count", 10,
        "-ocpus", 1, "-memory", 6, "-config", config, "-y",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    compartment = own_region.fleet["compartment_id"]

    def living():
        rows = official("compute", "capacity-reservation", "list", "--compartment-id", compartment, "--all")
        return [row for row in rows or [] if row["lifecycle-state"] != "DELETED"]

    (row,) = living()
    assert (row["display-name"], row["reserved-instance-count"], row["used-instance-count"]) == ("prod", 10, 0)
    theirs = official("compute", "capacity-reservation", "get", "--capacity-reservation-id", row["id"])
    (held,) = theirs["instance-reservation-configs"]
    assert (held["instance-shape"], held["reserved-count"]) == (SHAPE, 10)

    ours = run("capacity-manager", "-list", "-config", config, "--output", "json")
    assert [entry["ocid"] for entry in json.loads(ours.stdout)["reservations"]] == [row["id"]]

    gone = run("capacity-manager", "-delete", "-id", row["id"], "-config", config, "-yes")
    assert gone.returncode == 0, gone.stderr
    assert living() == []


def test_capacity_manager_manages_what_the_cli_reserved(own_region, official):
    config = own_region.home / "config.yaml"
    kind = {"instanceShape": SHAPE, "instanceShapeConfig": {"ocpus": 1, "memoryInGBs": 6}, "reservedCount": 4}
    domain = official("iam", "availability-domain", "list")[0]["name"]
    made = official(
        "compute", "capacity-reservation", "create", "--compartment-id", own_region.fleet["compartment_id"],
        "--availability-domain", domain, "--display-name", "theirs",
        "--instance-reservation-configs", json.dumps([kind]),
    )  # fmt: skip

    waited = run("oci-insta-scale", "reservation", "wait", "theirs", "--config", config)
    assert waited.returncode == 0, waited.stderr
    shown = json.loads(run("oci-insta-scale", "reservation", "show", "theirs", "--config", config, "--output", "json").stdout)
    (held,) = shown["reservation"]["configs"]
    assert (held["shape"], held["ocpus"], held["memory_gb"], held["reserved"]) == (SHAPE, 1, 6, 4)

    grown = run("oci-insta-scale", "reservation", "update", "theirs", "--count", "+3", "--config", config, "--yes")
    assert grown.returncode == 0, grown.stderr
    theirs = official("compute", "capacity-reservation", "get", "--capacity-reservation-id", made["id"])
    assert [entry["reserved-count"] for entry in theirs["instance-reservation-configs"]] == [7]

    gone = run("capacity-manager", "-delete", "-id", made["id"], "-config", config, "-yes")
    assert gone.returncode == 0, gone.stderr
    left = run("capacity-manager", "-list", "-config", config, "--output", "json")
    assert json.loads(left.stdout)["reservations"] == []


ONE_CRUMB = """world:
  hosts: {per_fault_domain: 0}
  crumbs: [{availability_domain: 1, every_seconds: 30, hosts: 1, ocpus_per_host: 1, times: 1}]
"""


def test_the_official_cli_sees_a_ratchet_hold_and_give_back(tmp_path):
    """One instance of two is ever free: it is held for as long as the ratchet lasts, and given back at its end."""
    (tmp_path / "crumb.yaml").write_text(ONE_CRUMB)
    region = Region(tmp_path, "--scenario", tmp_path / "crumb.yaml")
    try:
        official = official_of(region)
        ratchet = subprocess.Popen(
            [BIN / "oci-insta-scale", "launch", "--config", region.home / "config.yaml", "--ratchet", "--count", "2"]
            + ["--until", "50s", "--floor", "10s", "--yes", "--output", "json"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**CLEAN_ENV, "XDG_STATE_HOME": str(tmp_path / "state")},
        )
        seen = set()
        while ratchet.poll() is None:
            seen.update(row["reserved-instance-count"] for row in living(region, official))
            time.sleep(1)
        out, err = ratchet.communicate()
        assert ratchet.returncode == 7, err
        assert max(seen) == 1, seen
        told = json.loads(out)["ratchet"]
        assert (sum(told["most"].values()), told["ended"]) == (1, "time"), told
        assert living(region, official) == []
    finally:
        region.stop()
