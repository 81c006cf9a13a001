"""Turn failed answers of the Hub into SourceErrors with our own sentences.

Two kinds of Unavailable are more specific than their public name:

Transient    may succeed at once on another try; the only kind that is retried
Refused      a host that gets no request from us
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

from bot.hub.http.hub_client import RateLimitInfo, httpx, parse_ratelimit_headers
from bot.sources.interface import Disabled, Gated, Missing, SourceError, Unavailable

DISABLED = "Access to this resource is disabled."
BAD_TOKEN = "Invalid credentials in Authorization header"  # noqa: S105  # the Hub's own sentence
LEGAL = 451
LONGEST_AWAY = 3600  # seconds of `Retry-After` that are believed at most; the Hub's windows last 300
MOST_QUOTA = 1_000_000_000  # requests in a window; a larger number is not believed


class Transient(Unavailable):
    """Another try may succeed at once."""


class Refused(Unavailable):
    """A host that gets no request from us."""


class NoSuchFile(Missing):
    """The repository exists and the file does not."""


class NoSuchAddress(Missing):
    """The Hub does not say what is missing; it may not know the address at all."""


def failure(status: int, headers: httpx.Headers, repo_id: str, what: str) -> SourceError:
    """Return the error for a failed answer. `what`: the requested thing, as in "its config.json"."""
    code, message = headers.get("X-Error-Code", ""), headers.get("X-Error-Message", "")
    return _by_code(code, message, repo_id or what, what) or _by_status(status, headers, repo_id, what)


def _by_code(code: str, message: str, name: str, what: str) -> SourceError | None:
    """Return the error for the Hub's error code or message; None for an unknown one."""
    known = {
        "GatedRepo": Gated(f"{name} is gated: its files are only for those whom its owner lets in."),
        "RepoNotFound": Missing(f"{name} is deleted, private or was never there."),
        "RevisionNotFound": Missing(f"{name} has no such revision as was asked for."),
        "EntryNotFound": NoSuchFile(f"{name} has no such file: {what}."),
        DISABLED: Disabled(f"{name} has been disabled by the Hub."),
        BAD_TOKEN: Unavailable("The Hub does not accept the token: make a new one, or take HF_TOKEN away."),
    }
    return known.get(code) or known.get(message)


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
    """Say why a connection to an address failed, and what to check. `direct`: without a proxy."""
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
    """Return the seconds after which the Hub allows another try, an hour at most; None if not given."""
    if status == 429:
        limit = rate_limit(headers)
        if limit is not None and limit.remaining == 0:
            return float(limit.reset_in_seconds)
    said = headers.get("Retry-After", "").strip()
    return min(float(said), LONGEST_AWAY) if said.isdecimal() and len(said) < 9 else None


def rate_limit(headers: httpx.Headers) -> RateLimitInfo | None:
    """Return the rest of a quota and its reset, an hour at most; None without sensible headers.

    Of several quotas: the first used-up one to reset, else the one with the least left.
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
    """Return the Hub's clock at the answer (UTC, to the second); None if not given."""
    try:
        return parsedate_to_datetime(headers.get("Date", "")).astimezone(UTC)
    except (ValueError, TypeError, OverflowError):
        return None


def printable(text: str, limit: int = 120) -> str:
    """Return untrusted text for a log: without control characters, `limit` characters at most."""
    return "".join(c for c in text[: 4 * limit] if not unicodedata.category(c).startswith("C"))[:limit]
