"""Reports of one check: JSON by its contract, and a table for a terminal."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from math import isfinite
from typing import Any

from rich.table import Table
from rich.text import Text

from analyzers.records import CheckResult, DepthPoint, Parent, Said, SecondLook, Yardstick
from analyzers.records.claims import Assessed
from analyzers.records.traces import Trace
from analyzers.verdict.rules import words_for
from bot.text.sanitize import visible

SCHEMA = 1
TRACES_SHOWN = 12  # in a table


def to_json(result: CheckResult, checked_at: datetime) -> dict[str, Any]:
    """Return the report of one check as JSON values. `checked_at`: UTC."""
    verdict, finding = result.verdict, result.verdict.finding
    return {
        "schema": SCHEMA,
        "suspect": {
            "repo_id": result.suspect.repo_id,
            "revision": result.suspect.revision,
            "parameters": result.parameters,
            "weights_at": _time(result.weights_at),
            "weights": result.weights_digest or None,
            "format": result.format or None,
        },
        "finding": finding.kind,
        "family": finding.family,
        "disclosure": verdict.disclosure,
        "alert": verdict.alert,
        "audience": verdict.audience,
        "strength": verdict.strength,
        "order_known": verdict.order_known,
        "parents": [_parent(p) for p in finding.parents],
        "components": [asdict(component) for component in result.components],
        "exact": finding.exact,
        "further_training": finding.further_training,
        "why": verdict.why,
        "sampled": asdict(result.sampled),
        "cost": asdict(result.cost) | ({"own": asdict(result.own_cost)} if result.own_cost else {}),
        "declared": {
            "parents": list(result.declared.parents),
            "relation": result.declared.relation,
            "from_scratch": result.declared.from_scratch,
            "where": _where(result),
        },
        "claims": [_claim(c) for c in result.claims],
        "traces": [_trace(t) for t in result.traces],
        "findings": [asdict(p) for p in result.findings],
        "measured": {k: None if isinstance(v, float) and not isfinite(v) else v for k, v in finding.measured.items()},
        "problems": list(result.problems),
        "looks": {
            "first": asdict(result.first_cost) if result.first_cost else None,
            "second": _second(result.second) if result.second else None,
            "third": asdict(result.third_cost) if result.third_cost else None,
        },
        "profile": [_point(p) for p in result.second.profile] if result.second else [],
        "scale": [_yardstick(y) for y in result.second.scale] if result.second else [],
        "checked_at": _time(checked_at),
        "case": case_id(result),
    }


def _claim(assessed: Assessed) -> dict[str, Any]:
    claim = assessed.claim
    return {
        "kind": claim.kind,
        "subject": claim.subject,
        "quote": claim.quote,
        "where": claim.where,
        "status": assessed.status,
        "measurement": assessed.measurement,
    }


def _trace(trace: Trace) -> dict[str, Any]:
    return {**asdict(trace), "names": list(trace.names), "otherwise": trace.otherwise}


def _second(look: SecondLook) -> dict[str, Any]:
    return {"reason": look.reason, "seed": look.seed, "sampled": asdict(look.sampled), **asdict(look.cost)}


def _point(point: DepthPoint) -> dict[str, Any]:
    return {
        "layer": point.key.layer,
        "module": point.key.role,
        "expert": point.key.expert,
        "state": point.state,
        "shares": {repo_id: list(share) for repo_id, share in point.shares.items()},
        "met": point.met,
        "weights": point.weights,
    }


def _yardstick(one: Yardstick) -> dict[str, Any]:
    return {"repo_id": one.repo_id, "profile": [_point(p) for p in one.profile]}


def case_id(result: CheckResult) -> str:
    """Return 12 hex digits that are equal for equal findings on one revision."""
    finding = result.verdict.finding
    parts = (
        result.suspect.repo_id.lower(),
        result.suspect.revision,
        finding.kind,
        *(p.ref.repo_id for p in finding.parents),
    )
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]


def _parent(parent: Parent) -> dict[str, Any]:
    return {
        "repo_id": parent.ref.repo_id,
        "revision": parent.ref.revision,
        "coefficient": parent.coefficient,
        "interval": list(parent.interval) if parent.interval else None,
        "declared": parent.declared,
        "said": parent.said,
        "quote": parent.quote,
        "where": parent.where,
        "automatic": parent.automatic,
    }


def _where(result: CheckResult) -> dict[str, str]:
    places: dict[str, dict[str, None]] = {}
    for mention in result.declared.mentions:
        places.setdefault(mention.repo_id, {})[mention.where] = None
    return {repo_id: ", ".join(found) for repo_id, found in places.items()}


def _time(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds").replace("+00:00", "Z") if moment else None


def table(report: Mapping[str, Any], story: Sequence[str] | None = None) -> Table:
    """Return the report as a table for a terminal; texts of uploads are sanitised.

    `story`: sanitised lines that replace claims and traces.
    """
    out = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    suspect, cost, sampled = report["suspect"], report["cost"], report["sampled"]
    out.add_row("verdict", _verdict(report))
    out.add_row("upload", f"{visible(suspect['repo_id'], 200)} at {suspect['revision'][:12]}")
    for parent in report["parents"]:
        words = said(parent)
        share = "" if parent["coefficient"] is None else f"{parent['coefficient']:.4g} "
        span = "" if not parent["interval"] else " [{:.6f}, {:.6f}]".format(*parent["interval"])
        out.add_row("parent", f"{share}{visible(parent['repo_id'], 200)}{span}, {words}")
        if parent.get("quote"):
            out.add_row("", f"{visible(parent['where'], 40)}: “{visible(parent['quote'], 300)}”")
    for part in report.get("components", ()):
        near = f", nearest {visible(part['nearest'], 200)}" if part["nearest"] else ""
        shown = f"{visible(part['name'], 80)}: {part['parameters']:,} parameters, {part['finding']}{near}"
        out.add_row("component", shown)
    if not _says_nothing(report):  # else it follows the verdict
        out.add_row("why", visible(report["why"], 2000))
    for line in story or ():
        out.add_row("story", line)
    for claim in report.get("claims", ()) if story is None else ():
        if claim["kind"] != "parent" or claim["status"] == "contradicted":
            out.add_row("claim", f"{claim['status']}: {_claim_text(claim)}; {visible(claim['measurement'], 500)}")
    for trace in report.get("traces", ())[:TRACES_SHOWN] if story is None else ():
        out.add_row("trace", f"{trace['meaning']}: {visible(trace['claim'], 500)}")
    for problem in report["problems"]:
        out.add_row("note", visible(problem, 500))
    out.add_row(
        "sampled",
        f"{sampled['weights']:,} weights of {sampled['tensors']} tensors in {sampled['layers']} layers"
        + (f"; {share:.0%} of its parameters were compared" if (share := sampled.get("compared")) is not None else ""),
    )
    out.add_row("cost", f"{cost['requests']} requests, {cost['bytes_read']:,} bytes, {cost['seconds']:.1f} s")
    return out


def said(parent: Mapping[str, Any]) -> str:
    """Return how the author's words mention a parent of a report, also of an older version's report."""
    level: Said = parent.get("said") or ("declared" if parent["declared"] else "absent")
    return words_for(level, str(parent.get("where") or ""))


def _verdict(report: Mapping[str, Any]) -> Text:
    """Return finding, disclosure and consequence, coloured by the consequence."""
    family = f" ({report['family']})" if report["family"] else ""
    said = "" if report["disclosure"] == "none-needed" else f", {report['disclosure']}"
    first = f"{report['finding']}{family}{said}"
    if _says_nothing(report):
        return Text(f"{first}: {visible(report['why'], 2000)}", style="bold yellow")
    if report["alert"]:
        return Text(f"{first}: alert ({report['strength']})", style="bold red")
    if report.get("audience") == "reviewers":
        return Text(f"{first}: no alert; a person must see it first", style="bold yellow")
    return Text(f"{first}: no alert", style="bold green")


def _says_nothing(report: Mapping[str, Any]) -> bool:
    return (report["finding"], report.get("audience", "none")) == ("inconclusive", "none")


def _claim_text(claim: Mapping[str, Any]) -> str:
    """Return a claim's kind, subject and quote, sanitised."""
    subject = f" ({visible(claim['subject'], 120)})" if claim["subject"] else ""
    return f"{claim['kind']}{subject}, “{visible(claim['quote'], 200)}”"
