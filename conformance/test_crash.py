"""The real binary, killed at random moments and cut off after the server acted: exactly N in the end."""

import collections
import http.client
import http.server
import json
import os
import random
import signal
import subprocess
import threading
import time
from urllib.parse import urlsplit

import oci
from oci.core import ComputeClient

from region import BIN, CLEAN_ENV, Region, run

WANTED = 200
KILLS = 50


def live(region):
    """Slot → OCIDs of the live instances that a run of ours has tagged."""
    found = oci.pagination.list_call_get_all_results(
        region.client(ComputeClient).list_instances, region.fleet["compartment_id"]
    ).data
    slots = collections.defaultdict(list)
    for instance in found:
        if instance.lifecycle_state not in ("TERMINATING", "TERMINATED"):
            slots[int(instance.freeform_tags["oci-insta-scale-slot"])].append(instance.id)
    return slots


def start(region, state, *arguments):
    return subprocess.Popen(
        [BIN / "oci-insta-scale", *arguments, "--config", region.home / "config.yaml", "--state-dir", state]
        + ["--yes", "--output", "json"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=CLEAN_ENV,
    )


def asked(region):
    """How many launches the region has been asked for."""
    return region.get("/_sim/stats")["operations"].get("LaunchInstance", {"requests": 0})["requests"]


def kill_when(region, process, launches, seconds):
    """Kills it at a random moment after so many more launches, or after this time, whichever is first."""
    before, deadline = asked(region), time.monotonic() + seconds
    while process.poll() is None and asked(region) < before + launches and time.monotonic() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait(timeout=30) == -signal.SIGKILL, "it had ended by itself"
    process.stdout.close()


def test_a_run_killed_fifty_times_ends_with_exactly_n(tmp_path):
    seed = int(os.environ.get("CRASH_SEED", "20261122"))
    chance = random.Random(seed)
    region = Region(tmp_path, speed=60)
    state = tmp_path / "state"
    made = []
    try:
        for _ in range(KILLS):
            command = ["resume"] if made else ["launch", "--count", str(WANTED)]
            process = start(region, state, *command, "--rate", "20")
            # A third dies early: while it reads the ledger, adopts, or has just begun. The others get a few launches done.
            early = made and chance.random() < 1 / 3
            launches = chance.randint(1, 5)
            kill_when(region, process, launches, chance.uniform(0.0, 0.3) if early else 30)
            made.append(sum(map(len, live(region).values())))
        assert len(made) == KILLS
        assert made[-1] < WANTED, f"the run was over before the last kill: {made}, CRASH_SEED={seed}"
        assert len(set(made)) > KILLS / 3, f"too few kills hit a run at work: {made}, CRASH_SEED={seed}"
        process = start(region, state, "resume")
        output, _ = process.communicate(timeout=120)
        document = json.loads(output)
        assert (document["running"], document["failed"]) == (WANTED, 0), f"CRASH_SEED={seed}"
        slots = live(region)
        assert sorted(slots) == list(range(1, WANTED + 1)), f"CRASH_SEED={seed}"
        assert {len(ocids) for ocids in slots.values()} == {1}, f"CRASH_SEED={seed}"
        assert {row["ocid"] for row in document["instances"]} == {ocids[0] for ocids in slots.values()}
    finally:
        region.stop()


class CuttingProxy:
    """Forwards every request and drops the connection before some of the answers: the server has acted, nobody knows."""

    def __init__(self, endpoint, every):
        upstream, proxy = urlsplit(endpoint), self
        self.cut, count, lock = 0, 0, threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def forward(self):
                nonlocal count
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                connection = http.client.HTTPConnection(upstream.hostname, upstream.port, timeout=60)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders(body)
                answer = connection.getresponse()
                content = answer.read()
                connection.close()
                with lock:
                    count += 1
                    cut = self.command == "POST" and count % every == 0
                    proxy.cut += cut
                if cut:
                    self.close_connection = True
                    self.connection.close()
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("content-length", "transfer-encoding", "connection", "date", "server"):
                        self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_DELETE = do_PUT = forward

            def log_message(self, *_):
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                """A dropped connection is what this proxy is for."""

        self.server = Server(("127.0.0.1", 0), Handler)
        self.endpoint = f"http://127.0.0.1:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()


def test_cut_off_after_the_server_acted_nothing_is_doubled(own_region, tmp_path):
    proxy = CuttingProxy(own_region.endpoint, every=3)
    try:
        done = run(
            "oci-insta-scale", "--config", own_region.home / "config.yaml", "--endpoint", proxy.endpoint,
            "--state-dir", tmp_path / "state", "--count", 60, "--output", "json", "--yes",
        )  # fmt: skip
    finally:
        proxy.stop()
    assert done.returncode == 0, done.stderr
    assert proxy.cut >= 10
    slots = live(own_region)
    assert sorted(slots) == list(range(1, 61))
    assert {len(ocids) for ocids in slots.values()} == {1}
