"""Names of backends become numbers here: at load and at each edit, and never on the data path."""

import asyncio
import socket
from collections.abc import Iterable
from dataclasses import replace

from rsp.core.addresses import AddressError, parse_address
from rsp.core.backends import Pool
from rsp.core.edits import AddBackend, ChangeBackend, Operation


async def resolve(address: str) -> tuple[str, int]:
    """Return the numeric host and the port of `host:port`; of `unix:/path`, the path and 0.

    Raises:
        AddressError: the address is not one, or its name does not resolve.
    """
    host, port = parse_address(address)
    if host.startswith("/"):
        return host, port
    loop = asyncio.get_running_loop()
    try:
        found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        reason = error.strerror if isinstance(error, socket.gaierror) else "not a host name"
        raise AddressError(
            f"the name {host} of {address} does not resolve ({reason}); "
            "check the spelling, or write its IP address"
        ) from None
    numeric = found[0][4]
    return str(numeric[0]), int(numeric[1])


async def resolve_operation(operation: Operation) -> Operation:
    """Return a live edit with the address that it brings resolved. Raises as `resolve` does."""
    match operation:
        case AddBackend(backend):
            numbers = await resolve(backend.address)
            return AddBackend(replace(backend, resolved=numbers))
        case ChangeBackend(key, changes) if changes.address is not None:
            numbers = await resolve(changes.address)
            return ChangeBackend(key, replace(changes, resolved=numbers))
    return operation


async def resolve_pools(pools: Iterable[Pool]) -> tuple[Pool, ...]:
    """Return `pools` with every backend's address resolved.

    Raises:
        AddressError: with the file and the line of the backend whose name does not resolve.
    """
    resolved = []
    for pool in pools:
        backends = []
        for backend in pool.backends:
            try:
                numbers = await resolve(backend.address)
            except AddressError as error:
                where = f"{backend.defined_at}: " if backend.defined_at else ""
                raise AddressError(f"{where}backend {backend.key}: {error}") from None
            backends.append(replace(backend, resolved=numbers))
        resolved.append(replace(pool, backends=tuple(backends)))
    return tuple(resolved)
