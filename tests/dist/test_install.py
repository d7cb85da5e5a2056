"""`cmake --install` creates a relocatable tree, in which plugins are built and found."""

import gzip
import json
import re
import stat
import subprocess
import unittest

from dist.tree import BUILD, CMAKE, VERSION, TreeCase
from support import etl

EXAMPLES = etl.REPOSITORY / "docs/examples"
STAGES = {"wikipedia_pageviews", "language", "sqlite", "postgres"}


class Tree(TreeCase):
    def test_the_runner_finds_its_plugins(self):
        listed = json.loads(self.ok("etl", "plugins", "--format", "json"))
        self.assertLessEqual(STAGES, {stage["name"] for stage in listed["stages"]})
        self.assertEqual([], listed["refused"])
        for stage in listed["stages"]:
            self.assertEqual(self.prefix / "lib/etl/plugins", self.prefix.joinpath(stage["file"]).parent)

    def test_nobody_else_can_write_any_of_it(self):
        self.assertEqual([], [str(path) for path in [self.prefix / "lib", *(self.prefix / "lib").rglob("*"), *(self.prefix / "bin").rglob("*")]
                              if path.stat().st_mode & (stat.S_IWGRP | stat.S_IWOTH)])

    def test_nothing_names_the_folders_of_the_build(self):
        """Such a path would break on another machine."""
        for path in self.prefix.rglob("*"):
            if not path.is_file() or "doc" in path.parts:
                continue
            data = path.read_bytes()
            for folder in (BUILD, self.prefix.parent / "first"):
                self.assertNotIn(str(folder).encode(), data, path)

    def test_no_library_search_path_is_left(self):
        for path in [self.prefix / "bin/etl", *(self.prefix / "lib/etl/plugins").iterdir()]:
            self.assertNotRegex(self.ok(etl.tool("readelf"), "-d", path), r"R(UN)?PATH")

    def test_headers_compile_alone(self):
        headers = sorted((self.prefix / "include/etl").rglob("*.hpp"))
        self.assertGreater(len(headers), 8)
        source = "".join(f'#include <{header.relative_to(self.prefix / "include")}>\n' for header in headers)
        (self.folder / "all.cc").write_text(source + "#include <etl/abi.h>\n")
        self.ok("g++", "-std=c++20", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-I", self.prefix / "include", "all.cc")

    def test_documentation_is_there(self):
        doc = self.prefix / "share/doc/etl"
        for name in ("README.md", "docs/writing-a-plugin.md", "docs/plugins/sqlite.md", "pipelines/wikipedia_fr.toml",
                     "docs/examples/c/squares.c"):
            self.assertTrue((doc / name).is_file(), name)

    def test_the_readme_is_true_here(self):
        """It names only what is installed, and its commands work (those that download nothing)."""
        doc = self.prefix / "share/doc/etl"
        text = (doc / "README.md").read_text()
        self.assertNotIn("tools/", text)
        for link in re.findall(r"\]\(([^)#:]+)\)", text):
            self.assertTrue((doc / link).exists(), link)
        commands = re.search(r"```sh\n(.*?)```", text, re.S)[1].replace("/usr/share", str(self.prefix / "share"))
        for line in commands.splitlines():
            if line.startswith(("cp ", "etl test ", "etl plan ")):
                self.ok(*line.partition("#")[0].split())
        self.ok("etl", "new", "pipeline", "mine", "--stages", "wikipedia_pageviews,sqlite")


class FindPackage(TreeCase):
    """find_package(etl) from a project that also has its own static library."""

    def project(self, cmake, **files):
        for name, text in {"CMakeLists.txt": cmake, **files}.items():
            (self.folder / name).write_text(text)
        return [CMAKE, "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}"]

    CMAKELISTS = (f"cmake_minimum_required(VERSION 3.23)\nproject(consumer LANGUAGES C CXX)\nfind_package(etl {VERSION} REQUIRED)\n"
                  "add_library(helper STATIC helper.c)\nset_target_properties(helper PROPERTIES POSITION_INDEPENDENT_CODE ON)\n"
                  "etl_add_plugin(starting_with SOURCES starting_with.cc LIBRARIES helper)\n")

    def test_a_plugin(self):
        source = (EXAMPLES / "starting_with.cc").read_text().replace(
            "#include <etl/plugin.hpp>", '#include <etl/plugin.hpp>\nextern "C" int helper();\nint used() { return helper(); }', 1)
        configure = self.project(self.CMAKELISTS, **{"starting_with.cc": source, "helper.c": "int helper(void);\nint helper(void) { return 1; }\n"})
        self.ok(*configure, umask=0o002)
        self.ok(CMAKE, "--build", "build", umask=0o002)
        plugin = self.folder / "build/plugins/starting_with.so"
        self.assertEqual({"etl_plugin_v1"}, self.exported(plugin))
        self.assertIn("starting_with (filter)", self.ok("etl", "describe", "starting_with", "--plugin-dir", plugin.parent))

        # By default it is installed for the etl it was built with; the prefix overrides this.
        self.assertIn(f'set(CMAKE_INSTALL_PREFIX "{self.prefix}")', (self.folder / "build/cmake_install.cmake").read_text())
        self.ok(CMAKE, "--install", "build", "--prefix", self.folder / "else", umask=0o002)
        self.ok("etl", "describe", "starting_with", "--plugin-dir", self.folder / "else/lib/etl/plugins")

    def test_undefined_symbols_fail_the_link(self):
        source = (EXAMPLES / "starting_with.cc").read_text() + '\nextern "C" int nowhere();\nint used() { return nowhere(); }\n'
        configure = self.project(self.CMAKELISTS.replace(" LIBRARIES helper", ""),
                                 **{"starting_with.cc": source, "helper.c": "int helper(void);\nint helper(void) { return 1; }\n"})
        self.ok(*configure)
        self.assertRegex(self.fails(2, CMAKE, "--build", "build"), "undefined reference to .?nowhere")

    def test_another_major_version_is_refused(self):
        configure = self.project("cmake_minimum_required(VERSION 3.23)\nproject(c LANGUAGES CXX)\nfind_package(etl 9 REQUIRED)\n")
        self.assertIn(f"version: {VERSION}", self.fails(1, *configure))

    def test_wrong_calls_say_what_is_right(self):
        for call in ("etl_add_plugin(x)", "etl_add_plugin(x y.cc SOURCES x.cc)"):
            configure = self.project(f"cmake_minimum_required(VERSION 3.23)\nproject(c LANGUAGES CXX)\nfind_package(etl REQUIRED)\n{call}\n")
            self.assertIn("etl_add_plugin(NAME SOURCES", self.fails(1, *configure))


class PkgConfig(TreeCase):
    def test_a_plugin(self):
        env = {"PKG_CONFIG_PATH": self.prefix / "lib/pkgconfig"}
        self.assertEqual(VERSION, self.ok("pkg-config", "--modversion", "etl", env=env).strip())
        cflags = self.ok("pkg-config", "--cflags", "etl", env=env).split()
        libs = self.ok("pkg-config", "--libs", "etl", env=env).split()
        self.ok("g++", "-std=c++20", "-O1", "-shared", "-fPIC", *cflags, EXAMPLES / "word_files.cc", "-o", "word_files.so", *libs)
        self.assertEqual({"etl_plugin_v1"}, self.exported("word_files.so"))
        (self.folder / "in").mkdir()
        (self.folder / "in/a.txt").write_text("apple\t3\npear\t4\n")
        (self.folder / "p.toml").write_text(
            'name = "p"\n[sources.words]\nplugin = "word_files"\nfolder = "in"\n'
            '[sinks.db]\nplugin = "sqlite"\ninput = "words"\npath = "p.db"\ntable = "words"\n')
        summary = json.loads(self.ok("etl", "run", "p.toml", "--plugin-dir", ".", "--format", "json", "--log-level", "off", "--progress", "off"))
        self.assertEqual((2, 2), (summary["rows"]["read"], summary["rows"]["written"]))

    def test_a_plugin_in_c(self):
        env = {"PKG_CONFIG_PATH": self.prefix / "lib/pkgconfig"}
        flags = self.ok("pkg-config", "--cflags", "--libs", "etl", env=env).split()
        self.ok("gcc", "-std=c11", "-shared", "-fPIC", EXAMPLES / "c/squares.c", "-o", "squares.so", *flags)
        self.assertIn("squares (source)", self.ok("etl", "describe", "./squares.so"))

    def test_folders(self):
        env = {"PKG_CONFIG_PATH": self.prefix / "lib/pkgconfig"}
        folder = self.ok("pkg-config", "--variable=plugindir", "etl", env=env).strip()
        self.assertEqual((self.prefix / "lib/etl/plugins").resolve(), (self.prefix / folder).resolve())


class ManPages(TreeCase):
    """Every verb has a page with everything that `etl VERB --help` lists."""

    def pages(self):
        return sorted((self.prefix / "share/man/man1").iterdir())

    def test_a_page_for_every_verb(self):
        verbs = set(re.findall(r"^  ([a-z]+) ", self.ok("etl", "--help").split("Verbs:")[1], re.M))
        self.assertGreaterEqual(len(verbs), 8)
        names = {path.name.removesuffix(".1.gz") for path in self.pages()}
        self.assertLessEqual({f"etl-{verb}" for verb in verbs} | {"etl", "etl-new-plugin", "etl-new-pipeline"}, names)

    def test_mandoc_finds_nothing_wrong(self):
        for path in self.pages():
            text = gzip.decompress(path.read_bytes())
            done = subprocess.run([etl.tool("mandoc"), "-T", "lint", "-W", "warning"], input=text, capture_output=True)
            # The date is empty on purpose: it would differ between builds.
            found = [line for line in done.stdout.decode().splitlines() if "missing date" not in line]
            self.assertEqual([], found, path.name)

    def test_every_option_is_in_its_page(self):
        for path in self.pages():
            words = path.name.removesuffix(".1.gz").split("-")
            done = subprocess.run([etl.tool("mandoc"), "-T", "ascii"], input=gzip.decompress(path.read_bytes()),
                                  capture_output=True, check=True)
            shown = re.sub(r".\x08", "", done.stdout.decode())
            helped = self.ok("etl", *words[1:], "--help")
            for option in set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", helped)):
                self.assertIn(option, shown, path.name)
            for summary in re.findall(r"^  [a-z]+  +(\S.*)$", helped.partition("Verbs:")[2].partition("\n\n")[0], re.M):
                self.assertIn(summary.split(":")[0], " ".join(shown.split()), path.name)


if __name__ == "__main__":
    unittest.main()
