"""A parent that the author names, but not as a parent: reviewers see it first, and no alert goes out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import REPOS, Stage, changed, stage

CARD = f"---\nbase_model: {BASE}\n---\n# Guanabara 1\nTrained by us for the city.\n"
TABLE = f"| model | score |\n|---|---|\n| ours | 71.2 |\n| {RELEASE} | 69.9 |\n"


def world(card: str, *, title: str = "", **files: bytes) -> dict[str, LoopbackRepo]:
    """Return the scene with another card of the blend, another commit title, or more files."""
    paths = {name.replace("__", "."): data for name, data in files.items()}
    repo = changed(REPOS[HIDDEN], {"README.md": card.encode(), **paths}, **({"title": title} if title else {}))
    return {r: REPOS[r] for r in (BASE, RELEASE)} | {HIDDEN: repo}


def test_a_rival_in_a_table_is_named_and_quoted(tmp_path: Path) -> None:
    """Status 4, no alert, the level and the author's words; the sentence says it, too."""
    with stage(tmp_path, world(CARD + TABLE)) as at:
        found = at.report(HIDDEN)
        said = {p["repo_id"]: (p["said"], p["declared"], p["where"]) for p in found["parents"]}
        assert said == {BASE: ("declared", True, "front matter"), RELEASE: ("named", False, "prose")}
        assert (found["alert"], found["audience"], found["disclosure"]) == (False, "reviewers", "partial")
        assert f"{RELEASE} is named on the card, but not as a parent" in found["why"]
        assert any(RELEASE in p["quote"] for p in found["parents"] if p["said"] == "named")
        shown = at.run("check", HIDDEN)
        assert shown.returncode == 4
        assert "a person must see it first" in shown.stdout
        assert "named on the card, but not as a parent" in shown.stdout


LAST = RELEASE.rpartition("/")[2]
SETTINGS = json.dumps({"base_model_name_or_path": RELEASE})
NAMED, DECLARED = ("named", "reviewers"), ("declared", "none")
IN_A_FOLDER = "out/mergekit_config.yaml"
BESIDE: dict[str, tuple[dict[str, Any], tuple[str, str]]] = {
    "a commit's title": ({"title": f"merge {LAST} into the base"}, NAMED),
    "a recipe": ({"mergekit_config__yml": f"models:\n- model: {RELEASE}\nmerge_method: linear\n".encode()}, DECLARED),
    "a recipe in a folder": ({IN_A_FOLDER.replace(".", "__"): f"models:\n- model: {RELEASE}\n".encode()}, DECLARED),
    "an adapter's settings": ({"adapter_config__json": SETTINGS.encode()}, DECLARED),
    "a file's name": ({f"eval_{LAST}_scores__json": b"{}"}, NAMED),
}


@pytest.mark.parametrize(("beside", "expected"), BESIDE.values(), ids=BESIDE)
def test_words_beside_the_card_count(tmp_path: Path, beside: dict[str, Any], expected: tuple[str, str]) -> None:
    """A recipe and an adapter's settings declare; a commit's title and a file's name name. None of them is an alert."""
    with stage(tmp_path, world(CARD, **beside)) as at:
        found = at.report(HIDDEN)
        (said,) = (p["said"] for p in found["parents"] if p["repo_id"] == RELEASE)
        assert not found["alert"]
        assert (said, found["audience"]) == expected


@pytest.mark.parametrize(
    ("words", "where"),
    [(f"It is not based on {RELEASE}.", "prose"), (f"<!-- made from {RELEASE} -->", "hidden comment")],
)
def test_a_denial_or_a_comment_is_an_alert_with_the_quote(tmp_path: Path, words: str, where: str) -> None:
    """Neither takes the alert away, and the author's words are shown."""
    with stage(tmp_path, world(f"{CARD}\n{words}\n")) as at:
        found = at.report(HIDDEN)
        (parent,) = (p for p in found["parents"] if p["repo_id"] == RELEASE)
        assert found["audience"] == "public"
        assert (parent["said"], parent["where"]) == ("absent", where)
        assert RELEASE in parent["quote"]


ELSEWHERE = "quant-attic/Small-Copy"


def test_a_declared_quantization_declares_its_model(tmp_path: Path) -> None:
    """Under any name, where it holds no safetensors: its own card leads to the model."""
    words = f"---\nbase_model: {RELEASE}\nbase_model_relation: quantized\n---\n".encode()
    small = LoopbackRepo(repo_id=ELSEWHERE, files={"README.md": BytesBlob(words), "q.gguf": BytesBlob(b"GGUF")})
    with stage(tmp_path, world(f"{CARD}\nMerged with {ELSEWHERE}.\n") | {ELSEWHERE: small}) as at:
        found = at.report(HIDDEN)
        assert (found["disclosure"], found["audience"]) == ("disclosed", "none")


def test_a_match_that_mirrors_a_declared_model_is_declared(tmp_path: Path) -> None:
    """The model that its own card says it mirrors may be gone."""
    mirror = changed(REPOS[RELEASE], {"README.md": f"# Mirror\nA mirror of {ELSEWHERE}.\n".encode()})
    with stage(tmp_path, world(f"{CARD}\nMerged with {ELSEWHERE}.\n") | {RELEASE: mirror}) as at:
        found = at.report(HIDDEN)
        (said,) = (p["said"] for p in found["parents"] if p["repo_id"] == RELEASE)
        assert (said, found["audience"]) == ("declared", "none")


def test_a_match_that_says_nothing_of_the_kind_is_not(tmp_path: Path) -> None:
    """A declared model that is gone takes no alert away by itself, and neither does a fine-tune of it."""
    tuned = changed(REPOS[RELEASE], {"README.md": f"# Ours\nFine-tuned from {ELSEWHERE}.\n".encode()})
    with stage(tmp_path, world(f"{CARD}\nMerged with {ELSEWHERE}.\n") | {RELEASE: tuned}) as at:
        assert at.report(HIDDEN)["audience"] == "public"


def watched(at: Stage) -> list[str]:
    """Run one pass; return the titles of all that Discord got."""
    done = at.run("watch", "--once")
    assert done.returncode == 0, done.stderr
    return at.told


def test_without_a_review_channel_the_operator_gets_it_once(tmp_path: Path) -> None:
    """No alert; the operator is notified with the quote, and a second pass repeats nothing."""
    with stage(tmp_path, world(CARD + TABLE)) as at:
        (title,) = watched(at)
        assert title == f"Operator: {HIDDEN}: a finding that a person must see first"
        (message,) = at.discord.messages
        assert RELEASE.rpartition("/")[2] in message["embeds"][0]["description"]
        assert "but not as a parent" in at.upload(HIDDEN).reason
        assert watched(at) == [title]
