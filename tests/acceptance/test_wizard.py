"""The wizard as people use it: a real browser, a real hub."""

import re
import secrets
import shutil
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

pytestmark = pytest.mark.slow

WELL = Path(__file__).parents[1] / "blueprints" / "survey_well.yaml"
"""A blueprint that asks every kind of question."""
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "quite-a-long-password-1"
PATIENCE = 120_000
"""Milliseconds that a page may take on a machine that has other things to do."""
expect.set_options(timeout=PATIENCE)


@pytest.fixture(scope="module")
def browser():
    """Debian's Chromium."""
    if not Path(CHROMIUM).exists():
        pytest.fail("the tests of the wizard need chromium: make servers")
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield started
        started.close()


class Visitor:
    """A person with a browser of their own, who is not signed in yet."""

    def __init__(self, hub, browser: Browser, roles: list[str], **options) -> None:
        self.hub = hub
        self.url = hub.settings.wizard_url
        self.name = f"user-{secrets.token_hex(4)}"
        with hub.client() as client:
            client.create_user(self.name, roles, password=PASSWORD)
        self.context = browser.new_context(**options)
        self.context.set_default_timeout(PATIENCE)
        self.page: Page = self.context.new_page()

    def sign_in(self, password: str = PASSWORD, *, at: str = "/") -> Page:
        self.page.goto(f"{self.url}{at}")
        self.page.get_by_label("Name").fill(self.name)
        self.page.get_by_label("Password", exact=True).fill(password)
        self.page.get_by_role("button", name="Sign in", exact=True).click()
        return self.page

    def tab(self, path: str) -> Page:
        """Another tab of the same browser."""
        page = self.context.new_page()
        page.goto(f"{self.url}{path}")
        return page


@pytest.fixture
def visit(hub, browser):
    """Makes people with browsers; the browsers are closed after the test."""
    made = []

    def come(*roles, **options):
        made.append(Visitor(hub, browser, list(roles), **options))
        return made[-1]

    yield come
    for visitor in made:
        visitor.context.close()


def begin(page: Page, blueprint: str) -> None:
    """Begin a project of this blueprint, from any page."""
    page.get_by_role("link", name="New project").first.click()
    page.locator(f".st-key-blueprint-{blueprint}").get_by_role("button", name="Begin").click()


def gateway_of(hub) -> psutil.Process:
    return next(process for process in hub.processes() if "ui.gateway" in process.cmdline())


def answers(url: str) -> bool:
    """Whether the gateway there can work."""
    try:
        return httpx.get(f"{url}/ready").is_success
    except httpx.HTTPError:
        return False


@contextmanager
def stopped(process: psutil.Process):
    """The process stands still meanwhile."""
    process.suspend()
    try:
        yield
    finally:
        process.resume()


def test_the_door_lets_in_who_knows_the_password(visit):
    """A wrong password is told; the right one leads to what was wanted, and no token reaches the browser."""
    visitor = visit("operator")
    page = visitor.sign_in("a-wrong-password", at="/approvals")
    expect(page.get_by_role("alert")).to_contain_text("wrong")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("heading", name="Approvals")).to_be_visible()
    cookies = {cookie["name"]: cookie for cookie in visitor.context.cookies()}
    kept = page.evaluate("JSON.stringify([localStorage, sessionStorage, document.cookie])")
    mine = next(cookie for name, cookie in cookies.items() if name.startswith("soma_wizard"))

    assert page.url == f"{visitor.url}/approvals"
    assert (mine["httpOnly"], mine["sameSite"]) == (True, "Lax")
    assert mine["value"] not in kept
    assert "eyJ" not in kept


def test_signing_out_ends_the_sign_in_in_every_tab(visit):
    """The cookie of somebody who has signed out opens no page."""
    visitor = visit("viewer")
    page = visitor.sign_in()
    page.get_by_role("button", name=visitor.name).click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_text("You are signed out")).to_be_visible()

    assert "/sign-in" in visitor.tab("/project").url


def test_from_a_sentence_to_a_report(visit, hub, repository):
    """Sign in, say what is wanted, check what was found, look at the plan, launch, approve, read."""
    page = visit("operator", "approver", accept_downloads=True).sign_in()
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("What do you want?").fill(f"Please audit the repository {repository}")
    page.get_by_role("button", name="Find what fits").click()
    answer = page.get_by_label("Which git repository shall be audited?")
    expect(answer).to_have_value(str(repository))
    expect(page.get_by_text("Filled in:")).to_be_visible()
    page.get_by_role("button", name="Next").click()

    expect(page.get_by_role("img", name="The plan with")).to_be_visible()
    expect(page.get_by_text("asks people").first).to_be_visible()
    page.get_by_text("Secrets", exact=True).click()
    expect(page.get_by_text("What the constitution says").locator("visible=true").first).to_be_visible()
    page.get_by_label("Name of the project").fill("The shop, looked at")
    page.get_by_role("button", name="Launch", exact=True).click()

    expect(page.get_by_role("heading", name="The shop, looked at")).to_be_visible()
    page.get_by_role("link", name="May the report of this audit be published?").click(timeout=240_000)
    expect(page.get_by_role("heading", name="What will be done")).to_be_visible()
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved.")).to_be_visible()

    page.get_by_role("link", name="The shop, looked at").click()
    expect(page.get_by_text("10 of 10 nodes")).to_be_visible(timeout=240_000)
    page.get_by_role("tab", name="Events").click()
    expect(page.get_by_text("May the report of this audit be published?").last).to_be_visible()
    page.get_by_role("tab", name="Deliverables").click()
    report = page.frame_locator("iframe").first
    expect(report.locator("body")).to_contain_text("shop")
    with page.expect_download() as download:
        page.get_by_role("button", name=".html").first.click()

    assert b"shop" in Path(download.value.path()).read_bytes()
    look_at_a_node(page)


def look_at_a_node(page: Page) -> None:
    """What a node took, gave and was allowed, and where Prefect shows its run."""
    page.get_by_role("tab", name="Nodes").click()
    page.get_by_label("Node", exact=True).click()
    page.get_by_role("option", name="Security").click()
    expect(page.get_by_text("bandit.scan").first).to_be_visible()
    expect(page.get_by_role("link", name="See its run in Prefect")).to_have_attribute(
        "href", re.compile("/runs/flow-run/")
    )


def test_a_missing_answer_is_told_beside_its_question(visit):
    """Nothing goes on without it, and what is given then is taken."""
    page = visit("operator").sign_in()
    begin(page, "repository-audit")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert").filter(has_text="missing")).to_be_visible()
    page.get_by_label("Which git repository shall be audited?").fill("https://example.org/shop.git")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("img", name="The plan with")).to_be_visible()


def test_an_answer_with_a_password_is_refused(visit):
    """What would be recorded for good is told at once."""
    page = visit("operator").sign_in()
    begin(page, "repository-audit")
    page.get_by_label("Which git repository shall be audited?").fill("https://me:secret@example.org/shop.git")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert").filter(has_text="password")).to_be_visible()


def test_every_kind_of_question_is_put_and_its_rules_are_told(visit, hub, repository):
    """Choices, numbers, days and yes or no are given as people give them; what breaks a rule is told."""
    folder = hub.settings.data_dir / "blueprints"
    folder.mkdir(exist_ok=True)
    shutil.copy(WELL, folder)
    page = visit("operator").sign_in()
    begin(page, "survey-well")
    page.get_by_label("Which repository?").fill(str(repository))
    page.get_by_role("radiogroup", name="How thoroughly?").get_by_text("Thorough").click()
    page.get_by_role("button", name="Next").click()

    page.get_by_label("How many days back?").fill("31")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert").filter(has_text="30")).to_be_visible()
    page.get_by_label("How many days back?").fill("7")
    page.get_by_role("spinbutton", name="year, Until when?").click()
    page.keyboard.type("20310504")
    page.get_by_role("radiogroup", name="Each night?").get_by_text("Yes").click()
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("alert").filter(has_text="a thorough survey costs something")).to_be_visible()
    page.get_by_label("What may it cost?").fill("2.5")
    page.get_by_label("Which sides?").click()
    page.get_by_role("option", name="docs").click()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("img", name="The plan with")).to_be_visible()

    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page).to_have_url(re.compile("prj_"))
    project = hub.project(re.search("prj_[0-9a-f]+", page.url)[0])

    assert project.inputs == {
        "repository": str(repository),
        "depth": "deep",
        "days": 7,
        "budget": 2.5,
        "sides": ["code", "docs"],
        "until": "2031-05-04",
        "again": True,
    }


def test_answers_outlive_the_browser_and_the_gateway(visit, hub):
    """A gateway that is killed in between loses nothing; days later, in another browser, one goes on."""
    visitor = visit("operator")
    page = visitor.sign_in()
    begin(page, "repository-audit")
    answer = page.get_by_label("Which git repository shall be audited?")
    expect(answer).to_be_visible()
    gateway = gateway_of(hub)
    with stopped(supervisor_of(gateway)):
        gateway.kill()
        hub.until(lambda: not answers(hub.settings.gateway_url))
        answer.fill("https://example.org/kept.git")
        page.get_by_role("button", name="Next").click()
        expect(page.get_by_text("The hub does not answer").first).to_be_visible()
        expect(answer).to_have_value("https://example.org/kept.git")
    hub.until(lambda: answers(hub.settings.gateway_url))
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("img", name="The plan with")).to_be_visible()
    page.context.clear_cookies()
    later = visitor.sign_in()
    expect(later.get_by_text("Begun, not launched")).to_be_visible()
    later.get_by_role("link", name="Audit a repository").first.click()
    expect(later.get_by_label("Which git repository shall be audited?")).to_have_value(
        "https://example.org/kept.git"
    )


def supervisor_of(gateway: psutil.Process) -> psutil.Process:
    parent = gateway.parent()
    assert parent is not None, "the gateway was started by the supervisor"
    return parent


def test_two_people_at_once_see_their_own(visit):
    """Each has sessions of their own, and nobody opens another's."""
    one, other = visit("operator"), visit("operator")
    begin(one.sign_in(), "repository-audit")
    one.page.wait_for_url(re.compile("session="))
    other.sign_in()
    expect(other.page.get_by_role("heading", name=f"Hello, {other.name}")).to_be_visible()

    assert not other.page.get_by_text("Begun, not launched").is_visible()
    other.page.goto(one.page.url)
    expect(other.page.get_by_text("there is no")).to_be_visible()


def test_two_tabs_do_not_overwrite_each_other(visit):
    """The second tab is shown what the first has answered beside its own, and the person chooses."""
    visitor = visit("operator")
    first = visitor.sign_in()
    begin(first, "repository-audit")
    first.wait_for_url(re.compile("session="))
    second = visitor.tab(first.url.removeprefix(visitor.url))
    name = "Which git repository shall be audited?"
    expect(second.get_by_label(name)).to_be_visible()
    first.get_by_label(name).fill("https://example.org/first.git")
    first.get_by_role("button", name="Next").click()
    expect(first.get_by_role("img", name="The plan with")).to_be_visible()
    second.get_by_label(name).fill("https://example.org/second.git")
    second.get_by_role("button", name="Next").click()
    expect(second.get_by_text("answered otherwise meanwhile")).to_be_visible()
    expect(second.get_by_label(name)).to_have_count(1)
    expect(second.get_by_label(name)).to_have_value("https://example.org/first.git")
    second.get_by_role("button", name="Take mine").click()
    expect(second.get_by_text("answered otherwise meanwhile")).to_be_hidden()
    expect(second.get_by_label(name)).to_have_count(1)
    expect(second.get_by_label(name)).to_have_value("https://example.org/second.git")


def test_who_may_only_look_is_offered_nothing_else(visit):
    """A viewer has no button that would be refused."""
    page = visit("viewer").sign_in()
    expect(page.get_by_role("heading", name="Hello,")).to_be_visible()

    assert not page.get_by_role("button", name="New project").is_visible()
    page.get_by_role("link", name="New project").first.click()
    expect(page.get_by_text("Your roles let you look")).to_be_visible()


@pytest.mark.parametrize(
    ("path", "headers", "expected"),
    [
        ("/health", {}, 200),
        ("/ready", {}, 200),
        ("/metrics", {}, 200),
        ("/", {"Accept": "text/html"}, 303),
        ("/project?project=x", {"Accept": "text/html"}, 303),
        ("/media/anything", {}, 401),
        ("/", {"Accept": "text/html", "Host": "evil.example"}, 421),
        ("/health", {"Origin": "https://evil.example"}, 421),
        ("/_stcore/agent/openapi.json", {"Origin": "http://127.0.0.1:1"}, 421),
    ],
)
def test_strangers_see_the_door_and_nothing_behind_it(hub, path, headers, expected):
    """Without a sign-in no page, from another site nothing at all."""
    answer = httpx.get(f"{hub.settings.wizard_url}{path}", headers=headers)

    assert expected == answer.status_code
    assert "default-src 'self'" in answer.headers.get("content-security-policy", "") or expected >= 303


def test_no_other_site_opens_a_socket(hub):
    """A page of another origin cannot speak for somebody who is signed in here."""
    host = hub.settings.wizard_url.removeprefix("http://")
    key = {"Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Version": "13"}
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Origin": "http://localhost:1", "Host": host}
    answer = httpx.get(f"{hub.settings.wizard_url}/_stcore/stream", headers={**upgrade, **key})

    assert 403 == answer.status_code
