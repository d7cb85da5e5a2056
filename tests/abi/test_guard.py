"""Checks that nothing of a released plugin ABI has changed, and that the guard detects every kind of change."""

import pathlib
import re
import subprocess
import tempfile
import unittest

from abi.compare import changes
from abi.make_next import next_header
from support import etl

HERE = pathlib.Path(__file__).parent
HEADER = etl.REPOSITORY / "core/sdk/include/etl/abi.h"
RELEASES = sorted(HERE.glob("v*"))


def dump(header):
    done = subprocess.run([HERE / "abi_dump.py", header], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{header}: {done.stdout}{done.stderr}")
    return done.stdout


class Released(unittest.TestCase):
    def test_nothing_of_a_release_has_changed(self):
        self.assertTrue(RELEASES)
        current = dump(HEADER)
        for release in RELEASES:
            with self.subTest(release.name):
                wrong = changes((release / "abi.dump").read_text(), current)
                self.assertEqual([], wrong, "plugins that are already built would break:\n" + "\n".join(wrong))

    def test_the_dump_is_that_of_the_frozen_header(self):
        for release in RELEASES:
            self.assertEqual((release / "abi.dump").read_text(), dump(release / "abi.h"), release.name)


# Changes to the header that must be refused: (why, text, replacement, start of the message).
MINOR = ("#define ETL_ABI_MINOR 0", "#define ETL_ABI_MINOR 1")
REFUSED = [
    ("fields in another order", "  void* ctx;\n  void (*log)(void* ctx, uint32_t level, etl_str text);",
     "  void (*log)(void* ctx, uint32_t level, etl_str text);\n  void* ctx;", "etl_host.ctx was void * (8 bytes at offset 8)"),
    ("a field of another type", "int64_t retry_after_ms;", "uint64_t retry_after_ms;", "etl_error.retry_after_ms was long"),
    ("a field of another size", "char message[2048];", "char message[4096];", "etl_error.message was char[2048]"),
    ("a field of another name", "etl_str run_id;\n  int64_t attempts;", "etl_str run;\n  int64_t attempts;", "etl_ledger_record.run_id is gone"),
    ("a field in between", "  etl_str id;    /*", "  uint64_t more;\n  etl_str id;    /*", "etl_partition.id was"),
    ("a field in the padding", "  uint32_t scope_type; /* an etl_scope_type */",
     "  uint32_t scope_type;\n  uint32_t more;", "etl_partition.more is new at offset 68, within the 96 bytes"),
    ("a field taken away", "  void (*finish)(void* self, etl_str id);\n", "", "etl_source.finish is gone"),
    ("a struct of arrays that grows", "  int64_t minimum, maximum;", "  int64_t minimum, maximum, step;",
     "etl_option_spec.step is new, and etl_option_spec may not grow"),
    ("a string that grows", "  size_t size;      /* bytes */", "  size_t size, capacity;", "etl_str.capacity is new, and etl_str may not grow"),
    ("a struct inside of another that grows", "      size_t size;\n    } list;", "      size_t size, more;\n    } list;",
     "etl_option.value.list.more is new"),
    ("a value in between", "  ETL_MISSING = 4,", "  ETL_LATE = 4,\n  ETL_MISSING = 5,", "ETL_MISSING of etl_code was 4 and is 5"),
    ("a number used twice", "  ETL_INTERNAL = 7 ", "  ETL_LATE = 7,\n  ETL_INTERNAL = 7 ", "ETL_LATE of etl_code is new and has the number 7"),
    ("a flag of another value", "ETL_OPTION_SECRET = 2u,", "ETL_OPTION_SECRET = 32u,", "ETL_OPTION_SECRET of flags_1 was 2 and is 32"),
    ("a function with another parameter", "int (*commit)(void* writer, const etl_ledger_record* record, etl_error* error);",
     "int (*commit)(void* writer, const etl_ledger_record* record, int sync, etl_error* error);", "etl_sink.commit was"),
    ("a function type with another parameter", "typedef int (*etl_emit)(void* ctx, struct ArrowArray* batch);",
     "typedef int (*etl_emit)(void* ctx, const struct ArrowArray* batch);", "etl_filter.apply was"),
    ("another name of the symbol", "const etl_plugin etl_plugin_v1;", "const etl_plugin etl_plugin_1;", "symbol etl_plugin_v1 was"),
    ("another word in a macro", '"etl.slots/1"', '"etl.slots/2"', "macro ETL_SLOTS was"),
    ("another major", "#define ETL_ABI_MAJOR 1", "#define ETL_ABI_MAJOR 2", "macro ETL_ABI_MAJOR was 1 and is 2"),
    ("a struct that is gone", re.compile(r"typedef struct etl_slots \{.*?\} etl_slots;\n", re.S), "", "struct etl_slots is gone"),
    ("an append without a new minor", "} etl_host;", "  void (*more)(void);\n} etl_host;", "ETL_ABI_MINOR is still 0, but these are new: etl_host.more"),
]
ALLOWED = [
    ("a function at the end", "} etl_sink;", "  int (*more)(void* self);\n} etl_sink;"),
    ("a field at the end", "} etl_partition;", "  etl_str more;\n} etl_partition;"),
    ("a value at the end", "  ETL_INTERNAL = 7 ", "  ETL_LATE = 8,\n  ETL_INTERNAL = 7 "),
    ("a struct", "typedef enum etl_kind", "typedef struct etl_more { uint32_t struct_size; } etl_more;\ntypedef enum etl_kind"),
    ("a service", "typedef enum etl_kind", '#define ETL_MORE "etl.more/1"\ntypedef enum etl_kind'),
]


class Guard(unittest.TestCase):
    """Makes every kind of change to the frozen header of 1.0 and compares the result with its dump."""

    def setUp(self):
        self.released = (HERE / "v1.0/abi.dump").read_text()
        self.header = (HERE / "v1.0/abi.h").read_text()

    def judged(self, *replacements):
        """The changes that the guard finds after these replacements."""
        text = self.header
        for before, after in replacements:
            found = before.findall(text) if isinstance(before, re.Pattern) else [before] * text.count(before)
            self.assertEqual(1, len(found), f"{before}: not once in abi.h")
            text = text.replace(found[0], after)
        return self.changes_of(text)

    def changes_of(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "abi.h"
            path.write_text(text)
            return changes(self.released, dump(path))

    def test_changes_that_are_refused(self):
        for why, before, after, said in REFUSED:
            with self.subTest(why):
                raised = [] if "minor" in why or "major" in why else [MINOR]
                wrong = self.judged((before, after), *raised)
                self.assertTrue(any(each.startswith(said) for each in wrong), f"{why}: {wrong}")

    def test_changes_that_are_allowed(self):
        self.assertEqual([], self.judged())
        for why, before, after in ALLOWED:
            with self.subTest(why):
                self.assertEqual([], self.judged((before, after), MINOR))
                self.assertEqual(1, len(self.judged((before, after))), "the minor has to be raised")

    def test_the_made_up_next_version_is_allowed(self):
        text = next_header(self.header)
        self.assertEqual([], self.changes_of(text))
        self.assertEqual(self.header.count("uint32_t struct_size;"), text.count("void (*next)(void);"))

    def test_a_minor_does_not_go_back(self):
        self.assertEqual(["ETL_ABI_MINOR was 1 and is 0"], changes(self.released.replace(" ETL_ABI_MINOR 0", " ETL_ABI_MINOR 1"), self.released))


if __name__ == "__main__":
    unittest.main()
