"""How far a command is that reads lines: on a terminal only, and only where its results go elsewhere."""

import sys

_LINES_A_STEP = 2_000


class Progress:
    """Counts what is done; `done` says it, such as `lines judged`."""

    def __init__(self, done: str) -> None:
        self._done = done
        self._shown = sys.stderr.isatty() and not sys.stdout.isatty()
        self._lines = 0

    def step(self) -> None:
        """Count one more."""
        self._lines += 1
        if self._shown and self._lines % _LINES_A_STEP == 0:
            sys.stderr.write(f"\r{self._lines:,} {self._done}")
            sys.stderr.flush()

    def note(self, told: str) -> None:
        """Say something on a line of its own."""
        self.clear()
        sys.stderr.write(f"bartizan: {told}\n")

    def clear(self) -> None:
        """Take the count away."""
        if self._shown and self._lines >= _LINES_A_STEP:
            sys.stderr.write("\r\x1b[K")
