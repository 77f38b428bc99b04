"""The API on a socket: uvicorn, with bounds for slow and idle clients."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Thread

import uvicorn
from fastapi import FastAPI

from audit.errors import Unready

IDLE_SECONDS = 20
"""A connection without a request is closed after this."""
STOP_SECONDS = 30
"""What answers under way have when the server stops."""
MOST_AT_ONCE = 512


class CannotListen(Unready):
    """The address is taken, or is none of this machine."""

    code = "CANNOT_LISTEN"
    zh = "无法监听指定地址。"
    hint = "Name a free address of this machine: `listen` in consentry.toml, or --listen HOST:PORT."
    hint_zh = "请指定本机可用的地址：consentry.toml 中的 `listen` 或 --listen HOST:PORT。"


def bound(address: str) -> socket.socket:
    """A listening socket at HOST:PORT; port 0 takes a free one. Raises `CannotListen`."""
    host, _, port = address.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host.strip("[]"), int(port)))
        listening.listen(MOST_AT_ONCE)
    except (OSError, OverflowError) as error:
        listening.close()
        raise CannotListen(f"{address}: {getattr(error, 'strerror', None) or error}") from None
    return listening


def server(app: FastAPI) -> uvicorn.Server:
    """The server, not yet running. What it logs of its own is dropped: paths hold ids."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_keep_alive=IDLE_SECONDS,
            timeout_graceful_shutdown=STOP_SECONDS,
            limit_concurrency=MOST_AT_ONCE,
            lifespan="off",
        )
    )


@contextmanager
def serving(app: FastAPI, address: str = "127.0.0.1:0") -> Iterator[str]:
    """The application served by a thread of this process; its base address."""
    listening, running = bound(address), server(app)
    thread = Thread(target=running.run, kwargs={"sockets": [listening]}, name="api", daemon=True)
    thread.start()
    host, port = listening.getsockname()[:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        running.should_exit = True
        thread.join(STOP_SECONDS)
        listening.close()
