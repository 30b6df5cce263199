#!/usr/bin/env bash
# Installs what the tests start beside the embedded servers. Where it may not, it says so and the tests that
# need them fail with the package's name: they are never skipped.
set -euo pipefail
cd "$(dirname "$0")"

wanted=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || wanted+=(postgresql)
command -v redis-server >/dev/null || wanted+=(redis-server)
[ ${#wanted[@]} = 0 ] || ./install-packages.sh "${wanted[@]}" || true
