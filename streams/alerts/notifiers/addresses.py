"""Which addresses a target may have: a URL that somebody typed must not reach into the network of the worker."""

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

NAT64: Final = (IPv6Network("64:ff9b::/96"), IPv6Network("64:ff9b:1::/48"))
"""RFC 6052, RFC 8215: the last 32 bits are an IPv4 address."""


class PrivateAddress(OSError):
    """A name led to an address that is not public; an OSError, as resolvers raise."""


def is_public(address: str) -> bool:
    """Return whether `address` (not a name) is one of the open internet, also where IPv6 wraps an IPv4 address."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return all(inner.is_global and not inner.is_multicast for inner in _unwrapped(ip))


def is_literal(host: str) -> bool:
    """Return whether `host` is an address rather than a name."""
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


class PublicResolver(AbstractResolver):
    """Resolves a name once and gives out only public addresses, which the connection then uses as they are."""

    def __init__(self, inner: AbstractResolver | None = None) -> None:
        self._inner = inner or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Return the public addresses of `host`. Raises PrivateAddress where it has any other."""
        results = await self._inner.resolve(host, port, family)
        if not all(is_public(result["host"]) for result in results):
            raise PrivateAddress
        return results

    async def close(self) -> None:
        """Release what the inner resolver holds."""
        await self._inner.close()


def _unwrapped(ip: IPv4Address | IPv6Address) -> Iterable[IPv4Address | IPv6Address]:
    if isinstance(ip, IPv4Address):
        return [ip]
    if ip.ipv4_mapped is not None:  # the wrapper itself is reserved
        return [ip.ipv4_mapped]
    inner: list[IPv4Address] = [*([ip.sixtofour] if ip.sixtofour else []), *(ip.teredo or ())]
    if any(ip in network for network in NAT64):
        inner.append(IPv4Address(int(ip) & 0xFFFF_FFFF))
    return [ip, *inner]


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a name led, once: the connection goes there and nowhere else."""

    address: str
    port: int
    family: socket.AddressFamily


async def endpoint(host: str, port: int, *, allow_private: bool) -> Endpoint:
    """Return the first address of `host`. Raises PrivateAddress, OSError where the name leads nowhere."""
    if is_literal(host):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        if not allow_private and not is_public(host):
            raise PrivateAddress
        return Endpoint(host, port, family)
    resolver = ThreadedResolver() if allow_private else PublicResolver()
    [first, *_] = await resolver.resolve(host, port, socket.AF_UNSPEC)
    return Endpoint(first["host"], first["port"], socket.AddressFamily(first["family"]))
