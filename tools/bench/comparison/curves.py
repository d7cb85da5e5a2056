"""Cost per row by file size, number of hours and number of threads."""

import dataclasses
import os
import sys

from comparison import measure
from comparison.hours import Hours
from comparison.programs import EtlSqlite, Task


@dataclasses.dataclass
class Point:
    x: float
    seconds: float
    rows: int
    peak_bytes: int

    @property
    def nanoseconds_a_row(self):
        return self.seconds * 1e9 / self.rows


@dataclasses.dataclass
class Curve:
    key: str
    title: str
    unit: str
    points: list


def _point(setting, x, hours, workers, rounds):
    program = EtlSqlite(setting, Task(hours.make(), "fr"), workers)
    samples = []
    for _ in range(rounds):
        program.prepare()
        samples.append(measure.run(program.command())[0])
    middle = measure.median(samples)
    print(f"{hours}, {workers or 'all'} threads: {middle.seconds:.3f} s", file=sys.stderr)
    return Point(x, middle.seconds, hours.all_rows, middle.peak_bytes)


def curves(setting, data, scale, rounds):
    sizes = [Hours(data, rows, scale.files_of_a_size) for rows in scale.sizes]
    counts = [Hours(data, scale.rows_of_many, count) for count in scale.counts]
    main = Hours(data, scale.main_rows, scale.main_hours)
    return [
        Curve("size", "rows per file, in millions", "M rows",
              [_point(setting, hours.rows / 1e6, hours, 0, rounds) for hours in sizes]),
        Curve("hours", f"hours of {scale.rows_of_many / 1e6:g} M rows", "hours",
              [_point(setting, hours.count, hours, 0, rounds) for hours in counts]),
        Curve("threads", "threads", "threads",
              [_point(setting, threads, main, threads, rounds) for threads in range(1, (os.cpu_count() or 1) + 1)]),
    ]
