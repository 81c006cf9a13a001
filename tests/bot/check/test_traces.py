"""Traces over real sockets: what is read of them, what it costs, and that they decide nothing."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from analyzers.traces.read import INDEX
from bot.check.report import table
from bot.check.traces import MAX_INDEX_BYTES
from demo.hub.repository import LoopbackRepo
from demo.scene import BASE, HIDDEN, RELEASE
from tests.analyzers.leftovers import RENAMED, TEMPLATE
from tests.bot.check.test_report import printed
from tests.bot.stage import REPOS, changed, stage

RECIPE = f"merge_method: linear\nmodels:\n- model: {RELEASE}\n  parameters: {{weight: 0.565}}\n- model: {BASE}\n"
TOKENIZER = b'{"model": {"vocab": {}}}'


def with_files(repo_id: str, files: Mapping[str, bytes | None]) -> LoopbackRepo:
    """Return a repository of the scene with more files; the index, if it has one, says that mergekit wrote it."""
    return changed(REPOS[repo_id], files)


def marked(repo: LoopbackRepo) -> bytes:
    """Return its index with mergekit's mark."""
    blob = repo.files["model.safetensors.index.json"]
    index = json.loads(blob.read(0, blob.size))
    return json.dumps({**index, "metadata": {"mergekit_version": "0.1.5"}}).encode()


def planted() -> dict[str, LoopbackRepo]:
    """Return the scene with a base that has a template, and a hidden blend that kept what mergekit left."""
    suspect = {
        "mergekit_config.yml": RECIPE.encode(),
        "model.safetensors.index.json": marked(REPOS[HIDDEN]),
        "chat_template.jinja": RENAMED.encode(),
        "tokenizer.json": TOKENIZER,
    }
    known = {"chat_template.jinja": TEMPLATE.encode(), "tokenizer.json": TOKENIZER}
    return REPOS | {
        HIDDEN: with_files(HIDDEN, suspect),
        BASE: with_files(BASE, known),
        RELEASE: with_files(RELEASE, {"tokenizer.json": TOKENIZER}),
    }


def by_kind(report: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the traces of a report by their kinds."""
    return {t["kind"]: t for t in report["traces"]}


@pytest.mark.parametrize("offers_headers", [True, False])
def test_what_mergekit_left_is_in_the_report_within_the_first_look(tmp_path: Path, offers_headers: bool) -> None:
    """Recipe, mark, edited template and shared tokenizer are told, each with what else it may mean."""
    with stage(tmp_path, planted(), offers_headers=offers_headers) as at:
        at.report("oakridge/Taiga-1")  # reads the known models
        before = len(at.hub.log)
        report = at.report(HIDDEN)
        assert report["cost"]["requests"] == len(at.hub.log) - before
    found = by_kind(report)
    assert found["merge recipe"]["names"] == [RELEASE, BASE]
    assert "mergekit 0.1.5" in found["merge mark"]["claim"]
    assert (found["edited template"]["names"], found["edited template"]["meaning"]) == ([BASE], "weak")
    assert (found["equal tokenizer"]["names"], found["equal tokenizer"]["meaning"]) == ([BASE], "weak")
    assert all(t["otherwise"] for t in report["traces"])
    assert report["looks"]["first"]["requests"] <= 60
    assert report["problems"] == []
    assert "trace" in printed(report)


@pytest.mark.parametrize(("first", "ends"), [("metadata", 1), ("weight_map", 2)])
def test_of_a_long_index_the_ends_are_read(tmp_path: Path, first: str, ends: int) -> None:
    """Its head has the metadata, or its tail; the address and one range of 4 kB each are all that is asked for."""
    blob = REPOS[HIDDEN].files[INDEX]
    index = json.loads(blob.read(0, blob.size))
    index["weight_map"] |= {f"model.layers.{i}.mlp.down_proj.weight": "x" * 60 for i in range(5_000)}
    parts = {"metadata": {"total_size": 1, "mergekit_version": "0.1.5"}, "weight_map": index["weight_map"]}
    data = json.dumps({k: parts[k] for k in sorted(parts, reverse=first == "weight_map")}, indent=2).encode()
    assert len(data) > MAX_INDEX_BYTES
    with stage(tmp_path, REPOS | {HIDDEN: with_files(HIDDEN, {INDEX: data})}) as at:
        at.report("oakridge/Taiga-1")  # reads the known models
        report = at.report(HIDDEN)
        asked = [s for s in at.hub.seen(INDEX) if "resolve" in s.path and HIDDEN in s.path]
    assert "mergekit 0.1.5" in by_kind(report)["merge mark"]["claim"]
    ranges = [s.range for s in asked if s.range != "bytes=0-0"]
    assert len(ranges) == ends
    assert ranges[-1] == ("bytes=0-4095" if first == "metadata" else f"bytes={len(data) - 4096}-{len(data) - 1}")
    assert report["looks"]["first"]["requests"] <= 60
    assert report["problems"] == []


def test_traces_change_no_verdict(tmp_path: Path) -> None:
    """An honest sibling that carries all of it is judged as without it; its files are read only if it is drawn."""
    left = {"mergekit_config.yml": RECIPE.encode(), "chat_template.jinja": RENAMED.encode()}
    repos = REPOS | {"finch/Meridian-Py": with_files("finch/Meridian-Py", left)}
    with stage(tmp_path, repos) as at:
        report = at.report("finch/Meridian-Py")
        # one quiet derivative in fifty is drawn for a second look, and then the words beside its card are read
        assert bool(at.hub.seen("mergekit_config.yml")) == (report["looks"]["second"] is not None)
        assert not at.hub.seen("chat_template.jinja")
    assert (report["finding"], report["disclosure"], report["alert"]) == ("derivative", "disclosed", False)
    assert by_kind(report)["merge recipe"]["names"] == []


def test_a_copy_is_known_by_the_hashes_of_its_shards(tmp_path: Path) -> None:
    """From the listing alone: equal weight files name the release that they are of."""
    with stage(tmp_path) as at:
        at.report("oakridge/Taiga-1")
        report = at.report("rebrand/Phoenix")
    shard = by_kind(report)["equal shard"]
    assert (shard["names"], shard["meaning"]) == ([RELEASE], "strong")


def test_files_that_lie_cost_one_note_each(tmp_path: Path) -> None:
    """A recipe and settings that are none leave the verdict and a note; hostile text stays harmless in the table."""
    bad = {
        "mergekit_config.yml": b"\x00\xff",
        "generation_config.json": b"[1]",
        "config.json": json.dumps({"_name_or_path": "evil\u202e/merge\x1b[2J @everyone"}).encode(),
    }
    with stage(tmp_path, REPOS | {HIDDEN: with_files(HIDDEN, bad)}) as at:
        report = at.report(HIDDEN)
    assert report["alert"] is True
    assert [p for p in report["problems"] if "generation_config.json" in p or "mergekit_config.yml" in p]
    assert "\u202e" not in printed(report)
    assert table(report).row_count > 5
