"""The faults: each acts before, during and after a run, and counts how often it struck."""

import errno
import os
import random
import signal
import sqlite3
import subprocess
import threading
import time

from support import etl
from chaos.world import TABLE

FAILED_OR_DONE = {etl.OK, etl.FAILED}


class Fault:
    """One fault of one run. `chance` decides its details; `struck` counts how often it happened."""

    sinks = ("sqlite", "postgres")
    executors = ("threads", "processes")
    codes = frozenset()  # exit codes that it explains, besides 0 and 1
    shows = None         # text in the log of the run for each strike; None: strike() or restore() counts

    def __init__(self, world):
        self.world, self.chance, self.struck = world, random.Random(world.chance.random()), 0
        self.moment = self.chance.random() * world.span()

    def arguments(self):
        return []

    def environment(self):
        return {}

    def rules(self):
        """Settings of the web server."""
        return []

    def prepare(self):
        """Prepare, before the run starts."""

    def strike(self, running):
        """Strike, at the fault's moment, if the run is still going on."""

    def restore(self):
        """Clean up after the run, however it ended."""


# ---- processes ------------------------------------------------------------------------------------

class KillRunner(Fault):
    codes = {-signal.SIGKILL}

    def strike(self, running):
        running.signal(signal.SIGKILL)
        self.struck = 1


class Terminate(Fault):
    codes = {etl.TERMINATED, -signal.SIGTERM}  # the latter before it handles signals
    number = signal.SIGTERM

    def strike(self, running):
        running.signal(self.number)
        self.struck = 1


class Interrupt(Terminate):
    codes = {etl.INTERRUPTED, -signal.SIGINT}
    number = signal.SIGINT


class KillWorker(Fault):
    executors = ("processes",)

    def strike(self, running):
        end = time.monotonic() + self.world.span()
        wanted = self.chance.randint(1, 3)
        while running.running() and self.struck < wanted and time.monotonic() < end:
            for pid in running.workers()[:1]:
                try:
                    os.kill(pid, signal.SIGKILL)
                    self.struck += 1
                except ProcessLookupError:
                    pass
            time.sleep(self.chance.random() * self.world.span() / 2)


class SecondRun(Fault):
    """A second run of the same pipeline at the same time, half of the time with the other executor."""

    def strike(self, running):
        executor = self.chance.choice(["threads", "processes"])
        result = etl.run("run", self.world.path, "--format", "json", "--executor", executor, timeout=120)
        if result.code not in FAILED_OR_DONE:
            raise AssertionError(f"the second run\n{result}")
        self.struck = 1


class FaultPoint(Fault):
    codes = {-signal.SIGKILL}

    def arguments(self):
        point = self.chance.choice(["source.open", "source.opened", "source.batch", "sink.commit", "sink.committed"])
        action = self.chance.choice(["kill", "error", "delay:50ms"])
        self.struck = 1
        return ["--fault", f"{point}@{self.chance.randint(1, self.world.hours)}={action}"]


class Clock(Fault):
    """The clock jumps back and forth by up to two days during the run."""

    def environment(self):
        self.struck = 1
        return {"LD_PRELOAD": self.world.preload(),
                "CHAOS_CLOCK": f"{self.chance.randint(1, 10**9)}:{self.chance.choice([20, 150])}:172800"}


# ---- files ----------------------------------------------------------------------------------------

class BrokenDisk(Fault):
    """Writes to some files fail a few times, or permanently."""

    error = errno.EIO
    part = "cache"

    def environment(self):
        self.marks = self.world.folder / f"marks{id(self)}"
        times = self.chance.choice([1, 2, 10**6])
        return {"LD_PRELOAD": self.world.preload(), "CHAOS_MARK": self.marks,
                "CHAOS_IO": f"{self.world.folder / self.part}/:{self.chance.randint(0, 25)}:{self.error}:{times}"}

    def restore(self):
        self.struck = self.marks.stat().st_size if self.marks.exists() else 0


class FullDisk(BrokenDisk):
    error = errno.ENOSPC


class BrokenDatabaseDisk(BrokenDisk):
    sinks, part = ("sqlite",), "data"


class FullDatabaseDisk(FullDisk):
    sinks, part = ("sqlite",), "data"


class BrokenRejectsDisk(BrokenDisk):
    """Strikes where the pipeline keeps its rejects."""

    part = "rejected"
    codes = {etl.CONFIG}  # an unwritable file is reported as a mistake in the pipeline before data moves


class FullRejectsDisk(BrokenRejectsDisk):
    error = errno.ENOSPC


class SmallDisk(Fault):
    """The cache is on a file system that fills up before all files have arrived. Needs root."""

    shows = "No space left"

    def prepare(self):
        self.mounted = os.getuid() == 0 and subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=8k,mode=700", "chaos", self.world.cache], check=False,
            capture_output=True).returncode == 0

    def restore(self):
        if not self.mounted:
            return
        subprocess.run(["umount", "-l", self.world.cache], check=True)


# ---- SQLite ---------------------------------------------------------------------------------------

class SqliteLocked(Fault):
    """Another process holds the database for longer than etl waits for it."""

    sinks = ("sqlite",)
    shows = "lock"
    lock = "BEGIN EXCLUSIVE"

    def arguments(self):
        return ["--set", "db.busy_timeout=50ms"]

    def strike(self, running):
        connection = sqlite3.connect(self.world.database.path, timeout=2, isolation_level=None)
        try:
            connection.execute(self.lock)
            time.sleep(self.chance.uniform(0.1, 0.6))
        except sqlite3.OperationalError:
            pass  # etl held the lock all the time
        finally:
            connection.close()


class SqliteBusy(SqliteLocked):
    lock = "BEGIN IMMEDIATE"


# ---- PostgreSQL -----------------------------------------------------------------------------------

class PostgresFault(Fault):
    sinks = ("postgres",)

    def query(self, sql, anywhere=False):
        """As the superuser, in the episode's database or the server's own."""
        return self.world.server.query("postgres" if anywhere else self.world.database.dsn, sql)

    def has_tables(self):
        return TABLE in self.world.database.tables()


class PostgresCrash(PostgresFault):
    """The server is stopped as if it had crashed, and started again."""

    def strike(self, running):
        self.world.server.stop("immediate")
        self.struck = 1
        time.sleep(self.chance.uniform(0, 0.5))
        self.world.server.start()


class BackendTerminated(PostgresFault):
    what = "true"

    def strike(self, running):
        # The server itself watches: from outside, nothing is fast enough to hit the middle of a COPY.
        self.query(f"""DO $$ DECLARE victims integer; BEGIN
            FOR i IN 1..300 LOOP
              PERFORM pg_stat_clear_snapshot();
              SELECT count(pg_terminate_backend(pid)) INTO victims FROM pg_stat_activity
               WHERE datname = '{self.world.database.name}' AND usename = 'etl' AND {self.what};
              IF victims > 0 THEN INSERT INTO {self.table} VALUES (victims); EXIT; END IF;
              PERFORM pg_sleep(0.002);
            END LOOP; END $$""")

    def prepare(self):
        self.table = f"struck_{id(self)}"
        self.query(f"CREATE TABLE {self.table} (backends integer)")

    def restore(self):
        self.struck = int(self.query(f"SELECT coalesce(sum(backends), 0) FROM {self.table}")[0][0])
        self.query(f"DROP TABLE {self.table}")


class CopyTerminated(BackendTerminated):
    what = "query ILIKE 'COPY%' AND state = 'active'"


class TooManyClients(PostgresFault):
    """New connections are refused for a while, and existing ones are closed."""

    shows = "too many connections"

    def strike(self, running):
        self.query("ALTER ROLE etl CONNECTION LIMIT 0", anywhere=True)
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'etl'", anywhere=True)
        time.sleep(self.chance.uniform(0.05, 0.6))
        self.restore()

    def restore(self):
        self.query("ALTER ROLE etl CONNECTION LIMIT -1", anywhere=True)


class ReadOnly(PostgresFault):
    """The server is read-only, as after a failover to a standby."""

    shows = "read-only"

    def strike(self, running):
        name = self.world.database.name
        self.query(f"ALTER DATABASE {name} SET default_transaction_read_only = on", anywhere=True)
        self.query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'etl'", anywhere=True)
        time.sleep(self.chance.uniform(0.05, 0.6))
        self.restore()

    def restore(self):
        self.query(f"ALTER DATABASE {self.world.database.name} RESET default_transaction_read_only", anywhere=True)


class LockTimeout(PostgresFault):
    """Another session locks a table for longer than a statement may wait."""

    shows = "lock timeout"

    def environment(self):
        return {"PGOPTIONS": "-c lock_timeout=50ms"}

    def strike(self, running):
        if not self.has_tables():
            return
        table = self.chance.choice([TABLE, "etl_ledger"])
        seconds = self.chance.uniform(0.1, 0.5)
        try:
            self.query(f"BEGIN; SET LOCAL lock_timeout = '2s'; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; "
                       f"SELECT pg_sleep({seconds}); COMMIT")
        except RuntimeError as error:
            if "lock timeout" not in str(error):
                raise  # else etl held the table all the time


class SerializationFailure(PostgresFault):
    """Every third ledger row is refused with a serialization failure."""

    def prepare(self):
        if not self.has_tables():
            return
        self.query("CREATE SEQUENCE chaos")  # it also counts what rolls back
        self.query("GRANT ALL ON SEQUENCE chaos TO etl")
        self.query("CREATE FUNCTION chaos() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
                   "IF nextval('chaos') % 3 = 0 THEN RAISE EXCEPTION 'chaos' USING ERRCODE = '40001'; END IF; "
                   "RETURN NEW; END $$")
        self.query("CREATE TRIGGER chaos BEFORE INSERT ON etl_ledger FOR EACH ROW EXECUTE FUNCTION chaos()")

    def restore(self):
        if not self.query("SELECT 1 FROM pg_proc WHERE proname = 'chaos'"):
            return
        self.struck = int(self.query("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM chaos")[0][0]) // 3
        self.query("DROP FUNCTION chaos CASCADE")
        self.query("DROP SEQUENCE chaos")


class FullTablespace(PostgresFault):
    """The table is on a file system with room for two more pages. Needs root."""

    shows = "No space left"

    def prepare(self):
        self.place = self.world.folder / "small"
        self.place.mkdir(exist_ok=True)
        self.mounted = False
        if os.getuid() != 0 or not self.has_tables():
            return
        size = int(self.query(f"SELECT pg_total_relation_size('{TABLE}')")[0][0]) + 16384
        owner = self.world.server.folder.stat()
        self.mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size},uid={owner.st_uid},gid={owner.st_gid},mode=700", "chaos",
             self.place], check=False, capture_output=True).returncode == 0
        if self.mounted:
            self.world.folder.chmod(0o755)
            self.query(f"CREATE TABLESPACE small LOCATION '{self.place}'", anywhere=True)
            self.query(f"ALTER TABLE {TABLE} SET TABLESPACE small")

    def restore(self):
        if not self.mounted:
            return
        self.query(f"ALTER TABLE {TABLE} SET TABLESPACE pg_default")
        self.query("CHECKPOINT")  # removes the files that it has left behind
        self.query("DROP TABLESPACE small", anywhere=True)
        subprocess.run(["umount", "-l", self.place], check=True)


# ---- HTTP -----------------------------------------------------------------------------------------

class HttpFault(Fault):
    """The server answers requests for one file wrongly a few times."""

    most_times = 3

    def rules(self):
        self.partition = self.world.partition()
        self.path = self.world.url_path(self.partition)
        size = self.world.size(self.partition)
        return [{"path": self.path, "times": self.chance.randint(1, self.most_times), **effect}
                for effect in self.effects(size, self.chance.randint(0, size - 1))]

    def effects(self, size, somewhere):
        raise NotImplementedError


class HttpStatus(HttpFault):
    def effects(self, size, somewhere):
        status = self.chance.choice([403, 404, 408, 416, 429, 500, 502, 503, 504])
        after = {"headers": {"Retry-After": self.chance.choice(["0", "1", "nonsense"])}}
        return [{"status": status, **(after if status in (429, 503) else {})}]


class HttpCut(HttpFault):
    def effects(self, size, somewhere):
        return [{self.chance.choice(["cut", "reset"]): somewhere}]


class HttpStall(HttpFault):
    most_times = 1

    def effects(self, size, somewhere):
        return [{"stall": somewhere}]


class HttpSlow(HttpFault):
    def effects(self, size, somewhere):
        return [{"rate": max(1000, size * 2)}]


class HttpLength(HttpFault):
    """Content-Length is wrong."""

    def effects(self, size, somewhere):
        return [{"content_length": self.chance.choice([0, somewhere, size - 1, size + 1, size + 5000])}]


class HttpPage(HttpFault):
    """A login or error page with status 200."""

    def effects(self, size, somewhere):
        return [{"html": True}]


class HttpNoLength(HttpFault):
    """The body ends with the connection: only the content of the file shows that it was cut."""

    def effects(self, size, somewhere):
        return [{"content_length": None, "cut": somewhere}, {"chunked": True}]


class HttpRanges(HttpFault):
    """The body is cut, and the server answers the request for the rest in a way of its own."""

    def effects(self, size, somewhere):
        wrong = self.chance.choice([{"ranges": False}, {"content_range": "bytes 0-1/2"}, {"if_range": False},
                                    {"status": 416}, {"content_range": None}])
        return [{"cut": somewhere, "times": 1}, {**wrong, "times": 1}]


class HttpChanged(HttpFault):
    """The file changes between a cut and its resumption, so that the first part is useless."""

    def effects(self, size, somewhere):
        other = self.world.url_path(self.world.partition())
        if other == self.path:
            other = "/" + str(next(iter(sorted(path.relative_to(self.world.base)
                                               for path in self.world.base.rglob("*.gz")
                                               if "/" + str(path.relative_to(self.world.base)) != self.path))))
        cut = {"file": other, "cut": somewhere // 2, "times": 1}
        then = self.chance.choice([{}, {"if_range": False}, {"etag": None}])
        old = {"etag": None, "last_modified": "Fri, 01 Mar 2024 00:00:00 GMT"} if then.get("etag", "") is None else {}
        return [{**cut, **old}, {**then, "times": 1}]


ALL = {name: kind for name, kind in {
    "runner killed": KillRunner, "runner SIGTERM": Terminate, "runner SIGINT": Interrupt, "worker killed": KillWorker,
    "two runs at once": SecondRun, "fault point": FaultPoint, "clock jumps": Clock,
    "cache write error": BrokenDisk, "cache disk full": FullDisk, "cache on a full tmpfs": SmallDisk,
    "rejects write error": BrokenRejectsDisk, "rejects disk full": FullRejectsDisk,
    "SQLite write error": BrokenDatabaseDisk, "SQLite disk full": FullDatabaseDisk,
    "SQLite locked": SqliteLocked, "SQLite busy": SqliteBusy,
    "PostgreSQL crash": PostgresCrash, "backend terminated": BackendTerminated, "terminated in COPY": CopyTerminated,
    "too many clients": TooManyClients, "read-only server": ReadOnly, "lock timeout": LockTimeout,
    "serialization failure": SerializationFailure, "tablespace full": FullTablespace,
    "HTTP status": HttpStatus, "HTTP cut or reset": HttpCut, "HTTP stall": HttpStall, "HTTP slow": HttpSlow,
    "HTTP wrong length": HttpLength, "HTTP page for a file": HttpPage, "HTTP no length": HttpNoLength,
    "HTTP odd ranges": HttpRanges, "HTTP file changed": HttpChanged}.items()}


def choose(world):
    """Choose the faults of one run: one to three different ones that go together."""
    names = [name for name, kind in ALL.items()
             if world.sink_kind in kind.sinks and world.executor in kind.executors
             and (world.rejects or not issubclass(kind, BrokenRejectsDisk))]
    chosen = world.chance.sample(names, world.chance.choice([1, 1, 2, 2, 3]))
    # The environment holds one setting of each kind for the preloaded library.
    disks = [name for name in chosen if issubclass(ALL[name], BrokenDisk)]
    # A server that is down cannot take part in another fault.
    alone = [name for name in chosen if ALL[name] is PostgresCrash]
    if alone:
        return [name for name in chosen if not issubclass(ALL[name], PostgresFault)] + alone
    return [name for name in chosen if name not in disks[1:]]


class Striker(threading.Thread):
    """Wait for the moment of a fault, and let it strike."""

    def __init__(self, fault, running):
        super().__init__(daemon=True)
        self.fault, self.running, self.error = fault, running, None

    def run(self):
        end = time.monotonic() + self.fault.moment
        while time.monotonic() < end and self.running.running():
            time.sleep(0.002)
        if not self.running.running():
            return
        try:
            self.fault.strike(self.running)
        except (AssertionError, RuntimeError, OSError, sqlite3.Error) as error:
            self.error = error
