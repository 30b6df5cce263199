"""The edge of the wizard: which host it answers for, who may open its pages, what a page may load."""

from urllib.parse import quote, urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from blocks.settings import Settings
from ui.gateway.edge import answered_hosts, host_of
from ui.wizard.sign_ins import SignIns

SIGN_IN = "/sign-in"
OPEN = (SIGN_IN, "/health", "/ready", "/metrics", "/wizard.css", "/favicon.png", "/static/", "/_stcore/")
"""What strangers may see: it says nothing about anybody's work. Streamlit's own paths under `_stcore` connect
a page to its script, and the script asks who is there before it shows anything."""
SOURCES = {
    "default-src": "'self'",
    "script-src": "'self' 'wasm-unsafe-eval'",
    "style-src": "'self' 'unsafe-inline'",
    "img-src": "'self' data: blob:",
    "font-src": "'self' data:",
    "connect-src": "'self' ws: wss:",
    "frame-src": "'self' data:",
    "worker-src": "'self' blob:",
    "object-src": "'none'",
    "base-uri": "'self'",
    "form-action": "'self'",
    "frame-ancestors": "'none'",
}
"""What a page may load and from where: a report that a page shows can tell nobody that it was read."""
SAFETY = {
    "Content-Security-Policy": "; ".join(f"{name} {where}" for name, where in SOURCES.items()),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",  # with `no-referrer` a form would not say where it comes from
    "X-Frame-Options": "DENY",
}


class Edge:
    """The outermost layer: what it turns away, Streamlit does not see."""

    def __init__(self, app: ASGIApp, *, settings: Settings, sign_ins: SignIns) -> None:
        self.app = app
        self.sign_ins = sign_ins
        self.hosts = answered_hosts(settings.wizard_address, settings.wizard_public_url)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in {"http", "websocket"}:
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if self._strange(headers) or not self._may_enter(scope):
            await self._turn_away(scope, receive, send)
            return
        await self.app(scope, receive, _with_safety(send) if scope["type"] == "http" else send)

    def _strange(self, headers: Headers) -> bool:
        """Whether the request names another machine, or comes from a page of another one."""
        host = headers.get("host", "")
        if self.hosts is not None and host_of(host) not in self.hosts:
            return True
        origin = headers.get("origin")
        return origin is not None and urlsplit(origin).netloc != host

    def _may_enter(self, scope: Scope) -> bool:
        if scope["type"] == "websocket" or scope["path"].startswith(OPEN):
            return True
        number = HTTPConnection(scope).cookies.get(self.sign_ins.cookie)
        return self.sign_ins.find(number) is not None

    async def _turn_away(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1008})
        else:
            await _refusal(scope, strange=self._strange(Headers(scope=scope)))(scope, receive, send)


def _refusal(scope: Scope, *, strange: bool) -> Response:
    if strange:
        return PlainTextResponse("This wizard answers under another name.\n", 421)
    if scope["method"] == "GET" and "text/html" in Headers(scope=scope).get("accept", ""):
        query = scope["query_string"].decode("latin-1")
        wanted = scope["path"] + (f"?{query}" if query else "")
        return RedirectResponse(SIGN_IN if wanted == "/" else f"{SIGN_IN}?next={quote(wanted, safe='')}", 303)
    return PlainTextResponse("Sign in first.\n", 401)


def _with_safety(send: Send) -> Send:
    async def safe(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in SAFETY.items():
                headers.setdefault(name, value)
        await send(message)

    return safe
