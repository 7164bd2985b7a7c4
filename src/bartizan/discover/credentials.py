"""Credentials where they stand: each leaves this room as kind, place and fingerprint, and its text as a mark."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence

import msgspec

from bartizan.model.credential import FoundCredential
from bartizan.model.errors import Place
from bartizan.model.secret import Secret, fingerprint
from bartizan.text.patterns import (
    PASSWORD_NAMES,
    entropy_bits,
    is_generated,
    is_placeholder,
    names_credential,
    words_of,
)
from bartizan.text.redaction import Redacted, redact_text

GENERIC = "generic"


def redact_value(name: str, value: str, place: Place, key: Secret) -> Redacted:
    """A named value: a variable, header or option. Judged by its format first, then by its name."""
    return redact_url(value, place, key, name=name) if "://" in value else _redact_named(name, value, place, key)


def _redact_named(name: str, value: str, place: Place, key: Secret) -> Redacted:
    """A named value that is no URL."""
    if is_placeholder(value):
        return Redacted(text=value)
    found = redact_text(value, place, key, name=name)
    return found if found.credentials else _by_name(name, value, found, place, key)


def _by_name(name: str, value: str, found: Redacted, place: Place, key: Secret) -> Redacted:
    """What a value is by its name, where its format says nothing."""
    if not _holds_credential(name, value):
        return found
    prefix, secret = _scheme(value)
    credential = _generic(name, secret, place, key)
    return Redacted(text=prefix + credential.mark(), credentials=(credential,))


def _generic(name: str, secret: str, place: Place, key: Secret) -> FoundCredential:
    return FoundCredential(kind=GENERIC, fingerprint=fingerprint(Secret(secret), key), name=name, place=place)


_USER_OPTIONS = frozenset({"-u", "--user", "--userpwd", "--proxy-user", "--basic-auth"})
_USER_PASSWORD = re.compile(r"([^\s:/@]{1,100}:)([^\s/]{6,300})")
_OPTION = re.compile(r"(--?[A-Za-z][\w\-.]*)=(.*)", re.DOTALL)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_HEADER = re.compile(r"([A-Za-z][A-Za-z0-9\-]*):\s*(.+)", re.DOTALL)


def redact_command(
    command: Sequence[str], place: Place, key: Secret
) -> tuple[tuple[str, ...], tuple[FoundCredential, ...]]:
    """Program and arguments with secrets as marks: options, assignments, headers, URLs, bare formats."""
    shown: list[str] = []
    credentials: list[FoundCredential] = []
    before = ""
    for number, word in enumerate(command):
        at = msgspec.structs.replace(place, pointer=f"{place.pointer}/{number}" if place.pointer else "")
        redacted = _redact_word(word, before, at, key) if number else redact_text(word, at, key)
        shown.append(redacted.text)
        credentials += redacted.credentials
        before = word
    return tuple(shown), tuple(credentials)


def _redact_word(word: str, before: str, place: Place, key: Secret) -> Redacted:
    if redacted := _redact_user(word, before, place, key) or _redact_header(word, before, place, key):
        return redacted
    for form in (_OPTION, _ASSIGNMENT, _HEADER):
        if (match := form.fullmatch(word)) and names_credential(match[1]):
            redacted = redact_value(match[1].lstrip("-"), match[2], place, key)
            return Redacted(text=word[: match.start(2)] + redacted.text, credentials=redacted.credentials)
    if before.startswith("-") and "=" not in before and not word.startswith("-") and names_credential(before):
        return redact_value(before.lstrip("-"), word, place, key)
    return redact_url(word, place, key) if "://" in word else redact_text(word, place, key)


_MARK = re.compile(r"‹[^‹›]{0,200}›")
_ACTING = frozenset(";&|<>`$(){}'\"\\ \t\r\n")


def hides_code(word: str, shown: str) -> bool:
    """Whether the marks in a shown word hide characters on which a shell or an interpreter acts.

    What looks like a secret can be a command: `sh -c 'TOKEN=x;evil'`. It stays hidden, but nobody consents unaware.
    """
    if word == shown:
        return False
    before, after = Counter(word), Counter(_MARK.sub("", shown))
    return any(before[one] > after[one] for one in _ACTING)


def _redact_user(word: str, before: str, place: Place, key: Secret) -> Redacted | None:
    """`--user NAME:PASSWORD`; not a group's name or number, which stands there too: `--user node:node`."""
    option, equals, value = word.partition("=") if word.startswith("-") else (before, "=", word)
    if not equals or option not in _USER_OPTIONS or not (pair := _USER_PASSWORD.fullmatch(value)):
        return None
    if pair[2].isdigit() or not any(one.isdigit() for one in pair[2]):
        return None
    credential = _generic(option.lstrip("-"), pair[2], place, key)
    return Redacted(text=word.removesuffix(pair[2]) + credential.mark(), credentials=(credential,))


def _redact_header(word: str, before: str, place: Place, key: Secret) -> Redacted | None:
    """`-H 'NAME: VALUE'` of a credential's name: the whole value where it has blanks, whatever its scheme is."""
    match = _HEADER.fullmatch(word) if before in {"-H", "--header"} else None
    if match is None or not names_credential(match[1]):
        return None
    redacted = redact_value(match[1], match[2], place, key)
    if not redacted.credentials and " " in match[2].strip() and not is_placeholder(match[2]):
        credential = _generic(match[1], match[2], place, key)
        redacted = Redacted(text=credential.mark(), credentials=(credential,))
    return Redacted(text=word[: match.start(2)] + redacted.text, credentials=redacted.credentials)


_QUERY = re.compile(r"([?&;#])([^=&;#?]+)=((?:[^&;#?]|\?(?![^=&;#?]+=))*)")
_USER = re.compile(r"([A-Za-z][\w+.\-]{1,20}://)([^\s/?#@:‹›]{1,300})((?::(?:‹[^‹›]*›|[^\s/?#@‹])*)?@)")
_SEGMENT = re.compile(r"(?<=/)[^/?#\s‹›]{16,512}(?=[/?#]|\Z)")


def redact_url(url: str, place: Place, key: Secret, *, name: str = "url") -> Redacted:
    """A URL: user information, vendor formats, generated words in its path, parameters whose names hold credentials."""
    base = redact_text(url, place, key, name="url")
    credentials = list(base.credentials)

    def hidden(value: str) -> str:
        credentials.append(_generic("url", value, place, key))
        return credentials[-1].mark()

    def user(match: re.Match[str]) -> str:
        return match[1] + (hidden(match[2]) if is_generated(match[2]) else match[2]) + match[3]

    def segment(match: re.Match[str]) -> str:
        return hidden(match[0]) if is_generated(match[0]) else match[0]

    def parameter(match: re.Match[str]) -> str:
        redacted = _redact_named(match[2], match[3], place, key)
        credentials.extend(redacted.credentials)
        return f"{match[1]}{match[2]}={redacted.text}"

    path, rest = _before_query(_USER.sub(user, base.text))
    text = (_SEGMENT.sub(segment, path) if _WEB.match(path) else path) + _QUERY.sub(parameter, rest)
    found = Redacted(text=text, credentials=tuple(credentials))
    return found if credentials else _by_name(name, url, found, place, key)


_WEB = re.compile(r"(?:https?|wss?)://", re.IGNORECASE)


def _before_query(url: str) -> tuple[str, str]:
    """The URL up to its query or fragment, and the rest."""
    match = re.search(r"[?#]", url)
    return (url[: match.start()], url[match.start() :]) if match else (url, "")


def redact_mapping(
    values: Mapping[str, str], place: Place, key: Secret
) -> tuple[dict[str, str], tuple[FoundCredential, ...]]:
    """Environment or headers: values that are credentials become marks, and so does a secret in place of a name."""
    shown: dict[str, str] = {}
    credentials: list[FoundCredential] = []
    for name, value in values.items():
        at = msgspec.structs.replace(place, pointer=f"{place.pointer}/{_escape(name)}" if place.pointer else "")
        safe = redact_text(name, at, key)
        redacted = redact_value(safe.text, value, at, key)
        shown[safe.text] = redacted.text
        credentials += (*safe.credentials, *redacted.credentials)
    return shown, tuple(credentials)


def _escape(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")


_HEADERS = frozenset({"authorization", "cookie"})


# A client puts something else there: what stands in the file is no whole credential.
_REFERENCE = re.compile(
    r"(?:[A-Za-z][\w+.\-]{1,20}://[^\s:/?#@]{0,100}:)?"
    r"(?:\$\{\{?[\w:.\- ]{1,200}\}\}?|\{(?:env|file):[\w:.\-/~]{1,200}\})(?:@\S{0,300})?"
)


def _holds_credential(name: str, value: str) -> bool:
    """A credential's name, and a value that is neither prose nor a path nor a plain word."""
    _, secret = _scheme(value)
    if (
        _REFERENCE.fullmatch(secret)
        or not names_credential(name)
        or secret.startswith(("/", "./", "~/", "http://", "https://"))
    ):
        return False
    last = words_of(name)[-1]
    if last in PASSWORD_NAMES:  # any value, a short one and one with blanks too
        return True
    blank = " " in secret.strip() and last not in _HEADERS
    if len(secret) < 6 or blank or (secret.isdigit() and len(secret) < 8):
        return False
    return entropy_bits(secret) > 1.5


def _scheme(value: str) -> tuple[str, str]:
    """Part `Bearer X` into its scheme and its credential."""
    match = re.match(r"(?i)(bearer|basic|token|apikey|api-key)\s+", value)
    return (value[: match.end()], value[match.end() :]) if match else ("", value)
