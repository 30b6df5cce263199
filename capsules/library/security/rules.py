"""Bandit's rules in plain words: what they found, how much it says, and what to do about it."""

from capsules.repository.analysis import Severity

RATED: dict[str, Severity] = {
    "B101": "info",
    "B311": "info",
    "B324": "medium",
    "B404": "info",
    "B411": "medium",
    "B413": "medium",
    "B603": "info",
    "B607": "info",
}
"""Rules whose own grade says little: an import, a weak hash that a protocol prescribes, an assert."""

TITLES = {
    "B101": "assert used as a check",
    "B102": "exec used",
    "B103": "permissive file mode",
    "B104": "binding to all interfaces",
    "B108": "fixed name in a shared temporary folder",
    "B110": "exception swallowed (try, except, pass)",
    "B112": "exception swallowed (try, except, continue)",
    "B113": "request without a timeout",
    "B201": "Flask's debug mode switched on",
    "B202": "archive unpacked without checking its members",
    "B301": "pickle loaded",
    "B302": "marshal loaded",
    "B303": "weak hash (MD5 or SHA-1)",
    "B304": "weak cipher",
    "B305": "weak cipher mode",
    "B306": "mktemp used",
    "B307": "eval used",
    "B310": "URL opened without checking its scheme",
    "B311": "random numbers that can be predicted",
    "B312": "telnet used",
    "B313": "XML parsed without protection",
    "B314": "XML parsed without protection",
    "B315": "XML parsed without protection",
    "B316": "XML parsed without protection",
    "B317": "XML parsed without protection",
    "B318": "XML parsed without protection",
    "B319": "XML parsed without protection",
    "B321": "FTP used",
    "B323": "TLS context without checks",
    "B324": "weak hash (MD5 or SHA-1)",
    "B401": "telnetlib imported",
    "B402": "ftplib imported",
    "B403": "pickle or the like imported",
    "B404": "subprocess imported",
    "B405": "XML parser imported",
    "B406": "XML parser imported",
    "B407": "XML parser imported",
    "B408": "XML parser imported",
    "B409": "XML parser imported",
    "B411": "XML-RPC imported",
    "B413": "abandoned pycrypto imported",
    "B501": "TLS certificate check switched off",
    "B502": "outdated TLS version",
    "B503": "outdated TLS version by default",
    "B504": "TLS without a version",
    "B505": "weak cryptographic key",
    "B506": "unsafe YAML loader",
    "B507": "SSH host key not checked",
    "B601": "command handed to a remote shell",
    "B602": "subprocess with shell=True",
    "B603": "subprocess without a shell",
    "B604": "call with shell=True",
    "B605": "process started through a shell",
    "B606": "process started without a shell",
    "B607": "program started by its bare name",
    "B608": "SQL built from strings",
    "B609": "wildcard in a shell command",
    "B610": "Django's extra() used",
    "B611": "Django's RawSQL used",
    "B612": "logging configured over a socket",
    "B613": "bidirectional control characters in source",
    "B614": "model file loaded with pickle",
    "B615": "model downloaded without a fixed revision",
    "B701": "Jinja2 without autoescape",
    "B702": "Mako templates, which do not escape",
    "B703": "text marked as safe HTML",
    "B704": "text marked as safe HTML",
}

ADVICE = {
    "B101": "Asserts vanish under `python -O`: raise an exception where the check protects something.",
    "B102": "Replace exec by a table of functions or a parser; never let outside input reach it.",
    "B104": "Bind to 127.0.0.1 by default and let the operator widen it.",
    "B108": "Use the tempfile module, which makes names that nobody can guess.",
    "B110": "Catch the one exception that is expected, or log what was swallowed.",
    "B112": "Catch the one exception that is expected, or log what was swallowed.",
    "B113": "Pass a timeout, otherwise a silent server holds the thread for ever.",
    "B201": "Turn Flask's debug mode off: its debugger runs code for whoever reaches it.",
    "B202": "Pass `filter='data'` to extractall, so that no member leaves the folder.",
    "B301": "Unpickling runs code: accept only data that this program wrote itself, or use JSON.",
    "B307": "Use ast.literal_eval, or a parser for the expressions that are meant.",
    "B310": "Check the scheme before opening: file: and custom schemes are accepted too.",
    "B311": "Use the secrets module where the number protects something.",
    "B324": "Use SHA-256, or pass `usedforsecurity=False` where a protocol prescribes the hash.",
    "B501": "Leave certificate checks on; give the private authority's certificate by `verify=PATH`.",
    "B506": "Use yaml.safe_load: the other loaders can build any Python object.",
    "B507": "Load known host keys and reject the others.",
    "B602": "Pass a list of arguments without shell=True, or quote with shlex.quote.",
    "B605": "Use subprocess.run with a list of arguments.",
    "B608": "Let the database driver bind the values; build only identifiers, from a fixed list.",
    "B701": "Make the environment with autoescape=select_autoescape().",
    "B703": "Build the text with format_html, which escapes its arguments.",
    "B704": "Build the text with Markup.format, which escapes its arguments.",
}
_ELSE = "Check whether outside input reaches this place; mend it, or say in a comment why it is safe."


def title_of(rule: str, name: str) -> str:
    """What a rule found, in words."""
    return TITLES.get(rule) or name.replace("_", " ")


def advice_for(rule: str) -> str:
    """What to do about a finding of the rule `bandit-B000`."""
    return ADVICE.get(rule.removeprefix("bandit-"), _ELSE)
