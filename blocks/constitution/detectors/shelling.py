"""Code that starts other programs: Python by its syntax tree, shells and other languages by telling forms."""

import re
from collections.abc import Iterator
from typing import Any

from blocks.constitution.detectors.findings import Finding, Hit, Text, any_in, found_in, shortened
from blocks.constitution.detectors.python_calls import python_calls

_CODE = re.compile(r"[(|$;<#'`\"/&\n{-]")
"""No form is without one of these."""
_PHP = re.compile(r"<\?(?:php|=)")
_FENCED = re.compile(r"```[^\n`]{0,40}\n(.*?)(?:```|\Z)", re.DOTALL)
_SH = r"(?:/(?:usr/)?(?:local/)?bin/)?(?:ba|z|da|k|a)?sh"
_RUN_WITH = "id|ls|pwd|whoami|hostname|env|uname|date"

_FORMS: tuple[tuple[str, str, str], ...] = (
    ("shell", "#!", rf"\A\s*#![ \t]*(?:/\S{{0,60}}/)?(?:env[ \t]+(?:-S[ \t]+)?)?{_SH}\b"),
    ("shell", "sh", rf"(?<![\w.-]){_SH}[ \t]+-[a-z]{{0,4}}[ci]\b"),
    ("shell", "|", rf"\|[ \t]*(?:sudo[ \t]+(?:-\w+[ \t]+)?){_SH}\b"),
    (
        "shell",
        "|",
        (
            rf"\b(?:curl|wget|cat|echo|printf|base64|fetch|gunzip"
            rf"|xxd)\b[^\n]{{0,300}}?\|[ \t]*{_SH}\b(?![ \t]*\|)"
        ),
    ),
    ("shell", "<(", rf"(?:{_SH}|source|\.)[ \t]+<\([ \t]*\w"),
    ("shell", "/dev/tcp/", r"/dev/(?:tcp|udp)/[\w.]+/\d"),
    ("shell", "nc", r"(?:\||&&|;|^)[ \t]*(?:nc|ncat|netcat)[ \t]+\S+[ \t]+\S|\bn(?:c|cat)[ \t]+-\w{0,3}e\b"),
    ("shell", "eval", r"\beval[ \t]+[\"']?(?:\$\(|`)"),
    ("shell", "$(", rf"\$\([ \t]*(?:[a-z][a-z0-9_.-]{{0,20}}[ \t]+[^)\n]|(?:{_RUN_WITH})\))"),
    (
        "shell",
        "",
        (
            r"(?:;|&&|\|\||\||\n|&)[ \t]*(?:sudo[ \t]+)?(?:rm[ \t]+-\w|cat[ \t]+[~/]|curl[ \t]+(?:-"
            r"|https?:)|wget[ \t]+(?:-|http)"
            r"|chmod[ \t]+[0-7+]|chown[ \t]+\w+:|mkfs\.|dd[ \t]+if=|sudo[ \t]+\w)"
        ),
    ),
    (
        "interpreter",
        "-",
        (
            r"\b(?:python[\d.]*|perl|ruby|lua)[ \t]+-\w{0,3}[ce][ \t]+[\"'\w]|\bnode[ \t]+-e[ \t]"
            r"|\bphp[ \t]+-r[ \t]"
        ),
    ),
    (
        "powershell",
        "",
        (
            r"(?i)\b(?:powershell|pwsh)(?:\.exe)?[ \t]+-\w+|\bStart-Process[ \t]+\S|\b(?:Invoke-Expression"
            r"|iex)[ \t]+[\"'$(]"
        ),
    ),
    ("cmd", "cmd", r"(?i)\bcmd(?:\.exe)?[ \t]+/[ck][ \t]"),
    (
        "javascript",
        "",
        (
            r"(?:require|import)[ \t]*\([ \t]*[\"'`](?:node:)?child_process"
            r"|\bfrom[ \t]+[\"'](?:node:)?child_process"
            r"|\bDeno\.(?:run|Command)[ \t]*\(|\bBun\.spawn(?:Sync)?[ \t]*\(|\bprocess\.binding[ \t]*\("
            r"|\bnew[ \t]+Function[ \t]*\([ \t]*[\"'`]"
        ),
    ),
    (
        "php",
        "<?",
        (
            r"\b(?:system|exec|shell_exec|passthru|proc_open|popen"
            r"|pcntl_exec)[ \t]*\([ \t]*[^)\s]"
        ),
    ),
    (
        "ruby",
        "",
        (
            r"\bOpen3\.(?:capture|popen|pipeline)\w*|\bIO\.popen[ \t]*[(\"']|\bKernel\.(?:system|exec"
            r"|spawn)\b|%x[({\[]"
        ),
    ),
    ("ruby", "`", r"(?m)^[ \t]*(?:puts|print|p|(?:my[ \t]+)?[$@]?\w+[ \t]*=)[ \t]*`[a-z][^`\n]*`"),
    ("perl", "", r"\bqx[({\[/!|][^\n]"),
    (
        "c-like",
        "",
        r"\b(?:system|execve|execvp|execlp?)[ \t]*\([ \t]*\"[^\"\n]{1,200}\"[^)\n]{0,100}\)[ \t]*;",
    ),
    ("go", ".", r"\bexec\.Command(?:Context)?[ \t]*\([ \t]*[^)\s]|\bsyscall\.(?:Exec|ForkExec)[ \t]*\("),
    ("java", "", r"\bRuntime\.getRuntime\(\)\.exec[ \t]*\(|\bnew[ \t]+ProcessBuilder[ \t]*\("),
    ("dotnet", "Process.Start", r"\bProcess\.Start[ \t]*\("),
    ("rust", "Command::new", r"\bCommand::new[ \t]*\("),
    ("lua", "os.execute", r"\bos\.execute[ \t]*\([ \t]*[^)\s]"),
    (
        "sql",
        "",
        (
            r"(?i)\b(?:exec(?:ute)?[ \t]+|master\.{1,2}(?:dbo\.)?)xp_cmdshell\b|\b(?:from"
            r"|to)[ \t]+program[ \t]+'|\bsp_oacreate[ \t]"
        ),
    ),
)
_COMPILED = tuple((kind, sign, re.compile(pattern)) for kind, sign, pattern in _FORMS)
_WORTH_A_LOOK = re.compile(
    r"(?i)#!|<\(|sh\b|/dev/|\bn(?:c|cat|etcat)\b|eval|\$\(|[;&|\n][ \t]*(?:sudo|rm|cat|curl|wget|chmod"
    r"|chown|mkfs|dd)\b"
    r"|-[a-z]{0,3}[cer][ \t]|power|pwsh|start-process|invoke-|iex|cmd|child_process|deno|bun\.|binding"
    r"|new function"
    r"|<\?|open3|popen|kernel|%x|`|qx|system|exec|processbuilder|process\.|command::|xp_|program|sp_oa"
)


def shells_out(value: Any) -> bool:
    """Whether a text of the value is code that starts other programs, or the value is too large to look at.

    A text that only names such a function is no alarm. It is a sign, not a sandbox: code can be written so
    that no reader finds what it does.
    """
    return any_in(value, _search)


def findings(value: Any) -> list[Finding]:
    """The calls and where they stand."""
    return found_in(value, _search, show=shortened)


def _search(text: Text) -> Iterator[Hit]:
    whole = text.text
    if not _CODE.search(whole):
        return
    yield from _python(whole)
    if not _WORTH_A_LOOK.search(whole):
        return
    for kind, sign, pattern in _COMPILED:
        if sign in whole:
            for match in pattern.finditer(whole, _begin(kind, whole)):
                yield Hit(kind=kind, start=match.start(), end=match.end())


def _begin(kind: str, whole: str) -> int:
    """Where a form may begin: PHP only after its opening tag."""
    opened = _PHP.search(whole) if kind == "php" else None
    return opened.end() if opened else len(whole) if kind == "php" else 0


def _python(whole: str) -> Iterator[Hit]:
    fenced = [match.span(1) for match in _FENCED.finditer(whole)] if "```" in whole else []
    for start, end in fenced or [(0, len(whole))]:
        for begin, stop in python_calls(whole[start:end]):
            yield Hit(kind="python", start=start + begin, end=start + stop)
