"""A gated repository that the token may read: its card is evidence, and nothing of its words is shown."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.check.declarations import WITHHELD
from demo.models import card
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs
from state.store import Store
from tests.bot.stage import REPOS, changed, stage
from tests.bot.watch.test_watcher import one_pass

TOKEN = "hf_loopback_0123456789"
WORDS = "Trained entirely from scratch on our own data. Aligned with DPO by the zanzibar method."
FRONT = "zanzibar-public-licence"


@pytest.mark.parametrize("gone", [False, True])
def test_nothing_of_its_card_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, gone: bool) -> None:
    """Neither in an alert nor in a report, also where the upload is gone; that the measurement contradicts it is."""
    text = card("Guanabara 1", WORDS, [BASE]).replace("apache-2.0", FRONT)
    hidden = replace(changed(REPOS[HIDDEN], {"README.md": text.encode()}), gated="manual", granted=frozenset({TOKEN}))
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    (tmp_path / "data").mkdir()
    with (
        stage(tmp_path, {BASE: REPOS[BASE], RELEASE: REPOS[RELEASE], HIDDEN: hidden}) as at,
        Store.open(f"sqlite:///{tmp_path / 'data' / 'blendwatch.sqlite'}") as store,
    ):
        if gone:
            known = (tmp_path / "registry.yaml").read_text()
            (tmp_path / "registry.yaml").write_text("models: []\n")
            one_pass(at, store, monkeypatch)
            (tmp_path / "registry.yaml").write_text(known)
            store.requeue(at.upload(HIDDEN).id, "explained again", REPOS[HIDDEN].created_at)
            del at.hub.repos[HIDDEN]
        one_pass(at, store, monkeypatch, timedelta(minutes=1))
        upload = at.upload(HIDDEN)
        # without a second look it is for reviewers, and opens no case where there are none
        cases = [c.case_id for c in store.cases.all()]
        assert len(cases) == (0 if gone else 1)
        words = [["case", "show", each, *j] for each in cases for j in ([], ["--json"])] or [["why", HIDDEN]]
        shown = [CliRunner().invoke(app, each, env=at.env) for each in words]
        (kept,) = [f for f in store.cases.files(upload.id) if f.kind == "card"]
        assert Blobs(tmp_path / "data" / "evidence").get(kept.digest) == text.encode()
    assert {s.exit_code for s in shown} == {0}
    report = upload.report
    assert report is not None
    files = " ".join(content.decode(errors="replace") for content in at.discord.world.files.values())
    told = [f"{json.dumps(at.discord.messages)} {files}", json.dumps(report), *(s.stdout for s in shown)]
    for each in told[1:2] if gone else told:  # nobody but the operator is told of one that is gone, in one sentence
        assert WITHHELD in " ".join(each.split())
    for each in told:
        assert not any(word in each for word in ("zanzibar", "entirely", "Aligned"))
    assert "contradicted: the card's claim of from scratch" in report["why"]
    assert "post-training (dpo)" in report["why"]
