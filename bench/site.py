"""How long a site takes, and how large its pages are: python -m bench.site [--cases 1000] [--axe axe.min.js].

The cases are copies of one that a watch found on a loopback Hub, with a profile of 64 layers. With --axe each kind of
page is checked by axe-core in a headless Chromium, light and dark, and for scrolling sideways at 320 CSS pixels.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

from bench.site_axe import check, why_not
from bot import build
from bot.config.settings import Settings
from bot.site.pages import Site
from bot.site.writer import write
from demo.pictures.site import pages_of, played, shown
from state.records import NewCase, Settlement
from state.store import OutboxMessage, Store
from tests.state.events import event

LAYERS: Final = 64
MODULES: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")


def grown(report: dict[str, Any], number: int) -> dict[str, Any]:
    """Return a report of another upload with a profile as deep as a large model's."""
    shares = report["profile"][0]["shares"]
    point = {"expert": -1, "state": "mixed", "met": 1.0, "weights": 256, "shares": shares}
    profile = [point | {"layer": layer, "module": module} for layer in range(LAYERS) for module in MODULES]
    suspect = report["suspect"] | {"repo_id": f"house-{number % 200}/Model-{number}"}
    return report | {"profile": profile, "suspect": suspect, "case": f"{number:012x}"}


def multiply(store: Store, cases: int) -> None:
    """Store copies of the case with a profile."""
    first = next(case for case in store.cases.all() if case.report["profile"])
    files = store.cases.files(first.upload_id)
    for number in range(cases):
        report = grown(first.report, number)
        name, case_id = report["suspect"]["repo_id"], report["case"]
        store.record("feed", [event(name, hub_id=case_id * 2)], None, first.opened_at)
        (upload,) = store.history(name)
        alert = OutboxMessage(f"{name}:{case_id}", "discord", {})
        store.settle(
            upload.id, Settlement("found", "", report), [alert], first.opened_at, NewCase(case_id, first.method)
        )
        store.cases.keep(upload.id, files)
    now = build.utc_now()
    for row in store.claim(now, 60, cases + 100):
        store.mark_sent(row.id, f"m{row.id}", now)


def measure(settings: Settings, cases: int, folder: Path) -> bool:
    """Build the site of so many cases; print seconds and sizes; tell whether they are within the limits."""
    with build.store(settings) as store:
        multiply(store, cases)
        began, before = time.perf_counter(), time.process_time()
        public = build.public(settings, store)
        written = write(folder, Site(build.blobs(settings)).pages(*public))
        seconds, busy = time.perf_counter() - began, time.process_time() - before
    sizes = sorted((path.stat().st_size, path.name) for path in folder.rglob("*.html"))
    made = f"{len(public[0]):,} cases, {written.files:,} files in {seconds:.1f} s (limit 60)"
    print(f"{made}, {busy:.1f} s of one processor", flush=True)
    (largest, name), median = sizes[-1], sizes[len(sizes) // 2][0]
    print(f"largest page {largest / 1000:.0f} kB ({name}), median {median / 1000:.0f} kB", flush=True)
    return seconds < 60 and largest < 200_000


def main() -> None:
    """Measure, and check the pages where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m bench.site", description=__doc__.partition("\n")[0])
    parser.add_argument("--cases", type=int, default=1000)
    parser.add_argument("--axe", type=Path, help="axe.min.js of npm's axe-core")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        settings = played(Path(name))
        pages = shown(pages_of(settings))
        good = measure(settings, asked.cases, Path(name) / "site") if asked.cases else True
    if reason := why_not(asked.axe):
        print(f"axe-core: skipped, {reason}")
    else:
        good &= check(pages, asked.axe)
    sys.exit(not good)


if __name__ == "__main__":
    main()
