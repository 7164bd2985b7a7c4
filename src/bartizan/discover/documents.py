"""Texts of documents as they are kept for judging: secrets as marks, line for line, within two limits."""

import re
from collections.abc import Iterator

from bartizan.discover.credentials import redact_value
from bartizan.discover.gather import Gathering
from bartizan.discover.walk import encodable
from bartizan.model.asset import AssetId
from bartizan.model.coverage import Outcome
from bartizan.model.credential import FoundCredential
from bartizan.model.document import DocumentText
from bartizan.model.errors import Place
from bartizan.model.limits import Limits
from bartizan.model.origin import Origin
from bartizan.model.secret import Secret
from bartizan.text.patterns import find_secrets, is_placeholder
from bartizan.text.redaction import redact_text

# Where a text comes from, by the role of the file. What defines an agent instructs it.
ORIGINS = {
    "instruction": Origin.INSTRUCTION_FILE,
    "agent": Origin.INSTRUCTION_FILE,
    "skill": Origin.SKILL,
    "hook": Origin.HOOK,
    "script": Origin.HOOK,
    "memory": Origin.MEMORY,
}
_NAMED = re.compile(
    r"(?i)\b([a-z0-9_\-]{0,40}(?:passw|pwd|passphrase|secret|token|api_?key|access_?key|credential)[a-z0-9_\-]{0,20})"
    r"([\"']?[ \t]{0,4}[=:][ \t]{0,4}[\"']?)([a-z0-9+/_\-.~!@#%^*]{6,300})"
)


class Texts:
    """Takes the texts of one reading. Together they hold no more than `documents_characters_max`."""

    def __init__(self, gathering: Gathering, key: Secret, limits: Limits) -> None:
        self._gathering, self._key, self._limits = gathering, key, limits
        self._room = limits.documents_characters_max

    def take(
        self, asset: AssetId, role: str, text: str, place: Place, *, line: int | None = 1
    ) -> list[FoundCredential]:
        """Keep one text for judging, and give the credentials in it; what a limit cuts is a look."""
        if not text.strip():
            return []
        shown, found = redact_prose(text[: self._limits.file_bytes_max], place.path, self._key)
        kept = shown[: min(self._room, self._limits.document_characters_max)]
        self._room -= len(kept)
        cut = len(kept) < len(shown)
        if cut:
            each, together = self._limits.document_characters_max, self._limits.documents_characters_max
            reason = f"not all of it is judged: document_characters_max ({each}), documents_characters_max ({together})"
            self._gathering.look("text", Outcome.TRUNCATED, reason, place, subject=asset)
        self._gathering.text(DocumentText(asset=asset, origin=ORIGINS[role], text=kept, line=line, cut=cut))
        return found


def redact_prose(text: str, file: str, key: Secret) -> tuple[str, list[FoundCredential]]:
    """A text with its secrets as marks and its lines where they were, and the credentials of vendor formats by line.

    What is a secret only by its name becomes a mark too, where it has a digit: a row of words under such a name is
    for the judge to read.
    """
    text = encodable(text)
    parts: list[str] = []
    found: list[FoundCredential] = []
    line, end = 1, 0
    for span in find_secrets(text):
        value = text[span.start : span.end]
        line += text.count("\n", end, span.start)
        parts += [text[end : span.start], *_marked(value, span.kind, Place(path=file, line=line), key, found)]
        line, end = line + value.count("\n"), span.end
    return _NAMED.sub(lambda match: _by_name(match, key), "".join(parts) + text[end:]), found


def _marked(value: str, kind: str, place: Place, key: Secret, found: list[FoundCredential]) -> Iterator[str]:
    if is_placeholder(value):
        yield value
        return
    credentials = redact_text(value, place, key, name=kind).credentials
    found += credentials
    yield (credentials[0].mark() if credentials else f"‹{kind}›") + "\n" * value.count("\n")


def _by_name(match: re.Match[str], key: Secret) -> str:
    name, between, value = match.groups()
    if not any(letter.isdigit() for letter in value):
        return match[0]
    return name + between + redact_value(name, value, Place(), key).text
