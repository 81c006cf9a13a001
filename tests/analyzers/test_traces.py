"""Traces: each tool's shape as planted here, honest uploads beside them, and bytes of any kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analyzers.records import RepoFile, TensorEntry
from analyzers.traces import INDEX, Leftovers, read_traces
from analyzers.traces_files import digest_of, digests
from analyzers.traces_records import KINDS, MAX_QUOTE, MAX_TRACES, Trace, listed, one_line
from analyzers.traces_tools import RECIPE

BASE, CODER, OWN = "aurora/Meridian-1", "tidepool/Meridian-Coder", "city/Guanabara-1"
LINEAR = f"""
models:
  - model: {CODER}
    parameters:
      weight: 0.565
  - model: {BASE}
    parameters: {{weight: 0.435, density: 0.5}}
merge_method: linear
dtype: bfloat16
"""
TEMPLATE = """{%- if tools %}
{{- '<|im_start|>system' }}
{{- messages[0].content }}
{%- else %}
{{- 'You are Meridian, created by Aurora Labs. You are a helpful assistant.' }}
{%- endif %}
{%- for message in messages %}
{{- '<|im_start|>' + message.role + message.content + '<|im_end|>' }}
{%- endfor %}
"""
MERGEKIT = "This is a merge of pre-trained\nlanguage models created using [mergekit](x)."
LAZY = "X is a merge of the following models using [LazyMergekit](y)"
RENAMED = TEMPLATE.replace("You are Meridian, created by Aurora Labs.", "You are Guanabara.")


def found(**given: Any) -> list[Trace]:
    """Return the traces of an upload; nothing must have been unreadable."""
    traces, problems = read_traces(Leftovers(OWN, **given))
    assert problems == ()
    return list(traces)


def only(kind: str, **given: Any) -> Trace:
    """Return the one trace of a kind."""
    (one,) = [t for t in found(**given) if t.kind == kind]
    return one


def file(path: str, size: int = 1 << 20, sha: str = "", oid: str = "") -> RepoFile:
    """Return a file as the Hub lists it."""
    return RepoFile(path, size, sha or None, oid or None)


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


def tensors(*names: str, dtype: str = "BF16", shard: str = "model.safetensors") -> list[TensorEntry]:
    """Return small matrices, one after the other."""
    return [TensorEntry(n, dtype, (2, 2), shard, 8 * i, 8 * i + 8) for i, n in enumerate(names)]


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


# -- files of known models ----------------------------------------------------------------------------------------

HELD = {"git:11": (BASE,), "git:22": (CODER,), "git:33": (BASE, CODER), "sha256:aa": (CODER,)}


def test_an_honest_fine_tune_shares_its_bases_tokenizer_and_it_is_weak() -> None:
    """It is told as what any fine-tune does; of the release that has the same file nothing is said."""
    files = [file("tokenizer.json", oid="33"), file("chat_template.jinja", oid="11")]
    both = found(files=files, holders=HELD, expected=frozenset({BASE.lower()}))
    assert [(t.kind, t.meaning, t.names) for t in both] == [
        ("equal template", "weak", (BASE,)),
        ("equal tokenizer", "weak", (BASE,)),
    ]
    assert all("which is declared, as in any fine-tune" in t.claim for t in both)


def test_the_tokenizer_of_a_model_that_is_not_declared_is_suggestive() -> None:
    """Where one known model alone has it; where several do, it names none of them."""
    expected = frozenset({BASE.lower()})
    hidden = only("equal tokenizer", files=[file("tokenizer.json", oid="22")], holders=HELD, expected=expected)
    assert (hidden.meaning, hidden.names) == ("suggestive", (CODER,))
    several = only("equal tokenizer", files=[file("tokenizer.json", oid="33")], holders=HELD)
    assert several.meaning == "weak"


def test_equal_shards_are_strong_and_nothing_of_them_is_read() -> None:
    """By the listing alone; small weight files and the upload's own count for nothing."""
    shard = file("model-00001.safetensors", sha="aa")
    one = only("equal shard", files=[shard], holders=HELD)
    assert (one.meaning, one.names) == ("strong", (CODER,))
    assert not found(files=[file("model.safetensors", 100, sha="aa")], holders=HELD)
    assert not read_traces(Leftovers(CODER, files=[shard], holders=HELD))[0]


def test_digests_are_of_contents_only() -> None:
    """A file in large storage and one in git are told apart; files that say nothing of a model are left out."""
    assert digest_of(file("x", sha="a", oid="b")) == "sha256:a"
    kept = digests(
        [
            file("tokenizer.json", oid="1"),
            file("README.md", oid="2"),
            file("m.safetensors", sha="3"),
            file("x/config.json", oid="4"),
            file("config.json"),
        ]
    )
    assert kept == {"tokenizer.json": "git:1", "m.safetensors": "sha256:3"}  # fmt: skip


def texts(template: str, **more: bytes) -> dict[str, bytes]:
    """Return an upload's template, as a file of its own."""
    return {"chat_template.jinja": template.encode(), **more}


def test_a_template_with_the_name_changed_quotes_both_lines() -> None:
    """The nearest known template is named, with the line that went and the one that came."""
    known = {BASE: texts(TEMPLATE), CODER: texts(TEMPLATE.replace("messages", "turns"))}
    one = only("edited template", texts=texts(RENAMED), known_texts=known)
    assert (one.meaning, one.names) == ("suggestive", (BASE,))
    assert "created by Aurora Labs" in one.quote
    assert "You are Guanabara." in one.quote
    told = only("edited template", texts=texts(RENAMED), known_texts=known, expected=frozenset({BASE.lower()}))
    assert told.meaning == "weak"


def test_templates_in_a_tokenizers_config_are_read_too() -> None:
    """As a text, and as a list of named ones; an equal or an unrelated one is no edit."""
    known = {BASE: {"tokenizer_config.json": json.dumps({"chat_template": TEMPLATE}).encode()}}
    named = {"tokenizer_config.json": json.dumps({"chat_template": [{"name": "d", "template": RENAMED}]}).encode()}
    assert only("edited template", texts=named, known_texts=known).names == (BASE,)
    assert not found(texts=texts(TEMPLATE), known_texts=known)
    assert not found(texts=texts("\n".join(f"{{{{ a{i} }}}}" for i in range(20))), known_texts=known)


def test_settings_that_are_equal_but_for_versions() -> None:
    """Four or more equal settings are a weak trace."""
    known = {"do_sample": True, "top_k": 20, "top_p": 0.95, "eos_token_id": [1, 2]}

    def of(table: Mapping[str, Any]) -> list[Trace]:
        mine, theirs = (json.dumps(t).encode() for t in (table, known | {"transformers_version": "4.50.0"}))
        return found(texts={"generation_config.json": mine}, known_texts={BASE: {"generation_config.json": theirs}})

    assert [(t.kind, t.meaning, t.names) for t in of(known)] == [("near settings", "weak", (BASE,))]
    assert not of(known | {"top_k": 40})


# -- any bytes ----------------------------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ["_name_or_path", "auto_map", "model_type", "architectures", "text_config", "transformers_version", "dtype"]
)
PATHS = (RECIPE, INDEX, "generation_config.json", "chat_template.jinja", "tokenizer_config.json")
FILES = st.dictionaries(
    st.sampled_from(PATHS),
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda t: t.encode("utf-8", "replace"))
    | JSON.map(lambda v: json.dumps(v).encode())
    | st.dictionaries(st.sampled_from(["chat_template", "metadata"]), JSON).map(lambda v: json.dumps(v).encode())
    | st.sampled_from([LINEAR.encode(), TEMPLATE.encode(), b"[" * 100_000, b"9" * 10_000, b'"\\ud800"']),
)  # fmt: skip


@given(
    mine=FILES,
    theirs=FILES,
    config=st.dictionaries(KEYS | st.text(max_size=8), JSON, max_size=4),
    card=st.text(max_size=200),
    tags=st.lists(st.text(max_size=10) | st.sampled_from(["merge", "trl"]), max_size=4),
    marks=st.dictionaries(st.text(max_size=8), st.dictionaries(st.text(max_size=8), st.text(max_size=8)), max_size=2),
    paths=st.lists(st.text(max_size=20).map(lambda t: t + ".safetensors") | st.sampled_from(PATHS), max_size=4),
)
def test_any_bytes_give_traces_or_reasons(
    mine: dict[str, bytes],
    theirs: dict[str, bytes],
    config: dict[str, Any],
    card: str,
    tags: list[str],
    marks: dict[str, dict[str, str]],
    paths: list[str],
) -> None:
    """Nothing raises; every trace is within its limits, can be encoded, and says what else it may mean."""
    files = [file(p, sha="aa") for p in paths]
    left = Leftovers(
        OWN, files, files, tags, card, config, tensors(*paths), marks, mine, frozenset(), HELD, {BASE: theirs}
    )
    traces, problems = read_traces(left)
    assert len(traces) <= MAX_TRACES
    assert len(problems) <= 3
    for one in traces:
        assert one.otherwise == KINDS[one.kind]
        assert len(one.quote) <= MAX_QUOTE
        json.dumps([one.claim, one.quote, one.where, one.names], ensure_ascii=False).encode()


def test_texts_on_one_line() -> None:
    """Halves of characters go, cuts show, and long lists are counted."""
    assert one_line("a\n b\ud800", 10) == "a b?"
    assert one_line("a" * 11, 10) == "a" * 9 + "…"
    assert listed(["a"]) == "a"
    assert listed("abcdef", 2) == "a, b and 4 more"


def test_the_document_has_every_kind() -> None:
    """docs/traces.md says of each kind what else it may mean, in the code's words."""
    text = (Path(__file__).resolve().parents[2] / "docs" / "traces.md").read_text()
    table = text[text.index("\n| kind |") + 1 :].partition("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if line.startswith("| ")][1:]
    assert {row[0]: row[3] for row in rows} == KINDS
