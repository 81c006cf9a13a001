"""Reports of a probe: JSON for a case, tables for a terminal."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from rich.console import Group
from rich.table import Table

from analyzers.identity.evidence import Asked, IdentityEvidence, Tally
from bot.text.sanitize import harmless, visible

SHOWN = 8  # names
QUOTES = 2
WAYS = ("no system", "empty system", "as templated")


def to_json(evidence: IdentityEvidence) -> dict[str, Any]:
    """Return the evidence as JSON for `identity` in a case. Its texts are untrusted: cut, not escaped."""
    ref = evidence.ref
    report = {
        "repo_id": ref.repo_id if ref else None,
        "revision": ref.revision if ref else None,
        "model": evidence.model,
        "endpoint": evidence.endpoint,
        "asked_at": evidence.asked_at.isoformat(timespec="seconds").replace("+00:00", "Z"),
        "asked": [asked_row(each) for each in evidence.sets],
        "planted": asdict(evidence.planted) if evidence.planted else None,
        "template": evidence.template,
        "spent": asdict(evidence.spent),
        "notes": evidence.notes,
    }
    return {key: _plain(value) for key, value in report.items()}


def _plain(value: Any) -> Any:
    """Return tuples as lists, as JSON has them."""
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    return [_plain(inner) for inner in value] if isinstance(value, list | tuple) else value


def asked_row(each: Asked) -> dict[str, Any]:
    """Return the answers to one way of asking as the report has them."""
    row = asdict(each)
    row["names"] = row.pop("tallies")
    plain: dict[str, Any] = _plain(row)
    return plain


def sentence(evidence: IdentityEvidence) -> str:
    """Return the counts of the first way in a sanitised line: "Nex 95 of 120, Rio 0 of 120"."""
    if not evidence.sets or not evidence.sets[0].answered:
        return "no answers"
    first = evidence.sets[0]
    shown = [t for t in first.tallies if t.claims or t in first.tallies[-1:] or not t.mentions + t.denials]
    counts = ", ".join(f"{harmless(t.name, 60)} {t.claims} of {first.answered}" for t in shown[:SHOWN])
    return f"asked with {first.way} ({first.road}): {counts}"


def tables(evidence: IdentityEvidence) -> Group:
    """Return the evidence for a terminal; untrusted texts are sanitised."""
    head = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    who = f"{evidence.ref.repo_id} at {evidence.ref.revision[:12]}, " if evidence.ref else ""
    head.add_row("model", visible(f"{who}{evidence.model} at {evidence.endpoint}", 300))
    head.add_row("template", visible(evidence.template, 200))
    planted = evidence.planted
    if planted:
        stays = "stays under any system prompt" if planted.with_system else "gives way to a system prompt"
        stays += ", stays under an empty one" if planted.with_empty else ", gives way to an empty one"
        head.add_row("planted", f"“{visible(planted.text, 600)}” ({stays})")
        head.add_row("it names", visible(", ".join(planted.names), 200) or "nobody")
    else:
        head.add_row("planted", "nothing" if all(s.planted is False for s in evidence.sets[:1]) else "unknown")
    for each in evidence.sets:
        head.add_row(each.way, _summary(each))
    for note in evidence.notes:
        head.add_row("note", visible(note, 300))
    spent = evidence.spent
    head.add_row("cost", f"{spent.calls} calls, {spent.tokens:,} tokens, {spent.dollars:.4f} dollars at most")
    return Group(head, "", _counts(evidence))


def _summary(each: Asked) -> str:
    state = {True: "with the planted prompt", False: "nothing planted", None: "whether something is planted is unknown"}
    trouble = f"; {visible(each.trouble, 300)}" if each.trouble else ""
    return f"{each.answered} of {each.asked} answered, over {each.road}, {state[each.planted]}{trouble}"


def _counts(evidence: IdentityEvidence) -> Table:
    """Return a table of names by ways: answers that claim a name, and the 95 % interval of their share."""
    out = Table(box=None, padding=(0, 2, 0, 0))
    out.add_column("claims to be, or to be from")
    by_way = {each.way: each for each in evidence.sets}
    ways = [way for way in WAYS if way in by_way]
    for way in ways:
        out.add_column(way, no_wrap=True)
    out.add_column("in its words")
    for name in _names(evidence)[:SHOWN]:
        found = {way: next((t for t in by_way[way].tallies if t.name == name), None) for way in ways}
        quotes = dict.fromkeys(q for t in found.values() if t and t.claims for q in t.quotes)
        shown = " / ".join(f"“{visible(q, 90)}”" for q in list(quotes)[:QUOTES])
        out.add_row(visible(name, 60), *(_cell(found[way], by_way[way]) for way in ways), shown)
    return out


def _names(evidence: IdentityEvidence) -> list[str]:
    """Return the names, the most claimed in the first way first; names that no answer claims come last."""
    return list(dict.fromkeys(
        t.name
        for claimed in (True, False)
        for each in evidence.sets
        for t in each.tallies
        if bool(t.claims) == claimed
    ))  # fmt: skip


def _cell(found: Tally | None, each: Asked) -> str:
    if not each.answered:
        return "no answers"
    claims = found.claims if found else 0
    if found is None:
        return f"0 of {each.answered}"
    low, high = found.interval
    also = f", denied {found.denials}" if found.denials else ""
    return f"{claims} of {each.answered} [{low:.2f}, {high:.2f}]{also}"
