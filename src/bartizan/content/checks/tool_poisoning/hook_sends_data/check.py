"""Judge code that runs by itself by what it sends away."""

from collections.abc import Iterator

from bartizan.content.hooks import lines_with, stays_here, told
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight
from bartizan.text import regex

# What follows the option of a client that names the body: a file or the input, or text in which a shell puts values.
_BODY = r"(?:[\"']?[\w\[\]]{0,40}=?@|\"(?:\\.|[^\"\\\n]){0,300}?(?:\$|`)|[^\s\"']{0,80}(?:\$|`))"
_OPTION = r"\s(?:-[a-zA-Z]{0,8}[dFT]\s*|--(?:data(?:-binary|-raw|-urlencode)?|form|upload-file|json)[=\s]\s*)"
_PATTERN = regex.Pattern(
    r"(?i)("
    rf"\bcurl\b[^\n|;]{{0,400}}?{_OPTION}{_BODY}[^\n|;]{{0,200}}"
    r"|\bcurl\b[^\n|;]{0,300}(?:\$\(|`)\s*(?:cat|env|printenv|base64|whoami|hostname|git|id)\b[^\n]{0,100}"
    r"|\bwget\b[^\n|;]{0,200}--post-(?:data|file)[^\n|;]{0,200}"
    r"|\|\s*(?:nc|ncat|netcat|socat|telnet)\b[^\n;]{0,120}"
    r"|[^\n]{0,80}/dev/(?:tcp|udp)/[^\n;]{0,80}"
    r"|\b(?:scp|sftp)\s[^\n;|]{0,200}\w:[^\n;|]{0,80}|\brsync\s[^\n;|]{0,200}[\w.]@[\w.\-]{1,80}:"
    r"|\b(?:requests|httpx|session)\.(?:post|put)\s*\([^\n]{0,200}"
    r"|\burlopen\([^\n]{0,120}\bdata\s*=[^\n]{0,80}"
    r"|\bfetch\([^\n]{0,200}['\"](?:POST|PUT)['\"][^\n]{0,80}"
    r")"
)
_SECRETS = regex.Pattern(
    r"(?i)(\.(?:ssh|aws|gnupg|kube|netrc|npmrc|pypirc|git-credentials)\b|\bid_(?:rsa|ed25519|ecdsa)\b|\.env\b|credentials"
    r"|\b(?:printenv|env)\s*(?:\||\))|find-generic-password|transcript_path|/dev/tcp/)"
)


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each place; `high` where secrets or whole conversations go."""
    for line in lines_with(_PATTERN, subject, inventory):
        if stays_here(line.code):
            continue
        yield Sight(
            message=f"{told(subject)} sends data away",
            detail=line.matched,
            place=line.place,
            evidence=line.matched,
            severity=Severity.HIGH if _SECRETS.first(line.code) else None,
        )
