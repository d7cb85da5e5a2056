"""Follows docs/writing-a-plugin.md literally, with nothing but an installed tree or the two packages."""

import os
import shutil
import subprocess
import unittest

from dist.test_packages import packages
from dist.tree import BUILD, TreeCase, installed
from docs.markdown import Page
from support import etl
from support.folders import temporary_folder


def block(page, beginning):
    """The only block of commands that starts with the given text."""
    found, = [each.text for each in page.of("sh") if each.text.startswith(beginning)]
    return found


def assert_ten_minutes(test, kind, shown):
    test.assertIn("100% tests passed", shown)
    test.assertRegex(shown, r"(?m)^partitions: 2 done, 0 skipped, 0 failed, 0 missing, of 2$")
    test.assertRegex(shown, rf"(?m)^often +{kind} +often +1\.0\.0 ")


class Tutorial(TreeCase):
    """In an installed tree with its bin in PATH."""

    def setUp(self):
        super().setUp()
        self.page = Page(self.prefix / "share/doc/etl/docs/writing-a-plugin.md")

    def follow(self, commands, cwd=None, **env):
        """Runs the commands exactly as shown, with etl in PATH."""
        return self.ok("bash", "-euxc", commands, cwd=cwd or self.folder, env=env)

    def test_ten_minutes(self):
        prefix = temporary_folder(self.addCleanup) / "own"  # the plugin is installed there
        shutil.copytree(installed(), prefix, symlinks=True)
        shown = self.follow(block(self.page, "etl new plugin often"), PATH=f"{prefix}/bin:{os.environ['PATH']}")
        assert_ten_minutes(self, "filter", shown)

    def test_built_by_hand(self):
        """The first block of C++ is the complete filter."""
        (self.folder / "starting_with.cc").write_text(self.page.of("cpp")[0].text)
        shown = self.follow(block(self.page, "g++ "), PKG_CONFIG_PATH=self.prefix / "lib/pkgconfig")
        self.assertIn("starting_with (filter)", shown)
        self.assertEqual({"etl_plugin_v1"}, self.exported("starting_with.so"))

    def test_with_cmake(self):
        (self.folder / "starting_with.cc").write_text(self.page.of("cpp")[0].text)
        text, = [each.text for each in self.page.of("cmake")]
        (self.folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.23)\nproject(mine LANGUAGES CXX)\n" + text)
        self.follow("cmake -B build && cmake --build build && etl describe build/plugins/starting_with.so")

    def test_in_other_languages(self):
        shutil.copytree(self.prefix / "share/doc/etl/docs/examples", self.folder / "examples")
        shown = self.follow(block(self.page, "gcc "), cwd=self.folder / "examples", PKG_CONFIG_PATH=self.prefix / "lib/pkgconfig")
        for stage in ("squares (source)", "text_length (filter)"):
            self.assertIn(stage, shown)
        for library in ("squares", "text_length"):
            self.assertEqual({"etl_plugin_v1"}, self.exported(self.folder / "examples" / f"{library}.so"))


class OnlyTheDebs(unittest.TestCase):
    """Simulates a separate machine in a namespace: the two packages are unpacked over /usr, the repository and the build
    are hidden, and the environment is that of a new shell."""

    @classmethod
    def setUpClass(cls):
        cls.debs = temporary_folder(cls.addClassCleanup) / "debs"
        for file in packages().values():
            subprocess.run([etl.tool("dpkg-deb"), "-x", file, cls.debs], check=True)
        cls.page = Page(cls.debs / "usr/share/doc/etl/docs/writing-a-plugin.md")

    def setUp(self):
        self.folder = temporary_folder(self.addCleanup)
        (self.folder / "home").mkdir()
        if self.run_there("true").returncode != 0:
            etl.skip_aloud(self, "no right to mount anything in a namespace")

    def run_there(self, commands):
        """Runs in the home folder there. Files written to /usr stay in the namespace."""
        script = """
            for mounted in upper hidden; do mkdir -p "$1/$mounted"; mount -t tmpfs none "$1/$mounted"; done
            mkdir "$1/upper/files" "$1/upper/work"
            mount -t overlay overlay -o "lowerdir=$2/usr:/usr,upperdir=$1/upper/files,workdir=$1/upper/work" /usr
            for hide in "$3" "$4"; do if [ -d "$hide" ]; then mount --bind "$1/hidden" "$hide"; fi; done
            cd "$1/home"
            exec env -i PATH=/usr/local/bin:/usr/bin:/bin HOME="$1/home" LANG=C.UTF-8 bash -euxc "$5"
        """
        return subprocess.run([etl.tool("unshare"), "--mount", "--propagation", "private", "bash", "-euc", script, "there",
                               self.folder, self.debs, etl.REPOSITORY, BUILD, commands], text=True, cwd="/",
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def follow(self, commands):
        done = self.run_there(commands)
        self.assertEqual(0, done.returncode, done.stdout[-6000:])
        return done.stdout

    def test_nothing_else_is_there(self):
        shown = self.follow(f"command -v etl; ls -A '{etl.REPOSITORY}' '{BUILD}' 2>&1 || true; etl plugins; etl doctor")
        self.assertIn("\n/usr/bin/etl\n", shown)
        self.assertNotIn("CMakeLists.txt", shown)
        self.assertIn("/usr/lib/etl/plugins/sqlite.so", shown)
        self.assertIn("no problems", shown)

    def test_ten_minutes_to_each_kind(self):
        for kind in ("filter", "source", "sink"):
            with self.subTest(kind):
                commands = block(self.page, "etl new plugin often").replace("--kind filter", f"--kind {kind}")
                assert_ten_minutes(self, kind, self.follow(commands))
                shutil.rmtree(self.folder / "home/often")

    def test_the_code_of_each_kind_and_its_pipeline(self):
        """Builds the page's filter, source and sink as shown; its pipeline produces the output on the page."""
        home = self.folder / "home"
        (home / "starting_with.cc").write_text(self.page.of("cpp")[0].text)
        examples = self.debs / "usr/share/doc/etl/docs/examples"
        build = block(self.page, "g++ ")
        commands = build
        for name in ("word_files", "tsv_files"):
            shutil.copy(examples / f"{name}.cc", home)
            commands += build.replace("starting_with", name)
        pipeline, = self.page.of("toml")
        (home / "words.toml").write_text(pipeline.text)
        input_, preview, run = (self.console(command) for command in
                                ("cat in/monday.txt in/tuesday.txt", "etl preview words.toml", "etl run words.toml"))
        cut = input_.index("apricot\t1")
        for folder in ("in", "out"):
            (home / folder).mkdir()
        (home / "in/monday.txt").write_text("".join(line + "\n" for line in input_[:cut]))
        (home / "in/tuesday.txt").write_text("".join(line + "\n" for line in input_[cut:]))
        shown = self.follow(commands + "export ETL_PLUGIN_PATH=$PWD\netl preview words.toml\netl run words.toml\n")
        self.assertIn("\n".join(preview), shown)
        for line in run[1:3]:
            self.assertIn(line, shown)
        self.assertEqual({"words.monday.txt.tsv", "words.tuesday.txt.tsv"}, {path.name for path in (home / "out").iterdir()})

    def console(self, command):
        found, = [each.text.splitlines()[1:] for each in self.page.of("console") if each.text.startswith(f"$ {command}\n")]
        return found

    def test_with_cmake_and_in_other_languages(self):
        home = self.folder / "home"
        (home / "starting_with.cc").write_text(self.page.of("cpp")[0].text)
        cmake, = [each.text for each in self.page.of("cmake")]
        (home / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.23)\nproject(mine LANGUAGES CXX)\n" + cmake)
        shown = self.follow("cmake -B build && cmake --build build && etl describe build/plugins/starting_with.so")
        self.assertIn("starting_with (filter)", shown)
        for language in ("c", "rust"):
            shutil.copytree(self.debs / "usr/share/doc/etl/docs/examples" / language, home / language)
        shown = self.follow(block(self.page, "gcc "))
        for stage in ("squares (source)", "text_length (filter)"):
            self.assertIn(stage, shown)


if __name__ == "__main__":
    unittest.main()
