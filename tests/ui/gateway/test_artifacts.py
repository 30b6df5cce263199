import hashlib

import pytest

REPORT = b"<h1>report</h1><script>alert(1)</script>"


@pytest.fixture
def delivered(gateway):
    """A completed project with deliverables, some of which are traps."""
    folder = gateway.settings.deliverables_path
    (folder / "mine").mkdir(parents=True, exist_ok=True)
    (folder / "mine" / "report.html").write_bytes(REPORT)
    secret = folder.parent / "secret.txt"
    secret.write_text("secret")
    link = folder / "mine" / "link.txt"
    link.unlink(missing_ok=True)
    link.symlink_to(secret)

    def entry(name, path, media_type="text/plain"):
        digest = hashlib.sha256(REPORT).hexdigest()
        return {
            "name": name,
            "path": str(path),
            "media_type": media_type,
            "size": len(REPORT),
            "sha256": digest,
        }

    project = gateway.project()
    gateway.move(
        project.id,
        "completed",
        deliverables=[
            entry("report.html", folder / "mine" / "report.html", "text/html"),
            entry("relative.html", "mine/report.html", "text/html"),
            entry("outside.txt", secret),
            entry("climbing.txt", "mine/../../secret.txt"),
            entry("link.txt", link),
            entry("folder", folder / "mine"),
            entry("gone.txt", folder / "mine" / "gone.txt"),
            entry("nul.txt", "a\\0b"),
        ],
    )
    return project.id


def test_deliverables_are_listed_and_fetched(gateway, delivered):
    """What the project published can be fetched byte by byte, wherever its path is written from."""
    client = gateway.client()

    assert "report.html" in [found.name for found in client.artifacts(delivered)]
    assert client.artifact(delivered, "report.html") == REPORT
    assert client.artifact(delivered, "relative.html") == REPORT


def test_a_report_cannot_run_or_fetch_anything(gateway, delivered):
    """A report made from a stranger's repository is shown as data: no script, no guess at its type."""
    headers = gateway.http().get(f"/v1/projects/{delivered}/artifacts/report.html").headers

    assert headers["content-type"].startswith("text/html")
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["content-security-policy"].startswith("sandbox; default-src 'none'")
    assert "allow-scripts" not in headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["outside.txt", "climbing.txt", "link.txt", "folder", "gone.txt", "nul.txt", "report.htm"]
)
def test_nothing_outside_of_the_folder_is_served(gateway, delivered, name):
    """Whatever a record says, only files inside of the deliverables folder leave the hub."""
    answer = gateway.http().get(f"/v1/projects/{delivered}/artifacts/{name}")

    assert answer.status_code == 404
    assert "secret" not in answer.text.replace("secret.txt", "")


@pytest.mark.parametrize(
    "name",
    [
        "..%2f..%2fsecret.txt",
        "%2e%2e%2f%2e%2e%2fadmin.token",
        "..%5c..%5cadmin.token",
        "%2fetc%2fpasswd",
        "....//admin.token",
        "report.html%2f..%2f..%2fsecret.txt",
        "report.html/",
        "%252e%252e%252fadmin.token",
    ],
)
def test_names_that_climb_find_nothing(gateway, delivered, name):
    """A name is looked up among the deliverables and never joined to a path."""
    answer = gateway.http().get(f"/v1/projects/{delivered}/artifacts/{name}")

    assert answer.status_code in {404, 307}
    assert gateway.token not in answer.text
    assert "root:" not in answer.text
