"""What each part of an alert says, in fair words: measured, declared, not declared. The words are a catalogue's.

A report is the JSON contract of a check with a few more keys. It may come from an older version or be incomplete, and
every text in it was chosen by strangers: what is missing is left out, what is hostile is made harmless. Every answer
is short enough for its place in an embed; an empty one means that there is nothing to say.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from math import ceil, log10
from typing import Any, Final

from bot.text import code, count, decimal, entries, harmless, joined, moment, number, section, size, string
from bot.words import Words

Report = Mapping[str, Any]

# lengths in UTF-16 units; with PARENTS_SHOWN they keep the whole under Discord's 6,000
NAME_LENGTH: Final = 120
WHY_LENGTH: Final = 600
LIST_LENGTH: Final = 800
CLAIMS_LENGTH: Final = 400
TRACES_LENGTH: Final = 300
PARENTS_SHOWN: Final = 5

_REPO_ID = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_HEX = re.compile(r"[0-9a-f]{4,64}")


def title(report: Report, words: Words) -> str:
    """What was found and in which upload."""
    name = harmless(string(_suspect(report).get("repo_id")), NAME_LENGTH) or words("alert.unnamed")
    headline = words.get(f"alert.headline.{string(report.get('finding'))}") or words("alert.headline.other")
    total, missing = len(_parents(report)), len(_absent(report))
    if not total:
        return words("alert.title", headline=headline, name=name)
    if not missing and _undeclared(report):
        return words("alert.title_named", headline=headline, name=name)
    if not missing:
        return words("alert.title_declared", headline=headline, name=name)
    if total == 1:
        return words("alert.title_one", headline=headline, name=name)
    return words("alert.title_many", headline=headline, name=name, missing=f"{missing:,}", total=f"{total:,}")


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
    parents, finding = _parents(report), string(report.get("finding"))
    names = words("alert.and").join(_names(parents, words))
    if not parents:
        return words("alert.mix.unrelated" if finding == "unrelated" else "alert.mix.nothing")
    if finding == "copy":
        return words("alert.mix.copy_equal" if report.get("exact") is True else "alert.mix.copy_near", names=names)
    if finding == "derivative":
        return words("alert.mix.derivative", names=names)
    if any(number(parent.get("coefficient")) is not None for parent in parents):
        return _sum(parents, words)
    family = string(report.get("family"))
    return words(f"alert.mix.{family if family in ('sparse', 'stack') else 'varying'}", names=names)


def coefficients(report: Report, words: Words) -> str:
    """Each parent's interval, with as many places as its width gives a meaning to."""
    lines = []
    for name, parent in zip(_names(_parents(report), words), _parents(report)[:PARENTS_SHOWN], strict=False):
        value, ends = number(parent.get("coefficient")), entries(parent.get("interval"))[:2]
        low, high = (number(end) for end in ends) if len(ends) == 2 else (None, None)
        if value is None or low is None or high is None:
            continue
        span = abs(high - low)
        places = min(max(1 - ceil(log10(span)), 2), 6) if span > 0 else 6
        shown = {"value": decimal(value, places), "low": decimal(low, places), "high": decimal(high, places)}
        lines.append(words("alert.coefficient.line", name=name, **shown))
    return joined(lines, LIST_LENGTH)


def declared(report: Report, words: Words) -> str:
    """What the card says of the upload's origin, and where on it."""
    card = section(report.get("declared"))
    places = section(card.get("where"))
    named = [string(name) for name in entries(card.get("parents"))]
    if "declared" not in report:  # without the card itself, what is known of it is which found parents it names
        named = [string(parent.get("repo_id")) for parent in _parents(report) if parent.get("declared") is True]
    relation = harmless(string(card.get("relation")), 60)
    lines = [words("alert.declared.relation", relation=relation)] if relation else []
    if card.get("from_scratch") is True:
        lines.append(words("alert.declared.from_scratch"))
    for name in named:
        place = harmless(string(places.get(name)), 60)
        lines.append((code(name, NAME_LENGTH) or words("alert.unnamed")) + (f" ({place})" if place else ""))
    nothing = [words("alert.declared.nothing")]
    return joined(lines or nothing if "declared" in report else lines, LIST_LENGTH)


def not_declared(report: Report, words: Words) -> str:
    """The parents that were measured and that the author's text does not name."""
    return ", ".join(_names(_absent(report), words))


def named(report: Report, words: Words) -> str:
    """The parents that the author's text names without declaring them, each with the words that do."""
    lines = []
    for parent in _parents(report):
        if parent.get("said") == "named":
            name = code(string(parent.get("repo_id")), NAME_LENGTH) or words("alert.unnamed")
            quote = harmless(string(parent.get("quote")), 160)
            place = harmless(string(parent.get("where")), 40)
            lines.append(words("alert.named.line", name=name, where=place) + (f": “{quote}”" if quote else ""))
    return joined(lines, LIST_LENGTH)


def denied(report: Report, words: Words) -> str:
    """The author's words that deny a parent or hide it in a comment."""
    lines = []
    for parent in _parents(report):
        if parent.get("said") == "absent" and (quote := harmless(string(parent.get("quote")), 160)):
            name = code(string(parent.get("repo_id")), NAME_LENGTH) or words("alert.unnamed")
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
    decisive = _positive(measured.get("decisive")) or _positive(section(report.get("sampled")).get("decisive"))
    reproduced, equal, control = (number(measured.get(key)) for key in ("reproduced", "equal", "control"))
    arithmetic = harmless(string(measured.get("arithmetic")), 80)
    facts = []
    if blend and decisive and reproduced is not None and 0 <= reproduced <= 1:
        # one that is missing must show, however many there are
        hits = min(round(reproduced * decisive), int(decisive) - (reproduced < 1))
        facts.append(words("alert.sure.reproduced", hits=f"{hits:,}", decisive=f"{int(decisive):,}"))
    elif equal is not None:
        facts.append(words("alert.sure.equal", share=decimal(equal, 4)))
    if blend and facts and control is not None:
        facts.append(words("alert.sure.control", share=decimal(control, 2)))
    if arithmetic:
        facts.append(words("alert.sure.arithmetic", arithmetic=arithmetic))
    strength = string(report.get("strength"))
    if strength not in ("exact", "strong", "indicative"):
        return "; ".join(facts)
    whole = words(f"alert.sure.{strength}", facts="; ".join(facts))
    return whole if facts else words(f"alert.sure.{strength}_alone")


def trained(report: Report, words: Words) -> str:
    """Whether training went on after the mixing or copying."""
    further = report.get("further_training")
    asked = report.get("finding") in ("blend", "copy")
    answer = ("yes" if further else "no") if isinstance(further, bool) else "unknown"
    return words(f"alert.trained.{answer}") if asked else ""


def upload(report: Report, words: Words) -> str:
    """Which revision, how old its weights are, and when it was looked at."""
    revision = code(string(_suspect(report).get("revision")), 80)
    weights_at, checked_at = moment(_suspect(report).get("weights_at")), moment(report.get("checked_at"))
    lines = [words("alert.upload.revision", revision=revision)] if revision else []
    lines += [words("alert.upload.weights_at", at=f"{weights_at:%Y-%m-%d %H:%M}")] if weights_at else []
    lines += [words("alert.upload.checked_at", at=f"{checked_at:%Y-%m-%d %H:%M}")] if checked_at else []
    return "\n".join(lines)


def cost(report: Report, words: Words) -> str:
    """Requests, bytes and seconds spent, and the share of the weights that was looked at, as two counts."""
    spent = section(report.get("cost"))
    requests, read, seconds = (number(spent.get(key)) for key in ("requests", "bytes_read", "seconds"))
    weights = _positive(section(report.get("sampled")).get("weights"))
    parameters = _positive(_suspect(report).get("parameters"))
    parts = [words("alert.cost.requests", count=count(requests))] if requests is not None else []
    parts += [words("alert.cost.read", size=size(read))] if read is not None else []
    parts += [words("alert.cost.seconds", seconds=decimal(seconds, 1))] if seconds is not None else []
    if weights and parameters:
        parts.append(words("alert.cost.sampled_of", weights=count(weights), parameters=count(parameters)))
    elif weights:
        parts.append(words("alert.cost.sampled", weights=count(weights)))
    return ", ".join(parts)


def fairness(report: Report, words: Words) -> str:
    """What is innocent about it, so that nobody reads an accusation into a measurement."""
    finding = string(report.get("finding"))
    told = finding in ("blend", "copy", "derivative") and _undeclared(report)
    return words(f"alert.fairness.{finding if told else 'nothing'}")


def _suspect(report: Report) -> Mapping[str, Any]:
    return section(report.get("suspect"))


def _address(report: Report) -> tuple[str, str]:
    """Repo id and revision, each empty unless it is well formed."""
    repo_id, revision = string(_suspect(report).get("repo_id")), string(_suspect(report).get("revision"))
    return repo_id if _REPO_ID.fullmatch(repo_id) else "", revision if _HEX.fullmatch(revision) else ""


def _parents(report: Report) -> Sequence[Mapping[str, Any]]:
    return [section(parent) for parent in entries(report.get("parents"))]


def _undeclared(report: Report) -> Sequence[Mapping[str, Any]]:
    return [parent for parent in _parents(report) if parent.get("declared") is not True]


def _absent(report: Report) -> Sequence[Mapping[str, Any]]:
    return [parent for parent in _undeclared(report) if parent.get("said") != "named"]


def _names(parents: Sequence[Mapping[str, Any]], words: Words) -> list[str]:
    """The first parents' names, and how many more there are."""
    names = [
        code(string(parent.get("repo_id")), NAME_LENGTH) or words("alert.unnamed") for parent in parents[:PARENTS_SHOWN]
    ]
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
        text += name if value is None else f"{decimal(abs(value))} {name}"
    return text


def _positive(value: object) -> float | None:
    found = number(value)
    return found if found is not None and 0 < found < 1e15 else None
