#!/usr/bin/env bash
# Installs what the tests start beside the embedded servers. Where it may not, it says so and the tests that
# need them fail with the package's name: they are never skipped.
set -euo pipefail
cd "$(dirname "$0")"

wanted=()
compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || wanted+=(postgresql)
command -v redis-server >/dev/null || wanted+=(redis-server)
command -v chromium >/dev/null || wanted+=(chromium)
[ ${#wanted[@]} = 0 ] || ./install-packages.sh "${wanted[@]}" || true

# Prometheus is only unpacked: its package would start a service and bring a hundred others.
programs=../build/prometheus/usr/bin
if ! command -v promtool >/dev/null && [ ! -x $programs/promtool ]; then
  mkdir -p ../build/prometheus
  if (
    cd ../build/prometheus
    apt-get download -q prometheus || { apt-get update -q && apt-get download -q prometheus; }
    dpkg-deb -x prometheus_*.deb . && rm prometheus_*.deb
  ) >/dev/null; then
    printf 'unpacked from your system: prometheus, into build/prometheus\n'
  else
    printf 'needed from your system; please run: sudo apt-get install prometheus\n' >&2
  fi
fi
