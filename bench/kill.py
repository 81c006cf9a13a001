"""The service is killed with SIGKILL at random moments of a busy day and started again: is anything lost or doubled?

    OMP_NUM_THREADS=1 python -m bench.kill [--kills 100] [--seed 0]

Each start has new uploads waiting, and is killed a random while after it has begun a pass, or every fourth one after it
was started; every other one is `watch` with a short poll, the others `watch --once`. Then one undisturbed pass, on the
same Hub as a run without kills. An alert may arrive twice only where death fell between Discord's answer and the mark,
so never more often than its row was claimed, and all rows together are claimed again at most once for each kill. Ends
with status 1 where anything else is found, and where the kills prove nothing: a watch ended by itself with an error,
fewer than half of them had begun a pass, or of a hundred kills and more none fell while an alert was sent.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from pydantic import SecretStr

from bot import build
from bot.alerts.delivery import deliver
from bot.cases.rendering import as_they_stand
from bot.config.settings import Settings
from bot.watch.watcher import DIED
from demo.discord.server import LoopbackDiscord
from demo.hub.repository import LoopbackRepo
from demo.hub.server import LoopbackHub
from demo.scene import BASE, RELEASE, scene
from state.store import Store

LONGEST = 7.0  # seconds until a kill
FROM_THE_START = 4  # one watch in so many may be killed before it has begun a pass
ANSWERS_AFTER = 0.5  # seconds between Discord's keeping a message and its answer: where death doubles it
WAVE = 3  # uploads that wait at each start
PATIENCE = 300.0  # seconds for a pass that nobody kills, and more for each upload
PATIENCE_EACH = 3.0
MANY = 100  # kills; about one in ten falls while an alert is sent, so that of so many some do
Verdicts = Mapping[str, tuple[object, ...]]


@dataclass(frozen=True, slots=True)
class Start:
    """A watch that was to be killed. `begun`: it had asked for a listing. `status` of its exit, a signal's negative."""

    begun: bool
    status: int


@dataclass(frozen=True, slots=True)
class Day:
    """What a run came to. `copies`: how often Discord got each alert; `claims`: how often its row was claimed."""

    verdicts: Verdicts
    copies: Mapping[str, int]
    claims: Mapping[str, int]
    open_rows: int
    starts: Sequence[Start] = ()

    @property
    def doubled(self) -> int:
        """Alerts that came more often than once, counted each time."""
        return sum(n - 1 for n in self.copies.values())


def uploads(number: int) -> tuple[list[LoopbackRepo], list[LoopbackRepo], str]:
    """Return the known models, so many uploads of the last hours, and the registry."""
    now = datetime.now(UTC)
    cast = scene(now)
    kinds = [r for r in cast.repos if r.repo_id in cast.truth]
    found = []
    for i in range(number):
        kind, wave = kinds[i % len(kinds)], i // len(kinds)
        owner, _, name = kind.repo_id.partition("/")
        repo_id = kind.repo_id if wave == 0 else f"{owner}-{wave}/{name}-{wave}"
        found.append(replace(kind, repo_id=repo_id, hub_id="", revision=""))
    return [r for r in cast.repos if r.repo_id in (BASE, RELEASE)], found, cast.registry


def run(
    folder: Path, known: Sequence[LoopbackRepo], new: Sequence[LoopbackRepo], registry: str, rng: random.Random | None
) -> Day:
    """Watch all uploads, killed again and again where there is an `rng`."""
    (folder / "registry.yaml").write_text(registry)
    with LoopbackHub([*known, *([] if rng else new)], latency=0.005) as hub, LoopbackDiscord() as discord:
        discord.faults.slow = ANSWERS_AFTER
        env = _environment(folder, hub, discord)
        starts: list[Start] = []
        if rng is not None:
            for number, begin in enumerate(range(0, len(new), WAVE)):
                came = datetime.now(UTC)
                for repo in new[begin : begin + WAVE]:
                    hub.add(replace(repo, created_at=came, weights_at=came, hub_id=""))
                starts.append(_killed(env, hub, number, rng.uniform(0, LONGEST)))
            _end_waits(folder / "data" / "blendwatch.sqlite")
        command = [sys.executable, "-m", "bot", "watch", "--once"]
        subprocess.run(command, env=env, check=True, timeout=PATIENCE + PATIENCE_EACH * len(new), capture_output=True)
        settings = Settings(
            data=folder / "data",
            discord_webhook=SecretStr(discord.webhook_url),
            discord_api_base=discord.api_base,
        )
        with build.store(settings) as store:
            # what was claimed by a process that died is free an hour later
            where = as_they_stand(build.sinks(settings), store)
            asyncio.run(deliver(store, where, lambda: build.utc_now() + timedelta(hours=1)))
            return replace(_day(store, [r.repo_id for r in new], discord), starts=starts)


def _killed(env: Mapping[str, str], hub: LoopbackHub, number: int, seconds: float) -> Start:
    before = _listings(hub)
    command = [sys.executable, "-m", "bot", "watch", *(["--once"] if number % 2 else [])]
    process = subprocess.Popen(command, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until = time.monotonic() + (0 if number % FROM_THE_START == FROM_THE_START - 1 else PATIENCE)
    while process.poll() is None and _listings(hub) == before and time.monotonic() < until:
        time.sleep(0.02)
    with suppress(subprocess.TimeoutExpired):
        process.wait(seconds)
    process.send_signal(signal.SIGKILL)
    status = process.wait()
    return Start(_listings(hub) > before, status)


def _end_waits(store: Path) -> None:
    """Date the waits back of uploads that were set aside, for three kills in a row met them."""
    with closing(sqlite3.connect(store)) as opened, opened:
        query = "UPDATE uploads SET retry_at = '2000-01-01 00:00:00.000000' WHERE reason LIKE ?"
        opened.execute(query, [f"{DIED}%"])


def _listings(hub: LoopbackHub) -> int:
    return sum(s.path == "/api/models" for s in hub.seen("/api/models"))


def _environment(folder: Path, hub: LoopbackHub, discord: LoopbackDiscord) -> dict[str, str]:
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("BLENDWATCH_", "HF_"))}
    return kept | {
        "BLENDWATCH_CONFIG": os.devnull,
        "HF_ENDPOINT": hub.url,
        "BLENDWATCH_DATA": str(folder / "data"),
        "BLENDWATCH_REGISTRY": str(folder / "registry.yaml"),
        "BLENDWATCH_DISCORD_WEBHOOK": discord.webhook_url,
        "BLENDWATCH_DISCORD_API_BASE": discord.api_base,
        "BLENDWATCH_MIN_PARAMETERS": "0",
        "BLENDWATCH_MIN_BYTES": "0",
        "BLENDWATCH_SHADOW_DAYS": "0",
        "BLENDWATCH_MIN_FREE_BYTES": "0",
        "BLENDWATCH_POLL_MINUTES": "0.02",
        # nothing is left for another pass or folded into a digest, and nobody is told of the crowd
        "BLENDWATCH_REQUESTS_PER_PASS": "1000000",
        "BLENDWATCH_BYTES_PER_PASS": "1000000000000",
        "BLENDWATCH_MAX_BACKLOG": "1000000",
        "BLENDWATCH_ALERTS_PER_HOUR": "100000",
        # a verdict would depend on which uploads were read before, and that on the kills
        "BLENDWATCH_AUTOMATIC_REFERENCES": "false",
        "PYTHONWARNINGS": "ignore",
    }


def _day(store: Store, names: Sequence[str], discord: LoopbackDiscord) -> Day:
    verdicts: dict[str, tuple[object, ...]] = {}
    claims: dict[str, int] = {}
    for name in names:
        told = [(u.state, *_said(u.report)) for u in store.history(name)]
        verdicts[name] = told[0] if len(told) == 1 else ("seen", len(told), *told)
        for upload in store.history(name):
            for row in store.messages_of(upload.id)[:1]:
                claims[name] = row.attempts
    titles = [str(e["title"]) for m in discord.messages for e in m["embeds"]]
    counts = store.counts()
    waiting = counts["uploads.pending"] + counts["alerts.pending"] + counts["alerts.sending"]
    return Day(verdicts, Counter(t.rpartition(": ")[2] for t in titles), claims, waiting)


def _said(report: Mapping[str, object] | None) -> tuple[object, ...]:
    return () if report is None else (report["finding"], report["disclosure"], report["alert"])


def problems(killed: Day, undisturbed: Day, kills: int) -> list[str]:
    """Return what is lost, other, or doubled beyond what a kill explains, and why the kills prove nothing."""
    found = [
        f"{name}: {killed.verdicts[name]} and not {verdict}"
        for name, verdict in undisturbed.verdicts.items()
        if killed.verdicts[name] != verdict
    ]
    if set(killed.copies) != set(undisturbed.copies):
        found.append(f"other alerts: {sorted(set(killed.copies) ^ set(undisturbed.copies))}")
    found += [
        f"{name} was told {n} times and claimed {killed.claims.get(name, 0)} times"
        for name, n in killed.copies.items()
        if n > killed.claims.get(name, 0)
    ]
    again = sum(n - 1 for n in killed.claims.values())
    if again > kills:
        found.append(f"{again} alerts were claimed again, after {kills} kills")
    if killed.open_rows or undisturbed.open_rows:
        found.append(f"{killed.open_rows} rows are open")
    if undisturbed.doubled:
        found.append("the undisturbed run told an alert twice")
    return found + _idle(killed.starts, kills, again)


def _idle(starts: Sequence[Start], kills: int, again: int) -> list[str]:
    """Say what shows that the watches were not at work when they were killed."""
    found = []
    errors = sorted({s.status for s in starts} - {0, -signal.SIGKILL})
    if errors:
        found.append(f"watches ended by themselves, with status {errors}")
    begun = sum(s.begun for s in starts)
    if 2 * begun < kills:
        found.append(f"only {begun} of {kills} watches had begun a pass before they were killed")
    if kills >= MANY and not again:
        found.append("no alert was claimed again: no kill fell while one was sent")
    return found


def prove(kills: int, seed: int) -> tuple[Day, Day, list[str]]:
    """Run the day twice, with kills and without; return both and what is wrong."""
    known, new, registry = uploads(kills * WAVE)
    with tempfile.TemporaryDirectory() as one, tempfile.TemporaryDirectory() as other:
        undisturbed = run(Path(one), known, new, registry, None)
        killed = run(Path(other), known, new, registry, random.Random(seed))
    return killed, undisturbed, problems(killed, undisturbed, kills)


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    began = time.monotonic()
    killed, undisturbed, wrong = prove(args.kills, args.seed)
    states = Counter(v[0] for v in killed.verdicts.values())
    again = sum(n - 1 for n in killed.claims.values())
    print(f"{args.kills} kills, {len(killed.verdicts)} uploads ({dict(states)}), {time.monotonic() - began:.0f} s")
    print(f"watches that had begun a pass: {sum(s.begun for s in killed.starts)}")
    print(f"alerts: {len(killed.copies)} with kills, {len(undisturbed.copies)} without")
    print(f"claimed again after a kill: {again}; of these told twice: {killed.doubled}")
    print("".join(f"  {text}\n" for text in wrong) + f"{len(wrong)} differences")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
