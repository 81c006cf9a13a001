"""A registry that is edited while the watch runs counts from the next pass on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from analyzers.records import RepoRef
from bot import build
from bot.alerts.operator import News
from bot.config.settings import load_settings
from bot.health.http_server import Endpoint
from bot.watch.registry_reload import EMPTY, RegistryReload
from demo.scene import BASE, HIDDEN, RELEASE
from state.registry.models import Model, Registry, load
from state.sketches.unreadable_models import UnreadableModel, UnreadableModels
from state.store import Store
from tests.bot.known.test_models import NOW, House, names, sketch
from tests.bot.stage import REPOS, Stage, stage
from tests.bot.watch.test_learning import FOUND, counted, registry

BROKEN = "models:\n- repo_id: no slash\n  role: base\n"


def text_of(*repo_ids: str) -> str:
    """A registry file with these models."""
    return "models:\n" + "".join(f"- {{repo_id: {name}, role: release}}\n" for name in repo_ids)


@contextmanager
def passes(at: Stage, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Callable[[], None], Endpoint, Store]]:
    """One watch in this process: what makes a pass, its port's answers, and its store."""
    for name, value in at.env.items():
        monkeypatch.setenv(name, value)
    settings = load_settings()
    settings.data.mkdir(parents=True, exist_ok=True)
    with build.store(settings) as store, build.service(settings) as service:
        monitoring = build.monitoring(service, store)
        watch_pass = build.one_pass(service, store, build.sinks(settings), monitoring)
        yield lambda: asyncio.run(watch_pass.run(lambda _: None)), monitoring.endpoint, store


def test_a_watch_takes_in_what_changed_and_keeps_the_last_good_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A broken file is told once and forgets nothing; put right, it is told again and explains what came before."""
    with stage(tmp_path, counted(BASE, HIDDEN) | {RELEASE: REPOS[RELEASE]}) as at:
        registry(at, BASE)
        with passes(at, monkeypatch) as (one_pass, endpoint, _):
            one_pass()
            assert (at.told, endpoint.models()) == ([], 1)
            (tmp_path / "registry.yaml").write_text(BROKEN)
            one_pass()
            one_pass()
            assert (at.told, endpoint.models()) == (["Operator: registry"], 1)
            registry(at, BASE, RELEASE)
            one_pass()
            assert endpoint.models() == 2
            assert sorted(at.told) == sorted(["Operator: registry", "Operator: registry, ended", FOUND])
            one_pass()
            assert len(at.told) == 3
        (told,) = [e for m in at.discord.messages for e in m["embeds"] if e["title"] == "Operator: registry"]
        assert "registry.yaml:2:12: `repo_id` must be a repo id such as org/name" in told["description"].replace(
            "\\", ""
        )


def test_a_swapped_link_is_a_change(tmp_path: Path) -> None:
    """As Kubernetes mounts a ConfigMap: files are links through a linked folder that is replaced at once."""
    mounted, house = tmp_path / "mounted", House.of(tmp_path, 3)
    for name, told in {"one": ["org0/model"], "two": ["org1/model", "org2/model"]}.items():
        (mounted / f"..{name}").mkdir(parents=True)
        (mounted / f"..{name}" / "known.yaml").write_text(text_of(*told))
    (mounted / "..data").symlink_to("..one")
    (mounted / "known.yaml").symlink_to("..data/known.yaml")
    known = house.known(load([mounted]).models)
    suspect = sketch("new/model", house.weights[1])
    with store(tmp_path) as opened:
        reload = RegistryReload([mounted], known, News(opened, lambda: NOW, "console"))
        assert (reload.look(), names(known, suspect)) == (False, ["org0/model"])
        (mounted / "..tmp").symlink_to("..two")
        (mounted / "..tmp").rename(mounted / "..data")
        assert (reload.look(), names(known, suspect)) == (True, ["org1/model", "org2/model"])
        assert reload.look() is False


def test_a_volume_that_is_gone_or_empty_forgets_nothing(tmp_path: Path) -> None:
    """Both are told, and both end."""
    folder, house = tmp_path / "volume", House.of(tmp_path, 2)
    folder.mkdir()
    (folder / "known.yaml").write_text(text_of("org0/model"))
    known = house.known(load([folder]).models)
    with store(tmp_path) as opened:
        reload = RegistryReload([folder], known, News(opened, lambda: NOW, "console"))
        for gone, said in ((folder, "cannot be read"), (folder / "known.yaml", EMPTY)):
            gone.rename(tmp_path / "away")
            assert reload.look() is False
            (condition,) = opened.conditions()
            assert (condition.name, said in condition.text) == ("registry", True)
            assert [m.repo_id for m in known.registry.models] == ["org0/model"]
            (tmp_path / "away").rename(gone)
            assert reload.look() is False
            assert opened.conditions() == []


def test_the_log_says_what_has_changed_of_every_kind(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A suppression alone is a change, and is counted."""
    file, house = tmp_path / "known.yaml", House.of(tmp_path, 1)
    file.write_text(text_of("org0/model"))
    known = house.known(load([file]).models)
    with store(tmp_path) as opened, caplog.at_level(logging.INFO, "blendwatch"):
        reload = RegistryReload([file], known, News(opened, lambda: NOW, "console"))
        file.write_text(text_of("org0/model") + "suppressions:\n- {repo_id: x/y, reason: r, until: 2026-12-31}\n")
        assert reload.look() is True
    (line,) = [r.getMessage() for r in caplog.records if "has changed" in r.getMessage()]
    assert "1 known models, 0 groups" in line
    assert "1 suppressions (1 came, 0 went, 0 changed), 0 declared pairs" in line


def test_comments_and_order_of_files_alone_change_nothing(tmp_path: Path) -> None:
    """What the files say counts, not how they are written; organisations count as well as models."""
    file, house = tmp_path / "known.yaml", House.of(tmp_path, 2)
    file.write_text(text_of("org0/model"))
    known = house.known(load([file]).models)
    with store(tmp_path) as opened:
        reload = RegistryReload([file], known, News(opened, lambda: NOW, "console"))
        file.write_text("# a comment\n" + text_of("org0/model"))
        assert reload.look() is False
        file.write_text(text_of("org0/model") + "organisations:\n- {name: Zero, members: [org0, org1]}\n")
        assert reload.look() is True
        assert known.registry.maker_of("org1") == "org0"


def test_a_model_that_is_described_anew_is_asked_for_at_once(tmp_path: Path) -> None:
    """Whoever mends a wrong entry does not wait a week for it; what was not touched is left alone."""
    house, wait = House.of(tmp_path, 2), UnreadableModel("it was gone", NOW + timedelta(days=7))
    models = [*house.models, Model("late/model", "release"), Model("gone/model", "release")]
    absences = UnreadableModels(tmp_path / "absences.json")
    for name in ("late/model", "gone/model"):
        absences.put(name, wait, NOW)
    known = house.known(models)
    assert len(known.refresh(None, lambda _: None)) == 2
    pinned = Model("late/model", "release", revision="b" * 40)
    known.use(Registry((*house.models, pinned, models[-1])))
    assert (absences.get("late/model", NOW), absences.get("gone/model", NOW)) == (None, wait)
    house.keep(sketch("late/model", house.weights[0], "b" * 40))
    (problem,) = known.refresh(None, lambda _: None)
    assert "gone/model" in problem
    assert "late/model" in names(known, sketch("new/model", house.weights[1]))
    assert known.sketches.get(RepoRef("late/model", "b" * 40), known.spec) is not None


@contextmanager
def store(folder: Path) -> Iterator[Store]:
    """An empty database."""
    with Store.open(f"sqlite:///{folder / 'blendwatch.sqlite'}") as opened:
        yield opened
