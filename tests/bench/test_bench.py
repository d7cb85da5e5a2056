"""tools/bench.sh works: it runs every contest once with few rows and compares the results."""

import re
import subprocess
import sys
import unittest
import xml.etree.ElementTree

from support import etl
from support.folders import temporary_folder

SCRIPT = etl.REPOSITORY / "tools/bench.sh"
sys.path.insert(0, str(etl.REPOSITORY / "tools/bench"))

from comparison import rows  # noqa: E402
from comparison.contest import Contest  # noqa: E402
from comparison.measure import Failed, run  # noqa: E402


class Script(unittest.TestCase):
    def setUp(self):
        self.folder = temporary_folder(self.addCleanup)

    def script(self, *arguments, expect=0):
        done = subprocess.run([SCRIPT, *map(str, arguments)], stdin=subprocess.DEVNULL, capture_output=True,
                              text=True, check=False)
        self.assertEqual(expect, done.returncode, done.stdout + done.stderr)
        return done

    def test_everything_once(self):
        out = self.script("--smoke", "--build", etl.binary().parents[1], "--out", self.folder).stdout
        self.assertRegex(out, r"French into SQLite: etl against zcat")
        self.assertRegex(out, r"French into PostgreSQL: etl against zcat")
        self.assertRegex(out, r"(?m)^\| etl \| +[0-9.]+ ")
        page = (self.folder / "performance.md").read_text()
        self.assertIn(out.strip(), page)
        self.assertTrue(page.startswith((etl.REPOSITORY / "docs/performance.md").read_text().split("<!--")[0]))
        chart = xml.etree.ElementTree.parse(self.folder / "performance.svg")
        words = {element.text for element in chart.iter() if element.tag.endswith("text")}
        self.assertIn("etl", words)
        self.assertTrue(any(re.match(r"ns per row, by hours", word) for word in words), words)

    def test_wrong_arguments(self):
        self.assertIn("--ful", self.script("--ful", expect=64).stderr)
        self.assertIn("--only", self.script("--only", expect=64).stderr)


class FakeHours:
    all_rows = 2


class FakeTask:
    hours = FakeHours

    @staticmethod
    def expected(_with_hour):
        return rows.digest([b"fr A 1", b"fr B 2"])


class FakeProgram:
    """A program of a contest that loads the given rows."""

    name, with_hour, own_seconds, environment, setting, task = "fake", False, False, None, None, FakeTask

    def __init__(self, *loaded):
        self.loaded = loaded

    @staticmethod
    def missing(_setting):
        return None

    def prepare(self):
        pass

    @staticmethod
    def command():
        return ["true"]

    def rows(self):
        return rows.digest(self.loaded)


class Checks(unittest.TestCase):
    def test_other_rows_are_found_out(self):
        Contest("key", "title", [FakeProgram(b"fr B 2", b"fr A 1")]).run(1)
        for wrong in ([b"fr A 1"], [b"fr A 1", b"fr B 3"], [b"fr A 1", b"fr A 1", b"fr B 2"]):
            with self.subTest(wrong), self.assertRaisesRegex(Failed, "loaded other rows"):
                Contest("key", "title", [FakeProgram(*wrong)]).run(1)

    def test_a_command_that_fails(self):
        with self.assertRaisesRegex(Failed, "exit code 3: .*\nwhy"):
            run("echo why; exit 3")
        with self.assertRaisesRegex(Failed, "exit code 1"):
            run("false | true")

    def test_a_sample(self):
        sample, printed = run([sys.executable, "-c", "x = bytearray(100 << 20); print(len(x))"])
        self.assertEqual("104857600\n", printed)
        self.assertGreater(sample.peak_bytes, 100 << 20)
        self.assertGreater(sample.seconds, 0)
        self.assertLess(run(["true"])[0].peak_bytes, 50 << 20)


if __name__ == "__main__":
    unittest.main()
