"""Where the constitution in force comes from; replacing it is one assignment."""

import hashlib
import logging
import math
import time
from pathlib import Path
from threading import Lock

from blocks.constitution.constitution import Constitution
from blocks.constitution.document import ConstitutionInvalid
from blocks.constitution.parsed import parsed
from blocks.errors import SomaError

logger = logging.getLogger(__name__)
LOOK_EVERY = 0.5
"""Seconds between two looks at the file; between them the answer costs nothing."""


def nothing_allowed(reason: str) -> Constitution:
    """A constitution that denies everything, and says why."""
    return Constitution(
        name="nothing-allowed",
        version="0.0.0",
        digest=hashlib.sha256(reason.encode("utf-8", "replace")).hexdigest(),
        default="deny",
        articles=(),
        default_reason=reason,
    )


class ConstitutionSource:
    """Holds the constitution in force; a swap falls between two decisions, never into one.

    Given a file, it takes the file's constitution anew when the file changes to another valid one. A change
    that is not valid leaves the last valid one in force, and `problem` says what is wrong with it. Without
    a valid one at the start everything is denied.
    """

    def __init__(self, given: Constitution | Path | None = None) -> None:
        self.path = given if isinstance(given, Path) else None
        self.problem: SomaError | None = None
        self._seen = ""
        self._stamp: tuple[int, int, int] | None = None
        self._next_look = math.inf
        self._lock = Lock()
        if isinstance(given, Constitution):
            self._constitution = given
            return
        self._constitution = nothing_allowed("there is no constitution in force")
        if self.path:
            self._look(self.path)
        if self.problem:
            self.replace(nothing_allowed(f"the constitution is not valid: {self.problem.message}"))

    def current(self) -> Constitution:
        if self.path and time.monotonic() >= self._next_look:
            self._look(self.path)
        return self._constitution

    @property
    def ready(self) -> bool:
        """Whether `current` answers at once; what follows a database has to look there first."""
        return True

    def of(self, tenant: str) -> "ConstitutionSource":
        """The source of what is in force for this tenant; a file is in force for all."""
        del tenant
        return self

    def shadow(self) -> Constitution | None:
        """The candidate that is evaluated beside the one in force; a file has none."""
        return None

    def replace(self, constitution: Constitution) -> None:
        self._constitution = constitution

    def start(self) -> None:
        """Begin to follow what is in force; a file is looked at when it is asked for."""

    def nudge(self) -> None:
        """Look now, because something was changed here; a file is looked at anyway."""

    def close(self) -> None:
        """Stop following; a file needs no more than nobody asking."""

    def _look(self, path: Path) -> None:
        if not self._lock.acquire(blocking=False):
            return
        try:
            self._next_look = time.monotonic() + LOOK_EVERY
            status = path.stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if stamp != self._stamp:
                self._take(path.read_bytes())
                self._stamp = stamp
        except OSError as error:
            self._refuse(ConstitutionInvalid(f"cannot read the constitution {path}: {error.strerror}"))
        finally:
            self._lock.release()

    def _take(self, content: bytes) -> None:
        seen = hashlib.sha256(content).hexdigest()
        if seen == self._seen:
            return
        self._seen = seen
        try:
            constitution = parsed(content.decode("utf-8"), str(self.path))
        except UnicodeDecodeError:
            self._refuse(ConstitutionInvalid(f"{self.path}: not UTF-8 text"))
        except ConstitutionInvalid as error:
            self._refuse(error)
        else:
            self.problem = None
            constitution.prepare_like(self._constitution)
            self.replace(constitution)
            logger.info("constitution %s %s is in force", constitution.name, constitution.version)

    def _refuse(self, problem: ConstitutionInvalid) -> None:
        if self.problem is None or self.problem.message != problem.message:
            logger.error(
                "the constitution on disk is not taken, the last valid one stays: %s", problem.message
            )
        self.problem = problem
