"""Secrets in text: vendor formats, and values that stand where a credential belongs. RE2 only: no text can stall it."""

import math
import re
import string
import zlib
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec

from bartizan.model.secret import MARK
from bartizan.text import regex
from bartizan.text.secret_formats import FORMATS, NEVER_BEFORE

_KINDS = list(FORMATS)
_MATCHERS = [regex.Pattern(pattern) for pattern in FORMATS.values()]
# The set only says which formats to look for; without upper bounds it has far fewer states.
_ANY = regex.PatternSet(re.sub(r"\{(\d+),\d+\}", r"{\1,}", pattern) for pattern in FORMATS.values())
_CUT = {kind: re.compile(pattern) for kind, pattern in NEVER_BEFORE.items()}
ASSIGNED = "generic"  # the kind of what only its name makes a secret


_Range = tuple[int, int]
_NAMES_IN_A_ROW_MAX = 4


class SecretSpan(msgspec.Struct, frozen=True):
    """A secret in a text: its kind and where it stands, in code points."""

    kind: str
    start: int
    end: int


def find_secrets(text: str) -> list[SecretSpan]:
    """Secrets of known vendor formats, in order, without overlaps (the earlier and longer wins); no examples."""
    return _in_order(_of_formats(text))


def find_all_secrets(text: str) -> list[SecretSpan]:
    """Secrets of known formats, and values that a name, an option or a header in the text says are credentials.

    For logs, dumps and standard error, where nothing but the text tells which value belongs to which name.
    """
    known = find_secrets(text)
    return _in_order([*known, *_apart(_in_order(_assigned(text)), known)])


def without_secrets(text: str, mark: str = MARK) -> str:
    """The text with a mark for every secret of a known format."""
    return _marked(text, find_secrets(text), mark)


def without_all_secrets(text: str, mark: str = MARK) -> str:
    """The text with a mark for everything that `find_all_secrets` finds."""
    return _marked(text, find_all_secrets(text), mark)


def _of_formats(text: str) -> Iterator[SecretSpan]:
    for number in _ANY.matching(text):
        for start, end in _MATCHERS[number].groups(text):
            kind, cut = _KINDS[number], _CUT.get(_KINDS[number])
            if not (cut and cut.match(text, end)) and not is_example(kind, text[start:end]):
                yield SecretSpan(kind, start, end)


def _assigned(text: str) -> Iterator[SecretSpan]:
    for pattern in _ASSIGNMENTS:
        for name, value in pattern.pairs(text):
            yield from _judged(pattern, text, name, value)


def _judged(pattern: regex.Pattern, text: str, name: _Range, value: _Range) -> Iterator[SecretSpan]:
    """The value if it is a credential; else it may itself be the name of one: `auth: token: …`."""
    start, end = value
    for _ in range(_NAMES_IN_A_ROW_MAX):
        if is_credential_value(text[slice(*name)], text[start:end]):
            yield SecretSpan(ASSIGNED, start, end)
            return
        if not (_NAMING.search(text, start, end) and _SIGN.search(text, start, end)):
            return
        offset, pairs = start, pattern.pairs(text[start : end + 320])
        if not pairs:
            return
        name, (start, end) = ((one + offset, two + offset) for one, two in pairs[0])


def _marked(text: str, spans: Iterable[SecretSpan], mark: str) -> str:
    return replaced(text, ((span.start, span.end, mark) for span in spans))


def replaced(text: str, marks: Iterable[tuple[int, int, str]]) -> str:
    """The text with something else from each start to each end, in order; the same object where there is nothing."""
    parts, after = list[str](), 0
    for start, end, mark in marks:
        parts += [text[after:start], mark]
        after = end
    return "".join(parts) + text[after:] if parts else text


def _in_order(spans: Iterable[SecretSpan]) -> list[SecretSpan]:
    """Without overlaps: the earlier wins, and of two at one place the longer; it takes in what reaches beyond it."""
    found: list[SecretSpan] = []
    for span in sorted(spans, key=lambda one: (one.start, -one.end)):
        if not found or span.start >= found[-1].end:
            found.append(span)
        elif span.end > found[-1].end:
            found[-1] = SecretSpan(found[-1].kind, found[-1].start, span.end)
    return found


def _apart(spans: list[SecretSpan], known: list[SecretSpan]) -> Iterator[SecretSpan]:
    """The spans that overlap none of the known ones; both are in order."""
    at = 0
    for span in spans:
        while at < len(known) and known[at].end <= span.start:
            at += 1
        if at == len(known) or known[at].start >= span.end:
            yield span


# What the value of a credential's name is, in text of any language: assignments, headers, options, elements.
_WORD = r"(?:token|secret|passw|pwd|passphrase|credential|key|auth|cookie|bearer|\bpat\b|dsn)"
_NAMING = re.compile(_WORD, re.IGNORECASE)
_SIGN = re.compile("[:=]")
_NAME = rf"([\w.\-]*{_WORD}[\w.\-]*)"
_SCHEME = r"(?:(?:bearer|basic|token|apikey)[ \t]+)?"
_BARE = r"[^\s\"'`\\,;<>(){}\[\]|&]{4,300}"
_ASSIGNMENTS = [
    regex.Pattern(pattern)
    for pattern in (
        rf"(?i){_NAME}[\\\"'\])]{{0,4}}[ \t]{{0,8}}(?:=>|:=|:|==?)[ \t]{{0,8}}[\\]?[\"'`]{_SCHEME}"
        r"([^\"'`\r\n\\]{4,300})[\\\"'`]",
        rf"(?i){_NAME}[\\\"'\])]{{0,4}}[ \t]{{0,8}}(?:=>|:=|:|==?)[ \t]{{0,8}}{_SCHEME}({_BARE})",
        rf"(?i)(?:^|[\s\"'`])--?([\w\-]*{_WORD}[\w\-]*)[= \t]{{1,8}}[\"']?([^\s\"'`\\,;<>(){{}}\[\]|&\-]{_BARE})",
        r"(?:^|\s)(-u|--user)[= \t]{1,8}[\"']?[^\s:\"']{1,100}[\"']?:[\"']?([^\s\"']{4,100})",
        rf"(?i)<{_NAME}>([^<>\s]{{4,300}})</",
    )
]
_USERS = frozenset({"-u", "--user"})
# A host, or a member of an object of a program.
_DOTTED = re.compile(
    r"[\w\-]+(?:\.[\w\-]+){0,6}\.[A-Za-z_]{2,24}|"
    r"(?:process|os|import|self|this|config|settings|args|options|env|user|re[qs]|request|response|context|ctx)\??\..*"
)


def is_credential_value(name: str, value: str) -> bool:
    """Whether a value in free text is a credential: by its name, and by looking like neither a word nor code."""
    if not (any(map(str.isdigit, value)) and any(map(str.isalpha, value))):
        return False
    password = name in _USERS or (bool(words := words_of(name)) and words[-1] in PASSWORD_NAMES)
    if not (name in _USERS or names_credential(name)) or is_placeholder(value) or is_made_up(value):
        return False
    if len(value) < (6 if password else 10) or value.startswith(("/", "./", "~/", "$", "%", "{")) or "://" in value:
        return False
    return " " not in value and not _DOTTED.fullmatch(value) and entropy_bits(value) >= (2.0 if password else 3.0)


# A name that says its value is a credential. Judged on words, so that MONKEY or AUTHOR is none.
_CREDENTIAL_WORDS = frozenset(
    (
        "token secret password passwd pwd passphrase credential credentials apikey auth authorization bearer "
        "cookie pat dsn accesskey secretkey privatekey signingkey clientsecret connectionstring sessionkey"
    ).split()
)
_KEY_QUALIFIERS = frozenset(
    ("api access secret private signing encryption master service account auth app license").split()
)
_NOT_VALUES = frozenset(
    (
        "file path dir url uri endpoint host port type name method mode id expiry ttl scope scopes max limit "
        "version count length size hint help label prefix format policy provider env var variable required"
    ).split()
)
_SHOWN_TO_ALL = frozenset({"public", "publishable", "csrf", "xsrf"})
PASSWORD_NAMES = frozenset({"password", "passwd", "pwd", "passphrase"})
_PLACEHOLDER = re.compile(
    r"\$\{.*\}|\$[A-Za-z_]\w*|%[A-Za-z_]\w*%|\{\{.*\}\}|\{(?:env|file):.*\}|<.*>|\[.*\]|"
    r"(?:your|my|the)[-_ ].*|x{3,}|\*{3,}|\.{3}|"
    r"(?:changeme|change_me|example|placeholder|redacted|dummy|todo|none|null|true|false|test|undefined)|"
    r"(?:env|file|vault|aws-sm|keyring|local|op)://?.+|(?:env|file|vault|keyring|local):.+",
    re.IGNORECASE,
)


def words_of(name: str) -> list[str]:
    """The words of an identifier, lower case: `GITHUB_apiToken-2` gives `github api token 2`."""
    spaced = re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", name[:200])
    return [word.lower() for word in re.split(r"[^A-Za-z0-9]+", spaced) if word]


def names_credential(name: str) -> bool:
    """Whether a variable, argument, header or key of this name usually holds a credential."""
    words = words_of(name)
    if not words or words[-1] in _NOT_VALUES or name in {"PWD", "OLDPWD"}:  # the shell's folders
        return False
    if any(word in _CREDENTIAL_WORDS for word in words):
        return not _SHOWN_TO_ALL & set(words)
    return "key" in words and any(word in _KEY_QUALIFIERS for word in words)


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one to be filled in, or refers to a secret kept elsewhere."""
    stripped = value.strip().strip("\"'")
    return not stripped or bool(_PLACEHOLDER.fullmatch(stripped[:300]))


def _windows(row: str, width: int) -> Iterator[str]:
    return (row[at : at + width] for at in range(len(row) - width + 1))


_ROWS = (("01234567890123456789", 12), (string.ascii_lowercase, 9), (string.ascii_uppercase, 9))
_MADE_UP = regex.Finder(
    r"((?i:example|placeholder|change[-_]?me|redacted|your[-_]|[-_]here\b)|x{7}|X{7}|\*{7}|0{7}|1{7}|\.{7}|#{7}|"
    + "|".join(window for row, width in _ROWS for window in _windows(row, width))
    + ")"
)
# Passwords may be anything, and what is encoded has rows and runs of its own.
_ANYTHING = frozenset({"url-password", "private-key"})
_ENCODED = frozenset({"jwt", "onepassword-token", "fly-token", "sentry-token"})


def is_example(kind: str, value: str) -> bool:
    """Whether a value of a known format is made up, as in documentation: `AKIA…EXAMPLE`, `ghp_xxxxxxxx`."""
    if kind in _ANYTHING:
        return is_placeholder(value)
    if kind == "vault-legacy-token" and not all(
        any(map(test, value[2:])) for test in (str.isdigit, str.isupper, str.islower)
    ):
        return True  # a word after a dot
    return entropy_bits(value[:400]) < 2.0 if kind in _ENCODED else is_made_up(value)


def is_made_up(value: str) -> bool:
    """Whether chance would hardly make this value: words of an example, one character many times, or a row of them."""
    return _MADE_UP.first(value) is not None or (len(value) >= 16 and entropy_bits(value[:400]) < 1.8)


def checksum(kind: str, value: str) -> bool | None:
    """Whether a token's own checksum is right; None for a format that has none.

    The last six characters of GitHub's and npm's tokens are the CRC-32 of those after the prefix, in base 62.
    """
    if kind not in {"github-token", "npm-token"} or len(value) != 40:
        return None
    number, told = zlib.crc32(value[4:-6].encode()), ""
    for _ in range(6):
        number, digit = divmod(number, 62)
        told = _BASE_62[digit] + told
    return told == value[-6:]


_BASE_62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_RUN = re.compile(r"[A-Za-z0-9]{16,}")


def is_generated(word: str) -> bool:
    """Whether a word is too random for a name: a key in a path, or in place of a user. A commit's hash is none."""
    if _COMMIT.fullmatch(word):
        return False
    runs = (run for run in _RUN.findall(word[:512]) if not run.isalpha() and not run.isdigit())
    return _UUID.fullmatch(word) is not None or any(entropy_bits(run) > 3.0 for run in runs)


def entropy_bits(value: str) -> float:
    """Shannon entropy per character, in bits."""
    total = len(value)
    return -sum(count / total * math.log2(count / total) for count in Counter(value).values()) if total else 0.0
