"""`etl schema`: real clients accept good pipelines and flag each kind of mistake, and agree with `etl validate`."""

import os
import re
import subprocess
import unittest

from docs import markdown
from support import etl, taplo
from support.case import EtlCase

CONTACT = {"ETL_CONTACT": "reader@example.org"}
DIRECTIVE = "#:schema ./etl.schema.json\n"

# A source of this test, with an option of every type.
PLUGIN = r"""
#include <etl/plugin.hpp>
struct Everything {
  static constexpr auto name = "everything";
  static constexpr auto summary = "An option of every type.";
  static constexpr auto options = etl::options(
      etl::optional<bool>("flag", "true", "A flag."),
      etl::optional<std::int64_t>("number", "3", "A number.").between(1, 9),
      etl::optional<double>("share", "0.5", "A share."),
      etl::optional<std::string>("text", "", "Some text."),
      etl::optional<std::string>("word", "\"red\"", "A word.").one_of("red|green"),
      etl::optional<etl::Strings>("words", "[\"red\"]", "Words.").one_of("red|green"),
      etl::optional<etl::Strings>("names", "[]", "Names.").or_one(),
      etl::optional<etl::StringMap>("ways", "{}", "Ways.").one_of("red|green"),
      etl::optional<etl::Time>("at", "", "A moment."),
      etl::optional<etl::Duration>("pause", "\"1s\"", "A pause."),
      etl::optional<etl::Bytes>("room", "\"1MiB\"", "Room.").between(1024, 1 << 30),
      etl::optional<etl::Path>("file", "", "A file."),
      etl::optional<etl::Url>("url", "", "A URL."),
      etl::optional<std::string>("key", "\"hunter2\"", "A key.").secret());
  Everything(const etl::Options&, const etl::Context&) {}
  etl::Schema schema() const { return {{"n", etl::Type::int64}}; }
  std::vector<etl::Partition> plan() const { return {}; }
  struct Reader { std::optional<etl::Batch> next() { return std::nullopt; } };
  Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&) const { return {}; }
};
ETL_PLUGIN("for_tests", "1.0.0", Everything);
"""

SOURCE = '[sources.s]\nplugin = "everything"\n'
SINK = '[sinks.db]\nplugin = "sqlite"\ninput = "s"\npath = "x.db"\ntable = "t"\n'
PIPELINE = 'name = "x"\n' + SOURCE + SINK


def option(line):
    """A pipeline with this option in its source."""
    return 'name = "x"\n' + SOURCE + line + "\n" + SINK


def run_key(line):
    return PIPELINE + "[run]\n" + line + "\n"


def test_table(lines):
    return PIPELINE + "[[tests]]\n" + lines


GOOD = {
    "small": PIPELINE,
    "description": 'description = "d"\n' + PIPELINE,
    "booleans": option("flag = false"),
    "integers": option("number = 9"),
    "an integer for a float": option("share = 1"),
    "allowed": option('word = "green"'),
    "lists": option('words = ["red", "green"]'),
    "empty list": option("words = []"),
    "one for a list": option('names = "a"'),
    "table of strings": option('ways = { a = "red", "b.c" = "green" }'),
    "table of strings, by dots": option('ways.a = "red"'),
    "variable in a table": option('ways = { a = "${W:-red}" }'),
    "date-time": option("at = 2024-03-01T20:00:00Z"),
    "date-time with an offset": option("at = 2024-03-01 20:00:00.5+02:00"),
    "local date-time": option("at = 2024-03-01T20:00:00"),
    "date": option("at = 2024-03-01"),
    "date in quotes": option('at = "2024-03-01"'),
    "relative": option('at = "-15d"'),
    "now": option('at = "now"'),
    "duration": option('pause = "250ms"'),
    "no duration": option("pause = 0"),
    "size": option('room = "16MiB"'),
    "size with a blank": option('room = "16 KB"'),
    "size in bytes": option("room = 4096"),
    "path": option('file = "a/b"'),
    "url": option('url = "https://example.org"'),
    "empty url": option('url = ""'),
    "variable for a number": option('number = "${N:-4}"'),
    "variable for a boolean": option('flag = "${F:-true}"'),
    "variable for a word": option('word = "${W:-red}"'),
    "variable in a list": option('words = ["${W:-red}"]'),
    "variable for a duration": option('pause = "${P:-5}s"'),
    "variable for a plugin": PIPELINE.replace('"sqlite"', '"${SINK:-sqlite}"'),
    "dollars": option('text = "$$ $x $"'),
    "several inputs": PIPELINE.replace('input = "s"', 'input = ["s"]'),
    "run": run_key('workers = 4\nexecutor = "processes"\nretry_delay = "1s"\nmemory_limit = "1GiB"\nrejects = "r"'),
    "a test": test_table('name = "t"\ninputs.s = [ { n = 1 } ]\noutputs.db = [ { n = 1 } ]\ncounts.db = 1\nevery.db = { n = 1 }\n'),
    "a test with a file": test_table('name = "t"\ninputs.s = { file = "r.json" }\nrejects = { "no" = 0 }\n'),
}

BAD = {
    "unknown key at the top": "nmae = 1\n" + PIPELINE,
    "no name": SOURCE + SINK,
    "blank name": PIPELINE.replace('"x"', '" "', 1),
    "name of another type": PIPELINE.replace('"x"', "4", 1),
    "no source": 'name = "x"\n' + SINK,
    "no sink": 'name = "x"\n' + SOURCE,
    "empty sources": 'name = "x"\n[sources]\n' + SINK,
    "unknown key in run": run_key("wokers = 1"),
    "wrong type in run": run_key('workers = "four"'),
    "wrong executor": run_key('executor = "procs"'),
    "out of bounds in run": run_key("workers = 5000"),
    "size out of bounds": run_key("memory_limit = 5"),
    "run is no table": "run = 1\n" + PIPELINE,
    "unknown plugin": PIPELINE.replace('"everything"', '"everthing"'),
    "a sink for a source": PIPELINE.replace('"everything"', '"sqlite"'),
    "no plugin": PIPELINE.replace('plugin = "everything"\n', ""),
    "no input": PIPELINE.replace('input = "s"\n', ""),
    "input of another type": PIPELINE.replace('input = "s"', "input = 4"),
    "empty input": PIPELINE.replace('input = "s"', "input = []"),
    "an input twice": PIPELINE.replace('input = "s"', 'input = ["s", "s"]'),
    "input of a source": option('input = "s"'),
    "missing required option": PIPELINE.replace('table = "t"\n', ""),
    "unknown option": PIPELINE + 'tabel = "t"\n',
    "stage is no table": 'name = "x"\n[sources]\ns = 1\n' + SINK,
    "stage named run": PIPELINE.replace("sources.s]", "sources.run]").replace('input = "s"', 'input = "run"'),
    "stage with a strange name": PIPELINE.replace("sources.s]", 'sources."a b"]').replace('input = "s"', 'input = "a b"'),
    "string for a boolean": option('flag = "true"'),
    "string for an integer": option('number = "4"'),
    "float for an integer": option("number = 4.5"),
    "out of bounds": option("number = 10"),
    "string for a float": option('share = "0.5"'),
    "number for a string": option("text = 4"),
    "not allowed": option('word = "blue"'),
    "not allowed in a list": option('words = ["red", "blue"]'),
    "string for a list": option('words = "red"'),
    "number in a list": option("names = [4]"),
    "number for one": option("names = 4"),
    "string for a table": option('ways = "red"'),
    "number in a table": option("ways = { a = 4 }"),
    "not allowed in a table": option('ways = { a = "blue" }'),
    "number for a time": option("at = 4"),
    "time of day": option("at = 07:00:00"),
    "no time": option('at = "6h"'),
    "no duration": option('pause = "5x"'),
    "duration without a unit": option("pause = 5"),
    "no size": option('room = "5XB"'),
    "negative size": option("room = -1"),
    "no url": option('url = "example.org"'),
    "broken variable": option('text = "${x"'),
    "variable without a name": option('text = "${:-x}"'),
    "variable for a list": option('words = "${W:-red}"'),
    "tests is no array": PIPELINE + '[tests]\nname = "t"\n',
    "unknown key in a test": test_table('name = "t"\ninputs.s = []\noutptus.db = []\ncounts.db = 0\n'),
    "test without a name": test_table("inputs.s = []\ncounts.db = 0\n"),
    "rows are no tables": test_table('name = "t"\ninputs.s = [4]\ncounts.db = 0\n'),
    "negative count": test_table('name = "t"\ninputs.s = []\ncounts.db = -1\n'),
    "records are no strings": test_table('name = "t"\nrecords.s = [4]\ncounts.db = 0\n'),
    "empty error": test_table('name = "t"\ninputs.s = []\nerror = ""\n'),
}

# Mistakes that a schema cannot express: validate refuses them, the schema does not.
BEYOND = {
    "unknown input": PIPELINE.replace('input = "s"', 'input = "z"'),
    "cycle": PIPELINE + '[filters.a]\nplugin = "language"\ninput = "b"\nlanguages = "fr"\n'
                        '[filters.b]\nplugin = "language"\ninput = "a"\nlanguages = "fr"\n'.replace('"fr"', '["fr"]'),
    "unused stage": PIPELINE + '[sources.other]\nplugin = "everything"\n',
    "one name for two stages": PIPELINE.replace("sinks.db]", "sinks.s]"),
    "missing variable": option('text = "${ETL_TEST_IS_NOT_SET}"'),
    "value of a variable": option('number = "${N:-many}"'),
    "bounds of a size in text": option('room = "1TiB"'),
    "bounds of a duration": run_key('retry_delay = "2d"'),
    "no such day": option('at = "2024-02-30"'),
    "date for a string": option("text = 2024-03-01"),  # taplo gives clients a string
    "columns": PIPELINE.replace('input = "s"', 'input = "f"') + '[filters.f]\nplugin = "language"\ninput = "s"\nlanguages = ["fr"]\n',
    "what a plugin checks itself": PIPELINE.replace('table = "t"', 'table = "t"\nmode = "upsert"'),
    "stage in a test": test_table('name = "t"\ninputs.z = []\ncounts.db = 0\n'),
    "column in a test": test_table('name = "t"\ninputs.s = [ { m = 1 } ]\ncounts.db = 0\n'),
    "a test that expects nothing": test_table('name = "t"\ninputs.s = []\n'),
}


class SchemaCase(EtlCase):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        taplo.modules()

    def schema(self, *arguments, folder=None):
        """Writes etl.schema.json like a user."""
        result = etl.run("schema", *arguments)
        self.assertEqual(etl.OK, result.code, str(result))
        ((folder or self.folder) / "etl.schema.json").write_text(result.out)
        return result.json

    def write_text(self, name, text):
        path = self.folder / name
        path.write_text(DIRECTIVE + text)
        return path

    def assert_clean(self, paths):
        self.assertGreater(len(paths), 0)
        for path, messages in taplo.lint(*paths).items():
            self.assertEqual([], messages, path)


class Shipped(SchemaCase):
    def test_pipelines(self):
        self.schema()
        files = sorted((etl.REPOSITORY / "pipelines").glob("*.toml"))
        self.assertGreaterEqual(len(files), 5)
        self.assert_clean([self.write_text(path.name, path.read_text()) for path in files])

    def test_docs(self):
        examples = os.environ.get("ETL_EXAMPLES") or etl.binary().parents[1] / "docs/examples"
        self.schema("--plugin-dir", examples)
        paths = []
        for page in markdown.pages():
            for index, block in enumerate(page.of("toml")):
                template = re.match(rf"\[\w+\.(name|{page.path.stem})\]", block.text)
                if block.mark not in ("fragment", "check file") and not template:
                    paths.append(self.write_text(f"{page.path.stem}-{index}.toml", block.text))
        self.assertGreaterEqual(len(paths), 4)
        self.assert_clean(paths)

    def test_cases(self):
        self.schema()
        files = sorted((etl.REPOSITORY / "tests/cases").glob("*/pipeline.toml"))
        self.assert_clean([self.write_text(f"{path.parent.name}.toml", path.read_text()) for path in files])

    def test_new_pipeline(self):
        """The generated pipeline, with the hint, or with the schema line if there is a schema."""
        stages = "wikipedia_pageviews,language,sqlite,postgres"
        before = self.folder / "before"
        self.assertEqual(etl.OK, etl.run("new", "pipeline", "p", "--stages", stages, "--dir", before).code)
        text = (before / "p.toml").read_text()
        self.assertTrue(text.startswith("# For an editor"), text[:200])
        self.assertIn('"#:schema ./etl.schema.json"', text)
        self.schema(folder=before)
        self.assertEqual(etl.OK, etl.run("new", "pipeline", "q", "--stages", stages, "--dir", before).code)
        self.assertTrue((before / "q.toml").read_text().startswith(DIRECTIVE))
        self.schema()
        self.assert_clean([before / "q.toml", self.write_text("p.toml", text)])
        # The file is actually checked against the schema.
        (before / "q.toml").write_text((before / "q.toml").read_text() + "nonsense = 1\n")
        self.assertEqual(1, len(taplo.lint(before / "q.toml")[str(before / "q.toml")]))


class Document(EtlCase):
    def test_is_a_schema(self):
        try:
            import jsonschema
        except ImportError:
            etl.skip_aloud(self, "there is no jsonschema for Python (apt-get install python3-jsonschema)")
        schema = etl.run("schema").json
        self.assertEqual("http://json-schema.org/draft-07/schema#", schema["$schema"])
        jsonschema.Draft7Validator.check_schema(schema)
        validator = jsonschema.Draft7Validator(schema)
        sink = {"plugin": "sqlite", "input": "s", "path": "x", "table": "t"}
        source = {"plugin": "wikipedia_pageviews", "start": "-1d", "hours": 1}
        good = {"name": "x", "sources": {"s": source}, "sinks": {"db": sink}}
        self.assertEqual([], list(validator.iter_errors(good)))
        for wrong in ({**good, "nmae": 1}, {**good, "sinks": {"db": {**sink, "mode": "x"}}},
                      {**good, "sinks": {"db": {**sink, "tabel": "t"}}}, {**good, "run": {"workers": -1}}):
            self.assertNotEqual([], list(validator.iter_errors(wrong)), wrong)

    def test_is_the_same_every_time(self):
        self.assertEqual(etl.run("schema").out, etl.run("schema").out)

    def test_says_what_describe_says(self):
        definitions = etl.run("schema").json["definitions"]
        for name in ("wikipedia_pageviews", "language", "sqlite", "postgres"):
            stage = etl.run("describe", name, "--format", "json").json
            table = definitions[f"{stage['kind']}.{name}"]
            known = {"plugin"} | ({"input"} if stage["kind"] != "source" else set())
            self.assertEqual([option["name"] for option in stage["options"]],
                             [key for key in table["properties"] if key not in known])
            for option in stage["options"]:
                self.assertEqual(option["help"], table["properties"][option["name"]]["description"])
                self.assertEqual(option["required"], option["name"] in table["required"])

    def test_no_refused_plugin_in_silence(self):
        folder = self.folder / "plugins"
        folder.mkdir(mode=0o755)
        (folder / "broken.so").write_text("no library")
        result = etl.run("schema", "--plugin-dir", folder)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertIn(f"without {folder / 'broken.so'}: ", result.err)


class Everything(SchemaCase):
    """With a third-party plugin."""

    def setUp(self):
        super().setUp()
        plugins = self.folder / "plugins"
        plugins.mkdir(mode=0o755)
        (self.folder / "p.cc").write_text(PLUGIN)
        subprocess.run([os.environ.get("CXX") or "g++", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden",
                        "-I", etl.REPOSITORY / "core/sdk/include", self.folder / "p.cc", "-o", plugins / "p.so"], check=True)
        (plugins / "p.so").chmod(0o644)
        self.plugins = ("--plugin-dir", plugins)

    def verdicts(self, cases):
        """{case: (messages of taplo, messages of validate)}"""
        self.schema(*self.plugins)
        paths = {case: self.write_text(f"{number}.toml", text) for number, (case, text) in enumerate(cases.items())}
        linted = taplo.lint(*paths.values())
        checked = etl.run("validate", *paths.values(), *self.plugins, "--format", "json", "--log-level", "off").json
        validated = {file["file"]: [one["message"] for one in file["diagnostics"] if one["severity"] == "error"]
                     for file in checked["files"]}
        return {case: (linted[str(path)], validated[str(path)]) for case, path in paths.items()}

    def test_they_agree(self):
        for case, (linted, validated) in self.verdicts(GOOD).items():
            with self.subTest(case):
                self.assertEqual(([], []), (linted, validated))
        for case, (linted, validated) in self.verdicts(BAD).items():
            with self.subTest(case):
                self.assertNotEqual([], linted, validated)
                self.assertNotEqual([], validated, linted)

    def test_checks_that_are_left_to_validate(self):
        for case, (linted, validated) in self.verdicts(BEYOND).items():
            with self.subTest(case):
                self.assertEqual([], linted)
                self.assertNotEqual([], validated)

    def test_messages(self):
        """They point at the value and name the allowed ones."""
        wanted = {
            "unknown option": r'^10:\d+: \{"description":"unknown key; available: plugin, input, path, table, ',
            "wrong executor": r'^11:\d+: "procs" is not one of \["threads","processes"\]',
            "not allowed": r'^5:8: "blue" is not one of \["red","green"\]',
            "unknown plugin": r'^4:10: "everthing" is not one of \[.*"everything".*\]',
            "out of bounds": r"^5:10: 10 is greater than the maximum of 9",
            "string for an integer": r'^5:10: "4" is not of type "integer"',
        }
        verdicts = self.verdicts({case: BAD[case] for case in wanted})
        for case, pattern in wanted.items():
            with self.subTest(case):
                self.assertRegex(verdicts[case][0][0], pattern)
                self.assertEqual(1, len(verdicts[case][0]), verdicts[case][0])

    def test_secrets_and_defaults(self):
        properties = self.schema(*self.plugins)["definitions"]["source.everything"]["properties"]
        self.assertNotIn("default", properties["key"])
        self.assertEqual({"flag": True, "number": 3, "share": 0.5, "word": "red", "words": ["red"], "names": [],
                          "pause": "1s", "room": "1MiB"},
                         {name: one["default"] for name, one in properties.items() if "default" in one})

    def test_in_an_editor(self):
        self.schema(*self.plugins)
        lines = ['name = "x"', "[run]", "wo # complete", 'executor = "" # complete', "retries = 2 # hover",
                 "[sources.s]", 'plugin = "" # complete', "[sinks.db]", 'plugin = "sqlite"', 'input = "s"',
                 'mode = "" # complete', 'key = ["a"] # hover', 'timestamps = "text" # hover', "ta # complete"]
        found = taplo.editor(self.write_text("editor.toml", "\n".join(lines) + "\n"))
        offered = found["completion"]
        self.assertLessEqual({"workers", "pushdown"}, set(offered["wo"]))
        self.assertLessEqual({'"threads"', '"processes"'}, set(offered['executor = ""']))
        self.assertLessEqual({'"everything"', '"wikipedia_pageviews"'}, set(offered['plugin = ""']))
        self.assertLessEqual({'"append"', '"upsert"'}, set(offered['mode = ""']))
        self.assertIn("table", offered["ta"])
        self.assertIn("Retries of a partition", found["hover"]["retries = 2"])
        self.assertIn("primary key", found["hover"]['key = ["a"]'].lower())
        self.assertIn("text writes YYYY-MM-DD", found["hover"]['timestamps = "text"'])


if __name__ == "__main__":
    unittest.main()
