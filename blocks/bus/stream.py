"""One stream of Redis for each project: in order, kept from the first message on, and never too long.

Publishing is one script, so that nothing can come between its checks and the message: a message that is
published again by the next attempt is found and not doubled, a run that was taken over is refused, an answer
needs its question, and a full stream takes no more rather than losing its beginning.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, cast, get_args

from redis.asyncio import Redis
from redis.exceptions import ResponseError

from blocks.bus.messages import Draft, Kind, Message, Sender, checked
from blocks.errors import BadInput, Conflict, StaleAttempt

PUBLISH = """
local known = redis.call('HGET', KEYS[2], 'key ' .. ARGV[1])
if known then return {known, 0} end
local fence = tonumber(redis.call('HGET', KEYS[2], 'fence ' .. ARGV[2]) or '0')
if tonumber(ARGV[3]) < fence then return redis.error_reply('STALE') end
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[4]) then return redis.error_reply('FULL') end
if ARGV[6] ~= '' then
  local asked = redis.call('XRANGE', KEYS[1], ARGV[6], ARGV[6])
  if #asked == 0 then return redis.error_reply('UNASKED') end
end
local place = redis.call('XADD', KEYS[1], '*', unpack(ARGV, 7))
redis.call('HSET', KEYS[2], 'key ' .. ARGV[1], place, 'fence ' .. ARGV[2], ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[5])
redis.call('EXPIRE', KEYS[2], ARGV[5])
return {place, 1}
"""
LARGEST_PAGE = 500
"""Messages that are read at once."""


def stream_of(tenant: str, project: str) -> str:
    """The key of the project's stream; the braces keep all that belongs to it in one slot of a cluster."""
    return f"soma:context:{{{tenant}/{project}}}"


async def publish(
    redis: Redis,
    stream: str,
    draft: Draft,
    sender: Sender,
    labels: Sequence[str],
    *,
    key: str,
    most: int,
    seconds: int,
) -> str:
    """Put the message at the end of the stream and return its place; the same `key` is the same message.

    Raises `BadInput` for a message that cannot be published, `Conflict` when there are `most` of them,
    and `StaleAttempt` when another run has taken the sender's node over.
    """
    data = checked(draft)
    fields = {
        "kind": draft.kind,
        "text": draft.text,
        "data": data,
        "answers": draft.answers or "",
        "labels": json.dumps(sorted(set(labels))),
        **{name: str(value) for name, value in vars(sender).items()},
    }
    told = [key, sender.node, sender.token, most, seconds, _place(draft.answers)]
    pairs = [part for pair in fields.items() for part in pair]
    try:
        asked: Any = redis.eval(PUBLISH, 2, stream, f"{stream}:known", *map(str, told), *pairs)
        place, _ = await asked
    except ResponseError as error:
        raise _refused(str(error), draft, sender, most) from None
    return _text(place)


async def read(
    redis: Redis, stream: str, *, after: str = "", limit: int = LARGEST_PAGE, wait: float = 0.0
) -> list[Message]:
    """The messages behind `after` (from the first one on unless given), oldest first.

    When there are none yet, `wait` is for how many seconds the first is waited for. An entry that is no
    message of ours is left out.
    """
    begin = _place(after) or "0-0"
    count = max(1, min(limit, LARGEST_PAGE))
    found: Any = await redis.xrange(stream, min=f"({begin}", count=count)
    if not found and wait > 0:
        news: Any = await redis.xread({stream: begin}, count=count, block=max(1, int(wait * 1000)))
        found = [entry for _, entries in news or () for entry in entries]
    return list(_messages(found))


def _place(given: str | None) -> str:
    if not given:
        return ""
    begin, hyphen, end = given.partition("-")
    parts = (begin, end) if hyphen else (begin,)
    if not all(part.isascii() and part.isdigit() and int(part) < 2**63 for part in parts):
        raise BadInput(
            f"{given[:60]!r} is not the id of a message", mend="take the `id` of one that was read"
        )
    return given


def _refused(said: str, draft: Draft, sender: Sender, most: int) -> Exception:
    if "STALE" in said:
        return StaleAttempt(f"another run has taken {sender.node!r} over since; it says nothing any more")
    if "UNASKED" in said:
        return BadInput(f"there is no message {draft.answers!r} in this project to answer")
    if "FULL" in said:
        return Conflict(f"the project has {most:,} messages, and no more are taken")
    return ResponseError(said)


def _messages(entries: Sequence[tuple[Any, Mapping[Any, Any] | None]]) -> Iterator[Message]:
    for place, fields in entries:
        said = {_text(name): _text(value) for name, value in (fields or {}).items()}
        try:
            yield _message(_text(place), said)
        except (KeyError, ValueError, RecursionError):
            continue


def _message(place: str, said: Mapping[str, str]) -> Message:
    if said["kind"] not in get_args(Kind):
        raise ValueError(said["kind"])
    return Message(
        id=place,
        at=datetime.fromtimestamp(int(place.partition("-")[0]) / 1000, UTC),
        kind=cast("Kind", said["kind"]),
        text=said["text"],
        data=json.loads(said["data"]),
        answers=said["answers"] or None,
        sender=Sender(
            name=said["name"],
            node=said["node"],
            capsule=said["capsule"],
            generation=int(said["generation"]),
            token=int(said["token"]),
        ),
        labels=tuple(map(str, json.loads(said["labels"]))),
    )


def _text(value: Any) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)
