"""Check every trained model by the decision that runs in production, and count what it got wrong."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analyzers.fit.binomial import upper_bound
from bench.loopback import check, served
from bench.trained.known import NAMES

Report = Mapping[str, Any]


def judge(models: Path, keys: Sequence[str] = ()) -> None:
    """Print a line a suspect, then false alarms with their bound and what of the planted was found.

    `keys`: of the catalogue, where not all known models are to be known.
    """
    truth, hub = (json.loads((models / f"{name}.json").read_text()) for name in ("truth", "hub"))
    reports = {}
    with served(models, [NAMES[k] for k in keys]) as settings:
        for repo_id in truth:
            reports[repo_id] = check(settings, repo_id)
            print(line(reports[repo_id], hub[repo_id]["what"]), flush=True)
    print(summary(reports, truth))


def line(report: Report, what: str) -> str:
    """Return one suspect's finding and everything that was measured, in one line."""
    parents = " + ".join(_parent(p) for p in report["parents"])
    alert = f"ALERT {report['strength']}" if report["alert"] else f"quiet {report['strength'] or ''}".strip()
    measured = " ".join(f"{k}={v:.4g}" if isinstance(v, float) else f"{k}={v}" for k, v in report["measured"].items())
    return (
        f"{report['suspect']['repo_id']} ({what}): {report['finding']}, {alert}; {parents or 'no parent'}; {measured}"
    )


def _parent(parent: Report) -> str:
    share = "" if parent["coefficient"] is None else f"{parent['coefficient']:.4g} "
    return share + str(parent["repo_id"])


def summary(reports: Mapping[str, Report], truth: Mapping[str, Report]) -> str:
    """Return the false alarms among the honest, with a bound on their rate, and the power on the planted."""
    quiet = [r for r, t in truth.items() if not t["alert"]]
    planted = [r for r, t in truth.items() if t["alert"]]
    alarms = [r for r in quiet if reports[r]["alert"]]
    named = [f"{r}: {', '.join(i)}" for r in truth if (i := innocents(reports[r], truth[r]))]
    strangers = [r for r in quiet if reports[r]["finding"] == "derivative" and not_parents(reports[r], truth[r])]
    kinds = [reports[r]["finding"] for r in quiet]
    found = [r for r in planted if reports[r]["alert"] and right_parents(reports[r], truth[r])]
    bound = f"{upper_bound(len(alarms), len(quiet)):.4f} ({len(alarms)} of {len(quiet)}, were they independent)"
    lines = [
        f"honest: {len(quiet)}; " + ", ".join(f"{kinds.count(k)} {k}" for k in sorted(set(kinds))),
        f"false alarms: {', '.join(alarms) or 'none'}",
        f"innocents named: {'; '.join(named) or 'none'}",
        f"derivatives of a model they do not descend from, without alert: {len(strangers)} {strangers or ''}",
        f"upper 95 % bound of the rate of false alarms: {bound}",
        f"planted: {len(found)} of {len(planted)} found with the right parents",
        *(f"  {'found' if r in found else reports[r]['finding']}: {r}" for r in planted),
    ]
    return "\n".join(lines)


def innocents(report: Report, truth: Report) -> Sequence[str]:
    """Return parents named in a blend or copy that are none."""
    return not_parents(report, truth) if report["finding"] in ("blend", "copy") else []


def not_parents(report: Report, truth: Report) -> Sequence[str]:
    """Return what is named as a parent and is none."""
    allowed = {*truth["parents"], *truth.get("parents_also", [])}
    return [p["repo_id"] for p in report["parents"] if p["repo_id"] not in allowed]


def right_parents(report: Report, truth: Report) -> bool:
    """Tell whether exactly the true parents are named."""
    return {p["repo_id"] for p in report["parents"]} == set(truth["parents"])
