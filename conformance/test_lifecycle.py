"""What our commands do to instances, as the official `oci` CLI sees it; and the other way round."""

import json
import pathlib
import subprocess
import sys

import pytest

from region import CLEAN_ENV, run

OCI = pathlib.Path(sys.executable).parent / "oci"


@pytest.fixture
def oci(own_region):
    """`oci compute instance …`, as the official CLI does it."""

    def ask(*words):
        done = subprocess.run(
            [OCI, "--config-file", own_region.home / "config", "--endpoint", own_region.endpoint, "compute", "instance", *words],
            capture_output=True,
            text=True,
            timeout=180,
            env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        # A termination's answer is the work request's OCID, and an empty list's is nothing at all.
        return json.loads(done.stdout).get("data") if done.stdout.strip() else []

    return ask


@pytest.fixture
def rows(own_region, oci):
    """Every instance, by the official CLI."""
    return lambda: oci("list", "--compartment-id", own_region.fleet["compartment_id"], "--all")


@pytest.fixture
def states(rows):
    """Name to state of every instance, by the official CLI."""
    return lambda: {row["display-name"]: row["lifecycle-state"] for row in rows()}


def test_the_official_cli_agrees_on_what_manage_instances_did(own_region, states, tmp_path):
    config = own_region.home / "config.yaml"
    common = ["--config", config, "--state-dir", tmp_path / "state"]
    launched = run("oci-insta-scale", *common, "--count", 8, "--yes")
    assert launched.returncode == 0, launched.stderr
    prefix = own_region.fleet["display_name_prefix"] + "-"
    names = [f"{prefix}{number}" for number in range(1, 9)]
    scope = ["-c", own_region.fleet["compartment_id"], "-p", prefix, "-y", *common]
    for verb, state in [("stop", "STOPPED"), ("start", "RUNNING"), ("terminate", "TERMINATED")]:
        done = run("manage-instances", verb, *scope)
        assert done.returncode == 0, done.stderr
        assert states() == dict.fromkeys(names, state), verb


def test_manage_instances_repeats_nothing_the_cli_did(own_region, oci, rows, tmp_path):
    common = ["--config", own_region.home / "config.yaml", "--state-dir", tmp_path / "state"]
    launched = run("oci-insta-scale", *common, "--count", 3, "--yes")
    assert launched.returncode == 0, launched.stderr
    prefix = own_region.fleet["display_name_prefix"] + "-"
    ours = ["-c", own_region.fleet["compartment_id"], "-p", prefix, "-y", "--output", "json", *common]

    def seen():
        listed = run("manage-instances", "list", *ours)
        assert listed.returncode == 0, listed.stderr
        return {row["name"]: row["state"] for row in json.loads(listed.stdout)["instances"]}

    ids = {row["display-name"]: row["id"] for row in rows()}
    first, second = f"{prefix}1", f"{prefix}2"
    oci("action", "--action", "STOP", "--instance-id", ids[first])
    oci("terminate", "--force", "--instance-id", ids[second])
    own_region.post("/_sim/advance", {"seconds": 600})
    assert seen() == {first: "STOPPED", f"{prefix}3": "RUNNING"}

    stopped = run("manage-instances", "stop", *ours)
    assert stopped.returncode == 0, stopped.stderr
    document = json.loads(stopped.stdout)
    assert (document["requested"], document["done"], document["skipped"]) == (2, 2, 1)
    # What is gone is gone, whoever did it: a file with its OCID ends well.
    (tmp_path / "ocids.txt").write_text("\n".join(ids.values()))
    ended = run("manage-instances", "terminate", "--file", tmp_path / "ocids.txt", "-y", "--output", "json", *common)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert (document["done"], document["skipped"], document["missing"]) == (3, 1, [])
    assert {row["lifecycle-state"] for row in rows()} == {"TERMINATED"}
