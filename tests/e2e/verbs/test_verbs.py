"""plan, preview, plugins, describe, and the options of run that select partitions."""

import json
import unittest

from oracle import oracle
from support import etl
from support.case import EtlCase, Sqlite, hour_files

STAGES = {"wikipedia_pageviews": "source", "language": "filter", "sqlite": "sink", "postgres": "sink"}


class Verbs(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(5000, 4)
        self.database = Sqlite(self.folder)
        self.path = self.write(self.main_job(self.base, self.database, 4))

    def answer(self, *arguments):
        result = etl.run(*arguments)
        self.assertEqual(etl.OK, result.code, str(result))
        return result

    def states(self, *arguments):
        """{partition: state} of `etl plan`."""
        plan = self.answer("plan", self.path, "--format", "json", *arguments).json
        return {entry["partition"]: entry["state"] for entry in plan["partitions"]}

    def test_plan(self):
        partitions = [self.partition(i) for i in range(4)]
        self.assertEqual(dict.fromkeys(partitions, "pending"), self.states())
        self.assertFalse(self.database.exists(), "plan created the database")
        text = self.answer("plan", self.path).out
        for part in ("pageviews", "exactly-once", "CREATE TABLE", partitions[0]):
            self.assertIn(part, text)
        self.run_pipeline(self.path, "--limit", "2")
        self.assertEqual(dict(zip(partitions, ["done", "done", "pending", "pending"])), self.states())

    def test_plan_knows_missing_and_failed(self):
        base = self.copy_tree(self.base)
        self.hour_path(base, 0).unlink()
        self.hour_path(base, 1).write_bytes(b"no gzip")
        self.path = self.write(self.main_job(base, self.database, 4, run={"retries": 0}))
        self.run_pipeline(self.path, expect=etl.FAILED)
        self.assertEqual(["missing", "failed", "done", "done"], [self.states()[self.partition(i)] for i in range(4)])

    def test_preview(self):
        text = self.answer("preview", self.path, "--rows", "5").out
        self.assertIn("title", text)
        self.assertGreaterEqual(len(text.splitlines()), 5)
        for stage, keep in (("french", oracle.languages("fr")), ("pageviews", oracle.everything)):
            answer = self.answer("preview", self.path, "--stage", stage, "--rows", "5", "--format", "json").json
            expected = list(oracle.expect([self.hour_path(self.base, 0)], keep))[:5]
            self.assertEqual(oracle.COLUMNS, [column["name"] for column in answer["columns"]])
            self.assertEqual(expected, [tuple(map(str, row)) for row in answer["rows"]])
        self.assertFalse(self.database.exists(), "preview created the database")

    def test_preview_of_an_unknown_stage(self):
        result = etl.run("preview", self.path, "--stage", "frensh")
        self.assertNotEqual(etl.OK, result.code)
        self.assertIn("french", result.err)

    def test_plugins(self):
        text = self.answer("plugins").out
        for name in STAGES:
            self.assertIn(name, text)
        self.answer("plugins", "--format", "json").json

    def test_describe(self):
        for name, kind in STAGES.items():
            with self.subTest(name):
                text = self.answer("describe", name).out
                self.assertIn(kind, text)
                description = self.answer("describe", name, "--format", "json").json
                options = json.dumps(description)
                wanted = {"wikipedia_pageviews": ["start", "end", "hours", "base_url", "contact", "connections",
                                                  "cache_dir", "keep_files", "missing", "columns", "invalid_utf8"],
                          "language": ["languages", "codes", "projects", "access", "column"],
                          "sqlite": ["path", "table", "mode", "key", "timestamps"],
                          "postgres": ["dsn", "table", "mode", "key"]}[name]
                for option in wanted:
                    self.assertIn(f'"{option}"', options)
                    self.assertIn(option, text)
                self.assertIn("|", self.answer("describe", name, "--format", "markdown").out)

    def test_describe_an_unknown_stage(self):
        result = etl.run("describe", "langage")
        self.assertNotEqual(etl.OK, result.code)
        self.assertIn("language", result.err)

    def test_help(self):
        text = self.answer("--help").out
        for verb in ("run", "plan", "state", "validate", "preview", "plugins", "describe"):
            self.assertIn(verb, text)
            self.assertIn("--help", self.answer(verb, "--help").out)

    def test_only(self):
        result = self.run_pipeline(self.path, "--only", "*-0[23]0000")
        self.assert_summary(result, total=2, done=2)
        self.assert_rows(oracle.expect([self.hour_path(self.base, i) for i in (1, 2)], oracle.languages("fr")),
                         self.database.rows())
        self.assert_summary(self.run_pipeline(self.path), total=4, done=2, skipped=2)
        self.assert_table(self.database, self.base)

    def test_limit(self):
        self.run_pipeline(self.path, "--limit", "1")
        self.assert_table(self.database, self.base, hours=1)
        self.run_pipeline(self.path)
        self.assert_table(self.database, self.base)

    def test_set(self):
        other = Sqlite(self.folder, "other.db")
        self.run_pipeline(self.path, "--set", f"db.path={other.path}", "--set", "pageviews.end=2024-03-01T02:00:00Z",
                          "--set", 'french.languages=["de"]', "--set", "run.workers=1")
        self.assertFalse(self.database.exists())
        self.assert_table(other, self.base, 2, keep=oracle.languages("de"))

    def test_set_wrongly(self):
        for value, named in (("db.pth=x", "pth"), ("dc.path=x", "dc"), ("path=x", "path"),
                             ("run.wokers=2", "wokers"), ("run.workers=many", "workers"),
                             # Without "=" it may be a bare secret, so the message gives the argument's number, not its text.
                             ("db.path", "argument 1")):
            result = etl.run("run", self.path, "--set", value)
            self.assertIn(result.code, (etl.USAGE, etl.CONFIG), str(result))
            self.assertIn(named, result.err)
        self.assertFalse(self.database.exists())

    def test_report_and_stdout_agree(self):
        report = self.folder / "report.json"
        result = self.run_pipeline(self.path, "--report", report, "--progress", "json", "--log-format", "json")
        self.assertEqual(result.json, json.loads(report.read_text()))
        for line in result.err.splitlines():
            json.loads(line)

    def test_text_summary(self):
        result = self.answer("run", self.path)
        written = len(list(self.database.rows()))
        self.assertIn(f"{written:,} written", result.out)
        self.assertNotIn("\x1b", result.all, "colour without a terminal")

    def test_stages_and_sinks_of_the_summary(self):
        summary = self.run_pipeline(self.path).json
        written = len(list(self.database.rows()))
        self.assertEqual(written, summary["rows"]["written"])
        text = json.dumps(summary["stages"])
        for stage in ("pageviews", "french", "db"):
            self.assertIn(stage, text)
        self.assertIn("db", json.dumps(summary["sinks"]))

    def test_executors_load_the_same_rows(self):
        self.run_pipeline(self.path)
        threads = sorted(self.database.rows())
        self.database.path.unlink()
        self.run_pipeline(self.path, "--executor", "processes")
        self.assertEqual(threads, sorted(self.database.rows()))

    def test_a_wrong_fault_is_a_wrong_command_line(self):
        for fault in ("sink.commit", "sink.comit=kill", "sink.commit@0=kill", "sink.commit=explode"):
            result = etl.run("run", self.path, "--fault", fault)
            self.assertEqual(result.code, etl.USAGE, str(result))
            self.assertIn(fault, result.err)
            self.assertFalse(self.database.exists())


if __name__ == "__main__":
    unittest.main()
