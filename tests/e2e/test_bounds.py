"""Input crafted to exhaust or stop a program causes a clear error in bounded memory, and the run continues."""

import gzip
import os
import pathlib
import socket
import subprocess
import sys
import threading
import unittest
import zlib

from support import etl
from support.case import HOUR, START, EtlCase, Sqlite, ledger, write_hour

MIB = 1 << 20
# Twice the memory of a run with one small partition, including libraries.
FLAT = 96 * MIB


def label(hour):
    return f"pageviews-{hour + HOUR:%Y%m%d-%H}0000"


def member(chunk, times):
    """One gzip member of `times` the bytes `chunk`."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, 31)
    return b"".join([*(deflate.compress(chunk) for _ in range(times)), deflate.flush()])


class Bounds(EtlCase):
    def setUp(self):
        super().setUp()
        self.base = self.folder / "hours"
        self.database = Sqlite(self.folder)
        for i in range(3):
            write_hour(self.base, START + i * HOUR, f"fr Page_{i} 7 0\n")

    def hour_file(self, number):
        hour = START + number * HOUR
        return self.base / f"{hour + HOUR:%Y/%Y-%m}" / f"{label(hour)}.gz"

    def load(self, *arguments, expect=etl.OK, **run):
        return self.run_pipeline(self.main_job(self.base, self.database, run={"retries": 0, **run}), *arguments,
                                 expect=expect)

    def assert_flat(self, result):
        self.assertLess(result.json["peak_memory_bytes"], FLAT, str(result))

    def titles(self):
        return sorted(title for title, in self.database.query("SELECT title FROM pageviews"))

    def bomb(self):
        """5 GiB in one line (more than 32 bits count) between two good ones, in 5 MiB."""
        one = member(bytes(b"a") * MIB, 1024)
        self.hour_file(1).write_bytes(gzip.compress(b"fr Before 1 0\nfr ") + 5 * one + gzip.compress(b"\nfr Behind 2 0\n"))
        self.assertLess(self.hour_file(1).stat().st_size, 6 * MIB)

    def test_a_line_without_end(self):
        self.bomb()
        result = self.load()
        self.assert_flat(result)
        self.assert_summary(result, total=3, done=3, rows={"read": 5, "rejected": 1, "written": 4})
        self.assertEqual(["Before", "Behind", "Page_0", "Page_2"], self.titles())
        self.assertEqual((3, 0, 1, 2), tuple(ledger(self.database)["db", label(START + HOUR)][f"rows_{name}"] for name in
                                             ("read", "filtered", "rejected", "written")))
        self.assertIn("line longer than 64 KiB", result.err)

    def test_a_line_without_end_where_none_may_be_rejected(self):
        self.bomb()
        result = self.load(max_rejects=0, expect=etl.FAILED)
        self.assert_flat(result)
        self.assert_summary(result, "failed", done=2, failed=1)
        self.assertIn(label(START + HOUR), result.json["failures"][0]["partition"])
        self.assertEqual(["Page_0", "Page_2"], self.titles())

    def test_nothing_but_line_ends(self):
        self.hour_file(1).write_bytes(member(b"\n" * MIB, 512))
        result = self.load(expect=etl.FAILED)
        self.assert_flat(result)
        self.assert_summary(result, "failed", done=2, failed=1)
        self.assertIn("empty line", result.json["failures"][0]["error"] + result.err)
        self.assertEqual(["Page_0", "Page_2"], self.titles())

    def test_members_of_nothing(self):
        # A million empty members: they must cause neither recursion nor a list of them.
        self.hour_file(1).write_bytes(gzip.compress(b"") * 1000000 + gzip.compress(b"fr Behind 2 0\n"))
        result = self.load()
        self.assert_flat(result)
        self.assertEqual(["Behind", "Page_0", "Page_2"], self.titles())

    def test_a_header_without_end(self):
        # The name in a gzip header may have any length.
        self.hour_file(1).write_bytes(b"\x1f\x8b\x08\x08\0\0\0\0\0\3" + b"n" * (64 * MIB))
        result = self.load(expect=etl.FAILED)
        self.assert_flat(result)
        self.assertIn("ends in the header of member 1", result.json["failures"][0]["error"])

    def failing_file(self, prefix=()):
        """The error of hour 1, whose file is unreadable; the others are loaded."""
        pipeline = self.write(self.main_job(self.base, self.database, run={"retries": 0}))
        done = subprocess.run([*prefix, etl.binary(), "run", pipeline, "--format", "json"], capture_output=True,
                              text=True, env=etl.environment(), stdin=subprocess.DEVNULL, timeout=etl.TIMEOUT_SECONDS)
        result = etl.Result(["run"], done.returncode, done.stdout, done.stderr)
        self.assertEqual(etl.FAILED, result.code, str(result))
        self.assert_summary(result, "failed", done=2, failed=1)
        failure, = result.json["failures"]
        self.assertEqual(label(START + HOUR), failure["partition"])
        self.assertIn(str(self.hour_file(1)), failure["error"])
        return failure["error"]

    def test_a_folder_in_the_place_of_a_file(self):
        self.hour_file(1).unlink()
        self.hour_file(1).mkdir()
        self.assertIn("not a regular file", self.failing_file())

    def test_a_named_pipe_in_the_place_of_a_file(self):
        # Nothing ever writes to it.
        self.hour_file(1).unlink()
        os.mkfifo(self.hour_file(1))
        self.assertIn("not a regular file", self.failing_file())

    def test_a_device_in_the_place_of_a_file(self):
        self.hour_file(1).unlink()
        self.hour_file(1).symlink_to("/dev/zero")
        self.assertIn("not a regular file", self.failing_file())

    def test_a_link_to_itself(self):
        self.hour_file(1).unlink()
        self.hour_file(1).symlink_to(self.hour_file(1).name)
        self.assertIn("Too many levels of symbolic links", self.failing_file())

    def test_a_file_that_may_not_be_read(self):
        self.hour_file(1).chmod(0)
        # Root can read everything unless it drops that capability.
        prefix = [] if os.getuid() else [etl.tool("setpriv"), "--bounding-set=-dac_override,-dac_read_search",
                                         "--inh-caps=-dac_override,-dac_read_search"]
        self.assertIn("Permission denied", self.failing_file(prefix))


class Answers(EtlCase):
    def endless(self, head, piece):
        """The error and the summary of a run whose server sends `head` and then `piece` forever."""
        listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(listener.close)

        def answer():
            try:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(head)
                    while True:
                        connection.sendall(piece)
            except OSError:
                pass  # the client has closed the connection

        server = threading.Thread(target=answer, daemon=True)
        server.start()
        pipeline = self.main_job(f"http://127.0.0.1:{listener.getsockname()[1]}", Sqlite(self.folder), 1, {"retries": 0})
        result = self.run_pipeline(pipeline, expect=etl.FAILED)
        server.join(60)
        self.assertFalse(server.is_alive(), "it was never hung up on")
        self.assertLess(result.json["peak_memory_bytes"], FLAT)
        return result.json["failures"][0]["error"]

    def test_headers_without_end(self):
        self.assertIn("header", self.endless(b"HTTP/1.1 200 OK\r\n", b"X-Header: " + b"x" * 1000 + b"\r\n"))

    def test_one_header_without_end(self):
        # libcurl accepts 100 KiB and reports more as out of memory.
        self.assertIn("127.0.0.1", self.endless(b"HTTP/1.1 200 OK\r\nX-Header: ", b"x" * 1000))

    def test_answers_that_are_none_without_end(self):
        self.assertIn("header", self.endless(b"", b"HTTP/1.1 100 Continue\r\n\r\n").lower())

    def test_an_announced_exabyte(self):
        self.assertIn("bytes; the limit is", self.endless(
            b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000000000000\r\n\r\n", b"x" * 1000))


class PipelineFiles(EtlCase):
    def refused(self, path):
        """Runs `etl validate` in bounded memory; returns its output."""
        code = ("import os, resource, sys\n"
                "child = os.spawnv(os.P_WAIT, sys.argv[1], sys.argv[1:])\n"
                "print(child, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)\n")
        done = subprocess.run([sys.executable, "-c", code, etl.binary(), "validate", path], capture_output=True,
                              text=True, env=etl.environment(), stdin=subprocess.DEVNULL, timeout=etl.TIMEOUT_SECONDS)
        status, kib = map(int, done.stdout.split())
        self.assertEqual(etl.CONFIG, status, done.stderr)
        self.assertLess(kib * 1024, FLAT)
        self.assertLess(len(done.stderr), 10000)
        return done.stderr

    def test_a_hundred_megabytes(self):
        path = self.folder / "pipeline.toml"
        with open(path, "w") as file:
            for i in range(100):
                file.write(f"key_{i} = \"{'x' * 999990}\"\n")
        self.assertIn("larger than the limit of 4 MiB", self.refused(path))

    def test_a_file_without_end(self):
        self.assertIn("larger than the limit of 4 MiB", self.refused(pathlib.Path("/dev/zero")))

    def test_a_folder(self):
        self.assertIn("Is a directory", self.refused(self.folder))

    def test_nested_too_deep(self):
        for text in ("a = " + "[" * 50000 + "]" * 50000, "a = " + "{a = " * 50000 + "1" + "}" * 50000,
                     "[" + "a." * 50000 + "a]", "[[" + "a." * 50000 + "a]]"):
            with self.subTest(text[:8]):
                self.assertIn("syntax error", self.refused(self.write(text)))

    def test_four_megabytes_of_one_thing(self):
        # The maximum file size: no check may take quadratic time.
        most = (4 << 20) - 100
        for name, piece in (("tables", "[sources.s{i}]\n"), ("keys", "k{i} = 1\n"), ("comments", "#\n"),
                            ("arrays", "[[a]]\n"), ("line ends", "\n")):
            with self.subTest(name):
                count = most // (len(piece) + 5)
                self.assertTrue(self.refused_in_bulk(self.write("".join(piece.format(i=i) for i in range(count)))))

    def refused_in_bulk(self, path):
        """Every mistake is reported, so there may be many; checks that it terminates."""
        result = etl.run("validate", path, timeout=120)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        return result.err


if __name__ == "__main__":
    unittest.main()
