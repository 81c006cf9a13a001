"""Declarations of an upload: read from cards and the registry, looked up, matched with the models it was compared with.

Quotes of a gated repository's card are left out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from analyzers.card.claim_check import assess
from analyzers.card.reader import LINKED, Card, Place, read_card
from analyzers.compare.case import Case
from analyzers.records import NAMED, Disclosure, Mention, Reference, RepoRef, Verdict
from analyzers.records.claims import Assessed
from bot.known.models import KnownModels, Progress
from bot.sources.first_look import FIRST_LOOK_REQUESTS
from bot.sources.interface import Unavailable

REGISTRY = "registry"  # the place of a parent that a registry file declares, not the card
WITHHELD = "not shown: the repository is gated"  # replaces quotes from its card
MAX_DECLARED_READ = 4  # declared parents outside the registry that are read for one suspect
MAX_FOLLOWED = 8  # declared models, and matches, whose cards are read for the model they are a form of


def parse_card(known: KnownModels, repo_id: str, tags: Sequence[str], text: str) -> Card:
    """Parse an upload's card; the names of known models are recognised in it."""
    return read_card(text, tags, known.registry.names(repo_id), repo_id)


def disclosure_of(known: KnownModels, ref: RepoRef, cards: Sequence[Card], *, gated: bool = False) -> Disclosure:
    """Return the declarations of the registry, then those of the upload's cards in their order.

    `gated`: the quotes are left out.
    """
    said = [card.disclosure(ref.revision) for card in cards]
    mentions = [m for each in said for m in each.mentions]
    problems = said[0].problems
    if gated:
        mentions = [replace(m, quote="") for m in mentions]
        problems = tuple(p for p in problems if not p.startswith(LINKED))
    registered = (Mention(p, REGISTRY, "declared") for p in known.registry.declared_parents(ref.repo_id))
    return replace(said[0], mentions=(*registered, *mentions), problems=problems)


def read_declared_parents(
    known: KnownModels, disclosure: Disclosure, progress: Progress, *, complete: bool
) -> tuple[Disclosure, list[Reference], list[str]]:
    """Look up the declared parents, known or not: no upload answers for an ancestor's lineage.

    Return the disclosure with new names of renamed parents, the parents, and a sentence for each that was not read.
    `complete`: raise Unavailable where one cannot be read now.
    """
    found: list[Reference] = []
    problems: list[str] = []
    left = MAX_DECLARED_READ
    for repo_id in [p for p in disclosure.parents if "/" in p]:
        if known.registry.find(repo_id) is None and (left := left - 1) < 0:
            continue
        progress(f"reading the declared parent {repo_id}")
        try:
            reference, problem = known.declared(repo_id, FIRST_LOOK_REQUESTS - 2)
        except Unavailable as error:
            if complete:
                raise
            reference, problem = None, str(error)
        if reference is not None:
            found.append(reference)
            if reference.repo_id.lower() != repo_id.lower():  # renamed since the card was written
                renamed = Mention(reference.repo_id, "renamed", repo_id)
                disclosure = replace(disclosure, mentions=(*disclosure.mentions, renamed))
        if problem:
            problems.append(problem)
    return disclosure, found, problems


def add_named_kin(
    known: KnownModels, case: Case, cards: Sequence[Card], more: Sequence[Place] = (), *, gated: bool = False
) -> Case:
    """Return the case with the kin that the author's words name. `more`: words outside the card."""
    found: list[Mention] = []
    for reference in (k.reference for k in case.kin):
        titles = (*known.titles(reference.repo_id), reference.title)
        named = [m for card in cards if (m := card.spells(reference.repo_id, titles, more))]
        found += sorted(named, key=lambda m: m.relation != NAMED)[:1]
    if gated:
        found = [replace(m, quote="") for m in found]
    return replace(case, disclosure=replace(case.disclosure, named=tuple(found)))


def find_originals(known: KnownModels, case: Case, *, complete: bool) -> tuple[Mention, ...]:
    """Return the models that declared quantizations, adapters and mirrors are forms of; skip those compared already.

    `complete`: raise Unavailable where a card cannot be read now.
    """
    kin = {k.reference.repo_id.lower() for k in case.kin}
    declared = [p for p in case.disclosure.parents if "/" in p and p.lower() not in kin]
    found = ((p, _original(known, p, complete)) for p in declared[:MAX_FOLLOWED])
    return tuple(Mention(of.repo_id, "form", p) for p, of in found if of is not None)


def add_mirrors(known: KnownModels, case: Case, verdict: Verdict, *, complete: bool) -> Case:
    """Return the case with each undeclared match declared that is a mirror of a declared model by its own card.

    Cards are read only where the verdict has an audience. `complete`: raise Unavailable where one cannot be read now.
    """
    if verdict.audience == "none":
        return case
    matches = [p.ref.repo_id for p in verdict.finding.parents if not p.declared]
    read = ((p, _original(known, p, complete)) for p in matches[:MAX_FOLLOWED])
    found = [Mention(p, "form", of.repo_id, of.quote) for p, of in read if of and case.disclosure.of(of.repo_id)]
    return replace(case, disclosure=replace(case.disclosure, mentions=(*case.disclosure.mentions, *found)))


def assess_claims(
    known: KnownModels, ref: RepoRef, card: Card, verdict: Verdict, *, gated: bool
) -> tuple[Assessed, ...]:
    """Compare the card's claims with the verdict. `gated`: the quotes are left out."""
    maker = known.registry.maker_of(ref.organisation)
    parents = [p.ref for p in verdict.finding.parents]
    models = {p.repo_id.lower(): known.registry.find(p.repo_id) for p in parents}
    licences = {name: model.licence for name, model in models.items() if model is not None}
    makers = {p.repo_id.lower(): known.registry.maker_of(p.organisation) for p in parents}
    own = {name for name, of in makers.items() if of.lower() == maker.lower()}
    assessed = assess(card.claims, verdict, licences, own)
    return tuple(map(_withheld, assessed)) if gated else assessed


def _original(known: KnownModels, repo_id: str, complete: bool) -> Mention | None:
    try:
        return known.stands_for(repo_id)
    except Unavailable:
        if complete:
            raise
        return None


def _withheld(assessed: Assessed) -> Assessed:
    """Return a claim without the author's words; names of models and of methods on our own list stay."""
    subject = assessed.claim.subject if assessed.claim.kind in ("parent", "post-training") else ""
    return replace(assessed, claim=replace(assessed.claim, quote=WITHHELD, subject=subject))
