"""Take the rights of others away from a file."""

from bartizan.assess.fixes.ticket import Ticket
from bartizan.model.mend import FileMend, Mend, NoMendError


def tighten_mode(ticket: Ticket) -> Mend:
    """The owner's rights stay, those of the group and of others go. Raises NoMendError for a file without a mode."""
    document = ticket.inventory.by_id().get(ticket.finding.subject)
    mode = str(document.attributes.get("mode") or "") if document else ""
    if document is None or not mode or not document.places:
        raise NoMendError("the scan knows no mode of this file")
    now = int(mode, 8)
    return Mend(
        title=f"Take the rights of other users away from {document.name}",
        files=(FileMend(path=document.places[0].path, mode=now & 0o700),),
        besides=("rotate what stands in the file: it has to be counted as read by whoever could read it",),
    )
