"""Headers of safetensors files, at once and by range."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest

from analyzers.errors import MalformedWeights
from analyzers.records import SampleSpec, ShardHeader
from analyzers.sketch.layout import layout_of
from analyzers.sketch.shard_order import for_a_look
from bot.hub import Hub
from bot.sources.interface import Gated, TooLarge
from demo.hub.faults import Fault, always
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from tests.bot.hub.makers import header, model, shard, shard_paths, single

AT_ONCE = "/safetensors-metadata/"


def tensors(headers: Mapping[str, ShardHeader]) -> list[str]:
    """All tensor names."""
    return sorted(name for h in headers.values() for name in h.entries)


def test_all_shards_in_one_request_where_offered(hub: Hub, site: LoopbackHub) -> None:
    """The Hub's own answer gives the headers of all shards for one request, without their text's length."""
    repo = hub.repo("org/model")
    repo.facts()
    with hub.metered() as meter:
        headers = repo.headers(60)
    assert meter.requests == 1
    assert tensors(headers) == ["0.a", "0.b", "1.a", "1.b", "2.a", "2.b"]
    assert {h.header_bytes for h in headers.values()} == {None}
    assert {p: h.file_bytes for p, h in headers.items()} == {f.path: f.size for f in repo.facts().shards}


def test_by_range_where_not_offered(hub: Hub, site: LoopbackHub) -> None:
    """Else each shard costs an address and one range; the Hub is asked only once whether it has them all."""
    site.offers_headers = False
    for number, name in enumerate(("org/model", "org/other")):
        site.add(model(name=name))
        repo = hub.repo(name)
        repo.facts()
        with hub.metered() as meter:
            headers = repo.headers(60)
        assert meter.requests == 6 + (number == 0)
        assert len(tensors(headers)) == 6
        assert all(h.header_bytes for h in headers.values())
    assert len(site.seen(AT_ONCE)) == 1


def test_a_commit_that_main_has_left_is_read_by_range(hub: Hub, site: LoopbackHub) -> None:
    """The answer about main is not taken for other weights; where main has the very same files, it is."""
    old = site.repos["org/model"]
    assert len(hub.repo("org/model", old.revision).headers(60)) == 3
    assert len(site.seen(AT_ONCE)) == 1
    edited = {**old.files, "README.md": BytesBlob(b"Edited.")}
    site.add(replace(model(), files=edited, revision="", earlier=old))
    with hub.metered() as meter:
        repo = hub.repo("org/model", old.revision)
        repo.facts()
        before = meter.requests
        assert len(repo.headers(60)) == 3
    assert meter.requests - before == 2
    assert len(site.seen(AT_ONCE)) == 2
    site.add(replace(model(padding=8), earlier=old))
    assert {h.file_bytes for h in hub.repo("org/model", old.revision).headers(60).values()} == {
        old.files[p].size for p in shard_paths(old)
    }
    assert len(site.seen(AT_ONCE)) == 2


@pytest.mark.parametrize(
    "answer",
    [
        {"headers": {}},
        {"headers": {"model-00000-of-00003.safetensors": {}}},
        {"headers": {p: {"x": {"data_offsets": [0, 1 << 40]}} for p in shard_paths(model())}},
        {"headers": {p: [] for p in shard_paths(model())}},
        [],
    ],
)
def test_an_answer_about_other_shards_is_not_believed(hub: Hub, site: LoopbackHub, answer: object) -> None:
    """Headers that are not of these very shards, or do not fit their sizes, are read by range instead."""
    site.fault = always(Fault(body=json.dumps(answer).encode()), AT_ONCE)
    assert len(tensors(hub.repo("org/model").headers(60))) == 6


@pytest.mark.parametrize("status", [400, 404, 500, 403])
def test_no_answer_about_all_means_by_range(hub: Hub, site: LoopbackHub, status: int) -> None:
    """Whatever goes wrong with the one answer, the ranges are still there."""
    site.fault = always(Fault(status=status), AT_ONCE)
    assert len(tensors(hub.repo("org/model").headers(60))) == 6


def test_a_long_header_needs_a_second_range(hub: Hub, site: LoopbackHub) -> None:
    """A header longer than the first bytes read is read on from there, no byte twice."""
    content = shard({"a": 64}, padding=50_000).content
    site.add(single(content))
    repo = hub.repo("org/model")
    repo.facts()
    with hub.metered() as meter:
        found = repo.headers(60)["model.safetensors"]
    assert (meter.requests, meter.bytes_read) == (3, len(content) - 64)
    assert (list(found.entries), found.header_bytes) == (["a"], len(content) - 64 - 8)


@pytest.mark.parametrize(("budget", "shards"), [(1, 1), (2, 1), (6, 2), (12, 5), (30, 14), (82, 40)])
def test_a_budget_gives_evenly_spread_shards(hub: Hub, site: LoopbackHub, budget: int, shards: int) -> None:
    """With fewer requests than all shards need, those read are spread evenly and the budget holds."""
    site.offers_headers = False
    site.add(model(shards=40, padding=20_000))
    repo = hub.repo("org/model")
    repo.facts()
    with hub.metered() as meter:
        found = sorted(repo.headers(budget))
    assert len(found) == shards
    assert meter.requests <= max(4, budget)
    assert found[0].startswith("model-00000")
    assert shards == 1 or found[-1].startswith("model-00039")


def test_short_headers_fill_the_budget(hub: Hub, site: LoopbackHub) -> None:
    """Twenty requests give nine shards, the first and the last among them."""
    site.offers_headers = False
    site.add(model(shards=40))
    found = sorted(hub.repo("org/model").headers(20))
    assert len(found) == 9
    assert (found[0], found[-1]) == ("model-00000-of-00040.safetensors", "model-00039-of-00040.safetensors")


def test_bytes_are_bounded_too(hub: Hub, site: LoopbackHub) -> None:
    """Of shards with long headers, so many are read as fit; an index too large for that is not asked about."""
    site.add(model(shards=5, padding=100_000))
    repo = hub.repo("org/model")
    repo.facts()
    with hub.metered() as meter:
        found = repo.headers(60, max_bytes=300)
    assert (len(found), len(site.seen(AT_ONCE))) == (1, 0)
    assert meter.bytes_read < 150_000


@pytest.mark.parametrize(
    "name",
    [
        "../x.safetensors",
        "/x.safetensors",
        "http://h/x.safetensors",
        "a\\x.safetensors",
        "a\nb.safetensors",
        "x.bin",
        "",
    ],
)
def test_hostile_shard_names_are_refused(hub: Hub, site: LoopbackHub, name: str) -> None:
    """A shard's name that could lead out of the repository is an error that shows it in plain letters."""
    site.fault = always(Fault(body=json.dumps({"headers": {name: {}}}).encode()), AT_ONCE)
    with pytest.raises(MalformedWeights, match="of org/model names a shard") as caught:
        hub.repo("org/model").headers(60)
    assert str(caught.value).isprintable()


def test_a_hostile_name_in_the_file_list_is_refused(hub: Hub, site: LoopbackHub) -> None:
    """So is one that the Hub itself lists."""
    site.add(single(b"", path="a\u202eb.safetensors"))
    with pytest.raises(MalformedWeights, match="names a shard"):
        hub.repo("org/model").headers(60)


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"1234567", "too short"),
        ((1 << 60).to_bytes(8, "little") + b"{}", "which it cannot have"),
        ((3).to_bytes(8, "little") + b"{}", "which it cannot have"),
        ((0).to_bytes(8, "little"), "not JSON"),
        ((2).to_bytes(8, "little") + b"[]", "not a JSON object"),
        ((3).to_bytes(8, "little") + b'{"\xff', "not JSON in UTF-8"),
        ((20000).to_bytes(8, "little") + b"[" * 20000, "not JSON"),
    ],
)
def test_a_lying_header_is_refused(hub: Hub, site: LoopbackHub, content: bytes, text: str) -> None:
    """A header that is too short, too long, or no JSON object is an error that names the file."""
    site.add(single(content))
    with pytest.raises(MalformedWeights, match=text) as caught:
        hub.repo("org/model").headers(60)
    assert "model.safetensors of org/model" in str(caught.value)


def test_a_header_that_is_legal_but_absurd_is_too_large(hub: Hub, site: LoopbackHub) -> None:
    """A header of thirty million bytes is not read, although the format allows it."""

    class Vast:
        size = 10**9

        def read(self, begin: int, end: int) -> bytes:
            return ((30_000_000).to_bytes(8, "little") + bytes(end))[begin:end]

    site.add(LoopbackRepo(repo_id="org/model", files={"model.safetensors": Vast()}))
    with hub.metered() as meter, pytest.raises(TooLarge, match="has a header of 30,000,000 bytes"):
        hub.repo("org/model").headers(60)
    assert meter.bytes_read < 20_000


def test_of_a_repeated_name_the_last_counts(hub: Hub, site: LoopbackHub) -> None:
    """As in the safetensors library itself."""
    text = b'{"a": {"shape": [1]}, "a": {"shape": [2]}}'
    site.add(single(len(text).to_bytes(8, "little") + text))
    assert hub.repo("org/model").headers(9)["model.safetensors"].entries == {"a": {"shape": [2]}}


@pytest.mark.parametrize("offered", [True, False])
def test_gated_weights_are_gated(hub: Hub, site: LoopbackHub, offered: bool) -> None:
    """Facts of a gated repository can be had; its bytes are Gated, until its owner lets our token in."""
    site.offers_headers = offered
    gated = replace(model(), gated="manual")
    site.add(gated)
    repo = hub.repo("org/model")
    assert repo.facts().gated
    assert repo.facts().weights_at is not None
    with pytest.raises(Gated, match="org/model is gated"):
        repo.headers(60)
    with pytest.raises(Gated):
        repo.file("config.json", 100)
    site.add(replace(gated, granted=frozenset({"hf_secretsecretsecret"})))
    assert len(repo.headers(60)) == 3


def test_no_weights_no_headers(hub: Hub, site: LoopbackHub) -> None:
    """A repository without safetensors files has no headers, and none are asked for."""
    site.add(LoopbackRepo(repo_id="org/model", files={"model.bin": BytesBlob(header({"a": 1}))}))
    assert hub.repo("org/model").headers(9) == {}


def test_a_truncated_shard_is_not_read_by_the_answer_for_all(hub: Hub, site: LoopbackHub) -> None:
    """Headers without their length would shift every tensor of a truncated file: then the file itself is asked."""
    whole = model()
    name = shard_paths(whole)[0]
    blob = whole.files[name]
    site.add(replace(whole, files={**whole.files, name: BytesBlob(blob.read(0, blob.size - 8))}, revision=""))
    found = hub.repo(whole.repo_id).headers(40)[name]
    assert found.header_bytes is not None
    with pytest.raises(MalformedWeights, match=name):
        layout_of({name: found})


def test_a_name_with_half_of_a_sign_in_the_answer_for_all_does_no_harm(hub: Hub, site: LoopbackHub) -> None:
    """Such a name can be written nowhere; the answer does not fit the files, which are asked themselves."""
    shards = [f.path for f in hub.repo("org/model").facts().shards]
    entry = {"dtype": "BF16", "shape": [2], "data_offsets": [0, 4]}
    answer = {"headers": {path: {f"{number} \ud800": entry} for number, path in enumerate(shards)}}
    site.fault = always(Fault(body=json.dumps(answer).encode()), AT_ONCE)
    assert tensors(hub.repo("org/model").headers(60)) == ["0.a", "0.b", "1.a", "1.b", "2.a", "2.b"]
    assert site.seen(AT_ONCE)


def test_the_most_wanted_shards_are_read_where_not_all_can_be(hub: Hub, site: LoopbackHub) -> None:
    """The index says what lies where: the shards that hold what is wanted come first, within the budget."""
    site.offers_headers = False
    site.add(model(shards=40))
    asked: list[int] = []

    def wanted(shard_of: Mapping[str, str]) -> tuple[str, ...]:
        asked.append(len(shard_of))
        return tuple(shard_of[f"{i}.a"] for i in (31, 5, 17, 38, 2, 9))

    repo = hub.repo("org/model")
    repo.facts()
    with hub.metered() as meter:
        found = repo.headers(14, wanted)
    assert (asked, meter.requests <= 14) == ([80], True)
    assert set(tensors(found)) >= {"31.a", "5.a", "17.a", "38.a"}
    assert len(found) <= 6
    assert len(repo.headers(100, wanted)) == 40
    assert len(asked) == 1  # all fit: nobody is preferred


@pytest.mark.parametrize(
    "index", [b"{", b"[]", b'{"weight_map": 3}', b'{"weight_map": {"a": 1, "b": "../../etc/passwd"}}']
)
def test_an_index_that_tells_nothing_leaves_evenly_spread_shards(hub: Hub, site: LoopbackHub, index: bytes) -> None:
    """Nothing rests on an index: a broken one only costs the choice."""
    site.offers_headers = False
    whole = model(shards=40)
    site.add(replace(whole, files={**whole.files, "model.safetensors.index.json": BytesBlob(index)}))
    found = sorted(hub.repo("org/model").headers(14, for_a_look(SampleSpec())))
    assert found[0].startswith("model-00000")
    assert found[-1].startswith("model-00039")
