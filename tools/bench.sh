#!/usr/bin/env bash
# etl against other ways to do the same: see docs/performance.md.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/bench.sh [--quick | --full | --smoke] [--micro] [--only PART]... [--write | --out DIR] [--build DIR]

Compares etl with programs written by hand and with zcat, grep, sqlite3, psql, pandas, DuckDB and pgloader,
in one run, in turns; what each has loaded is checked to be the same rows. Prints tables in Markdown.
Starts a PostgreSQL server of its own, and stops it.

  --quick        about three minutes (the default), less on a quiet machine
  --full         about twenty minutes: the numbers of docs/performance.md; wants a quiet machine
  --smoke        seconds: does everything once with 20 k rows; measures nothing worth reading. Neither
                 installs nor builds anything: who is not installed does not take part
  --micro        the benchmarks of single layers instead (Google Benchmark)
  --only PART    main-sqlite, main-postgres, all-sqlite, all-postgres, large-sqlite, fast-paths, curves,
                 starts, filter or profile; repeatable
  --rounds N     alternating runs; else as the mode has it
  --write        put the tables into docs/performance.md and the chart into docs/performance.svg
  --out DIR      put both there instead
  --build DIR    measure this build (default build/bench, which is built)
  --help         this text

$TMPDIR says where the databases are made (default /tmp): on a disk the disk is measured too.
TEXT
}

wrong_usage() { die "$1; see tools/bench.sh --help" 64; }

parse_arguments() {
  mode=quick micro='' folder='' arguments=()
  while (($# > 0)); do
    case $1 in
      --quick | --full | --smoke) mode=${1#--} ;;
      --micro) micro=1 ;;
      --write) arguments+=(--out "$repository/docs") ;;
      --only=* | --rounds=* | --out=* | --build=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
      --only | --rounds | --out | --build)
        [[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
        case $1 in
          --build) folder=$(realpath -- "$2") || wrong_usage "no such folder: $2" ;;
          --out) arguments+=(--out "$(realpath -m -- "$2")") ;;
          *) arguments+=("$1" "$2") ;;
        esac
        shift
        ;;
      -h | --help)
        usage
        exit 0
        ;;
      *) wrong_usage "unknown argument $1" ;;
    esac
    shift
  done
  modules=$repository/build/bench-node/node_modules
}

# What a comparison is without is said in its result, so failing here is no reason to stop.
install_duckdb() {
  [[ -d $modules/@duckdb/node-api ]] && return
  command -v npm >/dev/null || (install_packages bench-node) || return 0
  say "installing @duckdb/node-api"
  npm install --silent --no-audit --no-fund --prefix "${modules%/*}" @duckdb/node-api >&2 ||
    say "DuckDB could not be installed: it does not take part"
}

prepare() {
  if [[ $mode == smoke && -z $folder ]]; then folder=$repository/build/release; fi
  [[ $mode == smoke ]] && return
  install_packages build bench
  install_duckdb
  [[ -n $folder ]] && return
  build bench
  folder=$repository/build/bench
}

main() {
  parse_arguments "$@"
  cd "$repository"
  prepare
  if [[ -n $micro ]]; then
    local program
    for program in "$folder"/tests/bench/micro/bench_*; do
      [[ -x $program ]] || die "$folder has no benchmarks: configure it with -DETL_BENCH=ON"
      "$program"
    done
    return
  fi
  PYTHONPATH=$repository/tools/bench PYTHONDONTWRITEBYTECODE=1 exec python3 -m comparison --mode "$mode" --build "$folder" \
    --node-modules "$modules" "${arguments[@]}"
}

main "$@"
