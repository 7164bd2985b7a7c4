"""Secrets in text: vendor formats, and values that stand where a credential belongs. RE2 only: no text can stall it."""

import math
import re
from collections import Counter
from collections.abc import Iterator

import msgspec

from bartizan.model.secret import MARK
from bartizan.text import regex

# kind: (pattern, what it unlocks). Formats as their vendors document them; the group is the secret.
FORMATS: dict[str, str] = {
    "github-token": r"\b(gh[pousr]_[A-Za-z0-9]{36,251}|github_pat_[A-Za-z0-9_]{22,251})\b",
    "gitlab-token": r"\b(gl(?:pat|dt|ft|rt|cbt|ptt|agent|oas|soat)-[A-Za-z0-9_\-]{20,64})",
    "aws-access-key-id": r"\b((?:AKIA|ASIA)[A-Z2-7]{16})\b",
    "slack-token": r"\b(xox[abeoprs]-[A-Za-z0-9\-]{10,250}|xapp-\d-[A-Za-z0-9\-]{10,250})",
    "slack-webhook": r"(https://hooks\.slack\.com/(?:services|workflows)/[A-Za-z0-9+/]{40,60})",
    "anthropic-key": r"\b(sk-ant-[A-Za-z0-9_\-]{20,200})",
    "openai-key": r"\b(sk-(?:proj|svcacct|admin)-[A-Za-z0-9_\-]{20,250}|sk-[A-Za-z0-9]{20}T3BlbkFJ[A-Za-z0-9]{20})",
    "openrouter-key": r"\b(sk-or-v1-[0-9a-f]{64})\b",
    "google-api-key": r"\b(AIza[A-Za-z0-9_\-]{35})",
    "google-oauth-secret": r"\b(GOCSPX-[A-Za-z0-9_\-]{28})",
    "google-oauth-token": r"\b(ya29\.[A-Za-z0-9_\-]{30,400})",
    "stripe-key": r"\b((?:sk|rk)_(?:live|test)_[A-Za-z0-9]{16,250})\b",
    "npm-token": r"\b(npm_[A-Za-z0-9]{36})\b",
    "pypi-token": r"\b(pypi-AgE[A-Za-z0-9_\-]{50,1000})",
    "huggingface-token": r"\b(hf_[A-Za-z]{34})\b",
    "notion-token": r"\b(ntn_[A-Za-z0-9]{40,60}|secret_[A-Za-z0-9]{43})\b",
    "linear-key": r"\b(lin_(?:api|oauth)_[A-Za-z0-9]{40,64})\b",
    "atlassian-token": r"\b(ATATT3[A-Za-z0-9_\-=]{180,250})",
    "digitalocean-token": r"\b(do[opr]_v1_[a-f0-9]{64})\b",
    "sendgrid-key": r"\b(SG\.[A-Za-z0-9_\-]{22}\.[A-Za-z0-9_\-]{43})",
    "twilio-key": r"\b(SK[0-9a-f]{32})\b",
    "vault-token": r"\b(hv[sbr]\.[A-Za-z0-9_\-]{24,300})",
    "doppler-token": r"\b(dp\.(?:pt|st|ct|sa|scim|audit)\.[A-Za-z0-9._\-]{40,80})",
    "onepassword-token": r"\b(ops_eyJ[A-Za-z0-9_\-+/=]{100,})",
    "grafana-token": r"\b(gl(?:sa|c)_[A-Za-z0-9_+/=]{32,400})",
    "databricks-token": r"\b(dapi[a-f0-9]{32}(?:-\d)?)\b",
    "supabase-token": r"\b(sb(?:p|_secret)_[A-Za-z0-9_]{20,80})\b",
    "tavily-key": r"\b(tvly-(?:dev-|prod-)?[A-Za-z0-9\-]{20,64})",
    "figma-token": r"\b(figd_[A-Za-z0-9_\-]{38,60})",
    "postman-key": r"\b(PMAK-[a-f0-9]{24}-[a-f0-9]{34})\b",
    "telegram-token": r"\b(\d{8,10}:AA[A-Za-z0-9_\-]{33})",
    "jwt": r"\b(eyJ[A-Za-z0-9_\-]{10,}\.eyJ[A-Za-z0-9_\-]{10,}\.[A-Za-z0-9_\-]{10,})",
    "private-key": r"(-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----[\s\S]{16,}?-----END)",
    "age-key": r"\b(AGE-SECRET-KEY-1[0-9A-Z]{58})\b",
    "url-password": r"[a-zA-Z][a-zA-Z0-9+.\-]{1,20}://[^\s:/@?#]{0,100}:([^\s/?#]{1,300})@",
}
_KINDS = list(FORMATS)
_MATCHERS = [regex.Pattern(pattern) for pattern in FORMATS.values()]
_ANY = regex.PatternSet(FORMATS.values())


class SecretSpan(msgspec.Struct, frozen=True):
    """A secret in a text: its kind and where it stands, in code points."""

    kind: str
    start: int
    end: int


def find_secrets(text: str) -> list[SecretSpan]:
    """Secrets of known vendor formats, in order, without overlaps (the earlier and longer wins)."""
    spans = [
        SecretSpan(_KINDS[number], start, end)
        for number in _ANY.matching(text)
        for start, end in _MATCHERS[number].groups(text)
    ]
    return list(_without_overlaps(sorted(spans, key=lambda span: (span.start, -span.end))))


def without_secrets(text: str, mark: str = MARK) -> str:
    """The text with a mark for every secret of a known format."""
    parts, end = list[str](), 0
    for span in find_secrets(text):
        parts += [text[end : span.start], mark]
        end = span.end
    return "".join(parts) + text[end:]


def _without_overlaps(spans: list[SecretSpan]) -> Iterator[SecretSpan]:
    end = -1
    for span in spans:
        if span.start >= end:
            yield span
            end = span.end


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
    ("file path dir url uri endpoint host port type name method mode id expiry ttl scope scopes max limit").split()
)
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
        return True
    return "key" in words and any(word in _KEY_QUALIFIERS for word in words)


def is_placeholder(value: str) -> bool:
    """Whether a value stands for one to be filled in, or refers to a secret kept elsewhere."""
    stripped = value.strip().strip("\"'")
    return not stripped or bool(_PLACEHOLDER.fullmatch(stripped[:300]))


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
