"""Order of versions as npm (Semantic Versioning 2.0.0) and PyPI (PEP 440) have it, for exact versions only."""

import re
from typing import Literal

import msgspec

Ecosystem = Literal["npm", "pypi"]
_CHARACTERS_MAX = 128
_SEMVER = re.compile(r"[v=]?(\d+)\.(\d+)\.(\d+)(?:-([0-9A-Za-z.\-]+))?(?:\+[0-9A-Za-z.\-]+)?", re.ASCII)
_PEP440 = re.compile(
    r"v?(?:(\d+)!)?(\d+(?:\.\d+)*)"
    r"(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?"
    r"(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?"
    r"(?:[-_.]?(dev)[-_.]?(\d*))?(?:\+[a-z0-9]+(?:[-_.][a-z0-9]+)*)?",
    re.ASCII,
)
_PHASES = {"alpha": 0, "a": 0, "beta": 1, "b": 1, "preview": 2, "pre": 2, "c": 2, "rc": 2}
_Key = tuple[object, ...]


class Range(msgspec.Struct, frozen=True, kw_only=True):
    """Versions from `introduced` on (`0`: from the first), before `fixed`; without `fixed` there is no end."""

    introduced: str = "0"
    fixed: str = ""

    def holds(self, version: str, ecosystem: Ecosystem) -> bool:
        """Whether an exact version lies in the range; what is no exact version never does."""
        if _key(version, ecosystem) is None:
            return False
        after = self.introduced == "0" or compare(version, self.introduced, ecosystem) in {0, 1}
        return after and (not self.fixed or compare(version, self.fixed, ecosystem) == -1)


def is_exact(version: str, ecosystem: Ecosystem) -> bool:
    """Whether a text names one version: no range, no tag."""
    return _key(version, ecosystem) is not None


def compare(one: str, other: str, ecosystem: Ecosystem) -> int | None:
    """-1, 0 or 1 as `one` comes before, with or after `other`; None where one of them is no exact version."""
    key, against = _key(one, ecosystem), _key(other, ecosystem)
    if key is None or against is None:
        return None
    return (key > against) - (key < against)


def _key(version: str, ecosystem: Ecosystem) -> _Key | None:
    text = version.strip()
    if len(text) > _CHARACTERS_MAX:
        return None
    return _semver(text) if ecosystem == "npm" else _pep440(text.lower())


def _semver(text: str) -> _Key | None:
    """Three numbers, then the pre-release: none comes after any, numbers before words, fewer parts before more."""
    match = _SEMVER.fullmatch(text)
    if match is None:
        return None
    parts = tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in (match[4] or "").split("."))
    return (int(match[1]), int(match[2]), int(match[3]), not match[4], parts)


def _pep440(text: str) -> _Key | None:
    """Epoch, release without closing zeros, then development before pre-release before release before post-release."""
    match = _PEP440.fullmatch(text)
    if match is None:
        return None
    release = [int(part) for part in match[2].split(".")]
    while len(release) > 1 and release[-1] == 0:
        release.pop()
    pre = (_PHASES[match[3]], int(match[4] or 0)) if match[3] else None
    post = int(match[5] or match[7] or 0) if match[5] or match[6] else None
    dev = int(match[9] or 0) if match[8] else None
    if pre is None:
        pre = (-1, 0) if dev is not None and post is None else (3, 0)
    last = (dev is None, dev or 0)
    return (int(match[1] or 0), tuple(release), pre, -1 if post is None else post, last)
