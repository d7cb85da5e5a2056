"""Runs a command on a terminal and shows what a person then sees: a screen of fixed width without memory of its own."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios


class Screen:
    """The rows of a terminal that knows line feeds, wrapping, and the two movements that etl uses."""

    def __init__(self, columns):
        self.columns, self.rows, self.row, self.column, self.coloured = columns, [""], 0, 0, False

    def feed(self, text):
        for part in re.findall(r"\x1b\[[0-9;]*[A-Za-z]|.", text, re.DOTALL):
            if part == "\r":
                self.column = 0
            elif part == "\n":
                self._down()
            elif part.endswith("A") and part.startswith("\x1b"):
                self.row = max(0, self.row - int(part[2:-1] or 1))
            elif part == "\x1b[2K":
                self.rows[self.row] = ""
            elif part.startswith("\x1b"):
                self.coloured = True
            else:
                self._put(part)

    def _down(self):
        self.row += 1
        if self.row == len(self.rows):
            self.rows.append("")

    def _put(self, character):
        if self.column == self.columns:
            self._down()
            self.column = 0
        row = self.rows[self.row].ljust(self.column)
        self.rows[self.row] = row[:self.column] + character + row[self.column + 1:]
        self.column += 1


def run(arguments, env, columns=80, rows=24, on_output=None):
    """(exit code, Screen) of a command whose stdout and stderr are a terminal. `on_output` gets everything so far and a
    function that ends the command by SIGINT."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    with subprocess.Popen(list(map(str, arguments)), stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs,
                          env=env) as process:
        os.close(theirs)
        text = b""
        while True:
            try:
                part = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            if not part:
                break
            text += part
            if on_output:
                on_output(text.decode(errors="replace"), lambda: process.send_signal(2))
        os.close(ours)
        code = process.wait(300)
    screen = Screen(columns)
    screen.feed(text.decode())
    return code, screen
