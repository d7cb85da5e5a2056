"""Checks that `etl check` finds every bug planted in tests/fixtures/plugins/faulty, and none in correct stages."""

import concurrent.futures
import functools
import os
import pathlib
import re
import tomllib
import unittest
from xml.etree import ElementTree

from docs import markdown
from support import etl, postgres
from support.case import START, EtlCase, hour_files

HERE = pathlib.Path(__file__).parent
BUILD = etl.binary().parents[1]
TEST_PLUGINS = BUILD / "tests/plugins"
EXAMPLES = pathlib.Path(os.environ.get("ETL_EXAMPLES") or BUILD / "docs/examples")
FAULTY = TEST_PLUGINS / "faulty/faulty.so"

# The checks that each faulty stage must fail, with a pattern of the message. Nothing else may fail.
PLANTED = {
    "summary_of_two_lines": {"descriptor.stage": r"the summary must be one line"},
    "default_out_of_bounds": {"descriptor.options": r'option "most" has the default 30, .* not between 1 and 9'},
    "option_twice": {"descriptor.options": r'option "column" is in the table twice'},
    "no_help": {"descriptor.options": r'the help of option "column" is empty'},
    "column_twice": {"descriptor.columns": r'column "word" is in the column table twice'},
    "refuses_with_any_exception": {"options.refused": r'option "column" failed with ETL_INTERNAL'},
    "refuses_without_option": {"options.refused": r'option "column" failed .* error\.option does not name the option'},
    "refuses_another_option": {"options.refused": r'refused for option "columns", which the stage does not have'},
    "crashes_on_option": {"options.refused": r"killed by signal 6 \(Aborted\)"},
    "touches_files": {"options.create": r"create\(\) made files"},
    "holds_memory": {"options.memory": r"memory\(\) still reports 1048576 bytes"},
    "keeps_lent_option": {"filter.schema": r'there is no column "####"'},
    "never_releases": {"filter.releases": r"never released batch \d+ of \d+"},
    "releases_twice": {"filter.releases": r"released batch \d+ of \d+ 2 times"},
    "deaf_to_emit": {"filter.stop": r"emit\(\) asked to stop, .*ETL_OK, not ETL_CANCELLED"},
    "ignores_offset": {"filter.sliced": r"of batches with an offset different rows were emitted"},
    "ignores_uncounted_nulls": {"filter.nulls": r"of uncounted nulls"},
    "offsets_go_down": {"filter.rows": r'column "word" has decreasing offsets at row \d+'},
    "loses_column": {"filter.rows": r"batch of 1 columns, but its schema has 2"},
    "first_of_each_batch": {"filter.borders": r"in batches of 1 row instead of 10000"},
    "remembers_partitions": {"filter.again": r"of a second, equal partition"},
    "mixes_partitions_up": {"filter.instances": r"while other partitions were processed different rows were emitted"},
    "predicate_drops_too_much": {"filter.predicate": r'keep\(\) drops a row with .* in "word" that apply\(\) passes'},
    "refuses_without_column": {"filter.refuses": r'column "word" .* without naming the column'},
    "content_with_any_column": {"filter.refuses": r'column "word" .* but then apply\(\) failed'},
    "crashes_on_empty": {"filter.empty": r"killed by signal 11 \(Segmentation fault\)"},
    "exits_on_huge": {"filter.huge": r"ended the process with exit code 0"},
    "hangs_on_empty": {"filter.empty": r"did not end in time \(3 s\)"},
    "plans_anew": {"source.plan": r"a second plan\(\) returned different partitions: .*tuesday"},
    "same_id": {"source.plan": r'the partition "monday" twice'},
    "no_such_scope": {"source.plan": r'partition "sunday" has its scope in the column "hour"'},
    "shared_scope": {"source.scope": r"two partitions have the scope monday"},
    "out_of_scope": {"source.scope": r'partition "monday" has a row with day = another day'},
    "declares_another_type": {"source.schema": r'column "count" is declared as utf8, .* says int64'},
    "other_rows_each_time": {"source.twice": r'partition "monday" has different rows when read again'},
    "miscounts": {"source.read": r'partition "monday" counted 2001 records read, but emitted 1960, rejected 40'},
    "predicate_on_any_column": {"source.predicate": r'partition "monday" .* predicate on "day"'},
    "drops_uncounted": {"source.predicate": r'partition "monday" with a predicate counted .* dropped 0'},
    "deaf_to_cancel": {"source.cancel": r"before the first batch, the stream went on for more than a second"},
    "cancel_is_failure": {"source.cancel": r"ETL_TRANSIENT: .*; expected ETL_CANCELLED"},
    "unknown_is_empty": {"source.unknown": r"never planned succeeded"},
    "reader_holds_memory": {"source.memory": r"memory\(\) still reports \d+ bytes"},
    "mixes_readers_up": {"source.instances": r'partition "\w+" has different rows while others are being read'},
    "loses_what_it_expects": {"source.expect": r'partition "monday" has different rows after expect\(\)'},
    "never_ready": {"source.ready": r'ready\(\) of partition "monday" returned 0 for 5 s, also after'},
    "ready_without_wake": {"source.ready": r'"monday" returned 0, and no call of wake\(\) followed'},
    "ready_waits": {"source.ready": r'"monday" took longer than a second: it must not wait'},
    "replay_loses_records": {"source.replay": r"replay\(\) of 3 records returned 0 rows and 0 rejects"},
    "batches_die_with_stream": {"source.early": r'partition "monday": the batch changed'},
    "release_not_marked": {"source.read": r'partition "monday": release\(\) of the stream did not set'},
    "fails_silently": {"source.unknown": r"without a call of task->fail\(\)"},
    "check_creates": {"sink.check": r"check\(\) made files"},
    "refuses_columns_with_any_exception": {"sink.refuses": r'of type double failed with ETL_INTERNAL'},
    "commit_lies": {"sink.commit": r"after a commit the command `dump` prints no rows"},
    "ledger_loses_field": {"sink.commit": r"committed\(\) returned the ledger record"},
    "commits_on_close": {"sink.rollback": r"after 10 uncommitted rows"},
    "loads_what_is_done": {"sink.conflict": r"loaded again with success; expected ETL_CONFLICT", "kill.committed": r"loaded again",
                           "kill.commit": r"loaded again"},
    "no_fence_at_commit": {"sink.race": r"two processes loaded the same partition and got ETL_OK and ETL_OK"},
    "record_replaces_done": {"sink.record": r"record\(\) replaced a done record"},
    "inspect_creates": {"sink.inspect": r"inspect\(\) made files"},
    "prepare_truncates": {"sink.prepare": r"after a second prepare\(\) the ledger differs"},
    "loses_single_rows": {"sink.borders": r"in batches of 1 row the rows in the target differ"},
    "counts_in_16_bits": {"sink.huge": r"of one batch of 100000 rows the rows in the target differ"},
    "refuses_empty_batch": {"sink.empty": r"batch without rows failed: ETL_PERMANENT: there are no rows"},
    "reload_adds": {"sink.reload": r"after a reload the rows in the target differ"},
    "forget_keeps_rows": {"sink.forget": r"after forget\(\) with the rows"},
    # Shared memory of writers is wrong within one instance and between two.
    "mixes_writers_up": {"sink.writers": r"after concurrent writers", "sink.instances": r"beside another instance|in another"},
    "writer_holds_memory": {"sink.memory": r"memory\(\) still reports 1048576 bytes"},
    "kill_leaves_mark": {"kill.open": r"killed after open\(\), loading its partition failed: ETL_CONFLICT"},
    # Its transaction survives a kill.
    "kill_leaves_rows": {"kill.first_write": r"killed after the first write", "kill.write": r"killed inside write",
                         "kill.before_commit": r"killed before commit", "kill.commit": r"killed inside commit"},
    "commits_in_two_steps": {"kill.commit": r"killed inside commit\(\) and resumed, the target differs from that of"},
    "sink_never_releases": {"sink.releases": r"the sink never released batch"},
    "sink_ignores_offset": {"sink.sliced": r"of batches with an offset the rows in the target differ"},
}
# Where in commit() a kill strikes is up to chance, except in a slow commit().
BY_CHANCE = {("loads_what_is_done", "kill.commit"), ("kill_leaves_rows", "kill.commit")}
# So is where two processes meet: any faulty sink may fail these checks too.
MEETINGS = {"sink.race", "kill.commit"}

# The checks that are skipped for stages without a bug.
SOUND = {
    "filter_sound": {},
    "source_sound": {"options.refused": "the stage has no options",
                     "source.expect": "the source has neither expect() nor finish()",
                     "source.ready": "the source has no ready()",
                     "source.replay": "the source has no replay()"},
    "sink_sound": {},
}


def check(*arguments, env=None):
    return etl.run("check", *arguments, env=env)


def faulty(stage, *arguments):
    return check(FAULTY, "--with", HERE / "faulty.toml", "--stage", stage, "--format", "json", *arguments)


def by_status(result, status):
    return {entry["check"]: entry["message"] for entry in result.json["checks"] if entry["status"] == status}


class Planted(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        # In parallel: most of the time is spent waiting for a hang, a lock or a kill.
        with concurrent.futures.ThreadPoolExecutor(3) as pool:
            runs = {stage: pool.submit(faulty, stage, *(["--timeout", 3] if stage == "hangs_on_empty" else []))
                    for stage in [*PLANTED, *SOUND]}
        cls.results = {stage: run.result() for stage, run in runs.items()}

    def test_every_stage_is_known_to_this_test(self):
        described = etl.run("describe", FAULTY, "--format", "json").json
        self.assertEqual({stage["name"] for stage in described}, {*PLANTED, *SOUND})

    def test_each_bug_fails_the_check_that_is_for_it(self):
        for stage, expected in PLANTED.items():
            with self.subTest(stage):
                result = self.results[stage]
                self.assertEqual(etl.FAILED, result.code, str(result))
                failed = by_status(result, "failed")
                certain = {name for name in expected if (stage, name) not in BY_CHANCE}
                self.assertLessEqual(certain, failed.keys(), failed)
                met = MEETINGS if any(name.startswith(("sink.", "kill.")) for name in expected) else set()
                self.assertLessEqual(failed.keys() - met, expected.keys(), failed)
                for name in failed.keys() & expected.keys():
                    self.assertRegex(failed[name], expected[name])

    def test_every_check_has_a_bug_that_it_finds(self):
        listed = {entry["name"] for entry in check("--list", "--format", "json").json["checks"]}
        found = {name for stage, expected in PLANTED.items()
                 for name in by_status(self.results[stage], "failed").keys() & expected.keys()}
        self.assertEqual(listed, found)

    def test_checks_that_depend_on_a_failed_one_are_skipped(self):
        skipped = by_status(self.results["touches_files"], "skipped")
        self.assertEqual("needs options.create, which did not pass", skipped["filter.schema"])
        self.assertEqual("needs filter.schema, which did not pass", skipped["filter.rows"])
        passed = by_status(self.results["touches_files"], "passed")
        self.assertEqual({"descriptor.stage", "descriptor.options", "descriptor.columns"}, passed.keys())

    def test_sound_stages_pass(self):
        for stage, unmade in SOUND.items():
            with self.subTest(stage):
                result = self.results[stage]
                self.assertEqual(etl.OK, result.code, str(result))
                self.assertEqual({}, by_status(result, "failed"))
                self.assertEqual(unmade, by_status(result, "skipped"))


class Own(EtlCase):
    """Checks the shipped plugins, those in the docs and those built for ABI 1.0, with the files in setups/."""

    def passes(self, library, *arguments, unmade=(), env=None):
        setup = HERE / f"setups/{library.stem}.toml"
        result = check(library, *(["--with", setup] if setup.exists() else []), "--format", "json", *arguments, env=env)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertEqual({}, by_status(result, "failed"))
        self.assertEqual(set(unmade), set(by_status(result, "skipped")))

    def shipped(self, name, *arguments, **options):
        self.passes(BUILD / f"lib/etl/plugins/{name}.so", *arguments, **options)

    def test_wikipedia(self):
        self.shipped("wikipedia", "--set", f"base_url=file://{hour_files(rows=2000, start=START)}", "--set",
                     f"start={START:%Y-%m-%dT%H:%M:%SZ}")

    def test_sqlite(self):
        self.shipped("sqlite", unmade=["sink.writers"])  # one writer at a time

    def test_postgres(self):
        server = postgres.shared()
        env = {"PGHOST": server.folder, "PGPORT": server.port, "PGUSER": "postgres", "PGDATABASE": "postgres"}
        self.shipped("postgres", "--set", f"dsn={server.dsn()}", env=env)
        left = server.query("postgres", "SELECT tablename FROM pg_tables WHERE tablename LIKE 'check%'")
        self.assertEqual([], left)

    def test_examples(self):
        unmade = {"starting_with": [], "text_length": ["filter.predicate"],
                  "word_files": ["source.expect", "source.ready", "source.replay"],
                  "squares": ["source.scope", "source.predicate", "source.expect", "source.ready", "source.replay"],
                  "tsv_files": ["sink.conflict", "sink.record", "sink.forget", "sink.race"]}  # it keeps no ledger
        for name, skipped in unmade.items():
            with self.subTest(name):
                self.passes(EXAMPLES / f"{name}.so", unmade=skipped)

    def test_plugins_of_abi_1_0(self):
        for name, skipped in {"source": [], "filter": [], "sink": ["sink.writers"]}.items():
            with self.subTest(name):
                self.passes(TEST_PLUGINS / f"v1.0/v1_0_{name}.so", unmade=skipped)


class Verb(EtlCase):
    sound = staticmethod(functools.partial(faulty, "filter_sound"))

    def refused(self, *arguments, says):
        result = check(*arguments)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertRegex(result.err, says)

    def test_junit_says_the_same(self):
        for stage in ("filter_sound", "loses_column"):
            with self.subTest(stage):
                report = self.folder / "report.xml"
                result = faulty(stage, "--junit", report)
                root = ElementTree.parse(report).getroot()
                suites = root.findall("testsuite")
                self.assertEqual([stage], [suite.get("name") for suite in suites])
                entries = {entry["check"]: entry for entry in result.json["checks"]}
                cases = {case.get("name"): case for case in root.iter("testcase")}
                self.assertEqual(entries.keys(), cases.keys())
                for name, entry in entries.items():
                    child = {"passed": None, "failed": "failure", "skipped": "skipped"}[entry["status"]]
                    self.assertEqual([child] if child else [], [one.tag for one in cases[name]])
                count = lambda status: sum(entry["status"] == status for entry in entries.values())
                self.assertEqual((str(len(entries)), str(count("failed")), str(count("skipped"))),
                                 tuple(suites[0].get(key) for key in ("tests", "failures", "skipped")))

    def test_text_names_stage_check_and_reason(self):
        result = check(FAULTY, "--with", HERE / "faulty.toml", "--stage", "crashes_on_empty")
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertRegex(result.out, r"FAILED +crashes_on_empty: filter\.empty\n.*signal 11 \(Segmentation fault\)")
        self.assertRegex(result.out, r"(?m)^18 passed, 1 failed, 0 skipped$")

    def test_list(self):
        listed = check("--list", "--format", "json").json["checks"]
        names = [entry["name"] for entry in listed]
        self.assertEqual(len(names), len(set(names)))
        text = check("--list").out
        for entry in listed:
            self.assertRegex(text, rf"(?m)^{re.escape(entry['name'])} +{entry['kind']} +{re.escape(entry['what'])}$")
        run = {entry["check"] for entry in self.sound().json["checks"]}
        self.assertEqual({entry["name"] for entry in listed if entry["kind"] in ("any", "filter")}, run)

    def test_only(self):
        names = [entry["check"] for entry in self.sound("--only", "filter.s*", "--only", "options.create").json["checks"]]
        self.assertEqual(["options.create", "filter.schema", "filter.sliced", "filter.stop"], names)
        self.refused(FAULTY, "--stage", "filter_sound", "--only", "filtre.*", says="no check matches --only")

    def test_rules_that_cannot_be_checked_are_skipped_and_not_passed(self):
        result = check(EXAMPLES / "tsv_files.so", "--set", "folder={scratch}", "--format", "json")
        skipped = by_status(result, "skipped")
        self.assertIn("no command `dump` to print its rows", skipped["sink.commit"])
        seen = {"descriptor.stage", "descriptor.options", "descriptor.columns", "options.create", "options.refused",
                "options.memory", "sink.check", "sink.refuses", "sink.inspect"}
        self.assertEqual(seen, by_status(result, "passed").keys())

    def test_options(self):
        self.assertEqual(etl.OK, self.sound("--set", "filter_sound.column=word", "--set", "most=4").code)
        result = self.sound("--set", "column=nowhere")
        self.assertIn('there is no column "nowhere"', by_status(result, "failed")["filter.schema"])
        result = self.sound("--set", "most=12")
        self.assertIn('"most"', by_status(result, "failed")["options.create"])
        self.refused(FAULTY, "--set", "colum=word", says="none of the checked stages has this option")
        self.refused(FAULTY, "--set", "column", says='has no "="')

    def test_names_of_stages_and_files(self):
        self.refused(FAULTY, "--stage", "filter_sund", says='did you mean "filter_sound"')
        self.refused(self.folder / "none.so", says=r"none\.so: No such file")
        self.assertEqual(etl.USAGE, check().code)

    def test_a_plugin_that_cannot_be_loaded(self):
        for name, says in {"crashing": "killed by signal 11", "exiting": "exit code 0(.|\n)*no licence",
                           "hanging": "did not end in time"}.items():
            with self.subTest(name):
                self.refused(TEST_PLUGINS / name / f"{name}.so", "--timeout", 1, says=rf"{name}\.so: loading it .*{says}")

    def test_mistakes_in_a_check_file(self):
        path = self.folder / "check.toml"
        for text, says in {"[filter_sund]\nscope = 'a'": r'check\.toml:1.*(.|\n)*no stage "filter_sund"',
                           "[filter_sound]\ndumpp = 'x'": r'check\.toml:2.*(.|\n)*did you mean "dump"',
                           "[filter_sound]\ndump = 1": r'"dump" must be a string',
                           "[filter_sound.columns]\na = 'utf9'": r'unknown column type "utf9"',
                           "[filter_sound]\nscope = 'a'": r'no column "a"',
                           "[filter_sound.columns]\na = 'int64'\n[filter_sound.values]\na = ['b']": "not a value of a column",
                           "[filter_sound": r"check\.toml:1"}.items():
            with self.subTest(text):
                path.write_text(text)
                self.refused(FAULTY, "--with", path, says=says)

    def test_a_command_that_fails_is_no_pass(self):
        path = self.folder / "check.toml"
        path.write_text("[filter_sound]\nbefore = 'echo no water >&2; false'")
        result = check(FAULTY, "--with", path, "--stage", "filter_sound", "--format", "json")
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assertRegex(by_status(result, "failed")["options.create"], "`before` failed.*no water")

    def test_commands_run_in_folders_that_go(self):
        path = self.folder / "check.toml"
        path.write_text(f"[filter_sound]\nbefore = 'pwd >> {self.folder}/before; touch {{scratch}}/{{id}}'\n"
                        f"after = 'echo {{scratch}} >> {self.folder}/after'")
        result = check(FAULTY, "--with", path, "--stage", "filter_sound", "--only", "options.*")
        self.assertEqual(etl.OK, result.code, str(result))
        before, after = ((self.folder / name).read_text().split() for name in ("before", "after"))
        self.assertEqual(before, after)
        self.assertEqual(len(before), len(set(before)))
        for folder in before:
            self.assertFalse(pathlib.Path(folder).exists())

    def test_nothing_is_left_behind(self):
        scratch = self.folder / "tmp"
        scratch.mkdir()
        check(FAULTY, "--with", HERE / "faulty.toml", "--stage", "crashes_on_empty", env={"TMPDIR": scratch})
        self.assertEqual([], list(scratch.iterdir()))


class Page(EtlCase):
    """docs/checking-a-plugin.md."""

    page = markdown.Page(etl.REPOSITORY / "docs/checking-a-plugin.md")

    def test_lists_the_checks(self):
        rows = [re.fullmatch(r"\| `([a-z]+\.[a-z_]+)` \| (\w+) \| (.*) \|", line) for _, line in self.page.prose]
        listed = check("--list", "--format", "json").json["checks"]
        self.assertEqual([(entry["name"], entry["kind"], entry["what"]) for entry in listed],
                         [row.groups() for row in rows if row])

    def test_check_files_are_as_shown(self):
        libraries = {"starting_with": EXAMPLES / "starting_with.so", "word_files": EXAMPLES / "word_files.so"}
        shown = {}
        for block in self.page.of("toml"):
            self.assertEqual("check file", block.mark)
            stage, = tomllib.loads(block.text)
            shown[stage] = self.folder / f"{stage}.toml"
            shown[stage].write_text(block.text)
        for stage, library in libraries.items():
            result = check(library, "--with", shown.pop(stage))
            self.assertEqual(etl.OK, result.code, str(result))
        # The remaining one is used above.
        self.assertEqual(["postgres"], list(shown))
        self.assertIn(shown["postgres"].read_text(), (HERE / "setups/postgres.toml").read_text())


if __name__ == "__main__":
    unittest.main()
