"""Places for runs and drivers, and what pools and deployments say of them."""

from uuid import uuid4

from prefect.client.schemas.objects import FlowRun

from blocks.warm_worker.configuration import WarmVariables, completed
from blocks.warm_worker.places import PlaceNames, Places, place_in
from blocks.warm_worker.worker import WarmWorker


def test_drivers_leave_the_places_of_runs_free() -> None:
    """With one place for runs, as many drivers as may be leave it to the run that they wait for."""
    places = Places({"run": 1, "driver": 2})
    for driver in (uuid4(), uuid4()):
        places.take(driver, "driver")
    assert (places.has_room("driver"), places.has_room("run")) == (False, True)

    run = uuid4()
    places.take(run, "run")
    assert places.are_full

    places.free(run)
    assert places.has_room("run")


def test_a_run_that_was_started_before_counts_though_there_is_no_room() -> None:
    """After a restart with a lower limit nothing new starts until enough has ended."""
    places = Places({"run": 1, "driver": 1})
    runs = [uuid4(), uuid4()]
    for run in runs:
        places.take(run, "run")
    places.free(runs[0])

    assert not places.has_room("run")


def test_a_run_may_name_its_place_itself() -> None:
    """Its own job variable counts; a word that means nothing is no place."""
    run = FlowRun(id=uuid4(), flow_id=uuid4(), job_variables={"place": "driver"})

    assert PlaceNames()._place(run) == "driver"
    assert place_in({"place": "balcony"}) is None
    assert place_in(None) is None


def test_a_pool_made_by_an_earlier_version_knows_the_new_variables() -> None:
    """What people changed in the pool's template stays; what it lacks is added."""
    template = WarmWorker.get_default_base_job_template()
    old = {
        "job_configuration": {"env": {"A": "1"}, "working_dir": "{{ working_dir }}"},
        "variables": {"properties": {"working_dir": {"default": "/srv"}}},
    }

    filled = completed(old)
    assert filled["job_configuration"]["env"] == {"A": "1"}
    assert filled["job_configuration"]["memory_mb"] == "{{ memory_mb }}"
    assert filled["variables"]["properties"]["working_dir"] == {"default": "/srv"}
    assert set(WarmVariables.model_fields) <= set(filled["variables"]["properties"])
    assert completed(template)["job_configuration"] == template["job_configuration"]
