"""What is known of a repository before its weights are read."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from bot.hub import Hub
from bot.hub.repo import HubRepo
from bot.sources.interface import Disabled, Missing, Renamed, Unavailable
from demo.hub.faults import Fault, always
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import model, shard_paths

BORN = datetime(2026, 3, 1, 9, tzinfo=UTC)
DAY = timedelta(days=1)


def test_facts_cost_two_requests(hub: Hub, site: LoopbackHub) -> None:
    """Commit, files with sizes and hashes, times, tags and count come with two requests, and only once."""
    planted = replace(
        model(), created_at=BORN, weights_at=BORN + DAY, counted=384, tags=("a", "b"), hub_id="69a3f2900123456789abcdef"
    )
    site.add(planted)
    repo = hub.repo("org/model")
    with hub.metered() as meter:
        facts = repo.facts()
        assert repo.facts() is facts
    assert meter.requests == 2
    assert (facts.ref.repo_id, facts.ref.revision) == ("org/model", planted.revision)
    assert {f.path: f.size for f in facts.files} == {p: b.size for p, b in planted.files.items()}
    assert [f.sha256 for f in facts.shards] == [planted.sha256(p) for p in shard_paths(planted)]
    assert (facts.created_at, facts.weights_at) == (BORN, BORN + DAY)
    assert (facts.parameters, facts.tags, facts.hub_id) == (384, ("a", "b", "safetensors"), planted.hub_id)
    assert not facts.gated


def test_weights_are_as_old_as_their_newest_shard(hub: Hub, site: LoopbackHub) -> None:
    """One shard replaced later makes the weights later; a changed card does not."""
    shards = shard_paths(model())
    committed = {shards[1]: BORN + 5 * DAY, "config.json": BORN + 9 * DAY}
    site.add(replace(model(), created_at=BORN, weights_at=BORN + DAY, committed=committed))
    assert hub.repo("org/model").facts().weights_at == BORN + 5 * DAY


def test_weights_are_never_older_than_their_repository(hub: Hub, site: LoopbackHub) -> None:
    """A commit's time is what its author's clock says; the Hub knows when the repository was made."""
    site.add(replace(model(), created_at=BORN, weights_at=BORN - 400 * DAY))
    assert hub.repo("org/model").facts().weights_at == BORN


def test_many_shards_cost_three_requests_for_their_commits(hub: Hub, site: LoopbackHub) -> None:
    """Commits are asked for a hundred files at a time, of at most three hundred evenly spread ones."""
    files = {f"model-{i:04d}.safetensors": BytesBlob(b"x") for i in range(700)}
    site.add(LoopbackRepo(repo_id="org/model", files=files, weights_at=BORN + DAY, created_at=BORN))
    with hub.metered() as meter:
        assert hub.repo("org/model").facts().weights_at == BORN + DAY
    assert meter.requests == 4


def test_unknown_commits_mean_an_unknown_time(hub: Hub, site: LoopbackHub) -> None:
    """If the Hub leaves out the commit of a shard, the time of the weights is unknown, not early."""
    site.fault = always(Fault(body=b"[]"), "/paths-info/")
    assert hub.repo("org/model").facts().weights_at is None


def test_missing_sizes_come_from_the_tree(hub: Hub, site: LoopbackHub) -> None:
    """Where the description leaves out a size, or gives nonsense, the file list is asked, page by page."""
    planted = replace(model(), files={**model().files, **{f"{i}.txt": BytesBlob(b"x") for i in range(1500)}})
    site.add(planted)
    for size in (None, -1, True, "9"):
        info = {"id": "org/model", "sha": planted.revision, "siblings": [{"rfilename": "x", "size": size}]}
        site.fault = lambda s, i=info: Fault(body=json.dumps(i).encode()) if s.path.endswith("org/model") else None
        facts = hub.repo("org/model").facts()
        assert {f.path: f.size for f in facts.files} == {p: b.size for p, b in planted.files.items()}
        assert [f.sha256 for f in facts.shards] == [planted.sha256(p) for p in shard_paths(planted)]
    assert len(site.seen("/tree/")) == 8


def test_a_flood_of_files_keeps_the_weights(hub: Hub, site: LoopbackHub) -> None:
    """Of more than ten thousand files, the weights and the root stay."""
    flood = {f"a/{i}.txt": BytesBlob(b"") for i in range(10_500)}
    site.add(replace(model(), files={**flood, **model().files}))
    facts = hub.repo("org/model").facts()
    assert len(facts.files) == 10_000
    assert len(facts.shards) == 3
    assert "config.json" in {f.path for f in facts.files}


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (b"[]", "no id or no commit"),
        (b'{"id": "org/model"}', "no id or no commit"),
        (b'{"id": "org/model", "sha": "main"}', "no id or no commit"),
        (b"\xff", "not JSON"),
        (b"[" * 100_000, "not JSON"),
    ],
)
def test_nonsense_is_unavailable(hub: Hub, site: LoopbackHub, body: bytes, text: str) -> None:
    """A description that is none is an error in a sentence, not a crash."""
    site.fault = always(Fault(body=body), "/api/models")
    with pytest.raises(Unavailable, match=text):
        hub.repo("org/model").facts()


@pytest.mark.parametrize("ask", [HubRepo.facts, HubRepo.now])
def test_absent_disabled_renamed_and_private_are_told_apart(
    hub: Hub, site: LoopbackHub, ask: Callable[[HubRepo], object]
) -> None:
    """Each state of a repository has its own error, and each names it."""
    site.add(model(name="new-org/new"))
    site.add(LoopbackRepo(repo_id="org/old", files={}, renamed_to="new-org/new"))
    site.add(LoopbackRepo(repo_id="org/gone", files={}, disabled=True))
    site.add(LoopbackRepo(repo_id="org/private", files={}, private=True))
    with pytest.raises(Missing, match="org/absent is deleted, private or was never there"):
        ask(hub.repo("org/absent"))
    with pytest.raises(Missing, match="org/private"):
        ask(hub.repo("org/private"))
    with pytest.raises(Disabled, match="org/gone has been disabled"):
        ask(hub.repo("org/gone"))
    with pytest.raises(Renamed, match="org/old is called new-org/new now") as caught:
        ask(hub.repo("org/old"))
    assert caught.value.repo_id == "new-org/new"
    with pytest.raises(Missing, match="is not a name of a repository"):
        ask(hub.repo("org/../model"))


def test_a_revision_that_is_not_there_is_missing(hub: Hub) -> None:
    """Of a repository that is there."""
    with pytest.raises(Missing, match="org/model has no such revision"):
        hub.repo("org/model", "0" * 40).facts()


def test_the_present_commit_is_one_small_request_each_time(hub: Hub, site: LoopbackHub) -> None:
    """What main is now is asked anew, without a word about files."""
    site.add(model())
    repo = hub.repo("org/model")
    with hub.metered() as meter:
        first = repo.now()
    assert meter.requests == 1
    assert meter.bytes_read < 200
    assert first.hub_id == site.repos["org/model"].hub_id
    site.add(replace(site.repos["org/model"], revision="b" * 40))
    assert repo.now().ref.revision == "b" * 40 != first.ref.revision


def test_missing_looks_the_same_without_a_token(site: LoopbackHub) -> None:
    """Without a token the Hub answers 401, which means the same."""
    with Hub(site.url) as hub, pytest.raises(Missing, match="org/absent"):
        hub.repo("org/absent").facts()
    assert site.log[-1].status == 401


@pytest.mark.parametrize("name", ["model", "a/b/c", "../x", "org/..", "a--b/c", "org/x y", "org/x?y", "", "org/\n"])
def test_a_name_that_cannot_be_one_is_not_asked_for(hub: Hub, site: LoopbackHub, name: str) -> None:
    """A name that no repository can have is Missing without a request."""
    with pytest.raises(Missing, match="not a name of a repository"):
        hub.repo(name).facts()
    assert site.log == []


@pytest.mark.parametrize("revision", ["..", "a/../b", "", "-x", "a b", "x\n"])
def test_a_revision_that_cannot_be_one_is_not_asked_for(hub: Hub, site: LoopbackHub, revision: str) -> None:
    """Neither is a revision."""
    with pytest.raises(Missing, match="not a revision of org/model"):
        hub.repo("org/model", revision).facts()
    assert site.log == []


def test_a_name_in_other_letters_is_the_same_repository(hub: Hub, site: LoopbackHub) -> None:
    """The Hub answers to any case; its own spelling is what is kept."""
    site.repos["ORG/Model"] = site.repos["org/model"]
    assert hub.repo("ORG/Model").facts().ref.repo_id == "org/model"


def test_gits_name_of_a_small_file_is_kept(hub: Hub, site: LoopbackHub) -> None:
    """From the description and from the tree; a file in large storage has none, for git's is that of a pointer."""
    named = {f.path: f.oid for f in hub.repo("org/model").facts().files}
    assert named["config.json"] == "ae17b36e4ae15109840cad63099233fe8d2e16c8"  # as `git hash-object` says
    assert {named[p] for p in shard_paths(model())} == {None}
    info = json.dumps({"id": "org/model", "sha": model().revision, "siblings": None}).encode()
    site.fault = lambda s: Fault(body=info) if s.path.endswith("org/model") else None
    assert {f.path: f.oid for f in hub.repo("org/model").facts().files} == named
