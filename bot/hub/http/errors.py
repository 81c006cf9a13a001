"""What the Hub answers when it does not give what was asked for, in our words. Nowhere else.

Two kinds of Unavailable know more than their public name says:

Transient    may go well if asked again at once; the only kind that is retried
Refused      we do not ask there at all
"""

from __future__ import annotations

import socket
import ssl
import unicodedata
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from bot.hub.http.library import RateLimitInfo, httpx, parse_ratelimit_headers
from bot.sources.interface import Disabled, Gated, Missing, SourceError, Unavailable

DISABLED = "Access to this resource is disabled."
BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105  # the Hub's own sentence
LEGAL = 451
LONGEST_AWAY = 3600  # seconds that a Hub is believed to send us away for; its windows are of 300
MOST_QUOTA = 1_000_000_000  # requests in a window, beyond which a number says nothing


class Transient(Unavailable):
    """It may go well if it is asked again at once."""


class Refused(Unavailable):
    """A host that we do not talk to."""


class NoSuchFile(Missing):
    """The repository is there, the file is not."""


class NoSuchAddress(Missing):
    """The Hub does not say what is missing: it may not know the address at all."""


def failure(status: int, headers: httpx.Headers, repo_id: str, what: str) -> SourceError:
    """The error for an answer that is no success. `what` is the thing asked for, as in "its config.json"."""
    code, message = headers.get("X-Error-Code", ""), headers.get("X-Error-Message", "")
    return _told(code, message, repo_id or what, what) or _by_status(status, headers, repo_id, what)


def _told(code: str, message: str, name: str, what: str) -> SourceError | None:
    """What the Hub says in so many words; None if it says nothing that we know."""
    told = {
        "GatedRepo": Gated(f"{name} is gated: its files are only for those whom its owner lets in."),
        "RepoNotFound": Missing(f"{name} is deleted, private or was never there."),
        "RevisionNotFound": Missing(f"{name} has no such revision as was asked for."),
        "EntryNotFound": NoSuchFile(f"{name} has no such file: {what}."),
        DISABLED: Disabled(f"{name} has been disabled by the Hub."),
        BAD_TOKEN: Unavailable("The Hub does not accept the token: make a new one, or take HF_TOKEN away."),
    }
    return told.get(code) or told.get(message)


def _by_status(status: int, headers: httpx.Headers, repo_id: str, what: str) -> SourceError:
    name, asked = repo_id or what, f"{what} of {repo_id}" if repo_id else what
    if status in (408, 429) or status >= 500:
        return Transient(f"The Hub answered {status} when asked for {asked}.", retry_after(status, headers))
    if status == LEGAL:
        return Disabled(f"{name} has been disabled by the Hub.")
    if status in (401, 410):
        return Missing(f"{name} is deleted, private or was never there.")
    if status in (404, 405):
        return NoSuchAddress(f"{name} is deleted, private or was never there.")
    message = printable(headers.get("X-Error-Message", ""))
    return Unavailable(f"The Hub answered {status} when asked for {asked}{': ' if message else ''}{message}.")


def no_connection(error: BaseException, url: httpx.URL, *, direct: bool) -> str:
    """Say why there is no connection for an address, and what to look at. `direct`: no proxy stands in between."""
    chain = [error]
    while cause := chain[-1].__cause__ or chain[-1].__context__:
        chain.append(cause)
    proxy = "" if direct or proxy_bypass(url.host) else getproxies().get(url.scheme, "")
    host = urlsplit(proxy).netloc.rpartition("@")[2] if proxy else url.netloc.decode()
    name, look = (f"the proxy {host}", f"{url.scheme.upper()}_PROXY") if proxy else (host, "HF_ENDPOINT")
    if any(isinstance(each, httpx.ProxyError) for each in chain):
        return f"{name} does not let it through; look at {look}"
    if any(isinstance(each, socket.gaierror) for each in chain):
        return f"the name of {name} was not found (DNS); look at the network and at {look}"
    if any(isinstance(each, ConnectionRefusedError) for each in chain):
        return f"{name} refused it; look at {look}"
    if tls := next((each for each in chain if isinstance(each, ssl.SSLError)), None):
        return f"{name} did not prove who it is (TLS: {printable(tls.reason or 'no reason given')}); look at {look}"
    return f"{name} gave none ({type(error).__name__}); look at the network and at {look}"


def retry_after(status: int, headers: httpx.Headers) -> float | None:
    """Seconds after which the Hub wants to be asked again, an hour at most; None if it does not say."""
    if status == 429:
        limit = rate_limit(headers)
        if limit is not None and limit.remaining == 0:
            return float(limit.reset_in_seconds)
    said = headers.get("Retry-After", "").strip()
    return min(float(said), LONGEST_AWAY) if said.isdecimal() and len(said) < 9 else None


def rate_limit(headers: httpx.Headers) -> RateLimitInfo | None:
    """How much is left of which quota, and until when, an hour at most; None if no headers say so sensibly.

    Of several quotas: of those that are used up the one that comes back first, else the one with the least left.
    """
    policies = headers.get("RateLimit-Policy", "").split(",")
    each = [_quota(said, policies) for said in headers.get("RateLimit", "").split(",")]
    return min(filter(None, each), key=lambda q: (q.remaining > 0, q.remaining, q.reset_in_seconds), default=None)


def _quota(said: str, policies: Sequence[str]) -> RateLimitInfo | None:
    name = said.partition(";")[0].strip()
    policy = next((p for p in policies if name in p), "")
    try:
        found = parse_ratelimit_headers({"ratelimit": said, "ratelimit-policy": policy})
    except ValueError:  # a number of thousands of digits
        return None
    if found is None or max(found.remaining, found.limit or 0) > MOST_QUOTA:
        return None
    return replace(found, reset_in_seconds=min(found.reset_in_seconds, LONGEST_AWAY))


def said_at(headers: httpx.Headers) -> datetime | None:
    """The Hub's clock as it answered (UTC, to the second); None if it did not say."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def printable(text: str, limit: int = 120) -> str:
    """Somebody else's text, fit for a log: no control characters, not long."""
    return "".join(c for c in text[: 4 * limit] if not unicodedata.category(c).startswith("C"))[:limit]
