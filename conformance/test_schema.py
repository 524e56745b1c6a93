"""The JSON Schema of config.yaml, judged by a validator of its own: what is good passes, and what is bad does not."""

import json
import pathlib

import jsonschema
import pytest
import yaml

from region import run

ROOT = pathlib.Path(__file__).parent.parent

BAD = [
    ("cuont: 3", ["instance_settings", "cuont"], 3),
    ("a count of 0", ["instance_settings", "count"], 0),
    ("a count in words", ["instance_settings", "count"], "many"),
    ("a strategy that does not exist", ["instance_settings", "strategy"], "eager"),
    ("memory below 0", ["instance_settings", "shape_config", "memory_in_gbs"], -1),
    ("a list as the region", ["region"], ["us-phoenix-1"]),
    ("an unknown key in a region", ["regions"], [{"region": "us-ashburn-1", "vlan": "a"}]),
    ("an unknown kind of receiver", ["notify"], [{"type": "pigeon"}]),
    ("a flag in words", ["instance_settings", "imds_v2_only"], "perhaps"),
]


@pytest.fixture(scope="module")
def validator():
    printed = run("oci-insta-scale", "config", "schema")
    assert printed.returncode == 0, printed.stderr
    schema = json.loads(printed.stdout)
    jsonschema.Draft7Validator.check_schema(schema)
    return jsonschema.Draft7Validator(schema)


@pytest.mark.parametrize("path", ["config.example.yaml", "crates/insta-scale/tests/good.yaml"])
def test_every_good_config_passes(validator, path):
    found = list(validator.iter_errors(yaml.safe_load((ROOT / path).read_text())))
    assert not found, found


def test_the_config_of_a_simulated_region_passes(validator, own_region):
    found = list(validator.iter_errors(yaml.safe_load((own_region.home / "config.yaml").read_text())))
    assert not found, found


@pytest.mark.parametrize("what,path,value", BAD, ids=[what for what, _, _ in BAD])
def test_a_bad_value_is_refused_at_its_key(validator, what, path, value):
    config = yaml.safe_load((ROOT / "crates/insta-scale/tests/good.yaml").read_text())
    at = config
    for key in path[:-1]:
        at = at[key]
    at[path[-1]] = value
    assert list(validator.iter_errors(config)), what
