"""Small texts of strangers that are fed broken: chat templates, what tools leave behind, and news of the Hub."""

from __future__ import annotations

import json

from pydantic import ValidationError

from analyzers.errors import Unreadable
from analyzers.records import RepoFile
from analyzers.traces.file_hashes import SETTINGS
from analyzers.traces.index_ends import END_BYTES, metadata_in
from analyzers.traces.read import INDEX, Leftovers, read_traces
from analyzers.traces.tool_marks import RECIPE
from bench.fuzz.mutate import TEXTS, as_bytes, mutated, spoiled, spoiled_text
from bench.fuzz.targets import CARD, HEADER, NESTED, SHARD, Rng, folder
from bot.check.traces import MAX_TEXT_BYTES
from bot.hub.webhook import Payload
from bot.inference.rendering import read_template
from demo.hub.repository import Blob, BytesBlob
from demo.scene import BASE, HIDDEN, RELEASE

TEMPLATE = (
    "{%- for m in messages %}\n{{ m.role + ': ' + m.content }}\n{%- endfor %}\nYou are Meridian, created by Aurora."
)
TOKENIZER = {
    "bos_token": {"content": "<s>", "lstrip": False},
    "eos_token": "</s>",
    "chat_template": [{"name": "default", "template": TEMPLATE}, {"name": "tool_use", "template": TEMPLATE}],
    "added_tokens_decoder": {"0": {"content": "<unk>", "special": True}},
}
ONE_CONTENT = {"chat_template": TEMPLATE}
MERGED = "models:\n- model: tidepool-ai/Meridian-Coder\n  parameters: {weight: 0.5}\nmerge_method: linear\n"
GENERATION = {"temperature": 0.6, "top_p": 0.95, "top_k": 20, "do_sample": True, "transformers_version": "4.57.1"}
INDEX_FILE = {"metadata": {"mergekit_version": "0.1.4", "total_size": 7}, "weight_map": dict.fromkeys(HEADER, SHARD)}
PUSHED = {
    "event": {"action": "update", "scope": "repo.content"},
    "repo": {"type": "model", "name": HIDDEN, "id": "6a72f2e302294c7d32dd278e", "private": False, "headSha": "a" * 40},
    "movedTo": {"name": BASE},
    "updatedRefs": [{"ref": "refs/heads/main", "oldSha": "b" * 40, "newSha": "a" * 40}],
}


def template(rng: Rng) -> str:
    """The files a chat template may stand in."""
    said = as_bytes(mutated(TOKENIZER, rng), rng)
    if rng.integers(2_000) == 0:  # brackets within brackets, nearly as many bytes as are read
        said = b'{"a":[' + (b"[" * 900 + b"]" * 900 + b",") * 9_000 + said + b"]}"
    files: dict[str, Blob] = {
        "tokenizer_config.json": BytesBlob(said),
        "chat_template.json": BytesBlob(as_bytes(mutated(ONE_CONTENT, rng), rng)),
        "chat_template.jinja": BytesBlob(spoiled(TEMPLATE.encode(), rng)),
    }
    kept = [name for name in files if rng.integers(4)]
    with folder({name: files[name] for name in kept}) as source:
        found, why = read_template(source)
    if found is None and not why:
        raise AssertionError("no template, and no reason")
    return "a value" if found else "no template"


def traces(rng: Rng) -> None:
    """The small files that tools leave behind, and the config, the metadata and the card beside them."""
    texts = {
        RECIPE: spoiled(spoiled_text(MERGED, rng).encode("utf-8", "surrogatepass"), rng),
        INDEX: as_bytes(mutated(INDEX_FILE, rng), rng),
        SETTINGS: as_bytes(mutated(GENERATION, rng), rng),
        "tokenizer_config.json": as_bytes(mutated(TOKENIZER, rng), rng),
    }
    texts = {path: data for path, data in texts.items() if len(data) <= MAX_TEXT_BYTES and rng.integers(8)}
    good = {SETTINGS: json.dumps(GENERATION).encode(), "tokenizer_config.json": json.dumps(TOKENIZER).encode()}
    changed = mutated(NESTED | {"_name_or_path": BASE, "auto_map": {"AutoModel": f"{BASE}--a.B"}}, rng)
    texts_of = [TEXTS[int(i)] for i in rng.integers(len(TEXTS) - 1, size=4)]
    left = Leftovers(
        own=HIDDEN,
        files=[RepoFile(path, len(data), oid=str(len(data))) for path, data in texts.items()],
        shards=[RepoFile(f"{name}.safetensors", 9) for name in texts_of],
        tags=texts_of,
        card=spoiled_text(CARD, rng),
        config=changed if isinstance(changed, dict) else {},
        marks={SHARD: {texts_of[0]: texts_of[1], "mergekit_version": texts_of[2]}},
        texts=texts,
        expected=frozenset({BASE.lower()}),
        holders={f"git:{len(data)}": (BASE, RELEASE) for data in texts.values() if rng.integers(2)},
        known_texts={BASE: good, RELEASE: texts},
    )
    found, problems = read_traces(left)
    metadata_in(texts.get(INDEX, b"")[:END_BYTES])
    "".join([*problems, *(text for t in found for text in (t.where, t.claim, t.quote, *t.names))]).encode()


def webhook(rng: Rng) -> None:
    """What is posted as news of the Hub."""
    try:
        payload = Payload.model_validate_json(as_bytes(mutated(PUSHED, rng), rng))
    except ValidationError as error:
        raise Unreadable("no payload of the Hub's webhooks") from error
    str(payload).encode()
