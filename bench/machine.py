"""What the bench needs of the machine: tools, two cores, free ports, and words to describe it."""

import os
import platform
import resource
import shutil
import socket
from pathlib import Path

PROXY_CORE = 0
LOAD_CORE = 1
"""The proxy has one core to itself; load, backend and dashboard share the other."""

PACKAGES = {"nginx": "nginx", "haproxy": "haproxy", "wrk": "wrk"}
"""Debian's package for each tool."""

PORTS = iter(range(21_000 + os.getpid() % 80 * 100, 30_000))
"""Below the ports that the kernel gives to clients (ip(7), ip_local_port_range), so that no
connection of the load can sit on a port that a proxy is about to listen on. Two runs at once
begin at different ones."""

FDS_WANTED = 10_000
"""Two for each of 2,000 connections, in any process, and room to spare."""


def missing_packages() -> list[str]:
    """Return the Debian packages whose tools are not installed."""
    return [package for tool, package in PACKAGES.items() if shutil.which(tool) is None]


def free_port() -> int:
    """Return a port of 127.0.0.1 that nobody listens on."""
    for port in PORTS:
        with socket.socket() as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                sock.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise SystemExit("bench: no free port between 21000 and 30000")


def raise_fd_limit(wanted: int = FDS_WANTED) -> int:
    """Allow ourselves, and with us what we start, so many open files; return how many we got."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    return resource.getrlimit(resource.RLIMIT_NOFILE)[0]


def description() -> str:
    """Say what this machine is, in one line."""
    models = [
        line.partition(":")[2].strip()
        for line in Path("/proc/cpuinfo").read_text().splitlines()
        if line.startswith("model name")
    ]
    cpu = models[0] if models else platform.machine()
    return (
        f"{os.cpu_count()} x {cpu}, Linux {platform.release()}, Python {platform.python_version()}"
    )
