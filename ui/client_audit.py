"""The client's calls about the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from blocks.audit.heads import Head
from ui.transport import Transport, error_of, segment

PATH = "/v1/audit"
LONG = httpx.Timeout(300.0, connect=5.0)
"""What was added since the last head is verified before it is signed."""


class AuditCalls(Transport):
    """What the gateway offers around the audit log."""

    def audit_records(self, **query: Any) -> list[dict[str, Any]]:
        """Records with their places; `project`, `kind`, `verdict`, `after`, `before` and `limit` choose."""
        given = {name: value for name, value in query.items() if value is not None}
        found: list[dict[str, Any]] = self._get(PATH, **given)
        return found

    def audit_head(self) -> Head:
        """The newest signed head; the end of the chain is signed for it if it is not yet."""
        return Head.from_json(self._send("POST", f"{PATH}/heads", timeout=LONG).json())

    def certificate(self, decision: str) -> dict[str, Any]:
        """The certificate of a decision."""
        path = f"{PATH}/certificates/{segment(decision)}"
        found: dict[str, Any] = self._send("GET", path, timeout=LONG).json()
        return found

    @contextmanager
    def audit_export(self, **query: Any) -> Iterator[Iterator[str]]:
        """The lines of an export as they come; `since`, `until`, `after` and `columns` choose."""
        given = {name: value for name, value in query.items() if value is not None}
        try:
            with self._http.stream("GET", f"{PATH}/export", params=given, timeout=LONG) as answer:
                if not answer.is_success:
                    answer.read()
                    raise error_of(answer)
                yield _lines(answer)
        except httpx.HTTPError as error:
            raise self._away(error) from error


def _lines(answer: httpx.Response) -> Iterator[str]:
    """The lines with their ends; those of a text only, not each character that Unicode calls one."""
    rest = b""
    for piece in answer.iter_bytes():
        *whole, rest = (rest + piece).split(b"\n")
        yield from (line.decode() + "\n" for line in whole)
    if rest:
        yield rest.decode("utf-8", "replace")
