"""Downloads that are whole but not the hour they should be: other content, other servers, older versions."""

import gzip
import io
import tarfile
import unittest

from support import etl
from support.case import EtlCase, Sqlite, hour_files, ledger, write_hour, START
from support.fault_server import FaultServer

LINES = b"fr Lyon 3 0\nfr Nice 4 0\nfr Paris 5 0\n"
ROWS = [("fr", "Lyon", "3"), ("fr", "Nice", "4"), ("fr", "Paris", "5")]
COLUMNS = ("domain_code", "title", "views")


def packed(content):
    return gzip.compress(content, 6, mtime=0)


def tar(content):
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as file:
        entry = tarfile.TarInfo("pageviews")
        entry.size = len(content)
        file.addfile(entry, io.BytesIO(content))
    return archive.getvalue()


class Hour(EtlCase):
    """One hour, served with whatever content the test gives it."""

    def setUp(self):
        super().setUp()
        self.served = self.folder / "served"
        self.path = write_hour(self.served, START, LINES)
        self.database = Sqlite(self.folder)

    def serve(self, folder, *rules):
        server = FaultServer(folder, {"rules": list(rules)}).start()
        self.addCleanup(server.stop)
        return server

    def job(self, base, database=None, **source):
        job = self.main_job(base, database or self.database, 1, run={"retries": 0}, **source)
        job["sinks"]["db"]["input"] = "pageviews"
        del job["filters"]
        return job

    def assert_loaded(self, database=None, rows=ROWS):
        self.assertEqual(sorted(rows), sorted(tuple(row) for row in (database or self.database).rows(COLUMNS)))


class Content(Hour):
    def test_whole_files_of_something_else(self):
        page = b"<!DOCTYPE html>\n<style>\npadding: 0 0 0\n</style>\n<h1>Please log in</h1>\n"
        for name, content, cause in (
                ("a page", page, "a web page"),
                ("an error", b'{"error": "rate limited"}', "JSON"),
                ("gzip twice", packed(LINES), "gzip again"),
                ("a tar archive", tar(LINES), "a tar archive"),
                ("UTF-16", LINES.decode().encode("utf-16"), "UTF-16"),
                ("UTF-16 without a mark", LINES.decode().encode("utf-16-le"), "no line is well-formed"),
                ("another format", b"lang,title,views\nfr,Paris,5\n", "no line is well-formed")):
            for keep in (False, True):
                with self.subTest(name, keep=keep):
                    self.database = Sqlite(self.folder, f"{name}-{keep}.db")
                    cache = self.folder / f"{name}-{keep}"
                    self.path.write_bytes(packed(content))
                    job = self.job(self.serve(self.served).url, cache_dir=cache, keep_files=keep)
                    failure, = self.run_pipeline(job, expect=etl.FAILED).json["failures"]
                    self.assertIn("not page views", failure["error"])
                    self.assertIn(cause, failure["error"])
                    self.assertEqual("failed", ledger(self.database)["db", self.partition(0)]["state"])
                    self.assertEqual([], list(cache.iterdir()))
                    self.path.write_bytes(packed(LINES))
                    self.run_pipeline(job)
                    self.assert_loaded()

    def test_a_page_that_goes_away_is_retried(self):
        good = self.path.read_bytes()
        self.path.with_name("page.gz").write_bytes(packed(b"<html>busy</html>"))
        page = "/" + str(self.path.with_name("page.gz").relative_to(self.served))
        server = self.serve(self.served, {"request": 1, "file": page})
        job = self.job(server.url)
        job["run"]["retries"] = 1
        self.run_pipeline(job)
        self.assert_loaded()
        self.assertEqual(good, self.path.read_bytes())

    def test_a_file_in_place_fails_for_good(self):
        self.path.write_bytes(packed(b"not a page view\n"))
        job = self.job(self.served)
        job["run"]["retries"] = 3
        failure, = self.run_pipeline(job, expect=etl.FAILED).json["failures"]
        self.assertEqual(1, failure["attempts"])

    def test_a_byte_order_mark(self):
        self.path.write_bytes(packed(b"\xef\xbb\xbf" + LINES))
        job = self.main_job(self.served, self.database, 1)
        self.run_pipeline(job)
        self.assert_loaded()


class Cache(Hour):
    def setUp(self):
        super().setUp()
        self.cache = self.folder / "cache"
        self.kept = {"cache_dir": self.cache, "keep_files": True}

    def other(self):
        """Another server's hour and rows."""
        write_hour(self.folder / "other", START, b"fr Paris 999 0\n")
        return self.folder / "other", [("fr", "Paris", "999")]

    def test_two_mirrors(self):
        folder, rows = self.other()
        self.run_pipeline(self.job(self.serve(self.served).url, **self.kept))
        self.assert_loaded()
        second = Sqlite(self.folder, "second.db")
        self.run_pipeline(self.job(self.serve(folder).url, second, **self.kept))
        self.assert_loaded(second, rows)

    def test_two_mirrors_in_one_run(self):
        folder, rows = self.other()
        second = Sqlite(self.folder, "second.db")
        job = self.job(self.serve(self.served).url, **self.kept)
        two = self.job(self.serve(folder).url, second, **self.kept)
        job["sources"]["other"] = two["sources"]["pageviews"]
        job["sinks"]["second"] = {**two["sinks"]["db"], "input": "other"}
        for executor in ("threads", "processes"):
            for workers in (1, 2):
                with self.subTest(executor, workers=workers):
                    self.database.path.unlink(missing_ok=True)
                    second.path.unlink(missing_ok=True)
                    self.run_pipeline(job, "--executor", executor, "--workers", str(workers))
                    self.assert_loaded()
                    self.assert_loaded(second, rows)

    def test_reload_after_a_new_publication(self):
        for executor in ("threads", "processes"):
            with self.subTest(executor):
                self.database = Sqlite(self.folder, f"{executor}.db")
                self.kept["cache_dir"] = self.folder / executor
                self.path.write_bytes(packed(LINES))
                server = self.serve(self.served)
                job = self.job(server.url, **self.kept)
                self.run_pipeline(job, "--executor", executor)
                self.run_pipeline(job, "--reload", "--executor", executor)
                self.assertEqual([len(self.path.read_bytes()), 1], [each["sent"] for each in server.log()["requests"]])
                self.assert_loaded()
                self.path.write_bytes(packed(b"fr Paris 999 0\n"))
                self.run_pipeline(job, "--reload", "--executor", executor)
                self.assert_loaded(rows=[("fr", "Paris", "999")])

    def test_a_kept_file_serves_another_pipeline_without_the_server(self):
        server = self.serve(self.served)
        self.run_pipeline(self.job(server.url, **self.kept))
        server.stop()
        second = Sqlite(self.folder, "second.db")
        self.run_pipeline(self.job(server.url, second, name="second", **self.kept))
        self.assert_loaded(second)

    def test_a_folder_that_others_can_write(self):
        self.cache.mkdir()
        self.cache.chmod(0o777)
        job = self.job("http://127.0.0.1:1", **self.kept)
        for verb in ("validate", "run"):
            result = etl.run(verb, self.write(job))
            self.assertEqual(etl.CONFIG, result.code, str(result))
            self.assertIn(f"other users can write to {self.cache}", result.err)
            self.assertIn("cache_dir", result.err)


if __name__ == "__main__":
    unittest.main()
