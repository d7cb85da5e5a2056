"""The installed tree that these tests use."""

import atexit
import functools
import os
import pathlib
import re
import subprocess
import unittest

from support import etl
from support.folders import temporary_folder

BUILD = pathlib.Path(os.environ.get("ETL_BUILD") or etl.REPOSITORY / "build/release")
CMAKE = os.environ.get("CMAKE_COMMAND") or "cmake"
VERSION = re.search(r"project\(etl VERSION (\S+)", (etl.REPOSITORY / "CMakeLists.txt").read_text())[1]


@functools.cache
def installed():
    """The prefix, installed with umask 002 and then moved. It is shared: tests must not change it."""
    folder = temporary_folder(atexit.register)
    done = call([CMAKE, "--install", BUILD, "--prefix", folder / "first"], umask=0o002)
    assert done.returncode == 0, done.stdout
    (folder / "first").rename(folder / "moved")
    return folder / "moved"


def call(command, cwd=None, env=None, umask=-1):
    """Runs a program with the installed etl first in PATH; stdout has both streams."""
    environment = etl.environment(env)
    if installed.cache_info().currsize and "PATH" not in (env or {}):
        environment["PATH"] = f"{installed()}/bin:{environment['PATH']}"
    return subprocess.run(list(map(str, command)), cwd=cwd, env=environment, umask=umask, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


class TreeCase(unittest.TestCase):
    def setUp(self):
        self.prefix = installed()
        self.folder = temporary_folder(self.addCleanup)

    def ok(self, *command, **options):
        done = call(command, cwd=options.pop("cwd", self.folder), **options)
        self.assertEqual(0, done.returncode, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}")
        return done.stdout

    def fails(self, code, *command, **options):
        done = call(command, cwd=options.pop("cwd", self.folder), **options)
        self.assertEqual(code, done.returncode, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}")
        return done.stdout

    def exported(self, library):
        """The symbols that a library exports."""
        lines = self.ok(etl.tool("nm"), "-D", "--defined-only", library).splitlines()
        return {line.split()[-1] for line in lines}
