"""What a check may cost and must find, and a report in words beside that."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.rio397.cast import BASE, BLEND, RELEASE, ROTATED, SUSPECT
from bench.rio397.pairs import SHARE

PAIRS_RMS = 0.003
COEFFICIENT = 0.0005  # from the true one
FIRST = {"requests": 60, "bytes_read": 1_500_000}
SECOND = {"requests": 300, "bytes_read": 6_000_000}
THIRD = {"requests": 60, "bytes_read": 24_000_000}
LOOKS = (("first", FIRST), ("second", SECOND), ("third", THIRD))
SECONDS, PEAK_BYTES = 10.0, 300_000_000  # of a process that needs the first look only
LAYERS = 60  # of the profile


@dataclass(frozen=True, slots=True)
class Checked:
    """A report by the contract of `check --json`, and the cost of its process as the system counts it."""

    report: dict[str, Any]
    seconds: float  # from start to end of the process, interpreter and imports included
    processor: float  # seconds
    peak_bytes: int


def wrong(done: Checked, repo_id: str) -> list[str]:
    """Return what is wrong with the check of a model of the cast. Of a rotated blend, descent is all that is asked."""
    if repo_id == SUSPECT or (repo_id.startswith(BLEND) and repo_id != ROTATED):
        return of_suspect(done, layers=LAYERS if repo_id == SUSPECT else 0)
    rest = [] if repo_id != ROTATED or done.report["finding"] == "derivative" else [f"is {done.report['finding']}"]
    return [*of_sibling(done), *rest]


def of_suspect(done: Checked, layers: int = LAYERS) -> list[str]:
    """Return what is wrong with the check of the blend. `layers`: that the profile must have."""
    report, shares = done.report, _coefficients(done.report)
    wrong = list(_costs(done))
    if report["finding"] != "blend" or not report["alert"]:
        wrong.append(f"{report['finding']}, {'alert' if report['alert'] else 'no alert'}")
    if set(shares) != {BASE, RELEASE}:
        wrong.append(f"parents {sorted(shares)}")
    for repo_id, true in ((BASE, 1 - SHARE), (RELEASE, SHARE)):
        share = shares.get(repo_id)
        if share is None or abs(share - true) > COEFFICIENT:
            wrong.append(f"coefficient {share} of {repo_id} is not within {COEFFICIENT} of {true:.3f}")
    profiled = {row["layer"] for row in report.get("profile") or []}
    if (report.get("looks") or {}).get("second") and not profiled.issuperset(range(layers)):
        wrong.append(f"a profile over {len(profiled & set(range(layers)))} of {layers} layers")
    return wrong


def of_sibling(done: Checked) -> list[str]:
    """Return what is wrong with the check of an honest model."""
    return [*_costs(done), *(["an alert about an honest model"] if done.report["alert"] else [])]


def _coefficients(report: dict[str, Any]) -> dict[str, float | None]:
    return {p["repo_id"]: p["coefficient"] for p in report["parents"]}


def _costs(done: Checked) -> Iterator[str]:
    """Yield every limit of cost that is broken. A report that does not tell its looks apart had one."""
    looks = done.report.get("looks") or {"first": done.report["cost"], "second": None}
    for name, limits in LOOKS:
        spent = looks.get(name) or {}
        yield from (
            f"{name} look: {k} {spent[k]:,} of {most:,}" for k, most in limits.items() if spent.get(k, 0) > most
        )
    alone = not looks.get("second") and not looks.get("third")
    first = done.seconds if alone else looks["first"].get("seconds", 0.0)
    if first > SECONDS:
        yield f"first look: {first:.1f} s of {SECONDS:.0f}"
    if done.peak_bytes > PEAK_BYTES:
        yield f"memory: {done.peak_bytes:,} of {PEAK_BYTES:,} bytes"


def described(done: Checked) -> Iterator[str]:
    """Yield the lines that say what was found and what it cost."""
    report, cost = done.report, done.report["cost"]
    alert = f"ALERT, {report['strength']}" if report["alert"] else "no alert"
    yield f"{report['suspect']['repo_id']}: {report['finding']}, {report['disclosure']}: {alert}"
    for parent in report["parents"]:
        share = "no coefficient" if parent["coefficient"] is None else f"{parent['coefficient']:.6f}"
        span = f" in [{parent['interval'][0]:.6f}, {parent['interval'][1]:.6f}]" if parent["interval"] else ""
        true = {BASE: 1 - SHARE, RELEASE: SHARE}.get(parent["repo_id"])
        away = (
            ""
            if true is None or parent["coefficient"] is None
            else f", {abs(parent['coefficient'] - true):.6f} from {true:.3f}"
        )
        yield f"  {share}{span} of {parent['repo_id']}{away}"
    yield f"  {report['why']}"
    looks = report.get("looks") or {}
    for name, limits in LOOKS:
        if spent := looks.get(name):
            yield f"  {name} look: {_spent(spent, limits)}"
    yield (
        f"  in all: {_spent(cost, {})}; process: {done.seconds:.1f} s of "
        f"{SECONDS:.0f}, {done.processor:.1f} s of processor, "
        f"peak {done.peak_bytes / 1e6:.0f} MB of {PEAK_BYTES / 1e6:.0f}"
    )
    if profile := report.get("profile"):
        yield f"  profile: {len(profile)} rows over {len({row['layer'] for row in profile})} layers"


def _spent(spent: dict[str, Any], limits: dict[str, int]) -> str:
    of = {k: f" of {limits[k]:,}" if k in limits else "" for k in FIRST}
    requests, size = (f"{spent[k]:,}{of[k]}" for k in FIRST)
    return f"{requests} requests, {size} bytes, {spent['seconds']:.1f} s"
