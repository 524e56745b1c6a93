"""The manual tells the truth: every console block of the tutorial and the how-to pages is run, and the command lines of the other
pages exist."""

import re
import shlex
import shutil
import subprocess

import oci
import pytest
from playwright.sync_api import sync_playwright

from manual import DOCS, NAMES, Reader, console_blocks
from region import BIN, run

CHROMIUM = shutil.which("chromium")
QUIET = ["--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync"]

HOW_TO = sorted(path.name for path in (DOCS / "how-to").glob("*.md"))
# What these pages show also needs what a test cannot give, such as weeks, systemd or a tenancy of the reader's own.
PAGES = sorted([*DOCS.glob("*.md"), *DOCS.glob("how-to/*.md"), DOCS.parent / "README.md"])


def test_the_tutorial_can_be_followed(tmp_path):
    reader = Reader(tmp_path, with_region=False)
    try:
        for command, shown in console_blocks(DOCS / "tutorial.md"):
            reader.follow(command, shown)
    finally:
        reader.leave()
    assert "<html" in (reader.work / "report.html").read_text()


@pytest.mark.parametrize("page", HOW_TO)
def test_a_how_to_page_can_be_followed(page, tmp_path):
    reader = Reader(tmp_path, with_region=True)
    try:
        if page == "from-a-shell-loop.md":
            launch_by_hand(reader.region, "web-1", "web-2")
        for command, shown in console_blocks(DOCS / "how-to" / page):
            reader.follow(command, shown)
    finally:
        reader.leave()


def launch_by_hand(region, *names):
    compute = region.client(oci.core.ComputeClient)
    model = oci.core.models
    for name in names:
        compute.launch_instance(
            model.LaunchInstanceDetails(
                availability_domain=region.availability_domain(),
                compartment_id=region.fleet["compartment_id"],
                display_name=name,
                shape=region.fleet["shape"],
                shape_config=model.LaunchInstanceShapeConfigDetails(ocpus=1, memory_in_gbs=6),
                source_details=model.InstanceSourceViaImageDetails(image_id=region.fleet["image_id"]),
                create_vnic_details=model.CreateVnicDetails(subnet_id=region.fleet["subnet_id"]),
            )
        )


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_of_the_manual_exist(page):
    """With --help at its end, a command checks its flags and does nothing."""
    for command, _ in console_blocks(page):
        command = re.sub(r"<[^>]*>", "ocid1.compartment.oc1..aaaa", re.sub(r"\s+# .*$", "", command))
        command = re.split(r" [>|] | && ", command)[0]
        # Options of `sim exec` end where the other program begins.
        words = shlex.split(command.split(" -- ")[0])
        name = words[0].removeprefix("./").removesuffix(".sh") if words else ""
        if name not in NAMES:
            continue
        done = run(name, *words[1:], "--help")
        assert done.returncode == 0, f"{page.name}: {command}\n{done.stderr}"


def test_the_book_is_read_and_searched_without_a_network(tmp_path):
    root = DOCS.parent
    made = subprocess.run(
        ["make", "book", f"BOOK={tmp_path / 'book'}", f"OCI_INSTA_SCALE={BIN / 'oci-insta-scale'}"],
        cwd=root,
        capture_output=True,
        text=True,
        timeout=300,
    )
    # A link that leads nowhere ends it.
    assert made.returncode == 0, made.stdout + made.stderr
    commands = (tmp_path / "book/reference/commands.html").read_text()
    assert "--max-cost-per-hour" in commands and "reservation update" in commands
    keys = (tmp_path / "book/reference/keys.html").read_text()
    assert "instance_settings.shape_config.ocpus" in keys

    if CHROMIUM is None:
        pytest.skip("the pages were not opened: chromium is not installed")
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        page = browser.new_page(viewport={"width": 1300, "height": 900})
        asked, complaints = [], []
        page.on("request", lambda request: asked.append(request.url))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto((tmp_path / "book/index.html").as_uri())
        page.keyboard.press("/")
        page.wait_for_selector(".md-search__input:focus")
        page.keyboard.type("out of host capacity")
        first = page.locator(".md-search-result__link").first
        first.wait_for(timeout=20_000)
        first.click()
        page.wait_for_load_state()
        assert "capacity" in page.locator("article").inner_text()
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:", "blob:"))] == []
    assert complaints == []
