"""The official signers, unchanged: each way of signing in gets its tokens from the simulated region and launches with them."""

import json
import pathlib
import subprocess
import sys

import pytest

from region import CLEAN_ENV, Region, run

OCI = pathlib.Path(sys.executable).parent / "oci"

# The SDK reads some variables when it is imported, so each way has a process of its own.
LAUNCH = """
import json, sys
import oci
fleet, endpoint = json.loads(sys.argv[1]), sys.argv[2]
{signer}
compute = oci.core.ComputeClient({{}}, signer=signer, service_endpoint=endpoint)
details = oci.core.models.LaunchInstanceDetails(
    compartment_id=fleet["compartment_id"],
    availability_domain=fleet["availability_domain"],
    shape="VM.Standard.E4.Flex",
    shape_config=oci.core.models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
    source_details=oci.core.models.InstanceSourceViaImageDetails(image_id=fleet["image_id"]),
    create_vnic_details=oci.core.models.CreateVnicDetails(subnet_id=fleet["subnet_id"]),
)
launched = compute.launch_instance(details).data
if hasattr(signer, "refresh_security_token"):
    signer.refresh_security_token()
print(compute.get_instance(launched.id).data.id)
"""

INSTANCE = 'signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner(federation_endpoint=endpoint + "/v1/x509")'
RESOURCE = "signer = oci.auth.signers.get_resource_principals_signer()"
SESSION = """
config = oci.config.from_file(sys.argv[3], "SESSION")
token = open(config["security_token_file"]).read()
signer = oci.auth.signers.SecurityTokenSigner(token, oci.signer.load_private_key_from_file(config["key_file"]))
"""

# A token and the key for which it was issued, as the platform of a function would write them. The owner of the API key gets it.
MINT = """
import sys
import oci
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa
endpoint, folder, config = sys.argv[1:]
key = rsa.generate_private_key(65537, 2048)
private = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption())
public = key.public_key().public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
issuer = oci.identity_data_plane.DataplaneClient(oci.config.from_file(config), service_endpoint=endpoint + "/v1")
details = oci.identity_data_plane.models.GenerateUserSecurityTokenDetails(
    public_key=public.decode(), session_expiration_in_minutes=5
)
token = issuer.generate_user_security_token(details).data.token
open(folder + "/key.pem", "wb").write(private)
open(folder + "/rpst", "w").write(token)
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A region, the variables that lead the official clients to it, and the fleet of its config."""
    folder = tmp_path_factory.mktemp("sign-in")
    region = Region(folder)
    principal = {
        "OCI_METADATA_BASE_URL": region.endpoint + "/opc/v2",
        "OCI_CLI_FEDERATION_ENDPOINT": region.endpoint + "/v1/x509",
    }
    minted = python(MINT, region.endpoint, folder, region.home / "config", env={})
    assert minted.returncode == 0, minted.stderr
    resource = {
        "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
        "OCI_RESOURCE_PRINCIPAL_REGION": "us-phoenix-1",
        "OCI_RESOURCE_PRINCIPAL_RPST": str(folder / "rpst"),
        "OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM": str(folder / "key.pem"),
    }
    yield region, {"instance_principal": principal, "resource_principal": resource, "security_token": {}}
    region.stop()


def python(code, *arguments, env):
    return subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**CLEAN_ENV, **env},
    )


def domain(region):
    from oci.identity import IdentityClient

    identity = region.client(IdentityClient)
    return identity.list_availability_domains(region.config["tenancy"]).data[0].name


WAYS = {"instance_principal": INSTANCE, "resource_principal": RESOURCE, "security_token": SESSION}


@pytest.mark.parametrize("way", WAYS)
def test_the_sdk_signs_in_and_launches(place, way):
    region, variables = place
    fleet = {**region.fleet, "availability_domain": domain(region)}
    code = LAUNCH.format(signer=WAYS[way])
    done = python(code, json.dumps(fleet), region.endpoint, region.home / "config", env=variables[way])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("ocid1.instance."), done.stdout


@pytest.mark.parametrize("way", WAYS)
def test_the_cli_signs_in_and_launches(place, way):
    region, variables = place
    fleet = region.fleet
    words = [OCI, "--auth", way, "--endpoint", region.endpoint, "--config-file", region.home / "config"]
    words += ["--profile", "SESSION"] if way == "security_token" else []
    words += ["compute", "instance", "launch", "--availability-domain", domain(region), "--shape", "VM.Standard.E4.Flex"]
    words += ["--shape-config", '{"ocpus": 1, "memoryInGBs": 6}', "--image-id", fleet["image_id"]]
    words += ["--subnet-id", fleet["subnet_id"], "--compartment-id", fleet["compartment_id"]]
    done = subprocess.run(
        list(map(str, words)),
        capture_output=True,
        text=True,
        timeout=120,
        env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True", **variables[way]},
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["data"]["id"].startswith("ocid1.instance.")


@pytest.mark.parametrize("way", WAYS)
def test_our_launch_signs_in_the_same_way(place, way, tmp_path):
    region, variables = place
    config = region.home / "config.yaml"
    words = ["launch", "--config", config, "--state-dir", tmp_path, "--auth", way, "--count", 1, "--new", "--yes"]
    words += ["--output", "json"]
    env = {**variables[way], "OCI_CLI_CONFIG_FILE": str(region.home / "config")}
    words += ["--profile", "SESSION"] if way == "security_token" else []
    done = run("oci-insta-scale", *words, env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["launched"] == 1
    # What signs is no one else's to read.
    kept = "".join(path.read_bytes().decode("latin-1") for path in tmp_path.rglob("*") if path.is_file())
    for text in (done.stdout, done.stderr, kept):
        assert "ST$" not in text and "PRIVATE KEY" not in text and "eyJ" not in text


# A refusal is printed as the SDK reads it.
ATTEMPT = LAUNCH.replace(
    "launched = compute.launch_instance(details).data",
    """try:
    launched = compute.launch_instance(details).data
except oci.exceptions.ServiceError as refused:
    print(refused.status, refused.code)
    sys.exit()""",
)


def test_an_instance_principal_launches_only_with_a_policy(own_region):
    region = own_region
    compartment = region.fleet["compartment_id"]
    fleet = {**region.fleet, "availability_domain": domain(region)}
    variables = {
        "OCI_METADATA_BASE_URL": region.endpoint + "/opc/v2",
        "OCI_CLI_FEDERATION_ENDPOINT": region.endpoint + "/v1/x509",
    }

    def attempt(rule, statements):
        group = {"name": "hunters", "matching_rule": rule}
        region.post("/_sim/policies", {"dynamic_groups": [group], "statements": statements})
        code = ATTEMPT.format(signer=INSTANCE)
        done = python(code, json.dumps(fleet), region.endpoint, region.home / "config", env=variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    # What our own command prints for the principal is what the official SDK needs.
    words = ["policy", "--config", region.home / "config.yaml", "--auth", "instance_principal", "--group", "hunters"]
    printed = run("oci-insta-scale", *words, "--output", "json")
    assert printed.returncode == 0, printed.stderr
    document = json.loads(printed.stdout)
    assert document["principal"] == "dynamic_group"
    statements = [one["text"] for one in document["statements"] if not one["optional"]]
    rule = f"ALL {{instance.compartment.id = '{compartment}'}}"
    assert attempt(rule, []) == "404 NotAuthorizedOrNotFound"
    assert attempt("instance.compartment.id = 'ocid1.compartment.oc1..other'", statements) == "404 NotAuthorizedOrNotFound"
    for missing in statements[:4]:
        rest = [text for text in statements if text != missing]
        assert attempt(rule, rest) == "404 NotAuthorizedOrNotFound", missing
    assert attempt(rule, statements).startswith("ocid1.instance.")
