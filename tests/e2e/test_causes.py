"""Errors that name the real cause, where the system reports another one. They need root and namespaces."""

import os
import pathlib
import subprocess
import unittest

from support import etl
from support.case import EtlCase, Sqlite, hour_files

NOBODY = 65534


def in_namespace(script, *arguments):
    """A shell script with mounts of its own. Returns (exit code, output)."""
    done = subprocess.run(["unshare", "-m", "sh", "-euc", script, "sh", *map(str, arguments)], stdin=subprocess.DEVNULL,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=etl.environment(), timeout=300)
    return done.returncode, done.stdout


class Causes(EtlCase):
    def setUp(self):
        super().setUp()
        if os.geteuid() != 0 or in_namespace("true")[0] != 0:
            etl.skip_aloud(self, "no root, or no namespaces")

    def test_a_folder_that_cannot_be_written(self):
        folder = self.folder / "protected"
        folder.mkdir(mode=0o555)
        base = self.copy_tree(hour_files(2000, 2))
        path = self.write(self.main_job(base, Sqlite(self.folder), 2, sink={"path": str(folder / "new.db")}))
        for place in (*base.rglob("*"), base, path, self.folder, *self.folder.parents):  # the other user must reach them
            if place.stat().st_mode & 0o005 != 0o005:
                place.chmod(place.stat().st_mode | 0o005)
        done = subprocess.run(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", etl.binary(), "run",
                               path, "--progress", "off"], stdin=subprocess.DEVNULL, stderr=subprocess.PIPE,
                              stdout=subprocess.PIPE, text=True, env=etl.environment(), timeout=300)
        self.assertEqual(etl.FAILED, done.returncode, done.stderr)
        self.assertIn(f"the folder {folder} cannot be written: Permission denied", done.stderr)
        self.assertNotIn("No such file", done.stderr)

    def test_a_plugin_on_a_file_system_without_programs(self):
        plugins = self.folder / "plugins"
        plugins.mkdir()
        sqlite = pathlib.Path(etl.binary()).parents[1] / "lib/etl/plugins/sqlite.so"
        code, output = in_namespace('mount -t tmpfs -o noexec,mode=755 t "$1"; cp "$2" "$1"; "$3" describe "$1/sqlite.so"',
                                    plugins, sqlite, etl.binary())
        self.assertEqual(etl.CONFIG, code, output)
        self.assertIn("mounted noexec", output)
        self.assertNotIn("damaged", output)

    def test_without_proc(self):
        path = self.write(self.main_job(hour_files(2000, 2), Sqlite(self.folder), 2))
        code, output = in_namespace('umount -l /proc; "$1" validate "$2"; "$1" run "$2" --progress off', etl.binary(), path)
        self.assertEqual(etl.OK, code, output)
        # Started by its name alone, it finds its plugins as well.
        code, output = in_namespace('umount -l /proc; PATH="$1:$PATH"; cd /; etl plugins', etl.binary().parent)
        self.assertEqual(etl.OK, code, output)
        self.assertIn("sqlite", output)


if __name__ == "__main__":
    unittest.main()
