"""A real nginx on loopback, serving a folder of hour files."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import tempfile

from support.etl import tool, wait_for

CONFIGURATION = """
pid {own}/pid; error_log {own}/error.log; worker_processes 1; daemon off; {user}
events {{ worker_connections 256; }}
http {{
  default_type application/octet-stream; types {{ application/gzip gz; text/html html; }}
  log_format agent '$request_method $uri $status $body_bytes_sent "$http_user_agent"';
  access_log {own}/access.log agent; sendfile on; gzip off; etag on;
  client_body_temp_path {own}/tmp; proxy_temp_path {own}/tmp; fastcgi_temp_path {own}/tmp;
  uwsgi_temp_path {own}/tmp; scgi_temp_path {own}/tmp;
  server {{ listen 127.0.0.1:{port}; root {root}; location / {{ autoindex on; }}
{slow}  }}
}}
"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Nginx:
    """`with Nginx(folder) as server:`. Files whose name contains one of `slow` are sent at `rate` per second."""

    def __init__(self, folder, slow=(), rate="2k"):
        self.root, self.slow, self.rate = pathlib.Path(folder).resolve(), slow, rate
        self.own = pathlib.Path(tempfile.mkdtemp(prefix="etlnginx"))
        self.process = self.port = None

    def start(self):
        slow = "".join(f"    location ~ {name} {{ limit_rate {self.rate}; }}\n" for name in self.slow)
        for _ in range(5):  # another process may take the port between the probe and the start
            self.port = free_port()
            (self.own / "nginx.conf").write_text(CONFIGURATION.format(
                own=self.own, root=self.root, port=self.port, slow=slow,
                user="user root;" if os.getuid() == 0 else ""))
            self.process = subprocess.Popen(
                [tool("nginx"), "-p", str(self.own), "-c", str(self.own / "nginx.conf"), "-e", str(self.own / "error.log")],
                stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            if wait_for(lambda: self._answers() or self.process.poll() is not None, "nginx starts") \
                    and self.process.poll() is None:
                return self
        raise RuntimeError((self.own / "error.log").read_text())

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def requests(self):
        """The requests so far, as lines `METHOD URI STATUS BYTES "USER AGENT"`."""
        return (self.own / "access.log").read_text(errors="replace").splitlines()

    def stop(self):
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGQUIT if not self.slow else signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.own, ignore_errors=True)

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()
