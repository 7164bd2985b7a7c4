"""Sockets of Linux by inode: which unix sockets are joined, and which TCP sockets listen."""

import ctypes
import socket
import struct
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from bartizan.model.limits import Limits
from bartizan.model.record import Listening

# linux/sock_diag.h, linux/unix_diag.h, linux/netlink.h
_NETLINK_SOCK_DIAG = 4
_SOCK_DIAG_BY_FAMILY = 20
_REQUEST_DUMP = 0x301
_UDIAG_SHOW_PEER = 4
_UNIX_DIAG_PEER = 2
_DONE, _ERROR = 3, 2
_ESTABLISHED = 1 << 1
_ANY_COOKIE = 0xFFFFFFFF
_CLONE_NEWNET = 0x40000000  # linux/sched.h
_LISTEN = "0A"


def unix_peers_of(namespace: int, limits: Limits) -> dict[int, int]:
    """As `unix_peers`, for another network namespace, given by a descriptor; only root may. Raises OSError."""

    def inside() -> dict[int, int]:
        if ctypes.CDLL(None, use_errno=True).setns(namespace, _CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "this user may not look into another network namespace")
        return unix_peers(limits)

    with ThreadPoolExecutor(max_workers=1) as thread:  # only this thread goes there, and it ends there
        return thread.submit(inside).result()


def unix_peers(limits: Limits) -> dict[int, int]:
    """The inode at the other end of each connected unix socket of this network namespace.

    Raises OSError where the kernel refuses to say.
    """
    peers: dict[int, int] = {}
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_SOCK_DIAG) as kernel:
        kernel.settimeout(limits.socket_table_seconds_max)
        question = struct.pack(
            "=BBHIIIII", socket.AF_UNIX, 0, 0, _ESTABLISHED, 0, _UDIAG_SHOW_PEER, _ANY_COOKIE, _ANY_COOKIE
        )
        kernel.send(struct.pack("=IHHII", 16 + len(question), _SOCK_DIAG_BY_FAMILY, _REQUEST_DUMP, 1, 0) + question)
        while len(peers) < limits.socket_table_entries_max:
            for kind, body in _messages(kernel.recv(256 * 1024)):
                if kind == _DONE:
                    return peers
                if kind == _ERROR:
                    raise OSError(-struct.unpack_from("=i", body)[0], "the kernel refused to list unix sockets")
                _add_peer(peers, body)
    raise OSError(f"more than {limits.socket_table_entries_max} unix sockets (limit socket_table_entries_max)")


def _messages(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 16 <= len(data):
        length, kind = struct.unpack_from("=IH", data, at)
        if length < 16:
            return
        yield kind, data[at + 16 : at + length]
        at += (length + 3) & ~3


def _add_peer(peers: dict[int, int], body: bytes) -> None:
    inode, at = struct.unpack_from("=I", body, 4)[0], 16
    while at + 4 <= len(body):
        length, kind = struct.unpack_from("=HH", body, at)
        if length < 4:
            return
        if kind == _UNIX_DIAG_PEER and length >= 8:
            peers[inode] = struct.unpack_from("=I", body, at + 4)[0]
        at += (length + 3) & ~3


def listening_sockets(table: str) -> dict[int, Listening]:
    """The listening sockets, by inode, of a text in the format of `/proc/net/tcp` or `tcp6`."""
    found: dict[int, Listening] = {}
    for line in table.splitlines()[1:]:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTEN:
            address, _, port = fields[1].partition(":")
            found[int(fields[9])] = Listening(address=_address(address), port=int(port, 16))
    return found


def _address(text: str) -> str:
    """The kernel prints addresses as 32-bit words in the byte order of the host."""
    words = [int(text[at : at + 8], 16) for at in range(0, len(text), 8)]
    packed = struct.pack(f"={len(words)}I", *words)
    return socket.inet_ntop(socket.AF_INET if len(words) == 1 else socket.AF_INET6, packed)
