"""Runs one of our commands on a terminal, as a person would: types, waits for words, presses Ctrl-C."""

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

from region import BIN, CLEAN_ENV

CTRL_C = "\x03"


class Terminal:
    """One command on a pseudo-terminal of its own, which it is in control of."""

    def __init__(self, name, *arguments, columns=160, rows=50, folder=None, variables=None):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.master = master
        self.shown = ""
        self.process = subprocess.Popen(
            [BIN / name, *map(str, arguments)],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            cwd=folder,
            env={**CLEAN_ENV, "TERM": "xterm", **(variables or {})},
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)

    def _read(self, patience):
        ready, _, _ = select.select([self.master], [], [], patience)
        if not ready:
            return True
        try:
            more = os.read(self.master, 65536)
        except OSError:
            # The other side is closed.
            return False
        self.shown += more.decode(errors="replace")
        return bool(more)

    def wait_for(self, words, timeout=60):
        """Reads until these words were shown."""
        until = time.monotonic() + timeout
        while words not in self.text():
            assert time.monotonic() < until, f"{words!r} was not shown within {timeout} s:\n{self.shown}"
            assert self._read(1) or words in self.text(), f"it ended without {words!r}:\n{self.shown}"

    def type(self, keys):
        os.write(self.master, keys.encode())

    def end(self, timeout=120):
        """Waits for the end and returns the exit code."""
        until = time.monotonic() + timeout
        while self._read(0.2):
            assert time.monotonic() < until, f"it did not end within {timeout} s:\n{self.shown}"
            if self.process.poll() is not None and not select.select([self.master], [], [], 0)[0]:
                break
        code = self.process.wait(timeout=10)
        os.close(self.master)
        return code

    def text(self):
        """What was shown, without the terminal's control sequences."""
        return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", self.shown).replace("\r\n", "\n")
