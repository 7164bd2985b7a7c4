"""A finding that a person names: its id, or the beginning of it."""

from bartizan.model.change import FoundFinding
from bartizan.model.errors import UsageError
from bartizan.ports import Store
from bartizan.text.normalise import show


def find_finding(store: Store, text: str) -> FoundFinding:
    """The finding that `text` begins the id of, in the newest kept scan of any scope. Raises UsageError.

    One finding in several scopes is that of the newest scan. `F-` may be left out, and case does not matter.
    """
    digits = text.strip().lower().removeprefix("f-")
    matching = store.found(f"F-{digits}") if digits else []
    by_id = {one.finding.id: one for one in reversed(matching)}  # the newest scan comes first, so it is kept
    if not by_id:
        raise UsageError(
            f"no kept scan has a finding {show(text)}",
            remedy="copy the id from the last report; if the scan is older, run `bartizan scan` again",
        )
    if len(by_id) > 1:
        some = ", ".join(sorted(by_id)[:5])
        raise UsageError(f"{len(by_id)} findings begin with {show(text)}: {some}", remedy="write more of the id")
    return next(iter(by_id.values()))
