import contextlib
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pygit2
from pygit2.enums import CredentialType

from blocks.errors import BadInput, Unavailable
from capsules.library.survey.source import Source, open_source, parse_source
from capsules.repository.checkout import Checkout
from capsules.repository.deadline import Deadline

_SECONDS = 600
_TIMEOUT_MS = 30_000


@dataclass(frozen=True, kw_only=True)
class Clone:
    checkout: Checkout
    notes: list[str]


class _Access(pygit2.RemoteCallbacks):
    """Answers one question for credentials, and ends a transfer that takes too long."""

    def __init__(self, source: Source, deadline: Deadline) -> None:
        super().__init__()
        self._source, self._deadline, self._asked = source, deadline, 0

    def credentials(
        self, url: str, username_from_url: str | None, allowed_types: CredentialType
    ) -> pygit2.credentials.Username | pygit2.credentials.UserPass | pygit2.credentials.Keypair:
        del url
        user = self._source.user or username_from_url or "git"
        if allowed_types & CredentialType.USERNAME:
            return pygit2.credentials.Username(user)
        self._asked += 1
        if self._asked == 1 and allowed_types & CredentialType.SSH_KEY:
            return pygit2.credentials.KeypairFromAgent(user)
        if self._asked == 1 and self._source.user and allowed_types & CredentialType.USERPASS_PLAINTEXT:
            return pygit2.credentials.UserPass(user, self._source.password or "")
        raise BadInput(
            f"{self._source.shown!r} does not exist or asks for other credentials",
            mend="check the address; for a private repository clone it yourself and give the folder's path",
        )

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        if self._deadline.passed:
            raise Unavailable(
                f"cloning {self._source.shown!r} took longer than {_SECONDS} s ({stats.received_objects} of "
                f"{stats.total_objects} objects): clone it yourself and give the folder's path"
            )


def clone(source: str, workspace: str) -> Clone:
    """Clone into `workspace/repository`; one that an earlier attempt completed is taken as it is."""
    wanted = parse_source(source)
    home = Path(workspace).absolute()
    home.mkdir(parents=True, exist_ok=True)
    target = home / "repository"
    if not _is_complete(target, wanted):
        shutil.rmtree(target, ignore_errors=True)
        for leftover in home.glob("repository.partial-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        _clone_aside(wanted, home, target)
    return _describe(wanted, target)


def _is_complete(target: Path, wanted: Source) -> bool:
    if not (target / ".git").is_dir():
        return False
    try:
        repository = pygit2.Repository(str(target))
        return repository.config["soma.source"] == wanted.shown and not repository.head_is_unborn
    except (pygit2.GitError, KeyError):
        return False


def _clone_aside(wanted: Source, home: Path, target: Path) -> None:
    """Work under another name until all is done, so that a name without `partial` means complete."""
    partial = Path(tempfile.mkdtemp(prefix="repository.partial-", dir=home))
    try:
        repository = _fetch(wanted, partial)
        if repository.is_empty or repository.head_is_unborn:
            raise BadInput(
                f"{wanted.shown!r} has no commits on its default branch",
                mend="commit something first, or check out a branch that has commits",
            )
        _keep_facts(repository, wanted)
        with contextlib.suppress(OSError):  # another attempt of this node was quicker: its clone serves
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _fetch(wanted: Source, partial: Path) -> pygit2.Repository:
    pygit2.settings.server_connect_timeout = _TIMEOUT_MS
    pygit2.settings.server_timeout = _TIMEOUT_MS
    try:
        return pygit2.clone_repository(
            wanted.address,
            str(partial),
            repository=_new_repository,
            callbacks=_Access(wanted, Deadline(_SECONDS)),
        )
    except (
        pygit2.GitError,
        pygit2.InvalidError,
        pygit2.NotFoundError,
        KeyError,
        OSError,
        ValueError,
    ) as error:
        problem = wanted.hide(str(error)).strip("'\"")
        raise BadInput(
            f"{wanted.shown!r} cannot be cloned: {problem}",
            mend="check the address, the network and that this user may read it (`git clone` shows the same)",
        ) from None


def _new_repository(path: str, bare: bool) -> pygit2.Repository:  # noqa: FBT001  # libgit2's signature
    """Symlinks are written as plain files, so that nothing in the workspace leads out of it."""
    repository = pygit2.init_repository(path, bare=bare)
    repository.config["core.symlinks"] = False
    repository.config["core.autocrlf"] = False
    return repository


def _keep_facts(repository: pygit2.Repository, wanted: Source) -> None:
    for remote in list(repository.remotes):
        repository.config.delete_multivar(f"remote.{remote.name}.url", ".*")
    if wanted.folder is not None:
        origin = open_source(str(wanted.folder))
        shallow = Path(origin.path) / "shallow"
        if shallow.is_file():
            shutil.copyfile(shallow, Path(repository.path) / "shallow")
        repository.config["soma.uncommitted"] = _uncommitted(origin)
    repository.config["soma.source"] = wanted.shown


def _uncommitted(origin: pygit2.Repository) -> int:
    """How many tracked files differ from the commit; a repository without a working copy has none."""
    if origin.is_bare:
        return 0
    try:
        return len(origin.status(untracked_files="no"))
    except (pygit2.GitError, OSError):
        return 0


def _describe(wanted: Source, target: Path) -> Clone:
    repository = pygit2.Repository(str(target))
    notes = []
    with contextlib.suppress(KeyError):
        changed = repository.config.get_int("soma.uncommitted")
        if changed:
            files = "1 tracked file has" if changed == 1 else f"{changed:,} tracked files have"
            notes.append(f"{files} uncommitted changes; the commit alone was audited.")
    if repository.is_shallow:
        notes.append(
            "The repository is a shallow clone: its history is cut off, so every figure on it is too low."
        )
    checkout = Checkout(
        root=str(target),
        commit=str(repository.head.peel(pygit2.Commit).id),
        source=wanted.shown,
        name=wanted.name,
        default_branch=None if repository.head_is_detached else repository.head.shorthand,
    )
    return Clone(checkout=checkout, notes=notes)
