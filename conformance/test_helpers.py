"""The helpers of clients/ that other people's tests use: the plugin for pytest, with the official Python SDK, and the one for TypeScript,
with the npm SDK (`make conformance-full`)."""

import json
import os
import pathlib
import signal
import subprocess
import sys
import time

import pytest

from region import BIN, CLEAN_ENV

HERE = pathlib.Path(__file__).parent
CLIENTS = HERE.parent / "clients"
NPM = pathlib.Path(os.environ.get("OCI_INSTA_SCALE_JUDGES", HERE / "no-judges")) / "npm"
ENV = {
    **CLEAN_ENV,
    "OCI_INSTA_SCALE_PROGRAM": str(BIN / "oci-insta-scale"),
    "PYTHONPATH": str(CLIENTS / "pytest"),
    # Nothing leads from loopback through a proxy.
    "http_proxy": "http://127.0.0.1:9",
}
TESTS = '''
import json, os
import oci
import pytest

def launch(region):
    compute = region.client(oci.core.ComputeClient)
    identity = region.client(oci.identity.IdentityClient)
    domain = identity.list_availability_domains(region.config["tenancy"]).data[0].name
    details = oci.core.models.LaunchInstanceDetails(
        compartment_id=region.settings["compartment_id"],
        availability_domain=domain,
        shape="VM.Standard.E4.Flex",
        shape_config=oci.core.models.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
        source_details=oci.core.models.InstanceSourceViaImageDetails(image_id=region.settings["image_id"]),
        create_vnic_details=oci.core.models.CreateVnicDetails(subnet_id=region.settings["subnet_id"]),
    )
    return compute.launch_instance(details).data

def count(region):
    compute = region.client(oci.core.ComputeClient)
    return len(compute.list_instances(region.settings["compartment_id"]).data)

@pytest.mark.parametrize("again", [1, 2])
def test_each_test_begins_with_the_same_region(oci_region, again):
    assert count(oci_region) == 0
    launch(oci_region)
    assert count(oci_region) == 1

def test_a_snapshot_is_restored(oci_region):
    launch(oci_region)
    oci_region.snapshot("one")
    launch(oci_region)
    assert count(oci_region) == 2
    oci_region.restore("one")
    assert count(oci_region) == 1

def test_time_moves(oci_region):
    before = launch(oci_region)
    assert before.lifecycle_state == "PROVISIONING"
    oci_region.advance(3600)
    compute = oci_region.client(oci.core.ComputeClient)
    assert compute.get_instance(before.id).data.lifecycle_state == "RUNNING"

def test_faults_end_with_their_test(oci_region):
    oci_region.faults({"operations": ["LaunchInstance"], "fault": {"answer": {"status": 400, "code": "InvalidParameter"}}})
    with pytest.raises(oci.exceptions.ServiceError) as refused:
        launch(oci_region)
    assert refused.value.status == 400

def test_nothing_fails_any_more(oci_region):
    launch(oci_region)
    assert oci_region.get("/_sim/stats")["operations"]["LaunchInstance"]
    with pytest.raises(Exception, match="no-such-snapshot"):
        oci_region.restore("no-such-snapshot")

def test_the_config_file_is_that_of_the_sdk(oci_region):
    assert oci.config.from_file(str(oci_region.config_file)).items() >= oci_region.config.items()
    with open(os.environ["PID_FILE"], "w") as file:
        file.write(str(oci_region.process.pid))
'''


def run(folder, text, **environment):
    (folder / "test_it.py").write_text(text)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_oci_insta_scale", "test_it.py"]
    env = {**ENV, "PID_FILE": str(folder / "pid"), **environment}
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=300)


def is_gone(pid):
    for _ in range(200):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.1)
    return False


def test_the_plugin_gives_each_test_the_same_region(tmp_path):
    done = run(tmp_path, TESTS)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "7 passed" in done.stdout
    assert is_gone(int((tmp_path / "pid").read_text()))


def test_a_region_that_does_not_start_says_why(tmp_path):
    (tmp_path / "pytest.ini").write_text("[pytest]\noci_region_scenario = no-such-scenario\n")
    done = run(tmp_path, "def test_it(oci_region): pass")
    assert done.returncode == 1 and "no-such-scenario" in done.stdout, done.stdout
    done = run(tmp_path, "def test_it(oci_region): pass", OCI_INSTA_SCALE_PROGRAM="/no/such/program")
    assert done.returncode == 1 and "name it in OCI_INSTA_SCALE_PROGRAM" in done.stdout, done.stdout


def test_a_killed_pytest_leaves_no_region_behind(tmp_path):
    text = "import os, time\ndef test_it(oci_region):\n    open(os.environ['PID_FILE'], 'w').write(str(oci_region.process.pid))\n    time.sleep(600)\n"
    (tmp_path / "test_it.py").write_text(text)
    words = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "pytest_oci_insta_scale", "test_it.py"]
    with subprocess.Popen(words, cwd=tmp_path, env={**ENV, "PID_FILE": str(tmp_path / "pid")}) as running:
        for _ in range(600):
            if (tmp_path / "pid").exists() and (tmp_path / "pid").read_text():
                break
            time.sleep(0.1)
        running.send_signal(signal.SIGKILL)
    assert is_gone(int((tmp_path / "pid").read_text()))


TYPESCRIPT = '''
import { Region } from "./region/index.js";
import common from "oci-common";
import core from "oci-core";
import identity from "oci-identity";
import assert from "node:assert/strict";

const region = await Region.start({ seed: 7 });
const authenticationDetailsProvider = new common.ConfigFileAuthenticationDetailsProvider(region.configFile, "DEFAULT");
const compute = new core.ComputeClient({ authenticationDetailsProvider });
compute.endpoint = region.endpoint;
const compartmentId = region.settings["compartment_id"]!;
const count = async () => (await compute.listInstances({ compartmentId })).items.length;
const identityClient = new identity.IdentityClient({ authenticationDetailsProvider });
identityClient.endpoint = region.endpoint;
const domains = await identityClient.listAvailabilityDomains({ compartmentId: authenticationDetailsProvider.getTenantId() });
const launch = () =>
  compute.launchInstance({
    launchInstanceDetails: {
      compartmentId,
      availabilityDomain: domains.items[0]!.name!,
      shape: "VM.Standard.E4.Flex",
      shapeConfig: { ocpus: 1, memoryInGBs: 6 },
      sourceDetails: { sourceType: "image", imageId: region.settings["image_id"]! } as core.models.InstanceSourceViaImageDetails,
      createVnicDetails: { subnetId: region.settings["subnet_id"]! },
    },
  });
assert.equal(await count(), 0);
await region.snapshot("empty");
await region.faults({ operations: ["ListInstances"], fault: { answer: { status: 400, code: "InvalidParameter" } } });
await assert.rejects(count(), (error: { statusCode?: number }) => error.statusCode === 400);
await region.restore("empty");
await launch();
assert.equal(await count(), 1);
await region.advance(3600);
await region.reset();
assert.equal(await count(), 0);
await assert.rejects(region.restore("no-such-snapshot"), /no-such-snapshot/);
await region.stop();
await assert.rejects(Region.start({ program: "/no/such/program" }), /cannot be started/);
console.log("done");
'''


@pytest.mark.skipif(not (NPM / "installed").exists(), reason="`make conformance-full` has not installed the npm SDK")
def test_the_helper_for_typescript_works_with_the_npm_sdk(tmp_path):
    (tmp_path / "node_modules").symlink_to(NPM / "node_modules")
    (tmp_path / "package.json").write_text(json.dumps({"type": "module"}))
    (tmp_path / "region").mkdir()
    (tmp_path / "region" / "index.ts").write_text((CLIENTS / "typescript" / "src" / "index.ts").read_text())
    (tmp_path / "it.ts").write_text(TYPESCRIPT)
    options = json.loads((CLIENTS / "typescript" / "tsconfig.json").read_text())
    options["compilerOptions"].update({"rootDir": ".", "outDir": "out", "esModuleInterop": True, "skipLibCheck": True})
    options["include"] = ["region", "it.ts"]
    (tmp_path / "tsconfig.json").write_text(json.dumps(options))
    built = subprocess.run(["node_modules/.bin/tsc"], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert built.returncode == 0, built.stdout + built.stderr
    done = subprocess.run(["node", "out/it.js"], cwd=tmp_path, env=ENV, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr
