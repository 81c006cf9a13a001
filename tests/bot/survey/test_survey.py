"""`blendwatch survey`, over real sockets: every model once, whatever cuts it short and whoever does the work."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.__main__ import app
from bot.hub.http.hub_client import httpx
from bot.hub.http.rate_limit import RateLimiter
from bot.sources.interface import Unavailable
from demo.hub.faults import Fault
from demo.scene import BASE, HIDDEN
from tests.bot.stage import REPOS, Stage, stage

LATE = "rebrand/Phoenix"
COUNTED = {name: replace(repo, counted=787_072) for name, repo in REPOS.items()}  # the Hub lists no size of the others


def results(at: Stage) -> list[dict[str, Any]]:
    """Return every stored line, in order."""
    lines = [
        line for file in (at.folder / "data" / "surveys").glob("*.jsonl") for line in file.read_text().splitlines()
    ]
    return [json.loads(line) for line in lines]


def surveyed(at: Stage, *words: str) -> dict[str, dict[str, Any]]:
    """Run a survey to its end; return its results by repository."""
    done = at.run("survey", *words, "--json")
    assert done.returncode == 0, done.stderr
    return {row["repo_id"]: row for row in json.loads(done.stdout)["results"]}


def test_all_models_get_the_finding_of_a_check_and_none_is_checked_again(tmp_path: Path) -> None:
    """A second run sends no request for weights, and a survey sends no alert."""
    with stage(tmp_path, COUNTED) as at:
        first = surveyed(at, "--all", "--least", "0")
        assert set(first) == set(REPOS)
        assert {r: first[r]["report"]["finding"] for r in (HIDDEN, LATE)} == {HIDDEN: "blend", LATE: "copy"}
        assert not at.discord.messages
        before = len(at.hub.log)
        assert surveyed(at, "--all", "--least", "0") == first
        assert {r.path.split("?")[0] for r in at.hub.log[before:]} == {"/api/models"}
        assert len(results(at)) == len(REPOS)


def test_a_new_commit_is_checked_again_and_the_newest_result_counts(tmp_path: Path) -> None:
    """One line more, for that model alone."""
    with stage(tmp_path, COUNTED) as at:
        surveyed(at, "--organisation", "rebrand")
        at.hub.repos[LATE] = replace(COUNTED[LATE], revision="b" * 40)
        (row,) = surveyed(at, "--organisation", "rebrand").values()
        assert row["revision"] == "b" * 40
        assert [r["repo_id"] for r in results(at)] == [LATE, LATE]


def test_a_family_is_what_declares_a_base_of_it(tmp_path: Path) -> None:
    """An unknown family is refused, and the sentence names it."""
    with stage(tmp_path, COUNTED) as at:
        registry = at.folder / "registry.yaml"
        registry.write_text(registry.read_text().replace(f"{BASE}\n", f"{BASE}\n  family: tundra\n"))
        assert "tundra" in registry.read_text()
        found = surveyed(at, "--family", "Tundra", "--least", "0")
        assert set(found) == {r for r, repo in REPOS.items() if f"base_model:{BASE}" in repo.all_tags()}
        refused = at.run("survey", "--family", "steppe")
        assert (refused.returncode, "the family steppe" in refused.stderr) == (2, True)


@pytest.mark.parametrize("words", [(), ("--all", "--family", "x"), ("--all", "--organisation", "x")])
def test_one_selection_must_be_given(words: tuple[str, ...]) -> None:
    """Anything else is refused before the Hub is asked."""
    done = CliRunner().invoke(app, ["survey", *words], env={"BLENDWATCH_CONFIG": os.devnull})
    assert (done.exit_code, done.stderr.startswith("blendwatch: give one of --family")) == (2, True)


def test_an_estimate_checks_nothing(tmp_path: Path) -> None:
    """It names models and requests."""
    with stage(tmp_path, COUNTED) as at:
        done = at.run("survey", "--all", "--least", "0", "--estimate")
        assert f"{len(REPOS)} models, {len(REPOS)} of them not checked yet" in done.stderr
        assert not results(at)


def test_a_budget_stops_it_and_the_next_run_does_the_rest(tmp_path: Path) -> None:
    """A task that runs is finished."""
    with stage(tmp_path, COUNTED) as at:
        surveyed(at, "--all", "--least", "0", "--requests", "1")
        some = {row["repo_id"] for row in results(at)}
        assert 0 < len(some) < len(REPOS)
        surveyed(at, "--all", "--least", "0")
        assert sorted(row["repo_id"] for row in results(at)) == sorted(REPOS)


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    """Its reason is kept until then."""
    with stage(tmp_path, COUNTED) as at:
        at.hub.fault = lambda request: (
            Fault(status=503) if "rebrand" in request.path and "author" not in request.path else None
        )
        (row,) = surveyed(at, "--organisation", "rebrand").values()
        assert (row["state"], "503" in row["reason"]) == ("failed", True)
        at.hub.fault = None
        (row,) = surveyed(at, "--organisation", "rebrand").values()
        assert row["state"] == "found"


def test_a_kill_loses_no_result_and_doubles_none(tmp_path: Path) -> None:
    """SIGKILL after the first result; a torn last line is cut off."""
    with stage(tmp_path, COUNTED) as at:
        words = [sys.executable, "-m", "bot", "survey", "--all", "--least", "0"]
        process = subprocess.Popen(words, env=at.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not results(at) and process.poll() is None:
            time.sleep(0.05)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = {row["repo_id"] for row in results(at)}
        assert kept
        (file,) = (at.folder / "data" / "surveys").glob("*.jsonl")
        with file.open("ab") as torn:
            torn.write(b'{"repo_id": "x/y", "sta')
        surveyed(at, "--all", "--least", "0")
        assert sorted(row["repo_id"] for row in results(at)) == sorted(REPOS)


def test_processes_give_the_results_of_one(tmp_path: Path) -> None:
    """The same findings, each once."""
    with stage(tmp_path, COUNTED) as at:
        alone = surveyed(at, "--all", "--least", "0", "--data", str(tmp_path / "alone"))
        together = surveyed(at, "--all", "--least", "0", "--workers", "2")
        assert len(results(at)) == len(REPOS)
    assert findings(together) == findings(alone)


def findings(rows: dict[str, dict[str, Any]]) -> dict[str, tuple[str, str, list[str]]]:
    """Return what was found of each model."""
    reports = {name: row["report"] for name, row in rows.items()}
    return {n: (r["finding"], r["audience"], sorted(p["repo_id"] for p in r["parents"])) for n, r in reports.items()}


def test_processes_share_the_quota() -> None:
    """Of 100 requests that are left each of four takes 25, and then waits for the next window."""
    waited: list[float] = []
    limiter = RateLimiter(lambda: sum(waited), waited.append)
    limiter.sharers = 4
    limiter.note(
        httpx.Headers({"ratelimit": '"api";r=100;t=50', "ratelimit-policy": '"fixed window";"api";q=1000;w=300'})
    )
    for _ in range(25):
        limiter.wait(httpx.URL("https://hub.test/api/models"))
    assert 30 < sum(waited) <= 50
    limiter = RateLimiter(lambda: 0.0, waited.append)
    limiter.sharers = 4
    limiter.note(
        httpx.Headers({"ratelimit": '"api";r=3;t=70', "ratelimit-policy": '"fixed window";"api";q=1000;w=300'})
    )
    with pytest.raises(Unavailable):  # a part of three among four is none
        limiter.wait(httpx.URL("https://hub.test/api/models"))
