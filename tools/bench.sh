#!/usr/bin/env bash
# Compares etl with other ways to do the same job: see docs/performance.md.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/bench.sh [--quick | --full | --smoke] [--micro] [--only PART]... [--write | --out DIR] [--build DIR]

Compares etl with hand-written programs and with zcat, grep, sqlite3, psql, pandas, DuckDB and pgloader. The
programs take turns, and all must load the same rows. Prints tables in Markdown. Starts and stops its own
PostgreSQL server.

  --quick        about three minutes, less on an idle machine (the default)
  --full         about twenty minutes: the numbers of docs/performance.md; use an idle machine
  --smoke        seconds: runs everything once with 20,000 rows; the numbers mean nothing. Installs and
                 builds nothing: leaves out programs that are not installed
  --micro        run the benchmarks of single layers instead (Google Benchmark)
  --only PART    main-sqlite, main-postgres, all-sqlite, all-postgres, large-sqlite, fast-paths, curves,
                 starts, filter or profile; repeatable
  --rounds N     number of alternating runs; default: depends on the mode
  --write        write the tables to docs/performance.md and the chart to docs/performance.svg
  --out DIR      write both to DIR instead
  --build DIR    measure this build; default: build/bench, which is built
  --help         show this text

The databases are created in $TMPDIR (default: /tmp). If that is on a disk, the disk is measured too.
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

# The result names programs that could not take part, so failing to install one is not an error.
install_duckdb() {
  [[ -d $modules/@duckdb/node-api ]] && return
  command -v npm >/dev/null || (install_packages bench-node) || return 0
  say "installing @duckdb/node-api"
  npm install --silent --no-audit --no-fund --prefix "${modules%/*}" @duckdb/node-api >&2 ||
    say "DuckDB could not be installed; continuing without it"
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
