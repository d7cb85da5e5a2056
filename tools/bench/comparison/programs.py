"""The compared programs: etl and its competitors. Each prepares an empty target, runs, and returns its rows."""

import json
import pathlib
import shlex
import shutil
import subprocess

from comparison import rows
from comparison.hours import REPOSITORY
from comparison.measure import environment

SCRIPTS = pathlib.Path(__file__).resolve().parent


class Setting:
    """Shared by all programs: paths, and the PostgreSQL server."""

    def __init__(self, folder, build, server, node_modules):
        self.folder, self.build, self.server, self.node_modules = pathlib.Path(folder), build, server, node_modules
        self.etl = build / "bin/etl"
        self.baselines = build / "tests/bench"

    @property
    def dsn(self):
        return self.server.dsn()


class Task:
    """The input: hours, and the rows to load from them: those of one domain code, or all (code None)."""

    def __init__(self, hours, code):
        self.hours, self.code = hours, code
        self.prefix = "" if code is None else f"^{code} "
        self._expected = {}

    def expected(self, with_hour):
        if with_hour not in self._expected:
            self._expected[with_hour] = rows.expected(self.hours.files, self.code, with_hour)
        return self._expected[with_hour]

    @property
    def files(self):
        return [str(path) for path in self.hours.files]


class Program:
    """with_hour: its table has the column `hour`. own_seconds: it prints the time to count."""

    name = ""
    with_hour = True
    own_seconds = False
    environment = None

    def __init__(self, setting, task):
        self.setting, self.task = setting, task

    @staticmethod
    def missing(_setting):
        """The reason it cannot run here; None if it can."""
        return None


def lacks(*programs):
    missing = [name for name in programs if shutil.which(name) is None]
    return f"{', '.join(missing)} not installed" if missing else None


# ---- targets ------------------------------------------------------------------------------------

class IntoSqlite:
    """The target is a new file; `prepare` creates the competitors' table."""

    table = None

    @property
    def database(self):
        return self.setting.folder / "target.db"

    def prepare(self):
        for path in self.setting.folder.glob("target.*"):
            path.unlink()
        if self.table:
            subprocess.run(["sqlite3", self.database, self.table], check=True)

    def rows(self):
        return rows.sqlite_rows(self.database, self.with_hour)


class IntoPostgres:
    """The target is a missing or empty table, on an otherwise idle server."""

    table = None

    def prepare(self):
        self.sql("DROP TABLE IF EXISTS pageviews; DROP TABLE IF EXISTS etl_ledger;" + (self.table or ""))
        self.sql("CHECKPOINT")

    def sql(self, text):
        subprocess.run(["psql", self.setting.dsn, "-Xq", "-v", "ON_ERROR_STOP=1", "-c", text], check=True,
                       env=environment({"PGOPTIONS": "-c client_min_messages=warning"}))

    def rows(self):
        return rows.postgres_rows(self.setting.dsn, self.with_hour)


# ---- etl ----------------------------------------------------------------------------------------

class Etl(Program):
    """etl itself; `pass_through` additional filters keep everything."""

    def __init__(self, setting, task, workers=0, executor="threads", pass_through=0, extra=None):
        super().__init__(setting, task)
        self.workers, self.executor, self.pass_through, self.environment = workers, executor, pass_through, extra
        words = ["etl"]
        if workers:
            words.append(f"{workers} thread{'s' if workers > 1 else ''}")
        if executor != "threads":
            words.append(executor)
        if pass_through:
            words.append(f"{pass_through} pass-through filter{'s' if pass_through > 1 else ''}")
        if extra:
            words += [f"{name}={value}" for name, value in extra.items()]
        self.name = words[0] + (": " + ", ".join(words[1:]) if words[1:] else "")

    def pipeline(self):
        hours = self.task.hours
        lines = ['name = "bench"', "[run]", f"workers = {self.workers}", f'executor = "{self.executor}"',
                 "[sources.pageviews]", 'plugin = "wikipedia_pageviews"', "start = 2016-09-01T00:00:00Z",
                 f"hours = {hours.count}", f"base_url = {json.dumps(hours.folder.as_uri())}"]
        last = "pageviews"
        if self.task.code is not None:
            lines += ["[filters.code]", 'plugin = "language"', f'input = "{last}"', f'codes = ["{self.task.code}"]']
            last = "code"
        for i in range(self.pass_through):
            lines += [f"[filters.pass{i}]", 'plugin = "pass_through"', f'input = "{last}"']
            last = f"pass{i}"
        return "\n".join(lines + ["[sinks.db]", *self.sink(), f'input = "{last}"', 'table = "pageviews"', ""])

    def command(self):
        path = self.setting.folder / "pipeline.toml"
        path.write_text(self.pipeline())
        return [self.setting.etl, "run", path, "--progress", "off", "--log-level", "warn", "--format", "json",
                "--plugin-dir", self.setting.baselines / "plugins"]


class EtlSqlite(IntoSqlite, Etl):
    def sink(self):
        return ['plugin = "sqlite"', f"path = {json.dumps(str(self.database))}"]


class EtlPostgres(IntoPostgres, Etl):
    def sink(self):
        return ['plugin = "postgres"', f"dsn = {json.dumps(self.setting.dsn)}"]


# ---- written by hand ----------------------------------------------------------------------------

class ByHand(Program):
    """tests/bench/baseline."""

    program = ""

    def __init__(self, setting, task, workers):
        super().__init__(setting, task)
        self.workers = workers

    @classmethod
    def missing(cls, setting):
        path = setting.baselines / cls.program
        return None if path.exists() else f"{path} was not built (no isa-l?)"

    def command(self):
        return [self.setting.baselines / self.program, self.target, self.task.code or "-", str(self.workers),
                *self.task.files]


class SqliteByHand(IntoSqlite, ByHand):
    name, program = "by hand: isa-l, prefix test, prepared inserts", "baseline_sqlite_hours"

    @property
    def target(self):
        return self.database


class PostgresByHand(IntoPostgres, ByHand):
    name, program = "by hand: isa-l, prefix test, binary COPY", "baseline_postgres_hours"

    @property
    def target(self):
        return self.setting.dsn


class InsertsFromMemory(IntoSqlite, ByHand):
    name, program = "prepared inserts alone, of rows parsed before", "baseline_sqlite_inserts"
    own_seconds = True

    def command(self):
        return [self.setting.baselines / self.program, self.database, *self.task.files]


# ---- existing tools ------------------------------------------------------------------------------

class ShellSqlite(IntoSqlite, Program):
    name = "zcat | grep | sqlite3 .import"
    with_hour = False
    table = "CREATE TABLE pageviews (domain_code TEXT, title TEXT, views INTEGER, size INTEGER)"

    @staticmethod
    def missing(_setting):
        return lacks("zcat", "grep", "sqlite3")

    def command(self):
        database = shlex.quote(str(self.database))
        return "; ".join(
            f"zcat {shlex.quote(path)} | grep {shlex.quote(self.task.prefix)} | "
            f"sqlite3 {database} -cmd '.mode ascii' -cmd '.separator \" \" \"\\n\"' '.import /dev/stdin pageviews'"
            for path in self.task.files)


PLAIN_TABLE = "CREATE TABLE pageviews (domain_code text, title text, views bigint, size bigint)"
PLAIN_FORMAT = r"(FORMAT csv, DELIMITER ' ', QUOTE E'\x01')"  # a quote that no title contains disables quoting


class ShellPostgres(IntoPostgres, Program):
    name = r"zcat | grep | psql \copy"
    with_hour = False
    table = PLAIN_TABLE

    @staticmethod
    def missing(_setting):
        return lacks("zcat", "grep", "psql")

    def command(self):
        copy = shlex.quote(rf"\copy pageviews from pstdin with {PLAIN_FORMAT}")
        return "; ".join(f"zcat {shlex.quote(path)} | grep {shlex.quote(self.task.prefix)} | "
                         f"psql {shlex.quote(self.setting.dsn)} -Xq -v ON_ERROR_STOP=1 -c {copy}"
                         for path in self.task.files)


class DecodedCopy(IntoPostgres, Program):
    name = r"psql \copy of the text, decoded before"
    with_hour = False
    table = PLAIN_TABLE

    @staticmethod
    def missing(_setting):
        return lacks("psql")

    def prepare(self):
        super().prepare()
        for path in self.task.hours.files:
            with open(self.decoded(path), "wb") as out:
                subprocess.run(["zcat", path], stdout=out, check=True)

    def decoded(self, path):
        return self.setting.folder / f"{path.name}.txt"

    def command(self):
        copies = [rf"\copy pageviews from {str(self.decoded(path))!r} with {PLAIN_FORMAT}"
                  for path in self.task.hours.files]
        words = ["psql", self.setting.dsn, "-Xq", "-v", "ON_ERROR_STOP=1"]
        return words + [word for copy in copies for word in ("-c", copy)]


class Notebook(IntoSqlite, Program):
    name = "the notebook: Python and pandas"

    @staticmethod
    def missing(_setting):
        done = subprocess.run(["/usr/bin/python3", "-c", "import pandas"], capture_output=True, check=False)
        return None if done.returncode == 0 else "python3-pandas not installed"

    def command(self):
        return ["/usr/bin/python3", SCRIPTS / "notebook.py", self.database, self.task.code, self.setting.folder,
                *self.task.files]


class DuckDb(IntoSqlite, Program):
    """Writes its own file format, because its SQLite extension is not on npm."""

    name = "DuckDB, into its own file"

    @staticmethod
    def missing(setting):
        if lacks("node"):
            return lacks("node")
        there = (setting.node_modules / "@duckdb/node-api").is_dir()
        return None if there else "@duckdb/node-api not installed"

    @property
    def database(self):
        return self.setting.folder / "target.duckdb"

    def prepare(self):
        self.environment = {"BENCH_NODE_MODULES": str(self.setting.node_modules)}
        super().prepare()

    def command(self):
        return ["node", SCRIPTS / "duckdb.mjs", "load", self.database, self.task.code or "-", *self.task.files]

    def rows(self):
        return rows.printed(["node", SCRIPTS / "duckdb.mjs", "print", self.database], environment(self.environment))


class Pgloader(IntoPostgres, Program):
    name = "zcat | grep | pgloader"
    with_hour = False
    table = PLAIN_TABLE

    @staticmethod
    def missing(_setting):
        return lacks("zcat", "grep", "pgloader")

    def command(self):
        server = self.setting.server
        script = self.setting.folder / "pageviews.load"
        script.write_text(
            "LOAD CSV FROM stdin (domain_code, title, views, size) "
            f"INTO postgresql://postgres@unix:{server.folder}:{server.port}/postgres "
            "TARGET TABLE public.pageviews (domain_code, title, views, size) "
            "WITH fields terminated by ' ', fields not enclosed;\n")
        load = f"pgloader --on-error-stop --root-dir {shlex.quote(str(self.setting.folder))} {shlex.quote(str(script))}"
        return "; ".join(f"zcat {shlex.quote(path)} | grep {shlex.quote(self.task.prefix)} | {load}"
                         for path in self.task.files)
