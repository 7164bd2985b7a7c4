"""What a server did against the protocol, counted and bounded."""


class Faults:
    """Faults by their kind. `grave` is whether something may have been lost to them."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._faults: dict[str, int] = {}
        self._requests: dict[str, int] = {}
        self._texts = 0

    @property
    def grave(self) -> bool:
        """Plain text between the messages and requests that we refused lose nothing; all else may."""
        return bool(self._faults)

    def note(self, what: str) -> None:
        """A fault."""
        self._count(self._faults, what)

    def note_text(self) -> None:
        """A line of plain text where only messages belong: no reader can take it for one."""
        self._texts += 1

    def note_request(self, method: str) -> None:
        """A request of the server that was refused."""
        self._count(self._requests, method[:60])

    def _count(self, counter: dict[str, int], what: str) -> None:
        kind = what if what in counter or len(counter) < self._most else "others"
        counter[kind] = counter.get(kind, 0) + 1

    def summary(self) -> str:
        """All of it in a few words, or nothing."""
        if not (self._faults or self._texts or self._requests):
            return ""
        parts = [f"{count} × {what}" for what, count in self._faults.items()]
        if self._texts:
            parts.append(f"{self._texts} × plain text between the messages")
        parts += [f"{count} × asked us for {method}, and was refused" for method, count in self._requests.items()]
        return "; ".join(parts)
