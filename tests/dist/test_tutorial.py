"""docs/writing-a-plugin.md, word by word, by somebody who has nothing but an installed tree."""

import os
import shutil
import unittest

from dist.tree import TreeCase, installed, temporary_folder
from docs.markdown import Page


class Tutorial(TreeCase):
    def setUp(self):
        super().setUp()
        self.page = Page(self.prefix / "share/doc/etl/docs/writing-a-plugin.md")

    def block(self, beginning):
        """The one block of commands that begins so."""
        found, = [block.text for block in self.page.of("sh") if block.text.startswith(beginning)]
        return found

    def follow(self, commands, cwd=None, **env):
        """Types the commands as they stand, with etl in PATH."""
        return self.ok("bash", "-euxc", commands, cwd=cwd or self.folder, env=env)

    def ten_minutes(self, kind):
        prefix = temporary_folder() / "own"  # the plugin is installed there
        shutil.copytree(installed(), prefix, symlinks=True)
        commands = self.block("etl new plugin often").replace("--kind filter", f"--kind {kind}")
        shown = self.follow(commands, PATH=f"{prefix}/bin:{os.environ['PATH']}")
        self.assertIn("100% tests passed", shown)
        self.assertRegex(shown, r"(?m)^partitions: 2 done, 0 skipped, 0 failed, 0 missing, of 2$")
        self.assertRegex(shown, rf"(?m)^often +{kind} +often +1\.0\.0 ")

    def test_ten_minutes_to_a_filter(self):
        self.ten_minutes("filter")

    def test_ten_minutes_to_a_source(self):
        self.ten_minutes("source")

    def test_ten_minutes_to_a_sink(self):
        self.ten_minutes("sink")

    def test_built_by_hand(self):
        """The first block of C++ is the whole filter."""
        (self.folder / "starting_with.cc").write_text(self.page.of("cpp")[0].text)
        shown = self.follow(self.block("g++ "), PKG_CONFIG_PATH=self.prefix / "lib/pkgconfig")
        self.assertIn("starting_with (filter)", shown)
        self.assertEqual({"etl_plugin_v1"}, self.exported("starting_with.so"))

    def test_with_cmake(self):
        (self.folder / "starting_with.cc").write_text(self.page.of("cpp")[0].text)
        block, = [block.text for block in self.page.of("cmake")]
        (self.folder / "CMakeLists.txt").write_text("cmake_minimum_required(VERSION 3.23)\nproject(mine LANGUAGES CXX)\n" + block)
        self.follow("cmake -B build && cmake --build build && etl describe build/plugins/starting_with.so")

    def test_in_other_languages(self):
        shutil.copytree(self.prefix / "share/doc/etl/docs/examples", self.folder / "examples")
        shown = self.follow(self.block("gcc "), cwd=self.folder / "examples", PKG_CONFIG_PATH=self.prefix / "lib/pkgconfig")
        for stage in ("squares (source)", "text_length (filter)"):
            self.assertIn(stage, shown)
        for library in ("squares", "text_length"):
            self.assertEqual({"etl_plugin_v1"}, self.exported(self.folder / "examples" / f"{library}.so"))


if __name__ == "__main__":
    unittest.main()
