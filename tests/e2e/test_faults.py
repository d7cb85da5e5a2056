"""Every fault point x kill, error, delay x both sinks x both executors: the oracle's rows are loaded exactly once."""

import signal
import unittest

from oracle import oracle
from support import etl
from support.case import FRENCH, EtlCase, Postgres, Sqlite, hour_files, ledger

POINTS = ("source.open", "source.opened", "source.batch", "sink.commit", "sink.committed")
HOURS, ROWS = 4, 400


class Faults:
    """The matrix for one sink and one executor. The fault occurs at the second partition that passes the point."""

    executor = None

    def setUp(self):
        super().setUp()
        self.base, self.store = hour_files(ROWS, HOURS), self.database()
        self.job = self.write(self.main_job(self.base, self.store, HOURS,
                                            run={"executor": self.executor, "retries": 3, "retry_delay": "10ms"}))

    def faulty(self, *faults, expect=etl.OK):
        return self.run_pipeline(self.job, *(word for fault in faults for word in ("--fault", fault)), expect=expect)

    def assert_whole(self):
        """Every row is loaded exactly once, and the ledger's totals match the table."""
        self.assert_table(self.store, self.base, HOURS)
        self.assert_ledger(self.store, self.base, HOURS)

    def assert_only_done(self):
        """The table holds exactly the partitions that the ledger calls done; returns their number."""
        done = {partition for (_, partition), row in ledger(self.store).items() if row["state"] == "done"}
        paths = [path for path in oracle.files(self.base) if oracle.partition_of(path) in done]
        rows = self.store.rows() if self.store.exists() and "pageviews" in self.store.tables() else []
        self.assert_rows(oracle.expect(paths, FRENCH), rows)
        return len(done)

    def assert_all_of_one_run(self, result):
        """One run loaded everything and counted each row once."""
        counts = {}
        list(oracle.expect(oracle.files(self.base), FRENCH, counts=counts))
        sums = {name: sum(own[name] for own in counts.values()) for name in ("read", "filtered", "rejected", "written")}
        self.assert_summary(result, rows=sums, total=HOURS, done=HOURS, skipped=0, failed=0, missing=0)
        self.assertEqual([], result.json["failures"])
        self.assert_whole()

    def kill(self, point):
        """Kills the process at the fault point: with threads the runner, with processes a worker."""
        killed = self.faulty(f"{point}@2=kill", expect=self.code_when_killed)
        if killed.code == etl.OK:
            return self.assert_all_of_one_run(killed)
        self.assertEqual("", killed.out)
        before = self.assert_only_done()
        result = self.run_pipeline(self.job)
        self.assert_summary(result, total=HOURS, done=HOURS - before, skipped=before, failed=0)
        self.assert_whole()

    def error(self, point):
        result = self.faulty(f"{point}@2=error")
        self.assertIn(f"injected fault {point}@2=error", result.err)
        self.assert_all_of_one_run(result)

    def delay(self, point):
        self.assert_all_of_one_run(self.faulty(f"{point}@2=delay:50ms"))

    def test_an_error_that_stays_is_recorded(self):
        result = self.faulty("sink.commit@*=error", expect=etl.FAILED)
        summary = self.assert_summary(result, status="failed", total=HOURS, done=0, failed=HOURS)
        self.assertEqual({4}, {failure["attempts"] for failure in summary["failures"]})
        self.assertEqual(HOURS, len(ledger(self.store)))
        for row in ledger(self.store).values():
            self.assertEqual(("failed", 4), (row["state"], row["attempts"]))
            self.assertIn("injected fault sink.commit@*=error", row["error"])
        self.assertEqual([], list(self.store.rows()))
        self.assert_all_of_one_run(self.run_pipeline(self.job))

    def test_no_answer_to_any_commit(self):
        # The commit succeeds but reports an error: the run finds its own rows in the ledger.
        self.assert_all_of_one_run(self.faulty("sink.committed@*=error"))

    def test_several_faults_in_one_run(self):
        self.assert_all_of_one_run(self.faulty("source.open=error", "source.batch@2=error", "sink.commit=error",
                                               "sink.committed@3=error", "source.opened@4=delay:50ms"))


def _add(action, point):
    def test(self):
        getattr(self, action)(point)
    setattr(Faults, f"test_{action}_at_{point.replace('.', '_')}", test)


for _point in POINTS:
    for _action in ("kill", "error", "delay"):
        _add(_action, _point)


class InThreads(Faults):
    executor, code_when_killed = "threads", -signal.SIGKILL  # reported as 137 by a shell


class InProcesses(Faults):
    executor, code_when_killed = "processes", etl.OK

    def test_killed_at_every_attempt(self):
        result = self.faulty("source.opened@*=kill", expect=etl.FAILED)
        summary = self.assert_summary(result, status="failed", total=HOURS, done=0, failed=HOURS)
        for failure in summary["failures"]:
            self.assertEqual(4, failure["attempts"])
            self.assertIn("killed by signal 9", failure["error"])
        self.assertEqual({"failed"}, {row["state"] for row in ledger(self.store).values()})
        self.assert_all_of_one_run(self.run_pipeline(self.job))

    def test_killed_after_every_commit(self):
        self.assert_all_of_one_run(self.faulty("sink.committed@*=kill"))


class ToSqlite:
    def database(self):
        return Sqlite(self.folder)


class ToPostgres:
    def database(self):
        return Postgres()


class SqliteInThreads(ToSqlite, InThreads, EtlCase):
    pass


class SqliteInProcesses(ToSqlite, InProcesses, EtlCase):
    pass


class PostgresInThreads(ToPostgres, InThreads, EtlCase):
    pass


class PostgresInProcesses(ToPostgres, InProcesses, EtlCase):
    pass


if __name__ == "__main__":
    unittest.main()
