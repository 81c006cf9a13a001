"""Open the repository of an upload under its newest name, and record what became of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from bot.hub import Hub
from bot.hub.repo import HubRepo
from bot.sources.interface import Missing, Renamed
from state.records import RepoEvent
from state.store import Store, Upload


@dataclass(frozen=True, slots=True)
class Repositories:
    """The repositories of uploads, by name and by the Hub's id."""

    hub: Hub
    store: Store
    clock: Callable[[], datetime]

    def open(self, upload: Upload) -> HubRepo:
        """Open the upload's newest revision under its newest name; Missing if another repository took the name."""
        try:
            return self._asked(upload, upload.repo_id)
        except Missing:
            newest = self.newest_name(upload)
            if newest.lower() == upload.repo_id.lower():
                raise
            return self._asked(upload, newest)

    def _asked(self, upload: Upload, name: str) -> HubRepo:
        """Open a repository by name and follow its renames."""
        source = self.hub.repo(name)
        try:
            facts = source.facts()
        except Renamed as moved:
            source = self.hub.repo(moved.repo_id)
            facts = source.facts()
        if upload.hub_id and facts.hub_id and facts.hub_id != upload.hub_id:
            raise Missing(f"another repository has the name {facts.ref.repo_id} now")
        if facts.ref.repo_id.lower() != name.lower():
            self.note(upload, facts.ref.repo_id, "renamed", f"{name} to {facts.ref.repo_id}")
        return source

    def newest_name(self, upload: Upload) -> str:
        """Return the newest name under which the watch saw an upload's repository."""
        return self.store.newest_name(upload.repo_id, upload.hub_id) or upload.repo_id

    def note(self, upload: Upload, repo_id: str, kind: str, detail: str) -> None:
        """Record an event of an upload's repository."""
        identity = upload.hub_id or upload.repo_id.lower()
        self.store.record_events([RepoEvent(identity, repo_id, kind, detail, self.clock())])
