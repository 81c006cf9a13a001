"""`blendwatch check`: the contract of one check, over real sockets."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.check.third_look import REQUESTS
from demo.scene import BASE, HIDDEN, RELEASE
from tests import ROOT
from tests.bot.stage import CAST, NOW, REPOS, changed, saved, stage

CONTRACT: dict[str, type | tuple[type, ...]] = {
    "schema": int,
    "suspect": dict,
    "finding": str,
    "family": (str, type(None)),
    "disclosure": str,
    "alert": bool,
    "audience": str,
    "strength": (str, type(None)),
    "parents": list,
    "exact": (bool, type(None)),
    "further_training": (bool, type(None)),
    "why": str,
    "sampled": dict,
    "cost": dict,
}
EXPECTED = {
    HIDDEN: ("blend", "partial", True),
    "basalt/Duet": ("blend", "disclosed", False),
    "finch/Meridian-Py": ("derivative", "disclosed", False),
    "oakridge/Taiga-1": ("unrelated", "none-needed", False),
    "rebrand/Phoenix": ("copy", "undisclosed", True),
    "quiltworks/Guanabara-Stitch": ("derivative", "disclosed", False),
}


def bounded(report: dict[str, Any]) -> None:
    """Check what each look cost, and that an alert rests on a second look and says so."""
    first, second = report["looks"]["first"], report["looks"]["second"]
    assert 0 < first["requests"] <= 60
    assert 0 < first["bytes_read"] <= 200_000
    if second:
        assert 0 < second["requests"] <= 300
        assert 0 < second["bytes_read"] <= 6_000_000
    looks = first["requests"] + (second["requests"] if second else 0)
    # the repository is found before the first look begins; its commit titles are read before a second look, and the
    # undeclared parent's card before an alert
    own = report["cost"].get("own", {}).get("requests", 0)
    third = report["looks"]["third"]
    if third:
        assert 0 < third["requests"] <= REQUESTS
        looks += third["requests"]
    assert looks <= report["cost"]["requests"] - own <= looks + 2 + bool(second) + 4 * report["alert"]
    if report["alert"]:
        assert second["reason"] == "before an alert"
        assert report["why"].startswith("fresh coordinates say the same: ")


def test_every_upload_of_the_scene_gets_its_verdict_by_the_contract(tmp_path: Path) -> None:
    """Each report has every key of the contract and the right verdict, and each look keeps to its bounds."""
    with stage(tmp_path) as at:
        at.report("oakridge/Taiga-1")  # reads the known models
        known = len(at.hub.seen(RELEASE)) + len(at.hub.seen(BASE))
        for repo_id, expected in EXPECTED.items():
            report = at.report(repo_id)
            assert {k: isinstance(report[k], t) for k, t in CONTRACT.items()} == dict.fromkeys(CONTRACT, True)
            assert (report["finding"], report["disclosure"], report["alert"]) == expected, report
            bounded(report)
            if not report["looks"]["second"] and not report["looks"]["third"]:  # which read known models
                assert len(at.hub.seen(RELEASE)) + len(at.hub.seen(BASE)) == known
            known = len(at.hub.seen(RELEASE)) + len(at.hub.seen(BASE))


def test_the_blend_is_named_with_coefficients_whose_intervals_hold(tmp_path: Path) -> None:
    """Both parents, the planted shares within 0.0005, the truth inside each interval; and the same in every tensor."""
    with stage(tmp_path) as at:
        report = at.report(HIDDEN)
    shares = {p["repo_id"]: p for p in report["parents"]}
    for repo_id, share, declared in ((RELEASE, 0.565, False), (BASE, 0.435, True)):
        parent = shares.pop(repo_id)
        assert abs(parent["coefficient"] - share) < 0.0005
        assert parent["interval"][0] <= share <= parent["interval"][1]
        assert parent["declared"] is declared
    assert not shares
    assert (report["family"], report["exact"], report["strength"], report["further_training"]) == (
        "linear",
        True,
        "exact",
        False,
    )
    assert {(c["kind"], c["status"]) for c in report["claims"]} == {
        ("licence", "not testable"),
        ("parent", "supported"),
        ("post-training", "contradicted"),
    }
    assert report["looks"]["second"]["sampled"]["layers"] == 4
    assert {p["layer"] for p in report["profile"]} == {-1, 0, 1, 2, 3}
    for point in report["profile"]:
        assert (point["state"], point["met"] >= 0.995) == ("mixed", True)
        assert abs(point["shares"][RELEASE][0] - 0.565) < 0.01


@pytest.mark.parametrize("offers_headers", [True, False])
def test_a_new_declared_parent_stays_within_the_first_look(tmp_path: Path, offers_headers: bool) -> None:
    """An unknown declared parent costs one first look, and once, with and without headers at once."""
    with stage(tmp_path, offers_headers=offers_headers) as at:
        at.report("oakridge/Taiga-1")
        before = len(at.hub.seen(HIDDEN))
        report = at.report("quiltworks/Guanabara-Stitch")
        read = len(at.hub.seen(HIDDEN)) - before
        bounded(at.report("quiltworks/Guanabara-Stitch"))
    assert report["finding"] == "derivative"
    assert [p["repo_id"] for p in report["parents"]] == [HIDDEN]
    assert 0 < read <= 60
    assert report["looks"]["first"]["requests"] <= 120


def test_the_cost_is_what_the_hub_saw(tmp_path: Path) -> None:
    """cost.requests counts every request that reached the Hub and its storage, redirects included."""
    with stage(tmp_path) as at:
        before = len(at.hub.log)
        report = at.report(HIDDEN)
        assert report["cost"]["requests"] == len(at.hub.log) - before


def test_a_local_folder_counts_as_new_and_known_models_may_be_folders(tmp_path: Path) -> None:
    """A blend in a folder is an alert although neither it nor its parents have a known time."""
    suspect = saved(tmp_path / "local", HIDDEN)
    entries = [
        f"- {{path: {saved(tmp_path / 'local', r)}, role: {role}}}"
        for r, role in ((BASE, "base"), (RELEASE, "release"))
    ]
    with stage(tmp_path) as at:
        (tmp_path / "registry.yaml").write_text("models:\n" + "\n".join(entries) + "\n")
        report = at.report(str(suspect))
        assert not at.hub.log
    assert report["suspect"]["repo_id"] == HIDDEN
    assert (report["finding"], report["alert"], report["disclosure"]) == ("blend", True, "partial")


def test_later_or_unknown_times_never_alert(tmp_path: Path) -> None:
    """A release whose weights came after the suspect's is no parent; at the same time the direction is unknown."""
    moment = REPOS[HIDDEN].weights_at
    assert moment is not None
    for shift, finding in ((timedelta(hours=1), "derivative"), (timedelta(0), "blend")):
        folder = tmp_path / finding
        folder.mkdir()
        with stage(folder) as at:
            text = CAST.registry.splitlines()
            text[-1] = f"  weights_at: {(moment + shift).isoformat()}"
            (folder / "registry.yaml").write_text("\n".join(text) + "\n")
            report = at.report(HIDDEN)
        assert (report["finding"], report["alert"]) == (finding, False)


def test_own_weights_are_no_secret(tmp_path: Path) -> None:
    """A blend of the uploader's own release, or of a listed alias's, is reported and not alerted."""
    with stage(tmp_path) as at:
        listed = "organisations:\n- name: Blue City\n  members: [cidade-azul, tidepool-ai]\n"
        (tmp_path / "registry.yaml").write_text(CAST.registry + listed)
        report = at.report(HIDDEN)
    assert (report["finding"], report["disclosure"], report["alert"]) == ("blend", "partial", False)
    assert "own organisation" in report["why"]


@pytest.mark.parametrize(
    ("words", "status", "said"),
    [
        (["check", "nobody/nothing"], 1, "nobody/nothing"),
        (["check", "not a name"], 1, "not a name"),
        (["check"], 2, "suspect"),
        (["check", HIDDEN, "--registry", "broken.yaml"], 2, "broken.yaml:2:"),
        (["why", "a/b"], 2, "no database"),
    ],
)
def test_what_cannot_be_shown_is_one_line_and_a_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], status: int, said: str
) -> None:
    """1 where no report could be made, 2 for usage and configuration; nothing on standard output."""
    monkeypatch.chdir(tmp_path)
    Path("broken.yaml").write_text("models:\n- repo_id: x\n  role: king\n")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    with stage(tmp_path) as at:
        done = at.run(*words)
    assert (done.returncode, done.stdout) == (status, ""), done.stderr
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_settings_that_cannot_be_are_all_named_and_secrets_are_not_shown(tmp_path: Path) -> None:
    """Each wrong setting is named with its reason; the webhook's address is never printed."""
    secret = "https://discord.example/hook/very-secret"
    with stage(tmp_path) as at:
        done = at.run("watch", "--once", BLENDWATCH_MIN_BYTES="many", BLENDWATCH_POLL_MINUTES="-1")
        wrong = at.run("watch", "--once", BLENDWATCH_DISCORD_WEBHOOK=secret)
    assert (done.returncode, wrong.returncode) == (2, 2)
    assert "BLENDWATCH_MIN_BYTES" in done.stderr
    assert "BLENDWATCH_POLL_MINUTES" in done.stderr
    assert "BLENDWATCH_DISCORD_WEBHOOK" in wrong.stderr
    assert "very-secret" not in wrong.stderr


def _dtype(data: bytes, name: bytes) -> bytes:
    length = int.from_bytes(data[:8], "little")
    return data[:8] + data[8 : 8 + length].replace(b'"BF16"', name) + data[8 + length :]


def bad_inputs() -> dict[str, tuple[Any, str, str]]:
    """Return broken variants of an upload: (repository, outcome of a watch, what the reason says)."""
    good = REPOS["oakridge/Taiga-1"]
    shard = next(p for p in good.files if p.endswith(".safetensors"))
    shards = [p for p in good.files if p.endswith(".safetensors")]
    data = good.files[shard].read(0, good.files[shard].size)
    none: dict[str, bytes | None] = dict.fromkeys(shards)
    made = {
        "no-card": (changed(good, {"README.md": None}), "found", "resemble"),
        "broken-front-matter": (changed(good, {"README.md": b"---\nbase_model: [x\n---\n"}), "found", "resemble"),
        "empty": (changed(good, none), "failed", "no weights yet"),
        "branches": (replace(changed(good, none), branches=("4.0bpw",)), "failed", "others are 4.0bpw"),
        "gguf": (
            changed(good, {**none, "model.safetensors.index.json": None, "model.gguf": b"GGUF"}),
            "failed",
            "ends before its header does",
        ),
        "pickle": (changed(good, {**none, "model.bin": b"PK"}), "skipped", ".bin"),
        "gated": (replace(good, gated="manual"), "failed", "gated"),
        "disabled": (replace(good, disabled=True), "failed", "disabled"),
        "lying": (changed(good, {shard: (1 << 50).to_bytes(8, "little") + data[8:]}), "failed", "header"),
        "truncated": (changed(good, {shard: data[:-64]}), "failed", shard),
        "list-config": (changed(good, {"config.json": b"[1, 2]"}), "found", "resemble"),
        "unknown-dtype": (changed(good, {shard: _dtype(data, b'"ZZ16"')}), "failed", "ZZ16"),
        "wrong-dtype": (
            changed(good, {p: _dtype(good.files[p].read(0, good.files[p].size), b'"I16" ') for p in shards}),
            "found",
            "I16",
        ),
    }
    return {
        f"murk/{name}": (replace(repo, repo_id=f"murk/{name}", hub_id="", revision=""), state, said)
        for name, (repo, state, said) in made.items()
    }


def test_bad_input_ends_with_one_stored_reason_each_and_the_watch_goes_on(tmp_path: Path) -> None:
    """Whatever is wrong with an upload, it has one outcome with a reason, and an ordinary upload is still judged."""
    bad = bad_inputs()
    repos = {BASE: REPOS[BASE], RELEASE: REPOS[RELEASE], "rebrand/Phoenix": REPOS["rebrand/Phoenix"]}
    repos |= {name: repo for name, (repo, _, _) in bad.items()}
    with stage(tmp_path, repos) as at:
        # they all have the same weights, so that each would be a copy of the one that was read before
        done = at.run("watch", "--once", BLENDWATCH_AUTOMATIC_REFERENCES="false")
        assert done.returncode == 0, done.stderr
        for name, (_, state, said) in bad.items():
            upload = at.upload(name)
            assert (upload.state, bool(upload.reason)) == (state, True), (name, upload)
            assert said in upload.reason, (name, upload.reason)
            assert (upload.retry_at is not None) == (
                name in ("murk/empty", "murk/branches", "murk/gated", "murk/disabled")
            )
        notes = at.upload("murk/list-config").report
        assert notes is not None
        assert any("not an object" in note for note in notes["problems"])
        assert at.upload("rebrand/Phoenix").state == "found"
        assert at.told == ["Undeclared copy: rebrand/Phoenix"]
        broken = json.dumps(at.report("murk/lying"))
        assert "inconclusive" in broken


def test_a_renamed_upload_is_followed_and_a_gated_one_is_inconclusive(tmp_path: Path) -> None:
    """Each state of a repository has its own answer."""
    moved = replace(REPOS[HIDDEN], repo_id="old/Name", renamed_to=HIDDEN, hub_id="", revision="")
    gated = replace(REPOS["rebrand/Phoenix"], gated="auto")
    with stage(tmp_path, REPOS | {"old/Name": moved, gated.repo_id: gated}) as at:
        assert at.report("old/Name")["suspect"]["repo_id"] == HIDDEN
        report = at.report(gated.repo_id)
    assert (report["finding"], report["alert"]) == ("inconclusive", False)
    assert NOW.isoformat()[:4] in report["checked_at"]
