"""What is fed with broken input. Each target makes one broken input, hands it over, and returns; or raises."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from analyzers.card.reader import read_card
from analyzers.compare.config_fingerprint import fingerprint
from analyzers.records import RepoFile, SampleSpec
from analyzers.sketch.coordinates import ReadBudget, plan_reads
from analyzers.sketch.layout import layout_of
from analyzers.sketch.shard_order import for_a_look, for_what_is_in
from analyzers.sketch.tensor_roles import groups_of
from bench.faults.runs import CAST, NOW, REPOS
from bench.fuzz.mutate import TEXTS, as_bytes, mutated, spoiled, spoiled_text
from bench.simulated import FAR, TIMEOUT, Moved, World, world
from bot.hub import Hub
from bot.hub.listing import EXPAND
from bot.known.models import config_of
from bot.sources.first_look import first_look
from bot.sources.folder import LocalSource
from bot.sources.interface import Span
from bot.sources.safetensors_header import PREFIX, header_length, parse_header
from bot.watch.feeds import Feeds
from demo.hub.answers import listing, model, shard_headers, tree_entry
from demo.hub.faults import Fault, LoggedRequest
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import BASE, HIDDEN, RELEASE
from state.registry.models import load
from state.store import Store

Rng = np.random.Generator
Target = Callable[[Rng], None]

GOOD = REPOS[HIDDEN]
SHARD = next(p for p in GOOD.files if p.endswith(".safetensors"))
DATA = GOOD.files[SHARD].read(0, GOOD.files[SHARD].size)
HEADER: dict[str, Any] = json.loads(DATA[8 : 8 + int.from_bytes(DATA[:8], "little")])
CONFIG: dict[str, Any] = json.loads(GOOD.files["config.json"].read(0, 1 << 20))
NESTED = {**CONFIG, "text_config": CONFIG, "quantization_config": {"quant_method": "fp8"}, "layer_types": ["a", "b"]}
CARD = GOOD.files["README.md"].read(0, 1 << 20).decode() + (
    "\nMerged with mergekit:\n\n```yaml\nmerge_method: ties\nmodels:\n  - model: tidepool-ai/Meridian-Coder\n"
    "    parameters:\n      weight: 0.5\nbase_model: aurora-labs/Meridian-1\n```\n"
    "\nTrained from scratch on 2T tokens.\n"
    "\n| Model | Base |\n|---|---|\n| this | [Meridian 1](https://huggingface.co/aurora-labs/Meridian-1) |\n"
)
INDICES = ("0", "7", "999999", "4000000000", "9" * 30, "9" * 5000, "-1", "\u0663", "")
NAMES = {"Meridian-Coder": "Meridian-Coder", "Meridian 1": "Meridian-1"}
REGISTRY = CAST.registry + "organisations:\n- name: aurora-labs\n  members: [aurora-labs, tidepool-ai]\n"
LATER = NOW + timedelta(hours=1)


def header(rng: Rng) -> None:
    """The header of a shard, as its bytes come, to the plan of what to read."""
    body = as_bytes(mutated(HEADER, rng) if rng.integers(2) else _reshaped(rng), rng)
    size = PREFIX + len(body) + len(DATA) - 8 - int.from_bytes(DATA[:8], "little")
    prefix = len(body).to_bytes(8, "little") if rng.integers(4) else rng.bytes(8)
    shard = RepoFile("model.safetensors", size)
    length = header_length(prefix, shard, "it")
    layout = layout_of({shard.path: parse_header(body[:length], shard, "it")})
    plan_reads(groups_of(layout), SampleSpec(), ReadBudget(requests=30, bytes=1_000_000))


def _reshaped(rng: Rng) -> dict[str, Any]:
    """A header whose tensors still tile the file: other names, shapes of as many numbers, other types as wide."""
    found: dict[str, Any] = {"__metadata__": {"format": str(rng.choice(np.array(TEXTS[:-1])))}}
    for name, entry in HEADER.items():
        if name != "__metadata__":
            numbers = int(np.prod(entry["shape"]))
            shapes = ([numbers], [numbers, 1], [1, numbers], [1] * 14 + [numbers], [2, numbers // 2], entry["shape"])
            other = name if rng.integers(2) else f"{TEXTS[int(rng.integers(len(TEXTS)))]}{len(found)}{name[-12:]}"
            if not rng.integers(4):
                layer, expert = (INDICES[int(i)] for i in rng.integers(len(INDICES), size=2))
                other = f"model.layers.{layer}.mlp.experts.{expert}.p{len(found)}.weight"
            dtype = str(rng.choice(["BF16", "F16", "I16", "U16"]))
            shape = shapes[int(rng.integers(len(shapes)))]
            found[other] = {**entry, "shape": shape, "dtype": dtype}
    return found


def index(rng: Rng) -> None:
    """What an index says lies in which shard, to the order of the shards."""
    shard_of = {name: f"{number % 3}.safetensors" for number, name in enumerate(HEADER)}
    for _ in range(int(rng.integers(4))):
        layer, expert = (INDICES[int(i)] for i in rng.integers(len(INDICES), size=2))
        shard_of[f"model.layers.{layer}.mlp.experts.{expert}.gate_up_proj"] = "x.safetensors"
    said = mutated(shard_of, rng)
    held = {k: v for k, v in said.items() if isinstance(v, str)} if isinstance(said, dict) else {}
    order = for_a_look(SampleSpec())(held)
    if not {*order, *for_what_is_in({("layers.mlp.up_proj", 0)})(held)} <= set(held.values()):
        raise AssertionError(f"shards that nobody named: {order}")


def config(rng: Rng) -> None:
    """The config.json, whole and nested in another."""
    broken = as_bytes(mutated(NESTED, rng), rng)
    with folder({**GOOD.files, "config.json": BytesBlob(broken)}) as source:
        found, content = config_of(source)
        found.differs(fingerprint(CONFIG))
        fingerprint(content).differs(found)


def card(rng: Rng) -> None:
    """The model card: front matter, prose, tables and a recipe."""
    text = CARD
    for _ in range(int(rng.integers(1, 4))):
        text = spoiled_text(text, rng)
    if rng.integers(4) == 0:
        text = spoiled(text.encode("utf-8", "surrogatepass"), rng).decode("utf-8", "replace")
    tags = [TEXTS[int(i)] for i in rng.integers(len(TEXTS), size=3)]
    card = read_card(text, tags, NAMES, HIDDEN)
    for repo_id in set(NAMES.values()):
        card.spells(repo_id)


def registry(rng: Rng) -> None:
    """A registry file, as YAML and as JSON."""
    value = yaml.safe_load(REGISTRY)
    if rng.integers(2):
        data, name = spoiled_text(REGISTRY, rng).encode("utf-8", "surrogatepass"), "known.yaml"
    else:
        data, name = as_bytes(mutated(json.loads(json.dumps(value, default=str)), rng), rng), "known.json"
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / name).write_bytes(data)
        load([Path(folder) / name])


def weights(rng: Rng) -> None:
    """A folder whose shards are broken anywhere."""
    files: dict[str, Blob] = dict(GOOD.files)
    broken = spoiled(DATA[: int(rng.choice([len(DATA), 200, 9]))], rng)
    files[SHARD] = BytesBlob(broken)
    with folder(files) as source:
        first_look(source, SampleSpec(), 60)


@contextmanager
def folder(files: Mapping[str, Blob]) -> Iterator[LocalSource]:
    """Keep files in a folder, and read them from there."""
    with tempfile.TemporaryDirectory() as name:
        place = Path(name) / "org" / "name"
        place.mkdir(parents=True)
        for path, blob in files.items():
            (place / path).write_bytes(blob.read(0, blob.size))
        yield LocalSource(place)


@dataclass(frozen=True, slots=True)
class Online:
    """Targets that need a Hub: its answers, its headers, and whole passes of a watch."""

    site: LoopbackHub
    hub: Hub
    feeds: Feeds
    passes: Callable[[LoopbackRepo], str]

    def answers(self, rng: Rng) -> None:
        """The JSON of one address is broken; everything that reads it is asked."""
        ways: tuple[tuple[str, object], ...] = (
            (f"/api/models/{HIDDEN}", model(GOOD, [], blobs=True)),
            ("/paths-info/", [tree_entry(GOOD, p, expand=True) for p in sorted(GOOD.files)]),
            ("/safetensors-metadata/", shard_headers(GOOD, "model.safetensors.index.json")),
            ("/tree/", [tree_entry(GOOD, p, expand=False) for p in sorted(GOOD.files)]),
            ("/api/models", listing([replace(r, counted=7_000_000_000) for r in REPOS.values()], {}, EXPAND)[0]),
        )
        place = int(rng.integers(len(ways)))
        where, value = ways[place]
        body = as_bytes(mutated(value, rng), rng)
        whole = where.startswith("/api/models")
        bare = model(GOOD, [], blobs=False)  # without sizes: the tree is asked

        def hook(seen: LoggedRequest) -> Fault | None:
            if seen.path == where if whole else where in seen.path:
                return Fault(body=body)
            if place == 3 and seen.path == f"/api/models/{HIDDEN}":
                return Fault(body=json.dumps(bare).encode())
            return None

        self.site.fault = hook
        self._ask(listed=place == 4)

    def headers(self, rng: Rng) -> None:
        """The headers of every answer are broken."""
        names = ("Link", "RateLimit", "RateLimit-Policy", "Retry-After", "Content-Range", "Location", "X-Linked-Size",
                 "X-Repo-Commit", "X-Error-Code", "X-Error-Message", "Content-Type", "Content-Encoding",
                 "Date")  # fmt: skip
        good = (
            '<http://127.0.0.1:1/api/models?cursor=x>; rel="next"',
            '"api";r=0;t=55',
            '"w";"api";q=5;w=300',
            "bytes 0-1/2",
        )
        said = {}
        for name in rng.choice(np.array(names), size=3, replace=False):
            text = spoiled_text(str(rng.choice(np.array(good + TEXTS[:-1]))), rng)
            said[str(name)] = "".join(c for c in text if " " <= c <= "~" or "\xa0" <= c <= "\xff")[:4000]
        status = int(rng.choice([200, 206, 302, 307, 401, 403, 404, 416, 429, 451, 503]))
        fault = Fault(headers=said) if rng.integers(2) else Fault(headers=said, status=status)
        self.site.fault = lambda _: fault
        self._ask(listed=bool(rng.integers(2)))

    def _ask(self, *, listed: bool) -> None:
        if listed:
            self._poll()
            list(self.hub.of_base(BASE, 0, 1 << 40, 10))
            return
        repo = self.hub.repo(HIDDEN)
        repo.facts()
        repo.file("config.json", 1 << 20)
        for shard, found in repo.headers(30).items():
            layout_of({shard: found})
            repo.read([Span(shard, 0, 8)])

    def _poll(self) -> None:
        """Store what the listings show, in a store of its own; again from there; and read it back."""
        with tempfile.TemporaryDirectory() as folder, Store.open(f"sqlite:///{folder}/it.sqlite") as store:
            news = replace(self.feeds.news, store=store)
            feeds = replace(self.feeds, hub=self.hub, store=store, clock=lambda: LATER, news=news)
            for _ in range(2):
                feeds.poll(lambda _: None)
            store.due(LATER + FAR, 1_000)

    def upload(self, rng: Rng) -> str:
        """A whole upload with one broken file goes through the watch; its outcome."""
        files: dict[str, Blob] = dict(GOOD.files)
        broken = {
            0: (SHARD, spoiled(DATA, rng)),
            1: ("config.json", as_bytes(mutated(NESTED, rng), rng)),
            2: ("README.md", spoiled_text(CARD, rng).encode("utf-8", "surrogatepass")),
            3: ("model.safetensors.index.json", spoiled(_content(files["model.safetensors.index.json"]), rng)),
        }
        path, data = broken[int(rng.integers(4))]
        files[path] = BytesBlob(data)
        name = f"murk/m{int(rng.integers(1 << 40))}"
        return self.passes(replace(GOOD, repo_id=name, files=files, hub_id="", revision=""))


def _content(blob: Blob) -> bytes:
    return blob.read(0, blob.size)


@contextmanager
def online() -> Iterator[Online]:
    """Open a Hub, a client on a clock that is moved by hand, and a watch."""
    moved = Moved(LATER)
    with ExitStack() as stack:
        site = stack.enter_context(LoopbackHub([REPOS[BASE], REPOS[RELEASE], GOOD], clock=moved.seconds))
        clock = moved.clock
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        at = stack.enter_context(world(folder, site, moved, CAST.registry, automatic_references=False))
        hub = stack.enter_context(Hub(site.url, timeout=TIMEOUT, clock=clock.seconds, sleep=clock.sleep))
        yield Online(site, hub, at.watch_pass.feeds, lambda repo: _through(at, repo))


def _through(at: World, repo: LoopbackRepo) -> str:
    """Let one upload go through the watch; its state. Raises AssertionError where it has none, or no reason."""
    at.hub.fault = None
    at.hub.add(repo)
    try:
        assert at.one_pass()
        (upload,) = at.store.history(repo.repo_id)
    finally:
        del at.hub.repos[repo.repo_id]
    assert upload.state != "pending", upload
    assert upload.reason, upload
    assert "internal error" not in upload.reason, upload.reason
    return upload.state
