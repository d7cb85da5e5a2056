"""A pipeline on a real Slurm with three nodes and PostgreSQL as sink, and everything that can fail on a cluster.
Whatever happens, the table finally matches the oracle, and the ledger balances."""

import functools
import http.server
import os
import pathlib
import signal
import socket
import subprocess
import threading
import time
import unittest

from support import etl, slurm
from support.case import FRENCH, START, EtlCase, Postgres, hour_files, ledger, moment, toml
from support.database_lock import Lock, waiting

HOURS = 9


class QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


class SlurmCase(EtlCase):
    """Each test has its own Slurm, because some leave nodes that Slurm no longer trusts."""

    settings = ""

    def network(self):
        return None

    def setUp(self):
        super().setUp()
        try:
            self.cluster = slurm.Slurm(settings=self.settings, network=self.network()).start()
        except slurm.Unavailable as error:
            etl.skip_aloud(self, f"no Slurm here: {error}")
        self.addCleanup(self.cluster.stop)
        self.base = hour_files(1500, HOURS, traps=True)
        self.database = Postgres()
        self.pipeline = self.folder / "cluster.toml"
        self.pipeline.write_text(toml({
            "name": "cluster", "run": {"max_rejects": 100000},
            "sources": {"pageviews": {"plugin": "wikipedia_pageviews", "start": moment(START), "hours": HOURS,
                                      "base_url": f"file://{self.base}", "connections": 6}},
            "filters": {"french": {"plugin": "language", "input": "pageviews", "languages": ["fr"]}},
            "sinks": {"db": self.database.sink(input="french", dsn="${ETL_POSTGRES_DSN}")}}))
        self.environment = {"ETL_POSTGRES_DSN": self.database.dsn, **self.cluster.environment}
        self.jobs = 0

    def etl(self, *arguments):
        return etl.run(*arguments, env=self.environment, cwd=self.folder)

    def submit(self, *arguments, tasks=3):
        self.jobs += 1
        return etl.start("submit", self.pipeline, "--engine", "slurm", "--tasks", str(tasks), "--format", "json",
                         "--job-dir", self.folder / f"job{self.jobs}", *arguments, env=self.environment, cwd=self.folder)

    def submitted(self, *arguments, **options):
        """Submits a job without waiting; returns its number."""
        with self.submit(*arguments, **options) as running:
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        return result.json["job"]

    def prepared(self):
        """Loads one partition and locks the table, so that tasks wait in their first write."""
        result = self.etl("run", self.pipeline, "--limit", "1")
        self.assertEqual(etl.OK, result.code, str(result))
        lock = Lock(self.database)
        self.addCleanup(lock.release)
        return lock

    def assert_whole(self):
        self.assert_table(self.database, self.base, keep=FRENCH)
        self.assert_ledger(self.database, self.base, keep=FRENCH)
        status = self.etl("status", self.pipeline, "--format", "json").json
        self.assertEqual({"done": HOURS, "failed": 0, "missing": 0, "pending": 0}, status["sinks"]["db"]["partitions"])
        written, = self.database.query("SELECT count(*) FROM pageviews")
        self.assertEqual(int(written[0]), status["sinks"]["db"]["rows"]["written"])

    def tasks_of_etl(self):
        """{task: pid} of the running tasks."""
        found = {}
        for node in self.cluster.nodes:
            for pid in self.cluster.steps(node):
                try:
                    words = pathlib.Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
                    program = os.readlink(f"/proc/{pid}/exe")
                except OSError:
                    continue
                for word in words:
                    if word.startswith(b"SLURM_ARRAY_TASK_ID=") and program == str(etl.binary()):
                        found[int(word.partition(b"=")[2])] = pid
        return found


class OnSlurm(SlurmCase):
    def test_a_run_over_three_nodes_is_a_local_run(self):
        local = Postgres()
        self.assertEqual(etl.OK, etl.run("run", self.pipeline, env={"ETL_POSTGRES_DSN": local.dsn}).code)
        report = self.folder / "report.json"
        with self.submit("--wait", "--progress", "json", "--report", report, tasks=6) as running:
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, total=HOURS, done=HOURS, skipped=0)
        self.assertEqual(result.out, report.read_text())
        self.assertEqual(sorted(local.rows()), sorted(self.database.rows()))
        self.assert_whole()
        tasks = self.cluster.tasks(result.json["run_id"].partition("-")[2])
        self.assertEqual({"n1", "n2", "n3"}, {node for _, node, _ in tasks.values()})
        self.assertEqual(ledger(local).keys(), ledger(self.database).keys())
        rows = {key: row["rows_written"] for key, row in ledger(local).items()}
        self.assertEqual(rows, {key: row["rows_written"] for key, row in ledger(self.database).items()})
        self.assertEqual(6, len({row["run_id"] for row in ledger(self.database).values()}))
        with self.submit("--wait") as running:  # a job without work succeeds
            again = running.wait()
        self.assertEqual(etl.OK, again.code, str(again))
        self.assert_summary(again, done=0, skipped=HOURS)

    def test_a_killed_task_is_told_and_resubmitted(self):
        lock = self.prepared()
        with self.submit("--wait") as running:
            etl.wait_for(lambda: waiting(self.database) == 3, "three writers")
            victim = self.tasks_of_etl()[1]
            os.kill(victim, signal.SIGKILL)
            lock.release()
            result = running.wait()
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assert_summary(result, status="failed", total=HOURS, skipped=1, failed=3, done=HOURS - 4)
        for failure in result.json["failures"]:
            self.assertIn("task 1 of job", failure["error"])
            log = pathlib.Path(failure["error"].rpartition("log ")[2])
            self.assertIn("Killed", log.read_text())
        with self.submit("--wait") as running:
            again = running.wait()
        self.assertEqual(etl.OK, again.code, str(again))
        self.assert_summary(again, done=3, skipped=HOURS - 3)
        self.assert_whole()

    def test_a_node_that_crashes(self):
        lock = self.prepared()
        with self.submit("--wait", tasks=6) as running:
            etl.wait_for(lambda: waiting(self.database) >= 5, "writers on all nodes")
            self.cluster.crash("n3")
            lock.release()
            result = running.wait(100)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS - 1, skipped=1)
        self.assert_whole()
        tasks = self.cluster.tasks(result.json["run_id"].partition("-")[2])
        restarted = [task for task, (_, _, restarts) in tasks.items() if restarts > 0]
        self.assertTrue(restarted, tasks)
        self.assertNotIn("n3", {tasks[task][1] for task in restarted})

    def test_a_controller_that_is_killed(self):
        lock = self.prepared()
        with self.submit("--wait") as running:
            etl.wait_for(lambda: waiting(self.database) == 3, "three writers")
            self.cluster.kill(self.cluster.pid("slurmctld"))
            time.sleep(2)
            self.cluster.start_controller()
            lock.release()
            result = running.wait(100)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS - 1, skipped=1)
        self.assert_whole()

    def test_scancel_and_resubmission(self):
        lock = self.prepared()
        job = self.submitted()
        etl.wait_for(lambda: waiting(self.database) == 3, "three writers")
        before = self.etl("status", self.pipeline, "--format", "json").json["sinks"]["db"]["partitions"]
        self.assertEqual({"done": 1, "failed": 0, "missing": 0, "pending": HOURS - 1}, before)
        self.cluster.cancel(job)
        etl.wait_for(lambda: {state for state, _, _ in self.cluster.tasks(job).values()} == {"CANCELLED"}, "the end")
        etl.wait_for(lambda: not self.tasks_of_etl(), "no task left")
        lock.release()
        with self.submit("--wait", tasks=5) as running:  # another split of the plan
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS - 1, skipped=1)
        self.assert_whole()

    def test_a_transient_failure_is_started_again(self):
        """Exit code 75: the server of the hour files starts after the task has failed once."""
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        with self.submit("--wait", "--set", f"pageviews.base_url=http://127.0.0.1:{port}", "--set", "run.retries=0",
                         tasks=1) as running:
            log = self.folder / "job1/task-0.log"
            etl.wait_for(lambda: log.exists() and "partitions: 0 done" in log.read_text(), "the first end of the task")
            handler = functools.partial(QuietHandler, directory=self.base)
            with http.server.ThreadingHTTPServer(("127.0.0.1", port), handler) as server:
                threading.Thread(target=server.serve_forever, daemon=True).start()
                result = running.wait()
                server.shutdown()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS, failed=0)
        self.assertEqual(1, self.cluster.tasks(result.json["run_id"].partition("-")[2])[0][2])
        self.assertIn("restart 1", log.read_text())
        self.assert_whole()

    def test_two_complete_runs_of_one_task(self):
        """Simulates a network partition: the engine considers a task lost that finishes nevertheless."""
        lock = self.prepared()
        with self.submit("--wait") as running:
            etl.wait_for(lambda: waiting(self.database) == 3, "three writers")
            running.signal(signal.SIGINT)  # ends the waiting, not the job
            result = running.wait()
        self.assertEqual(etl.INTERRUPTED, result.code, str(result))
        self.assert_summary(result, status="interrupted", done=0, failed=0, skipped=1, total=HOURS)
        job = result.json["run_id"].partition("-")[2]
        self.assertIn(f"scancel {job}", result.err)
        twin = subprocess.Popen(["bash", self.folder / "job1/job.sh"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                text=True, stdin=subprocess.DEVNULL, env=etl.environment(
                                    {**self.environment, "SLURM_ARRAY_TASK_ID": "1", "SLURM_ARRAY_JOB_ID": job}))
        etl.wait_for(lambda: waiting(self.database) == 4, "the task's twin")
        lock.release()
        out, _ = twin.communicate(timeout=60)
        self.assertEqual(0, twin.returncode, out)
        etl.wait_for(lambda: {state for state, _, _ in self.cluster.tasks(job).values()} == {"COMPLETED"}, "the end")
        self.assert_whole()


class OnSmallArrays(SlurmCase):
    """A site that limits arrays to four tasks."""

    settings = "MaxArraySize=4"

    def test_more_tasks_than_an_array_has(self):
        with self.submit("--wait", tasks=HOURS) as running:
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS)
        self.assert_whole()
        jobs = result.json["run_id"].partition("-")[2].split(",")
        self.assertEqual([[0, 1, 2, 3], [0, 1, 2, 3], [0]], [sorted(self.cluster.tasks(job)) for job in jobs])
        logs = {path.name for path in (self.folder / "job1").glob("*.log")}
        self.assertLessEqual({"task-3.log", "task-4+0.log", "task-8+0.log"}, logs)
        self.assertEqual(HOURS, len(logs))
        self.assertEqual(HOURS, len({row["run_id"] for row in ledger(self.database).values()}))

    def test_reload(self):
        """Rows are replaced, also by a restarted task, and never duplicated."""
        self.assertEqual(etl.OK, self.etl("run", self.pipeline).code)
        before = {key: row["finished_at"] for key, row in ledger(self.database).items()}
        with self.submit("--reload", "--wait") as running:
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS, skipped=0)
        self.assertTrue(all(row["finished_at"] > before[key] for key, row in ledger(self.database).items()))
        self.assert_whole()

    def test_a_failure_names_its_log(self):
        broken = self.copy_tree(self.base)
        for hour in range(HOURS):
            self.hour_path(broken, hour).write_bytes(b"this is no gzip")
        with self.submit("--wait", "--set", f"pageviews.base_url=file://{broken}", tasks=HOURS) as running:
            result = running.wait()
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertEqual(HOURS, len(result.json["failures"]))
        for failure in result.json["failures"]:
            log = pathlib.Path(failure["error"].rpartition("log ")[2].rstrip(")"))
            self.assertIn(failure["partition"], log.read_text())


if __name__ == "__main__":
    unittest.main()
