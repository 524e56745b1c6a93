"""Terraform with Oracle's provider, on a network that exists: each change is followed by a plan, which must be empty.

The provider is `terraform-provider-oci` in the PATH, as a binary: no registry is asked for it.
"""

import json
import os
import pathlib
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).parent
STEPS = [
    ("apply", {}),
    ("scale", {"machines": 3, "pool_size": 3}),
    ("tag", {"tags": {"made-by": "terraform", "team": "a"}}),
    ("resize", {"ocpus": 2, "reserved": 3}),
    ("stop", {"state": "STOPPED"}),
    ("start", {"state": "RUNNING"}),
    ("shrink", {"machines": 1, "pool_size": 1}),
]


def terraform(*words, passing=(0,)):
    done = subprocess.run(["terraform", *words, "-no-color"], capture_output=True, text=True)
    if done.returncode not in passing:
        sys.exit(f"terraform {' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}")
    return done


def main():
    provider = shutil.which("terraform-provider-oci")
    if not provider or not shutil.which("terraform"):
        sys.exit("terraform and terraform-provider-oci have to be in the PATH")
    home = pathlib.Path(".oci-sim").resolve()
    login = (home / "config").read_text().split("[SESSION]")[0]
    profile = dict(line.split("=", 1) for line in login.splitlines() if "=" in line)
    lines = (line.strip().partition(": ") for line in (home / "config.yaml").read_text().splitlines())
    fleet = {key: value for key, _, value in lines}
    values = {
        **{name: profile[name] for name in ("tenancy", "user", "fingerprint", "key_file", "region")},
        "compartment": fleet["compartment_id"],
        "image": fleet["image_id"],
        "subnet": fleet["subnet_id"],
        **{"machines": 2, "pool_size": 1, "ocpus": 1, "reserved": 2, "state": "RUNNING", "tags": {"made-by": "terraform"}},
    }
    folder = pathlib.Path("terraform-judge")
    folder.mkdir()
    shutil.copy(HERE / "terraform.tf", folder / "main.tf")
    os.chdir(folder)
    overrides = json.dumps(str(pathlib.Path(provider).parent))
    pathlib.Path("terraform.rc").write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "oracle/oci" = {overrides}\n  }}\n  direct {{}}\n}}\n'
    )
    os.environ["TF_CLI_CONFIG_FILE"] = str(pathlib.Path("terraform.rc").resolve())
    for step, changed in STEPS:
        values |= changed
        pathlib.Path("terraform.tfvars.json").write_text(json.dumps(values))
        terraform("apply", "-auto-approve", "-input=false")
        terraform("plan", "-detailed-exitcode", "-input=false")
        print(f"{step}: the plan after it is empty")
    terraform("destroy", "-auto-approve", "-input=false")
    left = json.loads(terraform("show", "-json").stdout).get("values")
    if left:
        sys.exit(f"something is left: {left}")
    print("done")


if __name__ == "__main__":
    main()
