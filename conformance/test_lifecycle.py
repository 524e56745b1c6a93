"""What our commands do to instances, as the official `oci` CLI sees it; and the other way round."""

import json
import pathlib
import subprocess
import sys

import pytest

from region import CLEAN_ENV, run

OCI = pathlib.Path(sys.executable).parent / "oci"


@pytest.fixture
def states(own_region):
    """Name to state of every instance, by the official CLI."""

    def ask():
        done = subprocess.run(
            [OCI, "--config-file", own_region.home / "config", "--endpoint", own_region.endpoint, "compute", "instance", "list",
             "--compartment-id", own_region.fleet["compartment_id"], "--all"],
            capture_output=True,
            text=True,
            timeout=180,
            env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True"},
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        rows = json.loads(done.stdout)["data"] if done.stdout.strip() else []
        return {row["display-name"]: row["lifecycle-state"] for row in rows}

    return ask


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
