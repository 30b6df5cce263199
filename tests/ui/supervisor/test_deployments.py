"""What the hub puts into Prefect when it starts."""

from capsules.catalogue import LIBRARY, list_capsules
from ui.supervisor.deployments import deployment_file, read_deployments


def test_every_capsule_of_the_library_is_deployed():
    """One that is not could be planned and would fail when a worker is to run it."""
    deployed = {deployment.entrypoint for deployment in read_deployments(deployment_file())}
    library = {entry.entrypoint for entry in list_capsules() if entry.package.startswith(f"{LIBRARY}.")}

    assert library - deployed == set()
