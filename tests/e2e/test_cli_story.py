"""The whole way from the shell, on real faces: refused, cured, swapped, fetched, verified, withdrawn."""

import json
import shutil
from pathlib import Path

from audit import certificate
from portraits import PEOPLE, packaged
from shell import Shell, Signer, a_source, a_use, agreed, digest, on_file, small_clip


def test_the_whole_story_can_be_told_from_a_shell(tmp_path: Path) -> None:
    shell = Shell(tmp_path)
    shell("init", "--mode", "demo", "--origin", "log.example/story")
    clip = small_clip(tmp_path / "clip.mp4")
    received = digest(clip)
    performer = agreed(shell, "astronaut", "PERFORMER", received)
    bystander = agreed(shell, "cameraman", "BACKGROUND", received)
    donor = agreed(shell, "hopper", "DONOR", received)
    on_file(shell, received, bystander)
    use = shell.file("use.json", a_use())

    template = _refused_for_a_stranger(shell, clip, performer)
    _admitted(shell, template, use, performer, bystander)
    output = _swapped(shell, template, use, donor)
    _verified_by_a_stranger(shell, tmp_path)
    _withdrawn(shell, template, output, performer, donor, use)
    _and_the_log_holds(shell)


def _refused_for_a_stranger(shell: Shell, clip: Path, performer: Signer) -> str:
    source = shell.file("source.json", a_source())
    announced = shell("template", "announce", clip, "--source", source, "--cast", performer.cast("PERFORMER"))
    template: str = announced["template"]
    assert announced["verdict"] == "permit"

    added = shell("template", "add", template, clip)
    assert added["frames"] == 16

    shown = shell(
        "template", "preview", template, "--person", performer.id, "--to", shell.folder / "hers.mp4"
    )
    assert Path(shown["file"]).stat().st_size > 0

    scanned = shell("template", "scan", template, leaves=1)
    assert scanned["reasons"] == ["G-08"]
    [objection] = scanned["objections"]
    assert objection["message_zh"]
    assert objection["citation"]
    assert objection["cure"]
    assert scanned["verdicts"] is None
    return template


def _admitted(shell: Shell, template: str, use: Path, performer: Signer, bystander: Signer) -> None:
    both = ("--cast", performer.cast("PERFORMER"), "--cast", bystander.cast("BACKGROUND"))
    assert shell("template", "amend-cast", template, *both)["verdict"] == "permit"

    scanned = shell("template", "scan", template)
    assert {verdict["person"] for verdict in scanned["verdicts"]} == {performer.id, bystander.id}

    assert shell("check", "template", template, "--use", use)["dry_run"] is True
    abroad = shell.file("abroad.json", a_use(territories=["CN", "US"]))
    assert shell("check", "template", template, "--use", abroad, leaves=1)["verdict"] == "refusal"

    assert shell("template", "publish", template, "--use", use)["verdict"] == "permit"
    [listed] = shell("template", "list")["templates"]
    assert (listed["template"], listed["state"]) == (template, "published")


def _swapped(shell: Shell, template: str, use: Path, donor: Signer) -> str:
    photo = packaged(*PEOPLE["hopper"])
    words = ("--person", donor.id, "--authorization", donor.authorization)
    received = shell("swap", "donor", template, photo, *words)["donor"]

    assert shell("check", "swap", template, received, "--use", use)["verdict"] == "permit"
    done = shell("swap", "request", template, received, "--use", use)
    assert done["state"] == "released"
    assert shell("swap", "show", done["job"])["output"] == done["output"]

    fetched = shell("swap", "fetch", done["output"], "--to", shell.folder / "output.mp4")
    assert Path(fetched["receipt"]).name == "output.receipt"
    output: str = done["output"]
    return output


def _verified_by_a_stranger(shell: Shell, folder: Path) -> None:
    # What is handed out, in a folder of its own; the data folder is not there for the stranger.
    away = folder / "stranger"
    away.mkdir()
    for path in ("output.mp4", "output.receipt", "data/keys/log.vkey", "data/keys/manifest-root.pem"):
        shutil.copy(folder / path, away)
    stranger = Shell(away)
    words = ("--receipt", "output.receipt", "--vkey", "log.vkey", "--trust", "manifest-root.pem", "--json")

    stdout, _ = stranger.apart("verify", "output.mp4", *words)
    said = json.loads(stdout)
    assert [step["step"] for step in said["steps"]] == ["receipt", "log", "file", "manifest"]
    assert any("withdrawal can't be seen offline" in note["detail"] for note in said["notes"])

    # By a list of the stranger's own: the key of this manifest was in other hands, or in none at that place.
    kid, _ = certificate.leaf(shell.data / "keys" / "manifest-chain.pem")
    for since, leaves in (("0", 1), ("1000000", 0)):
        (away / "trust.txt").write_text(f"compromised {kid} from {since}\n")
        stdout, _ = stranger.apart("verify", "output.mp4", *words, "--keys", "trust.txt", leaves=leaves)
        assert json.loads(stdout)["steps"][-1]["step"] == "manifest"

    # For people, and in this process: the same answer in both languages.
    known = ("--receipt", away / "output.receipt", "--vkey", away / "log.vkey")
    trusted = ("--trust", away / "manifest-root.pem")
    assert "验证通过" in stranger.said("verify", away / "output.mp4", *known, *trusted)

    data = bytearray((away / "output.mp4").read_bytes())
    data[len(data) // 2] ^= 1
    (away / "output.mp4").write_bytes(data)
    assert "验证未通过" in stranger.said("verify", away / "output.mp4", *known, *trusted, leaves=1)
    stdout, _ = stranger.apart("verify", "output.mp4", *words, leaves=1)
    assert json.loads(stdout)["steps"][-1] | {"detail": "", "detail_zh": ""} == {
        "step": "file",
        "ok": False,
        "detail": "",
        "detail_zh": "",
    }


def _withdrawn(shell: Shell, template: str, output: str, performer: Signer, donor: Signer, use: Path) -> None:
    before = shell("consent", "impact", performer.authorization)
    assert (before["templates"], before["outputs"], before["delivered"]) == ([template], [output], 1)

    done = shell("consent", "withdraw", performer.authorization, "--code", performer.code)
    assert "USER_SWAP" in done["purposes"]

    gone = shell("swap", "fetch", output, "--to", shell.folder / "again.mp4", leaves=1)
    assert gone["gone"] in {"OUTPUT_WITHDRAWN", "OUTPUT_CONSENT_ENDED"}
    assert not (shell.folder / "again.mp4").exists()

    assert shell("template", "show", template)["frozen"] is True
    assert "G-10" in shell("check", "template", template, "--use", use, leaves=1)["reasons"]

    told = shell("person", "inbox", performer.id)
    assert {"intake", "scan", "publish", "swap"} <= {asked["action"] for asked in told["asked"]}
    assert set(told["signed"][0]["status"].values()) == {"ConsentWithdrawn"}
    assert shell("person", "inbox", donor.id)["references"] == 1


def _and_the_log_holds(shell: Shell) -> None:
    listed = shell("log", "list", "--last", "1000")
    kinds = [entry["kind"] for entry in listed["entries"]]
    for before, after in (("Decided", "RunStarted"), ("OutputReleased", "ConsentWithdrawn")):
        assert kinds.index(before) < len(kinds) - kinds[::-1].index(after)
    assert shell("log", "audit")["size"] == listed["size"]
