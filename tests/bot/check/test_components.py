"""Components, leftover files, values that are no weights, and the share of an upload that was compared."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import ml_dtypes
import numpy as np
import pytest
from safetensors.numpy import save

from analyzers.verdict.replay import replay
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.models import Delta, Weights, files, fresh, trained
from demo.scene import BASE, HIDDEN, RELEASE
from state.evidence.blobs import Blobs, from_bytes
from tests.bot.stage import NOW, REPOS, changed, stage

BF16 = np.dtype(ml_dtypes.bfloat16)
UPLOAD = "harbor-works/Pier"
KNOWN = {r: REPOS[r] for r in (BASE, RELEASE)}


def matrices(seed: int, count: int, size: int = 256) -> Weights:
    """Return weights of nobody else."""
    rng = np.random.default_rng(seed)
    return {f"blocks.{i}.attn.to_q.weight": rng.normal(0, 0.02, (size, size)).astype(BF16) for i in range(count)}


def under(folder: str, repo: LoopbackRepo) -> dict[str, Blob]:
    """Return a model's files in a folder, without its card."""
    return {f"{folder}/{path}": blob for path, blob in repo.files.items() if path != "README.md"}


def one(weights: Weights) -> BytesBlob:
    """Return weights as one file."""
    return BytesBlob(save(dict(weights)))


def upload(files: Mapping[str, Blob], card: str = "# Pier\n") -> dict[str, LoopbackRepo]:
    """Return a world with the two known models and an upload."""
    repo = LoopbackRepo(repo_id=UPLOAD, files={"README.md": BytesBlob(card.encode()), **files}, created_at=NOW)
    return {**KNOWN, UPLOAD: repo}


def pipeline(encoder: LoopbackRepo, card: str = "# Pier\n") -> dict[str, LoopbackRepo]:
    """Return a world with a pipeline that has a denoiser of its own and this text encoder."""
    index = BytesBlob(json.dumps({"_class_name": "ImagePipeline"}).encode())
    parts = under("text_encoder", encoder) | {"transformer/m.safetensors": one(matrices(1, 4))}
    return upload({**parts, "model_index.json": index}, card)


TUNED = "---\nbase_model: elsewhere/Pipeline\n---\n# Pier\n"  # which may have had the same encoder
SPELLED = f"# Pier\nThe text encoder is {RELEASE.partition('/')[2]}, frozen.\n"


@pytest.mark.parametrize(
    ("card", "said", "audience"),
    [("# Pier\n", "absent", "reviewers"), (SPELLED, "named", "none"), (TUNED, "absent", "none")],
)
def test_a_pipeline_is_not_its_text_encoder(tmp_path: Path, card: str, said: str, audience: str) -> None:
    """The denoiser is judged. The encoder is reported with the model it equals; reviewers see one that nobody names."""
    with stage(tmp_path, pipeline(REPOS[RELEASE], card)) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == ("unrelated", audience)
        (part,) = found["components"]
        assert (part["name"], part["finding"], part["nearest"]) == ("text_encoder", "copy", RELEASE)
        assert part["said"] == said
        assert part["parameters"] == sum(np.prod(s) for s in _shapes(REPOS[RELEASE]))
        assert at.report(UPLOAD)["looks"]["first"]["requests"] <= 60  # the known models are read by now


def test_a_component_that_is_a_blend_is_for_reviewers(tmp_path: Path) -> None:
    """The upload is what its denoiser is. The sentence names the component; the evidence says the same again."""
    with stage(tmp_path, pipeline(REPOS[HIDDEN])) as at:
        assert at.run("watch", "--once").returncode == 0
        stored = at.upload(UPLOAD)
        assert stored.report is not None
        assert (stored.report["finding"], stored.report["audience"]) == ("unrelated", "reviewers")
        assert "its component text_encoder:" in stored.reason
        assert RELEASE in stored.reason
        with at.store() as store:
            kept = [f.digest for f in store.cases.files(stored.id) if f.kind == "verdict"]
        again = replay(from_bytes(Blobs(at.folder / "data" / "evidence").get(kept[-1])))
    assert (again.finding.kind, again.audience) == ("unrelated", "reviewers")


def test_a_component_of_the_uploaders_own_is_for_nobody(tmp_path: Path) -> None:
    """A maker's language model in its own pipeline is no secret."""
    own = {r: replace(repo, repo_id=r) for r, repo in pipeline(REPOS[RELEASE]).items() if r != UPLOAD}
    name = f"{RELEASE.partition('/')[0]}/Pier"
    own[name] = replace(pipeline(REPOS[RELEASE])[UPLOAD], repo_id=name)
    with stage(tmp_path, own) as at:
        assert at.report(name)["audience"] == "none"


def _shapes(repo: LoopbackRepo) -> list[list[int]]:
    found = []
    for path, blob in repo.files.items():
        if path.endswith(".safetensors"):
            data = blob.read(0, blob.size)
            header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
            found += [about["shape"] for name, about in header.items() if name != "__metadata__"]
    return found


def test_a_copied_part_of_an_upload_is_for_reviewers(tmp_path: Path) -> None:
    """A frozen language model beside towers of its own maker's; without them it is an alert."""
    tower = {"vision_tower/model.safetensors": one(matrices(2, 2))}
    with stage(tmp_path, upload(under("llm", REPOS[RELEASE]) | tower)) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == ("copy", "reviewers")
        assert "lie in components that are no copy" in found["why"]


@pytest.mark.parametrize("decoy", ["a_projector/model.safetensors", "mm_projector.safetensors"])
def test_a_small_decoy_hides_no_blend(tmp_path: Path, decoy: str) -> None:
    """The folder with the most bytes is the model, whatever stands before it in the alphabet or at the root."""
    with stage(tmp_path, upload(under("model", REPOS[HIDDEN]) | {decoy: one(matrices(3, 1))})) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == ("blend", "public")
        assert found["sampled"]["compared"] > 0.99


@pytest.mark.parametrize("offers_headers", [True, False])
def test_the_index_says_which_shards_count(tmp_path: Path, offers_headers: bool) -> None:
    """Shards left over from another upload are left out, and that is said."""
    stale = files(trained(fresh(np.random.default_rng(5)), Delta.draw(np.random.default_rng(6), 0.05)), "", 3)
    left = {path: blob.content for path, blob in stale.items() if path.endswith("-of-00003.safetensors")}
    repo = changed(REPOS[HIDDEN], left)
    with stage(tmp_path, {**KNOWN, HIDDEN: repo}, offers_headers=offers_headers) as at:
        found = at.report(HIDDEN)
        assert (found["finding"], found["audience"]) == ("blend", "public")
        assert any("left out: model-00001-of-00003" in p for p in found["problems"])


def spoiled(repo: LoopbackRepo, share: float) -> LoopbackRepo:
    """Return a model of whose weights some are no number."""
    rng = np.random.default_rng(8)

    def spoil(data: bytes) -> bytes:
        begin = 8 + int.from_bytes(data[:8], "little")
        values = np.frombuffer(data[begin:], np.uint16).copy()
        values[rng.random(values.size) < share] = 0x7FC0  # a quiet NaN
        return data[:begin] + values.tobytes()

    shards = {p: spoil(b.read(0, b.size)) for p, b in repo.files.items() if p.endswith(".safetensors")}
    return changed(repo, shards)


def test_a_blend_with_some_numbers_spoiled_is_judged_by_the_rest(tmp_path: Path) -> None:
    """The report says so, holds no NaN, and the watch goes on."""
    with stage(tmp_path, {**KNOWN, HIDDEN: spoiled(REPOS[HIDDEN], 0.001)}) as at:
        found = at.report(HIDDEN)
        assert (found["finding"], found["exact"], found["audience"]) == ("blend", True, "public")
        assert any("not a number or infinite" in p for p in found["problems"])
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        assert at.upload(HIDDEN).state == "found"


def test_degenerate_weights_are_called_so(tmp_path: Path) -> None:
    """Nothing but NaN is like nothing, and not "unrelated"."""
    with stage(tmp_path, {**KNOWN, HIDDEN: spoiled(REPOS[HIDDEN], 1.1)}) as at:
        found = at.report(HIDDEN)
        assert found["finding"] == "inconclusive"
        assert "degenerate" in found["why"]


def packed_experts(at_seed: int) -> Weights:
    """Return experts packed in bytes, more of them than all other weights."""
    rng = np.random.default_rng(at_seed)
    return {
        f"model.layers.{i}.mlp.experts.gate_up_proj_blocks": rng.integers(0, 255, (8, 512, 8, 16), dtype=np.uint8)
        for i in range(2)
    }


def with_shard(source: str, extra: Weights) -> LoopbackRepo:
    """Return a repository with the two shards of another and a third one, under a card that names nothing."""
    data = {p: b.read(0, b.size) for p, b in REPOS[source].files.items() if p.endswith(".safetensors")}
    shards = {p.replace("of-00002", "of-00003"): d for p, d in data.items()}
    shards["model-00003-of-00003.safetensors"] = save(dict(extra))
    files = {"README.md": b"# Pier\n", "config.json": b"{}", **shards}
    return LoopbackRepo(repo_id=UPLOAD, files={p: BytesBlob(d) for p, d in files.items()}, created_at=NOW)


def test_equal_attention_says_nothing_of_packed_experts(tmp_path: Path) -> None:
    """Below half of the parameters nothing is said about the model, and how many were compared is."""
    with stage(tmp_path, {**KNOWN, UPLOAD: with_shard(RELEASE, packed_experts(1))}) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == ("inconclusive", "none")
        assert 0 < found["sampled"]["compared"] < 0.5
        assert "of its parameters could be compared, and not its experts" in found["why"]


def test_bulk_beside_a_blend_does_not_hide_it(tmp_path: Path) -> None:
    """A hidden blend is for reviewers, not for the public, where more than half of the upload is something else."""
    with stage(
        tmp_path, {**KNOWN, UPLOAD: with_shard(HIDDEN, {"bulk.weight": np.zeros((4096, 1024), np.float16)})}
    ) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"], found["disclosure"]) == (
            "inconclusive",
            "reviewers",
            "none-needed",
        )
        assert {p["repo_id"] for p in found["parents"]} > {RELEASE}
        assert f"{RELEASE} " in found["why"]
        done = at.run("watch", "--once")
        assert done.returncode == 0, done.stderr
        assert at.upload(UPLOAD).state == "found"


def test_a_false_count_hides_nothing(tmp_path: Path) -> None:
    """A count of zero, or one that the bytes contradict, is not believed by the watch."""
    (tmp_path / "0").mkdir()
    (tmp_path / "333312").mkdir()
    small = {"BLENDWATCH_MIN_PARAMETERS": "700000", "BLENDWATCH_MIN_BYTES": "1400000"}
    for counted in (0, 333_312):
        with stage(tmp_path / str(counted), {**KNOWN, HIDDEN: replace(REPOS[HIDDEN], counted=counted)}) as at:
            done = at.run("watch", "--once", **small)
            assert done.returncode == 0, done.stderr
            assert at.upload(HIDDEN).state == "found", at.upload(HIDDEN).reason


def test_a_base_beside_unmerged_adapters_is_no_copy(tmp_path: Path) -> None:
    """Somebody saved all of a model that is wrapped for training: what runs is not what the base alone is."""
    rng = np.random.default_rng(9)
    adapters: Weights = {
        f"base_model.model.model.layers.0.self_attn.q_proj.lora_{side}.default.weight": rng.normal(
            0, 0.02, shape
        ).astype(BF16)
        for side, shape in (("A", (16, 128)), ("B", (128, 16)))
    }
    shards = {p: b for p, b in REPOS[RELEASE].files.items() if p.endswith(".safetensors")}
    more = {"model-00003-of-00003.safetensors": one(adapters)}
    named = {p.replace("of-00002", "of-00003"): b for p, b in shards.items()}
    with stage(tmp_path, upload({**named, **more})) as at:
        found = at.report(UPLOAD)
        assert (found["finding"], found["audience"]) == ("copy", "reviewers")
        assert "unmerged" in found["why"]
