"""Fetches AgentDojo into a folder of its own, and makes its suites importable without any model's SDK."""

import hashlib
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType

HERE = Path(__file__).parent
LOCK = HERE / "requirements.lock"
FOLDER = HERE.parent.parent / "build" / "agentdojo"
PIPELINE = "agentdojo.agent_pipeline"


def ready():
    """Makes `import agentdojo` work in this process; what is locked is downloaded once."""
    stamp = FOLDER / ".locked"
    locked = hashlib.sha256(LOCK.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != locked:
        _fetch()
        stamp.write_text(locked)
    sys.path.append(str(FOLDER))  # after the hub's own packages, which keep their versions
    _without_models()


def _fetch():
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "install", "--upgrade"]
    # AgentDojo wants the SDKs of six model providers; replaying needs none of them
    command += ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--target", str(FOLDER)]
    if subprocess.run([*command, "-r", str(LOCK)], check=False).returncode:
        sys.exit(f"AgentDojo could not be installed into {FOLDER}; pip says above why")


def _without_models():
    """Puts empty packages in the place of those that import the SDKs."""
    folder = Path(find_spec("agentdojo").origin).parent / "agent_pipeline"
    for name, path in ((PIPELINE, [str(folder)]), (f"{PIPELINE}.llms", [])):
        sys.modules[name] = ModuleType(name)
        sys.modules[name].__path__ = path
    google = ModuleType(f"{PIPELINE}.llms.google_llm")
    google.EMPTY_FUNCTION_NAME = "<empty-function>"
    sys.modules[google.__name__] = google
