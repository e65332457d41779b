"""Whether a request may come from a foreign web page: what a server on this machine looks at before it answers.

Any page that someone opens can send requests to 127.0.0.1. A page says its own address in `Origin`; a page whose name
was made to lead here afterwards (DNS rebinding) says that name in `Host`. Pure: texts in, a sentence or nothing out.
`sluice/localaws/same_origin.py` decides alike; neither side may import the other, and one table of tests holds both.
"""

import ipaddress
import re
from collections.abc import Iterable

SHOWN = 100  # characters of a foreign header that a message repeats
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@\s]+)(?::[0-9]{1,5})?")
_NAME = re.compile(r"[0-9a-zA-Z_-]+(?:\.[0-9a-zA-Z_-]+)*")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def explain_refusal(host: str | None, origin: str | None, names: Iterable[str] = ()) -> str | None:
    """Why a request with these headers gets no answer, as a sentence; None if it may have one.

    `names` are the host names, addresses and networks that the server answers under beside loopback. A header that is
    absent is no reason: every browser sends `Host`, and `Origin` with everything but plain reading.
    """
    served = tuple(names)
    if host is not None and not _is_served(host, served):
        return f"Host {host[:SHOWN]!a} is not a name of this server, which answers on loopback and the names it serves."
    if origin is not None and not _is_own(origin, host, served):
        return f"Origin {origin[:SHOWN]!a} is not this server's own: no page of another address gets an answer."
    return None


def read_served_names(text: str) -> tuple[str, ...]:
    """The names of a comma-separated list, in lower case; raises ValueError for what is no name, address or network."""
    names = tuple(name.strip().lower() for name in text.split(",") if name.strip())
    for name in names:
        if _NAME.fullmatch(name) is None:
            ipaddress.ip_network(name, strict=False)
    return names


def _is_served(host: str, served: tuple[str, ...]) -> bool:
    name = _host_name(host)
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return name in served
    return address.is_loopback or any(address in network for network in _networks(served))


def _is_own(origin: str, host: str | None, served: tuple[str, ...]) -> bool:
    """A page of this very server; or, behind a proxy that sends another Host, of a served name on its default port."""
    scheme, _, authority = origin.lower().partition("://")
    port = _DEFAULT_PORT.get(scheme)
    if port is None or _host_name(authority) is None:
        return False
    authority = authority.removesuffix(port)
    return authority in served or (host is not None and authority == host.lower().removesuffix(port))


def _host_name(authority: str) -> str | None:
    """The name without its port, without an address's brackets; None if this is no host."""
    parts = _AUTHORITY.fullmatch(authority)
    return parts[1].strip("[]").removesuffix(".").lower() if parts else None


def _networks(served: tuple[str, ...]) -> Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for name in served:
        try:
            yield ipaddress.ip_network(name, strict=False)
        except ValueError:
            continue
