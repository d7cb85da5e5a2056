"""Runs that are killed, interrupted, disconnected from the database or started twice lose and duplicate nothing."""

import json
import random
import signal
import time
import unittest

from oracle import oracle
from support import etl
from support import postgres
from support.case import FRENCH, EtlCase, Postgres, Sqlite, hour_files, ledger
from support.nginx import Nginx

SEED = 20240301


class Crash:
    """Tests for both databases."""

    def database(self):
        raise NotImplementedError

    def assert_only_whole_partitions(self, database, base):
        """The table holds exactly the hours that the ledger calls done, each complete."""
        done = {partition for (_, partition), row in ledger(database).items() if row["state"] == "done"}
        paths = [path for path in oracle.files(base) if oracle.partition_of(path) in done]
        rows = database.rows() if "pageviews" in database.tables() else []
        self.assert_rows(oracle.expect(paths, FRENCH), rows)
        return len(done)

    def done(self, database):
        return sum(row["state"] == "done" for row in ledger(database).values())

    def test_killed_at_random_moments(self):
        hours = 6
        base, database = hour_files(150000, hours), self.database()
        path = self.write(self.main_job(base, database, hours))
        begin = time.monotonic()
        self.run_pipeline(path)
        whole = time.monotonic() - begin
        chance = random.Random(SEED)
        for attempt in range(5):
            with self.subTest(attempt=attempt):
                database = self.database()
                path = self.write(self.main_job(base, database, hours))
                for _ in range(2):  # killed twice, the second time on top of the first run's leftovers
                    with etl.start("run", path, "--format", "json") as running:
                        time.sleep(chance.random() * whole)
                        running.kill()
                    if database.exists():
                        self.assert_only_whole_partitions(database, base)
                self.run_pipeline(path)
                self.assert_table(database, base)
                self.assert_ledger(database, base)

    def slow_last_hour(self, base, hours=4):
        """A server whose last hour never arrives, so that the run is certainly unfinished."""
        server = Nginx(base, slow=[self.partition(hours - 1)])
        server.start()
        self.addCleanup(server.stop)
        return server

    def test_killed_within_a_partition(self):
        base, database = hour_files(20000, 4), self.database()
        server = self.slow_last_hour(base)
        with etl.start("run", self.write(self.main_job(server.url, database, 4))) as running:
            etl.wait_for(lambda: self.done(database) == 3 or not running.running(), "three hours done")
            self.assertTrue(running.running(), "ended before it was killed")
            running.kill()
        self.assertEqual(3, self.assert_only_whole_partitions(database, base))
        server.stop()
        with Nginx(base) as healthy:
            result = self.run_pipeline(self.main_job(healthy.url, database, 4))
        self.assert_summary(result, total=4, done=1, skipped=3)
        self.assert_table(database, base)

    def stopped_by(self, number, code):
        base, database = hour_files(20000, 4), self.database()
        server = self.slow_last_hour(base)
        report = self.folder / "report.json"
        path = self.write(self.main_job(server.url, database, 4))
        with etl.start("run", path, "--format", "json", "--report", report) as running:
            etl.wait_for(lambda: self.done(database) == 3 or not running.running(), "three hours done")
            running.signal(number)
            result = running.wait(60)
        self.assertEqual(code, result.code, str(result))
        self.assert_summary(result, status="interrupted", total=4, done=3)
        self.assertEqual("interrupted", json.loads(report.read_text())["status"])
        self.assertEqual(3, self.assert_only_whole_partitions(database, base))
        # A stopped run does not mark its partitions as failed.
        self.assertNotIn("failed", {row["state"] for row in ledger(database).values()})
        server.stop()
        with Nginx(base) as healthy:
            result = self.run_pipeline(self.main_job(healthy.url, database, 4))
        self.assert_summary(result, total=4, done=1, skipped=3)
        self.assert_table(database, base)
        self.assert_ledger(database, base)

    def test_sigint(self):
        self.stopped_by(signal.SIGINT, etl.INTERRUPTED)

    def test_sigterm(self):
        self.stopped_by(signal.SIGTERM, etl.TERMINATED)

    def test_two_runs_at_once(self):
        hours = 6
        base, database = hour_files(60000, hours), self.database()
        path = self.write(self.main_job(base, database, hours))
        with etl.start("run", path, "--format", "json") as one, \
                etl.start("run", path, "--format", "json") as other:
            results = [one.wait(), other.wait()]
        for result in results:
            self.assertEqual(etl.OK, result.code, str(result))
            partitions = result.json["partitions"]
            self.assertEqual(hours, partitions["done"] + partitions["skipped"], str(result))
        self.assertEqual(hours, sum(result.json["partitions"]["done"] for result in results))
        self.assert_table(database, base)
        self.assert_ledger(database, base)
        self.assertEqual(len(list(database.rows())), sum(result.json["rows"]["written"] for result in results))


class CrashSqlite(Crash, EtlCase):
    def database(self):
        self.made = getattr(self, "made", 0) + 1
        return Sqlite(self.folder, f"pageviews{self.made}.db")


class CrashPostgres(Crash, EtlCase):
    def database(self):
        return Postgres()

    def test_server_crashes_and_comes_back(self):
        base = hour_files(20000, 4)
        with postgres.PostgresServer() as server:
            database = Postgres(server.database())
            web = self.slow_last_hour(base)
            path = self.write(self.main_job(web.url, database, 4, run={"retries": 1}))
            with etl.start("run", path, "--format", "json") as running:
                etl.wait_for(lambda: self.done(database) == 3 or not running.running(), "three hours done")
                server.stop("immediate")
                web.stop()
                result = running.wait(120)
            self.assertEqual(etl.FAILED, result.code, str(result))
            server.start()
            self.assertEqual(3, self.assert_only_whole_partitions(database, base))
            with Nginx(base) as healthy:
                self.run_pipeline(self.main_job(healthy.url, database, 4))
            self.assert_table(database, base)

    def test_connections_are_cut_and_the_run_goes_on(self):
        base, database = hour_files(100000, 6), self.database()
        path = self.write(self.main_job(base, database, 6, run={"retries": 20}))
        cut = ("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
               "WHERE datname = current_database() AND pid <> pg_backend_pid()")
        with etl.start("run", path, "--format", "json") as running:
            etl.wait_for(lambda: not running.running() or int(database.query(cut)[0][0]), "a connection to cut")
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_table(database, base)
        self.assert_ledger(database, base)


if __name__ == "__main__":
    unittest.main()
