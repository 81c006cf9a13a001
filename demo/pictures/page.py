"""Messages in Discord as one HTML page that looks like a client: escaped, and self-contained."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, Literal

import jinja2

from demo.discord.world import EPHEMERAL, Json
from demo.pictures.markdown import drawn
from demo.pictures.scene import Part, Shots

Theme = Literal["light", "dark"]
TEMPLATE: Final = "pictures.html.jinja"
STYLES: Final[Mapping[int, str]] = {1: "primary", 2: "secondary", 3: "success", 4: "danger"}


def page(shots: Shots, name: str, theme: Theme, width: int) -> str:
    """Return the page of one picture; `width`: CSS pixels of the client that shows each of its parts."""
    parts = shots.parts[name]
    now = _latest(parts)
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=jinja2.ChainableUndefined,  # an embed has only the parts that were given to it
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "drawn": lambda text: drawn(text, shots.names, now),
        "clock": _clock,
        "colour": lambda colour: f"#{int(colour or 0):06x}",
        "style": lambda style: STYLES.get(style, "secondary"),
        "picture": lambda embed, message: _picture(embed, message, shots.files),
        "files": lambda message: [a["filename"] for a in message["attachments"] if a["filename"].endswith(".txt")],
        "only_you": lambda message: bool(message["flags"] & EPHEMERAL),
    }
    return environment.get_template(TEMPLATE).render(parts=parts, name=name, theme=theme, width=width)


def _latest(parts: Sequence[Part]) -> datetime:
    return max(datetime.fromisoformat(message["timestamp"]) for part in parts for message in part.messages)


def _clock(stamp: str) -> str:
    return f"{datetime.fromisoformat(stamp).astimezone(UTC):%Y-%m-%d %H:%M}"


def _picture(embed: Mapping[str, Any], message: Json, files: Mapping[str, bytes]) -> dict[str, str] | None:
    """Return the picture of an embed, held in the page itself; None without one."""
    name = str((embed.get("image") or {}).get("url", "")).removeprefix("attachment://")
    sent = next((a for a in message["attachments"] if a["filename"] == name), None)
    if sent is None:
        return None
    source = "data:image/png;base64," + base64.b64encode(files[sent["url"]]).decode()
    return {"source": source, "alt": str(sent.get("description") or "")}
