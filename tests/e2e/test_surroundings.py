"""A run in surroundings that lack something: standard descriptors, processes, threads, memory, root."""

import json
import os
import subprocess
import unittest

from support import etl
from support.case import EtlCase, Postgres, Sqlite, hour_files, ledger

HOURS = 8
USER = 54321  # owns no other process, so that `ulimit -u` counts those of the test


def shell(prefix, *arguments, before=()):
    """Runs etl with the words of `prefix` before it and shell text around it."""
    command = [*before, "bash", "-c", f'{prefix} exec "$@"', "bash", etl.binary(), *arguments]
    done = subprocess.run(list(map(str, command)), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          env=etl.environment({"HOME": "/nonexistent"}), timeout=etl.TIMEOUT_SECONDS)
    return etl.Result(command, done.returncode, done.stdout, done.stderr)


def make_accessible(folder):
    """Lets USER read all of the folder, and write into its folders."""
    for path in (folder, *folder.rglob("*")):
        os.chmod(path, 0o777 if path.is_dir() else 0o644)


class ClosedDescriptors(EtlCase):
    """Whatever is closed at the start, no line is written into another file or connection."""

    def test_each(self):
        base = hour_files(300, HOURS, traps=True)
        rejects = self.folder / "rejects.jsonl"
        for executor in ("threads", "processes"):
            for case, closed in enumerate(("2>&-", "1>&-", "0<&- 1>&- 2>&-")):
                for store in (Sqlite(self.folder, f"{executor}{case}.db"), Postgres()):
                    with self.subTest(executor=executor, closed=closed, store=type(store).__name__):
                        rejects.unlink(missing_ok=True)
                        job = self.main_job(base, store, HOURS,
                                            run={"executor": executor, "retries": 0, "rejects": rejects})
                        path = self.write(job)
                        result = shell(f"exec {closed};", "run", path, "--log-level", "debug", "--progress", "plain")
                        self.assertEqual(etl.OK, result.code, str(result))
                        self.assert_table(store, base, HOURS)
                        rows = ledger(store).values()
                        self.assertEqual({1}, {row["attempts"] for row in rows})
                        entries = [json.loads(line) for line in rejects.read_text().splitlines()]
                        self.assertEqual(sum(row["rows_rejected"] for row in rows), len(entries))


@unittest.skipIf(os.getuid(), "takes root")
class Limits(EtlCase):
    """The system allows fewer processes, threads or less memory than there are workers."""

    def setUp(self):
        super().setUp()
        self.base = self.copy_tree(hour_files(300, HOURS))
        make_accessible(self.folder)

    def run_limited(self, limits, executor, **run):
        store = Sqlite(self.folder, f"{executor}.db")
        for path in self.folder.glob(f"{executor}.db*"):
            path.unlink()
        job = self.main_job(self.base, store, HOURS, run={"executor": executor, "workers": 8, **run})
        become = [etl.tool("setpriv"), f"--reuid={USER}", f"--regid={USER}", "--clear-groups"]
        result = shell(f"ulimit -c 0; {limits};", "run", self.write(job), "--format", "json", "--progress", "off",
                       before=become)
        return store, result

    def test_fewer_workers(self):
        for executor, processes in (("processes", 24), ("threads", 8)):
            with self.subTest(executor):
                store, result = self.run_limited(f"ulimit -u {processes}", executor)
                self.assertEqual(etl.OK, result.code, str(result))
                self.assertRegex(result.err, r"ran with [1-7] of 8 workers, because no more .*could be started")
                self.assert_table(store, self.base, HOURS)

    def assert_ends_with_a_message(self, limits, executor, **run):
        store, result = self.run_limited(limits, executor, **run)
        self.assertGreaterEqual(result.code, 0, str(result))
        self.assertLess(result.code, 128, str(result))
        self.assertNotIn("terminate called", result.err)
        if result.code == etl.OK:
            self.assert_table(store, self.base, HOURS)
        else:
            self.assertTrue(result.err.strip(), str(result))
        return result

    def test_any_limit_ends_with_a_message(self):
        for executor in ("processes", "threads"):
            for limits in (*(f"ulimit -u {n}" for n in (1, 2, 3, 4, 5, 6)), "ulimit -v 150000", "ulimit -v 400000"):
                with self.subTest(executor=executor, limits=limits):
                    self.assert_ends_with_a_message(limits, executor)

    def test_little_memory_ends_with_a_message(self):
        for executor in ("processes", "threads"):
            for kib in range(40_000, 200_001, 20_000):
                with self.subTest(executor=executor, kib=kib):
                    self.assert_ends_with_a_message(f"ulimit -v {kib}", executor, retries=0)

    def test_fewer_threads_in_little_memory(self):
        # Stacks of 1 GiB, so that the address space holds some of the threads and all their data.
        store, result = self.run_limited("ulimit -s 1048576; ulimit -v 6000000", "threads", retries=0)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertRegex(result.err, r"ran with [1-7] of 8 workers, because no more threads could be started")
        self.assert_table(store, self.base, HOURS)


@unittest.skipIf(os.getuid(), "takes root")
class UserNamespace(EtlCase):
    """The plugins belong to root, who is nobody in the namespace."""

    def run_inside(self, *mapping):
        base = self.copy_tree(hour_files(300, 2))
        store = Sqlite(self.folder)
        make_accessible(self.folder)
        become = [etl.tool("setpriv"), f"--reuid={USER}", f"--regid={USER}", "--clear-groups", etl.tool("unshare"), "-U",
                  *mapping]
        if subprocess.run([*map(str, become), "true"], capture_output=True).returncode != 0:
            etl.skip_aloud(self, "no user namespaces here")
        result = shell("", "run", self.write(self.main_job(base, store, 2)), before=become)
        self.assertEqual(etl.OK, result.code, str(result))
        self.assert_table(store, base, 2)

    def test_maps_only_the_user(self):
        self.run_inside(f"--map-user={USER}", f"--map-group={USER}")

    def test_maps_the_user_to_root(self):
        self.run_inside("--map-root-user")
