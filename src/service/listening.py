"""A worker's own small window: /healthz, /readyz and /metrics, for a process that serves nothing else."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

from audit.errors import Unready
from service import health
from service.facts import Lookout
from service.metrics import CONTENT_TYPE, Metrics

Reply = tuple[int, str, bytes]


class CannotListen(Unready):
    """The address is taken, is not this machine's, or may not be used by this user."""

    code = "CANNOT_LISTEN"
    zh = "无法监听该地址。"
    hint = "Name a free address of this machine as HOST:PORT; ports below 1024 need rights."
    hint_zh = "请填写本机可用的 HOST:PORT；1024 以下端口需要相应权限。"


@contextmanager
def listening(address: str, lookout: Lookout) -> Iterator[str]:
    """Answer at HOST:PORT until this ends; the address itself, for port 0. Raises `CannotListen`."""
    host, _, port = address.rpartition(":")
    metrics = Metrics.of(lookout)
    replies: dict[str, Callable[[], Reply]] = {
        "/healthz": lambda: _said(health.live()),
        "/readyz": lambda: _said(health.ready(lookout.facts())),
        "/metrics": lambda: (200, CONTENT_TYPE, metrics.text()),
    }
    try:
        server = ThreadingHTTPServer((host, int(port)), _window(replies))
    except (OSError, OverflowError) as error:
        raise CannotListen(f"{address}: {getattr(error, 'strerror', None) or error}") from None
    thread = Thread(target=server.serve_forever, daemon=True, name="window")
    thread.start()
    try:
        yield f"{host}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _said(answer: health.Answer) -> Reply:
    return answer.status, "application/json", json.dumps(answer.to_json()).encode()


def _window(replies: dict[str, Callable[[], Reply]]) -> type[BaseHTTPRequestHandler]:
    class Window(BaseHTTPRequestHandler):
        timeout = 10
        """Seconds that a client may take for its request: threads are not for waiting."""
        server_version, sys_version = "consentry", ""

        def do_GET(self) -> None:
            find = replies.get(self.path.partition("?")[0])
            status, kind, body = find() if find else (404, "text/plain", b"")
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: paths and addresses are not for our log, and a probe comes every few seconds."""

    return Window
