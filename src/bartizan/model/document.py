"""DocumentText: what a file says to an agent, as it is judged."""

import msgspec

from bartizan.model.asset import AssetId
from bartizan.model.origin import Origin


class DocumentText(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A text that an agent reads as its orders, or code that runs for it: hostile, with secrets as marks.

    `asset` is the document, or the agent that is defined within one. `line` is the line of the file on which the text
    begins, and None where lines of the text are not lines of the file, as texts out of JSON are not. `cut` says that
    a limit left something of it out; then there is a look as well.
    """

    asset: AssetId
    origin: Origin
    text: str
    line: int | None = 1
    cut: bool = False
