"""Which scheduled runs are due."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse

from blocks.warm_worker.due import SKIPPED, SUPERSEDED, Watch, agenda, catch_up_of

NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEPLOYMENT = uuid4()


def entry(
    minutes: float, *, routine: bool = True, deployment: UUID = DEPLOYMENT, **given: Any
) -> WorkerFlowRunResponse:
    run = FlowRun(
        id=uuid4(),
        flow_id=uuid4(),
        deployment_id=deployment,
        auto_scheduled=routine,
        next_scheduled_start_time=NOW + timedelta(minutes=minutes),
        **given,
    )
    return WorkerFlowRunResponse(work_pool_id=uuid4(), work_queue_id=uuid4(), flow_run=run)


def test_of_the_runs_that_a_schedule_missed_the_latest_is_due() -> None:
    """After a night without the hub an hourly schedule owes one run, not nine."""
    hours = [entry(-60 * hour) for hour in (3, 2, 1)]
    found = agenda(hours, NOW)

    assert [run.flow_run.id for run in found.due] == [hours[2].flow_run.id]
    assert [missed.flow_run.id for missed in found.missed] == [hours[0].flow_run.id, hours[1].flow_run.id]


def test_what_people_asked_for_is_never_dropped() -> None:
    """Runs that no schedule made all start, and so does a scheduled one that is to be tried again."""
    asked = [entry(-2, routine=False), entry(-1, routine=False), entry(-3, run_count=1), entry(-1)]
    found = agenda(asked, NOW)

    assert {run.flow_run.id for run in found.due} == {run.flow_run.id for run in asked}
    assert found.missed == []


def test_two_schedules_do_not_stand_in_for_each_other() -> None:
    """Runs with other parameters, or of another deployment, are other runs."""
    runs = [entry(-1, parameters={"repository": name}) for name in "ab"]
    found = agenda([*runs, entry(-1, deployment=uuid4())], NOW)

    assert (len(found.due), found.missed) == (3, [])


def test_knows_when_the_next_run_is_due() -> None:
    """What is not due yet is neither started nor dropped; the earliest of it sets the alarm."""
    found = agenda([entry(5), entry(2), entry(-1)], NOW)

    assert (len(found.due), found.missed, found.next) == (1, [], NOW + timedelta(minutes=2))
    assert agenda([], NOW).next is None


@pytest.mark.parametrize(
    ("choice", "due", "missed"),
    [
        ("skip", [], [SKIPPED] * 3),
        ("latest", [2], [SUPERSEDED] * 2),
        ("all", [0, 1, 2], []),
    ],
)
def test_a_hub_that_was_down_over_three_due_times_catches_up_as_it_is_told(choice, due, missed):
    """None, the latest, or all three start, as the deployment's tag chooses."""
    owed = [entry(-60 * hour, tags=["auto-scheduled", f"catch-up:{choice}"]) for hour in (3, 2, 1)]
    watch = Watch()
    watch.look(NOW)
    found = agenda(owed, NOW, watch.since)

    assert [run.flow_run.id for run in found.due] == [owed[index].flow_run.id for index in due]
    assert [item.reason for item in found.missed] == missed


def test_a_run_that_comes_due_while_somebody_looks_is_started_also_where_missed_ones_are_skipped():
    """Late by a restart of the hub or because all places were taken is not missed; a long break is."""
    tags = ["catch-up:skip"]
    watch = Watch()
    for second in range(0, 3600, 10):
        watch.look(NOW + timedelta(seconds=second))
    hour_later = NOW + timedelta(hours=1)
    waited = agenda([entry(30, tags=tags)], hour_later, watch.since)
    restarted = agenda([entry(-0.5, tags=tags)], NOW, NOW)
    watch.look(NOW + timedelta(hours=9))  # the machine slept
    slept = agenda([entry(30, tags=tags)], NOW + timedelta(hours=9), watch.since)

    assert [len(found.due) for found in (waited, restarted, slept)] == [1, 1, 0]


def test_tags_that_say_nothing_known_mean_the_latest():
    """A misspelt choice does not start a pile of runs, nor none for ever."""
    assert [catch_up_of(tags) for tags in ([], ["catch-up:al"], ["other", "catch-up:all"])] == [
        "latest",
        "latest",
        "all",
    ]
