#!/usr/bin/env bash
# Installs the named Debian or Ubuntu packages, as root or through sudo without a password.
# Exits 1 with the command to type where it may not.
set -euo pipefail

if ! command -v apt-get >/dev/null; then
  printf 'needed from your system: %s (no apt-get here to install it)\n' "$*" >&2
  exit 1
fi
if [ "$(id -u)" = 0 ]; then
  root=()
elif sudo -n true 2>/dev/null; then
  root=(sudo -n)
else
  printf 'needed from your system; please run: sudo apt-get install %s\n' "$*" >&2
  exit 1
fi

printf 'installing from your system: %s\n' "$*"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
install() {
  # Another apt may run just now: wait for its lock rather than fail.
  "${root[@]}" apt-get -o DPkg::Lock::Timeout=300 update &&
    "${root[@]}" env DEBIAN_FRONTEND=noninteractive \
      apt-get -o DPkg::Lock::Timeout=300 install --yes --no-install-recommends "$@"
}
if ! install "$@" >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  printf 'could not install: %s\n' "$*" >&2
  exit 1
fi
