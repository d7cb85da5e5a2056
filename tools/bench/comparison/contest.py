"""Contests: several programs do the same job in turns, and the rows that each has loaded are checked."""

import dataclasses
import sys

from comparison import measure
from comparison.measure import Sample


@dataclasses.dataclass
class Goal:
    """`ours` takes at most `most` times what `theirs` takes."""

    ours: str
    theirs: str
    most: float


@dataclasses.dataclass
class Outcome:
    name: str
    rows: int
    samples: list

    @property
    def median(self):
        return measure.median(self.samples)

    @property
    def best(self):
        return min(sample.seconds for sample in self.samples)


class Contest:
    """`alone`: no server works for the programs, so their own processor time is meaningful."""

    def __init__(self, key, title, programs, goals=(), note="", alone=True):
        self.key, self.title, self.programs, self.goals = key, title, programs, list(goals)
        self.note, self.alone = note, alone
        self.outcomes, self.skipped = {}, []

    def run(self, rounds):
        """Alternates programs, so that other load on the machine affects all of them equally."""
        taking_part = []
        for program in self.programs:
            why = program.missing(program.setting)
            if why:
                self.skipped.append((program.name, why))
                print(f"{self.key}: without {program.name}: {why}", file=sys.stderr)
            else:
                taking_part.append(program)
                self.outcomes[program.name] = Outcome(program.name, program.task.hours.all_rows, [])
        for turn in range(rounds):
            # Vary the order, so that no program always runs after the same one.
            for program in taking_part[turn % len(taking_part):] + taking_part[:turn % len(taking_part)]:
                self._once(program, check=turn == 0)
        return self

    def _once(self, program, check):
        program.prepare()
        sample, printed = measure.run(program.command(), program.environment)
        if program.own_seconds:
            sample = Sample(float(printed), sample.cpu_seconds, sample.peak_bytes)
        if check:
            found, wanted = program.rows(), program.task.expected(program.with_hour)
            if found != wanted:
                raise measure.Failed(f"{self.key}: {program.name} loaded other rows: {found.rows:,} rows with the "
                                     f"sum {found.sum:x}, not {wanted.rows:,} with {wanted.sum:x}")
        self.outcomes[program.name].samples.append(sample)
        print(f"{self.key}: {program.name}: {sample.seconds:.3f} s", file=sys.stderr)

    def verdicts(self):
        """(goal, ratio of medians, ratio of processor time or None) of the programs that took part."""
        found = []
        for goal in self.goals:
            ours, theirs = self.outcomes.get(goal.ours), self.outcomes.get(goal.theirs)
            if ours is None or theirs is None:
                continue
            ratios = [mine / other for mine, other in zip(ours.median, theirs.median)]
            own_seconds = any(program.own_seconds for program in self.programs if program.name == goal.theirs)
            found.append((goal, ratios[0], ratios[1] if self.alone and not own_seconds else None))
        return found
