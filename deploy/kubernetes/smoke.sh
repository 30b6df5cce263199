#!/usr/bin/env bash
# Looks whether an installed hub works: every process is ready, and one capsule is done in a pod.
# NAMESPACE and RELEASE name the installation; kubectl's own settings name the cluster.
set -euo pipefail
namespace=${NAMESPACE:-soma} release=${RELEASE:-soma}
kc() { kubectl --namespace "$namespace" "$@"; }
fail() { printf 'k8s-smoke: %s\n' "$*" >&2; exit 1; }

command -v kubectl >/dev/null || fail "kubectl is needed and not found"
mine="app.kubernetes.io/instance=$release,app.kubernetes.io/name=soma-agent-hub"
parts=$(kc get deployments,statefulsets --selector "$mine" --output name)
[ -n "$parts" ] || fail "there is no release $release in namespace $namespace"
for part in $parts; do kc rollout status "$part" --timeout=300s; done

gateway=$(kc get deployments --selector "$mine,app.kubernetes.io/component=gateway" --output name)
sample=/var/lib/soma/workspaces/smoke
# shellcheck disable=SC2016  # the shell in the pod expands it
kc exec "$gateway" --container gateway -- sh -c '
  set -e
  mkdir -p "$1" && cd "$1"
  [ -d .git ] || { git init -q && echo "# Smoke" >README.md && git add -A; }
  git -c user.name=smoke -c user.email=smoke@localhost commit -q --allow-empty -m Smoke
  soma launch repository-audit --repo "$1" --yes' sh "$sample" || fail "the audit of a small repository did not succeed"
jobs=$(kc get jobs --selector soma/capsule --output name | wc -l)
[ "$jobs" -gt 0 ] || fail "the audit succeeded, but no capsule of it ran in a pod"
printf 'k8s-smoke: %s works; its runs have made %s jobs\n' "$release" "$jobs"
