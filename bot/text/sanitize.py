"""Making hostile text harmless: whatever an uploader wrote may be shown, and none of it may act.

Names and cards are chosen by strangers. In Discord they could ping people, hide where a link leads or turn the
reading direction; in a terminal they could move the cursor. Here every such sign becomes plain and visible. The
small readers at the end do the same for values: what is not of the kind it should be is taken as missing.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

ELLIPSIS = "…"
STACKED_MARKS = 2  # accents kept on one letter; more of them paint over the lines above and below

_HIDDEN_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
# drawn as nothing although Unicode counts them as letters, accents or symbols
_HIDDEN_SIGNS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u2800\u3164\uffa0")
_VARIATIONS = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]")  # they choose between drawings of one sign
_MARKDOWN = frozenset("\\*_~`|<>[]()#")
_ORDINARY_NAME = re.compile(r"[A-Za-z0-9._/-]+")
_TOKEN = re.compile(
    r"(?P<link>://)|(?P<invite>(?i:(?<=discord)\.(?=gg/|com/invite/)|(?<=discordapp)\.(?=com/invite/)))"
    r"|(?P<emoji>:(?=[\w~]+:))|(?P<item>^(?:[0-9]{1,9}[.)]|[-+]))|.",
    re.DOTALL,
)
_MARKUP = re.compile(r"\\([!-/:-@\[-`{-~])|\*\*|`")


def harmless(text: str, limit: int) -> str:
    """Escape `text` for an embed: one line of at most `limit` UTF-16 units that pings, links and formats nothing.

    Invisible and direction-changing characters are shown by number, "[U+202E]". A cut is marked with "…" and never
    splits an escape.
    """
    return clipped(_atoms(text, escape=True), limit)


def visible(text: str, limit: int) -> str:
    """Like harmless, for logs and terminals, where Discord's markdown, mentions and links are left as they are."""
    return clipped(_atoms(text, escape=False), limit)


def code(text: str, limit: int) -> str:
    """A repo id as inline code of at most `limit` UTF-16 units; anything that is no ordinary id is made harmless."""
    if limit > 2 and _ORDINARY_NAME.fullmatch(text):
        return f"`{clipped(text, limit - 2)}`"
    return harmless(text, limit)


def unmarked(text: str) -> str:
    """What Discord would draw of text made here, without its bold and code marks and with escapes undone."""
    return _MARKUP.sub(lambda match: match[1] or "", text)


def width(text: str) -> int:
    """Length in UTF-16 units, which is never less than any of the ways in which Discord's limits are counted."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def clipped(atoms: Iterable[str], limit: int) -> str:
    """As many whole atoms as `limit` UTF-16 units hold, with "…" in place of what had to go.

    The cut comes after a whole word where at least half of the text stays.
    """
    kept: list[str] = []
    fitting = 0  # how many atoms leave room for the ellipsis
    total = 0
    for atom in atoms:
        total += width(atom)
        if total > limit:
            whole = "".join(kept[:fitting])
            word = whole if (kept[fitting:] or [atom])[0] == " " else whole.rpartition(" ")[0]
            return ((word if 2 * len(word) >= limit else whole).rstrip(" ") + ELLIPSIS)[: max(limit, 0)]
        kept.append(atom)
        if total < limit:
            fitting = len(kept)
    return "".join(kept)


def joined(lines: Sequence[str], limit: int, separator: str = "\n") -> str:
    """As many whole lines as `limit` UTF-16 units hold; the last then says how many more there are.

    The lines must be harmless and shorter than `limit` by some thirty units; one that is not counts as "more".
    """
    whole = separator.join(lines)
    if width(whole) <= limit:
        return whole
    for kept in range(min(len(lines) - 1, limit), 0, -1):
        text = separator.join([*lines[:kept], f"{ELLIPSIS} and {len(lines) - kept:,} more"])
        if width(text) <= limit:
            return text
    return f"{ELLIPSIS} {len(lines):,} in all"[: max(limit, 0)]


def _atoms(text: str, *, escape: bool) -> Iterator[str]:
    """The pieces that may be kept or cut, each only whole: a sign with its accents, an escape, a number in brackets."""
    atom, marks = "", 0
    for match in _TOKEN.finditer(" ".join(_VARIATIONS.sub("", text).split())):
        token = match[0]
        if atom and marks < STACKED_MARKS and _is_accent(token) and not _is_hidden(token):
            atom, marks = atom + token, marks + 1
            continue
        if atom:
            yield atom
        atom, marks = _shown(token, match.lastgroup, escape=escape), STACKED_MARKS if _is_accent(token) else 0
    if atom:
        yield atom


def _is_accent(token: str) -> bool:
    return unicodedata.category(token[-1]) in {"Mn", "Me"}


def _is_hidden(token: str) -> bool:
    return token in _HIDDEN_SIGNS or unicodedata.category(token[-1]) in _HIDDEN_CATEGORIES


def _shown(token: str, kind: str | None, *, escape: bool) -> str:
    """One token as it may be shown; `kind` names those that mean something only together or in their place."""
    if kind is None and (_is_hidden(token) or _is_accent(token)):
        plain = f"[U+{ord(token):04X}]"
    elif kind == "link" and escape:
        plain = "[:]//"
    elif kind == "invite" and escape:  # Discord links it without a scheme
        plain = "[.]"
    else:
        plain = token
    if not escape:
        return plain
    plain = plain.replace("@", "＠")  # the wide sign: no client and no server takes it for a mention
    if kind in {"emoji", "item"}:
        return f"{plain[:-1]}\\{plain[-1]}"
    return "".join("\\" + sign if sign in _MARKDOWN else sign for sign in plain)


def string(value: object) -> str:
    """The value if it is text, else no text."""
    return value if isinstance(value, str) else ""


def section(value: object) -> Mapping[str, Any]:
    """The value if it is a JSON object, else an empty one."""
    return value if isinstance(value, Mapping) else {}


def entries(value: object) -> Sequence[Any]:
    """The value if it is a JSON array, else an empty one."""
    return value if isinstance(value, list | tuple) else ()


def number(value: object) -> float | None:
    """The value if it is a finite number, else None; true and false are none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        return float(value) if math.isfinite(value) else None
    except OverflowError:  # an integer with hundreds of digits
        return None


def moment(value: object) -> datetime | None:
    """The UTC time that an RFC 3339 text names, else None; without an offset it is taken as UTC."""
    try:
        time = datetime.fromisoformat(string(value))
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def decimal(value: float, places: int = 3) -> str:
    """A number in plain decimals where that is short, else with an exponent; with a true minus sign."""
    plainly = value == 0 or 10.0**-places <= abs(value) < 1000
    return (f"{value:.{places}f}" if plainly else f"{value:.3g}").replace("-", "−")


def count(value: float) -> str:
    """A large count in words, "7.62 billion"; a small one in full."""
    for unit, name in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if unit <= abs(value) < 1000 * unit:
            return f"{value / unit:.2f} {name}"
    return f"{value:,.0f}" if abs(value) < 1e6 else f"{value:.3g}"


def size(value: float) -> str:
    """Bytes as kB or MB of a thousand and a million."""
    return f"{value / 1e6:.1f} MB" if value >= 1e6 else f"{value / 1e3:.0f} kB"
