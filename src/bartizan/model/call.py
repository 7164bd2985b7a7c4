"""Call: one message of a client to a server, as the guards see it: after it was read strictly, before it goes on."""

from datetime import datetime
from enum import StrEnum

import msgspec

from bartizan.model.json import JsonObject
from bartizan.model.principal import Principal
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport


class Credentials(msgspec.Struct, frozen=True, kw_only=True):
    """What a client showed. It never goes on to a server, and never into an Event."""

    bearer: Secret | None = None
    api_key: Secret | None = None
    certificate: JsonObject = {}  # subject and subject alternative names, as the TLS layer verified them
    user_id: int | None = None  # of a stdio client


class Verb(StrEnum):
    """What a method does, which policy speaks of. `list` filters, `call` reaches a tool."""

    CONNECT = "connect"  # initialize, server/discover, ping, subscriptions/listen, logging
    LIST = "list"
    CALL = "call"  # tools/call
    READ = "read"  # resources/read, resources/subscribe
    PROMPT = "prompt"  # prompts/get
    COMPLETE = "complete"
    ANSWER = "answer"  # a client's answer to a server's request
    NOTIFY = "notify"


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One message. `server` is the configured id, never what a server calls itself.

    `target` is the tool's or prompt's name or the resource's URI; empty where the method has none. `arguments` are
    those of the tool or prompt, as decoded from the very bytes that go on. `params` are the whole parameters, of a
    client's answer its result. `at` is wall-clock time. `combined` is whether the client asked the endpoint of all
    servers: then its token is for that one.
    """

    uid: str
    server: str
    combined: bool = False
    method: str
    verb: Verb
    target: str = ""
    arguments: JsonObject = {}
    params: JsonObject = {}
    era: Era
    revision: str
    transport: Transport
    client: str = ""
    session: str = ""
    bytes: int = 0
    at: datetime
    credentials: Credentials = Credentials()
    principal: Principal | None = None

    @property
    def root(self) -> str:
        """The member of the JSON-RPC message in which `params` stand."""
        return "result" if self.verb is Verb.ANSWER else "params"
