"""Inject faults at random moments, with real servers and an oracle. See tools/chaos.sh --help."""

import argparse
import collections
import random
import sys
import time

from support import postgres
from chaos.episode import Episode
from chaos.faults import ALL

SINKS, EXECUTORS = ("sqlite", "postgres"), ("threads", "processes")


def parse(arguments):
    parser = argparse.ArgumentParser(prog="tools/chaos.sh", description=__doc__)
    length = parser.add_mutually_exclusive_group()
    length.add_argument("--minutes", type=float, default=1.0, help="begin episodes for so long (default 1)")
    length.add_argument("--episodes", type=int, help="so many episodes, however long they take")
    parser.add_argument("--seed", type=int, help="of the first episode, the next has the next; default: by chance")
    parser.add_argument("--sink", choices=SINKS, help="default: both, by chance")
    parser.add_argument("--executor", choices=EXECUTORS, help="default: both, by chance")
    parser.add_argument("--verbose", action="store_true", help="a line for every episode")
    return parser.parse_args(arguments)


def table(struck, played, runs, first, seconds):
    """`struck`: {kind: [number of runs in which it struck, number of times]}."""
    lines = [f"{'fault':<24}{'runs':>7}{'times':>7}"]
    lines += [f"{name:<24}{struck[name][0]:>7}{struck[name][1]:>7}" for name in ALL]
    lines += [f"{'in all':<24}{sum(own[0] for own in struck.values()):>7}{sum(own[1] for own in struck.values()):>7}",
              f"{sum(played.values())} episodes ({', '.join(f'{n} {what}' for what, n in sorted(played.items()))}), "
              f"{runs} runs in {seconds:.0f} s; seeds {first} to {first + sum(played.values()) - 1}"]
    return "\n".join(lines)


def main(arguments=None):
    options = parse(arguments)
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 10**9)
    print(f"seed {first}", flush=True)
    begin = time.monotonic()
    struck, played, runs, episodes = {name: [0, 0] for name in ALL}, collections.Counter(), 0, 0

    def goes_on():
        if options.episodes is not None:
            return episodes < options.episodes
        return time.monotonic() < begin + options.minutes * 60

    code = 0
    sinks = (options.sink,) if options.sink else SINKS
    executors = (options.executor,) if options.executor else EXECUTORS
    with postgres.PostgresServer() as server:
        while code == 0 and goes_on():
            episode = Episode(first + episodes, sinks, executors, server)
            episodes += 1
            try:
                episode.play()
            except (AssertionError, RuntimeError, OSError) as error:
                code = 1
                print(f"\nMISMATCH with seed {episode.seed} ({episode.description()}), run {episode.runs}:\n{error}\n"
                      f"again: tools/chaos.sh --seed {episode.seed} --episodes 1"
                      f"{' --sink ' + options.sink if options.sink else ''}"
                      f"{' --executor ' + options.executor if options.executor else ''}\n"
                      f"evidence: {episode.keep(error)}", flush=True)
                episode.world.close()
            else:
                episode.remove()
            runs += episode.runs
            played[f"{episode.world.sink_kind} in {episode.world.executor}"] += 1
            for name, times in episode.struck:
                struck[name][0] += times > 0
                struck[name][1] += times
            if options.verbose:
                print(f"seed {episode.seed}: {episode.description()}: "
                      + "; ".join(", ".join(entry["faults"]) or "none" for entry in episode.story), flush=True)
    print(table(struck, played, runs, first, time.monotonic() - begin), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
