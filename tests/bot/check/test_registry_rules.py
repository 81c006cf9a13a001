"""What registry files say about single uploads, through the whole line: suppressions and declared pairs."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from demo.models import card
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import CAST, NOW, REPOS, Stage, changed, stage

FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}
COPY = "rebrand/Phoenix"
TODAY, YESTERDAY = NOW.date(), NOW.date() - timedelta(days=2)  # two days: the tests may run over midnight
TOMORROW = TODAY + timedelta(days=1)


def add(at: Stage, text: str) -> None:
    """Let the registry say more."""
    (at.folder / "registry.yaml").write_text(CAST.registry + text)


def suppressed(upload: str, until: object) -> str:
    """Return a suppression as a registry file has it."""
    return f"suppressions:\n- {{{upload}, reason: agreed with its maker, until: {until}}}\n"


def test_a_suppressed_upload_is_judged_and_stored_but_not_told(tmp_path: Path) -> None:
    """The reason says what was found and why nobody heard of it; other uploads are told as ever."""
    with stage(tmp_path, FEW | {COPY: REPOS[COPY]}) as at:
        add(at, suppressed(f"repo_id: {HIDDEN.upper()}", TOMORROW))
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        assert at.told == [f"Undeclared copy: {COPY}"]
        found = at.upload(HIDDEN)
        assert found.report is not None
        assert (found.state, found.report["finding"], found.report["alert"]) == ("found", "blend", False)
        assert found.report["disclosure"] == "partial"
        assert found.reason == found.report["why"]
        said = f"{RELEASE} is not declared on the card; not alerted until {TOMORROW}, as the registry says: agreed with"
        assert said in found.reason
        assert "agreed with its maker" in at.run("why", HIDDEN).stdout


def test_what_has_run_out_or_means_another_suppresses_nothing(tmp_path: Path) -> None:
    """A day that is over, another revision, other weights."""
    with stage(tmp_path, FEW) as at:
        for upload, until in (
            (f"repo_id: {HIDDEN}", YESTERDAY),
            (f"repo_id: {HIDDEN}, revision: {'e' * 40}", TOMORROW),
            (f"repo_id: {COPY}", TOMORROW),
            (f"weights: {'e' * 64}", TOMORROW),
        ):
            add(at, suppressed(upload, until))
            report = at.report(HIDDEN)
            assert report["alert"]
            assert "is not declared on the card" in report["why"]


@pytest.mark.parametrize("by", ["revision", "weights"])
def test_an_upload_is_suppressed_by_revision_and_by_the_fingerprint_of_its_weights(tmp_path: Path, by: str) -> None:
    """Both as its report gives them."""
    with stage(tmp_path, FEW) as at:
        suspect = at.report(HIDDEN)["suspect"]
        meant = f"repo_id: {HIDDEN}, revision: " if by == "revision" else "weights: "
        add(at, suppressed(meant + suspect[by], TOMORROW))
        report = at.report(HIDDEN)
        assert not report["alert"]
        assert "as the registry says: agreed with its maker" in report["why"]
        assert report["strength"] == "exact"


def declared(child: str, *parents: str) -> str:
    """Return a declared pair as a registry file has it."""
    return f"declared:\n- {{child: {child}, parents: [{', '.join(parents)}], reason: said in its paper}}\n"


def where(report: dict[str, Any]) -> dict[str, str]:
    """Return where each parent is declared."""
    found: dict[str, str] = report["declared"]["where"]
    return found


def test_a_declared_pair_counts_as_if_the_card_said_it(tmp_path: Path) -> None:
    """The blend stays one, all of its parents are declared, and the report says by whom."""
    with stage(tmp_path, FEW) as at:
        assert at.report(HIDDEN)["disclosure"] == "partial"
        add(at, declared(HIDDEN.lower(), RELEASE))
        report = at.report(HIDDEN)
        assert (report["finding"], report["disclosure"], report["alert"]) == ("blend", "disclosed", False)
        assert where(report)[RELEASE] == "registry"
        assert "registry" not in where(report)[BASE]
        add(at, declared("someone/else", RELEASE))
        assert at.report(HIDDEN)["alert"]


def test_a_declared_pair_counts_for_a_known_model_too(tmp_path: Path) -> None:
    """A base reached over a known model whose parent only the registry declares counts as declared."""
    child = "basalt/Duet"
    repos = {
        BASE: REPOS[BASE],
        RELEASE: changed(REPOS[RELEASE], {"README.md": card("Meridian Coder", "For code.").encode()}),
        child: changed(REPOS[child], {"README.md": card("Duet", "A merge.", [RELEASE]).encode()}),
    }
    with stage(tmp_path, repos) as at:
        assert at.report(child)["disclosure"] == "partial"
        add(at, declared(RELEASE, BASE))
        report = at.report(child)
        assert (report["finding"], report["disclosure"], report["alert"]) == ("blend", "disclosed", False)
        assert BASE not in where(report)
