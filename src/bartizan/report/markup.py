"""Markup: templates whose every text passes one point, where it is made visible and then escaped."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

import msgspec
from jinja2 import Environment, StrictUndefined, Template
from markupsafe import Markup

from bartizan.model.errors import Place
from bartizan.model.limits import DEFAULT
from bartizan.report.page import STYLE
from bartizan.text.normalise import show

_BRIEF_MAX = 400
_LABEL_MAX = 64


def compiled(template: str, helpers: Mapping[str, Any]) -> Template:
    """A template of ours, with the common style in its place `STYLE` and the policy that allows only this style."""
    environment = Environment(
        autoescape=True, finalize=_harmless, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    tables: Any = environment  # Jinja does not type them
    tables.filters |= {"brief": _brief, "label": label, "short": _short, "where": _where, "words": _words}
    tables.globals |= {**helpers, "rows_max": DEFAULT.report_rows_max, "style_hash": _style_hash()}
    return environment.from_string(template.replace("STYLE", STYLE, 1))


def _style_hash() -> str:
    """What the content security policy allows: this style and no other."""
    return "sha256-" + base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()


def _harmless(value: object) -> object:
    """The one point: every text that a template puts out passes here, and what comes out is escaped by Jinja."""
    if value is None:
        return ""
    if isinstance(value, str) and not isinstance(value, Markup):
        return show(value)
    return value


def _short(value: str) -> str:
    return show(value, most=DEFAULT.shown_name_characters_max)


def label(value: str, most: int = _LABEL_MAX) -> str:
    """A name in a narrow column or box."""
    return show(value, most=most)


def _brief(value: str) -> str:
    return show(value, most=_BRIEF_MAX)


def _where(place: Place | str) -> str:
    """File and line, which an editor opens; the pointer only where there is no line."""
    if isinstance(place, Place) and place.line is not None:
        return str(msgspec.structs.replace(place, pointer=""))
    return str(place)


def _words(value: str) -> str:
    """A text of a rule, without the line breaks of its file."""
    return " ".join(value.split())
