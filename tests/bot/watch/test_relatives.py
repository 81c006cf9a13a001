"""The Hub's models of a base, which an upload may be made of: wanted until there is none left to be read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from analyzers.records import CheckResult, Cost, Disclosure, Finding, Parent, RepoRef, Sampled, Verdict
from bot.hub import Hub
from bot.known.models import KnownModels
from bot.known.reading import ASK_AGAIN
from bot.watch.relatives import AGAIN, LASTS, MOST_READ, MOST_TRIED, Relatives
from demo.hub.faults import Fault
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import BASE, RELEASE
from state.registry.models import Model, Registry
from state.sketches.store import SketchStore
from state.sketches.unreadable_models import UnreadableModels
from state.store import Store
from tests.bot.stage import REPOS

SIZE, HOUR = 1_000_000, timedelta(hours=1)
NOW = datetime.fromisoformat("2026-06-01T00:00:00+00:00")
SUSPECT = RepoRef("new/model", "a" * 40)


def relative(number: int, **changes: object) -> LoopbackRepo:
    """Return a model of the base, the younger the higher its number."""
    made = NOW - timedelta(days=9) + number * HOUR
    about: dict[str, object] = {"repo_id": f"user{number}/model", "created_at": made, "weights_at": made}
    about |= {"last_modified": None, "hub_id": "", "revision": "", "counted": SIZE}
    return replace(REPOS[RELEASE], **{**about, **changes})  # type: ignore[arg-type]


def broken(number: int) -> LoopbackRepo:
    """Return one whose weights are no weights."""
    bad = {p: BytesBlob(b"no header") for p in REPOS[RELEASE].files if p.endswith(".safetensors")}
    return relative(number, files={**REPOS[RELEASE].files, **bad})


def derivative(parameters: int = SIZE, weights_at: datetime = NOW) -> CheckResult:
    """Return what was found of an upload that shows the base and nothing else."""
    finding = Finding("lineage", "derivative", "trained on from it", (Parent(RepoRef(BASE, "b" * 40), None, None),))
    verdict = Verdict(finding, "disclosed", "none", None, "trained on from the base")
    said = Disclosure(SUSPECT.revision)
    return CheckResult(SUSPECT, parameters, verdict, said, Sampled(1, 1, 1, 0), Cost(1, 1, 1.0), weights_at)


@dataclass
class Den:
    """A Hub and what reads relatives from it, each time as a new process does."""

    folder: Path
    served: LoopbackHub
    store: Store
    now: datetime = NOW

    def look(self, *results: CheckResult, days: float = 0.0) -> int:
        """Note and read, some days later."""
        self.now += timedelta(days=days)
        registry = Registry((Model(BASE, "base"),))
        with Hub(self.served.url, sleep=lambda _: None) as hub:
            absences = UnreadableModels(self.folder / "absences.json")
            sketches = SketchStore(self.folder / "sketches")
            known = KnownModels(registry, sketches, absences, hub.repo, lambda: self.now, automatic=True)
            relatives = Relatives(hub, known, self.store, lambda: self.now)
            for result in results:
                relatives.note(result)
            return relatives.look(lambda _: None)

    def asked(self, repos: Sequence[LoopbackRepo]) -> int:
        """How many of these were asked for."""
        return sum(any(f"/{r.repo_id}/" in f"{s.path}/" for s in self.served.log) for r in repos)


@contextmanager
def den(folder: Path, repos: Sequence[LoopbackRepo]) -> Iterator[Den]:
    """Serve these beside the base."""
    base = replace(REPOS[BASE], counted=SIZE)
    with LoopbackHub([base, *repos]) as served, Store.open(f"sqlite:///{folder / 'one.sqlite'}") as store:
        yield Den(folder, served, store)


def test_what_a_day_has_no_room_for_is_read_the_next_day(tmp_path: Path) -> None:
    """No other upload of the base is needed for it; when nothing is left, nothing is listed any more."""
    with den(tmp_path, [relative(i) for i in range(MOST_READ + 2)]) as at:
        assert at.look(derivative()) == MOST_READ
        assert at.look(derivative()) == 0
        assert at.look(days=AGAIN.days) == 2
        listed = len(at.served.log)
        assert at.look(days=AGAIN.days) == 0
        assert len(at.served.log) == listed + 1
        assert at.look(days=AGAIN.days) == 0
        assert len(at.served.log) == listed + 1


def test_a_listing_that_is_refused_is_asked_for_again_at_the_next_pass(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The wish is in the store, and the day does not count."""
    with den(tmp_path, [relative(1)]) as at:
        at.served.fault = lambda seen: Fault(status=500) if "base_model%3Afinetune" in seen.query else None
        assert at.look(derivative()) == 0
        assert f"the models of {BASE} could not be listed" in caplog.text
        at.served.fault = None
        assert at.look() == 1


def test_gated_ones_are_not_asked(tmp_path: Path) -> None:
    """However many there are, they take the place of none."""
    gates = [relative(20 + i, gated="manual") for i in range(150)]
    with den(tmp_path, [relative(1), *gates]) as at:
        assert at.look(derivative()) == 1
        assert at.asked(gates) == 0


def test_a_page_that_is_refused_takes_those_before_it_from_nobody(tmp_path: Path) -> None:
    """They are read; the rest is still wanted the next day."""
    gates = [relative(1 + i, gated="manual") for i in range(150)]
    with den(tmp_path, [relative(0), *gates, relative(200)]) as at:
        at.served.fault = lambda seen: Fault(status=500) if "cursor=" in seen.query else None
        assert at.look(derivative()) == 1
        at.served.fault = None
        assert at.look(days=AGAIN.days) == 1


def test_those_that_cannot_be_read_take_the_place_of_none_and_are_left_alone_for_a_while(tmp_path: Path) -> None:
    """They do not count as read, a day tries so many, and the next day others."""
    decoys = [broken(10 + i) for i in range(MOST_TRIED + 1)]
    with den(tmp_path, [relative(1), *decoys]) as at:
        assert at.look(derivative()) == 0
        assert at.asked(decoys) == MOST_TRIED
        assert at.look(days=AGAIN.days) == 1
        assert at.asked(decoys) == MOST_TRIED + 1
        at.served.log.clear()
        assert at.look(derivative(), days=AGAIN.days) == 0
        assert at.asked(decoys) == 0
        assert at.look(derivative(), days=ASK_AGAIN.days) == 0
        assert at.asked(decoys) == MOST_TRIED


def test_a_base_is_wanted_for_all_its_uploads_and_not_for_ever(tmp_path: Path) -> None:
    """Sizes and times of several uploads count together; a Hub that refuses for two weeks is asked no more."""
    with den(tmp_path, [relative(1), relative(2, counted=2 * SIZE), relative(3, counted=9 * SIZE)]) as at:
        early = derivative(weights_at=NOW - timedelta(days=30))
        assert at.look(early, derivative(2 * SIZE)) == 2
        at.served.fault = lambda seen: Fault(status=500)
        at.look(days=LASTS.days)
        at.served.fault, count = None, len(at.served.log)
        at.look(days=1)
        at.look(days=1)
        assert len(at.served.log) == count
