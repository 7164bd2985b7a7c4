"""The built-in output formats, registered as a plugin's would be."""

from bartizan.plugins import Renderer, hookimpl
from bartizan.report import cyclonedx, html, json, ocsf, sarif, table


@hookimpl
def bartizan_renderers() -> dict[str, Renderer]:
    """By the name that `--format` takes."""
    return {
        "table": table.render,
        "json": json.render,
        "html": html.render,
        "sarif": sarif.render,
        "ocsf": ocsf.render,
        "cyclonedx": cyclonedx.render,
        "cyclonedx-1.6": cyclonedx.render_1_6,
    }
