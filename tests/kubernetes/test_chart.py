"""The chart without a cluster: what it renders, what it refuses, and whether Kubernetes would take it."""

import json
import re
from pathlib import Path
from typing import Any

import helm_python as helm
import kubernetes_validate
import pytest
import yaml

CHART = str(Path(__file__).parents[2] / "deploy" / "helm" / "soma-agent-hub")
FULL = {
    "qdrant": {"enabled": True},
    "ingress": {"enabled": True, "gatewayHost": "hub.example.org", "wizardHost": "wizard.example.org"},
    "networkPolicy": {"from": [{"namespaceSelector": {}}]},
    "gateway": {
        "replicas": 2,
        "tolerations": [{"key": "a", "operator": "Exists"}],
        "nodeSelector": {"b": "c"},
    },
    "extraVolumes": [{"name": "ca", "configMap": {"name": "ca"}}],
    "extraVolumeMounts": [{"name": "ca", "mountPath": "/etc/ca"}],
    "image": {"pullSecrets": [{"name": "registry"}]},
}
OUTSIDE = {
    "postgresql": {
        "enabled": False,
        "url": "postgresql://a:b@db/soma",
        "prefectUrl": "postgresql://a:b@db/prefect",
    },
    "redis": {"enabled": False, "url": "rediss://:b@cache:6379/0"},
    "qdrant": {"url": "https://vectors:6333"},
    "data": {"claim": "mine"},
    "wizard": {"enabled": False},
    "networkPolicy": {"enabled": False},
}
VARIANTS = {"default": {}, "full": FULL, "outside": OUTSIDE}
VERSIONS = ("1.28", "1.31", "1.34", "1.37")


def render(values: dict[str, Any]) -> list[dict[str, Any]]:
    with helm.Chart.load(CHART) as chart:
        texts = chart.render(values, name="soma", namespace="hubs")
    return [
        document
        for name, text in texts.items()
        if name.endswith(".yaml")
        for document in yaml.safe_load_all(text)
        if document
    ]


def pods(documents: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The pod specs by the names of what makes them."""
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for document in documents
        if document["kind"] in {"Deployment", "StatefulSet", "Job"}
    }


def containers(spec: dict[str, Any]) -> list[dict[str, Any]]:
    return [*spec.get("initContainers", []), *spec["containers"]]


def test_helm_finds_nothing_to_mend():
    """`helm lint` has no error and no warning."""
    findings = helm.lint(CHART)

    assert [found for found in json.loads(json.dumps(findings, default=str)) if "ERROR" in str(found)] == []


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_would_take_it(variant: str, version: str):
    """Every object keeps to the schema of old and new versions of Kubernetes."""
    for document in render(VARIANTS[variant]):
        kubernetes_validate.validate(document, version, strict=True)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_pod_keeps_to_the_restricted_profile(variant: str):
    """No root, no capability, nothing writable but volumes, bounded memory, and no token but one."""
    specs = pods(render(VARIANTS[variant]))

    assert specs
    for name, spec in specs.items():
        assert spec["securityContext"]["runAsNonRoot"] is True, name
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}, name
        assert spec["automountServiceAccountToken"] is (name == "soma-pods"), name
        assert spec["enableServiceLinks"] is False, name
        for container in containers(spec):
            assert container["securityContext"]["allowPrivilegeEscalation"] is False, name
            assert container["securityContext"]["readOnlyRootFilesystem"] is True, name
            assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}, name
            assert container["resources"]["limits"]["memory"], name
        for container in spec["containers"]:
            assert {"readinessProbe", "livenessProbe", "startupProbe"} <= set(container), name


def test_no_password_stands_outside_of_a_secret():
    """What Secrets hold is nowhere else, neither in settings nor in commands."""
    documents = render({})
    secrets = [document for document in documents if document["kind"] == "Secret"]
    values = {value for secret in secrets for value in secret["stringData"].values()}
    passwords = {part for value in values for part in re.findall(r"[A-Za-z0-9]{32}", value)}
    others = json.dumps([document for document in documents if document["kind"] != "Secret"])

    assert len(passwords) == 3
    assert [password for password in passwords if password in others] == []


def test_runs_are_given_no_more_than_they_need():
    """Neither Prefect's database nor the servers' passwords are in what a run's environment is made of."""
    documents = render({})
    runs = next(
        item for item in documents if item["metadata"]["name"].endswith("-runs") and "stringData" in item
    )
    pool = next(item for item in documents if item["metadata"]["name"].endswith("-pool"))
    template = json.loads(pool["data"]["base-job-template.json"])
    sources = template["variables"]["properties"]["env_from"]["default"]

    assert set(runs["stringData"]) == {"SOMA_DATABASE_URL", "REDIS_URL", "PREFECT_API_AUTH_STRING"}
    assert [name for source in sources for name in source.values()] == [
        {"name": "soma-settings"},
        {"name": "soma-runs"},
    ]


def test_who_makes_pods_may_do_little():
    """One Role in one namespace, on jobs, pods and their logs; no secrets, no exec, nothing cluster-wide."""
    documents = render(FULL)
    (role,) = [document for document in documents if document["kind"] == "Role"]
    allowed = {
        (resource, verb) for rule in role["rules"] for resource in rule["resources"] for verb in rule["verbs"]
    }

    assert not [document for document in documents if document["kind"].startswith("Cluster")]
    assert {resource for resource, _ in allowed} == {"jobs", "pods", "pods/log"}
    assert {verb for resource, verb in allowed if resource != "jobs"} <= {"get", "list", "watch"}


def test_servers_of_ones_own_replace_those_of_the_chart():
    """With addresses given, no database, cache or claim is installed, and the addresses are used."""
    documents = render(OUTSIDE)
    secrets = {item["metadata"]["name"]: item["stringData"] for item in documents if item["kind"] == "Secret"}

    assert not [item for item in documents if item["kind"] in {"StatefulSet", "PersistentVolumeClaim"}]
    assert secrets["soma-runs"]["SOMA_DATABASE_URL"] == "postgresql://a:b@db/soma"
    assert secrets["soma-runs"]["REDIS_URL"] == "rediss://:b@cache:6379/0"


@pytest.mark.parametrize(
    "values",
    [
        {"gateway": {"replicas": 2}},  # the embedded memory has one owner
        {"gateway": {"replicas": "three"}},
        {"gatway": {}},
        {"user": {"id": 0}},
        {"tenant": "Not A Tenant"},
        {"postgresql": {"enabled": False}},
        {"postgresql": {"url": "mysql://a"}},
        {"pods": {"defaults": {"resources": {"limits": {"memory": "lots"}}}}},
    ],
    ids=str,
)
def test_wrong_values_are_refused(values: dict[str, Any]):
    """A mistake stops the installation before anything is made."""
    with pytest.raises(helm.HelmError):
        render(values)


def test_a_service_monitor_is_made_on_wish():
    """It asks the gateway, the wizard and both workers for their metrics."""
    (monitor,) = [
        document
        for document in render({"metrics": {"serviceMonitor": {"enabled": True}}})
        if document["kind"] == "ServiceMonitor"
    ]

    assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} == {"http", "watch"}
