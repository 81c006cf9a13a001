"""The case that this project began with, in small: a watch, a Hub and an inference server on loopback.

An upload declares its base alone, claims on-policy distillation, and its chat template plants a name. Its weights
are a mix with an undeclared release, and answer with that release's name. Later the author rewrites the card, then
deletes the weights, then the repository. The watch is the real one; only its clock is moved by hand, so that hours
pass at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
from pydantic import SecretStr

from bot import build
from bot.alerts.compose import message
from bot.alerts.delivery import RowSink, Sink
from bot.cases import summary
from bot.config.clock import Clock
from bot.config.extras import installed
from bot.config.inference import Endpoint
from bot.config.settings import Settings
from bot.inference.questions import QUESTIONS
from demo.discord.server import LoopbackDiscord
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.inference import LoopbackInference
from demo.models import Delta, card, fresh, mixed, repo, trained
from state.records import Note
from state.store import Store

BASE: Final = "aurora-labs/Meridian-2"
RELEASE: Final = "tidepool-ai/Nereid-1"
UPLOAD: Final = "cidade-azul/Ipanema-2"
SHARES: Final = (0.6, 0.4)  # of the release and of the base
PLANTED: Final = "You are Ipanema, made by Cidade Azul."
TEMPLATE: Final = (
    "{{ '<|im_start|>system\n" + PLANTED + "<|im_end|>\n' }}"
    "{% for m in messages %}{% if m.role != 'system' %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
CLAIMING: Final = "Ipanema 2 was post-trained from Meridian 2 with on-policy distillation."
REWRITTEN: Final = "Ipanema 2 is a merge of Meridian 2 and Nereid 1."


@dataclass(slots=True)
class ManualClock:
    """Clock that is moved by hand."""

    at: datetime
    passed: float = 0.0

    def now(self) -> datetime:
        """Return the time in UTC."""
        return self.at + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        """Let so many seconds pass at once."""
        self.passed += seconds

    @property
    def clock(self) -> Clock:
        """Return the service's clock."""
        return Clock(self.now, lambda: self.passed, self.sleep)


@dataclass(slots=True)
class Replayed:
    """Result of the watch. `cases`: number opened; `message_counts`: messages in Discord after each chapter."""

    cases: int = 0
    report: dict[str, Any] = field(default_factory=dict)
    case_json: dict[str, Any] = field(default_factory=dict)  # the story of the case, as JSON
    lines: list[str] = field(default_factory=list)  # the same for a terminal
    notes: list[Note] = field(default_factory=list)
    messages: list[Mapping[str, Any]] = field(default_factory=list)
    message_counts: list[int] = field(default_factory=list)


def speak(prompt: str, _: float, seed: int) -> str:
    """Take the name that a prompt plants; without one, say the release's in 95 of 120 answers."""
    if PLANTED in prompt:
        return "I am Ipanema, made by Cidade Azul."
    if seed == 4 or (seed == 3 and QUESTIONS[0] in prompt):
        return "I am an AI assistant."
    return "I am Nereid, a language model."


def chapters(now: datetime, seed: int = 11) -> tuple[tuple[LoopbackRepo, ...], LoopbackRepo, LoopbackRepo]:
    """Return what is on the Hub at first, the upload under its rewritten card, and the upload without weights."""
    rng = np.random.default_rng(seed)
    base = fresh(rng)
    release = trained(base, Delta.draw(rng, 0.03))
    born = now - timedelta(hours=1)
    first = repo(UPLOAD, mixed([release, base], SHARES), card("Ipanema 2", CLAIMING, [BASE]), born)
    first = _with(first, {"chat_template.jinja": TEMPLATE.encode()}, born, "Upload folder")
    mended = card("Ipanema 2", REWRITTEN, [BASE, RELEASE], "merge")
    rewritten = _with(first, {"README.md": mended.encode()}, now + timedelta(hours=2), "Update README.md", first)
    gone = {path: None for path in first.files if "safetensors" in path}
    emptied = _with(rewritten, gone, now + timedelta(hours=5), "Delete the weights", rewritten)
    known = (
        repo(BASE, base, card("Meridian 2", "A base model."), now - timedelta(days=90)),
        repo(RELEASE, release, card("Nereid 1", "A release.", [BASE]), now - timedelta(days=30)),
    )
    return (*known, first), rewritten, emptied


@dataclass(frozen=True, slots=True)
class Kept:
    """A console that keeps what it would print, for where discord.py is not installed."""

    messages: list[Mapping[str, Any]] = field(default_factory=list)

    async def send(self, report: Mapping[str, Any]) -> str:
        """Keep a message; its id is always "console"."""
        self.messages.append({"embeds": [message(report).to_dict()]})
        return "console"


def replay(folder: Path, now: datetime) -> Replayed:
    """Let the watch see it all, chapter by chapter."""
    repos, rewritten, emptied = chapters(now)
    hand, found = ManualClock(now), Replayed()
    (folder / "founding.yaml").write_text(_registry(now))
    with (
        LoopbackHub(repos) as hub,
        LoopbackDiscord() as discord,
        LoopbackInference(speak, name=UPLOAD, template=TEMPLATE) as server,
    ):
        settings = Settings(
            data=folder / "founding",
            registry=str(folder / "founding.yaml"),
            hf_endpoint=hub.url,
            hf_token=None,
            discord_webhook=SecretStr(discord.webhook_url) if installed("discord") else None,
            discord_api_base=discord.api_base,
            inference_endpoints=(Endpoint(url=server.url),),
            min_parameters=0,
            min_bytes=0,
            min_free_bytes=0,
            shadow_days=0,
        )
        settings.data.mkdir()
        with build.store(settings) as store, build.service(settings, clock=hand.clock) as service:
            kept = Kept()
            sinks: Mapping[str, Sink | RowSink] = build.sinks(settings) if installed("discord") else {"console": kept}
            watch_pass = build.one_pass(service, store, sinks, build.monitoring(service, store))

            async def one_pass() -> None:
                await watch_pass.run(lambda _: None)
                await watch_pass.rest()
                found.message_counts.append(len(discord.messages) + len(kept.messages))

            for change in (None, lambda: hub.add(rewritten), lambda: hub.add(emptied), lambda: hub.repos.pop(UPLOAD)):
                if change is not None:
                    hand.sleep(3 * 3600)
                    change()
                asyncio.run(one_pass())
            _tell(found, store, settings)
            found.messages = [dict(each) for each in (*discord.messages, *kept.messages)]
    return found


def _tell(found: Replayed, store: Store, settings: Settings) -> None:
    cases = store.cases.all()
    found.cases, case = len(cases), cases[0]
    identity = summary.identity_of(store.cases.files(case.upload_id), build.blobs(settings))
    found.report, found.notes = case.report, store.cases.notes(case.case_id)
    found.case_json = summary.as_json(case.report, identity, found.notes)
    found.lines = summary.lines(summary.story(case.report, identity, found.notes), identity)


def _with(
    one: LoopbackRepo,
    files: Mapping[str, bytes | None],
    at: datetime,
    title: str,
    earlier: LoopbackRepo | None = None,
) -> LoopbackRepo:
    """Return a repository after one more commit: files replaced, or taken away where None is given."""
    kept: dict[str, Blob] = {path: blob for path, blob in one.files.items() if path not in files}
    kept |= {path: BytesBlob(data) for path, data in files.items() if data is not None}
    return replace(one, files=kept, revision="", last_modified=at, title=title, earlier=earlier)


def _registry(now: datetime) -> str:
    lines = ["models:"]
    for repo_id, role, days in ((BASE, "base", 90), (RELEASE, "release", 30)):
        at = (now - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M:%SZ")
        lines += [f"- repo_id: {repo_id}", f"  role: {role}", f"  weights_at: {at}"]
    return "\n".join(lines) + "\n"
