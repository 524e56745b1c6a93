#!/usr/bin/env python3
"""Makes vectors.json: requests as the official OCI Python SDK signs them with the test key beside this file.

Needs the package `oci` (2.189.0 made the file that is checked in):

    pip install oci==2.189.0 && python make_vectors.py > vectors.json

RSA PKCS#1 v1.5 signatures are the same each time, so running it again must change nothing.
"""

import json
import pathlib

import oci
from oci._vendor import requests

HERE = pathlib.Path(__file__).parent
TENANCY = "ocid1.tenancy.oc1..aaaaaaaaexampletenancy"
USER = "ocid1.user.oc1..aaaaaaaaexampleuser"
FINGERPRINT = "b4:d6:ac:72:e7:7c:9b:bb:34:78:83:81:a7:95:ad:b2"
DATE = "Thu, 05 Jan 2034 21:31:40 GMT"
IAAS = "https://iaas.us-phoenix-1.oraclecloud.com"
INSTANCE = "/20160918/instances/ocid1.instance.oc1.phx.abyexample"
LAUNCH = (
    '{"availabilityDomain":"Uocm:PHX-AD-1","compartmentId":"ocid1.compartment.oc1..aaaaexample",'
    '"displayName":"web-1 \u00e9\u2713","shape":"VM.Standard.E4.Flex"}'
)

REQUESTS = [
    ("get with a query", "GET", IAAS + "/20160918/instances?availabilityDomain=Uocm%3APHX-AD-1"
     "&compartmentId=ocid1.compartment.oc1..aaaaexample&displayName=web%20%2B%26%C3%A9&limit=100", None),
    ("get without a query", "GET", IAAS + INSTANCE, None),
    ("get from a port", "GET", "http://127.0.0.1:12620/20160918/availabilityDomains?compartmentId=x", None),
    ("post with a body", "POST", IAAS + "/20160918/instances", LAUNCH.encode()),
    ("post without a body", "POST", IAAS + INSTANCE + "?action=SOFTSTOP", None),
    ("put with a body", "PUT", IAAS + INSTANCE, b'{"displayName":"x"}'),
    ("delete", "DELETE", IAAS + INSTANCE + "?preserveBootVolume=false", None),
]


def main():
    signer = oci.signer.Signer(TENANCY, USER, FINGERPRINT, None, private_key_content=key())
    vectors = []
    for name, method, url, body in REQUESTS:
        request = requests.Request(
            method, url, data=body, headers={"date": DATE, "content-type": "application/json"}
        ).prepare()
        signer(request)
        has_body = method in ("POST", "PUT")
        vectors.append({
            "name": name,
            "method": method,
            "target": request.path_url,
            "host": request.headers["host"],
            "date": DATE,
            "body": (body or b"").decode() if has_body else None,
            "content_length": request.headers["content-length"] if has_body else None,
            "x_content_sha256": request.headers.get("x-content-sha256"),
            "authorization": request.headers["authorization"],
        })
    made = {
        "tenancy": TENANCY, "user": USER, "fingerprint": FINGERPRINT,
        "made_by": f"OCI Python SDK {oci.__version__}", "vectors": vectors,
    }
    print(json.dumps(made, indent=1))


def key():
    """The key between its armour lines: the SDK does not take the text around them."""
    lines = (HERE / "test-key.pem").read_text().splitlines()
    return "\n".join(lines[lines.index("-----BEGIN PRIVATE KEY-----"):lines.index("-----END PRIVATE KEY-----") + 1])


if __name__ == "__main__":
    main()
