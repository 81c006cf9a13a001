"""Note what another revision changed of a case's weights and card, with what was there before."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from analyzers.card.reader import read_card
from analyzers.records import RepoFacts
from analyzers.records.traces import listed
from bot.cases.card_history import since
from bot.cases.casework import Casework
from bot.cases.snapshot import LATER_CARD, NONE, Told, still_hidden, undeclared, weights_now
from bot.hub import Hub
from bot.known.models import MAX_CARD_BYTES
from bot.sources.interface import Source, SourceError, Unavailable
from state.errors import StateError
from state.records import KeptFile

WHEN_SHOWN: Final = 3  # events of the commits since an alert
NAMES_SHOWN: Final = 8
log = logging.getLogger("blendwatch")


@dataclass(frozen=True, slots=True)
class Found:
    """One revision as it is read now. `card`: None where it cannot be read; `names`: what it declares as parents."""

    facts: RepoFacts
    card: bytes | None
    names: tuple[str, ...]

    @property
    def short(self) -> str:
        """The revision as it is shown."""
        return self.facts.ref.revision[:12]

    def is_told(self, told: Told) -> bool:
        """Return True if its card and weights are those of the last note."""
        weights = weights_now(self.facts, told.last.weights) == told.last.weights
        return weights and self.card is not None and sha256(self.card).hexdigest() == told.last.card


@dataclass(frozen=True, slots=True)
class Changes:
    """Reads a case's repository again and notes what differs from the last note."""

    hub: Hub
    casework: Casework
    names: Callable[[], dict[str, str]]  # of known models, for reading cards

    def read(self, source: Source) -> Found:
        """Read the newest revision; raises SourceError. What the Hub's tags declare counts with or without a card."""
        facts, card = source.facts(), _card_of(source)
        text = (card or b"").decode("utf-8", "replace")
        said = read_card(text, facts.tags, self.names(), facts.ref.repo_id).disclosure(facts.ref.revision)
        return Found(facts, card, said.parents)

    def note(self, told: Told, found: Found) -> int:
        """Note what differs; return how many notes were made."""
        return self._weights(told, found) + self._card(told, found)

    def _weights(self, told: Told, found: Found) -> bool:
        now, before, first = weights_now(found.facts, told.last.weights), told.last.weights, told.first.weights
        if now == before:
            return False
        was = {NONE: "there were none", first: "they were those told of"}.get(before, "they were others")
        if now == NONE:
            text = f"no weights are there any more since revision {found.short}; before, {was}"
            return self.casework.follow(told.case, "emptied", text)
        if now == first:
            text = f"since revision {found.short} the weights are again those that the alert is about; before, {was}"
            return self.casework.follow(told.case, "restored", text)
        text = f"other weights since revision {found.short}; before, {was}. They are judged as an upload of their own"
        return self.casework.follow(told.case, "weights", text, now)

    def _card(self, told: Told, found: Found) -> bool:
        """Note another card. A card that cannot be read declares nothing, except through the Hub's tags."""
        if self.casework.is_told_enough(told.case, "card"):
            return False
        hidden = still_hidden(told.case, found.names)
        declared = not hidden and bool(undeclared(told.case))
        if found.card is None:
            return declared and not told.last.declared and self._declared(told, found, "")
        digest = sha256(found.card).hexdigest()
        if digest == told.last.card:
            return False
        before, now = self._named_before(told), _names(found.names)
        changed = f"the card named {before}; since revision {found.short} it names {now}"
        if declared and not told.last.declared:
            return self._declared(told, found, digest)
        if told.last.declared and not declared:
            text = f"{changed}, and no longer {', '.join(hidden)}{self._when(told, found)}"
            return self._tell(told, found, "withdrawn", text, digest)
        if before == now:
            changed = f"the card is another since revision {found.short} and names {now}, as before"
        left = f"; still not declared: {', '.join(hidden)}" if hidden else ""
        return self._tell(told, found, "card", changed + left, digest)

    def _declared(self, told: Told, found: Found, digest: str) -> bool:
        named = ", ".join(undeclared(told.case))
        text = f"declared since revision {found.short}, after the alert: {named}. Before, the card named "
        return self._tell(told, found, "declared", text + self._named_before(told) + self._when(told, found), digest)

    def _tell(self, told: Told, found: Found, kind: str, text: str, digest: str) -> bool:
        """Keep the card that a note is about, then note it."""
        if found.card is not None:
            now = self.casework.clock()
            kept = KeptFile(LATER_CARD, self.casework.blobs.put(found.card), len(found.card), found.facts.gated, now)
            self.casework.store.cases.keep(told.case.upload_id, [kept])
        return self.casework.follow(told.case, kind, text, digest, found.facts.ref.revision)

    def _named_before(self, told: Told) -> str:
        """Return the parents that the card of the last note named."""
        if told.last.card == told.first.card:
            return _names(told.case.report["declared"]["parents"])
        if not told.last.card:
            return "what could not be read"
        try:
            card = self.casework.blobs.get(told.last.card).decode("utf-8", "replace")
        except StateError as error:
            log.warning("the card of case %s cannot be compared: %s", told.case.case_id, error)
            return "what is not known any more"
        return _names(read_card(card, (), self.names(), told.last.repo_id).disclosure("").parents)

    def _when(self, told: Told, found: Found) -> str:
        """Say what the commits since then say of when that was; nothing where they cannot be read."""
        case, repo_id = told.case, found.facts.ref.repo_id
        try:
            events = since(self.hub, repo_id, told.last.revision, case.opened_at, self.names())
        except SourceError as error:
            log.info("the commits of %s could not be read: %s", repo_id, error)
            return ""
        claims = [e.claim for e in events if e.kind != "config"][-WHEN_SHOWN:]
        return f". By the commits: {' '.join(claims)}" if claims else ""


def _card_of(source: Source) -> bytes | None:
    """Return the card's bytes: empty without a card, None where it cannot be read."""
    try:
        return source.file("README.md", MAX_CARD_BYTES) or b""
    except Unavailable:
        raise
    except SourceError:  # gated, or too large
        return None


def _names(names: Iterable[str]) -> str:
    return listed(names, NAMES_SHOWN) or "no model"
