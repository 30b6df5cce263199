#!/usr/bin/env bash
# Makes a kind cluster, builds the hub's image into it and installs the chart; harmless to repeat.
# CLUSTER names the cluster, NAMESPACE and RELEASE the installation.
set -euo pipefail
cd "$(dirname "$0")/../.."
cluster=${CLUSTER:-soma} namespace=${NAMESPACE:-soma} release=${RELEASE:-soma}
image=soma-agent-hub:$(sed -n 's/^appVersion: //p' deploy/helm/soma-agent-hub/Chart.yaml)

missing=()
for program in docker kind kubectl helm; do command -v "$program" >/dev/null || missing+=("$program"); done
if [ ${#missing[@]} -gt 0 ]; then
  printf 'start-cluster: needed and not found: %s. See docs/Kubernetes-Setup.md\n' "${missing[*]}" >&2
  exit 1
fi

kind get clusters | grep -qx "$cluster" || kind create cluster --name "$cluster" --wait 120s
docker build --file deploy/Dockerfile --tag "$image" .
kind load docker-image "$image" --name "$cluster"
# One node, and kind's volumes are of that node.
helm upgrade --install "$release" deploy/helm/soma-agent-hub --kube-context "kind-$cluster" \
  --namespace "$namespace" --create-namespace --set 'data.accessModes={ReadWriteOnce}' --wait --timeout 10m "$@"
printf 'The hub is up. Try it: make k8s-smoke NAMESPACE=%s\n' "$namespace"
