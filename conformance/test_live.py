"""Chromium opens the page of `watch` while a run goes on: it follows the run, and shows nothing to anybody else."""

import re
import shutil
import socket
import subprocess
import urllib.error
import urllib.request

import pytest

from region import BIN, CLEAN_ENV, Region
from test_report import NARROW, WIDE, browser, opened  # noqa: F401

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


class Live:
    """A hunt that finds nothing until capacity comes back, and the page that follows it."""

    def __init__(self, folder):
        scenario = folder / "late.yaml"
        scenario.write_text(
            "world: {hosts: {per_fault_domain: 0}, "
            "crumbs: [{availability_domain: 1, every_seconds: 3600, hosts: 2, ocpus_per_host: 4, times: 1}]}\n"
        )
        self.region = Region(folder, "--scenario", scenario, speed=10)
        self.flags = ["--config", self.region.home / "config.yaml", "--state-dir", folder / "state"]
        self.hunt = self.start("hunt", "--count", 2, "--floor", "10s", "--yes", "--output", "jsonl")
        next(self.hunt.stdout)
        self.watch = self.start("watch")
        self.address = self.watch.stdout.readline().strip()

    def start(self, *words):
        return subprocess.Popen(
            [BIN / "oci-insta-scale", *map(str, [*words, *self.flags])],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=CLEAN_ENV,
        )

    def as_uri(self):
        return self.address

    def stop(self):
        for process in (self.hunt, self.watch):
            process.terminate()
            process.communicate(timeout=30)
        self.region.stop()


@pytest.fixture(scope="module")
def live(tmp_path_factory):
    live = Live(tmp_path_factory.mktemp("live"))
    yield live
    live.stop()


def status(live, path, method="GET", **headers):
    url = live.address.split("/", 3)
    request = urllib.request.Request("/".join(url[:3]) + path, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def path_of(live):
    return "/" + live.address.split("/", 3)[3]


def test_only_the_address_that_was_printed_shows_the_page(live):
    path = path_of(live)
    assert len(path) > 30 and live.address.startswith("http://127.0.0.1:")
    assert status(live, path) == 200
    for wrong in ("/", "/x/", path[:-2] + "/", path.upper() if path.upper() != path else "/y/", path + "x", "/events"):
        assert status(live, wrong) == 404, wrong
    for method in ("POST", "PUT", "DELETE", "HEAD"):
        assert status(live, path, method) == 405, method
    for host in ("evil.example", "192.0.2.1:80", "localhost.evil.example"):
        assert status(live, path, Host=host) == 403, host
    for origin in ("http://evil.example", "null", "https://127.0.0.1"):
        assert status(live, path, Origin=origin) == 403, origin
        assert status(live, path + "events", Origin=origin) == 403, origin


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_on_a_live_page(browser, live, scheme, size):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, live, scheme, size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.close()


def test_a_page_follows_its_run_and_keeps_what_was_chosen(browser, live):  # noqa: F811
    page = opened(browser, live)
    assert page.text_content("#live") == "Live"
    page.get_by_text("2 of 2 shown").wait_for()
    # By its name: a digit alone is also found in the fault domain that an instance gets later.
    wanted = page.locator("#slots tbody button >> nth=1").text_content()
    page.fill("#q", wanted)
    assert page.text_content("#count") == "1 of 2 shown"
    page.click("#slots thead th >> nth=0 >> role=button")
    page.focus("#slots tbody button >> nth=0")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert page.text_content("#d-title") == name
    # The rows are drawn again while the details are open, as by an update that comes now.
    page.evaluate("dispatchEvent(new Event('afterprint'))")
    page.keyboard.press("Escape")
    page.wait_for_function("name => document.activeElement.textContent === name", arg=name)
    # Browsers that go away are no trouble.
    host, port = live.address.split("/")[2].split(":")
    for _ in range(80):
        with socket.create_connection((host, int(port))) as dropped:
            dropped.sendall(f"GET {path_of(live)}events HTTP/1.1\r\nhost: {host}:{port}\r\n\r\n".encode())
            assert dropped.recv(100).startswith(b"HTTP/1.1 200")
    # An hour later there is capacity.
    live.region.post("/_sim/advance", {"seconds": 3600})
    page.locator("#live").filter(has_text=re.compile("^Ended: complete$")).wait_for(timeout=120_000)
    assert (page.input_value("#q"), page.text_content("#count")) == (wanted, "1 of 2 shown")
    assert page.get_attribute("#slots thead th >> nth=0", "aria-sort") == "ascending"
    assert page.evaluate("document.activeElement.textContent") == name, "the focus stays"
    page.fill("#q", "")
    assert page.locator("#slots tbody .t-ok").count() == 2
    assert page.complaints == []
    asked = {url for url in page.asked if not url.startswith("data:")}
    assert asked == {live.address, live.address + "events"}


def test_the_person_is_told_when_the_run_has_ended(live):
    live.watch.terminate()
    _, told = live.watch.communicate(timeout=20)
    assert live.watch.returncode == 130
    assert any(line.startswith("run ") and line.endswith(": ended: complete") for line in told.splitlines()), told
