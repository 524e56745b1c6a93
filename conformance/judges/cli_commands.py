"""Runs the commands of cli_commands.yaml with the official oci CLI, inside `sim exec`, and prints what each of them did as JSON.

The CLI's own entry point runs in a forked process for each command. Its modules are imported once, which would otherwise take longer
than all commands together.
"""

import json
import os
import pathlib
import shlex
import string
import sys
import tempfile
import traceback

import jmespath
import yaml

HERE = pathlib.Path(__file__).parent
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPtLsPFx7bIFbEgt/T+vzze965qzoNNX7BkksI3RCL1Q judge"


def write_files(folder, known):
    """The files that commands name."""
    size = {"ocpus": 1, "memoryInGBs": 6}
    shape = "VM.Standard.E4.Flex"
    launch = {
        "availabilityDomain": known["AD"], "compartmentId": known["C"], "shape": shape, "shapeConfig": size,
        "imageId": known["IMAGE"], "subnetId": known["SUBNET"],
    }  # fmt: skip
    details = {
        "compartmentId": known["C"], "availabilityDomain": known["AD"], "shape": shape, "shapeConfig": size,
        "sourceDetails": {"sourceType": "image", "imageId": known["IMAGE"]},
        "createVnicDetails": {"subnetId": known["SUBNET"]},
    }  # fmt: skip
    held = {"instanceShape": shape, "instanceShapeConfig": size, "reservedCount": 2}
    files = {
        "size.json": size,
        "launch.json": launch,
        "details.json": {"instanceType": "compute", "launchDetails": details},
        "rdma.json": {
            "instanceType": "compute",
            "launchDetails": {
                **{key: value for key, value in details.items() if key != "shapeConfig"}, "shape": "BM.Optimized3.36",
            },
        },
        "placement.json": {"availabilityDomain": known["AD"], "primarySubnetId": known["SUBNET"]},
        "placements.json": [{"availabilityDomain": known["AD"], "primarySubnetId": known["SUBNET"]}],
        "report.json": [{"instanceShape": shape, "instanceShapeConfig": size}],
        "reservation.json": {
            "compartmentId": known["C"], "availabilityDomain": known["AD"], "instanceReservationConfigs": [held],
        },
        "key.pub": KEY + "\n",
        "user-data.sh": "#!/bin/sh\ntrue\n",
    }  # fmt: skip
    for name, content in files.items():
        text = content if isinstance(content, str) else json.dumps(content)
        (folder / name).write_text(text)


def call(arguments):
    """The CLI in a process of its own: its exit code, output and errors."""
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        child = os.fork()
        if child == 0:
            code = 1
            try:
                os.dup2(output.fileno(), 1)
                os.dup2(errors.fileno(), 2)
                sys.argv = ["oci", *arguments]
                import oci_cli.cli

                oci_cli.cli.cli()
            except SystemExit as ended:
                code = ended.code if isinstance(ended.code, int) else int(ended.code is not None)
            except BaseException:
                traceback.print_exc()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()
                os._exit(code)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        output.seek(0)
        errors.seek(0)
        return code, output.read().decode(), errors.read().decode()


def read(output):
    """JSON, or a text of `--raw-output`."""
    try:
        return json.loads(output)
    except ValueError:
        return output.strip()


def judge(command, known):
    words = [string.Template(word).safe_substitute(known) for word in shlex.split(command["run"])]
    code, output, errors = call(words)
    if code != 0:
        return False, errors or output
    answer = read(output)
    for path, wanted in command.get("expect", {}).items():
        if isinstance(wanted, list):
            wanted = [string.Template(item).safe_substitute(known) if isinstance(item, str) else item for item in wanted]
        found = jmespath.search(path, answer)
        if found != wanted:
            return False, f"{path} is {found!r}, not {wanted!r}"
    known.update({name: jmespath.search(path, answer) for name, path in command.get("keep", {}).items()})
    return True, ""


def main(home):
    import oci
    import oci_cli.dynamic_loader

    # Every command takes these from here.
    for service in ("compute", "compute-management", "network", "bv", "iam", "limits", "search", "work-requests"):
        oci_cli.dynamic_loader.load_service_from_command(["oci", service])
    config = oci.config.from_file(str(home / "config"))
    fleet = yaml.safe_load((home / "config.yaml").read_text())
    flat = {**fleet, **fleet.get("instance_settings", {})}
    with tempfile.TemporaryDirectory() as folder:
        known = {
            "C": flat["compartment_id"], "T": config["tenancy"], "IMAGE": flat["image_id"], "SUBNET": flat["subnet_id"],
            "FILES": folder,
        }  # fmt: skip
        results = []
        for command in yaml.safe_load((HERE / "cli_commands.yaml").read_text()):
            passed, said = judge(command, known)
            results.append({"run": command["run"], "absent": command.get("absent", False), "passed": passed, "said": said})
            if "AD" in command.get("keep", {}):
                write_files(pathlib.Path(folder), known)
    print(json.dumps(results))


if __name__ == "__main__":
    main(pathlib.Path(os.environ["OCI_CONFIG_FILE"]).parent)
