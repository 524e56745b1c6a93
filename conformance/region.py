"""Starts a simulated region and gives the official clients what they need to talk to it."""

import json
import os
import pathlib
import signal
import socket
import subprocess
import urllib.request

import oci

BIN = pathlib.Path(os.environ.get("OCI_INSTA_SCALE_BIN", "target/debug")).resolve()

# A proxy or a CA bundle of the machine's must not come between a client and a server on loopback.
CLEAN_ENV = {
    name: value
    for name, value in os.environ.items()
    if name not in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE") and not name.lower().endswith("_proxy")
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Region:
    """One `sim serve` process and its home."""

    def __init__(self, folder, *arguments, speed=60, listen="127.0.0.1:0", home=None):
        self.home = pathlib.Path(home or pathlib.Path(folder) / "sim")
        self.process = subprocess.Popen(
            [BIN / "oci-insta-scale", "sim", "serve", "--listen", listen, "--home", self.home]
            + ["--speed", str(speed), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env=CLEAN_ENV,
        )
        line = self.process.stdout.readline().strip()
        assert line.startswith("listening on http://"), line
        self.endpoint = line.removeprefix("listening on ")
        self.config = oci.config.from_file(str(self.home / "config"))
        self.fleet = read_flat_yaml(self.home / "config.yaml")

    def client(self, kind):
        client = kind(self.config, service_endpoint=self.endpoint, timeout=(5, 60))
        client.base_client.session.trust_env = False
        return client

    def availability_domain(self):
        identity = self.client(oci.identity.IdentityClient)
        return identity.list_availability_domains(self.config["tenancy"]).data[0].name

    def get(self, path):
        with urllib.request.urlopen(self.endpoint + path, timeout=10) as answer:
            return json.load(answer)

    def post(self, path, body):
        request = urllib.request.Request(
            self.endpoint + path, json.dumps(body).encode(), {"content-type": "application/json"}, method="POST"
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.read()

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(timeout=20) == 0


def read_flat_yaml(path):
    """The scalar keys of a config.yaml, wherever they are nested. PyYAML comes with the SDK's CLI."""
    import yaml

    found = {}

    def walk(node):
        for key, value in node.items():
            if isinstance(value, dict):
                walk(value)
            else:
                found[key] = value

    walk(yaml.safe_load(pathlib.Path(path).read_text()))
    return found


def run(name, *arguments, timeout=120, env=None, **options):
    """Runs one of our commands and returns the finished process."""
    return subprocess.run(
        [BIN / name, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=timeout,
        stdin=subprocess.DEVNULL,
        env={**CLEAN_ENV, **(env or {})},
        **options,
    )
