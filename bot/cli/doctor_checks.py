"""Is everything that a watch needs as it should be? One check after the other; a broken one hides no other."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final, Literal

from analyzers.errors import BlendwatchError
from bot import build
from bot.alerts.delivery import TryLater
from bot.config import extras
from bot.config.settings import Settings
from bot.config.trial import described, in_trial
from bot.health.heartbeat import last_heartbeat
from bot.hub.http.errors import Transient
from state.database.examine import examine, first_seen
from state.errors import RegistryError, StateError
from state.registry.models import Registry, load
from state.sketches.store import SketchStore

HUB_SECONDS: Final = 10.0  # without a byte
SKEW_SECONDS: Final = 30.0  # that our clock and the Hub's may differ
LEAST_FREE_BYTES: Final = 1_000_000_000  # on the data folder's disk; half of it is a failure
PROBLEMS_SHOWN: Final = 5  # of a registry
NETWORK: Final = (
    "look at the network, the proxy and the address; status.huggingface.co and discordstatus.com tell of outages"
)

State = Literal["ok", "warning", "failed"]


@dataclass(frozen=True, slots=True)
class Check:
    """What one check found, and what to do about it ("" where there is nothing to do)."""

    name: str
    state: State
    said: str
    todo: str = ""


@dataclass
class Doctor:
    """Looks at everything that the settings name. `problems`: of the settings; `origin`: where these come from."""

    settings: Settings
    problems: tuple[str, ...]
    origin: str
    _hub_time: datetime | None = field(default=None, init=False)
    _hub_answered: bool = field(default=False, init=False)
    _registry: Registry | None = field(default=None, init=False)

    def checks(self) -> Iterator[Check]:
        """Make the checks, each as it is asked for."""
        yield from self._of_settings()
        steps: tuple[tuple[str, Callable[[], Check], str], ...] = (
            ("hub", self._hub, "look at HF_ENDPOINT"),
            ("token", self._token, "make a new token with the right to read, and set HF_TOKEN or HF_TOKEN_FILE"),
            ("clock", self._clock, ""),
            ("disk", self._disk, f"make {self.settings.data} a folder that this user may write to, or set another"),
            ("database", self._database, "move the file away, or put a backup in its place"),
            ("bot", self._bot, "copy the token from Discord's developer portal, and set it as discord_token"),
            ("author", self._author, "make a token that may open discussions, and set it as author_notice_token"),
            ("discord", self._discord, "make a new webhook in the channel's settings, and set it as discord_webhook"),
            ("channels", self._channels, "set the address of that channel as docs/channels.md says"),
            ("charts", self._charts, ""),
            ("trial", self._trial, ""),
            ("registry", self._known, "mend the lines that are named; nothing is watched until then"),
            ("asking", self._asking, "put the key into its file, or take the endpoint out of inference_endpoints"),
            ("sketches", self._sketches, "see that the folder can be read; sketches can be read anew from the Hub"),
            ("watch", self._watch, ""),
        )
        for name, step, todo in steps:
            yield _made(name, step, todo)

    def _of_settings(self) -> Iterator[Check]:
        for problem in self.problems:
            yield Check("settings", "failed", problem, "mend it; below, its default stands in for it")
        if not self.problems:
            yield Check("settings", "ok", f"from {self.origin}")

    def _hub(self) -> Check:
        with build.hub(self.settings, HUB_SECONDS) as hub:
            begun = time.monotonic()
            self._hub_time = hub.hello().said_at
            self._hub_answered = True
            return Check("hub", "ok", f"{hub.endpoint} answered in {time.monotonic() - begun:.1f} s")

    def _token(self) -> Check:
        if self.settings.hf_token is None:
            todo = "log in with hf auth login, or set HF_TOKEN or HF_TOKEN_FILE to a token with the right to read"
            return Check("token", "warning", "none is set; the Hub allows fewer requests without one", todo)
        if not self._hub_answered:
            return Check("token", "warning", "not tried, because the Hub did not answer", "see the line on the hub")
        with build.hub(self.settings, HUB_SECONDS) as hub:
            account = hub.whoami()
        if account.role == "write":
            todo = "a token that may only read is enough, and safer"
            return Check("token", "warning", f"{account.name}'s, which may also write", todo)
        return Check("token", "ok", f"{account.name}'s" + (f", role {account.role}" if account.role else ""))

    def _asking(self) -> Check:
        """Whether models may be asked their names; nobody is asked."""
        endpoints, providers = self.settings.inference_endpoints, self.settings.inference_providers
        for endpoint in endpoints:
            endpoint.key()
        if providers and self.settings.hf_token is None:
            todo = "set HF_TOKEN to a token that may call inference providers, or inference_providers to false"
            return Check("asking", "failed", "the Hub's providers may be asked, and there is no token", todo)
        listed = [f"{len(endpoints)} endpoint(s)"] * bool(endpoints) + ["the Hub's providers"] * providers
        return Check("asking", "ok", f"models are asked their names at {' and '.join(listed)}" if listed else "off")

    def _clock(self) -> Check:
        if self._hub_time is None:
            return Check("clock", "warning", "not compared, because the Hub gave no time", "see the line on the hub")
        skew = (build.utc_now() - self._hub_time).total_seconds()
        said = (
            f"{abs(skew):.0f} s {'ahead of' if skew > 0 else 'behind'} the Hub's; up to {SKEW_SECONDS:.0f} s are fine"
        )
        if abs(skew) > SKEW_SECONDS:
            return Check("clock", "failed", said, "set the clock by NTP: retries, and what counts as new, go by it")
        return Check("clock", "ok", said)

    def _disk(self) -> Check:
        folder = self.settings.data
        there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
        if not there.is_dir():
            return Check("disk", "failed", f"{there} is not a folder", "set data to a folder")
        if folder.exists():
            with tempfile.NamedTemporaryFile(dir=folder) as probe:
                probe.write(b"written by blendwatch doctor")
        elif not os.access(there, os.W_OK | os.X_OK):
            return Check("disk", "failed", f"{folder} is not there, and {there} is not ours to write to", "make it")
        free = shutil.disk_usage(there).free
        said = f"{folder}{'' if folder.exists() else ' (not made yet)'} has {free / 1e9:,.1f} GB free"
        if free >= LEAST_FREE_BYTES:
            return Check("disk", "ok", said)
        state: State = "failed" if free < LEAST_FREE_BYTES / 2 else "warning"
        return Check("disk", state, f"{said}, less than {LEAST_FREE_BYTES / 1e9:.0f}", "make room")

    def _database(self) -> Check:
        if self.settings.database_url is not None:
            with build.store(self.settings) as store:
                return Check("database", "ok", f"{store.engine.url} answers")
        file = self.settings.database
        if not file.exists():
            return Check("database", "ok", "none yet; the first watch makes it")
        found = examine(file)
        size = f"{file.stat().st_size / 1e6:,.1f} MB"
        if found.faults:
            return Check("database", "failed", f"damaged: {'; '.join(found.faults)}", "put a backup in its place")
        if found.revision and not found.known:
            todo = "update the program, or open another database"
            return Check("database", "failed", f"written by a newer version (revision {found.revision})", todo)
        if found.revision != found.newest:
            said = f"whole, revision {found.revision or 'none'}, {size}; the next start brings it to {found.newest}"
            return Check("database", "ok", said)
        return Check("database", "ok", f"whole, revision {found.revision}, {size}")

    def _bot(self) -> Check:
        if self.settings.discord_token is None:
            where = "the webhook" if self.settings.discord_webhook is not None else "the console"
            return Check("bot", "ok", f"no bot is set; alerts go to {where}")
        from bot.alerts.sinks import who_is  # noqa: PLC0415 - discord.py

        name = asyncio.run(who_is(self.settings.discord_token.get_secret_value(), self.settings.discord_api_base))
        return Check("bot", "ok", f"the bot is {name}; nothing was posted")

    def _author(self) -> Check:
        """Check the token that asks authors on the Hub; nothing is posted with it."""
        token = self.settings.author_notice_token
        if token is None:
            hours, todo = self.settings.author_notice_hours, "set author_notice_token, or author_notice_hours to 0"
            if hours:
                return Check("author", "failed", "authors are to be asked on the Hub, and no token is set", todo)
            return Check("author", "ok", "no author is asked on the Hub")
        if not self._hub_answered:
            return Check("author", "warning", "not tried, because the Hub did not answer", "see the line on the hub")
        with build.hub(self.settings, HUB_SECONDS) as hub:
            account = hub.discussions(token.get_secret_value().strip()).account()
        if account.role == "read":
            todo = "make one with the right discussion.write"
            return Check("author", "failed", f"{account.name}'s token may only read, which opens no discussion", todo)
        return Check("author", "ok", f"{account.name}'s" + (f", role {account.role}" if account.role else ""))

    def _discord(self) -> Check:
        if self.settings.discord_webhook is None:
            return Check("discord", "ok", "no webhook is set")
        from bot.alerts.sinks import WebhookSink  # noqa: PLC0415 - discord.py

        sink = WebhookSink(self.settings.discord_webhook.get_secret_value(), self.settings.discord_api_base)
        return Check("discord", "ok", f"the webhook is {asyncio.run(sink.look())}; nothing was posted")

    def _channels(self) -> Check:
        """Tell whether Apprise knows the address of each channel; nothing is posted."""
        if not self.settings.channels:
            return Check("channels", "ok", "none are set")
        build.channel_sinks(self.settings)
        names = ", ".join(channel.name for channel in self.settings.channels)
        return Check("channels", "ok", f"Apprise knows the addresses of {names}; nothing was posted")

    def _charts(self) -> Check:
        if extras.installed("PIL"):
            return Check("charts", "ok", "alerts to Discord have one")
        return Check("charts", "warning", "without pillow, alerts have none", extras.command("PIL"))

    def _trial(self) -> Check:
        """Whether a person judges each would-be alert first; the database is only read."""
        days, now = self.settings.shadow_days, build.utc_now()
        if not days:
            return Check("trial", "ok", "off")
        try:
            began = first_seen(self.settings.database) if self.settings.database.exists() else None
        except StateError:
            return Check("trial", "warning", "unknown, because the database cannot be read", "see the line on it")
        if not in_trial(began, days, now):
            return Check("trial", "ok", "over")
        said = described(self.settings, (began or now) + timedelta(days=days))
        if self.settings.discord_token is not None and self.settings.review_channel is None:
            return Check("trial", "warning", said, "set review_channel: its members judge with two buttons")
        return Check("trial", "ok", said)

    def _known(self) -> Check:
        try:
            registry = load(self.settings.registry_paths)
        except RegistryError as error:
            first = "; ".join(str(p) for p in error.problems[:PROBLEMS_SHOWN])
            return Check(
                "registry", "failed", f"{len(error.problems)} mistakes: {first}", "mend the lines that are named"
            )
        self._registry = registry
        bases = sum(model.role == "base" for model in registry.models)
        counts = f"{bases:,} bases, {len(registry.models) - bases:,} releases, {len(registry.organisations):,} groups"
        if not registry.models:
            todo = "name known models: without any, nothing can be found"
            return Check("registry", "warning", "it names no models", todo)
        return Check("registry", "ok", f"{len(registry.models):,} known models: {counts} of organisations")

    def _sketches(self) -> Check:
        folder = self.settings.data / "sketches"
        if not folder.exists():
            return Check("sketches", "ok", "none yet; the first watch or check reads them")
        store = SketchStore(folder)
        names, broken = store.names(), store.broken()
        said = f"of {len(names):,} models, {folder_size(folder) / 1e6:,.1f} MB"
        if self._registry is not None:
            missing = sum(model.repo_id.lower() not in names for model in self._registry.models)
            said += f"; {missing:,} known models are still to be read"
        if broken:
            todo = "the models in them are read again; the files may be deleted"
            return Check("sketches", "warning", f"{said}; {broken} damaged files are set aside as *.broken", todo)
        return Check("sketches", "ok", said)

    def _watch(self) -> Check:
        beat = last_heartbeat(self.settings.data)
        if beat is None:
            return Check("watch", "ok", "none is running on this folder")
        if trouble := beat.trouble(time.time()):
            return Check(
                "watch", "failed", trouble, "end it if it still runs, and start it again; its log says where it stopped"
            )
        ended = _ago(beat.ended_at) if beat.ended_at else "none has ended yet"
        return Check("watch", "ok", f"running; passes: {beat.passes}, {beat.failed} of them failed, the last {ended}")


def _made(name: str, step: Callable[[], Check], todo: str) -> Check:
    """Make one check; whatever goes wrong is what it found."""
    try:
        return step()
    except (Transient, TryLater) as error:
        return Check(name, "failed", str(error), NETWORK)
    except BlendwatchError as error:
        return Check(name, "failed", str(error), todo)
    except ModuleNotFoundError as error:
        return Check(name, "failed", extras.missing(error), "install it")
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return Check(name, "failed", f"{where}{error.strerror or type(error).__name__}", todo)
    except Exception as error:  # a fault of ours in one check must not hide the others  # noqa: BLE001
        return Check(name, "failed", f"unexpected {type(error).__name__}", "report this as a fault of Blendwatch")


def folder_size(folder: Path) -> int:
    """Bytes of all files in a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def _ago(seconds: float) -> str:
    return f"{max(0.0, time.time() - seconds) / 60:.0f} min ago"
