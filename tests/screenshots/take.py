"""Takes the pictures of the wizard that the documentation shows: `make screenshots`.

A hub of its own on a folder of its own, a small repository to audit, a browser in two widths.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS / "acceptance"))
from conftest import HubInTest  # noqa: E402  # the acceptance tests know how to start a hub

FOLDER = TESTS.parent / "docs" / "images"
CHROMIUM = "/usr/bin/chromium"
PASSWORD = "a-password-for-pictures"
WIDTHS = {"": (1200, 860), "-phone": (390, 844)}
LONG = 300_000
"""Milliseconds that an audit may take."""
expect.set_options(timeout=60_000)


def sample(folder: Path) -> Path:
    """A repository in which there is something to find, under a name that reads well."""
    root = folder / "shop"
    (root / "shop").mkdir(parents=True)
    (root / "tests").mkdir()
    (root / "README.md").write_text("# Shop\n\nSells things. See [the guide](docs/guide.md).\n")
    (root / "pyproject.toml").write_text(
        '[project]\nname = "shop"\nversion = "1"\ndependencies = ["requests"]\n'
    )
    till = "import subprocess\n\n\ndef pay(cmd):\n    subprocess.call(cmd, shell=True)\n"
    (root / "shop" / "till.py").write_text(till)
    (root / "tests" / "test_till.py").write_text("def test_pay():\n    assert True\n")
    subprocess.run(["git", "-C", str(root), "init", "-q", "-b", "main"], check=True)
    subprocess.run(["git", "-C", str(root), "add", "."], check=True)
    author = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    subprocess.run(["git", "-C", str(root), *author, "commit", "-q", "-m", "Begin"], check=True)
    return root


class Camera:
    """Takes a picture of a page in both widths."""

    def __init__(self, page: Page, folder: Path) -> None:
        self.page = page
        self.folder = folder

    def take(self, name: str, *, whole: bool = False) -> None:
        for suffix, (width, height) in WIDTHS.items():
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.wait_for_timeout(1200)
            path = self.folder / f"wizard-{name}{suffix}.png"
            self.page.screenshot(path=path, full_page=whole)
            sys.stdout.write(f"{path.name}\n")
        self.page.set_viewport_size({"width": 1200, "height": 860})


def begin(page: Page, url: str, repository: Path, camera: Camera) -> None:
    """From the door to the project that waits for people."""
    page.goto(url)
    camera.take("sign-in")
    page.get_by_label("Name").fill("ada")
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.get_by_role("link", name="New project").first.click()
    page.get_by_label("What do you want?").fill(f"Audit {repository}, and tell us what to do first")
    camera.take("new")
    page.get_by_role("button", name="Find what fits").click()
    expect(page.get_by_text("Filled in:")).to_be_visible()
    camera.take("question")
    page.get_by_role("button", name="Next").click()
    expect(page.get_by_role("img", name="The plan with")).to_be_visible()
    camera.take("plan")
    page.get_by_label("Name of the project").fill("Audit of the shop")
    page.get_by_role("button", name="Launch", exact=True).click()
    expect(page.get_by_role("heading", name="Audit of the shop")).to_be_visible()
    question = page.get_by_role("link", name="May the report of this audit be published?")
    expect(question).to_be_visible(timeout=LONG)
    camera.take("project")


def end(page: Page, camera: Camera) -> None:
    """From the question to the report."""
    page.get_by_role("link", name="Home").first.click()
    expect(page.get_by_text("Waits for you")).to_be_visible()
    camera.take("home")
    page.get_by_role("link", name="May the report of this audit be published?").click()
    expect(page.get_by_role("heading", name="What will be done")).to_be_visible()
    camera.take("approval")
    page.get_by_role("button", name="Approve").click()
    expect(page.get_by_text("Approved.")).to_be_visible()
    page.get_by_role("link", name="Audit of the shop").click()
    expect(page.get_by_text("10 of 10 nodes")).to_be_visible(timeout=LONG)
    page.get_by_role("tab", name="Deliverables").click()
    expect(page.frame_locator("iframe").first.locator("h1").first).to_be_visible()
    camera.take("report", whole=True)
    page.get_by_role("tab", name="Events").click()
    camera.take("events", whole=True)
    page.get_by_role("tab", name="Nodes").click()
    page.get_by_role("combobox", name="Node").click()
    page.keyboard.type("Security")
    page.keyboard.press("Enter")
    expect(page.get_by_text("bandit.scan").first).to_be_visible()
    camera.take("node", whole=True)


@contextmanager
def a_hub() -> Iterator[tuple[HubInTest, Path]]:
    folder = Path(tempfile.mkdtemp(prefix="soma-pictures-"))
    hub = HubInTest(folder / "hub", traces="")
    try:
        hub.up()
        yield hub, sample(folder)
    finally:
        hub.down()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the pictures go")
    folder: Path = parser.parse_args().folder
    folder.mkdir(parents=True, exist_ok=True)
    with a_hub() as (hub, repository), sync_playwright() as playwright:
        with hub.client() as client:
            client.create_user("ada", ["operator", "approver"], password=PASSWORD)
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(device_scale_factor=1)
        page.set_default_timeout(60_000)
        camera = Camera(page, folder)
        begin(page, hub.settings.wizard_url, repository, camera)
        end(page, camera)
        browser.close()


if __name__ == "__main__":
    main()
