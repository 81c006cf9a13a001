"""What is told of a case's repository as it changes, in either direction, over a real socket and a real store."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

import pytest

from analyzers.records import Finding, Parent, RepoRef, Verdict
from bot.cases.casework import MOST_A_DAY, Casework
from bot.cases.followup import Followups
from bot.cases.snapshot import LATER_CARD
from bot.cases.summary import story
from bot.check.method import method
from bot.hub import Hub
from bot.sources.first_look import weights_digest
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.models import card
from state.evidence.blobs import Blobs
from state.records import CaseFile, KeptFile, NewCase, Note, Settlement
from state.store import Store
from tests.state.events import NOW, event

NAME, OTHER = "org/blend", "org/elsewhere"
BASE, RELEASE = "maker/base", "other/release"
NAMES = {"Release One": "release"}  # as known models are called in prose
HIDING = card("Blend", "Trained by us.", [BASE])
HONEST = card("Blend", "A merge.", [BASE, RELEASE], "merge")
REPORT: dict[str, Any] = {
    "case": "0123456789ab",
    "suspect": {"repo_id": NAME, "revision": "a" * 40},
    "finding": "blend",
    "alert": True,
    "parents": [{"repo_id": BASE, "declared": True}, {"repo_id": RELEASE, "declared": False}],
    "declared": {"parents": [BASE]},
}


def repo(revision: str, text: str = HIDING, weights: bytes = b"accused", **more: Any) -> LoopbackRepo:
    """The repository after one more commit; `revision`: one hex digit, of which its commit is made."""
    files = {"model.safetensors": weights, "README.md": text.encode(), **more.pop("files", {})}
    about: dict[str, Any] = {"repo_id": NAME, "hub_id": "1" * 24, "revision": revision * 40} | more
    return LoopbackRepo(files={p: BytesBlob(data) for p, data in files.items() if data}, **about)


@dataclass
class Watched:
    """One case on a Hub. `hours`: how late it is."""

    site: LoopbackHub
    hub: Hub
    store: Store
    blobs: Blobs
    hours: float = 0

    def __post_init__(self) -> None:
        self.casework = Casework(self.store, self.blobs, lambda: NOW + timedelta(hours=self.hours))
        self.followups = Followups(self.hub, self.store, self.casework, lambda: NAMES, self.casework.clock)

    @property
    def case(self) -> CaseFile:
        """The case, as it is."""
        (case,) = self.store.cases.all()
        return case

    @property
    def notes(self) -> list[Note]:
        """What was told since."""
        return self.store.cases.notes(self.case.case_id)

    @property
    def kinds(self) -> list[str]:
        """What kinds of things that was."""
        return [n.kind for n in self.notes]

    def look(self, *states: LoopbackRepo, after: float = 7) -> list[str]:
        """Look at each state of the Hub `after` so many hours; return the texts of what is told."""
        before = len(self.notes)
        for state in states or (None,):
            if state is not None:
                self.site.add(state)
            self.hours += after
            with self.hub.metered() as meter:
                assert self.followups.look(lambda _: None) == len(self.notes) - before or len(states) > 1
            self.requests = meter.requests
        return [n.text for n in self.notes[before:]]

    def judge(self, one: LoopbackRepo, finding: str, case: str) -> None:
        """Let the watch have judged a new revision of the repository."""
        self.store.record("feed", [event(one.repo_id, hub_id=one.hub_id, revision=one.revision)], None, NOW)
        digest = weights_digest(self.hub.repo(one.repo_id).facts())
        (upload,) = [u for u in self.store.history(one.repo_id) if u.revision == one.revision]
        report = {"case": case, "finding": finding, "alert": False}
        self.store.settle(upload.id, Settlement("found", "it shares nothing", report, weights_digest=digest), [], NOW)


@pytest.fixture
def at(tmp_path: Path) -> Iterator[Watched]:
    """A case that was told, of a repository that hides a parent."""
    blobs = Blobs(tmp_path / "evidence")
    with Store.open(f"sqlite:///{tmp_path}/db") as store, LoopbackHub([repo("a")]) as site, Hub(site.url) as hub:
        store.record("feed", [event(NAME, hub_id="1" * 24)], None, NOW)
        (upload,) = store.history(NAME)
        store.cases.keep(upload.id, [KeptFile("card", blobs.put(HIDING.encode()), len(HIDING), False, NOW)])
        digest = weights_digest(hub.repo(NAME).facts())
        settled = Settlement("found", "why", REPORT, revision="a" * 40, weights_digest=digest)
        store.settle(upload.id, settled, [], NOW, NewCase("0123456789ab", method()))
        yield Watched(site, hub, store, blobs)


def test_a_declaration_that_is_taken_back_and_made_again_is_told_each_time(at: Watched) -> None:
    """With what the card named before; the same state twice is told once."""
    (first,) = at.look(repo("b", HONEST), repo("b", HONEST))
    assert first.startswith(f"declared since revision bbbbbbbbbbbb, after the alert: {RELEASE}.")
    assert f"Before, the card named {BASE}" in first
    (back,) = at.look(repo("c", HIDING, earlier=repo("b", HONEST)))
    assert back.startswith(f"the card named {BASE} and {RELEASE}; since revision cccccccccccc it names {BASE}, and no")
    assert f"no longer {RELEASE}" in back
    at.look(repo("d", HIDING + "Really."), repo("e", HONEST))
    assert at.kinds == ["declared", "withdrawn", "card", "declared"]
    assert [p.brief for p in story(REPORT, None, at.notes)] == ["declared", "card"]  # what was taken back is no finding
    kept = [f for f in at.store.cases.files(at.case.upload_id) if f.kind == LATER_CARD]
    assert at.blobs.get(kept[0].digest) == HONEST.encode()


def test_a_revision_that_changes_neither_weights_nor_card_tells_nothing(at: Watched) -> None:
    """Whatever else it changes; and once it was read it costs one request."""
    at.look(repo("b", HIDING + "More."))
    for revision in "cde":
        assert at.look(repo(revision, HIDING + "More.", files={"x.txt": revision.encode()})) == []
    assert at.kinds == ["card"]
    assert at.look() == []
    assert at.requests == 1


def test_another_card_is_told_with_what_it_names_and_what_it_named(at: Watched) -> None:
    """One parent more, and a change of words alone; bytes that are no text are the same bytes."""
    (text,) = at.look(repo("b", card("Blend", "Ours.", [BASE, "some/else"])))
    now = f"since revision bbbbbbbbbbbb it names {BASE} and some/else"
    assert text == f"the card named {BASE}; {now}; still not declared: {RELEASE}"
    odd = HIDING.encode() + b"\xff"
    (words,) = at.look(*(repo(r, files={"README.md": odd}) for r in "cd"))
    assert f"it names {BASE}" in words
    (same,) = at.look(repo("e", HIDING))
    assert same == (
        f"the card is another since revision eeeeeeeeeeee and names {BASE}, as before; still not declared: {RELEASE}"
    )


def test_a_parent_that_is_named_without_its_maker_is_declared(at: Watched) -> None:
    """As it is where the verdict is drawn."""
    (text,) = at.look(repo("b", card("Blend", f"A merge of {BASE} and Release One.", [BASE])))
    assert text.startswith("declared since revision bbbbbbbbbbbb")


def test_a_card_that_cannot_be_read_says_nothing(at: Watched) -> None:
    """But for what the Hub's tags declare by then."""
    assert at.look(repo("b", HIDING + "A merge of x.", gated="manual")) == []
    (text,) = at.look(repo("c", HONEST, gated="manual"))
    assert "declared since revision cccccccccccc" in text
    assert at.look(repo("d", HONEST, gated="manual"), repo("e", HIDING, gated="manual")) == []
    (text,) = at.look(repo("e", HIDING))
    assert text.startswith(
        f"the card named what could not be read; since revision eeeeeeeeeeee it names {BASE}, and no"
    )


def test_weights_that_go_and_come_are_told_each_time(at: Watched) -> None:
    """Replaced, gone, others, gone, and back to those of the alert."""
    empty: dict[str, Any] = {"weights": b""}
    told = at.look(
        repo("b", weights=b"clean"),
        repo("c", **empty),
        repo("d", weights=b"clean"),
        repo("e", weights=b"clean", files={"x": b"1"}),
        after=11,
    )
    assert at.kinds == ["weights", "emptied", "weights"]
    assert "before, they were those told of" in told[0]
    assert "no weights are there any more since revision cccccccccccc; before, they were others" in told[1]
    assert "before, there were none" in told[2]
    (back,) = at.look(repo("f"), after=30)
    assert (
        back
        == "since revision ffffffffffff the weights are again those that the alert is about; before, they were others"
    )
    assert at.look(repo("9", **empty), after=30)[0].endswith("before, they were those told of")


def test_what_new_weights_are_is_told_once_they_are_judged(at: Watched) -> None:
    """That they are clean, above all; and again where they come again."""
    clean = repo("b", weights=b"clean")
    assert len(at.look(clean)) == 1
    at.judge(clean, "unrelated", "c" * 12)
    (text,) = at.look()
    assert "the weights of revision bbbbbbbbbbbb, which took the place of those told of, were judged" in text
    assert "unrelated, which is no alert. it shares nothing" in text
    assert at.look() == []
    at.look(repo("c"), repo("d", weights=b"clean"))
    assert at.kinds == ["weights", "judged", "restored", "weights", "judged"]


def test_a_repository_is_followed_through_every_name(at: Watched) -> None:
    """There and back and there again; what happens there is told in the same look."""

    def lives_at(name: str, old: str, **about: Any) -> None:
        at.site.add(repo("a", repo_id=old, renamed_to=name))
        at.site.add(repo(about.pop("revision", "a"), repo_id=name, **about))

    lives_at(OTHER, NAME)
    assert at.look() == [f"{NAME} is {OTHER} now"]
    lives_at(NAME, OTHER)
    at.look()
    lives_at(OTHER, NAME, revision="b", text=HONEST)
    at.look()
    assert at.kinds == ["moved", "moved", "moved", "declared"]
    del at.site.repos[OTHER], at.site.repos[NAME]
    assert OTHER in at.look()[0]
    assert at.kinds[-1] == "gone"


def test_another_repository_under_the_old_name_is_not_that_of_the_case(at: Watched) -> None:
    """Its card clears nothing. Once a listing has shown the case's own elsewhere, that one is looked after."""
    impostor = repo("e", HONEST, hub_id="f" * 24)
    (text,) = at.look(impostor, impostor)
    assert text.startswith(f"another repository has the name {NAME} now")
    assert at.kinds == ["taken"]
    at.site.add(repo("a", repo_id=OTHER))
    at.store.record("feed", [event(OTHER, hub_id="1" * 24)], None, NOW)
    at.look()
    assert at.kinds == ["taken", "returned", "moved"]
    assert at.notes[-1].text == f"{NAME} is {OTHER} now; another repository has the name {NAME}"
    at.look(repo("b", HONEST, repo_id=OTHER))
    assert at.kinds[-1] == "declared"


def test_going_and_coming_is_told_each_time(at: Watched) -> None:
    """Once each, however often it is looked at."""
    for _ in range(2):
        gone = at.site.repos.pop(NAME)
        at.look()
        at.look()
        at.look(gone)
    assert at.kinds == ["gone", "returned"] * 2


def test_what_is_flipped_every_hour_is_told_so_often_a_day_and_ends_in_what_is(at: Watched) -> None:
    """The last state is told once there is room for it."""
    for number in range(20):
        at.look(repo("bc"[number % 2], HONEST if number % 2 else HIDING), after=1.1)
    assert len(at.kinds) == MOST_A_DAY
    assert len(at.site.seen("/commits/")) == MOST_A_DAY  # nothing is read for what is not told
    at.look(repo("d", HONEST), after=24)
    at.look(after=24)
    assert at.kinds[-1] == "declared"
    assert len(at.kinds) <= MOST_A_DAY + 1


def test_corrections_are_held_against_what_was_told_last(at: Watched) -> None:
    """The same correction by a third method is none; what was told at first is one, once it had been corrected."""

    def correct(*parents: str, kind: Literal["blend", "copy"] = "blend") -> bool:
        found = tuple(Parent(RepoRef(name, "1" * 40), None, None) for name in parents)
        why = f"{kind} of {' and '.join(parents)}"
        return at.casework.correct(
            at.case, Verdict(Finding("mix", kind, why, found), "partial", "public", "strong", why)
        )

    assert not correct(RELEASE, BASE)
    assert correct(BASE)
    assert not correct(BASE)
    assert correct(BASE, RELEASE)
    assert [n.text for n in at.notes] == [
        f"by the method of today: blend of {BASE}",
        f"what was told at first holds again by the method of today: blend of {BASE} and {RELEASE}",
    ]


def test_a_fault_of_ours_in_one_case_ends_no_look(at: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is looked after again at its time, like any other."""
    looks = Followups._look_after

    def trips(*_: object) -> int:
        raise ZeroDivisionError

    monkeypatch.setattr(Followups, "_look_after", trips)
    monkeypatch.setattr(Casework, "verdict", trips)
    at.store.cases.mark_replayed(at.case.case_id, "another method")
    assert at.look(repo("b", HONEST)) == []
    monkeypatch.setattr(Followups, "_look_after", looks)
    assert at.look(after=0) == []  # not due yet
    at.look()
    assert at.kinds == ["declared"]
