"""Memory as a Prefect Block: how a flow, in whatever process it runs, reaches the one owner of the memory."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from prefect.blocks.core import Block
from pydantic import Field, SecretStr, TypeAdapter

from blocks.errors import Unavailable
from blocks.memory.gateway import ask
from blocks.memory.items import Draft, Hit, Mode, Selection, checked_draft
from blocks.memory.wire import Forgotten, Keeping, Kept, Recalled, Recalling, Remembered, Remembering
from blocks.settings import Settings

CHUNK = 500_000
"""Bytes of one request, well under what the gateway takes."""
ITEMS = 64
_DRAFT = TypeAdapter(Draft)
_SELECTION = TypeAdapter(Selection)


class Memory(Block):
    """What agents remember, through the hub's gateway; the token decides whose memory it is."""

    _block_type_name = "SomaAgentHub Memory"
    _block_type_slug = "soma-memory"

    gateway_url: str = Field(default="http://127.0.0.1:10000", description="Where the hub's gateway answers.")
    token: SecretStr = Field(description="A bearer token of the gateway; it stands for a tenant.")
    scope: str = Field(default="tenant", description="The scope of calls that name none.")

    async def remember(self, drafts: Sequence[Draft], *, scope: str | None = None) -> list[str]:
        """Keep these memories durably and return their ids, in order."""
        ids: list[str] = []
        for items in _chunks([_keyed(draft) for draft in drafts]):
            asked = Remembering(scope=scope or self.scope, items=items)
            answer = await self._ask("POST", "", asked.model_dump(mode="json"))
            ids += Remembered.model_validate(answer).ids
        return ids

    async def recall(
        self,
        query: str,
        *,
        scopes: Sequence[str] | None = None,
        labels: Sequence[str] = (),
        limit: int = 10,
        mode: Mode = "fused",
    ) -> list[Hit]:
        """The best answers first, from these scopes (the block's own unless given)."""
        chosen = [self.scope] if scopes is None else list(scopes)
        asked = Recalling(query=query, scopes=chosen, labels=list(labels), limit=limit, mode=mode)
        return Recalled.model_validate(await self._ask("POST", "/recall", asked.model_dump(mode="json"))).hits

    async def forget(self, selection: Selection) -> int:
        """Remove what is selected, for good, and say how many that were."""
        answer = await self._ask("POST", "/forget", _SELECTION.dump_python(selection, mode="json"))
        return Forgotten.model_validate(answer).forgotten

    async def get(self, key: str, *, scope: str | None = None) -> Any:  # any JSON value
        """The value under this key, or `NotFound`."""
        return Kept.model_validate(await self._ask("GET", self._place(key, scope))).value

    async def set(
        self,
        key: str,
        value: Any,  # any JSON value
        *,
        scope: str | None = None,
        seconds: float | None = None,
    ) -> None:
        """Keep a JSON value under this key, for good or for so many seconds."""
        body = Keeping(value=value, seconds=seconds).model_dump(mode="json")
        await self._ask("PUT", self._place(key, scope), body)

    async def unset(self, key: str, *, scope: str | None = None) -> None:
        """Remove the value under this key, or `NotFound`."""
        await self._ask("DELETE", self._place(key, scope))

    def _place(self, key: str, scope: str | None) -> str:
        # A dot is escaped too: a key '..' would otherwise be taken for the folder above.
        names = [quote(name, safe="").replace(".", "%2E") for name in (scope or self.scope, key)]
        return f"/kv/{names[0]}/{names[1]}"

    async def _ask(self, method: str, path: str, body: Any = None) -> Any:
        token = self.token.get_secret_value()
        return await ask(self.gateway_url.rstrip("/"), token, method, f"/v1/memory{path}", body)


def memory_of(settings: Settings, token: str) -> Memory:
    """The memory of the hub of these settings, for whomever the token speaks."""
    return Memory(gateway_url=settings.gateway_url, token=SecretStr(token))


def local_memory(settings: Settings) -> Memory:
    """The memory of the hub on this machine, with the token that the hub keeps in its data folder."""
    try:
        token = settings.token_path.read_text("ascii").strip()
    except OSError:
        raise Unavailable(
            f"there is no token in {str(settings.token_path)!r}",
            mend="start the hub with `soma up`; it makes one",
        ) from None
    return memory_of(settings, token)


def _keyed(draft: Draft) -> Draft:
    # With a key of its own a request that is sent twice is still one memory.
    checked_draft(draft)
    return draft if draft.key is not None else replace(draft, key=uuid4().hex)


def _chunks(drafts: list[Draft]) -> Iterator[list[Draft]]:
    chunk: list[Draft] = []
    size = 0
    for draft in drafts:
        weight = len(_DRAFT.dump_json(draft))
        if chunk and (size + weight > CHUNK or len(chunk) == ITEMS):
            yield chunk
            chunk, size = [], 0
        chunk.append(draft)
        size += weight
    if chunk:
        yield chunk
