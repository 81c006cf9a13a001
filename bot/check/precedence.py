"""Find reasons why an upload may be older than its undeclared parents: an original is not a blend of its copies.

A repository that is older than a parent may have had weights before the parent was public. The parent may be made of
them, even if their files were replaced or resharded since. Revisions of that time are read, and the upload is
explained again with them beside the known models. A parent that it still needs was hidden.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from analyzers.compare.case import Case
from analyzers.errors import Unreadable
from analyzers.records import Reference, RepoFacts, RepoRef, Sketch, Verdict
from bot.check.own_weights import needed, own_doubt
from bot.known.models import KnownModels
from bot.sources.first_look import FIRST_LOOK_REQUESTS, first_look, weights_digest
from bot.sources.interface import Missing, Source, TooLarge
from bot.sources.weight_files import OTHER_WEIGHTS

MOST_READ: Final = 3  # earlier weights of one repository; of more nobody knows

States = Callable[[datetime], Sequence[Source] | None]


def doubted(known: KnownModels, facts: RepoFacts, case: Case, verdict: Verdict, states: States) -> Verdict:
    """Return a verdict, for reviewers where the upload may be older than a parent that it does not declare, or own it.

    `states`: returns the repository's revisions before a time, None where they are unknown. Raises SourceError.
    """
    named = {p.ref.repo_id.lower() for p in verdict.finding.parents if not p.declared}
    hidden = [k.reference for k in case.kin if k.reference.repo_id.lower() in named]
    reasons = (_of_one(known, facts, case, parent, states) for parent in hidden)
    older = next(filter(None, reasons), "")
    why = older or (own_doubt(known, facts, case, hidden) if verdict.alert else "")
    if not why:
        return verdict
    order_known = verdict.order_known and not older
    return replace(verdict, audience="reviewers", why=f"{verdict.why}; {why}", order_known=order_known)


def _of_one(known: KnownModels, facts: RepoFacts, case: Case, parent: Reference, states: States) -> str:
    since, older = parent.weights_at, f"the repository is older than {parent.repo_id}, and "
    if since is None or facts.created_at is None or facts.created_at >= since:
        return ""
    try:
        found = states(since)
        if found is None:
            return f"{older}what weights it had before is not known"
        had = list(_read(known, found))
    except (Unreadable, TooLarge, Missing) as error:
        return f"{older}what weights it had before cannot be read: {error}"
    if not had or _is_needed(parent, case, had, facts.created_at):
        return ""
    return f"{older}what it had before explains as much"


def _read(known: KnownModels, states: Sequence[Source]) -> Iterator[Sketch]:
    """Yield the sketch of each revision with other weights than the next newer one; Unreadable if one cannot be."""
    before = ""
    count = 0
    for state in states:
        facts = state.facts()
        if not facts.shards and any(f.path.lower().endswith(OTHER_WEIGHTS) for f in facts.files):
            raise Unreadable("they are no safetensors")
        digest = weights_digest(facts) if facts.shards else ""
        if digest and digest != before:
            count += 1
            if count > MOST_READ:
                raise Unreadable(f"they were replaced more than {MOST_READ} times")
            stored = known.sketches.get(facts.ref, known.spec)
            sketch = stored.sketch if stored else first_look(state, known.spec, FIRST_LOOK_REQUESTS).sketch.plain
            if not sketch.samples:
                raise Unreadable("nothing of them can be compared")
            yield sketch
        before = digest


def _is_needed(parent: Reference, case: Case, had: Sequence[Sketch], created_at: datetime) -> bool:
    """Return True if a parent still explains the upload beside its own earlier weights."""
    suspect = case.suspect
    maker = case.maker or suspect.ref.organisation
    named = (replace(s, ref=RepoRef(f"{suspect.ref.repo_id}-{i}", s.ref.revision)) for i, s in enumerate(had))
    return needed(parent, case, [Reference(sketch, None, created_at, maker) for sketch in named])
