"""Conditions of policy on the arguments of a call, in CEL. One that cannot be worked out denies.

The library is loaded with the first condition.
"""

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from bartizan.model.call import Call, Verb
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT
from bartizan.model.principal import Principal
from bartizan.prevent.names import steady

VARIABLES = ("args", "principal", "server", "tool", "uri", "client")


_HOLDS_NOT = "the condition does not hold"


class Condition:
    """One expression, ready to be asked."""

    def __init__(self, source: str) -> None:
        """Raises ValueError with what is wrong with the expression, for its author."""
        import cel  # noqa: PLC0415 - only policies with conditions pay for it

        if len(source) > DEFAULT.policy_condition_characters_max:
            raise ValueError(f"longer than {DEFAULT.policy_condition_characters_max} characters")
        try:
            self._program = cel.compile(source)
        except ValueError as error:
            raise ValueError(_short(str(error).partition("\n|")[0])) from None
        except Exception as error:
            raise ValueError(_short(f"{type(error).__name__}: {error}")) from None
        self.source = source
        if unknown := sorted(set(_free(source, self._program.variables())) - set(VARIABLES)):
            raise ValueError(f"{', '.join(unknown)}: not known here; there are {', '.join(VARIABLES)}")
        known = _BUILT_IN | set(_FUNCTIONS)
        if unknown := [name for name in self._program.functions() if name[0].isalpha() and name not in known]:
            raise ValueError(f"no function {', '.join(unknown)}; there are {', '.join(sorted(known))}")

    def holds(self, facts: JsonObject) -> str:
        """Nothing where it holds, else why it does not. Never raises, whatever the arguments are."""
        if not _countable(facts.get("args"), DEFAULT.condition_values_max):
            return f"more than {DEFAULT.condition_values_max} values in the arguments (condition_values_max)"
        trouble: list[str] = []
        functions = {name: _guarded(function, trouble) for name, function in _FUNCTIONS.items()}
        try:
            result = self._program.execute({**facts, **functions})
        except (KeyboardInterrupt, SystemExit, GeneratorExit):
            raise
        except BaseException as error:  # noqa: BLE001, RUF100 - a panic of the library is no Exception, and denies too
            return f"the condition cannot be worked out ({type(error).__name__})"
        if trouble:
            return trouble[0]
        return "" if result is True else _HOLDS_NOT

    def may_hold(self, facts: JsonObject) -> bool:
        """Whether it holds, or cannot be worked out: what a person confirms is not to be missed by odd arguments."""
        return self.holds(facts) != _HOLDS_NOT


def facts_of(call: Call, principal: Principal) -> JsonObject:
    """What a condition may speak of."""
    return {
        "args": call.arguments,
        "principal": {
            "id": principal.id,
            "groups": sorted(principal.groups),
            "scopes": sorted(principal.scopes),
            "claims": principal.claims,
            "proof": str(principal.proof),
        },
        "server": call.server,
        "tool": call.target if call.verb is Verb.CALL else "",
        "uri": call.target if call.verb is Verb.READ else "",
        "client": call.client,
    }


def _free(source: str, names: list[str]) -> list[str]:
    """Names that no macro binds: `xs.all(x, x > 1)` names x itself."""
    bound = set(re.findall(r"\.\s*(?:all|exists|exists_one|map|filter)\s*\(\s*(\w+)\s*,", source))
    return [name for name in names if name not in bound]


def _countable(value: Any, most: int) -> bool:
    """Whether there are no more values: what a macro does with each may cost its square."""
    waiting, seen = [value], 0
    while waiting:
        one = waiting.pop()
        seen += 1
        if seen > most:
            return False
        if isinstance(one, dict):
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one
    return True


def _guarded(function: Callable[..., Any], trouble: list[str]) -> Callable[..., Any]:
    """A failure denies, even where the expression would not have needed the answer."""

    def call(*arguments: Any) -> Any:
        try:
            return function(*arguments)
        except Exception as error:  # noqa: BLE001, RUF100 - whatever it is
            trouble.append(f"the condition cannot be worked out: {_short(str(error))}")
            return False

    return call


def inside(path: str, folder: str) -> bool:
    """Whether an absolute path lies in a folder, or is it. Links on the server's disk are not known here."""
    if "\0" in path or "\\" in path or not path.startswith("/") or not steady(path) or "." in path.split("/"):
        return False
    return PurePosixPath(path).is_relative_to(PurePosixPath(folder))


def host(url: str) -> str:
    """The host of a URL in lower case. Raises ValueError for one that readers would understand differently."""
    if not url.isprintable() or any(sign in url for sign in "\\ \t"):
        raise ValueError("no plain URL")
    parts = urlsplit(url)
    if not parts.scheme or not parts.hostname or "@" in parts.netloc or "%" in parts.netloc:
        raise ValueError("no plain URL with a host")
    if not parts.netloc.isascii():
        raise ValueError("a host in other letters than ASCII")
    _ = parts.port
    return parts.hostname.rstrip(".")


_SQL = re.compile(
    r"'(?:[^'\\]|'')*'"  # a backslash is an escape in some dialects and a letter in others: then nothing is certain
    r'|"(?:[^"\\]|"")*"|`[^`\\]*`'
    r"|--(?=\s|\Z)[^\r\n]*|/\*(?:[^*]|\*(?!/))*\*/"
    r"|[A-Za-z_][A-Za-z0-9_]*|;|[\s0-9(),.*=<>+|%@:?!/^&~{}-]"
)
_SQL_WORDS = frozenset(
    "select insert update delete merge replace create alter drop truncate grant revoke call do exec execute copy load "
    "into set vacuum analyze attach detach pragma lock rename comment handler import reindex cluster refresh reset "
    "begin commit rollback declare prepare explain show describe use with kill shutdown backup restore "
    "dbcc upsert optimize repair flush purge install uninstall listen notify discard start".split()
)


def sql_verbs(statement: str) -> list[str]:
    """The verbs of SQL that occur anywhere outside strings and comments, in lower case.

    Also those in subqueries and `with`, and `into`. Raises ValueError for what two dialects would read differently.
    """
    if len(statement) > DEFAULT.policy_statement_characters_max:
        raise ValueError(f"longer than {DEFAULT.policy_statement_characters_max} characters")
    found: dict[str, None] = {}
    at = 0
    while at < len(statement):
        match = _SQL.match(statement, at)
        if match is None or match[0].startswith(("/*!", "/*+")) or (match[0].startswith("/*") and "/*" in match[0][2:]):
            raise ValueError("SQL that dialects read differently")
        word = match[0].lower()
        if word in _SQL_WORDS:
            found[word] = None
        at = match.end()
    return list(found)


def _short(text: str) -> str:
    return " ".join(text.split())[:300]


_FUNCTIONS: dict[str, Callable[..., Any]] = {"inside": inside, "host": host, "sql_verbs": sql_verbs}
_BUILT_IN = frozenset(
    "size contains startsWith endsWith matches has all exists exists_one map filter type int uint double string bytes "
    "bool timestamp duration in min max getFullYear getMonth getDayOfMonth getDayOfWeek getHours getMinutes".split()
)
