"""Clients that are told an endpoint, or that find the host names by `env.sh` and `hosts`: the lines of docs/simulator.md, as they are."""

import json
import pathlib
import re
import shlex
import subprocess
import sys

import pytest

from region import BIN, CLEAN_ENV, Region
from test_exec import ISOLATES
from test_judges import PAGE

ENVIRONMENT = pathlib.Path(sys.executable).parent


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder in which `sim serve` was started, as the page says."""
    folder = tmp_path_factory.mktemp("clients")
    region = Region(folder, home=folder / ".oci-sim")
    yield folder, region
    region.stop()


def section(title):
    """The text below a heading of the page."""
    return re.split(r"^###? ", PAGE.read_text().split(f"### {title}\n", 1)[1], maxsplit=1, flags=re.M)[0]


def block(title, language):
    return section(title).split(f"```{language}\n", 1)[1].split("```", 1)[0]


def line_without_exec(client):
    rows = PAGE.read_text().split("| client without `sim exec` | how |")[1].split("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)
    return dict(cells)[client]


def here(text, region):
    """The text with the address of this region."""
    assert "127.0.0.1:12620" in text, text
    return text.replace("http://127.0.0.1:12620", region.endpoint)


def shell(script, folder):
    variables = {"HOME": str(folder), "PATH": f"{BIN}:{ENVIRONMENT}:{CLEAN_ENV['PATH']}", "SUPPRESS_LABEL_WARNING": "True"}
    words = ["bash", "-e", "-c", script]
    return subprocess.run(words, cwd=folder, capture_output=True, text=True, timeout=120, env={**CLEAN_ENV, **variables})


def test_the_cli_is_told_by_two_variables(place):
    folder, region = place
    lines = [line.removeprefix("$ ") for line in block("The `oci` CLI", "console").splitlines()]
    exports = line_without_exec("`oci` CLI").strip("`")
    assert lines[0] == exports
    # The last line has a gap that is the reader's to fill.
    script = "\n".join(line for line in lines if "…" not in line)
    done = shell(here(script, region) + "\noci iam region list >/dev/null", folder)
    assert done.returncode == 0, done.stderr


def test_the_python_sdk_is_told_an_endpoint(place):
    folder, region = place
    code = block("Python SDK", "python")
    assert line_without_exec("Python SDK").strip("`") in code
    asked = "\nprint(compute.list_shapes(config['tenancy']).data[0].shape)\n"
    done = shell(f"python3 -c {shlex.quote(here(code, region) + asked)}", folder)
    assert (done.returncode, done.stdout[:3]) == (0, "VM."), done.stderr


def test_a_fault_is_added_by_curl(place):
    folder, region = place
    line = next(line for line in PAGE.read_text().splitlines() if line.startswith("$ curl "))
    done = shell(here(line.removeprefix("$ "), region), folder)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)[0]["fault"] == "reset_after", done.stdout
    region.post("/_sim/faults", {"replace": []})


@pytest.mark.skipif(ISOLATES.returncode != 0, reason=f"no namespaces here: {ISOLATES.stderr.decode()}")
def test_names_are_found_by_the_files_of_the_home(tmp_path):
    serve, source = re.findall("`([^`]+)`", line_without_exec("programs that compute host names"))[:2]
    assert [line.removeprefix("$ ") for line in block("Host names and TLS: `--tls-listen`", "console").splitlines() if line.startswith("$")] == [
        f"oci-insta-scale {serve}",
        source,
    ]
    # The lines of `hosts` are in /etc/hosts of a namespace, which also has port 443.
    script = f"""
        ip link set lo up
        oci-insta-scale {serve} >served 2>&1 &
        until grep -q 'listening on https' served; do sleep 0.1; done
        mount --bind .oci-sim/hosts /etc/hosts
        {source}
        oci iam region list
        kill %1
    """
    words = f"exec unshare --user --map-root-user --net --mount -- bash -e -c {shlex.quote(script)}"
    done = shell(words, tmp_path)
    assert done.returncode == 0, done.stderr + (tmp_path / "served").read_text()
    assert "us-phoenix-1" in {row["name"] for row in json.loads(done.stdout)["data"]}
