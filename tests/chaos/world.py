"""The surroundings of an episode: hour files with the rows that the oracle finds, a web server, databases."""

import collections
import functools
import os
import pathlib
import subprocess

from oracle import oracle
from support import etl
from support import postgres
from support.case import FRENCH, HOUR, START, Postgres, Sqlite, hour_files, moment, toml
from support.fault_server import FaultServer

LIBRARY = "tests/chaos/libfaulty_libc.so"
TABLE = "pageviews"

Truth = collections.namedtuple("Truth", "path rows counts digest")


@functools.lru_cache(maxsize=None)
def truth(base, keep):
    """{partition: Truth} of the hour files of a folder; `keep` as for oracle.rows()."""
    found = {}
    for path in oracle.files(base):
        counts = oracle.Counts()
        rows = [oracle.project(row, oracle.COLUMNS) for row in oracle.rows(path, keep, counts)]
        found[oracle.partition_of(path)] = Truth(path, rows, counts, oracle.Digest(rows))
    return found


class PostgresDatabase(Postgres):
    """A database owned by an ordinary role, because limits do not apply to a superuser."""

    def __init__(self, server):
        self.server = server
        self.name = server.database().rpartition("dbname=")[2]
        super().__init__(server.dsn(self.name))
        if not self.query("SELECT 1 FROM pg_roles WHERE rolname = 'etl'"):
            self.query("CREATE ROLE etl LOGIN")
        self.query(f"ALTER DATABASE {self.name} OWNER TO etl")
        self.query("GRANT ALL ON SCHEMA public TO etl")

    def sink(self, **options):
        return {**super().sink(**options), "dsn": self.dsn.replace("user=postgres", "user=etl")}

    def keep(self, folder):
        """Keep a copy for the analysis of a failure."""
        with open(folder / "database.sql", "wb") as out:
            subprocess.run([etl.tool("pg_dump"), self.dsn], stdout=out, check=False)

    def remove(self):
        self.server.query("postgres", f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")


class SqliteDatabase(Sqlite):
    """A file in the folder of the episode, which is kept after a failure."""

    def keep(self, folder):
        pass

    def remove(self):
        pass


class World:
    """One episode's pipeline, servers and folders. `chance` decides everything about it."""

    def __init__(self, chance, folder, sink, executor, server):
        self.chance, self.folder, self.executor, self.server = chance, pathlib.Path(folder), executor, server
        # With all rows, queues fill up and transactions open long before the end of the file.
        self.all_rows = chance.random() < 0.3
        self.hours = chance.randint(2, 4) if self.all_rows else chance.randint(3, 8)
        self.rows = chance.choice([50, 400, 2000, 2000, 20000])
        self.base = hour_files(self.rows, 8, traps=True)
        self.left = None  # partitions that are not done yet; None = all
        known = truth(self.base, oracle.everything if self.all_rows else FRENCH)
        self.expected = {partition: known[partition] for partition in sorted(known)[:self.hours]}
        self.cache = self.folder / "cache"
        self.data = self.folder / "data"
        self.rejected = self.folder / "rejected"
        for path in (self.cache, self.data, self.rejected):
            path.mkdir()
        # One file, a file for every partition, or none.
        self.rejects = chance.choice([None, self.rejected / "rejects.jsonl", f"{self.rejected}/each/"])
        self.sink_kind = sink
        self.database = SqliteDatabase(self.data) if sink == "sqlite" else PostgresDatabase(server)
        # {name of the sink: its database}. Faults hit the first; the second must not suffer.
        self.sinks = {"db": self.database}
        if chance.random() < 0.25:
            self.sinks["also"] = SqliteDatabase(self.data, "also.db")
        self.pace = chance.uniform(0.005, 0.12)
        self.workers = chance.randint(1, 4)
        self.upsert = chance.random() < 0.25
        self.web = FaultServer(self.base)
        self.path = self.folder / "pipeline.toml"
        self.path.write_text(toml(self.pipeline()))

    def pipeline(self):
        keyed = {"mode": "upsert", "key": ["hour", "domain_code", "title"]} if self.upsert else {}
        run = {"workers": self.workers, "executor": self.executor, "retries": self.chance.randint(1, 6),
               "retry_delay": "20ms", "partition_timeout": "20s",
               "memory_limit": self.chance.choice(["1MiB", "64MiB"]),
               "on_failure": self.chance.choice(["continue", "continue", "stop"])}
        if self.rejects:
            run["rejects"] = self.rejects
        filters = {"french": {"plugin": "language", "input": "pageviews", "languages": ["fr"]}}
        source = {"plugin": "wikipedia_pageviews", "start": moment(START), "end": moment(START + self.hours * HOUR),
                  "base_url": self.web.url, "cache_dir": self.cache, "connections": self.chance.randint(1, 3),
                  "stall_timeout": "400ms"}
        return {"name": "chaos", "run": run, "sources": {"pageviews": source},
                "filters": {} if self.all_rows else filters,
                "sinks": {name: {"input": "pageviews" if self.all_rows else "french",
                                 **database.sink(table=TABLE, **keyed)} for name, database in self.sinks.items()}}

    def url_path(self, partition):
        return "/" + str(pathlib.Path(self.expected[partition].path).relative_to(self.base))

    def size(self, partition):
        return os.path.getsize(self.expected[partition].path)

    def partition(self):
        """A file that a run will read."""
        return self.chance.choice(sorted(self.left or self.expected))

    def span(self):
        """The approximate duration of a run in seconds."""
        return 0.1 + self.hours * self.pace / 2 + self.hours * self.rows / 200000

    def preload(self):
        path = etl.binary().parent.parent / LIBRARY
        if not path.exists():
            raise FileNotFoundError(f"{path}: build the target faulty_libc")
        return path

    def close(self):
        self.web.stop()
        self.database.remove()
