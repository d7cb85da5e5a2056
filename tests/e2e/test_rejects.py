"""Malformed rows are kept: the reject file matches an oracle, however a run ends."""

import base64
import gzip
import json
import os
import subprocess
import unittest

from oracle import oracle
from support import etl
from support.case import EtlCase, Postgres, Sqlite, hour_files, ledger

KEYS = ["pipeline", "run_id", "source", "partition", "stage", "line", "offset", "reason", "raw"]
HOURS = 3


def expected(base):
    """(partition, line, offset, raw) of every malformed line in a folder."""
    found = []
    for path in oracle.files(base):
        offset = 0
        for number, line in enumerate(oracle.lines_of(gzip.open(path).read()), 1):
            try:
                oracle.parse(line)
            except oracle.Malformed:
                raw = line[:-1] if line.endswith(b"\r") else line
                found.append((oracle.partition_of(path), number, offset, raw))
            offset += len(line) + 1
    return sorted(found)


class Rejects:
    """Tests for both databases."""

    def database(self):
        raise NotImplementedError

    def setUp(self):
        super().setUp()
        self.base = hour_files(300, HOURS, traps=True)
        self.file = self.folder / "rejects.jsonl"

    def job(self, database, rejects="rejects.jsonl", base=None, **run):
        pipeline = self.main_job(base or self.base, database, HOURS, run={"rejects": rejects, **run})
        return self.write(pipeline)

    def entries(self, path=None):
        lines = (path or self.file).read_bytes().split(b"\n")
        self.assertEqual(b"", lines.pop(), "the last line has its end")
        return [json.loads(line) for line in lines]

    def assert_entries(self, base=None, entries=None):
        """The entries match the oracle, and no spool file is left."""
        found = []
        for entry in self.entries() if entries is None else entries:
            self.assertEqual(KEYS, [key.replace("_base64", "") for key in entry])
            raw = base64.b64decode(entry["raw_base64"]) if "raw_base64" in entry else entry["raw"].encode()
            found.append((entry["partition"], entry["line"], entry["offset"], raw))
        wanted = expected(base or self.base)
        self.assertTrue(wanted)
        self.assertEqual([one[:3] for one in wanted], sorted(one[:3] for one in found))
        for (*place, raw), (*_, kept) in zip(wanted, sorted(found)):
            # The source keeps only the beginning of an oversized line.
            self.assertEqual(raw[:len(kept)] if len(raw) > oracle.MAX_LINE else raw, kept, place)
        self.assertFalse((self.folder / "rejects.jsonl.d").exists())

    def test_both_executors(self):
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                database = self.database()
                self.file.unlink(missing_ok=True)
                path = self.job(database)
                self.run_pipeline(path, "--executor", executor)
                self.assert_entries()
                rows = ledger(database).values()
                self.assertEqual(sum(row["rows_rejected"] for row in rows), len(self.entries()))
                self.run_pipeline(path, "--executor", executor)
                self.assert_entries()

    def test_killed_around_the_commit(self):
        for executor in ("threads", "processes"):
            for fault in ("sink.commit=kill", "sink.committed=kill", "sink.committed@2=kill", "sink.commit@2=error"):
                with self.subTest(executor=executor, fault=fault):
                    database = self.database()
                    self.file.unlink(missing_ok=True)
                    path = self.job(database)
                    etl.run("run", path, "--executor", executor, "--fault", fault)
                    self.run_pipeline(path)
                    self.assert_entries()
                    self.assert_table(database, self.base)

    def test_reload_replaces(self):
        base, database = self.copy_tree(self.base), self.database()
        path = self.job(database, base=base)
        self.run_pipeline(path)
        hour = self.hour_path(base, 0)
        hour.write_bytes(gzip.compress(b"fr Bon 1 0\nmal\n"))
        self.run_pipeline(path, "--reload")
        self.assert_entries(base)
        hour.write_bytes(gzip.compress(b"fr Bon 1 0\n"))
        self.run_pipeline(path, "--reload")
        self.assert_entries(base)

    def test_more_than_max_rejects(self):
        result = self.run_pipeline(self.job(self.database(), max_rejects=3), expect=etl.FAILED)
        self.assertEqual([], self.entries())
        for failure in result.json["failures"]:
            self.assertIn("fewer than 4 fields", failure["error"])
            self.assertIn("max_rejects", failure["error"])

    def test_a_folder(self):
        database = self.database()
        self.run_pipeline(self.job(database, "rejects/"))
        files = sorted((self.folder / "rejects").iterdir())
        self.assertEqual(HOURS, len(files))
        self.assert_entries(entries=[entry for path in files for entry in self.entries(path)])
        listed = etl.run("rejects", self.folder / "rejects", "--format", "json")
        self.assertEqual(len(expected(self.base)), listed.json["total"])

    def test_replay(self):
        database = self.database()
        path = self.job(database)
        self.run_pipeline(path)
        before = sorted(database.rows())
        repaired = self.file.read_text().replace('"raw":"fr Trois_champs 5"', '"raw":"fr Trois_champs 5 0"')
        self.file.write_text(repaired)
        result = etl.run("rejects", self.file, "--replay", "--pipeline", path, "--format", "json")
        if "cannot replay" in result.err:
            etl.skip_aloud(self, "this source cannot replay")
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual(HOURS, result.json["loaded"])
        new = [row for row in database.rows() if row[2] == "Trois_champs"]
        self.assertEqual(HOURS, len(new))
        self.assertEqual(len(before) + HOURS, len(list(database.rows())))
        self.assertEqual(len(expected(self.base)) - HOURS, len(self.entries()))
        self.file.write_text(repaired)  # as if killed before the entries were removed from the file
        result = etl.run("rejects", self.file, "--replay", "--pipeline", path, "--format", "json")
        self.assertEqual(HOURS, result.json["loaded"], str(result))
        self.assertEqual(len(before) + HOURS, len(list(database.rows())))
        self.assertEqual(2 * HOURS, len(ledger(database)))


class RejectsSqlite(Rejects, EtlCase):
    def database(self):
        self.made = getattr(self, "made", 0) + 1
        return Sqlite(self.folder, f"pageviews{self.made}.db")

    def test_bytes_that_are_no_text(self):
        base = self.copy_tree(self.base)
        self.hour_path(base, 0).write_bytes(gzip.compress(b"fr A 1 0\n\xff\xfe\0bad\nfr \xc3\xa9\n"))
        self.run_pipeline(self.job(self.database(), base=base))
        self.assert_entries(base)
        self.assertEqual([b"\xff\xfe\0bad"], [base64.b64decode(entry["raw_base64"]) for entry in self.entries()
                                              if "raw_base64" in entry and entry["line"] == 2])

    def test_list(self):
        self.run_pipeline(self.job(self.database()))
        everything = etl.run("rejects", self.file, "--format", "json").json
        self.assertEqual(len(expected(self.base)), everything["total"])
        self.assertEqual(self.entries(), everything["entries"])
        self.assertEqual(everything["total"], sum(one["rows"] for one in everything["by_reason"]))
        some = etl.run("rejects", self.file, "--format", "json", "--reason", "fewer than 4 fields",
                       "--partition", "*-010000", "--limit", "1").json
        self.assertEqual(1, len(some["entries"]))
        self.assertEqual(sum(entry["reason"] == "fewer than 4 fields" and entry["partition"].endswith("-010000")
                             for entry in self.entries()), some["total"])
        text = etl.run("rejects", self.file)
        self.assertIn("fewer than 4 fields", text.out)
        self.assertNotIn("\0", text.out)
        with open(self.file, "ab") as out:
            out.write(b"no entry\n")
        damaged = etl.run("rejects", self.file, "--format", "json")
        self.assertEqual(etl.FAILED, damaged.code)
        self.assertEqual(1, len(damaged.json["unreadable"]))

    def test_killed_and_read_with_the_pipeline(self):
        path = self.job(self.database(), workers=1)
        etl.run("run", path, "--fault", "sink.committed@2=kill")
        waiting = etl.run("rejects", self.file, "--format", "json")
        self.assertGreater(waiting.json["waiting"], 0)
        self.assertIn("killed", waiting.err)
        settled = etl.run("rejects", self.file, "--pipeline", path, "--format", "json")
        done = {partition for _, partition in ledger(Sqlite(self.folder, "pageviews1.db"))}
        self.assertEqual(2, len(done))
        self.assertEqual(sum(one[0] in done for one in expected(self.base)), settled.json["total"])

    def test_two_runs_of_two_pipelines_share_a_file(self):
        paths = []
        for name in ("one", "two"):
            pipeline = self.main_job(self.base, self.database(), HOURS, run={"rejects": "rejects.jsonl"}, name=name)
            paths.append(self.write(pipeline, f"{name}.toml"))
        with etl.start("run", paths[0]) as one, etl.start("run", paths[1]) as two:
            self.assertEqual([etl.OK, etl.OK], [one.wait().code, two.wait().code])
        for name in ("one", "two"):
            self.assert_entries(entries=[entry for entry in self.entries() if entry["pipeline"] == name])

    def test_a_file_that_cannot_be_written(self):
        for rejects, where in (("none/rejects.jsonl", "does not exist"), (".", None), ("/proc/rejects.jsonl", "/proc")):
            with self.subTest(rejects):
                path = self.job(self.database(), rejects)
                result = etl.run("run", path)
                if where is None:
                    self.assertEqual(etl.OK, result.code, "a folder is one")
                    continue
                self.assertEqual(etl.CONFIG, result.code, str(result))
                line = 1 + next(i for i, text in enumerate(path.read_text().split("\n")) if text.startswith("rejects"))
                self.assertIn(f"{path}:{line}:", result.err)
                self.assertIn(where, result.err)

    def test_rejects_that_cannot_be_published(self):
        if os.getuid() != 0:
            etl.skip_aloud(self, "only root can mount a file")
        database = self.database()
        path = self.job(database)
        self.run_pipeline(path)
        # A file that is mounted can be written, but not replaced.
        if subprocess.run(["mount", "--bind", self.file, self.file]).returncode != 0:
            etl.skip_aloud(self, "nothing can be mounted here")
        try:
            result = self.run_pipeline(path, "--reload", expect=etl.FAILED)
        finally:
            subprocess.run(["umount", self.file], check=True)
        summary = self.assert_summary(result, status="failed", done=HOURS)
        self.assertEqual(HOURS, len(summary["failures"]))
        for failure in summary["failures"]:
            self.assertIn("committed but not published", failure["error"])
        self.assert_table(database, self.base, HOURS)
        self.run_pipeline(path)
        self.assert_entries()

    def test_a_full_disk_fails_the_partition_and_loses_nothing(self):
        if os.getuid() != 0:
            etl.skip_aloud(self, "only root can mount a file system")
        small = self.folder / "small"
        small.mkdir()
        if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", small]).returncode != 0:
            etl.skip_aloud(self, "no file system can be mounted here")
        self.addCleanup(subprocess.run, ["umount", small], check=True)
        (small / "fill").write_bytes(b"x" * 4096)
        database = self.database()
        path = self.job(database, "small/rejects.jsonl", retries=1, retry_delay="1ms", workers=1)
        result = self.run_pipeline(path, expect=etl.FAILED)
        for failure in result.json["failures"]:
            self.assertIn("run.rejects", failure["error"])
            self.assertIn("No space left", failure["error"])
        failed = {failure["partition"] for failure in result.json["failures"]}
        done = {partition for (_, partition), row in ledger(database).items() if row["state"] == "done"}
        self.assertFalse(failed & done)
        self.assertTrue(failed)
        subprocess.run(["mount", "-o", "remount,size=4m", small], check=True)
        self.run_pipeline(path)
        self.assert_entries(entries=self.entries(small / "rejects.jsonl"))


class RejectsPostgres(Rejects, EtlCase):
    def database(self):
        return Postgres()


if __name__ == "__main__":
    unittest.main()
