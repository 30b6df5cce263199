"""Python code that starts other programs, told from its syntax tree: strings and comments are no alarm."""

import ast
import re
import textwrap
import warnings
from collections.abc import Iterator

LONGEST = 200_000
"""Characters of the longest text that is parsed; longer ones are judged by their lines."""
DEEPEST = 40

_WORTH_A_LOOK = re.compile(
    r"system|popen|subprocess|exec|eval|spawn|fork|__import__|import_module|__subclasses__|__globals__"
    r"|__builtins__|\b(?:pexpect|commands|plumbum|fabric|invoke|pty|sh)\b"
)
_MODULES = r"os|posix|nt|subprocess|pty|asyncio|asyncio\.subprocess|pexpect|commands|popen2"
_STARTS = re.compile(
    r"(?:os|posix|nt)\.(?:system|popen\d?|exec[lv]p?e?|spawn[lv]p?e?|posix_spawnp?|startfile|forkpty)"
    r"|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput|getstatusoutput)"
    r"|(?:commands|popen2)\.\w+|pty\.(?:spawn|fork)|pexpect\.\w+"
    r"|asyncio\.(?:subprocess\.)?create_subprocess_\w+"
    r"|plumbum\.\w+(?:\.\w+)*|fabric\.\w+|invoke\.run|sh\.\w+"
)
_OPEN_ENDED = re.compile(rf"(?:{_MODULES})")
_INSIDES = frozenset({"__subclasses__", "__globals__", "__builtins__"})
_AT_LINE = re.compile(
    r"(?m)^[ \t>]*(?:[\w, ]{1,60}=[ \t]*|return |await |print\(|with )?(?:(?:os|posix)\.(?:system|popen"
    r"|exec[lv]\w*"
    r"|spawn\w*)|subprocess\.(?:run|call|check_call|check_output|Popen|getoutput)|pty\.spawn|__import__)"
    r"[ \t]*\([ \t]*[^)\s]"
)


def python_calls(text: str) -> Iterator[tuple[int, int]]:
    """Start and end of each call that starts a program, or of each such line where no tree can be had."""
    if not _WORTH_A_LOOK.search(text):
        return
    tree = _tree(text) if len(text) <= LONGEST else None
    if tree is None:
        yield from (match.span() for match in _AT_LINE.finditer(text))
        return
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))
    names = _Names(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.expr) and names.is_start(node):
            last = min(node.lineno, len(starts) - 1)
            yield starts[last - 1], starts[last]


def _tree(text: str) -> ast.Module | None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a text that is only looked at has no reader for its warnings
            return ast.parse(textwrap.dedent(text))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


class _Names:
    """What the names of a module stand for, as far as imports and plain assignments tell."""

    def __init__(self, tree: ast.Module) -> None:
        self.known: dict[str, str] = {}
        self.starred: set[str] = set()
        self.imported: set[str] = set()
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                for alias in node.names:
                    self.imported.add(alias.name.partition(".")[0])
                    self.known[alias.asname or alias.name.partition(".")[0]] = (
                        alias.name if alias.asname else alias.name.partition(".")[0]
                    )
            elif isinstance(node, ast.ImportFrom) and node.module:
                self._import_from(node, node.module)
            elif isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
                meant = self.meaning(node.value)
                if _STARTS.fullmatch(meant) or _OPEN_ENDED.fullmatch(meant) or meant in {"exec", "eval"}:
                    self.known[node.targets[0].id] = meant

    def _import_from(self, node: ast.ImportFrom, module: str) -> None:
        self.imported.add(module.partition(".")[0])
        for alias in node.names:
            if alias.name == "*":
                self.starred.add(module)
            else:
                self.known[alias.asname or alias.name] = f"{module}.{alias.name}"

    def is_start(self, node: ast.expr) -> bool:
        """Whether a node starts a program, runs code that was put together, or reaches for the insides."""
        if isinstance(node, ast.Attribute) and node.attr in _INSIDES:
            return True
        if isinstance(node, ast.Subscript) and _text_of(node.slice) in _INSIDES:
            return True
        if not isinstance(node, ast.Call):
            return False
        meant = self.meaning(node.func)
        if meant in {"exec", "eval", "builtins.exec", "builtins.eval"} and node.args:
            return self._runs_code(node.args[0])
        if meant.startswith("sh.") and "sh" not in self.imported:
            return False
        starred = any(_STARTS.fullmatch(f"{module}.{meant}") for module in self.starred)
        return starred or bool(_STARTS.fullmatch(meant)) or meant.endswith(".?")

    def _runs_code(self, code: ast.expr) -> bool:
        text = _text_of(code)
        if isinstance(code, ast.Constant):
            return isinstance(text, str) and any(True for _ in python_calls(text))
        return True

    def meaning(self, node: ast.expr, depth: int = 0) -> str:
        """The dotted name behind an expression; empty when unknown, `?` for a computed attribute."""
        if depth > DEEPEST:
            return ""
        if isinstance(node, ast.Name):
            return self.known.get(node.id, node.id)
        if isinstance(node, ast.Attribute):
            return f"{self.meaning(node.value, depth + 1)}.{node.attr}"
        if isinstance(node, ast.Subscript) and self.meaning(node.value, depth + 1) == "sys.modules":
            return _text_of(node.slice) or ""
        return self._made(node, depth) if isinstance(node, ast.Call) and node.args else ""

    def _made(self, call: ast.Call, depth: int) -> str:
        """The module that a call imports, or the attribute that it gets."""
        function = self.meaning(call.func, depth + 1)
        if function in {"__import__", "importlib.import_module", "importlib.__import__"}:
            return _text_of(call.args[0]) or ""
        if function == "getattr" and len(call.args) > 1:
            owner, name = self.meaning(call.args[0], depth + 1), _text_of(call.args[1])
            if name is None:
                return f"{owner}.?" if _OPEN_ENDED.fullmatch(owner) else ""
            return f"{owner}.{name}"
        return ""


def _text_of(node: ast.AST, depth: int = 0) -> str | None:
    """The text that an expression of literals makes, put together with `+`."""
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add) and depth < DEEPEST:
        left, right = _text_of(node.left, depth + 1), _text_of(node.right, depth + 1)
        return left + right if left is not None and right is not None else None
    return None
