"""Runs plugins built from the frozen header of ABI 1.0 alone, and one built for a later minor, in today's etl."""

import json
import os
import pathlib
import unittest

from oracle import oracle
from support import etl
from support.case import EtlCase, Sqlite, hour_files

ROWS = 10


def folder(release):
    built = os.environ.get("ETL_OLD_PLUGINS") or etl.binary().parents[1] / "tests/plugins"
    return pathlib.Path(built) / release


def expected(part, prefix):
    """The rows of a partition whose word starts with `prefix`; the partition's fourth record is malformed."""
    numbers = [part * ROWS + i for i in range(ROWS) if i != 3]
    return [(f"part-{part}", str(n), f"word{n % 7}") for n in numbers if f"word{n % 7}".startswith(prefix)]


class OldPlugins(EtlCase):
    def setUp(self):
        super().setUp()
        self.out = self.folder / "out"

    def pipeline(self, prefix="word1", **run):
        return {"name": "old", "run": run,
                "sources": {"numbers": {"plugin": "v1_0_numbers", "partitions": 3, "rows": ROWS}},
                "filters": {"some": {"plugin": "v1_0_prefix", "input": "numbers", "prefix": prefix}},
                "sinks": {"files": {"plugin": "v1_0_files", "input": "some", "folder": str(self.out)}}}

    def verb(self, verb, pipeline, *arguments, expect=etl.OK):
        result = etl.run(verb, pipeline, *arguments, env={"ETL_PLUGIN_PATH": folder("v1.0")})
        self.assertEqual(expect, result.code, str(result))
        return result

    def run_etl(self, pipeline, *arguments, expect=etl.OK):
        return self.verb("run", pipeline, "--format", "json", *arguments, expect=expect).json

    def loaded(self, sink="files"):
        """{partition: rows} of the committed files, without the ledger line."""
        return {path.name.split(".")[1]: [tuple(line.split("\t")) for line in path.read_text().splitlines()[1:]]
                for path in self.out.glob(f"{sink}.*.done")}

    def assert_all_loaded(self, prefix="word1"):
        self.assertEqual({f"part-{part}": expected(part, prefix) for part in range(3)}, self.loaded())

    def test_they_are_listed_and_described(self):
        listed = etl.run("plugins", "--format", "json", env={"ETL_PLUGIN_PATH": folder("v1.0")}).json
        self.assertEqual([], listed["refused"])
        self.assertLessEqual({"v1_0_numbers", "v1_0_prefix", "v1_0_files"}, {stage["name"] for stage in listed["stages"]})
        for library, kind in (("source", "source"), ("filter", "filter"), ("sink", "sink")):
            described, = etl.run("describe", folder("v1.0") / f"v1_0_{library}.so", "--format", "json").json
            self.assertEqual(kind, described["kind"])

    def test_a_pipeline_of_all_three(self):
        path = self.write(self.pipeline())
        plan = self.verb("plan", path, "--format", "json").json
        self.assertEqual(["pending"] * 3, [entry["state"] for entry in plan["partitions"]])
        self.assertFalse(self.out.exists())
        for executor in ("threads", "processes"):
            for pushdown in ("true", "false"):
                with self.subTest(executor, pushdown=pushdown):
                    summary = self.run_etl(path, "--reload", "--executor", executor, "--set", f"run.pushdown={pushdown}")
                    self.assertEqual("exactly-once", summary["delivery"])
                    written = sum(len(expected(part, "word1")) for part in range(3))
                    self.assertEqual({"read": 3 * ROWS, "added": 0, "filtered": 3 * ROWS - 3 - written, "rejected": 3,
                                      "written": written}, summary["rows"])
                    self.assert_all_loaded()
        self.assertEqual(3, self.run_etl(path)["partitions"]["skipped"])

    def test_the_ledger_survives_a_failure_and_a_kill(self):
        path = self.write(self.pipeline(retries=0))
        self.run_etl(path, "--fault", "sink.commit@2=error", "--workers", "1", expect=etl.FAILED)
        states = {entry["partition"]: entry["state"] for entry in self.verb("plan", path, "--format", "json").json["partitions"]}
        self.assertEqual({"part-0": "done", "part-1": "failed", "part-2": "done"}, states)
        self.out.joinpath("files.part-0.done").unlink()
        killed = etl.run("run", path, "--fault", "sink.committed=kill", env={"ETL_PLUGIN_PATH": folder("v1.0")})
        self.assertEqual(-9, killed.code, str(killed))
        self.run_etl(path)
        self.assert_all_loaded()

    def test_rejects_are_kept_and_replayed(self):
        rejects = self.folder / "rejects.ndjson"
        path = self.write(self.pipeline("word", rejects=str(rejects)))
        self.run_etl(path)
        self.assertEqual(["bad:13", "bad:23", "bad:3"], sorted(json.loads(line)["raw"] for line in rejects.read_text().splitlines()))
        rejects.write_text(rejects.read_text().replace("bad:", "n:"))
        answer = self.verb("rejects", rejects, "--replay", "--pipeline", path, "--format", "json").json
        self.assertEqual(3, answer["loaded"])
        self.assertEqual("", rejects.read_text())
        rows = [row for part in self.loaded().values() for row in part]
        self.assertEqual(list(range(3 * ROWS)), sorted(int(n) for _, n, _ in rows))

    def test_forgotten_partitions_are_loaded_again(self):
        path = self.write(self.pipeline())
        self.run_etl(path)
        for options, gone in (([], 0), (["--delete-rows"], len(expected(1, "word1")))):
            answer = self.verb("state", path, "forget", "part-1", *options, "--format", "json").json
            forgotten, = answer["partitions"]
            self.assertEqual((True, gone), (forgotten["forgotten"], forgotten["rows_deleted"] or 0))
            self.assertEqual({"part-0", "part-2"}, set(self.loaded()))
            self.assertEqual(1, self.run_etl(path)["partitions"]["done"])
            self.assert_all_loaded()

    def test_mistakes_are_reported(self):
        pipeline = self.pipeline()
        pipeline["filters"]["some"]["column"] = "n"
        result = self.verb("validate", self.write(pipeline), expect=etl.CONFIG)
        self.assertIn('there is no column "n" of text', result.err)

    def test_an_old_source_with_todays_stages(self):
        database = Sqlite(self.folder, "old.db")
        pipeline = self.pipeline()
        pipeline["sinks"] = {"db": {"plugin": "sqlite", "input": "some", "path": str(database.path), "table": "t"}}
        self.run_etl(self.write(pipeline))
        self.assertEqual(sorted((part, int(n), word) for k in range(3) for part, n, word in expected(k, "word1")),
                         sorted(database.query("SELECT part, n, word FROM t")))

    def test_an_old_filter_and_sink_with_todays_source(self):
        base = hour_files(2000, 2)
        pipeline = self.main_job(base, Sqlite(self.folder), 2)
        pipeline["filters"] = {"some": {"plugin": "v1_0_prefix", "input": "pageviews", "column": "title", "prefix": "A"}}
        pipeline["sinks"] = {"files": {"plugin": "v1_0_files", "input": "some", "folder": str(self.out)}}
        self.run_etl(self.write(pipeline))
        rows = [row for part in self.loaded().values() for row in part]
        wanted = [row for hour in range(2) for row in oracle.expect([self.hour_path(base, hour)], oracle.everything)
                  if row[2].startswith("A")]
        self.assertEqual(sorted(row[1:] for row in wanted), sorted(row[1:] for row in rows))
        self.assertNotEqual([], rows)

    def test_a_plugin_of_a_later_minor_with_todays_sink(self):
        """Its tables are longer than today's; it needs nothing of what is new, and says so."""
        database = Sqlite(self.folder, "later.db")
        pipeline = {"name": "later", "sources": {"numbers": {"plugin": "squares", "until": 30, "rows": 10}},
                    "sinks": {"db": {"plugin": "sqlite", "input": "numbers", "path": str(database.path), "table": "t"}}}
        result = etl.run("run", self.write(pipeline), "--format", "json", env={"ETL_PLUGIN_PATH": folder("next")})
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual(30, result.json["rows"]["written"])


if __name__ == "__main__":
    unittest.main()
