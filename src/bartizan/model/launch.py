"""Launch: how a server is started or reached. It may hold secrets, so it lives in memory only."""

from collections.abc import Mapping

import msgspec

from bartizan.model.secret import Secret
from bartizan.model.snapshot import Transport


class Launch(msgspec.Struct, frozen=True, kw_only=True):
    """A configured server as its client would start or reach it.

    `command` is program and arguments; `shown` is the same (or the URL) with secrets as marks, and is what a person
    is asked to consent to and what is stored. `opaque` numbers the words, from 0, whose marks hide what a shell or an
    interpreter would act on. Not serialisable: `Secret` refuses.
    """

    transport: Transport
    command: tuple[Secret, ...] = ()
    environment: Mapping[str, Secret] = {}
    directory: str | None = None
    url: Secret | None = None
    headers: Mapping[str, Secret] = {}
    shown: str = ""
    opaque: tuple[int, ...] = ()
