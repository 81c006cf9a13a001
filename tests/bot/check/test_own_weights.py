"""What an upload's maker had before: nobody is accused of a copy of a stranger's copy of its own weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bench.faults.runs import NOW, REPOS
from bench.simulated import World
from demo.hub.repository import LoopbackRepo
from demo.models import card, files
from demo.scene import BASE
from tests.bot.known.test_dating import BASE_ALONE, DAY, REVIEWED, coder, other, passes, told, uploaded, watched

FORMER, AGAIN, MIRROR = "maker/Former", "maker/Again", "stranger/Mirror"
LARGE = 10**9  # parameters, as the Hub counts them


def counted(repo: LoopbackRepo, **values: object) -> LoopbackRepo:
    """Return a repository of a size that the watch cares for."""
    return replace(repo, counted=LARGE, **values)  # type: ignore[arg-type]


def mirrored(at: World, *, committers: tuple[str, ...] = ()) -> None:
    """Let a stranger upload weights and the watch see them, a day before anything else comes."""
    at.hub.add(counted(uploaded(MIRROR, other(), [BASE], NOW + DAY), committers=committers))
    passes(at, 2, after=2 * DAY)


def released(at: World, name: str = AGAIN, *, committers: tuple[str, ...] = (), shards: int = 3) -> str:
    """Let the same weights come under another name, in other files; return why they are what they are."""
    content = dict(files(other(), card("Again", "Ours.", [BASE]), shards=shards))
    made = at.moved.now()
    repo = LoopbackRepo(repo_id=name, files=content, created_at=made, weights_at=made)
    at.hub.add(counted(repo, committers=committers))
    passes(at, 2)
    return at.store.history(name)[0].reason


def before(weights: str) -> LoopbackRepo:
    """Return a repository of the maker's that is older than the watch, and whose card names no base."""
    made = {"the same": other, "others": coder}[weights]()
    return counted(uploaded(FORMER, made, [], NOW - 500 * DAY))


@pytest.mark.parametrize(
    ("former", "says"),
    [
        (before("the same"), f"{FORMER} of the same maker is older than {MIRROR}, and explains as much"),
        (
            replace(before("the same"), gated="manual"),
            f"{FORMER} of the same maker is older, and cannot be read",
        ),
        (before("others"), ""),
        (replace(before("the same"), counted=10 * LARGE), ""),
        (None, ""),
    ],
    ids=["its own", "gated", "other weights", "of another size", "none"],
)
def test_what_its_maker_had_before_is_read_before_an_alert(
    tmp_path: Path, former: LoopbackRepo | None, says: str
) -> None:
    """A maker releases again what a stranger mirrored: a person decides. Else it is a copy that nobody declares."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE], *([former] if former else [])) as at:
        mirrored(at)
        why = released(at)
        assert told(at) == ([] if says else [AGAIN]), why
        assert says in why
        assert (f"{AGAIN}: {REVIEWED}" in at.told.news) == bool(says)
        report = at.store.history(AGAIN)[0].report
        assert report is not None
        assert report["cost"]["own"]["requests"] <= 3 * 60 + 3


def test_another_organisation_of_the_maker_counts(tmp_path: Path) -> None:
    """The registry lists two organisations as one maker's: what either had before may be the upload's origin."""
    registry = BASE_ALONE + "organisations:\n- {name: Makers, members: [maker, maker-labs]}\n"
    former = replace(before("the same"), repo_id="maker-labs/Former")
    with watched(tmp_path, registry, REPOS[BASE], former) as at:
        mirrored(at)
        why = released(at)
        assert told(at) == [], why
        assert f"maker-labs/Former of the same maker is older than {MIRROR}, and explains as much" in why


@pytest.mark.parametrize(("account", "shared"), [("ada", True), ("sfconvertbot", False)])
def test_an_account_behind_both_may_own_both(tmp_path: Path, account: str, *, shared: bool) -> None:
    """A person's model comes again from an organisation; a bot that converts for everybody says nothing."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE]) as at:
        mirrored(at, committers=("stranger", account))
        why = released(at, committers=("maker", account.title()))
        assert told(at) == ([] if shared else [AGAIN])
        assert (f"the account {account} committed to it and to {MIRROR}" in why) == shared


@pytest.mark.parametrize("shards", [2, 3])
def test_files_of_a_model_that_is_older_than_the_watch_are_known(tmp_path: Path, shards: int) -> None:
    """A third one uploads an old model again, file by file; in other files it looks like the stranger's."""
    with watched(tmp_path, BASE_ALONE, REPOS[BASE]) as at:
        old = before("the same")
        at.hub.add(replace(old, last_modified=at.moved.now(), revision="c" * 40, earlier=old))  # its card alone
        passes(at, 2)
        assert at.store.history(FORMER)[0].state == "skipped"
        mirrored(at)
        why = released(at, "third/One", shards=shards)
        assert (f"its files are those of {FORMER}, which is older than the watch" in why) == (shards == 2)
        assert told(at) == ([] if shards == 2 else ["third/One"])
