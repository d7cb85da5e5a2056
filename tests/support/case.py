"""Base class of end-to-end tests: temporary folders, pipelines as dictionaries, hour files, databases."""

import atexit
import datetime
import gzip
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess
import sys
import unittest
import unittest.mock

from oracle import oracle
from support import etl
from support import postgres
from support.folders import temporary_folder

UTC = datetime.timezone.utc
START = datetime.datetime(2024, 3, 1, tzinfo=UTC)
HOUR = datetime.timedelta(hours=1)
FRENCH = oracle.languages("fr")

SUMMARY_KEYS = {"pipeline", "run_id", "status", "delivery", "partitions", "rows", "bytes", "elapsed_seconds",
                "peak_memory_bytes", "stages", "sinks", "failures"}
PARTITION_KEYS = {"total", "done", "skipped", "failed", "missing"}
ROW_KEYS = {"read", "filtered", "rejected", "written"}
FAILURE_KEYS = {"partition", "sink", "stage", "attempts", "error"}
LEDGER_COLUMNS = ["pipeline", "source", "sink", "partition", "state", "rows_read", "rows_filtered",
                  "rows_rejected", "rows_written", "source_uri", "source_bytes", "definition", "run_id",
                  "attempts", "error", "started_at", "finished_at"]


class Raw(str):
    """A TOML value written as it is, such as a date-time."""


def moment(value):
    """A datetime as a TOML date-time."""
    return Raw(value.strftime("%Y-%m-%dT%H:%M:%SZ"))


def _toml(value):
    if isinstance(value, Raw):
        return str(value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(str(value), ensure_ascii=False)  # JSON's escapes are TOML's


def toml(pipeline):
    """{"name": ..., "run": {...}, "sources": {name: {...}}, ...} as the text of a pipeline file."""
    lines = [f"{key} = {_toml(value)}" for key, value in pipeline.items() if not isinstance(value, dict)]
    if "run" in pipeline:
        lines += ["", "[run]"] + [f"{key} = {_toml(value)}" for key, value in pipeline["run"].items()]
    for kind in ("sources", "filters", "sinks"):
        for name, options in pipeline.get(kind, {}).items():
            lines += ["", f"[{kind}.{name}]"] + [f"{key} = {_toml(value)}" for key, value in options.items()]
    return "\n".join(lines) + "\n"


# ---- hour files -----------------------------------------------------------------------------------

_made = {}


def hour_files(rows=2000, hours=3, start=START, **options):
    """Folder with generated hour files, created once per process and shared: tests must not change it.
    `options`: seed, traps=True, members, level."""
    key = (rows, hours, start, tuple(sorted(options.items())))
    if key not in _made:
        folder = temporary_folder(atexit.register)
        command = [sys.executable, etl.REPOSITORY / "tools/make_hours.py", "--out", folder, "--rows", rows,
                   "--hours", hours, "--start", start.isoformat()]
        for name, value in options.items():
            command += [f"--{name}"] if value is True else [f"--{name}", value]
        subprocess.run(list(map(str, command)), check=True, stdout=subprocess.DEVNULL)
        _made[key] = folder
    return _made[key]


def write_hour(folder, hour, content, members=1):
    """Writes an hour file with these bytes (or this text) at its place in the tree; returns its path."""
    data = content.encode() if isinstance(content, str) else content
    label = hour + HOUR
    path = pathlib.Path(folder) / f"{label:%Y/%Y-%m}" / f"pageviews-{label:%Y%m%d-%H}0000.gz"
    path.parent.mkdir(parents=True, exist_ok=True)
    step = max(1, -(-len(data) // members))
    pieces = [data[i:i + step] for i in range(0, len(data), step)] or [b""]
    path.write_bytes(b"".join(gzip.compress(piece, 6, mtime=0) for piece in pieces))
    return path


# ---- databases ------------------------------------------------------------------------------------

class Sqlite:
    """The test's view of an SQLite file."""

    timestamp_columns = ("started_at", "finished_at")

    def __init__(self, folder, name="pageviews.db"):
        self.path = pathlib.Path(folder) / name

    def sink(self, **options):
        return {"plugin": "sqlite", "path": self.path, "table": "pageviews", **options}

    def exists(self):
        return self.path.exists()

    def query(self, sql):
        try:
            return self._query(sql, "ro")
        except sqlite3.OperationalError as error:
            # A process killed during its first load leaves a journal; rolling it back takes write access.
            if error.sqlite_errorcode != sqlite3.SQLITE_READONLY_ROLLBACK:
                raise
            return self._query(sql, "rw")

    def _query(self, sql, mode):
        connection = sqlite3.connect(f"file:{self.path}?mode={mode}", uri=True, timeout=30)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def execute(self, sql):
        connection = sqlite3.connect(self.path, timeout=30)
        try:
            connection.executescript(sql)
        finally:
            connection.close()

    def tables(self):
        return {name for name, in self.query("SELECT name FROM sqlite_master WHERE type = 'table'")}

    def rows(self, columns=tuple(oracle.COLUMNS), table="pageviews"):
        return oracle.sqlite_rows(self.path, table, columns)

    def columns(self, table):
        return [row[1] for row in self.query(f"PRAGMA table_info({oracle.quoted(table)})")]

    def refuse(self, hour_text):
        """Makes the table refuse rows of that hour from now on."""
        self.execute(f"CREATE TRIGGER refuse BEFORE INSERT ON pageviews WHEN NEW.hour = '{hour_text}' "
                     "BEGIN SELECT RAISE(ABORT, 'refused by the test'); END;")

    def accept(self):
        self.execute("DROP TRIGGER refuse;")


class Postgres:
    """The test's view of its own database on the shared server."""

    def __init__(self, dsn=None):
        self.dsn = dsn or postgres.shared().database()

    def sink(self, **options):
        return {"plugin": "postgres", "dsn": self.dsn, "table": "pageviews", **options}

    def exists(self):
        return True

    def query(self, sql):
        return postgres.query(self.dsn, sql)

    execute = query

    def tables(self):
        return {name for name, in self.query("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}

    def rows(self, columns=tuple(oracle.COLUMNS), table="pageviews"):
        return oracle.postgres_rows(self.dsn, table, columns, etl.tool("psql"))

    def columns(self, table):
        return [name for name, in self.query(
            f"SELECT column_name FROM information_schema.columns WHERE table_name = '{table}' "
            "AND table_schema = 'public' ORDER BY ordinal_position")]

    def refuse(self, hour_text):
        for statement in (
                "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS "
                "$$ BEGIN RAISE EXCEPTION 'refused by the test'; END $$",
                "CREATE TRIGGER refuse BEFORE INSERT ON pageviews FOR EACH ROW "
                f"WHEN (NEW.hour = '{hour_text}+00') EXECUTE FUNCTION refuse()"):
            self.query(statement)

    def accept(self):
        self.query("DROP TRIGGER refuse ON pageviews")


def ledger(database):
    """{(sink, partition): {column: value}}, empty before the first run; numbers as int."""
    if not database.exists() or "etl_ledger" not in database.tables():
        return {}
    names = ", ".join(f'"{name}"' for name in LEDGER_COLUMNS)
    rows = {}
    for values in database.query(f"SELECT {names} FROM etl_ledger"):
        row = dict(zip(LEDGER_COLUMNS, values))
        for name in ("rows_read", "rows_filtered", "rows_rejected", "rows_written", "source_bytes", "attempts"):
            row[name] = None if row[name] is None else int(row[name])
        rows[row["sink"], row["partition"]] = row
    return rows


# ---- the base class --------------------------------------------------------------------------------

class EtlCase(unittest.TestCase):
    """One temporary folder per test; only read-only hour files and the PostgreSQL server are shared."""

    maxDiff = 4000

    def setUp(self):
        self.folder = temporary_folder(self.addCleanup)
        # One test must not find the downloads of another.
        cache = temporary_folder(self.addCleanup)
        patch = unittest.mock.patch.dict(os.environ, XDG_CACHE_HOME=str(cache))
        patch.start()
        self.addCleanup(patch.stop)

    # -- pipelines --

    def source(self, base, hours=3, start=START, **options):
        """Options of a source that reads `hours` files; `base` is a folder or a URL."""
        url = str(base) if "://" in str(base) else f"file://{base}"
        return {"plugin": "wikipedia_pageviews", "start": moment(start), "end": moment(start + hours * HOUR),
                "base_url": url, **options}

    def main_job(self, base, database, hours=3, run=None, sink=None, languages=("fr",), name="main-job", **source):
        """The default pipeline: French page views into one table."""
        return {"name": name, "run": {"workers": 2, **(run or {})},
                "sources": {"pageviews": self.source(base, hours, **source)},
                "filters": {"french": {"plugin": "language", "input": "pageviews", "languages": list(languages)}},
                "sinks": {"db": {"input": "french", **database.sink(**(sink or {}))}}}

    def write(self, pipeline, name="pipeline.toml"):
        path = self.folder / name
        path.write_text(pipeline if isinstance(pipeline, str) else toml(pipeline))
        return path

    def run_pipeline(self, pipeline, *arguments, expect=etl.OK, **options):
        """Runs `etl run`, checks the exit code, and returns the Result. `pipeline`: path or dictionary."""
        path = pipeline if isinstance(pipeline, pathlib.Path) else self.write(pipeline)
        result = etl.run("run", path, "--format", "json", *arguments, **options)
        self.assertEqual(expect, result.code, str(result))
        return result

    # -- assertions --

    def assert_rows(self, expected, actual):
        self.assertEqual("", oracle.difference(expected, actual))

    def assert_table(self, database, base, hours=None, keep=FRENCH, columns=tuple(oracle.COLUMNS),
                     table="pageviews", start=START):
        """The table holds exactly the oracle's rows of the first `hours` files of a folder."""
        end = None if hours is None else start + hours * HOUR
        self.assert_rows(oracle.expect(oracle.files(base, start, end), keep, columns),
                         database.rows(columns, table))

    def assert_ledger(self, database, base, hours=None, keep=FRENCH, sink="db", start=START):
        """Every partition is `done` with the oracle's counts."""
        end = None if hours is None else start + hours * HOUR
        counts = {}
        for path in oracle.files(base, start, end):
            oracle.rows(path, keep, counts.setdefault(oracle.partition_of(path), oracle.Counts()))
        rows = {partition: row for (own, partition), row in ledger(database).items() if own == sink}
        self.assertEqual(sorted(counts), sorted(rows))
        for partition, own in counts.items():
            row = rows[partition]
            self.assertEqual("done", row["state"], partition)
            found = {name: row[f"rows_{name}"] for name in ("read", "filtered", "rejected", "written")}
            self.assertEqual({name: own[name] for name in found}, found, partition)
            self.assertEqual(found["read"], found["filtered"] + found["rejected"] + found["written"])

    def assert_summary(self, result, status="ok", rows=None, **partitions):
        """The summary has all documented keys and the given counts of partitions and rows."""
        summary = result.json
        self.assertEqual(SUMMARY_KEYS, SUMMARY_KEYS & set(summary), str(result))
        self.assertEqual(PARTITION_KEYS, set(summary["partitions"]))
        self.assertEqual(ROW_KEYS, ROW_KEYS & set(summary["rows"]))
        self.assertLessEqual({"downloaded", "decoded"}, set(summary["bytes"]))
        for failure in summary["failures"]:
            self.assertLessEqual(FAILURE_KEYS, set(failure))
        self.assertEqual(status, summary["status"], str(result))
        for name, number in partitions.items():
            self.assertEqual(number, summary["partitions"][name], f"partitions.{name}\n{result}")
        for name, number in (rows or {}).items():
            self.assertEqual(number, summary["rows"][name], f"rows.{name}\n{result}")
        return summary

    def snapshot(self, database, table="pageviews"):
        """Table and ledger, to check that nothing changed."""
        return sorted(database.rows(table=table)), sorted(map(str, database.query("SELECT * FROM etl_ledger")))

    def copy_tree(self, base, name="hours"):
        """A copy of shared hour files that the test may modify."""
        return pathlib.Path(shutil.copytree(base, self.folder / name))

    def hour_path(self, base, index, start=START):
        label = start + (index + 1) * HOUR
        return pathlib.Path(base) / f"{label:%Y/%Y-%m}" / f"pageviews-{label:%Y%m%d-%H}0000.gz"

    def partition(self, index, start=START):
        return f"pageviews-{start + (index + 1) * HOUR:%Y%m%d-%H}0000"
