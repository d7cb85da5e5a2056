#!/usr/bin/env bash
# Writes docs/plugins/NAME.md for every stage of this repository, and the index of them.
set -euo pipefail

repository=$(cd "$(dirname "$0")/.." && pwd)
stages=(wikipedia_pageviews language sqlite postgres)

usage() {
  cat <<'TEXT'
Usage: tools/make_plugin_docs.sh [--binary FILE] [--out FOLDER]

Writes docs/plugins/NAME.md for every stage, from what `etl describe` says of it and the notes beside its
source (plugins/*/NAME.md), and the index docs/plugins/README.md.

  --binary FILE  the etl that describes; default build/release/bin/etl
  --out FOLDER   another folder than docs/plugins; a test compares the two
  --help         this text
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
[[ -x $etl ]] || fail "there is no program $etl: build etl first"

# Only the stages that were built with this etl, whatever else the user has installed.
unset ETL_PLUGIN_PATH

# One line of the index: what `describe` says of the stage.
index_line() {
  "$etl" describe "$1" --format json | python3 -c '
import json, sys
stage = json.load(sys.stdin)
summary = stage["summary"].rstrip(".")
print("| [{0}]({0}.md) | {1} | {2} | {3} |".format(stage["name"], stage["kind"], stage["plugin"], summary))'
}

mkdir -p "$out"
{
  printf '# Plugins\n\n| stage | kind | plugin | does |\n|---|---|---|---|\n'
  for stage in "${stages[@]}"; do index_line "$stage"; done
  cat <<'TEXT'

The pages are made by `tools/make_plugin_docs.sh` from the option tables of the stages: what `etl describe
NAME` prints. How to write your own: [writing-a-plugin.md](../writing-a-plugin.md).
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
