"""How much memory the listing of 100,000 instances takes: the real binary, and a service that has that many.

The service is a stand-in that only lists: pages are cut from one row, so that the test takes seconds, not minutes.
"""

import http.server
import json
import os
import re
import subprocess
import threading
import urllib.parse

import pytest

from region import BIN, CLEAN_ENV, Region

ROWS = 100_000
PAGE = 100
MOST_MB = 300
DOMAIN = "Uocm:PHX-AD-{}"


def ocid(kind, number):
    """As long as a real one."""
    return f"ocid1.{kind}.oc1.phx.anyhqljtnumber{number:046d}"


def instance(number, compartment):
    return {
        "id": ocid("instance", number),
        "compartmentId": compartment,
        "displayName": f"instance-{number}",
        "lifecycleState": "RUNNING",
        "availabilityDomain": DOMAIN.format(1),
        "faultDomain": f"FAULT-DOMAIN-{number % 3 + 1}",
        "region": "phx",
        "shape": "VM.Standard.E4.Flex",
        "shapeConfig": {"ocpus": 1.0, "memoryInGBs": 6.0, "vcpus": 2, "networkingBandwidthInGbps": 1.0},
        "imageId": ocid("image", 1),
        "sourceDetails": {"sourceType": "image", "imageId": ocid("image", 1)},
        "timeCreated": "2026-11-22T12:00:00.000Z",
        "metadata": {"ssh_authorized_keys": "ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAABAQ" + "A" * 342 + " me@here"},
        "extendedMetadata": {},
        "freeformTags": {"oci-insta-scale-run": "019a0000-0000-7000-8000-000000000000", "oci-insta-scale-slot": str(number)},
        "definedTags": {"Oracle-Tags": {"CreatedBy": "default/me@example.com", "CreatedOn": "2026-11-22T12:00:00.000Z"}},
        "launchMode": "PARAVIRTUALIZED",
        "instanceOptions": {"areLegacyImdsEndpointsDisabled": True},
        "agentConfig": {"isMonitoringDisabled": False, "isManagementDisabled": False, "areAllPluginsDisabled": False},
    }  # fmt: skip


def vnic_attachment(number, compartment):
    return {
        "id": ocid("vnicattachment", number),
        "compartmentId": compartment,
        "availabilityDomain": DOMAIN.format(1),
        "instanceId": ocid("instance", number),
        "vnicId": ocid("vnic", number),
        "subnetId": ocid("subnet", 1),
        "lifecycleState": "ATTACHED",
        "nicIndex": 0,
        "timeCreated": "2026-11-22T12:00:00.000Z",
    }


def address(number):
    return f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"


def private_ip(number, compartment):
    return {
        "id": ocid("privateip", number),
        "compartmentId": compartment,
        "vnicId": ocid("vnic", number),
        "subnetId": ocid("subnet", 1),
        "ipAddress": address(number),
        "isPrimary": True,
        "timeCreated": "2026-11-22T12:00:00.000Z",
    }


def public_ip(number, compartment):
    return {
        "id": ocid("publicip", number),
        "compartmentId": compartment,
        "scope": "AVAILABILITY_DOMAIN",
        "availabilityDomain": DOMAIN.format(1),
        "lifetime": "EPHEMERAL",
        "lifecycleState": "ASSIGNED",
        "assignedEntityId": ocid("privateip", number),
        "assignedEntityType": "PRIVATE_IP",
        "ipAddress": "1" + address(number)[2:],
        "timeCreated": "2026-11-22T12:00:00.000Z",
    }


LISTS = {
    "/20160918/instances": instance,
    "/20160918/vnicAttachments": vnic_attachment,
    "/20160918/privateIps": private_ip,
    "/20160918/publicIps": public_ip,
}


class Lists(http.server.BaseHTTPRequestHandler):
    """Answers lists, 100 rows a page. Signatures are not its business."""

    protocol_version = "HTTP/1.1"

    def do_GET(self):
        path, _, query = self.path.partition("?")
        query = dict(urllib.parse.parse_qsl(query))
        row = LISTS.get(path.rstrip("/"))
        begin = int(query.get("page", 0))
        many = ROWS if row and query.get("scope") != "REGION" else 0
        end = min(begin + PAGE, many)
        rows = [row(number, query.get("compartmentId", ocid("compartment", 1))) for number in range(begin, end)]
        body = json.dumps(rows).encode()
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        if end < many:
            self.send_header("opc-next-page", str(end))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def many(tmp_path):
    """A config for a service that lists 100,000 instances."""
    region = Region(tmp_path)
    region.stop()
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Lists)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    config = region.home / "config.yaml"
    endpoint = f"http://127.0.0.1:{server.server_address[1]}"
    config.write_text(re.sub(r"(?m)^endpoint:.*$", f"endpoint: {endpoint}", config.read_text()))
    yield config
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.mark.parametrize("output", ["table", "json"])
def test_100_000_rows_take_300_megabytes_at_most(many, tmp_path, output):
    with open(tmp_path / "out", "wb") as out:
        command = [BIN / "oci-insta-scale", "--config", many, "instances", "list", "--output", output]
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, env=CLEAN_ENV)
        told = process.stderr.read().decode()
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, told
    text = (tmp_path / "out").read_text()
    assert text.count(f"10.{99_999 >> 16}.{99_999 >> 8 & 255}.{99_999 & 255}") == 1
    assert text.count("instance-") >= ROWS
    # Linux counts in kilobytes.
    peak = usage.ru_maxrss / 1024
    print(f"{output}: {peak:.0f} MB at most")
    assert peak <= MOST_MB, f"{output}: {peak:.0f} MB"
