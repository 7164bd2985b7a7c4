"""Writing files that may tell of an estate's weaknesses: for their owner only, whole or not at all."""

import os
import secrets
from pathlib import Path


def write_private(path: Path, text: str, mode: int = 0o600) -> None:
    """Write `text` to `path` with mode 0600, replacing a file that is there in one step. Raises OSError.

    `mode` is another one for a file that was given it before. A pipe or a device, such as
    /dev/stdout, is written to and stays what it is.
    """
    if is_stream(path):
        with path.open("w", encoding="utf-8", errors="backslashreplace") as device:
            device.write(text)
        return
    draft = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
        if mode != 0o600:
            draft.chmod(mode)
        draft.replace(path)
    except OSError:
        draft.unlink(missing_ok=True)
        raise


def is_stream(path: Path) -> bool:
    """Whether a path is to be written through: `/dev/stdout` is a link to what may well be a regular file."""
    return path.absolute().is_relative_to("/dev") or (path.exists() and not path.is_file())
