"""Upserts whose partitions have keys in common: `order` and `combine`."""

import collections
import gzip
import unittest

from support import etl
from support.case import START, EtlCase, HOUR, Postgres, write_hour

KEY = ["domain_code", "title"]
HOURS = ["fr Paris 10 0\nfr Lyon 1 0\nfr Paris 2 0\n", "fr Paris 11 0\nfr Nice 5 0\n", "fr Paris 12 0\nfr Lyon 3 0\n"]


class Upserts:
    """Tests for a database."""

    def database(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.paths = [write_hour(self.folder, START + hour * HOUR, text) for hour, text in enumerate(HOURS)]

    def pipeline(self, database, **sink):
        return self.write(self.main_job(self.folder, database, sink={"mode": "upsert", "key": KEY, **sink}))

    def views(self, database):
        return {title: int(views) for title, views in database.rows(("title", "views"))}

    def newest(self):
        """What the hour files say, read by this test: the last views of each title."""
        return {line.split()[1]: int(line.split()[2]) for path in self.paths
                for line in gzip.decompress(path.read_bytes()).decode().splitlines()}

    def totals(self):
        total = collections.Counter()
        for path in self.paths:
            for line in gzip.decompress(path.read_bytes()).decode().splitlines():
                total[line.split()[1]] += int(line.split()[2])
        return dict(total)

    def load_late(self, path, *arguments):
        """Runs the pipeline while the first hour is not published yet, and once more when it is."""
        first, late = self.paths[0], self.folder / "late.gz"
        first.rename(late)
        self.assert_summary(self.run_pipeline(path, *arguments), status="ok", done=2, missing=1)
        late.rename(first)
        return self.run_pipeline(path, *arguments)

    def test_a_late_hour_does_not_replace_a_newer_one(self):
        for order in {}, {"order": ["hour"]}:
            database = self.database()
            result = self.load_late(self.pipeline(database, **order))
            self.assert_summary(result, done=1, skipped=2)
            self.assertEqual(self.newest(), self.views(database))
            self.assertEqual(not order, "no order is given, and the key does not contain \"hour\"" in result.err)

    def test_in_processes(self):
        database = self.database()
        self.load_late(self.pipeline(database, order=["hour"]), "--executor", "processes", "--workers", "2")
        self.assertEqual(self.newest(), self.views(database))

    def test_each_hour_is_added_once(self):
        database = self.database()
        path = self.pipeline(database, order=["hour"], combine={"views": "sum"})
        self.load_late(path)
        self.assertEqual(self.totals(), self.views(database))
        self.assert_summary(self.run_pipeline(path), done=0, skipped=3)
        self.assertEqual(self.totals(), self.views(database))

    def test_each_hour_is_added_once_though_runs_are_killed(self):
        for executor in "threads", "processes":
            database = self.database()
            path = self.pipeline(database, combine={"views": "sum"})
            for fault in "sink.commit@2=kill", "sink.committed@1=kill":
                etl.run("run", path, "--executor", executor, "--fault", fault)
            self.run_pipeline(path)
            self.assertEqual(self.totals(), self.views(database))

    def test_what_was_added_is_not_taken_out_again(self):
        database = self.database()
        path = self.pipeline(database, combine={"views": "sum"})
        self.run_pipeline(path)
        failures = self.run_pipeline(path, "--reload", expect=etl.FAILED).json["failures"]
        self.assertEqual(3, len(failures))
        forgotten = etl.run("state", path, "forget", "*", "--delete-rows")
        self.assertEqual(etl.FAILED, forgotten.code, str(forgotten))
        for text in [failure["error"] for failure in failures] + [forgotten.out + forgotten.err]:
            self.assertIn("combine has added its rows to those of other partitions", text)
        self.assertEqual(self.totals(), self.views(database))

    def test_entries_of_combine_on_the_command_line(self):
        database = self.database()
        self.run_pipeline(self.pipeline(database), "--set", "db.combine.views=max")
        self.assertEqual({"Paris": 12, "Lyon": 3, "Nice": 5}, self.views(database))

    def test_another_combine_is_another_definition(self):
        database = self.database()
        path = self.pipeline(database, combine={"views": "sum"})
        self.run_pipeline(path)
        result = self.run_pipeline(path, "--set", "db.combine.views=max", expect=etl.CONFIG)
        self.assertIn('stage "db" changed', result.err)

    def test_mistakes_are_found_by_validate(self):
        for sink, words in (({"combine": {"views": "summ"}}, '(key "views") cannot be "summ"'),
                            ({"combine": {"veiws": "sum"}}, 'no column "veiws"'),
                            ({"combine": {"hour": "sum"}}, 'column "hour" is timestamp[s], for which there is no "sum"'),
                            ({"order": ["day"]}, 'no column "day"')):
            with self.subTest(sink):
                result = etl.run("validate", self.pipeline(self.database(), **sink))
                self.assertEqual(etl.CONFIG, result.code, str(result))
                self.assertIn(words, result.out + result.err)

    def test_the_plan_says_what_holds_without_an_order(self):
        plan = etl.run("plan", self.pipeline(self.database()))
        self.assertIn("no order is given: of rows with the same key from several partitions", plan.err)
        plan = etl.run("plan", self.pipeline(self.database(), order=["hour"]))
        self.assertNotIn("no order", plan.err)


class UpsertsPostgres(Upserts, EtlCase):
    def database(self):
        return Postgres()


class UnknownRowsPostgres(EtlCase):
    """A table without its ledger is not loaded once more."""

    def test_a_table_that_was_moved(self):
        write_hour(self.folder, START, HOURS[0])
        database = Postgres()
        path = self.write(self.main_job(self.folder, database, 1))
        self.run_pipeline(path)
        for statement in ("CREATE SCHEMA stats", "ALTER TABLE pageviews SET SCHEMA stats"):
            database.execute(statement)
        moved = "--set", "db.table=stats.pageviews"
        for verb in "validate", "plan", "run":
            result = etl.run(verb, path, *moved)
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn("table stats.pageviews has rows, but there is no stats.etl_ledger", result.out + result.err)
        self.assertEqual([("3",)], [tuple(map(str, row)) for row in
                                    database.query("SELECT count(*) FROM stats.pageviews")])
        self.run_pipeline(path, *moved, "--set", "db.existing_rows=keep")
        self.assertEqual([("6",)], [tuple(map(str, row)) for row in
                                    database.query("SELECT count(*) FROM stats.pageviews")])


if __name__ == "__main__":
    unittest.main()
