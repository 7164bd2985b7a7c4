"""Times as text: RFC 3339 in UTC."""

from datetime import UTC, datetime


def rfc3339(moment: datetime) -> str:
    """To the second, with `Z`. A time without a zone is taken as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return aware.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
