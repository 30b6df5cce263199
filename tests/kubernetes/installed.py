"""The hub on a cluster: installed by its chart, with volumes made by hand where the cluster makes none.

`HUB_IMAGE` is the image, `soma-agent-hub:` and the chart's version unless set. `HUB_POD` may name
a YAML file of volumes that the image needs, as for one whose content lies on the node. `HUB_NAMESPACE` names
an installation, made so, that is to be tested as it is; with `HUB_KEEP` the one that is made is left.
"""

import os
import secrets
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import helm_python as helm
import httpx
import yaml
from kubectl import Kubectl, say, until

from ui.client import HubClient

CHART = Path(__file__).parents[2] / "deploy" / "helm" / "soma-agent-hub"
RELEASE = "soma"
MINE = f"app.kubernetes.io/instance={RELEASE}"
TEMPORARY = "/var/tmp"
CLAIMS = {"soma-data": "10Gi", "store-soma-postgresql-0": "10Gi", "store-soma-redis-0": "2Gi"}
USER = 10001
"""The user of the hub's own image."""
NOBODY = 65534
"""The user of an image that has no other."""


class Installed:
    """One installation in a namespace of its own."""

    def __init__(self) -> None:
        self.found = os.environ.get("HUB_NAMESPACE")
        """An installation that is tested as it is, and left."""
        self.namespace = self.found or f"soma-test-{secrets.token_hex(3)}"
        self.root = f"{TEMPORARY}/{self.namespace}"
        self.kubectl = Kubectl(self.namespace)
        self.image = os.environ.get("HUB_IMAGE") or f"soma-agent-hub:{version()}"
        self.pod = node_volumes()
        self.user = NOBODY if self.pod["volumes"] else USER
        self.volumes: list[str] = []
        self.gateway = self.prefect = self.wizard = self.token = ""
        self.auth = ("", "")

    def install(self) -> None:
        """Install the chart and return when every part is ready."""
        if self.found:
            return self._reach()
        began = time.monotonic()
        self.kubectl("create", "namespace", self.namespace)
        if not self._makes_volumes():
            self._make_volumes()
        with helm.Config(namespace=self.namespace) as config:
            config.install(str(CHART), RELEASE, self.values())
        for part in self.kubectl("get", "deployments,statefulsets", "--output", "name").split():
            self.kubectl("rollout", "status", part, "--timeout=300s")
        say(f"installed and ready after {time.monotonic() - began:.0f} s")
        return self._reach()

    def values(self) -> dict[str, Any]:
        repository, _, tag = self.image.rpartition(":")
        small: dict[str, Any] = {"resources": {"requests": {"cpu": "10m", "memory": "64Mi"}}}
        storage = {} if self._makes_volumes() else {"className": ""}
        return {
            "image": {"repository": repository, "tag": tag},
            "user": {"id": self.user, "group": self.user},
            "extraVolumes": self.pod["volumes"],
            "extraVolumeMounts": self.pod["mounts"],
            "data": {**storage, "accessModes": ["ReadWriteOnce"], "keep": False},
            "postgresql": {**small, "storage": storage},
            "redis": {**small, "storage": storage},
            **dict.fromkeys(("gateway", "wizard", "prefect", "worker"), small),
            "pods": {
                "worker": small,
                "defaults": {
                    "resources": {"requests": {"cpu": "10m", "memory": "64Mi"}, "limits": {"memory": "512Mi"}}
                },
            },
        }

    def remove(self) -> None:
        """Take everything away again, unless HUB_KEEP says that somebody wants to look."""
        self.kubectl.close()
        if self.found or os.environ.get("HUB_KEEP"):
            return
        with suppress(helm.HelmError, AssertionError):
            with helm.Config(namespace=self.namespace) as config:
                config.uninstall(RELEASE)
            self.kubectl("delete", "jobs", "--all", "--wait=false")
            if self.volumes:
                until(lambda: not self.kubectl.get("pods", "--selector", MINE), "no pod", seconds=90)
                self._as_root("sweep", f"import shutil; shutil.rmtree({self.root!r})")
        self.kubectl("delete", "namespace", self.namespace, "--wait=false", check=False)
        for volume in self.volumes:
            self.kubectl("delete", "persistentvolume", volume, "--wait=false", check=False)

    def client(self) -> HubClient:
        return HubClient(self.gateway, self.token)

    def runs(self, **filters: Any) -> list[dict[str, Any]]:
        """The flow runs that Prefect finds."""
        found = httpx.post(f"{self.prefect}/api/flow_runs/filter", json=filters, auth=self.auth, timeout=30)
        return list(found.raise_for_status().json())

    def pods(self, project: str, **labels: str) -> list[dict[str, Any]]:
        """The pods of the project's runs."""
        wanted = {"soma/project": project, **{f"soma/{name}": value for name, value in labels.items()}}
        selector = ",".join(f"{name}={value}" for name, value in wanted.items())
        return self.kubectl.get("pods", "--selector", selector)

    def _reach(self) -> None:
        self.gateway = self.kubectl.forward(f"{RELEASE}-gateway", 10000)
        self.prefect = self.kubectl.forward(f"{RELEASE}-prefect", 4200)
        self.wizard = self.kubectl.forward(f"{RELEASE}-wizard", 8501)
        self.token = self.kubectl.inside(f"{RELEASE}-gateway", "cat", "/var/lib/soma/admin.token").strip()
        said = self.kubectl.inside(f"{RELEASE}-gateway", "sh", "-c", "echo $PREFECT_API_AUTH_STRING").strip()
        user, _, password = said.partition(":")
        self.auth = (user, password)

    def _makes_volumes(self) -> bool:
        """Whether the cluster makes volumes by itself."""
        mark = "storageclass.kubernetes.io/is-default-class"
        classes = self.kubectl.get("storageclasses")
        return any(item["metadata"].get("annotations", {}).get(mark) == "true" for item in classes)

    def _make_volumes(self) -> None:
        """A folder of the node for each claim, which a pod first gives to the user that the hub runs as."""
        folders = {claim: f"{self.root}/{claim}" for claim in CLAIMS}
        self._as_root(
            "volumes",
            f"import os\nfor path in {list(folders.values())!r}:\n"
            f"    os.makedirs(path, exist_ok=True)\n    os.chown(path, {self.user}, {self.user})\n",
        )
        for claim, path in folders.items():
            self.volumes.append(f"{self.namespace}-{claim}")
            self.kubectl.apply(
                {
                    "apiVersion": "v1",
                    "kind": "PersistentVolume",
                    "metadata": {"name": self.volumes[-1]},
                    "spec": {
                        "capacity": {"storage": CLAIMS[claim]},
                        "accessModes": ["ReadWriteOnce"],
                        "hostPath": {"path": path},
                        "claimRef": {"namespace": self.namespace, "name": claim},
                    },
                }
            )

    def _as_root(self, name: str, code: str) -> None:
        """Run Python on the node's folder for temporary files."""
        container = {
            "name": name,
            "image": self.image,
            "command": ["python", "-c", code],
            "securityContext": {"runAsUser": 0},
            "volumeMounts": [*self.pod["mounts"], {"name": "root", "mountPath": TEMPORARY}],
        }
        spec = {
            "restartPolicy": "Never",
            "containers": [container],
            "volumes": [*self.pod["volumes"], {"name": "root", "hostPath": {"path": TEMPORARY}}],
        }
        self.kubectl.apply({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": name}, "spec": spec})
        until(lambda: self.kubectl.get("pod", name)[0]["status"]["phase"] == "Succeeded", name, seconds=90)


def version() -> str:
    return str(yaml.safe_load((CHART / "Chart.yaml").read_text())["appVersion"])


def node_volumes() -> dict[str, list[dict[str, Any]]]:
    """Volumes and mounts of HUB_POD."""
    path = os.environ.get("HUB_POD")
    if not path:
        return {"volumes": [], "mounts": []}
    found = yaml.safe_load(Path(path).read_text())
    mounts = [{**mount, "readOnly": True} for mount in found["containers"][0]["volumeMounts"]]
    return {"volumes": found["volumes"], "mounts": mounts}
