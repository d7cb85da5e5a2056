"""Every shipped pipeline is valid and loads the oracle's rows from generated hours."""

import datetime
import unittest

from oracle import oracle
from support import etl
from support.case import HOUR, START, UTC, EtlCase, Postgres, Sqlite, hour_files

PIPELINES = sorted((etl.REPOSITORY / "pipelines").glob("*.toml"))
CONTACT = {"ETL_CONTACT": "reader@example.org"}


class Pipelines(EtlCase):
    def load(self, name, sink, keep):
        """Runs pipelines/NAME on three generated hours and compares the table."""
        base = hour_files(5000, 3, traps=True)
        pipeline = etl.REPOSITORY / "pipelines" / name
        if sink == "postgres":
            database = Postgres()
            target = ["--set", f"db.dsn={database.dsn}"]
        else:
            database = Sqlite(self.folder)
            target = ["--set", f"db.path={database.path}"]
        overrides = ["--set", f"pageviews.base_url=file://{base}", "--set", f"pageviews.start={START:%Y-%m-%dT%H:%M:%SZ}",
                     "--set", f"pageviews.end={START + 3 * HOUR:%Y-%m-%dT%H:%M:%SZ}", *target]
        self.assert_summary(self.run_pipeline(pipeline, *overrides), total=3, done=3)
        self.assert_table(database, base, keep=keep)
        self.assert_ledger(database, base, keep=keep)
        self.assert_summary(self.run_pipeline(pipeline, *overrides), done=0, skipped=3)

    def test_wikipedia_fr(self):
        self.load("wikipedia_fr.toml", "sqlite", oracle.languages("fr"))

    def test_wikipedia_fr_postgres(self):
        self.load("wikipedia_fr_postgres.toml", "postgres", oracle.languages("fr"))

    def test_wikipedia_week(self):
        self.load("wikipedia_week.toml", "sqlite", oracle.codes("fr"))

    def test_wikipedia_week_postgres(self):
        self.load("wikipedia_week_postgres.toml", "postgres", oracle.codes("fr"))

    def test_quickstart(self):
        self.load("quickstart.toml", "sqlite", oracle.languages("fr"))

    def test_none_is_forgotten(self):
        tests = {name[len("test_"):] for name in dir(self) if name.startswith("test_")}
        self.assertLessEqual({path.stem for path in PIPELINES}, tests)

    def test_all_are_valid(self):
        result = etl.run("validate", *PIPELINES, env=CONTACT)
        self.assertEqual(etl.OK, result.code, str(result))

    def test_they_want_a_contact(self):
        for path in PIPELINES:
            for verb in ("validate", "run", "preview"):
                result = etl.run(verb, path, env={"ETL_CONTACT": None})
                self.assertEqual(etl.CONFIG, result.code, str(result))
                self.assertIn("contact", result.err)

    def test_verbs_that_download_nothing_want_none(self):
        without = {"ETL_CONTACT": None, "HOME": None, "XDG_CACHE_HOME": None}
        self.assertEqual(etl.OK, etl.run("test", *PIPELINES, env=without).code)
        for path in PIPELINES:
            self.assertEqual(etl.OK, etl.run("graph", path, env=without).code)
        path = etl.REPOSITORY / "pipelines/wikipedia_fr.toml"
        target = ("--set", f"db.path={self.folder}/pageviews.db")
        for verb in (["plan", path], ["status", path]):
            result = etl.run(*verb, *target, env=without)
            self.assertEqual(etl.OK, result.code, str(result))
        result = etl.run("state", path, "forget", "*", *target, env=without)
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertIn("none of 0 records", result.err)

    def test_the_week_is_seven_whole_days(self):
        path = etl.REPOSITORY / "pipelines/wikipedia_week.toml"
        before = datetime.datetime.now(UTC)
        result = etl.run("plan", path, "--format", "json", "--set", f"db.path={self.folder}/week.db", env=CONTACT)
        after = datetime.datetime.now(UTC)
        self.assertEqual(etl.OK, result.code, str(result))
        found = [entry["partition"] for entry in result.json["partitions"]]
        expected = []
        for moment in (before, after):  # the hour may change in between
            first = moment.replace(minute=0, second=0, microsecond=0) - datetime.timedelta(days=15)
            expected.append([f"pageviews-{first + (i + 1) * HOUR:%Y%m%d-%H}0000" for i in range(168)])
        self.assertIn(found, expected)


if __name__ == "__main__":
    unittest.main()
