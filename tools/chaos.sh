#!/usr/bin/env bash
# Runs pipelines against real servers while faults strike at random moments; an oracle checks every table.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/chaos.sh [--minutes N | --episodes N] [--seed S] [--sink sqlite|postgres]
                      [--executor threads|processes] [--verbose]

Builds etl and plays episodes: a small pipeline is run, with one to three faults in each run, until it
has loaded everything; then another. After every run the table must hold just what its ledger calls
done, and at the end just what the oracle finds in the files. Root is needed for small file systems;
without it those faults do not strike.

Prints the seed at the start, and at the end a table of the faults injected. Stops at the first
mismatch with exit code 1, the seed of the episode, and the folder with its evidence.
TEXT
}

# Not all tests: what the episodes run, and nothing else.
build_what_it_takes() {
  say "building (release)"
  if ! cmake --preset release --log-level=WARNING -DETL_TESTS=ON >&2 ||
    ! cmake --build --preset release --target chaos_tests >&2; then
    die "the release build failed; the compiler's words are above"
  fi
}

main() {
  local argument
  for argument in "$@"; do
    case $argument in
      -h | --help)
        usage
        exit 0
        ;;
    esac
  done
  cd "$repository"
  install_packages build test
  build_what_it_takes
  cd tests
  ETL_BINARY=$repository/build/release/bin/etl PYTHONPATH=$repository/tests PYTHONDONTWRITEBYTECODE=1 \
    exec python3 -m chaos.chaos "$@"
}

main "$@"
