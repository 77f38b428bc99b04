"""Databases on a server that a whole run of the suite shares. Each takes ten megabytes, often of memory."""

import psycopg


def named(server: str, name: str) -> str:
    """The address of another database on the same server."""
    base, _, query = server.partition("?")
    return base.rsplit("/", 1)[0] + f"/{name}" + (f"?{query}" if query else "")


def drop(url: str | None) -> None:
    """Drop a database, whoever is still connected to it. None: its test had none here."""
    if url is None:
        return
    name = url.partition("?")[0].rsplit("/", 1)[1]
    with psycopg.connect(named(url, "postgres"), autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')  # type: ignore[arg-type]
