"""What a run is given and what it may take: places, memory, environment, a log, time to end."""

import os
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow


def started(place: Any, note: Path) -> str:
    """What a run wrote first; it runs by then."""
    found: str = place.until(lambda: (note.exists() and note.read_text()) or None)
    return found


def gone(pid: int) -> bool:
    """Whether there is no such process, nor what is left of one."""
    return not Path(f"/proc/{pid}").exists()


def test_drivers_do_not_take_the_places_of_the_runs_that_they_wait_for(place: Any) -> None:
    """With room for two runs and two drivers, three drivers that each wait for a run all get done."""
    place.deploy("add")
    place.deploy("drive", work_queue_name="drivers", job_variables={"place": "driver"})
    drivers = [place.run("drive", left=number) for number in range(3)]

    assert [place.wait(driver)["type"] for driver in drivers] == ["COMPLETED"] * 3


def test_a_run_that_takes_too_much_memory_is_ended_and_says_so(place: Any) -> None:
    """What the run starts counts with it; the state names the limit and what was used."""
    place.deploy("eat", job_variables={"memory_mb": 300})
    state = place.wait(place.run("eat", megabytes=400))

    assert state["type"] == "CRASHED"
    assert "more than its limit of 300 MB" in state["message"]


def test_a_killed_run_has_said_all_it_said(place: Any, tmp_path: Path) -> None:
    """Its log, its prints, and what its subprocess wrote are in Prefect, in order, without its secrets.

    It ran in the folder and with the environment of its deployment: a variable set to null is not there.
    """
    token = "correct-horse-battery"
    given = {"TRIAL_TOKEN": token, "TRIAL": "set", "HOME": None}
    place.deploy("talk", job_variables={"env": given, "working_dir": str(tmp_path)})
    run = place.run("talk")
    place.wait(run)
    place.until(lambda: "logged last" in place.logs(run) or None)
    time.sleep(0.6)
    logs = place.logs(run)

    wanted = [
        "logged",
        "printed with [redacted]",
        "written",
        f"echoed in {tmp_path}",
        "logged last",
    ]
    assert [line for line in logs if line in wanted] == wanted
    assert "not endedFalse set" in logs  # a line without an end is told when nothing follows it
    assert not any(token in line for line in logs)
    place.until(lambda: None if any(place.settings.run_logs_path.iterdir()) else True)


def test_a_run_that_ignores_its_cancellation_is_killed_with_all_it_started(
    place: Any, tmp_path: Path
) -> None:
    """Its output can be read while it runs; it ends with a child in a session of its own, as cancelled."""
    place.deploy("hold_on", job_variables={"grace_seconds": 1})
    run = place.run("hold_on", note=str(tmp_path / "note"))
    processes = [int(pid) for pid in started(place, tmp_path / "note").split()]
    place.until(lambda: "holding on" in place.logs(run) or None)
    place.cancel(run)
    state = place.wait(run)

    assert state["type"] == "CANCELLED"
    place.until(lambda: all(gone(pid) for pid in processes) or None)


def test_a_cancellation_while_no_worker_is_up_is_carried_out_by_the_next(place: Any, tmp_path: Path) -> None:
    """It ends as cancelled, even when its process has died meanwhile."""
    notes = [tmp_path / name for name in ("alive", "dead")]
    alive, dead = (place.run("sleep_well", note=str(note)) for note in notes)
    processes = [int(started(place, note)) for note in notes]
    place.worker.kill()
    place.worker.wait()
    for run in (alive, dead):
        place.cancel(run)
    os.kill(processes[1], 9)
    place.worker = place.start_worker()

    assert [place.wait(run)["type"] for run in (alive, dead)] == ["CANCELLED"] * 2


def test_the_queue_that_comes_first_is_served_first(place: Any, tmp_path: Path) -> None:
    """Of two runs that wait for a place, that of the queue with the better priority starts first."""
    holders = [place.run("sleep_well", note=str(tmp_path / str(number))) for number in range(2)]
    for number in range(2):
        started(place, tmp_path / str(number))
    place.http.post("/work_pools/trial/queues", json={"name": "first", "priority": 1})
    later = place.run("add", left=1)
    place.deploy("refuse", work_queue_name="first")
    place.http.patch(f"/deployments/{place.deploy('refuse')}", json={"work_queue_name": "first"})
    sooner = place.run("refuse")
    place.cancel(holders[0])
    for run in (later, sooner):
        place.wait(run)
    begun = [place.http.get(f"/flow_runs/{run}").json()["start_time"] for run in (sooner, later)]
    place.cancel(holders[1])
    place.wait(holders[1])

    assert begun == sorted(begun)
