"""The whole hub on a real cluster: an audit whose capsules are pods, of which some die in the middle."""

import json
import time
from typing import Any

import httpx
from kubectl import say, until

from ui.wire import FINAL_STATES

SIDES = {"dependencies", "secrets", "security", "quality", "hotspots", "documentation", "tests"}
REPOSITORY = "/var/lib/soma/workspaces/sample"
MAKE = """
set -e
rm -rf "$0" && mkdir -p "$0/shop" && cd "$0" && git init -q -b main
printf '# Shop\\n' > README.md
printf '[project]\\nname = "shop"\\nversion = "1"\\ndependencies = ["requests"]\\n' > pyproject.toml
printf 'import subprocess\\n\\n\\ndef pay(cmd):\\n    subprocess.call(cmd, shell=True)\\n' > shop/till.py
python -c '
for file in range(150):
    one = "def f{n}(a, b):\\n    if a > {m}:\\n        return b\\n    return a + {n}\\n\\n\\n"
    text = "".join(one.format(n=n, m=n * file) for n in range(80))
    open(f"shop/part{file}.py", "w").write(text)
'
git add -A && git -c user.name=Ann -c user.email=ann@example.org commit -q -m Begin
"""
"""A repository that takes some seconds to examine."""
HOG = "for n in $(seq 25); do (head -c 30000000 /dev/zero | tail | sleep 20) & done; wait"
"""Takes the pod's memory in small parts, so that what the kernel ends is the one large process: the run."""


def test_an_audit_in_pods_outlives_a_deleted_and_a_starved_pod(hub: Any):
    """Seven pods at once; one is deleted, one ended by the kernel for want of memory; the report is read."""
    hub.kubectl.inside("soma-gateway", "sh", "-c", MAKE, REPOSITORY)
    with hub.client() as client:
        project = client.plan("repository-audit", {"repository": REPOSITORY}).id
        client.launch(project)

        until(lambda: at_work(client, project, "quality"), "work on the quality")
        hub.kubectl("delete", "pod", pod_of(hub, project, "quality"), "--wait=false")
        deleted = time.monotonic()
        until(lambda: at_work(client, project, "security"), "work on the security")
        hub.kubectl("exec", pod_of(hub, project, "security"), "--", "sh", "-c", HOG, check=False)
        starved = until(lambda: ended(hub, project, "security"), "the end of the starved pod")
        until(lambda: len(hub.pods(project, node="quality", attempt="2")), "another pod for the deleted one")
        say(f"another pod for the deleted one at most {time.monotonic() - deleted:.0f} s later")
        until(lambda: client.project(project).state in {*FINAL_STATES, "awaiting_approval"}, "the question")
        (question,) = client.approvals(project=project)
        client.answer(question.id, "approve")
        until(lambda: client.project(project).state in FINAL_STATES, "the end")
        done = client.project(project)
        lost = {node: attempts(hub, project, node) for node in ("security", "quality")}
        report = next(item.name for item in done.deliverables if item.name.endswith(".html"))
        page = client.artifact(project, report).decode()

    assert starved["reason"] == "OOMKilled"
    assert (done.state, {node.state for node in done.nodes}) == ("completed", {"completed"})
    assert {node.node for node in done.nodes} >= SIDES
    for tries in lost.values():
        assert [state for state, _ in tries].count("completed") == 1
        assert tries[0][0] == "lost"
        assert tries[0][1]  # by the pod's own word, or by its lease, whichever is seen first
    assert "shop" in page
    assert at_once(hub, project) > 1
    state = {"type": {"any_": ["CRASHED"]}}
    crashed = hub.runs(flow_runs={"tags": {"all_": [f"project:{project}"]}, "state": state})
    assert {run["name"].partition(" (")[0] for run in crashed} >= {"Security", "Code quality"}
    assert open_runs(hub, project) == []


def test_runs_are_pods_by_tenant_project_and_capsule(hub: Any):
    """Every side of the audit was a job with its labels, as an ordinary user and with bounded memory."""
    jobs = hub.kubectl.get("jobs", "--selector", "soma/tenant=default")
    specs = [job["spec"]["template"]["spec"] for job in jobs]

    assert {job["metadata"]["labels"]["soma/capsule"] for job in jobs} >= SIDES
    assert {spec["securityContext"]["runAsUser"] for spec in specs} == {hub.user}
    assert all(spec["containers"][0]["resources"]["limits"]["memory"] for spec in specs)
    assert not any(
        "PREFECT_API_AUTH_STRING" in str(entry.get("name")) and entry.get("value")
        for entry in environment(specs)
    )


def test_a_cancelled_project_leaves_no_pod(hub: Any):
    """Its pods end soon after somebody cancels it, and nothing of it shows as running."""
    with hub.client() as client:
        project = client.plan("repository-audit", {"repository": REPOSITORY}).id
        client.launch(project)
        until(lambda: at_work(client, project, "quality"), "work on the quality")
        client.wish(project, "cancel", "seen enough")
        until(lambda: client.project(project).state == "cancelled", "the end")
    until(
        lambda: not [pod for pod in hub.pods(project) if pod["status"]["phase"] in {"Pending", "Running"}],
        "no pod",
    )
    until(lambda: open_runs(hub, project) == [], "no run")


def test_nobody_may_do_more_than_the_chart_says(hub: Any):
    """Who makes pods reads no secret; runs, and the hub itself, may do nothing in the cluster at all."""

    def may(account: str, verb: str, what: str) -> bool:
        name = f"system:serviceaccount:{hub.namespace}:{account}"
        return hub.kubectl("auth", "can-i", verb, what, "--as", name, check=False).strip() == "yes"

    assert may("soma-pods", "create", "jobs")
    assert not any(
        may("soma-pods", verb, what)
        for verb, what in (("get", "secrets"), ("create", "pods"), ("create", "pods/exec"))
    )
    for account in ("soma", "soma-runs"):
        assert not any(may(account, "get", what) for what in ("pods", "jobs", "secrets", "configmaps"))


def test_every_door_answers_and_prefects_asks_for_its_password(hub: Any):
    """Gateway and wizard are there for people; Prefect's API tells nothing to whoever has no password."""
    ready = httpx.get(f"{hub.gateway}/ready", timeout=30)
    wizard = httpx.get(f"{hub.wizard}/ready", timeout=30)
    prefect = httpx.post(f"{hub.prefect}/api/flow_runs/filter", json={}, timeout=30)

    assert ready.json()["ready"] is True
    assert wizard.status_code == 200
    assert prefect.status_code == 401


def at_work(client: Any, project: str, node: str) -> bool:
    """Whether a process is at work on the node."""
    return any(line.state == "running" for line in client.project(project).nodes if line.node == node)


def pod_of(hub: Any, project: str, node: str) -> str:
    """The name of the node's first pod."""
    return str(hub.pods(project, node=node, attempt="1")[0]["metadata"]["name"])


def at_once(hub: Any, project: str) -> int:
    """How many of the project's jobs overlapped with the one that was made first."""
    jobs = [job["status"] for job in hub.kubectl.get("jobs", "--selector", f"soma/project={project}")]
    starts = sorted(job["startTime"] for job in jobs)
    first = min(job["completionTime"] for job in jobs if "completionTime" in job)
    return sum(start < first for start in starts)


def ended(hub: Any, project: str, node: str) -> dict[str, Any] | None:
    """How the container of the node's first pod ended."""
    for pod in hub.pods(project, node=node, attempt="1"):
        for status in pod["status"].get("containerStatuses", []):
            if "terminated" in status["state"]:
                return dict(status["state"]["terminated"])
    return None


def attempts(hub: Any, project: str, node: str) -> list[tuple[str, str]]:
    """State and reason of each attempt at the node, in order."""
    found = httpx.get(
        f"{hub.gateway}/v1/projects/{project}/nodes/{node}",
        headers={"Authorization": f"Bearer {hub.token}"},
        timeout=30,
    ).raise_for_status()
    tries = sorted(found.json()["attempts"], key=lambda attempt: int(attempt["number"]))
    return [(attempt["state"], attempt["reason"] or "") for attempt in tries]


def open_runs(hub: Any, project: str) -> list[str]:
    """The project's flow runs that Prefect shows as going on."""
    types = ["SCHEDULED", "PENDING", "RUNNING", "CANCELLING"]
    tags = {"all_": [f"project:{project}"]}
    return [run["name"] for run in hub.runs(flow_runs={"tags": tags, "state": {"type": {"any_": types}}})]


def environment(specs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [entry for spec in specs for entry in json.loads(json.dumps(spec["containers"][0].get("env", [])))]
