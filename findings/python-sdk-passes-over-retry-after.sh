#!/usr/bin/env bash
# oci 2.189.0 (Python SDK), DEFAULT_RETRY_STRATEGY: a list that is answered twice with 429 and `Retry-After: 12`.
# Expected: the next attempt comes 12 s later or after that, as the answer asks.
# Seen: it comes after the strategy's own wait, at most 2 s after the first answer and 3 s after the second. Whoever retries beside it
# and keeps to `Retry-After` is overtaken.
# The service is a small server on loopback. Exits 1 if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet 'oci==2.189.0'
unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
cd "$work"
cat > play.py <<'PY'
import http.server
import json
import sys
import threading
import time

from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import rsa

ASKED = 12
arrived = []


class Service(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        arrived.append(time.monotonic())
        throttled = len(arrived) < 3
        body = json.dumps({"code": "TooManyRequests", "message": "later"} if throttled else []).encode()
        self.send_response(429 if throttled else 200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if throttled:
            self.send_header("retry-after", str(ASKED))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()

import oci

key = rsa.generate_private_key(65537, 2048)
profile = {
    "user": "ocid1.user.oc1..example",
    "tenancy": "ocid1.tenancy.oc1..example",
    "fingerprint": ":".join(["00"] * 16),
    "key_content": key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, form.NoEncryption()).decode(),
    "region": "us-phoenix-1",
}
client = oci.core.ComputeClient(
    profile,
    service_endpoint=f"http://127.0.0.1:{server.server_port}",
    retry_strategy=oci.retry.DEFAULT_RETRY_STRATEGY,
)
listed = client.list_instances("ocid1.compartment.oc1..example").data
waits = [later - earlier for earlier, later in zip(arrived, arrived[1:])]
print(f"oci {oci.__version__}: waited {[round(wait, 1) for wait in waits]} s where {ASKED} s were asked for; listed {listed}")
sys.exit(0 if listed == [] and len(waits) == 2 and max(waits) < ASKED else 1)
PY
timeout 300 "$work/venv/bin/python" play.py
