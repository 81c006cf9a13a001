"""What an operator wants to know of a watch, from what it has stored."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from rich.table import Table

from bot.cli.doctor_checks import folder_size
from bot.config.settings import Settings
from bot.config.trial import Trial, described
from bot.health.heartbeat import HeartbeatState, last_heartbeat
from bot.text.sanitize import visible
from state.registry.models import Registry
from state.sketches.store import SketchStore
from state.store import Store

PERIODS: Final[Mapping[str, timedelta | None]] = {"day": timedelta(days=1), "week": timedelta(days=7), "all": None}


def status_of(settings: Settings, store: Store, registry: Registry, now: datetime) -> dict[str, Any]:
    """Return the facts; only what JSON can hold. Sizes in bytes, times in UTC."""
    tallies = {name: store.tally(now, now - back if back else None) for name, back in PERIODS.items()}
    whole, until = tallies["all"], Trial(store, settings.shadow_days).until(now)
    sketched = SketchStore(settings.data / "sketches").names()
    return {
        "watch": _running(last_heartbeat(settings.data)),
        "trial": {"until": _text(until), "said": described(settings, until)} if until else None,
        "feeds": [{"feed": f.name, "read_to": _text(f.read_to), "last_success": _text(f.read_at)} for f in whole.feeds],
        "backlog": {"due": whole.due, "since": _text(whole.due_since), "tried_again_later": whole.waiting},
        "settled": {name: {k: v for k, v in t.uploads.items() if k != "pending"} for name, t in tallies.items()},
        "findings": {name: dict(t.findings) for name, t in tallies.items()},
        "alerts": {**whole.alerts, "oldest_unsent": _text(whole.alerts_since)},
        "known": {
            "models": len(registry.models),
            "sketched": sum(model.repo_id.lower() in sketched for model in registry.models),
            "sketches": len(sketched),
        },
        "disk": {
            "folder": str(settings.data),
            "used": folder_size(settings.data),
            "database": settings.database.stat().st_size if settings.database.exists() else 0,
            "sketches": folder_size(settings.data / "sketches"),
            "free": shutil.disk_usage(settings.data).free,
        },
    }


def _running(beat: HeartbeatState | None) -> dict[str, Any]:
    if beat is None:
        return {"running": False}
    trouble = beat.trouble(time.time())
    return {"running": True, "trouble": trouble, "passes": beat.passes, "failed_passes": beat.failed, "pid": beat.pid}


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def status_table(facts: Mapping[str, Any]) -> Table:
    """Return the facts as a table for a terminal."""
    out = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    watch, backlog, alerts, known, disk = (facts[k] for k in ("watch", "backlog", "alerts", "known", "disk"))
    running = (
        f"running; passes: {watch['passes']}, failed: {watch['failed_passes']}" if watch["running"] else "not running"
    )
    out.add_row("watch", watch.get("trouble") or running)
    if facts["trial"]:
        out.add_row("trial week", facts["trial"]["said"])
    for feed in facts["feeds"] or [None]:
        read = f"read whole at {feed['last_success']}, up to {feed['read_to']}" if feed else "never read"
        out.add_row(f"feed {visible(feed['feed'], 40)}" if feed else "feed", read)
    since = f", the first since {backlog['since']}" if backlog["since"] else ""
    out.add_row("backlog", f"{backlog['due']:,} due{since}; {backlog['tried_again_later']:,} tried again later")
    for name, settled in facts["settled"].items():
        found = ", ".join(f"{count:,} {kind}" for kind, count in sorted(facts["findings"][name].items()))
        outcomes = ", ".join(f"{count:,} {state}" for state, count in settled.items())
        out.add_row("in all" if name == "all" else f"last {name}", outcomes + (f" ({found})" if found else ""))
    states = ", ".join(f"{alerts[state]:,} {state}" for state in ("pending", "sending", "sent", "dead"))
    out.add_row(
        "alerts", states + (f"; the oldest unsent since {alerts['oldest_unsent']}" if alerts["oldest_unsent"] else "")
    )
    out.add_row(
        "known", f"{known['sketched']:,} of {known['models']:,} models read; {known['sketches']:,} sketches in all"
    )
    sizes = [f"{disk[part] / 1e6:,.1f} MB {part}" for part in ("database", "sketches")]
    out.add_row("disk", f"{disk['used'] / 1e6:,.1f} MB used ({', '.join(sizes)}), {disk['free'] / 1e9:,.1f} GB free")
    return out
