#!/usr/bin/env bash
# Every test there is, on a fresh Debian 12 or a developer's machine.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/test.sh [--only PART]... [CTEST ARGUMENT...]

Installs what is missing of tools/packages.txt and runs, in this order, the parts

  lint      clang-format, shellcheck
  release   everything: unit tests, end-to-end tests with real servers, the pipelines, the scripts

or just those named with --only, which also knows

  tidy      clang-tidy over core and plugins
  debug     AddressSanitizer and UndefinedBehaviorSanitizer: all unit tests, some end-to-end tests
  tsan      ThreadSanitizer: all unit tests, some end-to-end tests

Stops at the first part that fails. What was skipped is said with its reason before ctest's closing lines. Other
arguments go to ctest:

  tools/test.sh --only release -R e2e_crash
TEXT
}

parse_arguments() {
  parts=() ctest_arguments=()
  while (($# > 0)); do
    case $1 in
      --only | --only=*)
        if [[ $1 == --only ]]; then shift; fi
        local part=${1:-}
        part=${part#--only=}
        [[ $part =~ ^(lint|tidy|debug|tsan|release)$ ]] || die "--only takes lint, tidy, debug, tsan or release, not \"$part\"" 64
        parts+=("$part")
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) ctest_arguments+=("$1") ;;
    esac
    shift
  done
  if ((${#parts[@]} == 0)); then parts=(lint release); fi
}

# Files below the folders of the code whose names end so, each followed by a NUL.
sources() {
  local ending=$1
  shift
  find "$@" -type f -regextype egrep -regex ".*\\.($ending)" -print0 | sort -z
}

check_format() {
  say "clang-format"
  sources 'cc|hpp|h|c' core plugins tests docs | xargs -0 -r clang-format --dry-run --Werror ||
    die "not formatted; fix it with: clang-format -i FILE..."
}

check_scripts() {
  say "shellcheck"
  shellcheck -x tools/*.sh tools/lib/*.sh .ci/run || die "shellcheck found something"
}

# Needs a build in which each file is compiled by itself: its generated files and its compile commands.
check_tidy() {
  build debug -DETL_TESTS=ON
  say "clang-tidy"
  # Templates belong to projects that do not exist yet.
  sources cc core plugins | grep -zv /templates/ |
    xargs -0 -r -n 2 -P "$(nproc)" clang-tidy --quiet -p build/debug --extra-arg=-Wno-unknown-warning-option --extra-arg=-Wthread-safety ||
    die "clang-tidy found something"
}

# What was not tested, and why, out of ctest's log: by GTEST_SKIP() and by skip_aloud() (tests/support/etl.py).
skipped() {
  sed -nE -e '/^\[ RUN      \] /h' \
    -e '/: Skipped$/{n;G;s/^(.*)\n\[ RUN      \] (.*)$/  \2: \1/p}' \
    -e 's/^[.sFEx]*SKIPPED (.+: .+)/  \1/p' "$1" | sort -u
}

# Hands ctest's output on, and says what was skipped before its closing lines. ctest names only tests that were
# skipped as a whole, and not why; what one case of many skips it counts as passed.
with_skips() {
  local log=$1 line closing=()
  while IFS= read -r line; do
    if ((${#closing[@]} > 0)) || [[ $line == *'% tests passed, '* ]]; then closing+=("$line"); else printf '%s\n' "$line"; fi
  done
  ((${#closing[@]} > 0)) || return 0
  local reasons
  reasons=$(skipped "$log")
  if [[ -n $reasons ]]; then printf '\nNot tested, and why:\n%s\n\n' "$reasons"; fi
  printf '%s\n' "${closing[@]}"
}

# tests PRESET [CTEST ARGUMENT...]
tests() {
  local preset=$1
  shift
  build "$preset" -DETL_TESTS=ON
  say "testing ($preset)"
  ctest --preset "$preset" --parallel "$(nproc)" --no-tests=error "$@" "${ctest_arguments[@]}" 2>&1 |
    with_skips "build/$preset/Testing/Temporary/LastTest.log"
}

# The sanitizer of g++ 12 cannot place its shadow where the kernel randomises many address bits.
without_random_addresses() {
  if [[ -z ${ETL_ADDRESSES_FIXED:-} ]] && setarch -R true 2>/dev/null; then
    ETL_ADDRESSES_FIXED=1 setarch -R tools/test.sh --only tsan "${ctest_arguments[@]}"
  else
    TSAN_OPTIONS="halt_on_error=1 ${TSAN_OPTIONS:-}" tests tsan --label-exclude full
  fi
}

run_part() {
  case $1 in
    lint)
      check_format
      check_scripts
      ;;
    tidy) check_tidy ;;
    # The label `full` marks what is too slow, or says nothing, under a sanitizer.
    debug) tests debug --label-exclude full ;;
    tsan) without_random_addresses ;;
    release) tests release ;;
  esac
}

main() {
  local part
  parse_arguments "$@"
  cd "$repository"
  install_packages build test
  # Where it cannot be had, the tests with taplo are skipped, and say so.
  command -v npm >/dev/null || (install_packages test-node) || true
  for part in "${parts[@]}"; do
    run_part "$part" || die "the part \"$part\" failed; again alone: tools/test.sh --only $part"
  done
}

main "$@"
