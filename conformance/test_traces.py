"""A receiver of OpenTelemetry takes our traces: oteltest's sink, which decodes them with OpenTelemetry's own messages."""

import http.server
import json
import logging

import pytest
from oteltest import sink
from oteltest.sink.handler import AccumulatingHandler

from region import CLEAN_ENV, Region, free_port, run


class Loopback(http.server.HTTPServer):
    """The sink asks for every interface."""

    def __init__(self, address, handler):
        super().__init__(("127.0.0.1", address[1]), handler)


@pytest.fixture(scope="module")
def receiver():
    sink.HTTPServer = Loopback
    heard = AccumulatingHandler()
    receiver = sink.HttpSink(heard, logging.getLogger("sink"), port=free_port())
    receiver.start()
    yield f"http://127.0.0.1:{receiver.port}", heard
    receiver.stop()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("traces")
    region = Region(folder, speed=1000)
    yield folder, region
    region.stop()


def spans_of(heard):
    return [
        (resource.resource, span)
        for request in (one.pbreq for one in heard.telemetry.trace_requests)
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def attributes(of):
    return {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in of.attributes}


def test_every_slot_attempt_and_request_arrives_once(place, receiver):
    folder, region = place
    url, heard = receiver
    env = {**CLEAN_ENV, "OTEL_EXPORTER_OTLP_ENDPOINT": url, "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test"}
    flags = ["--config", region.home / "config.yaml", "--state-dir", folder / "state", "--yes", "--output", "json"]
    launched = run("oci-insta-scale", "launch", "--count", 5, *flags, env=env)
    assert launched.returncode == 0, launched.stderr
    assert "warning" not in launched.stderr
    document = json.loads(launched.stdout)
    trace = document["run_id"].replace("-", "")

    spans = spans_of(heard)
    ids = [span.span_id for _, span in spans]
    assert len(ids) == len(set(ids)) and all(len(one) == 8 for one in ids)
    for resource, span in spans:
        found = attributes(resource)
        assert found["service.name"] == "oci-insta-scale" and found["deployment.environment.name"] == "test"
        assert span.start_time_unix_nano <= span.end_time_unix_nano
        assert not span.parent_span_id or span.parent_span_id in ids
    of_run = [span for _, span in spans if span.trace_id.hex() == trace]
    named = {name: [span for span in of_run if span.name == name] for name in ("launch", "slot", "attempt", "LaunchInstance")}
    assert {name: len(found) for name, found in named.items()} == {"launch": 1, "slot": 5, "attempt": 5, "LaunchInstance": 5}
    parents = {span.span_id: span for span in of_run}
    for request in named["LaunchInstance"]:
        attempt = parents[request.parent_span_id]
        slot = parents[attempt.parent_span_id]
        assert (attempt.name, slot.name, parents[slot.parent_span_id].name) == ("attempt", "slot", "launch")
        assert attributes(request)["http.response.status_code"] == 200
    assert {attributes(span)["host.id"] for span in named["slot"]} == {one["ocid"] for one in document["instances"]}

    ended = run("oci-insta-scale", "instances", "terminate", "--run", "last", *flags, env=env)
    assert ended.returncode == 0, ended.stderr
    done = [span for _, span in spans_of(heard) if span.name == "TerminateInstance"]
    assert len(done) == 5, "an action is traced, too"
