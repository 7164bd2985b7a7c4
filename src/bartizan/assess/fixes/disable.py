"""Turn a server off: by its client's own switch, or where it has none by taking the entry out."""

from bartizan.assess.fixes.ticket import Ticket, by_file, one_reader
from bartizan.model.mend import Edit, Mend, NoMendError


def disable(ticket: Ticket) -> Mend:
    """Turn the server off in every client that configures it. Raises NoMendError for one that no file configures."""
    if ticket.server is None or not ticket.sights:
        raise NoMendError("no file configures the server, so there is nothing to turn off: stop its process")
    edits: list[tuple[str, Edit]] = []
    taken_out: list[str] = []
    for sight in ticket.sights:
        switch = one_reader(sight.readers, "turn a server off").turns_off
        if switch:
            key, _, value = switch.partition(": ")
            edits.append((sight.file, Edit(path=(*sight.path, key), value=value == "true")))
        else:
            edits.append((sight.file, Edit(action="remove", path=sight.path)))
            taken_out.append(sight.file)
    besides = ["restart the client: a server that runs is not stopped by this"]
    if taken_out:
        besides.append("its client has no switch for a server, so the entry is taken out; the undo copy keeps it")
    return Mend(title=f"Turn {ticket.server.name} off", files=by_file(edits), besides=tuple(besides))
