"""`tls init`: local authorities, and certificates for this gateway and its clients, made and renewed."""

import os
import re
from datetime import datetime
from pathlib import Path

import msgspec

from bartizan.adapters.authority import Authority, Issued, Purpose, shown
from bartizan.app.files import write_private
from bartizan.model.errors import Place, UsageError
from bartizan.model.limits import DEFAULT
from bartizan.model.secret import Secret

FOLDER = "tls"
TRUST_DOMAIN = "bartizan.internal"
ALWAYS = ("localhost", "127.0.0.1", "::1")
_CLIENT = re.compile(r"[a-z0-9][a-z0-9_\-]{0,62}")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9\-]{0,61}[a-z0-9])?)*")


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """One certificate: whom it names, where it lies beside its key, until when it is good, and whether it is new."""

    name: str
    certificate: Path
    key: Path
    until: datetime
    new: bool


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What certificates there are to be. `names` are the gateway's, beside those of this machine.

    Without `domain` it is the one that clients had, or `TRUST_DOMAIN`.
    """

    names: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    domain: str = ""
    days: int = DEFAULT.certificate_days
    replace: bool = False

    def checked(self) -> "Wanted":
        """Itself. Raises UsageError for a name that no certificate may have."""
        for name in (*self.names, self.domain or TRUST_DOMAIN):
            if not _DOMAIN.fullmatch(name) and not _address(name):
                raise UsageError(f"{name[:80]!r} is no host name and no address", remedy="write it in lower case")
        for client in self.clients:
            if not _CLIENT.fullmatch(client):
                raise UsageError(f"{client[:80]!r} is no name of a client", remedy="use a-z, 0-9, - and _")
        if not 1 <= self.days <= DEFAULT.certificate_days_max:
            raise UsageError(
                f"certificates for {self.days} days", remedy=f"1 to {DEFAULT.certificate_days_max}: they are renewed"
            )
        return self


def init(state: Path, wanted: Wanted, at: datetime) -> list[Made]:
    """Make what is not there, and renew what has less than a third of its life left. Raises UsageError.

    Clients that have a certificate are renewed too. With `replace` everything is new, and the old is worth nothing.
    """
    folder = state / FOLDER
    (folder / "clients").mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix":
        folder.chmod(0o700)
    names = tuple(dict.fromkeys((*ALWAYS, *wanted.checked().names)))
    servers = _authority(folder, Purpose.GATEWAY, names if wanted.names else (), wanted, at)
    if not wanted.names and not wanted.replace:
        names = _names(folder / "gateway.pem") or names  # a renewal need not say them again
    made = [_certificate(servers, folder / "gateway.pem", names, wanted, at)]
    clients = _authority(folder, Purpose.CLIENT, (wanted.domain,) if wanted.domain else (), wanted, at)
    known = () if wanted.replace else (path.stem for path in (folder / "clients").glob("*.pem"))
    for client in sorted({*wanted.clients, *known}):
        uri = f"spiffe://{clients.permitted[0]}/client/{client}"
        made.append(_certificate(clients, folder / "clients" / f"{client}.pem", (uri,), wanted, at))
    return made


def authority_file(state: Path, purpose: Purpose) -> Path:
    """The certificate of an authority: what the other side trusts."""
    return state / FOLDER / f"{purpose}-ca.pem"


def soonest(state: Path) -> tuple[Path, datetime] | None:
    """The certificate of the gateway, and when it or its authority ends; None where there is none. UsageError too."""
    path = state / FOLDER / "gateway.pem"
    if not path.exists():
        return None
    return path, min(shown(_text(one)).until for one in (path, authority_file(state, Purpose.GATEWAY)))


_ALONE = {Purpose.GATEWAY: ALWAYS, Purpose.CLIENT: (TRUST_DOMAIN,)}


def _authority(folder: Path, purpose: Purpose, names: tuple[str, ...], wanted: Wanted, at: datetime) -> Authority:
    """The authority that may vouch for these names. Raises UsageError for one that is there and may not."""
    path = folder / f"{purpose}-ca.pem"
    if not path.exists() or wanted.replace:
        authority = Authority.make(purpose, names or _ALONE[purpose], at, DEFAULT.authority_days)
        _write(path, authority.issued)
        return authority
    authority = Authority(purpose, _read(path))
    remedy = "run it once more with --replace and every name, and give clients the new certificates"
    if authority.until <= at:
        raise UsageError("this authority has expired", where=Place(path=str(path)), remedy=remedy)
    if missing := [name for name in names if not authority.permits(name)]:
        what = f"it may not vouch for {', '.join(missing)}"
        raise UsageError(what, where=Place(path=str(path)), remedy=remedy)
    return authority


def _certificate(authority: Authority, path: Path, names: tuple[str, ...], wanted: Wanted, at: datetime) -> Made:
    key = path.with_suffix(".key")
    found = shown(_text(path)) if path.exists() and key.exists() else None
    new = found is None or wanted.replace or found.worn(at) or set(found.names) != set(names)
    if found is None or new:
        issued = authority.issue(path.stem, names, at, wanted.days)
        _write(path, issued)
        found = shown(issued.certificate)
    return Made(name=", ".join(names), certificate=path, key=key, until=found.until, new=new)


def _names(path: Path) -> tuple[str, ...]:
    return shown(_text(path)).names if path.exists() else ()


def _write(path: Path, issued: Issued) -> None:
    """The key first: who sees the new certificate finds its key."""
    write_private(path.with_suffix(".key"), issued.key.reveal())
    write_private(path, issued.certificate)


def _read(path: Path) -> Issued:
    return Issued(certificate=_text(path), key=Secret(_text(path.with_suffix(".key"))))


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise UsageError(f"cannot read it: {reason}", where=Place(path=str(path))) from None


def _address(name: str) -> bool:
    from ipaddress import ip_address  # noqa: PLC0415 - for this alone

    try:
        ip_address(name)
    except ValueError:
        return False
    return True
