"""Concurrency limits over HTTP and on the command line."""


def test_a_limit_is_set_listed_and_removed(gateway):
    """It is known by its name, says how it is used, and a wrong name is told what names there are."""
    http = gateway.http()
    made = http.put("/v1/limits/resource:gpu", json={"most": 2})
    again = http.put("/v1/limits/resource:gpu", json={"most": 3})
    listed = http.get("/v1/limits")
    wrong = http.put("/v1/limits/gpu", json={"most": 2})
    few = http.put("/v1/limits/resource:gpu", json={"most": -1})
    removed = http.delete("/v1/limits/resource:gpu")
    gone = http.delete("/v1/limits/resource:gpu")

    assert made.json() == {"name": "resource:gpu", "most": 2, "taken": 0, "waiting": 0}
    assert again.json()["most"] == 3
    assert listed.json() == [again.json()]
    assert (wrong.status_code, "resource:NAME" in wrong.text) == (422, True)
    assert few.status_code == 422
    assert (removed.status_code, gone.status_code) == (204, 404)
