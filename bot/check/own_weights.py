"""Find reasons why an undeclared parent may be made of the maker's own weights.

Rules 4 and 9 of docs/method.md. Repositories of the maker's organisations that are older than the parent are read,
nearest sizes first, and the upload is explained again with them. An account that committed to both repositories may
own both. Either leaves the alert to reviewers.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Final

from analyzers import explain
from analyzers.compare.case import Case, case_of
from analyzers.errors import Unreadable
from analyzers.records import HubEvent, Reference, RepoFacts, Sketch
from bot.known.models import KnownModels, Owners
from bot.sources.first_look import FIRST_LOOK_REQUESTS, first_look
from bot.sources.interface import Source, SourceError, Unavailable

MOST: Final = 3  # older repositories that are read
SIZE: Final = 0.25  # share by which the number of parameters may differ
NO_PERSON: Final = re.compile(r"bots?$|^system$|^parquet-converter$")  # accounts that commit for any owner


def own_doubt(known: KnownModels, facts: RepoFacts, case: Case, parents: Sequence[Reference]) -> str:
    """Return why undeclared `parents` may be the maker's own; "" without a reason.

    Raises Unavailable.
    """
    if known.owners is None or facts.local or not parents:
        return ""
    return (
        _reuploaded(known, facts, parents)
        or _shared(known.owners, facts, parents)
        or _older(known, known.owners, facts, case, parents)
    )


def needed(parent: Reference, case: Case, own: Sequence[Reference]) -> bool:
    """Return True if a parent still explains the upload beside weights of the upload's own maker."""
    references = (*(k.reference for k in case.kin), *own)
    again = case_of(case.suspect, references, case.disclosure, case.weights_at, case.screened, case.maker)
    return parent.repo_id.lower() in {p.ref.repo_id.lower() for p in explain(again).parents}


def _reuploaded(known: KnownModels, facts: RepoFacts, parents: Sequence[Reference]) -> str:
    """Name an older model with the same files, where only the watch put the parents among the known models."""
    if known.passed_over is None or not all(p.automatic for p in parents):
        return ""
    holders = known.passed_over.holders(f"sha256:{f.sha256}" for f in facts.shards if f.sha256)
    others = sorted({name for names in holders.values() for name in names} - {facts.ref.repo_id})
    return f"its files are those of {others[0]}, which is older than the watch" if others else ""


def _shared(owners: Owners, facts: RepoFacts, parents: Sequence[Reference]) -> str:
    """Name an account that committed to both the upload and a parent."""
    own = _committers(owners, facts.ref.repo_id)
    each = ((p.repo_id, sorted(own & _committers(owners, p.repo_id))) for p in parents if own)
    return next((f"the account {both[0]} committed to it and to {name}" for name, both in each if both), "")


def _committers(owners: Owners, repo_id: str) -> frozenset[str]:
    try:
        return frozenset(name for name in owners.committers(repo_id) if not NO_PERSON.search(name))
    except Unavailable:
        raise
    except SourceError:  # it is gone, or hides its commits
        return frozenset()


def _older(known: KnownModels, owners: Owners, facts: RepoFacts, case: Case, parents: Sequence[Reference]) -> str:
    """Name an older repository of the upload's maker that explains it as well as a parent does."""
    dated = [(parent, parent.weights_at) for parent in parents if parent.weights_at]
    before = max((at for _, at in dated), default=None)
    found: list[tuple[datetime, Reference]] = []
    members = known.registry.members(facts.ref.organisation)
    for event in _nearest(owners, members, facts, case, before) if before else ():
        try:
            sketch = _sketch(known, known.open(event.repo_id, event.revision))
        except Unavailable:
            raise
        except (SourceError, Unreadable) as error:
            return f"{event.repo_id} of the same maker is older, and cannot be read: {error}"
        own = Reference(sketch, None, event.created_at, case.maker or case.suspect.ref.organisation)
        found.append((event.created_at, own))
    for parent, at in dated:
        had = [own for made, own in found if made < at]
        if had and not needed(parent, case, had):
            return f"{had[0].repo_id} of the same maker is older than {parent.repo_id}, and explains as much"
    return ""


def _nearest(owners: Owners, members: Iterable[str], facts: RepoFacts, case: Case, before: datetime) -> list[HubEvent]:
    """Return older repositories of all the maker's organisations, the nearest sizes first."""
    size = max(facts.parameters or 0, sum(case.suspect.elements.values()))
    least, most = int(size * (1 - SIZE)), int(size * (1 + SIZE)) + 1
    listed = (event for name in members for event in owners.of_owner(name, least, most))
    others = [e for e in listed if e.created_at < before and e.repo_id.lower() != facts.ref.repo_id.lower()]
    return sorted(others, key=lambda e: (abs((e.parameters or 0) - size), e.created_at))[:MOST]


def _sketch(known: KnownModels, source: Source) -> Sketch:
    """Return the kept sketch of a repository, or read one; Unreadable where nothing can be compared."""
    kept = known.sketches.get(source.facts().ref, known.spec)
    sketch = kept.sketch if kept else first_look(source, known.spec, FIRST_LOOK_REQUESTS).sketch.plain
    if not sketch.samples:
        raise Unreadable("nothing of it can be compared")
    return sketch
