"""`etl status` and `etl plan` show partitions in progress: task, host, start, attempt, lost runs."""

import functools
import http.server
import signal
import socket
import threading
import unittest

from support import etl
from support.case import FRENCH, EtlCase, Postgres, Sqlite, hour_files

HOURS = 4


class Patient(http.server.SimpleHTTPRequestHandler):
    """Serves no hour file until the test allows it."""

    def do_GET(self):
        self.server.go.wait(120)
        super().do_GET()

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    def handle_error(self, request, client_address):
        """Ignores errors of clients that are killed while they wait."""


class InProgress(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(600, HOURS)
        self.server = Server(("127.0.0.1", 0), functools.partial(Patient, directory=self.base))
        self.server.go = threading.Event()
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.addCleanup(self.server.server_close)
        self.addCleanup(self.server.shutdown)
        self.addCleanup(self.server.go.set)

    def pipeline(self, database):
        url = f"http://127.0.0.1:{self.server.server_address[1]}"
        return self.write(self.main_job(url, database, HOURS, run={"workers": 1}, stall_timeout="10m", connections=1))

    def in_progress(self, path):
        """The entries of `in_hand` by task."""
        result = etl.run("status", path, "--format", "json")
        self.assertEqual(etl.OK, result.code, str(result))
        return {each["task"]: each for each in result.json["sinks"]["db"]["in_hand"]}

    def check(self, database):
        path = self.pipeline(database)
        with etl.start("run", path, "--task", "0/2") as first, etl.start("run", path, "--task", "1/2") as second:
            both = etl.wait_for(lambda: len(found := self.in_progress(path)) == 2 and found, "two tasks in progress")
            self.assertEqual({"0/2", "1/2"}, set(both))
            for task, running in (("0/2", first), ("1/2", second)):
                said = both[task]
                self.assertEqual((False, socket.gethostname(), running.process.pid, 1),
                                 (said["lost"], said["host"], said["pid"], said["attempt"]))
                self.assertRegex(said["since"], r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ$")
            self.assertNotEqual(both["0/2"]["partition"], both["1/2"]["partition"])
            self.assertIn(f"in progress: {both['0/2']['partition']}: task 0/2 on", etl.run("status", path).out)
            plan = etl.run("plan", path, "--format", "json").json["partitions"]
            planned = {each["partition"]: each["sinks"]["db"].get("in_hand", []) for each in plan}
            self.assertEqual(["1/2"], [each["task"] for each in planned[both["1/2"]["partition"]]])
            self.assertEqual(HOURS - 2, sum(not each for each in planned.values()))
            self.assertIn("in progress by task 1/2 on", etl.run("plan", path).out)

            first.kill()
            lost = etl.wait_for(lambda: (found := self.in_progress(path)).get("0/2", {}).get("lost") and found, "one lost")
            self.assertFalse(lost["1/2"]["lost"])
            self.assertIn(f"lost: {both['0/2']['partition']}: task 0/2 on", etl.run("status", path).out)
            self.server.go.set()
            result = second.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual({}, self.in_progress(path))
        self.assertEqual([("0",)], [tuple(map(str, row)) for row in database.query("SELECT count(*) FROM etl_running")])
        self.run_pipeline(path)
        self.assert_table(database, self.base, keep=FRENCH)
        self.assert_ledger(database, self.base, keep=FRENCH)

    def test_tasks_at_work_and_lost_in_postgres(self):
        self.check(Postgres())

    def test_tasks_at_work_and_lost_in_sqlite(self):
        self.check(Sqlite(self.folder))

    def test_a_stopped_run_takes_back_what_it_said(self):
        for database in (Postgres(), Sqlite(self.folder)):
            path = self.pipeline(database)
            with etl.start("run", path, "--executor", "processes") as running:
                said = etl.wait_for(lambda: self.in_progress(path), "a partition in progress")
                self.assertEqual([None], list(said))  # the whole plan, no task
                running.signal(signal.SIGTERM)
                result = running.wait()
            self.assertEqual(etl.TERMINATED, result.code, str(result))
            self.assertEqual({}, self.in_progress(path))

    def test_a_table_in_the_way_disturbs_no_run(self):
        """Heartbeats only inform: a run that cannot write them continues."""
        for database in (Postgres(), Sqlite(self.folder)):
            database.execute("CREATE TABLE etl_running (somebody text);" if isinstance(database, Sqlite) else
                             "CREATE TABLE etl_running (somebody text)")
            path = self.pipeline(database)
            self.server.go.clear()
            with etl.start("run", path, "--log-level", "debug") as running:
                timer = threading.Timer(4, self.server.go.set)
                timer.start()
                result = running.wait()
                timer.join()
            self.assertEqual(etl.OK, result.code, str(result))
            self.assertIn("attempts in progress are not shown", result.err)
            self.assertEqual({}, self.in_progress(path))
            self.assert_table(database, self.base, keep=FRENCH)

    def test_a_short_run_leaves_no_table(self):
        self.server.go.set()
        for database in (Postgres(), Sqlite(self.folder)):
            self.run_pipeline(self.pipeline(database))
            self.assertEqual({"pageviews", "etl_ledger"}, database.tables())


if __name__ == "__main__":
    unittest.main()
