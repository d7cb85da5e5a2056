"""Tests of the test tools: oracle, hour file generator, comparison. They do not need etl."""

import gzip
import hashlib
import os
import pathlib
import re
import sqlite3
import subprocess
import sys
import tempfile
import unittest

from oracle import oracle
from support import etl
from support.case import START, hour_files, write_hour

sys.path.insert(0, str(etl.REPOSITORY / "tools"))
from hours import codes, traps  # noqa: E402

SAMPLES = pathlib.Path(os.environ.get("ETL_SAMPLES") or etl.REPOSITORY.parent / "shared/samples")


def slow_parse(line):
    """A third implementation, byte by byte: (code, title, views, bytes), or None for a malformed line."""
    if line[-1:] == b"\r":
        line = line[:-1]
    if len(line) > 65536 or 0 in line:
        return None
    spaces = [i for i in range(len(line)) if line[i] == 32]
    if len(spaces) < 3:
        return None
    first, middle, last = spaces[0], spaces[-2], spaces[-1]
    code, title = line[:first], line[first + 1:middle]
    numbers = []
    for text in (line[middle + 1:last], line[last + 1:]):
        value = 0
        for byte in text:
            if byte < 48 or byte > 57:
                return None
            value = 10 * value + byte - 48
        if not text or value >= 1 << 63:
            return None
        numbers.append(value)
    return (code, slow_unquote(title), *numbers) if code and title else None


def slow_unquote(title):
    """The same rule as a regular expression."""
    if title == b'""':
        return b""
    inner = re.fullmatch(rb'"((?:[^"]*\\")+[^"]*)"', title, re.S)
    if not inner:
        return title
    out, escaped = bytearray(), False
    for byte in inner.group(1):
        if escaped:
            if byte not in b'"\\':
                out.append(92)
            out.append(byte)
            escaped = False
        elif byte == 92:
            escaped = True
        else:
            out.append(byte)
    return bytes(out) + (b"\\" if escaped else b"")


def parsed(line):
    try:
        return oracle.parse(line)
    except oracle.Malformed:
        return None


class Oracle(unittest.TestCase):
    def test_lines(self):
        for line, expected in [
                (b"fr A 1 0", (b"fr", b"A", 1, 0)),
                (b"fr A B 1 0", (b"fr", b"A B", 1, 0)),
                (b"fr A 1 0\r", (b"fr", b"A", 1, 0)),
                (b"fr A 1 0\r\r", None),
                (b'fr "" 1 0', (b"fr", b"", 1, 0)),
                (b'fr "\\"a\\\\" 1 0', (b"fr", b'"a\\', 1, 0)),
                (b'fr "a" 1 0', (b"fr", b'"a"', 1, 0)),
                (b"fr A 9223372036854775807 0", (b"fr", b"A", 2**63 - 1, 0)),
                (b"fr A 9223372036854775808 0", None),
                (b"fr A -1 0", None), (b"fr A 1_0 0", None), (b"fr A \xd9\xa1 0", None), (b"fr A 1  0", None),
                (b"fr A 1", None), (b"fr", None), (b"", None), (b"\r", None), (b" A 1 0", None), (b"fr  1 0", None),
                (b"fr \0 1 0", None),
                (b"fr " + b"x" * (65536 - 7) + b" 1 0", (b"fr", b"x" * (65536 - 7), 1, 0)),
                (b"fr " + b"x" * (65537 - 7) + b" 1 0", None)]:
            with self.subTest(line[:40]):
                self.assertEqual(expected, parsed(line))

    def test_lines_end_at_line_feeds_only(self):
        self.assertEqual([b"a\x0bb\x0cc\x85d\x1c", b"", b"e"], oracle.lines_of(b"a\x0bb\x0cc\x85d\x1c\n\ne"))
        self.assertEqual([b"a"], oracle.lines_of(b"a\n"))
        self.assertEqual([], oracle.lines_of(b""))

    def test_third_opinion(self):
        lines = [line for quoted in (False, True) for line in traps.french(quoted)]
        lines += traps.leading() + traps.trailing()
        lines += oracle.lines_of(gzip.open(oracle.files(hour_files(20000, 1))[0]).read())
        for line in lines:
            self.assertEqual(slow_parse(line), parsed(line), line[:80])
        self.assertGreater(sum(parsed(line) is None for line in lines), 20)

    def test_hour_is_before_the_label(self):
        self.assertEqual("2024-02-29 23:00:00", oracle.hour_of("x/pageviews-20240301-000000.gz"))

    def test_columns(self):
        row = oracle.Row("h", "fr.m.voy", "T", 3, 0)
        self.assertEqual(("fr", "wikivoyage", "mobile"), oracle.project(row, ["language", "project", "access"]))
        row = row._replace(domain_code="fr")
        self.assertEqual(("fr", "wikipedia", "desktop"), oracle.project(row, ["language", "project", "access"]))

    def test_genuine_lines(self):
        if not SAMPLES.is_dir():
            etl.skip_aloud(self, f"no genuine samples in {SAMPLES} (or $ETL_SAMPLES)")
        seen = 0
        for path in sorted(SAMPLES.glob("pageviews-*.txt")) + sorted(SAMPLES.glob("pageviews-*.gz")):
            data = gzip.open(path).read() if path.suffix == ".gz" else path.read_bytes()
            for line in oracle.lines_of(data):
                code, title, views, size = oracle.parse(line)
                self.assertEqual((code, title, views, size), slow_parse(line))
                self.assertEqual(line, b"%s %s %d %d" % (code, title, views, size))  # nothing was unquoted
                title.decode()
                seen += 1
        print(f"{seen} genuine lines agree", file=sys.stderr)
        self.assertGreater(seen, 1000)


class Comparison(unittest.TestCase):
    rows = [("a", "b"), ("a", "b"), ("c", "d\te")]

    def test_equal_in_any_order(self):
        self.assertEqual("", oracle.difference(self.rows, reversed(self.rows)))

    def test_differences_are_seen(self):
        for other in (self.rows[1:], self.rows + [("c", "d\te")], [("ab", ""), *self.rows[1:]],
                      [("a", "b"), ("a", "B"), ("c", "d\te")]):
            self.assertIn("rows expected", oracle.difference(self.rows, other))

    def test_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            write_hour(folder, START, "fr A 1 0\nfr\nfr B\\\t 2 0\nde C 3 0\n")
            out = subprocess.run([sys.executable, oracle.__file__, "expect", folder, "--languages", "fr"],
                                 check=True, capture_output=True).stdout
            hour = f"{START:%Y-%m-%d %H:%M:%S}".encode()
            self.assertEqual(hour + b"\tfr\tA\t1\n" + hour + b"\tfr\tB\\\\\\t\t2\n", out)
            database = pathlib.Path(folder) / "x.db"
            connection = sqlite3.connect(database)
            connection.execute("CREATE TABLE pageviews (hour, domain_code, title, views)")
            connection.execute("INSERT INTO pageviews VALUES (?, 'fr', 'A', 1)", (hour.decode(),))
            connection.commit()
            connection.close()
            command = [sys.executable, oracle.__file__, "compare", folder, "--codes", "fr", "--sqlite", str(database)]
            differs = subprocess.run(command, capture_output=True, text=True)
            self.assertEqual(1, differs.returncode)
            self.assertIn("missing: 1", differs.stdout)


class Generator(unittest.TestCase):
    def digest(self, folder):
        return [hashlib.sha256(path.read_bytes()).hexdigest() for path in oracle.files(folder)]

    def test_same_arguments_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            def make(name, *more):
                subprocess.run([sys.executable, etl.REPOSITORY / "tools/make_hours.py", "--out", f"{folder}/{name}",
                                "--start", "2024-03-01T00:00Z", "--rows", "3000", "--hours", "2", *more],
                               check=True, stdout=subprocess.DEVNULL)
                return self.digest(f"{folder}/{name}")
            first = make("a")
            self.assertEqual(first, make("b", "--jobs", "1"))
            other = make("c", "--seed", "2")
            self.assertEqual(2, len(other))
            self.assertFalse(set(first) & set(other))

    def test_layout_sort_and_rates(self):
        base = hour_files(300000, 1)
        path, = oracle.files(base)
        self.assertEqual("2024/2024-03/pageviews-20240301-010000.gz", str(path.relative_to(base)))
        data = gzip.open(path).read()
        rows = [oracle.parse(line) for line in oracle.lines_of(data)]
        self.assertEqual(300000, len(rows))
        pairs = [row[:2] for row in rows]
        self.assertEqual(sorted(set(pairs)), pairs)
        self.assertTrue(27 < len(data) / len(rows) < 35, len(data) / len(rows))
        french = sum(row[0] == b"fr" for row in rows)
        self.assertEqual(round(0.037 * 300000), french)
        self.assertTrue(1300 < len({row[0] for row in rows}) < 1700)
        self.assertGreater(sum(row[2] <= 2 for row in rows), 0.75 * len(rows))
        for mark, at_least in ((b'"', 200), ("\ufffd".encode(), 90), (b"?", 180), (b"%", 20)):
            self.assertGreater(sum(mark in row[1] for row in rows), at_least, mark)

    def test_sizes(self):
        for rows in (1, 10, 999, 12000000):
            self.assertEqual(rows, sum(count for _, count in codes.shares(rows, False)))
        for rows in (1, 7, 100, 4321):
            self.assertEqual(rows, len(oracle.rows(oracle.files(hour_files(rows, 1))[0])))

    def test_eras(self):
        def of(year):
            start = START.replace(year=year)
            return gzip.open(oracle.files(hour_files(20000, 1, start=start))[0]).read()
        self.assertNotIn(b'\\"', of(2016))
        self.assertIn(b'\\"', of(2024))
        self.assertIn(b"fr.zero ", of(2016))
        self.assertNotIn(b"fr.zero ", of(2024))

    def test_members_and_traps(self):
        path, = oracle.files(hour_files(20000, 1, members=4, traps=True))
        self.assertGreaterEqual(path.read_bytes().count(b"\x1f\x8b\x08\0\0\0\0\0"), 4)
        counts = oracle.Counts()
        oracle.rows(path, counts=counts)
        expected = sum(parsed(line) is None for line in traps.leading() + traps.french(True) + traps.trailing())
        self.assertEqual(expected, counts["rejected"])
        pairs = [row[1:3] for row in oracle.rows(path)]
        self.assertEqual(len(pairs), len(set(pairs)), "traps must not repeat a row's key")


if __name__ == "__main__":
    unittest.main()
