"""Programs that others wrote do their whole job on the simulated region, unmodified: they make, list, change and end machines.

The table of clients in docs/simulator.md says how each of them is started, and exactly these lines are run here. `make conformance`
runs those that it installs anyway, `make conformance-full` all of them, each in an environment of its own, and `make conformance-terraform`
Terraform, whose provider is in no registry of packages.
"""

import json
import os
import pathlib
import subprocess
import sys

import pytest

from region import BIN, CLEAN_ENV
from test_exec import ISOLATES

HERE = pathlib.Path(__file__).parent
PAGE = HERE.parent / "docs" / "simulator.md"
JUDGES = pathlib.Path(os.environ.get("OCI_INSTA_SCALE_JUDGES", HERE / "no-judges"))
# The folder of the environment of each client in the table.
ENVIRONMENTS = {
    "`oci` CLI": pathlib.Path(sys.prefix),
    "Python SDK": pathlib.Path(sys.prefix),
    "npm SDK": JUDGES / "npm",
    "yo": JUDGES / "yo",
    "Cloud Custodian": JUDGES / "custodian",
    "SkyPilot's provisioner": JUDGES / "skypilot",
    "Oracle's Compute MCP server": JUDGES / "mcp",
    "Terraform": JUDGES / "terraform",
}
# As many of the commands of judges/cli_commands.yaml must work at least.
CLI_COMMANDS_MIN = 50

pytestmark = pytest.mark.skipif(ISOLATES.returncode != 0, reason=f"no namespaces here: {ISOLATES.stderr.decode()}")


def table():
    """The clients and their lines."""
    rows = PAGE.read_text().split("| client | line |")[1].split("\n\n")[0].splitlines()[2:]
    cells = ([cell.strip() for cell in row.strip("|").split("|")] for row in rows)
    return {client: line.strip("`") for client, line, *_ in cells}


def run_line(client, folder):
    environment = ENVIRONMENTS[client]
    if not (environment / "installed").exists():
        target = "conformance-terraform" if client == "Terraform" else "conformance-full"
        pytest.skip(f"`make {target}` has not installed it: {environment}")
    for program in (HERE / "judges").iterdir():
        (folder / program.name).symlink_to(program)
    if (environment / "node_modules").exists():
        (folder / "node_modules").symlink_to(environment / "node_modules")
    done = subprocess.run(
        ["bash", "-c", table()[client]],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=500,
        stdin=subprocess.DEVNULL,
        env={
            **CLEAN_ENV,
            "HOME": str(folder),
            "PATH": f"{BIN}:{environment / 'bin'}:{os.environ['PATH']}",
            "SUPPRESS_LABEL_WARNING": "True",
        },
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout


def test_the_table_names_every_client():
    assert sorted(table()) == sorted(ENVIRONMENTS)


@pytest.mark.parametrize("client", [client for client in ENVIRONMENTS if client != "`oci` CLI"])
def test_a_program_does_its_whole_job(client, tmp_path):
    assert run_line(client, tmp_path).splitlines()[-1] == "done"


def test_the_cli_runs_its_composite_commands(tmp_path):
    results = json.loads(run_line("`oci` CLI", tmp_path))
    wrong = [result for result in results if result["passed"] == result["absent"]]
    assert wrong == []
    assert sum(result["passed"] for result in results) >= CLI_COMMANDS_MIN
