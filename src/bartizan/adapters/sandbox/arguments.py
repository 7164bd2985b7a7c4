"""Arguments: what of a server's command line and environment may enter the box, and what stands in for the rest."""

import posixpath
import re
from collections.abc import Iterable, Sequence

from bartizan.adapters.sandbox.box import HOME, OWN, SYSTEM
from bartizan.model.limits import Limits
from bartizan.text import patterns
from bartizan.text.patterns import is_placeholder, names_credential

DUMMY = "bartizan-dummy"
DUMMY_URL = "https://bartizan-dummy.invalid"

# Variables that steer the loader, the interpreter or the shell instead of the server.
_STEERING = re.compile(
    r"PATH|HOME|USER|LANG|SHELL|PWD|IFS|ENV|BASH_ENV|TMPDIR|LD_.*|DYLD_.*|PYTHON.*|NODE_.*|npm_.*|GCONV_PATH|GLIBC_.*|"
    r"MALLOC_.*|PERL.*|RUBY.*|JAVA_.*|GIT_.*|SSL_CERT_.*|(?:https?|all|no)_proxy",
    re.IGNORECASE,
)
_FIXED = (*SYSTEM, "/etc", "/proc", "/sys", "/dev", "/run", OWN, HOME)


def stand_ins(names: Iterable[str]) -> dict[str, str]:
    """The server's variables by name, with values that mean nothing: some servers insist that one is set."""
    kept = (name for name in names if re.fullmatch(r"[A-Za-z_]\w*", name) and not _STEERING.fullmatch(name))
    return {name: DUMMY_URL if re.search(r"(?i)ur[il]$|endpoint$", name) else DUMMY for name in kept}


def without_secrets(words: Sequence[str]) -> tuple[str, ...]:
    """The same words, with a dummy for every value that is, or is named as, a credential."""
    kept: list[str] = []
    named = False
    for word in words:
        name, equals, value = word.partition("=")
        if named and not word.startswith("-"):
            kept.append(word if is_placeholder(word) else DUMMY)
        elif equals and names_credential(name) and not is_placeholder(value):
            kept.append(f"{name}={DUMMY}")
        else:
            kept.append(patterns.without_secrets(word, DUMMY))
        named = word.startswith("-") and not equals and names_credential(word)
    return tuple(kept)


def folders_of(words: Iterable[str], directory: str | None, limits: Limits) -> tuple[str, ...]:
    """Folders that the command names and the box must have, empty, so that the server starts.

    For what looks like a file (`/data/notes.db`) it is the folder around it.
    """
    found: list[str] = [directory] if directory and directory.startswith("/") else []
    for word in words:
        value = word.partition("=")[2] if word.startswith("-") or not word.startswith(("/", "~")) else word
        value = HOME + value[1:] if value.startswith("~/") else value
        if value.startswith("/") and not value.startswith("//") and "\0" not in value:
            plain = posixpath.normpath(value)
            found.append(posixpath.dirname(plain) if re.search(r"[^/]\.\w{1,8}$", plain) else plain)
    kept = [folder for folder in dict.fromkeys(found) if _free(folder)]
    return tuple(kept[: limits.sandbox_folders_max])


def _free(folder: str) -> bool:
    """Whether an empty folder there hides nothing that the box needs."""
    return folder not in {"/", "/tmp"} and not any(  # noqa: S108
        folder == fixed or folder.startswith(fixed + "/") or fixed.startswith(folder + "/") for fixed in _FIXED
    )


def expanded(words: Iterable[str]) -> tuple[str, ...]:
    """A leading tilde as the box's own home, as a shell would have made it."""
    return tuple(re.sub(r"^((?:--?[\w\-]+=)?)~(?=/|$)", rf"\g<1>{HOME}", word) for word in words)
