"""Which scheduled runs are due."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from prefect.client.schemas.objects import FlowRun
from prefect.client.schemas.responses import WorkerFlowRunResponse

from blocks.warm_worker.due import agenda

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
    assert [run.id for run in found.missed] == [hours[0].flow_run.id, hours[1].flow_run.id]


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
