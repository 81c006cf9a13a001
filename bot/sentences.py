"""What each part of an alert says, in fair words: measured, declared, not declared. Pure.

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

Report = Mapping[str, Any]

# lengths in UTF-16 units; with PARENTS_SHOWN they keep the whole under Discord's 6,000
NAME_LENGTH: Final = 120
WHY_LENGTH: Final = 600
LIST_LENGTH: Final = 800
CLAIMS_LENGTH: Final = 400
TRACES_LENGTH: Final = 300
PARENTS_SHOWN: Final = 5

UNNAMED: Final = "(without a name)"
HEADLINES: Final[Mapping[str, str]] = {
    "blend": "Blend",
    "copy": "Copy",
    "derivative": "Derivative",
    "unrelated": "No known parent",
    "inconclusive": "Nothing can be said",
}
MIXES: Final[Mapping[str, str]] = {  # of a blend that no one number for each parent describes
    "sparse": "chosen weight by weight from {}.",
    "stack": "put together from whole layers, modules or experts of {}.",
    "": "a mix of {}, in proportions that differ from tensor to tensor.",
}
FAIRNESS: Final[Mapping[str, str]] = {
    "blend": "Blending is legitimate; what is reported is that a parent is not named on the card.",
    "copy": "Copying is legitimate; what is reported is that the card does not name the model it is a copy of.",
    "derivative": "Training on is legitimate; what is reported is that the card does not name the model it began with.",
}
NOTHING_OPEN: Final = "Nothing here is held against the uploader."
STRENGTHS: Final[Mapping[str, str]] = {
    "exact": "exact: ",
    "strong": "strong, as it holds against every honest look-alike that could be made: ",
    "indicative": "indicative, worth a reviewer's eye and no more: ",
}
FURTHER: Final[Mapping[bool | None, str]] = {
    True: "yes: what is left over has a structure that noise and storage do not explain",
    False: "no: nothing is left over",
    None: "cannot be told",
}

_REPO_ID = re.compile(r"(?!.*(?:--|\.\.))[A-Za-z0-9][A-Za-z0-9._-]{0,95}/[A-Za-z0-9][A-Za-z0-9._-]{0,95}")
_HEX = re.compile(r"[0-9a-f]{4,64}")


def title(report: Report) -> str:
    """What was found and in which upload."""
    name = harmless(string(_suspect(report).get("repo_id")), NAME_LENGTH) or UNNAMED
    headline = HEADLINES.get(string(report.get("finding")), "Checked")
    total, missing = len(_parents(report)), len(_undeclared(report))
    if not total:
        return f"{headline}: {name}"
    if not missing:
        return f"{headline}, declared: {name}"
    return f"{headline}, {f'{missing:,} of {total:,} parents' if total > 1 else 'parent'} not declared: {name}"


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
    return f"case {text} · " if _HEX.fullmatch(text) else ""


def why(report: Report) -> str:
    """The verdict's own sentence."""
    return harmless(string(report.get("why")), WHY_LENGTH)


def mix(report: Report) -> str:
    """What went into the upload, as measured."""
    parents, finding = _parents(report), string(report.get("finding"))
    names = " and ".join(_names(parents))
    if not parents:
        return "no known model's weights." if finding == "unrelated" else "too little to name a parent."
    if finding == "copy":
        equal = report.get("exact") is True
        return f"its weights {'equal' if equal else 'are, but for storage, noise or a few tensors,'} those of {names}."
    if finding == "derivative":
        return f"trained on from {names}."
    if any(number(parent.get("coefficient")) is not None for parent in parents):
        return _sum(parents)
    return MIXES.get(string(report.get("family")), MIXES[""]).format(names)


def coefficients(report: Report) -> str:
    """Each parent's interval, with as many places as its width gives a meaning to."""
    lines = []
    for name, parent in zip(_names(_parents(report)), _parents(report)[:PARENTS_SHOWN], strict=False):
        value, ends = number(parent.get("coefficient")), entries(parent.get("interval"))[:2]
        low, high = (number(end) for end in ends) if len(ends) == 2 else (None, None)
        if value is None or low is None or high is None:
            continue
        span = abs(high - low)
        places = min(max(1 - ceil(log10(span)), 2), 6) if span > 0 else 6
        lines.append(f"{name}: {decimal(value, places)} in [{decimal(low, places)}, {decimal(high, places)}]")
    return joined(lines, LIST_LENGTH)


def declared(report: Report) -> str:
    """What the card says of the upload's origin, and where on it."""
    card = section(report.get("declared"))
    places = section(card.get("where"))
    named = [string(name) for name in entries(card.get("parents"))]
    if "declared" not in report:  # without the card itself, what is known of it is which found parents it names
        named = [string(parent.get("repo_id")) for parent in _parents(report) if parent.get("declared") is True]
    relation = harmless(string(card.get("relation")), 60)
    lines = [f"relation: {relation}"] if relation else []
    if card.get("from_scratch") is True:
        lines.append("says that it was trained from scratch")
    for name in named:
        place = harmless(string(places.get(name)), 60)
        lines.append((code(name, NAME_LENGTH) or UNNAMED) + (f" ({place})" if place else ""))
    return joined(lines or ["no parent"] if "declared" in report else lines, LIST_LENGTH)


def not_declared(report: Report) -> str:
    """The parents that were measured and that the card does not name."""
    return ", ".join(_names(_undeclared(report)))


def contradicted(report: Report) -> str:
    """What the card claims and the measurement excludes: the author's words, then what was measured."""
    lines = []
    for claim in map(section, entries(report.get("claims"))):
        if claim.get("status") == "contradicted":
            kind, subject = (harmless(string(claim.get(key)), 40) for key in ("kind", "subject"))
            quote = harmless(string(claim.get("quote")), 100)
            measured = harmless(string(claim.get("measurement")), 160)
            lines.append(f"{kind}{f' ({subject})' if subject else ''}, “{quote}”: {measured}")
    return joined(lines, CLAIMS_LENGTH)


def left_behind(report: Report) -> str:
    """The strong traces beside the weights, which are no part of the verdict, as long as they are short."""
    strong = [t for t in map(section, entries(report.get("traces"))) if t.get("meaning") == "strong"]
    claims = [harmless(string(trace.get("claim")), TRACES_LENGTH // 2) for trace in strong]
    return joined([claim for claim in claims if claim], TRACES_LENGTH)


def sure(report: Report) -> str:
    """The strength in words, then the numbers behind it: counts and shares, never a percentage."""
    measured, blend = section(report.get("measured")), report.get("finding") == "blend"
    decisive = _positive(measured.get("decisive")) or _positive(section(report.get("sampled")).get("decisive"))
    reproduced, equal, control = (number(measured.get(key)) for key in ("reproduced", "equal", "control"))
    arithmetic = harmless(string(measured.get("arithmetic")), 80)
    facts = []
    if blend and decisive and reproduced is not None and 0 <= reproduced <= 1:
        # one that is missing must show, however many there are
        hits = min(round(reproduced * decisive), int(decisive) - (reproduced < 1))
        facts.append(f"one recipe reproduces {hits:,} of {int(decisive):,} decisive weights bit for bit")
    elif equal is not None:
        facts.append(f"{decimal(equal, 4)} of all compared weights are equal bit for bit")
    if blend and facts and control is not None:
        facts.append(f"the nearest single parent explains {decimal(control, 2)} of all")
    if arithmetic:
        facts.append(f"arithmetic: {arithmetic}")
    strength = STRENGTHS.get(string(report.get("strength")), "")
    return strength + "; ".join(facts) if facts else strength.removesuffix(": ")


def trained(report: Report) -> str:
    """Whether training went on after the mixing or copying."""
    further = report.get("further_training")
    asked = report.get("finding") in ("blend", "copy")
    return FURTHER[further if isinstance(further, bool) else None] if asked else ""


def upload(report: Report) -> str:
    """Which revision, how old its weights are, and when it was looked at."""
    revision = code(string(_suspect(report).get("revision")), 80)
    weights_at, checked_at = moment(_suspect(report).get("weights_at")), moment(report.get("checked_at"))
    lines = [f"revision {revision}"] if revision else []
    lines += [f"weights since {weights_at:%Y-%m-%d %H:%M} UTC"] if weights_at else []
    lines += [f"checked {checked_at:%Y-%m-%d %H:%M} UTC"] if checked_at else []
    return "\n".join(lines)


def cost(report: Report) -> str:
    """Requests, bytes and seconds spent, and the share of the weights that was looked at, as two counts."""
    spent = section(report.get("cost"))
    requests, read, seconds = (number(spent.get(key)) for key in ("requests", "bytes_read", "seconds"))
    weights = _positive(section(report.get("sampled")).get("weights"))
    parameters = _positive(_suspect(report).get("parameters"))
    parts = [f"{count(requests)} requests"] if requests is not None else []
    parts += [f"{size(read)} read"] if read is not None else []
    parts += [f"{decimal(seconds, 1)} s"] if seconds is not None else []
    of = f" of {count(parameters)}" if parameters else ""
    parts += [f"{count(weights)}{of} weights sampled"] if weights else []
    return ", ".join(parts)


def fairness(report: Report) -> str:
    """What is innocent about it, so that nobody reads an accusation into a measurement."""
    missing = bool(_undeclared(report))
    return FAIRNESS.get(string(report.get("finding")), NOTHING_OPEN) if missing else NOTHING_OPEN


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


def _names(parents: Sequence[Mapping[str, Any]]) -> list[str]:
    """The first parents' names, and how many more there are."""
    names = [code(string(parent.get("repo_id")), NAME_LENGTH) or UNNAMED for parent in parents[:PARENTS_SHOWN]]
    more = len(parents) - PARENTS_SHOWN
    return [*names, f"{more:,} more"] if more > 0 else names


def _sum(parents: Sequence[Mapping[str, Any]]) -> str:
    """The mix as a sum: 0.565 `a/x` + 0.435 `b/y` − 0.100 `c/z`."""
    text = ""
    for name, parent in zip(_names(parents), [*parents[:PARENTS_SHOWN], {}], strict=False):
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
