"""An option that takes a JSON object: written out, from a file, or from standard input."""

import json
import sys
from pathlib import Path
from typing import Any

from blocks.errors import BadInput


def json_object(given: str, option: str, example: str) -> dict[str, Any]:
    """The object that `JSON`, `@FILE` or `-` gives; what is wrong is `BadInput`, named by the option."""
    try:
        if given == "-":
            text = sys.stdin.read()
        else:
            text = Path(given[1:]).read_text(encoding="utf-8") if given.startswith("@") else given
        found = json.loads(text)
    except OSError as error:
        raise BadInput(f"{option}: {given[1:]} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise BadInput(f"{option}: {given[1:]} cannot be read: {error}") from None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{option} is not JSON: {error}") from None
    if not isinstance(found, dict):
        raise BadInput(f"{option} takes a JSON object, such as '{example}'")
    return found
