"""A path that a test makes slow or lossy: real TCP, whose packets pass through the test itself.

The kernel needs only TUN and network namespaces, no `netem`. Packets for `FAR` come out of the TUN
device, and go back into it with source and destination exchanged: so the one host talks to itself
over a path, and no checksum changes (RFC 1071: a sum does not mind the order).
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import threading
import time
from collections import deque
from pathlib import Path
from types import TracebackType

NEAR, FAR = "10.9.0.1", "10.9.0.2"
"""Listen at `NEAR`, connect to `FAR`."""

_CLONE_NEWNET = 0x40000000
_TUNSETIFF = 0x400454CA
_IFF_TUN, _IFF_NO_PI = 0x0001, 0x1000
"""linux/sched.h, linux/if_tun.h."""
_LIBC = ctypes.CDLL(None, use_errno=True)
_PACKET_BYTES = 1 << 16
_DATA_BYTES = 200
"""A packet that is longer carries data; only these are lost, and only these take their time."""
_IPV4 = 4


class SlowPath:
    """Until it is closed, whatever the calling thread opens or starts is in its network."""

    def __init__(self) -> None:
        """Change into a network of its own.

        Raises:
            OSError: the kernel or the sandbox does not allow it.
        """
        self.delay_s = 0.0
        """How long every packet takes, each way."""
        self.bytes_per_s = 0
        """How much data passes, each way together; 0: as much as there is."""
        self.lose_every = 0
        """Lose every n-th packet with data; 0: none, 1: all."""
        self.lost = 0
        self._seen = 0
        self._free_s = 0.0
        self._under_way: deque[tuple[float, bytes]] = deque()
        self._home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        self._tun = -1
        try:
            _check(_LIBC.unshare(_CLONE_NEWNET))
            self._tun = _open_tun("path")
            _run_ip("link", "set", "lo", "up")
            _run_ip("addr", "add", NEAR, "peer", FAR, "dev", "path")
            _run_ip("link", "set", "path", "up")
        except BaseException:
            self._leave()
            raise
        self._end, self._ending = os.pipe()
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()

    def __enter__(self) -> "SlowPath":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        os.close(self._ending)
        self._thread.join()
        os.close(self._end)
        self._leave()

    def _leave(self) -> None:
        _check(_LIBC.setns(self._home, _CLONE_NEWNET))
        os.close(self._home)
        if self._tun >= 0:
            os.close(self._tun)

    def mend(self) -> None:
        """Let everything pass at once from now on."""
        self.delay_s, self.bytes_per_s, self.lose_every, self._free_s = 0.0, 0, 0, 0.0

    def limit_send_buffers(self, size: int) -> None:
        """Let no send buffer of this network grow beyond `size` bytes (tcp(7), tcp_wmem)."""
        Path("/proc/sys/net/ipv4/tcp_wmem").write_text(f"4096 {size} {size}")

    # -- the path

    def _carry(self) -> None:
        poll = select.poll()
        poll.register(self._tun, select.POLLIN)
        poll.register(self._end, 0)
        while True:
            ready = dict(poll.poll(self._next_ms()))
            if self._end in ready:
                return
            if self._tun in ready:
                self._take(os.read(self._tun, _PACKET_BYTES))
            self._deliver()

    def _next_ms(self) -> float | None:
        """Return after how many ms the next packet arrives; None: none is under way."""
        if not self._under_way:
            return None
        return max(0.0, self._under_way[0][0] - time.monotonic()) * 1000

    def _take(self, packet: bytes) -> None:
        if packet[0] >> 4 != _IPV4:
            return
        leaves_s = time.monotonic()
        if len(packet) > _DATA_BYTES:
            self._seen += 1
            if self.lose_every and self._seen % self.lose_every == 0:
                self.lost += 1
                return
            if self.bytes_per_s:
                leaves_s = self._free_s = (
                    max(leaves_s, self._free_s) + len(packet) / self.bytes_per_s
                )
        turned = packet[:12] + packet[16:20] + packet[12:16] + packet[20:]
        self._under_way.append((leaves_s + self.delay_s, turned))

    def _deliver(self) -> None:
        now_s = time.monotonic()
        while self._under_way and self._under_way[0][0] <= now_s:
            os.write(self._tun, self._under_way.popleft()[1])


def has_paths() -> bool:
    """Return whether there can be one here."""
    try:
        with SlowPath():
            return True
    except OSError:
        return False


def _check(result: int) -> None:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _open_tun(name: str) -> int:
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    try:
        wish = struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI)
        fcntl.ioctl(tun, _TUNSETIFF, wish)
    except BaseException:
        os.close(tun)
        raise
    return tun


def _run_ip(*words: str) -> None:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise OSError(f"ip {' '.join(words)}: {done.stderr.strip()}")
