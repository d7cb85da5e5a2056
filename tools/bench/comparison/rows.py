"""Computes the expected and the actual rows of a table, without code of etl or its competitors.

Rows are compared as multisets of `code title views` or `hour code title views`. Python's hash() of bytes
keeps 64 bits and is a secret of this process; the sum of a multiset's hashes knows no order.
"""

import collections
import datetime
import gzip
import sqlite3
import subprocess

Digest = collections.namedtuple("Digest", "rows sum")


def digest(lines):
    count = total = 0
    for line in lines:
        count += 1
        total += hash(line)
    return Digest(count, total % 2**64)


def hour_of(path):
    """The hour of a file's views, as bytes: the hour before that in its name."""
    label = datetime.datetime.strptime(path.name[:25], "pageviews-%Y%m%d-%H0000")
    return (label - datetime.timedelta(hours=1)).strftime("%Y-%m-%d %H:%M:%S").encode()


def expected(paths, code, with_hour):
    """Digest of the rows of hour files; all rows if `code` is None. For files without traps."""
    prefix = b"" if code is None else code.encode() + b" "

    def lines():
        for path in paths:
            start = hour_of(path) + b" " if with_hour else b""
            with gzip.open(path) as file:
                for line in file:
                    if line.startswith(prefix):
                        assert line.count(b" ") == 3 and line.endswith(b" 0\n"), line
                        yield start + line[:-3]
    return digest(lines())


def sqlite_rows(path, with_hour):
    columns = (["hour"] if with_hour else []) + ["domain_code", "title", "views"]
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.text_factory = bytes
    try:
        return digest(row for (row,) in connection.execute(
            f"SELECT {' || char(32) || '.join(columns)} FROM pageviews"))
    finally:
        connection.close()


def postgres_rows(dsn, with_hour):
    columns = (["to_char(hour AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS')"] if with_hour else [])
    columns += ["domain_code", "title", "views"]
    # Reading CSV with a quote that no title contains returns lines unchanged.
    return printed(["psql", dsn, "-XqAt", "-v", "ON_ERROR_STOP=1", "-c",
                    f"COPY (SELECT {' || chr(32) || '.join(columns)} FROM pageviews) "
                    r"TO STDOUT (FORMAT csv, QUOTE E'\x01', DELIMITER E'\x02', ENCODING 'UTF8')"])


def printed(command, environment=None):
    """Digest of the lines that a command prints."""
    with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
        found = digest(line[:-1] for line in process.stdout)
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}")
    return found
