"""A model that says what a test has written down, over a real socket, as OpenAI and as Anthropic would.

Replies are given in order; those written `to` a word go only to requests that have it in their body. What is
not written down is answered with status 400, so that a test sees it at once.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Reply:
    """One answer of the model."""

    text: str = ""
    calls: tuple[tuple[str, str], ...] = ()
    """The name on the wire and the arguments as text of each tool call; `` is the tool of the output."""
    status: int = 200
    retry_after: float | None = None
    raw: bytes | None = None
    """Sent in place of an answer."""
    pause: float = 0.0
    """Seconds before anything is sent."""
    cut: bool = False
    """Whether the connection is closed in the middle of the answer."""
    tokens: tuple[int, int] = (100, 20)


Said = Reply | Callable[[Body], Reply]


def on_the_wire(tool: str) -> str:
    """A tool's name as models are told it."""
    return tool.replace(".", "__")


class ModelServer:
    """What the test has written down, and what was asked."""

    def __init__(self) -> None:
        self.asked: list[Body] = []
        """The body of each request, with its headers under `headers` and its path under `path`."""
        self._script: list[tuple[str, Said]] = []
        self._lock = threading.Lock()
        self._count = 0
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True

    @property
    def url(self) -> str:
        """The base URL for Anthropic; for OpenAI, and Ollama, it is this and `/v1`."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def says(self, *replies: Said, to: str = "") -> None:
        """Write down the next replies, in order; `to` is a word that the request must have."""
        with self._lock:
            self._script.extend((to, reply) for reply in replies)

    @property
    def unsaid(self) -> int:
        """How many replies nobody has asked for."""
        return len(self._script)

    @staticmethod
    def call(tool: str, /, **arguments: Any) -> Reply:
        """A call of the tool, which is named as in a manifest."""
        return Reply(calls=((on_the_wire(tool), json.dumps(arguments)),))

    @staticmethod
    def calls(*calls: tuple[str, dict[str, Any]]) -> Reply:
        """Several calls in one answer."""
        return Reply(calls=tuple((on_the_wire(tool), json.dumps(given)) for tool, given in calls))

    @staticmethod
    def broken_call(tool: str, arguments: str) -> Reply:
        """A call whose arguments are this text."""
        return Reply(calls=((on_the_wire(tool), arguments),))

    @staticmethod
    def final(**output: Any) -> Reply:
        """The output, as a call of the tool that gives it."""
        return Reply(calls=(("", json.dumps(output)),))

    @staticmethod
    def text(words: str) -> Reply:
        return Reply(text=words)

    @staticmethod
    def status(code: int, retry_after: float | None = None) -> Reply:
        """A refusal of the provider."""
        return Reply(status=code, retry_after=retry_after)

    @staticmethod
    def garbage(raw: bytes = b"<html>not what was asked for</html>") -> Reply:
        return Reply(raw=raw)

    @staticmethod
    def late(reply: Reply, seconds: float) -> Reply:
        return replace(reply, pause=seconds)

    @staticmethod
    def cut(reply: Reply) -> Reply:
        """The reply, of which only the beginning arrives."""
        return replace(reply, cut=True)

    def next_reply(self, body: Body) -> tuple[int, Reply]:
        """The number of the request and what is said to it."""
        told = json.dumps(body)
        with self._lock:
            self.asked.append(body)
            self._count += 1
            for index, (word, reply) in enumerate(self._script):
                if word in told:
                    del self._script[index]
                    return self._count, reply(body) if callable(reply) else reply
        return self._count, Reply(status=400)

    def start(self) -> None:
        threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()


@contextmanager
def serving() -> Iterator[ModelServer]:
    """A model server for the time of the block."""
    server = ModelServer()
    server.start()
    try:
        yield server
    finally:
        server.stop()


def _handler(server: ModelServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length") or 0)
            body = {**json.loads(self.rfile.read(length) or b"{}"), "path": self.path}
            number, reply = server.next_reply({**body, "headers": dict(self.headers.items())})
            time.sleep(reply.pause)
            try:
                _answer(self, body, number, reply)
            except (BrokenPipeError, ConnectionResetError):
                self.close_connection = True

        def log_message(self, *_: Any) -> None:
            """Nothing: tests look at `asked`."""

    return Handler


def _answer(handler: BaseHTTPRequestHandler, body: Body, number: int, reply: Reply) -> None:
    if reply.status != 200:
        error = {"type": "error", "error": {"type": "error", "message": f"the script says {reply.status}"}}
        return _send(handler, reply.status, json.dumps(error).encode(), reply.retry_after)
    if reply.raw is not None:
        return _send(handler, 200, reply.raw)
    of_anthropic = body["path"].endswith("/messages")
    reply = replace(reply, calls=tuple((name or _output_tool(body), given) for name, given in reply.calls))
    if not body.get("stream"):
        document = (_anthropic if of_anthropic else _openai)(body, number, reply)
        return _send(handler, 200, json.dumps(document).encode())
    events = list((_anthropic_events if of_anthropic else _openai_events)(body, number, reply))
    return _stream(handler, events[: len(events) // 2] if reply.cut else events, cut=reply.cut)


def _send(
    handler: BaseHTTPRequestHandler, status: int, content: bytes, retry_after: float | None = None
) -> None:
    handler.send_response(status)
    handler.send_header("content-type", "application/json")
    handler.send_header("content-length", str(len(content)))
    if retry_after is not None:
        handler.send_header("retry-after", str(retry_after))
    handler.end_headers()
    handler.wfile.write(content)


def _stream(handler: BaseHTTPRequestHandler, events: list[bytes], *, cut: bool) -> None:
    handler.send_response(200)
    handler.send_header("content-type", "text/event-stream")
    handler.send_header("transfer-encoding", "chunked")
    handler.end_headers()
    for event in events:
        handler.wfile.write(f"{len(event):x}\r\n".encode() + event + b"\r\n")
        handler.wfile.flush()
    if cut:
        handler.close_connection = True
        handler.connection.close()
        return
    handler.wfile.write(b"0\r\n\r\n")


def _output_tool(body: Body) -> str:
    """The tool by which the model gives its output."""
    names = [tool.get("name") or tool["function"]["name"] for tool in body.get("tools") or ()]
    return next((name for name in names if name.startswith("final_result")), "final_result")


def _openai(body: Body, number: int, reply: Reply) -> Body:
    message: Body = {"role": "assistant", "content": reply.text or None}
    if reply.calls:
        message["tool_calls"] = _openai_calls(number, reply)
    finish = "tool_calls" if reply.calls else "stop"
    return {
        **_openai_head(body, number),
        "object": "chat.completion",
        "usage": _openai_usage(reply),
        "choices": [{"index": 0, "finish_reason": finish, "message": message}],
    }


def _openai_events(body: Body, number: int, reply: Reply) -> Iterator[bytes]:
    deltas: list[Body] = [
        {"role": "assistant", "content": word + " "} for word in reply.text.split(" ") if word
    ]
    for index, call in enumerate(_openai_calls(number, reply)):
        given = call["function"]["arguments"]
        first = {**call["function"], "arguments": given[: len(given) // 2]}
        deltas.append({"tool_calls": [{**call, "index": index, "function": first}]})
        deltas.append({"tool_calls": [{"index": index, "function": {"arguments": given[len(given) // 2 :]}}]})
    finish = "tool_calls" if reply.calls else "stop"
    head = {**_openai_head(body, number), "object": "chat.completion.chunk"}
    for delta, end in [*((delta, None) for delta in deltas), ({}, finish)]:
        yield _event({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": end}]})
    yield _event({**head, "choices": [], "usage": _openai_usage(reply)})
    yield b"data: [DONE]\n\n"


def _openai_head(body: Body, number: int) -> Body:
    return {"id": f"chatcmpl-{number}", "created": int(time.time()), "model": body["model"]}


def _openai_calls(number: int, reply: Reply) -> list[Body]:
    return [
        {"id": f"call_{number}_{index}", "type": "function", "function": {"name": name, "arguments": given}}
        for index, (name, given) in enumerate(reply.calls)
    ]


def _openai_usage(reply: Reply) -> Body:
    taken, given = reply.tokens
    return {"prompt_tokens": taken, "completion_tokens": given, "total_tokens": taken + given}


def _anthropic(body: Body, number: int, reply: Reply) -> Body:
    content: list[Body] = [{"type": "text", "text": reply.text}] if reply.text else []
    content += [
        {"type": "tool_use", "id": f"toolu_{number}_{index}", "name": name, "input": json.loads(given)}
        for index, (name, given) in enumerate(reply.calls)
    ]
    stop = "tool_use" if reply.calls else "end_turn"
    return {**_anthropic_head(body, number, reply), "content": content, "stop_reason": stop}


def _anthropic_events(body: Body, number: int, reply: Reply) -> Iterator[bytes]:
    yield _named("message_start", message={**_anthropic_head(body, number, reply), "content": []})
    blocks: list[tuple[Body, Body]] = []
    if reply.text:
        blocks.append(({"type": "text", "text": ""}, {"type": "text_delta", "text": reply.text}))
    for index, (name, given) in enumerate(reply.calls):
        block = {"type": "tool_use", "id": f"toolu_{number}_{index}", "name": name, "input": {}}
        blocks.append((block, {"type": "input_json_delta", "partial_json": given}))
    for index, (block, delta) in enumerate(blocks):
        yield _named("content_block_start", index=index, content_block=block)
        yield _named("content_block_delta", index=index, delta=delta)
        yield _named("content_block_stop", index=index)
    stop = {"stop_reason": "tool_use" if reply.calls else "end_turn", "stop_sequence": None}
    yield _named("message_delta", delta=stop, usage={"output_tokens": reply.tokens[1]})
    yield _named("message_stop")


def _anthropic_head(body: Body, number: int, reply: Reply) -> Body:
    return {
        "id": f"msg_{number}",
        "type": "message",
        "role": "assistant",
        "model": body["model"],
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {"input_tokens": reply.tokens[0], "output_tokens": reply.tokens[1]},
    }


def _named(kind: str, **body: Any) -> bytes:
    return f"event: {kind}\n".encode() + _event({"type": kind, **body})


def _event(body: Body) -> bytes:
    return b"data: " + json.dumps(body).encode() + b"\n\n"
