#!/usr/bin/env python3
"""Generates hour files like those of Wikimedia's page view dumps, in the same folder structure.

A row is `domain_code title views 0`. Rows are sorted by code and title, and each pair is unique. The file
named HH holds the views of the hour before HH. The same arguments produce the same bytes.
"""

import argparse
import datetime
import multiprocessing
import os
import pathlib
import random
import zlib

from hours import traps
from hours.codes import script_of, shares
from hours.words import MAIN_PAGES, ODD_FIRST, POPULAR_FRENCH, SCRIPTS, Vocabulary

UTC = datetime.timezone.utc
SPARK_SINCE = datetime.datetime(2023, 2, 8, tzinfo=UTC)  # since then titles are quoted as CSV
ZERO_UNTIL = datetime.datetime(2019, 5, 1, tzinfo=UTC)
LATIN1_BUG_UNTIL = datetime.datetime(2019, 7, 23, tzinfo=UTC)  # `Sp?cial:Search` among the top titles
TAIL_VARIANTS = 16
BUFFER = 1 << 20

# Odd titles per 100,000 rows, as measured in real files.
ODD_RATES = {"quote": 141, "replacement": 61, "question": 123, "percent": 14, "backslash": 1}


def _views(rng):
    """A random number of views: 1 or 2 for more than three quarters of all rows, with a long tail."""
    chance = rng.random()
    if chance < 0.62:
        return 1
    if chance < 0.80:
        return 2
    return min(300, int(3 / (1.0001 - rng.random()) ** 0.8))


class Tails:
    """Ends of rows (`tail views 0 LF`) in order of title, in variants that differ by their views."""

    def __init__(self, script):
        rng = random.Random("views/" + script)
        vocabulary = Vocabulary(script)
        self.heads, self.words = vocabulary.heads, vocabulary.tails
        self.variants = [[b"%s %d 0\n" % (tail, _views(rng)) for tail in vocabulary.tails]
                         for _ in range(TAIL_VARIANTS)]


TAILS = {}


def _load_vocabulary():
    for script in SCRIPTS:
        TAILS[script] = Tails(script)


def _quoted(title, spark):
    if not spark or b'"' not in title:
        return title
    return b'"' + title.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'


def _odd_titles(rows, words, rng):
    """Titles that careless parsers corrupt, at the rates of real files."""
    makers = {
        "quote": lambda first, word: [first + b'_"%s"' % word, b'"%s"' % word, b'"%s"_%s' % (word, first)],
        "replacement": lambda first, word: [first + b"\xef\xbf\xbd" + word],
        "question": lambda first, word: [b"Sp?cial:" + first + word, b"?????_" + word],
        "percent": lambda first, word: [first + b"%C3%A9" + word],
        "backslash": lambda first, word: [first + b"\\" + word],
    }
    for kind, rate in ODD_RATES.items():
        for _ in range(int(rows * rate / 100000 + rng.random())):
            first = ODD_FIRST[int(rng.random() * len(ODD_FIRST))].encode()
            choices = makers[kind](first, words[int(rng.random() * len(words))])
            yield choices[int(rng.random() * len(choices))]


class HourFile:
    """The rows of one hour as chunks of bytes."""

    def __init__(self, hour, rows, seed):
        self.hour, self.rows, self.seed = hour, rows, seed
        self.spark = hour >= SPARK_SINCE
        self.daily = (0.6, 0.5, 0.45, 0.5, 0.7, 0.9, 1.1, 1.2, 1.2, 1.1, 1.2, 1.4)[hour.hour // 2]

    def chunks(self, with_traps):
        if with_traps:
            yield b"".join(line + b"\n" for line in traps.leading())
        for code, count in shares(self.rows, self.hour < ZERO_UNTIL):
            yield from self._code(code, count)
            if with_traps and code == "fr":
                yield b"".join(line + b"\n" for line in traps.french(self.spark))
        if with_traps:
            yield b"\n".join(traps.trailing())

    def _code(self, code, count):
        # A wiki's titles stay the same from hour to hour; their views change.
        steady = random.Random(f"{self.seed}/{code}")
        hourly = random.Random(f"{self.seed}/{code}/{self.hour:%Y%m%d%H}")
        tails = TAILS[script_of(code)]
        prefix = code.encode() + b" "
        parts = self._singles(code, count, tails.words, steady, hourly)
        self._blocks(parts, prefix, count - len(parts), tails, steady, hourly)
        for title in sorted(parts):
            yield parts[title]

    def _singles(self, code, count, words, steady, hourly):
        """Individually generated rows: {title: row}."""
        script = script_of(code)
        titles = {b"-": 1 + int(count / 50)}
        if code in ("fr", "fr.m"):
            titles.update((title.encode(), views) for title, views in POPULAR_FRENCH.items())
            if code == "fr" and self.hour < LATIN1_BUG_UNTIL:
                titles[b"Sp?cial:Search"] = 9000
        else:
            titles[MAIN_PAGES[script].encode()] = 3 + int(count / 10)
        for title in _odd_titles(count, words, steady):
            titles[title] = _views(steady)
        rows = {}
        for title in list(titles)[:max(1, count * 2 // 3)]:
            views = max(1, int(titles[title] * self.daily * (0.8 + 0.4 * hourly.random())))
            rows[title] = b"%s %s %d 0\n" % (code.encode(), _quoted(title, self.spark), views)
        return rows

    @staticmethod
    def _blocks(parts, prefix, count, tails, steady, hourly):
        """Adds `count` rows to `parts`, in blocks of rows that start with the same words."""
        heads, size = tails.heads, len(tails.words)
        used = min(len(heads), max(1, int(1.2 * count ** 0.5), -(-count // size)))
        spare = 0
        for i in range(used):
            # Block sizes vary in pairs, so that the sum is exact.
            share = count * (i + 1) // used - count * i // used
            if i % 2 == 0:
                spare = int(steady.random() * share) if share * 2 < size and i + 1 < used else 0
                share -= spare
            else:
                share += spare
            if share == 0:
                continue
            step = 1 + int(steady.random() * (size // share))
            first = int(steady.random() * (size - (share - 1) * step)) if (share - 1) * step < size else 0
            if (share - 1) * step >= size:
                step = 1
            rows = tails.variants[int(hourly.random() * TAIL_VARIANTS)]
            start = prefix + heads[i * len(heads) // used]
            parts[start[len(prefix):]] = start + start.join(rows[first:first + (share - 1) * step + 1:step])


class GzipFile:
    """A gzip file of one or more members, written under another name until it is complete."""

    def __init__(self, path, level, members, expected_bytes):
        self.path, self.level = path, level
        self.part = path.with_name(path.name + ".making")
        self.file = open(self.part, "wb")
        self.member_bytes = max(1, expected_bytes // members) if members > 1 else None
        self.pending, self.pending_size, self.member_size = [], 0, 0
        self.compressor = zlib.compressobj(level, zlib.DEFLATED, 31)

    def write(self, data):
        self.pending.append(data)
        self.pending_size += len(data)
        if self.pending_size >= BUFFER:
            self._flush()

    def _flush(self):
        data = b"".join(self.pending)
        self.pending, self.pending_size = [], 0
        while self.member_bytes is not None and self.member_size + len(data) >= self.member_bytes:
            # Members may end anywhere, even within a line.
            cut = self.member_bytes - self.member_size
            self.file.write(self.compressor.compress(data[:cut]) + self.compressor.flush())
            self.compressor = zlib.compressobj(self.level, zlib.DEFLATED, 31)
            data, self.member_size = data[cut:], 0
        self.member_size += len(data)
        self.file.write(self.compressor.compress(data))

    def close(self):
        self._flush()
        self.file.write(self.compressor.flush())
        self.file.close()
        os.replace(self.part, self.path)


def path_of(folder, hour):
    """Path of the file with the views of `hour`; its label is one hour later."""
    label = hour + datetime.timedelta(hours=1)
    return pathlib.Path(folder) / f"{label:%Y/%Y-%m}" / f"pageviews-{label:%Y%m%d-%H}0000.gz"


def make_hour(job):
    hour, arguments = job
    if not TAILS:
        _load_vocabulary()
    path = path_of(arguments.out, hour)
    if arguments.keep and path.exists():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    output = GzipFile(path, arguments.level, arguments.members, arguments.rows * 29)
    for chunk in HourFile(hour, arguments.rows, arguments.seed).chunks(arguments.traps):
        output.write(chunk)
    output.close()
    return path


def parse_hour(text):
    moment = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def positive(text):
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return number


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", required=True, help="output folder; files are written to OUT/YYYY/YYYY-MM/")
    parser.add_argument("--start", required=True, type=parse_hour, help="first hour of views, such as 2024-01-01T00:00Z")
    parser.add_argument("--hours", type=positive, default=1, help="number of files (default 1)")
    parser.add_argument("--rows", type=positive, default=100000, help="rows per file (default 100000)")
    parser.add_argument("--seed", default="1", help="seed of the random rows (default 1)")
    parser.add_argument("--level", type=int, choices=range(1, 10), default=6, help="gzip level (default 6)")
    parser.add_argument("--members", type=positive, default=1, help="gzip members per file (default 1)")
    parser.add_argument("--traps", action="store_true", help="add malformed and unusual lines")
    parser.add_argument("--keep", action="store_true", help="keep existing files")
    parser.add_argument("--jobs", type=positive, default=os.cpu_count() or 1, help="files to generate in parallel")
    return parser.parse_args(arguments)


def main(arguments=None):
    arguments = parse_arguments(arguments)
    jobs = [(arguments.start + datetime.timedelta(hours=i), arguments) for i in range(arguments.hours)]
    _load_vocabulary()
    if min(arguments.jobs, len(jobs)) == 1:
        paths = [make_hour(job) for job in jobs]
    else:
        with multiprocessing.get_context("fork").Pool(min(arguments.jobs, len(jobs))) as pool:
            paths = pool.map(make_hour, jobs, chunksize=1)
    for path in paths:
        print(path)


if __name__ == "__main__":
    main()
