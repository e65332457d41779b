"""Whether a request may come from a web page: the local AWS runs commands, and any page can reach 127.0.0.1.

A page says its own address in `Origin`; a page whose name was made to lead here afterwards (DNS rebinding) says that
name in `Host`. What a page fetches as an image, a script or a link has no `Origin`, but `Sec-Fetch-Site`, and a GET can
create things on AWS. Pure: texts in, a sentence or nothing out. `sluice/same_origin.py` decides alike for the servers
of the product; neither side may import the other, and one table of tests holds both.
"""

import ipaddress
import re
from collections.abc import Iterable

SHOWN = 100  # characters of a foreign header that a message repeats
OWN_SITES = ("same-origin", "none")  # none: the user typed the address
_AUTHORITY = re.compile(r"(\[[0-9a-fA-F:.]+\]|[^\[\]:/@\s]+)(?::[0-9]{1,5})?")
_DEFAULT_PORT = {"http": ":80", "https": ":443"}


def explain_refusal(
    host: str | None, origin: str | None, names: Iterable[str] = (), fetch_site: str | None = None
) -> str | None:
    """Why a request with these headers gets no answer, as a sentence; None if it may have one.

    `names` are the hosts that the server answers under beside loopback. A header that is absent is no reason: no
    browser leaves out `Host`, and no SDK sends the other two.
    """
    served = tuple(names)
    if host is not None and not _is_served(host, served):
        return f"Host {host[:SHOWN]!a} is not a name of this server, which answers on loopback only."
    if origin is not None and not _is_own(origin, host):
        return f"Origin {origin[:SHOWN]!a} is not this server's own: no web page gets an answer."
    if fetch_site is not None and fetch_site.lower() not in OWN_SITES:
        return f"Sec-Fetch-Site {fetch_site[:SHOWN]!a}: a page of another address asks, and no web page gets an answer."
    return None


def _is_served(host: str, served: tuple[str, ...]) -> bool:
    name = _host_name(host)
    if name is None:
        return False
    if name == "localhost" or name.endswith(".localhost") or name in served:
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _is_own(origin: str, host: str | None) -> bool:
    scheme, _, authority = origin.lower().partition("://")
    port = _DEFAULT_PORT.get(scheme)
    if port is None or host is None or _host_name(authority) is None:
        return False
    return authority.removesuffix(port) == host.lower().removesuffix(port)


def _host_name(authority: str) -> str | None:
    """The name without its port, without an address's brackets; None if this is no host."""
    parts = _AUTHORITY.fullmatch(authority)
    return parts[1].strip("[]").removesuffix(".").lower() if parts else None
