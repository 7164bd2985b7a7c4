"""Who reaches an address: what several checks ask of a URL that anybody may have written."""

import ipaddress
from enum import StrEnum
from urllib.parse import urlsplit


class Reach(StrEnum):
    """From where an address can be reached."""

    MACHINE = "machine"
    NETWORK = "network"
    ANYWHERE = "anywhere"


def host_of(url: str) -> str:
    """The host of a URL in lower case, without brackets and the closing dot; empty where there is none."""
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def reach_of(url: str) -> Reach:
    """This machine for loopback, a network for private addresses and names without a dot, else anywhere.

    A name is not looked up: `127.0.0.1.example.com` is a name like any other.
    """
    host = host_of(url)
    if host == "localhost" or host.endswith(".localhost"):
        return Reach.MACHINE
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        inside = "." not in host or host.endswith((".local", ".internal", ".lan", ".home.arpa"))
        return Reach.NETWORK if inside else Reach.ANYWHERE
    address = getattr(address, "ipv4_mapped", None) or address
    if address.is_loopback:
        return Reach.MACHINE
    return Reach.NETWORK if address.is_private or address.is_link_local else Reach.ANYWHERE
