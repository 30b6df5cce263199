import re

_NAME = re.compile(r"^(licen[cs]e|copying|unlicense)([-.][\w.-]+)?$", re.IGNORECASE)
_NOT_TEXT = re.compile(r"\.(py|js|ts|go|rs|java|c|h|html|json|yaml|yml)$", re.IGNORECASE)
_DEPTH = 1

_MARKS: tuple[tuple[str, str], ...] = (
    ("AGPL-3.0", "gnu affero general public license version 3"),
    ("LGPL-3.0", "gnu lesser general public license version 3"),
    ("LGPL-2.1", "gnu lesser general public license version 2.1"),
    ("GPL-3.0", "gnu general public license version 3"),
    ("GPL-2.0", "gnu general public license version 2"),
    ("Apache-2.0", "apache license version 2.0"),
    ("MPL-2.0", "mozilla public license version 2.0"),
    ("MPL-2.0", "mozilla public license, version 2.0"),
    ("EPL-2.0", "eclipse public license - v 2.0"),
    ("EUPL-1.2", "european union public licence v. 1.2"),
    ("BSL-1.0", "boost software license - version 1.0"),
    ("BUSL-1.1", "business source license 1.1"),
    ("Elastic-2.0", "elastic license 2.0"),
    ("CC0-1.0", "cc0 1.0 universal"),
    ("CC-BY-SA-4.0", "attribution-sharealike 4.0 international"),
    ("CC-BY-4.0", "attribution 4.0 international"),
    ("PSF-2.0", "python software foundation license version 2"),
    ("Unlicense", "this is free and unencumbered software released into the public domain"),
    ("WTFPL", "do what the fuck you want to public license"),
    ("Zlib", "this software is provided 'as-is', without any express or implied warranty. in no event"),
    ("ISC", "permission to use, copy, modify, and/or distribute this software for any purpose with or"),
    ("ISC", "permission to use, copy, modify, and distribute this software for any purpose with or"),
    ("MIT", "permission is hereby granted, free of charge, to any person obtaining a copy"),
)
_BSD = "redistribution and use in source and binary forms"
_BSD_THIRD = ("neither the name", "names of its contributors may", "endorse or promote")
_BSD_FOURTH = "all advertising materials"


def find_licence(path: str, content: bytes) -> tuple[bool, str | None]:
    """Whether this is a licence file near the root, and the licence's SPDX name when its words are known."""
    name = path.rpartition("/")[2]
    near = path.count("/") == 0 or (path.count("/") == _DEPTH and path.lower().startswith("licenses/"))
    if not near or not _NAME.match(name) or _NOT_TEXT.search(name):
        return False, None
    return True, name_licence(content.decode("utf-8", "replace"))


def name_licence(text: str) -> str | None:
    """The SPDX name of the licence with these words, None when no known one fits."""
    words = " ".join(text.lower().replace("*", " ").replace("(c)", " ").split())
    for name, mark in _MARKS:
        if mark in words or mark in words.replace(",", ""):
            return name
    if _BSD not in words:
        return None
    if _BSD_FOURTH in words:
        return "BSD-4-Clause"
    return "BSD-3-Clause" if any(mark in words for mark in _BSD_THIRD) else "BSD-2-Clause"
