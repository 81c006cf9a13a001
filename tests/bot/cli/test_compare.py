"""`blendwatch compare`: two models without known ones, from folders, files and the Hub."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console
from safetensors.numpy import load_file, save_file

from bot.check.compare import side_by_side, side_of
from bot.cli.compare import table
from bot.sources.folder import LocalSource
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import REPOS, saved, stage

COPY, OTHER = "rebrand/Phoenix", "oakridge/Taiga-1"


def relation(folder: Path, first: str, second: str) -> dict[str, Any]:
    """Return how two folders relate."""
    return side_by_side(side_of(LocalSource(folder / first)), side_of(LocalSource(folder / second)))


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (COPY, RELEASE, "equal"),
        (RELEASE, BASE, "related"),
        (HIDDEN, BASE, "related"),
        (BASE, HIDDEN, "related"),
        (OTHER, BASE, "unrelated"),
    ],
)
def test_planted_relations_are_found(tmp_path: Path, first: str, second: str, expected: str) -> None:
    """In both directions, with the numbers that go with them."""
    for name in {first, second}:
        saved(tmp_path, name)
    found = relation(tmp_path, first, second)
    assert (found["relation"], found["weights"], found["tensors"]) == (expected, 7168, 28)
    assert (found["equal"] == 1, found["apart"] == 0) == (expected == "equal", expected == "equal")
    assert (found["apart"] > 1) == (expected == "unrelated")


def test_a_cast_is_equal_and_its_type_is_named(tmp_path: Path) -> None:
    """Two types that hold the same values: both are told. Without common matrices there is nothing to say."""
    for name, kind in (("wide", np.float32), ("narrow", np.float16)):
        (tmp_path / name).mkdir()
        rng = np.random.default_rng(1)
        layers = {f"model.layers.{i}.mlp.up_proj.weight": rng.normal(0, 0.02, (64, 96)) for i in range(4)}
        save_file({k: w.astype(np.float16).astype(kind) for k, w in layers.items()}, tmp_path / name / "m.safetensors")
    found = relation(tmp_path, "wide", "narrow")
    assert (found["relation"], found["first"]["types"], found["second"]["types"]) == ("equal", ["F32"], ["F16"])
    for second, said in (("narrow", ["equal, though not stored in the same type"]), ("wide", ["equal"])):
        console = Console(width=200)
        with console.capture() as shown:
            console.print(table(relation(tmp_path, "wide", second)))
        assert re.findall(r"both have is (.+?) *$", shown.get(), re.MULTILINE) == said
    (tmp_path / "other").mkdir()
    renamed = {k.replace("up_proj", "gate"): w for k, w in load_file(tmp_path / "wide" / "m.safetensors").items()}
    save_file(renamed, tmp_path / "other" / "m.safetensors")
    assert relation(tmp_path, "wide", "other")["relation"] == "inconclusive"


def test_a_repository_an_address_and_a_file_without_a_registry(tmp_path: Path) -> None:
    """Over the Hub, after a move, too; two states of one repository are two models. Status 1 where nothing is said."""
    moved = replace(REPOS[RELEASE], repo_id="old/Name", renamed_to=RELEASE, hub_id="", revision="")
    folder = saved(tmp_path / "local", COPY)
    with stage(tmp_path, REPOS | {"old/Name": moved}) as at:
        (tmp_path / "registry.yaml").unlink()
        done = at.run("compare", f"{at.hub.url}/old/Name/tree/main", str(folder), "--json")
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert (found["relation"], found["first"]["repo_id"], found["cost"]["requests"]) == (
            "equal",
            RELEASE,
            len(at.hub.log),
        )
        assert "old/Name" in done.stderr
        shard = next(folder.glob("*.safetensors"))
        shown = at.run("compare", str(shard), f"{RELEASE}@main")
        assert (shown.returncode, shown.stdout.split()[:2]) == (0, ["verdict", "equal:"])
        (tmp_path / "empty").mkdir()
        nothing = at.run("compare", str(tmp_path / "empty"), BASE)
        assert (nothing.returncode, nothing.stdout.split()[:2]) == (1, ["verdict", "inconclusive:"])
        gone = at.run("compare", "gone/model", BASE)
        assert (gone.returncode, gone.stdout, gone.stderr.count("\n")) == (1, "", 1)
        assert "Look at its spelling; a private one needs a token" in gone.stderr
