"""Count honest uploads shape by shape, and say what rate of false alarms each count allows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from analyzers.fit.binomial import upper_bound
from bench.hub_null.running import ENDED, Day, Shown

CARD_SHOWN = 700  # characters
HEAD = f"{'shape':28}{'uploads':>8}{'alerts':>7}{'at most':>9}{'reviewers':>10}{'share':>7}  found/skipped/failed"
LEGEND = (
    "alerts: uploads with an unattended alert (audience public); at most: the rate of these that the shape's own count"
    " allows (Clopper-Pearson, one-sided, 95 %); reviewers: uploads with a finding for reviewers and no alert. An"
    " upload of several commits counts as found where one of them was. No rate is pooled over shapes. 0 of 300 still"
    " allows 1 in 100."
)


def table(day: Day) -> str:
    """Return one line for each shape."""
    return "\n".join([HEAD, *(_line(shape, its) for shape, its in _by_shape(day.uploads.values())), LEGEND])


def _by_shape(uploads: Iterable[Shown]) -> list[tuple[str, list[Shown]]]:
    found: dict[str, list[Shown]] = {}
    for shown in uploads:
        found.setdefault(shown.shape, []).append(shown)
    return list(found.items())


def _line(shape: str, uploads: Sequence[Shown]) -> str:
    audiences = Counter(u.audience for u in uploads)
    alerts, reviewed, number = audiences["public"], audiences["reviewers"], len(uploads)
    ended = Counter(min(u.states, key=ENDED.index) for u in uploads if u.states and not u.problem)
    states = f"{ended['found']}/{ended['skipped']}/{ended['failed']}"
    bound = upper_bound(alerts, number)
    return f"{shape:28}{number:8d}{alerts:7d}{bound:9.4f}{reviewed:10d}{reviewed / number:7.1%}  {states}"


def alarms(day: Day) -> str:
    """Return each unattended alert: its shape, repository, first sentence and card."""
    return "\n".join(_alarm(u) for u in day.uploads.values() if u.audience == "public")


def _alarm(shown: Shown) -> str:
    card = "".join(f"    | {line}\n" for line in shown.card[:CARD_SHOWN].splitlines())
    return f"ALERT {shown.shape} ({shown.what}): {shown.repo_id}\n    {shown.why.partition('. ')[0]}\n{card}"


def reviewed(day: Day) -> str:
    """Return the first sentence of each finding for reviewers."""
    found = (u for u in day.uploads.values() if u.audience == "reviewers")
    return "\n".join(f"reviewers: {u.shape} ({u.what}): {u.repo_id}: {u.why.partition('. ')[0]}" for u in found)


def problems(day: Day) -> list[str]:
    """Return a sentence for each thing that must not be, alerts aside."""
    found = [f"{u.shape}: {u.repo_id}: {u.problem}" for u in day.uploads.values() if u.problem]
    if day.bad_passes:
        found.append(f"{day.bad_passes} of {day.passes} passes could not read the Hub")
    return found


def has_failed(day: Day) -> bool:
    """Tell whether there was an unattended alert, or an upload without an end."""
    return bool(problems(day)) or any(u.audience == "public" for u in day.uploads.values())
