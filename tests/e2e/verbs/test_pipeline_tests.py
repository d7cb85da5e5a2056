"""`etl test` runs the [[tests]] of pipeline files, shows differences, and checks them like the rest of the file."""

import json
import os
import re
import subprocess
import unittest
import xml.etree.ElementTree

from docs import markdown
from support import etl
from support.case import EtlCase, START, write_hour

CONTACT = {"ETL_CONTACT": "reader@example.org"}
PIPELINE = """name = "tested"
[sources.pageviews]
plugin = "wikipedia_pageviews"
start = 2024-03-01
hours = 1
base_url = "file:///nonexistent/etl-test"
[filters.french]
plugin = "language"
input = "pageviews"
languages = ["fr"]
[filters.mobile]
plugin = "language"
input = "french"
access = ["mobile"]
[sinks.db]
plugin = "sqlite"
input = "french"
path = "tested.db"
table = "t"
[sinks.phones]
plugin = "sqlite"
input = "mobile"
path = "tested.db"
table = "phones"
"""
FIRST_LINE = PIPELINE.count("\n") + 1
INPUTS = """inputs.pageviews = [
  { domain_code = "fr", title = "A", views = 1 },
  { domain_code = "fr.m", title = "B", views = 2 },
  { domain_code = "frr", title = "C", views = 3 },
  { domain_code = "fr.d", title = "D", views = 4 },
]
"""
RECORDS = """partition = "pageviews-20240301-010000"
records.pageviews = [ "fr A 1 0", "fr.m B 2 0", "fr C", "fr D x 0", "de E 5 0" ]
"""

# A filter whose pushed-down test differs from its own and that fails on "bad"; a source with columns of every type.
PLUGIN = r"""
#include <etl/plugin.hpp>
struct Liar {
  static constexpr auto name = "liar";
  static constexpr auto summary = "Offers a test that it does not make.";
  static constexpr auto options = etl::options();
  Liar(const etl::Options&, const etl::Context&) {}
  etl::Schema schema(const etl::Schema& in) const { return in; }
  std::optional<std::string> predicate_column(const etl::Schema&) const { return "title"; }
  bool keeps(std::string_view title) const { return title != "B"; }
  etl::Batch apply(etl::Batch batch) const {
    const auto titles = batch.column<std::string_view>("title");
    for (std::size_t row = 0; row < batch.rows(); ++row)
      if (!titles.null(row) && titles[row] == "bad") throw etl::Error::permanent("a bad title");
    return batch;
  }
};
struct Everything {
  static constexpr auto name = "everything";
  static constexpr auto summary = "A column of every type.";
  static constexpr auto options = etl::options();
  Everything(const etl::Options&, const etl::Context&) {}
  etl::Schema schema() const {
    using etl::Type;
    return {{"flag", Type::boolean, true}, {"small", Type::int32, true}, {"large", Type::int64, true},
            {"share", Type::float64, true}, {"title", Type::utf8, true}, {"view", Type::utf8_view, true},
            {"bytes", Type::binary, true}, {"second", Type::timestamp_s, true}, {"micro", Type::timestamp_us, true}};
  }
  std::vector<etl::Partition> plan() const { throw etl::Error::permanent("a test must not plan"); }
  struct Reader { std::optional<etl::Batch> next() { return std::nullopt; } };
  Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&) const { return {}; }
};
ETL_PLUGIN("for_tests", "1.0.0", Liar, Everything);
"""


class Base(EtlCase):
    def file(self, *tests, pipeline=PIPELINE, name="tested.toml"):
        path = self.folder / name
        path.write_text(pipeline + "".join(f"[[tests]]\n{test}" for test in tests))
        return path

    def results_of(self, path, *arguments, code=etl.OK, env=None):
        result = etl.run("test", path, *arguments, cwd=self.folder, env=env)
        self.assertEqual(code, result.code, str(result))
        return result

    def one(self, test, code, *arguments, **options):
        """The only test of a file, as JSON."""
        result = self.results_of(self.file(test, **options), "--format", "json", *arguments, code=code)
        self.assertEqual(code == etl.OK, result.json["passed"])
        return result.json["tests"][0]

    def passes(self, test, **options):
        return self.one(test, etl.OK, **options)

    def fails(self, test, *parts, **options):
        """The test fails, and the message contains these parts."""
        found = self.one(test, etl.FAILED, **options)
        self.assertFalse(found["passed"])
        for part in parts:
            self.assertIn(part, found["message"])
        return found


class Passing(Base):
    def test_rows(self):
        self.passes('name = "rows"\n' + INPUTS + """outputs.french = [
  { domain_code = "fr", title = "A", views = 1 },
  { domain_code = "fr.m", title = "B", views = 2 },
  { domain_code = "fr.d", title = "D", views = 4 },
]
outputs.phones = [ { title = "B" } ]
counts.db = 3
every.mobile = { domain_code = "fr.m" }
""")

    def test_nothing_is_touched(self):
        self.test_rows()
        self.assertEqual(["tested.toml"], sorted(path.name for path in self.folder.iterdir()))

    def test_records(self):
        self.passes('name = "records"\n' + RECORDS + """outputs.pageviews = [
  { hour = 2024-03-01T00:00:00Z, domain_code = "fr", title = "A", views = 1 },
  { domain_code = "fr.m" },
  { hour = "2024-03-01 00:00:00", domain_code = "de", title = "E", views = 5 },
]
outputs.phones = [ { domain_code = "fr.m", title = "B", views = 2 } ]
rejects = { "fewer than 4 fields" = 1, "view count is not a number" = 1 }
""".replace("view count is not a number", self.reason()))

    def reason(self):
        """The source's message for an invalid number."""
        found = self.one('name = "x"\n' + RECORDS + "counts.db = 2\nrejects = 1\n", etl.FAILED)
        got = found["differences"][0]["got"]
        self.assertEqual(2, len(got))
        return next(reason for reason in got if reason != "fewer than 4 fields")

    def test_records_as_text_and_number_of_rejects(self):
        self.passes('name = "text"\npartition = "pageviews-20240301-010000"\n'
                    'records.pageviews = """\nfr A 1 0\nfr B\n"""\ncounts.db = 1\nrejects = 1\n')

    def test_records_and_rows_in_files(self):
        (self.folder / "lines.txt").write_text("fr A 1 0\nfr.m B 2 0\n")
        (self.folder / "rows.json").write_text(json.dumps([{"domain_code": "fr", "title": "A"}, {"title": "B"}]))
        self.passes('name = "files"\npartition = "pageviews-20240301-010000"\n'
                    'records.pageviews = { file = "lines.txt" }\noutputs.db = { file = "rows.json" }\n')

    def test_rows_that_preview_printed(self):
        """A preview of real rows can be the input of a test."""
        base = self.folder / "hours"
        write_hour(base, START, "de X 3 0\nfr A 1 0\nfr.m \"B\" 2 0\n")
        path = self.file()
        shown = etl.run("preview", path, "--stage", "pageviews", "--format", "json", "--set",
                        f"pageviews.base_url=file://{base}")
        self.assertEqual(etl.OK, shown.code, str(shown))
        (self.folder / "rows.json").write_text(shown.out)
        self.passes('name = "preview"\ninputs.pageviews = { file = "rows.json" }\noutputs.db = [ '
                    '{ hour = 2024-03-01T00:00:00Z, title = "A" }, { title = \'"B"\', views = 2 } ]\n')

    def test_a_stage_in_the_middle(self):
        self.passes('name = "middle"\ninputs.french = [ { domain_code = "de.m" }, { domain_code = "de" } ]\n'
                    'outputs.mobile = [ { domain_code = "de.m" } ]\n')

    def test_several_inputs(self):
        """Each input is one partition, in the order of the file, whatever the order in the test."""
        second = PIPELINE.split("[filters.french]")[0].split("\n", 1)[1].replace("sources.pageviews", "sources.more")
        pipeline = PIPELINE.replace('input = "pageviews"', 'input = ["more", "pageviews"]') + second
        more = 'inputs.more = [ { domain_code = "fr", title = "M" } ]\n'
        self.passes('name = "both"\n' + more + INPUTS + "outputs.db = [ " +
                    ", ".join(f'{{ title = "{title}" }}' for title in "ABDM") + " ]\n", pipeline=pipeline)
        self.passes('name = "one"\n' + more + 'outputs.db = [ { title = "M" } ]\n', pipeline=pipeline)

    def test_an_error_that_is_expected(self):
        self.passes('name = "error"\npartition = "nonsense"\nrecords.pageviews = ["fr A 1 0"]\n'
                    'error = "is not a partition of page views"\n')

    def test_no_rows(self):
        self.passes('name = "none"\ninputs.pageviews = []\noutputs.db = []\n')

    def test_text_output_and_only(self):
        path = self.file('name = "good 1"\n' + INPUTS + "counts.db = 3\n", 'name = "bad 1"\n' + INPUTS + "counts.db = 4\n")
        result = self.results_of(path, "--only", "good*")
        self.assertEqual(f"ok      {path}: good 1\n1 passed, 0 failed, 0 skipped\n", result.out)
        self.assertEqual("", result.err)
        result = self.results_of(path, code=etl.FAILED)
        self.assertIn("1 passed, 1 failed, 0 skipped\n", result.out)
        result = self.results_of(path, "--only", "god*", code=etl.FAILED)
        self.assertIn('none of 2 tests has a name that matches "god*"', result.err)

    def test_set(self):
        path = self.file('name = "german"\n' + INPUTS.replace("fr.d", "de") + "counts.db = 1\n")
        self.results_of(path, code=etl.FAILED)
        self.results_of(path, "--set", 'french.languages=["de"]')

    def test_a_file_without_tests(self):
        result = self.results_of(self.file())
        self.assertIn("warning: this pipeline has no tests", result.err)

    def test_variables_are_no_variables_in_tests(self):
        self.passes('name = "dollar"\ninputs.pageviews = [ { domain_code = "fr", title = "${HOME}$$" } ]\n'
                    'outputs.db = [ { title = "${HOME}$$" } ]\n')

    def test_junit(self):
        path = self.file('name = "good"\n' + INPUTS + "counts.db = 3\n", 'name = "bad"\n' + INPUTS + "counts.db = 4\n")
        other = self.file('name = "alone"\n' + INPUTS + "counts.db = 3\n", name="other.toml")
        result = etl.run("test", path, other, "--junit", self.folder / "junit.xml")
        self.assertEqual(etl.FAILED, result.code, str(result))
        root = xml.etree.ElementTree.parse(self.folder / "junit.xml").getroot()
        self.assertEqual(("3", "1"), (root.get("tests"), root.get("failures")))
        self.assertEqual([str(path), str(other)], [suite.get("name") for suite in root])
        failure, = root.iter("failure")
        self.assertIn("counts.db: expected 4, got 3", failure.get("message"))
        result = self.results_of(other, "--junit", self.folder / "no/folder.xml", code=etl.FAILED)
        self.assertIn("no/folder.xml: No such file", result.err)
        self.assertIn("1 passed", result.out)

    def test_control_characters_are_not_printed(self):
        path = self.file('name = "a\\u001bb"\n' + INPUTS.replace('"A"', '"\\u001b[2J"') + 'outputs.db = []\n')
        result = self.results_of(path, code=etl.FAILED)
        self.assertNotIn("\x1b", result.out)
        self.assertIn("\\u001B[2J", result.out)


class Failing(Base):
    def line(self, number):
        return FIRST_LINE + number

    def test_wrong_value(self):
        found = self.fails('name = "value"\n' + INPUTS + """outputs.french = [
  { title = "A", views = 1 },
  { title = "B", views = 7 },
  { title = "D", views = 4 },
]
""", "outputs.french: row 2 differs", "differs: views")
        difference, = found["differences"]
        row, = difference["rows"]
        self.assertEqual(("french", "changed", 2, 2, [{"column": "views", "expected": 7, "got": 2}], self.line(10), 3),
                         (difference["stage"], row["kind"], row["row"], row["expected_row"], row["values"], row["line"],
                          row["column"]))
        self.assertIn(f"tested.toml:{self.line(8)}:18: outputs.french", found["message"])

    def kinds(self, expected, *parts):
        found = self.fails('name = "rows"\n' + INPUTS + f"outputs.french = [ {expected} ]\n", *parts)
        return [row["kind"] for row in found["differences"][0]["rows"]]

    def test_missing_row(self):
        self.assertEqual(["missing"], self.kinds('{ title = "A" }, { title = "B" }, { title = "C" }, { title = "D" }',
                                                 "expected row 3 is missing (expected 4, got 3)"))

    def test_extra_row(self):
        self.assertEqual(["extra"], self.kinds('{ title = "A" }, { title = "D" }',
                                               "row 2 is unexpected (expected 2, got 3)"))

    def test_wrong_order(self):
        self.kinds('{ title = "B" }, { title = "A" }, { title = "D" }', "the same rows in a different order")

    def test_all_rows_missing_and_all_extra(self):
        self.fails('name = "x"\ninputs.pageviews = []\noutputs.db = [ { title = "A" } ]\n', "expected row 1 is missing")
        self.fails('name = "x"\n' + INPUTS + "outputs.db = []\n", "rows 1, 2 and 1 more are unexpected")

    def test_the_diff_is_a_table(self):
        result = self.results_of(self.file('name = "value"\n' + INPUTS + 'outputs.phones = [ { title = "Bee", views = 2 } ]\n'),
                                code=etl.FAILED)
        table = result.out.splitlines()[2:5]
        self.assertEqual([["title", "views"], ["-", "1", '"Bee"', "2"], ["+", "1", '"B"', "2", "differs:", "title"]],
                         [table[0].split(), table[1].split()[:4], table[2].split()])

    def test_every(self):
        self.fails('name = "x"\n' + INPUTS + 'every.db = { domain_code = "fr" }\n', "every.db: rows 2 and 3 differ")

    def test_counts(self):
        found = self.fails('name = "x"\n' + INPUTS + "counts.db = 4\n", "counts.db: expected 4, got 3")
        self.assertEqual((4, 3, "db"), tuple(found["differences"][0][key] for key in ("expected", "got", "stage")))

    def test_rejects_that_nobody_expects(self):
        self.fails('name = "x"\n' + RECORDS + "counts.db = 2\n", "rejects: expected none, but there were",
                   '1 x fewer than 4 fields', 'source "pageviews": fewer than 4 fields: "fr C"')

    def test_wrong_rejects(self):
        for rejects in ("3", '{ "fewer than 4 fields" = 2 }', '{ "another reason" = 2 }'):
            self.fails('name = "x"\n' + RECORDS + f"counts.db = 2\nrejects = {rejects}\n", "rejects: expected ")
        self.fails('name = "x"\n' + INPUTS + "rejects = 1\n", "rejects: expected 1, but there were none")

    def test_an_error_that_nobody_expects(self):
        self.fails('name = "x"\nrecords.pageviews = ["fr A 1 0"]\ncounts.db = 1\n',
                   'it failed: source "pageviews": "" is not a partition of page views', 'add partition = "..."')

    def test_another_error_and_none(self):
        self.fails('name = "x"\npartition = "p"\nrecords.pageviews = ["fr A 1 0"]\nerror = "disk full"\n',
                   'expected an error with "disk full", but got: ', "is not a partition of page views")
        self.fails('name = "x"\n' + INPUTS + 'error = "disk full"\n', "but there was none")

    def test_texts_that_differ_where_nobody_looks(self):
        long = "x" * 500
        self.fails(f'name = "x"\ninputs.pageviews = [ {{ domain_code = "fr", title = "{long}y" }} ]\n'
                   f'outputs.db = [ {{ title = "{long}z" }} ]\n', "title (from byte 501 on)")


class Plugins(Base):
    def setUp(self):
        super().setUp()
        plugins = self.folder / "plugins"
        plugins.mkdir(mode=0o755)
        (self.folder / "p.cc").write_text(PLUGIN)
        subprocess.run([os.environ.get("CXX") or "g++", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden",
                        "-I", etl.REPOSITORY / "core/sdk/include", self.folder / "p.cc", "-o", plugins / "p.so"], check=True)
        (plugins / "p.so").chmod(0o644)

    def one(self, test, code, *arguments, **options):
        return super().one(test, code, "--plugin-dir", self.folder / "plugins", *arguments, **options)

    def test_a_filter_whose_test_is_another(self):
        """A row that a run would lose with pushdown and keep without it."""
        liar = PIPELINE.replace('languages = ["fr"]', "").replace('plugin = "language"\ninput = "pageviews"',
                                                                  'plugin = "liar"\ninput = "pageviews"')
        found = self.fails('name = "x"\n' + INPUTS + "counts.db = 4\n",
                           "with predicate pushdown (run.pushdown) the result differs", 'expected row 2 is missing',
                           pipeline=liar)
        self.assertEqual(["pushdown"], [difference["kind"] for difference in found["differences"]])
        self.passes('name = "x"\n' + INPUTS.replace('"B"', '"E"') + "counts.db = 4\n", pipeline=liar)
        self.fails('name = "x"\npartition = "pageviews-20240301-010000"\nrecords.pageviews = ["fr B 1 0"]\ncounts.db = 1\n',
                   "with predicate pushdown", pipeline=liar)
        self.passes('name = "x"\ninputs.pageviews = [ { title = "bad" } ]\nerror = "a bad title"\n', pipeline=liar)

    ALL = """name = "all"
[sources.s]
plugin = "everything"
[sinks.db]
plugin = "sqlite"
input = "s"
path = "x.db"
table = "t"
"""
    ROW = ('{ flag = true, small = -2147483648, large = 9223372036854775807, share = 0.5, title = "é\\n", view = "short", '
           'bytes = "b", second = 1969-12-31T23:59:59Z, micro = 2024-03-01T12:00:00.000001+02:00 }')
    LONG = '{ view = "a text of more than twelve bytes", share = nan }'

    def test_every_type_and_null(self):
        rows = f"[ {self.ROW}, {self.LONG}, {{ }}, {self.LONG} ]"
        self.passes(f'name = "types"\ninputs.s = {rows}\noutputs.db = {rows}\n', pipeline=self.ALL)
        null = "{ null = true }"
        nulls = ", ".join(f"{name} = {null}" for name in ("flag", "small", "large", "share", "title", "view", "bytes",
                                                          "second", "micro"))
        self.passes(f'name = "null"\ninputs.s = [ {{}} ]\noutputs.db = [ {{ {nulls} }} ]\n', pipeline=self.ALL)
        found = self.fails(f'name = "null"\ninputs.s = [ {self.ROW} ]\noutputs.db = [ {{ {nulls} }} ]\n', "NULL",
                           pipeline=self.ALL)
        self.assertEqual({"flag": True, "small": -2147483648, "large": 9223372036854775807, "share": 0.5, "title": "é\n",
                          "view": "short", "bytes": "b", "second": "1969-12-31 23:59:59",
                          "micro": "2024-03-01 10:00:00.000001"},
                         {value["column"]: value["got"] for value in found["differences"][0]["rows"][0]["values"]})

    def test_values_of_wrong_types(self):
        wrong = {"flag": "1", "small": "2147483648", "large": "1.5", "share": '"x"', "title": "1", "view": "true",
                 "bytes": "[]", "second": "2024-03-01T00:00:00.5Z", "micro": '"noon"'}
        rows = ", ".join(f"{{ {name} = {value} }}" for name, value in wrong.items())
        result = self.results_of(self.file(f'name = "wrong"\ninputs.s = [ {rows} ]\ncounts.db = 9\n', pipeline=self.ALL),
                                "--plugin-dir", self.folder / "plugins", code=etl.CONFIG)
        for name in wrong:
            self.assertRegex(result.err, rf'error: column "{name}" of source "s" is \S+: it must be ')


class Mistakes(Base):
    """Errors in [[tests]] are errors of the file, with line, column and a suggestion, for every verb."""

    CASES = [
        ('name = "x"\n' + INPUTS + "outptus.db = []\n", 'unknown key "outptus" in test "x"', 'did you mean "outputs"?'),
        (INPUTS + "counts.db = 1\n", "test 1 has no name", "add: name"),
        ("name = 4\n" + INPUTS + "counts.db = 1\n", '"name" of test 1 must be a string, not an integer', ""),
        ('name = " "\n' + INPUTS + "counts.db = 1\n", "must not be empty", ""),
        ('name = "x"\ncounts.db = 1\n', 'test "x" has no inputs', "add inputs.STAGE"),
        ('name = "x"\n' + INPUTS, 'test "x" expects nothing', "add outputs.STAGE"),
        ('name = "x"\n' + INPUTS + "counts.bd = 1\n", '"counts" of test "x": there is no stage "bd"', 'did you mean "db"?'),
        ('name = "x"\ninputs.pageview = []\ncounts.db = 1\n', 'there is no stage "pageview"', 'did you mean "pageviews"?'),
        ('name = "x"\ninputs.db = []\ncounts.db = 1\n', 'no rows leave the sink "db"', "name a stage"),
        ('name = "x"\nrecords.french = []\ncounts.db = 1\n', '"french" is a filter', "write inputs"),
        ('name = "x"\ninputs.pageviews = [ { titel = "A" } ]\ncounts.db = 1\n', 'source "pageviews" has no column "titel"',
         'did you mean "title"?'),
        ('name = "x"\ninputs.pageviews = [ { views = "A" } ]\ncounts.db = 1\n',
         'column "views" of source "pageviews" is int64: it must be an integer, not a string', ""),
        ('name = "x"\ninputs.pageviews = [ { views = { null = true } } ]\ncounts.db = 1\n', "it cannot be null", ""),
        ('name = "x"\ninputs.pageviews = [ 4 ]\ncounts.db = 1\n', "must be a table, not an integer", "write { column"),
        ('name = "x"\ninputs.pageviews = "A"\ncounts.db = 1\n', "must be an array of rows", "write pageviews = ["),
        ('name = "x"\ninputs = 4\ncounts.db = 1\n', '"inputs" of test "x" must be a table', "write inputs.STAGE"),
        ('name = "x"\nrecords.pageviews = [ 4 ]\ncounts.db = 1\n', "must be strings, not an integer", ""),
        ('name = "x"\nrecords.pageviews = 4\ncounts.db = 1\n', "must be an array of strings, a string of lines", ""),
        ('name = "x"\n' + INPUTS + 'records.pageviews = []\ncounts.db = 1\n', "both inputs and records", ""),
        ('name = "x"\n' + INPUTS + 'inputs.french = []\ncounts.db = 1\n', '"french" already gets rows from "pageviews"', ""),
        ('name = "x"\ninputs.mobile = []\ncounts.db = 1\n', 'no rows of "mobile" reach a stage that test "x" checks', ""),
        ('name = "x"\ninputs.mobile = []\ncounts.db = 1\ncounts.phones = 0\n', 'no inputs of test "x" reach "db"', ""),
        ('name = "x"\ninputs.french = []\noutputs.french = []\n', "both provides and expects the rows of \"french\"", "expect the rows of a stage behind"),
        ('name = "x"\n' + INPUTS + 'counts.db = -1\n', "must be at least 0, but is -1", ""),
        ('name = "x"\n' + INPUTS + 'counts.db = "2"\n', "must be a number of rows, not a string", ""),
        ('name = "x"\n' + INPUTS + 'rejects = "2"\n', "must be a number, or a table of reasons", "write rejects = 1"),
        ('name = "x"\n' + INPUTS + 'error = ""\n', '"error" of test "x" must not be empty', ""),
        ('name = "x"\n' + INPUTS + 'error = "e"\ncounts.db = 1\n', "expects both an error and rows", "split it into two tests"),
        ('name = "x"\n' + INPUTS + 'every.db = 4\n', "must be a table of columns", ""),
    ]

    def test_each(self):
        for test, message, hint in self.CASES:
            with self.subTest(message):
                path = self.file(test)
                result = self.results_of(path, "--format", "json", code=etl.CONFIG)
                diagnostics = result.json["files"][0]["diagnostics"]
                self.assertEqual(1, len(diagnostics), str(result))
                self.assertIn(message, diagnostics[0]["message"])
                self.assertIn(hint, diagnostics[0]["hint"])
                self.assertGreaterEqual(diagnostics[0]["line"], FIRST_LINE)
                for verb in ("validate", "run", "plan"):
                    other = etl.run(verb, path, cwd=self.folder)
                    self.assertEqual(etl.CONFIG, other.code, str(other))
                    self.assertIn(message, other.err)

    def test_not_an_array_of_tables(self):
        path = self.folder / "tested.toml"
        path.write_text(PIPELINE + '[tests]\nname = "x"\n')
        result = self.results_of(path, code=etl.CONFIG)
        self.assertIn('"tests" must be an array of tables, not a table', result.err)
        self.assertIn("write [[tests]], in double brackets", result.err)

    def test_two_of_one_name(self):
        result = self.results_of(self.file('name = "x"\n' + INPUTS + "counts.db = 3\n", 'name = "x"\n' + INPUTS + "counts.db = 3\n"),
                                code=etl.CONFIG)
        self.assertIn('there are two tests named "x"', result.err)

    def test_files_of_rows(self):
        for content, message in ((None, "cannot open"), ("{", "is not valid JSON"), ("4", "contains no rows"), ("[4]", "row 1 is not an object"),
                                 ('[{"titel": 1}]', 'has no column "titel"'), ('[{"views": 1.5}]', "it must be an integer"),
                                 ('[{"views": null}]', "it cannot be null"), ('{"columns": [4], "rows": [[1]]}', "contains no rows")):
            with self.subTest(content):
                if content is not None:
                    (self.folder / "rows.json").write_text(content)
                path = self.file('name = "x"\ninputs.pageviews = { file = "rows.json" }\ncounts.db = 1\n')
                self.assertIn(message, self.results_of(path, code=etl.CONFIG).err)
                # A run does not read a test's files.
                self.assertEqual(etl.OK, etl.run("validate", path).code)

    def test_with_another_mistake(self):
        """Mistakes that do not depend on columns are reported even if stages have mistakes."""
        path = self.file('name = "x"\n' + INPUTS + "outptus.db = []\n", pipeline=PIPELINE.replace('"sqlite"', '"sqlit"', 1))
        result = self.results_of(path, code=etl.CONFIG)
        self.assertIn("outptus", result.err)
        self.assertIn("sqlit", result.err)

    def test_a_bad_file_and_a_good_one(self):
        good = self.file('name = "x"\n' + INPUTS + "counts.db = 3\n", name="good.toml")
        bad = self.file('name = "x"\n', name="bad.toml")
        result = etl.run("test", bad, good, "--format", "json")
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertEqual([False, True], [file["valid"] for file in result.json["files"]])
        self.assertEqual([True], [test["passed"] for test in result.json["tests"]])


class Definition(Base):
    def test_tests_are_no_part_of_it(self):
        """Changing a test does not affect loaded partitions."""
        base = self.folder / "hours"
        write_hour(base, START, "fr A 1 0\n")
        pipeline = PIPELINE.replace("file:///nonexistent/etl-test", f"file://{base}")
        for test, expected in ((), 1), (('name = "x"\n' + INPUTS + "counts.db = 3\n",), 0):
            result = etl.run("run", self.file(*test, pipeline=pipeline), "--format", "json")
            self.assertEqual(etl.OK, result.code, str(result))
            self.assertEqual(expected, result.json["partitions"]["done"])


class Shipped(Base):
    def test_all_carry_tests_that_pass(self):
        files = sorted((etl.REPOSITORY / "pipelines").glob("*.toml"))
        self.assertGreaterEqual(len(files), 5)
        result = etl.run("test", *files, "--format", "json", env=CONTACT)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual(list(map(str, files)), sorted({test["file"] for test in result.json["tests"]}))

    def test_they_can_fail(self):
        for path in sorted((etl.REPOSITORY / "pipelines").glob("*.toml")):
            text = path.read_text()
            broken = re.sub(r'(languages|codes) = \["fr"\]', r'\1 = ["de"]', text)
            self.assertNotEqual(text, broken)
            copy = self.folder / path.name
            copy.write_text(broken)
            self.assertEqual(etl.FAILED, etl.run("test", copy, env=CONTACT).code, path)

    def test_docs(self):
        """Every pipeline in the docs that has tests passes them."""
        tested = 0
        for page in markdown.pages():
            for block in page.of("toml"):
                if "[[tests]]" not in block.text or block.mark == "fragment":
                    continue
                path = self.folder / "docs.toml"
                path.write_text(block.text)
                result = etl.run("test", path, env=CONTACT)
                self.assertEqual(etl.OK, result.code, f"{block}\n{result}")
                tested += 1
        self.assertGreaterEqual(tested, 1)

    def test_the_failure_in_the_docs(self):
        page = markdown.Page(etl.REPOSITORY / "docs/testing-pipelines.md")
        pipeline, = page.of("toml")
        shown, = page.of("")
        broken = pipeline.text.replace('{ domain_code = "fr.m", views = 17 }', '{ domain_code = "fr.m", views = 18 }')
        (self.folder / "french.toml").write_text(broken)
        result = etl.run("test", "french.toml", "--only", "keeps*", cwd=self.folder, env=CONTACT)
        self.assertEqual((etl.FAILED, shown.text), (result.code, result.out))


if __name__ == "__main__":
    unittest.main()
