"""`etl state forget`, and the reasons that `etl plan` shows for pending partitions."""

import unittest

from oracle import oracle
from support import etl
from support.case import HOUR, START, EtlCase, Postgres, Sqlite, hour_files, ledger, moment

SECRET = "hush-hush-hush"


class StateCase(EtlCase):
    hours = 3

    def forget(self, path, glob, *arguments, expect=etl.OK):
        """The JSON output of `etl state FILE forget GLOB`."""
        result = etl.run("state", path, "forget", glob, "--format", "json", *arguments)
        self.assertEqual(expect, result.code, str(result))
        return result.json

    def text(self, *arguments, expect=etl.OK):
        result = etl.run(*arguments)
        self.assertEqual(expect, result.code, str(result))
        return result.out

    def plan(self, path, *arguments):
        """{partition: {sink: state in its ledger}} from `etl plan`."""
        result = etl.run("plan", path, "--format", "json", *arguments)
        self.assertEqual(etl.OK, result.code, str(result))
        for entry in result.json["partitions"]:
            self.assertIn(entry["state"], ("pending", "done", "failed", "missing"))
        return {entry["partition"]: entry["sinks"] for entry in result.json["partitions"]}

    def expected(self, base, *hours):
        return list(oracle.expect([self.hour_path(base, index) for index in hours], oracle.languages("fr")))

    def count(self, base, hour):
        return len(self.expected(base, hour))


class Forget:
    """Tests for both databases."""

    def database(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.base = hour_files(3000, 4)
        self.db = self.database()
        self.job = self.main_job(self.base, self.db)
        self.path = self.write(self.job)

    def test_the_record_goes_and_the_rows_stay(self):
        self.run_pipeline(self.path)
        answer = self.forget(self.path, self.partition(1))
        entry, = answer["partitions"]
        self.assertEqual(("db", "pageviews", self.partition(1), "done", True, 0),
                         tuple(entry[key] for key in ("sink", "source", "partition", "state", "forgotten",
                                                      "rows_deleted")))
        self.assertEqual(self.count(self.base, 1), entry["rows_written"])
        self.assertEqual({("db", self.partition(0)), ("db", self.partition(2))}, set(ledger(self.db)))
        self.assert_table(self.db, self.base, 3)
        self.assertEqual({"state": "pending", "reason": "new"}, self.plan(self.path)[self.partition(1)]["db"])
        self.assert_summary(self.run_pipeline(self.path), done=1, skipped=2)
        twice = self.expected(self.base, 0, 1, 1, 2)
        self.assert_rows(twice, self.db.rows())

    def test_the_rows_go_when_asked(self):
        self.run_pipeline(self.path)
        entry, = self.forget(self.path, self.partition(1), "--delete-rows")["partitions"]
        self.assertEqual(self.count(self.base, 1), entry["rows_deleted"])
        self.assert_rows(self.expected(self.base, 0, 2), self.db.rows())
        self.assertEqual({("db", self.partition(0)), ("db", self.partition(2))}, set(ledger(self.db)))
        self.run_pipeline(self.path)
        self.assert_table(self.db, self.base, 3)
        self.assert_ledger(self.db, self.base, 3)

    def test_a_glob_matches_several(self):
        self.run_pipeline(self.path)
        answer = self.forget(self.path, "*-0[12]0000")
        self.assertEqual([self.partition(0), self.partition(1)],
                         sorted(entry["partition"] for entry in answer["partitions"]))
        self.assertEqual({("db", self.partition(2))}, set(ledger(self.db)))

    def test_failed_partitions_are_forgotten_too(self):
        base = self.copy_tree(self.base)
        self.hour_path(base, 1).write_bytes(b"no gzip")
        path = self.write(self.main_job(base, self.db, run={"retries": 0}))
        self.run_pipeline(path, expect=etl.FAILED)
        entry, = self.forget(path, self.partition(1), "--delete-rows")["partitions"]
        self.assertEqual(("failed", True, 0), (entry["state"], entry["forgotten"], entry["rows_deleted"]))
        self.assertNotIn(("db", self.partition(1)), ledger(self.db))
        self.assert_rows(self.expected(self.base, 0, 2), self.db.rows())

    def test_a_partition_that_the_plan_no_longer_has(self):
        self.run_pipeline(self.path)
        later = f"pageviews.start={moment(START + HOUR)}"
        before = self.snapshot(self.db)
        entry, = self.forget(self.path, self.partition(0), "--set", later, "--delete-rows",
                             expect=etl.FAILED)["partitions"]
        self.assertFalse(entry["forgotten"])
        for part in (self.partition(0), "the plan no longer has it", "without --delete-rows"):
            self.assertIn(part, entry["error"])
        self.assertEqual(before, self.snapshot(self.db))
        entry, = self.forget(self.path, self.partition(0), "--set", later)["partitions"]
        self.assertTrue(entry["forgotten"])
        self.assertNotIn(("db", self.partition(0)), ledger(self.db))

    def test_rows_of_others_are_never_deleted(self):
        self.run_pipeline(self.path)
        hour = oracle.expect([self.hour_path(self.base, 1)], oracle.languages("fr"))
        values = ", ".join("'" + str(value).replace("'", "''") + "'" for value in next(iter(hour)))
        self.db.execute(f"INSERT INTO pageviews VALUES ({values});")
        before = self.snapshot(self.db)
        answer = self.forget(self.path, "*", "--delete-rows", expect=etl.FAILED)
        refused = {entry["partition"]: entry for entry in answer["partitions"] if not entry["forgotten"]}
        self.assertEqual([self.partition(1)], list(refused), "the others are forgotten all the same")
        self.assertIn("Nothing was changed", refused[self.partition(1)]["error"])
        self.assertEqual({("db", self.partition(1))}, set(ledger(self.db)))
        self.assertEqual(self.count(self.base, 1) + 1, len(list(self.db.rows())))
        self.assertNotEqual(before, self.snapshot(self.db))

    def refused(self, path, glob, *arguments):
        result = etl.run("state", path, "forget", glob, *arguments)
        self.assertEqual(etl.FAILED, result.code, str(result))
        return result.err

    def test_a_glob_that_matches_nothing_is_an_error(self):
        self.assertIn("none of 0 records", self.refused(self.path, "*"))
        self.assertNotIn("etl_ledger", self.db.tables() if self.db.exists() else ())
        self.run_pipeline(self.path)
        before = self.snapshot(self.db)
        for form in ("text", "json"):
            self.assertIn(f'none of 3 records in the ledger of pipeline "{self.job["name"]}" is of a partition that '
                          'matches "*1999*"', self.refused(self.path, "*1999*", "--format", form))
        other = self.write({**self.job, "name": "other"}, "other.toml")
        self.assertIn("none of 0 records", self.refused(other, "*"))
        self.assertEqual(before, self.snapshot(self.db))

    def test_text(self):
        self.run_pipeline(self.path)
        text = self.text("state", self.path, "forget", self.partition(0))
        for part in (self.partition(0), "db", "done", "its rows stay", "1 of 1 forgotten", "--delete-rows",
                     "next run loads"):
            self.assertIn(part, text)
        text = self.text("state", self.path, "forget", self.partition(1), "--delete-rows")
        self.assertIn(f"{self.count(self.base, 1):,} rows deleted", text)

    def test_plan_says_why(self):
        base = self.copy_tree(hour_files(3000, 4))
        self.hour_path(base, 0).unlink()
        self.hour_path(base, 1).write_bytes(b"no gzip")
        path = self.write(self.main_job(base, self.db, 4, run={"retries": 1}))
        self.run_pipeline(path, "--limit", "3", expect=etl.FAILED)
        sinks = [self.plan(path)[self.partition(index)]["db"] for index in range(4)]
        self.assertEqual(["missing", "failed", "done", "pending"], [sink["state"] for sink in sinks])
        self.assertEqual(["missing", "failed", None, "new"], [sink.get("reason") for sink in sinks])
        known = ledger(self.db)
        for index in range(3):
            row = known["db", self.partition(index)]
            self.assertEqual(row["attempts"], sinks[index]["attempts"])
            self.assertEqual(row["error"], sinks[index].get("error"))
            self.assertEqual(f'{str(row["finished_at"])[:19]}Z', sinks[index]["finished_at"])
            self.assertEqual(row["run_id"], sinks[index]["run_id"])
        self.assertEqual(self.count(base, 2), sinks[2]["rows_written"])
        lines = {line.split()[0]: line for line in self.text("plan", path).splitlines() if line}
        self.assertIn("failed before: ", lines[self.partition(1)])
        self.assertIn("was missing: ", lines[self.partition(0)])
        self.assertIn("never tried, or forgotten", lines[self.partition(3)])
        self.assertNotIn("never tried", lines[self.partition(2)])


class ForgetInSqlite(Forget, StateCase):
    def database(self):
        return Sqlite(self.folder)


class ForgetInPostgres(Forget, StateCase):
    def database(self):
        return Postgres()


class SeveralSinks(StateCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(3000, 3)
        self.files, self.server = Sqlite(self.folder), Postgres()
        self.job = self.main_job(self.base, self.files)
        self.job["sinks"]["far"] = {"input": "french", **self.server.sink()}
        self.path = self.write(self.job)

    def test_every_sink_forgets_or_the_one_named(self):
        self.run_pipeline(self.path)
        answer = self.forget(self.path, self.partition(0))
        self.assertEqual(["db", "far"], [entry["sink"] for entry in answer["partitions"]])
        answer = self.forget(self.path, self.partition(1), "--sink", "far", "--delete-rows")
        self.assertEqual(["far"], [entry["sink"] for entry in answer["partitions"]])
        self.assertEqual({("db", self.partition(1)), ("db", self.partition(2))}, set(ledger(self.files)))
        self.assertEqual({("far", self.partition(2))}, set(ledger(self.server)))
        self.assert_table(self.files, self.base)
        self.assert_rows(self.expected(self.base, 0, 2), self.server.rows())

    def test_a_sink_that_cannot_be_reached(self):
        self.run_pipeline(self.path)
        away = f"far.dsn=host=/nowhere dbname=x password={SECRET}"
        answer = self.forget(self.path, self.partition(0), "--set", away, expect=etl.FAILED)
        self.assertEqual(["db"], [entry["sink"] for entry in answer["partitions"]])
        untouched, = answer["untouched_sinks"]
        self.assertEqual("far", untouched["sink"])
        self.assertIn("/nowhere", untouched["error"])
        self.assertIn(("far", self.partition(0)), ledger(self.server))
        sinks = self.plan(self.path, "--set", away)
        self.assertEqual({"state": "pending", "reason": "unreachable"}, sinks[self.partition(1)]["far"])
        self.assertEqual("done", sinks[self.partition(1)]["db"]["state"])
        text = self.text("plan", self.path, "--set", away)
        line = next(line for line in text.splitlines() if "unknown in far" in line)
        self.assertIn("cannot be reached", line)
        self.assertIn("3 with an unknown state in a sink", text)
        self.assertNotIn(SECRET, text + str(answer))

    def test_wrong_names(self):
        self.run_pipeline(self.path)
        before = self.snapshot(self.files)
        for flag, value, named in (("--sink", "bd", '"db"'), ("--source", "pageview", '"pageviews"')):
            result = etl.run("state", self.path, "forget", "*", flag, value)
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(named, result.err)
        for arguments in ((), (self.path,), (self.path, "forget"), (self.path, "remember", "*")):
            self.assertEqual(etl.USAGE, etl.run("state", *arguments).code)
        self.assertEqual(before, self.snapshot(self.files))

    def test_one_source_of_several(self):
        job = self.main_job(self.base, self.files)
        job["sources"]["again"] = self.source(self.base)
        job["filters"]["french"]["input"] = ["pageviews", "again"]
        path = self.write(job)
        self.run_pipeline(path)
        answer = self.forget(path, self.partition(0), "--source", "again")
        self.assertEqual(["again"], [entry["source"] for entry in answer["partitions"]])
        rows = self.files.query(f"SELECT source FROM etl_ledger WHERE partition = '{self.partition(0)}'")
        self.assertEqual([("pageviews",)], rows)
        # Partitions of a source that the file no longer has can still be forgotten.
        path = self.write(self.main_job(self.base, self.files))
        answer = self.forget(path, self.partition(1), "--source", "again")
        self.assertEqual([True], [entry["forgotten"] for entry in answer["partitions"]])

    def test_an_error_with_a_secret_is_concealed(self):
        self.run_pipeline(self.path)
        # As a third-party plugin might write it: with the value of a secret option in it.
        escaped = self.server.dsn.replace("'", "''")
        self.server.query(f"UPDATE etl_ledger SET state = 'failed', error = 'no way to {escaped}' "
                          f"WHERE partition = '{self.partition(0)}'")
        for form in ("text", "json"):
            text = self.text("plan", self.path, "--format", form)
            self.assertNotIn(self.server.dsn, text)
            self.assertIn("no way to ***", text)


if __name__ == "__main__":
    unittest.main()
