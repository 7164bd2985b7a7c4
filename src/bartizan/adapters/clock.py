"""The machine's clock."""

from datetime import UTC, datetime


class SystemClock:
    """Wall-clock time in UTC."""

    def now(self) -> datetime:
        """Aware, in UTC, without microseconds: what is stored is what is shown."""
        return datetime.now(UTC).replace(microsecond=0)
