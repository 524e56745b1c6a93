"""A simulated OCI region for tests: started once, the same before each test, and gone at the end, even if pytest is killed.

    def test_a_launch(oci_region):
        compute = oci_region.client(oci.core.ComputeClient)
        ...

It needs the program `oci-insta-scale` and nothing but the standard library; `Region.client` needs the official SDK.
"""

import configparser
import json
import os
import pathlib
import subprocess
import tempfile
import time
import urllib.error
import urllib.request

import pytest

# How long a region may take to listen; a large one makes its hosts first.
READY_WITHIN_S = 60
PROGRAM_VARIABLE = "OCI_INSTA_SCALE_PROGRAM"


class RegionError(Exception):
    """The region did not start, or refused a request about the simulation."""


class Region:
    """One process of `oci-insta-scale sim serve`.

    `endpoint` is its base URL, `config_file` a file like `~/.oci/config` with its user, and `config` the profile in it as the official SDK
    takes it. `settings` has what a launch needs: `compartment_id`, `subnet_id`, `image_id`, `shape`, ...
    """

    def __init__(self, folder, program=None, scenario=None, speed=600, seed=None, arguments=()):
        self.home = pathlib.Path(folder) / "region"
        ready, self._errors = pathlib.Path(folder) / "ready.json", pathlib.Path(folder) / "region.log"
        program = program or os.environ.get(PROGRAM_VARIABLE) or "oci-insta-scale"
        options = {"--listen": "127.0.0.1:0", "--home": self.home, "--ready-file": ready, "--parent-pid": os.getpid()}
        options.update({"--scenario": scenario, "--speed": speed, "--seed": seed})
        words = [str(word) for option, value in options.items() if value is not None for word in (option, value)]
        with self._errors.open("w") as errors:
            try:
                self.process = subprocess.Popen(
                    [program, "sim", "serve", *words, *map(str, arguments)],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=errors,
                )
            except OSError as error:
                raise RegionError(f"{program} cannot be started: {error}; name it in {PROGRAM_VARIABLE}") from error
        try:
            self.endpoint = self._wait(ready)["endpoint"]
        except BaseException:
            self.stop()
            raise
        self.config_file = self.home / "config"
        self.settings = _flat(self.home / "config.yaml")

    def _wait(self, ready):
        end = time.monotonic() + READY_WITHIN_S
        while not ready.exists():
            if self.process.poll() is not None:
                raise RegionError(f"the region ended with code {self.process.returncode}: {self._errors.read_text()}")
            if time.monotonic() > end:
                raise RegionError(f"the region was not ready within {READY_WITHIN_S} s: {self._errors.read_text()}")
            time.sleep(0.01)
        return json.loads(ready.read_text())

    @property
    def config(self):
        """The profile as `oci.config.from_file` returns it."""
        parser = configparser.ConfigParser(interpolation=None)
        parser.read(self.config_file)
        return dict(parser.defaults())

    def client(self, kind, **options):
        """A client of the official SDK that reaches the region: `region.client(oci.core.ComputeClient)`."""
        client = kind(self.config, service_endpoint=self.endpoint, **options)
        # A proxy of the machine does not lead to a server on loopback.
        client.base_client.session.trust_env = False
        return client

    def reset(self):
        """Makes the region what it was when it was ready."""
        self.post("/_sim/reset")

    def snapshot(self, name):
        """Keeps the region as it is, with its time, faults and policies."""
        self.post("/_sim/snapshots", {"name": name})

    def restore(self, name):
        """Makes the region what it was at a snapshot."""
        self.post("/_sim/restore", {"name": name})

    def advance(self, seconds):
        """Moves simulated time forward."""
        self.post("/_sim/advance", {"seconds": seconds})

    def faults(self, *rules):
        """Replaces all fault rules; without rules, nothing fails any more. Rules are as in a scenario."""
        self.post("/_sim/faults", {"replace": list(rules)})

    def get(self, path):
        """A document about the simulation: `region.get("/_sim/stats")`."""
        return json.loads(self._ask(urllib.request.Request(self.endpoint + path)))

    def post(self, path, body=None):
        """Asks the simulation for something; returns the text of the response."""
        data = json.dumps(body if body is not None else {}).encode()
        headers = {"content-type": "application/json"}
        return self._ask(urllib.request.Request(self.endpoint + path, data, headers, method="POST"))

    def _ask(self, request):
        # Without the proxies of the machine.
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=30) as response:
                return response.read().decode()
        except urllib.error.HTTPError as error:
            raise RegionError(f"{request.full_url}: {error.code} {error.read().decode()}") from error

    def stop(self):
        """Ends the region."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(timeout=20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def _flat(path):
    """The keys with a text in the region's own config.yaml, whatever group they are in."""
    pairs = (line.strip().split(": ", 1) for line in path.read_text().splitlines() if ": " in line)
    return {key: value.strip("\"'") for key, value in pairs if not key.startswith("#")}


def pytest_addoption(parser):
    parser.addini("oci_region_program", "the program oci-insta-scale, if it is not on the PATH")
    parser.addini("oci_region_scenario", "the scenario of the simulated region: a name or a file")
    parser.addini("oci_region_speed", "simulated seconds per second [600]")


@pytest.fixture(scope="session")
def oci_region_options(pytestconfig):
    """How the region is started. Override it in conftest.py for more: `seed`, `arguments`."""
    named = {name: pytestconfig.getini(f"oci_region_{name}") for name in ("program", "scenario", "speed")}
    return {name: value for name, value in named.items() if value}


@pytest.fixture(scope="session")
def oci_region_process(oci_region_options):
    """The region of all tests, as they leave it."""
    with tempfile.TemporaryDirectory(prefix="oci-region-") as folder, Region(folder, **oci_region_options) as region:
        yield region


@pytest.fixture
def oci_region(oci_region_process):
    """The region, the same at the beginning of each test."""
    oci_region_process.reset()
    return oci_region_process
