"""Hosts that may get requests, and the one that may get the token."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from urllib.parse import urlsplit

from bot.hub.http.hub_client import httpx

STORAGE_SUFFIXES = (".hf.co", ".huggingface.co")
PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class Hosts:
    """The Hub's own origin, and the hosts that it may redirect to for the bytes of large files."""

    endpoint: str  # without a slash at the end
    origin: Origin

    @classmethod
    def of(cls, endpoint: str) -> Hosts:
        """Return the hosts of an endpoint; ValueError if it is not a plain http or https address."""
        parts = urlsplit(endpoint)
        if parts.scheme not in PORTS or not parts.hostname or parts.username or parts.query:
            raise ValueError("The Hub's endpoint must be an http or https address without a user and a query.")
        origin = (parts.scheme, parts.hostname.lower(), parts.port or PORTS[parts.scheme])
        return cls(endpoint.rstrip("/"), origin)

    @property
    def loopback(self) -> bool:
        """Return True if the Hub runs on this machine."""
        return _is_loopback(self.origin[1])

    def is_home(self, url: httpx.URL) -> bool:
        """Return True for the Hub itself, which alone gets the token."""
        return _origin(url) == self.origin

    def is_storage(self, url: httpx.URL) -> bool:
        """Return True if the Hub may redirect there for a file.

        A Hub behind https stores files on the known hosts or itself. A plain one, as of a mirror, stores them itself;
        on this machine, as in a test, on its own host at any port. So no answer can direct requests to another service
        of this machine or its network.
        """
        origin = scheme, host, port = _origin(url)
        public = scheme == self.origin[0] == "https" and port == PORTS[scheme] and host.endswith(STORAGE_SUFFIXES)
        beside = self.loopback and (scheme, host) == self.origin[:2]
        return origin == self.origin or public or beside


def _origin(url: httpx.URL) -> Origin:
    return url.scheme, url.host.lower(), url.port or PORTS.get(url.scheme, 0)


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
