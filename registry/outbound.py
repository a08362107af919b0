"""Where webhooks may lead: public addresses only, unless the settings say otherwise. Pure, but for asking DNS.

A name is resolved once, every address that it has is looked at, and the connection is made to one of these very
addresses: a name that answers differently a moment later leads nowhere else.
"""

import ipaddress
import socket
from dataclasses import dataclass
from urllib.parse import urlsplit

SCHEMES = {"http": 80, "https": 443}
Address = ipaddress.IPv4Address | ipaddress.IPv6Address


class ForbiddenAddressError(Exception):
    """The address may not be called; the words say why."""


@dataclass(frozen=True)
class Target:
    """A URL that was looked at: call `url`, which has the IP address in it, and tell the server the name."""

    url: str
    host: str
    name: str


def target_of(url: str, *, allow_private: bool) -> Target:
    """Resolve and check. Raises ForbiddenAddressError."""
    try:
        parts = urlsplit(url)
        name = parts.hostname or ""
    except ValueError as error:
        raise ForbiddenAddressError("This is no address.") from error
    if parts.scheme not in SCHEMES or not name:
        raise ForbiddenAddressError("Give an address that begins with https:// or http://.")
    if parts.username or parts.password:
        raise ForbiddenAddressError("The address may not hold a user name or password: it is shown to others.")
    try:
        port = parts.port or SCHEMES[parts.scheme]
    except ValueError as error:
        raise ForbiddenAddressError("The port is no number from 1 to 65535.") from error
    addresses = resolved(name, port)
    for address in addresses:
        if not allow_private and not is_public(address):
            raise ForbiddenAddressError(
                f"{name} leads to {address}, which is not public. An administrator can allow such addresses."
            )
    chosen = addresses[0]
    literal = f"[{chosen}]" if chosen.version == 6 else str(chosen)
    usual = port == SCHEMES[parts.scheme]
    path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
    return Target(f"{parts.scheme}://{literal}:{port}{path}", name if usual else f"{name}:{port}", name)


def resolved(name: str, port: int) -> list[Address]:
    """Every address of a name, the first is to be called. Raises ForbiddenAddressError when it has none."""
    try:
        found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise ForbiddenAddressError(f"{name} can't be found: no address has this name.") from error
    return list(dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found))


def is_public(address: Address) -> bool:
    """Whether an address belongs to the public internet; addresses inside others (IPv4 in IPv6) are looked at, too."""
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.sixtofour or (address.teredo[1] if address.teredo else None)
        if inner is not None:
            return is_public(inner)
        if address in ipaddress.ip_network("64:ff9b::/96"):
            return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address.is_global and not address.is_multicast and not address.is_reserved
