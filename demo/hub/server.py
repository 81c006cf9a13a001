"""A Hub on the loopback interface, with the addresses, redirects, headers, JSON shapes and faults of the real one.

It has two ports: one for the Hub, one for the storage of large files that it redirects to. `log` records every
request; `fault` sets what goes wrong with each.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import replace

from aiohttp import web

from demo.hub.discussions import Discussion
from demo.hub.faults import DRIP_SECONDS, Fault, FaultHook, LoggedRequest, RateLimit, bucket
from demo.hub.repository import LoopbackRepo
from demo.hub.routes import Routes
from demo.hub.storage import FAULT, Answered, SignedAddresses, send_faulty

PLACE = web.RequestKey("place", int)  # of a request in the log
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class LoopbackHub:
    """Serve repositories at `url` while the context is open. `repos` may change while it runs.

    `latency`: seconds that every answer takes longer. `url_lifetime` (seconds) and `url_uses` bound the
    signed addresses of large files. `clock` (seconds) is theirs and the rate limit's. `offers_headers`: whether
    headers of all shards can be had at once.
    """

    def __init__(
        self,
        repos: Iterable[LoopbackRepo] = (),
        *,
        offers_headers: bool = True,
        rate_limit: RateLimit | None = None,
        latency: float = 0.0,
        url_lifetime: float = 3600.0,
        url_uses: int = 1 << 60,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.repos = {r.repo_id: r for r in repos}
        self.discussions: dict[str, list[Discussion]] = {}  # by repository, the oldest first
        self.offers_headers = offers_headers
        self.rate_limit = rate_limit
        self.latency = latency
        self.fault: FaultHook | None = None
        self.log: list[LoggedRequest] = []
        self.signed = SignedAddresses(url_lifetime, url_uses, clock)
        self._clock = clock
        self.url = self.storage_url = ""
        self._used: dict[str, int] = {}
        self._window_began = 0.0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="loopback-hub", daemon=True)
        self._runners: list[web.AppRunner] = []

    def __enter__(self) -> LoopbackHub:
        self._thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self._start(), self._loop).result(10)
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def add(self, repo: LoopbackRepo) -> None:
        """Serve one more repository, or another state of one."""
        self.repos[repo.repo_id] = repo

    def seen(self, where: str = "", method: str | None = None) -> list[LoggedRequest]:
        """Return the requests so far whose path contains `where`, in order of arrival."""
        return [s for s in list(self.log) if where in s.path and method in (None, s.method)]

    async def _start(self) -> None:
        storage = web.Application(middlewares=[self._around])
        storage.router.add_get("/{path:.*}", self.signed.serve)
        self.storage_url = await self._listen(storage)
        hub = web.Application(middlewares=[self._around])
        Routes(self).add_to(hub)
        self.url = await self._listen(hub)

    async def _listen(self, app: web.Application) -> str:
        app.on_response_prepare.append(self._note_status)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1, handler_cancellation=True)
        self._runners.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}"

    async def _stop(self) -> None:
        for runner in self._runners:
            await runner.cleanup()
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)
        await self._loop.shutdown_asyncgens()

    @web.middleware
    async def _around(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Record the request, plant its fault, keep the rate limit, answer."""
        request[PLACE] = len(self.log)
        seen = _logged(request)
        self.log.append(seen)
        fault = (self.fault(seen) if self.fault else None) or Fault()
        request[FAULT] = fault
        if self.latency + fault.stall:
            await asyncio.sleep(self.latency + fault.stall)
        if fault.reset:
            return _reset(request)
        if fault.forever is not None:
            await _send_for_ever(request, *fault.forever, fault.drip)
        answer = self._over_limit(seen) or _planted(fault) or await _answered(request, handler)
        if not answer.prepared:
            for name, value in {**self._limit_headers(seen), **fault.headers}.items():
                answer.headers[name] = value
            if (fault.cut or fault.drip) and isinstance(answer, web.Response):
                answer = await send_faulty(request, answer)
        return answer

    async def _note_status(self, request: web.Request, answer: web.StreamResponse) -> None:
        """Record a status before any byte of it is sent, so that a client with an answer finds it here."""
        if not request[FAULT].reset:
            place = request[PLACE]
            self.log[place] = replace(self.log[place], status=answer.status)

    def _over_limit(self, seen: LoggedRequest) -> web.StreamResponse | None:
        """Count the request; 429 where its window is used up."""
        if self.rate_limit is None or seen.host not in self.url:
            return None
        if self._clock() - self._window_began > self.rate_limit.window:
            self._window_began, self._used = self._clock(), {}
        name = bucket(seen.path)
        self._used[name] = self._used.get(name, 0) + 1
        if self._used[name] <= self._quota(name):
            return None
        return web.Response(status=429, text="Too Many Requests")

    def _limit_headers(self, seen: LoggedRequest) -> dict[str, str]:
        if self.rate_limit is None or seen.host not in self.url:
            return {}
        name = bucket(seen.path)
        left = max(0, self._quota(name) - self._used.get(name, 0))
        resets = max(0, round(self._window_began + self.rate_limit.window - self._clock()))
        policy = f'"fixed window";"{name}";q={self._quota(name)};w={self.rate_limit.window}'
        return {"RateLimit": f'"{name}";r={left};t={resets}', "RateLimit-Policy": policy}

    def _quota(self, name: str) -> int:
        limit = self.rate_limit or RateLimit()
        return limit.resolvers if name == "resolvers" else limit.api


def _logged(request: web.Request) -> LoggedRequest:
    return LoggedRequest(
        method=request.method,
        path=request.rel_url.raw_path,
        query=request.rel_url.raw_query_string,
        host=request.host,
        authorization=request.headers.get("Authorization"),
        cookie=request.headers.get("Cookie"),
        range=request.headers.get("Range"),
    )


def _reset(request: web.Request) -> web.StreamResponse:
    """Close the connection at once, without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response(status=500)


async def _send_for_ever(request: web.Request, first: bytes, again: bytes, drip: Callable[[], None] | None) -> None:
    """Send bytes that need not be HTTP until the client hangs up."""
    part = first
    while request.transport is not None and not request.transport.is_closing():
        request.transport.write(part)
        part = again
        if drip is not None:
            drip()
        await asyncio.sleep(DRIP_SECONDS)


def _planted(fault: Fault) -> web.StreamResponse | None:
    if fault.status is None and fault.body is None:
        return None
    return web.Response(status=fault.status or 200, body=fault.body or b"")


async def _answered(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except Answered as early:
        return early.answer
    except web.HTTPException as error:  # aiohttp's own 404 and 405
        return web.Response(status=error.status, text=error.reason)
