"""Projects written by `etl new` build, pass their own tests and run unchanged, from an installed tree."""

import json
import shutil
import sqlite3
import subprocess
import tomllib
import unittest

from dist.tree import CMAKE, TreeCase, installed
from support import etl
from support.folders import temporary_folder

WORDS = [("monday", "apple", 3), ("monday", "banana", 5), ("monday", "cherry", 1), ("tuesday", "apricot", 1),
         ("tuesday", "blueberry", 4)]


class Plugin(TreeCase):
    def generate(self, kind, name):
        """A project of this kind, built and tested with umask 002."""
        shown = self.ok("etl", "new", "plugin", name, "--kind", kind)
        commands = next(line for line in shown.splitlines() if line.startswith("next: ")).removeprefix("next: ")
        # Exactly the commands that it prints, except for the unusual prefix of this test.
        commands = commands.replace("cmake -B build", f"'{CMAKE}' -B build -DCMAKE_PREFIX_PATH='{self.prefix}'")
        log = self.ok("bash", "-ec", commands, umask=0o002)
        self.assertIn("100% tests passed", log)
        self.assertRegex(log, r"pipeline \.+ +Passed")
        self.assertRegex(log, r"check \.+ +Passed")
        self.assertNotIn("warning", log)
        folder = self.folder / name
        written = {line for line in shown.splitlines() if not line.startswith("next: ")}
        self.assertEqual(written, {f"{name}/{path.relative_to(folder)}" for path in folder.rglob("*")
                                   if path.is_file() and "build" not in path.parts})
        for path in (folder / file.partition("/")[2] for file in written):
            self.assertNotRegex(path.read_text(), "(?i)template_?stage", path)
        self.assertEqual({"etl_plugin_v1"}, self.exported(folder / f"build/plugins/{name}.so"))
        return folder

    def run_pipeline(self, folder, *arguments):
        return json.loads(self.ok("etl", "run", "pipeline.toml", "--plugin-dir", "build/plugins", "--format", "json",
                                  "--log-level", "off", "--progress", "off", *arguments, cwd=folder))

    def table(self, folder, columns):
        connection = sqlite3.connect(folder / "try.db")
        try:
            return connection.execute(f"SELECT {columns} FROM words ORDER BY 1, 2").fetchall()
        finally:
            connection.close()

    def test_filter(self):
        folder = self.generate("filter", "large_enough")
        summary = self.run_pipeline(folder)
        self.assertEqual((5, 2, 3), (summary["rows"]["read"], summary["rows"]["filtered"], summary["rows"]["written"]))
        self.assertEqual([row for row in WORDS if row[2] >= 2], self.table(folder, "day, word, count"))
        self.the_tests_can_fail(folder, "numbers[row] >= minimum_", "numbers[row] > minimum_")

    def the_tests_can_fail(self, folder, right, wrong):
        header = folder / f"{folder.name}.hpp"
        self.assertEqual(1, header.read_text().count(right))
        header.write_text(header.read_text().replace(right, wrong))
        self.ok(CMAKE, "--build", "build", cwd=folder)
        self.fails(8, "ctest", "--test-dir", "build", cwd=folder)

    def test_source(self):
        folder = self.generate("source", "word_lists")
        summary = self.run_pipeline(folder)
        self.assertEqual((7, 2, 5), (summary["rows"]["read"], summary["rows"]["rejected"], summary["rows"]["written"]))
        expected, rejected = [], 0
        for path in (folder / "data").iterdir():
            for line in path.read_text().splitlines():
                word, tab, count = line.partition("\t")
                if tab and count.isdigit():
                    expected.append((path.name, word, int(count)))
                else:
                    rejected += 1
        self.assertEqual((sorted(expected), 2), (self.table(folder, "file, word, count"), rejected))

    def test_sink(self):
        folder = self.generate("sink", "day_folders")
        summary = self.run_pipeline(folder)
        self.assertEqual(("exactly-once", 2), (summary["delivery"], summary["partitions"]["done"]))
        self.assertEqual(WORDS, self.sink_rows(folder))
        summary = self.run_pipeline(folder)
        self.assertEqual((0, 2), (summary["partitions"]["done"], summary["partitions"]["skipped"]))
        summary = self.run_pipeline(folder, "--reload")
        self.assertEqual((2, 0), (summary["partitions"]["done"], summary["partitions"]["skipped"]))
        self.assertEqual(WORDS, self.sink_rows(folder))
        self.assertEqual([], list((folder / "out").rglob(".part*")))
        self.assert_definition_is_kept(folder)

    def sink_rows(self, folder):
        rows = []
        for path in (folder / "out/try_day_folders/files/words").glob("*/rows.tsv"):
            rows += [tuple(line.split("\t")) for line in path.read_text().splitlines()]
        return sorted((day, word, int(count)) for day, word, count in rows)

    def assert_definition_is_kept(self, folder):
        """A ledger in files works for the runner like one in a database."""
        pipeline = folder / "pipeline.toml"
        pipeline.write_text(pipeline.read_text().replace(
            "[sinks.files]", '[filters.texts]\nplugin = "starting_with"\ninput = "words"\ncolumn = "word"\n\n[sinks.files]'
        ).replace('input = "words"\nfolder', 'input = "texts"\nfolder'))
        examples = etl.binary().parents[1] / "docs/examples"
        (folder / "more").mkdir()
        shutil.copy(examples / "starting_with.so", folder / "more")
        shown = self.fails(etl.CONFIG, "etl", "run", "pipeline.toml", "--plugin-dir", "build/plugins", "--plugin-dir", "more", cwd=folder)
        self.assertIn("a different definition", shown)

    def test_the_sink_keeps_its_promise(self):
        """Killed and concurrent runs leave every partition complete, and once."""
        folder = self.generate("sink", "fenced")
        (folder / "in").mkdir()
        expected = {}
        for number in range(200):
            lines = [(f"word{line}", number * line) for line in range(1500)]
            (folder / f"in/{number:03}.txt").write_text("".join(f"{word}\t{count}\n" for word, count in lines))
            expected[f"{number:03}.txt"] = [f"{number:03}.txt\t{word}\t{count}" for word, count in lines]
        shutil.copy(etl.binary().parents[1] / "docs/examples/word_files.so", folder / "build/plugins")
        (folder / "many.toml").write_text(
            'name = "many"\n[sources.words]\nplugin = "word_files"\nfolder = "in"\n'
            '[sinks.files]\nplugin = "fenced"\ninput = "words"\nfolder = "many"\n')
        shelf = folder / "many/many/files/words"
        command = [self.prefix / "bin/etl", "run", "many.toml", "--plugin-dir", "build/plugins", "--format", "json",
                   "--progress", "off", "--log-level", "off"]
        done = 0
        for wanted in (5, 15, 30):
            with subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, env=etl.environment()) as run:
                etl.wait_for(lambda: run.poll() is not None or self.committed(shelf) >= wanted, "partitions")
                run.kill()
            self.assertGreaterEqual(self.committed(shelf), done)
            done = self.committed(shelf)
        self.assertLess(done, len(expected), "every run ended before it was killed: the test says nothing")
        racing = [subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, env=etl.environment()) for _ in range(2)]
        summaries = [json.loads(run.communicate()[0]) for run in racing]
        self.assertEqual([0, 0], [run.returncode for run in racing], summaries)
        self.assertEqual(len(expected) - done, sum(summary["partitions"]["done"] for summary in summaries))
        found = {path.parent.name: path.read_text().splitlines() for path in shelf.glob("[!.]*/rows.tsv")}
        self.assertEqual(expected, found)

    def committed(self, shelf):
        return len(list(shelf.glob("[!.]*")))

    def test_an_installed_plugin_is_found_and_its_tests_still_run(self):
        prefix = temporary_folder(self.addCleanup) / "own"
        shutil.copytree(installed(), prefix, symlinks=True)
        self.prefix = prefix
        folder = self.generate("filter", "often")
        self.ok(CMAKE, "--install", "build", cwd=folder, umask=0o002)
        self.assertIn("often", self.ok(prefix / "bin/etl", "describe", "often"))
        self.assertIn("100% tests passed", self.ok("ctest", "--test-dir", "build", cwd=folder))

    def test_overwrites_nothing(self):
        self.ok("etl", "new", "plugin", "mine", "--kind", "source", "--dir", "deep/er")
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        self.assertIn("overwrites nothing", self.fails(etl.CONFIG, "etl", "new", "plugin", "mine", "--kind", "sink", "--dir", "deep/er"))
        (self.folder / "mine").write_text("a file")
        self.assertIn("overwrites nothing", self.fails(etl.CONFIG, "etl", "new", "plugin", "mine", "--kind", "sink"))
        self.assertEqual(before, {path: path.read_bytes() for path in before})

    def test_json(self):
        files = json.loads(self.ok("etl", "new", "plugin", "mine", "--kind", "filter", "--format", "json"))["files"]
        self.assertEqual(sorted(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if path.is_file()), files)
        self.assertEqual({"files": ["p.toml"]}, json.loads(self.ok(
            "etl", "new", "pipeline", "--stages", "wikipedia_pageviews,sqlite", "p", "--format", "json")))
        self.assertEqual({"error"}, set(json.loads(self.fails(
            etl.CONFIG, "etl", "new", "plugin", "mine", "--kind", "filter", "--format", "json", "--log-level", "off"))))

    def test_an_empty_folder_will_do(self):
        (self.folder / "empty").mkdir()
        self.ok("etl", "new", "plugin", "mine", "--kind", "source", "--dir", "empty")

    def test_names(self):
        for name in ("", "Mine", "9lives", "_x", "a-b", "../x", "test", "sample_words"):
            shown = self.fails(etl.CONFIG, "etl", "new", "plugin", name, "--kind", "filter")
            self.assertIn(f'"{name}"', shown)
        self.assertIn("sqlite.so", self.fails(etl.CONFIG, "etl", "new", "plugin", "sqlite", "--kind", "sink"))
        self.fails(etl.USAGE, "etl", "new", "plugin", "mine", "--kind", "table")
        self.fails(etl.USAGE, "etl", "new", "plugin", "mine")
        self.fails(etl.USAGE, "etl", "new")
        self.assertEqual([], list(self.folder.iterdir()))

    def test_a_folder_that_cannot_be_made(self):
        (self.folder / "file").write_text("")
        shown = self.fails(etl.FAILED, "etl", "new", "plugin", "mine", "--kind", "filter", "--dir", "file/below")
        self.assertIn("file/below", shown)


class Pipeline(TreeCase):
    def draft(self, stages, name="draft"):
        self.ok("etl", "new", "pipeline", name, "--stages", stages)
        text = (self.folder / f"{name}.toml").read_text()
        return text, tomllib.loads(text)

    def test_every_option_with_its_help(self):
        text, document = self.draft("wikipedia_pageviews,language,sqlite,postgres")
        lines = " ".join(line.removeprefix("# ") for line in text.splitlines())
        for name in ("wikipedia_pageviews", "language", "sqlite", "postgres"):
            stage = json.loads(self.ok("etl", "describe", name, "--format", "json"))
            section, = [part for part in text.split("\n[") if part.startswith(f"{stage['kind']}s.{name}]")]
            for option in stage["options"]:
                self.assertIn(option["help"], lines)
                self.assertRegex(section, rf"(?m)^{'' if option['required'] else '# '}{option['name']} = .")
                self.assertEqual(option["required"], option["name"] in document[stage["kind"] + "s"][name])

    def test_it_is_valid_once_the_examples_fit(self):
        text, _ = self.draft("wikipedia_pageviews,language,sqlite")
        for before, after in (('# start = "-1d"', 'start = "-1d"'), ("# hours = 1", "hours = 1"),
                              ('# contact = ""', 'contact = "reader@example.org"'),
                              ('# languages = ["languages"]', 'languages = ["fr"]')):
            self.assertEqual(1, text.count("\n" + before + "\n"), before)
            text = text.replace("\n" + before + "\n", "\n" + after + "\n")
        (self.folder / "draft.toml").write_text(text)
        self.assertIn("ok", self.ok("etl", "validate", "draft.toml"))

    def test_wiring(self):
        _, document = self.draft("sqlite,language,wikipedia_pageviews,language,sqlite,wikipedia_pageviews")
        self.assertEqual({"wikipedia_pageviews", "wikipedia_pageviews_2"}, set(document["sources"]))
        self.assertEqual(["wikipedia_pageviews", "wikipedia_pageviews_2"], document["filters"]["language"]["input"])
        self.assertEqual("language", document["filters"]["language_2"]["input"])
        self.assertEqual(["language_2", "language_2"], [sink["input"] for sink in document["sinks"].values()])

    def test_mistakes(self):
        self.assertIn('did you mean "sqlite"', self.fails(etl.CONFIG, "etl", "new", "pipeline", "x", "--stages", "sqlit"))
        self.assertIn("no source", self.fails(etl.CONFIG, "etl", "new", "pipeline", "x", "--stages", "sqlite"))
        self.assertIn("no sink", self.fails(etl.CONFIG, "etl", "new", "pipeline", "x", "--stages", "wikipedia_pageviews"))
        for name in ("../x", "a b", 'a"b', ".x"):
            self.fails(etl.CONFIG, "etl", "new", "pipeline", name, "--stages", "wikipedia_pageviews,sqlite")
        self.assertEqual([], list(self.folder.iterdir()))

    def test_overwrites_nothing(self):
        (self.folder / "mine.toml").write_text("mine")
        shown = self.fails(etl.CONFIG, "etl", "new", "pipeline", "mine", "--stages", "wikipedia_pageviews,sqlite")
        self.assertIn("mine.toml exists", shown)
        self.assertEqual("mine", (self.folder / "mine.toml").read_text())


if __name__ == "__main__":
    unittest.main()
