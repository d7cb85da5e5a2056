#!/usr/bin/env python3
"""Computes the expected rows of a table without any code of etl.

Reads hour files with Python's gzip and plain byte code, keeps the rows of the wanted domain codes, and
compares them with an SQLite or PostgreSQL table. Written only from the format's description:

- lines end with 0x0A; one 0x0D before it is dropped; nothing else ends a line;
- the code extends to the first space, views and response_bytes are the last two fields, and the title is
  everything between (including spaces);
- a line with fewer than four fields, an empty code or title, a NUL, more than 65536 bytes, or a number
  that has other characters than ASCII digits or exceeds 64 bits is malformed;
- a title written by Spark's CSV writer (`"a \\"b\\""`) is unwrapped;
- the file HH holds the views of the hour before HH.
"""

import argparse
import collections
import datetime
import gzip
import hashlib
import pathlib
import re
import sqlite3
import subprocess
import sys

MAX_LINE = 65536
INT64_MAX = 2**63 - 1
UTC = datetime.timezone.utc
HOUR = datetime.timedelta(hours=1)
COLUMNS = ["hour", "domain_code", "title", "views"]
PROJECTS = {"b": "wikibooks", "d": "wiktionary", "n": "wikinews", "q": "wikiquote", "s": "wikisource",
            "v": "wikiversity", "voy": "wikivoyage"}

Row = collections.namedtuple("Row", "hour domain_code title views response_bytes")


class Malformed(ValueError):
    """A malformed line; the message gives the reason."""


# ---- one line -----------------------------------------------------------------------------------

def integer(field, name):
    # Leading zeros are allowed; Python's int() would also accept spaces, signs, underscores and digits of
    # other scripts.
    if not field or field.strip(b"0123456789"):
        raise Malformed(f"{name} is not a number")
    value = int(field)
    if value > INT64_MAX:
        raise Malformed(f"{name} is beyond 64 bits")
    return value


def unquoted(title):
    """The title without the quoting of Spark's writer, or `title` itself if it is not quoted that way."""
    if title == b'""':
        return b""
    if len(title) < 2 or title[:1] != b'"' or title[-1:] != b'"':
        return title
    inner = title[1:-1]
    quotes = [i for i, byte in enumerate(inner) if byte == 0x22]
    if not quotes or any(i == 0 or inner[i - 1] != 0x5C for i in quotes):
        return title
    return re.sub(rb'\\([\\"])', rb"\1", inner)


def parse(line):
    """(code, title, views, response_bytes), code and title as bytes; raises Malformed."""
    if line.endswith(b"\r"):
        line = line[:-1]
    if len(line) > MAX_LINE:
        raise Malformed("longer than 65536 bytes")
    if b"\0" in line:
        raise Malformed("holds a NUL")
    first = line.find(b" ")
    last = line.rfind(b" ")
    middle = line.rfind(b" ", 0, last) if last > 0 else -1
    if first < 0 or middle <= first:
        raise Malformed("fewer than 4 fields" if line else "empty line")
    code, title = line[:first], line[first + 1:middle]
    if not code:
        raise Malformed("empty code")
    if not title:
        raise Malformed("empty title")
    return (code, unquoted(title), integer(line[middle + 1:last], "views"),
            integer(line[last + 1:], "response_bytes"))


def lines_of(data):
    lines = data.split(b"\n")
    if not lines[-1]:
        lines.pop()  # an empty rest after the last line ending is not a line
    return lines


# ---- files --------------------------------------------------------------------------------------

def label_of(path):
    return datetime.datetime.strptime(pathlib.Path(path).name[:25], "pageviews-%Y%m%d-%H0000").replace(tzinfo=UTC)


def hour_of(path):
    """The hour of a file's views, as text."""
    return (label_of(path) - HOUR).strftime("%Y-%m-%d %H:%M:%S")


def partition_of(path):
    return pathlib.Path(path).name[:25]


def languages(*wanted):
    """keep() for rows()/count(): the first label of the code is one of `wanted`."""
    wanted = {language.encode() for language in wanted}
    return lambda code: code.split(b".", 1)[0] in wanted


def codes(*wanted):
    wanted = {code.encode() for code in wanted}
    return lambda code: code in wanted


def everything(_code):
    return True


class Counts(collections.Counter):
    """read, filtered, rejected, written: a file's expected counts in the ledger."""


def rows(path, keep=everything, counts=None, data=None):
    """The rows of one hour file whose code keep() accepts; `counts` is filled when given."""
    hour = hour_of(path)
    counts = Counts() if counts is None else counts
    data = gzip.open(path).read() if data is None else data
    wanted, found = {}, []
    read = rejected = 0
    for line in lines_of(data):
        read += 1
        try:
            code, title, views, size = parse(line)
        except Malformed:
            rejected += 1
            continue
        if code not in wanted:
            wanted[code] = keep(code)
        if wanted[code]:
            found.append(Row(hour, code.decode(errors="replace"), title.decode(errors="replace"), views, size))
    counts.update(read=read, rejected=rejected, written=len(found), filtered=read - rejected - len(found))
    return found


def files(folder, start=None, end=None):
    """Hour files in `folder` with views in [start, end), in chronological order."""
    found = sorted(pathlib.Path(folder).rglob("pageviews-*-*.gz"), key=label_of)
    return [path for path in found
            if (start is None or label_of(path) - HOUR >= start) and (end is None or label_of(path) - HOUR < end)]


def project(row, columns):
    """The values of `columns`, as text, in that order."""
    labels = row.domain_code.split(".")
    suffix = [label for label in labels[1:] if label not in ("m", "zero")]
    values = {"hour": row.hour, "domain_code": row.domain_code, "title": row.title, "views": row.views,
              "response_bytes": row.response_bytes, "language": labels[0],
              "access": "mobile" if len(suffix) < len(labels) - 1 else "desktop",
              "project": PROJECTS.get(suffix[0], suffix[0]) if suffix else "wikipedia"}
    return tuple(str(values[column]) for column in columns)


def expect(paths, keep=everything, columns=tuple(COLUMNS), counts=None):
    """The expected rows of several files as tuples of text. `counts`: {partition: Counts}."""
    for path in paths:
        own = Counts()
        for row in rows(path, keep, own):
            yield project(row, columns)
        if counts is not None:
            counts[partition_of(path)] = own


# ---- tables -------------------------------------------------------------------------------------

NULL = "\0"  # represents a missing value: no text in a table can contain it

def quoted(name):
    return ".".join('"' + part.replace('"', '""') + '"' for part in name.split("."))


def sqlite_rows(path, table="pageviews", columns=tuple(COLUMNS)):
    """The rows of an SQLite table as tuples of text, unordered."""
    connection = sqlite3.connect(f"file:{pathlib.Path(path).resolve()}?mode=ro", uri=True)
    try:
        for row in connection.execute(f"SELECT {', '.join(map(quoted, columns))} FROM {quoted(table)}"):
            yield tuple(NULL if value is None else str(value) for value in row)
    finally:
        connection.close()


_COPY_ESCAPES = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\"}


def copy_field(text):
    """The value of a field in COPY's text format."""
    if text == "\\N":
        return NULL
    if "\\" not in text:
        return text
    return re.sub(r"\\(.)", lambda match: _COPY_ESCAPES[match.group(1)], text)


def postgres_rows(dsn, table="pageviews", columns=tuple(COLUMNS), psql="psql"):
    """The rows of a PostgreSQL table as tuples of text, unordered; timestamps in UTC."""
    chosen = ", ".join(f"to_char({quoted(c)} AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')" if c == "hour"
                       else quoted(c) for c in columns)
    command = [psql, dsn, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c",
               f"COPY (SELECT {chosen} FROM {quoted(table)}) TO STDOUT (ENCODING 'UTF8')"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        for line in process.stdout:  # COPY writes LF inside a value as \n
            yield tuple(copy_field(field) for field in line[:-1].decode().split("\t"))
    if process.returncode != 0:
        raise RuntimeError(f"psql ended with {process.returncode}")


# ---- comparison ---------------------------------------------------------------------------------

class Digest:
    """Digest of a multiset of rows, independent of their order."""

    def __init__(self, rows_of_text=()):
        self.count, self.sum = 0, 0
        for row in rows_of_text:
            self.add(row)

    def add(self, row):
        # Lengths distinguish ("a", "bc") from ("ab", "c").
        encoded = b"".join(b"%d:%s" % (len(value), value)
                           for value in (text.encode("utf-8", "surrogatepass") for text in row))
        self.count += 1
        self.sum = (self.sum + int.from_bytes(hashlib.blake2b(encoded, digest_size=16).digest(), "big")) % 2**128

    def __eq__(self, other):
        return (self.count, self.sum) == (other.count, other.sum)

    def __repr__(self):
        return f"{self.count} rows, digest {self.sum:032x}"


def difference(expected, actual, limit=10):
    """Readable difference between two iterables of rows; empty if they are equal."""
    expected, actual = list(expected), list(actual)
    if Digest(expected) == Digest(actual):
        return ""
    wanted, found = collections.Counter(expected), collections.Counter(actual)
    lines = [f"{len(expected)} rows expected, {len(actual)} found"]
    for title, left in (("missing", wanted - found), ("too many", found - wanted)):
        if left:
            lines.append(f"{title}: {sum(left.values())}")
            lines += [f"  {number} x {row!r}" for row, number in sorted(left.items())[:limit]]
    return "\n".join(lines)


# ---- command line -------------------------------------------------------------------------------

def moment(text):
    value = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (value if value.tzinfo else value.replace(tzinfo=UTC)).astimezone(UTC)


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(description="Expected rows of hour files, and comparison with a table.")
    parser.add_argument("verb", choices=["expect", "compare"])
    parser.add_argument("folder", help="with hour files, in whatever folders below it")
    parser.add_argument("--start", type=moment)
    parser.add_argument("--end", type=moment, help="exclusive; both speak of the hour of the views")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--languages", nargs="+", metavar="L", help="first label of the code")
    which.add_argument("--codes", nargs="+", metavar="C", help="exact domain codes")
    parser.add_argument("--columns", nargs="+", default=COLUMNS)
    parser.add_argument("--table", default="pageviews")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--sqlite", metavar="FILE", help="with compare")
    where.add_argument("--postgres", metavar="DSN", help="with compare")
    options = parser.parse_args(arguments)
    if (options.verb == "compare") != bool(options.sqlite or options.postgres):
        parser.error("compare needs --sqlite or --postgres, expect takes neither")
    return options


def main(arguments=None):
    options = parse_arguments(arguments)
    keep = (languages(*options.languages) if options.languages
            else codes(*options.codes) if options.codes else everything)
    expected = expect(files(options.folder, options.start, options.end), keep, options.columns)
    if options.verb == "expect":
        escapes = str.maketrans({"\\": "\\\\", "\t": "\\t", "\r": "\\r", "\n": "\\n"})
        for row in expected:
            sys.stdout.buffer.write("\t".join(value.translate(escapes) for value in row).encode() + b"\n")
        return 0
    actual = (sqlite_rows(options.sqlite, options.table, options.columns) if options.sqlite
              else postgres_rows(options.postgres, options.table, options.columns))
    report = difference(expected, actual)
    print(report or "equal")
    return 1 if report else 0


if __name__ == "__main__":
    sys.exit(main())
