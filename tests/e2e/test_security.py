"""A pipeline reaches only what it names: no program is run, no plugin is loaded from a place that others can write to,
no password is revealed, and names stay names."""

import base64
import http.server
import json
import os
import shutil
import subprocess
import threading
import unittest
import unittest.mock
import urllib.parse

from support import etl
from support.case import EtlCase, Postgres, Sqlite, hour_files, ledger
from support.nginx import free_port
from support.postgres import PostgresServer

# Every character with a special meaning in a URI, in key=value pairs, in TOML or in SQL.
PASSWORD = "p@ss/w'rd \\%41:?#&=;$é"
SHORT = "Qj"


def uri(password, host, user="postgres"):
    return f"postgresql://{user}:{urllib.parse.quote(password, safe='')}@{host}/postgres"


def pairs(password, port, user="postgres"):
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    return f"host=127.0.0.1 port={port} dbname=postgres user={user} password='{escaped}'"


def spellings(password):
    """The password as written in text, in a URI, in a key=value pair, and in JSON."""
    escaped = password.replace("\\", "\\\\").replace("'", "\\'")
    encoded = urllib.parse.quote(password, safe="")
    return {password, escaped, encoded, encoded.lower(), json.dumps(password)[1:-1],
            json.dumps(password, ensure_ascii=False)[1:-1], json.dumps(escaped, ensure_ascii=False)[1:-1]}


class Outputs(EtlCase):
    """The complete output of every verb, on success and on failure."""

    def assert_silent(self, text, password):
        for spelling in spellings(password):
            if len(password) >= 4:
                self.assertNotIn(spelling, text)
            # A short password is only masked in the position of a password.
            for before, behind in ((":", "@"), ("password=", ""), ("password='", ""), ("password = ", "")):
                self.assertNotIn(before + spelling + behind, text)

    def outputs(self, pipeline, env=None, verbs=("validate", "plan", "preview", "run")):
        """(exit codes, all output) of every verb at debug level, in both formats."""
        path = self.write(pipeline)
        report = self.folder / "report.json"
        codes, texts = [], []
        for verb in verbs:
            for form in ("text", "json"):
                more = ["--format", form, "--log-level", "debug", "--log-format", form]
                if verb == "run":
                    more += ["--report", report, "--progress", "json" if form == "json" else "plain"]
                result = etl.run(verb, path, *more, env=env)
                codes.append(result.code)
                texts.append(result.all)
        if report.exists():
            texts.append(report.read_text())
        return codes, "\n".join(texts)

    def job(self, dsn, table="pageviews", **sink):
        return self.main_job(hour_files(2000, 3), Postgres(dsn), run={"retries": 0}, sink={"table": table, **sink},
                             name=table)

    def spelled(self, password, server):
        """name: (dsn in the pipeline, environment)."""
        host = f"127.0.0.1:{server.port}"
        # In a pipeline file "$$" is a dollar.
        doubled = {"uri": uri(password, host), "pairs": pairs(password, server.port).replace("$", "$$")}
        return {
            **{name: (dsn, {}) for name, dsn in doubled.items()},
            "query": (f"postgresql://{host}/postgres?user=postgres&password={urllib.parse.quote(password, safe='')}", {}),
            "dsn in a variable": ("${ETL_TEST_DSN}", {"ETL_TEST_DSN": pairs(password, server.port)}),
            "password in a variable": (f"postgresql://postgres:${{ETL_TEST_PW}}@{host}/postgres",
                                       {"ETL_TEST_PW": urllib.parse.quote(password, safe="")}),
            "PGPASSWORD": (f"host=127.0.0.1 port={server.port} dbname=postgres user=postgres", {"PGPASSWORD": password}),
        }

    def check_server(self, password):
        with PostgresServer(password=password, port=free_port()) as server:
            cases = self.spelled(password, server)
            for number, (name, (dsn, env)) in enumerate(cases.items()):
                with self.subTest(name, outcome="done"):
                    codes, text = self.outputs(self.job(dsn, f"views_{number}"), env)
                    self.assertEqual({etl.OK}, set(codes), text[-4000:])
                    self.assert_silent(text, password)
                with self.subTest(name, outcome="no such role"):
                    wrong = dsn.replace("postgres:", "nobody:", 1).replace("user=postgres", "user=nobody")
                    _, text = self.outputs(self.job(wrong), env, ["run"])
                    self.assert_silent(text, password)
                with self.subTest(name, outcome="no such table may be"):
                    codes, text = self.outputs(self.job(dsn, "nowhere.views"), env, ["validate", "run"])
                    self.assertNotIn(etl.OK, codes)
                    self.assertIn("nowhere", text)
                    self.assert_silent(text, password)
            # A failed partition, whose error is recorded in the ledger.
            server.query("postgres", "CREATE TABLE refusing (LIKE views_0)")
            server.query("postgres", "ALTER TABLE refusing ADD CHECK (views < 0)")
            codes, text = self.outputs(self.job(cases["uri"][0], "refusing", mode="append"), {}, ["run", "plan"])
            self.assertIn(etl.FAILED, codes)
            stored = "\n".join(value for value, in server.query("postgres", "SELECT l::text FROM etl_ledger l"))
            self.assertIn("failed", stored)
            self.assert_silent(text + stored, password)
        for name, (dsn, env) in cases.items():
            with self.subTest(name, outcome="server gone"):
                codes, text = self.outputs(self.job(dsn), env)
                self.assertNotIn(etl.INTERNAL, codes)
                self.assertIn("onnection", text)  # still readable with secrets masked
                self.assert_silent(text, password)

    def test_every_spelling(self):
        self.check_server(PASSWORD)

    def test_a_short_one(self):
        self.check_server(SHORT)

    def test_one_letter_garbles_nothing(self):
        _, text = self.outputs(self.job(pairs("e", 1)))
        self.assertIn("connection to server at", text)
        self.assertIn("Connection refused", text)
        self.assert_silent(text, "e")

    def test_in_a_file_with_mistakes(self):
        for name, dsn in (("uri", uri("hunter22", "h")), ("pairs", pairs("hunter22", 1)), ("short", uri("e9", "h")),
                          ("broken", "host=h password=hunter22 x"), ("broken uri", "postgresql://u:hunter22/@h/db")):
            for wrong in ({"mode": "apend"}, {"tabel": "x"}, {"dns": dsn}):
                with self.subTest(name, wrong=list(wrong)):
                    codes, text = self.outputs(self.job(dsn, **wrong))
                    self.assertEqual({etl.CONFIG}, set(codes), text[-4000:])
                    self.assert_silent(text, "e9" if name == "short" else "hunter22")
        # Not even TOML.
        dsn = uri("hunter22", "h")
        codes, text = self.outputs(f'name = "x"\n[sinks.db]\ndsn = "{dsn}\n', verbs=["validate", "run"])
        self.assertEqual({etl.CONFIG}, set(codes))
        self.assert_silent(text, "hunter22")

    def test_on_the_command_line(self):
        path = self.write(self.job("host=h"))
        for argument in ("db.dsn=" + uri("hunter22", "h:1"), "db.dns=" + uri("hunter22", "h"), uri("hunter22", "h"),
                         "dsn=" + pairs("hunter22", 1)):
            result = etl.run("validate", path, "--set", argument, "--log-level", "debug")
            self.assert_silent(result.all, "hunter22")

    def test_in_the_url_of_a_source(self):
        for password in ("hunter22", "s3"):
            for path in ("/x", "/x?query", ":port/x"):
                database = Sqlite(self.folder, f"{password}{len(path)}.db")
                pipeline = self.main_job(f"http://me:{password}@127.0.0.1:1{path}", database, run={"retries": 0},
                                         cache_dir=self.folder / "cache")
                with self.subTest(path, password=password):
                    codes, text = self.outputs(pipeline)
                    self.assertNotIn(etl.INTERNAL, codes)
                    self.assert_silent(text, password)
                    self.assertNotIn(base64.b64encode(f"me:{password}".encode()).decode(), text)
                    if database.exists():
                        self.assert_silent(str(database.query("SELECT * FROM etl_ledger")), password)


NAMES = ['x"; DROP TABLE bystander; --', "'; DROP TABLE bystander; --", "../../../etc/passwd", "$(touch pwned)",
         "`touch pwned`", "a;touch pwned", "a|b&c>pwned", "-- ", "/* ", "${not}", "%s%n", "a\nb", "a\\", "é\u200b", "\u202egnp"]


class Names(EtlCase):
    """Names from a pipeline file stay names, in SQL and in paths, and never reach a shell."""

    def setUp(self):
        super().setUp()
        self.base = hour_files(2000, 3)

    def load(self, database, name, table):
        pipeline = self.main_job(self.base, database, name=name.replace("$", "$$"),
                                 sink={"table": table.replace("$", "$$")})
        return self.run_pipeline(pipeline, cwd=self.folder)

    def assert_folder(self, *expected):
        found = {path.name for path in self.folder.iterdir()}
        self.assertEqual({"pipeline.toml", *expected}, {name for name in found if not name.endswith(("-wal", "-shm"))})

    def test_tables_of_sqlite(self):
        database = Sqlite(self.folder)
        database.execute("CREATE TABLE bystander (x); INSERT INTO bystander VALUES (1)")
        for name in NAMES:
            with self.subTest(name):
                self.load(database, name, name)
                table = '"' + name.replace('"', '""') + '"'
                self.assertEqual(database.query("SELECT sum(rows_written) FROM etl_ledger WHERE pipeline = "
                                                f"'{name.replace(chr(39), chr(39) * 2)}'"),
                                 database.query(f"SELECT count(*) FROM {table}"))
        self.assertEqual({"bystander", "etl_ledger", *NAMES}, database.tables())
        self.assertEqual([(1,)], database.query("SELECT x FROM bystander"))
        self.assertEqual([(name, 3) for name in sorted(NAMES)],
                         database.query("SELECT pipeline, count(*) FROM etl_ledger GROUP BY pipeline ORDER BY pipeline"))
        self.assert_folder(database.path.name)

    def test_tables_of_postgres(self):
        database = Postgres()
        database.query("CREATE TABLE bystander AS SELECT 1 AS x")
        for number, name in enumerate(NAMES):
            with self.subTest(name):
                table = '"' + name.replace('"', '""') + '"'
                self.load(database, name, table)
                rows = database.query(f"SELECT count(*) FROM {table}")
                self.assertEqual(rows, database.query("SELECT sum(rows_written) FROM etl_ledger WHERE pipeline = "
                                                      f"'{name.replace(chr(39), chr(39) * 2)}'"), number)
                self.assertNotEqual([("0",)], rows)
        self.assertEqual([("1",)], database.query("SELECT x FROM bystander"))
        self.assertEqual([(str(len(NAMES) + 2),)],
                         database.query("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"))
        self.assert_folder()

    def test_a_nul_character(self):
        for database in (Sqlite(self.folder), Postgres("host=/nowhere")):
            for option in ("table", "path" if isinstance(database, Sqlite) else "dsn"):
                pipeline = self.main_job(self.base, database)
                pipeline["sinks"]["db"][option] = "a\0b"
                result = etl.run("run", self.write(pipeline), cwd=self.folder)
                self.assertEqual(etl.CONFIG, result.code, str(result))
                self.assertIn("NUL", result.err)
                self.assertIn(f'"{option}"', result.err)
        self.assert_folder()

    def test_files_are_where_they_were_named(self):
        # Users choose paths: they are used literally, without a shell.
        for name in ("$(touch pwned).db", "a b;touch pwned.db", "'\".db", "-rf.db", "~.db"):
            with self.subTest(name):
                folder = self.folder / name / "in"
                folder.mkdir(parents=True)
                database = Sqlite(folder, name)
                pipeline = self.main_job(self.base, database, sink={"path": str(database.path).replace("$", "$$")})
                self.run_pipeline(pipeline, cwd=self.folder)
                self.assert_table(database, self.base)
                self.assertEqual({name}, {path.name.removesuffix("-wal").removesuffix("-shm") for path in folder.iterdir()})
                shutil.rmtree(self.folder / name)
        self.assert_folder()

    def test_a_source_reads_below_its_folder(self):
        # The id of another file does not select a partition.
        secret = self.folder / "secret.gz"
        secret.write_bytes(b"secret")
        result = self.run_pipeline(self.main_job(self.base, Sqlite(self.folder)), "--only", "../../secret", expect=etl.FAILED)
        self.assertIn("none of", result.err)
        self.assertNotIn("secret.gz", result.all)


class Server:
    """Answers every request with `answer(handler)` and keeps the requests' headers."""

    def __init__(self, answer):
        seen = self.seen = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                seen.append(dict(self.headers))
                answer(self)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class Credentials(EtlCase):
    def test_go_to_their_own_host_only(self):
        base = hour_files(2000, 3)

        def give(handler):
            data = (base / handler.path.lstrip("/")).read_bytes()
            handler.send_response(200)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        with Server(give) as other:
            def send_on(handler):
                handler.send_response(302)
                handler.send_header("Location", f"http://{other.address}{handler.path}")
                handler.send_header("Content-Length", "0")
                handler.end_headers()

            with Server(send_on) as first:
                database = Sqlite(self.folder)
                self.run_pipeline(self.main_job(f"http://me:hunter22@{first.address}", database))
                self.assert_table(database, base)
        expected = "Basic " + base64.b64encode(b"me:hunter22").decode()
        self.assertEqual({expected}, {headers.get("Authorization") for headers in first.seen})
        self.assertEqual({None}, {headers.get("Authorization") for headers in other.seen})
        self.assertEqual(3, len(other.seen))


    def test_are_kept_by_a_redirect_on_the_same_host(self):
        base = hour_files(2000, 3)
        expected = "Basic " + base64.b64encode(b"me:hunter22").decode()

        def give(handler):
            authorized = handler.headers.get("Authorization") == expected
            moved = handler.path.startswith("/real%20files/")
            handler.send_response((200 if moved else 302) if authorized else 401)
            data = (base / handler.path.removeprefix("/real%20files/")).read_bytes() if moved else b""
            if not moved:
                handler.send_header("Location", f"http://{server.address}/real files{handler.path}")
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)

        with Server(give) as server:
            database = Sqlite(self.folder)
            self.run_pipeline(self.main_job(f"http://me:hunter22@{server.address}", database))
            self.assert_table(database, base)

    def assert_hidden(self, base, secret, code, env=None):
        path = self.write(self.main_job(base, Sqlite(self.folder), 1, run={"retries": 0}))
        shown = [etl.run(verb, path, env=env).all for verb in ("validate", "plan")]
        report = self.folder / "report.json"
        result = etl.run("run", path, "--report", report, "--log-level", "debug", env=env)
        self.assertEqual(code, result.code, str(result))
        shown += [result.all, report.read_text()]
        self.assertEqual("failed", json.loads(report.read_text())["status"])
        shown += map(str, ledger(Sqlite(self.folder)).values())
        self.assertEqual([], [text for text in shown if secret in text])
        return result

    def test_are_not_shown_where_a_url_is_slightly_wrong(self):
        for base in ("http://me:Hunter/2secret@127.0.0.1:1", "http://me:12/2secret@127.0.0.1:1",
                     "http://me:Hunter?2secret@127.0.0.1:1", "http://me:Hunter#2secret@127.0.0.1:1",
                     "http://me:Hunter 2secret@127.0.0.1:1", "http://me:2secret@127.0.0.1:port",
                     "http:/me:2secret@127.0.0.1:1", "me:2secret@127.0.0.1:1", "http//me:2secret@127.0.0.1:1"):
            with self.subTest(base):
                self.assertIn("base_url", self.assert_hidden(base, "2secret", etl.CONFIG).err)

    def test_are_not_shown_where_a_proxy_is_slightly_wrong(self):
        for proxy in ("me:Hunter2secret@127.0.0.1:99999", "me:Hunter2secret@127.0.0.1:proxy",
                      "http://me:Hunter/2secret@127.0.0.1:3128", "http://me:Hunter 2secret@127.0.0.1:3128",
                      "http://me:" + "long" * 80 + "2secret@127.0.0.1:port", "http://me:2secret@127.0.0.1:99999"):
            for variable in ("http_proxy", "all_proxy", "ALL_PROXY"):
                with self.subTest(proxy, variable=variable):
                    result = self.assert_hidden("http://mirror.invalid", "2secret", etl.FAILED, {variable: proxy})
                    self.assertIn(f"the value of {variable} is not the URL of a proxy", result.err)


class Plugins(EtlCase):
    """A plugin is code: it is loaded only from places that only its owner can write to."""

    def setUp(self):
        super().setUp()
        # A separate installation, which finds its plugins next to the executable.
        self.plugins = self.folder / "lib/etl/plugins"
        shutil.copytree(etl.binary().parent / "../lib/etl/plugins", self.plugins)
        (self.folder / "bin").mkdir()
        shutil.copy(etl.binary(), self.folder / "bin")
        for path in (self.plugins, *self.plugins.iterdir()):
            path.chmod(0o755)
        patch = unittest.mock.patch.dict(os.environ, ETL_BINARY=str(self.folder / "bin/etl"))
        patch.start()
        self.addCleanup(patch.stop)
        self.path = self.write(self.main_job(hour_files(2000, 3), Sqlite(self.folder)))
        self.assertEqual(etl.OK, etl.run("validate", self.path).code)

    def refused(self, path):
        result = etl.run("validate", self.path)
        self.assertEqual(etl.CONFIG, result.code, str(result))
        self.assertIn(f"{path}: refused, because other users can write to it: chmod go-w {path}", result.err)
        self.assertIn('"sqlite"', result.err)

    def test_a_folder_that_others_can_write(self):
        for mode in (0o775, 0o757, 0o1777):
            with self.subTest(oct(mode)):
                self.plugins.chmod(mode)
                self.refused(self.plugins)

    def test_a_file_that_others_can_write(self):
        for mode in (0o775, 0o757):
            with self.subTest(oct(mode)):
                (self.plugins / "sqlite.so").chmod(mode)
                self.refused(self.plugins / "sqlite.so")

    def test_never_from_the_folder_one_is_in(self):
        # A library with a stage's name, in every place that a careless loader searches.
        for place in (".", "plugins", "lib/etl/plugins"):
            folder = self.folder / "cwd" / place
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "evil.so").write_bytes(b"\x7fELF no library at all")
            (folder / "evil.so").chmod(0o755)
        result = etl.run("plugins", cwd=self.folder / "cwd", env={"ETL_PLUGIN_PATH": "", "LD_LIBRARY_PATH": None})
        self.assertEqual(etl.OK, result.code, str(result))
        self.assertNotIn("evil", result.all)
        result = etl.run("validate", self.path, cwd=self.folder / "cwd")
        self.assertEqual(etl.OK, result.code, str(result))

    def test_a_stage_is_a_name_and_no_file(self):
        for plugin in (str(self.plugins / "sqlite.so"), "./sqlite", "../plugins/sqlite", "sqlite.so"):
            pipeline = self.main_job(hour_files(2000, 3), Sqlite(self.folder), sink={"plugin": plugin})
            result = etl.run("validate", self.write(pipeline), cwd=self.plugins)
            self.assertEqual(etl.CONFIG, result.code, str(result))


class Processes(EtlCase):
    def test_nothing_is_run(self):
        """Everything works without any program to find or run."""
        empty = self.folder / "empty"
        empty.mkdir()
        database = Sqlite(self.folder)
        pipeline = self.main_job(hour_files(2000, 3), database)
        self.run_pipeline(pipeline, env={"PATH": str(empty), "SHELL": "/nonexistent", "IFS": "x",
                                         "BASH_ENV": str(self.folder / "none")})
        self.assert_table(database, hour_files(2000, 3))

    def test_no_process_is_started(self):
        log = self.folder / "trace"
        path = self.write(self.main_job(hour_files(2000, 3), Sqlite(self.folder)))
        done = subprocess.run([etl.tool("strace"), "-f", "-qq", "-e", "trace=execve,fork,vfork", "-o", log, etl.binary(),
                               "run", path, "--report", self.folder / "report.json"],
                              capture_output=True, text=True, env=etl.environment(), timeout=etl.TIMEOUT_SECONDS)
        self.assertEqual(etl.OK, done.returncode, done.stderr)
        calls = [line for line in log.read_text().splitlines() if "(" in line]
        self.assertEqual(1, len(calls), calls)
        self.assertIn("execve", calls[0])


if __name__ == "__main__":
    unittest.main()
