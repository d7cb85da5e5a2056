#!/usr/bin/env bash
# Fuzzes the parsers of untrusted input.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/fuzz.sh [--seconds N] [TARGET...]

Builds the preset `fuzz` (clang's libFuzzer with AddressSanitizer and UndefinedBehaviorSanitizer) and runs
the given targets of tests/fuzz, or all of them, each for N seconds (default: 60). They start from the seeds
in tests/fuzz/corpus/TARGET and from the inputs found by earlier runs, in build/fuzz/corpus.

A finding is written to build/fuzz/findings, and the exit code is 1. To reproduce it, with a stack trace:

  build/fuzz/bin/fuzz_TARGET build/fuzz/findings/TARGET-crash-...

After fixing it, add the file to tests/fuzz/corpus/TARGET, under a name that describes it: from then on,
tools/test.sh runs it in every build.
TEXT
}

known_targets() {
  local file
  for file in "$repository"/tests/fuzz/fuzz_*.cc; do
    file=$(basename "$file" .cc)
    printf '%s\n' "${file#fuzz_}"
  done
}

parse_arguments() {
  local known
  known=$(known_targets)
  seconds=60 targets=()
  while (($# > 0)); do
    case $1 in
      --seconds | --seconds=*)
        if [[ $1 == --seconds ]]; then shift; fi
        seconds=${1:-}
        seconds=${seconds#--seconds=}
        [[ $seconds =~ ^[1-9][0-9]{0,5}$ ]] || die "--seconds takes a number of seconds, not \"$seconds\"" 64
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *)
        grep -Fxq -- "$1" <<<"$known" || die "unknown target \"$1\"; available: ${known//$'\n'/ }" 64
        targets+=("$1")
        ;;
    esac
    shift
  done
  if ((${#targets[@]} == 0)); then mapfile -t targets <<<"$known"; fi
}

fuzz() {
  local target=$1 found=build/fuzz/corpus/$1 log=build/fuzz/findings/$1.log
  mkdir -p "$found" build/fuzz/findings
  say "fuzzing $target for $seconds s"
  if nice "build/fuzz/bin/fuzz_$target" -max_total_time="$seconds" -timeout=20 -rss_limit_mb=2048 \
    -max_len=4096 -print_final_stats=1 -artifact_prefix="build/fuzz/findings/$target-" \
    "$found" "tests/fuzz/corpus/$target" >"$log" 2>&1; then
    grep -E '^(stat::number_of_executed_units|stat::peak_rss_mb)' "$log" >&2
  else
    tail -n 60 "$log" >&2
    return 1
  fi
}

main() {
  local target failed=()
  parse_arguments "$@"
  cd "$repository"
  install_packages build test
  build fuzz -DETL_TESTS=ON
  for target in "${targets[@]}"; do
    fuzz "$target" || failed+=("$target")
  done
  ((${#failed[@]} == 0)) || die "findings in build/fuzz/findings, from: ${failed[*]}"
  say "no findings"
}

main "$@"
