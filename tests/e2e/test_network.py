"""Servers that refuse, stall, cut and lie: retries, error reports, and the rows in the table."""

import gzip
import subprocess
import unittest

from oracle import oracle
from support import etl
from support.case import EtlCase, Sqlite, hour_files, ledger
from support.fault_server import FaultServer
from support.nginx import Nginx


class Network(EtlCase):
    def setUp(self):
        super().setUp()
        self.database = Sqlite(self.folder)

    def serve(self, base, *rules):
        server = FaultServer(base, {"rules": list(rules)}).start()
        self.addCleanup(server.stop)
        return server

    def url_path(self, index):
        return "/" + str(self.hour_path("", index))

    def run_on(self, server, hours=3, expect=etl.OK, run=None, **source):
        return self.run_pipeline(self.main_job(server.url, self.database, hours, run=run, **source), expect=expect)

    def assert_recovers(self, *rules, hours=3, **source):
        base = hour_files(5000, 3)
        server = self.serve(base, *rules)
        result = self.run_on(server, hours, **source)
        self.assert_summary(result, total=hours, done=hours, failed=0)
        self.assert_table(self.database, base, hours)
        self.assert_ledger(self.database, base, hours)
        return server.log()

    # -- missing hours --

    def test_a_missing_hour(self):
        base = self.copy_tree(hour_files(5000, 3))
        hidden = self.hour_path(base, 1).rename(self.folder / "hidden.gz")
        with Nginx(base) as server:
            result = self.run_on(server)
            self.assert_summary(result, total=3, done=2, missing=1, failed=0)
            self.assertEqual("missing", ledger(self.database)["db", self.partition(1)]["state"])
            self.assertEqual(0, ledger(self.database)["db", self.partition(1)]["rows_written"])
            # The next run asks again, and it is still missing.
            self.assert_summary(self.run_on(server), total=3, done=0, skipped=2, missing=1)
            hidden.rename(self.hour_path(base, 1))
            self.assert_summary(self.run_on(server), total=3, done=1, skipped=2, missing=0)
        self.assert_table(self.database, base)
        self.assert_ledger(self.database, base)

    def test_a_missing_file_in_a_folder(self):
        base = self.copy_tree(hour_files(5000, 3))
        hidden = self.hour_path(base, 0).rename(self.folder / "hidden.gz")
        job = self.main_job(base, self.database)
        self.assert_summary(self.run_pipeline(job), total=3, done=2, missing=1)
        hidden.rename(self.hour_path(base, 0))
        self.assert_summary(self.run_pipeline(job), total=3, done=1, skipped=2)
        self.assert_table(self.database, base)

    def test_a_missing_hour_can_be_a_failure(self):
        base = self.copy_tree(hour_files(5000, 3))
        self.hour_path(base, 1).unlink()
        with Nginx(base) as server:
            result = self.run_on(server, missing="fail", expect=etl.FAILED)
        self.assert_failure(result, 1, "404")

    # -- bad content --

    def assert_failure(self, result, index, *causes, total=3):
        """One partition failed and is reported with the cause; the others are done."""
        summary = self.assert_summary(result, status="failed", total=total, done=total - 1, failed=1)
        failure, = summary["failures"]
        self.assertEqual(self.partition(index), failure["partition"])
        for cause in causes:
            self.assertRegex(failure["error"], cause)
        row = ledger(self.database).get(("db", self.partition(index)))
        self.assertIsNotNone(row)
        self.assertEqual("failed", row["state"])
        self.assertEqual(failure["error"], row["error"])
        return failure

    def spoiled(self, spoil, *causes, run=None):
        """The corrupted middle hour fails, and is loaded after its repair."""
        base = self.copy_tree(hour_files(5000, 3))
        path = self.hour_path(base, 1)
        good = path.read_bytes()
        path.write_bytes(spoil(good))
        with Nginx(base) as server:
            result = self.run_on(server, run={"retries": 1, **(run or {})}, expect=etl.FAILED)
            self.assert_failure(result, 1, *causes)
            self.assert_rows((row for index in (0, 2) for row in self.expected(base, index)),
                             self.database.rows())
            path.write_bytes(good)
            self.assert_summary(self.run_on(server), total=3, done=1, skipped=2)
        self.assert_table(self.database, base)
        self.assert_ledger(self.database, base)

    def expected(self, base, index):
        return oracle.expect([self.hour_path(base, index)], oracle.languages("fr"))

    def test_truncated_gzip(self):
        self.spoiled(lambda good: good[:len(good) // 2], "ends in the middle")

    def test_trailer_cut_off(self):
        self.spoiled(lambda good: good[:-4], "ends in the trailer")

    def test_wrong_checksum(self):
        self.spoiled(lambda good: good[:-8] + bytes(4) + good[-4:], "wrong CRC")

    def test_damaged_in_the_middle(self):
        self.spoiled(lambda good: good[:2000] + bytes(200) + good[2200:], "invalid deflate|CRC|length")

    def test_empty_file(self):
        self.spoiled(lambda good: b"")

    def test_html_page(self):
        self.spoiled(lambda good: b"<!DOCTYPE html><html><body>Too busy</body></html>", "not gzip")

    def test_garbage_after_the_end(self):
        self.spoiled(lambda good: good + b"garbage", "garbage after")

    def test_truncated_file_in_a_folder(self):
        base = self.copy_tree(hour_files(5000, 3))
        path = self.hour_path(base, 1)
        good = path.read_bytes()
        path.write_bytes(good[:1000])
        job = self.main_job(base, self.database, run={"retries": 0})
        self.assert_failure(self.run_pipeline(job, expect=etl.FAILED), 1, "ends in the middle", path.name)
        path.write_bytes(good)
        self.run_pipeline(job)
        self.assert_table(self.database, base)

    def test_an_hour_without_rows(self):
        base = self.copy_tree(hour_files(5000, 3))
        self.hour_path(base, 1).write_bytes(gzip.compress(b""))
        self.assert_summary(self.run_pipeline(self.main_job(base, self.database)), done=3)
        self.assert_table(self.database, base)
        self.assert_ledger(self.database, base)

    def test_on_failure_stop(self):
        base = self.copy_tree(hour_files(5000, 3))
        path = self.hour_path(base, 0)
        path.write_bytes(b"no gzip")
        job = self.main_job(base, self.database, run={"workers": 1, "retries": 0, "on_failure": "stop"})
        summary = self.assert_summary(self.run_pipeline(job, expect=etl.FAILED), status="failed", failed=1)
        self.assertLess(summary["partitions"]["done"], 2)

    # -- servers in trouble --

    def test_too_many_requests(self):
        log = self.assert_recovers({"path": self.url_path(1), "times": 1, "status": 429, "headers": {"Retry-After": "1"}})
        first, second = (entry["time"] for entry in log["requests"] if entry["path"] == self.url_path(1))
        self.assertGreaterEqual(second - first, 0.99)  # as the server requested

    def test_service_unavailable(self):
        log = self.assert_recovers({"path": self.url_path(0), "times": 2, "status": 503, "headers": {"Retry-After": "0"}})
        statuses = [entry["status"] for entry in log["requests"] if entry["path"] == self.url_path(0)]
        self.assertEqual([503, 503, 200], statuses)

    def test_short_body_is_resumed(self):
        log = self.assert_recovers({"path": self.url_path(1), "nth": 1, "cut": 3000})
        first, second = (entry for entry in log["requests"] if entry["path"] == self.url_path(1))
        self.assertEqual(206, second["status"])
        self.assertRegex(second["headers"]["range"], r"^bytes=\d+-$")
        self.assertGreater(first["sent"] + second["sent"], 0)

    def test_connection_reset(self):
        self.assert_recovers({"path": self.url_path(1), "nth": 1, "reset": 0})

    def test_the_file_changed_between_two_pieces(self):
        self.assert_recovers({"path": self.url_path(1), "nth": 1, "cut": 3000, "etag": '"other"'})

    def test_a_server_without_ranges(self):
        self.assert_recovers({"path": self.url_path(1), "nth": 1, "cut": 3000, "ranges": False},
                             {"path": self.url_path(1), "ranges": False})

    def test_stall(self):
        self.assert_recovers({"path": self.url_path(1), "nth": 1, "stall": 3000}, stall_timeout="1s")

    def test_redirect(self):
        self.assert_recovers({"path": self.url_path(1), "redirect": self.url_path(1) + "?moved", "nth": 1})

    def test_html_once(self):
        self.assert_recovers({"path": self.url_path(1), "nth": 1, "html": True})

    def test_forbidden_is_not_retried(self):
        base = hour_files(5000, 3)
        server = self.serve(base, {"path": self.url_path(1), "status": 403})
        failure = self.assert_failure(self.run_on(server, expect=etl.FAILED), 1, "403")
        self.assertEqual(1, failure["attempts"])
        self.assertEqual(1, sum(entry["path"] == self.url_path(1) for entry in server.log()["requests"]))

    def test_retries_have_an_end(self):
        base = hour_files(5000, 3)
        server = self.serve(base, {"path": self.url_path(1), "status": 503, "headers": {"Retry-After": "0"}})
        failure = self.assert_failure(self.run_on(server, run={"retries": 2}, expect=etl.FAILED), 1, "503")
        self.assertEqual(3, failure["attempts"])

    def test_a_wait_of_a_day(self):
        base = hour_files(5000, 3)
        server = self.serve(base, {"path": self.url_path(1), "status": 503, "headers": {"Retry-After": "86400"}})
        failure = self.assert_failure(self.run_on(server, expect=etl.FAILED), 1, "503", "86400 s", "retry_after_limit")
        self.assertEqual(1, failure["attempts"])
        server.script({"rules": []})
        self.assert_summary(self.run_on(server), total=3, done=1, skipped=2)

    def test_a_longer_wait_than_one_allows(self):
        base = hour_files(5000, 3)
        server = self.serve(base, {"path": self.url_path(1), "status": 429, "headers": {"Retry-After": "2"}})
        result = self.run_on(server, retry_after_limit="1s", expect=etl.FAILED)
        self.assert_failure(result, 1, "429", r"exceeds retry_after_limit \(1 s\)")

    # -- proxies and certificates --

    def test_a_proxy_that_wants_a_password(self):
        proxy = self.serve(self.folder, {"path": "http", "status": 407})  # a proxy gets the whole URL
        job = self.main_job("http://mirror.invalid", self.database, 1, run={"retries": 2})
        for address in (f"http://127.0.0.1:{proxy.port}", f"me:hunter22@127.0.0.1:{proxy.port}"):
            result = self.run_pipeline(job, expect=etl.FAILED, env={"http_proxy": address})
            failure, = result.json["failures"]
            self.assertIn(f"through the proxy 127.0.0.1:{proxy.port} (http_proxy): HTTP 407: the proxy requires a password",
                          failure["error"])
            self.assertEqual(1, failure["attempts"])
            self.assertNotIn("hunter22", result.all)

    def test_a_private_authority(self):
        cert, key = self.folder / "cert.pem", self.folder / "key.pem"
        subprocess.run([etl.tool("openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
                        "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert],
                       check=True, capture_output=True)
        base = hour_files(5000, 3)
        server = FaultServer(base, tls=(cert, key)).start()
        self.addCleanup(server.stop)
        nobody = {"SSL_CERT_FILE": None, "CURL_CA_BUNDLE": None, "SSL_CERT_DIR": None}
        job = self.main_job(server.url, self.database, 1, run={"retries": 2})
        failure, = self.run_pipeline(job, expect=etl.FAILED, env=nobody).json["failures"]
        self.assertIn("certificate", failure["error"])
        self.assertIn("ca_file", failure["error"])
        self.assertEqual(1, failure["attempts"])
        for name, env, options in (("option", nobody, {"ca_file": cert}),
                                   ("SSL_CERT_FILE", {**nobody, "SSL_CERT_FILE": str(cert)}, {}),
                                   ("CURL_CA_BUNDLE", {**nobody, "CURL_CA_BUNDLE": str(cert)}, {})):
            with self.subTest(name):
                database = Sqlite(self.folder, f"{name}.db")
                self.run_pipeline(self.main_job(server.url, database, 1, **options), env=env)
                self.assert_table(database, base, 1)

    def test_a_ca_file_that_cannot_be_read(self):
        job = self.main_job("https://mirror.invalid", self.database, 1, ca_file="none.pem")
        result = etl.run("validate", self.write(job))
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn("none.pem: No such file", result.err)

    # -- manners --

    def test_connections(self):
        base = hour_files(5000, 6)
        for connections in (1, 2):
            with self.subTest(connections=connections):
                self.database = Sqlite(self.folder, f"{connections}.db")
                server = self.serve(base, {"delay": 0.1})
                self.run_on(server, 6, connections=connections, run={"workers": 8})
                self.assertLessEqual(server.log()["max_in_progress"], connections)
                self.assert_table(self.database, base)

    def test_user_agent_says_who_we_are(self):
        server = self.serve(hour_files(5000, 3))
        self.run_on(server, contact="reader@example.org")
        agents = {entry["headers"].get("user-agent") for entry in server.log()["requests"]}
        self.assertEqual(1, len(agents), agents)
        self.assertRegex(agents.pop(), r"^etl\S*/\d.*reader@example\.org")

    def test_wikimedia_wants_a_contact(self):
        for base_url in (None, "https://dumps.wikimedia.org/other/pageviews"):
            job = self.main_job("unused://", self.database)
            job["sources"]["pageviews"].pop("base_url")
            if base_url:
                job["sources"]["pageviews"]["base_url"] = base_url
            for contact in (None, ""):
                job["sources"]["pageviews"].pop("contact", None)
                if contact is not None:
                    job["sources"]["pageviews"]["contact"] = contact
                for verb in ("run", "validate"):
                    result = etl.run(verb, self.write(job))
                    self.assertEqual(etl.CONFIG, result.code, str(result))
                    self.assertIn("contact", result.err)
        self.assertFalse(self.database.exists())

    def test_wikimedia_allows_three_connections(self):
        job = self.main_job("unused://", self.database, connections=4, contact="reader@example.org")
        job["sources"]["pageviews"].pop("base_url")
        result = etl.run("validate", self.write(job))
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn("connections", result.err)


if __name__ == "__main__":
    unittest.main()
