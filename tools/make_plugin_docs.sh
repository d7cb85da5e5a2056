#!/usr/bin/env bash
# Writes docs/plugins/NAME.md for every stage in this repository, and their index.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
stages=(wikipedia_pageviews language sqlite postgres)

usage() {
  cat <<'TEXT'
Usage: tools/make_plugin_docs.sh [--binary FILE] [--out FOLDER]

Writes docs/plugins/NAME.md for every stage, from the output of `etl describe` and the notes next to its source
(plugins/*/NAME.md), and the index docs/plugins/README.md.

  --binary FILE  etl program to use; default: build/release/bin/etl
  --out FOLDER   output folder; default: docs/plugins
  --help         show this text
TEXT
}

fail() {
  printf 'make_plugin_docs.sh: %s\n' "$*" >&2
  exit 64
}

etl=$repository/build/release/bin/etl
out=$repository/docs/plugins
while (($# > 0)); do
  case $1 in
    --binary | --out)
      [[ -n ${2:-} ]] || fail "$1 needs a value"
      if [[ $1 == --binary ]]; then etl=$2; else out=$2; fi
      shift
      ;;
    -h | --help)
      usage
      exit 0
      ;;
    *) fail "unknown argument $1; see tools/make_plugin_docs.sh --help" ;;
  esac
  shift
done
[[ -x $etl ]] || fail "program $etl not found: build etl first"

# Describe only the stages built with this etl, not other installed plugins.
unset ETL_PLUGIN_PATH

# Prints a stage's line of the index.
index_line() {
  "$etl" describe "$1" --format json | python3 -c '
import json, sys
stage = json.load(sys.stdin)
summary = stage["summary"].rstrip(".")
print("| [{0}]({0}.md) | {1} | {2} | {3} |".format(stage["name"], stage["kind"], stage["plugin"], summary))'
}

mkdir -p "$out"
{
  printf '# Plugins\n\n| stage | kind | plugin | purpose |\n|---|---|---|---|\n'
  for stage in "${stages[@]}"; do index_line "$stage"; done
  cat <<'TEXT'

`tools/make_plugin_docs.sh` generates these pages from the stages' option tables, as `etl describe NAME` prints them.
[writing-a-plugin.md](../writing-a-plugin.md) explains how to write your own plugin.
TEXT
} >"$out/README.md"

for stage in "${stages[@]}"; do
  {
    "$etl" describe "$stage" --format markdown
    for notes in "$repository"/plugins/*/"$stage.md"; do
      if [[ -e $notes ]]; then printf '\n' && cat "$notes"; fi
    done
  } >"$out/$stage.md"
done
