"""Everything that members' questions are answered from. Blocking: it is asked in threads."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bot.chat.messages import Drafts
from bot.chat.publisher import Publisher
from state.case_records import Case
from state.cases.publications import Publications
from state.cases.subscriptions import Subscriptions
from state.evidence.blobs import Blobs
from state.store import Store

Progress = Callable[[str], None]
Report = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class KnownModel:
    """One entry of the registry, as a member may look for it."""

    repo_id: str
    role: str
    title: str


@dataclass(frozen=True, slots=True)
class Cards:
    """Cards as they were at first sight."""

    store: Store
    blobs: Blobs

    def of(self, case: Case) -> bytes | None:
        """The card of a case; None where none was kept, or it belongs to a gated repository and is not shown.

        StateError if it was kept and cannot be read.
        """
        kept = [file for file in self.store.cases.files(case.upload_id) if file.kind == "card"]
        return self.blobs.get(kept[0].digest) if kept and not kept[0].gated else None


@dataclass(frozen=True, slots=True)
class Desk:
    """`check` looks at one upload and returns its report; `compare` says how two models' sampled weights relate.

    Both raise BlendwatchError with one sentence where they cannot. `kick` says that something waits to be sent.
    """

    store: Store
    cases: Publications
    subscriptions: Subscriptions
    publisher: Publisher
    drafts: Drafts
    cards: Cards
    models: Sequence[KnownModel]
    check: Callable[[str, Progress], Report]
    compare: Callable[[str, str], Mapping[str, float]]
    clock: Callable[[], datetime]
    kick: Callable[[], None] = lambda: None

    def find_models(self, text: str, limit: int) -> list[KnownModel]:
        """Known models whose name or title has `text`; those whose name begins with it first."""
        wanted = text.lower()
        named = [m for m in self.models if wanted in m.repo_id.lower() or wanted in m.title.lower()]
        return sorted(named, key=lambda m: not m.repo_id.lower().startswith(wanted))[:limit]
