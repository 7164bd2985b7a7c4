"""References to secrets, as `bartizan.yml` writes them: `env:NAME`, `file:PATH`, `local:NAME`."""

import os
from pathlib import Path

from bartizan.adapters.vaults.local import LocalVault
from bartizan.model.errors import Place, UsageError
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import Secret

SCHEMES = ("env:", "file:", "local:")


class References:
    """The port `Vault` over the references that need no service."""

    def __init__(self, local: LocalVault) -> None:
        self._local = local

    def read(self, reference: str) -> Secret:
        """Give the secret behind a reference. Raises UsageError, which never holds it."""
        scheme, _, name = reference.partition(":")
        if scheme == "env":
            value = os.environ.get(name)
            if not value:
                raise UsageError(f"the variable {name} is not set", remedy=f"set it, or change {reference}")
            return Secret(value)
        if scheme == "file":
            return self._file(Path(name).expanduser())
        if scheme == "local":
            return self._local.read(reference)
        raise UsageError(f"{reference!r} is no reference to a secret", remedy=f"begin it with {', '.join(SCHEMES)}")

    def _file(self, path: Path) -> Secret:
        try:
            if path.stat().st_size > DEFAULT.document_bytes_max:
                raise UsageError("too large for a secret", where=Place(path=str(path)))
            return Secret(path.read_text(encoding="utf-8").removesuffix("\n"))
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
            raise UsageError(f"cannot read the secret: {reason}", where=Place(path=str(path))) from None
