"""Templates over HTTP: announced before bytes, shown to whom they concern, published under the policy."""

import pytest

from api.conftest import Opened
from incoming import NOBODY, USE_JSON, announced, announcement, clip, the_cast
from service.apikeys import KeyRole


def test_a_template_comes_in_and_is_published_over_http_alone(outside: Opened) -> None:
    # Given
    there = outside("consented")
    template = announced(there)

    # When
    sent = there.operator.ask("PUT", f"/v1/templates/{template}/content", content=clip())
    assert (sent.status_code, sent.json()["template"]) == (200, template), sent.text
    there.world.known["template"] = template
    there.world.scan()
    forecast = there.operator.post(f"/v1/templates/{template}/checks", {"use": USE_JSON})
    given = there.operator.post(f"/v1/templates/{template}/publications", {"use": USE_JSON})

    # Then
    assert (forecast.status_code, forecast.json()["answer"]) == (200, "permit"), forecast.text
    assert given.status_code == 200, given.text
    shown = there.operator.get(f"/v1/templates/{template}").json()
    assert (shown["state"], shown["published_by"]) == ("published", given.json()["decision"])
    assert shown["seen"]["most_at_once"] == 2
    assert {one["match"] for one in shown["seen"]["verdicts"]} == {"matched"}
    assert shown["seen"]["coverage"]["unread"] == 0
    assert shown["source"]["supplier"] == "a studio"


def test_an_announcement_without_a_source_that_stands_is_refused_with_reasons(outside: Opened) -> None:
    there = outside("consented")

    answer = there.operator.post("/v1/templates", announcement(there.world, original=False))

    assert answer.status_code == 403, answer.text
    said = answer.json()
    assert (said["code"], said["action"]) == ("REFUSAL", "intake")
    assert "G-02" in said["rules"]
    assert {one["rule"] for one in said["objections"]} == set(said["rules"])
    assert there.world.rows("template") == 0
    assert there.world.kinds()[-1] == "Decided"


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"received": "no digest"}, "REQUEST_INVALID"),
        ({"source": {"supplier": "x"}}, "REQUEST_INVALID"),
        ({"cast": [{"person": NOBODY, "role": "PERFORMER", "age": 7}]}, "REQUEST_INVALID"),
        ({"cast": [{"person": NOBODY, "role": "PERFORMER"}] * 2}, "CAST_INVALID"),
        ({"cast": [{"person": NOBODY, "role": "DONOR"}]}, "CAST_INVALID"),
        ({"more": 1}, "REQUEST_INVALID"),
    ],
    ids=str,
)
def test_what_is_no_announcement_is_said_to_be_none(
    change: dict[str, object], code: str, outside: Opened
) -> None:
    there = outside("consented")

    answer = there.operator.post("/v1/templates", {**announcement(there.world), **change})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert there.world.rows("template") == 0


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_a_blank_supplier_is_no_supplier(outside: Opened) -> None:
    there = outside("consented")

    answer = there.operator.post("/v1/templates", announcement(there.world, supplier="  "))

    assert (answer.status_code, answer.json()["code"]) == (422, "SOURCE_RECORD_INVALID")


def test_a_cast_is_amended_and_what_was_published_is_so_no_longer(outside: Opened) -> None:
    there = outside("published")
    path = f"/v1/templates/{there.world.known['template']}"

    answer = there.operator.post(f"{path}/cast", {"cast": the_cast(there.world, "astronaut")})

    assert (answer.status_code, answer.json()["action"]) == (200, "intake"), answer.text
    shown = there.operator.get(path).json()
    assert (shown["state"], shown["published_by"], len(shown["cast"])) == ("scanned", None, 1)
    assert shown["seen"]["verdicts"] is None
    refused = there.operator.post(f"{path}/publications", {"use": USE_JSON})
    assert refused.status_code == 403, refused.text
    assert there.operator.get(path).json()["state"] == "refused"


def test_a_use_has_every_field_said(outside: Opened) -> None:
    there = outside("scanned")
    path = f"/v1/templates/{there.world.known['template']}/publications"

    for name in USE_JSON:
        use = {field: value for field, value in USE_JSON.items() if field != name}
        answer = there.operator.post(path, {"use": use})
        assert (answer.status_code, answer.json()["code"]) == (422, "REQUEST_INVALID"), name
        assert [one["where"] for one in answer.json()["faults"]] == [f"body.use.{name}"]


def test_templates_are_listed_in_pages_by_when_they_were_announced(outside: Opened) -> None:
    # Given
    there = outside("consented")
    made = [announced(there) for _ in range(5)]

    # When
    seen: list[str] = []
    after = None
    for _ in range(4):
        page = there.operator.get("/v1/templates", params={"limit": 2, **({"after": after} if after else {})})
        assert page.status_code == 200, page.text
        seen += [one["template"] for one in page.json()["items"]]
        after = page.json()["next"]
        if after is None:
            break

    # Then
    assert seen == made
    assert there.auditor.get("/v1/templates").json()["items"][0]["supplier"] == "a studio"
    invalid = there.operator.get("/v1/templates", params={"after": "nonsense"})
    assert (invalid.status_code, invalid.json()["code"]) == (422, "CURSOR_INVALID")


def test_a_creator_sees_what_her_cast_names_her_in_and_only_of_herself(outside: Opened) -> None:
    # Given one template with her in it, and one without
    there = outside("admitted")
    hers = there.world.known["template"]
    said = {**announcement(there.world), "cast": the_cast(there.world, "cameraman")}
    other = there.operator.post("/v1/templates", said).json()["template"]
    creator = there.creator("astronaut")

    # When
    shown, hidden, nothing = (creator.get(f"/v1/templates/{one}") for one in (hers, other, NOBODY))

    # Then
    assert shown.status_code == 200, shown.text
    assert [one["person"] for one in shown.json()["cast"]] == [there.world.people["astronaut"].person]
    assert not {"source", "seen", "scan"} & set(shown.json())
    assert there.world.people["cameraman"].person not in shown.text
    assert hidden.status_code == nothing.status_code == 404
    assert {hidden.json()["code"], nothing.json()["code"]} == {"NOT_FOUND"}
    assert [one["template"] for one in creator.get("/v1/templates").json()["items"]] == [hers]


# Showing her


def test_a_named_cast_member_is_shown_the_clip_and_each_showing_is_logged(outside: Opened) -> None:
    there = outside("admitted")
    path = f"/v1/templates/{there.world.known['template']}/preview"
    creator = there.creator("astronaut")
    [media] = there.world.files("media")

    whole = creator.get(path)
    part = creator.get(path, headers={"Range": "bytes=10-19"})

    assert (whole.status_code, whole.content) == (200, media.read_bytes()), whole.text
    assert (part.status_code, part.content) == (206, media.read_bytes()[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{media.stat().st_size}"
    assert {one.headers["Cache-Control"] for one in (whole, part)} == {"no-store"}
    assert "ETag" not in whole.headers
    assert there.world.kinds().count("PreviewShown") == 2
    beyond = creator.get(path, headers={"Range": f"bytes={media.stat().st_size}-"})
    assert beyond.status_code == 416
    assert there.world.kinds().count("PreviewShown") == 2


def test_nobody_else_is_shown_the_clip_and_nothing_is_asked_of_the_gate(outside: Opened) -> None:
    there = outside("admitted")
    path = f"/v1/templates/{there.world.known['template']}/preview"
    before = there.world.rows("decision")

    assert there.creator("hopper").get(path).status_code == 404
    assert there.creator("hopper").get(f"/v1/templates/{NOBODY}/preview").status_code == 404
    for caller in (there.operator, there.auditor, there.engine):
        assert caller.get(path).status_code == 403
    assert there.nobody.get(path).status_code == 401
    assert there.world.rows("decision") == before


def test_before_the_bytes_are_here_there_is_nothing_to_show(outside: Opened) -> None:
    there = outside("consented")
    template = announced(there)

    answer = there.creator("astronaut").get(f"/v1/templates/{template}/preview")

    assert (answer.status_code, answer.json()["code"]) == (409, "WRONG_STATE")
    assert there.world.kinds().count("PreviewShown") == 0


# Who may


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_ids_of_nobody_and_keys_of_another_tenant_get_nowhere(outside: Opened) -> None:
    # Given a template here, and an operator whose key belongs to another tenant of the same database
    there = outside("admitted")
    mine = there.world.known["template"]
    foreign = there.caller(KeyRole.OPERATOR, "elsewhere")
    assert there.world.edit("UPDATE api_key SET tenant_id = 'other' WHERE id = :id", id=foreign.key) == 1

    asked = (
        ("GET", "", None),
        ("POST", "/cast", {"cast": []}),
        ("POST", "/checks", {"use": USE_JSON}),
        ("POST", "/publications", {"use": USE_JSON}),
        ("POST", "/scans", None),
        ("POST", "/uploads", {"size": 1}),
    )
    for method, path, body in asked:
        # Then
        unknown = there.operator.ask(method, f"/v1/templates/{NOBODY}{path}", json=body)
        assert (unknown.status_code, unknown.json()["code"]) == (404, "NOT_FOUND"), path
        outsider = foreign.ask(method, f"/v1/templates/{mine}{path}", json=body)
        assert (outsider.status_code, outsider.json()["code"]) == (401, "API_KEY_INVALID"), path
    put = there.operator.ask("PUT", f"/v1/templates/{NOBODY}/content", content=b"x")
    assert (put.status_code, put.json()["code"]) == (404, "NOT_FOUND")


@pytest.mark.parametrize("ground", ["sqlite"], indirect=True)
def test_only_operators_change_anything(outside: Opened) -> None:
    there = outside("admitted")
    template = there.world.known["template"]
    ways = [
        ("POST", "/v1/templates", announcement(there.world)),
        ("POST", f"/v1/templates/{template}/cast", {"cast": []}),
        ("POST", f"/v1/templates/{template}/checks", {"use": USE_JSON}),
        ("POST", f"/v1/templates/{template}/publications", {"use": USE_JSON}),
        ("POST", f"/v1/templates/{template}/scans", None),
        ("POST", f"/v1/templates/{template}/uploads", {"size": 1}),
        ("PUT", f"/v1/templates/{template}/content", None),
        ("PATCH", f"/v1/uploads/{NOBODY}", None),
        ("POST", f"/v1/uploads/{NOBODY}/completion", None),
        ("DELETE", f"/v1/uploads/{NOBODY}", None),
    ]
    rows = [there.world.rows(table) for table in ("template", "decision", "scan_order", "upload")]

    for caller in (there.auditor, there.engine, there.creator("astronaut")):
        for method, path, body in ways:
            answer = caller.ask(method, path, json=body)
            assert (answer.status_code, answer.json()["code"]) == (403, "ROLE_NOT_ALLOWED"), path

    assert [there.world.rows(table) for table in ("template", "decision", "scan_order", "upload")] == rows
