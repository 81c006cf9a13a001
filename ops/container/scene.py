"""The demo's Hub and Discord on loopback, for a container on this machine's network, with moments to kill it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from demo.discord.server import LoopbackDiscord
from demo.hub.faults import Fault, LoggedRequest
from demo.hub.server import LoopbackHub
from demo.scene import Scene, scene
from ops.container.engine import Wrong
from state.store import Store

LONG = 600.0  # seconds that a frozen answer takes; no client waits for it
PATIENCE = 180.0  # seconds until something that should come is missed

Outcome = tuple[str, object, object, object, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Loopback:
    """A Hub, a Discord, and the demo's scene."""

    hub: LoopbackHub
    discord: LoopbackDiscord
    cast: Scene

    def flags(self) -> list[str]:
        """Return the settings that lead a container here; tiny models count as large."""
        settings = {
            "HF_ENDPOINT": self.hub.url,
            "BLENDWATCH_DISCORD_WEBHOOK": self.discord.webhook_url,
            "BLENDWATCH_DISCORD_API_BASE": self.discord.api_base,
            "BLENDWATCH_MIN_PARAMETERS": "0",
            "BLENDWATCH_MIN_BYTES": "0",
            "BLENDWATCH_SHADOW_DAYS": "0",
        }
        return [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]

    def alerts(self) -> list[str]:
        """Return the titles of the alerts that Discord got, in order."""
        return [str(embed["title"]) for message in self.discord.messages for embed in message["embeds"]]

    def outcomes(self, data: Path) -> dict[str, list[Outcome]]:
        """Return what a stopped watch has stored of every upload."""
        with Store.open(f"sqlite:///{data / 'blendwatch.sqlite'}") as store:
            return {
                repo_id: [
                    (u.state, r.get("finding"), r.get("disclosure"), r.get("alert"), _parents(r))
                    for u in store.history(repo_id)
                    for r in [u.report or {}]
                ]
                for repo_id in self.cast.truth
            }

    @contextmanager
    def frozen_at(self, request: int) -> Iterator[Callable[[], None]]:
        """Leave this request, counted from now, and all later ones without an answer; yields what waits for it."""
        came, count, lock = threading.Event(), [0], threading.Lock()

        def hook(_: LoggedRequest) -> Fault | None:
            with lock:
                count[0] += 1
                if count[0] < request:
                    return None
            came.set()
            return Fault(stall=LONG)

        def wait() -> None:
            if not came.wait(PATIENCE):
                raise Wrong(f"the pass never came to its request {request}")

        self.hub.fault = hook
        try:
            yield wait
        finally:
            self.hub.fault = None


def _parents(report: dict[str, object]) -> tuple[str, ...]:
    parents = report.get("parents")
    return tuple(sorted(str(p["repo_id"]) for p in parents)) if isinstance(parents, list) else ()


@contextmanager
def loopback() -> Iterator[Loopback]:
    """Serve the demo's scene."""
    cast = scene(datetime.now(UTC).replace(microsecond=0))
    with LoopbackHub(cast.repos) as hub, LoopbackDiscord() as discord:
        yield Loopback(hub, discord, cast)
