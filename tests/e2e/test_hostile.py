"""A plugin that crashes, exits, hangs or exhausts memory affects only the partition it was processing."""

import os
import signal
import time
import unittest

from support import etl
from support.case import EtlCase, Postgres, Sqlite, ledger

PARTITIONS, ROWS, RETRIES = 4, 10, 2
BAD = "p2"

# How each kind of failure appears in the error of the partition.
ENDS = {
    "segfault": r"was killed by signal 11 \(Segmentation fault\)",
    "abort": r"was killed by signal 6 \(Aborted\)",
    "exit": r"ended with exit code 3",
    "_exit": r"ended with exit code 4",
    "sigkill": r"was killed by signal 9 \(Killed\)",
    "divide": r"was killed by signal 8 \(Floating point exception\)",
    "overflow": r"was killed by signal 11 \(Segmentation fault\)",
    "smash": r"was killed by signal 6 \(Aborted\)",
    "thread": r"was killed by signal 11 \(Segmentation fault\)",
}
# Attributable only if the worker processes a single partition; see their own test.
UNATTRIBUTED = {"_exit", "sigkill", "thread"}


def plugin_folders():
    """The build's folder of test plugins."""
    plugins = etl.binary().parent.parent / "tests/plugins"
    return [word for name in ("probe", "hostile") for word in ("--plugin-dir", plugins / name)]


class Hostile(EtlCase):
    """Rows (part, n, colour, padding) of partitions p0 to p3; `p2` is the one that fails."""

    def database(self):
        return Sqlite(self.folder)

    def job(self, store, how, times=0, run=None, padding=0, **bad):
        return {"name": "hostile",
                "run": {"workers": 2, "executor": "processes", "retries": RETRIES, "retry_delay": "10ms",
                        **(run or {})},
                "sources": {"numbers": {"plugin": "probe_source", "partitions": PARTITIONS, "rows": ROWS,
                                        "padding": padding}},
                "filters": {"bad": {"plugin": "hostile", "input": "numbers", "how": how, "value": BAD, "times": times,
                                    "marks": self.folder / "mark", **bad}},
                "sinks": {"db": {"input": "bad", **store.sink(table="numbers")}}}

    def run_job(self, *arguments, expect=etl.OK, **options):
        return self.run_pipeline(*arguments, *plugin_folders(), expect=expect, **options)

    def assert_loaded(self, store, without=()):
        """The table holds exactly the rows of all other partitions, and the ledger's totals match."""
        wanted = [(f"p{i}", str(n)) for i in range(PARTITIONS) for n in range(ROWS) if f"p{i}" not in without]
        found = [tuple(map(str, row)) for row in store.query("SELECT part, n FROM numbers")]
        self.assertEqual(sorted(wanted), sorted(found))
        done = {partition: row for (_, partition), row in ledger(store).items() if row["state"] == "done"}
        self.assertEqual({f"p{i}" for i in range(PARTITIONS)} - set(without), set(done))
        self.assertEqual(len(found), sum(row["rows_written"] for row in done.values()))

    def others_attempts(self, store):
        return {partition: row["attempts"] for (_, partition), row in ledger(store).items() if partition != BAD}

    def assert_named(self, text, how):
        """The error names plugin, stage, process and signal, and has the last lines of the worker's log."""
        self.assertRegex(text, r'^filter "bad": in plugin "hostile" \(\S+/hostile\.so\): worker process \d+ ')
        self.assertRegex(text, ENDS[how])
        self.assertIn(f"its log: about to be hostile: {how}", text)

    # -- always --

    def always(self, how, **run):
        store = self.database()
        result = self.run_job(self.job(store, how, run=run), expect=etl.FAILED)
        summary = self.assert_summary(result, status="failed", total=PARTITIONS, done=PARTITIONS - 1, failed=1)
        failure, = summary["failures"]
        self.assertEqual((BAD, "db", "bad", RETRIES + 1),
                         tuple(failure[name] for name in ("partition", "sink", "stage", "attempts")))
        row = ledger(store)["db", BAD]
        self.assertEqual(("failed", RETRIES + 1, failure["error"]), (row["state"], row["attempts"], row["error"]))
        self.assertEqual(RETRIES + 1, len(list(self.folder.glob("mark.*"))))
        self.assert_loaded(store, without=[BAD])
        # Once it is fixed, the next run loads only that partition.
        result = self.run_job(self.job(store, "nothing"))
        self.assert_summary(result, total=PARTITIONS, done=1, skipped=PARTITIONS - 1)
        self.assert_loaded(store)
        return failure["error"]

    # -- once --

    def once(self, how):
        store = self.database()
        result = self.run_job(self.job(store, how, times=1))
        self.assert_summary(result, total=PARTITIONS, done=PARTITIONS, failed=0,
                            rows={"read": PARTITIONS * ROWS, "written": PARTITIONS * ROWS})
        self.assertRegex(result.err, rf'{BAD} into "db": attempt 1 of {RETRIES + 1}: ')
        self.assertRegex(result.err, ENDS[how])
        self.assertEqual(2, ledger(store)["db", BAD]["attempts"])
        if how not in UNATTRIBUTED:
            self.assertEqual({1}, set(self.others_attempts(store).values()))
        self.assert_loaded(store)

    # -- memory --

    def test_bad_alloc_is_an_error_like_another(self):
        self.assertEqual('filter "bad": out of memory', self.always("bad_alloc"))

    def test_allocates_up_to_the_limit_of_the_process(self):
        self.assertEqual('filter "bad": out of memory', self.always("allocate"))

    # -- time --

    def test_hangs_and_looks_at_nothing(self):
        error = self.always("hang", partition_timeout="300ms")
        self.assertRegex(error, r'^filter "bad": in plugin "hostile" \(.*\): '
                                r"took longer than run\.partition_timeout = 300ms; "
                                r"worker process \d+ was killed by signal 9 \(Killed\)\n")

    def test_hangs_until_it_is_asked_to_stop(self):
        for executor in ("threads", "processes"):
            with self.subTest(executor=executor):
                for mark in self.folder.glob("*"):
                    mark.unlink()
                self.assertEqual('filter "bad": took longer than run.partition_timeout = 300ms',
                                 self.always("hang_politely", executor=executor, partition_timeout="300ms"))

    def test_a_worker_stands_still_before_it_begins(self):
        # Stopped while waiting for the second attempt: all of its threads are idle and on time.
        store = self.database()
        job = self.job(store, "error", times=1, run={"retry_delay": "1s", "partition_timeout": "300ms"})
        path = self.write(job)
        with etl.start("run", path, *plugin_folders(), "--format", "json", "--only", BAD) as running:
            etl.wait_for(lambda: list(self.folder.glob("mark.*")), "the first attempt fails")
            time.sleep(0.3)
            for worker in running.workers():
                os.kill(worker, signal.SIGSTOP)
            result = running.wait(60)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertRegex(result.err, r"attempt 2 of 3: .*took longer than run\.partition_timeout = 300ms; worker process")
        self.assertEqual(3, ledger(store)["db", BAD]["attempts"])
        self.assert_loaded(store, without={f"p{i}" for i in range(PARTITIONS)} - {BAD})

    def test_the_others_wait_for_no_partition_that_hangs(self):
        store = self.database()
        path = self.write(self.job(store, "hang"))
        with etl.start("run", path, *plugin_folders()) as running:
            etl.wait_for(lambda: len(ledger(store)) == PARTITIONS - 1 or not running.running(), "the others are done")
            self.assertTrue(running.running())
            running.signal(signal.SIGTERM)
            result = running.wait(60)
        self.assertEqual(etl.TERMINATED, result.code, str(result))
        self.assert_loaded(store, without=[BAD])

    # -- who is to blame --

    def test_no_word_of_the_one_that_ended_it(self):
        # Killed externally while processing several partitions: each may be the cause. Retried alone in worker
        # processes of their own, the innocent ones succeed.
        for how in sorted(UNATTRIBUTED):
            with self.subTest(how=how):
                store = Sqlite(self.folder, f"{how}.db")
                job = self.job(store, how, marks=self.folder / f"mark_{how}", run={"workers": 1})
                result = self.run_job(job, expect=etl.FAILED)
                self.assert_summary(result, status="failed", done=PARTITIONS - 1, failed=1)
                self.assert_named(result.json["failures"][0]["error"], how)
                self.assertLessEqual(max(self.others_attempts(store).values()), 2)
                self.assert_loaded(store, without=[BAD])

    def test_the_rest_of_the_run_is_counted_once(self):
        store = self.database()
        result = self.run_job(self.job(store, "segfault", times=2))
        rows = {stage["rows_out"] for stage in result.json["stages"].values()}
        self.assertEqual({PARTITIONS * ROWS}, rows, str(result))

    def test_on_failure_stop(self):
        store = self.database()
        result = self.run_job(self.job(store, "abort", run={"on_failure": "stop", "workers": 1}), expect=etl.FAILED)
        self.assertEqual(1, result.json["partitions"]["failed"], str(result))
        done = {row["partition"] for row in ledger(store).values() if row["state"] == "done"}
        self.assert_loaded(store, without={f"p{i}" for i in range(PARTITIONS)} - done)
        self.run_job(self.job(store, "nothing"))
        self.assert_loaded(store)

    def test_in_threads_the_runner_dies_and_nothing_is_half_loaded(self):
        # With threads, a crash ends the run; this is why processes exist.
        store = self.database()
        path = self.write(self.job(store, "segfault", run={"executor": "threads"}))
        result = etl.run("run", path, *plugin_folders())
        self.assertEqual(-signal.SIGSEGV, result.code, str(result))
        done = {row["partition"] for row in ledger(store).values()}
        if "numbers" in store.tables():
            self.assert_loaded(store, without={f"p{i}" for i in range(PARTITIONS)} - done)
        self.run_job(self.job(store, "nothing"))
        self.assert_loaded(store)


def _add(how):
    def always(self):
        self.assert_named(self.always(how), how)

    def once(self):
        self.once(how)

    name = how.strip("_") + ("_at_once" if how.startswith("_") else "")
    setattr(Hostile, f"test_{name}_always", always)
    setattr(Hostile, f"test_{name}_once", once)


for _how in ENDS:
    _add(_how)


class HostileToPostgres(EtlCase):
    """The same with a server: it rolls back the open transactions of a dead worker."""

    database, job, run_job = lambda self: Postgres(), Hostile.job, Hostile.run_job
    assert_loaded, assert_named, always, once = (Hostile.assert_loaded, Hostile.assert_named, Hostile.always,
                                                 Hostile.once)
    others_attempts = Hostile.others_attempts

    def test_segfault_always(self):
        self.assert_named(self.always("segfault"), "segfault")

    def test_sigkill_once(self):
        self.once("sigkill")

    def test_hangs_and_looks_at_nothing(self):
        self.always("hang", partition_timeout="300ms")


if __name__ == "__main__":
    unittest.main()
