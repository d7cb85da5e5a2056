"""Compares etl with programs that do the same job; run by tools/bench.sh."""

import argparse
import dataclasses
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[3] / "tests"))

from comparison import chart, measure, profile, report  # noqa: E402
from comparison.contest import Contest, Goal  # noqa: E402
from comparison.curves import curves  # noqa: E402
from comparison.hours import Hours, REPOSITORY  # noqa: E402
from comparison.programs import (DecodedCopy, DuckDb, EtlPostgres, EtlSqlite, InsertsFromMemory, Notebook,  # noqa: E402
                            Pgloader, PostgresByHand, Setting, ShellPostgres, ShellSqlite, SqliteByHand, Task)
from support.postgres import PostgresServer  # noqa: E402

MEBIBYTE = 2**20


@dataclasses.dataclass
class Scale:
    """Amount of work in a mode."""

    rounds: int
    main_rows: int
    main_hours: int
    large_rows: int      # the size of current hour files
    sizes: tuple         # rows per file, for the curve
    files_of_a_size: int
    counts: tuple        # hours, for the curve
    rows_of_many: int
    curve_rounds: int
    starts: int


SCALES = {
    "smoke": Scale(1, 20000, 2, 20000, (10000, 20000), 1, (1, 2), 20000, 1, 1),
    "quick": Scale(5, 1000000, 4, 2000000, (100000, 1000000, 3000000), 2, (1, 4, 24), 100000, 3, 11),
    "full": Scale(7, 3000000, 8, 6000000, (100000, 300000, 1000000, 3000000, 6000000, 12000000), 2,
                  (1, 8, 24, 72, 168), 100000, 5, 21),
}


def contests(setting, data, scale, executors):
    """All contests of a run, in order."""
    cores = os.cpu_count() or 1
    main = Hours(data, scale.main_rows, scale.main_hours)
    one, large = main.first(1), Hours(data, scale.large_rows, 2)
    french, all_rows, large_french = Task(main, "fr"), Task(one, None), Task(large, "fr")
    others = [executor for executor in executors if executor != "threads"]

    def etls(kind, task):
        return [kind(setting, task), kind(setting, task, 1)] + [kind(setting, task, executor=other) for other in others]

    by_hand, postgres_by_hand = SqliteByHand(setting, french, cores), PostgresByHand(setting, french, cores)
    return [
        Contest("main-sqlite", f"{main}, French into SQLite",
                [*etls(EtlSqlite, french), by_hand, DuckDb(setting, french), ShellSqlite(setting, french),
                 Notebook(setting, french)],
                [Goal("etl", by_hand.name, 0.90), Goal("etl", DuckDb.name, 1 / 5),
                 Goal("etl", ShellSqlite.name, 1 / 6), Goal("etl", Notebook.name, 1 / 10)]),
        Contest("main-postgres", f"{main}, French into PostgreSQL",
                [*etls(EtlPostgres, french), postgres_by_hand, ShellPostgres(setting, french),
                 Pgloader(setting, french)],
                [Goal("etl", postgres_by_hand.name, 1.10), Goal("etl", ShellPostgres.name, 1 / 4)], alone=False),
        Contest("all-sqlite", f"{one}, every row into SQLite",
                [EtlSqlite(setting, all_rows), InsertsFromMemory(setting, all_rows, 1),
                 SqliteByHand(setting, all_rows, 1)],
                [Goal("etl", InsertsFromMemory.name, 0.60)],
                note="The inserts alone are only the time from BEGIN to the end of COMMIT; etl's is the whole process."),
        Contest("all-postgres", f"{one}, every row into PostgreSQL",
                [EtlPostgres(setting, all_rows), DecodedCopy(setting, all_rows),
                 PostgresByHand(setting, all_rows, 1)],
                [Goal("etl", DecodedCopy.name, 1.05)], alone=False),
        Contest("large-sqlite", f"{large}, French into SQLite",
                [EtlSqlite(setting, large_french), SqliteByHand(setting, large_french, cores)]),
        Contest("fast-paths", f"{one}, French into SQLite, without the fast ways",
                [EtlSqlite(setting, Task(one, "fr")), EtlSqlite(setting, Task(one, "fr"), extra={"ETL_NO_ISAL": "1"})]),
    ]


def working_executors(setting, data):
    """`processes`, if this build supports it."""
    program = EtlSqlite(setting, Task(Hours(data, 20000, 2).make(), "fr"), executor="processes")
    program.prepare()
    try:
        measure.run(program.command())
    except measure.Failed:
        print("without the executor \"processes\": this etl does not run it", file=sys.stderr)
        return ["threads"]
    return ["threads", "processes"]


def start_times(setting, data, count):
    """Run time in milliseconds of whole processes that move no data."""
    program = EtlSqlite(setting, Task(Hours(data, 20000, 2).make(), "fr"))
    program.prepare()
    path = program.command()[2]
    commands = {"etl validate, a pipeline of three stages": [setting.etl, "validate", path],
                "etl plugins": [setting.etl, "plugins"]}
    return [(text, measure.median([measure.run(command)[0] for _ in range(count)]).seconds * 1000, 30, " ms")
            for text, command in commands.items()]


def pass_through_cost(setting, data, scale):
    """Percentage of instructions that a pass-through filter adds, with all rows kept."""
    if shutil.which("valgrind") is None:
        print("without the cost of a filter: valgrind not installed", file=sys.stderr)
        return []
    counts = []
    for filters in (0, 1):
        program = EtlSqlite(setting, Task(Hours(data, scale.rows_of_many, 1).make(), None), 1, pass_through=filters)
        program.prepare()
        counts.append(measure.instructions(program.command()))
    return [("instructions that a pass-through filter adds, every row", max(0, counts[1] / counts[0] - 1) * 100, 2, " %")]


def memory(all_contests, all_curves):
    """Peak memory of the main job, and of the largest number of hours."""
    found = []
    main = next(one for one in all_contests if one.key == "main-sqlite")
    found.append((f"peak memory, {main.title}", main.outcomes["etl"].median.peak_bytes / MEBIBYTE, 64, " MiB"))
    for curve in all_curves:
        if curve.key == "hours":
            last = curve.points[-1]
            found.append((f"peak memory, {last.x:g} {curve.title}", last.peak_bytes / MEBIBYTE, 64, " MiB"))
    return found


def parse_arguments():
    parser = argparse.ArgumentParser(prog="tools/bench.sh", description=__doc__)
    parser.add_argument("--mode", choices=SCALES, default="quick")
    parser.add_argument("--build", type=pathlib.Path, required=True, help="folder of the build to measure")
    parser.add_argument("--data", type=pathlib.Path, help="folder where hour files are made and kept")
    parser.add_argument("--out", type=pathlib.Path, help="folder for performance.md and performance.svg")
    parser.add_argument("--node-modules", type=pathlib.Path, default=pathlib.Path("/nonexistent"))
    parser.add_argument("--rounds", type=int, help="alternating runs")
    parser.add_argument("--only", action="append", help="a contest's key, or curves, starts, profile, filter; repeatable")
    return parser.parse_args()


def wanted(arguments, key):
    return not arguments.only or key in arguments.only


def measure_all(arguments, setting, data, scale):
    """The lines of the report, and the contests and curves for the chart."""
    machine = measure.machine()  # before the benchmark adds load
    done, grown, others = [], [], []
    for one in contests(setting, data, scale, working_executors(setting, data)):
        if not wanted(arguments, one.key):
            continue
        for program in one.programs:
            program.task.hours.make()
        done.append(one.run(scale.rounds))
    if wanted(arguments, "curves"):
        grown = curves(setting, data, scale, scale.curve_rounds)
    if wanted(arguments, "starts"):
        others += start_times(setting, data, scale.starts)
    if wanted(arguments, "filter"):
        others += pass_through_cost(setting, data, scale)
    if any(one.key == "main-sqlite" for one in done):
        others += memory(done, grown)
    lines = report.heading(machine, arguments.mode, scale.rounds) + report.goals(done, others)
    for one in done:
        lines += report.contest(one)
    if grown:
        lines += report.curves(grown)
    if wanted(arguments, "profile"):
        if profile.missing():
            print(f"without a profile: {profile.missing()}", file=sys.stderr)
        else:
            main = Hours(data, scale.main_rows, scale.main_hours).make()
            lines += report.profile(*profile.profile(EtlSqlite(setting, Task(main, "fr"))))
    return lines, done, grown


def write(arguments, lines, done, grown):
    print("\n".join(lines))
    if arguments.out is None:
        return
    arguments.out.mkdir(parents=True, exist_ok=True)
    page = arguments.out / "performance.md"
    if not page.exists():
        shutil.copy(REPOSITORY / "docs/performance.md", page)
    report.insert(page, lines)
    shown = [one for one in done if one.key in ("main-sqlite", "main-postgres")]
    (arguments.out / "performance.svg").write_text(chart.svg(shown, grown), encoding="utf-8")
    print(f"written: {page}, {arguments.out / 'performance.svg'}", file=sys.stderr)


def main():
    # Exits through the `with` below, so that the server is stopped.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    arguments = parse_arguments()
    scale = SCALES[arguments.mode]
    if arguments.rounds:
        scale.rounds = arguments.rounds
    data = arguments.data or REPOSITORY / "build/bench-hours"
    with tempfile.TemporaryDirectory(prefix="etlbench") as folder, PostgresServer() as server:
        # Settings for bulk loading, without background activity.
        server.query("postgres", "ALTER SYSTEM SET max_wal_size = '8GB'")
        server.query("postgres", "ALTER SYSTEM SET checkpoint_timeout = '1h'")
        server.query("postgres", "ALTER SYSTEM SET autovacuum = off")
        server.query("postgres", "SELECT pg_reload_conf()")
        setting = Setting(folder, arguments.build.resolve(), server, arguments.node_modules)
        try:
            write(arguments, *measure_all(arguments, setting, data.resolve(), scale))
        except (measure.Failed, subprocess.CalledProcessError) as error:
            sys.exit(f"tools/bench.sh: {error}")


if __name__ == "__main__":
    main()
