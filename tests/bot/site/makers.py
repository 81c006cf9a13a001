"""Reports and public cases for tests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.config.trial import Trial
from bot.site.published import PublishedCase, published
from state.cases.messages import case_row, channel_destination
from state.cases.publications import Publications
from state.records import KeptFile
from state.store import OutboxMessage, Store
from tests.state.events import NOW, case_of

CASE = "0123456789ab"
ROOM = channel_destination("1", "10")
NAMES = ("north/Borealis-1", "south/Austral-2")


def report_of(case_id: str = CASE, repo_id: str = "drift/Mixed-7B", **changes: Any) -> dict[str, Any]:
    """Return the report of a blend whose second parent the card leaves out."""
    parents = [
        {"repo_id": name, "revision": "b" * 40, "coefficient": share, "interval": [share - 0.001, share + 0.001]}
        | {"declared": said == "declared", "said": said, "quote": f"a quote on {name}", "where": "card"}
        for name, share, said in zip(NAMES, (0.6, 0.4), ("declared", "absent"), strict=True)
    ]
    profile = [
        {"layer": layer, "module": module, "expert": -1, "state": "mixed", "met": 1.0, "weights": 256}
        | {"shares": {NAMES[0]: [0.6, 0.59, 0.61], NAMES[1]: [0.4, 0.39, 0.41]}}
        for layer in range(4)
        for module in ("self_attn.q_proj", "mlp.up_proj")
    ]
    return {
        "schema": 1,
        "suspect": {"repo_id": repo_id, "revision": "a" * 40, "parameters": 7_000_000_000, "weights": "c" * 64}
        | {"weights_at": "2026-02-28T10:00:00Z"},
        "finding": "blend",
        "family": "linear",
        "disclosure": "partial",
        "alert": True,
        "audience": "public",
        "strength": "exact",
        "order_known": True,
        "parents": parents,
        "components": [
            {"name": "vision_tower", "parameters": 10**8, "nearest": "west/Lens-1", "finding": "copy"}
            | {"share": 0.1, "equal": 1.0, "why": ""}
        ],
        "exact": True,
        "further_training": False,
        "why": "0.600 north/Borealis-1 + 0.400 south/Austral-2",
        "sampled": {"layers": 4, "tensors": 8, "weights": 2048, "decisive": 512, "compared": 0.98},
        "cost": {"requests": 40, "bytes_read": 900_000, "seconds": 3.2},
        "declared": {"parents": [NAMES[0]], "relation": "finetune", "from_scratch": False, "where": {NAMES[0]: "card"}},
        "claims": [
            {"kind": "from_scratch", "subject": "", "quote": "trained by us", "where": "card", "status": "contradicted"}
            | {"measurement": "its weights are a mix of two models"}
        ],
        "traces": [],
        "findings": [],
        "measured": {"decisive": 512, "reproduced": 1.0, "control": 0.12, "arithmetic": "float32, then bfloat16"},
        "problems": [],
        "looks": {"first": None, "second": {"reason": "an alert", "seed": 7}},
        "profile": profile,
        "scale": [{"repo_id": "east/Honest-1", "profile": profile[:2]}],
        "checked_at": "2026-03-01T12:00:00Z",
        "case": case_id,
    } | changes


def told(store: Store, report: dict[str, Any], files: Sequence[KeptFile] = ()) -> int:
    """Open a case, publish it in one channel, and let its message arrive; return its upload's id."""
    case_id = str(report["case"])
    upload_id = case_of(store, report)
    store.cases.keep(upload_id, files)
    Publications(store.engine).open(case_id, "published", [case_row(case_id, ROOM)], NOW)
    arrive(store)
    return upload_id


def alerted(store: Store, report: dict[str, Any], destination: str = "discord") -> int:
    """Open a case of a watch without a bot, and let its alert arrive; return its upload's id."""
    key = f"{report['suspect']['repo_id']}@{report['suspect']['revision']}:{report['case']}"
    upload_id = case_of(store, report, alerts=[OutboxMessage(key, destination, report)])
    arrive(store)
    return upload_id


def arrive(store: Store) -> None:
    """Let every queued message arrive."""
    for row in store.claim(NOW.replace(year=2030), 60, 1000):
        store.mark_sent(row.id, f"m{row.id}", NOW)


def public(store: Store, shadow_days: float = 0) -> list[PublishedCase]:
    """Return what is public."""
    return published(store, Trial(store, shadow_days), {NAMES[1].lower(): "Austral"})
