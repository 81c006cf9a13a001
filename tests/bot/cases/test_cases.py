"""Cases over real sockets: evidence from first sight, what has happened since, and our own errors."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from bot import build
from bot.alerts.delivery import deliver
from bot.cases.casework import Casework
from bot.cases.followup import Followups
from bot.cases.rendering import as_they_stand
from bot.config.settings import Settings
from bot.hub import Hub
from demo.hub.repository import LoopbackRepo
from demo.models import card
from demo.scene import BASE, HIDDEN, RELEASE
from state.errors import StateError
from state.evidence.blobs import Blobs, from_bytes, to_bytes
from state.records import CaseFile
from state.store import Store
from tests.bot.stage import REPOS, Stage, changed, stage

FEW = {name: REPOS[name] for name in (BASE, RELEASE, HIDDEN)}


@contextmanager
def told(tmp_path: Path) -> Iterator[tuple[Stage, Store]]:
    """Open a stage on which the hidden blend was told."""
    with stage(tmp_path, FEW) as at:
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        with at.store() as store:
            yield at, store


EVERY = timedelta(hours=1)  # between follow-ups of a young case


def keeper(at: Stage, store: Store, later: timedelta = EVERY) -> Casework:
    """The casework of this stage, so much later."""
    opened = store.cases.all()[0].opened_at
    return Casework(store, Blobs(at.folder / "data" / "evidence"), lambda: opened + later)


def look(at: Stage, store: Store, later: timedelta = EVERY * 2) -> int:
    """Look after the cases once, and send what came of it."""
    casework = keeper(at, store, later)
    with Hub(at.hub.url) as hub:
        made = Followups(hub, store, casework, dict, casework.clock).look(lambda _: None)
    send(at, store)
    return made


def send(at: Stage, store: Store) -> None:
    """Send what waits."""
    settings = Settings(discord_webhook=at.discord.webhook_url, discord_api_base=at.discord.api_base)  # type: ignore[arg-type]
    where = as_they_stand(build.sinks(settings), store)
    asyncio.run(deliver(store, where, lambda: build.utc_now() + timedelta(days=1)))


def the_case(store: Store) -> CaseFile:
    """The only one there is."""
    (case,) = store.cases.all()
    return case


def kinds(store: Store) -> list[str]:
    """What happened to it since."""
    return [n.kind for n in store.cases.notes(the_case(store).case_id)]


def with_card(repo: LoopbackRepo, text: str) -> LoopbackRepo:
    """The same weights under another card."""
    return changed(repo, {"README.md": text.encode()}, last_modified=None)


def test_a_case_can_be_shown_and_replayed_when_the_upload_is_gone(tmp_path: Path) -> None:
    """The evidence is kept from first sight; it shows the card as it was, and the verdict comes out again."""
    with told(tmp_path) as (at, store):
        case_id = the_case(store).case_id
        at.hub.repos.clear()
        shown = at.run("case", "show", case_id)
        assert shown.returncode == 0, shown.stderr
        assert "Post-trained by our own team." in shown.stdout
        for kind in ("card", "config", "files", "verdict"):
            assert f"evidence {kind}: " in shown.stdout
        replayed = at.run("case", "replay", case_id[:6])
        assert replayed.returncode == 0, replayed.stderr
        assert "the verdict holds" in replayed.stdout
        assert f"0.565 {RELEASE} + 0.435 {BASE}" in replayed.stdout
        assert case_id in at.run("case", "list").stdout
        listed = json.loads(at.run("case", "list", "--state", "open", "--finding", "blend", "--json").stdout)
        assert [(row["case"], row["repo_id"]) for row in listed["cases"]] == [(case_id, HIDDEN)]
        none = at.run("case", "list", "--repo", "nothing")
        assert (none.returncode, none.stdout, "no such case; of all there are 1" in none.stderr) == (1, "", True)
        as_json = json.loads(at.run("case", "show", case_id, "--json").stdout)
        index = "model.safetensors.index.json"  # read for the marks of tools
        assert {e["kind"] for e in as_json["evidence"]} == {
            "card",
            "config",
            "files",
            "samples",
            "verdict",
            index,
            "identity",
        }


def test_evidence_is_whole_or_refused(tmp_path: Path) -> None:
    """Equal bytes are kept once; what was changed afterwards is no evidence; both looks come back bit for bit."""
    with told(tmp_path) as (at, store):
        blobs = Blobs(at.folder / "data" / "evidence")
        kept = {f.kind: f for f in store.cases.files(the_case(store).upload_id)}
        content = blobs.get(kept["verdict"].digest)
        evidence = from_bytes(content)
        assert to_bytes(evidence) == content
        assert evidence.second is not None
        assert {r.repo_id for r in evidence.second.references} == {BASE, RELEASE}
        assert blobs.put(content) == kept["verdict"].digest
        path = next((at.folder / "data" / "evidence").rglob(kept["verdict"].digest))
        path.write_bytes(content[:-1] + b"\0")
        with pytest.raises(StateError, match="was changed after it was kept"):
            blobs.get(kept["verdict"].digest)
        for odd in (b"", b"\0" * 64, content[:100]):
            with pytest.raises(StateError, match="the evidence cannot be read"):
                from_bytes(odd)
        with pytest.raises(StateError, match="is not a digest of evidence"):
            blobs.get("../../etc/passwd")


def test_a_card_that_names_the_parents_now_is_told_once(tmp_path: Path) -> None:
    """The head message is edited and a follow-up is posted: declared since, after the alert."""
    with told(tmp_path) as (at, store):
        assert look(at, store, timedelta(minutes=30)) == 0
        honest = card("Guanabara 1", "A merge.", [BASE, RELEASE], "merge")
        mended = the_case(store).opened_at + timedelta(minutes=90, seconds=1)
        now = replace(with_card(FEW[HIDDEN], honest), earlier=FEW[HIDDEN], last_modified=mended, title="Merged, sorry")
        at.hub.add(now)
        for hours in (2, 4):
            look(at, store, timedelta(hours=hours))
        assert kinds(store) == ["declared"]
        # for titles and for accounts before the alert, of the parent too, once for the change, and no more
        assert len(at.hub.seen("/commits/")) == 4
        (note,) = store.cases.notes(the_case(store).case_id)
        assert f"The card declares {RELEASE} since revision {now.revision[:12]}" in note.text
        assert f"{mended:%Y-%m-%d %H:%M} UTC, 90 min after the alert." in note.text
        assert "A commit is titled “Merged, sorry”" in note.text
        head, follow_up = at.discord.messages
        assert head["embeds"][0]["title"] == f"Now declared: {HIDDEN}"
        assert head["embeds"][0]["fields"][0]["name"] == "Since then, newest first"
        assert "The card declares the models now" in head["embeds"][0]["fields"][0]["value"]
        assert f"after the alert: {RELEASE}" in follow_up["embeds"][0]["description"].replace("\\", "")


def test_an_unchanged_case_costs_one_request(tmp_path: Path) -> None:
    """Hundreds of open cases are looked after for the price of as many small answers."""
    with told(tmp_path) as (at, store):
        at.hub.log.clear()
        assert look(at, store) == 0
        assert [s.path for s in at.hub.log] == [f"/api/models/{HIDDEN}"]


def test_other_changes_are_told_for_what_they_are(tmp_path: Path) -> None:
    """A card that still hides, other weights, a repository that goes and comes back."""
    with told(tmp_path) as (at, store):
        at.hub.add(with_card(FEW[HIDDEN], card("Guanabara 1", "Post-trained by us alone.", [BASE])))
        look(at, store, timedelta(hours=2))
        hidden = at.hub.repos.pop(HIDDEN)
        look(at, store, timedelta(hours=4))
        look(at, store, timedelta(hours=6))
        at.hub.add(hidden)
        look(at, store, timedelta(hours=8))
        other = {
            p: REPOS["oakridge/Taiga-1"].files[p].read(0, 1 << 30)
            for p in FEW[HIDDEN].files
            if p.endswith(".safetensors")
        }
        at.hub.add(changed(hidden, other))
        look(at, store, timedelta(hours=10))
        assert kinds(store) == ["card", "gone", "returned", "weights"]
        assert "still not declared" in store.cases.notes(the_case(store).case_id)[0].text


def test_a_retraction_edits_the_message_and_stays_on_record(tmp_path: Path) -> None:
    """It needs a reason; said twice it is told once."""
    with told(tmp_path) as (at, store):
        case_id = the_case(store).case_id
        assert at.run("case", "retract", case_id, "--reason", " ").returncode == 2
        for _ in range(2):
            assert at.run("case", "retract", case_id, "--reason", "the parent was licensed to them").returncode == 0
        send(at, store)
        head, follow_up = at.discord.messages
        assert head["embeds"][0]["title"] == f"Retracted: {HIDDEN}"
        assert "the parent was licensed to them" in follow_up["embeds"][0]["description"]
        assert the_case(store).state == "retracted"
        assert "retracted" in at.run("case", "show", case_id).stdout


def test_other_thresholds_draw_open_cases_again(tmp_path: Path) -> None:
    """What still holds is left alone, what does not is taken back, and what has no evidence stays as it is."""
    with told(tmp_path) as (at, store):
        case = the_case(store)
        store.cases.mark_replayed(case.case_id, "of another method")
        assert keeper(at, store).replay_old() == 0
        assert kinds(store) == []
        store.cases.mark_replayed(case.case_id, "of another method")
        blobs = Blobs(at.folder / "data" / "evidence")
        kept = next(f for f in store.cases.files(case.upload_id) if f.kind == "verdict")
        evidence = from_bytes(blobs.get(kept.digest))
        named = replace(evidence, first=replace(evidence.first, references=()), second=None)
        digest = blobs.put(to_bytes(named))
        store.cases.keep(case.upload_id, [replace(kept, digest=digest)])
        assert keeper(at, store).replay_old() == 1
        assert kinds(store) == ["retracted"]
        assert keeper(at, store).replay_old() == 0


@pytest.mark.parametrize("odd", ["x", "12", "zzzzzzzz", "abcdef"])
def test_a_case_that_is_none_is_one_clear_error(tmp_path: Path, odd: str) -> None:
    """Too short, not hexadecimal, or not there."""
    (tmp_path / "data").mkdir()
    with stage(tmp_path, {}) as at, at.store():
        done = at.run("case", "show", odd)
    assert done.returncode in (1, 2)
    assert len(done.stderr.splitlines()) == 1
    assert "case" in done.stderr
