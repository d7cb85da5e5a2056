"""The test's own real PostgreSQL server, on a unix socket, in a temporary folder."""

import atexit
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

from support.etl import tool


def _programs():
    """Folder of initdb and pg_ctl; on Debian it depends on the version and is not in PATH."""
    versions = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin/initdb"),
                      key=lambda path: int(path.parts[-3]) if path.parts[-3].isdigit() else 0)
    return versions[-1].parent if versions else pathlib.Path(tool("initdb")).parent


class PostgresServer:
    """`with PostgresServer() as server:` or start()/stop(). Superuser `postgres`, trusted without password
    unless `password` is given; then password and TCP on loopback are used."""

    def __init__(self, password=None, port=5432):
        self.password, self.port = password, port
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="etlpg"))
        self.programs = _programs()
        self.prefix = []
        if os.getuid() == 0:
            # The server refuses to run as root; the package created this user.
            user = pwd.getpwnam("postgres")
            os.chown(self.folder, user.pw_uid, user.pw_gid)
            self.prefix = [tool("setpriv"), f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]
        self.running = False
        self.databases = 0

    def _run(self, *command):
        done = subprocess.run([*self.prefix, *map(str, command)], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, cwd=self.folder)
        if done.returncode != 0:
            log = self.folder / "log"
            tail = log.read_text(errors="replace")[-2000:] if log.exists() else ""
            raise RuntimeError(f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}{tail}")

    def start(self):
        data = self.folder / "data"
        if not data.exists():
            more = []
            if self.password is not None:
                secret = self.folder / "secret"
                secret.write_text(self.password)
                shutil.chown(secret, self.folder.stat().st_uid)
                more = [f"--pwfile={secret}", "--auth-host=scram-sha-256", "--auth-local=trust"]
            self._run(self.programs / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "--no-sync",
                      "-E", "UTF8", "--locale=C", *more)
        listen = "127.0.0.1" if self.password is not None else ""
        self._run(self.programs / "pg_ctl", "-D", data, "-w", "-s", "-l", self.folder / "log", "-o",
                  f"-k {self.folder} -p {self.port} -c listen_addresses='{listen}' -c fsync=off", "start")
        self.running = True
        return self

    def stop(self, mode="fast"):
        """`immediate` simulates a crash: nothing is written back, and the next start recovers."""
        if self.running:
            self._run(self.programs / "pg_ctl", "-D", self.folder / "data", "-m", mode, "-w", "-s", "stop")
            self.running = False

    def remove(self):
        self.stop("immediate")
        shutil.rmtree(self.folder, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.remove()

    def dsn(self, database="postgres"):
        return f"host={self.folder} port={self.port} user=postgres dbname={database}"

    def uri(self, database="postgres"):
        """Over TCP with the password, for a server that has one."""
        return f"postgresql://postgres:{self.password}@127.0.0.1:{self.port}/{database}"

    def database(self):
        """Creates an empty database and returns its dsn."""
        self.databases += 1
        name = f"test_{self.databases}"
        self.query("postgres", f"CREATE DATABASE {name}")
        return self.dsn(name)

    def query(self, database, sql):
        """Rows of one statement as text; `database` is a name or a dsn."""
        return query(database if "=" in database else self.dsn(database), sql)


def query(dsn, sql):
    """Rows as text, with None for NULL. For small results whose values contain no unit or group separator."""
    done = subprocess.run([tool("psql"), dsn, "-XqAt", "-v", "ON_ERROR_STOP=1", "-F", "\x1f", "-R", "\x1d",
                           "-P", "null=\x1e", "-c", sql], stdin=subprocess.DEVNULL, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{sql}\n{done.stderr}")
    return [tuple(None if value == "\x1e" else value for value in row.split("\x1f"))
            for row in done.stdout.removesuffix("\n").split("\x1d") if row]


_shared = None


def shared():
    """One server for all tests of a process; each test uses its own database()."""
    global _shared
    if _shared is None:
        _shared = PostgresServer()
        atexit.register(_shared.remove)
        _shared.start()
    return _shared
