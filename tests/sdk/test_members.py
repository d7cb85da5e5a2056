"""A member with the name of an optional function and another signature does not compile: it would be ignored."""

import os
import subprocess
import tempfile
import unittest

from support import etl

COMMON = """
  static constexpr auto name = "{name}";
  static constexpr auto summary = "For a test.";
  static constexpr auto options = etl::options();
  {name}(const etl::Options&, const etl::Context&) {{}}
"""
READER = "struct Reader { std::optional<etl::Batch> next(); };\n"
WRITER = "struct Writer { void write(etl::Batch); void commit(const etl::LedgerRecord&); };\n"
REQUIRED = {
    "source": """
  etl::Schema schema() const;
  std::vector<etl::Partition> plan() const;
  Reader read(const etl::Partition&, const etl::Predicate&, const etl::Task&);
""",
    "filter": "  etl::Batch apply(etl::Batch batch);\n",
    "sink": "  Writer open(const etl::WriteRequest&, const etl::Schema&);\n",
}
# (kind, a member that is nearly right, how the message begins)
WRONG = [
    ("source", "void expect(std::string id);", "expect of a source: "),
    ("source", "void finish();", "finish of a source: "),
    ("source", "int ready(std::string_view id);", "ready of a source: "),
    ("source", "Reader replay(const etl::Partition&, const etl::Task&);", "replay of a source: "),
    ("filter", "etl::Schema schema(const etl::Schema& in);", "schema of a filter: "),
    ("filter", "etl::Batch finish();", "finish of a filter: "),
    ("filter", "std::string predicate_column(const etl::Schema&) const;", "a predicate of a filter: "),
    ("filter", "bool keeps(std::string_view) const;", "a predicate of a filter: "),
    ("sink", "void check(etl::Schema&);", "check of a sink: "),
    ("sink", "std::string inspect(const etl::Schema&);", "inspect of a sink: "),
    ("sink", "void prepare();", "prepare of a sink: "),
    ("sink", "void record(const etl::LedgerRecord&);", "the ledger of a sink: "),
    ("sink", "std::vector<etl::LedgerRecord> committed();", "the ledger of a sink: "),
    ("sink", "std::string_view resource();", "resource of a sink: "),
    ("sink", "int forget(const etl::ForgetRequest&, const etl::Schema&);", "forget of a sink: "),
    ("sink", "void heartbeat(const etl::Heartbeat&);", "heartbeats of a sink: "),
    ("sink", "void merge(const etl::MergeRequest&);", "merge of a sink: "),
    ("sink", "static constexpr const char* max_writers = \"2\";", "max_writers of a sink: "),
    ("filter", "static constexpr int columns = 3;", "columns of a stage: "),
    # Private and overloaded members have the name, too.
    ("filter", "etl::Batch finish(); int finish(int);", "finish of a filter: "),
    ("sink", "private: void prepare(int);", "prepare of a sink: "),
]
RIGHT = [
    ("source", "void finish(std::string_view id); void expect(std::vector<std::string> ids);"
               " bool ready(std::string_view id);"),
    ("filter", "etl::Schema schema(const etl::Schema& in) const; std::optional<etl::Batch> finish();"),
    ("sink", "void check(const etl::Schema&) const; void prepare(const etl::Schema&); void expect(int);"),
]


def stage(name, kind, member):
    return f"struct {name} {{{COMMON.format(name=name)}{REQUIRED[kind]}  {member}\n}};\n"


def compiled(stages):
    """What the compiler says of a plugin with these stages: (kind, member)."""
    names = [f"Stage{number}" for number in range(len(stages))]
    text = "#include <etl/plugin.hpp>\nnamespace {\n" + READER + WRITER
    text += "".join(stage(name, kind, member) for name, (kind, member) in zip(names, stages))
    text += "}\nETL_PLUGIN(\"members\", \"1.0\", " + ", ".join(names) + ");\n"
    with tempfile.NamedTemporaryFile("w", suffix=".cc") as file:
        file.write(text)
        file.flush()
        return subprocess.run([os.environ.get("CXX") or "g++", "-std=c++20", "-fsyntax-only", "-w",
                               f"-I{etl.REPOSITORY}/core/sdk/include", file.name], capture_output=True, text=True)


class Members(unittest.TestCase):
    def test_nearly_right_ones_do_not_compile(self):
        for first in range(0, len(WRONG), 15):  # clang stops after 20 errors
            wrong = WRONG[first:first + 15]
            done = compiled([(kind, member) for kind, member, _ in wrong])
            self.assertNotEqual(0, done.returncode)
            errors = [line for line in done.stderr.splitlines() if "error: static" in line]
            for _, member, message in wrong:
                with self.subTest(member):
                    self.assertTrue(any(message in line for line in errors), done.stderr)
            self.assertEqual(len(wrong), len(errors), "\n".join(errors))

    def test_right_ones_compile(self):
        done = compiled(RIGHT)
        self.assertEqual("", done.stderr)
        self.assertEqual(0, done.returncode)


if __name__ == "__main__":
    unittest.main()
