"""Settings: wrong ones stop the service before it serves, and say which."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from consent.passkey import PasskeysUnready, RelyingParty
from service.settings import FILE, BadSettings, Mode, Settings, load


def test_nothing_but_a_folder_is_production_on_sqlite(tmp_path: Path) -> None:
    settings = load(tmp_path)

    assert settings.mode is Mode.PRODUCTION
    assert settings.database_url == f"sqlite:///{tmp_path / 'consentry.db'}"
    assert settings.jobs_url == f"sqlite:///{tmp_path / 'jobs.db'}"
    assert settings.guard_folder == tmp_path / "guard"


def test_the_folders_file_is_read(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('mode = "demo"\norigin = "log.example/a"\nthreads = 2\n')

    settings = load(tmp_path)

    assert (settings.mode, settings.origin, settings.threads) == (Mode.DEMO, "log.example/a", 2)


def test_the_environment_wins_over_the_file_and_an_argument_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / FILE).write_text('origin = "log.example/file"\n')
    monkeypatch.setenv("CONSENTRY_ORIGIN", "log.example/environment")

    assert load(tmp_path).origin == "log.example/environment"
    assert load(tmp_path, origin="log.example/argument").origin == "log.example/argument"


def test_settings_never_change_once_read(tmp_path: Path) -> None:
    with pytest.raises(ValidationError):
        load(tmp_path).threads = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('mode = "production"\nprovider_code = "consentry-demo"\n', "provider_code"),
        ('database = "mysql://host/x"\n', "database"),
        ('database = "postgresql://host/x"\n', "guard"),
        ("threads = 0\n", "threads"),
        ('tenant = "../../etc"\n', "tenant"),
        ('sandbox = "none"\n', "sandbox"),
        ('origin = "two words"\n', "origin"),
        ('tsa_url = "tsa.example"\n', "tsa_url"),
        ('log_form = "xml"\n', "log_form"),
        ('log_level = "loud"\n', "log_level"),
        ('worker_listen = "9465"\n', "worker_listen"),
        ('rp_id = "sign.example"\n', "signing_origin"),
        ('signing_origin = "https://sign.example"\n', "rp_id"),
        ('rp_id = "sign.example"\nsigning_origin = "http://sign.example"\n', "signing_origin"),
        ('rp_id = "sign.example"\nsigning_origin = "https://other.example"\n', "signing_origin"),
        ('no_such_setting = "x"\n', "no_such_setting"),
        ("mode = \n", FILE),
        ('mode = "nothing"\nthreads = 99\n', "mode"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / FILE).write_text(text)

    with pytest.raises(BadSettings, match=named):
        load(tmp_path)


def test_every_wrong_setting_is_named_at_once(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text('mode = "nothing"\nthreads = 99\nslot = "A B"\n')

    with pytest.raises(BadSettings) as caught:
        load(tmp_path)

    assert all(name in str(caught.value) for name in ("mode", "threads", "slot"))


def test_a_file_that_is_not_text_is_a_wrong_setting(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"mode = \xff\xfe")

    with pytest.raises(BadSettings, match=FILE):
        load(tmp_path)


def test_postgresql_with_a_shared_guard_is_accepted(tmp_path: Path) -> None:
    settings = load(tmp_path, database="postgresql://host/db", guard=tmp_path / "shared")

    assert settings.jobs_url == settings.database_url == "postgresql://host/db"
    assert settings.guard_folder == tmp_path / "shared"


def test_paths_are_made_absolute_so_that_a_later_change_of_directory_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert load(Path("here")).data == tmp_path / "here"
    assert Settings(data=Path("here"), models=Path("weights")).models == tmp_path / "weights"


# Engines

PROOFS = {"engine_ca": "ca.pem", "engine_cert": "cert.pem", "engine_key": "key.pem"}


def test_the_engine_is_the_mesh_unless_the_settings_name_another(tmp_path: Path) -> None:
    assert load(tmp_path).engine == "mesh"


def test_inswapper_needs_a_folder_for_its_weights(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="models"):
        load(tmp_path, engine="inswapper")

    assert load(tmp_path, engine="inswapper", models=tmp_path).engine == "inswapper"


@pytest.mark.parametrize("lacking", PROOFS)
def test_a_remote_engine_and_we_show_each_other_certificates(tmp_path: Path, lacking: str) -> None:
    remote = {"engine": "remote", "engine_url": "https://engine.example:8443"}

    assert load(tmp_path, **remote, **PROOFS).engine == "remote"
    with pytest.raises(BadSettings, match="certificates"):
        load(tmp_path, **remote, **{name: file for name, file in PROOFS.items() if name != lacking})


@pytest.mark.parametrize(
    ("mode", "url"),
    [
        ("demo", "http://engine.example"),
        ("demo", "http://127.0.0.1.example"),
        ("demo", "http://[::2]:8443"),
        ("production", "http://127.0.0.1:8443"),
        ("demo", "ftp://127.0.0.1"),
        ("demo", None),
    ],
)
def test_a_remote_engine_in_the_open_is_refused(tmp_path: Path, mode: str, url: str | None) -> None:
    with pytest.raises(BadSettings, match="engine_url"):
        load(tmp_path, mode=mode, engine="remote", engine_url=url)


@pytest.mark.parametrize("url", ["http://127.0.0.1:8443", "http://[::1]:8443", "http://localhost:8443"])
def test_on_this_machine_a_demo_may_do_without_certificates(tmp_path: Path, url: str) -> None:
    assert load(tmp_path, mode="demo", engine="remote", engine_url=url).engine_url == url


def test_an_engine_nobody_knows_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="engine"):
        load(tmp_path, engine="magic")


def test_passkeys_sign_for_the_site_that_is_named_and_for_none_without(tmp_path: Path) -> None:
    origin = "https://sign.example"

    assert load(tmp_path).party is None
    with pytest.raises(PasskeysUnready, match="rp_id"):
        _ = load(tmp_path).site
    named = load(tmp_path, rp_id="sign.example", signing_origin=origin)
    assert named.site == (origin, RelyingParty("sign.example", frozenset({origin})))
