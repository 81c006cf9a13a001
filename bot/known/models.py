"""The known models as references: each is read once and kept."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice

import numpy as np

from analyzers.card.reader import read_card, stands_for
from analyzers.compare.case import later
from analyzers.compare.config_fingerprint import Fingerprint
from analyzers.errors import Unreadable
from analyzers.records import Mention, Reference, RepoFacts, Role, SampleSpec, Sketch
from analyzers.shortlist.screen import screen
from bot.known.dating import Dating, Sights
from bot.known.index import KnownIndex, nearest, undated_if_later
from bot.known.owners import Owners
from bot.known.reading import ASK_SOON, KNOWN, Open, Progress, Reader
from bot.known.repository_files import MAX_CARD_BYTES, card_of, config_of
from bot.sources.first_look import FirstLook
from bot.sources.interface import Changed, Missing, Source, SourceError, Unavailable
from bot.sources.purpose import spent_on
from state.registry.models import Model, Registry
from state.sketches.file_hashes import KnownFiles, ModelFiles
from state.sketches.store import Place, SketchStore, StoredSketch
from state.sketches.unreadable_models import UnreadableModels

__all__ = ["DECLARED", "KNOWN", "MAX_CARD_BYTES", "KnownModels", "Open", "Owners", "Progress", "card_of", "config_of"]

FEW = 64  # known models with a suspect's coordinates that are all compared; of more, a short list is
ALIKE = 3  # known models of one class that an upload without kin may be read as
BASES = 16  # bases that are compared in addition to the short list
CHAIN = 16  # models that are followed from declared parents to theirs
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
OFFLINE = "no request is sent to the Hub while offline"
DECLARED = "the declared parent "  # begins the sentence about one that is out of reach


@dataclass
class KnownModels:
    """The registry's models, and whatever a suspect declares, as references."""

    registry: Registry
    sketches: SketchStore
    absences: UnreadableModels
    open: Open  # a repository on the Hub
    clock: Callable[[], datetime]
    spec: SampleSpec = field(default_factory=SampleSpec)
    automatic: bool = False  # uploads become known models once they were read
    files: KnownFiles | None = None  # the hashes of their files; None: not kept
    sights: Sights | None = None  # the watch's record of repositories; None without a watch
    passed_over: KnownFiles | None = None  # the hashes of weights that were public before the watch began
    owners: Owners | None = None  # lookups of owners; None: not looked up
    offline: bool = False  # known models are not read from the Hub
    _unread: list[Model] | None = None  # known models without a sketch at the last refresh

    def __post_init__(self) -> None:
        self._index = KnownIndex(self.registry, self.sketches, self.spec, self.find)
        self._dating = Dating(self.registry, self.sketches, self.spec, self.sights)
        self._reader = Reader(self.sketches, self.absences, self.open, self.clock, self.spec, self.files, self._dating)

    def use(self, registry: Registry) -> None:
        """Replace the registry; models that are new or described anew are read at the next refresh."""
        self.absences.forget(m.repo_id for m in registry.models if m != self.registry.find(m.repo_id))
        self.registry, self._unread = registry, None
        self.__post_init__()

    def find(self, repo_id: str) -> Model | None:
        """Return the known model of this name: the registry's or, if `automatic`, an upload's; None without one."""
        return self.registry.find(repo_id) or (Model(repo_id, "release", automatic=True) if self.automatic else None)

    @spent_on("references")
    def refresh(self, like: Fingerprint | None, progress: Progress) -> list[str]:
        """Read the known models that were never read; return a sentence for each that cannot be compared.

        Models whose config is nearest to `like` are read first; a config orders and never excludes. After LOST in a row
        out of reach, the others are not requested.
        """
        problems: list[str] = []
        self.sketches.refresh()
        self._unread = [m for m in (self.registry.models if self._unread is None else self._unread) if not self._has(m)]
        if self.offline and self._unread:
            return [f"{len(self._unread):,} known models were never read, and {OFFLINE}"]
        try:
            due = self._reader.nearest_first(self._unread, like, problems, progress)
            for number, model in enumerate(due, start=1):
                progress(f"reading known model {number} of {len(due)}: {model.repo_id}")
                self._reader.count_reached(model, self._reader.read_model(model, problems))
        except Unavailable as error:
            problems.append(f"no other known model was requested: {error}")
        return problems

    @spent_on("references")
    def read_now(self, model: Model) -> str:
        """Read one known model unless it was read, even if it failed lately; return why it cannot be compared."""
        self.sketches.refresh()
        problems: list[str] = []
        if not self._has(model):
            self._reader.read_model(model, problems)
        return "".join(problems)

    def out_of_reach(self) -> str:
        """Name a known model that was never read and is requested again soon; "" if there is none."""
        now = self.clock()
        if self.offline and self._unread:
            return f"{KNOWN}{self._unread[0].repo_id} is not read yet: {OFFLINE}"
        for model in self._unread or ():
            absence = self.absences.get(model.repo_id, now)
            if absence and absence.until <= now + ASK_SOON and not self._has(model):
                return f"{KNOWN}{model.repo_id} is not read yet: {absence.reason}"
        return ""

    def unread(self) -> tuple[int, str]:
        """Return the number of the registry's models without a sketch, and the reason for the first."""
        missing = [m for m in self._unread or () if not self._has(m)]
        reasons = (a.reason for m in missing if (a := self.absences.get(m.repo_id, self.clock())))
        return len(missing), OFFLINE if self.offline else next(reasons, "")

    def candidates(self, suspect: Sketch, weights_at: datetime | None, declared: Iterable[str] = ()) -> list[Reference]:
        """Return the known models that `suspect`, with weights of `weights_at` (UTC), may be made of.

        These are all that share coordinates with it and are not later, if they are few. Of many they are the short
        list of analyzers/shortlist/screen.py, the `declared` parents with their declared ancestors, and the bases.
        Memory stays small, however many are known. Of a model with several weights, the nearest are returned.
        """
        kept = self.sketches.get(suspect.ref, self.spec)
        # a commit's own date must not exclude a model from before first sight; without a watch there is no other date
        seen_at = kept.seen_at if kept and self.sights else None
        pools = self._index.pools(suspect, max(weights_at, seen_at) if weights_at and seen_at else weights_at)
        places = [Place(pack, int(i)) for pack, pool in pools for i in np.flatnonzero(pool.allowed)[: FEW + 1]]
        if len(places) > FEW:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                picks = screen(suspect, [pool for _, pool in pools], run=pool.map).picks
            allowed = {pack: pool.allowed for pack, pool in pools}
            bases = islice((p for p in self._index.bases() if p.pack in allowed and allowed[p.pack][p.record]), BASES)
            chain = (p for p in self._chain(declared) if p.pack in allowed and allowed[p.pack][p.record])
            places = list(dict.fromkeys([*(Place(pools[p.pool][0], p.record) for p in picks), *chain, *bases]))
        found = [reference for place in places if (reference := self._at(place, kept))]
        return nearest(suspect, [undated_if_later(reference, weights_at) for reference in found])

    def of_each_shape(self, before: datetime | None) -> Iterator[Reference]:
        """Yield known models not later than `before`, bases first, at most `ALIKE` of each class of sketches."""
        seen: Counter[str] = Counter()
        for model in sorted(self.registry.models, key=lambda m: m.role != "base"):
            place = self._index.place(model)
            if place is None or seen[place.pack.of.digest] >= ALIKE:
                continue
            seen[place.pack.of.digest] += 1
            reference = self._at(place, None)
            if reference is not None and not later(reference.weights_at, before):
                yield reference

    def _chain(self, declared: Iterable[str]) -> list[Place]:
        """Return the places of the known models among declared parents and their declared ancestors."""
        found: dict[str, list[Place]] = {}
        waiting = [name.lower() for name in declared]
        while waiting and len(found) < CHAIN:
            model = self.registry.find(waiting.pop(0))
            place = self._index.place(model) if model and model.repo_id.lower() not in found else None
            stored = self.sketches.read(place) if place else None
            if model is not None and place is not None and stored is not None:
                found[model.repo_id.lower()] = self._index.states(model)
                waiting += [name.lower() for name in self._declares(stored)]
        return [place for places in found.values() for place in places]

    def _at(self, place: Place, suspect: StoredSketch | None) -> Reference | None:
        """Return the known model at a place; None if its record is damaged, so that it is read anew next time."""
        model = self.find(place.entry.repo_id)
        stored = self.sketches.read(place)
        if stored is None:
            self._index.lost(place)
            self._unread = None
            return None
        reference = self._reference(stored, model.role if model else None, model)
        known = self._dating.order_known(stored, model, suspect)
        return reference if known else replace(reference, weights_at=None)

    @spent_on("references")
    def declared(self, repo_id: str, requests: int) -> tuple[Reference | None, str]:
        """Return a declared model, known or not, or the reason why it cannot be read.

        Raises Unavailable where asking later may help.
        """
        model = self.registry.find(repo_id)
        if model is not None:
            stored = self._stored(model)
            return (self._reference(stored, model.role, model) if stored else None), ""
        try:
            stored = self._reader.read_declared(repo_id, requests)
        except Unavailable as error:
            text = f"{DECLARED}{repo_id} could not be read: {error}"
            raise Unavailable(text, error.retry_after) from error
        except Changed as error:
            raise Unavailable(f"{DECLARED}{repo_id} changed while it was read: {error}") from error
        except (SourceError, Unreadable) as error:
            return None, f"{DECLARED}{repo_id} could not be read: {error}"
        return self._reference(stored, None, None), ""

    @spent_on("references")
    def stands_for(self, repo_id: str) -> Mention | None:
        """Return the model that a repository holds in another form by its own card; None where unknown.

        Raises Unavailable where asking later may help.
        """
        try:
            model = self.registry.find(repo_id)
            source = self._reader.source(model) if model else self.open(repo_id, None)
            return stands_for(read_card(card_of(source)[0], source.facts().tags, own=repo_id), repo_id)
        except Unavailable:
            raise
        except (SourceError, Unreadable):
            return None

    def has(self, repo_id: str) -> bool:
        """Return True if a sketch of this model is stored."""
        return self.sketches.find(repo_id, None, self.spec) is not None

    def learn(self, repo_id: str, requests: int) -> str:
        """Read and store a model of the Hub; return a sentence on failure, "" on success. `requests`: at most."""
        try:
            self._reader.read(self.open(repo_id, None), None, requests)
        except (SourceError, Unreadable) as error:
            self._reader.remember(repo_id, error)
            return f"{repo_id} could not be read: {error}"
        return ""

    def learned_since(self, after: datetime) -> list[Place]:
        """Return the places of known models' sketches that were read after `after` (UTC)."""
        return [p for p in self.sketches.read_since(after, self.spec) if self.find(p.entry.repo_id)]

    def public_since(self, place: Place) -> datetime | None:
        """Return the UTC time at which the weights at a place became public, by bot.known.dating; None: unknown."""
        stored = self.sketches.read(place)
        return self._dating.since(stored, self.find(place.entry.repo_id)) if stored else None

    def open_at(self, repo_id: str, revision: str) -> Source:
        """Open a known or declared model at the sketched revision; Missing while offline."""
        model = self.registry.find(repo_id)
        if model and model.path is not None:
            return self._reader.source(model)
        if self.offline:
            raise Missing(OFFLINE)
        return self.open(repo_id, revision)

    def titles(self, repo_id: str) -> tuple[str, ...]:
        """Return title and aliases of a known model."""
        model = self.registry.find(repo_id)
        return (model.title, *model.aliases) if model else ()

    def dated(self, look: FirstLook, declares: Sequence[str] = (), title: str = "") -> StoredSketch:
        """Return the sketch of a look with its dates, by bot.known.dating."""
        return self._dating.dated(look, declares, title, self.clock())

    def new_since(self, look: FirstLook) -> datetime | None:
        """Return the UTC time at which an upload's repository was made or was last seen without these weights."""
        return self._dating.new_since(look.sketch, look.facts.created_at, look.facts.hub_id)

    def kept_new_since(self, stored: StoredSketch, created_at: datetime) -> datetime | None:
        """Return the same time for a stored sketch."""
        return self._dating.new_since(stored.sketch, created_at, stored.hub_id)

    def keep(self, stored: StoredSketch) -> None:
        """Store a suspect's sketch: a later upload may declare it as a parent."""
        self.sketches.put(stored)

    def keep_files(self, facts: RepoFacts) -> None:
        """Store the hashes that a known model's listing gives of its files."""
        self._reader.keep_files(facts)

    def record_passed_over(self, facts: RepoFacts) -> None:
        """Store the hashes of weights that are not judged, so that copies of them are recognised."""
        if self.passed_over is not None:
            own = {f.path: f"sha256:{f.sha256}" for f in facts.shards if f.sha256}
            self.passed_over.put(ModelFiles(facts.ref.repo_id, facts.ref.revision, own))

    def _has(self, model: Model) -> bool:
        return self._index.place(model) is not None

    def _stored(self, model: Model) -> StoredSketch | None:
        place = self._index.place(model)
        return self.sketches.read(place) if place else None

    def _reference(self, stored: StoredSketch, role: Role | None, model: Model | None) -> Reference:
        since = self._dating.since(stored, model)
        maker = self.registry.maker_of(stored.sketch.ref.organisation)
        automatic = model is not None and model.automatic
        declares = self._declares(stored)
        seen = stored.seen_at or stored.read_at
        return Reference(stored.sketch, role, since, maker, declares, stored.title, automatic, seen)

    def _declares(self, stored: StoredSketch) -> tuple[str, ...]:
        """Return the parents that a model's card declares, then those that the registry declares for it."""
        return tuple(dict.fromkeys((*stored.declares, *self.registry.declared_parents(stored.sketch.ref.repo_id))))
