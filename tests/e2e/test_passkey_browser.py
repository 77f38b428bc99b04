"""A real browser makes a passkey and signs with it on the real page, served by the real server.

Chromium's own virtual authenticator holds the key. What it signed is then verified by a process that has
nothing but the three files she saved.
"""

import json
import re
import socket
from base64 import b64decode
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, CDPSession, Error, Page, Route

from consent.words import AgeBand, ProofLevel, Status
from consenting import everything_said
from processes import running
from service.apikeys import KeyRole
from service.client import Client, authorizations, people, signing
from service.settings import load
from service.shapes.authorizations import DrawUp, Scope
from service.shapes.people import Enrol
from service.wiring import open_record
from shell import Shell, a_scope

SOMEBODY = Enrol(proof=ProofLevel.VERIFIED_IDENTITY, by="desk-1", how="video call", age=AgeBand.ADULT)
OFFLINE = """
import sys
from service.cli import main
try:
    main()
finally:
    opened = {"sqlalchemy", "sqlmodel", "psycopg", "webauthn"} & set(sys.modules)
    assert not opened, opened
"""


@dataclass
class Site:
    """The service at work, and an operator."""

    shell: Shell
    origin: str
    address: str
    operator: Client

    def link_to_enrol(self, person: str) -> str:
        return self.operator.send(signing.ask_key(person)).url

    def drawn_up(self, person: str, language: str) -> bytes:
        scope = Scope.model_validate(a_scope("PERFORMER", "ab" * 32))
        asked = DrawUp(person=person, scope=scope, notice="face-swap", language=language)
        return b64decode(self.operator.send(authorizations.draft(asked)).document)

    def link_to_sign(self, document: bytes) -> str:
        return self.operator.send(signing.ask_signature(document)).url

    def suspends_all(self) -> None:
        record = open_record(load(self.shell.data))
        with closing(record), record.database.write() as session:
            record.registry.suspend_all(session, now=record.clock())


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with socket.socket() as reserved:
        reserved.bind(("127.0.0.1", 0))
        port = reserved.getsockname()[1]
    # The browser is told a name, which WebAuthn needs; the server listens on the address it stands for.
    origin = f"http://localhost:{port}"
    shell = Shell(tmp_path_factory.mktemp("site"))
    shell.more.update(CONSENTRY_RP_ID="localhost", CONSENTRY_SIGNING_ORIGIN=origin)
    shell("init", "--mode", "demo", "--origin", "log.example/passkeys")
    token = shell("key", "issue", "--role", str(KeyRole.OPERATOR), "--name", "desk-1")["token"]
    with running(shell, "serve", "--listen", f"127.0.0.1:{port}") as server:
        at = server.ready_at(r"listening on (http://[\d.:]+)")
        with Client(at, token) as operator:
            yield Site(shell, origin, at, operator)


@dataclass
class Device:
    """Her browser, with an authenticator in it."""

    context: BrowserContext
    page: Page
    session: CDPSession
    authenticator: str

    def visits(self, url: str) -> None:
        self.page.goto("about:blank")
        self.page.goto(url)
        self.page.bring_to_front()

    def verifies_its_user(self, *, yes: bool) -> None:
        said = {"authenticatorId": self.authenticator, "isUserVerified": yes}
        self.session.send("WebAuthn.setUserVerified", said)

    def makes_a_key(self, url: str) -> None:
        self.visits(url)
        self.page.click("#go:enabled")
        self.page.wait_for_selector("#told.good")

    def reads_and_signs(self, url: str) -> None:
        self.visits(url)
        self.page.check("#read")
        self.page.click("#go:enabled")

    def saves(self, folder: Path) -> dict[str, Path]:
        self.page.wait_for_selector("#receipt:visible")
        files = {}
        for name in ("document", "evidence", "receipt"):
            with self.page.expect_download() as download:
                self.page.click(f"#file-{name}")
            files[name] = folder / f"{name}.json"
            download.value.save_as(files[name])
        return files


@contextmanager
def a_device(browser: Browser, language: str = "en") -> Iterator[Device]:
    context = browser.new_context(locale=language)
    page = context.new_page()
    page.set_default_timeout(60_000)
    session = context.new_cdp_session(page)
    session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "ctap2Version": "ctap2_1",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    made = session.send("WebAuthn.addVirtualAuthenticator", {"options": options})
    try:
        yield Device(context, page, session, made["authenticatorId"])
    finally:
        context.close()


def verify(site: Site, files: dict[str, Path], leaves: int = 0, **changed: str) -> Any:
    """`consentry consent verify`, in a process without a data folder, a database or the network."""
    party = {"--rp-id": "localhost", "--origin": site.origin, **changed}
    words = [word for pair in party.items() for word in pair]
    public = site.shell.data / "keys" / "countersign.pub"
    stdout, _ = Shell(site.shell.folder).apart(
        *("consent", "verify", files["document"], files["evidence"], "--receipt", files["receipt"]),
        *("--countersign", public, *words, "--json"),
        leaves=leaves,
        code=OFFLINE,
    )
    return json.loads(stdout)


@pytest.mark.parametrize("language", ["en", "zh-CN"])
def test_she_makes_a_passkey_signs_on_the_page_and_anybody_verifies_it_offline(
    language: str, browser: Browser, site: Site, tmp_path: Path
) -> None:
    person = site.operator.send(people.enrol(SOMEBODY)).id
    with a_device(browser, language) as device:
        # Given a passkey that her device made
        device.makes_a_key(site.link_to_enrol(person))
        assert [key.method for key in site.operator.send(people.keys(person))] == ["passkey"]

        # When she reads on the page what she is asked for, and signs
        document = site.drawn_up(person, language)
        device.reads_and_signs(site.link_to_sign(document))
        files = device.saves(tmp_path)
        assert device.page.get_attribute("html", "lang") == language
        notice = device.page.text_content("#notice-text")

    # Then she read the published notice word for word, and holds the bytes she saw, which verify
    published = site.operator.send(authorizations.published_notices())
    assert notice in [one.text for one in published if one.language == language]
    assert files["document"].read_bytes() == document
    steps = verify(site, files)["steps"]
    assert [step["ok"] for step in steps] == [True, True]
    receipt = json.loads(files["receipt"].read_text())
    shown = site.operator.send(authorizations.show(receipt["authorization"]))
    assert shown.signature_valid
    assert all(shown.in_force.values())

    # And they verify for no other site, and not with another text.
    assert verify(site, files, 1, **{"--origin": "http://localhost:1"})["steps"][0]["ok"] is False
    files["document"].write_bytes(site.drawn_up(person, language))
    assert verify(site, files, 1)["steps"][0]["ok"] is False
    with Client(site.address, None) as her:
        her.send(authorizations.withdraw_by_code(receipt["authorization"], receipt["recovery_code"]))


def test_what_a_restored_backup_suspended_she_confirms_on_the_page(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    # Given a consent of hers, and a recovery that suspended all of them
    person = site.operator.send(people.enrol(SOMEBODY)).id
    with a_device(browser, "zh-CN") as device:
        device.makes_a_key(site.link_to_enrol(person))
        device.reads_and_signs(site.link_to_sign(site.drawn_up(person, "zh-CN")))
        files = device.saves(tmp_path)
        which = json.loads(files["receipt"].read_text())["authorization"]
        site.suspends_all()
        assert set(site.operator.send(authorizations.show(which)).status.values()) == {Status.UNKNOWN}

        # When she signs that it stands
        device.reads_and_signs(site.operator.send(signing.ask_confirmation(which)).url)
        device.page.wait_for_selector("#told.good")
        assert not device.page.is_visible("#receipt")

    # Then
    assert set(site.operator.send(authorizations.show(which)).status.values()) == {Status.RENEWED}


def test_an_answer_that_is_lost_is_fetched_again_with_the_same_signature(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    # Given a network that breaks off once the server has done its work
    person = site.operator.send(people.enrol(SOMEBODY)).id
    lost: list[Any] = []

    def breaks_off(route: Route) -> None:
        if not lost:
            lost.append(route.fetch().json())
            route.abort()
        else:
            route.continue_()

    with a_device(browser) as device:
        device.makes_a_key(site.link_to_enrol(person))
        device.page.route("**/v1/signatures", breaks_off)

        # When she signs, is told so, and sends again
        device.reads_and_signs(site.link_to_sign(site.drawn_up(person, "en")))
        device.page.wait_for_selector("#told.bad")
        device.page.click("#go:enabled")

        # Then she has the receipt of the one consent that was registered.
        code = device.saves(tmp_path)["receipt"].read_text()
    assert json.loads(code)["recovery_code"] == lost[0]["recovery_code"]
    assert len(site.operator.send(people.inbox(person)).signed) == 1


def test_a_page_that_is_asked_to_sign_something_else_does_not(browser: Browser, site: Site) -> None:
    # Given a server that shows one document and asks for a signature over another
    person = site.operator.send(people.enrol(SOMEBODY)).id
    shown, meant = (site.drawn_up(person, "en") for _ in range(2))
    other = site.operator.send(signing.look(site.link_to_sign(meant).partition("#")[2]))

    def swapped(route: Route) -> None:
        answer = route.fetch()
        said = {**answer.json(), "options": other.options}
        route.fulfill(response=answer, json=said)

    with a_device(browser) as device:
        device.makes_a_key(site.link_to_enrol(person))
        other = site.operator.send(signing.look(site.link_to_sign(meant).partition("#")[2]))
        device.page.route("**/v1/links", swapped)

        # When she signs
        device.reads_and_signs(site.link_to_sign(shown))

        # Then the page stops, and says so.
        device.page.wait_for_selector("#told.bad")
        assert "something else than what is shown" in device.page.text_content("#told")
    assert not site.operator.send(people.inbox(person)).signed


def test_a_confirmation_of_another_document_than_the_one_shown_is_not_signed(
    browser: Browser, site: Site, tmp_path: Path
) -> None:
    # Given two suspended consents, and a server that shows one and asks for the other's confirmation
    person = site.operator.send(people.enrol(SOMEBODY)).id
    with a_device(browser) as device:
        device.makes_a_key(site.link_to_enrol(person))
        both = []
        for _ in range(2):
            device.reads_and_signs(site.link_to_sign(site.drawn_up(person, "en")))
            receipt = json.loads(device.saves(tmp_path)["receipt"].read_text())
            both.append(receipt["authorization"])
        site.suspends_all()
        links = [site.operator.send(signing.ask_confirmation(each)).url for each in both]
        meant = site.operator.send(signing.look(links[1].partition("#")[2]))

        def swapped(route: Route) -> None:
            answer = route.fetch()
            said = {**answer.json(), "head": meant.head, "options": meant.options}
            route.fulfill(response=answer, json=said)

        device.page.route("**/v1/links", swapped)

        # When she signs
        device.reads_and_signs(links[0])

        # Then the page stops, and says so.
        device.page.wait_for_selector("#told.bad")
        assert "something else than what is shown" in device.page.text_content("#told")
    for each in both:
        assert set(site.operator.send(authorizations.show(each)).status.values()) == {Status.UNKNOWN}


def test_a_notice_that_is_not_the_one_she_agrees_to_is_not_shown_as_if(browser: Browser, site: Site) -> None:
    person = site.operator.send(people.enrol(SOMEBODY)).id

    def edited(route: Route) -> None:
        answer = route.fetch()
        said = answer.json()
        said["notice"]["text"] += " And anything else."
        route.fulfill(response=answer, json=said)

    with a_device(browser) as device:
        device.makes_a_key(site.link_to_enrol(person))
        device.page.route("**/v1/links", edited)
        device.visits(site.link_to_sign(site.drawn_up(person, "en")))

        device.page.wait_for_selector("#told.bad")
        assert not device.page.is_visible("#go")
        assert not device.page.is_visible("#notice")


def test_a_device_that_does_not_verify_her_signs_nothing(browser: Browser, site: Site) -> None:
    person = site.operator.send(people.enrol(SOMEBODY)).id
    with a_device(browser) as device:
        device.makes_a_key(site.link_to_enrol(person))
        device.verifies_its_user(yes=False)

        device.reads_and_signs(site.link_to_sign(site.drawn_up(person, "en")))

        device.page.wait_for_selector("#told.bad")
        assert not device.page.is_visible("#receipt")
        device.verifies_its_user(yes=True)
        device.page.click("#go:enabled")
        device.page.wait_for_selector("#receipt:visible")


def test_a_link_that_was_used_says_so_and_one_without_a_key_says_what_to_do(
    browser: Browser, site: Site
) -> None:
    person = site.operator.send(people.enrol(SOMEBODY)).id
    with a_device(browser) as device:
        to_sign = site.link_to_sign(site.drawn_up(person, "en"))
        device.visits(to_sign)
        device.page.wait_for_selector("#told.bad")
        assert "link to make one" in device.page.text_content("#told")

        link = site.link_to_enrol(person)
        device.makes_a_key(link)
        device.visits(link)
        device.page.wait_for_selector("#told.bad")
        assert "was used" in device.page.text_content("#told")
        device.visits(f"{site.origin}/sign#cut")
        device.page.wait_for_selector("#told.bad")
        assert "not whole" in device.page.text_content("#told")


PARTICULARS = (
    "CNY 0.05",
    "JPY 1250",
    "5.25 %",
    "Studio Ltd",
    "HRB 1",
    "mesh: 1.0",
    "Nothing but the face.",
    "Wang & Partners",
    "4096 B",
)

DESCRIBE = """async ([said, language]) => {
  const { describe } = await import("/sign/words.js");
  return describe(said, language);
}"""


def test_everything_that_can_be_signed_is_said_in_words_and_nothing_else_is_signed(
    browser: Browser, site: Site
) -> None:
    said = json.loads(everything_said())
    with a_device(browser) as device:
        device.visits(f"{site.origin}/sign#cut")
        for language in ("en", "zh-CN"):
            rows = device.page.evaluate(DESCRIBE, [said, language])
            assert not [row["label"] for row in rows if row["no"]], "every field has a value"
            text = "\n".join(f"{row['label']} {row['text']}" for row in rows)
            assert not re.search(r"undefined|null|NaN|\[object|[A-Z]{3,}_[A-Z]", text)
            for one in ("5 % of revenue", "partner", "cloud", "dance-01", "studio", said["id"], *PARTICULARS):
                assert one in text
        for changed in (
            {**said, "more": 1},
            {**said, "v": 2},
            {**said, "scope": {**said["scope"], "rate": 5}},
            {**said, "scope": {**said["scope"], "purposes": ["ANYTHING"]}},
            {**said, "scope": {**said["scope"], "particulars": {"post_mortem": "ANYTHING"}}},
            {**said, "attachments": [{**said["attachments"][0], "name": "contract"}]},
            {**said, "scope": {**said["scope"], "term": {**said["scope"]["term"], "renews": True}}},
        ):
            with pytest.raises(Error, match="UNKNOWN"):
                device.page.evaluate(DESCRIBE, [changed, "en"])


def test_the_page_is_without_a_fault_in_its_console(browser: Browser, site: Site) -> None:
    person = site.operator.send(people.enrol(SOMEBODY)).id
    with a_device(browser) as device:
        said: list[str] = []
        device.page.on("console", lambda message: said.append(message.text))
        device.page.on("pageerror", lambda error: said.append(str(error)))
        device.makes_a_key(site.link_to_enrol(person))
        device.reads_and_signs(site.link_to_sign(site.drawn_up(person, "en")))
        device.page.wait_for_selector("#receipt:visible")

    assert not said
