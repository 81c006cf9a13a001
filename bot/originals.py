"""Whether an upload may be older than what it looks made of: nobody accuses an original of being its copy's copy.

A repository that is older than a parent may have had the same weights before that parent was public, in files that
were sharded anew since, or in a history that was squashed. Where the watch does not know what it had then, its state of
that time is read.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from analyzers.case import Case
from analyzers.errors import Unreadable
from analyzers.records import Reference, RepoFacts, Sketch, Verdict
from bot.dating import same_weights
from bot.known import KnownModels
from bot.look import FIRST_LOOK_REQUESTS, first_look
from bot.source import Source, SourceError, Unavailable

Earlier = Callable[[datetime], Source | None]


def doubt(known: KnownModels, facts: RepoFacts, case: Case, verdict: Verdict, earlier: Earlier) -> str:
    """Return why an upload may have come before a parent that it does not declare; "" where it cannot.

    `earlier` gives the repository as it was at a time, None where nobody can say. Raises Unavailable.
    """
    hidden = _hidden(case, verdict)
    before = max((r.weights_at for r in hidden if r.weights_at), default=None)
    if before is None or facts.created_at is None or facts.created_at >= before:
        return ""
    older = f"the repository is older than {' and '.join(r.repo_id for r in hidden)}, and "
    try:
        had = known.earlier(facts, before)
        if had is None:
            had = _read(known, earlier(before))
    except Unavailable:
        raise
    except (SourceError, Unreadable) as error:
        return f"{older}what weights it had before cannot be read: {error}"
    if had is None:
        return f"{older}what weights it had before is not known"
    now = (case.suspect, *(r.sketch for r in hidden))
    return f"{older}it had such weights before" if any(same_weights(s, then) for s in now for then in had) else ""


def _read(known: KnownModels, then: Source | None) -> list[Sketch] | None:
    """Return the weights of an earlier state, if it has any; None if there is no such state."""
    if then is None:
        return None
    return [first_look(then, known.spec, FIRST_LOOK_REQUESTS).sketch] if then.facts().shards else []


def _hidden(case: Case, verdict: Verdict) -> list[Reference]:
    """Return the parents that are not declared."""
    named = {p.ref.repo_id.lower() for p in verdict.finding.parents if not p.declared}
    return [k.reference for k in case.kin if k.reference.repo_id.lower() in named]
