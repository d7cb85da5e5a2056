"""Runs every folder of tests/cases: see the README there."""

import codecs
import datetime
import re
import unittest

from oracle import oracle
from support import etl
from support.case import HOUR, UTC, EtlCase, Postgres, Sqlite, ledger, write_hour

CASES = etl.REPOSITORY / "tests/cases"


def unescaped(data):
    """Bytes with `\\xNN` and the like resolved."""
    return codecs.escape_decode(data)[0]


def read_expected(path):
    """(counts, columns, rows)."""
    lines = path.read_bytes().rstrip(b"\n").split(b"\n")
    counts = {name: int(number) for name, number in re.findall(r"(\w+) (\d+)", lines[0].decode())}
    columns = lines[1].decode().split("\t")
    rows = [tuple(unescaped(field).decode() for field in line.split(b"\t")) for line in lines[2:]]
    return counts, columns, rows


class Cases(EtlCase):
    def prepare(self, case):
        for path in sorted((case / "input").iterdir()):
            data = path.read_bytes()
            label = datetime.datetime.strptime(path.stem, "pageviews-%Y%m%d-%H0000").replace(tzinfo=UTC)
            write_hour(self.folder / "hours", label - HOUR, unescaped(data) if path.suffix == ".esc" else data)
        return (case / "pipeline.toml").read_text()

    def check(self, case, text, database):
        counts, columns, rows = read_expected(case / "expected.tsv")
        path = self.write(text)
        result = self.run_pipeline(path, env={"CASE": self.folder})
        self.assertEqual(counts, {name: result.json["rows"][name] for name in counts}, str(result))
        self.assertEqual(columns, database.columns("pageviews"))
        self.assert_rows(rows, database.rows(columns))
        sums = {name: sum(row[f"rows_{name}"] for row in ledger(database).values()) for name in counts}
        self.assertEqual(counts, sums)
        again = self.run_pipeline(path, env={"CASE": self.folder})
        self.assertEqual(0, again.json["partitions"]["done"], str(again))
        self.assert_rows(rows, database.rows(columns))

    def test_against_the_oracle_too(self):
        """If a case uses only `languages`, its expected rows must agree with the oracle."""
        seen = 0
        for case in sorted(CASES.glob("*/pipeline.toml")):
            text = case.read_text()
            plain = not re.search(r"^(codes|projects|access|mode|invalid_utf8|timestamps)\b", text, re.M)
            languages = re.findall(r'^languages = \["(\w+)"\]', text, re.M)
            if not plain or len(languages) != 1:
                continue
            with self.subTest(case.parent.name):
                counts, columns, rows = read_expected(case.parent / "expected.tsv")
                found, own = [], oracle.Counts()
                for path in sorted((case.parent / "input").iterdir()):
                    data = path.read_bytes()
                    data = unescaped(data) if path.suffix == ".esc" else data
                    found += oracle.rows(path, oracle.languages(*languages), own, data)
                self.assert_rows(rows, [oracle.project(row, columns) for row in found])
                self.assertEqual(counts, {name: own[name] for name in counts})
                seen += 1
        self.assertGreater(seen, 5)


def _test(case, on_postgres):
    def test(self):
        text = self.prepare(case)
        if on_postgres:
            database = Postgres()
            text, replaced = re.subn(r'^plugin = "sqlite"\n(?:path|timestamps) = .*$',
                                     f'plugin = "postgres"\ndsn = "{database.dsn}"', text, flags=re.M)
            self.assertEqual(1, replaced, "a sink must say plugin, then path")
        else:
            database = Sqlite(self.folder)
        self.check(case, text, database)
    return test


for _case in sorted(path for path in CASES.iterdir() if path.is_dir()):
    setattr(Cases, f"test_{_case.name}", _test(_case, False))
    if re.search(r"^# also: postgres$", (_case / "pipeline.toml").read_text(), re.M):
        setattr(Cases, f"test_{_case.name}_on_postgres", _test(_case, True))


if __name__ == "__main__":
    unittest.main()
