"""HTTP for the bridge of a stdio client: blocking, few imports, one connection for each message under way."""

import http.client
import select
import ssl
import threading
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from bartizan.model.limits import DEFAULT, Limits

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_CHUNK_BYTES = 64 * 1024
Failure = OSError | http.client.HTTPException


class Reply:
    """The answer to one request. What it holds is read once."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self._response = response
        self.status = response.status
        self.kind = (response.getheader("content-type") or "").partition(";")[0].strip().lower()

    def header(self, name: str) -> str:
        """A header; empty where there is none."""
        return self._response.getheader(name) or ""

    def read(self, most: int) -> bytes:
        """The whole body. Raises ValueError for one that is larger."""
        body = self._response.read(most + 1)
        if len(body) > most:
            raise ValueError(f"an answer larger than {most} bytes")
        return body

    def chunks(self) -> Iterator[bytes]:
        """The body as it comes."""
        while chunk := self._response.read1(_CHUNK_BYTES):
            yield chunk


class Endpoint:
    """One address. Connections that are free are used again while they are alive; nothing is ever sent twice."""

    def __init__(self, url: str, limits: Limits = DEFAULT, ca_file: str = "") -> None:
        """`ca_file` holds a root that is trusted beside those of the system.

        Raises ValueError for an address that is none, or that would send a credential in clear over a network.
        """
        parts = urlsplit(url)
        self._host, self._limits = parts.hostname or "", limits
        if parts.scheme not in {"http", "https"} or not self._host or parts.username is not None:
            raise ValueError("not an http or https address")
        if parts.scheme == "http" and self._host not in _LOOPBACK:
            raise ValueError("plain http is for this machine alone: use https")
        self._port = parts.port or (443 if parts.scheme == "https" else 80)
        self._target = parts.path or "/"
        self._tls = ssl.create_default_context() if parts.scheme == "https" else None
        if self._tls is not None and ca_file:
            try:
                self._tls.load_verify_locations(ca_file)
            except OSError:
                raise ValueError(f"{ca_file} holds no certificate") from None
        self._free: list[http.client.HTTPConnection] = []
        self._lock = threading.Lock()

    def open(self) -> http.client.HTTPConnection:
        """A connection, which is to be given back. Raises what connecting raises."""
        while True:
            with self._lock:
                connection = self._free.pop() if self._free else None
            if connection is None:
                break
            if connection.sock and not select.select([connection.sock], [], [], 0)[0]:
                return connection
            connection.close()  # the gateway closed it meanwhile
        wait = self._limits.connect_seconds_max
        if self._tls is None:
            connection = http.client.HTTPConnection(self._host, self._port, timeout=wait)
        else:
            connection = http.client.HTTPSConnection(self._host, self._port, timeout=wait, context=self._tls)
        connection.connect()
        return connection

    def ask(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        headers: Mapping[str, str],
        body: bytes | None,
        wait_seconds: float | None,
    ) -> Reply:
        """Send one request and read the head of its answer. `wait_seconds` is for each read, None for no end."""
        if connection.sock:
            connection.sock.settimeout(wait_seconds)
        connection.request(method, self._target, body=body, headers=dict(headers))
        return Reply(connection.getresponse())

    def give_back(self, connection: http.client.HTTPConnection, *, whole: bool) -> None:
        """Keep a connection for the next message when its answer was read whole, else end it."""
        if whole and connection.sock is not None:
            with self._lock:
                if len(self._free) < self._limits.bridge_requests_max:
                    self._free.append(connection)
                    return
        connection.close()

    def close(self) -> None:
        """End the connections that are free."""
        with self._lock:
            free, self._free = self._free, []
        for connection in free:
            connection.close()
