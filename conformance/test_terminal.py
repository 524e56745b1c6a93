"""What our commands do on a terminal: they ask, redraw, and stop when told to. The region says what came of it."""

import json
import pathlib
import re
import signal
import termios
import time

import pytest

from region import Region, run
from terminal import CTRL_C, Terminal


class Fleet:
    """A region with a fleet of its own, and a ledger beside it."""

    def __init__(self, folder, count, speed):
        self.region = Region(folder, speed=speed)
        self.common = ["--config", self.region.home / "config.yaml", "--state-dir", folder / "state"]
        self.prefix = self.region.fleet["display_name_prefix"] + "-"
        self.scope = ["-c", self.region.fleet["compartment_id"], "-p", self.prefix, *self.common]
        self.launch("--count", count)

    def launch(self, *how):
        done = run("oci-insta-scale", *self.common, "launch", "--yes", *how)
        assert done.returncode == 0, done.stderr

    def act(self, verb, *more):
        """The words of our own command, which has more flags than the original's."""
        return ["oci-insta-scale", "instances", verb, "--prefix", self.prefix, *self.common, *more]

    def states(self):
        """How many instances are in each state, as the region's books have it."""
        return {state: count for state, count in self.region.get("/_sim/stats")["instances"].items() if count}


@pytest.fixture
def fleet(tmp_path):
    made = []

    def make(count, speed=120):
        made.append(Fleet(tmp_path, count, speed))
        return made[-1]

    yield make
    for one in made:
        one.region.stop()


def test_any_other_word_than_DELETE_terminates_nothing(fleet):
    fleet = fleet(3)
    for word in ["delete", "y", "yes", "", "DELETE IT"]:
        screen = Terminal("manage-instances", "terminate", *fleet.scope)
        screen.wait_for("Type DELETE to continue: ")
        # Who will be hit, how many, and at what price.
        for number in (1, 2, 3):
            assert f"{fleet.prefix}{number}" in screen.text()
        assert "Terminate 3 instances?" in screen.text()
        assert re.search(r"[0-9.]+ USD per hour", screen.text()), screen.text()
        assert "boot volumes are deleted with all their data" in screen.text()
        screen.type(word + "\n")
        assert screen.end() == 4, screen.text()
        assert fleet.states() == {"RUNNING": 3}, word


def test_many_instances_are_agreed_to_by_their_number(fleet):
    fleet = fleet(1)
    ours = lambda *words: ("oci-insta-scale", *words, *fleet.common)  # noqa: E731
    made = run(*ours("reservation", "create", "--name", "prod", "--count", "1", "--yes"))
    assert made.returncode == 0, made.stderr

    def answered(question, answer, command):
        screen = Terminal(*command)
        screen.wait_for(f"{question} Type {re.search('[0-9]+', question)[0]} to continue: ")
        screen.type(answer + "\n")
        code = screen.end()
        return code, screen.text()

    update = ours("reservation", "update", "prod", "--count", "+200")
    question = "Change capacity reservation prod to hold 201 instances?"
    assert answered(question, "y", update)[0] == 4
    code, text = answered(question, "201", update)
    assert code == 0 and "prod holds 201 of 201" in text, text
    assert answered("Delete capacity reservation prod (201 instances)?", "y", ours("reservation", "delete", "prod"))[0] == 4
    assert answered("Launch 101 instances?", "y", ours("launch", "--new", "--count", "101"))[0] == 4
    assert fleet.states() == {"RUNNING": 1}


def test_a_question_is_left_at_once_by_ctrl_c_and_by_a_signal(fleet):
    fleet = fleet(2)
    leave = {
        "Ctrl-C": lambda screen: screen.type(CTRL_C),
        "SIGTERM": lambda screen: screen.process.send_signal(signal.SIGTERM),
    }
    ours = lambda *words: ("oci-insta-scale", *words, *fleet.common)  # noqa: E731
    asked = {
        "Type DELETE to continue: ": [("manage-instances", "terminate", *fleet.scope)],
        "[y/N] ": [
            ("manage-instances", "stop", *fleet.scope),
            ours("instances", "reboot", "--prefix", fleet.prefix),
            ours("launch", "--new", "--count", "1"),
        ],
    }
    for question, commands in asked.items():
        for command in commands:
            for how, go in leave.items():
                screen = Terminal(*command)
                screen.wait_for(question)
                pressed = time.monotonic()
                go(screen)
                assert screen.end(timeout=20) == 130, (how, screen.text())
                assert time.monotonic() - pressed < 5, how
                assert "interrupted before anything was done" in screen.text(), (how, screen.text())
                # Nothing was under way, so nothing is said to be awaited.
                assert "awaited" not in screen.text(), (how, screen.text())
                assert fleet.states() == {"RUNNING": 2}, how


def test_a_passphrase_is_left_at_once_and_typing_is_shown_again(fleet):
    fleet = fleet(1)
    keys = pathlib.Path(__file__).parent.parent / "crates/oci-client/tests/data/keys"
    config = fleet.region.home / "config.yaml"
    text = re.sub(r"private_key_path: .*", f"private_key_path: {keys / 'encrypted-pbkdf2.pem'}", config.read_text())
    locked = config.with_name("locked.yaml")
    locked.write_text(text)
    screen = Terminal("oci-insta-scale", "instances", "list", "--config", locked)
    screen.wait_for("Passphrase of ")
    # The question is shown a moment before typing is hidden.
    until = time.monotonic() + 10
    while termios.tcgetattr(screen.master)[3] & termios.ECHO:
        assert time.monotonic() < until, "what is typed is shown"
        time.sleep(0.01)
    screen.type(CTRL_C)
    screen.process.wait(timeout=10)
    assert termios.tcgetattr(screen.master)[3] & termios.ECHO
    assert screen.end() == 130, screen.text()
    assert "interrupted before anything was done" in screen.text()


def test_typing_DELETE_terminates_only_what_was_shown(fleet):
    fleet = fleet(3)
    screen = Terminal("manage-instances", "terminate", *fleet.scope)
    screen.wait_for("Type DELETE to continue: ")
    # While the question stands, two more appear whose names begin the same.
    fleet.launch("--extend", "--count", 2)
    screen.type("DELETE\n")
    assert screen.end() == 0, screen.text()
    assert fleet.states() == {"TERMINATED": 3, "RUNNING": 2}
    listed = run("manage-instances", "list", *fleet.scope, "-y", "--output", "json")
    names = [row["name"] for row in json.loads(listed.stdout)["instances"]]
    assert sorted(names) == [f"{fleet.prefix}4", f"{fleet.prefix}5"]


def test_nothing_is_terminated_without_a_terminal_or_yes(fleet):
    fleet = fleet(1)
    refused = run("manage-instances", "terminate", *fleet.scope)
    assert refused.returncode == 2 and "nothing was done: confirmation needs a terminal" in refused.stderr, refused.stderr
    assert fleet.states() == {"RUNNING": 1}


def test_watching_redraws_until_all_are_in_a_steady_state(fleet):
    # Slow enough to be seen on the way: a stop takes 10 to 30 simulated seconds.
    fleet = fleet(4, speed=4)
    done = run(*fleet.act("stop", "-y", "--no-wait"))
    assert done.returncode == 0, done.stderr
    screen = Terminal(*fleet.act("status", "--watch", "--every", "1s"))
    assert screen.end() == 0, screen.text()
    frames = screen.text().count("4 instances\n")
    assert frames >= 2 and "STOPPING" in screen.text(), screen.text()
    # Each frame but the first takes the place of the one before: the cursor goes up and lines are cleared.
    ups = sum(int(many or 1) for many in re.findall(r"\x1b\[([0-9]*)A", screen.shown))
    assert ups > 0 and "\x1b[2K" in screen.shown, screen.shown
    assert "4 STOPPED" in screen.text().split("4 instances\n")[-1]
    assert fleet.states() == {"STOPPED": 4}


def test_watching_fits_a_small_terminal(fleet):
    fleet = fleet(20, speed=4)
    done = run(*fleet.act("stop", "-y", "--no-wait"))
    assert done.returncode == 0, done.stderr
    rows = 10
    screen = Terminal(*fleet.act("status", "--watch", "--every", "1s"), rows=rows)
    assert screen.end() == 0, screen.text()
    frames = screen.text().split("20 instances\n")[1:]
    assert len(frames) >= 2, screen.text()
    for frame in frames[:-1]:
        # The counts come first; what does not fit is counted.
        assert frame.count("\n") + 1 < rows and "by state" in frame and "more lines" in frame, frame
    assert all(f"{fleet.prefix}{number} " in frames[-1] for number in range(1, 21)), frames[-1]


def test_after_ctrl_c_the_same_command_goes_on(fleet):
    fleet = fleet(40)
    command = fleet.act("terminate", "--rate", 5)
    screen = Terminal(*command)
    screen.wait_for("Type DELETE to continue: ")
    screen.type("DELETE\n")
    screen.wait_for("[")
    screen.wait_for("/40")
    screen.type(CTRL_C)
    assert screen.end() == 130, screen.text()
    shown = screen.text()
    assert "waiting for requests in flight" in shown, shown
    left = int(re.search(r"(\d+) left in", shown).group(1))
    assert left > 0 and f"left (interrupted): {fleet.prefix}" in shown, shown
    assert "hint: run the same command again" in shown, shown
    # What was told as left was left, and the rest was sent.
    fleet.region.post("/_sim/advance", {"seconds": 600})
    assert fleet.states() == {"TERMINATED": 40 - left, "RUNNING": left}

    again = run(*command, "-y", "--output", "json")
    assert again.returncode == 0, again.stderr
    assert json.loads(again.stdout)["done"] == left
    assert fleet.states() == {"TERMINATED": 40}


def test_a_cleanup_asks_for_the_word_too_and_shows_how_far_it_is(fleet):
    fleet = fleet(2)
    kept = run(*fleet.act("terminate", "-y", "--keep-boot-volumes"))
    assert kept.returncode == 0, kept.stderr
    for word, code, left in [("no", 4, 2), ("DELETE", 0, 0)]:
        screen = Terminal("oci-insta-scale", "cleanup", "--kept-volumes", *fleet.common)
        screen.wait_for("Delete 2 leftovers? Type DELETE to continue: ")
        screen.type(word + "\n")
        assert screen.end() == code, screen.text()
        shown = run("oci-insta-scale", "cleanup", "--kept-volumes", "--dry-run", "--output", "json", *fleet.common)
        assert len(json.loads(shown.stdout)["leftovers"]) == left
    assert "/2" in screen.text(), "the bar counts both"
