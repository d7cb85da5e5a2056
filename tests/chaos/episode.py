"""One episode: run a pipeline with faults, then without; the oracle checks the result of every run."""

import collections
import json
import os
import pathlib
import random
import shutil
import tempfile
import uuid

from oracle import oracle
from support import etl
from support import case
from chaos import faults
from chaos.world import TABLE, World

RUN_SECONDS = 120


class Mismatch(AssertionError):
    """A violated guarantee, described by the text."""


class Episode:
    """`seed` decides everything except the timing of the machine."""

    def __init__(self, seed, sinks, executors, server):
        self.chance = random.Random(f"chaos {seed}")
        self.seed = seed
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix=f"etlchaos{seed}-"))
        self.world = World(self.chance, self.folder, self.chance.choice(sinks), self.chance.choice(executors), server)
        self.mark = uuid.uuid4().hex  # in the environment of every process of this episode
        self.story, self.runs = [], 0
        self.struck = []  # (kind, number of times) of every run
        self.reload = False

    def play(self):
        """Raises Mismatch."""
        with self.world.web:
            self.reload = self.chance.random() < 0.15
            if self.reload:
                self.clean()  # everything is loaded, and faulty runs load it again
            elif self.chance.random() < 0.4:
                self.run([], "--limit", "1")
            for _ in range(self.chance.choice([1, 1, 2, 3])):
                self.run(faults.choose(self.world), *(["--reload"] if self.reload else []))
            self.clean()

    def clean(self):
        """Run without faults: it must load everything that is left, and report that."""
        result = self.run([])
        self.expect(result.code == etl.OK, f"a run without faults ends with {result.code}\n{result}")
        partitions = result.json["partitions"]
        self.expect(partitions["done"] + partitions["skipped"] == partitions["total"] == self.world.hours,
                    f"a run without faults leaves something\n{result}")
        done = self.check()
        self.expect(done == set(self.world.expected), f"not all is there: {sorted(done)}\n{result}")
        self.check_rejects()

    # -- one run --

    def run(self, names, *arguments):
        self.runs += 1
        chosen = [faults.ALL[name](self.world) for name in names]
        entry = {"run": self.runs, "faults": names, "arguments": list(arguments)}
        self.story.append(entry)
        try:
            for fault in chosen:
                fault.prepare()
            result, errors = self.run_with(chosen, arguments, entry)
        finally:
            for fault in chosen:
                fault.restore()
        entry["struck"] = {name: fault.struck for name, fault in zip(names, chosen)}
        self.struck += entry["struck"].items()
        entry["code"] = result.code
        (self.folder / f"run{self.runs}.err").write_text(result.err)
        (self.folder / f"run{self.runs}.out").write_text(result.out)
        self.expect(not errors, f"{errors}")
        allowed = set(faults.FAILED_OR_DONE).union(*(fault.codes for fault in chosen))
        self.expect(result.code in allowed, f"exit code {result.code} is not one of {sorted(allowed)}\n{result}")
        self.no_process_left()
        self.check(result)
        return result

    def run_with(self, chosen, arguments, entry):
        rules = [rule for fault in chosen for rule in fault.rules()]
        self.world.web.script({"rules": [*rules, {"delay": self.world.pace}]})
        environment = {"CHAOS_EPISODE": self.mark}
        words = ["run", self.world.path, "--format", "json", *arguments]
        for fault in chosen:
            environment.update(fault.environment())
            words += fault.arguments()
        entry["words"] = list(map(str, words))
        entry["environment"] = {name: str(value) for name, value in environment.items()}
        entry["rules"] = rules
        with etl.start(*words, env=environment) as running:
            strikers = [faults.Striker(fault, running) for fault in chosen]
            for striker in strikers:
                striker.start()
            result = running.wait(RUN_SECONDS)
        for striker in strikers:
            striker.join()
        used = self.world.web.used()
        for fault in chosen:
            if isinstance(fault, faults.HttpFault):
                fault.struck = sum(times for rule, times in zip(rules, used) if rule["path"] == fault.path)
            elif fault.shows is not None:
                fault.struck = result.err.count(fault.shows)
        return result, [striker.error for striker in strikers if striker.error]

    def no_process_left(self):
        """No worker survives its run."""
        etl.wait_for(lambda: not self.processes(), "all processes of the run are gone", timeout=10)

    def processes(self):
        found = []
        for name in os.listdir("/proc"):
            try:
                if name.isdigit() and self.mark.encode() in pathlib.Path(f"/proc/{name}/environ").read_bytes() \
                        and etl.alive(int(name)):
                    found.append(int(name))
            except OSError:
                continue  # it has ended in the meantime
        return found

    # -- checks after every run --

    def check(self, result=None):
        """Check every sink; return the partitions that are done in all of them."""
        done = [self.check_sink(sink, database, result) for sink, database in self.world.sinks.items()]
        everywhere = set.intersection(*done)
        self.world.left = None if self.reload else set(self.world.expected) - everywhere
        if self.reload:
            self.expect(everywhere == set(self.world.expected), f"a reload that failed left only {sorted(everywhere)}")
        return everywhere

    def check_sink(self, sink, database, result):
        """Check that the table holds what the ledger calls done, and the counts; return the done partitions."""
        expected = self.world.expected
        ledger = {partition: row for (_, partition), row in case.ledger(database).items()}
        done = {partition for partition, row in ledger.items() if row["state"] == "done"}
        self.expect(done <= set(expected), f"unknown partitions in the ledger: {sorted(done)}")
        found = list(database.rows(table=TABLE)) if database.exists() and TABLE in database.tables() else []
        wanted = [row for partition in sorted(done) for row in expected[partition].rows]
        self.expect(oracle.Digest(wanted) == oracle.Digest(found),
                    lambda: f"the table of {sink} is not what the ledger calls done ({sorted(done)}):\n"
                            + oracle.difference(wanted, found))
        for partition in done:
            own, row = expected[partition].counts, ledger[partition]
            right = {name: own[name] for name in ("read", "filtered", "rejected", "written")}
            stored = {name: row[f"rows_{name}"] for name in right}
            self.expect(right == stored, f"{sink}, {partition}: the ledger says {stored}, the oracle {right}")
        if result is not None and result.code == etl.OK:
            self.check_summary(sink, result.json, ledger)
        return done

    def check_rejects(self):
        """Check that, once everything is loaded, every reject of every partition is kept once."""
        if self.world.rejects is None:
            return
        files = [path for path in self.world.rejected.rglob("*.jsonl")
                 if not any(part == ".spool" or part.endswith(".d") for part in path.parts)]
        entries = [json.loads(line) for path in files for line in path.read_text().splitlines()]
        found = collections.Counter((entry["partition"], entry["line"]) for entry in entries)
        twice = [entry for entry, times in found.items() if times > 1]
        self.expect(not twice, f"kept twice: {twice[:5]}")
        kept = collections.Counter(partition for partition, _ in found)
        wanted = {partition: own.counts["rejected"] for partition, own in self.world.expected.items()}
        self.expect(kept == collections.Counter(wanted), f"rejects kept: {dict(kept)}; the oracle has {wanted}")

    def check_summary(self, sink, summary, ledger):
        """Check that the summary of a successful run agrees with the ledger."""
        own = [row for row in ledger.values() if row["run_id"] == summary["run_id"] and row["state"] == "done"]
        said = summary["sinks"][sink]
        self.expect(said["partitions"]["done"] == len(own) and
                    said["rows"]["written"] == sum(row["rows_written"] for row in own) and
                    said["rows"]["read"] == sum(row["rows_read"] for row in own),
                    f"the summary says {said} of {sink}, the ledger has "
                    f"{[(row['partition'], row['rows_read'], row['rows_written']) for row in own]} of this run")

    def expect(self, holds, text):
        if not holds:
            raise Mismatch(text() if callable(text) else text)

    # -- the end --

    def description(self):
        world = self.world
        return (f"{world.sink_kind}, {world.executor}, {world.hours} hours of {world.rows} rows"
                f"{' (all kept)' if world.all_rows else ''}{', rejects' if world.rejects else ''}"
                f"{', two sinks' if len(world.sinks) > 1 else ''}, "
                f"{world.workers} workers{', upsert' if world.upsert else ''}{', reload' if self.reload else ''}")

    def keep(self, error):
        """Leave the evidence in the folder of the episode."""
        (self.folder / "story.json").write_text(json.dumps(
            {"seed": self.seed, "what": self.description(), "runs": self.story, "error": str(error)}, indent=1))
        self.world.database.keep(self.folder)
        return self.folder

    def remove(self):
        self.world.close()
        shutil.rmtree(self.folder, ignore_errors=True)
