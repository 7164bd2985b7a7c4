"""Judge a server by its certificate and its oldest version of TLS, as a scan or a refused connection saw them."""

from collections.abc import Iterator

from bartizan.content.address import Reach, reach_of
from bartizan.model.asset import Asset
from bartizan.model.finding import Severity
from bartizan.model.inventory import Inventory
from bartizan.model.json import as_array, as_text
from bartizan.rules.check import Sight

_FAULTS = {
    "certificate_expired": "its certificate is not valid at this time",
    "certificate_self_signed": "its certificate is signed by nobody but itself",
    "certificate_untrusted": "its certificate leads to no authority that this machine trusts",
    "certificate_wrong_name": "its certificate is for another name",
    "old_tls": "it still speaks TLS 1.0 or 1.1",
}
_REFUSED = "certificate verify failed"  # OpenSSL's words, in the look of a connection that was not made


def check(subject: Asset, inventory: Inventory) -> Iterator[Sight]:
    """One sight for each fault; on this machine, and for authorities of one's own, they are less bad."""
    exposure = as_array(subject.attributes.get("exposure"))
    url = as_text(subject.attributes.get("url"))
    place = subject.places[0] if subject.places else None
    local = reach_of(url) is Reach.MACHINE
    for fault, words in _FAULTS.items():
        if fault in exposure:
            severity = Severity.LOW if local or fault == "certificate_untrusted" else None
            yield Sight(message=f"{url}: {words}", detail=fault, place=place, severity=severity)
    if not any(fault in exposure for fault in _FAULTS):
        looks = inventory.looks_by_subject.get(subject.id, ())
        reason = next((one.reason for one in looks if _REFUSED in one.reason), "")
        if reason:
            yield Sight(message=f"{url} was not trusted: {reason}", detail="refused", place=place)
