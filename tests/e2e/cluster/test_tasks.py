"""`etl run --task`, `etl submit` and `etl status` on SQLite and PostgreSQL, without a cluster."""

import json
import pathlib
import shutil
import signal
import subprocess
import unittest

from support import etl
from support.case import FRENCH, START, EtlCase, Postgres, Sqlite, hour_files, moment, toml
from support.database_lock import Lock, waiting

HOURS = 7


class Tasks(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(800, HOURS, traps=True)
        self.database = Sqlite(self.folder)

    def pipeline(self, sink=None, **source):
        path = self.folder / "tasks.toml"
        path.write_text(toml({
            "name": "tasks", "run": {"max_rejects": 100000, "retry_delay": "1ms", "retries": 1},
            "sources": {"pageviews": {"plugin": "wikipedia_pageviews", "start": moment(START), "hours": HOURS,
                                      "base_url": f"file://{self.base}", "connections": 4, **source}},
            "filters": {"french": {"plugin": "language", "input": "pageviews", "languages": ["fr"]}},
            "sinks": {"db": sink or self.database.sink(input="french")}}))
        return path

    def run_task(self, path, task, *arguments, env=None):
        return etl.run("run", path, "--task", task, "--format", "json", *arguments, env=env)

    def test_the_shares_are_the_plan(self):
        path = self.pipeline()
        planned = []
        for task in range(3):
            executor = "processes" if task == 1 else "threads"
            result = self.run_task(path, f"{task}/3", "--executor", executor)
            self.assertEqual(etl.OK, result.code, str(result))
            planned.append(result.json["partitions"]["total"])
            self.assertEqual(planned[-1], result.json["partitions"]["done"])  # in no other share
        self.assertEqual(HOURS, sum(planned))
        self.assert_table(self.database, self.base, keep=FRENCH)
        self.assert_ledger(self.database, self.base, keep=FRENCH)
        # Progress does not affect the split: each task finds its own share done.
        for task in range(3):
            self.assertEqual(planned[task], self.run_task(path, f"{task}/3").json["partitions"]["skipped"])

    def test_engines_say_which_task_it_is(self):
        path = self.pipeline()
        engines = [
            {"SLURM_ARRAY_TASK_ID": 12, "SLURM_ARRAY_TASK_MIN": 10, "SLURM_ARRAY_TASK_MAX": 14,
             "SLURM_ARRAY_TASK_STEP": 2, "SLURM_ARRAY_TASK_COUNT": 3},
            {"JOB_COMPLETION_INDEX": 1, "ETL_TASKS": 3},
            {"AWS_BATCH_JOB_ARRAY_INDEX": 1, "AWS_BATCH_JOB_ARRAY_SIZE": 3},
            {"SGE_TASK_ID": 2, "SGE_TASK_FIRST": 1, "SGE_TASK_LAST": 3, "SGE_TASK_STEPSIZE": 1}]
        first, *others = [self.run_task(path, "auto", env=engine) for engine in engines]
        self.assertEqual(etl.OK, first.code, str(first))
        share = first.json["partitions"]
        self.assertEqual(share["total"], share["done"])
        for result in others:  # the same share as the first
            self.assertEqual({**share, "done": 0, "skipped": share["total"]}, result.json["partitions"], str(result))
        self.assertEqual(share["total"], self.run_task(path, "1/3").json["partitions"]["skipped"])

    def test_an_array_in_pieces(self):
        path = self.pipeline()
        result = self.run_task(path, "auto/3", "--task-offset", "2", env={"SLURM_ARRAY_TASK_ID": 0})
        self.assertEqual(etl.OK, result.code, str(result))
        again = self.run_task(path, "2/3")
        self.assertEqual(result.json["partitions"]["done"], again.json["partitions"]["skipped"])

    def test_invalid_shares(self):
        path = self.pipeline()
        for task in ("3/3", "1", "x/2", "1/0", "-1/3", "auto/0", "1/2/3", ""):
            self.assertEqual(etl.USAGE, self.run_task(path, task).code, task)
        for env, text in (({}, "cannot tell which task"), ({"JOB_COMPLETION_INDEX": 1}, "ETL_TASKS"),
                          ({"JOB_COMPLETION_INDEX": 5, "ETL_TASKS": 3}, "does not match"),
                          ({"SGE_TASK_ID": "undefined"}, "cannot tell which task"),
                          ({"JOB_COMPLETION_INDEX": "x", "ETL_TASKS": 3}, "is not a number"),
                          ({"JOB_COMPLETION_INDEX": 1, "SLURM_ARRAY_TASK_ID": 1}, "both"),
                          ({"SLURM_ARRAY_TASK_ID": 7, "SLURM_ARRAY_TASK_MIN": 3, "SLURM_ARRAY_TASK_MAX": 7,
                            "SLURM_ARRAY_TASK_COUNT": 2}, "has gaps")):
            result = self.run_task(path, "auto", env=env)
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(text, result.err)

    def test_relative_times_are_fixed(self):
        path = self.pipeline(start="-9h", hours=3)
        result = self.run_task(path, "0/2")
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn("--now", result.err)
        now = "2024-03-01T09:30:00Z"  # nine hours after START, rounded down
        for task in ("0/2", "1/2"):
            self.assertEqual(etl.OK, self.run_task(path, task, "--now", now).code)
        ids = {partition for _, partition in self.ledger_keys()}
        self.assertEqual({self.partition(index) for index in range(3)}, ids)
        self.assertEqual(etl.USAGE, self.run_task(path, "0/2", "--now", "yesterday").code)

    def ledger_keys(self):
        return self.database.query("SELECT sink, partition FROM etl_ledger")

    def test_exit_codes(self):
        """75: the server may come back; 1: an invalid gzip file stays invalid."""
        unreachable = self.pipeline(base_url="http://127.0.0.1:9")
        result = self.run_task(unreachable, "0/3")
        self.assertEqual(75, result.code, str(result))
        self.assertEqual({True}, {failure["transient"] for failure in result.json["failures"]})
        self.assertEqual(etl.FAILED, etl.run("run", unreachable).code)
        broken = self.copy_tree(self.base)
        self.hour_path(broken, 0).write_bytes(b"this is no gzip")
        result = self.run_task(self.pipeline(base_url=f"file://{broken}"), "0/1")
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertEqual({False}, {failure["transient"] for failure in result.json["failures"]})

    def submit(self, path, engine, *arguments, env=None):
        return etl.run("submit", path, "--engine", engine, "--job-dir", self.folder / "job", *arguments, env=env,
                       cwd=self.folder)

    def test_a_file_is_no_sink_for_many_hosts(self):
        result = self.submit(self.pipeline(), "slurm", "--dry-run")
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn(str(self.database.path), result.err)
        self.assertIn("server", result.err)
        self.assertIn("{task} in path", result.err)

    def test_submissions_that_are_refused(self):
        path = self.pipeline(Postgres().sink(input="french"))
        for arguments, text in ((["kubernetes"], "--image"), (["parallel", "--image", "x"], "--image"),
                                (["kubernetes", "--image", "x", "--wait"], "--wait"), (["slurm", "--report", "x"], "--wait"),
                                (["parallel", "--wait", "--dry-run"], "--dry-run"),
                                (["parallel", "--tasks-at-once", "5"], "4 connections"),
                                (["parallel", "--set", "db.dsn=dbname=sesame"], "secret")):
            result = self.submit(path, *arguments)
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(text, result.err)
            self.assertNotIn("sesame", result.all)
        self.assertFalse((self.folder / "job").exists())
        gone = self.pipeline({"plugin": "postgres", "dsn": "host=127.0.0.1 port=9", "table": "t", "input": "french"})
        result = self.submit(gone, "parallel")
        self.assertEqual(etl.FAILED, result.code, str(result))

    def test_parallel(self):
        database = Postgres()
        path = self.pipeline(database.sink(input="french", dsn="${DSN}"))
        env = {"DSN": database.dsn}
        self.assertEqual(etl.OK, etl.run("run", path, "--limit", "1", env=env).code)
        result = self.submit(path, "parallel", "--tasks", "3", "--format", "json", env=env)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual((HOURS - 1, 3), (result.json["partitions"], result.json["tasks_at_once"]))
        for _ in range(2):  # the second time, the job log has all tasks
            done = subprocess.run(["bash", result.json["script"]], env=etl.environment(env), capture_output=True,
                                  text=True, stdin=subprocess.DEVNULL, cwd=self.folder)
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertEqual(4, len((self.folder / "job/joblog").read_text().splitlines()))
        self.assertNotIn(database.dsn, (self.folder / "job/job.sh").read_text())
        self.assert_table(database, self.base, keep=FRENCH)
        self.assert_ledger(database, self.base, keep=FRENCH)
        result = etl.run("submit", path, "--engine", "parallel", env=env, cwd=self.folder)
        self.assertIn("nothing to do", result.out)

    def test_parallel_is_followed(self):
        """--wait ends with the summary and exit code of a run; a failure names the task and its log."""
        database = Postgres()
        broken = self.copy_tree(self.base)
        self.hour_path(broken, 0).write_bytes(b"this is no gzip")
        path = self.pipeline(database.sink(input="french"), base_url=f"file://{broken}")
        report = self.folder / "report.json"
        result = self.submit(path, "parallel", "--tasks", "3", "--wait", "--format", "json", "--report", report)
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertEqual(result.out, report.read_text())
        self.assert_summary(result, status="failed", total=HOURS, done=HOURS - 1, failed=1)
        failure, = result.json["failures"]
        self.assertEqual(self.partition(0), failure["partition"])
        log = pathlib.Path(failure["error"].rpartition("log ")[2].rstrip(")"))
        self.assertIn(self.partition(0), log.read_text())
        shutil.rmtree(broken)
        shutil.copytree(self.base, broken)
        result = etl.run("submit", path, "--engine", "parallel", "--wait", "--format", "json", "--reload", cwd=self.folder)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS, skipped=0)
        self.assert_table(database, self.base, keep=FRENCH)
        self.assert_ledger(database, self.base, keep=FRENCH)

    def test_submitted_again_within_a_second(self):
        path = self.write(self.main_job(self.base, Sqlite(self.folder, "out-{task}.db"), HOURS))
        for _ in range(4):
            result = etl.run("submit", path, "--engine", "parallel", "--tasks", "2", cwd=self.folder)
            self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual(4, len(list((self.folder / "etl-jobs").iterdir())))

    def test_parallel_is_stopped(self):
        """Ctrl-C ends the tasks, which are children of this process."""
        database = Postgres()
        path = self.pipeline(database.sink(input="french"))
        self.assertEqual(etl.OK, etl.run("run", path, "--limit", "1").code)
        lock = Lock(database)
        self.addCleanup(lock.release)
        with etl.start("submit", path, "--engine", "parallel", "--tasks", "3", "--wait", "--format", "json",
                       cwd=self.folder) as running:
            etl.wait_for(lambda: waiting(database) == 3, "three writers")
            running.signal(signal.SIGINT)
            result = running.wait()
        self.assertEqual(etl.INTERRUPTED, result.code, str(result))
        self.assert_summary(result, status="interrupted", done=0, failed=0, skipped=1)
        etl.wait_for(lambda: waiting(database) == 0, "no writer left")
        lock.release()
        result = etl.run("submit", path, "--engine", "parallel", "--wait", "--format", "json", "--tasks", "2", cwd=self.folder)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, done=HOURS - 1, skipped=1)
        self.assert_table(database, self.base, keep=FRENCH)
        self.assert_ledger(database, self.base, keep=FRENCH)

    def test_connections_hold_over_all_tasks(self):
        path = self.pipeline(Postgres().sink(input="french"))
        for at_once, of_each in ((1, 4), (2, 2), (3, 1), (4, 1)):
            script = self.submit(path, "slurm", "--dry-run", "--tasks", "7", "--tasks-at-once", str(at_once)).out
            self.assertIn(f"%{at_once}\n", script)
            self.assertIn(f"pageviews.connections={of_each} ", script)
        self.assertIn("--array=0-6%4\n", self.submit(path, "slurm", "--dry-run", "--tasks", "7").out)
        self.assertIn("--array=0%1\n", self.submit(path, "slurm", "--dry-run").out)  # too small to split

    def test_scripts_of_odd_names(self):
        """A shell reads back any text that was quoted for it."""
        path = self.pipeline(Postgres().sink(input="french"))
        odd = path.rename(self.folder / "it's $HOME `odd`.toml")
        for engine in ("slurm", "parallel"):
            script = self.submit(odd, engine, "--dry-run", "--only", "*[0-9]* 'x'", "--only", "*").out
            checked = subprocess.run([etl.tool("shellcheck"), "--severity=warning", "-"], input=script, capture_output=True, text=True)
            self.assertEqual(0, checked.returncode, checked.stdout + script)
        result = self.submit(odd, "parallel", "--only", "*", "--format", "json")
        done = subprocess.run(["bash", result.json["script"]], env=etl.environment(), capture_output=True, text=True,
                              stdin=subprocess.DEVNULL)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.assertIn(f"{HOURS} skipped", etl.run("run", odd).out)

    def test_a_manifest(self):
        path = self.pipeline(Postgres().sink(input="french"))
        result = self.submit(path, "kubernetes", "--dry-run", "--image", "example.org/etl:1", "--tasks", "7")
        config, job = json.loads(result.out)["items"]
        self.assertEqual(path.read_text(), config["data"]["pipeline.toml"])
        spec = job["spec"]
        self.assertEqual(("Indexed", 7, 4), (spec["completionMode"], spec["completions"], spec["parallelism"]))
        container, = spec["template"]["spec"]["containers"]
        self.assertEqual([{"name": "ETL_TASKS", "value": "7"}], container["env"])
        self.assertEqual("example.org/etl:1", container["image"])
        self.assertEqual("Never", spec["template"]["spec"]["restartPolicy"])
        # Its arguments are a command line that etl accepts, in a pod as in this test.
        arguments = [str(path) if word.startswith("/etc/etl") else word for word in container["args"]]
        for index in range(7):
            run = etl.run(*arguments, env={"ETL_TASKS": "7", "JOB_COMPLETION_INDEX": index})
            self.assertEqual(etl.OK, run.code, str(run))

    def test_status(self):
        path = self.pipeline()
        status = etl.run("status", path, "--format", "json").json["sinks"]["db"]
        self.assertEqual({"done": 0, "failed": 0, "missing": 0, "pending": HOURS}, status["partitions"])
        broken = self.copy_tree(self.base)
        self.hour_path(broken, 0).write_bytes(b"this is no gzip")
        self.hour_path(broken, 1).unlink()
        path = self.pipeline(base_url=f"file://{broken}")
        summary = etl.run("run", path, "--limit", "4", "--format", "json").json
        result = etl.run("status", path, "--format", "json")
        self.assertEqual(etl.OK, result.code, str(result))
        status = result.json["sinks"]["db"]
        self.assertEqual({"done": 2, "failed": 1, "missing": 1, "pending": HOURS - 4}, status["partitions"])
        self.assertEqual({name: summary["rows"][name] for name in status["rows"]}, status["rows"])
        self.assertEqual(self.partition(0), status["failures"][0]["partition"])
        self.assertEqual(2, status["last_minute"]["partitions"])
        text = etl.run("status", path).out
        self.assertIn("2 done, 1 failed, 1 missing, 3 pending", text)
        etl.run("run", path)
        watched = etl.run("status", path, "--watch", "--format", "json")  # nothing left to wait for
        self.assertEqual(0, json.loads(watched.out)["sinks"]["db"]["partitions"]["pending"])


if __name__ == "__main__":
    unittest.main()
