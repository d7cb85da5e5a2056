"""Runs the examples in C and Rust in pipelines and computes the expected rows independently."""

import os
import pathlib
import sqlite3
import subprocess
import unittest

from oracle import oracle
from support import etl
from support.case import START, EtlCase, hour_files, moment

EXAMPLES = pathlib.Path(os.environ.get("ETL_EXAMPLES") or etl.binary().parents[1] / "docs/examples")
WORDS = ["", "a", "été", "日本語", "a word of more than twelve bytes", "e\u0301", "\N{SLICE OF PIZZA}"]


# A source of strings with nulls, which no installed source has; its batch is sliced after 5 rows.
HOLES = """
#include <etl/plugin.hpp>
struct Holes {
  static constexpr auto name = "holes";
  static constexpr auto summary = "Texts with nulls.";
  static constexpr auto options = etl::options();
  Holes(const etl::Options&, const etl::Context&) {}
  etl::Schema schema() const { return {{"n", etl::Type::int64}, {"word", etl::Type::utf8, true}}; }
  std::vector<etl::Partition> plan() const { return {{.id = "all", .uri = "holes:"}}; }
  struct Reader {
    etl::Schema schema;
    bool ended = false;
    std::optional<etl::Batch> next() {
      if (std::exchange(ended, true)) return std::nullopt;
      etl::BatchBuilder rows(schema);
      for (std::int64_t n = 0; n < 100; ++n) {
        std::string word;
        for (int i = 0; i < n % 11; ++i) word += "\\u00e9";
        rows.row(n, n % 3 == 0 ? std::nullopt : std::optional(word));
      }
      return rows.finish().slice(5, 95);
    }
  };
  Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&) const { return {schema()}; }
};
ETL_PLUGIN("holes", "1.0.0", Holes);
"""


class Example(EtlCase):
    def run_text(self, text, *arguments):
        path = self.folder / "pipeline.toml"
        path.write_text(text)
        return etl.run("run", path, "--format", "json", "--plugin-dir", EXAMPLES, *arguments)

    def rows(self, sql):
        connection = sqlite3.connect(self.folder / "out.db")
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def sink(self, source):
        return f'[sinks.db]\nplugin = "sqlite"\ninput = "{source}"\npath = "out.db"\ntable = "t"\n'


class InC(Example):
    """docs/examples/c/squares.c"""

    def squares(self, *arguments, until=25000, rows=10000):
        text = f'name = "squares"\n[sources.numbers]\nplugin = "squares"\nuntil = {until}\nrows = {rows}\n'
        return self.run_text(text + self.sink("numbers"), *arguments)

    def test_rows(self):
        result = self.squares()
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual([(n, n * n) for n in range(25000)], self.rows("SELECT n, square FROM t ORDER BY n"))
        self.assertEqual([("%019d" % first, len(range(first, min(first + 10000, 25000))))
                          for first in range(0, 25000, 10000)],
                         self.rows("SELECT partition, rows_written FROM etl_ledger ORDER BY partition"))

    def test_no_rows_and_the_largest_square(self):
        summary = self.squares(until=0).json
        self.assertEqual((0, 0), (summary["partitions"]["total"], summary["rows"]["read"]))
        result = self.squares("--only", "%019d" % 3037000000, until=3037000499, rows=1000)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual([(3037000498 ** 2,)], self.rows("SELECT max(square) FROM t"))

    def test_bounds_are_checked(self):
        result = self.squares(until=3037000500)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn("until", result.err)


class InRust(Example):
    """docs/examples/rust/text_length.rs"""

    def test_lengths_of_words(self):
        folder = self.folder / "in"
        folder.mkdir()
        (folder / "a.txt").write_text("".join(f"{word}\t{n}\n" for n, word in enumerate(WORDS)))
        result = self.run_text(
            'name = "lengths"\n[sources.words]\nplugin = "word_files"\nfolder = "in"\n'
            '[filters.measured]\nplugin = "text_length"\ninput = "words"\ncolumn = "word"\n' + self.sink("measured"))
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual([("a.txt", word, n, len(word)) for n, word in enumerate(WORDS)],
                         self.rows("SELECT file, word, count, length FROM t ORDER BY count"))

    def page_views(self, column, base):
        """Strings in the source's own layout, after a filter that keeps some rows of a batch."""
        return self.run_text(
            f'name = "titles"\n[sources.views]\nplugin = "wikipedia_pageviews"\nstart = {moment(START)}\nhours = 2\n'
            f'base_url = "{base.as_uri()}"\ncolumns = ["domain_code", "title", "views"]\n'
            '[filters.some]\nplugin = "language"\ninput = "views"\nlanguages = ["fr", "de", "commons", "www"]\n'
            f'[filters.measured]\nplugin = "text_length"\ninput = "some"\ncolumn = "{column}"\n' + self.sink("measured"))

    def test_lengths_of_titles(self):
        base = hour_files(5000, 2, traps=True)
        result = self.page_views("title", base)
        self.assertEqual(etl.OK, result.code, str(result))
        expected = [(row[oracle.COLUMNS.index("title")],) for row in
                    oracle.expect(oracle.files(base), oracle.languages("fr", "de", "commons", "www"))]
        expected = sorted((text(title), len(text(title))) for title, in expected)
        self.assertGreater(len(expected), 100)
        self.assertEqual(expected, sorted(self.rows("SELECT title, length FROM t")))

    def test_null_has_no_length(self):
        """Nulls at every bit position of the bitmap, in a sliced batch."""
        words = [None if n % 3 == 0 else "é" * (n % 11) for n in range(100)]
        self.build(HOLES)
        result = self.run_text(
            'name = "holes"\n[sources.holes]\nplugin = "holes"\n'
            '[filters.measured]\nplugin = "text_length"\ninput = "holes"\ncolumn = "word"\n' + self.sink("measured"),
            "--plugin-dir", self.folder)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual([(n, word, None if word is None else len(word)) for n, word in enumerate(words) if n >= 5],
                         self.rows("SELECT n, word, length FROM t ORDER BY n"))

    def build(self, source):
        (self.folder / "holes.cc").write_text(source)
        subprocess.run([os.environ.get("CXX") or "g++", "-std=c++20", "-shared", "-fPIC", "-fvisibility=hidden",
                        "-I", etl.REPOSITORY / "core/sdk/include", self.folder / "holes.cc", "-o", self.folder / "holes.so"],
                       check=True)
        (self.folder / "holes.so").chmod(0o644)

    def test_mistakes_are_shown_at_the_option(self):
        (self.folder / "in").mkdir()
        for column, message in (("count", 'column "count" is not a text column'), ("nowhere", 'there is no column "nowhere"')):
            result = self.run_text(
                'name = "lengths"\n[sources.words]\nplugin = "word_files"\nfolder = "in"\n'
                f'[filters.measured]\nplugin = "text_length"\ninput = "words"\ncolumn = "{column}"\n' + self.sink("measured"))
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(message, result.err)
            self.assertIn(f'column = "{column}"', result.err)

    def test_twice_would_be_two_columns_of_one_name(self):
        (self.folder / "in").mkdir()
        result = self.run_text(
            'name = "lengths"\n[sources.words]\nplugin = "word_files"\nfolder = "in"\n'
            '[filters.one]\nplugin = "text_length"\ninput = "words"\ncolumn = "word"\n'
            '[filters.two]\nplugin = "text_length"\ninput = "one"\ncolumn = "file"\n' + self.sink("two"))
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn('there is a column "length" already', result.err)


def text(value):
    return value.decode("utf-8", errors="replace") if isinstance(value, bytes) else value


if __name__ == "__main__":
    unittest.main()
