"""Atom (RFC 4287) and JSON Feed 1.1 of published cases: of all, of each organisation, of each family. Pure.

An entry's id depends on the case alone, and `updated` is the time of the last event. A withdrawn case stays, marked.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Final
from uuid import NAMESPACE_URL, UUID, uuid5
from xml.etree import ElementTree

from bot.alerts.sentences import link
from bot.site.api_models import NAME_LENGTH, CaseDetail, detail_of
from bot.site.paths import API, case_page, slug
from bot.site.published import PublishedCase
from bot.text.sanitize import visible

ATOM: Final = "http://www.w3.org/2005/Atom"
VERSION: Final = "https://jsonfeed.org/version/1.1"
ENTRIES: Final = 200  # of one feed, the last changed first; the API has all
AUTHOR: Final = "Blendwatch"
WITHDRAWN: Final = "withdrawn"
EMPTY: Final = datetime(1970, 1, 1, tzinfo=UTC)  # when a feed without cases last changed
ABOUT: Final = "What sampled weights show of uploads to the Hugging Face Hub. Blending and copying are legitimate."


@dataclass
class Entry:
    """One case in all its feeds."""

    case: PublishedCase

    @cached_property
    def detail(self) -> CaseDetail:
        """The case as the API has it, made once and only if a feed is."""
        return detail_of(self.case)

    @property
    def tags(self) -> list[str]:
        """Its state and, unless it was withdrawn, what was found."""
        found = (self.detail.state, self.detail.finding, self.detail.strength, *self.detail.families)
        return [tag for tag in found if tag]


@dataclass(frozen=True, slots=True)
class Feed:
    """One feed. `path`: of its files, without their endings; `entries`: the last changed first."""

    path: str
    title: str
    entries: Sequence[Entry]

    @property
    def updated(self) -> datetime:
        """When one of its cases last changed (UTC)."""
        return max((entry.case.updated_at for entry in self.entries), default=EMPTY)


def feeds_of(cases: Sequence[PublishedCase]) -> dict[str, Feed]:
    """Return every feed by its path: the one of all cases also where there are none."""
    chosen: dict[str, tuple[str, list[Entry]]] = {"feeds/all": ("Published cases", [])}
    for entry in map(Entry, cases):
        case = entry.case
        places = [("feeds/all", "")]
        places += [(f"feeds/organisations/{slug(case.upload.organisation)}", _title(case.upload.organisation.lower()))]
        places += [(f"feeds/families/{slug(f)}", _title(f"family {f}")) for f in case.families]
        for path, title in places:
            chosen.setdefault(path, (title, []))[1].append(entry)
    return {path: Feed(path, title, _newest(found)) for path, (title, found) in chosen.items()}


def _title(about: str) -> str:
    return f"Published cases: {visible(about, NAME_LENGTH)}"


def _newest(entries: Sequence[Entry]) -> list[Entry]:
    by_id = sorted(entries, key=lambda entry: entry.case.id)
    return sorted(by_id, key=lambda entry: entry.case.updated_at, reverse=True)[:ENTRIES]


def files(cases: Sequence[PublishedCase], home: str = "") -> Iterator[tuple[str, bytes]]:
    """Return the path and content of each file; `home`: the address of the site, without a slash at its end."""
    for feed in feeds_of(cases).values():
        for ending, (made, _) in FORMATS.items():
            yield f"{feed.path}{ending}", made(feed, home)


def atom(feed: Feed, home: str = "") -> bytes:
    """Return the feed as Atom."""
    ElementTree.register_namespace("", ATOM)
    root = ElementTree.Element(f"{{{ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "en"})
    _add(root, "title", feed.title)
    _add(root, "subtitle", ABOUT)
    _add(root, "id", _urn(uuid5(NAMESPACE_URL, f"{home}/{feed.path}")))
    _add(root, "updated", _time(feed.updated))
    _add(_add(root, "author"), "name", AUTHOR)
    _add(root, "link", rel="self", type="application/atom+xml", href=f"{home}/{feed.path}.atom")
    for entry in feed.entries:
        _atom_entry(_add(root, "entry"), entry, home)
    ElementTree.indent(root)
    found: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return found + b"\n"


def _atom_entry(element: ElementTree.Element, entry: Entry, home: str) -> None:
    case, detail = entry.case, entry.detail
    _add(element, "title", detail.title)
    _add(element, "id", entry_id(case.id))
    _add(element, "published", _time(case.opened_at))
    _add(element, "updated", _time(case.updated_at))
    for tag in entry.tags:
        _add(element, "category", term=tag)
    _add(element, "link", rel="alternate", type="text/html", href=f"{home}/{case_page(case.id)}")
    _add(element, "link", rel="related", type="application/json", href=f"{home}/{API}/cases/{case.id}.json")
    if address := link(case.report):
        _add(element, "link", rel="about", href=address)
    _add(element, "content", text_of(detail), type="text")


def json_feed(feed: Feed, home: str = "") -> bytes:
    """Return the feed as JSON Feed. Without a `home` it names no addresses of its own, which have to be whole."""
    whole: dict[str, Any] = {
        "version": VERSION,
        "title": feed.title,
        "description": ABOUT,
        "language": "en",
        "authors": [{"name": AUTHOR}],
        "items": [_item(entry, home) for entry in feed.entries],
    }
    if home:
        whole |= {"home_page_url": f"{home}/", "feed_url": f"{home}/{feed.path}.json"}
    return json.dumps(whole, ensure_ascii=False, indent=1).encode() + b"\n"


def _item(entry: Entry, home: str) -> dict[str, Any]:
    case, detail = entry.case, entry.detail
    item: dict[str, Any] = {
        "id": entry_id(case.id),
        "title": detail.title,
        "content_text": text_of(detail),
        "date_published": _time(case.opened_at),
        "date_modified": _time(case.updated_at),
        "tags": entry.tags,
        "_blendwatch": {"about": f"{home}/{API}/openapi.json", "case": case.id, "state": detail.state},
    }
    if home:
        item["url"] = f"{home}/{case_page(case.id)}"
    if address := link(case.report):
        item["external_url"] = address
    return item


def entry_id(case_id: str) -> str:
    """Return the id of a case's entry, which is the same in every feed, at every address and for ever."""
    return _urn(uuid5(NAMESPACE_URL, f"blendwatch:case:{case_id}"))


def text_of(detail: CaseDetail) -> str:
    """Return an entry's text: what is said of the case by now, and what has happened since."""
    since = [f"{event.at:%Y-%m-%d %H:%M} {event.kind}: {event.text or ''}".rstrip(": ") for event in detail.events]
    answers = [f"{answer.at:%Y-%m-%d %H:%M} its author: {answer.text}" for answer in detail.answers]
    later = ["Since then:", *since[::-1], *answers[::-1]] if since or answers else []
    return "\n".join([*detail.sentences, *later, f"case {detail.id}"])


def _add(parent: ElementTree.Element, name: str, text: str = "", **attributes: str) -> ElementTree.Element:
    child = ElementTree.SubElement(parent, f"{{{ATOM}}}{name}", attributes)
    child.text = text or None
    return child


def _urn(value: UUID) -> str:
    return f"urn:uuid:{value}"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


FORMATS: Final[Mapping[str, tuple[Callable[[Feed, str], bytes], str]]] = {
    ".atom": (atom, "application/atom+xml; charset=utf-8"),
    ".json": (json_feed, "application/feed+json; charset=utf-8"),
}
