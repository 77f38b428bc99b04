"""`serve` in a process of its own, with a reference beside it, and many connections that ask it at once."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.client import HTTPConnection
from multiprocessing.connection import Connection
from pathlib import Path
from time import perf_counter

from fastapi import APIRouter

from bench.meter import wall_seconds
from service.api import app as api
from service.api.house import House as Served
from service.api.server import bound, server
from service.settings import load
from service.studio import open_studio
from service.wiring import open_record

CONNECTIONS = 16


@contextmanager
def served(folder: Path, references: Callable[[Path], APIRouter], path: Path) -> Iterator[int]:
    """The data folder served, with `references(path)` as further routes; the port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(folder, references, path, theirs), daemon=True)
    process.start()
    try:
        yield int(ours.recv())
    finally:
        process.terminate()
        process.join()


def together(
    port: int, each: int, ask: Callable[[HTTPConnection, int], None], connections: int = CONNECTIONS
) -> tuple[float, list[float]]:
    """Seconds until all connections have asked so often, and what each answer took."""
    lines = [HTTPConnection("127.0.0.1", port, timeout=120) for _ in range(connections)]
    for line in lines:
        line.connect()
    took: list[float] = []

    def asking(line: HTTPConnection) -> None:
        for number in range(each):
            began = perf_counter()
            ask(line, number)
            took.append(perf_counter() - began)

    with ThreadPoolExecutor(connections) as pool:

        def work() -> None:
            for done in [pool.submit(asking, line) for line in lines]:
                done.result()

        seconds = wall_seconds(work)
    for line in lines:
        line.close()
    return seconds, took


def _serve(folder: Path, references: Callable[[Path], APIRouter], path: Path, told: Connection) -> None:
    record = open_record(load(folder, requests_a_second=1e9, requests_at_once=1e9))
    application = api.build(Served(record, open_studio(record)))
    application.include_router(references(path))
    listening = bound("127.0.0.1:0")
    told.send(listening.getsockname()[1])
    server(application).run(sockets=[listening])
