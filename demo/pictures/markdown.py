"""Discord's markdown as far as the bot uses it, as HTML. All other text is escaped."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Final

from markupsafe import Markup, escape

MARK: Final = re.compile(
    r"\\(?P<literal>[^\w\s])"
    r"|```(?:\w*\n)?(?P<block>.+?)```\n?"
    r"|`(?P<code>[^`]+)`"
    r"|\*\*(?P<bold>(?:\\.|[^\\])+?)\*\*"
    r"|\*(?P<italic>(?:\\.|[^\\*])+?)\*"
    r"|\[(?P<text>(?:\\.|[^\]\\])+)\]\((?P<url>https://[^)\s]+)\)"
    r"|<@!?(?P<user>\d+)>"
    r"|<t:(?P<time>\d{1,11})(?::R)?>",
    re.DOTALL,
)


def drawn(text: str, names: Mapping[str, str], now: datetime) -> Markup:
    """Draw a text like Discord; `names` of members by their ids, times as seen at `now`."""
    parts, end = [], 0
    for match in MARK.finditer(text):
        parts += [escape(text[end : match.start()]), _mark(match, names, now)]
        end = match.end()
    return Markup("").join([*parts, escape(text[end:])])


def _mark(match: re.Match[str], names: Mapping[str, str], now: datetime) -> Markup:
    kind, inner = next((name, value) for name, value in match.groupdict().items() if value is not None)
    if kind == "literal":
        return escape(inner)
    if kind in {"block", "code"}:
        return Markup("<pre>{}</pre>" if kind == "block" else "<code>{}</code>").format(inner)
    if kind == "user":
        return Markup('<span class="mention">@{}</span>').format(names.get(inner, "somebody"))
    if kind == "time":
        return Markup('<span class="time">{}</span>').format(ago(int(inner), now))
    if kind == "text":
        return Markup('<a href="{}">{}</a>').format(match["url"], drawn(inner, names, now))
    return Markup("<b>{}</b>" if kind == "bold" else "<i>{}</i>").format(drawn(inner, names, now))


def ago(seconds: int, now: datetime) -> str:
    """Format the age of a time at `now`; `seconds` since 1970."""
    passed = max(int((now - datetime.fromtimestamp(seconds, UTC)).total_seconds()), 0)
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute"), (1, "second")):
        if passed >= size:
            count = passed // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "now"
