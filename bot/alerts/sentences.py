"""Sentences of the evidence, in fair words: measured, declared, not declared. The words are a catalogue's. Pure.

A report is the JSON contract of a check with a few more keys. It may come from an older version or be incomplete, and
every text in it was chosen by strangers: what is missing is left out, what is hostile is made harmless. Every answer
is short enough for its place in an embed; an empty one means that there is nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import ceil, log10
from typing import Any, Final

from bot.text.sanitize import code, count, decimal, entries, harmless, joined, moment, number, section, size, string
from bot.text.words import Words

Report = Mapping[str, Any]

# lengths in UTF-16 units; with PARENTS_SHOWN they keep the whole under Discord's 6,000
NAME_LENGTH: Final = 120
WHY_LENGTH: Final = 600
LIST_LENGTH: Final = 800
CLAIMS_LENGTH: Final = 400
TRACES_LENGTH: Final = 300
PARENTS_SHOWN: Final = 5

REPO_ID = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_HEX = re.compile(r"[0-9a-f]{4,64}")


def link(report: Report) -> str | None:
    """Where the upload lies on the Hub, if its name is one that the Hub could have given."""
    repo_id, revision = _address(report)
    return f"https://huggingface.co/{repo_id}" + (f"/tree/{revision}" if revision else "") if repo_id else None


def command(report: Report) -> str:
    """How anyone repeats the check."""
    repo_id, revision = _address(report)
    return f"`blendwatch check {repo_id}{f'@{revision}' if revision else ''}`" if repo_id else ""


def case(report: Report) -> str:
    """The case's id, for a footer, where Discord reads no markdown and nothing could be escaped."""
    text = string(report.get("case"))
    return f"case {text}" if _HEX.fullmatch(text) else ""


def why(report: Report) -> str:
    """The verdict's own sentence."""
    return harmless(string(report.get("why")), WHY_LENGTH)


def mix(report: Report, words: Words) -> str:
    """What went into the upload, as measured."""
    parents, finding = parents_of(report), string(report.get("finding"))
    names = words("alert.and").join(_names(parents, words))
    if not parents:
        return words("evidence.mix.unrelated" if finding == "unrelated" else "evidence.mix.nothing")
    if finding == "copy":
        return words(f"evidence.mix.copy_{'equal' if report.get('exact') is True else 'near'}", names=names)
    if finding == "derivative":
        return words("evidence.mix.derivative", names=names)
    if any(number(parent.get("coefficient")) is not None for parent in parents):
        return _sum(parents, words)
    family = string(report.get("family"))
    return words(f"evidence.mix.{family if family in ('sparse', 'stack') else 'varying'}", names=names)


def coefficients(report: Report, words: Words) -> str:
    """Each parent's interval, with as many places as its width gives a meaning to."""
    lines = []
    for name, parent in zip(_names(parents_of(report), words), parents_of(report)[:PARENTS_SHOWN], strict=False):
        value, ends = number(parent.get("coefficient")), entries(parent.get("interval"))[:2]
        low, high = (number(end) for end in ends) if len(ends) == 2 else (None, None)
        if value is None or low is None or high is None:
            continue
        span = abs(high - low)
        places = min(max(1 - ceil(log10(span)), 2), 6) if span > 0 else 6
        shown = {"value": decimal(value, places), "low": decimal(low, places), "high": decimal(high, places)}
        lines.append(words("evidence.coefficient.line", name=name, **shown))
    return joined(lines, LIST_LENGTH)


def declared(report: Report, words: Words) -> str:
    """What the card says of the upload's origin, and where on it."""
    card = section(report.get("declared"))
    places = section(card.get("where"))
    named = [string(name) for name in entries(card.get("parents"))]
    if "declared" not in report:  # without the card itself, what is known of it is which found parents it names
        named = [string(parent.get("repo_id")) for parent in parents_of(report) if parent.get("declared") is True]
    relation = harmless(string(card.get("relation")), 60)
    lines = [words("evidence.declared.relation", relation=relation)] if relation else []
    if card.get("from_scratch") is True:
        lines.append(words("evidence.declared.from_scratch"))
    for name in named:
        place = harmless(string(places.get(name)), 60)
        lines.append((code(name, NAME_LENGTH) or words("alert.unnamed")) + (f" ({place})" if place else ""))
    nothing = [words("evidence.declared.nothing")]
    return joined(lines or nothing if "declared" in report else lines, LIST_LENGTH)


def not_declared(report: Report, words: Words) -> str:
    """The parents that were measured and that the author's text does not name."""
    return ", ".join(_names(absent(report), words))


def named(report: Report, words: Words) -> str:
    """The parents that the author's text names without declaring them, each with the words that do."""
    lines = []
    for parent in parents_of(report):
        if parent.get("said") == "named":
            name = name_of(parent, words)
            quote = harmless(string(parent.get("quote")), 160)
            place = harmless(string(parent.get("where")), 40)
            lines.append(words("evidence.named.line", name=name, where=place) + (f": “{quote}”" if quote else ""))
    return joined(lines, LIST_LENGTH)


def denied(report: Report, words: Words) -> str:
    """The author's words that deny a parent or hide it in a comment."""
    lines = []
    for parent in parents_of(report):
        if parent.get("said") == "absent" and (quote := harmless(string(parent.get("quote")), 160)):
            name = name_of(parent, words)
            lines.append(f"{name} ({harmless(string(parent.get('where')), 40)}): “{quote}”")
    return joined(lines, LIST_LENGTH)


def contradicted(report: Report) -> str:
    """What the card claims and the measurement excludes: the author's words, then what was measured."""
    lines = []
    for claim in map(section, entries(report.get("claims"))):
        if claim.get("status") == "contradicted":
            kind, subject = (harmless(string(claim.get(key)), 40) for key in ("kind", "subject"))
            quote = harmless(string(claim.get("quote")), 100)
            measured = harmless(string(claim.get("measurement")), 230)
            lines.append(f"{kind}{f' ({subject})' if subject else ''}, “{quote}”: {measured}")
    return joined(lines, CLAIMS_LENGTH)


def left_behind(report: Report) -> str:
    """The strong traces beside the weights, which are no part of the verdict, as long as they are short."""
    strong = [t for t in map(section, entries(report.get("traces"))) if t.get("meaning") == "strong"]
    claims = [harmless(string(trace.get("claim")), TRACES_LENGTH // 2) for trace in strong]
    return joined([claim for claim in claims if claim], TRACES_LENGTH)


def sure(report: Report, words: Words) -> str:
    """The strength in words, then the numbers behind it: counts and shares, never a percentage."""
    measured, blend = section(report.get("measured")), report.get("finding") == "blend"
    decisive = positive(measured.get("decisive")) or positive(section(report.get("sampled")).get("decisive"))
    reproduced, equal, control = (number(measured.get(key)) for key in ("reproduced", "equal", "control"))
    arithmetic = harmless(string(measured.get("arithmetic")), 80)
    facts = []
    if blend and decisive and reproduced is not None and 0 <= reproduced <= 1:
        counts = hits_of(reproduced, decisive)
        facts.append(words("evidence.sure.reproduced", hits=counts["hits"], decisive=counts["count"]))
    elif equal is not None:
        facts.append(words("evidence.sure.equal", share=decimal(equal, 4)))
    if blend and facts and control is not None:
        facts.append(words("evidence.sure.control", share=decimal(control, 2)))
    if arithmetic:
        facts.append(words("evidence.sure.arithmetic", arithmetic=arithmetic))
    strength = string(report.get("strength"))
    if strength not in ("exact", "strong", "indicative"):
        return "; ".join(facts)
    whole = words(f"evidence.sure.{strength}", facts="; ".join(facts))
    return whole if facts else words(f"evidence.sure.{strength}_alone")


def trained(report: Report, words: Words) -> str:
    """Whether training went on after the mixing or copying."""
    further = report.get("further_training")
    asked = report.get("finding") in ("blend", "copy")
    answer = ("yes" if further else "no") if isinstance(further, bool) else "unknown"
    return words(f"evidence.trained.{answer}") if asked else ""


def upload(report: Report, words: Words) -> str:
    """Which revision, how old its weights are, and when it was looked at."""
    revision = code(string(suspect_of(report).get("revision")), 80)
    weights_at, checked_at = moment(suspect_of(report).get("weights_at")), moment(report.get("checked_at"))
    lines = [words("evidence.upload.revision", revision=revision)] if revision else []
    lines += [words("evidence.upload.weights_at", at=f"{weights_at:%Y-%m-%d %H:%M}")] if weights_at else []
    lines += [words("evidence.upload.checked_at", at=f"{checked_at:%Y-%m-%d %H:%M}")] if checked_at else []
    return "\n".join(lines)


def cost(report: Report, words: Words) -> str:
    """Requests, bytes and seconds spent, and the share of the weights that was looked at, as two counts."""
    spent = section(report.get("cost"))
    requests, read, seconds = (number(spent.get(key)) for key in ("requests", "bytes_read", "seconds"))
    weights = positive(section(report.get("sampled")).get("weights"))
    parameters = positive(suspect_of(report).get("parameters"))
    parts = [words("evidence.cost.requests", count=count(requests))] if requests is not None else []
    parts += [words("evidence.cost.read", size=size(read))] if read is not None else []
    parts += [words("evidence.cost.seconds", seconds=decimal(seconds, 1))] if seconds is not None else []
    if weights and parameters:
        parts.append(words("evidence.cost.sampled_of", weights=count(weights), parameters=count(parameters)))
    elif weights:
        parts.append(words("evidence.cost.sampled", weights=count(weights)))
    return ", ".join(parts)


def hits_of(share: float, total: float) -> dict[str, str]:
    """Return a share in [0, 1] of so many as two counts; one that is missing shows, however many there are."""
    hits = min(round(share * total), int(total) - (share < 1))
    return {"hits": f"{hits:,}", "count": f"{int(total):,}"}


def coefficients_of(report: Report) -> list[float]:
    """Return the parents' mixing coefficients; none unless each has one."""
    found = [number(parent.get("coefficient")) for parent in parents_of(report)]
    return [value for value in found if value is not None] if None not in found else []


def suspect_of(report: Report) -> Mapping[str, Any]:
    """Return what the report says of the upload."""
    return section(report.get("suspect"))


def _address(report: Report) -> tuple[str, str]:
    """Repo id and revision, each empty unless it is well formed."""
    repo_id, revision = string(suspect_of(report).get("repo_id")), string(suspect_of(report).get("revision"))
    return repo_id if REPO_ID.fullmatch(repo_id) else "", revision if _HEX.fullmatch(revision) else ""


def parents_of(report: Report) -> Sequence[Mapping[str, Any]]:
    """Return the models that were found, the one with most weights in it first."""
    return [section(parent) for parent in entries(report.get("parents"))]


def undeclared(report: Report) -> Sequence[Mapping[str, Any]]:
    """Return those of them that are not declared."""
    return [parent for parent in parents_of(report) if parent.get("declared") is not True]


def absent(report: Report) -> Sequence[Mapping[str, Any]]:
    """Return those of them that the author's text does not name."""
    return [parent for parent in undeclared(report) if parent.get("said") != "named"]


def name_of(parent: Mapping[str, Any], words: Words, limit: int = NAME_LENGTH) -> str:
    """Return a parent's name as inline code of at most `limit` characters."""
    return code(string(parent.get("repo_id")), limit) or words("alert.unnamed")


def _names(parents: Sequence[Mapping[str, Any]], words: Words) -> list[str]:
    """The first parents' names, and how many more there are."""
    names = [name_of(parent, words) for parent in parents[:PARENTS_SHOWN]]
    more = len(parents) - PARENTS_SHOWN
    return [*names, words("alert.more", count=f"{more:,}")] if more > 0 else names


def _sum(parents: Sequence[Mapping[str, Any]], words: Words) -> str:
    """The mix as a sum: 0.565 `a/x` + 0.435 `b/y` − 0.100 `c/z`."""
    text = ""
    for name, parent in zip(_names(parents, words), [*parents[:PARENTS_SHOWN], {}], strict=False):
        value = number(parent.get("coefficient"))
        if value is not None and value < 0:
            text += " − " if text else "−"
        elif text:
            text += " + "
        text += name if value is None else f"{words.local(decimal(abs(value)))} {name}"
    return text


def positive(value: object) -> float | None:
    """Return the value if it is a number of things, else None."""
    found = number(value)
    return found if found is not None and 0 < found < 1e15 else None
