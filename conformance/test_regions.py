"""Two simulated regions of one tenancy: our launch fills both, and the official SDK and CLI see what the books say."""

import json
import subprocess

import pytest
from oci.core import ComputeClient
from oci.exceptions import ServiceError
from oci.identity import IdentityClient

from region import CLEAN_ENV, Region, run
from test_cli import OCI
from typed import check

# A limit leaves room for four instances of 1 OCPU in Phoenix; Ashburn has room for the rest.
SCENARIO = """
world: {limits: {named: [{name: standard-e4-core-count, value: 4}]}}
regions: [{world: {region: us-ashburn-1}}]
"""


@pytest.fixture
def two_regions(tmp_path):
    scenario = tmp_path / "two.yaml"
    scenario.write_text(SCENARIO)
    region = Region(tmp_path, "--scenario", str(scenario))
    yield region
    region.stop()


def test_a_launch_over_two_regions_agrees_with_both(two_regions, tmp_path):
    region = two_regions
    config, state = region.home / "config.yaml", tmp_path / "state"
    words = ["--config", config, "--state-dir", state]
    launched = run("oci-insta-scale", "launch", *words, "--count", 9, "--yes", "--output", "json")
    assert launched.returncode == 0, launched.stderr
    ours = {row["ocid"] for row in json.loads(launched.stdout)["instances"]}
    assert len(ours) == 9

    (there,) = region.fleet["regions"]
    identity = region.client(IdentityClient)
    subscribed = check(identity.list_region_subscriptions(region.config["tenancy"]).data)
    assert [row.region_name for row in subscribed] == ["us-phoenix-1", "us-ashburn-1"]
    compartment = region.fleet["compartment_id"]
    listed = {}
    for endpoint, key in ((region.endpoint, ".phx."), (there["endpoint"], ".iad.")):
        compute = ComputeClient(region.config, service_endpoint=endpoint, timeout=(5, 60))
        compute.base_client.session.trust_env = False
        rows = check(compute.list_instances(compartment).data)
        assert rows and all(key in row.id for row in rows), endpoint
        listed[endpoint] = {row.id for row in rows}
        (other,) = [ocid for ocid in ours if key not in ocid][:1]
        with pytest.raises(ServiceError) as unknown:
            compute.get_instance(other)
        assert unknown.value.status == 404
    assert set.union(*listed.values()) == ours

    cli = subprocess.run(
        [OCI, "--config-file", region.home / "config", "--endpoint", there["endpoint"]]
        + ["compute", "instance", "list", "--compartment-id", compartment, "--all"],
        capture_output=True,
        text=True,
        env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True"},
        timeout=120,
    )
    assert cli.returncode == 0, cli.stderr
    assert {row["id"] for row in json.loads(cli.stdout)["data"]} == listed[there["endpoint"]]
