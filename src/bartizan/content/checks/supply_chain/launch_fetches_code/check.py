"""Judge the command of a package runner by where it fetches from."""

import re
from collections.abc import Iterator, Sequence

from bartizan.content.command import command_of, program_of, shell_line
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.rules.check import Sight

_RUNNERS = frozenset("npx npm pnpm pnpx yarn bun bunx uv uvx pipx deno go".split())
_VERBS = frozenset("exec x dlx run tool".split())
_NAMES_PACKAGE = frozenset("--from --package -p --with --spec --with-editable".split())
_TAKES_VALUE = frozenset(
    (
        "--python --registry --index --index-url --default-index --extra-index-url --cache --cache-dir -C --cwd "
        "--prefix --directory --project --env-file --filter --node-options --config"
    ).split()
)
_ELSEWHERE = re.compile(
    r"(?:[\w.\-/@\[\]]{1,200}?\s?@\s?)?(?:git\+\w{2,5}|git|ssh|github|gitlab|bitbucket|gist|https?):\S+"
)
_COMMIT = re.compile(r"[@#/][0-9a-f]{40}(?:$|[#/?&])")


def check(subject: Asset, _inventory: Inventory) -> Iterator[Sight]:
    """One sight; a full commit id fixes the code, though nobody vouches for it."""
    command = command_of(subject)
    words = shell_line(command).split() or command
    at = next((at for at, word in enumerate(words) if program_of(word) in _RUNNERS), None)
    if at is None:
        return
    source = next((one for one in _packages(words[at + 1 :]) if _ELSEWHERE.fullmatch(one)), "")
    if source:
        yield Sight(
            message=f"{subject.name} is fetched from {source} when it starts",
            detail=source,
            place=subject.places[0] if subject.places else None,
            evidence=source,
            severity=Severity.LOW if _COMMIT.search(source) else None,
        )


def _packages(words: Sequence[str]) -> Iterator[str]:
    """What a runner is told to fetch: by option, else its first word of its own. What follows is the server's."""
    before = ""
    for word in words:
        name, equals, rest = word.partition("=")
        if before:
            if before in _NAMES_PACKAGE:
                yield word
            before = ""
        elif name in _NAMES_PACKAGE | _TAKES_VALUE:
            before = "" if equals else name
            if equals and name in _NAMES_PACKAGE:
                yield rest
        elif not word.startswith("-") and word not in _VERBS:
            yield word
            return
