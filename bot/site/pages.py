"""Every public page as bytes by its path: the same values give the same bytes."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final

import jinja2

from bot.site.case_view import plain, share_of, view
from bot.site.clearance_view import clearance_view
from bot.site.clearances import Clearance
from bot.site.drawings import NAME
from bot.site.published import PublishedCase
from bot.text.sanitize import visible
from state.evidence.blobs import Blobs

TEMPLATES: Final = Path(__file__).parent / "templates"
LISTED: Final = 100  # items on one page of a list
SHOWN: Final = 1200  # characters of a text of strangers
_OUTSIDE: Final = re.compile(r"[^a-z0-9._-]+")

Pages = Iterator[tuple[str, bytes]]


@dataclass(frozen=True, slots=True)
class Item:
    """Line of a list: a page, its name, a time and a sentence."""

    path: str
    name: str
    at: datetime
    said: str


@dataclass(frozen=True, slots=True)
class Entry:
    """Link to a page of one organisation, family or parent, with the number of its cases."""

    path: str
    name: str
    count: str


@dataclass(frozen=True, slots=True)
class Site:
    """Makes the pages. `archive`: returns the address of a case's archive, "" where there is none."""

    blobs: Blobs
    archive: Callable[[str], str] = field(default=lambda _: "")

    def pages(self, cases: Sequence[PublishedCase], clearances: Sequence[Clearance]) -> Pages:
        """Yield every page; those that link to others come last."""
        groups = _groups(cases)
        for case in cases:
            yield from self.case(case, groups["parents"])
        for one in clearances:
            yield from _clearance(one)
        for kind, by_name in groups.items():
            for name, mine in by_name.items():
                intro = f"Public cases, by {_SINGULAR[kind]}."
                yield from _list(path_of(kind, name), visible(name, NAME), intro, _items(mine), "Cases", depth=1)
            entries = [Entry(path_of(kind, n), visible(n, NAME), f"{len(m):,}") for n, m in sorted(by_name.items())]
            yield from _entries(kind, entries)
        cleared = [_cleared(one) for one in clearances]
        yield from _list("clearances.html", "Clearances", _CLEARANCES, cleared, "Independent uploads")
        yield from _list("index.html", "Cases", _CASES, _items(cases), "Newest first", groups=_ways(groups))

    def case(self, case: PublishedCase, parents: Mapping[str, Sequence[PublishedCase]]) -> Pages:
        """Yield the page and the report of one case."""
        links = {name: path_of("parents", name) for name in parents}
        page = _render(
            "case.html.jinja", "../", view=view(case, self.blobs), links=links, archive=self.archive(case.id)
        )
        yield f"cases/{case.id}.html", page
        facts = {"case": case.id, "state": case.state, "withdrawn": case.withdrawn, "reason": case.reason}
        yield f"cases/{case.id}.json", _json({"schema": 1, **facts, "gated": case.gated, "report": case.report})


_CASES: Final = "Uploads in which weights of known models were found, and whose alerts were published."
_CLEARANCES: Final = "Uploads in which a check found no known model, published at the operator's request."
_SINGULAR: Final[Mapping[str, str]] = {"organisations": "organisation", "families": "family", "parents": "parent"}


def path_of(kind: str, name: str) -> str:
    """Return the address of an organisation, family or parent: readable, safe as a file name, and distinct."""
    readable = _OUTSIDE.sub("-", name.lower())[:60].strip(".-")
    return f"{kind}/{readable}-{hashlib.sha256(name.lower().encode()).hexdigest()[:10]}.html"


def _groups(cases: Sequence[PublishedCase]) -> dict[str, dict[str, list[PublishedCase]]]:
    """Return the cases of each organisation, family and parent, under the first spelling of its name."""
    found: dict[str, defaultdict[str, list[PublishedCase]]] = {kind: defaultdict(list) for kind in _SINGULAR}
    spelling: dict[str, str] = {}
    for case in cases:
        named = {
            "organisations": [case.upload.organisation],
            "families": case.families,
            "parents": [] if case.withdrawn else [parent.repo_id for parent in case.parents],
        }
        for kind, names in named.items():
            for name in dict.fromkeys(names):
                found[kind][spelling.setdefault(name.lower(), name)].append(case)
    return {kind: dict(by_name) for kind, by_name in found.items()}


def _ways(groups: Mapping[str, Mapping[str, object]]) -> list[tuple[str, list[Entry]]]:
    ways = [Entry(f"{kind}.html", f"By {_SINGULAR[kind]}", f"{len(names):,}") for kind, names in groups.items()]
    return [("Search", ways)]


def _items(cases: Iterable[PublishedCase]) -> list[Item]:
    return [
        Item(f"cases/{c.id}.html", plain(visible(c.title, 3 * NAME)), c.opened_at, f"Strength {c.strength or 'none'}")
        for c in cases
    ]


def _cleared(one: Clearance) -> Item:
    return Item(f"clearances/{one.id}.html", visible(one.repo_id, 2 * NAME), one.published_at, "Independent")


def _clearance(one: Clearance) -> Pages:
    yield f"clearances/{one.id}.html", _render("clearance.html.jinja", "../", view=clearance_view(one))
    yield f"clearances/{one.id}.json", _json({"schema": 1, "clearance": one.id, "report": one.report})


def _entries(kind: str, entries: Sequence[Entry]) -> Pages:
    """Yield the pages that list organisations, families or parents."""
    parts = [entries[n : n + 4 * LISTED] for n in range(0, len(entries), 4 * LISTED)] or [[]]
    paths = [f"{kind}.html", *(f"{kind}-{n}.html" for n in range(2, len(parts) + 1))]
    for path, part in zip(paths, parts, strict=True):
        title = f"Cases by {_SINGULAR[kind]}"
        groups = [("In alphabetical order", part)] if part else []
        shown = {"title": title, "intro": f"{len(entries):,} in all.", "groups": groups, "heading": "More"}
        yield path, _render("names.html.jinja", "", **shown, pages=paths, here=path)


def _list(
    path: str,
    title: str,
    intro: str,
    items: Sequence[Item],
    heading: str,
    *,
    groups: Sequence[tuple[str, Sequence[Entry]]] = (),
    depth: int = 0,
) -> Pages:
    """Yield the pages of one list, the first at `path`."""
    stem = path.removesuffix(".html")
    parts = [items[n : n + LISTED] for n in range(0, len(items), LISTED)] or [[]]
    paths = [path, *(f"{stem}-page-{n}.html" for n in range(2, len(parts) + 1))]
    for here, part in reversed(list(zip(paths, parts, strict=True))):
        shown = {"title": title, "intro": intro, "heading": heading, "items": part}
        yield here, _render("index.html.jinja", "../" * depth, **shown, groups=groups, pages=paths, here=here)


def _json(value: object) -> bytes:
    return (json.dumps(value, sort_keys=True) + "\n").encode()  # without indent, which takes a tenth of a second each


@cache
def _environment() -> jinja2.Environment:
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "shown": lambda text: visible(text, SHOWN),
        "share": share_of,
        "stamp": lambda at: at.astimezone(UTC).isoformat(timespec="seconds"),
        "clock": lambda at: f"{at.astimezone(UTC):%Y-%m-%d %H:%M}",
    }
    return environment


@cache
def style() -> str:
    """Return the sheet of every page."""
    return (TEMPLATES / "style.css").read_text(encoding="utf-8")


@cache
def policy() -> str:
    """Return the content security policy: the page's own sheet, and nothing else."""
    digest = base64.b64encode(hashlib.sha256(style().encode()).digest()).decode()
    return f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"


def _render(template: str, root: str, **values: Any) -> bytes:
    """Return a page. `root`: the way to the site's root from it."""
    made = _environment().get_template(template)
    # the sheet is ours and holds no markup: escaped, its digest would be another
    text = made.render(root=root, csp=policy(), style=jinja2.filters.do_mark_safe(style()), **values)
    return text.encode()
