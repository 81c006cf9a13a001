"""Read known models, the likeliest first, and remember which could not be read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from analyzers.card.reader import read_card
from analyzers.compare.config_fingerprint import Fingerprint
from analyzers.errors import BlendwatchError, Unreadable
from analyzers.records import RepoFacts, SampleSpec
from analyzers.traces.file_hashes import digests
from bot.known.dating import Dating
from bot.known.repository_files import card_of, config_of
from bot.sources.first_look import FIRST_LOOK_REQUESTS, first_look
from bot.sources.folder import LocalSource
from bot.sources.interface import Changed, Renamed, Source, SourceError, Unavailable
from state.registry.models import Model
from state.sketches.file_hashes import KnownFiles, ModelFiles
from state.sketches.store import SketchStore, StoredSketch
from state.sketches.unreadable_models import UnreadableModel, UnreadableModels

ASK_AGAIN = timedelta(days=7)  # after a known model was gated, gone or broken
ASK_SOON = timedelta(minutes=30)  # after a failure of the network
LOST = 2  # known models in a row out of reach, after which no other is requested
KNOWN = "the known model "  # begins the sentence about one that is out of reach
ALL_QUANTIZED = "its weights are quantized, and nothing is compared with quantized weights"

Open = Callable[[str, str | None], Source]
Progress = Callable[[str], None]


@dataclass
class Reader:
    """Reads models into the store of sketches. The fields are those of bot.known.models.KnownModels."""

    sketches: SketchStore
    absences: UnreadableModels
    open: Open
    clock: Callable[[], datetime]
    spec: SampleSpec
    files: KnownFiles | None
    dating: Dating
    _lost: int = 0  # known models in a row that were out of reach

    def keep_files(self, facts: RepoFacts) -> None:
        """Store the hashes that a known model's listing gives of its files."""
        if self.files is not None:
            self.files.put(ModelFiles(facts.ref.repo_id, facts.ref.revision, digests(facts.files)))

    def nearest_first(
        self, models: list[Model], like: Fingerprint | None, problems: list[str], progress: Progress
    ) -> list[Model]:
        """Leave out models that could not be read lately; order the rest by the difference of their configs.

        Raises Unavailable where the Hub is out of reach.
        """
        now, due = self.clock(), []
        for model in models:
            if absence := self.absences.get(model.repo_id, now):
                problems.append(f"{KNOWN}{model.repo_id} is not compared: {absence.reason}")
            else:
                due.append(model)
        if like is None or len(due) < 2:
            return due
        differences: list[int] = []
        for number, model in enumerate(due, start=1):
            progress(f"reading the config of known model {number} of {len(due)}: {model.repo_id}")
            differences.append(self._difference(model, like))
        return [model for _, model in sorted(zip(differences, due, strict=True), key=lambda pair: pair[0])]

    def _difference(self, model: Model, like: Fingerprint) -> int:
        try:
            found = len(like.differs(config_of(self.source(model))[0]))
        except (SourceError, Unreadable) as error:
            self.count_reached(model, error)
            return 1 << 20  # read last
        self.count_reached(model, None)
        return found

    def count_reached(self, model: Model, error: BlendwatchError | None) -> None:
        """Count known models in a row that are out of reach; raise Unavailable at LOST."""
        self._lost = self._lost + 1 if isinstance(error, Unavailable) else 0
        if error is not None and self._lost >= LOST:
            self._lost = 0
            self.remember(model.repo_id, error)
            raise Unavailable(str(error))

    def read_model(self, model: Model, problems: list[str]) -> BlendwatchError | None:
        """Read and store a model; return the error on failure."""
        try:
            self.read(self.source(model), model, FIRST_LOOK_REQUESTS)
        except BlendwatchError as error:
            self.remember(model.repo_id, error)
            problems.append(f"{KNOWN}{model.repo_id} could not be read: {error}")
            return error
        return None

    def remember(self, repo_id: str, error: BlendwatchError) -> None:
        """Record why a model could not be read, and until when it is not requested again."""
        now = self.clock()
        wait = ASK_SOON if isinstance(error, Unavailable | Changed) else ASK_AGAIN
        self.absences.put(repo_id, UnreadableModel(str(error), now + wait), now)

    def read(self, source: Source, model: Model | None, requests: int) -> StoredSketch:
        """Read and store a model; raises SourceError and Unreadable. `requests`: at most."""
        look = first_look(source, self.spec, requests)
        self.keep_files(look.facts)
        if not look.sketch.plain.samples:
            raise Unreadable(f"{look.facts.ref.repo_id}: {look.unsampled or ALL_QUANTIZED}")
        card = "" if model is None else card_of(source)[0]
        declares = read_card(card, look.facts.tags).disclosure(look.facts.ref.revision).parents
        title = model.title if model else ""
        stored = self.dating.dated(look, declares, title, self.clock())
        self.sketches.put(stored)
        return stored

    def read_declared(self, repo_id: str, requests: int) -> StoredSketch:
        """Read a repository, under its new name if renamed, unless this revision is known."""
        source = self.open(repo_id, None)
        try:
            ref = source.facts().ref
        except Renamed as moved:
            source = self.open(moved.repo_id, None)
            ref = source.facts().ref
        return self.sketches.get(ref, self.spec) or self.read(source, None, requests)

    def source(self, model: Model) -> Source:
        """Open a known model: its folder, or its repository."""
        if model.path is not None:
            return LocalSource(model.path, model.repo_id, model.weights_at)
        return self.open(model.repo_id, model.revision)
