#!/usr/bin/env bash
# Goes from a fresh Debian 12 to French page views in a database: installs packages, builds, runs, shows the result.
set -euo pipefail
# shellcheck source=tools/lib/setup.sh
source "$(dirname "$0")/lib/setup.sh"

usage() {
  cat <<'TEXT'
Usage: tools/quickstart.sh [--live --contact WHO] [--database FILE] [--binary FILE]

Installs missing packages of tools/packages.txt, builds etl, loads the French page views of a few hours into
pageviews.db and shows the ten most viewed articles. The next time it takes seconds and skips the hours that
are in the database.

  (no option)      loads small generated hour files; needs a network only to install packages
  --live           loads the latest real hours from Wikimedia instead, about 50 MB each
  --contact WHO    your mail address or URL; Wikimedia refuses clients that do not identify themselves
  --database FILE  database file; default: pageviews.db
  --binary FILE    etl program to use; nothing is installed or built
  --help           show this text
TEXT
}

wrong_usage() { die "$1; see tools/quickstart.sh --help" 64; }

parse_arguments() {
  kind=generated contact=${ETL_CONTACT:-} database=$repository/pageviews.db etl=
  while (($# > 0)); do
    case $1 in
      --live) kind=live ;;
      --contact=* | --database=* | --binary=*)
        set -- "${1%%=*}" "${1#*=}" "${@:2}"
        continue
        ;;
      --contact | --database | --binary)
        [[ -n ${2:-} ]] || wrong_usage "$1 needs a value"
        case $1 in
          --contact) contact=$2 ;;
          --database) database=$(realpath -m -- "$2") ;;
          --binary) etl=$(realpath -- "$2") || wrong_usage "no such file: $2" ;;
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
  [[ $kind == generated || -n $contact ]] ||
    wrong_usage "--live needs --contact you@example.org: Wikimedia refuses clients that do not identify themselves"
}

build_etl() {
  [[ -n $etl ]] && return
  install_packages build
  local options=()
  # Tests need more packages. If tools/test.sh has configured them, they stay enabled.
  [[ -e $repository/build/release/CMakeCache.txt ]] || options=(-DETL_TESTS=OFF)
  build release "${options[@]}"
  etl=$repository/build/release/bin/etl
}

# Keeps generated and real hours in separate databases: renames a database of the other kind, and restores
# it the next time that kind is requested.
choose_database() {
  [[ -e $database ]] || return 0
  local uri holds=live part
  uri=$(sqlite3 "$database" 'SELECT source_uri FROM etl_ledger LIMIT 1' 2>/dev/null) || return 0
  [[ -n $uri ]] || return 0
  [[ $uri == file:* ]] && holds=generated
  [[ $holds != "$kind" ]] || return 0
  say "$database holds $holds hours; it is now ${database%.db}.$holds.db"
  for part in "" -journal -wal -shm; do
    if [[ -e $database$part ]]; then mv -f -- "$database$part" "${database%.db}.$holds.db$part"; fi
    if [[ -e ${database%.db}.$kind.db$part ]]; then mv -f -- "${database%.db}.$kind.db$part" "$database$part"; fi
  done
}

# Sets the environment variables that pipelines/quickstart.toml uses.
choose_hours() {
  export ETL_DATABASE=$database ETL_CONTACT=$contact
  if [[ $kind == live ]]; then
    unset ETL_PAGEVIEWS_URL
    export ETL_START=-9h ETL_END=-6h
    return
  fi
  local folder=$repository/build/quickstart
  python3 "$repository/tools/make_hours.py" --out "$folder" --start 2024-03-01T18:00Z --hours 3 --rows 300000 \
    --seed quickstart --keep >/dev/null
  export ETL_PAGEVIEWS_URL=file://$folder ETL_START=2024-03-01T18:00:00Z ETL_END=2024-03-01T21:00:00Z
}

run_pipeline() {
  local code=0
  say "$etl run pipelines/quickstart.toml"
  "$etl" run "$repository/pipelines/quickstart.toml" || code=$?
  case $code in
    0) ;;
    1) die "some hours failed; run this again to retry only those" 1 ;;
    130 | 143) die "stopped; run this again to resume" "$code" ;;
    *) die "etl ended with exit code $code" "$code" ;;
  esac
}

# Counts Wikipedia only, desktop and mobile, without pages that are not articles: searches, talk pages, files.
show_articles() {
  printf '\nThe ten most viewed French articles in %s:\n' "$database"
  sqlite3 -readonly "$database" "
    SELECT printf('%10d  %s', sum(views), replace(title, '_', ' '))
    FROM pageviews
    WHERE domain_code IN ('fr', 'fr.m') AND title NOT IN ('-', '')
      AND substr(title, 1, max(0, instr(title, ':') - 1)) NOT IN (
        'Spécial', 'Special', 'Sp?cial', 'Wikipédia', 'Wikipedia', 'Discussion', 'Utilisateur', 'Utilisatrice',
        'User', 'Fichier', 'File', 'Portail', 'Projet', 'Aide', 'Catégorie', 'Modèle', 'Module', 'MediaWiki')
    GROUP BY title ORDER BY sum(views) DESC, title LIMIT 10"
}

main() {
  parse_arguments "$@"
  build_etl
  choose_database
  choose_hours
  run_pipeline
  show_articles
}

main "$@"
