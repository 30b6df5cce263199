import re
from dataclasses import dataclass

from detect_secrets.filters.heuristic import is_indirect_reference, is_likely_id_string

from blocks.constitution.detectors.secret_shapes import looks_random
from capsules.library.secrets.detectors import Hit
from capsules.library.secrets.values import is_checksum, no_secret, no_token
from capsules.repository.analysis import Severity
from capsules.repository.places import Place

CERTAIN = frozenset(
    {
        "AWS Access Key",
        "Azure Storage Account access key",
        "GitHub Token",
        "GitLab Token",
        "NPM tokens",
        "OpenAI Token",
        "Private Key",
        "PyPI Token",
        "SendGrid API Key",
        "Slack Token",
        "Square OAuth Secret",
        "Stripe Access Key",
    }
)
"""Formats that hardly anything else has."""

_NAMES_A_SECRET = re.compile(
    r"(?i)secret|token|passw|passphrase|pwd|api_?key|access_?key|private_?key|auth|credential|signing_?key|encrypt"
)
_ABOUT_A_SECRET = re.compile(
    r"(?i)(?:name|ref|file|path|dir|id|field|label|policy|type|url|uri|endpoint|length|len|timeout|ttl|age|expir\w*"
    r"|enabled|required|prompt|title|text|help|regex|pattern|validators?|class|form|view|template|hashers?|format"
    r"|header|param|prefix|suffix|error|message|msg|hint|desc\w*|env|var|variable|store|provider|backend|source"
    r"|column|attr\w*|scheme|grant|hash|algorithm|version|count|limit|placeholder|input|selector|element)s?$"
)
_KEY = re.compile(r"([\w.-]{2,60})[\"'\]]{0,2}\s*(?::=|=>|={1,3}|!={1,2}|:)\s*[rbuf@]{0,2}[\"'`]?$")
_EXAMPLE_HOST = re.compile(
    r"(?i)localhost|127\.|0\.0\.0\.0|\[::1\]|[\w.-]*example|[\w.-]*\.(?:test|invalid|local)\b|[{<$%]"
    r"|(?:host|server|[a-z]{1,12})(?:[:/\"'\s]|$)"
)
_BODY_OF_KEY = re.compile(r"[A-Za-z0-9+/=]{40}")


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """How bad a hit is, or why it is left out."""

    severity: Severity = "info"
    dropped: str | None = None


def judge(hit: Hit, place: Place) -> Verdict:
    """Decides about one hit by its kind, its value, the words around it and where the file stands."""
    reason = {"token": _why_no_token, "keyword": _why_no_keyword, "entropy": _why_no_random}[hit.detector](
        hit
    )
    if reason:
        return Verdict(dropped=reason)
    severity = _severity(hit)
    return Verdict(severity=severity if place == "product" else _milder(severity, place))


def _why_no_token(hit: Hit) -> str | None:
    if hit.kind == "Private Key":
        body = _BODY_OF_KEY.search(hit.text) or _BODY_OF_KEY.search(hit.after)
        return None if body else "marker without a key"
    if hit.kind == "Basic Auth Credentials":
        return "example address" if _example_host(hit) else no_secret(hit.value)
    return no_token(hit.value, hit.text)


def _why_no_keyword(hit: Hit) -> str | None:
    key = _key(hit)
    if key and _ABOUT_A_SECRET.search(key):
        return "only about a secret"
    if is_indirect_reference(hit.text):
        return "reference or template"
    return no_secret(hit.value)


def _why_no_random(hit: Hit) -> str | None:
    key = _key(hit)
    if is_checksum(hit.text) or is_checksum(hit.before) or is_likely_id_string(hit.value, hit.text):
        return "checksum or identifier"
    if not key or not _NAMES_A_SECRET.search(key) or _ABOUT_A_SECRET.search(key):
        return "random-looking, but nothing names it a secret"
    return no_secret(hit.value) or (None if looks_random(hit.value) else "plain words")


def _severity(hit: Hit) -> Severity:
    if hit.detector == "token":
        return "critical" if hit.kind in CERTAIN else "high"
    return "high" if looks_random(hit.value) else "medium"


def _milder(severity: Severity, place: Place) -> Severity:
    """A key in a test or an example is most often made for it; a real format still deserves a look."""
    if severity == "critical":
        return "medium" if place == "vendored" else "low"
    return "low" if severity == "high" and place == "vendored" else "info"


def _key(hit: Hit) -> str | None:
    """The name that the value is given."""
    left = hit.text[: max(hit.text.find(hit.value), 0)]
    found = _KEY.search(left[-100:])
    return found.group(1) if found else None


def _example_host(hit: Hit) -> bool:
    host = hit.text.partition(f":{hit.value}@")[2][:80]
    return not host or bool(_EXAMPLE_HOST.match(host))
