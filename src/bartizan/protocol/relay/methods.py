"""What each method of a client does, in both eras. A method that is not here is not forwarded."""

from collections.abc import Mapping

import msgspec

from bartizan.model.call import Verb
from bartizan.model.snapshot import Era

NOTIFICATIONS = "notifications/"


class Method(msgspec.Struct, frozen=True, kw_only=True):
    """One method. `target` is the parameter that names what is reached, `arguments` the one that holds arguments.

    `key` is where a list's definitions stand in its result. `eras` are those that have the method.
    """

    verb: Verb
    target: str = ""
    arguments: str = ""
    key: str = ""
    eras: frozenset[Era] = frozenset(Era)


_LEGACY = frozenset({Era.LEGACY})
_MODERN = frozenset({Era.MODERN})

METHODS: Mapping[str, Method] = {
    "initialize": Method(verb=Verb.CONNECT, eras=_LEGACY),
    "ping": Method(verb=Verb.CONNECT, eras=_LEGACY),
    "logging/setLevel": Method(verb=Verb.CONNECT, eras=_LEGACY),
    "server/discover": Method(verb=Verb.CONNECT, eras=_MODERN),
    "subscriptions/listen": Method(verb=Verb.CONNECT, eras=_MODERN),
    "tools/list": Method(verb=Verb.LIST, key="tools"),
    "prompts/list": Method(verb=Verb.LIST, key="prompts"),
    "resources/list": Method(verb=Verb.LIST, key="resources"),
    "resources/templates/list": Method(verb=Verb.LIST, key="resourceTemplates"),
    "tools/call": Method(verb=Verb.CALL, target="name", arguments="arguments"),
    "prompts/get": Method(verb=Verb.PROMPT, target="name", arguments="arguments"),
    "resources/read": Method(verb=Verb.READ, target="uri"),
    "resources/subscribe": Method(verb=Verb.READ, target="uri", eras=_LEGACY),
    "resources/unsubscribe": Method(verb=Verb.READ, target="uri", eras=_LEGACY),
    "completion/complete": Method(verb=Verb.COMPLETE),
    # Tasks: in 2025-11-25 of the protocol itself, in 2026-07-28 of an extension. They reach what a tool does.
    "tasks/get": Method(verb=Verb.CALL),
    "tasks/cancel": Method(verb=Verb.CALL),
    "tasks/update": Method(verb=Verb.CALL, eras=_MODERN),
    "tasks/result": Method(verb=Verb.CALL, eras=_LEGACY),
    "tasks/list": Method(verb=Verb.CALL, eras=_LEGACY),
}
NAMED_IN_HEADER = frozenset({"tools/call", "prompts/get", "resources/read"})


def method_of(era: Era, name: str) -> Method | None:
    """The method in this era, or None where the era has none of that name."""
    if name.startswith(NOTIFICATIONS):
        return _NOTIFICATION
    method = METHODS.get(name)
    return method if method is not None and era in method.eras else None


_NOTIFICATION = Method(verb=Verb.NOTIFY)
