"""Programs that compute the host names of the real services, unchanged, through `sim exec`."""

import base64
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

import pytest

from region import BIN, CLEAN_ENV

OCI = pathlib.Path(sys.executable).parent / "oci"
ISOLATES = subprocess.run(
    ["unshare", "--user", "--map-current-user", "--keep-caps", "--net", "--mount", "--", "ip", "link", "set", "lo", "up"],
    capture_output=True,
)
pytestmark = pytest.mark.skipif(ISOLATES.returncode != 0, reason=f"no namespaces here: {ISOLATES.stderr.decode()}")


def run(home, *command, flags=(), env=None):
    return subprocess.run(
        [BIN / "oci-insta-scale", "sim", "exec", "--home", home, "--speed", "60", *flags, "--", *map(str, command)],
        capture_output=True,
        text=True,
        timeout=120,
        env={**CLEAN_ENV, "SUPPRESS_LABEL_WARNING": "True", **(env or {})},
    )


def test_the_cli_needs_no_endpoint(tmp_path):
    # A proxy would carry the request away.
    done = run(tmp_path / "sim", OCI, "iam", "region", "list", env={"HTTPS_PROXY": "http://192.0.2.1:3128"})
    assert done.returncode == 0, done.stderr
    assert "us-phoenix-1" in {row["name"] for row in json.loads(done.stdout)["data"]}


def test_the_cli_renews_its_session(tmp_path):
    home = tmp_path / "sim"
    script = 'cat "$1"; echo; "$0" session refresh --config-file "$2" --profile SESSION >&2 && cat "$1"'
    token = home / "sessions" / "SESSION" / "token"
    done = run(home, "sh", "-c", script, OCI, token, home / "config")
    assert done.returncode == 0, done.stderr
    before, after = done.stdout.split()
    assert before != after
    # The renewed token signs.
    signed = run(home, OCI, "--auth", "security_token", "--profile", "SESSION", "iam", "region", "list")
    assert signed.returncode == 0, signed.stderr


def test_no_request_can_leave_the_machine(tmp_path):
    away = "import socket; socket.create_connection(('192.0.2.1', 443), timeout=3)"
    done = run(tmp_path / "sim", sys.executable, "-c", away)
    assert "Network is unreachable" in done.stderr
    lost = "import socket; socket.getaddrinfo('database.us-phoenix-1.oraclecloud.com', 443)"
    assert run(tmp_path / "sim", sys.executable, "-c", lost).returncode == 1


def test_nothing_is_run_without_a_proof_of_isolation(tmp_path):
    claimed = {"OCI_INSTA_SCALE_OUTSIDE": "net:[1] mnt:[1]"}
    done = run(tmp_path / "sim", "touch", tmp_path / "ran", env=claimed)
    assert (done.returncode, (tmp_path / "ran").exists()) == (2, False)
    assert "could leave this machine" in done.stderr


def test_the_exit_code_of_the_program_is_passed_on(tmp_path):
    home = tmp_path / "sim"
    assert run(home, "sh", "-c", "exit 7").returncode == 7
    assert run(home, "sh", "-c", "kill -KILL $$").returncode == 137
    # The signal goes to `sim exec`, which hands it to the program.
    assert run(home, "sh", "-c", "trap 'exit 9' TERM; kill -TERM $PPID; sleep 5 & wait").returncode == 9
    missing = run(home, "no-such-program")
    assert (missing.returncode, "cannot be started" in missing.stderr) == (2, True)
    assert run(home).returncode == 2


def test_a_saved_region_continues_in_the_next_program(tmp_path):
    home, saved = tmp_path / "sim", ("--save", tmp_path / "region.json")
    flags = ("--no-retry", "compute", "instance", "list", "--compartment-id")
    run(home, "true", flags=saved)
    compartment = next(
        line.split(": ")[1].strip() for line in (home / "config.yaml").read_text().splitlines() if "compartment_id" in line
    )
    done = run(home, OCI, *flags, compartment, flags=saved)
    assert done.returncode == 0, done.stderr


def test_a_config_for_the_real_hosts_launches(tmp_path):
    # `init` computes the host names itself: no endpoint is named.
    home = tmp_path / "sim"
    key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q me@home"
    script = 'cd "$1" && "$0" init --yes --ssh-key "$2" --count 2 && "$0" launch --yes --output json'
    program = BIN / "oci-insta-scale"
    done = run(home, "sh", "-c", script, program, tmp_path, key, env={"OCI_INSTA_SCALE_STATE_DIR": str(tmp_path / "state")})
    assert done.returncode == 0, done.stderr
    assert "endpoint" not in (tmp_path / "config.yaml").read_text()
    assert json.loads(done.stdout[done.stdout.index("{"):])["running"] == 2


# The endpoint of a cluster has the port 12250 and a certificate of the cluster's own authority.
POD = """
import os, subprocess, sys
import oci
program, config, account, state = sys.argv[1:]
signer = oci.auth.signers.get_oke_workload_identity_resource_principal_signer(service_account_token_path=account)
identity = oci.identity.IdentityClient({}, signer=signer, service_endpoint="http://127.0.0.1:12620")
print(identity.list_regions().data[0].name)
launch = [program, "launch", "--config", config, "--state-dir", state, "--auth", "oke_workload_identity", "--count", "1"]
# A proxy leads out of the cluster.
done = subprocess.run([*launch, "--new", "--yes", "--output", "json"], env={**os.environ, "HTTPS_PROXY": "http://127.0.0.1:9", "OCI_INSTA_SCALE_LOG": "trace"})
sys.exit(done.returncode)
"""


def test_a_pod_signs_in_at_its_cluster(tmp_path):
    home, account = tmp_path / "sim", tmp_path / "token"
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 4_000_000_000, "sub": "system:serviceaccount:dev:hunter"}).encode())
    account.write_text(f"e30.{claims.decode().rstrip('=')}.c2ln")
    env = {
        "KUBERNETES_SERVICE_HOST": "127.0.0.1",
        "OCI_KUBERNETES_SERVICE_ACCOUNT_CERT_PATH": str(home / "ca.pem"),
        "OCI_KUBERNETES_SERVICE_ACCOUNT_TOKEN_PATH": str(account),
        "OCI_RESOURCE_PRINCIPAL_VERSION": "2.2",
        "OCI_RESOURCE_PRINCIPAL_REGION": "us-phoenix-1",
    }
    words = [sys.executable, "-c", POD, BIN / "oci-insta-scale", home / "config.yaml", account, tmp_path / "state"]
    done = run(home, *words, flags=("--tls-listen", "127.0.0.1:12250"), env=env)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout[done.stdout.index("{"):])["launched"] == 1
    secrets = [account.read_text().strip(), "ST$", "PRIVATE KEY", "eyJ"]
    kept = "".join(path.read_bytes().decode("latin-1") for path in (tmp_path / "state").rglob("*") if path.is_file())
    assert not any(secret in text for text in (done.stdout, done.stderr, kept) for secret in secrets)


def test_a_port_below_1024_is_refused_with_advice():
    if int(pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start").read_text()) <= 443:
        pytest.skip("everyone may use port 443 here")
    program, who = BIN / "oci-insta-scale", {}
    with tempfile.TemporaryDirectory() as folder:
        if os.getuid() == 0:
            # Somebody without rights, who cannot see the checkout.
            os.chmod(folder, 0o777)
            program = shutil.copy(program, folder)
            who = {"user": 65534, "group": 65534, "extra_groups": []}
        home = pathlib.Path(folder) / "sim"
        serve = [program, "sim", "serve", "--listen", "127.0.0.1:0", "--tls-listen", "127.0.0.1:443", "--home", home]
        done = subprocess.run(serve, capture_output=True, text=True, timeout=60, env=CLEAN_ENV, **who)
    assert (done.returncode, done.stdout) == (2, ""), done.stderr
    for part in ("127.0.0.1:443", "only root may use ports below 1024", "ip_unprivileged_port_start=443", "sim exec"):
        assert part in done.stderr
