"""`connect`: the stdio entry of a client, bridged to the gateway."""

import ipaddress
import re
from typing import BinaryIO
from urllib.parse import quote

from bartizan.adapters.transports.bridge import Bridge
from bartizan.adapters.transports.bridge_http import Endpoint
from bartizan.adapters.vaults.local import LocalVault
from bartizan.app.home import state_folder
from bartizan.model.errors import UsageError
from bartizan.model.limits import DEFAULT, Limits
from bartizan.model.secret import Secret

DEFAULT_GATEWAY = "http://127.0.0.1:8700"
TOKEN = "local:connect-token"  # noqa: S105 - a reference
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._\-]{0,63}")


def connect(server: str, gateway: str, source: BinaryIO, target: BinaryIO, *, limits: Limits = DEFAULT) -> None:
    """Carry messages between a client and a server behind the gateway till the client ends. Raises UsageError."""
    if not _ID.fullmatch(server):
        raise UsageError(f"{server[:80]!r} is no id of a server", remedy="use the id that `bartizan wrap` wrote")
    try:
        endpoint = Endpoint(server_url(gateway or DEFAULT_GATEWAY, server), limits, _authority())
    except ValueError as error:
        raise UsageError(f"--gateway: {error}", remedy=f"name it as {DEFAULT_GATEWAY}") from None
    Bridge(endpoint, source, target, token=_token(), limits=limits).run()


def server_url(gateway: str, server: str) -> str:
    """Where the gateway serves a server."""
    return f"{gateway.rstrip('/')}/servers/{quote(server, safe='')}/mcp"


def gateway_url(listen: str, *, secure: bool = False) -> str:
    """The address at which clients of this machine reach a gateway that listens so."""
    scheme = "https" if secure else "http"
    host, _, port = listen.rpartition(":")
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return f"{scheme}://{host}:{port}"
    if address.is_unspecified:
        address = ipaddress.ip_address("127.0.0.1" if address.version == 4 else "::1")
    return f"{scheme}://[{address}]:{port}" if address.version == 6 else f"{scheme}://{address}:{port}"


def _authority() -> str:
    """The authority that `bartizan tls init` made here, where it did. Not asked of `app.tls`: that loads too much."""
    file = state_folder() / "tls" / "gateway-ca.pem"
    return str(file) if file.exists() else ""


def _token() -> Secret | None:
    """What this user shows to the gateway, where one was stored."""
    try:
        return LocalVault(state_folder() / "vault").read(TOKEN)
    except UsageError as error:
        if error.what.startswith("no secret"):
            return None
        raise
