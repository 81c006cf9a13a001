"""The main job, end to end, on this machine alone: blendwatch demo, or python -m demo.

It builds tiny models with planted ancestry, serves them from a loopback Hub, and runs `blendwatch watch --once`
against it, as against the real one. Alerts go to a loopback Discord, or to the console where discord.py is not
installed. Everything is removed at the end.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.padding import Padding
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from bot.alerts.compose import embed_text
from bot.config.extras import installed
from bot.text.sanitize import visible
from bot.text.words import DEFAULT, words_for
from demo.discord.server import LoopbackDiscord
from demo.founding import UPLOAD, Replayed, replay
from demo.hub.server import LoopbackHub
from demo.scene import HIDDEN, Scene, scene
from state.store import Store, Upload

console = Console(highlight=False, markup=False, width=None if sys.stdout.isatty() else 120)


def environment(hub: LoopbackHub, discord: LoopbackDiscord, folder: Path) -> dict[str, str]:
    """Return what an operator would set; tiny models count as large here."""
    webhook = {"BLENDWATCH_DISCORD_WEBHOOK": discord.webhook_url, "BLENDWATCH_DISCORD_API_BASE": discord.api_base}
    return (
        os.environ
        | (webhook if installed("discord") else {})
        | {
            "BLENDWATCH_CONFIG": os.devnull,
            "HF_ENDPOINT": hub.url,
            "HF_TOKEN": "",
            "BLENDWATCH_DATA": str(folder / "data"),
            "BLENDWATCH_REGISTRY": str(folder / "registry.yaml"),
            "BLENDWATCH_MIN_PARAMETERS": "0",
            "BLENDWATCH_MIN_BYTES": "0",
            "BLENDWATCH_SHADOW_DAYS": "0",
            "PYTHONWARNINGS": "ignore",
            "PYTHONPATH": str(Path(__file__).resolve().parents[1]),  # this program, whatever the working folder holds
        }
    )


def watch_once(env: dict[str, str]) -> tuple[float, str]:
    """Run one pass of the real service; return its seconds and what it printed."""
    started = time.monotonic()
    command = [sys.executable, "-P", "-m", "bot", "watch", "--once"]
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"the watch ended with status {done.returncode}:\n{done.stderr}")
    return time.monotonic() - started, done.stdout


def opened(folder: Path) -> AbstractContextManager[Store]:
    """Open the watch's database."""
    return Store.open(f"sqlite:///{folder / 'data' / 'blendwatch.sqlite'}")


def sent(folder: Path) -> int:
    """Return how many messages the watch has sent."""
    with opened(folder) as store:
        return store.tally(datetime.now(UTC)).alerts["sent"]


def show(cast: Scene, store: Store) -> None:
    """Print what came in and what was decided as a table, then why."""
    table = Table("upload", "in truth", "decided", "read", box=None, padding=(0, 2, 0, 0))
    found = [(repo_id, upload) for repo_id in cast.truth for upload in store.history(repo_id)]
    for repo_id, upload in found:
        table.add_row(repo_id, cast.truth[repo_id], *_decision(upload))
    console.print("", table, "")
    for repo_id, upload in found:
        console.print(Text(repo_id, "bold"))
        console.print(Padding(visible(upload.reason or "", 1000), (0, 0, 0, 4), expand=False))


def _decision(upload: Upload) -> tuple[Text, str]:
    """Return what became of an upload, and what reading it cost."""
    report = upload.report
    if report is None:
        return Text(upload.state), "-"
    loud, cost = report["alert"], report["cost"]
    said = f"{report['finding']}, {report['disclosure']}: {'ALERT' if loud else 'quiet'}"
    read = f"{cost['requests']} requests, {cost['bytes_read'] / 1000:.0f} kB"
    return Text(said, "bold red" if loud else "bold green"), read


def show_alerts(messages: Sequence[Mapping[str, Any]], printed: str) -> None:
    """Print each alert as Discord shows it, or what was printed where there is no discord.py."""
    if not messages:
        console.print("", Panel(Text(printed.strip()), title="the alerts, as the console shows them"))
    for message in messages:
        for embed in message["embeds"]:
            files = message.get("attachments", [])
            drawn = "\n".join(f"[{a['filename']}: {a.get('description') or 'everything else'}]" for a in files)
            shown = f"{embed_text(embed)}\n{drawn}".rstrip()
            console.print("", Panel(Text(shown), title="the alert, as Discord shows it", width=min(110, console.width)))


def show_founding(found: Replayed) -> None:
    """Print the case that the project began with: one case, and all that came together in it."""
    console.print(Text(f"\nThe case that this began with, in small: {UPLOAD}", "bold"))
    console.print("Its card names the base alone and claims distillation; its chat template tells it who it is.")
    console.print("The watch asked it its name afterwards; some hours later, on a clock moved by hand:\n")
    report = found.report
    console.print(Text(f"    {report['finding']}, disclosure {report['disclosure']}: ALERT", "bold red"))
    for line in found.lines:
        console.print(Padding(line, (0, 0, 0, 4)))
    console.print()
    for note in found.notes:
        console.print(
            Padding(
                f"{note.noted_at:%H:%M} {words_for(DEFAULT)(f'news.{note.kind}')}: {visible(note.text, 300)}",
                (0, 0, 0, 4),
            )
        )
    console.print(f"\n{found.cases} case, {len(found.messages)} messages: its alert, and what became of it since.")


def main() -> None:
    """Show the main job, the case that the project began with, and the alerts."""
    console.print("Building tiny models with planted ancestry, a Hub and a Discord on loopback ...")
    cast = scene(datetime.now(UTC))
    with tempfile.TemporaryDirectory() as name, LoopbackHub(cast.repos) as hub, LoopbackDiscord() as discord:
        folder = Path(name)
        (folder / "registry.yaml").write_text(cast.registry)
        env = environment(hub, discord, folder)
        first, printed = watch_once(env)
        alerts, messages = sent(folder), list(discord.messages)
        second, _ = watch_once(env)
        with opened(folder) as store:
            show(cast, store)
        more = sent(folder) - alerts
    console.print(f"\nFirst pass: {first:.1f} s, {alerts} alerts. Second pass: {second:.1f} s, {more} more alerts.")
    with tempfile.TemporaryDirectory() as name:
        show_founding(replay(Path(name), datetime.now(UTC).replace(microsecond=0)))
    show_alerts(messages, printed)
    console.print("\nblendwatch watch does the same on the real Hub.")
    if alerts != 2 or more or HIDDEN not in f"{messages}{printed}":
        sys.exit("the demo did not end as it should: exactly the hidden blend and the renamed copy are alerts")


if __name__ == "__main__":
    main()
