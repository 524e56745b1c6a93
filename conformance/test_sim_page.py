"""Chromium opens the page of a simulated region: faults are switched with clicks, and the programs that use the region meet them."""

import shutil

import pytest

from region import Region, run
from test_report import NARROW, WIDE, browser  # noqa: F401

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("page")
    region = Region(folder, speed=1000)
    yield folder, region
    region.stop()


def opened(browser, region, scheme="light", size=WIDE):  # noqa: F811
    page = browser.new_context(color_scheme=scheme, viewport=size).new_page()
    page.asked, page.complaints = set(), []
    page.on("request", lambda request: page.asked.add(request.url.rsplit("/", 1)[0]))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.goto(region.endpoint + "/_sim/")
    page.get_by_text("Live", exact=True).wait_for()
    return page


def launched(place, *words):
    folder, region = place
    flags = ["--config", region.home / "config.yaml", "--state-dir", folder / "state", "--count", 1, "--yes"]
    return run("oci-insta-scale", "launch", "--new", *words, *flags)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing_on_the_page(browser, place, scheme, size):  # noqa: F811
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, place[1], scheme, size)
    page.get_by_role("button", name="Out of host capacity").click()
    page.get_by_role("button", name="Remove rule 1").wait_for()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Remove rule 1").click()
    page.locator("#rules").filter(has_text="none").wait_for()
    page.close()


def test_clicks_switch_faults_that_programs_meet(browser, place):  # noqa: F811
    _, region = place
    page = opened(browser, region)
    switch = page.get_by_role("button", name="Out of host capacity")
    switch.focus()
    page.keyboard.press("Enter")
    page.locator("#switches [aria-pressed=true]").wait_for()
    assert [rule["operations"] for rule in region.get("/_sim/faults")] == [["launch"]]
    refused = launched(place, "--retry-for", "1s")
    assert refused.returncode == 4 and "Out of host capacity" in refused.stdout + refused.stderr
    # A rule of another program, whose text is markup, stays text.
    hostile = {"fault": {"answer": {"status": 500, "message": "<img src=x onerror=alert(1)>"}}, "times": 1, "operations": ["GetVcn"]}
    region.post("/_sim/faults", {"add": [hostile]})
    page.locator("#rules li").filter(has_text="onerror").wait_for()
    assert page.locator("#rules img").count() == 0
    switch.click()
    page.locator("#switches").filter(has=page.locator("[aria-pressed=true]")).wait_for(state="detached")
    assert [rule["operations"] for rule in region.get("/_sim/faults")] == [["GetVcn"]], "the other rule stays"
    assert launched(place).returncode == 0
    page.locator("#instances tbody tr").filter(has_text="RUNNING").wait_for()
    page.fill("#q", "Standard.E4.Flex")
    rows = page.locator("#hosts tbody tr")
    assert rows.count() == 3 and all("standard-e4" in text for text in rows.all_text_contents())
    day = region.get("/_sim/stats")["simulated_time"]
    page.get_by_role("button", name="1 day").click()
    page.wait_for_function("day => !document.getElementById('figures').textContent.includes(day)", arg=day[:10])
    assert page.complaints == []
    assert page.asked == {region.endpoint + "/_sim", "data:,"} or page.asked == {region.endpoint + "/_sim"}
    page.close()
