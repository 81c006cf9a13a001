"""Feeds are what RFC 4287 and JSON Feed 1.1 ask for; ids stay, changes show, withdrawn cases stay and say so."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings

from bot.site.feeds import ATOM, ENTRIES, atom, entry_id, feeds_of, files, json_feed
from tests.bot.alerts.test_embeds import B, hostile_reports
from tests.bot.site.cases import START, case_id, declared, published_case, shown, withdrawn
from tests.bot.text.test_sanitize import invisible

HOME = "https://blends.example.org"
CASES = [published_case(1), withdrawn(2), published_case(3), declared(4)]


def tag(name: str) -> str:
    """An element's name."""
    return f"{{{ATOM}}}{name}"


def one(parent: ElementTree.Element, name: str) -> str:
    """The text of the only child of this name."""
    (child,) = parent.findall(tag(name))
    return child.text or ""


def checked_atom(content: bytes) -> list[ElementTree.Element]:
    """What RFC 4287, 4.1 asks for, of a feed and each entry; the entries."""
    root = ElementTree.fromstring(content)
    assert root.tag == tag("feed")
    for element in (root, *root.findall(tag("entry"))):
        assert one(element, "title")
        assert one(element, "id").startswith("urn:uuid:")
        assert datetime.fromisoformat(one(element, "updated")).tzinfo is not None
        assert all(link.get("href") for link in element.findall(tag("link")))
    (author,) = root.findall(tag("author"))
    assert one(author, "name")
    assert [link.get("rel") for link in root.findall(tag("link"))] == ["self"]
    found = root.findall(tag("entry"))
    for entry in found:
        assert one(entry, "content")
        assert [link.get("rel") for link in entry.findall(tag("link"))].count("alternate") == 1
    assert len({one(entry, "id") for entry in found}) == len(found)
    return found


def checked_json(content: bytes) -> list[dict[str, Any]]:
    """What JSON Feed 1.1 asks for, of a feed and each item; the items."""
    feed = json.loads(content)
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    assert feed["title"]
    assert all(name.startswith("_") or name in TOP for name in feed)
    found: list[dict[str, Any]] = feed["items"]
    for item in found:
        assert isinstance(item["id"], str)
        assert item["content_text"]
        assert datetime.fromisoformat(item["date_modified"]) >= datetime.fromisoformat(item["date_published"])
        assert all(name.startswith("_") or name in ITEM for name in item)
    assert len({item["id"] for item in found}) == len(found)
    return found


TOP = {"version", "title", "description", "language", "authors", "items", "home_page_url", "feed_url"}
ITEM = {"id", "title", "content_text", "date_published", "date_modified", "tags", "url", "external_url"}


def test_there_is_a_feed_of_all_of_each_organisation_and_of_each_family() -> None:
    """In both formats, each with its cases; that of all is there without any."""
    written = dict(files(CASES, HOME))
    paths = ("feeds/all", "feeds/organisations/quick-fox", "feeds/organisations/slow-fox", "feeds/families/borealis")
    assert set(written) == {f"{path}{ending}" for path in paths for ending in (".atom", ".json")}
    for path, count in zip(paths, (4, 3, 1, 4), strict=True):
        assert len(checked_atom(written[f"{path}.atom"])) == count
        assert len(checked_json(written[f"{path}.json"])) == count
    empty = dict(files([]))
    assert not checked_atom(empty["feeds/all.atom"])
    assert not checked_json(empty["feeds/all.json"])


def test_an_entrys_id_is_the_same_everywhere_and_for_ever() -> None:
    """In all feeds, in both formats, at another address, after a change; this one may never be another."""
    assert entry_id("000000000001") == "urn:uuid:39f1572f-d72c-59d9-9ae9-e56772466f37"
    ids = set()
    for home, case in (("", published_case(4)), (HOME, declared(4))):
        for feed in feeds_of([case]).values():
            ids |= {one(checked_atom(atom(feed, home))[0], "id"), checked_json(json_feed(feed, home))[0]["id"]}
    assert ids == {entry_id(case_id(4))}


def test_updated_moves_with_every_change_and_orders_the_feed() -> None:
    """A reader that asks for what is newer gets the change."""
    before = feeds_of([published_case(1), published_case(2)])["feeds/all"]
    at = START + timedelta(days=1)
    changed = published_case(1, ("weights", "other weights", at))
    after = feeds_of([changed, published_case(2)])["feeds/all"]
    assert [entry.case.id for entry in before.entries] == [case_id(2), case_id(1)]
    assert [entry.case.id for entry in after.entries] == [case_id(1), case_id(2)]
    newest = checked_atom(atom(after))[0]
    assert (one(newest, "published"), one(newest, "updated")) == (
        "2026-11-23T12:01:00.000000Z",
        "2026-11-24T12:00:00.000000Z",
    )
    assert after.updated == at > before.updated


def test_a_withdrawn_case_stays_and_is_marked() -> None:
    """For people in title and text, for machines as a tag and a field; it names no parent any more."""
    feed = feeds_of(CASES)["feeds/families/borealis"]
    (entry,) = [e for e in checked_atom(atom(feed)) if one(e, "id") == entry_id(case_id(2))]
    assert one(entry, "title") == "Retracted: Quick-Fox/m2"
    assert [c.get("term") for c in entry.findall(tag("category"))] == ["withdrawn"]
    assert "we were wrong" in one(entry, "content")
    (item,) = [i for i in checked_json(json_feed(feed)) if i["id"] == entry_id(case_id(2))]
    assert (item["tags"], item["_blendwatch"]["state"]) == (["withdrawn"], "withdrawn")
    assert B not in json.dumps(item) + one(entry, "content")


def test_a_feed_has_the_last_changed_cases() -> None:
    """So many that a reader can hold them; a withdrawal of an old case is among them."""
    many = [published_case(n) for n in range(2, ENTRIES + 3)]
    old = published_case(1, ("retracted", "late", START + timedelta(days=9)))
    kept = feeds_of([old, *many])["feeds/all"].entries
    assert len(kept) == ENTRIES
    assert kept[0].case.id == case_id(1)


def test_addresses_are_whole_where_the_site_has_one() -> None:
    """JSON Feed asks for that; without one it has none of ours."""
    feed = feeds_of([published_case()])["feeds/all"]
    (item,) = checked_json(json_feed(feed, HOME))
    assert item["url"] == f"{HOME}/cases/{case_id(1)}.html"
    assert item["external_url"] == f"https://huggingface.co/Quick-Fox/m1/tree/{'a' * 40}"
    assert json.loads(json_feed(feed, HOME))["feed_url"] == f"{HOME}/feeds/all.json"
    (bare,) = checked_json(json_feed(feed))
    assert "url" not in bare


@settings(max_examples=20, deadline=None)
@given(hostile_reports)
def test_whatever_a_report_holds_the_feeds_are_whole(report: dict[str, Any]) -> None:
    """Nothing breaks XML or JSON, and nothing invisible is in a text."""
    case = shown(1, report)
    odd = replace(case.parents[0], family="\u202e../<a>&\x00") if case.parents else None
    case = replace(case, parents=(odd, *case.parents[1:])) if odd else case
    for feed in feeds_of([case]).values():
        (entry,) = checked_atom(atom(feed))
        (item,) = checked_json(json_feed(feed))
        for text in (one(entry, "title"), one(entry, "content"), item["title"], item["content_text"]):
            assert not invisible(text.replace("\n", ""))


@pytest.mark.parametrize("gated", [True, False])
def test_texts_of_a_gated_repository_are_in_no_feed(gated: bool) -> None:
    """A case that is not gated has its notes."""
    at = START + timedelta(hours=1)
    case = published_case(1, ("card", "names x", at), gated=gated)
    (entry,) = checked_atom(atom(feeds_of([case])["feeds/all"]))
    assert ("names x" in one(entry, "content")) is not gated
