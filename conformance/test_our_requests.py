"""Our commands, judged by a verifier that shares no code with them and by the official SDK."""

import json

import oci
import pytest
from oci.core import ComputeClient

from region import run
from verifier import VerifyingProxy, verify


@pytest.fixture
def proxy(own_region):
    proxy = VerifyingProxy(own_region.endpoint, own_region.config)
    yield proxy
    proxy.stop()


def test_every_request_of_a_launch_is_signed_as_oracle_demands(own_region, proxy, tmp_path):
    done = run(
        "oci-insta-scale", "--config", own_region.home / "config.yaml", "--endpoint", proxy.endpoint,
        "--state-dir", tmp_path / "state", "--count", 20, "--output", "json", "--yes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["requested"], document["launched"], document["running"], document["failed"]) == (20, 20, 20, 0)
    assert proxy.refused == []
    launches = [request for request in proxy.verified if request[0] == "POST"]
    tokens = {headers["opc-retry-token"] for _, path, headers in launches if path == "/20160918/instances"}
    assert len(tokens) == 20


def test_what_we_launch_the_sdk_sees(own_region, tmp_path):
    done = run(
        "oci-insta-scale", "--config", own_region.home / "config.yaml", "--state-dir", tmp_path / "state",
        "--count", 100, "--output", "json", "--yes",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    ours = {row["ocid"]: row["name"] for row in json.loads(done.stdout)["instances"]}
    prefix = own_region.fleet["display_name_prefix"]
    assert sorted(ours.values()) == sorted(f"{prefix}-{number}" for number in range(1, 101))
    found = oci.pagination.list_call_get_all_results(
        own_region.client(ComputeClient).list_instances, own_region.fleet["compartment_id"], lifecycle_state="RUNNING"
    ).data
    assert {instance.id: instance.display_name for instance in found} == ours
    # Neither we nor the SDK send a field that the API does not have.
    assert own_region.get("/_sim/stats")["unknown_fields"] == {}


def test_the_verifier_refuses_an_altered_request(own_region):
    """A judge that lets everything pass would prove nothing."""
    client = own_region.client(ComputeClient)
    signer = client.base_client.signer
    from oci._vendor import requests

    request = requests.Request("GET", own_region.endpoint + "/20160918/instances?compartmentId=x", auth=signer).prepare()
    headers = {name.lower(): value for name, value in request.headers.items()}
    key_id = "/".join(own_region.config[name] for name in ("tenancy", "user", "fingerprint"))
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import serialization

    with open(own_region.config["key_file"], "rb") as file:
        public_key = serialization.load_pem_private_key(file.read(), None).public_key()
    verify("GET", "/20160918/instances?compartmentId=x", headers, b"", key_id, public_key)
    with pytest.raises(InvalidSignature):
        verify("GET", "/20160918/instances?compartmentId=y", headers, b"", key_id, public_key)
