"""The site's addresses for machines: the API, feeds and badges, over HTTP and as files for a static host.

Everything is read-only, for everybody, from any page. No answer depends on who asks.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from bot.alerts.sentences import REPO_ID
from bot.config.errors import in_words
from bot.site import badge, feeds
from bot.site.api_models import NAME_LENGTH, CasePage, ModelRecord, Problem, detail_of, summary_of
from bot.site.openapi import openapi
from bot.site.paths import API
from bot.site.published import PublishedCase
from bot.site.queries import Filters, page
from bot.text.sanitize import visible
from state.errors import StateError

JSON: Final = "application/json; charset=utf-8"
SVG: Final = "image/svg+xml; charset=utf-8"
FRESH_SECONDS: Final = 5.0  # for which cases that were read are answered with
ENDING: Final = ".json"  # of the files for a static host; their addresses are answered, too
METHODS: Final = "GET, HEAD, OPTIONS"
HEADERS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "ETag, Link",
    "Cache-Control": "public, max-age=60",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'",
}
_TAG = re.compile(r'"[^"]*"')

Source = Callable[[], Sequence[PublishedCase]]
Answer = tuple[bytes, str, dict[str, str]]  # body, media type, further headers


class Absent(Exception):
    """There is nothing at this address; the text says what is not there."""


@dataclass(slots=True)
class Api:
    """Answers requests. `source` reads the published cases, and may block; `agrees`: see bot.site.badge."""

    source: Source
    home: str = ""
    agrees: badge.Agrees = badge.nobody
    clock: Callable[[], float] = time.monotonic
    _cases: Sequence[PublishedCase] = ()
    _read_at: float | None = None
    _feeds: dict[str, bytes] = field(default_factory=dict)  # of these cases, by their paths
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def cases(self) -> Sequence[PublishedCase]:
        """Return the published cases, read at most every FRESH_SECONDS. Raises StateError."""
        async with self._reading:
            if self._read_at is None or self.clock() - self._read_at >= FRESH_SECONDS:
                found = await asyncio.to_thread(self.source)
                self._read_at = self.clock()
                if found != self._cases:
                    self._cases, self._feeds = found, {}
            return self._cases

    async def list(self, request: web.Request) -> Answer:
        """Answer with one page of cases."""
        asked = {name: request.query.getall(name)[-1] for name in request.query}
        wish = Filters.model_validate(asked)
        found, cursor = page(await self.cases(), wish)
        body = CasePage(cases=[summary_of(case) for case in found], next=cursor)
        following = str(request.rel_url.update_query({"cursor": cursor})) if cursor else ""
        return _json(body), JSON, {"Link": f'<{following}>; rel="next"'} if cursor else {}

    async def case(self, request: web.Request) -> Answer:
        """Answer with one case."""
        case_id = request.match_info["id"].removesuffix(ENDING)
        found = next((case for case in await self.cases() if case.id == case_id), None)
        if found is None:
            raise Absent("there is no published case with this id")
        return _json(detail_of(found)), JSON, {}

    async def model(self, request: web.Request) -> Answer:
        """Answer with the cases that name one model."""
        name = f"{request.match_info['org']}/{request.match_info['name']}"
        cases = await self.cases()
        record = record_of(name, cases) or record_of(name.removesuffix(ENDING), cases)
        if record is None:
            raise Absent("no published case names this model")
        return _json(record), JSON, {}

    async def description(self, _: web.Request) -> Answer:
        """Answer with the API's own description."""
        return openapi(self.home), JSON, {}

    async def feed(self, request: web.Request) -> Answer:
        """Answer with one feed."""
        path, dot, ending = request.path.lstrip("/").rpartition(".")
        make, kind = feeds.FORMATS.get(f"{dot}{ending}", (None, ""))
        cases, made = await self.cases(), self._feeds
        if request.path not in made:
            found = feeds.feeds_of(cases).get(path)
            if found is None or make is None:
                raise Absent("there is no such feed")
            made[request.path] = await asyncio.to_thread(make, found, self.home)
        return made[request.path], kind, {}

    async def badge(self, request: web.Request) -> Answer:
        """Answer with a model's badge."""
        name = f"{request.match_info['org']}/{request.match_info['name']}"
        if REPO_ID.fullmatch(name):
            standing = await asyncio.to_thread(badge.standing_of, name, await self.cases(), self.agrees)
            if standing is not None:
                return badge.svg(standing), SVG, {}
        raise Absent("there is no badge for this model")

    def mount(self, app: web.Application) -> None:
        """Let an application answer at every address of ours."""
        for path, answer in (
            (f"/{API}/cases", self.list),
            (f"/{API}/cases{ENDING}", self.list),
            (f"/{API}/cases/{{id}}", self.case),
            (f"/{API}/models/{{org}}/{{name}}", self.model),
            (f"/{API}/openapi.json", self.description),
            ("/feeds/{path:.*}", self.feed),
            ("/badges/{org}/{name}.svg", self.badge),
            ("/api/{path:.*}", _nothing),
        ):
            app.router.add_route("*", path, _handled(answer))


def routes(app: web.Application, source: Source, home: str = "", agrees: badge.Agrees = badge.nobody) -> None:
    """Let an application answer for API, feeds and badges; see Api."""
    Api(source, home, agrees).mount(app)


def files(cases: Sequence[PublishedCase], home: str = "") -> Iterator[tuple[str, bytes]]:
    """Return the path and content of each file for a static host: what the API answers without a question."""
    yield f"{API}/openapi.json", openapi(home)
    whole = CasePage(cases=[summary_of(case) for case in page(cases, Filters())[0]], next=None)
    every = [summary_of(case) for case in sorted(cases, key=lambda case: (-case.opened_at.timestamp(), case.id))]
    yield f"{API}/cases.json", _json(whole.model_copy(update={"cases": every}))
    for case in cases:
        yield f"{API}/cases/{case.id}.json", _json(detail_of(case))
    naming: dict[str, list[PublishedCase]] = {}
    for case in cases:
        for name in {case.upload.repo_id.lower(), *(parent.repo_id.lower() for parent in case.parents)}:
            naming.setdefault(name, []).append(case)
    for name, some in naming.items():
        record = record_of(name, some) if REPO_ID.fullmatch(name) else None
        if record is not None:
            yield f"{API}/models/{name}.json", _json(record)
    yield from chain(feeds.files(cases, home), badge.files(cases))


def record_of(name: str, cases: Sequence[PublishedCase]) -> ModelRecord | None:
    """Return the cases that name a model; None where none does. A withdrawn case names its upload alone."""
    key = name.lower()
    about = [case for case in cases if case.upload.repo_id.lower() == key]
    made = [case for case in cases if not case.withdrawn and key in {p.repo_id.lower() for p in case.parents}]
    spelled = [case.upload.repo_id for case in about] + [p.repo_id for case in made for p in case.parents]
    repo_id = next((one for one in spelled if one.lower() == key), None)
    if repo_id is None:
        return None
    shown = visible(repo_id, NAME_LENGTH)
    return ModelRecord(repo_id=shown, cases=[*map(summary_of, about)], parent_of=[*map(summary_of, made)])


async def _nothing(_: web.Request) -> Answer:
    raise Absent("there is nothing at this address")


def _handled(answer: Callable[[web.Request], Awaitable[Answer]]) -> Callable[[web.Request], Awaitable[web.Response]]:
    """Return a handler of all methods: only reading is answered, and every failure is JSON."""

    async def handle(request: web.Request) -> web.Response:
        if request.method not in ("GET", "HEAD"):
            return _not_read(request.method)
        try:
            body, kind, further = await answer(request)
        except (Absent, StateError, ValidationError) as error:
            return _refusal(error)
        return _answered(request, body, kind, further)

    return handle


def _not_read(method: str) -> web.Response:
    """Answer a request that is none to read something."""
    if method != "OPTIONS":
        return _refused(405, f"only {METHODS} are answered", {"Allow": METHODS})
    allowed = {"Allow": METHODS, "Access-Control-Allow-Methods": METHODS, "Access-Control-Max-Age": "86400"}
    return web.Response(status=204, headers=HEADERS | allowed | {"Access-Control-Allow-Headers": "If-None-Match"})


def _refusal(error: Absent | StateError | ValidationError) -> web.Response:
    """Answer with what is wrong, in JSON."""
    match error:
        case ValidationError():
            return _refused(400, "; ".join(map(_wrong, error.errors(include_input=False, include_url=False))))
        case StateError():
            return _refused(503, "the database does not answer", {"Retry-After": "60"})
        case _:
            return _refused(404, str(error))


def _answered(request: web.Request, body: bytes, kind: str, further: dict[str, str]) -> web.Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = HEADERS | further | {"ETag": etag, "Content-Type": kind}
    known = request.headers.get("If-None-Match", "")
    if known.strip() == "*" or etag in _TAG.findall(known):
        return web.Response(status=304, headers=HEADERS | {"ETag": etag})
    return web.Response(body=body, headers=headers)


def _refused(status: int, why: str, further: dict[str, str] | None = None) -> web.Response:
    headers = HEADERS | {"Content-Type": JSON, "Cache-Control": "no-store"} | (further or {})
    return web.Response(status=status, body=_json(Problem(error=why)), headers=headers)


def _wrong(detail: ErrorDetails) -> str:
    """Return what is wrong with a parameter; no text of a request is repeated."""
    name = str(detail["loc"][0])
    if name == "cursor":
        return "cursor: this is none that a page gave"
    return f"{name}: {in_words(detail)}" if name in Filters.model_fields else "there is a parameter that is not known"


def _json(value: BaseModel) -> bytes:
    return value.model_dump_json().encode() + b"\n"
