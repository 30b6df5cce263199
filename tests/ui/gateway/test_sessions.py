"""Sessions over HTTP: questions answered over days and in several tabs, launched once."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from blocks.errors import BadInput, Conflict, Forbidden, NotFound, PolicyDenied
from blocks.records.session_tables import WizardSession
from blocks.records.sessions import forget_sessions
from blocks.records.tables import now

DEEP = {"repository": "/r", "depth": "deep", "days": 3, "budget": 2.5}


@pytest.fixture
def begun(gateway, lay_down):
    """A session of a blueprint with questions of every sort."""
    lay_down()
    return gateway.client().new_session(blueprint="survey-well")


def asked(session) -> list[str]:
    return [question.id for step in session.steps for question in step.asked]


def test_a_session_asks_step_by_step(gateway, begun):
    """Steps follow the blueprint, an answer leads to the question behind it, and what lacks is told."""
    client = gateway.client()
    later = client.answer_session(begun.id, {"depth": "deep"}, version=1, step="How")

    assert [step.title for step in begun.steps] == ["What", "How"]
    assert "days" not in asked(begun)
    assert "days" in asked(later)
    assert (later.version, later.step, later.ready) == (2, "How", False)
    assert {problem.question for problem in later.problems} == {"repository", "days", "budget"}

    done = client.answer_session(begun.id, DEEP, version=2)
    assert (done.ready, done.problems) == (True, [])
    assert client.session(begun.id) == done


@pytest.mark.parametrize(
    ("answers", "question", "words"),
    [
        ({"days": 3}, "days", "is not asked"),
        ({"repository": "/r", "depth": "deeper"}, "depth", "must be one of"),
        ({"colour": "red"}, "colour", "survey-well does not ask this"),
        ({"sides": [{"a": 1}]}, "sides", "must be one of"),
        ({"until": 5}, "until", "must be a day"),
    ],
)
def test_a_wrong_answer_keeps_all_of_them_out(gateway, begun, answers, question, words):
    """Nothing of a request is taken when one answer is wrong, and the problem names its question."""
    client = gateway.client()
    with pytest.raises(BadInput) as caught:
        client.answer_session(begun.id, answers, version=1)

    assert [problem["question"] for problem in caught.value.fields["problems"]] == [question]
    assert words in caught.value.message
    assert client.session(begun.id) == begun


def test_two_tabs_lose_no_answer(gateway, begun):
    """Answers to different questions merge; another answer to the same one is a conflict, once seen."""
    client = gateway.client()
    client.answer_session(begun.id, {"repository": "/from-one-tab"}, version=1)
    merged = client.answer_session(begun.id, {"depth": "quick"}, version=1)
    with pytest.raises(Conflict) as caught:
        client.answer_session(begun.id, {"repository": "/from-the-other"}, version=1)
    again = client.answer_session(begun.id, {"repository": "/from-one-tab"}, version=1)
    known = client.answer_session(begun.id, {"repository": "/from-the-other"}, version=again.version)

    assert merged.steps[0].questions[0].answer == "/from-one-tab"
    assert caught.value.fields["theirs"] == "/from-one-tab"
    assert known.steps[0].questions[0].answer == "/from-the-other"


def test_an_answer_can_be_taken_back_and_what_hung_on_it_waits(gateway, begun):
    """The days are kept for when they are asked again, and are not in the plan until then."""
    client = gateway.client()
    deep = client.answer_session(begun.id, DEEP, version=1)
    quick = client.answer_session(begun.id, {"depth": None}, version=deep.version)
    planned = client.preview_session(begun.id)
    back = client.answer_session(begun.id, {"depth": "deep"}, version=quick.version)

    assert "days" not in asked(quick)
    assert (quick.ready, planned.inputs["days"]) == (True, None)
    assert client.preview_session(back.id).inputs["days"] == 3


def test_a_request_picks_its_blueprint_and_answers_what_it_can(gateway, lay_down):
    """What was found in it is a guess that keeps the session from being launched until it is confirmed."""
    lay_down()
    client = gateway.client()
    begun = client.new_session(request="audit the security of https://example.com/x.git")

    assert begun.blueprint == "repository-audit"
    assert [(item.id, item.answer) for item in begun.guesses] == [("repository", "https://example.com/x.git")]
    assert not begun.ready
    with pytest.raises(BadInput, match="confirm or change it"):
        client.launch_session(begun.id, version=begun.version)

    other = client.pick_blueprint(begun.id, "survey-well", version=begun.version)
    assert (other.blueprint, other.guesses[0].answer) == ("survey-well", "https://example.com/x.git")
    confirmed = client.answer_session(
        begun.id, {"repository": "https://example.com/x.git"}, version=other.version
    )
    assert confirmed.ready


def test_a_request_about_nothing_known_lets_people_pick(gateway):
    """No blueprint is picked, the likeliest are offered, and nothing can be launched."""
    client = gateway.client()
    begun = client.new_session(request="book a flight to Lisbon")

    assert (begun.blueprint, begun.steps, begun.ready) == (None, [], False)
    assert begun.matches
    with pytest.raises(NotFound, match="pick a blueprint"):
        client.preview_session(begun.id)


def test_many_clicks_launch_one_project(gateway, begun):
    """However often it is asked for at once, there is one project, and later clicks find it too."""
    client = gateway.client()
    before = {project.id for project in client.projects(limit=500)}
    done = client.answer_session(begun.id, {"repository": "/r"}, version=1)

    def click(_):
        with gateway.client() as own:
            return own.launch_session(begun.id, version=done.version)

    with ThreadPoolExecutor(8) as clicks:
        launched = list(clicks.map(click, range(8)))

    (project,) = {item.id for item in launched}
    assert {item.id for item in client.projects(limit=500)} - before == {project}
    detail = client.project(project)
    assert (detail.state, detail.inputs["repository"], len(detail.nodes)) == ("running", "/r", 1)
    assert client.session(begun.id).project == project
    assert begun.id not in {item.id for item in client.sessions()}
    with pytest.raises(Conflict, match="was launched as"):
        client.answer_session(begun.id, {"repository": "/x"}, version=done.version)


def test_a_launch_is_of_what_was_looked_at(gateway, begun):
    """When an answer has changed since, the launch is refused."""
    client = gateway.client()
    done = client.answer_session(begun.id, {"repository": "/r"}, version=1)
    client.answer_session(begun.id, {"repository": "/other"}, version=done.version)

    with pytest.raises(Conflict, match="has changed since you looked"):
        client.launch_session(begun.id, version=done.version)
    assert client.session(begun.id).project is None


def test_a_refused_launch_leaves_the_session_open(serve, lay_down, tmp_path):
    """The constitution's reason is told, no project is left behind, and the answers are still there."""
    lay_down()
    rules = tmp_path / "rules.yaml"
    rules.write_text(
        "apiVersion: soma/v1\nkind: Constitution\nmetadata: {name: none, version: 1.0.0}\ndefault: deny\n"
        "articles: [{id: no-launch, title: t, stages: [project.launch], verdict: deny, reason: not today}]\n"
    )
    with serve(constitution=rules) as gateway, gateway.client() as client:
        begun = client.new_session(blueprint="survey-well")
        done = client.answer_session(begun.id, {"repository": "/r"}, version=1)
        with pytest.raises(PolicyDenied, match="article no-launch: not today"):
            client.launch_session(begun.id, version=done.version)

        assert client.preview_session(begun.id).launch.article == "no-launch"
        assert (client.session(begun.id), client.projects()) == (done, [])


def test_sessions_are_their_owners_alone(gateway, begun):
    """Somebody else of the same tenant neither sees nor changes them; a viewer cannot begin any."""
    other = gateway.other("grace", "operator")

    assert other.sessions() == []
    for attempt in (
        lambda: other.session(begun.id),
        lambda: other.answer_session(begun.id, {}, version=1),
        lambda: other.launch_session(begun.id, version=1),
        lambda: other.discard_session(begun.id),
    ):
        with pytest.raises(NotFound):
            attempt()
    with pytest.raises(Forbidden):
        gateway.other("victor", "viewer").new_session(blueprint="survey-well")


def test_a_session_is_forgotten_when_it_is_discarded_or_old(gateway, begun):
    """A discarded one is gone; so is one that nobody has worked on for ninety days."""
    client = gateway.client()
    gone = client.new_session(blueprint="repository-audit")
    client.discard_session(gone.id)
    assert begun.expires_at - begun.updated_at > timedelta(days=89)

    async def grow_old(database):
        async with database.session() as session:
            row = await session.get_one(WizardSession, begun.id)
            row.expires_at = now() - timedelta(seconds=1)
            session.add(row)

    gateway.records(grow_old)
    for name in (gone.id, begun.id, "ses_missing"):
        with pytest.raises(NotFound):
            client.session(name)
    assert begun.id not in {item.id for item in client.sessions()}
    assert gateway.records(forget_sessions) >= 1


def test_a_session_survives_another_gateway(gateway, begun, serve_again, free_port, tmp_path):
    """What was answered is in the records, not in the gateway's process."""
    client = gateway.client()
    done = client.answer_session(begun.id, DEEP, version=1, step="How")
    other = {"data_dir": tmp_path / "other", "gateway_port": free_port()}
    elsewhere = gateway.settings.model_copy(update=other)

    with serve_again(elsewhere) as second, second.client() as again:
        assert again.session(begun.id) == done


def test_a_removed_blueprint_leaves_a_readable_session(gateway, begun, lay_down):
    """The session says that its blueprint is gone instead of failing."""
    lay_down().unlink()
    found = gateway.client().session(begun.id)

    assert (found.steps, found.ready) == ([], False)
    assert "there is no blueprint 'survey-well'" in found.problems[0].message


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"request": "  "},
        {"blueprint": ""},
        {"blueprint": "x", "colour": "red"},
        {"request": "x" * 50_001},
        {"request": "a\0b"},
        {"blueprint": "nothing"},
    ],
)
def test_a_session_begins_with_something_real(gateway, body):
    """Neither a blueprint nor a request, or a wrong one, is told and leaves nothing behind."""
    before = gateway.client().sessions()
    answer = gateway.http().post("/v1/sessions", json=body)

    assert answer.status_code in {404, 422}
    assert gateway.client().sessions() == before
