"""The content that ships, registered as a plugin's would be."""

from bartizan.plugins import hookimpl


@hookimpl
def bartizan_content() -> list[str]:
    """Name this package."""
    return ["bartizan.content"]
