"""The vault `local:`: one file a secret, in the state folder, readable by its owner only."""

import os
import re
import secrets
from pathlib import Path

from bartizan.model.errors import Place, UsageError
from bartizan.model.secret import Secret

_NAME = re.compile(r"[a-z][a-z0-9\-]{0,63}")
_GENERATED_BYTES = 32


class LocalVault:
    """Secrets as files of mode 0600 below `folder`. It protects from other users, not from programs of this one."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, reference: str) -> Secret:
        """Give the secret of `local:NAME`. Raises UsageError where there is none or others could have read it."""
        path = self._path(reference)
        try:
            mode = path.stat().st_mode & 0o777
            value = path.read_text(encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"no secret {reference}: {error.strerror}", where=Place(path=str(path)), remedy="store it first"
            ) from None
        if os.name == "posix" and mode & 0o077:
            raise UsageError(
                f"secret {reference} can be read by other users (mode {mode:o})",
                where=Place(path=str(path)),
                remedy=f"chmod 600 {path}, and replace the secret: it has to be counted as read",
            )
        return Secret(value)

    def read_or_make(self, reference: str) -> Secret:
        """Give the secret of `local:NAME`; the first caller makes it, at random. Safe between processes."""
        path = self._path(reference)
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            draft = path.with_name(f".{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
                file.write(secrets.token_hex(_GENERATED_BYTES))
            try:
                os.link(draft, path)  # atomic, and whoever was first wins
            except FileExistsError:
                pass  # another process made it a moment ago: its secret is the one
            finally:
                draft.unlink()
        return self.read(reference)

    def _path(self, reference: str) -> Path:
        scheme, _, name = reference.partition(":")
        if scheme != "local" or not _NAME.fullmatch(name):
            raise UsageError(f"{reference!r} is not a reference of the form local:NAME", remedy="use a-z, 0-9 and -")
        return self._folder / name
