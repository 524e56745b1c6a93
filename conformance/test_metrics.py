"""promtool and a real Prometheus judge the metrics of our commands and of the simulated region."""

import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request

import pytest

from region import BIN, CLEAN_ENV, Region, free_port, run

pytestmark = pytest.mark.skipif(shutil.which("prometheus") is None, reason="needs prometheus and promtool")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("metrics")
    region = Region(folder, speed=1000)
    yield folder, region
    region.stop()


def ours(place, *arguments, **options):
    folder, region = place
    flags = ["--config", region.home / "config.yaml", "--state-dir", folder / "state"]
    return run("oci-insta-scale", *arguments, *flags, **options)


def judged(text):
    """What promtool complains of."""
    checked = subprocess.run(["promtool", "check", "metrics"], input=text, capture_output=True, text=True)
    return checked.stderr + ("" if checked.returncode == 0 else f"exit code {checked.returncode}")


def fetched(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.headers["content-type"], answer.read().decode()


def test_promtool_accepts_every_file(place):
    folder, region = place
    for words in (["scale", 3], ["maintain", "--once"], ["scale", 1], ["launch", "--count", 2, "--extend"]):
        file = folder / "run.prom"
        file.unlink(missing_ok=True)
        ended = ours(place, *words, "--yes", "--metrics-file", file)
        assert ended.returncode == 0, ended.stderr
        text = file.read_text()
        assert judged(text) == "", words
        assert "ocid1." not in text
    kind, text = fetched(region.endpoint + "/_sim/metrics")
    assert kind.startswith("text/plain; version=0.0.4")
    assert judged(text) == "" and "oci_insta_scale_sim_requests_total" in text
    assert judged(text + "broken{ 1\n") != "", "promtool judges at all"


def test_prometheus_scrapes_a_hunt_and_its_region(place, tmp_path):
    """A hunt that finds nothing lasts until it is stopped."""
    scenario = tmp_path / "dry.yaml"
    scenario.write_text("world: {hosts: {per_fault_domain: 0}}\n")
    dry = Region(tmp_path, "--scenario", scenario)
    hunt = subprocess.Popen(
        [BIN / "oci-insta-scale", "hunt", "--config", dry.home / "config.yaml", "--state-dir", tmp_path / "state"]
        + ["--count", "2", "--yes", "--metrics-listen", "0"],
        stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        text=True,
        env=CLEAN_ENV,
    )
    address = next(line for line in hunt.stderr if line.startswith("metrics: http://")).split("//")[1].split("/")[0]
    config = tmp_path / "prometheus.yml"
    config.write_text(
        json.dumps(
            {
                "global": {"scrape_interval": "1s"},
                "scrape_configs": [
                    {"job_name": "hunt", "static_configs": [{"targets": [address]}]},
                    {
                        "job_name": "sim",
                        "metrics_path": "/_sim/metrics",
                        "static_configs": [{"targets": [dry.endpoint.split("//")[1]]}],
                    },
                ],
            }
        )
    )
    port = free_port()
    prometheus = subprocess.Popen(
        ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'data'}"]
        + [f"--web.listen-address=127.0.0.1:{port}"],
        stderr=subprocess.DEVNULL,
        env=CLEAN_ENV,
    )

    def asked(query):
        url = f"http://127.0.0.1:{port}/api/v1/query?query={urllib.parse.quote(query)}"
        try:
            return {
                tuple(sorted(row["metric"].items())): float(row["value"][1])
                for row in json.loads(fetched(url)[1])["data"]["result"]
            }
        except urllib.error.HTTPError as error:
            # It listens before it is ready.
            if error.code == 503:
                return {}
            raise
        except OSError:
            return {}

    def until(query, holds):
        end = time.monotonic() + 60
        while not holds(answer := list(asked(query).values())):
            assert time.monotonic() < end, (query, answer)
            time.sleep(0.2)

    try:
        until("up", lambda values: values == [1, 1])
        until("oci_insta_scale_instances_wanted", lambda values: values == [2])
        until('oci_insta_scale_launches_total{outcome="capacity"}', lambda values: values and values[0] >= 1)
        until(
            'oci_insta_scale_sim_requests_total{operation="LaunchInstance",outcome="failed"}',
            lambda values: values and values[0] >= 1,
        )
        # What the dashboard asks is understood.
        with open("docs/grafana-dashboard.json") as file:
            panels = json.load(file)["panels"]
        for target in (target for panel in panels for target in panel["targets"]):
            query = target["expr"].replace("$fleet", ".*").replace("$region", ".*").replace("$__rate_interval", "5m")
            asked(query)
        until("sum(oci_insta_scale_instances_running)", lambda values: values == [0])
    finally:
        hunt.terminate()
        hunt.communicate(timeout=30)
        prometheus.terminate()
        prometheus.wait(timeout=30)
        dry.stop()


def test_a_port_in_use_launches_nothing(place):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        refused = ours(place, "launch", "--count", 1, "--extend", "--yes", "--metrics-listen", taken.getsockname()[1])
    assert refused.returncode == 2 and "Address already in use" in refused.stderr, refused.stderr
