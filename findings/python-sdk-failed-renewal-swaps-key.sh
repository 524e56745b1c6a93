#!/usr/bin/env bash
# oci 2.189.0 (Python SDK), InstancePrincipalsSecurityTokenSigner: a renewal that the auth host refuses with 503.
# Expected: the signer goes on with the token that it has, which lives for another 20 minutes, and with the key for which that
# token was issued.
# Seen: the signer makes its new key before it asks for the new token. After the refusal it names the old token and signs with the
# new key, so that the service refuses every further request although the token is valid.
# The auth host and the metadata service are a small server on loopback. Exits 1 if the behaviour has changed.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet 'oci==2.189.0'
unset REQUESTS_CA_BUNDLE CURL_CA_BUNDLE
cd "$work"
cat > play.py <<'PY'
import base64
import datetime
import http.server
import json
import os
import re
import sys
import threading
import time
from email.utils import formatdate

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives import serialization as form
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

TENANCY = "ocid1.tenancy.oc1..exampletenancy"
key = rsa.generate_private_key(65537, 2048)
name = x509.Name(
    [x509.NameAttribute(NameOID.COMMON_NAME, "ocid1.instance.oc1.phx.exampleinstance")]
    + [x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, unit) for unit in ("opc-certtype:instance", "opc-tenant:" + TENANCY)]
)
now = datetime.datetime.now(datetime.timezone.utc)
certificate = (
    x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
    .not_valid_before(now - datetime.timedelta(hours=1)).not_valid_after(now + datetime.timedelta(hours=1))
    .sign(key, hashes.SHA256())
)
PEM = certificate.public_bytes(form.Encoding.PEM)
DOCUMENTS = {
    "/opc/v2/instance/region": b"phx",
    "/opc/v2/identity/cert.pem": PEM,
    "/opc/v2/identity/key.pem": key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, form.NoEncryption()
    ),
    "/opc/v2/identity/intermediate.pem": PEM,
}
works = True
certified = []


def part(value):
    return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


class Service(http.server.BaseHTTPRequestHandler):
    def reply(self, status, body):
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        found = DOCUMENTS.get(self.path)
        self.reply(200 if found else 404, found or b"")

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if not works:
            return self.reply(503, json.dumps({"code": "ServiceUnavailable", "message": "later"}).encode())
        certified.append(body["publicKey"])
        second = int(time.time())
        token = ".".join([part({"alg": "RS256"}), part({"iat": second, "exp": second + 1200, "n": len(certified)}), "c2ln"])
        return self.reply(200, json.dumps({"token": token}).encode())

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Service)
threading.Thread(target=server.serve_forever, daemon=True).start()
base = f"http://127.0.0.1:{server.server_port}"
os.environ["OCI_METADATA_BASE_URL"] = base + "/opc/v2"

import oci
from oci._vendor import requests

signer = oci.auth.signers.InstancePrincipalsSecurityTokenSigner(federation_endpoint=base + "/v1/x509")


def is_signed_by_certified_key():
    """Signs a request, and checks its signature with the key for which the newest token was issued."""
    request = requests.Request("GET", base + "/20160918/instances", headers={"date": formatdate(usegmt=True)}).prepare()
    signed = signer(request)
    fields = dict(re.findall(r'(\w+)="([^"]*)"', signed.headers["authorization"]))
    lines = {"(request-target)": "get /20160918/instances", "host": signed.headers["host"], "date": signed.headers["date"]}
    text = "\n".join(f"{name}: {lines[name]}" for name in fields["headers"].split())
    public = form.load_der_public_key(base64.b64decode(certified[-1]))
    try:
        public.verify(base64.b64decode(fields["signature"]), text.encode(), padding.PKCS1v15(), hashes.SHA256())
    except InvalidSignature:
        return False, fields["keyId"]
    return True, fields["keyId"]


good_before, token_before = is_signed_by_certified_key()
works = False
try:
    signer.refresh_security_token()
    refused = "no error"
except oci.exceptions.ServiceError as error:
    refused = f"{type(error).__name__} {error.status}"
good_after, token_after = is_signed_by_certified_key()
print(
    f"oci {oci.__version__}: signature fits the token before: {good_before}; renewal: {refused}; "
    f"same token after: {token_after == token_before}; signature fits the token after: {good_after}"
)
sys.exit(0 if good_before and token_after == token_before and not good_after else 1)
PY
timeout 300 "$work/venv/bin/python" play.py
