"""Measures one run of a command: wall time, processor time including children, peak memory."""

import collections
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile

Sample = collections.namedtuple("Sample", "seconds cpu_seconds peak_bytes")
LAUNCH = pathlib.Path(__file__).resolve().parent / "launch.py"


class Failed(RuntimeError):
    """A measured command failed; the message says which one and why."""


def environment(extra=None):
    """A clean environment, with the sort order and messages of the C locale."""
    env = {name: value for name, value in os.environ.items()
           if not name.startswith(("PG", "ETL_")) and not name.lower().endswith("_proxy")}
    env.update(LC_ALL="C.UTF-8", NO_COLOR="1", **(extra or {}))
    return env


def run(command, extra=None):
    """Runs argv, or a line of bash. Returns (Sample, output)."""
    argv = command if isinstance(command, list) else ["bash", "-c", "set -euo pipefail; " + command]
    argv = [str(part) for part in argv]
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "out"
        done = subprocess.run([sys.executable, "-I", "-S", LAUNCH, out, *argv], stdin=subprocess.DEVNULL,
                              capture_output=True, text=True, check=False, env=environment(extra))
        printed = out.read_text(errors="replace") if out.exists() else ""
    if done.returncode != 0:
        raise Failed(f"cannot run {argv[0]}: {done.stderr}")
    code, seconds, cpu_seconds, peak_bytes = done.stdout.split()
    if code != "0":
        raise Failed(f"exit code {code}: {' '.join(argv)}\n{printed[-2000:]}")
    return Sample(float(seconds), float(cpu_seconds), int(peak_bytes)), printed


def median(samples):
    """The median of each number separately."""
    return Sample(*(statistics.median(values) for values in zip(*samples)))


def instructions(command):
    """Number of user-space instructions of the command, counted by valgrind's callgrind. It does not depend
    on the machine's load."""
    with tempfile.TemporaryDirectory() as folder:
        out = pathlib.Path(folder) / "callgrind"
        run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *command])
        for line in out.read_text().splitlines():
            if line.startswith(("summary:", "totals:")):
                return int(line.split()[1])
    raise Failed("callgrind wrote no sum")


def machine():
    """Describes the machine in one line, with its load, which limits the accuracy of the numbers."""
    processor = "unknown processor"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            processor = line.split(":", 1)[1].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    release = "unknown system"
    for line in pathlib.Path("/etc/os-release").read_text().splitlines():
        if line.startswith("PRETTY_NAME="):
            release = line.split("=", 1)[1].strip('"')
    system = f"{release}, Linux {os.uname().release}"
    load = os.getloadavg()[2]  # of the last 15 minutes
    return f"{processor}, {os.cpu_count()} cores, {memory:.0f} GiB, {system}; load average {load:.1f}"
