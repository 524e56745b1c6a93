"""Reads the console blocks of the manual, and runs them as a reader would."""

import os
import pathlib
import re
import subprocess

from region import BIN, CLEAN_ENV, Region

DOCS = pathlib.Path(__file__).parent.parent / "docs"
NAMES = ("oci-insta-scale", "capacity-manager", "manage-instances")
# What the reader has done already: the tests run what is built.
DONE = {"make build", 'export PATH="$PWD:$PATH"'}
# Commands that ask. A reader answers; here, --yes does.
ASKS = re.compile(r"^(timeout \S+ \S+ )?oci-insta-scale (scale|launch|maintain|fleet adopt|instances terminate)\b")
EXIT_CODE = re.compile(r"\s+# exit code (\d+)$")


def console_blocks(page):
    """Each command of a page's console blocks, with the lines that the page shows below it."""
    commands = []
    for block in re.findall(r"^```console\n(.*?)^```", page.read_text(), re.M | re.S):
        joined = block.replace("\\\n", " ")
        for line in joined.splitlines():
            if line.startswith("$ "):
                commands.append((line[2:], []))
            elif line.strip() and commands:
                commands[-1][1].append(line)
    return commands


class Reader:
    """A person with the built commands, an empty home, and a region of their own once they start one."""

    def __init__(self, folder, with_region):
        self.folder = pathlib.Path(folder)
        programs = self.folder / "bin"
        programs.mkdir()
        for name in NAMES:
            (programs / name).symlink_to(BIN / "oci-insta-scale")
        self.work = self.folder / "work"
        self.work.mkdir()
        self.variables = {
            **CLEAN_ENV,
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(self.folder),
            "XDG_STATE_HOME": str(self.folder / "state"),
        }
        self.region = None
        if with_region:
            self.start_region()
            (self.work / "config.yaml").write_text((self.work / ".oci-sim/config.yaml").read_text())

    def start_region(self):
        self.region = Region(self.folder, speed=120, home=self.work / ".oci-sim")

    def follow(self, command, shown):
        """Runs one command and compares what it says with what the page shows."""
        if command in DONE:
            return
        if command.startswith("oci-insta-scale sim serve"):
            self.start_region()
            return
        expected = EXIT_CODE.search(command)
        command = re.sub(r"\s+# .*$", "", command)
        if ASKS.match(command) and "--yes" not in command and "--dry-run" not in command:
            command = re.sub(r"( > \S+)?$", r" --yes\1", command, count=1)
        if self.region:
            command = command.replace("http://127.0.0.1:12620", self.region.endpoint)
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=self.work,
            env=self.variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
        )
        # A shell says 137 of a program that signal 9 ended.
        code = done.returncode if done.returncode >= 0 else 128 - done.returncode
        said = f"$ {command}\nexit code {code}\n{done.stdout}{done.stderr}"
        assert code == (int(expected.group(1)) if expected else 0), said
        if shown:
            assert re.search(pattern_of(shown), squeeze(done.stdout), re.S), f"the page shows {shown}\n{said}"

    def leave(self):
        if self.region:
            self.region.stop()


def squeeze(text):
    """Columns are as wide as their widest entry, which differs from run to run."""
    return "".join(re.sub(r" +", " ", line).strip() + "\n" for line in text.splitlines())


def pattern_of(shown):
    """The lines in their order; `…` stands for anything, over lines if it is a line of its own."""
    parts = []
    for line in shown:
        if line.strip() == "…":
            parts.append(r"(?:.*\n)?")
        else:
            words = [re.escape(part) for part in squeeze(line).rstrip("\n").split("…")]
            parts.append("[^\n]*".join(words) + r"\n")
    return r"\A" + "".join(parts) + r"\Z"
