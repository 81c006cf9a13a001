"""A badge for a card: "parents declared", where measurement and card agree. No badge says anything against anybody.

A model that was found and is not declared has no badge, exactly as one that nobody knows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, Literal
from xml.sax.saxutils import escape

from bot.alerts.sentences import REPO_ID
from bot.site.published import PublishedCase
from bot.text.sanitize import section
from state.records import Upload

Standing = Literal["declared", "nothing"]
TEXTS: Final[Mapping[Standing, tuple[str, str, str]]] = {  # what is on the left, on the right, and the right's colour
    "declared": ("parents", "declared", "#00674a"),
    "nothing": ("blendwatch", "no finding", "#4f4f4f"),
}
LETTER: Final = 7.0  # units of width of one letter of 11 units
PAD: Final = 6
HEIGHT: Final = 20
DISCLOSED: Final = ("blend", "copy", "derivative")

Agrees = Callable[[str], bool]  # does the newest check of this model find what its card declares?


def nobody(repo_id: str) -> bool:  # noqa: ARG001 - see Agrees
    """Return that of no other model it is known whether its card agrees."""
    return False


def agreement_of(history: Sequence[Upload]) -> bool:
    """Tell whether the newest check of a model found parents, all of which its card declares; `history`: see Store."""
    judged = [upload for upload in history if upload.state == "found" and upload.report is not None]
    if not judged or judged[0].gated:
        return False
    report = section(judged[0].report)
    return report.get("finding") in DISCLOSED and report.get("disclosure") == "disclosed"


def standing_of(repo_id: str, cases: Sequence[PublishedCase], agrees: Agrees = nobody) -> Standing | None:
    """Return what a badge may say of a model; None: nothing. `cases`: those about it."""
    mine = [case for case in cases if case.upload.repo_id.lower() == repo_id.lower()]
    standing = [case for case in mine if not case.withdrawn]
    if any(case.state != "declared" for case in standing):
        return None
    if standing or agrees(repo_id):
        return "declared"
    return "nothing" if mine else None


def svg(standing: Standing) -> bytes:
    """Return the badge as SVG, with its words for screen readers; it loads nothing."""
    left, right, colour = TEXTS[standing]
    widths = [round(len(text) * LETTER) + 2 * PAD for text in (left, right)]
    whole, said = sum(widths), escape(f"{left}: {right}")
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{whole}" height="{HEIGHT}" role="img" aria-label="{said}">',
        f"<title>{said}</title>",
        f'<rect width="{whole}" height="{HEIGHT}" rx="3" fill="#333"/>',
        f'<path d="M{widths[0]} 0h{widths[1] - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3h-{widths[1] - 3}z" fill="{colour}"/>',
        '<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">',
        f'<text x="{widths[0] / 2}" y="14" textLength="{widths[0] - 2 * PAD}">{escape(left)}</text>',
        f'<text x="{widths[0] + widths[1] / 2}" y="14" textLength="{widths[1] - 2 * PAD}">{escape(right)}</text>',
        "</g></svg>",
    ]
    return "\n".join(parts).encode() + b"\n"


def files(cases: Sequence[PublishedCase]) -> Iterator[tuple[str, bytes]]:
    """Return the path and content of the badge of each model that a case is about, where it has one."""
    by_name: dict[str, list[PublishedCase]] = {}
    for case in cases:
        by_name.setdefault(case.upload.repo_id.lower(), []).append(case)
    for name, mine in by_name.items():
        standing = standing_of(name, mine)
        if standing is not None and REPO_ID.fullmatch(name):
            yield f"badges/{name}.svg", svg(standing)
