"""`make api-diff` shows what another SDK would change: nothing for the one that `api/` is of, and every altered fact."""

import json
import pathlib
import shutil
import subprocess
import sys

import oci

HERE = pathlib.Path(__file__).parent
SDK = pathlib.Path(oci.__file__).parent


def compare(*api):
    done = subprocess.run([sys.executable, HERE / "api_diff.py", SDK, *api], capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines()


def test_the_pinned_sdk_changes_nothing():
    assert compare() == (0, ["no difference"])


def test_every_kind_of_difference_is_shown(tmp_path):
    for name in ("operations.json", "models.json"):
        shutil.copy(HERE.parent / "api" / name, tmp_path / name)
    operations = json.loads((tmp_path / "operations.json").read_text())
    records = {record["name"]: record for record in operations["operations"]}
    records["ListInstances"]["query_params"].pop()
    records["GetInstance"]["method"] = "POST"
    records["LaunchInstance"]["name"] = "LaunchInstances"
    (tmp_path / "operations.json").write_text(json.dumps(operations))
    models = json.loads((tmp_path / "models.json").read_text())
    fields = models["packages"]["core"]["Instance"]["fields"]
    fields["lifecycleState"]["enum"].remove("MOVING")
    fields["id"]["type"] = "int"
    fields["old"] = fields.pop("shape")
    (tmp_path / "models.json").write_text(json.dumps(models))
    code, lines = compare(tmp_path)
    assert code == 1
    assert sorted(line.split(": ")[0] for line in lines) == sorted([
        "~ GetInstance.method",
        "- LaunchInstances",
        "+ ListInstances.query.lifecycleState",
        "~ core.Instance.id.type",
        "+ core.Instance.lifecycleState.enum",
        "- core.Instance.old",
        "+ core.Instance.shape",
    ])
