# Installs packages, configures and builds for the scripts in tools. To be sourced.
# shellcheck shell=bash

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
script=$(basename "$0")

say() { printf '\n%s: %s\n' "$script" "$*" >&2; }

die() {
  printf '\n%s: %s\n' "$script" "$1" >&2
  exit "${2:-1}"
}

# Prints the packages of the given sets (build, test, ...) in tools/packages.txt.
packages_of() {
  local name set wanted
  while read -r name set _; do
    [[ -z $name || $name == \#* ]] && continue
    for wanted in "$@"; do
      if [[ $set == "$wanted" ]]; then printf '%s\n' "$name"; fi
    done
  done <"$repository/tools/packages.txt"
}

installed() {
  [[ $(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null) == installed ]]
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo --preserve-env=DEBIAN_FRONTEND "$@"
  else
    die "installing packages needs root or sudo; as root: apt-get install ${missing[*]}"
  fi
}

# Installs the missing packages of the given sets; does not call apt if none is missing.
install_packages() {
  local name
  missing=()
  command -v dpkg-query >/dev/null ||
    die "this system is not Debian; install the packages of tools/packages.txt yourself and build with: cmake --preset release"
  while read -r name; do
    installed "$name" || missing+=("$name")
  done < <(packages_of "$@")
  ((${#missing[@]} == 0)) && return
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  as_root apt-get update -q >&2 || die "apt-get update failed; check the network and the package sources"
  as_root apt-get install -q -y --no-install-recommends "${missing[@]}" >&2 ||
    die "apt-get could not install: ${missing[*]}"
}

# build PRESET [CMAKE ARGUMENT...]: configures and builds build/PRESET.
build() {
  local preset=$1
  shift
  say "building ($preset)"
  (
    cd "$repository"
    cmake --preset "$preset" --log-level=WARNING "$@" >&2 || exit 1
    cmake --build --preset "$preset" >&2
  ) || die "the $preset build failed; see the compiler's output above"
}
