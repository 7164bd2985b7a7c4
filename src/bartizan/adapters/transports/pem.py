"""A key in memory, where OpenSSL wants a file."""

import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

from bartizan.model.secret import Secret


@contextmanager
def as_file(secret: Secret) -> Generator[str]:
    """A path at which the secret can be read meanwhile: in memory on Linux, elsewhere a file for its owner alone."""
    data = secret.reveal().encode()
    if hasattr(os, "memfd_create"):
        with os.fdopen(os.memfd_create("pem"), "wb") as file:
            file.write(data)
            file.flush()
            yield f"/proc/self/fd/{file.fileno()}"
        return
    with tempfile.NamedTemporaryFile(suffix=".pem") as file:
        file.write(data)
        file.flush()
        yield file.name
