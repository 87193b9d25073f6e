"""What a team puts in front of MLflow's server: TLS, and a password or a token for each request."""

from __future__ import annotations

import base64
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

BETWEEN_HOPS = {"connection", "keep-alive", "transfer-encoding", "host", "content-length"}


def basic(user: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


def bearer(token: str) -> str:
    return f"Bearer {token}"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Proxy

    def answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if (given := self.headers.get("Authorization")) not in self.server.accepted:
            self._reply(403 if given else 401, {"WWW-Authenticate": "Basic"}, b"who are you?")
            return
        headers = {key: value for key, value in self.headers.items() if key.lower() not in BETWEEN_HOPS}
        behind = HTTPConnection(self.server.behind, timeout=60)
        behind.request(self.command, self.path, body, headers)
        reply = behind.getresponse()
        kept = {key: value for key, value in reply.getheaders() if key.lower() not in BETWEEN_HOPS}
        self._reply(reply.status, kept, reply.read())
        behind.close()

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815, the names of http.server

    def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(key, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


class Proxy(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def __init__(self, behind: str, accepted: Sequence[str], certificate: tuple[Path, Path]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behind, self.accepted = urlsplit(behind).netloc, accepted
        self.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.tls.load_cert_chain(*certificate)
        self.port = self.server_address[1]

    def finish_request(self, request, client_address) -> None:  # in the thread of the request, unlike get_request
        with self.tls.wrap_socket(request, server_side=True) as secured:
            self.RequestHandlerClass(secured, client_address, self)

    def handle_error(self, request, client_address) -> None:
        """Say nothing of clients that do not trust the certificate."""


@contextmanager
def proxied(behind: str, accepted: Sequence[str], certificate: tuple[Path, Path]) -> Iterator[int]:
    """Serve in front of an address, to those who send one of the `accepted` headers; yield the port."""
    with Proxy(behind, accepted, certificate) as proxy:
        thread = threading.Thread(target=proxy.serve_forever, daemon=True)
        thread.start()
        try:
            yield proxy.port
        finally:
            proxy.shutdown()
            thread.join()
