"""tools/quickstart.sh with the binary under test: the rows it loads, its output, and a second run."""

import re
import subprocess
import unittest

from oracle import oracle
from support import etl
from support.case import EtlCase, Sqlite, ledger

SCRIPT = etl.REPOSITORY / "tools/quickstart.sh"
TITLE = re.compile(r"^ *(\d+)  (\S.*)$", re.M)


class Quickstart(EtlCase):
    def setUp(self):
        super().setUp()
        self.database = Sqlite(self.folder)

    def script(self, *arguments, expect=0):
        done = subprocess.run([SCRIPT, "--binary", etl.binary(), "--database", self.database.path, *arguments],
                              stdin=subprocess.DEVNULL, capture_output=True, text=True, env=etl.environment(), cwd=self.folder)
        self.assertEqual(expect, done.returncode, done.stdout + done.stderr)
        return done

    def test_loads_and_shows(self):
        out = self.script().stdout
        base = etl.REPOSITORY / "build/quickstart"
        paths = oracle.files(base)
        self.assert_rows(oracle.expect(paths, oracle.languages("fr")), self.database.rows())
        views = {}
        for row in self.database.rows():
            if row[1] in ("fr", "fr.m"):
                views[row[2]] = views.get(row[2], 0) + int(row[3])
        shown = [(int(number), title) for number, title in TITLE.findall(out.split("ten most viewed")[1])]
        self.assertEqual(10, len(shown), out)
        self.assertEqual(sorted(shown, key=lambda pair: -pair[0]), shown)
        for number, title in shown:
            self.assertEqual(views[title.replace(" ", "_")], number)
        articles = [number for title, number in views.items() if ":" not in title and title != "-"]
        self.assertEqual(sorted(articles)[-10:], sorted(number for number, _ in shown))

        before = self.snapshot(self.database)
        again = self.script().stdout
        self.assertEqual(before, self.snapshot(self.database))
        self.assertRegex(again, r"\b3 skipped\b")
        self.assertEqual(out.split("ten most viewed")[1], again.split("ten most viewed")[1])

    def test_generated_and_real_hours_do_not_mix(self):
        self.script()
        self.assertEqual(3, len(ledger(self.database)))
        self.database.execute("UPDATE etl_ledger SET source_uri = 'https://example.org/' || partition")
        self.script()
        self.assertTrue((self.folder / "pageviews.live.db").exists())
        self.assertTrue(all(row["source_uri"].startswith("file:") for row in ledger(self.database).values()))

    def test_live_wants_a_contact(self):
        self.assertIn("--contact", self.script("--live", expect=64).stderr)

    def test_wrong_arguments(self):
        self.assertIn("--lief", self.script("--lief", expect=64).stderr)
        self.assertIn("--contact", self.script("--contact", expect=64).stderr)

    def test_help(self):
        self.assertIn("--live", self.script("--help").stdout)


if __name__ == "__main__":
    unittest.main()
