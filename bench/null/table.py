"""Count what became of the suspects, kind by kind, and say what rate of false alarms the counts allow."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from analyzers.fit.binomial import upper_bound
from bench.null.judging import MEASURES, Judged

UPLOADS_A_DAY = 300  # large ones
COLUMNS = ("draws", "alerts", "named", "first", "unsure", "again", "own", "broke")
LEGEND = """\
alerts: told to the public, after both looks; named: a blend or copy that names a model that is no parent, after both
looks; first: either of these after the first look alone; unsure: inconclusive in the end; again: second looks, with no
lot; own: a blend or copy of its own maker's run, which is never told; broke: the decision raised an error. Then the
highest of the best linear mix: share of decisive weights reproduced, of far weights within 1.5 ulp, of the departure
explained; of the kinds of a sparse blend of the same parents: share covered; decisive weights."""


@dataclass
class Row:
    """Counts of one kind."""

    counts: Counter[str] = field(default_factory=Counter)
    highest: list[float] = field(default_factory=lambda: [0.0] * len(MEASURES))

    def add(self, one: Judged) -> None:
        """Count one suspect."""
        self.counts["draws"] += 1
        self.counts["alerts"] += one.alert
        self.counts["named"] += bool(one.wrong)
        self.counts["first"] += one.alert_first or bool(one.wrong_first)
        self.counts["unsure"] += one.finding == "inconclusive"
        self.counts["again"] += bool(one.reason)
        self.counts["own"] += one.own
        self.counts["broke"] += bool(one.broke)
        self.highest = [max(a, b) for a, b in zip(self.highest, one.measured or self.highest, strict=True)]

    def text(self) -> str:
        """Return one line of the table."""
        counted = " ".join(f"{self.counts[c]:7d}" for c in COLUMNS)
        return counted + " ".join(f"{h:9.3f}" if h <= 1 else f"{h:9.0f}" for h in self.highest)


@dataclass
class Tally:
    """All kinds."""

    rows: dict[str, Row] = field(default_factory=dict)

    def add(self, one: Judged) -> None:
        """Count one suspect."""
        for kind in (one.kind, "all"):
            self.rows.setdefault(kind, Row()).add(one)

    def total(self, what: str) -> int:
        """Return a count over all kinds."""
        return self.rows["all"].counts[what] if self.rows else 0

    def line(self) -> str:
        """Return the counts so far."""
        return ", ".join(f"{self.total(c)} {c}" for c in COLUMNS)

    def table(self) -> str:
        """Return counts and highest measures by kind."""
        kinds = [*sorted(k for k in self.rows if k != "all"), "all"]
        head = " ".join(f"{c:>7}" for c in COLUMNS) + " ".join(f"{m:>9}" for m in (m[:9] for m in MEASURES))
        return "\n".join([f"{'kind':24}{head}", *(f"{k:24}{self.rows[k].text()}" for k in kinds)])

    def bound(self) -> str:
        """Return what the alerts say of the rate; suspects on which the decision broke down prove nothing."""
        judged, alerts = self.total("draws") - self.total("broke"), self.total("alerts")
        rate = upper_bound(alerts, judged)
        return (
            f"{judged:,} honest suspects judged, {alerts} alerts: at most {rate:.3g} a suspect (Clopper-Pearson, 95 %),"
            f" {rate * UPLOADS_A_DAY * 365:.3g} false alarms a year at {UPLOADS_A_DAY} large uploads a day"
        )


def report(tally: Tally, title: str, seconds: float) -> str:
    """Return everything about one part."""
    if not tally.rows:
        return f"{title}: nothing was judged"
    speed = f"{1e3 * seconds / tally.total('draws'):.0f} ms each, by the wall clock"
    return f"\n{title}\n{tally.table()}\n{tally.bound()}; {speed}"
