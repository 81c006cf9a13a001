"""What was judged before is explained again where something may come of it: in time, from where it was left, once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from analyzers.records import HubEvent, RepoRef, Sketch
from bot.known.models import KnownModels
from bot.watch.rejudge import Rejudge
from state.registry.models import Model, Registry
from state.sketches.store import SketchStore, StoredSketch
from state.sketches.unreadable_models import UnreadableModels
from state.store import Settlement, Store, Upload
from tests.bot.known.test_models import NOW, SPEC, Array, family, nowhere, sketch

BASE, PARENT, LATE = "org/base", "org/parent", "org/late"
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
WEIGHTS = family(40)
BLEND = 0.6 * WEIGHTS[1] + 0.4 * WEIGHTS[2]  # of PARENT and LATE
BEFORE = [Model(BASE, "base"), Model(PARENT, "release")]


class KilledError(BaseException):
    """What no code of ours catches."""


@dataclass
class Den:
    """A store and sketches whose uploads were judged a day ago, while LATE was not known."""

    folder: Path
    store: Store
    models: list[Model]
    now: datetime = NOW
    automatic: bool = False
    shown: list[str] = field(default_factory=list)

    def keep(self, one: Sketch, public: datetime, read: datetime) -> None:
        """Keep a sketch."""
        SketchStore(self.folder / "sketches").put(StoredSketch(one, public, (), "", read))

    def judged(self, name: str, weights: Array, number: int, *declared: str, **reported: object) -> None:
        """Keep an upload that was judged and not told; `reported`: what else its report says."""
        one = replace(sketch(name, weights), ref=RepoRef(name, f"{number:040x}"))
        public = NOW - 2 * DAY
        self.keep(one, public, NOW - DAY)
        event = HubEvent(name, None, one.ref.revision, public, 10**9, False, public)
        self.store.record("feed", [event], None, NOW - DAY)
        (upload,) = self.store.history(name)
        suspect = {"repo_id": name, "revision": one.ref.revision, "weights_at": public.isoformat()}
        report = {"suspect": suspect, "declared": {"where": dict.fromkeys(declared, "card")}, **reported}
        self.store.settle(upload.id, Settlement("found", "nothing", report, revision=one.ref.revision), [], NOW - DAY)

    def look(self, seconds: float = 60.0, progress: Callable[[str], None] | None = None) -> int:
        """Look once, as a new process does."""
        self.now += HOUR
        absences = UnreadableModels(self.folder / "absences.json")
        sketches = SketchStore(self.folder / "sketches")
        known = KnownModels(
            Registry(tuple(self.models)), sketches, absences, nowhere, lambda: self.now, SPEC, self.automatic
        )
        return Rejudge(known, self.store, lambda: self.now, seconds).look(progress or self.shown.append)

    def come(self, weights: Array = WEIGHTS[2], public: datetime = NOW - 9 * DAY) -> None:
        """Let LATE be read, and be known."""
        self.keep(sketch(LATE, weights, "c" * 40), public, self.now + HOUR / 2)
        self.models.append(Model(LATE, "release"))

    @property
    def explained(self) -> list[str]:
        """Which uploads were explained again."""
        return [text.split()[1] for text in self.shown if text.startswith("explaining")]

    def state(self, name: str) -> str:
        """What became of an upload."""
        return self.store.history(name)[0].state


@contextmanager
def den(folder: Path) -> Iterator[Den]:
    """Open one whose first look is done."""
    with Store.open(f"sqlite:///{folder / 'blendwatch.sqlite'}") as store:
        found = Den(folder, store, list(BEFORE))
        found.keep(sketch(BASE, WEIGHTS[0], "a" * 40), NOW - 30 * DAY, NOW - 3 * DAY)
        found.keep(sketch(PARENT, WEIGHTS[1], "b" * 40), NOW - 20 * DAY, NOW - 3 * DAY)
        assert found.look() == 0
        found.shown.clear()
        yield found


def test_a_pass_takes_what_it_has_time_for_and_the_next_goes_on(tmp_path: Path) -> None:
    """Each is explained once, the newest first, however often a process begins anew; none is left out."""
    with den(tmp_path) as at:
        names = ["new/blend", *(f"user{i}/tune" for i in range(3))]
        at.judged("new/blend", BLEND, 1)
        for number, name in enumerate(names[1:], start=2):
            at.judged(name, WEIGHTS[number + 1], number, BASE)
        at.come()
        found = []
        for count in range(1, len(names) + 1):
            found.append(at.look(seconds=0.0))
            assert at.explained == list(reversed(names))[:count]
        assert sum(found) == 1
        assert {name: at.state(name) for name in names} == {n: "failed" if n == "new/blend" else "found" for n in names}
        at.look()
        assert len(at.explained) == len(names)


@pytest.mark.parametrize(("shown", "due"), [((PARENT, LATE), 0), ((PARENT,), 1), ((), 1)])
def test_what_a_person_was_shown_before_is_not_checked_again(tmp_path: Path, shown: tuple[str, ...], due: int) -> None:
    """Of the same parents reviewers hear once, however many relatives come; of others again."""
    with den(tmp_path) as at:
        at.judged("new/blend", BLEND, 1, audience="reviewers", parents=[{"repo_id": name} for name in shown])
        at.automatic = True  # in no registry file, and read after the upload: nobody knows which was first
        at.keep(sketch(LATE, WEIGHTS[2], "c" * 40), NOW - 9 * DAY, at.now + HOUR / 2)
        assert at.look() == due


def test_one_that_we_trip_over_holds_no_other_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of ours in one of them is met once, and the one after it is explained."""
    with den(tmp_path) as at:
        at.judged("new/blend", BLEND, 1)
        at.judged("user/tune", WEIGHTS[4], 2, BASE)
        at.come()
        changes = Rejudge._changes

        def trips(self: Rejudge, upload: Upload) -> bool:
            if upload.repo_id == "user/tune":
                raise ZeroDivisionError
            return changes(self, upload)

        monkeypatch.setattr(Rejudge, "_changes", trips)
        assert at.look() == 1
        assert at.explained == ["user/tune", "new/blend"]
        assert at.look() == 0


def test_whoever_waits_longest_is_next_whatever_comes_meanwhile(tmp_path: Path) -> None:
    """A base of which a relative becomes known in every pass: its descendants take turns."""
    with den(tmp_path) as at:
        names = [f"user{i}/tune" for i in range(4)]
        for number, name in enumerate(names, start=1):
            at.judged(name, WEIGHTS[number + 2], number, BASE)
        for number in range(len(names)):
            name = f"org/late{number}"
            at.keep(sketch(name, WEIGHTS[20 + number], f"{number}" * 40), NOW - 9 * DAY, at.now + HOUR / 2)
            at.models.append(Model(name, "release"))
            at.look(seconds=0.0)
        assert at.explained == list(reversed(names))


@pytest.mark.parametrize(
    ("word", "kills"),
    [("looking", [False, False, True, False, True]), ("explaining", [True, True])],
    ids=["while kin are looked for", "while one is explained"],
)
def test_a_kill_loses_nothing(tmp_path: Path, word: str, kills: list[bool]) -> None:
    """Two models became known in the same moment, and a process dies between them, or at what they lead to."""
    with den(tmp_path) as at:
        at.automatic = True
        at.judged("new/blend", BLEND, 1)
        for name, weights, letter in (("org/other", WEIGHTS[20], "d"), (LATE, WEIGHTS[2], "c")):
            at.keep(sketch(name, weights, letter * 40), NOW - 9 * DAY, NOW)
        fates = iter(kills)

        def dies(text: str) -> None:
            if text.startswith(word) and next(fates, False):
                raise KilledError

        for _ in range(2):
            with pytest.raises(KilledError):
                at.look(progress=dies)
        at.look()
        assert at.state("new/blend") == "failed"


@pytest.mark.parametrize(
    ("late", "public"),
    [
        (np.random.default_rng(8).normal(0, 0.02, WEIGHTS[2].shape), NOW - 9 * DAY),
        (WEIGHTS[2][:, :128], NOW - 9 * DAY),
        (WEIGHTS[2], NOW - DAY),
    ],
    ids=["no kin", "no shared coordinates", "later"],
)
def test_where_nothing_can_come_of_it_nothing_is_explained(tmp_path: Path, late: Array, public: datetime) -> None:
    """A stranger, a model of another shape and a later one cost a look at stored bits."""
    with den(tmp_path) as at:
        at.judged("new/blend", BLEND, 1)
        at.come(late, public)
        assert at.look() == 0
        assert at.explained == []
        at.look()
        assert at.explained == []


def test_the_time_that_the_registry_gives_counts(tmp_path: Path) -> None:
    """A mirror on the Hub is younger than the blend of what it mirrors."""
    with den(tmp_path) as at:
        at.judged("new/blend", BLEND, 1)
        at.come(public=NOW - DAY)
        at.models[-1] = replace(at.models[-1], weights_at=NOW - 9 * DAY)
        assert (at.look(), at.state("new/blend")) == (1, "failed")


@pytest.mark.parametrize("automatic", [False, True])
def test_a_model_that_was_read_before_it_was_known_is_a_newcomer(tmp_path: Path, automatic: bool) -> None:
    """It comes into the registry by hand between two processes, or its time does."""
    with den(tmp_path) as at:
        at.automatic = automatic
        at.keep(sketch(LATE, WEIGHTS[2], "c" * 40), NOW - (DAY if automatic else 9 * DAY), NOW - 2 * DAY)
        at.judged("new/blend", BLEND, 1)
        at.look()
        assert at.explained == []
        at.models.append(Model(LATE, "release", weights_at=NOW - 9 * DAY if automatic else None))
        assert (at.look(), at.state("new/blend")) == (1, "failed")
        at.look()
        assert at.explained == ["new/blend"]
