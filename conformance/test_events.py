"""The events that runs write, compared with the reference that the book makes from their source."""

import json
import pathlib
import sys

import pytest

from region import Region, run

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "book"))
import events  # noqa: E402


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The events of a launch with refusals, of its resume and of a termination."""
    folder = tmp_path_factory.mktemp("events")
    region = Region(folder, speed=300)
    common = ["--config", region.home / "config.yaml", "--state-dir", folder / "state"]
    refused = {"answer": {"status": 500, "code": "InternalError", "message": "Out of host capacity."}}
    throttled = {"answer": {"status": 429, "code": "TooManyRequests", "message": "busy"}}
    rules = [
        {"operations": ["LaunchInstance"], "nth": [1, 2], "fault": refused},
        {"operations": ["LaunchInstance"], "nth": [3], "fault": throttled},
    ]
    region.post("/_sim/faults", {"replace": rules})
    run("oci-insta-scale", "launch", "--count", 3, "--yes", *common)
    run("oci-insta-scale", "resume", "--yes", *common)
    run("oci-insta-scale", "instances", "terminate", "--run", "last", "--yes", *common)
    lines = []
    for one in json.loads(run("oci-insta-scale", "runs", "--output", "json", *common).stdout)["runs"]:
        shown = run("oci-insta-scale", "show", one["run"], "--output", "jsonl", *common)
        assert shown.returncode == 0, shown.stderr
        lines += [json.loads(line) for line in shown.stdout.splitlines()]
    region.stop()
    return lines


def test_every_event_has_the_fields_of_the_reference(written):
    types = events.read_types()
    known = {name: fields for name, _, fields in types["Event"].variants}
    seen = set()
    for event in written:
        fields = known[event["type"]]
        seen.add(event["type"])
        own = set(event) - {"seq", "at", "type", "simulated"}
        assert own <= {field.name for field in fields}, event
        assert own >= {field.name for field in fields if not field.is_optional}, event
        for field in fields:
            kind = types.get(events.inner(field.kind))
            if field.name not in event or kind is None or "BTreeMap" in field.kind:
                continue
            if kind.fields:
                assert set(event[field.name]) <= {inner.name for inner in kind.fields}, event
            else:
                assert event[field.name] in {word for word, _, _ in kind.variants}, event
    assert {"run_started", "launch_intended", "try_failed", "launched", "running", "action_done", "run_finished"} <= seen


def test_the_reference_names_every_type_that_it_links():
    page = events.page()
    anchors = {line.removeprefix("## ").strip() for line in page.splitlines() if line.startswith("## ")}
    links = {part.partition(")")[0] for part in page.split("](#")[1:]}
    assert links and links <= anchors, links - anchors


def test_a_line_that_is_not_understood_ends_the_build():
    with pytest.raises(ValueError, match="not understood: pub"):
        events.read_type("X", "enum", '#[serde(rename_all = "snake_case")]\n', "    pub Odd = 3,\n")
    with pytest.raises(ValueError, match="not known"):
        events.described("Option<Unheard>", {})
