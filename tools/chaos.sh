#!/usr/bin/env bash
# Runs pipelines against real servers, injects faults at random moments, and checks every table with an oracle.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/chaos.sh [--minutes N | --episodes N] [--seed S] [--sink sqlite|postgres]
                      [--executor threads|processes] [--verbose]

Builds etl and runs episodes. An episode runs a small pipeline, with one to three faults in each run, until it
has loaded everything. After every run the table must hold exactly the partitions that its ledger calls done,
and at the end exactly the rows that the oracle finds in the files. Faults of small file systems need root,
and are left out without it.

Prints the seed at the start, and a table of the injected faults at the end. Stops at the first mismatch with
exit code 1, and prints the episode's seed and the folder with its evidence.
TEXT
}

# Builds only what the episodes run, not all tests.
build_chaos_tests() {
  say "building (release)"
  if ! cmake --preset release --log-level=WARNING -DETL_TESTS=ON >&2 ||
    ! cmake --build --preset release --target chaos_tests >&2; then
    die "the release build failed; see the compiler's output above"
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
  build_chaos_tests
  cd tests
  ETL_BINARY=$repository/build/release/bin/etl PYTHONPATH=$repository/tests PYTHONDONTWRITEBYTECODE=1 \
    exec python3 -m chaos.chaos "$@"
}

main "$@"
