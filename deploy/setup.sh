#!/usr/bin/env bash
# Makes .venv from the hash-locked requirements and puts the hub into it; does nothing when nothing changed.
# PYTHON=python3.12 chooses the interpreter.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }

# An interpreter may be a shim that is there and yet does not run, so it is asked, not looked up.
is_new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  if [ -n "${PYTHON:-}" ]; then
    is_new_enough "$PYTHON" || fail "PYTHON=$PYTHON is no Python 3.11 or newer; name one that is"
    printf '%s' "$PYTHON"
    return
  fi
  local name
  for name in python3 python3.13 python3.12 python3.11 python3.14; do
    if is_new_enough "$name"; then printf '%s' "$name"; return; fi
  done
  fail "no Python 3.11 or newer found; install python3 (Debian 12, Ubuntu 24.04 or newer) or set PYTHON=/path/to/python"
}

# Debian and Ubuntu keep the part of Python that makes virtual environments in a package of its own.
ensure_venv() {
  "$1" -c 'import ensurepip, venv' 2>/dev/null && return
  local package
  package=$("$1" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')
  deploy/install-packages.sh "$package" || fail "this Python cannot make virtual environments; install $package and try again"
}

digest() { cat "$@" | sha256sum | cut -d' ' -f1; }

made=.venv/.made
place=$(pwd)
locked=$(digest requirements.lock)
project=$(digest pyproject.toml)
had() { sed -n "s|^$1 ||p" "$made" 2>/dev/null; }

if [ -x .venv/bin/soma ] && [ "$(had place)" = "$place" ] &&
  [ "$(had locked)" = "$locked" ] && [ "$(had project)" = "$project" ]; then exit 0; fi

# Its scripts hold its path, so an environment that was moved is made anew.
usable() { [ "$(had place)" = "$place" ] || [ -z "$(had place)" ]; }
has_pip() { .venv/bin/python -m pip --version || .venv/bin/python -m ensurepip; } >/dev/null 2>&1

if ! { usable && has_pip; }; then
  python=$(find_python)
  ensure_venv "$python"
  say "making .venv with $("$python" --version)"
  "$python" -m venv --clear .venv
fi

pip() { .venv/bin/python -m pip --disable-pip-version-check --quiet "$@"; }

if [ "$(had locked)" != "$locked" ]; then
  say "installing the locked requirements (a few minutes the first time)"
  pip install --require-hashes --only-binary :all: --no-deps -r requirements.lock # the lock is complete
fi
pip install --no-deps --no-build-isolation --no-index --editable .
printf 'place %s\nlocked %s\nproject %s\n' "$place" "$locked" "$project" >"$made"
say "ready: .venv/bin/soma"
