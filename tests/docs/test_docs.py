"""Checks the docs: pipelines are valid, code compiles, commands and links exist, generated pages are current."""

import functools
import json
import os
import pathlib
import re
import shlex
import subprocess
import tempfile
import tomllib
import unittest

from docs import markdown
from support import etl
from support.folders import temporary_folder

PAGES = markdown.pages()
EXAMPLES = etl.REPOSITORY / "docs/examples"
TUTORIAL = etl.REPOSITORY / "docs/writing-a-plugin.md"
CONTACT = {"ETL_CONTACT": "reader@example.org"}
FRAGMENT = "fragment"
CHECK_FILE = "check file"  # of `etl check`: see tests/check

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z-]*")
# Flags of other programs that the docs mention.
FOREIGN_FLAGS = {"--args", "--preset", "--build", "--install", "--prefix", "--sshlogin"}


def blocks(*languages):
    return [block for page in PAGES for block in page.of(*languages)]


def examples_folder():
    """The build's folder of example plugins."""
    folder = os.environ.get("ETL_EXAMPLES") or etl.binary().parents[1] / "docs/examples"
    return pathlib.Path(folder)


@functools.cache
def flags_of(*command):
    """The flags that the help of a verb or a script lists."""
    if command[0] == "etl":
        result = etl.run(*command[1:], "--help")
        assert result.code == etl.OK, str(result)
        text = result.out
    else:
        done = subprocess.run([etl.REPOSITORY / command[0], "--help"], capture_output=True, text=True,
                              check=True, env=etl.environment())
        text = done.stdout
    return frozenset(FLAG.findall(text))


@functools.cache
def verbs():
    return frozenset(re.findall(r"^  ([a-z]+) ", etl.run("--help").out.split("Verbs:")[1], re.M))


@functools.cache
def command_lines():
    """Every verb as a tuple of words: ("run",), ("new", "plugin"), ..."""
    found = [(verb,) for verb in sorted(verbs())]
    for verb in found:
        nested = etl.run(*verb, "--help").out.partition("Verbs:")[2].partition("\n\n")[0]
        found += [(*verb, word) for word in re.findall(r"^  ([a-z]+) ", nested, re.M)]
    return tuple(found)


@functools.cache
def scripts():
    return tuple(sorted(str(path.relative_to(etl.REPOSITORY)) for path in (etl.REPOSITORY / "tools").glob("*.sh")))


@functools.cache
def all_flags():
    known = set(FOREIGN_FLAGS) | flags_of("etl")
    for verb in command_lines():
        known |= flags_of("etl", *verb)
    for script in scripts():
        known |= flags_of(script)
    return known


class TemporaryFolder(unittest.TestCase):
    def setUp(self):
        self.folder = temporary_folder(self.addCleanup)


class Pipelines(TemporaryFolder):
    """The ```toml blocks. One marked <!-- fragment --> is a part of a file; any other is a whole pipeline."""

    def test_there_are_some(self):
        whole = [block for block in blocks("toml") if block.mark != FRAGMENT]
        self.assertGreaterEqual(len(whole), 4)

    def test_whole_pipelines_are_valid(self):
        for index, block in enumerate(blocks("toml")):
            document = tomllib.loads(block.text)
            if block.mark in (FRAGMENT, CHECK_FILE) or is_template(block):
                continue
            with self.subTest(str(block)):
                self.assertIn("name", document, f"{block}: no whole pipeline; mark it <!-- fragment -->")
                path = self.folder / f"{index}.toml"
                path.write_text(block.text)
                for folder in ("in", "out"):
                    (self.folder / folder).mkdir(exist_ok=True)
                result = etl.run("validate", path, env={**CONTACT, "ETL_PLUGIN_PATH": examples_folder()})
                self.assertEqual(etl.OK, result.code, f"{block}\n{result}")

    def test_fragments_have_no_unknown_options(self):
        """Validates the stages of a fragment in a pipeline generated around them."""
        checked = 0
        for index, block in enumerate(blocks("toml")):
            if block.mark != FRAGMENT:
                continue
            with self.subTest(str(block)):
                path = self.folder / f"{index}.toml"
                path.write_text(completed(block.text))
                result = etl.run("validate", path, env=CONTACT)
                self.assertEqual(etl.OK, result.code, f"{block}\n{path.read_text()}\n{result}")
                checked += 1
        self.assertGreater(checked, 0)


def is_template(block):
    """True for the example of `etl describe` at the top of a generated page, which test_snippets checks."""
    page = block.path
    return page.parent == etl.REPOSITORY / "docs/plugins" and re.match(rf"\[\w+\.{page.stem}\]", block.text)


def completed(fragment):
    """A complete pipeline with the stages of `fragment` and generated ones that they need."""
    document = tomllib.loads(fragment)
    text = fragment if "name" in document else 'name = "fragment"\n' + fragment
    inputs = {stage["input"] for kind in ("filters", "sinks") for stage in document.get(kind, {}).values()}
    for name in sorted(inputs - set(document.get("filters", {})) - set(document.get("sources", {}))):
        text += f'\n[sources.{name}]\nplugin = "wikipedia_pageviews"\nstart = "-8h"\nhours = 1\ncontact = "${{ETL_CONTACT}}"\n'
    for name in sorted(set(document.get("filters", {})) - inputs):
        text += f'\n[sinks.sink_of_{name}]\nplugin = "sqlite"\ninput = "{name}"\npath = "x.db"\ntable = "t"\n'
    return text


class Code(TemporaryFolder):
    """The ```cpp blocks are consecutive lines of a compiled example, or compile inside a class."""

    def test_cpp_blocks(self):
        sources = {path: path.read_text() for path in EXAMPLES.glob("*.cc")}
        for path in (etl.REPOSITORY / "core/app/templates").glob("*/*_stage*"):  # as `etl new plugin often` writes it
            sources[path] = path.read_text().replace("TemplateStage", "Often").replace("template_stage", "often")
        copied = 0
        for block in blocks("cpp"):
            with self.subTest(str(block)):
                if any(("\n" + block.text) in ("\n" + source) for source in sources.values()):
                    copied += 1
                else:
                    self.assert_compiles(block)
        self.assertGreaterEqual(copied, 5)

    def assert_compiles(self, block):
        source = self.folder / "block.cc"
        source.write_text(f"#include <etl/plugin.hpp>\nstruct Stage {{\n{block.text}}};\n")
        compiler = os.environ.get("CXX") or "g++"
        done = subprocess.run([compiler, "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra",
                               "-I", etl.REPOSITORY / "core/sdk/include", source], capture_output=True, text=True)
        self.assertEqual(0, done.returncode, f"{block} is in no file of docs/examples and does not compile:\n{done.stderr}")


class Tutorial(TemporaryFolder):
    """docs/writing-a-plugin.md: its pipeline, input and plugins produce the output it shows."""

    def setUp(self):
        super().setUp()
        self.page = markdown.Page(TUTORIAL)
        pipeline, = self.page.of("toml")
        (self.folder / "words.toml").write_text(pipeline.text)
        (self.folder / "in").mkdir()
        (self.folder / "out").mkdir()
        lines = self.console("cat in/monday.txt in/tuesday.txt")
        cut = lines.index("apricot\t1")
        (self.folder / "in/monday.txt").write_text("".join(line + "\n" for line in lines[:cut]))
        (self.folder / "in/tuesday.txt").write_text("".join(line + "\n" for line in lines[cut:]))

    def console(self, command):
        """The output that the page shows for a command."""
        for block in self.page.of("console"):
            first, *rest = block.text.splitlines()
            if first == "$ " + command:
                return rest
        raise AssertionError(f"{TUTORIAL}: no console block begins with: $ {command}")

    def etl(self, *arguments):
        result = etl.run(*arguments, env={"ETL_PLUGIN_PATH": examples_folder()}, cwd=self.folder)
        self.assertEqual(etl.OK, result.code, str(result))
        return result

    def test_preview(self):
        shown = self.etl("preview", "words.toml").out.splitlines()
        self.assertEqual(self.console("etl preview words.toml"), shown)

    def test_run(self):
        result = self.etl("run", "words.toml")
        self.assertEqual(timeless(self.console("etl run words.toml")), timeless(result.out.splitlines()))
        files = {path.name: path.read_text() for path in (self.folder / "out").iterdir()}
        self.assertEqual({"words.monday.txt.tsv": "monday.txt\tapple\t3\nmonday.txt\tavocado\t2\n",
                          "words.tuesday.txt.tsv": "tuesday.txt\tapricot\t1\n"}, files)
        for reason in ("no tab", "the count is not a number"):
            self.assertIn(reason, result.err)

    def test_every_run_writes_every_partition(self):
        for _ in range(2):
            summary = self.etl("run", "words.toml", "--format", "json").json
            self.assertEqual("at-least-once", summary["delivery"])
            self.assertEqual({"total": 2, "done": 2, "skipped": 0, "failed": 0, "missing": 0}, summary["partitions"])
            self.assertEqual({"read": 7, "added": 0, "filtered": 2, "rejected": 2, "written": 3}, summary["rows"])

    def test_pushdown_changes_no_count(self):
        for pushdown in ("true", "false"):
            summary = self.etl("run", "words.toml", "--format", "json", "--set", f"run.pushdown={pushdown}").json
            self.assertEqual({"read": 7, "added": 0, "filtered": 2, "rejected": 2, "written": 3}, summary["rows"])

    def into_sqlite(self):
        """The same pipeline with a transactional sink."""
        path = self.folder / "words.toml"
        text = path.read_text()
        path.write_text(text[:text.index("[sinks.")] +
                        '[sinks.db]\nplugin = "sqlite"\ninput = "with_a"\npath = "words.db"\ntable = "words"\n')

    def test_messages_that_the_reference_shows(self):
        reference = (etl.REPOSITORY / "docs/pipelines.md").read_text()
        self.into_sqlite()
        log = self.etl("run", "words.toml").err
        self.assertIn(next(line for line in log.splitlines() if "monday" in line).partition("Z ")[2], reference)
        path = self.folder / "words.toml"
        path.write_text(path.read_text().replace('prefix = "a"', 'prefix = "b"'))
        result = etl.run("run", "words.toml", env={"ETL_PLUGIN_PATH": examples_folder()}, cwd=self.folder)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn(result.err, reference)

    def test_the_scope_lets_a_partition_be_loaded_again(self):
        self.into_sqlite()
        self.etl("run", "words.toml")
        (self.folder / "in/monday.txt").write_text("ant\t9\n")
        summary = self.etl("run", "words.toml", "--reload", "--only", "monday.txt", "--format", "json").json
        self.assertEqual(1, summary["partitions"]["done"])
        rows = subprocess.run([etl.tool("sqlite3"), self.folder / "words.db", "SELECT word FROM words ORDER BY word"],
                              capture_output=True, text=True, check=True).stdout.split()
        self.assertEqual(["ant", "apricot"], rows)

    def test_mistakes_are_shown_at_their_line(self):
        for setting, message in (("with_a.column=count", 'column "count" is not a text column'),
                                 ("words.folder=nowhere", "there is no folder"),
                                 ("files.folder=nowhere", "there is no folder")):
            result = etl.run("plan", "words.toml", "--set", setting, cwd=self.folder,
                             env={"ETL_PLUGIN_PATH": examples_folder()})
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(message, result.err)


def timeless(lines):
    """Lines without the parts that differ between runs: id, times, speed, memory."""
    out = []
    for line in lines:
        line = re.sub(r"run \d{8}T\d{6}Z-[0-9a-f]{8}", "run ID", line)
        line = re.sub(r"; \S+ in all, .*", "; ...", line)
        line = re.sub(r"seconds +memory$", "seconds", line)
        out.append(re.sub(r" +\d+\.\d\d +[\d.]+ [KMG]?i?B$", " 0.00", line))
    return out


class Commands(unittest.TestCase):
    """The programs and flags in ```sh and ```console blocks exist."""

    def test_commands_exist(self):
        seen = 0
        for block in blocks("sh", "console"):
            for command in commands_in(block):
                with self.subTest(f"{block}: {command}"):
                    self.check(command)
                    seen += 1
        self.assertGreater(seen, 10)

    def check(self, command):
        words = shlex.split(command, comments=True)
        while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
            words = words[1:]
        if not words or words[0] == "export":
            return
        program, flags = words[0], set(FLAG.findall(" ".join(words)))
        if program == "etl" or program.endswith("/bin/etl"):
            self.check_etl(words, flags)
        elif program.startswith("tools/"):
            self.assertTrue(os.access(etl.REPOSITORY / program, os.X_OK), f"there is no program {program}")
            self.assertLessEqual(flags, flags_of(program))
        elif program in ("cmake", "ctest"):
            presets = json.loads((etl.REPOSITORY / "CMakePresets.json").read_text())
            names = {preset["name"] for preset in presets["configurePresets"]}
            if "--preset" in words:
                self.assertIn(words[words.index("--preset") + 1], names)
        else:
            self.assertIn(program, {"cat", "g++", "gcc", "rustc", "sqlite3", "cd", "git", "psql", "cpack", "apt-get", "npm", "taplo"}, f"unknown program in: {command}")

    def check_etl(self, words, flags):
        verb = tuple(words[1:3]) if tuple(words[1:3]) in command_lines() else (words[1],)
        self.assertIn(verb, command_lines())
        self.assertLessEqual(flags, flags_of("etl", *verb))
        for word in words[2:]:
            if word.startswith(("pipelines/", "docs/", "plugins/")):
                self.assertTrue(list(etl.REPOSITORY.glob(word)), f"there is no {word}")
        if words[1] in ("plugins", "describe") and "./" not in " ".join(words):
            result = etl.run(*words[1:], cwd=etl.REPOSITORY)
            self.assertEqual(etl.OK, result.code, str(result))

    def test_every_flag_exists(self):
        for page in PAGES:
            for number, line in page.prose:
                for flag in FLAG.findall(line):
                    self.assertIn(flag, all_flags(), f"{page.path}:{number}: {flag} is in no help text")

    def test_every_flag_is_documented(self):
        text = (etl.REPOSITORY / "docs/pipelines.md").read_text()
        for verb in command_lines():
            self.assertIn(f"`etl {' '.join(verb)} " if len(verb) > 1 else f"`etl {verb[0]}", text)
            for flag in flags_of("etl", *verb) - {"--help", "--version"}:
                self.assertIn(f"`{flag}", text, f"{flag} of etl {' '.join(verb)} is not in docs/pipelines.md")


def commands_in(block):
    """The commands of a block, one per line; a backslash continues a line."""
    text = block.text.replace("\\\n", " ")
    if block.language == "sh":
        return [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [line[2:] for line in text.splitlines() if line.startswith("$ ")]


class Reference(unittest.TestCase):
    """docs/pipelines.md is complete: keys of [run], fields of the summary, columns of the ledger."""

    def setUp(self):
        self.text = (etl.REPOSITORY / "docs/pipelines.md").read_text()

    def test_keys_of_run(self):
        result = etl.run("validate", "/dev/stdin", "--set", "run.nothing=1")
        keys = re.search(r'available: (.*)', result.err)[1]
        keys = re.findall(r'"(\w+)"', keys)
        self.assertIn("workers", keys)
        section = self.text.split("### [run]")[1].split("\n## ")[0]
        self.assertEqual(set(keys), set(re.findall(r"^\| `(\w+)`", section, re.M)))

    def test_mistakes(self):
        command = "etl validate docs/examples/mistakes.toml"
        shown, = [block.text for block in blocks("console") if block.text.startswith(f"$ {command}\n")]
        result = etl.run(*command.split()[1:], cwd=etl.REPOSITORY)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertEqual(f"$ {command}\n{result.err}", shown)

    def test_fields_of_the_summary(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "p.toml"
            path.write_text(completed('[sinks.db]\nplugin = "sqlite"\ninput = "a"\npath = "x.db"\ntable = "t"\n'))
            summary = etl.run("run", path, "--limit", "0", "--format", "json", env=CONTACT).json
        section = self.text.split("\n## The summary")[1]
        shown = {name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)}
        self.assertEqual(set(summary), shown)
        for group in (summary["partitions"], summary["rows"], summary["bytes"], *summary["stages"].values()):
            for name in group:
                self.assertIn(f"`{name}`", section)

    def test_fields_of_doctor(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "p.toml"
            path.write_text(completed('[sinks.db]\nplugin = "sqlite"\ninput = "a"\npath = "x.db"\ntable = "t"\n'))
            report = etl.run("doctor", path, "--format", "json", env=CONTACT).json
        section = self.text.split("\n## When something is wrong")[1].split("\n## ")[0]
        shown = set(re.findall(r"`(\w+)`", section))
        printed = set(report) | {name for part in (report["etl"], report["machine"], *report["places"], *report["plugins"]) for name in part}
        self.assertLessEqual(printed, shown)
        self.assertLessEqual(shown - printed, {"valid", "diagnostics", "targets", "reachable", "error", "file"})

    def test_columns_of_the_ledger(self):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "p.toml"
            path.write_text(completed('[sinks.db]\nplugin = "sqlite"\ninput = "a"\npath = "x.db"\ntable = "t"\n'))
            plan = etl.run("plan", path, "--format", "json", env=CONTACT).json
        ddl = plan["targets"][0]["ddl"].split("etl_ledger")[1].split("PRIMARY KEY")[0]
        columns = set(re.findall(r'^  "(\w+)"', ddl, re.M))
        self.assertIn("definition", columns)
        section = self.text.split("\n## The ledger")[1].split("States in")[0]
        shown = {name for row in re.findall(r"^\| (`.*?) \|", section, re.M) for name in re.findall(r"`(\w+)`", row)}
        self.assertEqual(columns, shown)


class Links(unittest.TestCase):
    def test_links_resolve(self):
        anchors = {page.path: page.anchors() for page in PAGES}
        for page in PAGES:
            for number, target in page.links():
                if re.match(r"[a-z]+:", target):
                    continue
                place, _, anchor = target.partition("#")
                path = (page.path.parent / place).resolve() if place else page.path
                self.assertTrue(path.exists(), f"{page.path}:{number}: no such file: {target}")
                if anchor:
                    self.assertIn(anchor, anchors[path], f"{page.path}:{number}: no such heading: {target}")

    def test_notes_have_no_relative_links(self):
        """The notes are copied to docs/plugins, where relative links would break."""
        for page in PAGES:
            if page.path.is_relative_to(etl.REPOSITORY / "plugins"):
                self.assertEqual([], [link for link in page.links() if not re.match(r"[a-z]+:", link[1])])


class PluginPages(TemporaryFolder):
    def test_they_are_current(self):
        script = etl.REPOSITORY / "tools/make_plugin_docs.sh"
        subprocess.run([script, "--binary", etl.binary(), "--out", self.folder], check=True, env=etl.environment())
        made = {path.name: path.read_text() for path in self.folder.iterdir()}
        kept = {path.name: path.read_text() for path in (etl.REPOSITORY / "docs/plugins").iterdir()}
        self.assertEqual(made, kept, "run tools/make_plugin_docs.sh")

    def test_no_stage_is_forgotten(self):
        stages = {stage["name"] for stage in etl.run("plugins", "--format", "json").json["stages"]}
        pages = {path.stem for path in (etl.REPOSITORY / "docs/plugins").iterdir()} - {"README"}
        self.assertEqual(stages, pages)


if __name__ == "__main__":
    unittest.main()
