"""Worker processes give the same result as threads, and none is left behind however a run ends."""

import gzip
import json
import os
import re
import signal
import unittest

from oracle import oracle
from support import etl
from support.case import FRENCH, EtlCase, Postgres, Sqlite, hour_files, ledger
from support.fault_server import FaultServer
from support.nginx import Nginx
from e2e.test_hostile import plugin_folders

EXECUTORS = ("threads", "processes")


class Processes(EtlCase):
    def sinks(self):
        """A new database of each kind."""
        self.made = getattr(self, "made", 0) + 1
        return Sqlite(self.folder, f"made{self.made}.db"), Postgres()

    def job(self, base, store, hours=4, run=None, **options):
        return self.main_job(base, store, hours, run={"executor": "processes", "retry_delay": "10ms", **(run or {})},
                             **options)

    def assert_only_done(self, store, base):
        done = {partition for (_, partition), row in ledger(store).items() if row["state"] == "done"}
        paths = [path for path in oracle.files(base) if oracle.partition_of(path) in done]
        self.assert_rows(oracle.expect(paths, FRENCH), store.rows() if "pageviews" in store.tables() else [])
        return len(done)

    def done(self, store):
        return sum(row["state"] == "done" for row in ledger(store).values())

    def test_five_hundred_sinks(self):
        base = hour_files(20, 2)
        stores = [Sqlite(self.folder, f"sink{number}.db") for number in range(500)]
        job = self.job(base, stores[0], 2, run={"workers": 2})
        job["sinks"] = {f"sink{number}": {"input": "french", **store.sink()} for number, store in enumerate(stores)}
        self.assert_summary(self.run_pipeline(job), total=2, done=2)
        for store in stores:
            self.assert_table(store, base, 2)

    def slow_last_hour(self, base, hours=4):
        server = Nginx(base, slow=[self.partition(hours - 1)])
        server.start()
        self.addCleanup(server.stop)
        return server

    # -- the same as threads --

    def test_any_number_of_workers(self):
        base = hour_files(4000, 9)
        for workers in (1, 2, 8):
            for store in self.sinks():
                with self.subTest(workers=workers, store=type(store).__name__):
                    result = self.run_pipeline(self.job(base, store, 9, run={"workers": workers}))
                    self.assert_summary(result, total=9, done=9)
                    self.assert_table(store, base, 9)
                    self.assert_ledger(store, base, 9)
                    # With nothing to do, no worker starts.
                    self.assert_summary(self.run_pipeline(self.job(base, store, 9)), skipped=9, done=0)

    def summary_of(self, executor, arguments=()):
        store = Sqlite(self.folder, f"{executor}{len(arguments)}.db")
        pipeline = self.job(hour_files(4000, 4, traps=True), store, run={"executor": executor})
        pipeline["sinks"]["other"] = {"input": "english", **store.sink(table="english")}
        pipeline["filters"]["english"] = {"plugin": "language", "input": "pageviews", "languages": ["en"]}
        self.run_pipeline(pipeline)
        result = self.run_pipeline(pipeline, *arguments) if arguments else self.run_pipeline(pipeline, "--reload")
        summary = result.json
        for changing in ("run_id", "elapsed_seconds", "peak_memory_bytes"):
            del summary[changing]
        for stage in summary["stages"].values():
            del stage["seconds"], stage["peak_memory_bytes"]
        rows = sorted(store.rows()) + sorted(store.rows(table="english"))
        return summary, rows

    def test_two_sinks_a_reload_and_the_whole_summary(self):
        found = [self.summary_of(executor) for executor in EXECUTORS]
        self.assertEqual(found[0], found[1])
        self.assertEqual(4, found[0][0]["partitions"]["done"])

    def test_upsert_keeps_one_row_a_key(self):
        base = hour_files(4000, 4)
        for store in self.sinks():
            self.run_pipeline(self.job(base, store, sink={"mode": "upsert", "key": ["hour", "domain_code", "title"]}))
            self.assert_table(store, base, 4)

    # -- errors read the same --

    def reports(self, pipeline, executor, store, *arguments):
        """(failures in the summary, errors in the ledger, log lines), with run-specific parts masked."""
        pipeline["run"]["executor"] = executor
        result = self.run_pipeline(pipeline, *arguments, expect=etl.FAILED)
        lines = sorted(re.sub(r"^\S+ ", "", line) for line in result.err.splitlines())
        lines = [line for line in lines if " partitions, " not in line]  # progress
        errors = sorted((row["partition"], row["state"], row["attempts"], row["error"])
                        for row in ledger(store).values() if row["state"] != "done")
        store.execute("DELETE FROM etl_ledger")
        store.execute("DELETE FROM pageviews")
        return result.json["failures"], errors, lines

    def assert_same_words(self, pipeline, store, *texts, arguments=()):
        threads, processes = (self.reports(pipeline, executor, store, *arguments) for executor in EXECUTORS)
        self.assertEqual(threads, processes)
        self.assertTrue(threads[0])
        for text in texts:
            self.assertRegex(threads[0][0]["error"], text)

    def spoiled(self, spoil, *texts, run=None, **source):
        base = self.copy_tree(hour_files(2000, 3))
        path = self.hour_path(base, 1)
        path.write_bytes(spoil(path.read_bytes()))
        store = Sqlite(self.folder)
        self.assert_same_words(self.job(base, store, 3, run={"retries": 1, **(run or {})}, **source), store, *texts)

    def test_a_damaged_file_in_the_same_words(self):
        self.spoiled(lambda good: good[:len(good) // 2], "ends in the middle")

    def test_no_gzip_in_the_same_words(self):
        self.spoiled(lambda good: b"<html>" * 20, "gzip")

    def test_too_many_rejects_in_the_same_words(self):
        self.spoiled(lambda good: gzip.compress(b"fr A 1 0\n" + b"no row at all\n" * 20), "max_rejects", run={"max_rejects": 5})

    def test_a_missing_file_in_the_same_words(self):
        base = self.copy_tree(hour_files(2000, 3))
        self.hour_path(base, 1).unlink()
        store = Sqlite(self.folder)
        self.assert_same_words(self.job(base, store, 3, missing="fail"), store, "No such file or directory")

    def test_http_errors_in_the_same_words(self):
        for status, run in ((403, {}), (500, {"retries": 1}), (404, {})):
            with self.subTest(status=status):
                store = Sqlite(self.folder, f"{status}.db")
                with FaultServer(hour_files(2000, 3)) as server:
                    path = "/" + str(self.hour_path("", 1))
                    server.script({"rules": [{"path": path, "status": status}]})
                    self.assert_same_words(self.job(server.url, store, 3, run=run, missing="fail"), store, str(status))

    def test_a_row_the_database_refuses_in_the_same_words(self):
        base = hour_files(2000, 3)
        for store in self.sinks():
            with self.subTest(store=type(store).__name__):
                job = self.job(base, store, 3)
                self.run_pipeline(job, "--limit", "1")
                store.refuse("2024-03-01 01:00:00")
                store.execute("DELETE FROM etl_ledger")
                store.execute("DELETE FROM pageviews")
                self.assert_same_words(job, store, "refused by the test")

    def test_a_table_that_does_not_fit_in_the_same_words(self):
        for store in self.sinks():
            with self.subTest(store=type(store).__name__):
                store.execute("CREATE TABLE pageviews (hour integer, views text)")
                reports = []
                for executor in EXECUTORS:
                    path = self.write(self.job(hour_files(2000, 3), store, 3, run={"executor": executor}))
                    result = etl.run("run", path)
                    self.assertEqual(etl.CONFIG, result.code, str(result))
                    reports.append(result.err)
                self.assertEqual(reports[0], reports[1])
                self.assertIn("title", reports[0])

    def test_a_secret_in_no_word(self):
        store = Sqlite(self.folder)
        pipeline = {"name": "secret", "run": {"retries": 1, "retry_delay": "10ms"},
                    "sources": {"numbers": {"plugin": "probe_source", "partitions": 2, "fail": "transient",
                                            "fail_at": "read", "fail_partition": "p1", "token": "hush-hush"}},
                    "sinks": {"db": {"input": "numbers", **store.sink()}}}
        self.assert_same_words(pipeline, store, "ordered to fail at read p1", arguments=plugin_folders())
        pipeline["run"]["executor"] = "processes"
        result = self.run_pipeline(pipeline, *plugin_folders(), expect=etl.FAILED)
        self.assertNotIn("hush-hush", result.all + str(ledger(store)))

    # -- how the runner shows its workers --

    def test_logs_and_progress_of_workers_arrive_as_json(self):
        store = Sqlite(self.folder)
        pipeline = self.job(hour_files(2000, 4, traps=True), store, run={"max_rejects": 100000})
        # Slow enough for one progress report, which is sent once a second.
        result = self.run_pipeline(pipeline, "--log-format", "json", "--progress", "json",
                                   "--fault", "sink.commit@*=delay:600ms")
        lines = [json.loads(line) for line in result.err.splitlines()]
        progress = [line for line in lines if line.get("event") == "progress"]
        self.assertTrue(progress, str(result))
        self.assertTrue(any("pageviews" == line.get("stage") and "reject" in line["message"] or
                            "malformed" in line.get("message", "") or "fewer than" in line.get("message", "")
                            for line in lines), str(result))

    def test_memory_counts_the_workers(self):
        peaks = {}
        for workers in (1, 4):
            store = Sqlite(self.folder, f"{workers}.db")
            result = self.run_pipeline(self.job(hour_files(2000, 4), store, run={"workers": workers}),
                                       "--fault", "source.opened@*=delay:300ms")  # long enough for each to get one
            peaks[workers] = result.json["peak_memory_bytes"]
        self.assertGreater(peaks[4], 1.5 * peaks[1])

    # -- a worker that is ended --

    def ended_worker(self, number, run=None):
        for store in self.sinks():
            base = hour_files(20000, 4)
            server = self.slow_last_hour(base)
            with etl.start("run", self.write(self.job(server.url, store, run=run)), "--format", "json") as running:
                etl.wait_for(lambda: self.done(store) == 3 or not running.running(), "three hours done")
                victims = running.workers()
                self.assertTrue(victims, "no worker")
                for victim in victims:
                    os.kill(victim, number)
                etl.wait_for(lambda: set(running.workers()) - set(victims), "another worker")
                server.stop()
                with Nginx(base) as healthy:
                    running.kill()
                    result = self.run_pipeline(self.job(healthy.url, store))
            self.assert_summary(result, total=4, done=1, skipped=3)
            self.assert_table(store, base, 4)
            self.assert_ledger(store, base, 4)

    def test_workers_killed(self):
        self.ended_worker(signal.SIGKILL)

    def test_workers_terminated(self):
        self.ended_worker(signal.SIGTERM)

    def test_workers_stopped_for_good(self):
        self.ended_worker(signal.SIGSTOP, run={"partition_timeout": "500ms"})

    def test_a_worker_killed_again_and_again(self):
        base, store = hour_files(20000, 4), Sqlite(self.folder)
        server = self.slow_last_hour(base)
        job = self.job(server.url, store, run={"retries": 2})
        with etl.start("run", self.write(job), "--format", "json") as running:
            etl.wait_for(lambda: self.done(store) == 3 or not running.running(), "three hours done")
            while running.running():
                for victim in running.workers():
                    try:
                        os.kill(victim, signal.SIGKILL)
                    except ProcessLookupError:
                        pass  # it had already ended
            result = running.wait()
        self.assertEqual(etl.FAILED, result.code, str(result))
        failure, = result.json["failures"]
        self.assertEqual((self.partition(3), 3), (failure["partition"], failure["attempts"]))
        self.assertIn("killed by signal 9", failure["error"])
        self.assertEqual("failed", ledger(store)["db", self.partition(3)]["state"])
        server.stop()
        self.run_pipeline(self.job(base, store))
        self.assert_table(store, base, 4)

    def test_the_pipeline_file_changed_meanwhile(self):
        base, store = hour_files(20000, 4), Sqlite(self.folder)
        server = self.slow_last_hour(base)
        path = self.write(self.job(server.url, store))
        with etl.start("run", path, "--format", "json") as running:
            etl.wait_for(lambda: self.done(store) == 3 or not running.running(), "three hours done")
            self.write(self.job(server.url, store, languages=["de"]))
            for victim in running.workers():
                os.kill(victim, signal.SIGKILL)
            result = running.wait()
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertIn("has changed since the run began", result.json["failures"][0]["error"])
        self.assertEqual(3, self.assert_only_done(store, base))

    # -- the runner is ended --

    def ended_runner(self, end, code, status="interrupted", **options):
        """Calls `end(running)` in the middle of a run; no worker is left, and a second run completes it."""
        for store in self.sinks():
            base = hour_files(20000, 4)
            server = self.slow_last_hour(base)
            with etl.start("run", self.write(self.job(server.url, store)), "--format", "json", **options) as running:
                etl.wait_for(lambda: self.done(store) == 3 or not running.running(), "three hours done")
                workers = running.workers()
                self.assertTrue(workers, "no worker")
                end(running)
                result = running.wait(60)
            self.assertEqual(code, result.code, str(result))
            etl.wait_for(lambda: not any(map(etl.alive, workers)), "all workers are gone", timeout=5)
            if status:
                self.assert_summary(result, status=status, total=4, done=3)
                self.assertNotIn("failed", {row["state"] for row in ledger(store).values()})
            self.assertEqual(3, self.assert_only_done(store, base))
            server.stop()
            result = self.run_pipeline(self.job(base, store))
            self.assert_summary(result, total=4, done=1, skipped=3)
            self.assert_table(store, base, 4)
            self.assert_ledger(store, base, 4)

    def test_runner_killed(self):
        self.ended_runner(lambda running: running.signal(signal.SIGKILL), -signal.SIGKILL, status=None)

    def test_runner_interrupted(self):
        self.ended_runner(lambda running: running.signal(signal.SIGINT), etl.INTERRUPTED)

    def test_runner_terminated(self):
        self.ended_runner(lambda running: running.signal(signal.SIGTERM), etl.TERMINATED)

    def test_control_c_to_the_whole_group(self):
        # Like a terminal, which sends it to the whole process group.
        self.ended_runner(lambda running: os.killpg(running.process.pid, signal.SIGINT), etl.INTERRUPTED,
                          start_new_session=True)

    def test_runner_terminated_while_a_plugin_hangs(self):
        store = Sqlite(self.folder)
        pipeline = {"name": "hang", "run": {"executor": "processes", "workers": 2},
                    "sources": {"numbers": {"plugin": "probe_source", "partitions": 2}},
                    "filters": {"bad": {"plugin": "hostile", "input": "numbers", "how": "hang", "value": "p",
                                        "marks": self.folder / "mark"}},
                    "sinks": {"db": {"input": "bad", **store.sink(table="numbers")}}}
        with etl.start("run", self.write(pipeline), *plugin_folders(), "--format", "json") as running:
            etl.wait_for(lambda: list(self.folder.glob("mark.*")), "it hangs")
            workers = running.workers()
            running.signal(signal.SIGTERM)
            result = running.wait(60)
        self.assertEqual(etl.TERMINATED, result.code, str(result))
        self.assert_summary(result, status="interrupted", done=0, failed=0)
        self.assertFalse(any(map(etl.alive, workers)))
        self.assertEqual({}, ledger(store))

    # -- two runs, many downloads --

    def test_two_runs_at_once(self):
        for store in self.sinks():
            base = hour_files(20000, 6)
            path = self.write(self.job(base, store, 6))
            with etl.start("run", path, "--format", "json") as one, \
                    etl.start("run", path, "--format", "json", "--executor", "threads") as other:
                results = [one.wait(), other.wait()]
            for result in results:
                self.assertEqual(etl.OK, result.code, str(result))
            self.assertEqual(6, sum(result.json["partitions"]["done"] for result in results))
            self.assert_table(store, base, 6)
            self.assert_ledger(store, base, 6)

    def test_connections_count_over_all_workers(self):
        base = hour_files(2000, 8)
        for connections in (1, 3):
            with self.subTest(connections=connections):
                store = Sqlite(self.folder, f"{connections}.db")
                with FaultServer(base, {"rules": [{"pause": 0.1}]}) as server:
                    self.run_pipeline(self.job(server.url, store, 8, run={"workers": 4}, connections=connections))
                    self.assertEqual(connections, server.log()["max_in_progress"])
                self.assert_table(store, base, 8)


if __name__ == "__main__":
    unittest.main()
