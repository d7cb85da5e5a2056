"""Downloads that stall hold up no other: while they do, everything else is committed."""

import json
import os
import signal
import unittest

from support import etl
from support.case import EtlCase, Sqlite, hour_files, ledger
from support.fault_server import FaultServer

HOURS = 24


class StalledDownloads(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(300, HOURS)
        self.database = Sqlite(self.folder)

    def stalling(self, *held, after=1000):
        """A server that stops sending these hours, until release()."""
        rules = [{"path": "/" + str(self.hour_path("", index)), "hold": after} for index in held]
        server = FaultServer(self.base, {"rules": rules}).start()
        self.addCleanup(server.stop)
        return server

    def pipeline(self, server, executor, run=None, **source):
        return self.write(self.main_job(server.url, self.database, HOURS, run={"executor": executor, **(run or {})},
                                        **{"connections": 6, "stall_timeout": "10m", **source}))

    def done(self):
        if not self.database.exists() or "etl_ledger" not in self.database.tables():
            return set()
        return {partition for (_, partition), row in ledger(self.database).items() if row["state"] == "done"}

    @staticmethod
    def progress_until(running, condition):
        """Reads JSON progress until one fits."""
        for line in running.process.stderr:
            said = json.loads(line)
            if said.get("event") == "progress" and condition(said):
                return said
        raise AssertionError("the run ended without such a line")

    def check(self, *held, workers=2):
        waiting = {self.partition(index) for index in held}
        others = {self.partition(index) for index in range(HOURS)} - waiting
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                self.database = Sqlite(self.folder, f"{executor}.db")
                server = self.stalling(*held)
                path = self.pipeline(server, executor, run={"workers": workers})
                with etl.start("run", path, "--format", "json", "--progress", "json", "--log-format", "json") as running:
                    etl.wait_for(lambda: self.done() == others, "all that do not stall")
                    said = self.progress_until(running, lambda said: set(said["waiting_for"]) == waiting)
                    self.assertEqual((len(others), None), (said["finished"], said["eta_seconds"]))
                    self.assertTrue(running.running())
                    server.release()
                    result = running.wait()
                self.assertEqual(etl.OK, result.code, str(result))
                self.assert_summary(result, total=HOURS, done=HOURS, failed=0)
                self.assert_table(self.database, self.base)
                self.assert_ledger(self.database, self.base)
                self.assertEqual(HOURS, len(server.log()["requests"]), "each file is asked for once")
                self.assertLessEqual(server.log()["max_in_progress"], 6)

    def test_the_first_two(self):
        self.check(0, 1)

    def test_four_at_other_places(self):
        self.check(2, 3, 9, 20)

    def test_all_connections_but_one(self):
        self.check(0, 1, 2, 3, 4)

    def test_with_one_worker(self):
        self.check(0, 5, workers=1)

    def test_a_stop_does_not_wait_for_them(self):
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                self.database = Sqlite(self.folder, f"{executor}.db")
                server = self.stalling(0, 1)
                with etl.start("run", self.pipeline(server, executor)) as running:
                    etl.wait_for(lambda: len(self.done()) == HOURS - 2, "all that do not stall")
                    running.signal(signal.SIGINT)
                    result = running.wait()
                self.assertEqual(etl.INTERRUPTED, result.code, str(result))
                self.assertEqual(HOURS - 2, len(ledger(self.database)), "nothing is recorded of the others")

    def test_a_time_limit_reaches_them(self):
        """`partition_timeout` promises that no attempt takes longer, whatever keeps it."""
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                self.database = Sqlite(self.folder, f"{executor}.db")
                server = self.stalling(0, 1)
                path = self.pipeline(server, executor, run={"partition_timeout": "4s", "retries": 0})
                result = self.run_pipeline(path, expect=etl.FAILED)
                self.assert_summary(result, "failed", total=HOURS, done=HOURS - 2, failed=2)
                for failure in result.json["failures"]:
                    self.assertIn("took longer than run.partition_timeout = 4s", failure["error"])

    def test_a_lost_worker_gives_back_what_it_waits_for(self):
        server = self.stalling(0, 1, 2)
        with etl.start("run", self.pipeline(server, "processes"), "--format", "json") as running:
            etl.wait_for(lambda: len(self.done()) == HOURS - 3, "all that do not stall")
            for pid in running.workers():
                os.kill(pid, signal.SIGKILL)
            server.release()
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, total=HOURS, done=HOURS, failed=0)
        self.assert_table(self.database, self.base)
        self.assert_ledger(self.database, self.base)


if __name__ == "__main__":
    unittest.main()
