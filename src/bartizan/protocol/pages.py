"""One list of a server, page by page: what it defined, and whether that is all."""

from typing import Any, cast

from bartizan.model.coverage import Outcome
from bartizan.model.limits import Limits
from bartizan.model.snapshot import Era
from bartizan.protocol.mcp import METHOD_NOT_FOUND, Part


class Pages:
    """The pages of one list. `definitions` are the server's own JSON; `outcome` is None while it goes on."""

    def __init__(self, part: Part, limits: Limits) -> None:
        self.part = part
        self.definitions: list[Any] = []
        self.outcome: Outcome | None = None
        self.reason = ""
        self._limits = limits
        self._cursors: set[str] = set()
        self._count = 0

    def take(self, result: dict[str, Any], era: Era, defined: int) -> str | None:
        """Take a page; give the cursor of the next one, or None. `defined` counts the definitions of all lists."""
        kind = result.get("resultType", "complete")
        items = result.get(self.part.key)
        if era is Era.MODERN and kind != "complete":
            return self.fail("the server's result is not `complete`, which a list must be")
        if not isinstance(items, list):
            return self.fail(f"the server's result has no list `{self.part.key}`")
        room = self._limits.definitions_max - defined
        self.definitions += cast("list[Any]", items)[: max(room, 0)]
        self._count += 1
        if len(cast("list[Any]", items)) > room:
            return self._limited("definitions_max", self._limits.definitions_max)
        return self._cursor(result.get("nextCursor"))

    def _cursor(self, cursor: Any) -> str | None:
        """An empty string is a cursor; null is as good as none."""
        if cursor is None:
            self.outcome = Outcome.LOOKED
            return None
        if not isinstance(cursor, str):
            return self.fail("a cursor that is not a string", Outcome.TRUNCATED)
        if cursor in self._cursors:
            return self.fail("the same cursor twice: the list goes in a circle", Outcome.TRUNCATED)
        if self._count >= self._limits.pages_max:
            return self._limited("pages_max", self._limits.pages_max)
        self._cursors.add(cursor)
        return cursor

    def refuse(self, error: dict[str, Any], reason: str) -> None:
        """Take an error instead of a page."""
        if error.get("code") == METHOD_NOT_FOUND and self.part.name == "resource_templates" and not self._count:
            self.absent("the server has resources and no templates")
        else:
            self.fail(reason)

    def absent(self, reason: str) -> None:
        """The server does not offer this list."""
        self.outcome, self.reason = Outcome.ABSENT, reason

    def fail(self, reason: str, outcome: Outcome = Outcome.FAILED) -> None:
        """End the list. What came before stays, and then it is truncated."""
        truncated = outcome is Outcome.FAILED and self._count > 0
        self.outcome, self.reason = Outcome.TRUNCATED if truncated else outcome, reason

    def _limited(self, name: str, most: float) -> None:
        self.fail(f"limit {name} ({most:g}) exceeded", Outcome.TRUNCATED)
