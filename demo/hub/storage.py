"""Second host of the loopback Hub: signed addresses that expire, and one range a request."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from aiohttp import web

from demo.hub.faults import DRIP_BYTES, Fault
from demo.hub.repository import Blob, BytesBlob, LoopbackRepo

CHUNK = 256 << 10  # bytes of a body sent at once
NO_FAULT = Fault()
FAULT = web.RequestKey("fault", Fault)


class Answered(Exception):
    """Raised by a helper of a handler: this is the answer, in place of the handler's own."""

    def __init__(self, answer: web.Response) -> None:
        super().__init__(answer.status)
        self.answer = answer


@dataclass(slots=True)
class _Grant:
    blob: Blob
    expires: float  # seconds on the monotonic clock
    uses: int


@dataclass(slots=True)
class SignedAddresses:
    """Addresses that serve one file for some seconds or some uses."""

    lifetime: float = 3600.0  # seconds
    uses: int = 1 << 60
    clock: Callable[[], float] = time.monotonic
    _grants: dict[str, _Grant] = field(default_factory=dict)
    _numbers: itertools.count[int] = field(default_factory=itertools.count)

    def sign(self, repo: LoopbackRepo, path: str) -> str:
        """Return a new address, without the host."""
        signature = f"s{next(self._numbers):08d}"
        self._grants[signature] = _Grant(repo.files[path], self.clock() + self.lifetime, self.uses)
        expires = int(time.time() + self.lifetime)
        where = f"/xet-bridge/{repo.hub_id}/{repo.sha256(path)}"
        return f"{where}?user_id=public&Expires={expires}&Signature={signature}&Key-Pair-Id=LOOPBACK"

    def forget(self) -> None:
        """Make every address given out so far run out at once."""
        self._grants.clear()

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """Serve the bytes of a signed address; 403 once it has expired."""
        grant = self._grants.get(request.query.get("Signature", ""))
        if grant is None or grant.expires < self.clock() or grant.uses <= 0:
            return web.Response(status=403, text="AccessDenied: the signature has expired")
        grant.uses -= 1
        return await send_blob(request, grant.blob)


async def send_blob(request: web.Request, blob: Blob, headers: dict[str, str] | None = None) -> web.StreamResponse:
    """Serve a file, or the one range asked for, with the faults planted for this request."""
    fault = request.get(FAULT, NO_FAULT)
    asked = _one_range(request.headers.get("Range"), blob.size)
    if asked is None or fault.whole:
        return await _send(request, 200, blob, (0, blob.size), headers or {})
    begin, end = asked
    if begin >= blob.size or begin >= end:
        return web.Response(status=416, headers={"Content-Range": f"bytes */{blob.size}"})
    says = f"bytes {begin + fault.shift}-{end - 1 + fault.shift}/{blob.size + fault.total}"
    return await _send(request, 206, blob, asked, {**(headers or {}), "Content-Range": says})


def _one_range(text: str | None, size: int) -> tuple[int, int] | None:
    """Parse a single range of bytes; None for none, for several, and for a malformed one: those get everything."""
    match = re.fullmatch(r"bytes=(\d+)-(\d*)", text or "")
    if not match:
        return None
    end = int(match[2]) + 1 if match[2] else size
    return int(match[1]), min(end, size)


async def _send(
    request: web.Request, status: int, blob: Blob, span: tuple[int, int], headers: dict[str, str]
) -> web.StreamResponse:
    fault = request.get(FAULT, NO_FAULT)
    begin, end = span
    length = end - begin + fault.extra
    answer = web.StreamResponse(status=status, headers={"Accept-Ranges": "bytes", **headers, **fault.headers})
    if fault.endless:
        answer.enable_chunked_encoding()
    else:
        answer.content_length = length
    await answer.prepare(request)
    if request.method == "HEAD":
        return answer
    await _send_body(answer, blob, begin, end, max(0, length - fault.cut), fault)
    if fault.cut and request.transport is not None:
        request.transport.close()
        return answer
    while fault.endless:
        await answer.write(bytes(CHUNK))
        await asyncio.sleep(0)
    await answer.write_eof()
    return answer


async def _send_body(answer: web.StreamResponse, blob: Blob, begin: int, end: int, length: int, fault: Fault) -> None:
    """Send `length` bytes: those from `begin` to `end`, then zeros."""
    sent = 0
    while sent < length:
        step = min(DRIP_BYTES if fault.drip else CHUNK, length - sent)
        part = blob.read(min(end, begin + sent), min(end, begin + sent + step))
        part += bytes(step - len(part))
        await answer.write(part)
        sent += step
        if fault.drip:
            fault.drip()
            await asyncio.sleep(0)


async def send_faulty(request: web.Request, answer: web.Response) -> web.StreamResponse:
    """Send a complete answer with its body cut short or dripping as planted."""
    blob = BytesBlob(answer.body if isinstance(answer.body, bytes) else b"")
    headers = {k: v for k, v in answer.headers.items() if k != "Content-Length"}
    return await _send(request, answer.status, blob, (0, blob.size), headers)
