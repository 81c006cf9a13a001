"""The play of the watch: whole passes over a Hub, its feeds, registry and cases, with alerts by a webhook."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, ClassVar, Final
from unittest import mock

from pydantic import SecretStr

from bot import build
from bot.cases.identity_check import Asking
from bot.config.clock import Clock
from bot.config.settings import Settings
from demo.discord.server import LoopbackDiscord
from demo.hub.server import LoopbackHub
from demo.scene import BASE, HIDDEN, RELEASE
from tests.bot.stage import CAST, NOW, REPOS, changed
from tests.bot.watch.kills import Life, Play, Steps

STEP: Final = timedelta(hours=2)
SMALL, DERIVED = "oakridge/Taiga-1", "finch/Meridian-Py"
WEIGHTS: Final = [path for path in REPOS[HIDDEN].files if path != "README.md"]
EMPTY: Final = replace(changed(REPOS[HIDDEN], dict.fromkeys(WEIGHTS)), repo_id="murk/Never", hub_id="e" * 24)
FIRST: Final = (
    REPOS[BASE],
    REPOS[HIDDEN],
    replace(REPOS[SMALL], counted=700_000),
    REPOS[DERIVED],
    EMPTY,
    REPOS["murk/Broken-7B"],
)


class AtOnce(Asking):
    """Asks in the thread of the pass, so that the order of commits is always the same."""

    def begin(self) -> None:
        """See Asking."""
        self.ask_all()


@dataclass
class Passes:
    """Uploads are judged; then the registry gains a parent of one, which is explained again and alerted."""

    steps: ClassVar[int] = 2
    folder: Path
    site: LoopbackHub
    discord: LoopbackDiscord
    late: timedelta = field(default=timedelta(0))

    def __post_init__(self) -> None:
        self.folder.mkdir()
        self.database = self.folder / "data" / "blendwatch.sqlite"
        self.registry = self.folder / "registry.yaml"
        (self.folder / "data").mkdir()
        self.registry.write_text(CAST.registry.partition(f"- repo_id: {RELEASE}")[0])

    @property
    def settings(self) -> Settings:
        """Return the settings of an operator."""
        with mock.patch.dict("os.environ", {"HF_ENDPOINT": self.site.url}):
            return Settings(
                data=self.folder / "data",
                registry=str(self.registry),
                discord_webhook=SecretStr(self.discord.webhook_url),
                discord_api_base=self.discord.api_base,
                min_parameters=1_000_000,
                min_bytes=0,
                settle_minutes=0,
                shadow_days=0.05,
            )

    def before(self, step: int) -> None:
        """See Play."""
        if step == 1:
            self.site.add(REPOS[RELEASE])
            self.registry.write_text(CAST.registry)

    def live(self, steps: Steps, life: Life) -> None:
        """See Play."""
        clock = Clock(lambda: NOW + self.late, time.monotonic, time.sleep)
        with build.store(self.settings) as store, build.service(self.settings, clock=clock, seen=store) as service:
            watch_pass = build.one_pass(service, store, build.sinks(self.settings), build.monitoring(service, store))
            asked = {f.name: getattr(watch_pass.asking, f.name) for f in fields(Asking) if not f.name.startswith("_")}
            watch_pass = replace(watch_pass, asking=AtOnce(**asked))
            for step, late in steps:
                self.late = step * STEP + late
                asyncio.run(watch_pass.run(lambda _: None))

    def messages(self) -> Mapping[str, Sequence[Mapping[str, Any]]]:
        """See Play."""
        return {"webhook": self.discord.messages}

    def names(self) -> Mapping[str, str]:
        """See Play."""
        return {}


@contextmanager
def watched(folder: Path) -> Iterator[Play]:
    """Open a Hub and a webhook."""
    drawn = mock.patch("secrets.randbits", return_value=7)  # coordinates of a second look are the same in each run
    with LoopbackHub(FIRST) as site, LoopbackDiscord() as discord, drawn:
        yield Passes(folder, site, discord)
