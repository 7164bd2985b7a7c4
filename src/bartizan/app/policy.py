"""Policy files: found, read, every mistake with its line; their examples tried, and one call explained."""

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime, timedelta
from glob import glob
from pathlib import Path
from typing import Any

import msgspec
import yaml

from bartizan.adapters.tokens.api_keys import make_key
from bartizan.app.config import Config, folder_of, read_config
from bartizan.app.suppressions import read_trusted
from bartizan.app.wrapped import wrapped_ids
from bartizan.app.yaml_file import Mistakes, converted, parsed
from bartizan.model.call import Call, Verb
from bartizan.model.decision import Decision, Effect
from bartizan.model.errors import ContentError, Place, UsageError
from bartizan.model.json import JsonObject, as_object
from bartizan.model.limits import DEFAULT
from bartizan.model.policy import Example, ExamplePrincipal, Policy, PolicyFile, seconds
from bartizan.model.principal import Principal
from bartizan.model.secret import Secret
from bartizan.model.snapshot import Era, Transport
from bartizan.prevent.guards.access import Access
from bartizan.prevent.policy import Rules


def policy_files(config: Config, config_path: Path | None) -> list[Path]:
    """The files that the configuration names, in the order of their names. Raises UsageError."""
    folder = folder_of(config_path)
    found: dict[Path, None] = {}
    for pattern in config.policy:
        matches = sorted(glob(str(folder / Path(pattern).expanduser())))  # noqa: PTH207 - the pattern may be absolute
        if not matches:
            raise UsageError(
                f"no file of policy at {pattern}",
                where=Place(path=str(config_path or "")),
                remedy="write one, or change `policy`; without policy every call is denied",
            )
        found |= dict.fromkeys(map(Path, matches))
    return list(found)


def read_policy(config: Config, config_path: Path | None, *, loopback: bool, wrapped: Collection[str] = ()) -> Rules:
    """What the configuration permits. Without files: nothing. Raises UsageError, ContentError with every mistake.

    `wrapped` are the servers that the gateway fronts beside those of the configuration.
    """
    servers = {*(config.gateway.servers if config.gateway else ()), *wrapped}
    rules = Rules(read_policy_files(policy_files(config, config_path)), servers=servers)
    mistakes = [] if loopback else rules.loosened()
    issuers = config.gateway.identity.issuers if config.gateway else ()
    if len(issuers) > 1:
        mistakes += list(_unvouched(rules))
    if mistakes:
        raise ContentError(mistakes)
    return rules


def rules_for(paths: Sequence[Path] | None, config_path: Path | None) -> Rules:
    """The policy of these files, or that of the configuration. Raises UsageError, ContentError with every mistake."""
    if paths:
        return Rules(read_policy_files(paths))
    return read_policy(read_config(config_path), config_path, loopback=True, wrapped=wrapped_ids())


def _unvouched(rules: Rules) -> Iterator[tuple[Place, str]]:
    for file in rules.files:
        for role, members in file.policy.roles.items():
            for index, member in enumerate(members):
                if (member.group or member.claims) and not member.issuer:
                    what = "say `issuer`: with several, each could name the groups and claims of another"
                    yield file.place("roles", role, index), what


def read_policy_files(paths: Sequence[Path]) -> list[PolicyFile]:
    """The files. Raises UsageError, ContentError with every mistake of every file."""
    if len(paths) > DEFAULT.policy_files_max:
        raise UsageError(f"more than {DEFAULT.policy_files_max} files of policy (policy_files_max)")
    files: list[PolicyFile] = []
    mistakes: Mistakes = []
    for path in paths:
        text = read_trusted(path)
        if text is None:
            raise UsageError("the file of policy is not there", where=Place(path=str(path)))
        try:
            files.append(parse_policy(text, str(path)))
        except ContentError as error:
            mistakes += error.mistakes
    if mistakes:
        raise ContentError(mistakes)
    return files


def parse_policy(text: str, path: str) -> PolicyFile:
    """One file. Raises ContentError with every mistake and its line."""
    document, node = parsed(text, path)
    policy = converted(document if document is not None else {}, node, path, Policy)
    lines = dict(_lines(node, "", DEFAULT.yaml_nodes_max))
    mistakes = [
        (Place(path=path, line=lines.get(f"/examples/{index}")), "an example names one tool, resource or prompt")
        for index, one in enumerate(policy.examples)
        if sum(map(bool, (one.tool, one.resource, one.prompt))) != 1
    ]
    if mistakes:
        raise ContentError(mistakes)
    return PolicyFile(path=path, policy=policy, lines=lines)


def _lines(node: yaml.Node | None, pointer: str, most: int) -> Iterator[tuple[str, int]]:
    """The line of each value, by JSON Pointer. An alias is walked again, so there is a bound."""
    waiting: list[tuple[yaml.Node | None, str, int]] = [(node, pointer, 1)]
    for _ in range(most):
        if not waiting:
            return
        one, pointer, line = waiting.pop()
        yield pointer, line
        if isinstance(one, yaml.MappingNode):
            waiting += [(value, f"{pointer}/{key.value}", key.start_mark.line + 1) for key, value in one.value]
        elif isinstance(one, yaml.SequenceNode):
            waiting += [(value, f"{pointer}/{i}", value.start_mark.line + 1) for i, value in enumerate(one.value)]


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """An example and what became of it."""

    place: str
    what: str
    expected: str
    decided: str
    reason: str = ""
    exception: str = ""

    @property
    def passed(self) -> bool:
        """Whether policy decides as its author meant."""
        return self.expected == self.decided


def try_examples(rules: Rules, at: datetime) -> list[Tried]:
    """Every example of the files, decided as the gateway would, a dry run aside."""
    tried: list[Tried] = []
    for file in rules.files:
        for index, example in enumerate(file.policy.examples):
            decision = decide(rules, example, at)
            tried.append(
                Tried(
                    place=str(file.place("examples", index)),
                    what=f"{example.principal.id} {_target(example)[2]} {example.server}",
                    expected=example.expect,
                    decided=_word(decision),
                    reason=decision.reason,
                    exception=decision.exception,
                )
            )
    return tried


def decide(rules: Rules, example: Example, at: datetime) -> Decision:
    """What the access guard says of an example."""
    judged = Access(rules).judge(_call(example, at), ())
    return judged[1] if isinstance(judged, tuple) else Decision(effect=Effect.DENY, reason="it asks for more")


def _word(decision: Decision) -> str:
    return "allow" if decision.effect is Effect.ALLOW else "deny"


def _target(example: Example) -> tuple[Verb, str, str]:
    if example.tool:
        return Verb.CALL, example.tool, f"calls {example.tool} of"
    if example.prompt:
        return Verb.PROMPT, example.prompt, f"gets the prompt {example.prompt} of"
    return Verb.READ, example.resource, f"reads {example.resource} of"


_METHODS = {Verb.CALL: "tools/call", Verb.PROMPT: "prompts/get", Verb.READ: "resources/read"}


def _call(example: Example, at: datetime) -> Call:
    verb, target, _ = _target(example)
    return Call(
        uid="example",
        server=example.server,
        method=_METHODS[verb],
        verb=verb,
        target=target,
        arguments=example.arguments,
        era=Era.MODERN,
        revision="",
        transport=Transport.STREAMABLE_HTTP,
        at=at,
        principal=principal_of(example.principal, at),
    )


def principal_of(one: ExamplePrincipal, at: datetime) -> Principal:
    """The principal that an example describes."""
    claims: JsonObject = {**one.claims, **({"iss": one.issuer} if one.issuer else {})}
    return Principal(
        id=one.id,
        proof=one.proof,
        groups=frozenset(one.groups),
        scopes=frozenset(one.scopes),
        claims=claims,
        context=one.acr,
        methods=frozenset(one.amr),
        authenticated_at=at - timedelta(seconds=seconds(one.age)) if one.age else None,
    )


def explain(rules: Rules, example: Example, at: datetime) -> JsonObject:
    """Why a call is permitted or not: the decision, the roles, and each line that speaks of the target."""
    principal = principal_of(example.principal, at)
    decision = decide(rules, example, at)
    roles = rules.roles(principal)
    call = _call(example, at)
    lines: list[JsonObject] = [
        {
            "line": str(line.place),
            "role": line.grant.role,
            "held": line.grant.role in roles,
            "permits": as_object(msgspec.to_builtins(line.grant)),
        }
        for line in Access(rules).speaking(call)
    ]
    shown: dict[str, Any] = {
        "decision": _word(decision),
        "dry_run": decision.dry,
        "reason": decision.reason,
        "would_permit": decision.exception,
        "roles": sorted(roles),
        "policy": rules.version,
        "lines": lines,
    }
    if example.tool:
        shown["reads_only"] = rules.reads(example.server, example.tool)
    return shown


def new_key(name: str) -> tuple[Secret, str]:
    """A new API key, and the line of the configuration that knows it. Raises UsageError."""
    try:
        key, digest = make_key(name)
    except ValueError as error:
        raise UsageError(str(error), remedy="name it like ci or nightly-build") from None
    return key, f'{name}: {{hash: "{digest}"}}'
