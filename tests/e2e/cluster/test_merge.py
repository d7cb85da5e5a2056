"""`etl merge` merges per-task SQLite files (`path = "out-{task}.db"`): every partition exactly once, whenever it is
killed, and however the plan was split."""

import shutil
import time
import unittest

from oracle import oracle
from support import etl
from support.case import FRENCH, EtlCase, Sqlite, hour_files, ledger

HOURS = 6


class Merge(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(900, HOURS, traps=True)
        self.merged = Sqlite(self.folder, "out-all.db")

    def pipeline(self, base=None, name="merge.toml", run=None, sink=None, **source):
        path = self.main_job(base or self.base, Sqlite(self.folder, "out-{task}.db"), HOURS,
                             run={"max_rejects": 100000, "retries": 0, **(run or {})}, sink=sink, **source)
        return self.write(path, name)

    def run_tasks(self, path, of, tasks=None, expect=etl.OK):
        for task in range(of) if tasks is None else tasks:
            self.run_pipeline(path, "--task", f"{task}/{of}", "--executor", "processes" if task == 1 else "threads",
                              expect=expect)

    def merge(self, path, *arguments, expect=etl.OK):
        result = etl.run("merge", path, "--format", "json", *arguments)
        self.assertEqual(expect, result.code, str(result))
        return result

    def sums(self, result, sink="db"):
        tasks = result.json["sinks"][sink]["tasks"]
        return {name: sum(each[name] for each in tasks) for name in ("partitions", "skipped", "rows")}

    def assert_whole(self, database=None, base=None, keep=FRENCH):
        self.assert_table(database or self.merged, base or self.base, keep=keep)
        self.assert_ledger(database or self.merged, base or self.base, keep=keep)

    def test_three_files_become_one(self):
        path = self.pipeline()
        self.run_tasks(path, 3)
        self.assertEqual([f"out-{task}.db" for task in range(3)], sorted(each.name for each in self.folder.glob("*.db")))
        status = etl.run("status", path, "--format", "json").json["sinks"]["db"]
        self.assertEqual({"done": HOURS, "failed": 0, "missing": 0, "pending": 0}, status["partitions"])
        self.assertEqual({"done": HOURS}, etl.run("plan", path, "--format", "json").json["states"])
        result = self.merge(path)
        rows = len(list(self.merged.rows()))
        self.assertEqual({"partitions": HOURS, "skipped": 0, "rows": rows}, self.sums(result))
        self.assertEqual(str(self.merged.path), result.json["sinks"]["db"]["into"])
        self.assert_whole()
        before = self.snapshot(self.merged)
        self.assertEqual({"partitions": 0, "skipped": HOURS, "rows": 0}, self.sums(self.merge(path)))
        self.assertEqual(before, self.snapshot(self.merged))
        self.assertIn("already there", etl.run("merge", path).out)
        # The path is not part of the definition, so runs can continue with the merged database.
        single = self.write(self.main_job(self.base, self.merged, HOURS, run={"max_rejects": 100000}), "single.toml")
        self.assert_summary(self.run_pipeline(single), done=0, skipped=HOURS)
        # A run without a task sees the partitions that tasks have loaded.
        self.assert_summary(self.run_pipeline(path), done=0, skipped=HOURS)

    def test_partitions_that_two_tasks_have_done(self):
        path = self.pipeline()
        self.run_tasks(path, 2)
        self.run_tasks(path, 3)  # as after a submission with a different number of tasks
        done = sum(len(ledger(Sqlite(self.folder, f"out-{task}.db"))) for task in range(3))
        self.assertGreater(done, HOURS)
        sums = self.sums(self.merge(path))
        self.assertEqual((HOURS, done - HOURS), (sums["partitions"], sums["skipped"]))
        self.assert_whole()

    def test_rows_that_cannot_be_told_apart(self):
        """Without the column `hour`, a file can only be merged completely."""
        path = self.pipeline(columns=["domain_code", "title", "views"])
        self.run_tasks(path, 2)
        self.merge(path)
        self.assert_table(self.merged, self.base, columns=("domain_code", "title", "views"))
        self.merged.path.unlink()
        self.run_tasks(path, 3)
        first = Sqlite(self.folder, "out-0.db")
        result = self.merge(path, expect=etl.FAILED)
        refused = [each for each in result.json["sinks"]["db"]["tasks"] if "error" in each]
        self.assertTrue(refused)
        for each in refused:
            self.assertIn(f"out-{each['task']}.db", each["error"])
            self.assertIn("no column identifies", each["error"])
            self.assertEqual((0, 0), (each["partitions"], each["rows"]))
        self.assertEqual(sorted(first.rows(("title", "views"))), sorted(self.merged.rows(("title", "views"))))
        self.assertEqual(len(ledger(first)), len(ledger(self.merged)))
        # The remedy named in the error: load those partitions again.
        for each in refused:
            (self.folder / f"out-{each['task']}.db").unlink()
        self.run_pipeline(path)
        self.run_pipeline(path, "--set", f"db.path={self.merged.path}")
        self.merge(path)
        self.assert_table(self.merged, self.base, columns=("domain_code", "title", "views"))

    def test_rows_that_the_ledger_does_not_know(self):
        """A foreign row with a partition's value makes the partition's rows unidentifiable."""
        path = self.pipeline()
        self.run_tasks(path, 2)
        self.run_tasks(path, 3, tasks=[0])
        second = Sqlite(self.folder, "out-1.db")
        second.execute("INSERT INTO pageviews SELECT * FROM pageviews LIMIT 1;")
        result = self.merge(path, expect=etl.FAILED)
        refused, = [each for each in result.json["sinks"]["db"]["tasks"] if "error" in each]
        self.assertEqual(1, refused["task"])
        self.assertIn("but the ledger counts", refused["error"])
        second.execute("DELETE FROM pageviews WHERE rowid = (SELECT max(rowid) FROM pageviews);")
        self.merge(path)
        self.assert_whole()

    def test_upsert(self):
        sink = {"mode": "upsert", "key": ["hour", "domain_code", "title"]}
        path = self.pipeline(sink=sink)
        self.run_tasks(path, 2)
        self.run_tasks(path, 3)
        self.merge(path)
        single = Sqlite(self.folder, "single.db")
        self.run_pipeline(self.write(self.main_job(self.base, single, HOURS, run={"max_rejects": 100000}, sink=sink),
                                     "single.toml"))
        self.assertEqual(sorted(single.rows()), sorted(self.merged.rows()))
        self.assertEqual(ledger(single).keys(), ledger(self.merged).keys())

    def test_killed_again_and_again(self):
        base = hour_files(40000, HOURS)
        large = ("en", "fr", "de", "es", "ru", "ja")
        path = self.pipeline(base, languages=large)
        self.run_tasks(path, 3)
        delay, kills = 0.005, 0
        while True:
            with etl.start("merge", path) as running:
                end = time.monotonic() + delay
                while running.running() and time.monotonic() < end:
                    time.sleep(0.001)
                ended = not running.running()
                result = running.wait() if ended else running.kill()
            if ended:
                break
            kills += 1
            delay *= 1.25
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertGreater(kills, 3)
        self.merge(path)
        self.assert_whole(base=base, keep=oracle.languages(*large))

    def test_failures_are_copied_and_never_win(self):
        broken = self.copy_tree(self.base)
        self.hour_path(broken, 0).write_bytes(b"this is no gzip")
        self.hour_path(broken, 1).unlink()
        path = self.pipeline(broken)
        self.run_pipeline(path, "--task", "0/1", expect=etl.FAILED)
        self.merge(path)
        states = {partition: row["state"] for (_, partition), row in ledger(self.merged).items()}
        self.assertEqual(("failed", "missing"), (states[self.partition(0)], states[self.partition(1)]))
        shutil.rmtree(broken)
        shutil.copytree(self.base, broken)
        # Another task, or the same one later, loads them.
        self.run_pipeline(path, "--task", "1/2")
        self.run_pipeline(path, "--task", "0/2")
        self.merge(path)
        self.assert_whole()

    def test_merges_that_are_refused(self):
        path = self.pipeline()
        self.assertIn("no task databases found", etl.run("merge", path).out)
        self.assertFalse(self.merged.exists())
        self.run_tasks(path, 2)
        single = self.write(self.main_job(self.base, self.merged, HOURS), "single.toml")
        for arguments, text in (([single], "{task}"), ([path, "--sink", "bd"], "did you mean \"db\""),
                                ([path, "--into", "x-{task}.db"], "cannot contain {task}"),
                                ([path, "--into", self.folder / "out-1.db"], "itself"),
                                ([path, "--into", self.folder / "no/such/folder.db"], "folder")):
            result = etl.run("merge", *arguments, cwd=self.folder)
            self.assertIn(result.code, (etl.CONFIG, etl.FAILED), str(result))
            self.assertIn(text, result.all)
        changed = self.pipeline(name="changed.toml", languages=["de"])
        result = etl.run("merge", changed)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn('stage "french" changed', result.err)
        self.assertIn("out-0.db", result.err)
        other = etl.run("state", path, "forget", "*")
        self.assertEqual(etl.CONFIG, other.code, str(other))
        self.assertIn("--set db.path=", other.err)
        self.assertEqual(etl.OK, etl.run("state", path, "forget", self.partition(0), "--delete-rows", "--set",
                                         f"db.path={self.folder}/out-0.db").code)
        (self.folder / "rejects.ndjson").touch()
        replayed = etl.run("rejects", self.folder / "rejects.ndjson", "--pipeline", path, "--replay")
        self.assertEqual(etl.CONFIG, replayed.code, str(replayed))
        self.assertIn("--set db.path=", replayed.err)
        postgres = self.pipeline(name="postgres.toml").read_text().replace('"sqlite"', '"postgres"')
        self.assertNotEqual(etl.OK, etl.run("validate", self.write(postgres, "postgres.toml")).code)

    def test_into_a_database_of_ones_own(self):
        path = self.pipeline()
        self.run_tasks(path, 2)
        target = Sqlite(self.folder, "own.db")
        self.run_pipeline(path, "--set", f"db.path={target.path}", "--limit", "2")
        result = etl.run("merge", path, "--into", "own.db", "--format", "json", cwd=self.folder)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual(2, self.sums(result)["skipped"])
        self.assert_whole(target)

    def test_columns_that_do_not_fit(self):
        path = self.pipeline()
        self.run_tasks(path, 2)
        Sqlite(self.folder, "out-1.db").execute("ALTER TABLE pageviews RENAME COLUMN views TO vues;")
        result = self.merge(path, expect=etl.FAILED)
        one, = [each for each in result.json["sinks"]["db"]["tasks"] if "error" in each]
        self.assertEqual(1, one["task"])
        self.assertIn("views", one["error"])

    def test_gnu_parallel(self):
        path = self.pipeline()
        for engine, text in ((["kubernetes", "--image", "x"], "pod"), (["slurm", "--dry-run"], None)):
            result = etl.run("submit", path, "--engine", *engine, cwd=self.folder)
            self.assertEqual(etl.CONFIG if text else etl.OK, result.code, str(result))
            self.assertIn(text or "--array", result.all)
        with etl.start("submit", path, "--engine", "parallel", "--tasks", "3", "--wait", "--format", "json",
                       cwd=self.folder) as running:
            result = running.wait()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_summary(result, total=HOURS, done=HOURS)
        self.merge(path)
        self.assert_whole()


if __name__ == "__main__":
    unittest.main()
