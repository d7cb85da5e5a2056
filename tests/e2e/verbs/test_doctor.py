"""`etl doctor` and `etl describe FILE` report what is wrong with an installation, whatever a library does."""

import json
import os
import pathlib
import resource
import shutil
import signal
import unittest

from support import etl
from support.case import EtlCase, Sqlite, hour_files

FIXTURES = etl.binary().parents[1] / "tests/plugins"
OURS = {"language", "postgres", "sqlite", "wikipedia_pageviews"}


def fixture(name):
    return FIXTURES / name / f"{name}.so"


class Doctor(EtlCase):
    def doctor(self, *arguments, expect=etl.OK, env=None, **options):
        """The JSON report; the text output must list the same problems."""
        found = etl.start("doctor", "--format", "json", *arguments, env=env, **options).wait()
        self.assertEqual(expect, found.code, str(found))
        self.assertEqual(expect == etl.OK, found.json["ok"])
        self.assertEqual(expect == etl.OK, found.json["problems"] == [])
        return found.json

    def text(self, *arguments, expect=etl.OK, env=None):
        result = etl.run("doctor", *arguments, env=env)
        self.assertEqual(expect, result.code, str(result))
        return result.out

    def assert_problem(self, report, *parts):
        self.assertTrue(any(all(str(part) in problem for part in parts) for problem in report["problems"]),
                        f"{parts} in none of {json.dumps(report['problems'], indent=2)}")

    def copies(self, *names):
        folder = self.folder / "plugins"
        folder.mkdir(mode=0o755, exist_ok=True)
        for name in names:
            shutil.copy(fixture(name), folder)
            (folder / f"{name}.so").chmod(0o755)
        return folder

    def test_a_sound_installation(self):
        report = self.doctor()
        self.assertEqual(OURS, {stage["name"] for plugin in report["plugins"] for stage in plugin["stages"]})
        place, = report["places"]
        self.assertEqual((True, 3, None, "beside the executable"),
                         (place["exists"], place["libraries"], place["refused"], place["found_by"]))
        by_name = {pathlib.Path(plugin["file"]).name: plugin for plugin in report["plugins"]}
        for library, linked in (("sqlite.so", "libsqlite3.so.0"), ("postgres.so", "libpq.so.5"), ("wikipedia.so", "libcurl.so.4")):
            found, = [each for each in by_name[library]["libraries"] if each["name"] == linked]
            self.assertEqual(os.path.realpath(found["file"]), found["file"])
            self.assertTrue(pathlib.Path(found["file"]).name.startswith(linked.split(".so")[0]))
            self.assertFalse(found["used_by_etl"])
        self.assertEqual(0, by_name["sqlite.so"]["abi_minor"])
        text = self.text()
        self.assertIn("no problems", text)
        self.assertIn("sink sqlite", text)

    def test_a_library_that_misbehaves_when_it_is_loaded(self):
        for name, ending in (("crashing", "was killed by signal 11 (Segmentation fault)"),
                             ("exiting", "ended the process with exit code 0"),
                             ("hanging", "did not end within 10 s")):
            with self.subTest(name):
                report = self.doctor("--plugin-dir", fixture(name).parent, expect=etl.CONFIG)
                self.assert_problem(report, f"{fixture(name)}: loading it {ending}", "remove the file from the plugin folders")
                self.assertEqual(OURS, {stage["name"] for plugin in report["plugins"] for stage in plugin["stages"]},
                                 "the others are examined as well")
                described = etl.run("describe", fixture(name))
                self.assertEqual(etl.CONFIG, described.code, str(described))
                self.assertIn(f"{fixture(name)}: loading it {ending}", described.err)

    def test_output_of_a_loading_library_is_reported(self):
        described = etl.run("describe", fixture("exiting"), "--format", "json")
        self.assertIn("output: no licence / for this host", described.json["error"]["message"])

    def test_ctrl_c_ends_the_waiting(self):
        with etl.start("describe", fixture("hanging")) as running:
            etl.wait_for(running.workers, "a child process")
            child, = running.workers()
            running.signal(signal.SIGINT)
            self.assertEqual(etl.INTERRUPTED, running.wait().code)
            self.assertFalse(etl.alive(child))

    def test_every_missing_library_by_name(self):
        report = self.doctor("--plugin-dir", fixture("missing_two").parent, expect=etl.CONFIG)
        refused, = [plugin for plugin in report["plugins"] if not plugin["ok"]]
        self.assertEqual(["libfixture_beyond.so", "libfixture_elsewhere.so"], refused["not_found"])
        self.assert_problem(report, fixture("missing_two"), "all missing libraries: libfixture_beyond.so, libfixture_elsewhere.so")

    def test_each_refusal_is_a_problem(self):
        for name in ("older_major", "newer_minor", "no_symbol", "bad_magic", "undefined_symbol", "source_without_plan"):
            with self.subTest(name):
                message = etl.run("describe", fixture(name), "--format", "json").json["error"]["message"]
                self.assertTrue(message.startswith(f"{fixture(name)}: "))
                self.assert_problem(self.doctor("--plugin-dir", fixture(name).parent, expect=etl.CONFIG), message)

    def test_a_file_that_others_can_write(self):
        folder = self.copies("complete_source")
        (folder / "complete_source.so").chmod(0o777)
        report = self.doctor("--plugin-dir", folder, expect=etl.CONFIG)
        self.assert_problem(report, "other users can write to it: chmod go-w", "complete_source.so")
        folder.chmod(0o777)
        report = self.doctor("--plugin-dir", folder, expect=etl.CONFIG)
        self.assertIn("chmod go-w", report["places"][0]["refused"])
        self.assertEqual("0777", report["places"][0]["mode"])

    def test_a_clash_says_how_to_use_either(self):
        folder = self.copies("clash_one", "clash_other")
        report = self.doctor("--plugin-dir", folder, expect=etl.CONFIG)
        self.assert_problem(report, 'stage "clash" is offered by two plugins', folder / "clash_one.so", folder / "clash_other.so",
                            "remove one of them")

    def test_a_rebuilt_copy_of_an_installed_plugin(self):
        """A run and doctor report the same message."""
        folder = self.folder / "build"
        folder.mkdir(mode=0o755)
        installed = etl.binary().parents[1] / "lib/etl/plugins/sqlite.so"
        shutil.copy(installed, folder)
        (folder / "sqlite.so").chmod(0o755)
        words = (f'stage "sqlite" is offered by two plugins: {folder}/sqlite.so (--plugin-dir) and {installed} (beside the '
                 "executable); to use the first, remove the second; to use the second, leave --plugin-dir out")
        self.assert_problem(self.doctor("--plugin-dir", folder, expect=etl.CONFIG), words)
        pipeline = self.write(self.main_job(hour_files(2000, 3), Sqlite(self.folder)))
        result = etl.run("validate", pipeline, "--plugin-dir", folder)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn(words, result.err)

    def test_one_library_found_twice_is_one(self):
        folder = fixture("complete_source").parent
        report = self.doctor("--plugin-dir", folder, "--plugin-dir", folder)
        self.assertEqual(1, [plugin["file"] for plugin in report["plugins"]].count(str(fixture("complete_source"))))

    def test_places(self):
        report = self.doctor("--plugin-dir", self.folder / "none", expect=etl.FAILED)
        self.assert_problem(report, self.folder / "none", "no such folder")
        report = self.doctor(expect=etl.CONFIG, env={"ETL_PLUGIN_PATH": "plugins"})
        self.assert_problem(report, '$ETL_PLUGIN_PATH: "plugins" is not an absolute path')
        report = self.doctor(env={"ETL_PLUGIN_PATH": self.copies("complete_source")})
        self.assertEqual(["$ETL_PLUGIN_PATH", "beside the executable"], [place["found_by"] for place in report["places"]])

    def test_no_plugin_at_all(self):
        (self.folder / "bin").mkdir()
        shutil.copy(etl.binary(), self.folder / "bin")
        with unittest.mock.patch.dict(os.environ, ETL_BINARY=str(self.folder / "bin/etl")):
            report = self.doctor(expect=etl.CONFIG)
        self.assert_problem(report, "no usable plugin was found")

    def test_the_environment_without_its_secrets(self):
        env = {"https_proxy": "http://me:hunter22@proxy:3128", "LANG": "C.UTF-8", "PGPASSWORD": "hunter22"}
        report = self.doctor(env=env)
        self.assertEqual("http://me:***@proxy:3128", report["environment"]["https_proxy"])
        self.assertEqual("1", report["environment"]["NO_COLOR"])
        self.assertNotIn("hunter22", json.dumps(report) + self.text(env=env))

    def test_limits(self):
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        machine = self.doctor()["machine"]
        self.assertEqual({"soft": soft, "hard": hard}, machine["open_files"])
        self.assertEqual(len(os.sched_getaffinity(0)), machine["cores"])
        self.assertEqual(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"), machine["memory_bytes"])
        few = self.doctor(expect=etl.FAILED, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (100, hard)))
        self.assert_problem(few, "only 100 files can be open at once: raise the limit with ulimit -n 1024")
        self.assert_problem(self.doctor(expect=etl.FAILED, env={"TMPDIR": self.folder / "none"}), "set TMPDIR to one")

    def test_pipelines(self):
        database = Sqlite(self.folder)
        good = self.main_job(hour_files(2000, 3), database)
        path = self.write(good)
        report = self.doctor(path)
        pipeline, = report["pipelines"]
        self.assertTrue(pipeline["valid"])
        self.assertEqual([("db", True)], [(target["sink"], target["reachable"]) for target in pipeline["targets"]])
        self.assertFalse(database.exists())
        report = self.doctor(path, "--set", "db.tabel=x", expect=etl.CONFIG)
        self.assert_problem(report, path, "not valid", "tabel")
        self.assertIn("refused " + str(path), self.text(path, "--set", "db.tabel=x", expect=etl.CONFIG))
        report = self.doctor(self.folder / "none.toml", expect=etl.CONFIG)
        self.assert_problem(report, "none.toml", "cannot read the pipeline file")

    def test_a_target_out_of_reach(self):
        pipeline = self.main_job(hour_files(2000, 3), Sqlite(self.folder), run={"retries": 0})
        pipeline["sinks"] = {"db": {"plugin": "postgres", "input": "french", "table": "t",
                                    "dsn": "host=127.0.0.1 port=1 password=hunter22"}}
        path = self.write(pipeline)
        report = self.doctor(path, expect=etl.FAILED)
        self.assert_problem(report, path, 'the target of sink "db" cannot be reached', "127.0.0.1")
        self.assertNotIn("hunter22", json.dumps(report))

    def test_a_pipeline_whose_plugin_crashes(self):
        folder = self.copies("crashing")
        pipeline = self.main_job(hour_files(2000, 3), Sqlite(self.folder))
        pipeline["sources"]["pageviews"] = {"plugin": "broken"}
        path = self.write(pipeline)
        report = self.doctor("--plugin-dir", folder, path, expect=etl.CONFIG)
        self.assert_problem(report, path, "killed by signal 11", "examine the plugins that it names")


if __name__ == "__main__":
    unittest.main()
