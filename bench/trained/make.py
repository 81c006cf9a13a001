"""Train, average, blend and shake everything in the catalogue, and write it as a folder of repositories."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.trained import folder, recipes, training
from bench.trained.catalogue import entries
from bench.trained.corpus import WINDOW, Corpus, corpus
from bench.trained.folder import Weights
from bench.trained.known import Entry
from bench.trained.recipes import Run
from bench.trained.shapes import SHAPES, fresh
from bench.trained.worlds import World

BASE_STEPS = 1200
KNOWN_SINCE = datetime(2026, 1, 10, tzinfo=UTC)
SUSPECTS_SINCE = datetime(2026, 6, 1, tzinfo=UTC)


class Workshop:
    """Makes one model after the other; each run is trained once, whatever is made of it."""

    def __init__(self, world: World, catalogue: list[Entry], text: Corpus) -> None:
        self.world = world
        self.text = text
        self.keep = recipes.steps_kept([e.source for e in catalogue if e.source])
        self.made: dict[str, Weights] = {}
        self._trained: dict[Run, dict[int, Weights]] = {}

    def make(self, entry: Entry) -> Weights:
        """Return the weights of an entry, whose own parts are made already."""
        source = entry.source
        if source is None:
            seed = self.world.seed
            start = fresh(SHAPES[self.world.shape], seed)
            weights = training.pretrain(start, self.text.base, steps=BASE_STEPS, seed=seed, window=WINDOW)
        elif isinstance(source, recipes.Checkpoint):
            weights = self._run(source.run)[source.step]
        elif isinstance(source, recipes.Average):
            weights = recipes.averaged(source, self._run(source.run))
        else:
            weights = recipes.blended(source, self.made)
        self.made[entry.key] = weights
        return weights

    def _run(self, run: Run) -> dict[int, Weights]:
        if run not in self._trained:
            teachers = [self.made[t] for t in run.teachers]
            self._trained[run] = training.train(run, self.keep[run], self.made[run.start], teachers, self.text)
        return self._trained[run]


def make(out: Path, world: World) -> None:
    """Make everything of a world. The folder then holds repos/, known.json, hub.json and truth.json."""
    training.single_threaded()
    catalogue = entries(world)
    workshop = Workshop(world, catalogue, corpus())
    config = SHAPES[world.shape].config
    for number, entry in enumerate(catalogue, start=1):
        began = time.process_time()
        weights = workshop.make(entry)
        print(f"{number}/{len(catalogue)} {entry.key}: {entry.what} ({time.process_time() - began:.1f} s)", flush=True)
        if entry.published:
            title = entry.repo_id.partition("/")[2].replace("-", " ")
            card = folder.card(title, entry.declares, entry.relation, "A language model.")
            folder.write(out / "repos" / entry.repo_id, weights, config, card)
    write_listings(out, [e for e in catalogue if e.published])


def write_listings(out: Path, published: Sequence[Entry]) -> None:
    """Write what a registry knows, what the Hub says of each model and what it is in words, and the truth."""
    times = {e.repo_id: _times(e, i) for i, e in enumerate(published)}
    known = [
        {"repo_id": e.repo_id, "role": "base" if e.source is None else "release", **times[e.repo_id]}
        for e in published
        if e.group == "known"
    ]
    hub = {e.repo_id: {**times[e.repo_id], "group": e.group, "what": e.what} for e in published}
    truth = {e.repo_id: e.truth for e in published if e.group != "known"}
    for name, content in (("hub", hub), ("known", known), ("truth", truth)):
        (out / f"{name}.json").write_text(json.dumps(content, indent=1) + "\n")


def _times(entry: Entry, number: int) -> dict[str, str]:
    since = KNOWN_SINCE if entry.group == "known" else SUSPECTS_SINCE
    moment = (since + timedelta(hours=6 * number)).isoformat().replace("+00:00", "Z")
    return {"created_at": moment, "weights_at": moment}
