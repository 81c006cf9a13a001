"""Draw the demo's first alert as an SVG picture for the README: python -m demo.picture docs/alert.svg."""

from __future__ import annotations

import html
import sys
import tempfile
import textwrap
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.text import unmarked
from demo.__main__ import environment, watch_once
from demo.loopback_discord import LoopbackDiscord
from demo.loopback_hub import LoopbackHub
from demo.scene import scene

WIDTH, LEFT, LINE, CHARS = 760, 34, 19, 92
BIG = 15.5


def lines(embed: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the embed as (kind, text) lines that fit the picture."""
    found = [("title", part) for part in textwrap.wrap(unmarked(embed["title"]), 78)]
    for paragraph in unmarked(embed["description"]).split("\n"):
        found += [("text", part) for part in textwrap.wrap(paragraph, CHARS)] or [("gap", "")]
    for field in embed["fields"]:
        found += [("gap", ""), ("name", field["name"])]
        for row in unmarked(field["value"]).split("\n"):
            found += [("text", part) for part in textwrap.wrap(row, CHARS)]
    return [*found, ("gap", ""), ("foot", embed["footer"]["text"])]


def svg(embed: Mapping[str, Any]) -> str:
    """Return the picture: an embed's colours and shape, plain text, no fonts or images from elsewhere."""
    styles = {
        "title": f'fill="#00a8fc" font-weight="600" font-size="{BIG}"',
        "name": 'fill="#f2f3f5" font-weight="600" font-size="13"',
        "text": 'fill="#dbdee1" font-size="13"',
        "foot": 'fill="#949ba4" font-size="11"',
    }
    rows, y = [], 34.0
    for kind, text in lines(embed):
        if kind != "gap":
            rows.append(f'<text x="{LEFT}" y="{y:.0f}" {styles[kind]}>{html.escape(text)}</text>')
        y += LINE if kind != "gap" else LINE * 0.55
    height = int(y + 6)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img" '
        f'aria-label="A Blendwatch alert in Discord" font-family="sans-serif">'
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#2b2d31"/>'
        f'<rect width="6" height="{height}" rx="3" fill="#{embed["color"]:06x}"/>' + "".join(rows) + "</svg>\n"
    )


def main() -> None:
    """Run the demo's service once and draw its first alert."""
    cast = scene(datetime.now(UTC))
    with tempfile.TemporaryDirectory() as name, LoopbackHub(cast.repos) as hub, LoopbackDiscord() as discord:
        (Path(name) / "registry.yaml").write_text(cast.registry)
        watch_once(environment(hub, discord, Path(name)))
        Path(sys.argv[1]).write_text(svg(discord.messages[0]["embeds"][0]), encoding="utf-8")


if __name__ == "__main__":
    main()
