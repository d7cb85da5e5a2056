"""Output on a terminal, to closed streams, and to logs."""

import gzip
import json
import os
import subprocess
import unittest

from support import etl, terminal
from support.case import EtlCase, Sqlite, hour_files


class Terminal(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = hour_files(5000, 4)
        self.database = Sqlite(self.folder)
        self.path = self.write(self.main_job(self.base, self.database, 4))

    def on_terminal(self, *arguments, columns=80, term="xterm", **options):
        env = etl.environment({"TERM": term, "NO_COLOR": None, "COLUMNS": None, "LINES": None})
        return terminal.run([etl.binary(), *arguments], env, columns, **options)

    def test_bars_leave_nothing_behind(self):
        for columns in (132, 80, 40, 20):
            with self.subTest(columns):
                code, screen = self.on_terminal("run", self.path, "--reload", "--log-level", "warn", "--fault",
                                                "source.batch@*=delay:450ms", columns=columns)
                self.assertEqual(etl.OK, code)
                whole = "\n".join(screen.rows)
                self.assertNotIn("partitions, ", whole)
                self.assertNotIn("[#", whole)
                self.assertTrue(screen.rows[0].startswith("pipeline "), whole)

    def test_a_dumb_terminal_gets_neither_colours_nor_movements(self):
        for term, coloured in (("xterm", True), ("dumb", False)):
            with self.subTest(term):
                code, screen = self.on_terminal("validate", self.write("nonsense = 1\n", "wrong.toml"), term=term)
                self.assertEqual((etl.CONFIG, coloured), (code, screen.coloured))

    def test_status_is_drawn_again_in_its_place(self):
        self.run_pipeline(self.path, "--limit", "2")

        def stop_at_the_third(text, stop):
            if text.count("4 partitions in the plan") >= 3:
                stop()
        code, screen = self.on_terminal("status", self.path, "--watch", on_output=stop_at_the_third)
        self.assertEqual(etl.INTERRUPTED, code)
        self.assertEqual(1, "\n".join(screen.rows).count("4 partitions in the plan"), screen.rows)


class ClosedStdout(EtlCase):
    def test_a_reader_that_has_read_enough_is_no_failure(self):
        database = Sqlite(self.folder)
        path = self.write(self.main_job(hour_files(5000, 4), database, 4))
        for verb in (["graph", path], ["plan", path], ["plan", path, "--format", "json"], ["plugins"], ["validate", path],
                     ["schema"], ["describe", "sqlite"], ["status", path, "--watch"],
                     ["run", path, "--log-level", "error", "--progress", "off"]):
            with self.subTest(verb):
                reading, writing = os.pipe()
                os.close(reading)
                with os.fdopen(writing, "w") as out:
                    result = subprocess.run([etl.binary(), *map(str, verb)], stdin=subprocess.DEVNULL, stdout=out,
                                            stderr=subprocess.PIPE, env=etl.environment(), timeout=300)
                self.assertEqual((etl.OK, b""), (result.returncode, result.stderr))
        self.assert_table(database, hour_files(5000, 4))


class JsonLogs(EtlCase):
    def lines(self, *arguments, expect):
        result = etl.run(*arguments, "--log-format", "json")
        self.assertEqual(expect, result.code, str(result))
        return [json.loads(line) for line in result.err.splitlines()]

    def test_mistakes_of_a_pipeline_file_are_lines_of_json(self):
        path = self.write('name = "x"\nnonsense = 1\n')
        for verb in ("validate", "run", "test", "graph"):
            with self.subTest(verb):
                lines = self.lines(verb, path, expect=etl.CONFIG)
                found = {(line["file"], line["line"], line["column"], line["level"]) for line in lines}
                self.assertIn((str(path), 2, 1, "error"), found)
                for line in lines:
                    self.assertGreater(line["time_ms"], 1_600_000_000_000)
                    self.assertIn("message", line)

    def test_a_wrong_command_line_is_a_line_of_json(self):
        line, = self.lines("run", "x.toml", "--wokers", "2", expect=etl.USAGE)
        self.assertIn('did you mean "--workers"?', line["message"])


class Rejects(EtlCase):
    def test_a_run_warns_once_of_each_reason(self):
        base = self.copy_tree(hour_files(2000, 3))
        for index in range(3):
            path = self.hour_path(base, index)
            with gzip.open(path, "at") as file:
                file.write("fr Paris\n" * (index + 1) + "fr Paris x 0\n")
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                database = Sqlite(self.folder, f"{executor}.db")
                result = self.run_pipeline(self.main_job(base, database, 3), "--executor", executor, "--log-level", "warn",
                                           "--progress", "off")
                self.assert_summary(result, rows={"rejected": 9})
                first, second = sorted(result.err.splitlines(), key=lambda line: "fewer" not in line)
                self.assertIn(f"[pageviews] 6 rows of 3 partitions rejected: fewer than 4 fields; the first in "
                              f"{self.partition(0)}", first)
                self.assertIn("[pageviews] 3 rows of 3 partitions rejected: ", second)


if __name__ == "__main__":
    unittest.main()
