"""What the shells complete: typed into a real bash and zsh on a terminal, and asked of a real fish."""

import shutil
import subprocess

import pytest

from region import BIN, CLEAN_ENV, run
from terminal import Terminal

TAB, HOME = "\t", "\x01"

# What is typed before the tab, and the word that it becomes.
CASES = [
    ("oci-insta-scale insta", "instances"),
    ("oci-insta-scale instances termi", "terminate"),
    ("oci-insta-scale sim scen", "scenarios"),
    ("oci-insta-scale --dry", "--dry-run"),
    ("oci-insta-scale -dry", "-dry-run"),
    ("oci-insta-scale --simulate=fla", "--simulate=flaky"),
    ("oci-insta-scale runs --output wi", "wide"),
    ("oci-insta-scale --config config.yaml launch --output=ta", "--output=table"),
    ("oci-insta-scale --config conf", "config.yaml"),
    ("oci-insta-scale instances list --state STOPPI", "STOPPING"),
    ("oci-insta-scale capacity VM.Standard.A1", "VM.Standard.A1.Flex"),
    ("capacity-manager -del", "-delete"),
    ("manage-instances stat", "status"),
]

# What offers several words.
LISTS = [
    ("oci-insta-scale --output ", ["table", "json", "jsonl", "csv", "wide"]),
    ("oci-insta-scale --sim", ["--simulate"]),
    ("oci-insta-scale completions ", ["bash", "fish", "zsh"]),
]


def installed(shell):
    path = shutil.which(shell)
    if path is None:
        pytest.skip(f"there is no {shell} here")
    return path


@pytest.fixture
def place(tmp_path, own_region):
    """A folder with a config and a ledger that knows one run, and that run's id."""
    (tmp_path / "config.yaml").write_text((own_region.home / "config.yaml").read_text())
    state = ["--state-dir", tmp_path / "state"]
    done = run("oci-insta-scale", "--config", tmp_path / "config.yaml", *state, "launch", "--count", "1", "--yes")
    assert done.returncode == 0, done.stderr
    listed = run("oci-insta-scale", *state, "runs", "--output", "json")
    return tmp_path, listed.stdout.split('"run": "')[1].split('"')[0]


class Shell:
    """A shell on a terminal, with the completion of our commands."""

    def __init__(self, place, path, *options, setup=""):
        shell = path.rsplit("/", 1)[-1]
        self.screen = Terminal(path, *options)
        self.screen.type(f"cd {place}; export OCI_INSTA_SCALE_STATE_DIR={place}/state; PS1='> '; {setup}\n")
        self.screen.type(f"source <({BIN}/oci-insta-scale completions {shell}); echo re''ady\n")
        self.screen.wait_for("ready\n")

    def becomes(self, typed, word):
        # Each word of the line is shown in angle brackets, which nobody has typed around it.
        self.screen.shown = ""
        self.screen.type(typed + TAB + HOME + "printf '<%s>\\n' \n")
        self.screen.wait_for(f"<{word}>\n", timeout=20)

    def lists(self, typed, words):
        self.screen.shown = ""
        self.screen.type(typed + TAB + TAB)
        for word in words:
            self.screen.wait_for(word, timeout=20)
        self.screen.type("\x15\n")

    def end(self):
        self.screen.type("exit\n")
        self.screen.end()


SHELLS = {
    "bash": (["--norc", "--noprofile", "-i"], "bind 'set bell-style none'"),
    "zsh": (["-f", "-i"], "autoload -U compinit; compinit -u -D; unsetopt beep"),
}


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_flags_and_values_are_completed(shell, place):
    folder, run_id = place
    options, setup = SHELLS[shell]
    typing = Shell(folder, installed(shell), *options, setup=setup)
    for typed, word in [*CASES, (f"oci-insta-scale show {run_id[:8]}", run_id)]:
        typing.becomes(typed, word)
    for typed, words in LISTS:
        typing.lists(typed, words)
    typing.end()


def test_fish_completes_commands_flags_and_values(place):
    folder, run_id = place
    fish = installed("fish")

    def offered(typed):
        script = f"{BIN}/oci-insta-scale completions fish | source; complete -C '{typed}'"
        env = {**CLEAN_ENV, "HOME": str(folder), "OCI_INSTA_SCALE_STATE_DIR": f"{folder}/state"}
        done = subprocess.run([fish, "--no-config", "-c", script], cwd=folder, env=env, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        return [line.split("\t")[0] for line in done.stdout.splitlines()]

    for typed, word in [*CASES, (f"oci-insta-scale show {run_id[:8]}", run_id)]:
        assert word in offered(typed), typed
    for typed, words in LISTS:
        assert set(words) <= set(offered(typed)), typed
