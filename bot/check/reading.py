"""The first step of a check: read an upload's config, its card and samples of every component.

What was read is kept at once: when the check is tried again, the upload may be gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from analyzers.card.gguf_keys import declared_in
from analyzers.card.reader import Card
from analyzers.compare.config_fingerprint import Fingerprint
from analyzers.errors import Unreadable
from analyzers.records import Cost, Disclosure, Mention, RepoFacts, Sketch
from analyzers.sketch.gguf import SUFFIX
from bot.check.components import Part, parts_of, reserved, towers_in
from bot.check.declarations import REGISTRY, disclosure_of, parse_card
from bot.known.models import KnownModels, Progress, card_of, config_of
from bot.sources.first_look import FIRST_LOOK_BYTES, FIRST_LOOK_REQUESTS, FirstLook, Meter, first_look
from bot.sources.interface import Gated, Source
from bot.sources.weight_files import left_out


@dataclass(frozen=True, slots=True)
class Run:
    """One check under way. `started`: seconds on the monotonic clock; `problems`: a sentence for each, in order."""

    source: Source
    progress: Progress
    complete: bool
    meter: Meter
    started: float
    problems: list[str] = field(default_factory=list)
    sampled: Callable[[Sketch], None] = lambda _: None  # called with the main component's samples once they are read

    def cost(self) -> Cost:
        """Return the cost so far."""
        return Cost(self.meter.requests, self.meter.bytes_read, round(time.monotonic() - self.started, 3))


@dataclass(frozen=True, slots=True)
class Suspect:
    """An upload as it was read. `cards`: its own, then a later one if given; `spent`: requests and bytes of reading."""

    facts: RepoFacts
    fingerprint: Fingerprint | None
    config: Mapping[str, object]
    card_text: str
    card_problem: str
    cards: Sequence[Card]
    look: FirstLook
    parts: Sequence[Part]
    disclosure: Disclosure
    spent: tuple[int, int]


def read_upload(known: KnownModels, run: Run, newer: Card | None) -> Suspect:
    """Read the config, the card and the samples of every component, and keep the samples."""
    source, facts = run.source, run.source.facts()
    run.progress(f"reading {facts.ref}")
    fingerprint, config = _config(run)
    text, card_problem = card_of(source)
    card = parse_card(known, facts.ref.repo_id, facts.tags, text)
    requests, size = reserved(facts)
    left = FIRST_LOOK_REQUESTS - run.meter.requests - requests
    look = first_look(source, known.spec, left, FIRST_LOOK_BYTES - size)
    run.sampled(look.sketch)
    parts = [*parts_of(source, facts, known.spec, run.problems), *towers_in(look)]
    spent = run.meter.requests, run.meter.bytes_read
    cards = (card, newer) if newer else (card,)
    disclosure = disclosure_of(known, facts.ref, cards, gated=facts.gated)
    disclosure = replace(disclosure, mentions=(*disclosure.mentions, *_in_headers(look)))
    if known.registry.find(facts.ref.repo_id) is None:  # a known model is read, and kept, as one
        keep_sketch(known, look, disclosure)  # before anything is judged: when it is tried again, it may be gone
    return Suspect(facts, fingerprint, config, text, card_problem, cards, look, parts, disclosure, spent)


def _in_headers(look: FirstLook) -> list[Mention]:
    """Return what GGUF files declare; without quotes where the repository is gated."""
    files = {path: pairs for path, pairs in look.marks.items() if path.endswith(SUFFIX)}
    found = declared_in(files, look.facts.ref.repo_id)
    return [replace(m, quote="") if look.facts.gated else m for m in found]


def _config(run: Run) -> tuple[Fingerprint | None, Mapping[str, object]]:
    """Read the config. It only orders the known models, so that an upload without a good one is judged too."""
    try:
        return config_of(run.source)
    except (Gated, Unreadable) as error:
        run.problems.append(str(error))
    return None, {}


def keep_sketch(known: KnownModels, look: FirstLook, disclosure: Disclosure) -> None:
    """Keep the sketch of an upload on the Hub with its declared parents, those of the registry left out."""
    if not look.facts.local and look.sketch.plain.samples:
        said = replace(disclosure, mentions=tuple(m for m in disclosure.mentions if m.where != REGISTRY))
        declares = tuple(name for name in said.parents if "/" in name)
        known.keep(known.dated(look, declares))


def problems_of(suspect: Suspect) -> list[str]:
    """Return a sentence for each kind of problem with what was read, "" where there is none."""
    look = suspect.look
    read = {*look.marks, *(path for part in suspect.parts for path in part.paths)}
    over = left_out(suspect.facts.files, read) if look.marks else ""
    return [suspect.card_problem, look.not_finite, look.miscounted, over]
