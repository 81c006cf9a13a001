"""Many alerts to many channels while the bot is killed again and again: is each there once?

    python -m bench.discord_kill                        # 1,000 alerts to 200 channels, 50 kills
    python -m bench.discord_kill --alerts 100 --channels 20 --kills 5

The bot is the real one, in a process of its own that is killed by SIGKILL at random moments; Discord is the loopback,
which forgets nonces at random, so that the look at a channel's history is needed, too. Prints one line of JSON and
ends with status 1 if any alert is missing or doubled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from analyzers.records import HubEvent
from bot.alerts.delivery import LEASE_SECONDS
from bot.alerts.rate_cap import HourlyCap
from bot.cases.casework import Casework
from bot.chat.build import PUBLISHER, Means, assemble
from bot.check.checker import Checker
from bot.check.on_demand import Checking
from bot.config.settings import Settings
from bot.hub import Hub
from bot.known.models import KnownModels
from demo.discord.server import BOT_TOKEN, LoopbackDiscord
from state.case_records import Subscription
from state.cases.subscriptions import Subscriptions
from state.evidence.blobs import Blobs
from state.records import NewCase
from state.registry.models import Registry
from state.sketches.store import SketchStore
from state.sketches.unreadable_models import UnreadableModels
from state.store import OutboxMessage, Settlement, Store

NOW = datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What arrived."""

    alerts: int
    channels: int
    kills: int
    arrived: int
    missing: int
    doubled: int
    resent_by_nonce: int  # second copies that Discord itself refused
    seconds: float


def report(number: int) -> dict[str, Any]:
    """A small exact finding."""
    parents = [{"repo_id": f"lab/Model-{i}", "coefficient": 0.5, "declared": False} for i in (1, 2)]
    return {
        "schema": 1,
        "suspect": {"repo_id": f"org/Upload-{number}", "revision": f"{number:040x}", "parameters": 8_000_000_000},
        "finding": "blend",
        "family": "linear",
        "alert": True,
        "strength": "exact",
        "parents": parents,
        "why": "measured",
        "case": f"{number:012x}",
    }


def find(store: Store, told: dict[str, Any]) -> None:
    """Let a watch find something."""
    case_id, repo_id = told["case"], told["suspect"]["repo_id"]
    store.record("created", [HubEvent(repo_id, case_id, None, NOW, 8_000_000_000)], None, NOW)
    (upload,) = store.history(repo_id)
    alert = OutboxMessage(f"alert:{case_id}", PUBLISHER, told)
    store.settle(upload.id, Settlement("found", "measured", told), [alert], NOW, NewCase(case_id, "m"))


def child(folder: Path, api_base: str, ahead: float) -> None:
    """The bot, `ahead` seconds in the future, so that the leases of the one before it have run out."""

    def clock() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=ahead)

    settings = Settings(
        data=folder,
        discord_token=BOT_TOKEN,  # type: ignore[arg-type]
        discord_api_base=api_base,
        shadow_days=0,
    )
    with Store.open(f"sqlite:///{folder / 'state.db'}") as store, Hub("http://127.0.0.1:9", None) as hub:
        absences = UnreadableModels(folder / "absences.json")
        known = KnownModels(Registry(), SketchStore(folder / "sketches"), absences, hub.repo, clock)
        checking = Checking(hub, Checker(known, hub.metered, clock))
        casework = Casework(store, Blobs(folder / "evidence"), clock)
        cap = HourlyCap(store.alert_digests, 1, frozenset())  # channels of a bot have none
        chat = assemble(settings, Means(hub, store, {}, checking, known, casework, cap, clock)).chat

        async def live() -> None:
            async with chat.running():
                while any(store.counts()[f"alerts.{state}"] for state in ("pending", "sending")):
                    await asyncio.sleep(0.2)

        asyncio.run(live())


def run(
    alerts: int,
    channels: int,
    kills: int,
    seed: int,
    say: Callable[[str], None] = lambda _: None,
    within: str | None = None,
) -> Outcome:
    """Run it and count. `within`: where the database is; memory will do, because it is the process that is killed."""
    rng, begun = random.Random(seed), time.monotonic()
    with tempfile.TemporaryDirectory(dir=within) as name, LoopbackDiscord() as discord:
        folder = Path(name)
        guild = discord.world.guild("Watchers")
        rooms = [discord.world.channel(guild, f"alerts-{i}") for i in range(channels)]
        with Store.open(f"sqlite:///{folder / 'state.db'}") as store:
            wishes = Subscriptions(store.engine)
            for room in rooms:
                wishes.put(Subscription(guild, room.id), NOW)
            for number in range(alerts):
                find(store, report(number))
        total = alerts * channels
        moments = sorted(rng.randrange(total) for _ in range(kills))
        for life in range(kills + 1):
            discord.world.nonce_seconds = rng.choice([0.0, 300.0])
            command = [sys.executable, "-W", "ignore", "-m", "bench.discord_kill", "--child", name]
            ahead = life * (LEASE_SECONDS + 1)
            process = subprocess.Popen([*command, "--api", discord.api_base, "--ahead", str(ahead)])
            if life < kills:
                while process.poll() is None and discord.world.posted < moments[life]:
                    time.sleep(0.002)
                time.sleep(rng.random() * 0.02)
                process.send_signal(signal.SIGKILL)
                process.wait()
                say(f"killed {life + 1} of {kills} times, {discord.world.posted:,} of {total:,} posted")
            elif process.wait():
                raise RuntimeError(f"the bot ended with status {process.returncode}")
        told = Counter(
            (room.id, m["embeds"][0]["footer"]["text"].split(" ")[1]) for room in rooms for m in room.messages
        )
        return Outcome(
            alerts,
            channels,
            kills,
            sum(told.values()),
            total - len(told),
            sum(count - 1 for count in told.values()),
            discord.world.refused_copies,
            round(time.monotonic() - begun, 1),
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.discord_kill")
    parser.add_argument("--alerts", type=int, default=1000)
    parser.add_argument("--channels", type=int, default=200)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--within", help="folder for the database")
    parser.add_argument("--child", type=Path)
    parser.add_argument("--api", default="")
    parser.add_argument("--ahead", type=float, default=0.0)
    asked = parser.parse_args()
    if asked.child:
        child(asked.child, asked.api, asked.ahead)
        return

    def say(text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    outcome = run(asked.alerts, asked.channels, asked.kills, asked.seed, say, asked.within)
    print(json.dumps(asdict(outcome)))
    sys.exit(1 if outcome.missing or outcome.doubled else 0)


if __name__ == "__main__":
    main()
