"""French page views of some hours are loaded into a table: rows, counts, and repetition."""

import unittest

from oracle import oracle
from support import etl
from support.case import (FRENCH, LEDGER_COLUMNS, START, EtlCase, Postgres, Sqlite, hour_files, ledger,
                          write_hour)
from support.nginx import Nginx


class MainJob:
    """Tests for both databases."""

    def database(self):
        raise NotImplementedError

    def test_from_a_folder(self):
        base, database = hour_files(20000, 4), self.database()
        result = self.run_pipeline(self.main_job(base, database, 4))
        self.assert_table(database, base)
        self.assert_ledger(database, base)
        written = len(list(database.rows()))
        summary = self.assert_summary(result, total=4, done=4, skipped=0, failed=0, missing=0,
                                      rows={"read": 80000, "rejected": 0, "written": written,
                                            "filtered": 80000 - written})
        self.assertEqual("main-job", summary["pipeline"])
        self.assertEqual("exactly-once", summary["delivery"])
        self.assertEqual([], summary["failures"])
        self.assertGreater(summary["bytes"]["decoded"], 80000 * 20)
        self.assertGreater(summary["peak_memory_bytes"], 1 << 20)

    def test_from_a_web_server(self):
        base, database = hour_files(20000, 4), self.database()
        with Nginx(base) as server:
            result = self.run_pipeline(self.main_job(server.url, database, 4))
            requests = server.requests()
        self.assert_table(database, base)
        self.assert_ledger(database, base)
        size = sum(path.stat().st_size for path in oracle.files(base))
        self.assertEqual(size, result.json["bytes"]["downloaded"])
        self.assertEqual(4, sum(line.startswith("GET") for line in requests), requests)

    def test_malformed_and_nasty_lines(self):
        base, database = hour_files(3000, 3, traps=True, members=3), self.database()
        result = self.run_pipeline(self.main_job(base, database))
        self.assert_table(database, base)
        self.assert_ledger(database, base)
        self.assertGreater(result.json["rows"]["rejected"], 60)
        # Since February 2023, another writer quotes titles.
        self.assertIn('Alain_"le_Vif"', {row[2] for row in database.rows()})

    def test_quotes_before_spark(self):
        start = START.replace(year=2016)
        base, database = hour_files(3000, 2, start=start, traps=True), self.database()
        self.run_pipeline(self.main_job(base, database, 2, start=start))
        self.assert_table(database, base, start=start)

    def test_all_rows_without_a_filter(self):
        base, database = hour_files(3000, 2, traps=True), self.database()
        pipeline = self.main_job(base, database, 2)
        del pipeline["filters"]
        pipeline["sinks"]["db"]["input"] = "pageviews"
        self.run_pipeline(pipeline)
        self.assert_table(database, base, keep=oracle.everything)
        self.assert_ledger(database, base, keep=oracle.everything)

    def test_a_second_run_changes_nothing(self):
        base, database = hour_files(5000, 3), self.database()
        path = self.write(self.main_job(base, database))
        self.run_pipeline(path)
        before = self.snapshot(database)
        result = self.run_pipeline(path)
        self.assert_summary(result, total=3, done=0, skipped=3, failed=0, rows={"written": 0})
        self.assertEqual(before, self.snapshot(database))

    def test_more_hours_are_added(self):
        base, database = hour_files(5000, 4), self.database()
        self.run_pipeline(self.main_job(base, database, 2))
        self.assert_table(database, base, hours=2)
        result = self.run_pipeline(self.main_job(base, database, 4))
        # The time range determines which partitions exist, not their content.
        self.assert_summary(result, total=4, done=2, skipped=2)
        self.assert_table(database, base)

    def test_number_of_workers(self):
        base = hour_files(10000, 6)
        found = []
        for workers in (1, 2, 8):
            database = self.database()
            self.run_pipeline(self.main_job(base, database, 6), "--workers", workers)
            self.assert_ledger(database, base)
            found.append(oracle.Digest(database.rows()))
        self.assertEqual(oracle.Digest(oracle.expect(oracle.files(base), FRENCH)), found[0])
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[0], found[2])

    def test_columns(self):
        columns = ["hour", "domain_code", "language", "project", "access", "title", "views", "response_bytes"]
        base, database = hour_files(5000, 2, traps=True), self.database()
        self.run_pipeline(self.main_job(base, database, 2, columns=columns))
        self.assertEqual(columns, database.columns("pageviews"))
        self.assert_table(database, base, columns=columns)

    def test_exact_codes(self):
        base, database = hour_files(20000, 2), self.database()
        pipeline = self.main_job(base, database, 2)
        pipeline["filters"]["french"] = {"plugin": "language", "input": "pageviews", "codes": ["fr", "fr.m"]}
        self.run_pipeline(pipeline)
        keep = oracle.codes("fr", "fr.m")
        self.assert_table(database, base, keep=keep)
        self.assert_ledger(database, base, keep=keep)

    def test_projects_and_access(self):
        base, database = hour_files(20000, 2), self.database()
        pipeline = self.main_job(base, database, 2)
        pipeline["filters"]["french"].update(projects=["wikipedia"], access=["mobile"])
        self.run_pipeline(pipeline)
        self.assert_table(database, base, keep=oracle.codes("fr.m"))

    def test_upsert(self):
        base, database = hour_files(3000, 2), self.database()
        key = ["hour", "domain_code", "title"]
        path = self.write(self.main_job(base, database, 2, sink={"mode": "upsert", "key": key}))
        self.run_pipeline(path)
        self.assert_table(database, base)
        database.execute("UPDATE pageviews SET views = -1")
        self.run_pipeline(path, "--reload")
        self.assert_table(database, base)
        with self.assertRaises(Exception):  # the key is the table's primary key
            database.execute("INSERT INTO pageviews SELECT * FROM pageviews")

    def test_upsert_keeps_the_later_row_of_a_key(self):
        database = self.database()
        write_hour(self.folder, START, "fr A 1 0\nfr B 2 0\nfr A 3 0\nfr C 4 0\nfr A 5 0\n")
        self.run_pipeline(self.main_job(self.folder, database, 1,
                                        sink={"mode": "upsert", "key": ["hour", "domain_code", "title"]}))
        self.assertEqual([("A", "5"), ("B", "2"), ("C", "4")], sorted(row[2:] for row in database.rows()))

    def test_the_ledger(self):
        base, database = hour_files(5000, 3), self.database()
        result = self.run_pipeline(self.main_job(base, database))
        self.assertEqual(LEDGER_COLUMNS, [name for name in database.columns("etl_ledger")
                                          if name in LEDGER_COLUMNS])
        rows = ledger(database)
        self.assertEqual({("db", self.partition(i)) for i in range(3)}, set(rows))
        for (_, partition), row in rows.items():
            self.assertEqual(("main-job", "pageviews", "db"), (row["pipeline"], row["source"], row["sink"]))
            self.assertEqual(result.json["run_id"], row["run_id"])
            self.assertTrue(row["source_uri"].endswith(partition + ".gz"), row)
            self.assertEqual(self.hour_path(base, 0).stat().st_size if partition == self.partition(0)
                             else row["source_bytes"], row["source_bytes"])
            self.assertEqual(1, row["attempts"])
            self.assertIn(row["error"], (None, ""))
            self.assertTrue(row["definition"])
            self.assertLessEqual(row["started_at"], row["finished_at"])
        self.assertEqual(len(list(database.rows())), sum(row["rows_written"] for row in rows.values()))

    def test_an_existing_table_that_does_not_fit_is_refused(self):
        base, database = hour_files(2000, 3), self.database()
        database.execute("CREATE TABLE pageviews (hour TEXT, headline TEXT)")
        result = self.run_pipeline(self.main_job(base, database), expect=etl.CONFIG)
        self.assertIn("pageviews", result.err)
        self.assertIn("title", result.err)
        self.assertEqual([(0,)], [(int(number),) for number, in database.query("SELECT count(*) FROM pageviews")])


class MainJobSqlite(MainJob, EtlCase):
    def database(self):
        self.made = getattr(self, "made", 0) + 1
        return Sqlite(self.folder, f"pageviews{self.made}.db")

    def test_unix_timestamps(self):
        base, database = hour_files(2000, 2), self.database()
        self.run_pipeline(self.main_job(base, database, 2, sink={"timestamps": "unix"}))
        start = int(START.timestamp())
        self.assertEqual([(start,), (start + 3600,)], sorted(set(database.query("SELECT hour FROM pageviews"))))

    def test_hour_is_text_that_sqlite_understands(self):
        base, database = hour_files(2000, 2), self.database()
        self.run_pipeline(self.main_job(base, database, 2))
        self.assertEqual([("2024-03-01 01:00:00",)],
                         database.query("SELECT DISTINCT datetime(hour, '+1 hour') FROM pageviews ORDER BY 1 LIMIT 1"))


class MainJobPostgres(MainJob, EtlCase):
    def database(self):
        return Postgres()

    def test_table_in_a_schema(self):
        base, database = hour_files(2000, 2), self.database()
        database.query('CREATE SCHEMA stats')
        path = self.write(self.main_job(base, database, 2, sink={"table": "stats.views"}))
        self.run_pipeline(path)
        self.assert_table(database, base, table="stats.views")
        self.assertEqual(2, self.run_pipeline(path).json["partitions"]["skipped"])
        self.assert_table(database, base, table="stats.views")

    def test_types(self):
        base, database = hour_files(2000, 1), self.database()
        self.run_pipeline(self.main_job(base, database, 1))
        types = dict(database.query("SELECT column_name, data_type FROM information_schema.columns "
                                    "WHERE table_name = 'pageviews'"))
        self.assertEqual({"hour": "timestamp with time zone", "domain_code": "text", "title": "text",
                          "views": "bigint"}, types)


if __name__ == "__main__":
    unittest.main()
