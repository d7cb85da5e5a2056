#!/usr/bin/env bash
# Runs the tests, on a fresh Debian 12 or a developer's machine.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/test.sh [--only PART]... [CTEST ARGUMENT...]

Installs missing packages of tools/packages.txt and runs these parts in order:

  lint      clang-format, shellcheck
  release   everything: unit tests, end-to-end tests with real servers, the pipelines, the scripts

With --only, runs just the named parts. Further parts:

  tidy      clang-tidy on core and plugins
  debug     AddressSanitizer and UndefinedBehaviorSanitizer: all unit tests, some end-to-end tests
  tsan      ThreadSanitizer: all unit tests, some end-to-end tests

Stops at the first part that fails. Lists skipped tests and the reasons before ctest's closing lines. Passes other
arguments to ctest:

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

# Prints the files in the given folders with the given extensions, each followed by a NUL.
sources() {
  local ending=$1
  shift
  find "$@" -type f -regextype egrep -regex ".*\\.($ending)" -print0 | sort -z
}

check_format() {
  say "clang-format"
  sources 'cc|hpp|h|c' core plugins tests docs | xargs -0 -r clang-format --dry-run --Werror ||
    die "some files are not formatted; run: clang-format -i FILE..."
}

check_scripts() {
  say "shellcheck"
  shellcheck -x tools/*.sh tools/lib/*.sh .ci/run || die "shellcheck reported problems"
}

# clang-tidy needs the generated files and the compile commands of a build.
check_tidy() {
  build release -DETL_TESTS=ON
  say "clang-tidy"
  # Templates compile only after `etl new` has filled them in.
  sources cc core plugins | grep -zv /templates/ |
    xargs -0 -r -n 2 -P "$(nproc)" clang-tidy --quiet -p build/release --extra-arg=-Wno-unknown-warning-option ||
    die "clang-tidy reported problems"
}

# Extracts skipped tests and their reasons from ctest's log, as GTEST_SKIP() and skip_aloud() (tests/support/etl.py)
# print them.
skipped() {
  sed -nE -e '/^\[ RUN      \] /h' \
    -e '/: Skipped$/{n;G;s/^(.*)\n\[ RUN      \] (.*)$/  \2: \1/p}' \
    -e 's/^[.sFEx]*SKIPPED (.+: .+)/  \1/p' "$1" | sort -u
}

# Passes ctest's output through and lists skipped tests before its closing lines. ctest itself names only tests that
# were skipped completely, without the reason; it counts a test as passed if some of its cases were skipped.
with_skips() {
  local log=$1 line closing=()
  while IFS= read -r line; do
    if ((${#closing[@]} > 0)) || [[ $line == *'% tests passed, '* ]]; then closing+=("$line"); else printf '%s\n' "$line"; fi
  done
  ((${#closing[@]} > 0)) || return 0
  local reasons
  reasons=$(skipped "$log")
  if [[ -n $reasons ]]; then printf '\nSkipped:\n%s\n\n' "$reasons"; fi
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

# ThreadSanitizer of g++ 12 cannot map its shadow memory if the kernel randomizes many address bits.
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
    # The label `full` marks tests that are too slow, or pointless, under a sanitizer.
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
  # Tests that use taplo are skipped if npm cannot be installed.
  command -v npm >/dev/null || (install_packages test-node) || true
  for part in "${parts[@]}"; do
    run_part "$part" || die "the part \"$part\" failed; to run it alone: tools/test.sh --only $part"
  done
}

main "$@"
