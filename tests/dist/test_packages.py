"""Builds the Debian packages, inspects them, and installs them into a separate root."""

import atexit
import functools
import json
import os
import pathlib
import re
import stat
import unittest

from dist.tree import BUILD, CMAKE, VERSION, call
from support import etl
from support.folders import temporary_folder

RUNNER = {"usr/bin/etl", "usr/lib/etl/plugins/sqlite.so", "usr/lib/etl/plugins/postgres.so", "usr/lib/etl/plugins/wikipedia.so",
          "usr/share/man/man1/etl.1.gz", "usr/share/man/man1/etl-run.1.gz", "usr/share/bash-completion/completions/etl",
          "usr/share/zsh/site-functions/_etl", "usr/share/fish/vendor_completions.d/etl.fish",
          "usr/share/doc/etl/docs/writing-a-plugin.md"}
SDK = {"usr/include/etl/abi.h", "usr/include/etl/plugin.hpp", "usr/include/etl/testing/mock_host.hpp", "usr/lib/pkgconfig/etl.pc",
       "usr/lib/cmake/etl/etl-config.cmake", "usr/lib/cmake/etl/etl_add_plugin.cmake", "usr/lib/cmake/etl/plugin.map"}

# Requirements of Debian's own archive, and why the packages do not meet them.
KNOWN = {"no-copyright-file",  # the repository has no licence to name
         "no-changelog", "malformed-contact",  # both need a maintainer's address
         "pkg-config-bad-directive",  # plugins are built with -fvisibility=hidden
         "pkg-config-unavailable-for-cross-compilation"}  # a relocatable tree has it in lib/pkgconfig


@functools.cache
def packages():
    """{package: file}, built with umask 002."""
    folder = temporary_folder(atexit.register)
    done = call([pathlib.Path(CMAKE).parent / "cpack" if "/" in CMAKE else "cpack", "--config", BUILD / "CPackConfig.cmake",
                 "-B", folder], cwd=folder, umask=0o002)
    assert done.returncode == 0, done.stdout
    return {path.name.split("_")[0]: path for path in folder.glob("*.deb")}


class Packages(unittest.TestCase):
    def setUp(self):
        self.folder = temporary_folder(self.addCleanup)

    def ok(self, *command, **options):
        done = call(command, **options)
        self.assertEqual(0, done.returncode, f"{' '.join(map(str, command))}\n{done.stdout[-6000:]}")
        return done.stdout

    def field(self, package, name):
        return self.ok(etl.tool("dpkg-deb"), "-f", packages()[package], name).strip()

    def files(self, package):
        """{path: mode} of the package's files."""
        target = self.folder / package
        self.ok(etl.tool("dpkg-deb"), "-x", packages()[package], target)
        return {str(path.relative_to(target)): path.stat() for path in target.rglob("*")}

    def test_there_are_two(self):
        self.assertEqual({"etl", "etl-dev"}, set(packages()))
        for package, file in packages().items():
            self.assertRegex(file.name, rf"^{package}_{re.escape(VERSION)}-\d+_(all|{self.ok('dpkg', '--print-architecture').strip()})\.deb$")

    def test_contents(self):
        runner, sdk = self.files("etl"), self.files("etl-dev")
        self.assertLessEqual(RUNNER, set(runner))
        self.assertLessEqual(SDK, set(sdk))
        both = [path for path in set(runner) & set(sdk) if not stat.S_ISDIR(runner[path].st_mode)]
        self.assertEqual([], both, "dpkg refuses a file of two packages")
        self.assertFalse([path for path in runner if path.startswith("usr/include")])
        self.assertEqual([], [path for path, info in {**runner, **sdk}.items()
                              if info.st_mode & (stat.S_IWGRP | stat.S_IWOTH) and path != "usr"])

    def test_owned_by_root(self):
        for file in packages().values():
            for line in self.ok(etl.tool("dpkg-deb"), "-c", file).splitlines():
                self.assertEqual("root/root", line.split()[1], line)

    def test_dependencies_are_the_libraries_that_are_linked(self):
        """Every library that a file needs belongs to a declared dependency, and no dependency is a -dev package."""
        named = {re.split(r"[ (]", one.strip())[0] for one in self.field("etl", "Depends").split(",")}
        self.assertFalse([name for name in named if name.endswith("-dev")])
        self.files("etl")
        needed = set()
        for path in [self.folder / "etl/usr/bin/etl", *(self.folder / "etl/usr/lib/etl/plugins").iterdir()]:
            needed |= set(re.findall(r"NEEDED.*\[(\S+)\]", self.ok(etl.tool("readelf"), "-d", path)))
        self.assertIn("libsqlite3.so.0", needed)
        for library in needed:
            owners = {line.split(":")[0] for line in self.ok("dpkg", "-S", f"*/{library}").splitlines()}
            provided = self.ok("dpkg-query", "-W", "-f", "${Provides}, ", *owners)
            owners |= set(re.findall(r"[a-z0-9][\w.+-]+", re.sub(r"\(.*?\)", "", provided)))
            self.assertTrue(owners & named, f"{library} of {owners} is in none of {named}")

    def test_the_sdk_goes_with_its_runner(self):
        self.assertEqual(f"etl (= {self.field('etl', 'Version')})", self.field("etl-dev", "Depends"))
        self.assertEqual("all", self.field("etl-dev", "Architecture"))

    def test_descriptions(self):
        for package in packages():
            first, *rest = self.field(package, "Description").splitlines()
            self.assertLessEqual(len(first), 80)
            self.assertTrue(rest)
            self.assertFalse([line for line in rest if line.startswith("  ")], "would be shown as it is, without a break")
            self.assertTrue(self.field(package, "Maintainer"))

    def test_lintian_finds_nothing_else(self):
        shown = self.ok(etl.tool("lintian"), "--allow-root", "--fail-on", "none", *packages().values())
        found = {re.match(r"[EW]: \S+ (\S+)", line)[1] for line in shown.splitlines() if line[:3] in ("E: ", "W: ")}
        self.assertLessEqual(found, KNOWN, shown)

    def test_dpkg_installs_and_removes_them(self):
        if os.geteuid() != 0:
            etl.skip_aloud(self, "dpkg needs root")
        root = self.folder / "root"
        (root / "var/lib/dpkg").mkdir(parents=True)
        (root / "var/lib/dpkg/status").write_text("")
        # Their dependencies are installed on this machine, so dpkg does not find them in the root.
        dpkg = ["dpkg", f"--root={root}", "--force-depends"]
        self.ok(*dpkg, "-i", packages()["etl"], packages()["etl-dev"], umask=0o002)
        listed = json.loads(self.ok(root / "usr/bin/etl", "plugins", "--format", "json"))
        self.assertLessEqual({"sqlite", "postgres", "language", "wikipedia_pageviews"}, {stage["name"] for stage in listed["stages"]})
        self.assertEqual([], listed["refused"])
        self.assertTrue(all(stage["file"].startswith(str(root)) for stage in listed["stages"]))
        project = self.folder / "mine"
        self.ok(root / "usr/bin/etl", "new", "plugin", "mine", "--kind", "filter", "--dir", project)
        self.ok(CMAKE, "-S", project, "-B", project / "build", f"-DCMAKE_PREFIX_PATH={root}/usr")
        self.ok(CMAKE, "--build", project / "build", "--target", "mine")
        self.ok(root / "usr/bin/etl", "describe", "mine", "--plugin-dir", project / "build/plugins")
        self.ok(*dpkg, "-r", "etl-dev", "etl")
        self.assertEqual([], [str(path) for path in root.rglob("*") if path.is_file() and "var" not in path.relative_to(root).parts])


if __name__ == "__main__":
    unittest.main()
