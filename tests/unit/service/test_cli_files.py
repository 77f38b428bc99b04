"""Files from people: read whole or refused by name; and nothing of theirs is overwritten."""

import json
from pathlib import Path

import pytest
import typer

from audit.errors import ConsentryError
from consent.errors import DocumentMalformed
from consent.scope import Scope
from consent.words import Role
from service.cli import files, forms
from service.cli.files import FileTaken, FileUnreadable, JsonMalformed
from shell import a_source, a_use
from swap.source import BadSource

SOMEBODY, ANOTHER = "ab" * 16, "cd" * 16
DOCS = Path(__file__).parents[3] / "docs" / "cli.md"


def written(folder: Path, value: object) -> Path:
    path = folder / "value.json"
    path.write_text(json.dumps(value))
    return path


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    for read in (files.read_bytes, files.read_json, files.checked, files.digest_of):
        with pytest.raises(FileUnreadable, match=r"nothing\.json"):
            read(tmp_path / "nothing.json")


def test_a_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "film.json"
    path.write_bytes(b"\0" * (files.LARGEST_TEXT + 1))
    with pytest.raises(FileUnreadable, match="1 MiB"):
        files.read_bytes(path)

    path.write_bytes(b"\xff\xfe{}")
    with pytest.raises(FileUnreadable, match="UTF-8"):
        files.read_text(path)
    with pytest.raises(JsonMalformed):
        files.read_json(path)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "mine"
    path.write_text("mine")

    with pytest.raises(FileTaken):
        files.write(path, b"yours")
    with pytest.raises(FileTaken):
        files.free(path)

    assert path.read_text() == "mine"


def test_a_copy_is_there_when_it_is_whole(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "b"
    source.write_bytes(b"x" * 3_000_000)

    files.copy(source, target)

    assert target.read_bytes() == source.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b"]
    with pytest.raises(ConsentryError):
        files.copy(source, tmp_path / "no" / "folder")


def test_a_source_says_what_it_has_and_the_rest_is_no(tmp_path: Path) -> None:
    read = forms.source(written(tmp_path, a_source()))
    assert (read.original, read.work, read.portrait_licences) == (True, None, {})

    unsaid = {name: value for name, value in a_source().items() if name != "original"}
    assert forms.source(written(tmp_path, unsaid)).original is False


@pytest.mark.parametrize(
    "wrong",
    [
        {"supplier": ""},
        {"kind": "FOUND"},
        {"acquired_at": "yesterday"},
        {"copyright_licence": "not a digest"},
        {"portrait_licences": {SOMEBODY: "not a digest"}},
        {"somebody": "else"},
    ],
)
def test_a_source_that_can_not_be_meant_is_refused(tmp_path: Path, wrong: dict[str, object]) -> None:
    with pytest.raises((BadSource, DocumentMalformed)):
        forms.source(written(tmp_path, a_source(**wrong)))


def test_a_source_is_an_object(tmp_path: Path) -> None:
    with pytest.raises(JsonMalformed):
        forms.source(written(tmp_path, ["supplier"]))


def test_a_use_says_every_field(tmp_path: Path) -> None:
    assert forms.use(written(tmp_path, a_use())).territories == ("CN",)

    for name in a_use():
        with pytest.raises(DocumentMalformed, match=name):
            forms.use(written(tmp_path, {k: v for k, v in a_use().items() if k != name}))


def test_a_cast_is_given_in_words_or_in_a_file(tmp_path: Path) -> None:
    in_words = forms.cast([f"{SOMEBODY}:PERFORMER:{ANOTHER}", f"{ANOTHER}:BACKGROUND"])
    in_a_file = forms.cast(
        [
            str(
                written(
                    tmp_path,
                    [
                        {"person": SOMEBODY, "role": "PERFORMER", "authorization": ANOTHER},
                        {"person": ANOTHER, "role": "BACKGROUND"},
                    ],
                )
            )
        ]
    )

    assert in_words == in_a_file
    assert [member.role for member in in_words] == [Role.PERFORMER, Role.BACKGROUND]
    assert in_words[1].authorization is None


@pytest.mark.parametrize(
    "wrong", [f"{SOMEBODY}:STAR", "somebody:PERFORMER", f"{SOMEBODY}:PERFORMER:consent", "no-such-file.json"]
)
def test_a_cast_that_names_nobody_is_refused(wrong: str) -> None:
    with pytest.raises((DocumentMalformed, FileUnreadable)):
        forms.cast([wrong])


def test_nobody_is_named_twice_in_one_role() -> None:
    with pytest.raises(typer.BadParameter):
        forms.cast([f"{SOMEBODY}:PERFORMER", f"{SOMEBODY}:PERFORMER:{ANOTHER}"])


def test_the_documented_files_are_accepted(tmp_path: Path) -> None:
    blocks = [block.split("```")[0] for block in DOCS.read_text().split("```json\n")[1:]]
    scope, source, use, cast = (json.loads(block) for block in blocks)

    assert Scope.from_json(scope).role is Role.PERFORMER
    assert forms.source(written(tmp_path, source)).work == "dance-01"
    assert forms.use(written(tmp_path, use)).engine == "mesh"
    assert len(forms.cast([str(written(tmp_path, cast))])) == 2
