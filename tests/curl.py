"""`curl`, as far as our pages use it, so that they are run on machines without it too.

What it does not know it refuses: a page that needs more must teach it here first. With PAGE_REQUESTS set,
each request leaves a line there: method, path, status.
"""

import os
import shutil
import sys
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from urllib.parse import urlsplit

SWITCHES = set("sSfN")
VALUES = set("HdTXow")
FORMAT = r"%{http_code}\n"
FAILED, UNREACHABLE, USAGE = 22, 7, 2


def main(words: list[str]) -> int:
    """Send one request; the exit code that curl would have."""
    switches, given, addresses = parsed(words)
    headers = dict(line for value in given["H"] for line in headers_of(value))
    body, method = body_of(given, headers)
    url = urlsplit(one(addresses, "address"))
    target = f"{url.path}?{url.query}" if url.query else url.path
    connection = HTTPConnection(url.hostname or "", url.port or 80, timeout=120)
    try:
        connection.request(method, target, body, headers)
    except ConnectionError:
        if "s" not in switches or "S" in switches:
            sys.stderr.write("curl: (7) Could not connect to server\n")
        return UNREACHABLE
    answer = connection.getresponse()
    note(f"{method} {url.path} {answer.status}")
    if "f" in switches and answer.status >= 400:
        return FAILED
    hand_out(answer, given["o"])
    for form in given["w"]:
        if form != FORMAT:
            refuse(f"-w {form}")
        sys.stdout.write(f"{answer.status}\n")
    return 0


def parsed(words: list[str]) -> tuple[set[str], dict[str, list[str]], list[str]]:
    """Switches, values by letter, addresses. Exits on anything else."""
    switches, given, addresses = set[str](), {letter: list[str]() for letter in VALUES}, list[str]()
    left = iter(words)
    for word in left:
        if not word.startswith("-"):
            addresses.append(word)
        elif set(word[1:]) <= SWITCHES:
            switches |= set(word[1:])
        elif len(word) == 2 and word[1] in VALUES:
            given[word[1]].append(next(left))
        else:
            refuse(word)
    return switches, given, addresses


def headers_of(value: str) -> list[tuple[str, str]]:
    lines = Path(value[1:]).read_text().splitlines() if value.startswith("@") else [value]
    return [(name, rest.strip()) for name, _, rest in (line.partition(":") for line in lines)]


def body_of(given: dict[str, list[str]], headers: dict[str, str]) -> tuple[bytes | None, str]:
    if given["T"]:
        return Path(one(given["T"], "file")).read_bytes(), "PUT"
    if given["d"]:
        value = one(given["d"], "body")
        # As curl does: what is read from a file loses its line ends.
        lines = Path(value[1:]).read_bytes().splitlines() if value.startswith("@") else [value.encode()]
        if "Content-Type" not in headers:
            refuse("-d without a Content-Type, which curl would call a form")
        return b"".join(lines), "POST"
    return None, one(given["X"], "method") if given["X"] else "GET"


def hand_out(answer: HTTPResponse, to: list[str]) -> None:
    if to:
        with Path(one(to, "target")).open("wb") as file:
            shutil.copyfileobj(answer, file)
    else:
        sys.stdout.buffer.write(answer.read())
        sys.stdout.buffer.flush()


def one(values: list[str], what: str) -> str:
    if len(values) != 1:
        refuse(f"{len(values)} times {what}")
    return values[0]


def note(line: str) -> None:
    if place := os.environ.get("PAGE_REQUESTS"):
        with Path(place).open("a") as file:
            file.write(line + "\n")


def refuse(what: str) -> None:
    sys.stderr.write(f"curl of the tests: does not know {what}\n")
    sys.exit(USAGE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
