"""Traces in files that known models have too, equal or edited; and bytes of any kind."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from analyzers.records.traces import KINDS, MAX_QUOTE, MAX_TRACES, Trace
from analyzers.traces.file_hashes import digest_of, digests
from analyzers.traces.read import INDEX, Leftovers, read_traces
from analyzers.traces.tool_marks import RECIPE
from tests.analyzers.leftovers import BASE, CODER, HELD, LINEAR, OWN, RENAMED, TEMPLATE, file, found, only, tensors

# -- files of known models ----------------------------------------------------------------------------------------


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
