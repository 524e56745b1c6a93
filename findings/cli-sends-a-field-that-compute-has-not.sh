#!/usr/bin/env bash
# oci-cli 3.95.1, `oci compute instance launch --shape-config` with the hyphenated key `memory-in-gbs`, which the CLI accepts for a
# field of a complex parameter as it does elsewhere.
# Expected: the request has `memoryInGBs`, the field of LaunchInstanceShapeConfigDetails, or the key is refused.
# Seen: the request has `memoryInGbs`, which no version of the API has, and nothing is said. A service that passes over unknown
# fields then gives the instance the shape's default memory. The key `memoryInGBs` arrives as it was written.
# The service is a small server on loopback. Exits 1 if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet 'oci-cli==3.95.1'
unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
cd "$work"
cat > play.py <<'PY'
import hashlib
import http.server
import json
import os
import subprocess
import sys
import threading

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

bodies = []


class Service(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
        answer = json.dumps({"id": "ocid1.instance.oc1.phx.example", "lifecycleState": "PROVISIONING"}).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()

key = rsa.generate_private_key(65537, 2048)
public = key.public_key().public_bytes(form.Encoding.DER, form.PublicFormat.SubjectPublicKeyInfo)
pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption())
profile = {
    "user": "ocid1.user.oc1..example",
    "tenancy": "ocid1.tenancy.oc1..example",
    "fingerprint": ":".join(f"{byte:02x}" for byte in hashlib.md5(public).digest()),
    "key_file": os.path.abspath("key.pem"),
    "region": "us-phoenix-1",
}
with open("key.pem", "wb") as file:
    file.write(pem + b"OCI_API_KEY\n")
with open("config", "w") as file:
    file.write("[DEFAULT]\n" + "".join(f"{name}={value}\n" for name, value in profile.items()))
for name in ("key.pem", "config"):
    os.chmod(name, 0o600)


def sent(shape_config):
    """The `shapeConfig` of the launch that the CLI sends."""
    command = [os.path.join(os.path.dirname(sys.executable), "oci"), "--config-file", "config"]
    command += ["--endpoint", f"http://127.0.0.1:{server.server_port}", "compute", "instance", "launch"]
    command += ["--availability-domain", "XXXX:PHX-AD-1", "--compartment-id", "ocid1.compartment.oc1..example"]
    command += ["--shape", "VM.Standard.E4.Flex", "--image-id", "ocid1.image.oc1.phx.example"]
    command += ["--subnet-id", "ocid1.subnet.oc1.phx.example", "--shape-config", json.dumps(shape_config)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr.strip(), bodies[-1]["shapeConfig"]


plain = sent({"ocpus": 2, "memoryInGBs": 32})
hyphens = sent({"ocpus": 2, "memory-in-gbs": 32})
print(f"memoryInGBs: {plain}; memory-in-gbs: {hyphens}")
as_seen = plain == (0, "", {"ocpus": 2, "memoryInGBs": 32}) and hyphens == (0, "", {"ocpus": 2, "memoryInGbs": 32})
sys.exit(0 if as_seen else 1)
PY
timeout 300 "$work/venv/bin/python" play.py
