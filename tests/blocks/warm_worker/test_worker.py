"""The warm worker: real runs of a real Prefect server in processes of a real fork server."""

import os
import signal
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def started(place: Any, note: Path) -> str:
    """What a run wrote first; it runs by then."""
    found: str = place.until(lambda: (note.exists() and note.read_text()) or None)
    return found


def test_runs_a_flow_in_a_process_of_its_own(place: Any) -> None:
    """A run completes, its log is in Prefect, and Prefect knows where it ran."""
    run = place.run("add", left=2)
    state = place.wait(run)
    place.until(lambda: "adding 2 and 1" in place.logs(run) or None)
    found = place.http.get(f"/flow_runs/{run}").json()

    assert state["type"] == "COMPLETED"
    assert found["infrastructure_pid"].split(":")[-1].isdigit()
    assert found["labels"]["prefect.worker.type"] == "soma-warm"


def test_holds_no_more_runs_than_it_may(place: Any, tmp_path: Path) -> None:
    """With room for two, two run at once and the third begins when one of them has ended."""
    notes = [tmp_path / str(number) for number in range(3)]
    first, second = (place.run("sleep_well", note=str(note)) for note in notes[:2])
    for note in notes[:2]:
        started(place, note)
    third = place.run("sleep_well", note=str(notes[2]), seconds=0)
    waiting = place.state(third)["type"]
    place.cancel(first)
    place.wait(first)

    assert waiting == "SCHEDULED"
    assert place.wait(third)["type"] == "COMPLETED"
    place.cancel(second)
    place.wait(second)


@pytest.mark.parametrize("flow", ["sleep_well", "sleep_deeply"])
def test_ends_a_cancelled_run(place: Any, tmp_path: Path, flow: str) -> None:
    """Cancelling a run in Prefect ends its process, and the run ends as cancelled."""
    run = place.run(flow, note=str(tmp_path / "note"))
    pid = int(started(place, tmp_path / "note").split()[0])
    place.cancel(run)

    assert place.wait(run)["type"] == "CANCELLED"
    place.until(lambda: None if Path(f"/proc/{pid}").exists() else True)


@pytest.mark.parametrize(("flow", "kind"), [("end_abruptly", "CRASHED"), ("refuse", "FAILED")])
def test_tells_a_crash_from_a_failure(place: Any, flow: str, kind: str) -> None:
    """A process that ends without a word is a crash; an exception of the flow is a failure."""
    assert place.wait(place.run(flow))["type"] == kind


def test_reports_a_killed_run(place: Any, tmp_path: Path) -> None:
    """Kill -9 of a run's process is reported as a crash that names the signal."""
    run = place.run("sleep_well", note=str(tmp_path / "note"))
    os.kill(int(started(place, tmp_path / "note")), signal.SIGKILL)
    state = place.wait(run)

    assert (state["type"], "signal 9" in state["message"]) == ("CRASHED", True)


def test_a_run_outlives_its_worker(place: Any, tmp_path: Path) -> None:
    """After kill -9 of the worker the run goes on; the next worker waits for its end and may cancel it."""
    done, cancelled = tmp_path / "done", tmp_path / "cancelled"
    first = place.run("sleep_well", note=str(done), seconds=20)
    second = place.run("sleep_well", note=str(cancelled))
    for note in (done, cancelled):
        started(place, note)
    place.worker.kill()
    place.worker = place.start_worker()

    assert place.wait(first)["type"] == "COMPLETED"
    place.cancel(second)
    assert place.wait(second)["type"] == "CANCELLED"


def test_reports_runs_that_died_with_the_fork_server(place: Any, tmp_path: Path) -> None:
    """Kill -9 of the fork server loses its runs; the worker reports them and goes on with a new one."""
    run = place.run("sleep_well", note=str(tmp_path / "note"))
    started(place, tmp_path / "note")
    place.forks.kill()
    place.forks = place.start_fork_server()

    assert place.wait(run)["type"] == "CRASHED"
    assert place.wait(place.run("add", left=1))["type"] == "COMPLETED"


def test_reports_runs_that_died_with_everything(place: Any, tmp_path: Path) -> None:
    """When worker and fork server were both killed, the next worker reports the run that is gone."""
    run = place.run("sleep_well", note=str(tmp_path / "note"))
    started(place, tmp_path / "note")
    place.worker.kill()
    place.forks.kill()
    place.forks = place.start_fork_server()
    place.worker = place.start_worker()

    assert place.wait(run)["type"] == "CRASHED"


def test_a_run_whose_flow_is_missing_crashes_with_the_reason_in_its_log(place: Any) -> None:
    """A deployment whose entrypoint cannot be imported ends its run at once, and says why."""
    place.deploy("nobody_wrote_this")

    assert place.wait(place.run("nobody_wrote_this"))["type"] == "CRASHED"
