"""Mistakes in pipeline files are all reported at once, each at its position, before any data moves."""

import re
import unittest

from support import etl
from support.case import EtlCase, Postgres, Sqlite, hour_files, toml
from support.postgres import PostgresServer
from support.nginx import free_port

FIVE_MISTAKES = """\
name = "wrong"

[run]
wokers = 2

[sources.pageviews]
plugin = "wikipedia_pageviews"
start = 2024-03-01T00:00:00Z
end = 2024-03-01T03:00:00Z
base_ur = "file:///nowhere"
contact = "reader@example.org"

[filters.french]
plugin = "langage"
input = "pageviews"
languages = ["fr"]

[sinks.db]
plugin = "sqlite"
input = "frensh"
path = "pageviews.db"
table = "pageviews"
mode = "apend"
"""


class PipelineFile(EtlCase):
    def refused(self, text, *parts, verbs=("validate", "run", "plan", "preview")):
        """Every verb refuses the file with the same messages and creates nothing."""
        path = self.write(text)
        for verb in verbs:
            result = etl.run(verb, path, cwd=self.folder)
            self.assertEqual(etl.CONFIG, result.code, str(result))
            for part in parts:
                self.assertIn(part, result.err, str(result))
        self.assertEqual([path.name], [entry.name for entry in self.folder.iterdir()])
        return result

    def test_five_mistakes_at_once(self):
        result = self.refused(FIVE_MISTAKES)
        lines = FIVE_MISTAKES.splitlines()
        for wrong, right in (("wokers", "workers"), ("base_ur", "base_url"), ("langage", "language"),
                             ("frensh", "french"), ("apend", "append")):
            number = next(i for i, line in enumerate(lines, 1) if re.search(rf"\b{wrong}\b", line))
            with self.subTest(wrong):
                place = re.search(rf"pipeline\.toml:{number}:(\d+): (.*)", result.err)
                self.assertIsNotNone(place, result.err)
                line = lines[number - 1]
                column = int(place.group(1))
                self.assertLessEqual(1, column)
                self.assertLessEqual(column, len(line))
                after = result.err[place.end():].split("pipeline.toml:")[0]
                self.assertIn(line, after)  # the line itself, and the caret below its column
                shown, caret = next((one, other) for one, other in zip(after.splitlines(), after.splitlines()[1:])
                                    if line in one)
                self.assertEqual(shown.index(line) + column - 1, caret.index("^"), after)
                self.assertIn(right, place.group(2) + after)
        self.assertEqual(5, len(re.findall(r"pipeline\.toml:\d+:\d+: ", result.err)), result.err)

    def valid(self):
        return self.main_job(hour_files(2000, 3), Sqlite(self.folder))

    def change(self, pipeline, kind, stage, **options):
        for name, value in options.items():
            if value is None:
                pipeline[kind][stage].pop(name)
            else:
                pipeline[kind][stage][name] = value
        return toml(pipeline)

    def test_not_toml(self):
        self.refused('name = "x\n[run]\n', "pipeline.toml:1:")

    def test_an_unknown_input(self):
        self.refused(self.change(self.valid(), "sinks", "db", input="nothing"), "nothing")

    def test_a_cycle(self):
        pipeline = self.valid()
        pipeline["filters"]["french"]["input"] = "other"
        pipeline["filters"]["other"] = {"plugin": "language", "input": "french", "languages": ["fr"]}
        self.refused(self.change(pipeline, "sinks", "db"), "cycle")

    def test_an_unused_stage(self):
        pipeline = self.valid()
        pipeline["filters"]["idle"] = {"plugin": "language", "input": "pageviews", "languages": ["de"]}
        self.refused(self.change(pipeline, "sinks", "db"), "idle")

    def test_a_missing_required_option(self):
        self.refused(self.change(self.valid(), "sinks", "db", path=None), "path", "db")

    def test_a_value_of_the_wrong_type(self):
        self.refused(self.change(self.valid(), "sources", "pageviews", connections="two"), "connections", "pageviews")

    def test_an_end_before_the_start(self):
        self.refused(self.change(self.valid(), "sources", "pageviews", start="2024-03-02", end="2024-03-01"),
                     "pageviews")

    def test_an_unknown_column(self):
        self.refused(self.change(self.valid(), "sources", "pageviews", columns=["hour", "domain_code", "titel"]),
                     "titel", "title")

    def test_a_filter_without_its_column(self):
        self.refused(self.change(self.valid(), "sources", "pageviews", columns=["hour", "title"]), "domain_code")

    def test_upsert_without_a_key(self):
        self.refused(self.change(self.valid(), "sinks", "db", mode="upsert"), "key")

    def test_a_missing_variable(self):
        path = self.write(self.change(self.valid(), "sinks", "db", table="${ETL_TEST_TABLE}"))
        result = etl.run("validate", path)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn("ETL_TEST_TABLE", result.err)
        self.assertEqual(etl.OK, etl.run("validate", path, env={"ETL_TEST_TABLE": "views"}).code)

    def test_variables_are_expanded_after_parsing(self):
        database = Sqlite(self.folder)
        nasty = 'a"b\n[sinks.other]'
        pipeline = self.main_job(hour_files(2000, 3), database, sink={"table": "${ETL_TEST_TABLE:-views}_$$1"})
        self.run_pipeline(pipeline, env={"ETL_TEST_TABLE": nasty})
        self.assertIn(nasty + "_$1", database.tables())
        database = Sqlite(self.folder, "other.db")
        pipeline["sinks"]["db"]["path"] = database.path
        self.run_pipeline(pipeline)
        self.assertIn("views_$1", database.tables())

    def test_relative_paths_start_at_the_pipeline_file(self):
        pipeline = self.main_job(hour_files(2000, 3), Sqlite(self.folder), sink={"path": "here.db"})
        (self.folder / "elsewhere").mkdir()
        self.run_pipeline(pipeline, cwd=self.folder / "elsewhere")
        self.assertTrue((self.folder / "here.db").exists())

    def test_validate_several_files(self):
        good = self.write(self.valid(), "good.toml")
        bad = self.write(FIVE_MISTAKES, "bad.toml")
        self.assertEqual(etl.OK, etl.run("validate", good).code)
        result = etl.run("validate", good, bad)
        self.assertEqual(etl.CONFIG, result.code)
        self.assertIn("bad.toml:4:", result.err)
        self.assertNotIn("good.toml:", result.err)

    def test_a_file_that_is_not_there(self):
        result = etl.run("run", self.folder / "absent.toml")
        self.assertIn(result.code, (etl.USAGE, etl.CONFIG))
        self.assertIn("absent.toml", result.err)

    def test_wrong_command_lines(self):
        path = self.write(self.valid())
        for arguments in ([], ["runn", path], ["run"], ["run", path, "--wrokers", "2"], ["run", path, "--workers", "two"],
                          ["run", path, "--executor", "magic"], ["run", path, "--format", "xml"]):
            result = etl.run(*arguments)
            self.assertEqual(etl.USAGE, result.code, str(result))
            self.assertTrue(result.err.strip(), str(result))
        self.assertFalse((self.folder / "pageviews.db").exists())


class Secrets(EtlCase):
    """A database password never appears in any output."""

    PASSWORD = "s3cr3t-Mot-de-passe"

    def assert_silent(self, *results):
        for result in results:
            self.assertNotIn(self.PASSWORD, result.all)

    def test_with_a_server(self):
        with PostgresServer(password=self.PASSWORD, port=free_port()) as server:
            database = Postgres(server.uri())
            path = self.write(self.main_job(hour_files(2000, 3), database))
            report = self.folder / "report.json"
            loud = ["--log-level", "debug"]
            results = [etl.run("validate", path), etl.run("plan", path), etl.run("plan", path, "--format", "json"),
                       etl.run("preview", path),
                       etl.run("run", path, "--log-format", "json", "--report", report, "--progress", "plain", *loud),
                       etl.run("run", path, "--format", "json", *loud)]
            self.assertEqual([etl.OK] * len(results), [result.code for result in results], "\n".join(map(str, results)))
            self.assertEqual(3, results[-1].json["partitions"]["skipped"])
            self.assertNotIn(self.PASSWORD, report.read_text())
            stored = database.query("SELECT l::text FROM etl_ledger l")
            self.assertNotIn(self.PASSWORD, str(stored))
            # A wrong password, and a server that is down.
            wrong = self.main_job(hour_files(2000, 3), Postgres(database.dsn.replace("postgres:s", "postgres:wrong-s")),
                                  run={"retries": 0})
            refused = etl.run("run", self.write(wrong), *loud)
            server.stop()
            gone = etl.run("run", self.write(self.main_job(hour_files(2000, 3), database, run={"retries": 0})), *loud)
            for result in (refused, gone):
                self.assertNotEqual(etl.OK, result.code, str(result))
            self.assert_silent(refused, gone, *results)

    def test_in_a_mistake(self):
        text = (f'name = "x"\n[sources.s]\nplugin = "wikipedia_pageviews"\nhours = 3\nbase_url = "file:///nowhere"\n'
                f'[sinks.db]\nplugin = "postgres"\ninput = "s"\ntable = "t"\nmode = "apend"\n'
                f'dsn = "host=h passwort={self.PASSWORD}"\n')
        result = etl.run("validate", self.write(text), "--log-level", "debug")
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assert_silent(result)


if __name__ == "__main__":
    unittest.main()
