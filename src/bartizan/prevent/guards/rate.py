"""Rate: how many calls and bytes in a time, how many at once, and no loops: per principal, credential, server, tool."""

from collections.abc import Iterator, Mapping, Sequence

import msgspec

from bartizan.model.call import Call, Verb
from bartizan.model.decision import ALLOWED, Decision, Effect, Refusal
from bartizan.model.json import JsonObject
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.need import Answer, Count, Counted, Need, Take
from bartizan.model.policy import seconds
from bartizan.prevent.meter import FullError, Meter
from bartizan.prevent.policy import PlacedBound, Rules

_ENDS = frozenset({Verb.CALL, Verb.READ, Verb.PROMPT, Verb.COMPLETE, Verb.LIST})
Key = tuple[int, tuple[str, ...]]
_FOUND_MAX = 4_096


class Rate:
    """The guard. Judging a call twice counts it once; `done` ends it, `spent` adds what came back.

    Where budgets are `shared`, what is left here is asked first, and then what is left for all gateways. How many calls
    are under way, and loops, each gateway counts for itself.
    """

    name = "rate"

    def __init__(self, rules: Rules, limits: Limits = DEFAULT, *, shared: bool = False) -> None:
        self._rules, self._limits, self._shared = rules, limits, shared
        self._calls = [self._meter(one) for one in rules.bounds]
        self._bytes = [self._meter(one) for one in rules.bounds]
        self._same = self._loop_meter(rules)
        self._at_once: dict[Key, int] = {}
        self._held: dict[str, tuple[Key, ...]] = {}
        self._found: dict[tuple[str, str, str, str | None], tuple[tuple[Key, PlacedBound], ...]] = {}

    def renew(self, rules: Rules) -> None:
        """Another policy from now on. What was used of a limit that stays as it was stays used."""
        left = list(enumerate(self._rules.bounds))
        moved: dict[int, int] = {}
        for new, one in enumerate(rules.bounds):
            same = next((entry for entry in left if entry[1].bound == one.bound), None)
            if same is not None:
                left.remove(same)
                moved[same[0]] = new
        old = {new: index for index, new in moved.items()}
        calls, sizes = self._calls, self._bytes
        self._calls = [calls[old[new]] if new in old else self._meter(one) for new, one in enumerate(rules.bounds)]
        self._bytes = [sizes[old[new]] if new in old else self._meter(one) for new, one in enumerate(rules.bounds)]
        self._at_once = {(moved[index], of): held for (index, of), held in self._at_once.items() if index in moved}
        self._held = {
            uid: tuple((moved[index], of) for index, of in keys if index in moved) for uid, keys in self._held.items()
        }
        if rules.loop.window != self._rules.loop.window:
            self._same = self._loop_meter(rules)
        self._rules = rules
        self._found.clear()

    def judge(self, call: Call, answers: Sequence[Answer]) -> tuple[Call, Decision] | Need:
        """Whether there is room. It is counted when everything has room."""
        if call.uid in self._held:
            return call, ALLOWED
        bounds, at = self._bounds(call), call.at.timestamp()
        same = _sameness(call) if call.verb is Verb.CALL else None
        refused = self._refused(call, bounds, at) or (self._looping(same, at) if same is not None else None)
        if refused is None and self._shared and (takes := _takes(bounds, call.bytes)):
            counted = answers[0] if answers else None
            if not isinstance(counted, Counted):
                return Need(question=Count(takes=tuple(takes)))
            refused = _used_up(takes, counted)
        if refused is None or self._rules.dry(call.server):
            refused = self._count(call, bounds, same, at) or refused
        if refused is None:
            return call, ALLOWED
        return call, msgspec.structs.replace(refused, dry=self._rules.dry(call.server))

    def spent(self, call: Call, size: int) -> tuple[Take, ...]:
        """What an answer took, in bytes. Gives what all gateways are to be told of it."""
        bounds = [(key, one) for key, one in self._bounds(call) if one.bound.bytes is not None]
        for key, one in bounds:
            if one.bound.bytes is not None:
                try:
                    self._bytes[key[0]].add(key[1], size, call.at.timestamp())
                except FullError:  # it was full before the call: then the call was refused
                    continue
        told = _takes(bounds, size) if self._shared and size else {}
        return tuple(take for take, (_, what) in told.items() if what == "bytes")

    def done(self, call: Call) -> None:
        """The call has ended, however it did."""
        for key in self._held.pop(call.uid, ()):
            left = self._at_once.get(key, 0) - 1
            if left > 0:
                self._at_once[key] = left
            else:
                self._at_once.pop(key, None)

    def filter(self, call: Call, definitions: list[JsonObject]) -> list[JsonObject]:
        """Everything: what may be called next minute is shown now."""
        return definitions

    def _meter(self, one: PlacedBound) -> Meter:
        return Meter(seconds(one.bound.window), keys_max=self._limits.meter_keys_max)

    def _loop_meter(self, rules: Rules) -> Meter:
        """A call that repeats itself is never the one that was not made for longest."""
        return Meter(seconds(rules.loop.window), keys_max=self._limits.meter_keys_max, forgets=True)

    def _bounds(self, call: Call) -> tuple[tuple[Key, PlacedBound], ...]:
        """The limits that speak of a call, each with what it counts for; kept, as the same calls come again."""
        who = call.principal.id if call.principal else ""
        credential = (call.principal.credential if call.principal else "") or who
        target = call.target if call.verb is Verb.CALL else None
        asked = who, credential, call.server, target
        found = self._found.get(asked)
        if found is None:
            if len(self._found) >= _FOUND_MAX:
                self._found.clear()
            found = self._found[asked] = tuple(self._speaking(who, credential, call.server, target))
        return found

    def _speaking(
        self, who: str, credential: str, server: str, target: str | None
    ) -> Iterator[tuple[Key, PlacedBound]]:
        """`target` is None for what is no call of a tool."""
        facts = {"principal": who, "credential": credential, "server": server, "tool": f"{server}/{target or ''}"}
        for index, one in enumerate(self._rules.bounds):
            about_tools = one.bound.tools != ("*",) or "tool" in one.bound.per
            if not one.servers.matches(server) or (about_tools and target is None):
                continue
            if not about_tools or one.tools.matches(target or ""):
                yield (index, tuple(facts[name] for name in one.bound.per)), one

    def _refused(self, call: Call, bounds: Sequence[tuple[Key, PlacedBound]], at: float) -> Decision | None:
        for key, one in bounds:
            index, name = key
            bound = one.bound
            if bound.at_once is not None and call.verb in _ENDS and self._at_once.get(key, 0) >= bound.at_once:
                return _too_many(one, "at_once", 1.0)
            if bound.calls is not None and (wait := self._calls[index].wait(name, bound.calls, at)):
                return _too_many(one, "calls", wait)
            if bound.bytes is not None and (wait := self._bytes[index].wait(name, bound.bytes, at)):
                return _too_many(one, "bytes", wait)
        return None

    def _looping(self, same: int, at: float) -> Decision | None:
        loop, place = self._rules.loop, self._rules.loop_place
        if not self._same.wait(same, loop.calls, at):
            return None
        return Decision(
            effect=Effect.DENY,
            guard=Rate.name,
            reason=f"the same call with the same arguments more than {loop.calls} times in {loop.window}",
            refusal=Refusal.TOOL_ERROR,  # the model reads it, and may stop repeating itself
            exception=f"{place}: `loops`" if place else "set `loops`, such as {calls: 1000, window: 1m}",
        )

    def _count(
        self, call: Call, bounds: Sequence[tuple[Key, PlacedBound]], same: int | None, at: float
    ) -> Decision | None:
        held = list[Key]()
        try:
            for key, one in bounds:
                if one.bound.calls is not None:
                    self._calls[key[0]].add(key[1], 1, at)
                if one.bound.bytes is not None:
                    self._bytes[key[0]].add(key[1], call.bytes, at)
                if one.bound.at_once is not None and call.verb in _ENDS:
                    held.append(key)
            if same is not None:
                self._same.add(same, 1, at)
        except FullError:
            return Decision(
                effect=Effect.DENY,
                guard=Rate.name,
                reason=f"more than {self._limits.meter_keys_max} counters in use (meter_keys_max)",
                refusal=Refusal.TOO_MANY,
                exception="gateway.limits.meter_keys_max",
                retry_after_seconds=1.0,
            )
        for key in held:
            self._at_once[key] = self._at_once.get(key, 0) + 1
        self._held[call.uid] = tuple(held)
        return None


def _takes(bounds: Sequence[tuple[Key, PlacedBound]], size: int) -> dict[Take, tuple[PlacedBound, str]]:
    """What a call takes of the budgets that all gateways share, each with its limit, by whose words it is known."""
    found: dict[Take, tuple[PlacedBound, str]] = {}
    for (_, of), one in bounds:
        for what, most, amount in (("calls", one.bound.calls, 1), ("bytes", one.bound.bytes, size)):
            if most is not None:
                key = msgspec.json.encode([what, one.bound, of], order="deterministic").decode()
                take = Take(key=key, window_seconds=seconds(one.bound.window), most=most, amount=amount)
                found[take] = one, what
    return found


def _used_up(takes: Mapping[Take, tuple[PlacedBound, str]], counted: Counted) -> Decision | None:
    """The refusal where other gateways have used the budget up."""
    if counted.granted:
        return None
    one, what = next((limit for take, limit in takes.items() if take.key == counted.key), next(iter(takes.values())))
    return _too_many(one, what, counted.retry_after_seconds)


def _sameness(call: Call) -> int:
    """What stands for the call and its arguments. Nobody outside can know which two calls share one: it is keyed."""
    who = call.principal.id if call.principal else ""
    for value in call.arguments.values():
        if value.__class__ is not str:
            told = [who, call.server, call.target, call.arguments]
            return hash(msgspec.json.encode(told, order="deterministic"))
    return hash((who, call.server, call.target, frozenset(call.arguments.items())))


def _too_many(one: PlacedBound, what: str, wait: float) -> Decision:
    most = getattr(one.bound, what)
    per = " and ".join(one.bound.per)
    within = "" if what == "at_once" else f" in {one.bound.window}"
    return Decision(
        effect=Effect.DENY,
        guard=Rate.name,
        reason=f"more than {most} {what.replace('_', ' ')}{within} for this {per}",
        refusal=Refusal.TOO_MANY,
        exception=f"{one.place}: `{what}`",
        retry_after_seconds=wait,
    )
