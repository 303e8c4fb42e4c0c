"""Who is at the other end of a unix socket."""

import socket
import struct

_UCRED = struct.Struct("3i")
"""`struct ucred` of unix(7): pid, uid, gid."""


def peer_credentials(sock: socket.SocketType) -> tuple[int, int, int]:
    """Return pid, uid and gid of who connected through a unix socket (SO_PEERCRED of unix(7))."""
    pid, uid, gid = _UCRED.unpack(
        sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size)
    )
    return pid, uid, gid
