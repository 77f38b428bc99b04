"""The client on lines that break: what is sent or fetched arrives whole or not at all, and what is waited for
is heard of, however often the connection ends.
"""

import socket
import threading
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from api.conftest import Opened
from callers import Outside
from incoming import announced
from lines import bad_line, cut, unnoticed
from senders import EITHER
from service.api import events, transfer
from service.client import Client, Problem, outputs, templates, uploads
from swap.scans import State
from waiting import until
from worlds import small_clip

MIB = 1 << 20


ON_ONE = pytest.mark.parametrize("ground", ["sqlite"], indirect=True)


def base(there: Outside) -> str:
    return str(there.client.base_url)


# Files to the service


@ON_ONE
@EITHER
def test_an_upload_goes_on_where_its_line_broke(sent_by: Any, outside: Opened) -> None:
    # Given a line that is cut three times, each in the midst of some part
    there = outside("consented")
    template, clip = announced(there), small_clip().path
    breaks = [(50_000, cut), (30_000, cut), (20_000, cut)]

    # When
    with bad_line(base(there), up=breaks) as line:
        done = sent_by(line.base, there.operator.token, lambda c: c.run(uploads.send(template, clip, 10_000)))

    # Then the announced bytes are in, and few of them were sent twice
    assert (done.template, done.frames) == (template, small_clip().frames)
    assert line.happened == len(breaks)
    # (after each break one line more, and another if the part was refused before it was heard to its end).
    assert len(breaks) < line.connections <= 2 * len(breaks) + 1
    assert there.operator.get(f"/v1/templates/{template}").json()["state"] == "quarantined"
    assert there.world.kinds().count("TemplateAdmitted") == 1
    assert there.world.files("uploads") == []
    # A break costs at most the part that broke off and the part that was refused: 1.5 of a clip in all, and
    # headers. From the beginning each time it would be 1.84.
    assert line.carried["up"] < 1.7 * clip.stat().st_size


@ON_ONE
@EITHER
def test_an_upload_outwaits_a_service_that_has_not_heard_of_the_break(sent_by: Any, outside: Opened) -> None:
    there = outside("consented")
    template, clip = announced(there), small_clip().path

    with bad_line(base(there), up=[(50_000, unnoticed)]) as line:
        done = sent_by(line.base, there.operator.token, lambda c: c.run(uploads.send(template, clip)))

    # Sent whole in vain once, and then asked without bytes.
    assert done.frames == small_clip().frames
    assert line.carried["up"] < 2.1 * clip.stat().st_size


# Files from the service


@ON_ONE
@EITHER
def test_a_file_on_a_line_that_breaks_again_and_again_is_saved_whole(
    sent_by: Any, outside: Opened, tmp_path: Path
) -> None:
    # Given more breaks than a request that comes to nothing has tries
    there = outside("asked")
    output = there.release(padding=8)
    whole = there.whole(output)
    path = tmp_path / "output.mp4"
    path.write_bytes(b"an older one")

    # When
    with bad_line(base(there), down=[(MIB, cut)] * 6) as line:
        sent_by(line.base, there.operator.token, lambda c: c.save(outputs.content(output), path))

    # Then what its ETag says is there, fetched once, and listed as one copy
    facts = there.operator.get(f"/v1/outputs/{output}").json()
    assert sha256(path.read_bytes()).hexdigest() == facts["digest"]
    assert path.read_bytes() == whole
    assert [one.name for one in tmp_path.glob("output*")] == ["output.mp4"]
    assert line.connections == 7
    assert line.carried["down"] < len(whole) + MIB // 2
    assert facts["served"] == 1


@ON_ONE
@EITHER
def test_what_is_withdrawn_while_it_is_fetched_leaves_no_file(
    sent_by: Any, outside: Opened, tmp_path: Path
) -> None:
    # Given somebody who withdraws when a part of it is here
    there = outside("asked")
    output = there.release(padding=64)
    folder = tmp_path / "hers"
    folder.mkdir()

    def withdrawn(_: socket.socket) -> bool:
        # Carried is not kept yet: what the line gave away may wait in a socket of a client that is slow.
        until(lambda: [one.stat().st_size > 0 for one in folder.iterdir()] == [True])
        there.world.withdraws("astronaut")
        # The line goes on: it is the service that breaks off.
        time.sleep(2 * transfer.ASK_SECONDS)
        return True

    # When
    with (
        bad_line(base(there), down=[(2 * MIB, withdrawn)]) as line,
        pytest.raises(Problem) as raised,
    ):
        sent_by(
            line.base, there.operator.token, lambda c: c.save(outputs.content(output), folder / "output.mp4")
        )

    # Then
    assert raised.value.code == "OUTPUT_CONSENT_ENDED"
    assert raised.value.said.status == 410
    assert list(folder.iterdir()) == []
    assert line.carried["down"] < 24 * MIB


# Events


@ON_ONE
@EITHER
def test_a_scan_is_waited_for_over_breaks_and_streams_that_end(
    sent_by: Any, outside: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Given a service that ends each stream after a while, and a line that breaks
    there = outside("admitted")
    monkeypatch.setattr(events, "LONGEST_SECONDS", 0.5)
    monkeypatch.setattr(events, "PAUSE_SECONDS", 0.1)
    with Client(base(there), there.operator.token) as operator:
        scan = operator.send(templates.scan(there.world.known["template"])).scan
    heard = list[tuple[int, int | None]]()
    working = threading.Thread(target=there.world.studio.scanning.run, args=(scan,))

    def hears(*said: Any) -> None:
        heard.append(said)
        if heard.count((0, None)) == 4 and working.ident is None:
            working.start()

    # When it is begun once its waiter has been told four times that it was not
    with bad_line(base(there), down=[(150, cut), (400, cut)]) as line:
        done = sent_by(
            line.base,
            there.operator.token,
            lambda c: c.wait_for(templates.scanned(scan), hears),
            tries=2,
        )
        working.join()

    # Then
    assert (done.scan, done.state, done.answer) == (scan, State.DONE, "permit")
    assert heard[0] == (0, None)
    assert heard[-1] == (small_clip().frames, small_clip().frames)
    assert heard.count((0, None)) > 3
