"""The published schemas, judged by an independent validator: they are schemas, and what commands print is what they say."""

import json

import jsonschema
import pytest

from region import Region, run

DOCUMENTS = [
    (["runs"], "runs"),
    (["runs", "--schema", "1"], "runs-1"),
    (["show"], "launch"),
    (["show", "--why"], "show-why"),
    (["report"], "report"),
    (["cost"], "cost"),
    (["plan"], "plan"),
    (["launch", "--dry-run", "--new"], "launch-dry-run"),
    (["status"], "status"),
    (["doctor"], "doctor"),
    (["config", "show"], "config-show"),
    (["find", "shapes"], "find-shapes"),
    (["instances", "list"], "instances-list"),
    (["instances", "status"], "instances-status"),
    (["schema"], "schema"),
    (["show", "--no-such-flag"], "error"),
]


@pytest.fixture(scope="module")
def schemas(tmp_path_factory):
    folder = tmp_path_factory.mktemp("schemas")
    written = run("oci-insta-scale", "schema", "--dir", folder)
    assert written.returncode == 0, written.stderr
    return {file.stem: json.loads(file.read_text()) for file in folder.iterdir()}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The flags of a place with one run."""
    folder = tmp_path_factory.mktemp("published")
    region = Region(folder, speed=300)
    flags = ["--config", region.home / "config.yaml", "--state-dir", folder / "state"]
    done = run("oci-insta-scale", "launch", "--count", "2", "--yes", *flags)
    assert done.returncode == 0, done.stderr
    yield flags
    region.stop()


def judged(schema, document):
    checker = jsonschema.Draft202012Validator.FORMAT_CHECKER
    return list(jsonschema.Draft202012Validator(schema, format_checker=checker).iter_errors(document))


def test_every_schema_is_a_schema(schemas):
    assert len(schemas) > 60
    for schema in schemas.values():
        jsonschema.Draft202012Validator.check_schema(schema)
    assert len({schema["$id"] for schema in schemas.values()}) == len(schemas)


@pytest.mark.parametrize("command, name", DOCUMENTS)
def test_a_document_is_what_its_schema_says(schemas, place, command, name):
    printed = run("oci-insta-scale", *command, "--output", "json", *place)
    document = json.loads(printed.stdout)
    assert not judged(schemas[name], document), printed.stdout
    if isinstance(document, dict):
        # A field that a later version adds breaks no reader, and a missing one is noticed.
        assert not judged(schemas[name], {**document, "added_later": 1})
        assert judged(schemas[name], {key: value for key, value in document.items() if key != "schema_version"})


def test_every_line_is_what_a_schema_says(schemas, place):
    lines = run("oci-insta-scale", "show", "--output", "jsonl", *place).stdout.splitlines()
    assert len(lines) > 5
    for line in lines:
        assert not judged(schemas["event-line"], json.loads(line)), line
    assert judged(schemas["event-line"], {**json.loads(lines[0]), "type": "unheard_of"})
