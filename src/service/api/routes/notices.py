"""Notices: what people are shown before they sign. Open to anybody."""

from fastapi import APIRouter

from consent.notice import load_notices
from service.api.house import TheHouse
from service.api.route import Route
from service.layout import policies
from service.shapes import notices as shapes

router = APIRouter(prefix="/v1/notices", tags=["notices"], route_class=Route)


@router.get("")
def every(house: TheHouse) -> list[shapes.Notice]:
    """Every notice that is published here, whole, in every language and version."""
    found = load_notices(policies(house.settings) / "notices")
    with house.database.read() as session:
        published = house.record.registry.noticeboard.published(session, [one.sha256 for one in found])
    return [
        shapes.Notice(id=one.id, version=one.version, language=one.language, sha256=sha256, text=one.text)
        for sha256, one in sorted(published.items(), key=lambda item: (item[1].id, item[1].language))
    ]
