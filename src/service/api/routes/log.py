"""The log: static files for anybody (c2sp.org/tlog-tiles), entries and proofs for those with a key."""

import re
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from audit import files, prunerows, tree
from audit.leaf import Leaf
from audit.log import EntryUnknown, EntryUnpublished
from audit.pruned import PATH as PRUNED_PATH
from audit.pruned import PruningUnproven, published
from audit.prunerows import EntryPruned, TilePruned
from audit.storage import PosixStorage
from audit.tile import WIDTH, Tile
from audit.treerows import TreeRows
from service.api.access import AnyButEngine, OperatorOrAuditor
from service.api.house import House, TheHouse, not_found
from service.api.instead import may_answer
from service.api.route import Route
from service.shapes import log as shapes
from service.shapes.page import Limit, Page
from service.shapes.shape import Digest
from swap.errors import NoSuchThing

router = APIRouter(tags=["log"], route_class=Route)

_TILE = re.compile(
    r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_FOR_EVER = "public, max-age=31536000, immutable"
_FOR_AN_HOUR = "public, max-age=3600"
"""Of partial tiles: they never change, and go once the full one is there."""
_FOR_SECONDS = "public, max-age=5"
_BYTES = "application/octet-stream"
_TEXT = "text/plain; charset=utf-8"
_JSON = "application/json"


@router.get(
    "/log/checkpoint",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_TEXT: {}}, "description": "The signed note."}},
)
@may_answer(NoSuchThing)
def published_checkpoint(house: TheHouse) -> Response:
    """The last published checkpoint, as the log's monitors and witnesses read it."""
    return _file(house, files.CHECKPOINT_PATH, _TEXT, _FOR_SECONDS)


@router.get(
    "/log/tile/{path:path}",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_BYTES: {}}, "description": "The tile."}},
)
@may_answer(NoSuchThing, TilePruned)
def tile(house: TheHouse, path: str) -> Response:
    """A tile of hashes, `<level>/<n>[.p/<width>]`, or of sealed entries, `entries/<n>[.p/<width>]`.

    Of a pruned log (c2sp.org/tlog-tiles, "Pruning") those of level 0 and entries are there from its minimum
    index on; below it `TILE_PRUNED` names the minimum. `GET /log/pruned` proves it.
    """
    found = _TILE.fullmatch(path)
    if found is None:
        raise not_found("file of the log")
    level, groups, width = found.groups()
    n = int(groups.replace("x", "").replace("/", ""))
    place = Tile(0 if level == "entries" else int(level), n, int(width or WIDTH))
    name = place.bundle_path if level == "entries" else place.path
    # One spelling each, so that a path is what this program would write, or nothing.
    if name != f"tile/{path}" or (width is not None and place.width >= WIDTH):
        raise not_found("file of the log")
    return _file(house, name, _BYTES, _FOR_EVER if width is None else _FOR_AN_HOUR, of=place)


@router.get(
    "/log/pruned",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_JSON: {}}, "description": "The receipt of `LogPruned`."}},
)
@may_answer(NoSuchThing)
def minimum(house: TheHouse) -> Response:
    """From which entry on the log is kept, as the receipt of the entry that says so. 404: all of it is."""
    return _file(house, PRUNED_PATH, _JSON, _FOR_SECONDS)


@router.get("/v1/log/checkpoint")
@may_answer(NoSuchThing)
def checkpoint(house: TheHouse, _: OperatorOrAuditor) -> shapes.Checkpoint:
    """The last published checkpoint, with its witnesses' lines; in strict mode the last that a quorum saw."""
    with house.database.read() as session:
        latest = house.record.log.public(session)
    if latest is None:
        raise not_found("checkpoint")
    return shapes.Checkpoint(size=latest.size, root=latest.root, digest=latest.digest, text=latest.text)


@router.get("/v1/log/entries")
def entries(
    house: TheHouse,
    _: OperatorOrAuditor,
    after: Annotated[int | None, Query(ge=0, le=2**53, description="Index of the last one seen.")] = None,
    limit: Annotated[Limit, Query()] = 50,
) -> Page[shapes.Entry]:
    """Published entries, oldest first. Whoever follows the log goes on from the last index he saw.

    Of a pruned log the first one is that at its minimum index.
    """
    log = house.record.log
    with house.database.read() as session:
        latest = log.latest(session)
        size = latest.size if latest else 0
        begin = 0 if after is None else min(after + 1, size)
        # What was pruned is passed over: the indices say so.
        begin = max(begin, prunerows.minimum(session, house.tenant))
        end = min(begin + limit, size)
        found = TreeRows(house.tenant, log.verifier, session).entries(begin, end)
    return Page(
        items=[_entry(index, data) for index, data in enumerate(found, start=begin)],
        next=str(end - 1) if end < size else None,
    )


@router.get(
    "/v1/log/entries/{entry}/proof",
    response_class=Response,
    responses={HTTPStatus.OK: {"content": {_TEXT: {}}, "description": "The tlog-proof."}},
)
@may_answer(EntryUnknown, EntryUnpublished, EntryPruned)
def proof(house: TheHouse, _: AnyButEngine, entry: Digest) -> Response:
    """The proof that an entry is in the log (c2sp.org/tlog-proof). The same text each time."""
    with house.database.read() as session:
        text = house.record.log.proof(session, entry)
    return Response(text, media_type=_TEXT)


@router.get("/v1/trust")
def trust(house: TheHouse) -> shapes.Trust:
    """Public keys and trust roots."""
    layout = house.record.layout
    return shapes.Trust(
        origin=house.settings.origin,
        log=layout.vkey.read_text().strip(),
        manifest_root=layout.trust.read_text(),
        countersign=house.record.registry.countersign.verifying.text.strip(),
        webhook=house.record.webhook.verifying.text.strip(),
    )


def _file(house: House, path: str, media_type: str, caching: str, of: Tile | None = None) -> Response:
    storage = PosixStorage(house.record.layout.log)
    data = storage.get(path)
    if data is None:
        if of is not None and of.level == 0:
            _expect_not_pruned(house, storage, of)
        raise not_found("file of the log")
    return Response(data, media_type=media_type, headers={"Cache-Control": caching})


def _expect_not_pruned(house: House, storage: PosixStorage, place: Tile) -> None:
    try:
        said = published(storage, house.record.log.verifier)
    except PruningUnproven:
        return  # Then it is missing, and nothing says why.
    if said is not None and place.n < said.blocks:
        raise TilePruned(f"the log begins at entry {said.minimum}: what lies below was pruned")


def _entry(index: int, data: bytes) -> shapes.Entry:
    leaf = Leaf.parse(data)
    return shapes.Entry(index=index, kind=leaf.t, minute=leaf.ts, entry=tree.leaf_hash(data).hex())
