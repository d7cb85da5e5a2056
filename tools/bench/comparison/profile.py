"""Samples the main job's processor time, by layer."""

import collections
import pathlib
import re
import tempfile

from comparison import measure
from comparison.programs import lacks

# The first match of (library, function) determines the layer.
LAYERS = [
    ("inflate", r"libisal|libz\.so", r""),
    ("inflate", r"wikipedia\.so", r"crc|[Ii]nflate|GzipFile"),
    ("find and test lines", r"wikipedia\.so", r""),
    ("SQLite", r"libsqlite3", r""),
    ("rows to SQLite", r"sqlite\.so", r""),
    ("libpq", r"libpq", r""),
    ("rows to COPY", r"postgres\.so", r""),
    ("runner", r"etl$", r""),
    ("kernel: files, memory", r"kernel", r""),
    ("C library: copies, allocation", r"libc\.so|libstdc", r""),
    ("start: loading libraries", r"ld-linux", r""),
]
LINE = re.compile(r"^\s*([0-9.]+)%\s+(\S+)\s+\[.\]\s+(.*)$")


def missing():
    return lacks("perf")


def _layer(library, function):
    for layer, where, what in LAYERS:
        if re.search(where, library) and re.search(what, function):
            return layer
    return "other"


def profile(program):
    """({layer: percent}, [(percent, library, function), ...]): the layers' sums, and the ten hottest functions."""
    with tempfile.TemporaryDirectory() as folder:
        data = pathlib.Path(folder) / "perf.data"
        program.prepare()
        measure.run(["perf", "record", "-q", "-e", "cpu-clock", "-F", "4999", "-o", data, *program.command()])
        _, printed = measure.run(["perf", "report", "-i", data, "--stdio", "-q", "--sort", "dso,symbol",
                                  "--percent-limit", "0"])
    layers, functions = collections.Counter(), []
    for percent, library, function in (match.groups() for match in map(LINE.match, printed.splitlines()) if match):
        layers[_layer(library, function)] += float(percent)
        functions.append((float(percent), library, re.split(r"\s{2,}", function)[0]))
    return layers, functions[:10]
