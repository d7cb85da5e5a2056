"""Faults at random moments, again and again, against real servers and an oracle. See tools/chaos.sh --help."""

import argparse
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


def table(struck, episodes, runs, first, seconds):
    lines = [f"{'fault':<24}{'injected':>9}"]
    lines += [f"{name:<24}{struck.get(name, 0):>9}" for name in ALL]
    lines += [f"{'in all':<24}{sum(struck.values()):>9}",
              f"{episodes} episodes, {runs} runs in {seconds:.0f} s; seeds {first} to {first + episodes - 1}"]
    return "\n".join(lines)


def main(arguments=None):
    options = parse(arguments)
    first = options.seed if options.seed is not None else random.SystemRandom().randrange(1, 10**9)
    print(f"seed {first}", flush=True)
    begin = time.monotonic()
    struck, runs, episodes = {}, 0, 0

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
            for name, number in episode.struck.items():
                struck[name] = struck.get(name, 0) + number
            if options.verbose:
                print(f"seed {episode.seed}: {episode.description()}: "
                      + "; ".join(", ".join(entry["faults"]) or "none" for entry in episode.story), flush=True)
    print(table(struck, episodes, runs, first, time.monotonic() - begin), flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
