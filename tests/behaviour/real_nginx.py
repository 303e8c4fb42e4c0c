"""Debian's nginx as a backend: one process in the foreground, everything in one directory."""

import signal
import subprocess
from pathlib import Path

from tests.behaviour.ports import accepts, free_port
from tests.behaviour.waiting import PATIENCE_S, wait_until

CONFIG = """\
daemon off;
master_process off;
pid {directory}/pid;
error_log {directory}/error.log warn;
events {{ worker_connections 500; }}
http {{
  log_format plain '$connection $request_method $uri $status$announced';
  map $proxy_protocol_addr $announced {{
    "" "";
    default " $proxy_protocol_addr $proxy_protocol_port $proxy_protocol_server_addr";
  }}
  access_log {directory}/access.log plain;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 100000;
  gzip on;
  gzip_proxied any;
  gzip_types text/plain;
  server {{
    listen 127.0.0.1:{port}{option} backlog=511;
    root {directory}/www;
    default_type text/plain;
    location / {{ }}
    location /kept/ {{ dav_methods PUT DELETE; client_max_body_size 20m; }}
    location /small/ {{ dav_methods PUT; client_max_body_size 1k; }}
    location /moved {{ return 301 http://$host/elsewhere; }}
    location /nothing {{ return 204; }}
  }}
}}
"""


class Nginx:
    """A running nginx. `close` ends it."""

    def __init__(self, directory: Path, option: str = "") -> None:
        """Start it; `option` is one more word of its `listen`, such as `proxy_protocol`."""
        self.directory = directory
        self.pages = directory / "www"
        (self.pages / "kept").mkdir(parents=True)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        self.url = f"http://{self.address}"
        self._config = directory / "nginx.conf"
        self._config.write_text(
            CONFIG.format(
                directory=directory, port=self.port, option=f" {option}" if option else ""
            )
        )
        self.start()

    def start(self) -> None:
        """Start it, and return when it accepts."""
        command = ["nginx", "-c", str(self._config), "-e", str(self.directory / "error.log")]
        self.process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        wait_until(self._accepts)

    def _accepts(self) -> bool:
        assert self.process.poll() is None, (self.directory / "error.log").read_text()
        return accepts(self.port)

    def quit(self) -> None:
        """Let it finish what it has, as an administrator would, and wait for its end."""
        self.process.send_signal(signal.SIGQUIT)
        self.process.wait(PATIENCE_S)

    def access_log(self) -> list[list[str]]:
        """Return its lines: connection number, method, path, status, and who was announced."""
        return [line.split() for line in (self.directory / "access.log").read_text().splitlines()]

    def close(self) -> None:
        """End it at once."""
        self.process.kill()
        self.process.wait()
