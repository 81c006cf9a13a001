"""What can go wrong with one answer, and what can become of a repository while it is read."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Final

from bench.simulated import TIMEOUT, Moved
from demo.hub.faults import Fault, LoggedRequest
from demo.hub.repository import BytesBlob, LoopbackRepo
from demo.hub.server import LoopbackHub

FOREIGN = "http://foreign.invalid/x"  # a name that never resolves: who asks there has lost already
NEW_NAME = "renamed/Guanabara"

Spoil = Callable[[LoggedRequest, Moved, str], Fault]  # the last one: the address of a host on which somebody listens
Become = Callable[[LoopbackHub, str], None]


def _limit(seconds: int) -> Mapping[str, str]:
    return {"RateLimit": f'"api";r=0;t={seconds}', "RateLimit-Policy": '"fixed window";"api";q=1000;w=300'}


def _fixed(**values: object) -> Spoil:
    return lambda _seen, _moved, _trap: Fault(**values)  # type: ignore[arg-type]


def _expired(seen: LoggedRequest, _moved: Moved, _trap: str) -> Fault:
    stored = seen.path.startswith("/xet-bridge")
    return Fault(status=403, body=b"AccessDenied: the signature has expired") if stored else Fault(status=503)


def _circle(seen: LoggedRequest, _moved: Moved, _trap: str) -> Fault:
    return Fault(status=302, headers={"Location": f"{seen.path}?{seen.query}"})


def _trapped(seen: LoggedRequest, _moved: Moved, trap: str) -> Fault:
    return Fault(status=302, headers={"Location": f"{trap}{seen.path}"})


def _linked(_seen: LoggedRequest, _moved: Moved, trap: str) -> Fault:
    return Fault(headers={"Link": f'<{trap}/api/models?cursor=x>; rel="next"'})


def _dripping(_seen: LoggedRequest, moved: Moved, _trap: str) -> Fault:
    return Fault(drip=lambda: moved.sleep(4 * TIMEOUT))


ANSWERS: Final[Mapping[str, Spoil]] = {
    "429, RateLimit, 55 s": _fixed(status=429, headers=_limit(55)),
    "429, RateLimit, 280 s": _fixed(status=429, headers=_limit(280)),
    "429, Retry-After": _fixed(status=429, headers={"Retry-After": "30"}),
    "500": _fixed(status=500),
    "502": _fixed(status=502, body=b"<html>Bad Gateway</html>"),
    "503, Retry-After": _fixed(status=503, headers={"Retry-After": "20"}),
    "504": _fixed(status=504),
    "reset": _fixed(reset=True),
    "stall": _fixed(stall=1.6 * TIMEOUT),
    "slow drip": _dripping,
    "truncated": _fixed(cut=7),
    "a page of somebody else": _fixed(status=200, body=b"<html>Log in to the hotel's network</html>"),
    "200 for a range": _fixed(whole=True),
    "Content-Range of other bytes": _fixed(shift=8),
    "Content-Range of another size": _fixed(total=8),
    "fewer bytes than said": _fixed(extra=-3),
    "expired signature": _expired,
    "redirects in a circle": _circle,
    "redirect to no address": _fixed(status=302, headers={"Location": "http://[bad"}),
    "redirect to a foreign name": _fixed(status=302, headers={"Location": FOREIGN}),
    "redirect to a foreign host": _trapped,
    "next page at a foreign name": _fixed(headers={"Link": f'<{FOREIGN}>; rel="next"'}),
    "next page at a foreign host": _linked,
}


def _ranged(seen: LoggedRequest) -> bool:
    return seen.path.startswith("/xet-bridge") and seen.range is not None


def _bodied(seen: LoggedRequest) -> bool:
    return "/resolve/" not in seen.path  # there the loopback Hub only redirects, which has no body


def _listed(seen: LoggedRequest) -> bool:
    return seen.path == "/api/models"


SPOILS: Final[Mapping[str, Callable[[LoggedRequest], bool]]] = {
    "slow drip": _bodied,
    "truncated": _bodied,
    "200 for a range": _ranged,
    "Content-Range of other bytes": _ranged,
    "Content-Range of another size": _ranged,
    "fewer bytes than said": _ranged,
    "next page at a foreign name": _listed,
    "next page at a foreign host": _listed,
}  # the others spoil the answer of any request


def can_spoil(kind: str, seen: LoggedRequest) -> bool:
    """Whether the answer of a request is another one by this fault."""
    return kind not in SPOILS or SPOILS[kind](seen)


def _update(hub: LoopbackHub, name: str, **values: object) -> None:
    hub.add(replace(hub.repos[name], **values))  # type: ignore[arg-type]


def _edited(hub: LoopbackHub, name: str) -> None:
    old = hub.repos[name]
    files = {**old.files, "README.md": BytesBlob(old.files["README.md"].read(0, 1 << 20) + b"\nEdited.\n")}
    hub.add(replace(old, files=files, revision="", earlier=old))


def _forced(hub: LoopbackHub, name: str) -> None:
    """Another revision, and the old one is not there any more."""
    _edited(hub, name)
    hub.add(replace(hub.repos[name], earlier=None))


def _renamed(hub: LoopbackHub, name: str) -> None:
    old: LoopbackRepo = hub.repos[name]
    hub.add(replace(old, repo_id=NEW_NAME))
    _update(hub, name, renamed_to=NEW_NAME)


STATES: Final[Mapping[str, Become]] = {
    "a new revision": _edited,
    "a forced revision": _forced,
    "renamed": _renamed,
    "gated": lambda hub, name: _update(hub, name, gated="auto"),
    "disabled": lambda hub, name: _update(hub, name, disabled=True),
    "private": lambda hub, name: _update(hub, name, private=True),
}
KEEPS: Final = ("a new revision", "a forced revision", "renamed")  # after which the verdict is the same
