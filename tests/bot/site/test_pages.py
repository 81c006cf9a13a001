"""Pages of cases: complete, harmless whatever strangers wrote, and silent on gated repositories."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import pytest

from analyzers.records import Compared, Disclosure, Evidence
from bot.cases.snapshot import LATER_CARD
from bot.site.clearances import NoClearance, public_clearances, publish, withdraw_all
from bot.site.pages import Site, path_of, policy, style
from state.evidence.blobs import Blobs, to_bytes
from state.records import KeptFile, Note
from state.store import Store
from tests.analyzers.makers import BASE, OTHER, RELEASE, base_weights, case, known, release_weights
from tests.analyzers.test_blend import two
from tests.bot.site.makers import CASE, NAMES, public, report_of, told
from tests.state.events import MINUTE, NOW, event

ATTACK = '<script>alert(1)</script>"><img src=x onerror=alert(2)> {{ 7*7 }} \u202egpj.exe'
VOID = {"meta", "br", "link", "path", "rect"}
FEED = "feeds/all.atom"  # bot.site.api makes it
LAYOUT = {"html", "head", "meta", "title", "style", "body", "header", "nav", "main", "footer", "section", "div", "svg"}
TEXT = {"a", "ul", "ol", "li", "h1", "h2", "p", "strong", "code", "pre", "bdi", "span", "br", "ins", "del", "time"}
TABLE = {"table", "caption", "thead", "tbody", "tr", "th", "td", "blockquote", "desc", "path", "rect", "text"}
TAGS = LAYOUT | TEXT | TABLE | {"link"}


class Reader(HTMLParser):
    """Collects tags, attributes and ids, and checks that tags are closed in order."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self._open: list[str] = []
        self.feed(page.decode())
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take a tag down."""
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.ids += [value or "" for name, value in attrs if name == "id"]
        self.links += [value or "" for name, value in attrs if name == "href"]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Take down a tag that closes itself."""
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        """Close a tag."""
        assert self._open.pop() == tag


def made(store: Store, blobs: Blobs) -> Mapping[str, bytes]:
    """Return every page."""
    return dict(Site(blobs).pages(public(store), public_clearances(store)))


def page_of(store: Store, blobs: Blobs) -> str:
    """Return the page of the case."""
    return made(store, blobs)[f"cases/{CASE}.html"].decode()


def kept(blobs: Blobs, kind: str, content: bytes, *, gated: bool = False) -> KeptFile:
    """Keep a piece of evidence."""
    return KeptFile(kind, blobs.put(content), len(content), gated, NOW)


def test_a_page_says_what_the_report_says(store: Store, blobs: Blobs) -> None:
    """Verdict, shares with intervals, honest models, components, quotes, timeline and the command."""
    told(store, report_of())
    page = page_of(store, blobs)
    for said in (
        "It mixes 2 known models; its card declares 1.",
        "0.6000 (interval 0.5990 to 0.6010)",
        "east/Honest-1",
        "vision_tower",
        "trained by us",
        "a quote on north/Borealis-1",
        f"blendwatch check drift/Mixed-7B@{'a' * 40}",
        '<time datetime="2026-02-28T10:00:00+00:00">',
        f'href="{CASE}.json"',
    ):
        assert said in page
    assert "](#" not in page


def test_every_link_leads_to_a_page(store: Store, blobs: Blobs) -> None:
    """Every id occurs once, too, and tags are closed."""
    told(store, report_of())
    told(store, report_of("f" * 12, "Drift/Other"))
    pages = made(store, blobs)
    for path, page in pages.items():
        if path.endswith(".html"):
            found = Reader(page)
            assert len(set(found.ids)) == len(found.ids)
            for link in found.links:
                depth = path.count("/")
                target = link.removeprefix("../") if link.startswith("../") else "/".join([*path.split("/")[:-1], link])
                assert link.startswith("#") or target in pages or target == FEED, (path, link, depth)
    assert pages[path_of("organisations", "drift")].count(b"cases/") == 2
    assert path_of("parents", NAMES[1]) in pages
    assert path_of("families", "Austral") in pages


def test_what_strangers_wrote_does_nothing(store: Store, blobs: Blobs) -> None:
    """No tag, no attribute and no address of theirs, and no sign that turns the reading direction."""
    report = _with_attacks(report_of(repo_id=f"a{ATTACK}/{ATTACK}"))
    cards = [kept(blobs, "card", b"one"), kept(blobs, LATER_CARD, f"one\n{ATTACK}".encode())]
    told(store, report, cards)
    store.cases.note(Note(CASE, "card", ATTACK, f"{CASE}:card:1", NOW + MINUTE), [])
    for path, page in made(store, blobs).items():
        assert "\u202e" not in page.decode()
        assert ".." not in path
        if path.endswith(".html"):
            found = Reader(page)
            assert found.tags <= TAGS
            assert not {name for name in found.attributes if name.startswith("on") or name == "src"}
            assert all(re.match(r"(\.\./)?[\w./-]*(#content)?$", link) for link in found.links)
            assert b"<script" not in page
            assert b"&gt; 49" not in page


def _with_attacks(value: Any, key: str = "") -> Any:
    """Replace each text of a report that an uploader might have chosen."""
    ours = {"finding", "strength", "said", "audience", "disclosure", "case", "state", "checked_at", "weights_at"}
    if isinstance(value, dict):
        return {k: v if k == "suspect" else _with_attacks(v, k) for k, v in value.items()}
    if isinstance(value, list):
        return [_with_attacks(one, key) for one in value]
    return ATTACK if isinstance(value, str) and key not in ours else value


def test_a_huge_name_does_not_make_a_huge_page(store: Store, blobs: Blobs) -> None:
    """Names are cut, and so are lists."""
    report = report_of(repo_id="a/" + "x" * 100_000)
    report["claims"] *= 2000
    report["components"] *= 2000
    report["profile"] = [{**point, "layer": n} for n in range(500) for point in report["profile"]]
    told(store, report)
    assert len(page_of(store, blobs)) < 200_000


def test_no_word_of_a_gated_repository_is_shown(store: Store, blobs: Blobs) -> None:
    """Not on its page, not in its report, and not in a list."""
    report = report_of(why="secret words")
    report["claims"][0]["quote"] = report["parents"][0]["quote"] = report["components"][0]["name"] = "secret words"
    told(store, report, [kept(blobs, "card", b"secret words", gated=True), kept(blobs, LATER_CARD, b"secret words 2")])
    pages = made(store, blobs)
    assert not [path for path, page in pages.items() if b"secret" in page]
    assert "This repository is gated." in pages[f"cases/{CASE}.html"].decode()


def test_a_card_that_changed_is_shown_as_a_diff(store: Store, blobs: Blobs) -> None:
    """The first card that was kept stands beside the last one."""
    cards = [("card", b"a\nold line\nz"), (LATER_CARD, b"in between"), (LATER_CARD, b"a\nnew line\nz")]
    told(store, report_of(), [kept(blobs, kind, text) for kind, text in cards])
    page = page_of(store, blobs)
    assert "<ins>new line</ins>" in page
    assert "<del>old line</del>" in page
    assert "in between" not in page


def test_the_cell_comes_from_the_kept_evidence(store: Store, blobs: Blobs) -> None:
    """A page whose evidence is gone is made without it."""
    parents = (known(BASE, base_weights(), "base"), known(RELEASE, release_weights(1), declares=[BASE]))
    seen = Compared(case(two({RELEASE: 0.6, BASE: 0.4}), parents).suspect, parents)
    evidence = to_bytes(Evidence(Disclosure("a" * 40), None, "", 2, seen))
    report = report_of()
    for parent, name in zip(report["parents"], (RELEASE, BASE), strict=True):
        parent["repo_id"] = name
    upload_id = told(store, report, [kept(blobs, "verdict", evidence)])
    page = page_of(store, blobs)
    assert "One weight inside its rounding cell" in page
    assert "<desc" in page
    store.cases.keep(upload_id, [KeptFile("verdict", "0" * 64, 1, False, NOW)])
    assert "Inside a cell" not in page_of(store, blobs)


def test_a_withdrawn_case_says_so_first(store: Store, blobs: Blobs) -> None:
    """Its parents are not listed any more, and the reason is."""
    told(store, report_of())
    store.cases.note(Note(CASE, "retracted", "we misread it", f"{CASE}:retracted:", NOW), [], retract=True)
    pages = made(store, blobs)
    page = pages[f"cases/{CASE}.html"].decode()
    assert "we misread it" in page
    assert "What it is made of" not in page
    assert path_of("parents", NAMES[1]) not in pages


def test_the_policy_allows_the_sheet_of_the_page_alone(store: Store, blobs: Blobs) -> None:
    """It stands in every page, and no style attribute needs more."""
    told(store, report_of())
    for path, page in made(store, blobs).items():
        if path.endswith(".html"):
            assert policy().replace("'", "&#39;") in page.decode()
            assert f"<style>{style()}</style>" in page.decode()
            assert {"style", "onclick"}.isdisjoint(Reader(page).attributes)


def cleared(store: Store, **changes: Any) -> str:
    """Publish a clearance of a model that was drawn apart."""
    parents = [known(BASE, base_weights(), "base"), known(RELEASE, release_weights(1)), known(OTHER, base_weights(9))]
    suspect = case(base_weights(5), []).suspect
    report = report_of(repo_id="drift/Own-7B", finding="unrelated", audience="none", alert=False) | changes
    return publish(store, report, suspect, parents, NOW).id


def test_a_clearance_shows_the_scale_and_the_conventions(store: Store, blobs: Blobs) -> None:
    """An independent model is at chance, a release beside its base is not."""
    key = cleared(store)
    page = made(store, blobs)[f"clearances/{key}.html"].decode()
    assert "agree with those of the compared models at chance" in page
    assert "Conventions, which are no evidence" in page
    (one,) = public_clearances(store)
    pairs = one.report["compared"]["related"]
    assert pairs[0]["matrices"] > 0.5
    assert all(abs(each["matrices"]) <= each["chance"] for each in one.report["compared"]["agreements"])
    assert withdraw_all(store, "DRIFT/Own-7B") == 1
    assert public_clearances(store) == []


@pytest.mark.parametrize("changes", [{"finding": "blend"}, {"finding": "inconclusive"}, {"audience": "reviewers"}])
def test_what_found_something_is_not_cleared(store: Store, changes: dict[str, str]) -> None:
    """Nor what could not be compared."""
    with pytest.raises(NoClearance, match="only an unrelated upload is cleared"):
        cleared(store, **changes)


def test_a_clearance_ends_where_a_case_or_a_gate_begins(store: Store) -> None:
    """A gated repository is refused from the start, too."""
    cleared(store)
    told(store, report_of(repo_id="drift/Own-7B"))
    assert public_clearances(store) == []
    store.cases.note(Note(CASE, "retracted", "wrong", f"{CASE}:retracted:", NOW), [], retract=True)
    assert len(public_clearances(store)) == 1
    store.record("feed", [replace(event("drift/Own-7B", hub_id="h", revision="9" * 40), gated=True)], None, NOW)
    assert public_clearances(store) == []
    with pytest.raises(NoClearance, match="gated"):
        cleared(store)
