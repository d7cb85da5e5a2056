"""`run.partition_timeout` ends an attempt whose sink waits for somebody else's lock."""

import sqlite3

from support import etl
from support.case import EtlCase, Postgres, Sqlite, hour_files, ledger
from support.database_lock import Lock

HOURS = 3


class SqliteLock:
    """Keeps the database's only write lock."""

    def __init__(self, database):
        self.connection = sqlite3.connect(database.path, isolation_level=None)
        self.connection.execute("BEGIN IMMEDIATE")

    def release(self):
        self.connection.close()


class TimeLimit:
    """Tests for both databases and both executors."""

    def waits_for_a_lock(self, database, lock, **sink):
        base = hour_files(500, HOURS)
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                store = database()
                job = self.main_job(base, store, HOURS, sink=sink,
                                    run={"executor": executor, "retries": 0, "partition_timeout": "500ms"})
                self.run_pipeline(job, "--limit", "1")
                held = lock(store)
                try:
                    result = self.run_pipeline(job, "--limit", "2", expect=etl.FAILED)
                finally:
                    held.release()
                failure, = self.assert_summary(result, status="failed", done=0, skipped=1, failed=1)["failures"]
                self.assertEqual("db", failure["stage"])
                self.assertIn("took longer than run.partition_timeout = 500ms", failure["error"])
                self.run_pipeline(job)
                self.assert_table(store, base, HOURS)
                self.assertEqual({"done"}, {row["state"] for row in ledger(store).values()})


class TimeLimitPostgres(TimeLimit, EtlCase):
    def test_waits_for_a_lock(self):
        self.waits_for_a_lock(Postgres, Lock)


class TimeLimitSqlite(TimeLimit, EtlCase):
    def test_waits_for_a_lock(self):
        # Longer than the time limit; the failure itself is recorded once the lock is gone, or not at all.
        names = iter(("threads.db", "processes.db"))
        self.waits_for_a_lock(lambda: Sqlite(self.folder, next(names)), SqliteLock, busy_timeout="3s")
