"""Runs the etl binary as a user would."""

import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import time

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
TIMEOUT_SECONDS = 300

OK, FAILED, USAGE, INTERNAL, CONFIG = 0, 1, 64, 70, 78
INTERRUPTED, TERMINATED = 130, 143


def binary():
    """$ETL_BINARY, else the release build."""
    path = pathlib.Path(os.environ.get("ETL_BINARY") or REPOSITORY / "build/release/bin/etl")
    if not path.exists():
        raise FileNotFoundError(f"{path}: build etl first, or set ETL_BINARY")
    return path.resolve()


def environment(extra=None):
    """This process's environment without variables that affect a run. None in `extra` unsets a variable."""
    # PG* and proxy variables would divert connections from the test's own servers.
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("PG", "ETL_")) and not name.lower().endswith("_proxy")}
    env["NO_COLOR"] = "1"
    # Keeps libraries preloaded for a sanitizer, and the tools' own settings.
    for name, value in (extra or {}).items():
        if value is None:
            env.pop(name, None)
        else:
            env[name] = str(value)
    return env


class Result:
    """Result of a command: `code`, `out`, `err`, and `json` from stdout."""

    def __init__(self, arguments, code, out, err):
        self.arguments, self.code, self.out, self.err = arguments, code, out, err

    @property
    def json(self):
        try:
            return json.loads(self.out)
        except ValueError as error:
            raise AssertionError(f"stdout is not JSON ({error})\n{self}") from None

    @property
    def all(self):
        return self.out + self.err

    def __str__(self):
        return (f"etl {' '.join(map(str, self.arguments))}\nexit code {self.code}\n"
                f"--- stdout\n{self.out[-6000:]}\n--- stderr\n{self.err[-6000:]}")


class Running:
    """A running command. As a context manager, it ends with its block."""

    def __init__(self, arguments, env=None, cwd=None, **options):
        self.arguments = [str(argument) for argument in arguments]
        self.process = subprocess.Popen([binary(), *self.arguments], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        env=environment(env), cwd=cwd, **options)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    def running(self):
        return self.process.poll() is None

    def signal(self, number):
        self.process.send_signal(number)

    def kill(self):
        """SIGKILL, then waits."""
        self.process.send_signal(signal.SIGKILL)
        return self.wait()

    def workers(self):
        """Pids of its live worker processes: its children."""
        return [pid for pid in _pids() if _state_and_parent(pid)[1] == self.process.pid and alive(pid)]

    def wait(self, timeout=TIMEOUT_SECONDS):
        try:
            out, err = self.process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            result = Result(self.arguments, None, out.decode(errors="replace"), err.decode(errors="replace"))
            raise AssertionError(f"still running after {timeout} s\n{result}") from None
        return Result(self.arguments, self.process.returncode, out.decode(), err.decode())


def _pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def _state_and_parent(pid):
    """("", 0) when there is no such process."""
    try:
        # The name before these fields is in parentheses and may contain anything.
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text(errors="replace").rpartition(")")[2].split()
    except OSError:
        return "", 0
    return fields[0], int(fields[1])


def alive(pid):
    """True if the process runs; a zombie does not."""
    return _state_and_parent(pid)[0] not in ("", "Z", "X")


def start(*arguments, env=None, cwd=None, **options):
    """`options` as for subprocess.Popen."""
    return Running(arguments, env, cwd, **options)


def run(*arguments, env=None, cwd=None, timeout=TIMEOUT_SECONDS):
    return Running(arguments, env, cwd).wait(timeout)


def wait_for(condition, what, timeout=60.0):
    """Polls until condition() is true and returns its value; fails the test on a timeout."""
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.02)
    raise AssertionError(f"{what}: not within {timeout} s")


def skip_aloud(test, reason):
    """Skips a test and reports it on stderr, which ctest's log keeps."""
    print(f"SKIPPED {test.id()}: {reason}", file=sys.stderr)
    test.skipTest(reason)


def tool(name):
    """Path of a program from the test packages; also searches sbin folders."""
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin")
    if path is None:
        raise FileNotFoundError(f"{name} is not installed: tools/test.sh installs it")
    return path
