"""Where a repository is to be had from, read from what a person typed, with credentials set apart."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

import pygit2

from blocks.errors import BadInput

_SCP = re.compile(r"^(?P<user>[\w.-]+)@(?P<host>[\w.-]+):(?!//)(?P<path>.+)$")
_SECRET_LENGTH = 6
_FORMS = "give the absolute path of a git repository on this machine, or an https:// or ssh:// address"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A repository's address; `user` and `password` are never written anywhere."""

    address: str
    shown: str
    name: str
    folder: Path | None = None
    """The local repository, None when it is remote."""
    user: str | None = None
    password: str | None = None

    def __repr__(self) -> str:
        return f"Source({self.shown!r})"

    def hide(self, text: str) -> str:
        """The text without this source's credentials."""
        for secret in (self.password, self.user if self.address.startswith("https:") else None):
            text = text.replace(secret, "***") if secret and len(secret) >= _SECRET_LENGTH else text
        return text.replace(self.address, self.shown)


def parse_source(text: str) -> Source:
    """What the text points at; a `BadInput` says which forms are understood."""
    text = text.strip()
    if not text or not text.isprintable():
        raise BadInput("no repository is named", mend=_FORMS)
    scp = _SCP.match(text)
    if scp and not Path(text).exists():
        text = f"ssh://{scp['user']}@{scp['host']}/{scp['path'].lstrip('/')}"
    parts = _split(text)
    if parts.scheme == "file":
        return _local(unquote(parts.path))
    if "://" not in text:
        return _local(text)
    if parts.scheme not in {"https", "ssh"}:
        raise BadInput(f"repositories are not fetched over {parts.scheme}://", mend=_FORMS)
    return _remote(parts)


def _split(text: str) -> SplitResult:
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018  # reading it is what checks it
    except ValueError:
        raise BadInput("the repository's address is not a valid URL", mend=_FORMS) from None
    return parts


def _remote(parts: SplitResult) -> Source:
    if not parts.hostname:
        raise BadInput("the repository's address names no host", mend=_FORMS)
    host = parts.hostname + (f":{parts.port}" if parts.port else "")
    user, password = (unquote(part) if part else None for part in (parts.username, parts.password))
    login = f"{parts.username}@" if parts.scheme == "ssh" and parts.username else ""
    shown = urlunsplit((parts.scheme, login + host, parts.path, "", ""))
    address = urlunsplit((parts.scheme, login + host, parts.path, parts.query, ""))
    name = Path(unquote(parts.path)).name.removesuffix(".git") or parts.hostname
    return Source(address=address, shown=shown, name=name, user=user, password=password)


def _local(text: str) -> Source:
    folder = Path(text).expanduser()
    if not folder.is_absolute():
        raise BadInput(f"{text!r} is not an absolute path", mend=_FORMS)
    folder = folder.resolve()
    if not folder.is_dir():
        problem = "is a file, not a repository" if folder.exists() else "does not exist"
        raise BadInput(f"{str(folder)!r} {problem}", mend=_FORMS)
    _check_repository(folder)
    name = folder.name if folder.name != ".git" else folder.parent.name
    return Source(
        address=str(folder), shown=str(folder), name=name.removesuffix(".git") or "repository", folder=folder
    )


def _check_repository(folder: Path) -> None:
    pygit2.settings.owner_validation = False  # libgit2 runs no hook or command that a repository configures
    try:
        found = pygit2.discover_repository(str(folder))
    except pygit2.GitError as error:
        raise BadInput(f"{str(folder)!r} cannot be opened: {error}", mend=_FORMS) from None
    if found is None:
        raise BadInput(
            f"{str(folder)!r} is not a git repository",
            mend="run `git init`, `git add` and `git commit` there first, or name another folder",
        )
    repository = open_source(found)
    homes = {Path(home).resolve() for home in (repository.workdir, repository.path, found) if home}
    if folder not in homes:
        whole = Path(repository.workdir or repository.path)
        raise BadInput(
            f"{str(folder)!r} is a folder inside the repository {str(whole)!r}",
            mend=f"audit the whole repository: {whole}",
        )


def open_source(path: str) -> pygit2.Repository:
    """The repository there, or a `BadInput` with git's reason why it cannot be read."""
    try:
        return pygit2.Repository(path)
    except (pygit2.GitError, pygit2.InvalidError, OSError) as error:
        raise BadInput(
            f"the repository at {path!r} cannot be read: {error}",
            mend="it must be a complete SHA-1 git repository that this user may read",
        ) from None
