"""Uploads as tools leave them behind, for the tests of traces."""

from __future__ import annotations

from typing import Any

from analyzers.records import RepoFile, TensorEntry
from analyzers.records.traces import Trace
from analyzers.traces.read import Leftovers, read_traces

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
RENAMED = TEMPLATE.replace("You are Meridian, created by Aurora Labs.", "You are Guanabara.")
HELD = {"git:11": (BASE,), "git:22": (CODER,), "git:33": (BASE, CODER), "sha256:aa": (CODER,)}


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


def tensors(*names: str, dtype: str = "BF16", shard: str = "model.safetensors") -> list[TensorEntry]:
    """Return small matrices, one after the other."""
    return [TensorEntry(n, dtype, (2, 2), shard, 8 * i, 8 * i + 8) for i, n in enumerate(names)]
