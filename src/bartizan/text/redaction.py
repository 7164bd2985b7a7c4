"""The one place where secrets become marks: those that a server was given, however written, and those of a format."""

import re
from collections.abc import Sequence
from typing import Any, cast

import msgspec

from bartizan.model.credential import FoundCredential
from bartizan.model.errors import Place
from bartizan.model.json import as_array, as_object
from bartizan.model.launch import Launch
from bartizan.model.secret import MARK, Secret, fingerprint
from bartizan.text.given import patterns_of
from bartizan.text.patterns import SecretSpan, find_all_secrets, find_secrets, is_placeholder, replaced

_POINTER_MAX = 500


class Redacted(msgspec.Struct, frozen=True, kw_only=True):
    """A text with its secrets as marks, and the credentials that stood in it."""

    text: str
    credentials: tuple[FoundCredential, ...] = ()


def redact_text(text: str, place: Place, key: Secret, *, name: str = "") -> Redacted:
    """A text: secrets of known vendor formats become marks."""
    return _redacted(text, find_secrets(text), place, key, name)


def _redacted(text: str, spans: Sequence[SecretSpan], place: Place, key: Secret, name: str = "") -> Redacted:
    credentials: list[FoundCredential] = []
    marks: list[tuple[int, int, str]] = []
    for span in spans:
        value = text[span.start : span.end]
        if is_placeholder(value):
            continue
        credential = FoundCredential(
            kind=span.kind,
            fingerprint=fingerprint(Secret(value), key),
            name=name,
            place=place,
            backend=_backend(text, span) if span.kind == "url-password" else "",
        )
        credentials.append(credential)
        marks.append((span.start, span.end, credential.mark()))
    return Redacted(text=replaced(text, marks), credentials=tuple(credentials))


def _backend(text: str, password: SecretSpan) -> str:
    """Scheme, host and port of the URL around a password."""
    before, after = text[max(0, password.start - 150) : password.start], text[password.end : password.end + 260]
    scheme = re.search(r"([A-Za-z][A-Za-z0-9+.\-]{1,20})://[^\s/]*\Z", before)
    host = re.match(r"@([^\s/?#,]{1,253})", after)
    return f"{scheme[1].lower()}://{host[1].lower()}" if scheme and host else ""


class Redactor:
    """Marks what one server says. `credentials` are those of known formats that stood in it, in the order found.

    `repeated` says whether the server's definitions held a credential that it was given.
    """

    def __init__(self, launch: Launch, key: Secret) -> None:
        self._given = patterns_of(launch)
        self._key = key
        self._clean: set[str] = set()  # most texts have nothing to hide, and many come again
        self._alike = 0
        self.credentials: list[FoundCredential] = []
        self.repeated = False

    def speech(self, text: str, pointer: str = "") -> str:
        """Free text, such as standard error or an error message: also what only its name makes a credential."""
        shown = self._without_given(text)
        return self._keep(_redacted(shown, find_all_secrets(shown), Place(pointer=pointer), self._key))

    def json(self, value: Any, pointer: str = "") -> Any:
        """The server's own JSON; what has nothing to hide is the same object. `pointer` is where it stands."""
        if isinstance(value, str):
            return self._text(value, pointer)
        if isinstance(value, list | tuple):
            items = as_array(value)
            marked = [self.json(item, f"{pointer}/{number}") for number, item in enumerate(items)]
            if all(one is other for one, other in zip(marked, items, strict=True)):
                return cast("Any", value)
            return tuple(marked) if isinstance(value, tuple) else marked
        if isinstance(value, dict):
            fields = as_object(value)
            changed: dict[str, Any] = {}
            for name, item in fields.items():
                shown = self._text(name, pointer)
                while shown in changed:  # two spellings of one secret: neither may hide the other's value
                    self._alike += 1
                    shown = f"{shown} {self._alike}"
                changed[shown] = self.json(item, f"{pointer}/{shown}")
            return fields if all(changed.get(name) is item for name, item in fields.items()) else changed
        return value

    def _text(self, text: str, pointer: str) -> str:
        if text in self._clean:
            return text
        shown = self._without_given(text)
        self.repeated |= shown is not text
        shown = self._keep(redact_text(shown, Place(pointer=pointer[:_POINTER_MAX]), self._key))
        if shown != text:
            return shown
        self._clean.add(text)
        return text

    def _without_given(self, text: str) -> str:
        for pattern in self._given:
            if spans := pattern.groups(text):
                text = replaced(text, [(start, end, MARK) for start, end in spans])
        return text

    def _keep(self, redacted: Redacted) -> str:
        self.credentials += redacted.credentials
        return redacted.text
