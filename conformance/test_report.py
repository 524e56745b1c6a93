"""Chromium opens the page of `report`: what it loads, what its names can do, and who can use it. axe-core judges how accessible it is."""

import json
import re
import shutil

import pytest

from region import run

CHROMIUM = shutil.which("chromium")
playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")

HOSTILE = "<img src=x onerror=alert(1)></script><script>window.pwned=1</script>"
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]
WIDE, NARROW = {"width": 1300, "height": 900}, {"width": 390, "height": 800}


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The page of a launch whose first choice has no capacity."""
    folder = tmp_path_factory.mktemp("report")
    state = ["--state-dir", folder / "state"]
    launched = run(
        "oci-insta-scale", "--simulate=stockout", "--speed", 1000, "--count", 8, "--yes", "--deadline", "5s", *state,
        "--config", "config.example.yaml",
    )
    assert launched.returncode in (0, 3, 4), launched.stderr
    written = run("oci-insta-scale", "report", "--simulated", "--output-file", folder / "page.html", *state)
    assert written.returncode == 0, written.stderr
    return folder / "page.html"


@pytest.fixture(scope="module")
def grown(report):
    """The same page with 10,000 instances, and a name that is markup."""
    before, rest = report.read_text().split('<script type="application/json" id="data">')
    data, after = rest.split("</script>", 1)
    data = json.loads(data)
    times = 10_000 // data["count"] + 1
    slots = data["slots"]
    for column, values in slots.items():
        slots[column] = {**values, "r": (values["r"] * times)[:10_000]} if isinstance(values, dict) else (values * times)[:10_000]
    slots["slot"] = list(range(1, 10_001))
    slots["name"] = {"p": "web-", "r": [str(number) for number in slots["slot"]]}
    slots["name"]["r"][2] = HOSTILE
    data["count"] = 10_000
    data["words"]["shape"][0:1] = [HOSTILE]
    text = json.dumps(data).replace("<", "\\u003c").replace(">", "\\u003e")
    page = report.with_name("grown.html")
    page.write_text(before + '<script type="application/json" id="data">' + text + "</script>" + after)
    return page


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield browser
        browser.close()


def opened(browser, path, scheme="light", size=WIDE):
    """The page, with what it asked for and what it complained of."""
    page = browser.new_context(color_scheme=scheme, viewport=size).new_page()
    page.asked, page.complaints = [], []
    page.on("request", lambda request: page.asked.append(request.url))
    page.on("console", lambda message: page.complaints.append(message.text))
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.on("dialog", lambda dialog: page.complaints.append(dialog.message))
    page.goto(path.as_uri())
    page.wait_for_selector("#slots tbody button")
    return page


def names(page):
    return page.locator("#slots tbody button").all_text_contents()


def sorted_by(page, title):
    head = page.locator("#slots thead th").filter(has_text=re.compile(f"^{re.escape(title)}$"))
    head.get_by_role("button").click()
    return head.get_attribute("aria-sort")


@pytest.mark.parametrize("which", ["report", "grown"])
def test_a_page_loads_nothing_and_runs_no_name(browser, request, which):
    path = request.getfixturevalue(which)
    page = opened(browser, path)
    assert [url for url in page.asked if not url.startswith("data:")] == [path.as_uri()]
    assert page.complaints == []
    assert page.evaluate("window.pwned") is None
    assert page.locator("main img").count() == 0


def test_instances_are_sorted_searched_and_filtered(browser, grown):
    page = opened(browser, grown)
    assert page.text_content("#count") == "10,000 of 10,000 shown"
    assert sorted_by(page, "#") == "ascending"
    assert sorted_by(page, "#") == "descending"
    assert names(page)[0] == "web-10000"
    page.fill("#q", "web-77 failed")
    found = page.text_content("#count")
    assert found.endswith(" of 10,000 shown") and not found.startswith("0 "), found
    assert all(name.startswith("web-77") for name in names(page))
    page.fill("#q", "WEB-<img")
    assert names(page) == ["web-" + HOSTILE]
    page.get_by_role("button", name="Clear").click()
    # The page allows no script but its own, not even one that waits.
    page.get_by_text("10,000 of 10,000 shown").wait_for()


def test_only_visible_rows_exist(browser, grown):
    page = opened(browser, grown)
    assert page.locator("#slots tbody tr").count() < 100
    assert page.get_attribute("#slots", "aria-rowcount") == "10001"
    page.focus("#scroll")
    page.keyboard.press("End")
    page.wait_for_selector("#slots tbody tr[aria-rowindex='10001']")
    assert page.locator("#slots tbody tr").count() < 100


def test_the_keyboard_opens_an_instance(browser, report):
    page = opened(browser, report)
    page.focus("#scroll")
    page.keyboard.press("Tab")
    while not page.evaluate("document.activeElement.closest('#slots tbody') !== null"):
        page.keyboard.press("Tab")
    name = page.evaluate("document.activeElement.textContent")
    page.keyboard.press("Enter")
    assert page.text_content("#d-title") == name
    assert page.locator("#detail").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#detail").is_visible()
    assert page.evaluate("document.activeElement.textContent") == name


def test_the_theme_follows_the_system_and_the_button(browser, report):
    page = opened(browser, report, scheme="dark")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    page.click("#theme")
    light = page.evaluate(colour)
    assert (dark, light) == ("rgb(20, 23, 26)", "rgb(255, 255, 255)")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", [WIDE, NARROW], ids=["wide", "narrow"])
def test_axe_finds_nothing(browser, grown, scheme, size):
    from axe_playwright_python.sync_playwright import Axe

    page = opened(browser, grown, scheme, size)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing is wider than the screen"
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
