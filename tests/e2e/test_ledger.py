"""The ledger handles changed definitions, failed partitions and sinks that lag behind."""

import unittest

from oracle import oracle
from support import etl
from support.case import START, EtlCase, HOUR, Postgres, Sqlite, hour_files, ledger, write_hour


class Ledger:
    """Tests for both databases."""

    def database(self):
        raise NotImplementedError

    def test_too_many_rejects(self):
        database = self.database()
        for index in range(3):
            bad = "fr short 1\n" * (6 if index == 1 else 5)
            write_hour(self.folder, START + index * HOUR, f"fr A 1 0\n{bad}fr B 2 0\n")
        result = self.run_pipeline(self.main_job(self.folder, database, run={"max_rejects": 5}), expect=etl.FAILED)
        summary = self.assert_summary(result, status="failed", total=3, done=2, failed=1)
        failure, = summary["failures"]
        self.assertEqual((self.partition(1), "db"), (failure["partition"], failure["sink"]))
        self.assertIn("max_rejects", failure["error"])
        self.assertEqual("failed", ledger(database)["db", self.partition(1)]["state"])
        self.assertEqual(4, len(list(database.rows())))
        self.run_pipeline(self.main_job(self.folder, database))
        self.assert_table(database, self.folder)
        self.assert_ledger(database, self.folder)

    def test_a_changed_filter_stops_the_run(self):
        base, database = hour_files(3000, 3), self.database()
        self.run_pipeline(self.main_job(base, database))
        before = self.snapshot(database)
        changed = self.write(self.main_job(base, database, languages=["de"]))
        result = self.run_pipeline(changed, expect=etl.CONFIG)
        self.assertIn("french", result.err)
        self.assertIn("--reload", result.err)
        self.assertEqual(before, self.snapshot(database))
        result = self.run_pipeline(changed, "--reload")
        self.assert_summary(result, total=3, done=3, skipped=0)
        self.assert_table(database, base, keep=oracle.languages("de"))
        self.assert_ledger(database, base, keep=oracle.languages("de"))
        self.assert_summary(self.run_pipeline(changed), done=0, skipped=3)

    def test_a_change_after_which_the_plan_has_moved_on(self):
        base, database = hour_files(3000, 3), self.database()
        self.run_pipeline(self.main_job(base, database))
        later = self.write(self.main_job(base, database, hours=2, languages=["de"], start=START + HOUR))
        self.assert_summary(self.run_pipeline(later, "--reload"), total=2, done=2)
        # The error names partitions that can no longer be loaded, and the remedy.
        result = self.run_pipeline(later, expect=etl.CONFIG)
        self.assertIn(f'1 partition in sink "db", "{self.partition(0)}", was loaded', result.err)
        self.assertIn("etl state FILE forget", result.err)
        forgotten = etl.run("state", later, "forget", self.partition(0))
        self.assertEqual(etl.OK, forgotten.code, str(forgotten))
        self.assert_summary(self.run_pipeline(later), total=2, done=0, skipped=2)

    def test_changed_columns_stop_the_run(self):
        base, database = hour_files(3000, 3), self.database()
        self.run_pipeline(self.main_job(base, database))
        before = self.snapshot(database)
        changed = self.main_job(base, database, columns=["hour", "domain_code", "views", "title"])
        result = self.run_pipeline(changed, expect=etl.CONFIG)
        self.assertIn("pageviews", result.err)
        self.assertIn("--reload", result.err)
        self.assertEqual(before, self.snapshot(database))

    def test_operational_options_may_change(self):
        base, database = hour_files(3000, 3), self.database()
        self.run_pipeline(self.main_job(base, database))
        result = self.run_pipeline(self.main_job(base, database, connections=1, contact="x@example.org",
                                                 run={"retries": 1, "workers": 1, "memory_limit": "64MiB"}))
        self.assert_summary(result, skipped=3, done=0)

    def test_reload_of_one_partition(self):
        base, database = self.copy_tree(hour_files(3000, 3)), self.database()
        path = self.write(self.main_job(base, database))
        self.run_pipeline(path)
        write_hour(base, START + HOUR, "fr Corrigé 7 0\nde Falsch 1 0\n")
        self.assert_summary(self.run_pipeline(path, "--only", self.partition(1), "--reload"), total=1, done=1)
        self.assert_table(database, base)
        self.assert_ledger(database, base)

    def test_a_dropped_table(self):
        base, database = hour_files(3000, 4), self.database()
        path = self.write(self.main_job(base, database, hours=3))
        self.run_pipeline(path)
        rows = len(list(database.rows()))
        database.execute("DROP TABLE pageviews")
        for arguments in ("validate", path), ("run", path), ("run", path, "--reload"):
            result = etl.run(*arguments)
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(f"its ledger counts {rows:,} rows in it, of 3 partitions", result.err + result.out)
        self.assertNotIn("pageviews", database.tables())
        forgotten = etl.run("state", path, "forget", "*")
        self.assertEqual(etl.OK, forgotten.code, str(forgotten))
        self.assert_summary(self.run_pipeline(self.main_job(base, database, hours=4)), total=4, done=4)
        self.assert_table(database, base)
        self.assert_ledger(database, base)

    def test_a_renamed_table(self):
        base, database = hour_files(3000, 3), self.database()
        path = self.write(self.main_job(base, database))
        self.run_pipeline(path)
        database.execute("ALTER TABLE pageviews RENAME TO elsewhere")
        self.run_pipeline(path, expect=etl.CONFIG)
        database.execute("ALTER TABLE elsewhere RENAME TO pageviews")
        self.assert_summary(self.run_pipeline(path), done=0, skipped=3)

    def test_rows_deleted_for_retention(self):
        base, database = hour_files(3000, 3), self.database()
        self.run_pipeline(self.main_job(base, database, hours=2))
        database.execute("DELETE FROM pageviews")
        self.assert_summary(self.run_pipeline(self.main_job(base, database)), total=3, done=1, skipped=2)
        self.assert_rows(oracle.expect([self.hour_path(base, 2)], oracle.languages("fr")), database.rows())

    def test_another_name_is_another_pipeline(self):
        base, database = hour_files(3000, 3), self.database()
        self.run_pipeline(self.main_job(base, database))
        self.run_pipeline(self.main_job(base, database, languages=["de"], name="other", sink={"table": "german"}))
        self.assert_table(database, base)
        self.assert_table(database, base, keep=oracle.languages("de"), table="german")

    def test_a_partition_that_the_sink_refuses(self):
        base, database = hour_files(3000, 3), self.database()
        path = self.write(self.main_job(base, database, run={"retries": 0}))
        self.run_pipeline(path, "--limit", "1")
        database.refuse("2024-03-01 01:00:00")
        result = self.run_pipeline(path, expect=etl.FAILED)
        summary = self.assert_summary(result, status="failed", total=3, done=1, skipped=1, failed=1)
        failure, = summary["failures"]
        self.assertEqual((self.partition(1), "db"), (failure["partition"], failure["sink"]))
        self.assertIn("refused by the test", failure["error"])
        self.assert_rows((row for i in (0, 2) for row in oracle.expect(
            [self.hour_path(base, i)], oracle.languages("fr"))), database.rows())
        database.accept()
        self.assert_summary(self.run_pipeline(path), done=1, skipped=2)
        self.assert_table(database, base)
        self.assert_ledger(database, base)


class LedgerSqlite(Ledger, EtlCase):
    def database(self):
        return Sqlite(self.folder)


class LedgerPostgres(Ledger, EtlCase):
    def database(self):
        return Postgres()


class TwoSinks(EtlCase):
    """One pass over the source loads two databases, each with its own ledger."""

    def pipeline(self, base, one, other):
        pipeline = self.main_job(base, one, run={"retries": 0})
        pipeline["sinks"] = {"file": {"input": "french", **one.sink()},
                             "warehouse": {"input": "french", **other.sink()}}
        return self.write(pipeline)

    def test_both_are_filled(self):
        base, one, other = hour_files(5000, 3), Sqlite(self.folder), Postgres()
        path = self.pipeline(base, one, other)
        summary = self.assert_summary(self.run_pipeline(path), total=3, done=3)
        self.assertEqual(2, len(summary["sinks"]))
        for database, sink in ((one, "file"), (other, "warehouse")):
            self.assert_table(database, base)
            self.assert_ledger(database, base, sink=sink)
        self.assert_summary(self.run_pipeline(path), done=0, skipped=3)

    def test_one_fails_and_is_repaired(self):
        base, one, other = hour_files(5000, 3), Sqlite(self.folder), Postgres()
        path = self.pipeline(base, one, other)
        self.run_pipeline(path, "--limit", "1")
        other.refuse("2024-03-01 02:00:00")
        failure, = self.run_pipeline(path, expect=etl.FAILED).json["failures"]
        self.assertEqual((self.partition(2), "warehouse"), (failure["partition"], failure["sink"]))
        self.assert_table(one, base)
        self.assert_ledger(one, base, sink="file")
        self.assert_table(other, base, hours=2)
        before = self.snapshot(one)
        other.accept()
        self.run_pipeline(path)
        self.assert_table(other, base)
        self.assert_ledger(other, base, sink="warehouse")
        self.assertEqual(before, self.snapshot(one))

    def test_a_sink_is_added_later(self):
        base, one, other = hour_files(5000, 3), Sqlite(self.folder), Sqlite(self.folder, "other.db")
        pipeline = self.main_job(base, one)
        self.run_pipeline(pipeline)
        before = self.snapshot(one)
        pipeline["sinks"]["late"] = {"input": "french", **other.sink()}
        self.run_pipeline(pipeline)
        self.assertEqual(before, self.snapshot(one))
        self.assert_table(other, base)

    def test_two_tables_of_one_database(self):
        base, database = hour_files(5000, 3), Sqlite(self.folder)
        pipeline = self.main_job(base, database)
        pipeline["filters"]["german"] = {"plugin": "language", "input": "pageviews", "languages": ["de"]}
        pipeline["sinks"]["other"] = {"input": "german", **database.sink(table="german")}
        self.run_pipeline(pipeline)
        self.assert_table(database, base)
        self.assert_table(database, base, keep=oracle.languages("de"), table="german")
        self.assert_ledger(database, base)
        self.assert_ledger(database, base, sink="other", keep=oracle.languages("de"))


if __name__ == "__main__":
    unittest.main()
