"""The sentences of an alert in short: what it is made of, what its card says, how sure, what its author can do. Pure.

Everything else that a report holds is evidence, and `bot.alerts.sentences` says it. A report's texts were chosen by
strangers: each is made harmless here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil
from typing import Any, Final

from bot.alerts.sentences import (
    REPO_ID,
    Report,
    absent,
    coefficients_of,
    hits_of,
    name_of,
    parents_of,
    positive,
    suspect_of,
    undeclared,
)
from bot.text.sanitize import code, decimal, entries, harmless, moment, number, section, string
from bot.text.words import Words

CELLS: Final = 12  # of the bar
SHADES: Final = ("█", "▒", "░", "▓")
BULLET: Final = "•"
FROM_100: Final = 0.005  # by which shares may miss a whole and still be drawn as parts of it
TELLING_CONTROL: Final = 0.99  # of the nearest single model: above, it says nothing
LOOK_ALIKE: Final = 0.5  # of a copy's weights: below, equal ones say less than how far it is apart
KNOWN: Final = ("blend", "copy", "derivative")
UNCHANGED: Final = ("", "withdrawn")  # states in which a case stands as it was found
PAST: Final = ("corrected", "taken", "gone", "emptied", "weights")  # of a finding on former weights or a former method


def title(report: Report, words: Words, state: str, limit: int) -> str:
    """Return what the alert says in a few words, and of which upload; its name has at most `limit` characters."""
    name = harmless(string(suspect_of(report).get("repo_id")), limit) or words("alert.unnamed")
    return words("alert.title", headline=words(f"alert.headline.{state or _headline(report)}"), name=name)


def first(report: Report, words: Words, state: str) -> str:
    """Return the first sentences: what has become of the case and what it is, or what weights and card say."""
    if state:
        known = "" if state == "retracted" else _is(report, words, state)
        return f"{words(f'alert.first.{state}')}\n{known}".strip()
    if is_out_of_order(report):
        return _is(report, words, state)
    if string(report.get("finding")) not in KNOWN:
        return _of_a_part(report, words)
    if not parents_of(report):
        return words("alert.first.inconclusive")
    key = _kind(report)
    every = key if undeclared(report) else f"{key}_all"
    scratch = undeclared(report) and section(report.get("declared")).get("from_scratch") is True
    said = words(f"alert.first.{every}", **_counts(report, words))
    return f"{said} {words('alert.first.scratch')}" if scratch else said


def made_of(report: Report, words: Words, state: str, limit: int, models: int) -> str:
    """Return the bar and a line for each of at most `models`: its share and what the card says.

    Names have at most `limit` characters.
    """
    if state == "retracted":
        return ""
    parents, ordered = parents_of(report), not is_out_of_order(report)
    shares = _shares(report, models) if ordered else None
    lines = [f"`{_bar(shares)}` {' / '.join(map(str, shares))}"] if shares and len(shares) > 1 else []
    for place, parent in enumerate(parents[:models]):
        name, share = name_of(parent, words, limit), _share(parent, shares, place, words) if ordered else BULLET
        said = _said(parent, words, state) if ordered else _on_card(parent, words)
        lines.append(f"{share} {words('alert.parent.line', name=name, said=said) if said else name}")
    if len(parents) > models:
        lines.append(words("alert.more", count=f"{len(parents) - models:,}"))
    for part in _parts(report)[:1]:
        name, where = code(string(part.get("nearest")), limit), harmless(string(part.get("name")), 24)
        said = _said({"said": part.get("said")}, words, state)
        name = name or words("alert.unnamed")
        lines.append(f"{BULLET} {words('alert.parent.part', name=name, part=where, said=said)}")
    return "\n".join(lines)


def sure(report: Report, words: Words, state: str, *, control: bool) -> str:
    """Return how sure it is, and of an unknown order how much is shared; `control`: with what one model explains."""
    if state == "retracted":
        return ""
    strength = "" if is_out_of_order(report) else string(report.get("strength"))
    known = [words(f"alert.sure.{strength}")] if strength in ("exact", "strong", "indicative") else []
    facts = "; ".join(_facts(report, words))
    said = ": ".join([*known, *([facts] if facts else [])])
    said = f"{said[0].upper()}{said[1:]}." if said else ""
    return f"{said} {nearest(report, words, state) if control else ''}".strip()


def mend(report: Report) -> str:
    """Return the lines of front matter that declare every model found; "" where there is nothing to mend.

    For a blend they keep what the front matter declares already. A name that the Hub could not have given yields none.
    """
    finding, parents = string(report.get("finding")), parents_of(report)
    if finding not in KNOWN or not undeclared(report) or not parents:
        return ""
    card = section(report.get("declared"))
    places = section(card.get("where"))
    kept = [string(name) for name in entries(card.get("parents")) if "front matter" in string(places.get(name))]
    names: dict[str, str] = {}
    for name in [*(kept if finding == "blend" else []), *(string(parent.get("repo_id")) for parent in parents)]:
        names.setdefault(name.lower(), name)
    if not all(REPO_ID.fullmatch(name) for name in names.values()):
        return ""
    relation = {"blend": "merge", "derivative": "finetune"}.get(finding)
    lines = ["base_model:", *(f"- {name}" for name in names.values())]
    return "\n".join([*lines, *([f"base_model_relation: {relation}"] if relation else [])])


def rest(report: Report, words: Words, state: str) -> str:
    """Return what its author can do where no lines mend the card: name a model there, or nothing."""
    if _missing(report, state):
        return words("alert.mend.name")
    return words(f"alert.mend.{'closed' if state == 'declared' else 'nothing'}")


def fairness(report: Report, words: Words, state: str) -> str:
    """Return what is innocent about it, so that nobody reads an accusation into a measurement."""
    return words(f"alert.fairness.{_missing(report, state) or 'nothing'}")


def _missing(report: Report, state: str) -> str:
    """Return of what kind it is that the card leaves out, in a case that stands as it was found; "" if nothing."""
    finding = string(report.get("finding")) if undeclared(report) else ""
    kind = finding if finding in KNOWN else "part" if _headline(report) == "part" else ""
    return kind if accuses(report) and state in UNCHANGED else ""


def accuses(report: Report) -> bool:
    """Tell whether the report says of the author that something is not declared."""
    shown = report.get("alert") is True or report.get("audience") == "reviewers"
    return shown and not is_out_of_order(report)


def is_out_of_order(report: Report) -> bool:
    """Tell whether nobody knows if the upload came after the models that it looks made of.

    A report that does not say so of undeclared models counts as one of unknown order.
    """
    known = report.get("order_known")
    return known is False or (known is not True and bool(undeclared(report)))


def _headline(report: Report) -> str:
    finding, missing = string(report.get("finding")), undeclared(report)
    if is_out_of_order(report):
        return "order"
    if finding not in KNOWN:
        part = accuses(report) and (_parts(report) or missing)
        return "part" if part else finding if finding in ("unrelated", "inconclusive") else "other"
    if not missing or not accuses(report):
        return f"{finding}_quiet"
    if not absent(report):
        return "named"
    return "blend_partial" if len(missing) < len(parents_of(report)) else f"{finding}_undeclared"


def _kind(report: Report) -> str:
    """Return the key of the words for a known finding."""
    finding = string(report.get("finding"))
    if finding == "copy":
        return "copy_equal" if report.get("exact") is True else "copy_near"
    return "stack" if finding == "blend" and report.get("family") == "stack" else finding


def _is(report: Report, words: Words, state: str) -> str:
    """Return what the upload is, or what its weights of the past were found to be; "" where nothing is known."""
    if is_out_of_order(report):
        return words(f"alert.first.{'order_one' if len(parents_of(report)) == 1 else 'order'}")
    if string(report.get("finding")) not in KNOWN or not parents_of(report):
        return ""
    what, at = words(f"alert.what.{_kind(report)}"), moment(report.get("checked_at"))
    if state not in PAST:
        return words("alert.is", what=what)
    return words("alert.then", what=what, at=f"{at:%Y-%m-%d}" if at else words("alert.undated"))


def _of_a_part(report: Report, words: Words) -> str:
    """Return the first sentence on an upload of which only a part is known to be anything."""
    if parents_of(report):
        return words("alert.first.inconclusive_part", **_counts(report, words))
    if _parts(report):
        return words("alert.first.part")
    return words(f"alert.first.{'unrelated' if report.get('finding') == 'unrelated' else 'inconclusive'}")


def _counts(report: Report, words: Words) -> dict[str, str]:
    total = len(parents_of(report))
    declared = total - len(undeclared(report))
    return {"total": f"{total:,}", "declared": f"{declared:,}" if declared else words("alert.none")}


def _parts(report: Report) -> Sequence[Mapping[str, Any]]:
    """Components that reviewers are shown."""
    parts = [section(part) for part in entries(report.get("components"))]
    return [part for part in parts if string(part.get("why"))]


def _said(parent: Mapping[str, Any], words: Words, state: str) -> str:
    level = "declared" if parent.get("declared") is True or parent.get("said") == "declared" else "absent"
    if level == "absent" and state == "declared":
        return words("alert.parent.since")
    if level == "absent" and parent.get("said") == "named":
        return words("alert.parent.named")
    return words(f"alert.parent.{'then' if level == 'absent' and state in PAST else level}")


def _on_card(parent: Mapping[str, Any], words: Words) -> str:
    """Return whether the card names a model that may be the later one; "" where the report does not say."""
    declared, named = parent.get("declared"), parent.get("said") == "named"
    if not isinstance(declared, bool):
        return ""
    return words(f"alert.parent.card_{'declared' if declared else 'named' if named else 'absent'}")


def _shares(report: Report, models: int) -> list[int] | None:
    """Return the models' shares in hundredths, the last of all that have no line; None where they are no parts."""
    parents, measured = parents_of(report), section(report.get("measured"))
    parts = coefficients_of(report)
    if not parts and report.get("family") == "stack":
        counts = [positive(measured.get(f"from {string(p.get('repo_id'))}")) or 0.0 for p in parents]
        parts = [n / sum(counts) for n in counts] if all(counts) and counts else []
    if len(parts) != len(parents) or not parts or min(parts) < 0 or abs(sum(parts) - 1) > FROM_100:
        return None
    parts = [round(part, 6) for part in parts]  # what is below is the fit's own noise
    shown = [*parts[:models], *([sum(parts[models:])] if len(parts) > models else [])]
    whole = [int(100 * part) for part in shown]
    by_rest = sorted(range(len(shown)), key=lambda i: (round(whole[i] - 100 * shown[i], 4), -i))
    for i in by_rest[: max(100 - sum(whole), 0)]:
        whole[i] += 1
    return whole


def _bar(shares: Sequence[int]) -> str:
    ends = [round(CELLS * sum(shares[:n]) / 100) for n in range(len(shares) + 1)]
    return "".join(sign * (end - start) for sign, start, end in zip(SHADES, ends, ends[1:], strict=False))


def _share(parent: Mapping[str, Any], shares: Sequence[int] | None, place: int, words: Words) -> str:
    """Return what stands before a model: the shade of its part of the bar, or its coefficient."""
    value = number(parent.get("coefficient"))
    if shares and len(shares) > 1:
        return f"`{SHADES[place]}`"
    return BULLET if value is None or shares else f"{words.local(decimal(value, 2))} ×"


def _facts(report: Report, words: Words) -> list[str]:
    measured, finding = section(report.get("measured")), string(report.get("finding"))
    if finding == "blend":
        return _blend_facts(report, measured, words)
    weights, equal, distance = (number(measured.get(key)) for key in ("weights", "equal", "distance"))
    if finding not in KNOWN or equal is None or not 0 <= equal <= 1:
        return []
    if finding == "copy" and equal == 1 and positive(weights):
        return [words("alert.sure.copy_all", count=f"{int(weights or 0):,}")]
    if finding == "copy" and equal >= LOOK_ALIKE and positive(weights):
        return [words("alert.sure.copy", **hits_of(equal, weights or 0))]
    return [words("alert.sure.distance", share=decimal(distance, 4))] if distance is not None else []


def _blend_facts(report: Report, measured: Mapping[str, Any], words: Words) -> list[str]:
    decisive, far = positive(measured.get("decisive")), positive(measured.get("far"))
    reproduced, near, covered = (_part(measured.get(key)) for key in ("reproduced", "near", "covered"))
    tensors, copied = positive(measured.get("tensors")), positive(measured.get("copied"))
    facts = []
    if report.get("family") == "stack" and tensors and copied and copied <= tensors:
        facts.append(words("alert.sure.stack", hits=f"{copied:,.0f}", count=f"{tensors:,.0f}"))
    elif covered is not None and decisive:
        facts.append(words("alert.sure.sparse", **hits_of(covered, decisive)))
    elif report.get("strength") != "exact" and near is not None and far and near > (reproduced or 0):
        facts.append(words("alert.sure.near", **hits_of(near, far)))
    elif reproduced == 1 and decisive:
        facts.append(words("alert.sure.mix_all", count=f"{int(decisive):,}"))
    elif reproduced is not None and decisive:
        facts.append(words("alert.sure.mix", **hits_of(reproduced, decisive)))
    return facts


def nearest(report: Report, words: Words, state: str) -> str:
    """Return how much of a blend the nearest single model explains; "" where that tells nothing."""
    share = _part(section(report.get("measured")).get("control"))
    told = state != "retracted" and report.get("finding") == "blend" and not is_out_of_order(report)
    if not told or share is None or share > TELLING_CONTROL:
        return ""
    return words("alert.sure.control", share=ceil(100 * share - 1e-9))


def _part(value: object) -> float | None:
    found = number(value)
    return found if found is not None and 0 <= found <= 1 else None
