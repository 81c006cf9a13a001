"""Traces: each tool's shape as planted here, and honest uploads beside them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from analyzers.records.traces import KINDS, listed, one_line
from analyzers.traces.read import INDEX, Leftovers, read_traces
from analyzers.traces.tool_marks import RECIPE
from tests import ROOT
from tests.analyzers.leftovers import BASE, CODER, LINEAR, OWN, file, found, only, tensors

MERGEKIT = "This is a merge of pre-trained\nlanguage models created using [mergekit](x)."
LAZY = "X is a merge of the following models using [LazyMergekit](y)"


# -- recipes and marks --------------------------------------------------------------------------------------------


def test_a_recipe_names_models_method_and_weights() -> None:
    """mergekit_config.yml gives both parents with their settings; where only its name is known, that is said."""
    recipe = only("merge recipe", files=[file(RECIPE)], texts={RECIPE: LINEAR.encode()})
    assert recipe.names == (CODER, BASE)
    assert recipe.meaning == "strong"
    assert "a merge by linear" in recipe.claim
    assert f"{CODER} (weight 0.565) and {BASE} (weight 0.435, density 0.5)" in recipe.claim
    assert only("merge recipe", files=[file(RECIPE)]).names == ()
    assert not found(files=[file("docs/" + RECIPE)])


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"- 1\n- 2",
        b"{",
        b"a: !!timestamp x",
        b"a: !!int ''",
        b"models: !!timestamp x",
        b"models: [{model: !!int ''}]",
        b"models: !!python/object:x.Y {}",
        b"\xff\x00",
        b"&a [*a]",
        b"models: " + b"[" * 5000,
    ],
)
def test_a_recipe_that_is_none_is_one_reason(data: bytes) -> None:
    """Nothing is made of it, and the reason names the file."""
    traces, problems = read_traces(Leftovers(OWN, texts={RECIPE: data}))
    assert traces == ()
    assert problems == (f"{RECIPE} names no model and no method",)


def test_the_index_keeps_mergekits_version() -> None:
    """The mark is found in the index's metadata and in a shard's; one that is no version is none."""
    index = {INDEX: json.dumps({"metadata": {"mergekit_version": "0.1.5"}, "weight_map": {}}).encode()}
    assert "mergekit 0.1.5" in only("merge mark", texts=index).claim
    mark = only("merge mark", marks={"model.safetensors": {"format": "pt", "mergekit_version": "0.1.4"}})
    assert (mark.where, mark.meaning, mark.quote) == ("model.safetensors", "strong", "mergekit_version: 0.1.4")
    for value in (1, None, "", "a b", "x" * 41, ["0.1.5"]):
        assert not found(texts={INDEX: json.dumps({"metadata": {"mergekit_version": value}}).encode()})
    assert not found(texts={INDEX: b'{"metadata": {"total_size": 1}}'})


@pytest.mark.parametrize(
    ("card", "tags", "kind", "meaning", "tool"),
    [
        (MERGEKIT, (), "merge words", "suggestive", "mergekit"),
        (LAZY, (), "merge words", "suggestive", "LazyMergekit"),
        ("", ("mergekit",), "merge words", "suggestive", "mergekit"),
        ("", ("Merge",), "merge words", "suggestive", "is a merge"),
        ("[<img alt='Built with Axolotl'>](z)", (), "training words", "weak", "axolotl"),
        ("was trained 2x faster with [Unsloth](u)", (), "training words", "weak", "unsloth"),
        ("", ("llama-factory",), "training words", "weak", "LLaMA-Factory"),
        ("It has been trained using [TRL](t).", (), "training words", "weak", "TRL"),
        ("", ("mlx",), "conversion words", "weak", "MLX"),
    ],
)  # fmt: skip
def test_each_tools_words(card: str, tags: tuple[str, ...], kind: str, meaning: str, tool: str) -> None:
    """A tool's words or tag give one trace of its kind that names the tool."""
    (one,) = found(card=card, tags=tags)
    assert (one.kind, one.meaning) == (kind, meaning)
    assert tool in one.claim


def test_a_card_that_speaks_of_merging_is_no_template() -> None:
    """Plain talk, other tags, and a merged pull request say nothing."""
    assert not found(
        card="We do not merge models. mergekit is a tool, Axolotl too.", tags=("text-generation", "merged")
    )


def test_files_that_training_leaves_are_weak() -> None:
    """They count for training, and are no evidence of a merge."""
    one = only("training files", files=[file("training_args.bin"), file("trainer_state.json"), file("x/README.md")])
    assert one.meaning == "weak"
    assert "training_args.bin" in one.claim


# -- shards -------------------------------------------------------------------------------------------------------


def shards(*paths: str, size: int = 4_900_000_000) -> dict[str, Any]:
    """Return weight files, all of a size."""
    files = [file(p, size) for p in paths]
    return {"files": files, "shards": files}


def test_names_of_shards() -> None:
    """The usual names say nothing; names without the total, and missing shards, do, weakly."""
    usual = [f"model-{i:05d}-of-00003.safetensors" for i in (1, 2, 3)]
    assert not [t for t in found(**shards(*usual)) if t.kind == "shard names"]
    assert not found(**shards("model.safetensors"))
    one = only("shard names", **shards("model-00001.safetensors", "model-00002.safetensors"))
    assert (one.meaning, one.quote) == ("weak", "model-00001.safetensors")
    assert "without the total" in one.claim
    assert "promise 3 files, and 2 are there" in only("shard names", **shards(*usual[:2])).claim
    assert "Mistral" in only("shard names", **shards("consolidated.00.safetensors")).claim
    assert "of its own" in only("shard names", **shards("weights.safetensors")).claim


def test_sizes_of_shards() -> None:
    """Shards filled to the default limit are one weak trace; one over it is none."""
    usual = [f"model-{i:05d}-of-00003.safetensors" for i in (1, 2, 3)]
    assert "5 GB" in only("shard sizes", **shards(*usual)).claim
    assert not [t for t in found(**shards(*usual, size=8_000_000_000)) if t.kind == "shard sizes"]


def test_order_of_tensors() -> None:
    """The library's order (wider types first, then names) says nothing; another one is a weak trace."""
    assert not found(tensors=tensors("a", "b", "c", "d"))
    assert [t.kind for t in found(tensors=[*tensors("x", "y", dtype="F32"), *tensors("a", "b")])] == ["stored types"]
    assert only("tensor order", tensors=tensors("d", "a", "c", "b")).meaning == "weak"
    assert not found(tensors=tensors("d", "a"))  # too few to say


def test_types_of_tensors() -> None:
    """A config that says another type than is stored is told."""
    assert "says float16" in only("stored types", tensors=tensors("a"), config={"torch_dtype": "float16"}).claim
    assert not found(tensors=tensors("a"), config={"dtype": "bfloat16"})


def test_metadata_of_shards() -> None:
    """The format alone is usual; none at all, or more than that, is a weak trace."""
    assert not found(marks={"a.safetensors": {"format": "pt"}})
    assert "do not name their format" in only("header metadata", marks={"a.safetensors": {}}).claim
    assert only("header metadata", marks={"a": {"format": "pt", "by": "me"}}).quote == "by: me"


# -- config -------------------------------------------------------------------------------------------------------


def test_the_path_a_config_was_written_from() -> None:
    """An undeclared repository is suggestive, a declared one weak, the upload's own name nothing."""
    hidden = only("config path", config={"_name_or_path": CODER})
    assert (hidden.meaning, hidden.names) == ("suggestive", (CODER,))
    told = only("config path", config={"_name_or_path": CODER}, expected=frozenset({CODER.lower()}))
    assert told.meaning == "weak"
    assert not found(config={"_name_or_path": OWN})
    assert only("config path", config={"_name_or_path": "/data/out/slerp-v3"}).meaning == "suggestive"
    assert only("config path", config={"_name_or_path": "/data/out/ckpt"}).meaning == "weak"
    assert only("config path", config={"text_config": {"_name_or_path": CODER}}).names == (CODER,)


def test_code_versions_and_stray_settings() -> None:
    """Code of another repository, files of two versions, and another family's settings are told."""
    code = only("config code", config={"auto_map": {"AutoModel": f"{CODER}--modeling_m.M", "AutoConfig": "c.C"}})
    assert code.names == (CODER,)
    versions = {"texts": {"generation_config.json": b'{"transformers_version": "4.51.0"}'}}
    assert "4.51.0" in only("config version", config={"transformers_version": "4.55.0"}, **versions).claim
    assert not found(config={"transformers_version": "4.51.0"}, **versions)
    stray = {"model_type": "llama", "max_window_layers": 28, "use_sliding_window": False}
    assert "Qwen" in only("config keys", config=stray).claim
    assert not found(config=stray | {"model_type": "qwen2"})
    assert not found(config={"model_type": "llama", "max_window_layers": 28})
    borrowed = {"model_type": "kimi_k2", "architectures": ["DeepseekV3ForCausalLM"]}
    assert "DeepseekV3ForCausalLM" in only("config class", config=borrowed).claim
    assert not found(config={"model_type": "qwen3_5_moe", "architectures": ["Qwen3_5MoeForConditionalGeneration"]})


# -- words and the document -------------------------------------------------------------------------------------


def test_texts_on_one_line() -> None:
    """Halves of characters go, cuts show, and long lists are counted."""
    assert one_line("a\n b\ud800", 10) == "a b?"
    assert one_line("a" * 11, 10) == "a" * 9 + "…"
    assert listed(["a"]) == "a"
    assert listed("abcdef", 2) == "a, b and 4 more"


def test_the_document_has_every_kind() -> None:
    """docs/traces.md says of each kind what else it may mean, in the code's words."""
    text = (ROOT / "docs" / "traces.md").read_text()
    table = text[text.index("\n| kind |") + 1 :].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row[0]: row[3] for row in rows} == KINDS
