"""Nothing named is nothing done without a word: failures that the plan has left behind, and globs that match nothing."""

import gzip
import unittest

from support import etl
from support.case import HOUR, START, EtlCase, Postgres, Sqlite, hour_files


class LeftBehind:
    """Tests for both databases. Hour 0 failed; then the range of hours moves on."""

    def setUp(self):
        super().setUp()
        self.base = self.copy_tree(hour_files(2000, 3))
        self.good = self.hour_path(self.base, 0).read_bytes()
        self.hour_path(self.base, 0).write_bytes(b"no gzip")
        self.db = self.database()
        self.path = self.write(self.main_job(self.base, self.db, 2, run={"retries": 0}))
        self.run_pipeline(self.path, expect=etl.FAILED)
        self.write(self.main_job(self.base, self.db, 2, start=START + HOUR, run={"retries": 0}))
        self.lost = self.partition(0)

    def status(self, *arguments, expect=etl.OK):
        result = etl.run("status", self.path, "--format", "json", *arguments)
        self.assertEqual(expect, result.code, str(result))
        return result.json["sinks"]["db"]

    def test_a_run_names_them_at_its_end(self):
        summary = self.run_pipeline(self.path).json
        found, = summary["left_behind"]
        self.assertEqual(("pageviews", self.lost, "db"), tuple(found[key] for key in ("source", "partition", "sink")))
        self.assertIn("gzip", found["error"])
        self.assertIn(f"left behind: {self.lost} into db", etl.run("run", self.path).out)
        self.assertEqual(1, len(self.run_pipeline(self.path, "--only", self.partition(1)).json["left_behind"]))

    def test_status_names_them(self):
        self.run_pipeline(self.path)
        self.assertEqual([], self.status()["failures"])
        self.assertEqual([self.lost], [entry["partition"] for entry in self.status()["left_behind"]])
        self.assertEqual(1, len(self.status("--only", self.partition(1))["left_behind"]))
        text = etl.run("status", self.path).out
        self.assertIn(f"left behind, not in the plan any more: {self.lost}", text)
        self.status("--exit-code", expect=etl.FAILED)

    def test_planned_again_they_are_loaded(self):
        self.hour_path(self.base, 0).write_bytes(self.good)
        self.write(self.main_job(self.base, self.db, 3))
        self.assertEqual([], self.run_pipeline(self.path).json["left_behind"])
        self.assert_table(self.db, self.base, 3)
        self.assertEqual([], self.status("--exit-code")["left_behind"])

    def test_forgotten_they_are_named_no_more(self):
        self.assertEqual(etl.OK, etl.run("state", self.path, "forget", self.lost).code)
        self.assertEqual([], self.run_pipeline(self.path).json["left_behind"])
        self.assertEqual([], self.status("--exit-code")["left_behind"])


class LeftBehindInSqlite(LeftBehind, EtlCase):
    def database(self):
        return Sqlite(self.folder)


class LeftBehindInPostgres(LeftBehind, EtlCase):
    def database(self):
        return Postgres()


class ExitCodeOfStatus(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = self.copy_tree(hour_files(2000, 2))
        self.path = self.write(self.main_job(self.base, Sqlite(self.folder), 2, run={"retries": 0}))

    def code(self, *arguments):
        return etl.run("status", self.path, *arguments).code

    def test_pending_and_done_partitions_are_no_failures(self):
        self.assertEqual(etl.OK, self.code("--exit-code"))
        self.run_pipeline(self.path)
        self.assertEqual(etl.OK, self.code("--exit-code"))

    def test_failed_partitions(self):
        self.hour_path(self.base, 1).write_bytes(b"no gzip")
        self.run_pipeline(self.path, expect=etl.FAILED)
        self.assertEqual((etl.OK, etl.FAILED), (self.code(), self.code("--exit-code")))
        self.assertEqual(etl.OK, self.code("--exit-code", "--only", self.partition(0)))

    def test_a_sink_that_cannot_be_reached(self):
        job = self.main_job(self.base, Postgres("postgresql://127.0.0.1:1/none"), 2)
        self.path = self.write(job)
        self.assertEqual((etl.OK, etl.FAILED), (self.code(), self.code("--exit-code")))


class MatchingNothing(EtlCase):
    def setUp(self):
        super().setUp()
        self.database = Sqlite(self.folder)
        self.job = self.main_job(hour_files(2000, 2), self.database, 2)

    def refused(self, *arguments):
        result = etl.run(*arguments)
        self.assertEqual(etl.FAILED, result.code, str(result))
        return result.err

    def test_only(self):
        path = self.write(self.job)
        for verb in ("run", "plan", "status"):
            with self.subTest(verb):
                error = self.refused(verb, path, "--only", "pageviews-1999*")
                self.assertIn('--only: none of 2 partitions in the plan has an id that matches "pageviews-1999*"', error)
        self.run_pipeline(path, "--only", "pageviews-1999*", "--only", self.partition(1))
        self.assertEqual(1, len(self.database.query("SELECT * FROM etl_ledger")))

    def test_rejects(self):
        self.assertIn("no such file or folder", self.refused("rejects", self.folder / "nowhere"))
        folder = self.folder / "empty"
        folder.mkdir()
        self.assertIn("holds no rejects", self.refused("rejects", folder))
        kept = self.folder / "kept"
        kept.mkdir()
        base = self.copy_tree(hour_files(2000, 1))
        with gzip.open(self.hour_path(base, 0), "at") as file:
            file.write("fr Paris\n")
        self.run_pipeline(self.main_job(base, self.database, 1, run={"rejects": f"{kept}/"}))
        self.assertEqual(etl.OK, etl.run("rejects", kept).code)
        for wrong in (["--reason", "fewer"], ["--partition", "pageviews-1999*"]):
            self.assertIn("none of 1 reject matches", self.refused("rejects", kept, *wrong))


if __name__ == "__main__":
    unittest.main()
