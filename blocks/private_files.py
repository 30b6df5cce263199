"""Files that hold a secret: made once, whole, and readable by their owner alone."""

import os
import secrets
import stat
from pathlib import Path

from blocks.errors import BadInput


def make_private(path: Path, text: str) -> bool:
    """Make the file with this text and mode 0600; False when it was there before, also by a hair."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(text)
        # A link appears whole or not at all, and fails where another process was faster.
        os.link(draft, path)
    except FileExistsError:
        return False
    finally:
        draft.unlink()
    return True


def read_private(path: Path, what: str) -> str:
    """The file's text; `BadInput` says how to mend a file that others can read, or that is not there."""
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
        if mode & 0o077:
            raise BadInput(
                f"the {what} {path} can be read by others (mode {mode:04o})", mend=f"chmod 600 {path}"
            )
        return path.read_text(encoding="ascii")
    except OSError as error:
        raise BadInput(f"cannot read the {what} {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"the {what} {path} is not plain text") from None
