"""Clearances: checks that found no known model, made public by an explicit act of the operator."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Final

from analyzers.errors import BlendwatchError
from analyzers.records import Reference, Sketch
from analyzers.verdict.clearance import agreements, related_pairs
from bot.alerts.sentences import REPO_ID, suspect_of
from bot.text.sanitize import section, string
from state.store import Store

NAME: Final = "clearance: "  # how the key value of each begins
MOST: Final = 10_000
KEPT: Final = ("schema", "finding", "audience", "sampled", "cost", "checked_at", "clearance")


class NoClearance(BlendwatchError):
    """A check that cannot be published as a clearance; the message says why."""


@dataclass(frozen=True, slots=True)
class Clearance:
    """Public check of one revision that found no known model. `report`: numbers, names of models and our own words."""

    id: str
    repo_id: str
    revision: str
    published_at: datetime  # UTC
    report: Mapping[str, Any] = field(repr=False)


def publish(
    store: Store, report: Mapping[str, Any], suspect: Sketch, references: Sequence[Reference], now: datetime
) -> Clearance:
    """Store a check as a clearance, and return it. Raises NoClearance and StateError.

    `references`: the known models that it was compared with.
    """
    about = suspect_of(report)
    repo_id, revision = string(about.get("repo_id")), string(about.get("revision"))
    if report.get("finding") != "unrelated" or report.get("audience") != "none":
        raise NoClearance(f"the check of {repo_id} found {report.get('finding')}: only an unrelated upload is cleared")
    if not REPO_ID.fullmatch(repo_id):
        raise NoClearance(f"{repo_id} is not the name of a repository of the Hub")
    if any(upload.gated for upload in store.history(repo_id)):
        raise NoClearance(f"{repo_id} is gated: nothing of it is published")
    # an automatic reference is another's upload, and may be this one
    known = [r for r in references if r.role and not r.automatic and r.repo_id.lower() != repo_id.lower()]
    measured = agreements(suspect, known)
    if not measured:
        raise NoClearance(f"no known model has a matrix of the shape of one of {repo_id}: there is no scale to show")
    kept: dict[str, Any] = {name: report[name] for name in KEPT if name in report}
    kept["suspect"] = {name: about.get(name) for name in ("repo_id", "revision", "parameters", "weights_at")}
    kept["compared"] = {"known": len(known), "agreements": [asdict(one) for one in measured]}
    kept["compared"]["related"] = [asdict(one) for one in related_pairs(known)]
    key = hashlib.sha256(f"{repo_id.lower()}@{revision}".encode()).hexdigest()[:12]
    store.key_values.put(NAME + key, kept, now)
    return Clearance(key, repo_id, revision, now, kept)


def withdraw_all(store: Store, repo_id: str) -> int:
    """Take every clearance of a repository back. Returns their number; their pages go when the site is next written."""
    kept = store.key_values.first(NAME, MOST)
    mine = [one.name for one in kept if _state(section(one.value))[0] == repo_id.lower()]
    store.key_values.drop(mine)
    return len(mine)


def public_clearances(store: Store) -> list[Clearance]:
    """Return the clearances that still hold, the newest first.

    Left out are those of repositories that are gated by now, and of revisions about which a case stands.
    """
    found = []
    cased = {_state(case.report) for case in store.cases.all(MOST) if case.state == "open"}
    for kept in store.key_values.first(NAME, MOST):
        about = suspect_of(section(kept.value))
        repo_id, revision = string(about.get("repo_id")), string(about.get("revision"))
        if (repo_id.lower(), revision) in cased or any(upload.gated for upload in store.history(repo_id)):
            continue
        found.append(Clearance(kept.name.removeprefix(NAME), repo_id, revision, kept.changed_at, kept.value))
    return sorted(found, key=lambda one: (one.published_at, one.id), reverse=True)


def _state(report: Mapping[str, Any]) -> tuple[str, str]:
    about = suspect_of(report)
    return string(about.get("repo_id")).lower(), string(about.get("revision"))
