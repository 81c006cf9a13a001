"""Everything that tools and hands left beside the weights of one upload, in the order of how far it carries.

Pure: what was read of the files comes in, traces go out. Any bytes give traces or one reason, never an exception.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from analyzers.records import RepoFile, TensorEntry
from analyzers.records.traces import MAX_TRACES, Trace
from analyzers.traces.config import of_config
from analyzers.traces.file_hashes import SETTINGS, of_equal
from analyzers.traces.shard_layout import of_metadata, of_shards, of_tensors
from analyzers.traces.templates import of_settings, of_template, read_table, template_of
from analyzers.traces.tool_marks import RECIPE, of_files, of_marks, of_recipe, of_words

INDEX: Final = "model.safetensors.index.json"
TEMPLATE_FILES: Final = ("chat_template.jinja", "chat_template.json", "tokenizer_config.json")
_ORDER: Final = ("strong", "suggestive", "weak")


@dataclass(frozen=True, slots=True)
class Leftovers:
    """The files of one upload, and of known models beside it, as far as they were read."""

    own: str  # its repo id
    files: Sequence[RepoFile] = ()
    shards: Sequence[RepoFile] = ()  # those of the files that are the model's weights
    tags: Sequence[str] = ()
    card: str = ""
    config: Mapping[str, object] = field(default_factory=dict)
    tensors: Sequence[TensorEntry] = ()  # in the order of their bytes, shard by shard
    marks: Mapping[str, Mapping[str, str]] = field(default_factory=dict)  # shard -> its `__metadata__`
    texts: Mapping[str, bytes] = field(default_factory=dict)  # path -> a small file as it was read
    expected: frozenset[str] = frozenset()  # repo ids in lower case: declared, and what those declare
    holders: Mapping[str, Sequence[str]] = field(default_factory=dict)  # digest -> known models with such a file
    known_texts: Mapping[str, Mapping[str, bytes]] = field(default_factory=dict)  # known model -> path -> content


def read_traces(left: Leftovers) -> tuple[tuple[Trace, ...], tuple[str, ...]]:
    """Return the traces, those that carry furthest first, and a reason for each file that could not be read."""
    settings, unsettled = _settings(left)
    found: list[Trace] = []
    recipe, reason = of_recipe(left.texts[RECIPE], left.own) if RECIPE in left.texts else ([], "")
    found += recipe
    found += (t for t in of_files(left.files) if not (recipe and t.kind == "merge recipe"))
    index, unread = read_table(left.texts[INDEX], INDEX) if INDEX in left.texts else ({}, "")
    metadata = index.get("metadata")
    found += of_marks(metadata if isinstance(metadata, Mapping) else {}, left.marks)
    found += of_words(left.card, left.tags)
    found += of_equal(left.files, left.holders, left.own, left.expected)
    found += of_config(left.config, settings, left.own, left.expected)
    found += of_shards(left.shards)
    found += of_tensors(left.tensors, left.config)
    found += of_metadata(left.marks)
    if not any(t.kind == "equal template" for t in found):
        found += of_template(*_templates(left), left.expected)
    if not any(t.kind == "equal settings" for t in found):
        others = {name: read_table(texts.get(SETTINGS, b"{}"), SETTINGS)[0] for name, texts in left.known_texts.items()}
        found += of_settings(settings, others)
    found.sort(key=lambda t: _ORDER.index(t.meaning))
    return tuple(found[:MAX_TRACES]), tuple(r for r in (reason, unread, unsettled) if r)


def _settings(left: Leftovers) -> tuple[Mapping[str, object], str]:
    return read_table(left.texts[SETTINGS], SETTINGS) if SETTINGS in left.texts else ({}, "")


def _templates(left: Leftovers) -> tuple[str, dict[str, str]]:
    """Return the upload's chat template, and the known models' by their repo ids."""
    return _template(left.texts), {name: text for name, texts in left.known_texts.items() if (text := _template(texts))}


def _template(texts: Mapping[str, bytes]) -> str:
    return next((text for path in TEMPLATE_FILES if path in texts and (text := template_of(path, texts[path]))), "")
