"""The contestants and the backend: their configurations, written to a directory of the bench."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bench.machine import LOAD_CORE, PROXY_CORE, free_port
from bench.processes import Running

PAGE_BYTES = 1024
BULK_BYTES = 10_000_000

STREAM_MODULE = Path("/usr/lib/nginx/modules/ngx_stream_module.so")
"""nginx relays TCP only with this module (Debian: libnginx-mod-stream)."""

NGINX_COMMON = """\
daemon off;
master_process off;
pid {directory}/{name}.pid;
error_log {directory}/{name}.error warn;
worker_rlimit_nofile {fds};
events {{ worker_connections {connections}; }}
"""

NGINX_HTTP_COMMON = """\
  access_log off;
  keepalive_requests 100000000;
  client_body_temp_path {directory}/{name}.body;
  proxy_temp_path {directory}/{name}.proxy;
  fastcgi_temp_path {directory}/{name}.fastcgi;
  uwsgi_temp_path {directory}/{name}.uwsgi;
  scgi_temp_path {directory}/{name}.scgi;
"""

NGINX_BACKEND = (
    NGINX_COMMON
    + "http {{\n"
    + NGINX_HTTP_COMMON
    + """\
  sendfile on;
  tcp_nodelay on;
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    root {directory}/www;
    location /slow {{ limit_rate 2k; }}
    location /sink {{ client_max_body_size 1g; return 200 "taken"; }}
    location /upload {{ client_max_body_size 1g; proxy_pass http://127.0.0.1:{port}/sink; }}
  }}
}}
"""
)

NGINX_HTTP = (
    NGINX_COMMON
    + "http {{\n"
    + NGINX_HTTP_COMMON
    + """\
  proxy_max_temp_file_size 0;
  upstream backend {{ server 127.0.0.1:{backend}; keepalive 128; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    client_max_body_size 1g;
    location / {{
      proxy_pass http://backend;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }}
  }}
}}
"""
)

NGINX_TCP = (
    "load_module {module};\n"
    + NGINX_COMMON
    + "stream {{ server {{ listen 127.0.0.1:{port} backlog=4096; "
    + "proxy_pass 127.0.0.1:{backend}; }} }}\n"
)

HAPROXY = """\
global
  nbthread 1
  maxconn {connections}
  {settings}
defaults
  mode {mode}
  timeout connect 5s
  timeout client 60s
  timeout server 60s
  {timeouts}
listen bench
  bind 127.0.0.1:{port} backlog 4096
  {reuse}
  server backend 127.0.0.1:{backend}
"""

RSP = """\
listen {{
  address = "127.0.0.1:{port}", mode = "{mode}", pool = "web", max_connections = {connections},
}}
pool("web", {{ backends = {{ {{ name = "nginx", address = "127.0.0.1:{backend}" }} }} }})
"""


@dataclass(frozen=True, slots=True)
class Size:
    """For how much a contestant is set up."""

    fds: int = 10_000
    """Open files that it may have."""
    connections: int = 9_000
    """Connections of nginx, which counts those to backends too."""
    clients: int = 4_500
    """Client connections of those who count them alone."""
    timeouts: str = ""
    """HAProxy has no timeout for a request head, nor one for idling, unless it is told."""


BENCH = Size()


@dataclass(frozen=True, slots=True)
class Proxy:
    """A running contestant."""

    name: str
    port: int
    running: Running
    control: Path | None = None
    """The control socket, where there is one."""


def start_backend(directory: Path, size: Size = BENCH) -> tuple[Running, int]:
    """Start nginx with one small and one big file; return it and its port."""
    pages = directory / "www"
    pages.mkdir()
    (pages / "page").write_bytes(b"x" * PAGE_BYTES)
    (pages / "bulk").write_bytes(b"x" * BULK_BYTES)
    port = free_port()
    config = _write(directory, "backend", NGINX_BACKEND, port=port, **_nginx(size))
    running = Running(["nginx", "-c", str(config), "-e", "stderr"], LOAD_CORE, _log(config))
    running.wait_for_port(port)
    return running, port


def _nginx(size: Size) -> dict[str, int]:
    return {"fds": size.fds, "connections": size.connections}


def start_rsp(mode: str, backend: int, directory: Path, size: Size = BENCH) -> Proxy:
    """Start rsp in `mode` (http or tcp), all counters on as always."""
    port = free_port()
    settings = {"port": port, "backend": backend, "mode": mode, "connections": size.clients}
    config = _write(directory, f"rsp-{mode}", RSP, **settings)
    control = directory / f"rsp-{mode}.sock"
    command = [sys.executable, "-m", "rsp", "serve", str(config), "--control", str(control)]
    return _proxy("rsp", port, command, config, control)


def start_haproxy(mode: str, backend: int, directory: Path, size: Size = BENCH) -> Proxy:
    """Start HAProxy with one thread."""
    port = free_port()
    reuse = "http-reuse always" if mode == "http" else ""
    settings = {"port": port, "backend": backend, "mode": mode, "reuse": reuse}
    settings |= {"connections": size.clients, "timeouts": size.timeouts}
    # It wants two fds for each client, and would not start with fewer.
    settings["settings"] = "no strict-limits" if 2 * size.clients > size.fds else ""
    config = _write(directory, f"haproxy-{mode}", HAPROXY, **settings)
    return _proxy("HAProxy", port, ["haproxy", "-db", "-f", str(config)], config)


def start_nginx(mode: str, backend: int, directory: Path, size: Size = BENCH) -> Proxy | None:
    """Start nginx with one process; None when it cannot relay TCP here."""
    if mode == "tcp" and not STREAM_MODULE.exists():
        return None
    port = free_port()
    text = NGINX_HTTP if mode == "http" else NGINX_TCP
    settings = {"port": port, "backend": backend, "module": STREAM_MODULE, **_nginx(size)}
    config = _write(directory, f"nginx-{mode}", text, **settings)
    return _proxy("nginx", port, ["nginx", "-c", str(config), "-e", "stderr"], config)


CONTESTANTS: tuple[Callable[..., Proxy | None], ...] = (
    start_rsp,
    start_haproxy,
    start_nginx,
)
"""In the order in which each round measures them."""


def _write(directory: Path, name: str, text: str, **values: object) -> Path:
    config = directory / f"{name}.conf"
    config.write_text(text.format(directory=directory, name=name, **values))
    return config


def _log(config: Path) -> Path:
    return config.with_suffix(".log")


def _proxy(
    name: str, port: int, command: list[str], config: Path, control: Path | None = None
) -> Proxy:
    running = Running(command, PROXY_CORE, _log(config))
    running.wait_for_port(port)
    return Proxy(name, port, running, control)
